namespace Winnow.Kernels.Cpu;

/// <content>The loss head.</content>
public sealed unsafe partial class CpuBackend
{
    // The backward pass holds the gradient of this many rows × this many logits at a time, twice: 12 MiB, and no [T, V].
    private const int GradientRows = 1024;
    private const int GradientColumns = 1536;

    /// <inheritdoc/>
    public void LinearCrossEntropy(
        TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, IndexTensor targets,
        TensorView result, IndexTensor? argmax)
    {
        Panels panels = HeadPanels(unembedding, shape);
        Matrix x = At(hidden, hidden.Rows, unembedding.Columns), to = At(result, hidden.Rows, 3);
        int* wanted = TargetsAt(targets, hidden.Rows, shape), best = argmax is null ? null : At(argmax, hidden.Rows);
        float* shift = At(bias, panels.Count);
        var cut = new HeadCut(x.Rows, panels.PanelCount(3 * Lanes));
        long length = RoundUp((long)cut.Chunks * x.Rows * sizeof(LogitSums) / sizeof(float));
        Matrix factor = Factor(x, panels, length);
        var sums = (LogitSums*)_threads.Shared.Take(length);
        Run(cut.Parts, new LogitSumsWork(cut, factor, panels, shift, shape.SoftCap, wanted, sums));
        Run(LossWork.Parts(x.Rows), new LossWork(cut.Chunks, sums, wanted, to, best));
    }

    /// <inheritdoc/>
    public void LinearCrossEntropyBackward(
        TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, IndexTensor targets,
        TensorView result, float scale, TensorView hiddenGradient, TensorView unembeddingGradient, TensorView? biasGradient)
    {
        Panels panels = HeadPanels(unembedding, shape);
        Matrix parameter = ParameterOf(unembedding);
        Matrix x = At(hidden, hidden.Rows, panels.Depth), losses = At(result, hidden.Rows, 3);
        Matrix inputs = At(hiddenGradient, hidden.Rows, hidden.Columns), weights = At(unembeddingGradient, unembeddingGradient.Rows, hidden.Columns);
        if (weights.Rows < panels.Count) throw new ArgumentException($"{weights.Rows} rows where {panels.Count} belong", nameof(unembeddingGradient));
        int* wanted = TargetsAt(targets, hidden.Rows, shape);
        float* shift = At(bias, panels.Count), shiftGradient = At(biasGradient, panels.Count);
        int most = Math.Min(GradientRows, x.Rows), columns = Math.Min(GradientColumns, panels.Count);
        float* held = _threads.Shared.Take(((long)most * columns) + TurnedLength(most, columns, x.Columns));
        for (int row = 0; row < x.Rows; row += most)
        {
            int rows = Math.Min(most, x.Rows - row);
            Matrix input = x.Slice(row, rows), target = inputs.Slice(row, rows), known = losses.Slice(row, rows);
            for (int id = 0; id < panels.Count; id += columns)
            {
                int count = Math.Min(columns, panels.Count - id);
                var gradient = new Matrix(held, rows, count, count);
                DifferentiateLogits(input, panels.Slice(id, count), shift == null ? null : shift + id, id, shape.SoftCap, wanted + row, known, scale, gradient);
                Multiply(gradient, Panels.OfColumns(parameter.Slice(id, count)), target, new Epilogue(0, Activation.None, Accumulate: id > 0));
                AddTurnedProduct(gradient, input, weights.Slice(id, count), held + ((long)most * columns));
                if (shiftGradient != null) AddColumnSums(gradient, shiftGradient + id);
            }
        }
    }

    /// <inheritdoc/>
    public void Logits(TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, TensorView output)
    {
        Panels panels = HeadPanels(unembedding, shape);
        Matrix to = At(output, hidden.Rows, panels.Count);
        Multiply(Factor(At(hidden, hidden.Rows, unembedding.Columns), panels), panels, to, new Epilogue((nint)At(bias, panels.Count), Activation.None, false));
        if (shape.SoftCap > 0) Run(SoftCapWork.Parts(to), new SoftCapWork(to, shape.SoftCap));
    }

    private void DifferentiateLogits(
        Matrix hidden, Panels panels, float* bias, int first, float softCap, int* targets, Matrix result, float scale, Matrix gradient)
    {
        int width = 3 * Lanes;
        var cut = new GemmCut(hidden.Rows, panels.Depth, panels.PanelCount(width), width);
        Run(cut.Parts, new LogitGradientWork(cut, hidden, panels, bias, first, softCap, targets, result, scale, gradient));
    }

    /// <summary>The rows of the unembedding that take part.</summary>
    private Panels HeadPanels(WeightMatrix unembedding, HeadShape shape)
    {
        Panels panels = PanelsOf(unembedding);
        if (shape.VocabularySize < 1 || shape.VocabularySize > panels.Count)
            throw new ArgumentException($"a vocabulary of {shape.VocabularySize} where the unembedding has {panels.Count} rows", nameof(shape));
        return panels.Slice(0, shape.VocabularySize);
    }

    /// <summary>A multiple of the floats in a line of the cache.</summary>
    private static long RoundUp(long floats) => (floats + 15) / 16 * 16;

    private static int* TargetsAt(IndexTensor targets, int count, HeadShape shape)
    {
        int* ids = At(targets, count);
        for (int i = 0; i < count; i++)
        {
            if (ids[i] < -1 || ids[i] >= shape.VocabularySize)
                throw new ArgumentException($"target {i} is {ids[i]}, outside a vocabulary of {shape.VocabularySize}", nameof(targets));
        }

        return ids;
    }
}
