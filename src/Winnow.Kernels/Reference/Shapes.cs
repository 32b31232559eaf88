namespace Winnow.Kernels;

/// <summary>What every backend demands of the views an operation is given, in one place; a kernel behind it checks nothing.</summary>
internal static class Shapes
{
    public static void Require(bool holds, string found)
    {
        if (!holds) throw new ArgumentException(found);
    }

    /// <summary>The view's rows lie inside its tensor.</summary>
    public static void Inside(TensorView view)
    {
        ArgumentNullException.ThrowIfNull(view.Tensor);
        bool fits = view is { Offset: >= 0, Rows: >= 0, Columns: >= 0 } && (view.Rows < 2 || view.Stride >= view.Columns)
            && (view.Length == 0 || view.Offset + ((long)(view.Rows - 1) * view.Stride) + view.Columns <= view.Tensor.Length);
        if (!fits)
        {
            throw new ArgumentException(
                $"view [{view.Rows}, {view.Columns}] at {view.Offset}, stride {view.Stride}, leaves its tensor of {view.Tensor.Length} elements");
        }
    }

    public static void Is(TensorView view, int rows, int columns)
    {
        Inside(view);
        if (view.Rows != rows || view.Columns != columns)
            throw new ArgumentException($"view is [{view.Rows}, {view.Columns}], expected [{rows}, {columns}]");
    }

    public static void Is(TensorView? view, int rows, int columns)
    {
        if (view is { } some) Is(some, rows, columns);
    }

    public static void Same(TensorView x, TensorView y)
    {
        Inside(x);
        Is(y, x.Rows, x.Columns);
    }

    public static void Same(TensorView x, TensorView y, TensorView z)
    {
        Same(x, y);
        Is(z, x.Rows, x.Columns);
    }

    public static void Holds(IndexTensor indices, int count)
    {
        ArgumentNullException.ThrowIfNull(indices);
        if (indices.Length < count) throw new ArgumentException($"index tensor holds {indices.Length} elements, expected at least {count}");
    }

    /// <summary>Every one of the first indices is a row that exists.</summary>
    public static void Below(ReadOnlySpan<int> indices, int limit, int lowest = 0)
    {
        foreach (int index in indices)
        {
            if (index < lowest || index >= limit)
                throw new ArgumentOutOfRangeException(nameof(indices), index, $"an index is outside [{lowest}, {limit})");
        }
    }

    /// <summary>Checks the common part of <see cref="IBackend.Normalize"/> and its gradient; returns the groups per row.</summary>
    public static int Norm(NormShape shape, TensorView x, TensorView? gain, TensorView? bias, TensorView? statistics)
    {
        Inside(x);
        if (shape.Width < 1 || x.Columns % shape.Width != 0)
            throw new ArgumentException($"{x.Columns} columns are no whole number of groups of {shape.Width}");
        int groups = x.Columns / shape.Width;
        Is(gain, 1, shape.Width);
        Is(bias, 1, shape.Width);
        Is(statistics, x.Rows, 2 * groups);
        return groups;
    }

    /// <summary>Checks <see cref="IBackend.Rotate"/> up to the positions' values; returns the heads per row.</summary>
    public static int Rotary(TensorView x, int headWidth, int rotaryWidth, IndexTensor positions, TensorView table)
    {
        Inside(x);
        Inside(table);
        Holds(positions, x.Rows);
        if (headWidth < 1 || x.Columns % headWidth != 0)
            throw new ArgumentException($"{x.Columns} columns are no whole number of heads of {headWidth}");
        if (rotaryWidth < 0 || rotaryWidth % 2 != 0 || rotaryWidth > headWidth)
            throw new ArgumentException($"rotary width {rotaryWidth} must be even and at most the head width {headWidth}");
        if (table.Columns != rotaryWidth) throw new ArgumentException($"rotary table has {table.Columns} columns, expected {rotaryWidth}");
        return x.Columns / headWidth;
    }

    /// <summary>Checks <see cref="IBackend.Linear"/> and its gradients.</summary>
    public static void Linear(TensorView x, int outRows, int inColumns, TensorView? bias, TensorView output)
    {
        Inside(x);
        if (x.Columns != inColumns) throw new ArgumentException($"input has {x.Columns} columns, the weight [{outRows}, {inColumns}]");
        Is(bias, 1, outRows);
        Is(output, x.Rows, outRows);
    }

    /// <summary>Checks the common part of <see cref="IBackend.Attend"/> and its gradient.</summary>
    public static void Attention(
        AttentionShape shape, TensorView queries, TensorView keys, TensorView values, ReadOnlySpan<AttentionSpan> spans, TensorView output,
        TensorView? logSumExp)
    {
        if (shape.Heads < 1 || shape.KeyValueHeads < 1 || shape.Heads % shape.KeyValueHeads != 0)
            throw new ArgumentException($"{shape.Heads} heads are no multiple of {shape.KeyValueHeads} key-value heads");
        if (shape.HeadWidth < 1 || shape.Window < 0 || shape.SoftCap < 0) throw new ArgumentException($"impossible attention shape {shape}");
        Is(queries, queries.Rows, shape.Heads * shape.HeadWidth);
        Is(keys, keys.Rows, shape.KeyValueHeads * shape.HeadWidth);
        Is(values, keys.Rows, shape.KeyValueHeads * shape.HeadWidth);
        Same(queries, output);
        Is(logSumExp, queries.Rows, shape.Heads);
        foreach (AttentionSpan span in spans)
        {
            bool fits = span is { QueryStart: >= 0, QueryCount: >= 0, KeyStart: >= 0 } && span.KeyCount >= span.QueryCount
                && span.QueryStart + (long)span.QueryCount <= queries.Rows && span.KeyStart + (long)span.KeyCount <= keys.Rows;
            if (!fits) throw new ArgumentException($"{span} does not fit {queries.Rows} queries and {keys.Rows} keys");
        }
    }

    /// <summary>Checks the common part of <see cref="IBackend.LinearCrossEntropy"/> and its gradient.</summary>
    public static void Head(TensorView hidden, WeightMatrix unembedding, TensorView? bias, HeadShape shape, IndexTensor targets, TensorView result)
    {
        Inside(hidden);
        if (unembedding.Columns != hidden.Columns)
            throw new ArgumentException($"hidden has {hidden.Columns} columns, the unembedding {unembedding.Columns}");
        if (shape.VocabularySize < 1 || shape.VocabularySize > unembedding.Rows || shape.SoftCap < 0)
            throw new ArgumentException($"{shape} does not fit an unembedding of {unembedding.Rows} rows");
        if (bias is { } some)
        {
            Inside(some);
            Require(some.Rows == 1 && some.Columns >= shape.VocabularySize, $"head bias is [{some.Rows}, {some.Columns}]");
        }

        Holds(targets, hidden.Rows);
        Is(result, hidden.Rows, 3);
    }
}
