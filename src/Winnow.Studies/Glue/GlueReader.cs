using System.Globalization;
using System.Text;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Compression;

namespace Winnow.Studies.Glue;

/// <summary>One example of a task.</summary>
/// <param name="Texts">One or two texts.</param>
/// <param name="Label">Class index, or the number to predict.</param>
public sealed record GlueExample(IReadOnlyList<string> Texts, double Label);

/// <summary>
/// Reads a task's files: the official TSV layout (<c>SST-2/train.tsv</c>, no quoting), or JSON lines as people download them
/// (<c>train.jsonl</c>, <c>validation.jsonl</c>), each also compressed.
/// </summary>
public static class GlueReader
{
    private static readonly string[] Endings = [".tsv", ".tsv.gz", ".tsv.zst", ".jsonl", ".jsonl.gz", ".jsonl.zst"];

    /// <summary>The tasks of which a directory has a train and a dev set.</summary>
    public static IReadOnlyList<GlueTask> Available(string directory) =>
        [.. GlueTask.All.Where(task => Find(directory, task, "train") is not null && task.DevelopmentSets.All(set => Find(directory, task, set) is not null))];

    /// <summary>Reads one set.</summary>
    /// <param name="directory">Holds a folder per task.</param>
    /// <param name="task">The task.</param>
    /// <param name="set"><c>train</c>, or one of the task's dev sets.</param>
    /// <exception cref="CorpusException">The file is missing, or a line is not what the task's files hold.</exception>
    public static IReadOnlyList<GlueExample> Read(string directory, GlueTask task, string set)
    {
        string file = Find(directory, task, set)
            ?? throw new CorpusException(Path.Combine(directory, task.Name), $"no file of the set `{set}`", $"expected {set}.tsv or {set}.jsonl, plain, .gz or .zst");
        using var reader = new StreamReader(CompressedStream.OpenRead(file), new UTF8Encoding(false));
        List<GlueExample> examples = file.Contains(".jsonl", StringComparison.Ordinal) ? ReadJson(reader, file, task) : ReadTsv(reader, file, task);
        return examples.Count > 0 ? examples : throw new CorpusException(file, "no examples");
    }

    /// <summary>Bytes of the train sets of some tasks, as far as they are there; compressed ones count three times.</summary>
    internal static double TrainBytes(string directory, IReadOnlyList<string> tasks) => GlueTask.All.Where(task => tasks.Contains(task.Name)).Select(task => Find(directory, task, "train"))
        .OfType<string>().Sum(file => new FileInfo(file).Length * (file.EndsWith(".gz", StringComparison.Ordinal) || file.EndsWith(".zst", StringComparison.Ordinal) ? 3.0 : 1.0));

    /// <summary>The file of a set: its exact stem first, then one that continues it (<c>dev_sub.tsv</c>).</summary>
    private static string? Find(string directory, GlueTask task, string set)
    {
        string folder = Path.Combine(directory, task.Name);
        if (!Directory.Exists(folder)) return null;
        string[] stems = set == "dev" ? ["dev", "validation"] : set.StartsWith("dev_", StringComparison.Ordinal) ? [set, "validation_" + set[4..]] : [set];
        foreach (string stem in stems)
            foreach (string ending in Endings)
                if (File.Exists(Path.Combine(folder, stem + ending))) return Path.Combine(folder, stem + ending);
        return stems.SelectMany(stem => Directory.EnumerateFiles(folder, stem + "_*"))
            .Where(path => Endings.Any(ending => path.EndsWith(ending, StringComparison.Ordinal)))
            .Order(StringComparer.Ordinal).FirstOrDefault();
    }

    private static List<GlueExample> ReadTsv(StreamReader reader, string file, GlueTask task)
    {
        var examples = new List<GlueExample>();
        int number = 0;
        string[]? header = task.HeaderlessColumns?.ToArray();
        int[] texts = [];
        int label = -1;
        while (reader.ReadLine() is { } line)
        {
            number++;
            string[] fields = line.Split('\t');
            if (texts.Length == 0)
            {
                bool isHeader = header is null || task.TextColumns.All(fields.Contains);
                if (isHeader) header = fields;
                texts = [.. task.TextColumns.Select(name => Column(header!, name, file))];
                label = Column(header!, task.LabelColumn, file);
                if (isHeader) continue;
            }

            int needed = Math.Max(texts.Max(), label);
            if (fields.Length <= needed)
                throw new CorpusException($"{file}:{number}", $"{fields.Length} columns; the header has {header!.Length}");
            examples.Add(new GlueExample([.. texts.Select(i => fields[i])], Label(fields[label], task, $"{file}:{number}")));
        }

        return examples;
    }

    private static List<GlueExample> ReadJson(StreamReader reader, string file, GlueTask task)
    {
        var examples = new List<GlueExample>();
        int number = 0;
        while (reader.ReadLine() is { } line)
        {
            string place = $"{file}:{++number}";
            if (line.Length == 0) continue;
            try
            {
                using JsonDocument json = JsonDocument.Parse(line);
                List<string> texts = [.. (task.JsonFields ?? task.TextColumns).Select(name => Field(json.RootElement, name, place).GetString()!)];
                JsonElement label = Field(json.RootElement, "label", place);
                string text = label.ValueKind == JsonValueKind.String ? label.GetString()! : label.GetRawText();
                examples.Add(new GlueExample(texts, Label(text, task, place)));
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                throw new CorpusException(place, "not a JSON object with the task's texts and a label", "each line is one example: {\"sentence\": \"…\", \"label\": 1}");
            }
        }

        return examples;
    }

    private static JsonElement Field(JsonElement json, string name, string place) => json.TryGetProperty(name, out JsonElement value)
        ? value
        : throw new CorpusException(place, $"no property `{name}`; this line has {string.Join(", ", json.EnumerateObject().Select(p => $"`{p.Name}`"))}");

    private static int Column(string[] header, string name, string file)
    {
        int column = Array.IndexOf(header, name);
        return column >= 0
            ? column
            : throw new CorpusException($"{file}:1", $"no column `{name}`; the header has {string.Join(", ", header.Select(h => $"`{h}`"))}");
    }

    private static double Label(string text, GlueTask task, string place)
    {
        if (task.IsRegression)
        {
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double score)
                ? score
                : throw new CorpusException(place, $"the score `{text}` is not a number");
        }

        for (int i = 0; i < task.Labels.Count; i++)
            if (task.Labels[i] == text) return i;
        // The files that people download number the classes; MNLI in the order below, entailment tasks with 0 for entailment.
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < task.Labels.Count)
            return task.Labels[0] == "not_entailment" ? 1 - index : index;
        throw new CorpusException(place, $"the label `{text}` is none of {string.Join(", ", task.Labels.Select(l => $"`{l}`"))}",
            text == "-1" ? "this is a test set without labels; use train and dev" : null);
    }
}
