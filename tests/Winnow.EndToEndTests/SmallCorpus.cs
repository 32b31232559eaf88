using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Winnow.EndToEndTests;

/// <summary>A corpus whose documents follow from their numbers: some fluent, some repeated, some noise, some Chinese.</summary>
internal static class SmallCorpus
{
    private static readonly string[] Words = "the model reads a text and scores it good data help language clean small large rank drop keep token noisy common".Split(' ');

    /// <summary>One JSONL record with its line end; fields beside the text must survive.</summary>
    internal static string Record(int number)
    {
        string source = (number % 3) switch { 0 => "web", 1 => "books", _ => "百科" };
        string text = Text(number).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        return string.Create(CultureInfo.InvariantCulture, $"{{\"id\": \"doc-{number}\",  \"source\":\"{source}\", \"text\": \"{text}\", \"extra\": [1.50, null, {{\"ü\": {number}}}]}}\n");
    }

    /// <summary>Records [first, first + count) as one file's text.</summary>
    internal static string Records(int first, int count) => string.Concat(Enumerable.Range(first, count).Select(Record));

    /// <summary>The bytes of a gzip file.</summary>
    internal static byte[] Gzip(string text)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Fastest)) gzip.Write(Encoding.UTF8.GetBytes(text));
        return bytes.ToArray();
    }

    /// <summary>The bytes of a text in UTF-8.</summary>
    internal static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(int number)
    {
        var random = new Random(number);
        var text = new StringBuilder();
        int words = 8 + random.Next(60);
        for (int i = 0; i < words; i++)
        {
            string word = (number % 7) switch
            {
                0 => "the",
                1 => "模型数据"[random.Next(4)].ToString(),
                2 => random.Next(1 << 20).ToString("x", CultureInfo.InvariantCulture),
                _ => Words[(int)(Words.Length * random.NextDouble() * random.NextDouble())],
            };
            text.Append(i == 0 ? "" : " ").Append(word);
            if (i % 12 == 11) text.Append(i % 24 == 23 ? "\n" : ".");
        }
        return text.ToString();
    }
}
