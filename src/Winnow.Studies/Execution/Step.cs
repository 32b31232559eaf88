using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Winnow.Studies.Execution;

/// <summary>
/// One piece of a study's work, described by data alone, so that any process that sees the study's folder can do it: what kind of
/// work, its options, and which steps' outputs it reads.
/// </summary>
/// <param name="Id">Unique in its graph and readable: <c>train/random-50/seed-2</c>. Not part of the key.</param>
/// <param name="Kind">Which work: <c>train</c>, <c>score</c>, …</param>
/// <param name="Options">Everything else that decides the output, the hashes of input files included; nothing machine-dependent.</param>
/// <param name="Inputs">Step ids by the name under which the work knows their output.</param>
public sealed record Step(string Id, string Kind, JsonObject Options, IReadOnlyDictionary<string, string> Inputs);

/// <summary>Steps and what they need, free of cycles because a step can only name steps that were added before it.</summary>
public sealed class StepGraph
{
    private readonly Dictionary<string, (Step Step, string Key)> _steps = new(StringComparer.Ordinal);
    private readonly List<Step> _order = [];

    /// <summary>All steps; each stands after what it needs.</summary>
    public IReadOnlyList<Step> Steps => _order;

    /// <summary>Adds a step. Adding the same id again with the same content is harmless.</summary>
    /// <exception cref="ArgumentException">An input was not added before, or the id is taken by another step.</exception>
    public Step Add(Step step)
    {
        string key = ComputeKey(step);
        if (_steps.TryGetValue(step.Id, out (Step Step, string Key) present))
            return present.Key == key ? present.Step : throw new ArgumentException($"two different steps are called `{step.Id}`");
        _steps.Add(step.Id, (step, key));
        _order.Add(step);
        return step;
    }

    /// <summary>The step of an id.</summary>
    public Step this[string id] => _steps[id].Step;

    /// <summary>
    /// SHA-256 over kind, options (properties sorted) and the keys of the inputs, in hexadecimal: equal keys mean equal outputs,
    /// and a changed option changes the keys of exactly the steps that depend on it.
    /// </summary>
    public string KeyOf(Step step) => _steps[step.Id].Key;

    private string ComputeKey(Step step)
    {
        var text = new StringBuilder().Append(step.Kind).Append('\n');
        AppendCanonical(text, step.Options);
        foreach ((string name, string id) in step.Inputs.OrderBy(input => input.Key, StringComparer.Ordinal))
        {
            if (!_steps.TryGetValue(id, out (Step Step, string Key) input))
                throw new ArgumentException($"`{step.Id}` needs `{id}`, which was not added before it");
            text.Append('\n').Append(name).Append('=').Append(input.Key);
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    private static void AppendCanonical(StringBuilder text, JsonNode? node)
    {
        switch (node)
        {
            case JsonObject map:
                text.Append('{');
                foreach ((string name, JsonNode? value) in map.OrderBy(property => property.Key, StringComparer.Ordinal))
                {
                    text.Append(JsonSerializer.Serialize(name)).Append(':');
                    AppendCanonical(text, value);
                    text.Append(',');
                }

                text.Append('}');
                break;
            case JsonArray list:
                text.Append('[');
                foreach (JsonNode? value in list)
                {
                    AppendCanonical(text, value);
                    text.Append(',');
                }

                text.Append(']');
                break;
            default:
                text.Append(node?.ToJsonString() ?? "null");
                break;
        }
    }
}
