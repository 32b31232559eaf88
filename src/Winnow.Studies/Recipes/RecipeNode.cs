using System.Globalization;
using Winnow.Data;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Winnow.Studies.Recipes;

/// <summary>
/// A mapping of a YAML file that is read key by key. Every value is checked where it is read, every error names file, line and
/// key, and <see cref="Finish"/> refuses keys that nobody read, with the nearest one that exists.
/// </summary>
internal sealed class RecipeNode
{
    private readonly string _file;
    private readonly string _path;
    private readonly YamlMappingNode _map;
    private readonly SortedSet<string> _known = new(StringComparer.Ordinal);

    private RecipeNode(string file, string path, YamlMappingNode map) => (_file, _path, _map) = (file, path, map);

    /// <summary>File and line of this mapping.</summary>
    public string Place => At(_map);

    /// <summary>The root mapping of a YAML text.</summary>
    public static RecipeNode Parse(string file, string text)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new StringReader(text));
        }
        catch (YamlException e)
        {
            throw new CorpusException($"{file}:{Math.Max(e.Start.Line, LastReadableLine(text))}", $"not YAML: {e.InnerException?.Message ?? e.Message}");
        }
        catch (InvalidOperationException)
        {
            // The scanner gives up like this on some unclosed brackets, without saying where.
            throw new CorpusException($"{file}:{LastReadableLine(text)}", "not YAML from here on", "is a bracket or a quote left open?");
        }

        if (stream.Documents.Count == 0) throw new CorpusException(file, "empty; a recipe is a mapping with at least `data`");
        return stream.Documents[0].RootNode is YamlMappingNode map
            ? new RecipeNode(file, "", map)
            : throw new CorpusException($"{file}:1", "a recipe is a mapping of keys to values; this is something else");
    }

    /// <summary>An error about one key of this mapping.</summary>
    public CorpusException Error(string key, string found, string? hint = null) =>
        new(_map.Children.Keys.FirstOrDefault(k => k is YamlScalarNode { Value: { } name } && name == key) is { } node ? At(node) : Place,
            $"`{Full(key)}`: {found}", hint);

    /// <summary>True where the key is given (and not null).</summary>
    public bool Has(string key) => Find(key) is not null;

    /// <summary>A text, or the default.</summary>
    public string? Text(string key, string? otherwise = null) => Find(key) is { } node ? Scalar(node, key) : otherwise;

    /// <summary>A text that must be there.</summary>
    public string RequiredText(string key) => Text(key) ?? throw Missing(key);

    /// <summary>One of a few words.</summary>
    public string Word(string key, string otherwise, params ReadOnlySpan<string> allowed)
    {
        string word = Text(key, otherwise)!;
        return allowed.Contains(word) ? word : throw Error(key, $"`{word}` is none of {Quote(allowed)}", Nearest(word, allowed));
    }

    /// <summary>A whole number in a closed range; <c>20k</c>, <c>1.5M</c> and <c>7.6B</c> are understood.</summary>
    public long? Count(string key, long least = 1, long most = 1_000_000_000_000_000_000)
    {
        if (Find(key) is not { } node) return null;
        string text = Scalar(node, key).Replace("_", "", StringComparison.Ordinal);
        double scale = text.LastOrDefault() switch { 'k' => 1e3, 'M' => 1e6, 'B' => 1e9, 'T' => 1e12, _ => 1 };
        string digits = scale == 1 ? text : text[..^1];
        if (!double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || value * scale != Math.Floor(value * scale))
            throw Error(key, $"`{text}` is not a whole number", "write 20000, 20k, 1.5M or 7.6B");
        if (value * scale < least) throw Error(key, $"{text} is less than {least}");
        return value * scale <= most ? (long)(value * scale) : throw Error(key, $"{text} is more than {most}");
    }

    /// <summary>A whole number that sizes something in memory: at most a million.</summary>
    public int? Size(string key, int least = 1) => (int?)Count(key, least, 1_000_000);

    /// <summary>A number in a closed range.</summary>
    public double? Number(string key, double least, double most)
    {
        if (Find(key) is not { } node) return null;
        return ParseNumber(node, key, least, most);
    }

    /// <summary>A list of numbers in (<paramref name="above"/>, <paramref name="most"/>], written as numbers or percentages.</summary>
    public IReadOnlyList<double> Fractions(string key, IReadOnlyList<double> otherwise, double above = 0, double most = 1)
    {
        if (Find(key) is not { } node) return otherwise;
        var values = new List<double>();
        foreach (YamlNode item in Items(node))
        {
            double value = ParseNumber(item, key, above, most);
            if (value <= above) throw new CorpusException(At(item), $"`{Full(key)}`: {value} is not above {above}");
            if (values.Contains(value)) throw new CorpusException(At(item), $"`{Full(key)}`: {value} is listed twice");
            values.Add(value);
        }

        return values.Count > 0 ? values : throw Error(key, "an empty list");
    }

    /// <summary>A list of texts; a single text counts as a list of one.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="otherwise">Where it is not given; null where it must be.</param>
    /// <param name="wrong">What is wrong with one of them; null where nothing is.</param>
    public IReadOnlyList<string> Texts(string key, IReadOnlyList<string>? otherwise = null, Func<string, string?>? wrong = null)
    {
        if (Find(key) is not { } node) return otherwise ?? throw Missing(key);
        List<string> values = [];
        foreach (YamlNode item in Items(node))
        {
            values.Add(Scalar(item, key));
            if (wrong?.Invoke(values[^1]) is { } found) throw new CorpusException(At(item), $"`{Full(key)}`: {found}");
        }

        return values.Count > 0 ? values : throw Error(key, "an empty list");
    }

    /// <summary>A list of words out of a few.</summary>
    public IReadOnlyList<string> Words(string key, IReadOnlyList<string> otherwise, params ReadOnlySpan<string> allowed)
    {
        if (Find(key) is not { } node) return otherwise;
        var values = new List<string>();
        foreach (YamlNode item in Items(node))
        {
            string word = Scalar(item, key);
            if (!allowed.Contains(word))
                throw new CorpusException(At(item), $"`{Full(key)}`: `{word}` is none of {Quote(allowed)}", Nearest(word, allowed));
            values.Add(word);
        }

        return values.Count > 0 ? values : throw Error(key, "an empty list");
    }

    /// <summary>A list of seeds, or how many: <c>3</c> means 1, 2, 3.</summary>
    public IReadOnlyList<long> Seeds(string key, IReadOnlyList<long> otherwise)
    {
        if (Find(key) is not { } node) return otherwise;
        if (node is YamlScalarNode) return [.. Enumerable.Range(1, (int)Count(key, most: 1000)!.Value).Select(i => (long)i)];
        var seeds = new List<long>();
        foreach (YamlNode item in Items(node))
        {
            if (!long.TryParse(Scalar(item, key), NumberStyles.Integer, CultureInfo.InvariantCulture, out long seed))
                throw new CorpusException(At(item), $"`{Full(key)}`: `{Scalar(item, key)}` is not a whole number");
            if (seeds.Contains(seed)) throw new CorpusException(At(item), $"`{Full(key)}`: {seed} is listed twice");
            seeds.Add(seed);
        }

        return seeds.Count > 0 ? seeds : throw Error(key, "an empty list");
    }

    /// <summary>A nested mapping, or null.</summary>
    public RecipeNode? Map(string key) => Find(key) switch
    {
        null => null,
        YamlMappingNode map => new RecipeNode(_file, Full(key), map),
        { } other => throw new CorpusException(At(other), $"`{Full(key)}`: expected a mapping of keys to values"),
    };

    /// <summary>The mappings under a key, by name, in the file's order.</summary>
    public IEnumerable<(string Name, RecipeNode Node)> Maps(string key)
    {
        if (Map(key) is not { } parent) yield break;
        foreach (KeyValuePair<YamlNode, YamlNode> child in parent._map.Children)
        {
            string name = parent.Scalar(child.Key, key);
            if (child.Value is not YamlMappingNode map)
                throw new CorpusException(At(child.Value), $"`{parent.Full(name)}`: expected a mapping of keys to values");
            yield return (name, new RecipeNode(_file, parent.Full(name), map));
        }
    }

    /// <summary>The text lists under a key, by name: <c>test: {own: [a, b], wiki: c}</c>.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> NamedTexts(string key)
    {
        if (Map(key) is not { } parent) return new Dictionary<string, IReadOnlyList<string>>();
        return parent._map.Children.ToDictionary(c => parent.Scalar(c.Key, key), c => parent.Texts(parent.Scalar(c.Key, key)), StringComparer.Ordinal);
    }

    /// <summary>Every key of this mapping with its whole number.</summary>
    public Dictionary<string, long> Counts() => _map.Children.Keys.Select(key => Scalar(key, "")).ToDictionary(name => name, name => Count(name)!.Value, StringComparer.Ordinal);

    /// <summary>Refuses keys that were not read.</summary>
    public void Finish()
    {
        foreach (YamlNode key in _map.Children.Keys)
        {
            string name = Scalar(key, "");
            if (_known.Contains(name)) continue;
            string[] known = [.. _known];
            throw new CorpusException(At(key), $"unknown key `{Full(name)}`; known here: {Quote(known)}", Nearest(name, known));
        }
    }

    /// <summary>The nearest candidate, as a hint; null when nothing is near.</summary>
    internal static string? Nearest(string word, ReadOnlySpan<string> candidates) =>
        Spelling.Nearest(word, candidates.ToArray()) is { } best ? $"did you mean `{best}`?" : null;

    private static long LastReadableLine(string text)
    {
        var parser = new Parser(new StringReader(text));
        long line = 1;
        try
        {
            while (parser.MoveNext()) line = parser.Current!.End.Line;
        }
        catch (Exception e) when (e is YamlException or InvalidOperationException)
        {
            return line;
        }

        return line;
    }

    private YamlNode? Find(string key)
    {
        _known.Add(key);
        if (!_map.Children.TryGetValue(new YamlScalarNode(key), out YamlNode? node)) return null;
        return node is YamlScalarNode { Value: null or "" or "null" or "~", Style: ScalarStyle.Plain } ? null : node;
    }

    private string Scalar(YamlNode node, string key) => node is YamlScalarNode { Value: { } value }
        ? value
        : throw new CorpusException(At(node), $"`{Full(key)}`: expected a single value");

    private double ParseNumber(YamlNode node, string key, double least, double most)
    {
        string text = Scalar(node, key);
        bool percent = text.EndsWith('%');
        if (!double.TryParse(percent ? text[..^1] : text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value))
            throw new CorpusException(At(node), $"`{Full(key)}`: `{text}` is not a number");
        if (percent) value /= 100;
        return value >= least && value <= most
            ? value
            : throw new CorpusException(At(node), string.Create(CultureInfo.InvariantCulture, $"`{Full(key)}`: {text} is outside [{least}, {most}]"));
    }

    private static IEnumerable<YamlNode> Items(YamlNode node) => node is YamlSequenceNode list ? list.Children : [node];

    private CorpusException Missing(string key) => new(Place, $"`{Full(key)}` is missing");

    private string Full(string key) => _path.Length == 0 ? key : key.Length == 0 ? _path : $"{_path}.{key}";

    private string At(YamlNode node) => $"{_file}:{node.Start.Line}";

    private static string Quote(ReadOnlySpan<string> words) => string.Join(", ", words.ToArray().Select(word => $"`{word}`"));
}
