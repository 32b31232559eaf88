using System.Text.Json;
using System.Text.Json.Serialization;
using Winnow.Data;

namespace Winnow.Pruning.Selection;

/// <summary>A selection on disk: <c>selection.json</c> and a keep mask per shard.</summary>
public sealed class SelectionDirectory
{
    private const string SummaryName = "selection.json";

    internal static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower), new RuleConverter() },
    };

    private SelectionDirectory(string path, SelectionSummary summary) => (Path, Summary) = (path, summary);

    /// <summary>Where it lies.</summary>
    public string Path { get; }

    /// <summary>The content of <c>selection.json</c>.</summary>
    public SelectionSummary Summary { get; }

    /// <summary>Selects and writes the directory; <c>selection.json</c> comes last, so that a directory with it is whole.</summary>
    /// <param name="path">New, empty, or with <paramref name="force"/> an older selection.</param>
    /// <param name="source">The score table.</param>
    /// <param name="options">The rules.</param>
    /// <param name="threads">Readers at work.</param>
    /// <param name="force">Whether an older selection may be replaced.</param>
    /// <param name="progress">Told after every chunk.</param>
    /// <param name="cancel">Stops between chunks; what was written is then no selection.</param>
    public static SelectionDirectory Create(
        string path, IScoreSource source, SelectionOptions options, int threads, bool force = false,
        IProgress<SelectionProgress>? progress = null, CancellationToken cancel = default)
    {
        _ = options.Validated();
        Prepare(path, force);
        SelectionSummary summary = RankSelector.Select(
            source, options, threads, (shard, mask) => mask.Write(System.IO.Path.Combine(path, MaskWriter.MaskName(shard))), progress, cancel);
        WriteSummary(path, summary, ".partial");
        return new SelectionDirectory(path, summary);
    }

    /// <summary>Writes <c>selection.json</c>: what makes the directory whole.</summary>
    internal static void WriteSummary(string path, SelectionSummary summary, string suffix)
    {
        string file = System.IO.Path.Combine(path, SummaryName);
        using (FileStream stream = new(file + suffix, FileMode.Create, FileAccess.Write))
        {
            JsonSerializer.Serialize(stream, summary, Json);
            stream.Write("\n"u8);
            stream.Flush(flushToDisk: true);
        }

        File.Move(file + suffix, file, overwrite: true);
    }

    /// <summary>Opens a finished selection.</summary>
    /// <exception cref="CorpusException">The directory is not a selection, or was not finished.</exception>
    public static SelectionDirectory Open(string path)
    {
        string file = System.IO.Path.Combine(path, SummaryName);
        if (!File.Exists(file)) throw new CorpusException(path, $"no `{SummaryName}`", "a selection directory is made by `winnow select`");
        try
        {
            using FileStream stream = File.OpenRead(file);
            SelectionSummary summary = JsonSerializer.Deserialize<SelectionSummary>(stream, Json) ?? throw new JsonException("null");
            return summary.Version == 1 ? new SelectionDirectory(path, summary)
                : throw new CorpusException(file, $"version {summary.Version}, not 1", "use the version of Winnow that wrote it");
        }
        catch (JsonException error)
        {
            throw new CorpusException(file, $"not a selection: {error.Message}", "run `winnow select` again");
        }
    }

    /// <summary>The keep mask of a shard.</summary>
    public KeepMask ReadMask(int shard)
    {
        ShardOutcome outcome = Summary.Shards[shard];
        string file = System.IO.Path.Combine(Path, outcome.Mask);
        KeepMask mask = KeepMask.Read(file);
        return mask.Rows == outcome.Rows && mask.Kept == outcome.Kept ? mask
            : throw new CorpusException(file, $"{mask.Kept} of {mask.Rows} rows kept, `{SummaryName}` says {outcome.Kept} of {outcome.Rows}", "run `winnow select` again");
    }

    /// <summary>Makes the directory, or refuses one that holds something.</summary>
    internal static void Prepare(string path, bool force)
    {
        if (File.Exists(path)) throw new CorpusException(path, "a file, not a directory", "name another directory");
        Directory.CreateDirectory(path);
        if (!Directory.EnumerateFileSystemEntries(path).Any()) return;
        if (!force) throw new CorpusException(path, "the directory is not empty", "name a new directory, or replace an older selection with `--force`");
        File.Delete(System.IO.Path.Combine(path, SummaryName));
        foreach (string mask in Directory.EnumerateFiles(path, "mask-*.bits*")) File.Delete(mask);
    }

    private sealed class RuleConverter : JsonConverter<KeepRule>
    {
        public override KeepRule Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            KeepRule.Parse(reader.GetString() ?? "");

        public override void Write(Utf8JsonWriter writer, KeepRule value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }
}
