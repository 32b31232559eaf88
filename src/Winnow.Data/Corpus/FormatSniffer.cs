using Winnow.Data.Compression;

namespace Winnow.Data.Corpus;

/// <summary>Tells what a file is from its first bytes and its name.</summary>
internal static class FormatSniffer
{
    private const int HeadBytes = 4096;

    private static readonly HashSet<string> s_notCorpora = new(StringComparer.OrdinalIgnoreCase)
    {
        "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "config.json", "manifest.json", "tokenizer.json",
        "tokenizer_config.json", "README.txt", "LICENSE.txt",
    };

    /// <summary>Whether a file of this name stands beside corpora and is none.</summary>
    internal static bool IsNoCorpus(string name) => s_notCorpora.Contains(name);

    /// <summary>What a file is; null format when neither content nor name says.</summary>
    /// <param name="file">The file.</param>
    /// <param name="stored">Its bytes as stored; read from where they stand, not disposed.</param>
    internal static (CorpusFormat? Format, CompressionKind Compression) Sniff(InputFile file, Stream stored)
    {
        byte[] head = new byte[HeadBytes];
        int count = stored.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        CompressionKind compression = CompressedStream.Detect(head.AsSpan(0, count));
        CompressedStream.RequireSame(file.Path, compression, count);
        ReadOnlySpan<byte> content = compression == CompressionKind.None ? head.AsSpan(0, count) : Decompress(file, head.AsSpan(0, count), compression);
        return (FromContent(content) ?? FromName(file, content), compression);
    }

    private static CorpusFormat? FromContent(ReadOnlySpan<byte> content)
    {
        if (content.StartsWith("PAR1"u8)) return CorpusFormat.Parquet;
        if (content.StartsWith("WARC/1."u8)) return CorpusFormat.Warc;
        if (TokenLayout.Of(content).HeaderBytes > 0) return CorpusFormat.Tokens;
        return null;
    }

    private static CorpusFormat? FromName(InputFile file, ReadOnlySpan<byte> content)
    {
        string name = Path.GetFileName(file.Path);
        if (CompressedStream.FromName(name) != CompressionKind.None) name = Path.GetFileNameWithoutExtension(name);
        bool startsObject = content.TrimStart("\uFEFF \t\r\n"u8).StartsWith("{"u8);
        if (!file.IsExplicit && s_notCorpora.Contains(name)) return null;
        return Path.GetExtension(name).ToLowerInvariant() switch
        {
            ".jsonl" or ".ndjson" => CorpusFormat.Jsonl,
            ".json" => file.IsExplicit || startsObject ? CorpusFormat.Jsonl : null,
            ".txt" or ".text" => CorpusFormat.Text,
            ".md" or ".rst" when file.IsExplicit => CorpusFormat.Text,
            ".xml" => content.IndexOf("<doc"u8) >= 0 ? CorpusFormat.XmlDocumentation : null,
            ".parquet" => CorpusFormat.Parquet,
            ".warc" or ".wet" => CorpusFormat.Warc,
            ".csv" => CorpusFormat.Csv,
            ".tsv" => CorpusFormat.Tsv,
            ".bin" when file.IsExplicit => CorpusFormat.Tokens,
            "" => startsObject ? CorpusFormat.Jsonl : null,
            _ => startsObject && file.IsExplicit ? CorpusFormat.Jsonl : null,
        };
    }

    /// <summary>As much as the first bytes give; damage is found when the file is read.</summary>
    private static ReadOnlySpan<byte> Decompress(InputFile file, ReadOnlySpan<byte> head, CompressionKind compression)
    {
        byte[] content = new byte[HeadBytes];
        int count = 0;
        try
        {
            using Stream stream = CompressedStream.Read(new MemoryStream(head.ToArray()), compression, file.Path);
            for (int read; count < content.Length && (read = stream.Read(content.AsSpan(count))) > 0;) count += read;
        }
        catch (CorpusException e) when (e.Place.Length > 0)
        {
            // The end of the first bytes is not the end of the file.
        }
        return content.AsSpan(0, count);
    }
}
