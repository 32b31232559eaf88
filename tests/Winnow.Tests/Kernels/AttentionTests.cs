using Winnow.Kernels;
using Winnow.Kernels.Cpu;
using Xunit;

namespace Winnow.Tests.Kernels;

/// <summary>What a score may not depend on: neighbours in the batch, how the queries arrive, and where a span lies.</summary>
public sealed class AttentionTests
{
    public static TheoryData<int, int, int, Precision> LanesGroupsAndWindows()
    {
        var data = new TheoryData<int, int, int, Precision>();
        foreach ((int group, int window) in ((int, int)[])[(1, 0), (3, 0), (1, 70)])
        {
            foreach (int lanes in CpuBackend.SupportedLanes) data.Add(lanes, group, window, Precision.F32);
            data.Add(0, group, window, Precision.BF16);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(LanesGroupsAndWindows))]
    public void A_text_has_the_same_bits_alone_in_a_batch_and_token_by_token(int lanes, int group, int window, Precision precision)
    {
        const int Length = 230, Width = 20, Before = 37;
        using var backend = new CpuBackend(1, lanes, precision);
        using var stage = new Stage(backend);
        var shape = new AttentionShape(2 * group, 2, Width, 0.3f, window);
        TensorView q = stage.Input(300, 2 * group * Width), k = stage.Input(300, 2 * Width), v = stage.Input(300, 2 * Width);

        // The text lies between two others.
        TensorView together = stage.Output(300, q.Columns);
        backend.Attend(shape, q, k, v, [new(0, Before, 0, Before), new(Before, Length, Before, Length), new(267, 33, 267, 33)], together, null);
        float[] expected = Rows(stage, together.SliceRows(Before, Length));

        TensorView alone = stage.Output(Length, q.Columns);
        backend.Attend(
            shape, q.SliceRows(Before, Length), k.SliceRows(Before, Length), v.SliceRows(Before, Length), [new(0, Length, 0, Length)], alone, null);
        Assert.Equal(expected, Rows(stage, alone));

        TensorView oneByOne = stage.Output(Length, q.Columns);
        for (int t = 0; t < Length; t++)
            backend.Attend(shape, q.SliceRows(Before + t, 1), k, v, [new(0, 1, Before, t + 1)], oneByOne.SliceRows(t, 1), null);
        Assert.Equal(expected, Rows(stage, oneByOne));

        TensorView inPieces = stage.Output(Length, q.Columns);
        for (int t = 0; t < Length; t += 46)
            backend.Attend(shape, q.SliceRows(Before + t, 46), k, v, [new(0, 46, Before, t + 46)], inPieces.SliceRows(t, 46), null);
        Assert.Equal(expected, Rows(stage, inPieces));
    }

    [Theory]
    [InlineData(Precision.F32)]
    [InlineData(Precision.BF16)]
    public void Nothing_is_allocated_after_the_first_time(Precision precision)
    {
        using var backend = new CpuBackend(1, 0, precision);
        using var stage = new Stage(backend);
        var shape = new AttentionShape(4, 2, 24, 0.2f);
        AttentionSpan[] spans = [new(0, 90, 0, 90)];
        TensorView q = stage.Input(90, 96), k = stage.Input(90, 48), v = stage.Input(90, 48), o = stage.Output(90, 96), kept = stage.Output(90, 4);
        TensorView dq = stage.Output(90, 96), dk = stage.Output(90, 48), dv = stage.Output(90, 48), gain = stage.Input(1, 96);
        IndexTensor positions = stage.Indices(90, 90);
        TensorView table = stage.Input(90, 24), statistics = stage.Output(90, 2), moment = stage.Output(90, 96);
        void Everything()
        {
            backend.Attend(shape, q, k, v, spans, o, null);
            backend.Attend(shape, q, k, v, spans, o, kept);
            backend.AttendBackward(shape, q, k, v, spans, o, kept, q, dq, dk, dv);
            backend.Normalize(new NormShape(NormKind.Layer, 96, 1e-5f), q, gain, null, o, statistics);
            backend.NormalizeBackward(new NormShape(NormKind.Layer, 96, 1e-5f), q, gain, statistics, o, dq, true, gain, null);
            backend.Rotate(k, 24, 24, positions, table);
            backend.Activate(Activation.Gelu, q, o);
            backend.GateBackward(Activation.Silu, q, o, o, dq, o);
            backend.EmbedBackward(q, positions, 1, o);
            backend.GatherRows(q, positions, o);
            backend.Clip(o, 1);
            backend.Clear(moment);
            backend.AdamW(o, q, moment, dq, new AdamWStep(1e-3, 0.9, 0.95, 1e-8, 0.1, 1, 1));
            _ = backend.SumOfSquares(q);
        }

        Everything();
        Everything();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Everything();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static float[] Rows(Stage stage, TensorView view)
    {
        float[] values = new float[view.Length];
        stage.Backend.Download(view.Tensor, view.Offset, values);
        return values;
    }
}
