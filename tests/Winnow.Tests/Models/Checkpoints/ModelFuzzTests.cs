using Winnow.Data;
using Winnow.Data.Tokenizers;
using Winnow.Models;
using Winnow.Models.Checkpoints;
using Winnow.Tests.Data;
using Xunit;

namespace Winnow.Tests.Models.Checkpoints;

/// <summary>As <see cref="CorpusFuzzTests"/>, with the files of a model: they are read, or refused in Winnow's words.</summary>
public class ModelFuzzTests
{
    private const long MaxAllocatedBytes = 64L << 20;

    [Fact]
    public void Changed_safetensors_are_read_or_refused() => Run(
        File.ReadAllBytes(Path.Combine(Fixtures.Root("e2e"), "model.safetensors")), 4096, path =>
        {
            using SafeTensorsFile file = SafeTensorsFile.Open(path);
            foreach ((string name, StoredTensor tensor) in file.Tensors) Assert.Equal(tensor.Shape.Aggregate(1L, (all, one) => all * one), file.ReadFloats(name).LongLength);
        });

    [Theory]
    [InlineData("e2e")]
    [InlineData("tokenizers/gemma")]
    public void Changed_tokenizers_are_read_or_refused(string fixture) => Run(
        File.ReadAllBytes(Path.Combine(Fixtures.Root(fixture), "tokenizer.json")), int.MaxValue, path =>
        {
            Tokenizer tokenizer = Tokenizer.Load(path);
            List<int> ids = [];
            tokenizer.CreateEncoder().Encode("Some 模型 text, 12 of it.\n"u8, ids);
            Assert.All(ids, id => Assert.InRange(id, 0, tokenizer.VocabularySize - 1));
        });

    /// <param name="seed">A good file.</param>
    /// <param name="head">Bytes at its start that are changed.</param>
    /// <param name="read">Reads a changed one.</param>
    private static void Run(byte[] seed, int head, Action<string> read)
    {
        using TemporaryDirectory directory = new();
        Random random = new(seed.Length);
        int good = 0, bad = 0;
        for (int round = 0; round < CorpusFuzzTests.Rounds; round++)
        {
            byte[] changed = head < seed.Length ? [.. CorpusFuzzTests.Mutate(seed[..head], random), .. seed[head..]] : CorpusFuzzTests.Mutate(seed, random);
            string path = directory.Write($"{round}.json", changed);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                read(path);
                good++;
            }
            catch (Exception e) when (e is CorpusException or ModelException)
            {
                bad++;
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"round {round}: {e}");
            }
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < MaxAllocatedBytes, $"round {round} allocated {allocated} bytes");
            File.Delete(path);
        }
        Assert.True(good + bad == CorpusFuzzTests.Rounds && bad > 0, $"{good} read, {bad} refused");
    }
}
