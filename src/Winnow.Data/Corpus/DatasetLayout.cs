using System.Globalization;
using System.Text.RegularExpressions;
using Winnow.Data.Compression;

namespace Winnow.Data.Corpus;

/// <summary>
/// Directories laid out as Hugging Face data sets are: <c>data/train-00000-of-00012.parquet</c>, a <c>dataset_info.json</c>, or a card
/// (<c>README.md</c>) that tells of either. One split is read, and none of its shards may be missing.
/// </summary>
internal static partial class DatasetLayout
{
    private const int MostNamed = 8;
    private const int CardBytes = 1 << 16;

    private static readonly Dictionary<string, string> s_splits = new(StringComparer.OrdinalIgnoreCase)
    {
        ["train"] = "train",
        ["training"] = "train",
        ["validation"] = "validation",
        ["valid"] = "validation",
        ["val"] = "validation",
        ["dev"] = "validation",
        ["test"] = "test",
        ["testing"] = "test",
        ["eval"] = "test",
        ["evaluation"] = "test",
    };

    private static readonly HashSet<string> s_data = new(StringComparer.OrdinalIgnoreCase)
    {
        ".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".text", ".bin", ".warc", ".wet", ".arrow",
    };

    private sealed record Shard(string Path, string Series, int Number, int Total, string Before, string Behind, int Digits);

    /// <summary>The files of a directory that are to be read.</summary>
    /// <param name="root">The directory.</param>
    /// <param name="files">Every file below it.</param>
    /// <param name="split">The split that is wanted; <c>all</c> for every file, null for <c>train</c> or the only one.</param>
    /// <param name="tell">Told what is read and what is left out.</param>
    /// <exception cref="CorpusException">The split is not there or not clear, or shards of it are missing.</exception>
    internal static List<string> Choose(string root, List<string> files, string? split, Action<string> tell)
    {
        List<string> chosen = split == "all" || !IsDataset(root, files) ? files : ChooseSplit(root, files, split, tell);
        RequireShards(root, chosen);
        return chosen;
    }

    private static List<string> ChooseSplit(string root, List<string> files, string? split, Action<string> tell)
    {
        ILookup<string, string> splits = files.Where(IsData).ToLookup(path => SplitOf(root, path) ?? "");
        string[] names = [.. splits.Select(group => group.Key).Where(name => name.Length > 0).Order(StringComparer.Ordinal)];
        if (names.Length == 0) return files;
        string wanted = split is null ? "train" : s_splits.GetValueOrDefault(split, split);
        if (!names.Contains(wanted) && split is null && names.Length == 1) wanted = names[0];
        if (!names.Contains(wanted))
            throw new CorpusException(root, $"the data set has no split `{wanted}`; it has {string.Join(", ", names.Select(name => $"`{name}`"))}", "name one with `--split`, or take them together with `--split all`");
        string[] rest = [.. splits.Where(group => group.Key != wanted).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => Words(group.Key, group.Count()))];
        tell($"{root}: a Hugging Face data set, of which {Words(wanted, splits[wanted].Count())} {(splits[wanted].Count() == 1 ? "is" : "are")} read{(rest.Length == 0 ? "" : $"; left out: {string.Join(", ", rest)} (`--split` chooses)")}");
        return [.. splits[wanted]];
    }

    private static string Words(string split, int files) =>
        string.Create(CultureInfo.InvariantCulture, $"{(split.Length == 0 ? "" : $"split `{split}`, ")}{files} file{(files == 1 ? "" : "s")}{(split.Length == 0 ? " of no split" : "")}");

    private static bool IsDataset(string root, List<string> files) => files.Any(path =>
        Path.GetFileName(path) is "dataset_info.json" or "dataset_infos.json" or "dataset_dict.json"
        || (Of(path) is { } shard && SplitOf(root, shard.Path) is not null)
        || (path == Path.Combine(root, "README.md") && IsCard(path)));

    /// <summary>Whether a card begins with YAML that speaks of data.</summary>
    private static bool IsCard(string path)
    {
        using StreamReader reader = new(path);
        char[] head = new char[CardBytes];
        string text = new(head, 0, reader.ReadBlock(head));
        int end = text.StartsWith("---", StringComparison.Ordinal) ? text.IndexOf("\n---", StringComparison.Ordinal) : -1;
        return end > 0 && Card().IsMatch(text[..end]);
    }

    private static bool IsData(string path)
    {
        string name = CompressedStream.FromName(path) == CompressionKind.None ? path : Path.GetFileNameWithoutExtension(path);
        return s_data.Contains(Path.GetExtension(name)) && !FormatSniffer.IsNoCorpus(Path.GetFileName(name));
    }

    /// <summary>The split that a file's name says (<c>train-…</c>, <c>c4-train.…</c>), else the nearest directory's.</summary>
    private static string? SplitOf(string root, string path)
    {
        string[] parts = Path.GetRelativePath(root, path).Split(Path.DirectorySeparatorChar);
        foreach (string word in Word().Split(parts[^1]))
            if (s_splits.TryGetValue(word, out string? split)) return split;
        return parts.SkipLast(1).Reverse().Select(part => s_splits.GetValueOrDefault(part)).FirstOrDefault(found => found is not null);
    }

    /// <summary>Every series <c>-of-NNNNN</c> must be whole; it may count from 0 or from 1.</summary>
    private static void RequireShards(string root, List<string> files)
    {
        foreach (IGrouping<string, Shard> series in files.Where(IsData).Select(Of).OfType<Shard>().GroupBy(shard => shard.Series).OrderBy(group => group.Key, StringComparer.Ordinal))
        {
            Shard one = series.First();
            HashSet<int> there = [.. series.Select(shard => shard.Number)];
            int first = there.Contains(one.Total) && !there.Contains(0) ? 1 : 0;
            string[] missing = [.. Enumerable.Range(first, one.Total).Where(number => !there.Contains(number)).Take(MostNamed + 1).Select(number => $"`{one.Before}{number.ToString(new string('0', one.Digits), CultureInfo.InvariantCulture)}{one.Behind}`")];
            if (missing.Length == 0) continue;
            throw new CorpusException(
                Path.GetDirectoryName(one.Path) ?? root,
                $"{one.Total - there.Count} of {one.Total} shards are missing: {string.Join(", ", missing.Take(MostNamed))}{(missing.Length > MostNamed ? ", …" : "")}",
                "complete the download, or name the files that are to be read, with a glob for example");
        }
    }

    private static Shard? Of(string path)
    {
        Match match = ShardName().Match(Path.GetFileName(path));
        if (!match.Success) return null;
        string number = match.Groups["number"].Value, behind = match.Groups["behind"].Value;
        // Older data sets have a hash in the name, which differs from shard to shard.
        string ending = Hash().Replace(behind, "", 1);
        string before = match.Groups["before"].Value;
        return new Shard(
            path, $"{Path.GetDirectoryName(path)}/{before}{match.Groups["total"].Value}{ending}", int.Parse(number, CultureInfo.InvariantCulture),
            int.Parse(match.Groups["total"].Value, CultureInfo.InvariantCulture), before, $"-of-{match.Groups["total"].Value}{ending}", number.Length);
    }

    [GeneratedRegex(@"^(?<before>.*?[-_.]|)(?<number>\d{4,6})-of-(?<total>\d{4,6})(?<behind>.*)$", RegexOptions.CultureInvariant)]
    private static partial Regex ShardName();

    [GeneratedRegex("^-[0-9a-f]{16}")]
    private static partial Regex Hash();

    [GeneratedRegex(@"[-_. \d]+")]
    private static partial Regex Word();

    [GeneratedRegex(@"(?m)^(dataset_info|configs)\s*:")]
    private static partial Regex Card();
}
