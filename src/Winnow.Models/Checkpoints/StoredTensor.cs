using System.Collections.Immutable;
using Winnow.Kernels;

namespace Winnow.Models.Checkpoints;

/// <summary>One tensor of a safetensors file, as its header describes it.</summary>
/// <param name="Name">Name in the file.</param>
/// <param name="Type">Element type as written: <c>F32</c>, <c>BF16</c>, <c>I64</c>, …</param>
/// <param name="Shape">Sizes, outermost first; empty for a scalar.</param>
/// <param name="Offset">First byte, from the start of the file.</param>
/// <param name="Bytes">Length in bytes.</param>
/// <param name="File">The file it lies in.</param>
public sealed record StoredTensor(string Name, string Type, ImmutableArray<long> Shape, long Offset, long Bytes, SafeTensorsFile File)
{
    /// <summary>The element type, where it is one that weights can have.</summary>
    public ElementType? ElementType => Type switch
    {
        "F32" => Kernels.ElementType.F32,
        "F16" => Kernels.ElementType.F16,
        "BF16" => Kernels.ElementType.BF16,
        _ => null,
    };

    /// <summary>The file and the tensor, for messages.</summary>
    public string Place => $"{File.Path}: tensor `{Name}`";

    /// <summary>The shape in words: <c>[768, 2304]</c>.</summary>
    public string ShapeText => $"[{string.Join(", ", Shape)}]";
}
