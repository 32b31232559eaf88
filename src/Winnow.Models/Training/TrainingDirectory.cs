using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Winnow.Models.Training;

/// <summary>What a checkpoint says besides weights and moments: <c>training_state.json</c>. The data's position follows from the step.</summary>
internal sealed record TrainingState(int Step, double Seconds, int MicroSequences);

/// <summary>
/// MODEL/ while it is trained: the log, the checkpoints, and <c>training.json</c>, which says what is trained and whether it is
/// done. Locked against a second process.
/// </summary>
internal sealed class TrainingDirectory : IDisposable
{
    private const string RecordName = "training.json";
    private const string LogName = "training_log.jsonl";
    private const string StateName = "training_state.json";
    private static readonly string[] OwnEntries = [RecordName, LogName, "checkpoints", "config.json", "model.safetensors"];

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    private static readonly JsonSerializerOptions IndentedJson = new(Json) { WriteIndented = true };

    private readonly TrainingRequest _request;
    private readonly FileStream _lock;
    private Record _record;

    private TrainingDirectory(TrainingRequest request, Record record, FileStream lockFile) =>
        (_request, _record, _lock) = (request, record, lockFile);

    /// <summary>The last step of a training that is done; null for one that is not.</summary>
    public TrainingStep? Complete => _record.Complete;

    /// <summary>Begins a training, or opens one to go on with.</summary>
    public static TrainingDirectory Open(TrainingRequest request, ITokenSource data)
    {
        Directory.CreateDirectory(request.Output);
        FileStream lockFile = Lock(request.Output);
        try
        {
            Record wanted = new(1, request.Options, data.Identity, data.Context, data.Sequences, Complete: null);
            Record? found = Find(request.Output);
            TrainingDirectory directory = new(request, wanted, lockFile);
            if (found is not null && request.Resume && !request.Force) directory._record = Same(request.Output, found, wanted);
            else directory.Begin(found is not null);
            return directory;
        }
        catch
        {
            lockFile.Dispose();
            throw;
        }
    }

    /// <summary>Where the checkpoint of a step lies.</summary>
    public string CheckpointPath(int step) =>
        Path.Combine(_request.Output, "checkpoints", string.Create(CultureInfo.InvariantCulture, $"step-{step:D6}"));

    /// <summary>The latest whole checkpoint that training can go on from; the log is cut back to it.</summary>
    public TrainingState? FindResumable()
    {
        TrainingState? latest = null;
        foreach (string path in Checkpoints().Where(AdamWState.IsIn))
        {
            TrainingState state = JsonSerializer.Deserialize<TrainingState>(File.ReadAllBytes(Path.Combine(path, StateName)), Json)!;
            if (latest is null || state.Step > latest.Step) latest = state;
        }

        return latest;
    }

    /// <summary>Drops lines of the log behind a step: they are about to be computed again.</summary>
    public void CutLog(int step)
    {
        string path = Path.Combine(_request.Output, LogName);
        if (!File.Exists(path)) return;
        string[] lines = [.. ReadLog(path).Where(line => line.Step <= step).Select(Serialize)];
        WriteAtomically(path, string.Concat(lines));
    }

    /// <summary>Appends a line to the log.</summary>
    public void Log(TrainingStep step) => File.AppendAllText(Path.Combine(_request.Output, LogName), Serialize(step));

    /// <summary>The last line of the log.</summary>
    public TrainingStep? LastLogged() => ReadLog(Path.Combine(_request.Output, LogName)).LastOrDefault();

    /// <summary>Writes a checkpoint beside its place and renames it; removes what it replaces.</summary>
    public void Save(DecoderParameters parameters, AdamWState moments, TrainingState state, bool keep)
    {
        string path = CheckpointPath(state.Step);
        string partial = path + ".partial";
        if (Directory.Exists(partial)) Directory.Delete(partial, recursive: true);
        Directory.CreateDirectory(partial);
        WriteModel(parameters, partial);
        moments.Save(partial);
        WriteAtomically(Path.Combine(partial, StateName), JsonSerializer.Serialize(state, Json) + "\n");
        if (keep) WriteAtomically(Path.Combine(partial, "kept"), "");
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        Directory.Move(partial, path);
        Tidy(exceptStep: state.Step);
    }

    /// <summary>Writes the final model, says that it is done, and removes what was only there to resume.</summary>
    public void Finish(DecoderParameters parameters, AdamWState moments, TrainingState state, bool keep, TrainingStep last)
    {
        if (keep) Save(parameters, moments, state, keep);
        WriteModel(parameters, _request.Output);
        _record = _record with { Complete = last };
        WriteRecord();
        Tidy(exceptStep: null);
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private IEnumerable<string> Checkpoints()
    {
        string path = Path.Combine(_request.Output, "checkpoints");
        return Directory.Exists(path)
            ? Directory.GetDirectories(path, "step-*").Where(entry => !entry.EndsWith(".partial", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
            : [];
    }

    /// <summary>Removes checkpoints that are not to be kept, and the moments of those that are.</summary>
    private void Tidy(int? exceptStep)
    {
        string? except = exceptStep is { } step ? CheckpointPath(step) : null;
        foreach (string path in Checkpoints().Where(path => path != except))
        {
            if (!File.Exists(Path.Combine(path, "kept"))) Directory.Delete(path, recursive: true);
            else AdamWState.Remove(path);
        }

        string all = Path.Combine(_request.Output, "checkpoints");
        if (Directory.Exists(all) && !Directory.EnumerateFileSystemEntries(all).Any()) Directory.Delete(all);
    }

    private void WriteModel(DecoderParameters parameters, string directory)
    {
        parameters.Save(directory);
        foreach (string companion in _request.Companions)
            File.Copy(companion, Path.Combine(directory, Path.GetFileName(companion)), overwrite: true);
    }

    private void Begin(bool isTraining)
    {
        string output = _request.Output;
        if (isTraining && !_request.Force)
            throw new ModelException(output, "the directory holds a training already", "go on with `--resume`, or start over with `--force`");
        if (!isTraining && !_request.Force && Directory.EnumerateFileSystemEntries(output).Any(entry => Path.GetFileName(entry) != ".lock"))
            throw new ModelException(output, "the output directory is not empty", "name another directory, or overwrite with `--force`");
        foreach (string entry in OwnEntries.Select(name => Path.Combine(output, name)))
        {
            if (Directory.Exists(entry)) Directory.Delete(entry, recursive: true);
            File.Delete(entry);
        }

        WriteRecord();
    }

    private void WriteRecord() =>
        WriteAtomically(Path.Combine(_request.Output, RecordName), JsonSerializer.Serialize(_record, IndentedJson) + "\n");

    private static FileStream Lock(string directory)
    {
        try
        {
            return new FileStream(
                Path.Combine(directory, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
        }
        catch (IOException error)
        {
            throw new ModelException(directory, $"cannot be locked: {error.Message}", "another process may be training there; wait for it, or name another directory", error);
        }
    }

    private static Record? Find(string output)
    {
        string path = Path.Combine(output, RecordName);
        if (!File.Exists(path)) return null;
        try
        {
            return JsonSerializer.Deserialize<Record>(File.ReadAllBytes(path), Json);
        }
        catch (JsonException error)
        {
            throw new ModelException(path, $"not the record of a training: {error.Message}", "start over with `--force`", error);
        }
    }

    private static Record Same(string output, Record found, Record wanted)
    {
        JsonObject before = JsonSerializer.SerializeToNode(found with { Complete = null }, Json)!.AsObject();
        JsonObject now = JsonSerializer.SerializeToNode(wanted, Json)!.AsObject();
        List<string> changes = [];
        Compare(before, now, changes);
        if (changes.Count == 0) return found;
        throw new ModelException(
            output, "the training there is another one: " + string.Join("; ", changes),
            "give the earlier options and data to go on, start over with `--force`, or name another directory");
    }

    private static void Compare(JsonObject before, JsonObject now, List<string> changes)
    {
        foreach (string name in before.Select(pair => pair.Key).Union(now.Select(pair => pair.Key)))
        {
            if (before[name] is JsonObject inner && now[name] is JsonObject other) Compare(inner, other, changes);
            else if (!JsonNode.DeepEquals(before[name], now[name]))
                changes.Add($"`{name}` was {before[name]?.ToJsonString() ?? "null"}, now {now[name]?.ToJsonString() ?? "null"}");
        }
    }

    private static IEnumerable<TrainingStep> ReadLog(string path)
    {
        if (!File.Exists(path)) yield break;
        foreach (string line in File.ReadLines(path))
        {
            // A process that was killed may leave half a line behind; what it said is computed again.
            TrainingStep? step;
            try
            {
                step = JsonSerializer.Deserialize<TrainingStep>(line, Json);
            }
            catch (JsonException)
            {
                yield break;
            }

            if (step is not null) yield return step;
        }
    }

    private static string Serialize(TrainingStep step) => JsonSerializer.Serialize(step, Json) + "\n";

    private static void WriteAtomically(string path, string content)
    {
        using (FileStream stream = new(path + ".partial", FileMode.Create, FileAccess.Write))
        {
            stream.Write(System.Text.Encoding.UTF8.GetBytes(content));
            stream.Flush(flushToDisk: true);
        }

        File.Move(path + ".partial", path, overwrite: true);
    }

    private sealed record Record(
        int Version, TrainingOptions Options, string Data, int Context, long Sequences, TrainingStep? Complete);
}
