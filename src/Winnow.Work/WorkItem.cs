using System.Text.Json;
using System.Text.Json.Serialization;

namespace Winnow.Work;

/// <summary>One piece of a stage's work: an input file, a range of its rows, or a named step.</summary>
/// <param name="Shard">Index of the input file; −1 where the item is no part of one.</param>
/// <param name="From">First row.</param>
/// <param name="To">The row after the last; null for the end of the file, however far that is.</param>
/// <param name="Name">Of a step; null for rows.</param>
public sealed record WorkItem(int Shard, long From = 0, long? To = null, string? Name = null)
{
    /// <inheritdoc/>
    public override string ToString() => Name ?? (From == 0 && To is null ? $"file {Shard}" : $"file {Shard}, rows {From}–{(To is { } to ? to - 1 : "end")}");
}

/// <summary>What is to be done in one stage of a run: data alone, so that any process that sees the run's directory can do it.</summary>
/// <param name="Stage">Which work: <c>score</c>, <c>gather</c>, <c>select</c>, …</param>
/// <param name="Directory">The directory that relative paths of the request start from.</param>
/// <param name="Request">What the stage has to know; its own business.</param>
/// <param name="Items">Many more than there are workers. An item's number is its index here.</param>
public sealed record WorkDescription(string Stage, string Directory, JsonElement Request, IReadOnlyList<WorkItem> Items);

/// <summary>What came of an item.</summary>
/// <param name="Units">Units done; what counts as one is the stage's business.</param>
/// <param name="Tokens">Tokens computed; 0 where none are.</param>
/// <param name="Detail">What later stages want to know of it; null for nothing.</param>
public sealed record WorkOutcome(long Units = 0, long Tokens = 0, JsonElement? Detail = null);

/// <summary>Why an item failed.</summary>
/// <param name="Item">Its number.</param>
/// <param name="Error">In one line.</param>
/// <param name="Hint">What to do about it; null where nobody knows.</param>
/// <param name="Worker">The worker that gave up; its log is <c>logs/WORKER.log</c>.</param>
/// <param name="Time">When.</param>
public sealed record WorkFailure(int Item, string Error, string? Hint, string Worker, DateTimeOffset Time);

/// <summary>How the files of the work are written.</summary>
internal static class WorkJson
{
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    public static byte[] Write<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, Options);

    /// <summary>Reads a file that another process may be writing: null where it is missing or not whole.</summary>
    public static T? TryRead<T>(string path) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(File.ReadAllBytes(path), Options);
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
