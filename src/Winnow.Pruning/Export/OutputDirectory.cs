using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;

namespace Winnow.Pruning.Export;

/// <summary>A directory that an export fills: the files under temporary names until they are whole, and last the list of them.</summary>
internal sealed class OutputDirectory
{
    private const string MarkerName = ".winnow-export.json";
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private readonly string _path;
    private readonly HashSet<string> _inputs;

    private OutputDirectory(string path, HashSet<string> inputs) => (_path, _inputs) = (path, inputs);

    /// <summary>Makes the directory ready; of an earlier export, <paramref name="force"/> removes the files.</summary>
    /// <exception cref="CorpusException">It is not empty.</exception>
    public static OutputDirectory Prepare(string path, bool force, CorpusReader corpus)
    {
        if (File.Exists(path)) throw new CorpusException(path, "a file, not a directory", "name another directory");
        Directory.CreateDirectory(path);
        if (Directory.EnumerateFileSystemEntries(path).Any())
        {
            if (!force) throw new CorpusException(path, "the output directory is not empty", "name another directory, or overwrite with `--force`");
            RemoveEarlier(path);
        }

        return new OutputDirectory(path, [.. corpus.Shards.Select(shard => Path.GetFullPath(shard.Path))]);
    }

    /// <summary>Where a file goes.</summary>
    /// <exception cref="CorpusException">An input lies there.</exception>
    public string PathOf(string name)
    {
        string path = Path.Combine(_path, name.Replace('/', Path.DirectorySeparatorChar));
        if (_inputs.Contains(Path.GetFullPath(path)))
            throw new CorpusException(path, "the output would replace an input", "name another directory");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    /// <summary>Writes the list of files: the export is whole.</summary>
    public void Complete(IReadOnlyList<ExportedFile> files) =>
        AtomicFile.Write(Path.Combine(_path, MarkerName), JsonSerializer.SerializeToUtf8Bytes(files, Json));

    private static void RemoveEarlier(string path)
    {
        string marker = Path.Combine(path, MarkerName);
        if (!File.Exists(marker)) return;
        try
        {
            foreach (ExportedFile file in JsonSerializer.Deserialize<ExportedFile[]>(File.ReadAllBytes(marker), Json) ?? [])
                File.Delete(Path.Combine(path, file.Name));
        }
        catch (JsonException)
        {
            throw new CorpusException(marker, "not the list of an earlier export", "remove the directory, or name another");
        }

        File.Delete(marker);
    }
}
