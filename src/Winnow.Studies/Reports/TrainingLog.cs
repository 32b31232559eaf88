using System.Text.Json;

namespace Winnow.Studies.Reports;

/// <summary>Reads the curve out of a model's <c>training_log.jsonl</c>.</summary>
internal static class TrainingLog
{
    /// <summary>The curve, or null when the model has no log that can be read.</summary>
    internal static TrainingCurve? Read(string model, string name)
    {
        string path = Path.Combine(model, "training_log.jsonl");
        if (!File.Exists(path)) return null;
        var tokens = new List<double>();
        var losses = new List<double>();
        try
        {
            foreach (string line in File.ReadLines(path))
            {
                using JsonDocument entry = JsonDocument.Parse(line);
                if (!entry.RootElement.TryGetProperty("loss", out JsonElement loss) || !entry.RootElement.TryGetProperty("tokens", out JsonElement seen)) continue;
                tokens.Add(seen.GetDouble());
                losses.Add(loss.GetDouble());
            }
        }
        catch (Exception damaged) when (damaged is JsonException or IOException or InvalidOperationException)
        {
            // What was read before the damage is still the curve.
        }
        return tokens.Count < 2 ? null : new TrainingCurve(name, tokens, losses);
    }
}
