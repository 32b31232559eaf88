using System.Globalization;
using Winnow.Kernels;
using Winnow.Kernels.Cpu;

namespace Winnow.Benchmarks;

/// <summary>
/// Attention against the peak and row operations by the element, on one thread, the best of many: <c>rows [lanes]</c>. Attention's
/// FLOPs are those of the keys a query sees: 4 per key and column forward, 10 backward (the scores are made again).
/// </summary>
internal static class QuickRows
{
    private const int Rounds = 40;
    private const int Rows = 64;
    private const int Columns = 1024;

    public static void Run(ReadOnlySpan<string> arguments)
    {
        using var backend = new CpuBackend(1, arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 0);
        double peak = MachinePeak.Measure(1, backend.Lanes);
        Console.WriteLine($"{backend.Description}: peak {peak:F1} GFLOP/s");
        foreach ((int tokens, int heads, int keyValueHeads, int width) in
            ((int, int, int, int)[])[(1024, 12, 12, 64), (512, 6, 6, 64), (1024, 8, 2, 128), (2048, 12, 12, 64)])
        {
            (double forward, double backward) = Attention(backend, tokens, new AttentionShape(heads, keyValueHeads, width, 1 / MathF.Sqrt(width)));
            string name = $"attention {tokens} × {heads} ({keyValueHeads}) × {width}";
            Console.WriteLine($"{name,-36} {forward,6:F1} forward {forward / peak,7:P1} {backward,6:F1} backward {backward / peak,7:P1}");
        }

        Console.WriteLine($"{"decoding, 64 texts of 48, 12 × 64",-36} {Decoding(backend) * 1e6,6:F2} µs a head");
        foreach ((string name, Action action) in Operations(backend))
            Console.WriteLine($"{name,-36} {Best(action) * 1e9 / (Rows * Columns),6:F3} ns an element");
    }

    private static (double Forward, double Backward) Attention(CpuBackend backend, int tokens, AttentionShape shape)
    {
        (int wide, int narrow) = (shape.Heads * shape.HeadWidth, shape.KeyValueHeads * shape.HeadWidth);
        TensorView all = Noise(backend, tokens, wide + (2 * narrow)), gradient = Noise(backend, tokens, wide + (2 * narrow));
        TensorView o = Noise(backend, tokens, wide), slope = Noise(backend, tokens, wide), kept = Noise(backend, tokens, shape.Heads);
        AttentionSpan[] spans = [new(0, tokens, 0, tokens)];
        double forward = Best(() => backend.Attend(
            shape, all.SliceColumns(0, wide), all.SliceColumns(wide, narrow), all.SliceColumns(wide + narrow, narrow), spans, o, kept));
        double backward = Best(() => backend.AttendBackward(
            shape, all.SliceColumns(0, wide), all.SliceColumns(wide, narrow), all.SliceColumns(wide + narrow, narrow), spans, o, kept, slope,
            gradient.SliceColumns(0, wide), gradient.SliceColumns(wide, narrow), gradient.SliceColumns(wide + narrow, narrow)));
        double pairs = tokens * (tokens + 1.0) / 2 * wide / 1e9;
        return (4 * pairs / forward, 10 * pairs / backward);
    }

    private static double Decoding(CpuBackend backend)
    {
        const int Texts = 64, Room = 64, Keys = 48, Heads = 12, Width = 64;
        TensorView q = Noise(backend, Texts, Heads * Width), o = Noise(backend, Texts, Heads * Width), cache = Noise(backend, Texts * Room, 2 * Heads * Width);
        AttentionSpan[] spans = [.. Enumerable.Range(0, Texts).Select(i => new AttentionSpan(i, 1, i * Room, Keys))];
        var shape = new AttentionShape(Heads, Heads, Width, 0.125f);
        return Best(() => backend.Attend(shape, q, cache.SliceColumns(0, Heads * Width), cache.SliceColumns(Heads * Width, Heads * Width), spans, o, null))
            / (Texts * Heads);
    }

    private static IEnumerable<(string Name, Action Action)> Operations(CpuBackend backend)
    {
        TensorView x = Noise(backend, Rows, Columns), y = Noise(backend, Rows, Columns), z = Noise(backend, Rows, Columns);
        TensorView gain = Noise(backend, 1, Columns), bias = Noise(backend, 1, Columns), statistics = Noise(backend, Rows, 2);
        foreach (Activation activation in (Activation[])[Activation.Gelu, Activation.GeluTanh, Activation.Silu])
        {
            yield return ($"{activation}", () => backend.Activate(activation, x, z));
            yield return ($"{activation} backward", () => backend.ActivateBackward(activation, x, y, z));
        }

        foreach (NormKind kind in Enum.GetValues<NormKind>())
        {
            var shape = new NormShape(kind, Columns, 1e-5f);
            yield return ($"{kind} norm", () => backend.Normalize(shape, x, gain, bias, z, statistics));
            yield return ($"{kind} norm backward", () => backend.NormalizeBackward(shape, x, gain, statistics, y, z, false, gain, bias));
        }

        IndexTensor positions = backend.AllocateIndices(Rows);
        TensorView table = Noise(backend, 1, 64);
        yield return ("rotate, heads of 64", () => backend.Rotate(x, 64, 64, positions, table));
        yield return ("add", () => backend.Add(x, y, z));
        yield return ("sum of squares", () => backend.SumOfSquares(x));
        TensorView first = Noise(backend, Rows, Columns), second = Noise(backend, Rows, Columns);
        backend.Activate(Activation.Relu, second, second);
        yield return ("AdamW", () => backend.AdamW(z, y, first, second, new AdamWStep(1e-4, 0.9, 0.95, 1e-8, 0.1, 10, 1)));
    }

    private static double Best(Action action)
    {
        for (int i = 0; i < 3; i++) action();
        double best = double.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            double start = CpuClock.Seconds();
            action();
            best = Math.Min(best, CpuClock.Seconds() - start);
        }

        return best;
    }

    private static TensorView Noise(CpuBackend backend, int rows, int columns)
    {
        Tensor tensor = backend.Allocate((long)rows * columns);
        backend.Upload(Stored.Noise(new Random(rows), tensor.Length), tensor);
        return tensor.AsRows(rows);
    }
}
