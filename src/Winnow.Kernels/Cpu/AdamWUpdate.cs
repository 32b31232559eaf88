using System.Runtime.CompilerServices;

namespace Winnow.Kernels.Cpu;

/// <summary>One AdamW update: a = parameter, b = gradient, c and d = first and second moment.</summary>
internal readonly unsafe struct AdamWUpdate : IRunKernel
{
    private readonly float _gradientScale;
    private readonly float _beta1;
    private readonly float _beta2;
    private readonly float _rest1;
    private readonly float _rest2;
    private readonly float _rate;
    private readonly float _decay;
    private readonly float _correction2;
    private readonly float _epsilon;

    /// <summary>The constants of a step, computed in double.</summary>
    public AdamWUpdate(AdamWStep step)
    {
        _gradientScale = (float)step.GradientScale;
        _beta1 = (float)step.Beta1;
        _beta2 = (float)step.Beta2;
        _rest1 = (float)(1 - step.Beta1);
        _rest2 = (float)(1 - step.Beta2);
        _rate = (float)(step.LearningRate / (1 - Math.Pow(step.Beta1, step.Step)));
        _decay = (float)(step.LearningRate * step.WeightDecay);
        _correction2 = (float)(1 / (1 - Math.Pow(step.Beta2, step.Step)));
        _epsilon = (float)step.Epsilon;
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Run<TLanes>(float* a, float* b, float* c, float* d, float* e, int count)
        where TLanes : struct, ILanes<TLanes>
    {
        int wide = count - (count % TLanes.Count), rest = count - wide;
        for (int i = 0; i < wide; i += TLanes.Count)
        {
            TLanes first = TLanes.Load(c + i), second = TLanes.Load(d + i);
            Update(TLanes.Load(a + i), TLanes.Load(b + i), ref first, ref second).Store(a + i);
            first.Store(c + i);
            second.Store(d + i);
        }

        if (rest == 0) return;
        TLanes lastFirst = TLanes.LoadPartial(c + wide, rest), lastSecond = TLanes.LoadPartial(d + wide, rest);
        Update(TLanes.LoadPartial(a + wide, rest), TLanes.LoadPartial(b + wide, rest), ref lastFirst, ref lastSecond).StorePartial(a + wide, rest);
        lastFirst.StorePartial(c + wide, rest);
        lastSecond.StorePartial(d + wide, rest);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private TLanes Update<TLanes>(TLanes parameter, TLanes gradient, ref TLanes first, ref TLanes second)
        where TLanes : struct, ILanes<TLanes>
    {
        gradient *= TLanes.Broadcast(_gradientScale);
        first = TLanes.FusedMultiplyAdd(gradient, TLanes.Broadcast(_rest1), first * TLanes.Broadcast(_beta1));
        second = TLanes.FusedMultiplyAdd(gradient * TLanes.Broadcast(_rest2), gradient, second * TLanes.Broadcast(_beta2));
        TLanes scale = TLanes.Sqrt(second * TLanes.Broadcast(_correction2)) + TLanes.Broadcast(_epsilon);

        // 1 − ηλ rounded to f32 would lose digits of ηλ, so the decay is subtracted with the update instead.
        TLanes change = TLanes.FusedMultiplyAdd(parameter, TLanes.Broadcast(_decay), first * TLanes.Broadcast(_rate) / scale);
        return parameter - change;
    }
}
