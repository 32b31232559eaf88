using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Winnow.Cli.Infrastructure;

/// <summary>What <c>--json</c> prints: one object, names in snake case.</summary>
internal static class Answer
{
    private static readonly JsonSerializerOptions Options = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>Prints the object.</summary>
    internal static void Print(Terminal terminal, object answer) => terminal.Out.WriteLine(JsonSerializer.Serialize(answer, Options));
}
