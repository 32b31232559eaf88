using System.Text;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;

namespace Winnow.Pruning.Export;

/// <summary>A directory that an export fills: the files under temporary names until they are whole, and last the list of them.</summary>
internal sealed class OutputDirectory
{
    /// <summary>The file of hashes.</summary>
    public const string SumsName = "SHA256SUMS";

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

    /// <summary>Writes the list of files, and before it their hashes where they are wanted: the export is whole.</summary>
    public void Complete(IReadOnlyList<ExportedFile> files, bool sums)
    {
        if (sums) AtomicFile.Write(PathOf(SumsName), Encoding.UTF8.GetBytes(string.Concat(files.Select(SumLine))));
        AtomicFile.Write(Path.Combine(_path, MarkerName), JsonSerializer.SerializeToUtf8Bytes(files, Json));
    }

    /// <summary>A line as <c>sha256sum</c> writes it: names with a line end or a backslash are escaped, which a first backslash says.</summary>
    private static string SumLine(ExportedFile file)
    {
        string name = file.Name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal);
        return $"{(name == file.Name ? "" : "\\")}{file.Sha256}  {name}\n";
    }

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

        File.Delete(Path.Combine(path, SumsName));
        File.Delete(marker);
    }
}
