using System.Text.Json;
using System.Text.Json.Serialization;
using Winnow.Kernels;
using Winnow.Pruning.Duplicates;
using Winnow.Pruning.Scoring;

namespace Winnow.Pruning;

/// <summary>How far a run is.</summary>
public enum RunState
{
    /// <summary>Being scored, or stopped on the way; the same command goes on.</summary>
    Running,

    /// <summary>Every part is there.</summary>
    Complete,
}

/// <summary>One input file of a run.</summary>
/// <param name="Shard">Its index: the column <c>shard</c>.</param>
/// <param name="Path">As opened.</param>
/// <param name="Name">Its name in outputs.</param>
/// <param name="Bytes">Its size on disk.</param>
/// <param name="Sha256">Of its bytes as they lie on disk; empty for standard input.</param>
public sealed record RunInput(int Shard, string Path, string Name, long Bytes, string Sha256);

/// <summary>One reference model of a run.</summary>
/// <param name="Path">As opened.</param>
/// <param name="Sha256">Of <c>config.json</c> and the weight files.</param>
/// <param name="Parameters">How many numbers it learned.</param>
/// <param name="MaxLength">The longest context it allows.</param>
/// <param name="VocabularyRows">Rows of the unembedding that take part.</param>
public sealed record RunModel(string Path, string Sha256, long Parameters, int MaxLength, int VocabularyRows);

/// <summary>The tokenizer of a run.</summary>
/// <param name="Kind">Its algorithm.</param>
/// <param name="Sha256">Its hash.</param>
/// <param name="VocabularySize">Highest id + 1.</param>
public sealed record RunTokenizer(string Kind, string Sha256, int VocabularySize);

/// <summary>What computed.</summary>
/// <param name="Cpu">The processor, as it names itself.</param>
/// <param name="Cores">Logical processors.</param>
/// <param name="Backend">The backend's description of itself.</param>
/// <param name="System">Operating system and architecture.</param>
/// <param name="Runtime">The .NET runtime.</param>
public sealed record RunMachine(string Cpu, int Cores, string Backend, string System, string Runtime);

/// <summary>
/// <c>manifest.json</c>: everything that decides the scores (<see cref="Options"/>, <see cref="Corpus"/>, <see cref="Models"/>,
/// <see cref="Tokenizer"/>, <see cref="Inputs"/>), what follows from it, and what it cost.
/// </summary>
public sealed record RunManifest
{
    /// <summary>Always <c>winnow-run</c>.</summary>
    public string Format { get; init; } = "winnow-run";

    /// <summary>Of this format.</summary>
    public int Version { get; init; } = 1;

    /// <summary>Winnow's version.</summary>
    public required string Winnow { get; init; }

    /// <summary>How far the run is.</summary>
    public required RunState State { get; init; }

    /// <summary>When the first attempt began.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>When the last part was written.</summary>
    public DateTimeOffset? Finished { get; init; }

    /// <summary>The scoring's options, as given.</summary>
    public required ScoringOptions Options { get; init; }

    /// <summary>How the corpus was read, as given.</summary>
    public required JsonElement Corpus { get; init; }

    /// <summary>What matrix products were computed in.</summary>
    public Precision Precision { get; init; }

    /// <summary>Tokens in a window.</summary>
    public required int Context { get; init; }

    /// <summary>The ids put before each document.</summary>
    public required IReadOnlyList<int> BosIds { get; init; }

    /// <summary>
    /// With cross-fitting, the seed of the split into halves: each unit was scored by the one model that did not see its half. Null
    /// without.
    /// </summary>
    public ulong? FoldSeed { get; init; }

    /// <summary>The reference models, in the order of the columns <c>@1</c>, <c>@2</c>, …</summary>
    public required IReadOnlyList<RunModel> Models { get; init; }

    /// <summary>The tokenizer.</summary>
    public required RunTokenizer Tokenizer { get; init; }

    /// <summary>The input files, in order.</summary>
    public required IReadOnlyList<RunInput> Inputs { get; init; }

    /// <summary>What computed last.</summary>
    public required RunMachine Machine { get; init; }

    /// <summary>What it cost so far, over all attempts.</summary>
    public CostLedger Cost { get; init; } = new();

    /// <summary>Units by status; filled when the run is complete.</summary>
    public IReadOnlyDictionary<string, long> Statuses { get; init; } = new Dictionary<string, long>();

    /// <summary>The copies that were left out; null until they are known, and where none were to be left out.</summary>
    public DuplicateCount? Duplicates { get; init; }

    /// <summary>Records that could not be read and were skipped: listed in <c>logs/bad-records.jsonl</c>.</summary>
    public long BadRecords { get; init; }

    /// <summary>How every manifest is written.</summary>
    internal static JsonSerializerOptions Json { get; } = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower), new WindowRuleConverter() },
    };

    private sealed class WindowRuleConverter : JsonConverter<WindowRule>
    {
        public override WindowRule Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            WindowRule.Parse(reader.GetString()!);

        public override void Write(Utf8JsonWriter writer, WindowRule value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString());
    }
}
