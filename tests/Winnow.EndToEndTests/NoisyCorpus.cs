using System.Text;
using System.Text.Json;
using Winnow.Data.Corpus;

namespace Winnow.EndToEndTests;

/// <summary>
/// A corpus whose answer is known: documentation that every .NET SDK carries, and a share of noise of four kinds. The source of a
/// document says what it is, and nothing that scores it reads that.
/// </summary>
internal static class NoisyCorpus
{
    internal static readonly string[] Noise = ["shuffled", "boilerplate", "binary", "foreign"];
    private static readonly string[] Items =
        ["Home", "About us", "Contact", "Sign in", "Privacy policy", "Terms of use", "Subscribe now", "Share this page", "All rights reserved", "Cookie settings", "Next »", "« Previous", "Add to cart", "Click here"];
    private static readonly string[] Who = ["老师", "农民", "孩子们", "那位医生", "我的邻居", "船长", "两个学生", "图书管理员"];
    private static readonly string[] Does = ["昨天看见了", "正在寻找", "常常想起", "还没有读完", "悄悄带走了", "终于修好了", "每天清晨打扫"];
    private static readonly string[] What = ["一本旧书", "河边的小屋", "那只黑色的猫", "门前的石桥", "冬天的衣服", "山上的茶园", "一封很长的信"];

    /// <summary>Writes <c>train.jsonl</c> (six parts clean, four parts noise), <c>reference.jsonl</c> and <c>test.jsonl</c> (clean), disjoint.</summary>
    internal static void Write(Winnow winnow, int train, int reference, int test)
    {
        var random = new Random(7);
        int clean = train * 6 / 10;
        string[] texts = Clean(clean + reference + test);
        random.Shuffle(texts);
        IEnumerable<(string, string)> good = texts[..clean].Select(text => ("clean", text));
        IEnumerable<(string, string)> bad = Enumerable.Range(0, train - clean).Select(i => (Noise[i % 4], Bad(Noise[i % 4], texts[i % clean], random)));
        (string Source, string Text)[] mixed = [.. good, .. bad];
        random.Shuffle(mixed);
        Lines(winnow, "train.jsonl", mixed);
        Lines(winnow, "reference.jsonl", texts[clean..(clean + reference)].Select(text => ("clean", text)));
        Lines(winnow, "test.jsonl", texts[(clean + reference)..].Select(text => ("clean", text)));
    }

    private static void Lines(Winnow winnow, string name, IEnumerable<(string Source, string Text)> documents) => winnow.Write(name, string.Concat(
        documents.Select((document, i) => JsonSerializer.Serialize(new { id = $"{name}-{i}", source = document.Source, text = document.Text }) + "\n")));

    /// <summary>Documents of a middling length from all over the documentation, each text once.</summary>
    private static string[] Clean(int count)
    {
        CorpusReader corpus = CorpusReader.Open(DotnetDocumentation.Find(), new CorpusOptions { KeepRecords = false });
        string[] all = [.. Enumerable.Range(0, corpus.Shards.Count).SelectMany(shard => corpus.Read(shard))
            .Where(document => document.Text.Length is >= 350 and <= 1500).Select(document => Encoding.UTF8.GetString(document.Text.Span)).Distinct()];
        int stride = all.Length / count;
        return stride > 0 ? [.. Enumerable.Range(0, count).Select(i => all[i * stride])] : throw new InvalidOperationException($"the documentation has {all.Length} documents of the length wanted, not {count}");
    }

    private static string Bad(string kind, string like, Random random)
    {
        var text = new StringBuilder();
        switch (kind)
        {
            case "shuffled":
                string[] words = like.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
                random.Shuffle(words);
                return string.Join(' ', words);
            case "boilerplate":
                string bar = string.Join(" | ", Enumerable.Range(0, 4 + random.Next(4)).Select(_ => Items[random.Next(Items.Length)]));
                while (text.Length < like.Length) text.Append(bar).Append('\n');
                return text.ToString();
            case "binary":
                while (text.Length < like.Length) text.Append((char)(random.Next(4) == 0 ? random.Next(0x01, 0x20) : random.Next(0x21, 0x17f)));
                return text.ToString();
            case "foreign":
                while (text.Length < like.Length / 3) text.Append(Who[random.Next(Who.Length)]).Append(Does[random.Next(Does.Length)]).Append(What[random.Next(What.Length)]).Append('。');
                return text.ToString();
            default:
                throw new ArgumentOutOfRangeException(nameof(kind), kind, null);
        }
    }
}
