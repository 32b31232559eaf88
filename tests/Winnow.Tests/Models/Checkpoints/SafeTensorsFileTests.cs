using Winnow.Kernels;
using Winnow.Models;
using Winnow.Models.Checkpoints;
using Winnow.Tests.Data;
using Xunit;
using static Winnow.Tests.Models.Checkpoints.SafeTensorsBytes;

namespace Winnow.Tests.Models.Checkpoints;

/// <summary>Reading and writing safetensors files; every lie of a header is found on opening.</summary>
public sealed class SafeTensorsFileTests
{
    public static TheoryData<string, byte[], string> Lies
    {
        get
        {
            string a = Entry("a", "F32", "[2]", 0, 8);
            return new TheoryData<string, byte[], string>
            {
                { "an empty file", [], "0 bytes; a safetensors file has at least 8" },
                { "five bytes", [1, 2, 3, 4, 5], "5 bytes" },
                { "a header of 1 GB", Of(1 << 30, "{}", []), "the header claims 1073741824 bytes; expected at most" },
                { "a negative header", Of(-1, "{}", []), "expected at most" },
                { "a header larger than the file", Of(1000, $"{{{a}}}", new byte[8]), "the header claims 1000 bytes, but only" },
                { "a header that is no JSON", Of("not json", 8), "the header is not JSON" },
                { "a header cut short", Of($"{{{a}", 8), "the header is not JSON" },
                { "a header that is no object", Of("[1]", 8), "the header is not a JSON object" },
                { "a name twice", Of($"{{{a},{Entry("a", "F32", "[2]", 8, 16)}}}", 16), "the header names tensor `a` twice" },
                { "overlapping tensors", Of($"{{{a},{Entry("b", "F32", "[2]", 4, 12)}}}", 12), "tensors `a` and `b` overlap" },
                { "tensors at the same place", Of($"{{{a},{Entry("b", "F32", "[2]", 0, 8)}}}", 8), "overlap" },
                { "a tensor beyond the end", Of($"{{{a}}}", 4), "tensor `a`: bytes 0 to 8 lie outside the 4 bytes of data" },
                { "a tensor far beyond the end", Of($"{{{Entry("a", "F32", "[2]", long.MaxValue - 8, long.MaxValue)}}}", 8), "outside the 8 bytes" },
                { "an end before the beginning", Of($"{{{Entry("a", "F32", "[2]", 8, 0)}}}", 8), "tensor `a`: bytes 8 to 0" },
                { "negative offsets", Of($"{{{Entry("a", "F32", "[2]", -8, 0)}}}", 8), "tensor `a`: the header's entry is not" },
                { "a shape of another size", Of($"{{{Entry("a", "F32", "[3]", 0, 8)}}}", 8), "tensor `a`: 8 bytes for F32 [3], which takes 12" },
                { "a shape that overflows", Of($"{{{Entry("a", "F32", "[4611686018427387904, 4]", 0, 8)}}}", 8), "too large" },
                { "a negative shape", Of($"{{{Entry("a", "F32", "[-2]", 0, 8)}}}", 8), "tensor `a`: the header's entry is not" },
                { "a fractional shape", Of($"{{{Entry("a", "F32", "[2.5]", 0, 8)}}}", 8), "tensor `a`: the header's entry is not" },
                { "an unknown dtype", Of($"{{{Entry("a", "F31", "[2]", 0, 8)}}}", 8), "tensor `a`: unknown dtype `F31`" },
                { "no offsets", Of("""{"a":{"dtype":"F32","shape":[2]}}""", 8), "tensor `a`: the header's entry is not" },
                { "an entry that is a number", Of("""{"a":1}""", 8), "tensor `a`: the header's entry is not" },
                { "bytes between tensors", Of($"{{{a},{Entry("b", "F32", "[2]", 12, 20)}}}", 20), "4 bytes before tensor `b` belong to no tensor" },
                { "bytes after the last tensor", Of($"{{{a}}}", 11), "3 bytes at the end belong to no tensor" },
            };
        }
    }

    [Theory]
    [MemberData(nameof(Lies))]
    public void A_lying_file_is_refused_and_the_error_says_why(string what, byte[] file, string found)
    {
        Assert.NotEmpty(what);
        using var directory = new TemporaryDirectory();
        string path = directory.Write("model.safetensors", file);
        var error = Assert.Throws<ModelException>(() => SafeTensorsFile.Open(path));
        Assert.Equal(path, error.Place);
        Assert.Contains(found, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_an_error_with_its_path() =>
        Assert.Contains("cannot be read", Assert.Throws<ModelException>(() => SafeTensorsFile.Open("/nowhere/model.safetensors")).Message, StringComparison.Ordinal);

    [Fact]
    public void Every_16_bit_value_widens_to_what_it_stands_for()
    {
        ushort[] all = [.. Enumerable.Range(0, 1 << 16).Select(i => (ushort)i)];
        byte[] raw = [.. all.SelectMany(BitConverter.GetBytes)];
        var values = new float[all.Length];
        MappedTensor.Widen(raw, ElementType.F16, values);
        Assert.All(all, bits => Assert.Equal((float)BitConverter.UInt16BitsToHalf(bits), values[bits]));
        MappedTensor.Widen(raw, ElementType.BF16, values);
        Assert.All(all, bits => Assert.Equal(BitConverter.UInt32BitsToSingle((uint)bits << 16), values[bits]));
    }

    [Theory]
    [InlineData("F32")]
    [InlineData("F16")]
    [InlineData("BF16")]
    public void A_value_that_is_not_finite_is_named_wherever_it_stands(string type)
    {
        int size = type == "F32" ? 4 : 2;
        byte[] notFinite = type switch
        {
            "F32" => BitConverter.GetBytes(float.NegativeInfinity),
            "F16" => BitConverter.GetBytes(Half.NaN),
            _ => BitConverter.GetBytes((ushort)0x7FC0),
        };
        const int Count = 131;
        for (int at = 0; at < Count; at++)
        {
            using var directory = new TemporaryDirectory();
            var data = new byte[Count * size];
            notFinite.CopyTo(data, at * size);
            string path = directory.Write("x.safetensors", Of($"{{{Entry("a", type, $"[{Count}]", 0, data.Length)}}}", data));
            using var file = SafeTensorsFile.Open(path);
            var error = Assert.Throws<ModelException>(() => file.ReadFloats("a"));
            Assert.Equal($"{path}: tensor `a`: element {at} is NaN or infinite", error.Message);
        }
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        using var directory = new TemporaryDirectory();
        string path = directory["written.safetensors"];
        float[] big = [.. Enumerable.Range(0, 200_000).Select(i => i * 0.5f)];
        SafeTensorsWriter.Write(
            path,
            [
                new TensorToWrite("big", [400, 500], (offset, values) => big.AsSpan((int)offset, values.Length).CopyTo(values)),
                new TensorToWrite("empty", [0], (_, _) => Assert.Fail("there is nothing to read")),
                new TensorToWrite("näme", [1], (_, values) => values[0] = -1),
            ],
            new Dictionary<string, string> { ["format"] = "pt" });
        using var file = SafeTensorsFile.Open(path);
        Assert.Equal(big, file.ReadFloats("big"));
        Assert.Equal([400L, 500L], file.Tensors["big"].Shape);
        Assert.Empty(file.ReadFloats("empty"));
        Assert.Equal([-1f], file.ReadFloats("näme"));
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal([path], Directory.GetFiles(directory.Path));
    }

    [Fact]
    public void A_failed_write_leaves_what_was_there()
    {
        using var directory = new TemporaryDirectory();
        string path = directory.Write("x.safetensors", "before");
        var tensor = new TensorToWrite("a", [1], (_, _) => throw new InvalidOperationException("no"));
        Assert.Throws<InvalidOperationException>(() => SafeTensorsWriter.Write(path, [tensor], new Dictionary<string, string>()));
        Assert.Equal("before", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(directory.Path));
    }
}
