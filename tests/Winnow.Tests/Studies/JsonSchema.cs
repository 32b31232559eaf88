using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Winnow.Tests.Studies;

/// <summary>As much of JSON Schema (draft 7) as the recipe's schema uses. A keyword it does not know is an error, not a pass.</summary>
internal sealed class JsonSchema(JsonObject root)
{
    private static readonly HashSet<string> Annotations = ["$schema", "title", "description", "definitions"];

    /// <summary>Why a value is not what the schema says; null where it is.</summary>
    internal string? Refuse(JsonNode? value) => Refuse(root, value, "");

    /// <summary>The schema that a <c>$ref</c> stands for, else the schema itself.</summary>
    internal JsonObject Resolve(JsonObject schema) => schema["$ref"] is { } reference
        ? root["definitions"]![reference.GetValue<string>()["#/definitions/".Length..]]!.AsObject()
        : schema;

    private string? Refuse(JsonObject schema, JsonNode? value, string place)
    {
        foreach ((string keyword, JsonNode? rule) in schema)
            if (!Annotations.Contains(keyword) && !Holds(schema, keyword, rule!, value, place, out string? inner)) return inner ?? $"{place}: {keyword} {rule!.ToJsonString()} of {value?.ToJsonString()}";
        return null;
    }

    private bool Holds(JsonObject schema, string keyword, JsonNode rule, JsonNode? value, string place, out string? inner)
    {
        inner = null;
        switch (keyword)
        {
            case "$ref": return (inner = Refuse(Resolve(schema), value, place)) is null;
            case "type": return (rule is JsonArray types ? types.Select(t => (string)t!) : [(string)rule!]).Any(type => Is(value, type));
            case "enum": return rule.AsArray().Any(allowed => JsonNode.DeepEquals(allowed, value));
            case "anyOf": return rule.AsArray().Any(one => Refuse(one!.AsObject(), value, place) is null);
            case "oneOf": return rule.AsArray().Count(one => Refuse(one!.AsObject(), value, place) is null) == 1;
            case "not": return Refuse(rule.AsObject(), value, place) is not null;
            case "minimum": return !Is(value, "number") || (double)value! >= (double)rule;
            case "maximum": return !Is(value, "number") || (double)value! <= (double)rule;
            case "exclusiveMinimum": return !Is(value, "number") || (double)value! > (double)rule;
            case "exclusiveMaximum": return !Is(value, "number") || (double)value! < (double)rule;
            case "pattern": return !Is(value, "string") || Regex.IsMatch((string)value!, (string)rule!);
            case "minItems": return value is not JsonArray counted || counted.Count >= (int)rule;
            case "uniqueItems": return value is not JsonArray set || set.Select(item => item?.ToJsonString()).Distinct().Count() == set.Count;
            case "items": return value is not JsonArray items || (inner = items.Select(item => Refuse(rule.AsObject(), item, place + "[]")).FirstOrDefault(why => why is not null)) is null;
            case "minProperties": return value is not JsonObject few || few.Count >= (int)rule;
            case "required": return value is not JsonObject given || rule.AsArray().All(name => given.ContainsKey((string)name!));
            case "propertyNames": return value is not JsonObject named || named.All(property => Refuse(rule.AsObject(), property.Key, place) is null);
            case "properties": return value is not JsonObject map || (inner = rule.AsObject().Where(p => map.ContainsKey(p.Key)).Select(p => Refuse(p.Value!.AsObject(), map[p.Key], $"{place}.{p.Key}")).FirstOrDefault(why => why is not null)) is null;
            case "additionalProperties":
                if (value is not JsonObject open) return true;
                foreach ((string name, JsonNode? property) in open)
                {
                    if (schema["properties"]?.AsObject().ContainsKey(name) == true) continue;
                    inner = rule is JsonObject other ? Refuse(other, property, $"{place}.{name}") : $"{place}: unknown key {name}";
                    if (inner is not null) return false;
                }

                return true;
            default: throw new NotSupportedException($"the keyword `{keyword}` is not checked here");
        }
    }

    private static bool Is(JsonNode? value, string type) => type switch
    {
        "object" => value is JsonObject,
        "array" => value is JsonArray,
        "string" => value?.GetValueKind() == System.Text.Json.JsonValueKind.String,
        "number" => value?.GetValueKind() == System.Text.Json.JsonValueKind.Number,
        "integer" => value?.GetValueKind() == System.Text.Json.JsonValueKind.Number && double.IsInteger((double)value),
        _ => throw new NotSupportedException($"the type `{type}` is not checked here"),
    };
}
