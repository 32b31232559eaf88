namespace Winnow.Kernels.Cpu;

/// <summary>A trainable parameter, read where it lies.</summary>
internal sealed unsafe class LiveMatrix(Matrix parameter) : CpuWeightMatrix
{
    /// <summary>[out, in].</summary>
    public Matrix Parameter { get; } = parameter;

    /// <inheritdoc/>
    public override int Rows => Parameter.Rows;

    /// <inheritdoc/>
    public override int Columns => Parameter.Columns;

    /// <inheritdoc/>
    public override long Bytes => 0;

    /// <inheritdoc/>
    public override Panels Panels => Panels.OfRows(Parameter);

    /// <inheritdoc/>
    public override int Lanes => 0;

    /// <inheritdoc/>
    public override void ReadRow(int row, float* to) =>
        new ReadOnlySpan<float>(Parameter.Row(row), Columns).CopyTo(new Span<float>(to, Columns));

    /// <inheritdoc/>
    public override void Dispose()
    {
    }
}
