using System.Text;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;

namespace Winnow.Pruning.Export;

/// <summary>A directory that an export fills: the files under temporary names until they are whole, and last the list of them.</summary>
internal sealed class OutputDirectory : IDisposable
{
    /// <summary>The file of hashes.</summary>
    public const string SumsName = "SHA256SUMS";

    /// <summary>Gets what is only needed on the way.</summary>
    public const string ScratchName = ".winnow-scratch";

    private const string MarkerName = ".winnow-export.json";
    private const string BegunName = ".winnow-export.begun";      // a JSON string a line: the files of an export that is not whole
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private readonly string _path;
    private readonly HashSet<string> _inputs;

    private OutputDirectory(string path, CorpusReader corpus, string suffix) =>
        (_path, _inputs, Suffix) = (path, [.. corpus.Shards.Select(shard => Path.GetFullPath(shard.Path))], suffix);

    /// <summary>The end of the names of files that are not whole.</summary>
    public string Suffix { get; }

    /// <summary>Whether other processes write the same files.</summary>
    public bool IsShared => Suffix != AtomicFile.Suffix;

    private string BegunPath => Path.Combine(_path, BegunName + (IsShared ? Suffix : ""));

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

        return new OutputDirectory(path, corpus, AtomicFile.Suffix);
    }

    /// <summary>A directory that was made ready, for one of several processes that fill it.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="corpus">Whose files must not be replaced.</param>
    /// <param name="suffix">Only this attempt's.</param>
    public static OutputDirectory Join(string path, CorpusReader corpus, string suffix) => new(path, corpus, suffix);

    /// <summary>Where a file that is about to be written goes; takes note of it, so that what a killed export leaves is known.</summary>
    public string Begin(string name)
    {
        string path = PathOf(name);
        lock (_inputs) File.AppendAllText(BegunPath, JsonSerializer.Serialize(name) + "\n");
        return path;
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
        if (sums) AtomicFile.Write(PathOf(SumsName), Encoding.UTF8.GetBytes(string.Concat(files.Select(SumLine))), null, Suffix);
        if (IsShared) RemoveBegun(_path, unfinished: true);
        AtomicFile.Write(Path.Combine(_path, MarkerName), JsonSerializer.SerializeToUtf8Bytes(files, Json), null, Suffix);
        foreach (string list in BegunLists(_path)) File.Delete(list);
    }

    /// <summary>Of an export that failed and left no file, forgets that it was begun.</summary>
    public void Dispose()
    {
        if (!Begun(BegunPath).Any(name => File.Exists(Path.Combine(_path, name)))) File.Delete(BegunPath);
    }

    /// <summary>A line as <c>sha256sum</c> writes it: names with a line end or a backslash are escaped, which a first backslash says.</summary>
    private static string SumLine(ExportedFile file)
    {
        string name = file.Name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal);
        return $"{(name == file.Name ? "" : "\\")}{file.Sha256}  {name}\n";
    }

    private static void RemoveEarlier(string path)
    {
        string marker = Path.Combine(path, MarkerName), scratch = Path.Combine(path, ScratchName);
        if (Directory.Exists(scratch)) Directory.Delete(scratch, recursive: true);
        RemoveBegun(path, unfinished: false);
        foreach (string list in BegunLists(path)) File.Delete(list);
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

    private static string[] BegunLists(string path) => Directory.GetFiles(path, BegunName + "*");

    /// <summary>Removes the files that were begun under their temporary names, and where not only those, also under their own.</summary>
    private static void RemoveBegun(string path, bool unfinished)
    {
        foreach (string list in BegunLists(path))
        {
            string suffix = Path.GetFileName(list)[BegunName.Length..];
            foreach (string name in Begun(list))
            {
                File.Delete(Path.Combine(path, name) + (suffix.Length > 0 ? suffix : AtomicFile.Suffix));
                if (!unfinished) File.Delete(Path.Combine(path, name));
            }
        }
    }

    /// <summary>The files of an export that was killed. A last line that is cut off names a file that was not begun yet.</summary>
    private static IEnumerable<string> Begun(string list)
    {
        if (!File.Exists(list)) yield break;
        foreach (string line in File.ReadAllText(list).Split('\n')[..^1])
            if (JsonSerializer.Deserialize<string>(line) is { } name) yield return name;
    }
}
