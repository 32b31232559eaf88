using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Winnow.Data;
using Winnow.Studies.Recipes;
using Xunit;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Winnow.Tests.Studies;

/// <summary><c>docs/recipe.schema.json</c> and the reader of recipes say the same, key by key and value by value.</summary>
public sealed partial class RecipeSchemaTests
{
    private static readonly JsonObject Schema = JsonNode.Parse(File.ReadAllText(Path.Combine(Fixtures.Repository, "docs", "recipe.schema.json")))!.AsObject();
    private static readonly JsonSchema Checker = new(Schema);

    /// <summary>A recipe that gives every key, in JSON, which is YAML too.</summary>
    private const string Full = """
        {
          "name": "full", "seed": 3, "unit": "sequence", "context": 64,
          "data": {"train": ["a.jsonl"], "sample": 0.5, "dedup": "exact", "hold_out": 0.1, "reference_share": 0.2, "test": {"wiki": ["t.jsonl"]}, "reference": {"wiki": ["w.jsonl"]}, "tokens": {"train": "1M"}},
          "tokenizer": {"directory": "tokenizer", "vocabulary": 512},
          "models": {"tiny": {"arch": "gpt2", "layers": 2, "width": 64, "heads": 1}},
          "references": {
            "trained": {"parameters": 5, "data": "own", "model": "tiny", "tokens": "1M", "batch_tokens": 512, "lr": 0.01, "warm_up": 0.1, "schedule": "cosine", "weight_decay": 0, "checkpoints": [1], "seeds": 1, "metrics": ["el2n"]},
            "given": {"directory": "model"},
            "passes": {"model": "tiny", "epochs": 2}
          },
          "metrics": ["perplexity", "el2n", "memorization"], "bands": ["middle"], "fractions": [0.5], "seeds": 2,
          "training": {
            "final": {"model": "tiny", "tokens": "1M", "equal": "tokens", "checkpoints": [0.5, 1], "batch_tokens": 512, "lr": 0.01, "warm_up": 0.1, "schedule": "cosine", "weight_decay": 0},
            "passes": {"model": "tiny", "epochs": 2}
          },
          "evaluation": {"resamples": 500, "confidence": 0.9, "tokens": 1000, "glue": {"data": "glue", "tasks": ["CoLA"], "seeds": 2}},
          "slurm": {"tasks": 4, "at_once": 2, "partition": "gpu", "account": "lm", "qos": "long", "gres": "gpu:1", "cpus_per_task": 8, "mem": "16G", "time": "4:00:00", "sbatch_arg": ["--constraint=icelake"]}
        }
        """;

    private const string Only = """{"metrics": ["perplexity"], "references": ["given"], "bands": ["middle"], "fractions": [0.5], "seeds": 1}""";

    // What no schema can say: names that must stand elsewhere in the recipe, and heads that divide the width.
    private static readonly string[] Referring = ["data", "model", "metrics", "heads", "width"];

    [Fact]
    public void Every_recipe_that_ships_is_what_the_schema_says()
    {
        string[] recipes = Directory.GetFiles(Path.Combine(Fixtures.Repository, "recipes"), "*.yaml");
        Assert.NotEmpty(recipes);
        foreach (string recipe in recipes)
        {
            Assert.Equal("# yaml-language-server: $schema=../docs/recipe.schema.json", File.ReadLines(recipe).First());
            Assert.Null(Checker.Refuse(FromYaml(File.ReadAllText(recipe))));
            RecipeReader.Read(recipe);
        }
    }

    [Fact]
    public void The_schema_lists_exactly_the_keys_that_the_reader_knows()
    {
        foreach ((string path, JsonObject map, JsonObject schema) in Mappings())
        {
            map["no_such_key"] = 1;
            CorpusException refused = Assert.Throws<CorpusException>(() => Read(map.Root));
            map.Remove("no_such_key");
            string known = refused.Found[refused.Found.IndexOf("known here:", StringComparison.Ordinal)..];
            Assert.True(Quoted().Matches(known).Select(m => m.Groups[1].Value).Order(StringComparer.Ordinal).SequenceEqual(
                schema["properties"]!.AsObject().Select(p => p.Key).Order(StringComparer.Ordinal)), $"{path}: the reader's {known}");
        }
    }

    [Fact]
    public void The_schema_takes_a_value_exactly_where_the_reader_takes_it()
    {
        string[] values =
        [
            "0", "1", "2", "7", "8", "100", "256", "257", "1000", "1001", "1000000", "1000001", "1e19", "-1", "0.0001", "0.3", "0.5", "0.51", "0.9995", "1.5", "11", "1e-9",
            "\"\"", "\"word\"", "\"10k\"", "\"5000k\"", "\"1.5M\"", "\"0%\"", "\"50%\"", "\"51%\"", "\"60%\"", "\"100%\"", "\"150%\"", "\"1.5\"", "\"1.25k\"",
            "[]", "[1]", "[1, 1]", "[0.5]", "[0]", "[\"50%\", 0.2]", "[\"word\"]", "[[1]]", "{}", "{\"word\": 1}", "{\"word\": {}}", "{\"own\": \"a\", \"train\": \"a\"}",
            "\"sequence\"", "\"document\"", "\"none\"", "\"exact\"", "\"llama\"", "\"el2n\"", "[\"el2n\", \"perplexity\"]", "\"middle\"", "[\"top\", \"bottom\"]", "\"epochs\"", "\"linear-rise\"", "\"CoLA\"", "[\"RTE\", \"STS-B\"]",
            "100001", "\"two words\"", "\"a#b\"", "\"it's\"", "\"--exclusive\"", "\"-C\"", "\"--comment=two words\"", "[\"--exclusive\", \"x\"]", "\"--\"",
        ];
        var wrong = new List<string>();
        foreach ((string path, JsonObject map, JsonObject schema) in Mappings())
        {
            foreach (string key in schema["properties"]!.AsObject().Select(p => p.Key).Where(map.ContainsKey).ToArray())
            {
                JsonNode before = map[key]!.DeepClone();
                foreach (string value in values)
                {
                    map[key] = JsonNode.Parse(value);
                    bool read = Reads(map.Root), said = Checker.Refuse(map.Root) is null;
                    // The reader is the more lenient: it takes a number in quotes, and a percentage for any number.
                    bool lenient = read && (map[key] is JsonValue or JsonArray) && value.Contains('"', StringComparison.Ordinal) && value.Any(char.IsDigit);
                    if (read != said && !lenient && !(said && Refers(path, key))) wrong.Add($"{path}.{key} = {value}: the reader {(read ? "takes" : "refuses")} it");
                }

                map.Remove(key);
                if (Reads(map.Root) != Checker.Refuse(map.Root) is null && !Refers(path, key)) wrong.Add($"{path} without {key}: the reader {(Reads(map.Root) ? "takes" : "refuses")} it");
                map[key] = before;
            }
        }

        Assert.True(Reads(JsonNode.Parse(Full)!) && Checker.Refuse(JsonNode.Parse(Full)) is null);
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    /// <summary>Every mapping of the full recipe that has named keys, with its part of the schema.</summary>
    private static List<(string Path, JsonObject Map, JsonObject Schema)> Mappings()
    {
        var found = new List<(string Path, JsonObject, JsonObject)>();
        JsonObject part = JsonNode.Parse(Full)!.AsObject();
        part["training"]!["final"]!["only"] = JsonNode.Parse(Only);
        part["evaluation"]!["glue"]!["only"] = JsonNode.Parse(Only);
        Walk("", part, Schema);
        // What `only` names must stand in the rest, so the rest is tried without it.
        found.RemoveAll(mapping => !mapping.Path.EndsWith(".only", StringComparison.Ordinal));
        Walk("", JsonNode.Parse(Full)!.AsObject(), Schema);
        return found;

        void Walk(string path, JsonObject map, JsonObject schema)
        {
            schema = Checker.Resolve(schema);
            JsonObject? properties = schema["properties"]?.AsObject();
            if (properties is not null) found.Add((path, map, schema));
            foreach ((string key, JsonNode? child) in map)
                if (child is JsonObject inner && (properties?[key] ?? schema["additionalProperties"]) is JsonObject its) Walk($"{path}.{key}", inner, its);
        }
    }

    private static bool Refers(string path, string key) => Referring.Contains(key) || path.EndsWith(".only", StringComparison.Ordinal);

    private static bool Reads(JsonNode recipe)
    {
        try
        {
            Read(recipe);
            return true;
        }
        catch (CorpusException)
        {
            return false;
        }
    }

    private static void Read(JsonNode recipe) => RecipeReader.Parse(recipe.ToJsonString(), "full.yaml", "/corpora");

    /// <summary>YAML as its core schema reads it: plain scalars that look like numbers are numbers.</summary>
    private static JsonNode? FromYaml(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return From(stream.Documents[0].RootNode);

        static JsonNode? From(YamlNode node) => node switch
        {
            YamlMappingNode map => new JsonObject(map.Children.Select(c => KeyValuePair.Create(((YamlScalarNode)c.Key).Value!, From(c.Value)))),
            YamlSequenceNode list => new JsonArray([.. list.Children.Select(From)]),
            YamlScalarNode { Style: ScalarStyle.Plain } plain when double.TryParse(plain.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) => JsonValue.Create(number),
            YamlScalarNode scalar => JsonValue.Create(scalar.Value),
            _ => throw new NotSupportedException(node.NodeType.ToString()),
        };
    }

    [GeneratedRegex("`([a-z0-9_]+)`")]
    private static partial Regex Quoted();
}
