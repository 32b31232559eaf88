using Winnow.Studies.Reports;

namespace Winnow.Tests.Reports;

/// <summary>A report of a corpus that does not exist, with every section filled and text that tries to break the page.</summary>
internal static class SyntheticReport
{
    internal static ReportData Create()
    {
        const int bins = 64;
        double[] edges = [.. Enumerable.Range(0, bins + 1).Select(i => Math.Exp(Math.Log(4) + (i * (Math.Log(6000) - Math.Log(4)) / bins)))];
        long[] total = [.. Enumerable.Range(0, bins).Select(i => (long)((4100 * Bump(i, 27, 8)) + (700 * Bump(i, 12, 3.5)) + (260 * Bump(i, 47, 7))))];
        long[] kept = [.. total.Select((n, i) => i is > 23 and < 31 ? n : i is 23 or 31 ? n / 3 : 0)];
        Cut[] cuts = [new([(edges[23] * 0.3) + (edges[24] * 0.7)]), new([(edges[31] * 0.7) + (edges[32] * 0.3)])];
        return new ReportData
        {
            Title = "A corpus, winnowed",
            Summary = "Kept the middle 50 % of 71,204 documents of web.jsonl.zst and 百科.jsonl by perplexity under a reference of 4.2 M parameters trained here, no document scored by a model that saw it.",
            Version = "0.1.0",
            Created = new DateTimeOffset(2026, 1, 2, 3, 4, 0, TimeSpan.Zero),
            Facts =
            [
                new("documents kept", "35,602", "of 71,204 (50.0 %)"), new("tokens kept", "18.4 M", "of 39.7 M (46.3 %)"), new("bytes kept", "79.3 MB", "of 174 MB (45.6 %)"),
                new("perplexity kept", "112 – 287", "median of all 181"), new("time", "2 min 41 s", "412 k tokens/s to score"), new("without a score", "37", "36 too short, 1 empty"),
            ],
            Histogram = new ScoreHistogram("perplexity", true, edges, total, kept, cuts, [.. Enumerable.Range(1, 9).Select(i => edges[15 + (3 * i)])], 3, 12),
            Sources =
            [
                new("web", 41_200, 18_951, 102_000_000, 44_200_000, 214.3), new("百科 (encyclopedia)", 18_004, 12_233, 48_100_000, 30_000_000, 150.2),
                new("forum", 9_500, 3_918, 17_500_000, 4_900_000, 402.9), new("<script>alert(1)</script>", 2_500, 500, 6_400_000, 200_000, 1311),
            ],
            Lengths = Density(cuts),
            Samples =
            [
                new("Around the lower cut", "ten on either side of perplexity 112", [
                    new(111.9, false, "web-0001", "web", 1832, 403, "By continuing to use this site you agree to our terms of service, our privacy policy and our cookie policy. All rights reserved."),
                    new(112.1, true, "zhwiki/13", "百科 (encyclopedia)", 2210, 640, "南京市,简称“宁”,是江苏省省会、副省级市、特大城市,国务院批复确定的中国东部地区重要的中心城市、全国重要的科研教育基地和综合交通枢纽。\n\n南京的历史……"),
                    new(112.4, true, "x</p><img src=x onerror=alert(1)>", "web", 90, 31, "</p><script>document.body.innerHTML = ''</script> & \u0000\u0007 \u202ereversed\u202c \ud800 end"),
                ]),
                new("Lowest", "the easiest for the reference", [new(4.2, false, "f-77", "forum", 400, 120, "ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha ha")]),
            ],
            Curves = [Curve("reference A, held out half B", 0), Curve("reference B, held out half A", 1)],
            Skipped = [new("too_short", 36, 410, "fewer than two tokens: nothing to predict"), new("empty", 1, 0, "no text")],
            BadRecords = ["web.jsonl.zst:1042: no property `text`; this line has `id`, `content`"],
            BadRecordCount = 1,
            Costs =
            [
                new("train tokenizer", 4.1, 0, 0, null), new("train reference A", 51.2, 1_600_000, 4.1e13, 0.66), new("train reference B", 50.9, 1_600_000, 4.1e13, 0.66),
                new("score", 96.4, 39_700_000, 3.4e14, 0.71), new("select", 0.4, 0, 0, null), new("export", 1.9, 0, 0, null),
            ],
            CostNote = "Two references were trained, each on one half, and each scored the other half: the second one cost 50.9 s, 24.9 % of the whole.",
            Options =
            [
                new("Options", [new("keep", "middle:50%"), new("metric", "perplexity"), new("unit", "document"), new("context", "512"), new("window", "disjoint"), new("seed", "1")]),
                new("Identities (SHA-256)", [new("model", "9f2c1e77a6b0d4c3e81f0b5d3a9c7e21"), new("tokenizer", "11aa22bb33cc44dd55ee66ff77889900"), new("inputs", "00ff11ee22dd33cc44bb55aa66997788")]),
            ],
        };
    }

    private static double Bump(double x, double at, double width) => Math.Exp(-(x - at) * (x - at) / (2 * width * width));

    private static LengthDensity Density(Cut[] cuts)
    {
        const int columns = 20, rows = 18;
        double[] lengths = [.. Enumerable.Range(0, columns + 1).Select(i => Math.Pow(10, 0.7 + (i * 3.2 / columns)))];
        double[] scores = [.. Enumerable.Range(0, rows + 1).Select(i => Math.Exp(Math.Log(4) + (i * (Math.Log(6000) - Math.Log(4)) / rows)))];
        long[] counts = [.. Enumerable.Range(0, rows * columns).Select(i => (long)(420 * Bump(i % columns, 10, 3.5) * Bump(i / columns, 9.5 - (i % columns * 0.18), 2.3 - (i % columns * 0.06))))];
        double[] medians = [.. Enumerable.Range(0, columns).Select(c => c is < 2 or > 18 ? double.NaN : scores[(int)Math.Round(9.5 - (c * 0.18))])];
        return new LengthDensity("perplexity", true, "tokens", lengths, scores, counts, medians, cuts, -0.31);
    }

    private static TrainingCurve Curve(string name, int seed)
    {
        double[] steps = [.. Enumerable.Range(1, 120).Select(i => i * 13653.0)];
        return new TrainingCurve(name, steps, [.. steps.Select((_, i) => 4.6 + (4.9 * Math.Exp(-i / 38.0)) + (0.12 * Math.Sin((i * 12.9898) + seed)) - (0.05 * seed))]);
    }
}
