using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;

namespace Winnow.Pruning.Export;

/// <summary>A directory on the disk: files have temporary names until they are whole.</summary>
/// <remarks>The list of what was begun has a JSON string a line.</remarks>
internal sealed class DiskDirectory : OutputDirectory
{
    private const string ScratchName = ".winnow-scratch";

    private readonly string _path;
    private readonly HashSet<string> _inputs;
    private readonly string _suffix;       // of the names of files that are not whole

    private DiskDirectory(string path, CorpusReader corpus, string suffix) =>
        (_path, _inputs, _suffix) = (path, [.. corpus.Shards.Select(shard => Path.GetFullPath(shard.Path))], suffix);

    public override string Scratch => Path.Combine(_path, ScratchName);

    // Whether other processes write the same files.
    private bool IsShared => _suffix != AtomicFile.Suffix;

    private string BegunPath => Path.Combine(_path, BegunName + (IsShared ? _suffix : ""));

    /// <summary>Makes the directory ready; of an earlier export, <paramref name="force"/> removes the files.</summary>
    /// <exception cref="CorpusException">It is not empty.</exception>
    public static DiskDirectory Prepare(string path, bool force, CorpusReader corpus)
    {
        if (File.Exists(path)) throw new CorpusException(path, "a file, not a directory", "name another directory");
        Directory.CreateDirectory(path);
        if (Directory.EnumerateFileSystemEntries(path).Any())
        {
            if (!force) throw new CorpusException(path, "the output directory is not empty", "name another directory, or overwrite with `--force`");
            RemoveEarlier(path);
        }

        return new DiskDirectory(path, corpus, AtomicFile.Suffix);
    }

    /// <summary>A directory that was made ready, for one of several processes that fill it.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="corpus">Whose files must not be replaced.</param>
    /// <param name="suffix">Only this attempt's.</param>
    public static DiskDirectory Join(string path, CorpusReader corpus, string suffix) => new(path, corpus, suffix);

    /// <summary>Takes note of a file that is about to be written, so that what a killed export leaves is known.</summary>
    public override OutputFile Begin(string name, bool seeks = false)
    {
        string path = PathOf(name);
        lock (_inputs) File.AppendAllText(BegunPath, JsonSerializer.Serialize(name) + "\n");
        return new DiskFile(path, _suffix);
    }

    public override void Discard(string name)
    {
        // Of files that others write too, a whole one may be theirs.
        if (!IsShared) File.Delete(PathOf(name));
    }

    private string PathOf(string name)
    {
        string path = Path.Combine(_path, name.Replace('/', Path.DirectorySeparatorChar));
        if (_inputs.Contains(Path.GetFullPath(path)))
            throw new CorpusException(path, "the output would replace an input", "name another directory");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return path;
    }

    /// <summary>Of an export that failed and left no file, forgets that it was begun.</summary>
    public override void Dispose()
    {
        if (!Begun(BegunPath).Any(name => File.Exists(Path.Combine(_path, name)))) File.Delete(BegunPath);
    }

    protected override void Write(string name, byte[] content) => AtomicFile.Write(PathOf(name), content, null, _suffix);

    protected override void RemoveUnfinished()
    {
        if (IsShared) RemoveBegun(_path, unfinished: true);
    }

    protected override void Forget()
    {
        foreach (string list in BegunLists(_path)) File.Delete(list);
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

    private sealed class DiskFile(string path, string suffix) : OutputFile
    {
        private readonly FileStream _file = new(path + suffix, FileMode.Create, FileAccess.ReadWrite, FileShare.None, 1 << 18);
        private bool _finished;

        public override Stream Stream => _file;

        public override void Finish(ExportedFile file)
        {
            _file.Flush(flushToDisk: true);
            _file.Dispose();
            File.Move(path + suffix, path, overwrite: true);
            _finished = true;
        }

        public override void Dispose()
        {
            _file.Dispose();
            if (!_finished) File.Delete(path + suffix);
        }
    }
}
