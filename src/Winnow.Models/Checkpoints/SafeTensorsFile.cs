using System.Buffers.Binary;
using System.Collections.Immutable;
using System.IO.MemoryMappedFiles;
using System.Text.Json;

namespace Winnow.Models.Checkpoints;

/// <summary>
/// A safetensors file: 8 bytes of header length, a JSON header of names, types, shapes and byte ranges, then the data. Everything
/// the header claims is checked on opening; tensors are mapped one at a time, so that no more of the file counts as this process's
/// memory than what is being read.
/// </summary>
public sealed class SafeTensorsFile : IDisposable
{
    // The limit of the format's own library: real headers are a few MB at most.
    private const long MaxHeaderBytes = 100_000_000;

    private readonly MemoryMappedFile? _map;

    private SafeTensorsFile(string path, FileStream file, long fileBytes)
    {
        Path = path;
        long headerBytes = ReadHeaderLength(path, file, fileBytes);
        byte[] header = new byte[headerBytes];
        file.ReadExactly(header);
        Tensors = ReadHeader(header, fileBytes - headerBytes - 8, out var metadata);
        Metadata = metadata;
        if (Tensors.Values.Any(t => t.Bytes > 0))
            _map = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        else file.Dispose();
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>All tensors by name.</summary>
    public ImmutableDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>The header's <c>__metadata__</c>.</summary>
    public ImmutableDictionary<string, string> Metadata { get; }

    /// <summary>Opens a file and checks its header.</summary>
    /// <exception cref="ModelException">The file cannot be read or its header lies.</exception>
    public static SafeTensorsFile Open(string path)
    {
        FileStream? file = null;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            return new SafeTensorsFile(path, file, file.Length);
        }
        catch (Exception e)
        {
            file?.Dispose();
            if (e is IOException or UnauthorizedAccessException) throw new ModelException(path, $"cannot be read: {e.Message}", cause: e);
            throw;
        }
    }

    /// <summary>Maps a tensor's bytes until the result is disposed.</summary>
    public MappedTensor Map(StoredTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return new MappedTensor(tensor, tensor.Bytes == 0 ? null : _map!.CreateViewAccessor(tensor.Offset, tensor.Bytes, MemoryMappedFileAccess.Read));
    }

    /// <summary>All values of a tensor, widened to f32.</summary>
    public float[] ReadFloats(string name)
    {
        if (!Tensors.TryGetValue(name, out var tensor)) throw new ModelException(Path, $"no tensor `{name}`");
        using var mapped = Map(tensor);
        return mapped.Widen();
    }

    /// <inheritdoc/>
    public void Dispose() => _map?.Dispose();

    private static long ReadHeaderLength(string path, FileStream file, long fileBytes)
    {
        if (fileBytes < 8) throw new ModelException(path, $"{fileBytes} bytes; a safetensors file has at least 8", TruncatedHint);
        Span<byte> prefix = stackalloc byte[8];
        file.ReadExactly(prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > MaxHeaderBytes)
            throw new ModelException(path, $"the header claims {length} bytes; expected at most {MaxHeaderBytes}", "is this a safetensors file?");
        if ((long)length > fileBytes - 8)
            throw new ModelException(path, $"the header claims {length} bytes, but only {fileBytes - 8} follow", TruncatedHint);
        return (long)length;
    }

    private const string TruncatedHint = "the download may be incomplete: fetch the file again";

    private ImmutableDictionary<string, StoredTensor> ReadHeader(byte[] header, long dataBytes, out ImmutableDictionary<string, string> metadata)
    {
        try
        {
            return ReadEntries(header, dataBytes, out metadata);
        }
        catch (InvalidOperationException e)
        {
            // Strings are decoded when they are asked for, long after the header was found to be JSON.
            throw new ModelException(Path, "the header is not JSON: a string in it is not UTF-8", "is this a safetensors file?", e);
        }
    }

    private ImmutableDictionary<string, StoredTensor> ReadEntries(byte[] header, long dataBytes, out ImmutableDictionary<string, string> metadata)
    {
        var tensors = ImmutableDictionary.CreateBuilder<string, StoredTensor>();
        metadata = ImmutableDictionary<string, string>.Empty;
        using var document = Parse(header);
        if (document.RootElement.ValueKind != JsonValueKind.Object) throw new ModelException(Path, "the header is not a JSON object");
        foreach (var property in document.RootElement.EnumerateObject())
        {
            if (property.Name == "__metadata__")
            {
                metadata = ReadMetadata(property.Value);
                continue;
            }

            var tensor = ReadEntry(property.Name, property.Value, header.Length + 8, dataBytes);
            if (!tensors.TryAdd(property.Name, tensor)) throw new ModelException(Path, $"the header names tensor `{property.Name}` twice");
        }

        RequireContiguous(tensors.Values, header.Length + 8, dataBytes);
        return tensors.ToImmutable();
    }

    private JsonDocument Parse(byte[] header)
    {
        try
        {
            return JsonDocument.Parse(header);
        }
        catch (JsonException e)
        {
            throw new ModelException(Path, $"the header is not JSON: {e.Message}", "is this a safetensors file?", e);
        }
    }

    private static ImmutableDictionary<string, string> ReadMetadata(JsonElement element)
    {
        var metadata = ImmutableDictionary.CreateBuilder<string, string>();
        if (element.ValueKind != JsonValueKind.Object) return metadata.ToImmutable();
        foreach (var property in element.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.String) metadata[property.Name] = property.Value.GetString()!;
        }

        return metadata.ToImmutable();
    }

    private StoredTensor ReadEntry(string name, JsonElement entry, long dataStart, long dataBytes)
    {
        ModelException Bad(string found) => new(Path, $"tensor `{name}`: {found}");

        if (entry.ValueKind != JsonValueKind.Object
            || !entry.TryGetProperty("dtype", out var type) || type.ValueKind != JsonValueKind.String
            || !entry.TryGetProperty("shape", out var shape) || !TryReadCounts(shape, out var sizes)
            || !entry.TryGetProperty("data_offsets", out var offsets) || !TryReadCounts(offsets, out var range) || range.Length != 2)
        {
            throw Bad("the header's entry is not {dtype, shape, data_offsets: [begin, end]} with non-negative integers");
        }

        string typeName = type.GetString()!;
        int bits = ElementBits(typeName);
        if (bits == 0) throw Bad($"unknown dtype `{typeName}`");
        var (begin, end) = (range[0], range[1]);
        if (begin > end || end > dataBytes)
            throw new ModelException(Path, $"tensor `{name}`: bytes {begin} to {end} lie outside the {dataBytes} bytes of data", TruncatedHint);
        Int128 expected = bits;
        foreach (long size in sizes)
        {
            expected *= size;
            if (expected > long.MaxValue) throw Bad($"the shape [{string.Join(", ", sizes)}] is too large");
        }

        if (expected != (Int128)8 * (end - begin))
            throw Bad($"{end - begin} bytes for {typeName} [{string.Join(", ", sizes)}], which takes {expected / 8}");
        return new StoredTensor(name, typeName, sizes, dataStart + begin, end - begin, this);
    }

    private static bool TryReadCounts(JsonElement element, out ImmutableArray<long> counts)
    {
        counts = [];
        if (element.ValueKind != JsonValueKind.Array) return false;
        var values = ImmutableArray.CreateBuilder<long>();
        foreach (var item in element.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out long value) || value < 0) return false;
            values.Add(value);
        }

        counts = values.ToImmutable();
        return true;
    }

    private static int ElementBits(string type) => type switch
    {
        "F64" or "I64" or "U64" or "C64" => 64,
        "F32" or "I32" or "U32" => 32,
        "F16" or "BF16" or "I16" or "U16" => 16,
        "BOOL" or "I8" or "U8" or "F8_E4M3" or "F8_E5M2" or "F8_E8M0" => 8,
        "F4" => 4,
        _ => 0,
    };

    private void RequireContiguous(IEnumerable<StoredTensor> tensors, long dataStart, long dataBytes)
    {
        long reached = dataStart;
        string previous = "the header";
        foreach (var tensor in tensors.OrderBy(t => t.Offset).ThenBy(t => t.Bytes))
        {
            if (tensor.Offset < reached) throw new ModelException(Path, $"tensors `{previous}` and `{tensor.Name}` overlap");
            if (tensor.Offset > reached)
                throw new ModelException(Path, $"{tensor.Offset - reached} bytes before tensor `{tensor.Name}` belong to no tensor");
            reached = tensor.Offset + tensor.Bytes;
            previous = tensor.Name;
        }

        if (reached != dataStart + dataBytes)
            throw new ModelException(Path, $"{dataStart + dataBytes - reached} bytes at the end belong to no tensor");
    }
}
