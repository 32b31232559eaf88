using System.Globalization;
using Winnow.Kernels;
using Winnow.Kernels.Cpu;

namespace Winnow.Benchmarks;

/// <summary>
/// Every matrix product in turn, over and over, the peak among them, and the best of each: <c>quick [lanes] [threads] [name part]</c>.
/// What is timed is CPU time, because other programs may have the cores in between.
/// </summary>
internal static class QuickBenchmark
{
    private const int Rounds = 10;

    // The clock of all threads together is only right to some milliseconds.
    private const double FlopsPerSample = 5e10;

    public static void Run(ReadOnlySpan<string> arguments)
    {
        int lanes = arguments.Length > 0 ? int.Parse(arguments[0], CultureInfo.InvariantCulture) : 0;
        int threads = arguments.Length > 1 ? int.Parse(arguments[1], CultureInfo.InvariantCulture) : 1;
        string part = arguments.Length > 2 ? arguments[2] : "";
        using var backend = new CpuBackend(threads, lanes);
        List<Measurement> all = [.. Measurements(backend, part)];
        double[] best = new double[all.Count];
        double peak = 0;
        for (int round = 0; round < Rounds; round++)
        {
            peak = Math.Max(peak, MachinePeak.Measure(threads, backend.Lanes));
            for (int i = 0; i < all.Count; i++) best[i] = Math.Max(best[i], all[i].Flops / Seconds(all[i], threads) / 1e9);
        }

        Console.WriteLine($"{backend.Description}: peak {peak:F1} GFLOP/s");
        for (int i = 0; i < all.Count; i++) Console.WriteLine($"{all[i].Name,-36} {best[i],8:F1} GFLOP/s {best[i] / peak,7:P1}");
    }

    /// <summary>CPU time per thread; waiting in a loop for another thread counts, sleeping does not.</summary>
    private static double Seconds(Measurement what, int threads)
    {
        int times = Math.Max(1, (int)(FlopsPerSample / what.Flops));
        double start = CpuClock.Seconds();
        for (int i = 0; i < times; i++) what.Action();
        return (CpuClock.Seconds() - start) / times / threads;
    }

    private static IEnumerable<Measurement> Measurements(CpuBackend backend, string part)
    {
        foreach ((int, int, int) shape in ((int, int, int)[])[(1024, 768, 3072), (1024, 3072, 768), (1024, 768, 768), (1024, 768, 2304), (512, 384, 1536), (64, 768, 3072), (8, 768, 3072), (1, 768, 3072)])
        {
            if (Wanted($"packed {shape}")) yield return Packed(backend, shape, ElementType.F32);
        }

        foreach ((int, int, int) shape in ((int, int, int)[])[(1024, 768, 3072), (8, 768, 3072)])
        {
            if (Wanted($"bf16 {shape}")) yield return Packed(backend, shape, ElementType.BF16);
            if (Wanted($"f16 {shape}")) yield return Packed(backend, shape, ElementType.F16);
        }

        foreach ((int, int, int) shape in ((int, int, int)[])[(1024, 768, 3072), (1024, 768, 768), (4096, 384, 1536)])
        {
            if (Wanted($"live {shape}")) yield return Live(backend, shape);
            if (Wanted($"input gradient {shape}")) yield return InputGradient(backend, shape);
            if (Wanted($"weight gradient {shape}")) yield return WeightGradient(backend, shape);
        }

        foreach ((int, int, int) shape in ((int, int, int)[])[(1024, 768, 50257), (512, 384, 16384)])
        {
            if (Wanted($"head {shape}")) yield return Head(backend, shape);
            if (Wanted($"head backward {shape}")) yield return HeadBackward(backend, shape);
        }

        bool Wanted(string name) => name.Contains(part, StringComparison.Ordinal);
    }

    private static Measurement Packed(CpuBackend backend, (int Rows, int In, int Out) shape, ElementType type)
    {
        WeightMatrix weight = backend.Pack(new Stored(shape.Out, shape.In, type));
        TensorView x = Noise(backend, shape.Rows, shape.In), y = Noise(backend, shape.Rows, shape.Out);
        return new Measurement(
            $"{(type == ElementType.F32 ? "packed" : type.ToString().ToLowerInvariant())} {shape}",
            2.0 * shape.Rows * shape.In * shape.Out, () => backend.Linear(x, weight, null, Activation.None, y));
    }

    private static Measurement Live(CpuBackend backend, (int Rows, int In, int Out) shape)
    {
        WeightMatrix weight = backend.Live(Noise(backend, shape.Out, shape.In));
        TensorView x = Noise(backend, shape.Rows, shape.In), y = Noise(backend, shape.Rows, shape.Out);
        return new Measurement($"live {shape}", 2.0 * shape.Rows * shape.In * shape.Out, () => backend.Linear(x, weight, null, Activation.None, y));
    }

    private static Measurement InputGradient(CpuBackend backend, (int Rows, int In, int Out) shape)
    {
        WeightMatrix weight = backend.Live(Noise(backend, shape.Out, shape.In));
        TensorView x = Noise(backend, shape.Rows, shape.In), y = Noise(backend, shape.Rows, shape.Out);
        return new Measurement($"input gradient {shape}", 2.0 * shape.Rows * shape.In * shape.Out, () => backend.LinearBackwardInput(y, weight, x));
    }

    private static Measurement WeightGradient(CpuBackend backend, (int Rows, int In, int Out) shape)
    {
        TensorView weight = Noise(backend, shape.Out, shape.In), bias = Noise(backend, 1, shape.Out);
        TensorView x = Noise(backend, shape.Rows, shape.In), y = Noise(backend, shape.Rows, shape.Out);
        return new Measurement($"weight gradient {shape}", 2.0 * shape.Rows * shape.In * shape.Out, () => backend.LinearBackwardWeight(x, y, weight, bias));
    }

    private static Measurement Head(CpuBackend backend, (int Rows, int Width, int Vocabulary) shape)
    {
        WeightMatrix weight = backend.Pack(new Stored(shape.Vocabulary, shape.Width, ElementType.F32));
        TensorView x = Noise(backend, shape.Rows, shape.Width), result = Noise(backend, shape.Rows, 3);
        IndexTensor targets = Targets(backend, shape), argmax = backend.AllocateIndices(shape.Rows);
        return new Measurement(
            $"head {shape}", 2.0 * shape.Rows * shape.Width * shape.Vocabulary,
            () => backend.LinearCrossEntropy(x, weight, null, new HeadShape(shape.Vocabulary), targets, result, argmax));
    }

    private static Measurement HeadBackward(CpuBackend backend, (int Rows, int Width, int Vocabulary) shape)
    {
        WeightMatrix weight = backend.Live(Noise(backend, shape.Vocabulary, shape.Width));
        TensorView gradient = Noise(backend, shape.Vocabulary, shape.Width), dx = Noise(backend, shape.Rows, shape.Width);
        TensorView x = Noise(backend, shape.Rows, shape.Width), result = Noise(backend, shape.Rows, 3);
        IndexTensor targets = Targets(backend, shape);
        var head = new HeadShape(shape.Vocabulary);
        return new Measurement(
            $"head backward {shape}", 6.0 * shape.Rows * shape.Width * shape.Vocabulary,
            () => backend.LinearCrossEntropyBackward(x, weight, null, head, targets, result, 1e-3f, dx, gradient, null));
    }

    private static IndexTensor Targets(CpuBackend backend, (int Rows, int Width, int Vocabulary) shape)
    {
        IndexTensor targets = backend.AllocateIndices(shape.Rows);
        backend.Upload([.. Enumerable.Range(0, shape.Rows).Select(i => (int)(i * 7919L % shape.Vocabulary))], targets);
        return targets;
    }

    private static TensorView Noise(CpuBackend backend, int rows, int columns)
    {
        Tensor tensor = backend.Allocate((long)rows * columns);
        backend.Upload(Stored.Noise(new Random(rows), tensor.Length), tensor);
        return tensor.AsRows(rows);
    }

    private sealed record Measurement(string Name, double Flops, Action Action);
}
