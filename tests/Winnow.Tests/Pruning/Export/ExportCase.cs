using System.Runtime.InteropServices;
using System.Text;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;
using Winnow.Data.Parquet;
using Xunit;

namespace Winnow.Tests.Pruning.Export;

/// <summary>What tests of the export share: a directory of their own, inputs, and readers of what was written.</summary>
public abstract class ExportCase : IDisposable
{
    private protected readonly TemporaryDirectory _directory = new();

    public void Dispose()
    {
        _directory.Dispose();
        GC.SuppressFinalize(this);
    }

    protected IEnumerable<Document> Documents(string name) => CorpusReader.Open([_directory[name]], new CorpusOptions()).Read(0);

    protected static void WriteTable(string path, int rows)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using FileStream stream = File.Create(path);
        using ParquetWriter writer = new(stream, [ParquetColumn.String("text")], new ParquetWriterOptions());
        for (int row = 0; row < rows; row++)
        {
            writer[0].Add($"document {row}");
            writer.EndRow();
        }

        writer.Finish();
    }

    protected string Jsonl(string name, int documents, int seed)
    {
        Random random = new(seed);
        StringBuilder lines = new();
        for (int i = 0; i < documents; i++)
        {
            string words = string.Concat(Enumerable.Range(0, random.Next(1, 40)).Select(_ => random.Next(4) switch { 0 => "数据", 1 => "naïve ", 2 => "\\u00e9😀", _ => "word " }));
            string spaces = new(' ', random.Next(3));
            lines.Append($"{{{spaces}\"meta\": {{\"n\": {i}.50}}, \"id\":\"{name}-{i}\",{spaces} \"text\" : \"{words}\"}}{(random.Next(5) == 0 ? "\r\n" : "\n")}");
        }

        string path = _directory[name];
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using Stream stream = CompressedStream.Write(File.Create(path), CompressedStream.FromName(path));
        stream.Write(Encoding.UTF8.GetBytes(lines.ToString().TrimEnd()));
        return path;
    }

    /// <summary>The lines of a file, each with its end.</summary>
    protected static IEnumerable<string> Lines(string path)
    {
        if (!File.Exists(path)) return [];
        using StreamReader reader = new(CompressedStream.OpenRead(path), new UTF8Encoding(false));
        string text = reader.ReadToEnd();
        return text.Split('\n').Select((line, i) => i < text.Count(c => c == '\n') ? line + "\n" : line).Where(line => line.Length > 0);
    }

    /// <summary>The tokens of a uint16 shard.</summary>
    protected static int[] ReadTokens(string path)
    {
        byte[] content = File.ReadAllBytes(path);
        Assert.Equal((20240520, 1), (BitConverter.ToInt32(content), BitConverter.ToInt32(content, 4)));
        int[] tokens = [.. MemoryMarshal.Cast<byte, ushort>(content.AsSpan(1024)).ToArray().Select(id => (int)id)];
        Assert.Equal(tokens.Length, BitConverter.ToInt32(content, 8));
        return tokens;
    }
}
