using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Winnow.Models.Checkpoints;

/// <summary>Fills <paramref name="values"/> with a tensor's elements from <paramref name="offset"/> on.</summary>
public delegate void ReadFloats(long offset, Span<float> values);

/// <summary>One f32 tensor to be written.</summary>
/// <param name="Name">Name in the file.</param>
/// <param name="Shape">Sizes, outermost first.</param>
/// <param name="Read">Called in order of offsets.</param>
public sealed record TensorToWrite(string Name, ImmutableArray<long> Shape, ReadFloats Read);

/// <summary>Writes f32 tensors as a safetensors file.</summary>
public static class SafeTensorsWriter
{
    private const int ChunkFloats = 1 << 16;

    /// <summary>Writes beside <paramref name="path"/>, flushes, and renames.</summary>
    /// <param name="path">The file; overwritten.</param>
    /// <param name="tensors">In the order they are to lie in the file.</param>
    /// <param name="metadata">Goes into <c>__metadata__</c>; transformers expects <c>format: pt</c>.</param>
    public static void Write(string path, IReadOnlyList<TensorToWrite> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(metadata);
        byte[] header = Header(tensors, metadata);
        WrittenFile.Write(path, file =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            file.Write(length);
            file.Write(header);
            var chunk = new float[ChunkFloats];
            foreach (var tensor in tensors)
            {
                long count = Count(tensor);
                for (long offset = 0; offset < count; offset += chunk.Length)
                {
                    var values = chunk.AsSpan(0, (int)Math.Min(chunk.Length, count - offset));
                    tensor.Read(offset, values);
                    file.Write(MemoryMarshal.AsBytes(values));
                }
            }
        });
    }

    private static byte[] Header(IReadOnlyList<TensorToWrite> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            foreach (var (key, value) in metadata) json.WriteString(key, value);
            json.WriteEndObject();
            long begin = 0;
            foreach (var tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", "F32");
                json.WriteStartArray("shape");
                foreach (long size in tensor.Shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(begin);
                json.WriteNumberValue(begin += 4 * Count(tensor));
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (buffer.Length % 8 != 0) buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }

    private static long Count(TensorToWrite tensor) => tensor.Shape.Aggregate(1L, (product, size) => checked(product * size));
}
