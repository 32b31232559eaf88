using System.Text.Encodings.Web;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Compression;
using Winnow.Data.Corpus;

namespace Winnow.Studies.Works;

/// <summary>Where the outputs of steps keep what other steps read.</summary>
internal static class StudyFiles
{
    internal const string TrainFolder = "train", TestFolder = "test", ReferenceFolder = "reference";

    internal static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    internal static string TestFile(string prepared, string name) => Path.Combine(prepared, TestFolder, name + ".jsonl.zst");

    internal static string ReferenceFile(string prepared, string name) => Path.Combine(prepared, ReferenceFolder, name + ".jsonl.zst");

    /// <summary>The inputs of a corpus of the study: <c>train</c>, or a reference corpus's name.</summary>
    internal static string CorpusInput(string prepared, string corpus) =>
        corpus == "train" ? Path.Combine(prepared, TrainFolder) : ReferenceFile(prepared, corpus);

    internal static CorpusReader OpenCorpus(string prepared, string corpus) =>
        CorpusReader.Open([CorpusInput(prepared, corpus)], new CorpusOptions { KeepRecords = false });

    internal static T Read<T>(string file) =>
        JsonSerializer.Deserialize<T>(File.ReadAllBytes(file), Json) ?? throw new CorpusException(file, "holds null");

    internal static void Write<T>(string file, T value) => File.WriteAllBytes(file, JsonSerializer.SerializeToUtf8Bytes(value, Json));
}

/// <summary>Writes documents as JSON lines of id, source and text, zstd-compressed.</summary>
internal sealed class PlainDocumentWriter : IDisposable
{
    private readonly Stream _stream;
    private readonly MemoryStream _line = new();
    private readonly Utf8JsonWriter _json;

    internal PlainDocumentWriter(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        _stream = CompressedStream.Write(File.Create(path), CompressionKind.Zstd);
        _json = new Utf8JsonWriter(_line, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }

    /// <summary>Documents written.</summary>
    internal long Documents { get; private set; }

    /// <summary>UTF-8 bytes of their texts.</summary>
    internal long Bytes { get; private set; }

    internal void Write(Document document)
    {
        _line.SetLength(0);
        _json.Reset(_line);
        _json.WriteStartObject();
        _json.WriteString("id", document.Id);
        _json.WriteString("source", document.Source);
        _json.WriteString("text", document.Text.Span);
        _json.WriteEndObject();
        _json.Flush();
        _line.WriteByte((byte)'\n');
        _stream.Write(_line.GetBuffer(), 0, (int)_line.Length);
        Documents++;
        Bytes += document.Text.Length;
    }

    public void Dispose()
    {
        _json.Dispose();
        _stream.Dispose();
    }
}
