using System.Runtime.CompilerServices;

namespace Winnow.Kernels.Cpu;

/// <summary>Rotates the heads of a part's rows in place.</summary>
/// <param name="x">[T, heads·headWidth].</param>
/// <param name="headWidth">Columns per head.</param>
/// <param name="half">Pairs per head: column i is rotated with column half + i.</param>
/// <param name="positions">[T]: rows of the table.</param>
/// <param name="table">[positions, 2·half]: cosines, then sines.</param>
/// <param name="inverse">True rotates back.</param>
/// <param name="rowsPerPart">Rows to a part.</param>
internal readonly unsafe struct RotaryWork(
    Matrix x, int headWidth, int half, int* positions, Matrix table, bool inverse, int rowsPerPart) : ILaneWork
{
    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        for (int row = part * rowsPerPart; row < Math.Min(x.Rows, (part + 1) * rowsPerPart); row++)
        {
            float* cosines = table.Row(positions[row]);
            float* end = x.Row(row) + x.Columns;
            for (float* head = x.Row(row); head < end; head += headWidth) Head<TLanes>(head, cosines);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private void Head<TLanes>(float* head, float* cosines)
        where TLanes : struct, ILanes<TLanes>
    {
        float* second = head + half, sines = cosines + half;
        TLanes sign = TLanes.Broadcast(inverse ? -1 : 1);
        int wide = half - (half % TLanes.Count), rest = half - wide;
        for (int i = 0; i < wide; i += TLanes.Count)
        {
            TLanes a = TLanes.Load(head + i), b = TLanes.Load(second + i);
            TLanes cosine = TLanes.Load(cosines + i), sine = TLanes.Load(sines + i) * sign;
            ((a * cosine) - (b * sine)).Store(head + i);
            TLanes.FusedMultiplyAdd(b, cosine, a * sine).Store(second + i);
        }

        if (rest == 0) return;
        TLanes lastA = TLanes.LoadPartial(head + wide, rest), lastB = TLanes.LoadPartial(second + wide, rest);
        TLanes lastCosine = TLanes.LoadPartial(cosines + wide, rest), lastSine = TLanes.LoadPartial(sines + wide, rest) * sign;
        ((lastA * lastCosine) - (lastB * lastSine)).StorePartial(head + wide, rest);
        TLanes.FusedMultiplyAdd(lastB, lastCosine, lastA * lastSine).StorePartial(second + wide, rest);
    }
}
