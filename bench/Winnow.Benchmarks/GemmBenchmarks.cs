using BenchmarkDotNet.Attributes;
using Winnow.Kernels;
using Winnow.Kernels.Cpu;

namespace Winnow.Benchmarks;

/// <summary>Matrix products of a 124 M parameter GPT-2 over 1,024 tokens, and its loss head.</summary>
[MemoryDiagnoser]
public class GemmBenchmarks : IDisposable
{
    private const int Tokens = 1024;
    private const int Width = 768;
    private const int HiddenWidth = 3072;
    private const int VocabularySize = 50257;

    private CpuBackend _backend = null!;
    private WeightMatrix _weight = null!;
    private WeightMatrix _unembedding = null!;
    private TensorView _x;
    private TensorView _y;
    private TensorView _result;
    private IndexTensor _targets = null!;

    /// <summary>Threads inside each operation.</summary>
    [Params(1, 2)]
    public int Threads { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _backend = new CpuBackend(Threads);
        _weight = _backend.Pack(new Stored(HiddenWidth, Width, ElementType.F32));
        _unembedding = _backend.Pack(new Stored(VocabularySize, Width, ElementType.F32));
        Tensor x = _backend.Allocate((long)Tokens * Width);
        _backend.Upload(Stored.Noise(new Random(1), x.Length), x);
        _x = x.AsRows(Tokens);
        _y = _backend.Allocate((long)Tokens * HiddenWidth).AsRows(Tokens);
        _result = _backend.Allocate(3L * Tokens).AsRows(Tokens);
        _targets = _backend.AllocateIndices(Tokens);
    }

    [Benchmark]
    public void Linear() => _backend.Linear(_x, _weight, null, Activation.None, _y);

    [Benchmark]
    public void LinearCrossEntropy() =>
        _backend.LinearCrossEntropy(_x, _unembedding, null, new HeadShape(VocabularySize), _targets, _result, null);

    [GlobalCleanup]
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        _weight.Dispose();
        _unembedding.Dispose();
        _x.Tensor.Dispose();
        _y.Tensor.Dispose();
        _result.Tensor.Dispose();
        _targets.Dispose();
        _backend.Dispose();
    }
}
