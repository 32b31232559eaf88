namespace Winnow.Kernels.Cpu;

/// <content>Matrix products.</content>
public sealed unsafe partial class CpuBackend
{
    // Rows of x and of the output's gradient that are turned at a time.
    private const int TurnedRows = 1024;

    // Rows a power of two apart would all fall into the same few places of the cache.
    private const int TurnedPadding = 16;

    /// <inheritdoc/>
    public WeightMatrix Pack(WeightSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return Precision == Precision.BF16 ? PairedMatrix.Pack(source, Threads) : Packing.Pack(source, Lanes, Threads);
    }

    /// <inheritdoc/>
    public WeightMatrix Live(TensorView parameter) => new LiveMatrix(At(parameter));

    /// <inheritdoc/>
    public void Linear(TensorView x, WeightMatrix weight, TensorView? bias, Activation activation, TensorView output, bool accumulate = false)
    {
        if (accumulate && activation != Activation.None)
            throw new ArgumentException("an output that is added to has no activation", nameof(activation));
        Panels panels = PanelsOf(weight);
        Multiply(
            Factor(At(x, x.Rows, weight.Columns), panels), panels, At(output, x.Rows, panels.Count),
            new Epilogue((nint)At(bias, panels.Count), activation, accumulate));
    }

    /// <inheritdoc/>
    public void LinearBackwardInput(TensorView outputGradient, WeightMatrix weight, TensorView inputGradient, bool accumulate = false)
    {
        Matrix parameter = ParameterOf(weight);
        Multiply(
            At(outputGradient, outputGradient.Rows, parameter.Rows), Panels.OfColumns(parameter),
            At(inputGradient, outputGradient.Rows, parameter.Columns), new Epilogue(0, Activation.None, accumulate));
    }

    /// <inheritdoc/>
    public void LinearBackwardWeight(TensorView x, TensorView outputGradient, TensorView weightGradient, TensorView? biasGradient)
    {
        Matrix input = At(x), gradient = At(outputGradient, x.Rows, outputGradient.Columns);
        Matrix target = At(weightGradient, outputGradient.Columns, x.Columns);
        float* bias = At(biasGradient, outputGradient.Columns);
        AddTurnedProduct(gradient, input, target, _threads.Shared.Take(TurnedLength(x.Rows, gradient.Columns, x.Columns)));
        if (bias != null) AddColumnSums(gradient, bias);
    }

    /// <summary>What panels are multiplied with: x, or its pairs of bf16 behind <paramref name="taken"/> floats of the shared scratch.</summary>
    private Matrix Factor(Matrix x, Panels panels, long taken = 0)
    {
        if (!panels.Paired) return x;
        Matrix pairs = GemmPairs.Place(_threads.Shared.Take(taken + GemmPairs.Length(x.Rows, panels.Depth)) + taken, x.Rows, panels.Depth);
        _threads.Run(PairWork.Parts(x.Rows), new PairWork(x, pairs));
        return pairs;
    }

    /// <summary>c (+)= a · b.</summary>
    private void Multiply(Matrix a, Panels b, Matrix c, Epilogue epilogue)
    {
        int width = 3 * Lanes;
        var cut = new GemmCut(a.Rows, b.Depth, b.PanelCount(width), width);
        Run(cut.Parts, new GemmWork(cut, a, b, c, epilogue));
    }

    /// <summary>target += leftᵀ · right, summed over rows in pieces of fixed size, first to last.</summary>
    /// <param name="left">[T, M].</param>
    /// <param name="right">[T, N].</param>
    /// <param name="target">[M, N].</param>
    /// <param name="room"><see cref="TurnedLength"/> floats to work in.</param>
    private void AddTurnedProduct(Matrix left, Matrix right, Matrix target, float* room)
    {
        int most = Math.Min(TurnedRows, left.Rows), stride = most + TurnedPadding;
        float* panels = room + ((long)left.Columns * stride);
        for (int first = 0; first < left.Rows; first += most)
        {
            int rows = Math.Min(most, left.Rows - first);
            Matrix terms = left.Slice(first, rows), factors = right.Slice(first, rows);
            var turned = new Matrix(room, left.Columns, rows, stride);
            Run(TurnWork.Parts(rows), new TurnWork(terms, factors, turned, panels));
            var packed = new Panels(PanelLayout.PackedF32, panels, 0, rows, right.Columns);
            Multiply(turned, packed, target, new Epilogue(0, Activation.None, Accumulate: true));
        }
    }

    private long TurnedLength(int rows, int left, int right)
    {
        int most = Math.Min(TurnedRows, rows), width = 3 * Lanes;
        return ((long)left * (most + TurnedPadding)) + ((long)most * (right + width));
    }

    /// <summary>sums[c] += Σ x[r, c].</summary>
    private void AddColumnSums(Matrix x, float* sums) => Run(ColumnSumsWork.Parts(x), new ColumnSumsWork(x, sums));

    private Panels PanelsOf(WeightMatrix weight)
    {
        CpuWeightMatrix matrix = Own(weight);
        if (matrix.Lanes != 0 && matrix.Lanes != Lanes)
            throw new ArgumentException($"it was packed for {matrix.Lanes} lanes, and this backend has {Lanes}", nameof(weight));
        return matrix.Panels;
    }

    private static Matrix ParameterOf(WeightMatrix weight) =>
        Own(weight) is LiveMatrix live
            ? live.Parameter
            : throw new NotSupportedException("a packed weight has no gradient; make the parameter a matrix with `Live`");
}
