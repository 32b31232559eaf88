using Winnow.Kernels;
using Winnow.Models.Checkpoints;
using Winnow.Models.Families;

namespace Winnow.Models;

/// <summary>One trained array of a model.</summary>
/// <param name="Name">Its name in the checkpoint: <c>transformer.h.0.attn.c_attn.weight</c>.</param>
/// <param name="Value">[out, in] for a matrix (whatever the file's orientation), [1, n] for a vector.</param>
/// <param name="Gradient">Same shape; passes add to it.</param>
/// <param name="IsMatrix">True for what is two-dimensional in the checkpoint: weight decay applies to these.</param>
/// <param name="IsTransposed">True when the checkpoint holds the matrix as [in, out].</param>
public sealed record Parameter(string Name, TensorView Value, TensorView Gradient, bool IsMatrix, bool IsTransposed);

/// <summary>A decoder that can be trained: f32 parameters and their gradients in the memory of one backend.</summary>
public sealed class DecoderParameters : IDisposable
{
    // Views start at a multiple of this many floats: a cache line.
    private const int Alignment = 16;

    private readonly List<Parameter> _parameters = [];
    private readonly List<IDisposable> _owned = [];
    private readonly Tensor _values;
    private readonly Tensor _gradients;
    private long _used;

    private DecoderParameters(DecoderConfig config, DecoderLayout layout, IBackend backend)
    {
        RequireTrainable(config);
        Config = config;
        Backend = backend;
        long length = Length(config, layout);
        _values = backend.Allocate(length);
        _gradients = backend.Allocate(length);
        _owned.Add(_values);
        _owned.Add(_gradients);
        var embedding = Project(layout.Embedding);
        var weights = new DecoderWeights(
            embedding,
            layout.Positions is null ? null : Project(layout.Positions),
            [.. layout.Blocks.Select(Block)],
            Norm(layout.FinalNorm!),
            config.TiedHead ? embedding : Project(layout.Head),
            _owned);
        Decoder = new Decoder(config, weights, config.VocabularySize);
    }

    /// <summary>The model's shape.</summary>
    public DecoderConfig Config { get; }

    /// <summary>Where the parameters live.</summary>
    public IBackend Backend { get; }

    /// <summary>Every parameter once (a tied head is its embedding), in the order of the computation.</summary>
    public IReadOnlyList<Parameter> All => _parameters;

    /// <summary>The model over these parameters, for inference: sees every update. Disposed with the parameters.</summary>
    public Decoder Decoder { get; }

    /// <summary>New parameters: matrices N(0, 0.02), projections back into the residual stream divided by √(2·layers), gains 1, biases 0.</summary>
    /// <param name="config">A shape of GPT-2 or Llama kind: see <see cref="Presets"/>.</param>
    /// <param name="seed">The same seed gives the same parameters, for any number of threads.</param>
    /// <param name="backend">Owns the memory.</param>
    public static DecoderParameters Create(DecoderConfig config, ulong seed, IBackend backend)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(backend);
        config.Validate("model shape");
        var layout = DecoderLayout.Of(config);
        var parameters = new DecoderParameters(config, layout, backend);
        var initializer = new Initializer(config, seed);
        foreach (var (slot, view) in parameters.Slots(layout))
        {
            float[] values = initializer.Matrix(slot);
            backend.Upload(values, view.Tensor, view.Offset);
        }

        foreach (var (slot, weights) in parameters.Norms(layout))
        {
            if (Initializer.Gain(slot) is { } gain) backend.Upload(gain, weights.Gain!.Value.Tensor, weights.Gain.Value.Offset);
        }

        return parameters;
    }

    /// <summary>Parameters read from a Hugging Face directory, widened to f32.</summary>
    /// <exception cref="ModelException">The directory cannot be used; the message says why.</exception>
    public static DecoderParameters Load(string directory, IBackend backend)
    {
        ArgumentNullException.ThrowIfNull(backend);
        using var model = ModelDirectory.Open(directory);
        var loader = model.Loader;
        var parameters = new DecoderParameters(model.Config, loader.Layout, backend);
        foreach (var (slot, view) in parameters.Slots(loader.Layout)) loader.Upload(slot, backend, view);

        parameters.UploadVectors(loader);
        return parameters;
    }

    /// <summary>Writes <c>config.json</c> and <c>model.safetensors</c>, each beside its place and then renamed.</summary>
    /// <param name="directory">Made where it does not exist.</param>
    /// <param name="endOfText">Id of the token between documents, when it is known: goes into <c>config.json</c>.</param>
    public void Save(string directory, int? endOfText = null)
    {
        Directory.CreateDirectory(directory);
        SafeTensorsWriter.Write(
            Path.Combine(directory, "model.safetensors"), [.. _parameters.Select(ToWrite)], new Dictionary<string, string> { ["format"] = "pt" });
        ConfigWriter.Write(Path.Combine(directory, "config.json"), Config, endOfText);
    }

    /// <summary>Sets every gradient to 0.</summary>
    public void ClearGradients() => Backend.Clear(_gradients.AsRows(1));

    /// <inheritdoc/>
    public void Dispose() => Decoder.Dispose();

    private static void RequireTrainable(DecoderConfig config)
    {
        bool trainable = Family.All[config.Family].IsTrainable && config is
        {
            NormPlacement: NormPlacement.Before,
            FinalNorm: true,
            ParallelResidual: false,
            QueryKeyNorm: QueryKeyNorm.None,
            QueryKeyValueClip: 0,
            AttentionSoftCap: 0,
            LogitSoftCap: 0,
            HeadBias: false,
        };
        if (!trainable) throw new ModelException(config.Family, "models of this family can be scored with, not trained", "train a gpt2 or llama model");
    }

    private static long Length(DecoderConfig config, DecoderLayout layout)
    {
        static long Aligned(long length) => (length + Alignment - 1) / Alignment * Alignment;

        long sum = 0;
        foreach (var slot in layout.Matrices(config)) sum += Aligned(slot.Rows * (long)slot.Columns) + (slot.HasBias ? Aligned(slot.Rows) : 0);
        foreach (var norm in layout.Norms()) sum += 2 * Aligned(norm.Width);
        return sum;
    }

    private (TensorView Value, TensorView Gradient) Take(int rows, int columns)
    {
        long offset = _used;
        _used = (offset + ((long)rows * columns) + Alignment - 1) / Alignment * Alignment;
        return (new TensorView(_values, offset, rows, columns), new TensorView(_gradients, offset, rows, columns));
    }

    private Projection Project(MatrixSlot slot)
    {
        var (value, gradient) = Take(slot.Rows, slot.Columns);
        int row = 0;
        foreach (var (name, rows) in slot.Parts)
        {
            _parameters.Add(new Parameter(name + ".weight", value.SliceRows(row, rows), gradient.SliceRows(row, rows), true, slot.Transposed));
            row += rows;
        }

        var matrix = Backend.Live(value);
        _owned.Add(matrix);
        if (!slot.HasBias) return new Projection(matrix, null) { WeightGradient = gradient };
        var (bias, biasGradient) = Take(1, slot.Rows);
        int column = 0;
        foreach (var (name, columns) in slot.Parts)
        {
            _parameters.Add(new Parameter(
                name + ".bias", Vector(bias, column, columns), Vector(biasGradient, column, columns), false, false));
            column += columns;
        }

        return new Projection(matrix, bias) { WeightGradient = gradient, BiasGradient = biasGradient };
    }

    private static TensorView Vector(TensorView whole, int first, int count) => new(whole.Tensor, whole.Offset + first, 1, count);

    private NormWeights Norm(NormSlot slot)
    {
        var (gain, gainGradient) = Take(1, slot.Width);
        _parameters.Add(new Parameter(slot.Name + ".weight", gain, gainGradient, false, false));
        if (slot.Parameters != NormParameters.GainAndBias) return new NormWeights(gain, null) { GainGradient = gainGradient };
        var (bias, biasGradient) = Take(1, slot.Width);
        _parameters.Add(new Parameter(slot.Name + ".bias", bias, biasGradient, false, false));
        return new NormWeights(gain, bias) { GainGradient = gainGradient, BiasGradient = biasGradient };
    }

    private BlockWeights Block(BlockLayout block) => new(
        Norm(block.AttentionNorm!), Project(block.QueryKeyValue), null, null, Project(block.AttentionOutput), null,
        Norm(block.MlpNorm!), Project(block.Expand), Project(block.Contract), null);

    /// <summary>Every matrix of the layout and where its parts lie, side by side.</summary>
    private IEnumerable<(MatrixSlot Slot, TensorView View)> Slots(DecoderLayout layout)
    {
        var first = _parameters.ToDictionary(p => p.Name, p => p.Value);
        return layout.Matrices(Config).Select(slot => (slot, first[slot.Parts[0].Name + ".weight"] with { Rows = slot.Rows }));
    }

    private IEnumerable<(NormSlot Slot, NormWeights Weights)> Norms(DecoderLayout layout)
    {
        var blocks = Decoder.Weights.Blocks;
        for (int layer = 0; layer < blocks.Length; layer++)
        {
            yield return (layout.Blocks[layer].AttentionNorm!, blocks[layer].AttentionNorm!);
            yield return (layout.Blocks[layer].MlpNorm!, blocks[layer].MlpNorm!);
        }

        yield return (layout.FinalNorm!, Decoder.Weights.FinalNorm!);
    }

    private void UploadVectors(WeightLoader loader)
    {
        var views = _parameters.ToDictionary(p => p.Name, p => p.Value);

        void Put(string name, float[]? values)
        {
            if (values is not null) Backend.Upload(values, views[name].Tensor, views[name].Offset);
        }

        foreach (var slot in loader.Layout.Matrices(Config)) Put(slot.Parts[0].Name + ".bias", loader.Bias(slot));
        foreach (var slot in loader.Layout.Norms())
        {
            Put(slot.Name + ".weight", loader.Gain(slot));
            Put(slot.Name + ".bias", loader.Bias(slot));
        }
    }

    private TensorToWrite ToWrite(Parameter parameter)
    {
        var view = parameter.Value;
        void Read(long offset, Span<float> values) => Backend.Download(view.Tensor, view.Offset + offset, values);

        if (!parameter.IsMatrix) return new TensorToWrite(parameter.Name, [view.Columns], Read);
        if (!parameter.IsTransposed) return new TensorToWrite(parameter.Name, [view.Rows, view.Columns], Read);
        float[]? transposed = null;
        return new TensorToWrite(parameter.Name, [view.Columns, view.Rows], (offset, values) =>
        {
            transposed ??= Transposed(view);
            transposed.AsSpan((int)offset, values.Length).CopyTo(values);
            if (offset + values.Length == transposed.Length) transposed = null;
        });
    }

    private float[] Transposed(TensorView view)
    {
        var values = new float[checked((int)view.Length)];
        Backend.Download(view.Tensor, view.Offset, values);
        var transposed = new float[values.Length];
        for (int row = 0; row < view.Rows; row++)
        {
            for (int column = 0; column < view.Columns; column++) transposed[(column * view.Rows) + row] = values[(row * view.Columns) + column];
        }

        return transposed;
    }
}
