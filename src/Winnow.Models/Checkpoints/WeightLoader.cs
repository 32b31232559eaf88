using Winnow.Kernels;
using Winnow.Models.Families;

namespace Winnow.Models.Checkpoints;

/// <summary>
/// Finds a layout's tensors in a checkpoint, checks names and shapes of all of them, and undoes what differs between families
/// (fused, split, interleaved, transposed, shifted) by the way it hands out rows.
/// </summary>
internal sealed class WeightLoader
{
    private readonly Checkpoint _checkpoint;
    private readonly DecoderConfig _config;
    private readonly DecoderLayout _layout;
    private readonly TensorNames _names;
    private readonly string[] _prefixes;
    private readonly List<string> _missing = [];
    private readonly HashSet<string> _used = [];

    public WeightLoader(Checkpoint checkpoint, DecoderConfig config)
    {
        _checkpoint = checkpoint;
        _config = config;
        _layout = DecoderLayout.Of(config);
        _names = Family.All[config.Family].Names(config);
        _prefixes = Prefixes(_names.Prefix);
        Check();
    }

    public DecoderLayout Layout => _layout;

    /// <summary>Hands a matrix to the backend: <paramref name="take"/> reads its rows and must be done with them when it returns.</summary>
    public T Matrix<T>(MatrixSlot slot, Func<WeightSource, T> take)
    {
        var mapped = slot.Parts.Select(part => Find(part.Name + ".weight")).Select(tensor => tensor.File.Map(tensor)).ToArray();
        try
        {
            var read = mapped.Select(m => new TensorSource(m, slot.Transposed)).ToArray();
            T result = take(Arrange(slot, read));
            foreach (var source in read)
            {
                if (source.Bad is not { } bad) continue;
                (result as IDisposable)?.Dispose();
                throw bad;
            }

            return result;
        }
        finally
        {
            foreach (var m in mapped) m.Dispose();
        }
    }

    /// <summary>Widens a matrix into a view of the backend's memory.</summary>
    public void Upload(MatrixSlot slot, IBackend backend, TensorView to) => Matrix(slot, source =>
    {
        backend.Upload(source, to);
        return to;
    });

    /// <summary>A matrix's bias, or null.</summary>
    public float[]? Bias(MatrixSlot slot)
    {
        if (!slot.HasBias) return null;
        float[] values = [.. slot.Parts.SelectMany(part => Vector(part.Name + ".bias"))];
        if (slot.InterleavedHeads == 0) return values;
        return [.. HeadOrder(slot.Rows, slot.InterleavedHeads).Select(row => values[row])];
    }

    /// <summary>A normalisation's gain, or null where it has none.</summary>
    public float[]? Gain(NormSlot slot)
    {
        if (slot.Parameters == NormParameters.None) return null;
        float[] values = Vector(slot.Name + ".weight");
        if (slot.GainOffset != 0)
        {
            for (int i = 0; i < values.Length; i++) values[i] += slot.GainOffset;
        }

        return values;
    }

    /// <summary>A normalisation's bias, or null where it has none.</summary>
    public float[]? Bias(NormSlot slot) => slot.Parameters == NormParameters.GainAndBias ? Vector(slot.Name + ".bias") : null;

    private static string[] Prefixes(string prefix)
    {
        // `model.decoder.` may be cut to `decoder.` or to nothing.
        var prefixes = new List<string> { prefix };
        for (int dot = prefix.IndexOf('.'); dot >= 0; dot = prefix.IndexOf('.')) prefixes.Add(prefix = prefix[(dot + 1)..]);
        return [.. prefixes];
    }

    private static WeightSource Arrange(MatrixSlot slot, TensorSource[] read)
    {
        if (slot.SkippedRows > 0) return new ReorderedSource(read[0], [.. Enumerable.Range(slot.SkippedRows, slot.Rows)]);
        if (slot.InterleavedHeads > 0) return new ReorderedSource(read[0], HeadOrder(slot.Rows, slot.InterleavedHeads));
        if (read.Length == 1) return read[0];
        bool sameType = read.All(source => source.ElementType == read[0].ElementType);
        return new StackedSource(sameType ? read : [.. read.Select(FloatSource.Widen)]);
    }

    /// <summary>Which row of [head, (query, key, value), column] each row of [(query, key, value), head, column] is.</summary>
    private static int[] HeadOrder(int rows, int heads)
    {
        int headWidth = rows / heads / 3;
        var order = new int[rows];
        for (int row = 0; row < rows; row++)
        {
            int part = row / (heads * headWidth);
            int head = row / headWidth % heads;
            order[row] = (((head * 3) + part) * headWidth) + (row % headWidth);
        }

        return order;
    }

    private float[] Vector(string name)
    {
        var tensor = Find(name);
        using var mapped = tensor.File.Map(tensor);
        return mapped.Widen();
    }

    private StoredTensor Find(string name) => TryFind(name) ?? throw new ModelException(_checkpoint.Directory, $"no tensor `{name}`");

    private StoredTensor? TryFind(string name)
    {
        if (_checkpoint.Tensors.TryGetValue(name, out var tensor)) return tensor;
        if (!name.StartsWith(_names.Prefix, StringComparison.Ordinal)) return null;
        foreach (string prefix in _prefixes)
        {
            if (_checkpoint.Tensors.TryGetValue(string.Concat(prefix, name.AsSpan(_names.Prefix.Length)), out tensor)) return tensor;
        }

        return null;
    }

    private void Check()
    {
        foreach (var slot in _layout.Matrices(_config)) CheckMatrix(slot);
        if (_config.TiedHead && _layout.Head.HasBias) CheckVector(_layout.Head.Parts[0].Name + ".bias", _layout.Head.Rows);
        foreach (var norm in _layout.Norms())
        {
            if (norm.Parameters != NormParameters.None) CheckVector(norm.Name + ".weight", norm.Width);
            if (norm.Parameters == NormParameters.GainAndBias) CheckVector(norm.Name + ".bias", norm.Width);
        }

        if (_missing.Count > 0)
            throw new ModelException(_checkpoint.Directory, Listing(_missing, "is missing", "are missing"), "does config.json belong to these weights?");
        var extra = _checkpoint.Tensors.Keys.Where(name => !_used.Contains(name) && !IsIgnored(name)).Order(StringComparer.Ordinal).ToList();
        if (extra.Count > 0)
        {
            throw new ModelException(_checkpoint.Directory, Listing(extra, $"is not part of a {_config.Family} model", $"are not part of a {_config.Family} model"),
                "does config.json belong to these weights?");
        }
    }

    private static string Listing(List<string> names, string one, string many)
    {
        const int Shown = 5;
        string list = string.Join(", ", names.Take(Shown).Select(name => $"`{name}`"));
        if (names.Count > Shown) list += $" and {names.Count - Shown} more";
        return names.Count == 1 ? $"tensor {list} {one}" : $"tensors {list} {many}";
    }

    private bool IsIgnored(string name) =>
        _names.Ignored.Any(end => name.EndsWith(end, StringComparison.Ordinal)) || (_config.TiedHead && name == _names.Head + ".weight");

    private void CheckMatrix(MatrixSlot slot)
    {
        foreach (var (name, rows) in slot.Parts)
        {
            int stored = rows + slot.SkippedRows;
            CheckShape(name + ".weight", slot.Transposed ? [slot.Columns, stored] : [stored, slot.Columns]);
            if (slot.HasBias) CheckVector(name + ".bias", rows);
        }
    }

    private void CheckVector(string name, int width) => CheckShape(name, [width]);

    private void CheckShape(string name, long[] shape)
    {
        if (TryFind(name) is not { } tensor)
        {
            _missing.Add(name);
            return;
        }

        _used.Add(tensor.Name);
        if (!tensor.Shape.SequenceEqual(shape))
            throw new ModelException(tensor.Place, $"shape is {tensor.ShapeText}; config.json asks for [{string.Join(", ", shape)}]");
        if (tensor.ElementType is null)
        {
            throw new ModelException(tensor.Place, $"dtype is {tensor.Type}; expected F32, F16 or BF16",
                tensor.Type == "F64" ? null : "quantized checkpoints are not supported: use the original weights");
        }
    }
}
