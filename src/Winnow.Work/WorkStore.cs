using System.Globalization;
using System.Text.Json;

namespace Winnow.Work;

/// <summary>
/// One stage's work in a run's directory, <c>RUN/stages/STAGE/</c>: plain files, made by operations that are atomic on every shared
/// file system (exclusive create, rename), and nothing else. Any number of processes on any number of machines may use it at once.
/// <list type="bullet">
/// <item><c>items.json</c>: the <see cref="WorkDescription"/>; written once.</item>
/// <item><c>claims/N.A</c>: attempt A of item N, created exclusively; holds the worker's name. A dead attempt is followed by N.(A+1).</item>
/// <item><c>done/N</c>: the claim, renamed once it holds the outcome. What is here is done.</item>
/// <item><c>failed/N</c>: a <see cref="WorkFailure"/>. Nobody takes the item until this is removed.</item>
/// <item><c>workers/NAME.json</c>: the <see cref="WorkerRecord"/> of a process, rewritten every few seconds: its heartbeat.</item>
/// <item><c>logs/NAME.log</c>: what it had to say.</item>
/// </list>
/// Two living attempts of one item are unlikely, and harmless where the work writes attempt-private files and renames them.
/// </summary>
public sealed class WorkStore
{
    private readonly string _claims, _done, _failed, _workers, _logs;

    private WorkStore(string run, WorkDescription description)
    {
        Run = run;
        Description = description;
        Directory = DirectoryOf(run, description.Stage);
        _claims = Path.Combine(Directory, "claims");
        _done = Path.Combine(Directory, "done");
        _failed = Path.Combine(Directory, "failed");
        _workers = Path.Combine(Directory, "workers");
        _logs = Path.Combine(Directory, "logs");
    }

    /// <summary>The run's directory.</summary>
    public string Run { get; }

    /// <summary>The stage's directory.</summary>
    public string Directory { get; }

    /// <summary>What is to be done.</summary>
    public WorkDescription Description { get; }

    /// <summary>The items.</summary>
    public IReadOnlyList<WorkItem> Items => Description.Items;

    /// <summary>True after <see cref="Cancel"/>: workers release what they hold and leave.</summary>
    public bool IsCancelled => IsRunCancelled(Run);

    /// <summary>Where a stage's files lie.</summary>
    public static string DirectoryOf(string run, string stage) => Path.Combine(run, "stages", stage);

    /// <summary>Whether a run has this stage.</summary>
    public static bool Exists(string run, string stage) => File.Exists(Path.Combine(DirectoryOf(run, stage), "items.json"));

    /// <summary>The stages that were described so far, the earliest first.</summary>
    public static IReadOnlyList<string> StagesOf(string run)
    {
        DirectoryInfo stages = new(Path.Combine(run, "stages"));
        if (!stages.Exists) return [];
        return [.. stages.EnumerateDirectories()
            .Select(stage => (stage.Name, Items: new FileInfo(Path.Combine(stage.FullName, "items.json"))))
            .Where(stage => stage.Items.Exists).OrderBy(stage => stage.Items.LastWriteTimeUtc).ThenBy(stage => stage.Name, StringComparer.Ordinal)
            .Select(stage => stage.Name)];
    }

    /// <summary>Describes a stage anew. What an earlier description of it left is removed.</summary>
    public static WorkStore Create(string run, WorkDescription description)
    {
        ArgumentNullException.ThrowIfNull(description);
        WorkStore store = new(run, description);
        if (System.IO.Directory.Exists(store.Directory)) System.IO.Directory.Delete(store.Directory, recursive: true);
        foreach (string folder in new[] { store._claims, store._done, store._failed, store._workers, store._logs }) System.IO.Directory.CreateDirectory(folder);
        Replace(Path.Combine(store.Directory, "items.json"), WorkJson.Write(description), ".new");
        return store;
    }

    /// <summary>Opens a stage, and describes it where nobody did; for stages that the workers themselves plan, all in the same words.</summary>
    public static WorkStore Join(string run, WorkDescription description)
    {
        ArgumentNullException.ThrowIfNull(description);
        WorkStore store = new(run, description);
        string items = Path.Combine(store.Directory, "items.json");
        if (File.Exists(items)) return store;
        foreach (string folder in new[] { store._claims, store._done, store._failed, store._workers, store._logs }) System.IO.Directory.CreateDirectory(folder);
        Replace(items, WorkJson.Write(description), string.Create(CultureInfo.InvariantCulture, $".{Environment.MachineName}-{Environment.ProcessId}-{Environment.CurrentManagedThreadId}.new"));
        return store;
    }

    /// <summary>Goes on with a stage that was described with this request: failed items are open again, a cancellation is taken back.</summary>
    /// <returns>False where the stage has to be described.</returns>
    public static bool TryContinue(string run, string stage, JsonElement request)
    {
        if (!Exists(run, stage)) return false;
        WorkStore store = Open(run, stage);
        if (!JsonElement.DeepEquals(store.Description.Request, request)) return false;
        store.Retry();
        Resume(run);
        return true;
    }

    /// <summary>Opens a stage.</summary>
    /// <exception cref="WorkException">The run has no such stage.</exception>
    public static WorkStore Open(string run, string stage)
    {
        string path = Path.Combine(DirectoryOf(run, stage), "items.json");
        if (!File.Exists(path))
        {
            string known = string.Join(", ", StagesOf(run).Select(name => $"`{name}`"));
            throw new WorkException(run, $"no stage `{stage}` was planned here{(known.Length > 0 ? $"; there is {known}" : "")}", "plan it with `--engine` of the command that does it");
        }

        try
        {
            return new WorkStore(run, JsonSerializer.Deserialize<WorkDescription>(File.ReadAllBytes(path), WorkJson.Options)!);
        }
        catch (JsonException e)
        {
            throw new WorkException(path, $"not a description of work: {e.Message}", "plan the stage again");
        }
    }

    /// <summary>Tells all workers of a run to release what they hold and leave.</summary>
    public static void Cancel(string run) => File.WriteAllBytes(CancelPath(run), []);

    /// <summary>Whether a run is cancelled.</summary>
    public static bool IsRunCancelled(string run) => File.Exists(CancelPath(run));

    /// <summary>Takes a cancellation back.</summary>
    public static void Resume(string run) => File.Delete(CancelPath(run));

    /// <summary>What is done, failed and claimed just now.</summary>
    public WorkScan Scan()
    {
        // In this order: an item moves from claims to done, so that one that is under way is met in one of them.
        Dictionary<int, int> claims = [];
        foreach ((int item, int attempt) in Claims())
        {
            if (!claims.TryGetValue(item, out int known) || attempt > known) claims[item] = attempt;
        }

        return new WorkScan(Numbers(_done), Numbers(_failed), claims);
    }

    /// <summary>Whether an item is done.</summary>
    public bool IsDone(int item) => File.Exists(At(_done, item));

    /// <summary>What came of a finished item.</summary>
    /// <exception cref="WorkException">It is not done.</exception>
    public WorkOutcome Outcome(int item) => WorkJson.TryRead<WorkOutcome>(At(_done, item))
        ?? throw new WorkException(At(_done, item), $"no outcome of item {item}, {Items[item]}", "run `winnow run retry`");

    /// <summary>The failures, by item.</summary>
    public IReadOnlyList<WorkFailure> Failures() =>
        [.. Numbers(_failed).Order().Select(item => WorkJson.TryRead<WorkFailure>(At(_failed, item))).OfType<WorkFailure>()];

    /// <summary>Makes failed items open again; says how many there were.</summary>
    public int Retry()
    {
        HashSet<int> failed = Numbers(_failed);
        foreach (int item in failed) File.Delete(At(_failed, item));
        return failed.Count;
    }

    /// <summary>The records of all workers that ever began on this stage.</summary>
    public IReadOnlyList<WorkerRecord> Workers() =>
        [.. System.IO.Directory.EnumerateFiles(_workers, "*.json").Order(StringComparer.Ordinal).Select(WorkJson.TryRead<WorkerRecord>).OfType<WorkerRecord>()];

    /// <summary>The last lines that a worker wrote.</summary>
    public IReadOnlyList<string> LastLines(string worker, int count) => File.Exists(LogPath(worker)) ? [.. File.ReadLines(LogPath(worker)).TakeLast(count)] : [];

    /// <summary>Where a worker's lines go.</summary>
    public string LogPath(string worker) => Path.Combine(_logs, worker + ".log");

    internal string RecordPath(string worker) => Path.Combine(_workers, worker + ".json");

    /// <summary>Creates the claim; null when somebody has it, or the item turns out to be done.</summary>
    internal WorkClaim? TryClaim(int item, int attempt, bool previousIsGone, WorkerHeart worker)
    {
        string path = ClaimPath(item, attempt);
        FileStream claim;
        try
        {
            claim = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }

        try
        {
            using (claim) claim.Write(System.Text.Encoding.UTF8.GetBytes(worker.Name));
        }
        catch
        {
            // A full disk: nobody could tell whose claim this is.
            File.Delete(path);
            throw;
        }

        // The listing that made the item look open may have been old.
        if (!IsDone(item)) return new WorkClaim(this, item, attempt, previousIsGone, worker);
        File.Delete(path);
        return null;
    }

    /// <summary>Who made a claim; null where the claim is gone, empty where it cannot be said.</summary>
    internal string? Owner(int item, int attempt)
    {
        try
        {
            return File.ReadAllText(ClaimPath(item, attempt));
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (IOException)
        {
            return "";
        }
    }

    internal void Complete(int item, int attempt, WorkOutcome outcome)
    {
        string claim = ClaimPath(item, attempt);
        if (IsDone(item))
        {
            File.Delete(claim);
            return;
        }

        File.WriteAllBytes(claim, WorkJson.Write(outcome));
        File.Move(claim, At(_done, item), overwrite: true);
    }

    internal void Fail(WorkFailure failure, int attempt)
    {
        Replace(At(_failed, failure.Item), WorkJson.Write(failure), $".{attempt}.tmp");
        Release(failure.Item, attempt);
    }

    internal void Release(int item, int attempt) => File.Delete(ClaimPath(item, attempt));

    private static string CancelPath(string run) => Path.Combine(run, "stages", "cancel");

    private string ClaimPath(int item, int attempt) => Path.Combine(_claims, string.Create(CultureInfo.InvariantCulture, $"{item}.{attempt}"));

    private static string At(string folder, int item) => Path.Combine(folder, item.ToString(CultureInfo.InvariantCulture));

    private IEnumerable<(int Item, int Attempt)> Claims()
    {
        foreach (string path in System.IO.Directory.EnumerateFiles(_claims))
        {
            string[] parts = Path.GetFileName(path).Split('.');
            if (parts.Length == 2 && Number(parts[0]) is int item && Number(parts[1]) is int attempt) yield return (item, attempt);
        }
    }

    private static HashSet<int> Numbers(string folder) =>
        [.. System.IO.Directory.EnumerateFiles(folder).Select(path => Number(Path.GetFileName(path.AsSpan()))).OfType<int>()];

    private static int? Number(ReadOnlySpan<char> text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;

    private static void Replace(string path, byte[] content, string suffix)
    {
        using (FileStream beside = new(path + suffix, FileMode.Create, FileAccess.Write))
        {
            beside.Write(content);
            beside.Flush(flushToDisk: true);
        }

        File.Move(path + suffix, path, overwrite: true);
    }
}

/// <summary>What a look at a stage's files found.</summary>
/// <param name="Done">Items that are done.</param>
/// <param name="Failed">Items that failed.</param>
/// <param name="Claims">The latest attempt of each item that is, or was, worked on.</param>
public sealed record WorkScan(IReadOnlySet<int> Done, IReadOnlySet<int> Failed, IReadOnlyDictionary<int, int> Claims)
{
    /// <summary>Whether nobody has to look at the item any more.</summary>
    public bool IsSettled(int item) => Done.Contains(item) || Failed.Contains(item);
}

/// <summary>The work in a directory cannot be used.</summary>
/// <param name="place">Where.</param>
/// <param name="found">What was found there.</param>
/// <param name="hint">What to do.</param>
public sealed class WorkException(string place, string found, string hint) : Exception($"{place}: {found}")
{
    /// <summary>What to do.</summary>
    public string Hint { get; } = hint;
}
