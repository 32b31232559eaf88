using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Winnow.Data;
using Winnow.Kernels;

namespace Winnow.Pruning;

/// <summary>
/// One directory that holds everything about one scoring: <c>manifest.json</c>, <c>scores/</c>, <c>completions/</c> (a marker per
/// finished part), <c>duplicates/</c>, <c>progress/</c> (rows of unfinished parts; gone when the run is complete), <c>logs/</c>, <c>stages/</c> (what workers have to do), <c>report.html</c>.
/// While it is open no other process can open it; workers write files of their own.
/// </summary>
public sealed class RunDirectory : IDisposable
{
    private static readonly string[] OwnEntries = ["manifest.json", "scores", "completions", "duplicates", "progress", "logs", "stages", "report.html"];
    private readonly FileStream lockFile;

    private RunDirectory(string directory, RunManifest manifest, FileStream lockFile)
    {
        Path = directory;
        Manifest = manifest;
        this.lockFile = lockFile;
    }

    /// <summary>The directory.</summary>
    public string Path { get; }

    /// <summary>The manifest as last written.</summary>
    public RunManifest Manifest { get; private set; }

    /// <summary>Told before and after everything that is written; tests stop the run there.</summary>
    internal Action<string>? Faults { get; set; }

    /// <summary>
    /// Begins a run, or goes on with one: an empty or new directory begins; a directory that holds the same run (equal options,
    /// corpus options, models, tokenizer and inputs) goes on; anything else is refused.
    /// </summary>
    /// <param name="directory">Where.</param>
    /// <param name="manifest">What is to be done, with <see cref="RunState.Running"/> and no cost.</param>
    /// <param name="restart">Throw an earlier run's scores away.</param>
    /// <param name="force">Write into a directory that holds something else; its own files are replaced, others stay.</param>
    /// <exception cref="CorpusException">The directory holds something else, another run, or is being written by another process.</exception>
    public static RunDirectory Open(string directory, RunManifest manifest, bool restart = false, bool force = false)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        bool isRun = File.Exists(ManifestPath(directory));
        if (!isRun && !force && Directory.Exists(directory) && Directory.EnumerateFileSystemEntries(directory).Any(IsForeign))
        {
            throw new CorpusException(directory, "the output directory is not empty and holds no run",
                "name another directory, or overwrite with `--force`");
        }

        Directory.CreateDirectory(directory);
        FileStream lockFile = Lock(directory);
        try
        {
            if (isRun && !restart && !force)
            {
                RunManifest earlier = ReadManifest(directory);
                RefuseChanges(directory, earlier, manifest);
                return new RunDirectory(directory, earlier, lockFile);
            }

            foreach (string entry in OwnEntries) Remove(System.IO.Path.Combine(directory, entry));
            RunDirectory run = new(directory, manifest, lockFile);
            run.Write(manifest);
            return run;
        }
        catch
        {
            lockFile.Dispose();
            throw;
        }
    }

    /// <summary>Reads <c>manifest.json</c>.</summary>
    /// <exception cref="CorpusException">The directory holds no run, or its manifest cannot be read.</exception>
    public static RunManifest ReadManifest(string directory)
    {
        string path = ManifestPath(directory);
        if (!File.Exists(path))
        {
            throw new CorpusException(directory, "not a run: it has no `manifest.json`", "name the directory that `winnow score --out` made, or `run/` of a pruned directory");
        }

        try
        {
            RunManifest? manifest = JsonSerializer.Deserialize<RunManifest>(File.ReadAllBytes(path), RunManifest.Json);
            if (manifest is { Format: "winnow-run", Version: 1 }) return manifest;
            throw new CorpusException(path, $"a run of format `{manifest?.Format}` version {manifest?.Version}, expected `winnow-run` version 1");
        }
        catch (JsonException e)
        {
            throw new CorpusException(path, $"not a manifest: {e.Message}");
        }
    }

    /// <summary>Writes the manifest anew.</summary>
    internal void Write(RunManifest manifest)
    {
        WriteManifest(Path, manifest, Faults);
        Manifest = manifest;
    }

    /// <summary>Writes a run's manifest anew.</summary>
    internal static void WriteManifest(string directory, RunManifest manifest, Action<string>? faults = null, string suffix = AtomicFile.Suffix) =>
        AtomicFile.Write(ManifestPath(directory), JsonSerializer.SerializeToUtf8Bytes(manifest, RunManifest.Json), faults, suffix);

    /// <summary>Where the rows of an unfinished part stand.</summary>
    internal string JournalPath(int shard) => Numbered(Path, "progress", shard, ".journal");

    /// <summary>The marker that a part is finished.</summary>
    internal string CompletionPath(int shard) => CompletionPath(Path, shard);

    /// <summary>The marker that a part of a run is finished.</summary>
    internal static string CompletionPath(string run, int shard) => Numbered(run, "completions", shard, ".json");

    /// <summary>A file under <c>logs/</c>.</summary>
    internal static string LogPath(string run, string name) => System.IO.Path.Combine(run, "logs", name);

    /// <summary>Where rows of unfinished parts lie.</summary>
    internal string ProgressPath => System.IO.Path.Combine(Path, "progress");

    /// <summary>Removes the files that killed workers did not finish.</summary>
    internal static void RemoveUnfinished(string run)
    {
        foreach (string folder in new[] { run, System.IO.Path.Combine(run, "scores"), System.IO.Path.Combine(run, "completions") })
        {
            foreach (string file in Directory.EnumerateFiles(folder, "*" + AtomicFile.Suffix)) File.Delete(file);
        }
    }

    /// <summary>Removes <c>progress/</c>.</summary>
    internal static void RemoveProgress(string run) => Remove(System.IO.Path.Combine(run, "progress"));

    /// <inheritdoc/>
    public void Dispose() => lockFile.Dispose();

    private static string Numbered(string run, string folder, int shard, string extension) =>
        System.IO.Path.Combine(run, folder, string.Create(CultureInfo.InvariantCulture, $"part-{shard:D5}{extension}"));

    private static string ManifestPath(string directory) => System.IO.Path.Combine(directory, "manifest.json");

    private static bool IsForeign(string entry) => System.IO.Path.GetFileName(entry) is not (".lock" or "manifest.json" + AtomicFile.Suffix);

    private static FileStream Lock(string directory)
    {
        try
        {
            return new FileStream(System.IO.Path.Combine(directory, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None,
                bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (IOException e)
        {
            throw new CorpusException(directory, $"cannot be locked: {e.Message}", "another process may be writing this run; wait for it, or name another directory");
        }
    }

    private static void Remove(string path)
    {
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        File.Delete(path);
    }

    private static void RefuseChanges(string directory, RunManifest earlier, RunManifest now)
    {
        List<string> changes = [];
        ListChanges(earlier.Options, now.Options, "option", changes);
        ListChanges(earlier.Corpus, now.Corpus, "corpus option", changes);
        if (earlier.Precision != now.Precision) changes.Add($"the precision was {Named(earlier.Precision)}, now {Named(now.Precision)}");
        if (earlier.Context != now.Context) changes.Add($"the context was {earlier.Context}, now {now.Context}");
        if (earlier.FoldSeed != now.FoldSeed)
        {
            changes.Add($"the seed of the halves was {earlier.FoldSeed?.ToString(CultureInfo.InvariantCulture) ?? "none"}, now {now.FoldSeed?.ToString(CultureInfo.InvariantCulture) ?? "none"}");
        }

        if (!earlier.Models.Select(model => model.Sha256).SequenceEqual(now.Models.Select(model => model.Sha256)))
        {
            changes.Add($"the models changed: {string.Join(", ", earlier.Models.Select(Describe))}, now {string.Join(", ", now.Models.Select(Describe))}");
        }

        if (earlier.Tokenizer.Sha256 != now.Tokenizer.Sha256) changes.Add("the tokenizer changed");
        ListInputChanges(earlier.Inputs, now.Inputs, changes);
        if (changes.Count == 0) return;
        throw new CorpusException(directory, "the run there is another one: " + string.Join("; ", changes),
            "give the earlier options, models and inputs to go on, `--restart` to start over, or another directory");
    }

    private static string Named(Precision precision) => precision.ToString().ToLowerInvariant();

    private static string Describe(RunModel model) => $"`{model.Path}` ({(model.Sha256.Length > 8 ? model.Sha256[..8] : model.Sha256)})";

    private static void ListInputChanges(IReadOnlyList<RunInput> earlier, IReadOnlyList<RunInput> now, List<string> changes)
    {
        if (earlier.Count != now.Count)
        {
            changes.Add($"there were {earlier.Count} input files, now {now.Count}");
            return;
        }

        for (int i = 0; i < now.Count; i++)
        {
            if (earlier[i].Sha256 != now[i].Sha256 || earlier[i].Bytes != now[i].Bytes) changes.Add($"the input `{now[i].Path}` changed");
            else if (earlier[i].Name != now[i].Name) changes.Add($"the input {i} was `{earlier[i].Name}`, now `{now[i].Name}`");
            if (changes.Count > 8) return;
        }
    }

    private static void ListChanges<T>(T earlier, T now, string kind, List<string> changes)
    {
        JsonObject before = JsonSerializer.SerializeToNode(earlier, RunManifest.Json)!.AsObject();
        JsonObject after = JsonSerializer.SerializeToNode(now, RunManifest.Json)!.AsObject();
        foreach (string name in before.Select(p => p.Key).Union(after.Select(p => p.Key)))
        {
            if (JsonNode.DeepEquals(before[name], after[name])) continue;
            changes.Add($"{kind} `{name}` was {before[name]?.ToJsonString() ?? "null"}, now {after[name]?.ToJsonString() ?? "null"}");
        }
    }
}
