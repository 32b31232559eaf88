using System.Text;
using System.Text.Json;

namespace Winnow.Tests.Pruning;

/// <summary>Generated JSONL: documents of all lengths, some empty, some of one token, some far longer than any context.</summary>
internal static class TinyCorpus
{
    private static readonly string[] Words =
    [
        "the", "language", "model", "score", "rank", "tokens", "naïve", "café", "模型", "数据", "😀", "don't", "3.14", "prune",
        "middle", "<b>html</b>", "if(x){y=1;}", "a", "data", "rare", "ab ab ab ab",
    ];

    /// <summary>Writes a file of documents.</summary>
    public static string Write(string path, int documents, int seed, int mostWords = 90)
    {
        Random random = new(seed);
        StringBuilder lines = new();
        for (int i = 0; i < documents; i++)
        {
            string text = i switch
            {
                _ when i % 13 == 5 => "",
                _ when i % 17 == 3 => "a",
                _ => string.Join(' ', Enumerable.Range(0, random.Next(1, mostWords)).Select(_ => Words[random.Next(Words.Length)])),
            };
            lines.Append(JsonSerializer.Serialize(new { id = $"{seed}-{i}", source = i % 3 == 0 ? "web" : "books", text })).Append('\n');
        }

        File.WriteAllText(path, lines.ToString());
        return path;
    }
}
