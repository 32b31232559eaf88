using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Winnow.Kernels.Cpu;

/// <summary>A function of one number.</summary>
internal interface IFunction
{
    /// <summary>The value in every lane.</summary>
    TLanes Apply<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes>;
}

/// <summary>A function of two numbers.</summary>
internal interface IFunction2
{
    /// <summary>The value in every lane.</summary>
    TLanes Apply<TLanes>(TLanes x, TLanes y)
        where TLanes : struct, ILanes<TLanes>;
}

/// <summary>b = function(a); b may be a.</summary>
internal readonly unsafe struct Map<TFunction>(TFunction function) : IRunKernel
    where TFunction : unmanaged, IFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Run<TLanes>(float* a, float* b, float* c, float* d, float* e, int count)
        where TLanes : struct, ILanes<TLanes>
    {
        int wide = count - (count % TLanes.Count);
        for (int i = 0; i < wide; i += TLanes.Count) function.Apply(TLanes.Load(a + i)).Store(b + i);
        if (wide < count) function.Apply(TLanes.LoadPartial(a + wide, count - wide)).StorePartial(b + wide, count - wide);
    }
}

/// <summary>c = function(a, b); c may be either.</summary>
internal readonly unsafe struct Map2<TFunction>(TFunction function) : IRunKernel
    where TFunction : unmanaged, IFunction2
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Run<TLanes>(float* a, float* b, float* c, float* d, float* e, int count)
        where TLanes : struct, ILanes<TLanes>
    {
        int wide = count - (count % TLanes.Count), rest = count - wide;
        for (int i = 0; i < wide; i += TLanes.Count) function.Apply(TLanes.Load(a + i), TLanes.Load(b + i)).Store(c + i);
        if (rest > 0) function.Apply(TLanes.LoadPartial(a + wide, rest), TLanes.LoadPartial(b + wide, rest)).StorePartial(c + wide, rest);
    }
}

/// <summary>x + y.</summary>
internal readonly struct Sum : IFunction2
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TLanes Apply<TLanes>(TLanes x, TLanes y)
        where TLanes : struct, ILanes<TLanes> => x + y;
}

/// <summary>x · factor.</summary>
internal readonly struct Product(float factor) : IFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TLanes Apply<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes> => x * TLanes.Broadcast(factor);
}

/// <summary>min(max(x, −limit), limit); NaN stays.</summary>
internal readonly struct Limited(float limit) : IFunction
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TLanes Apply<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes> => TLanes.Min(TLanes.Broadcast(limit), TLanes.Max(TLanes.Broadcast(-limit), x));
}

/// <summary>a = 0.</summary>
internal readonly unsafe struct Zeros : IRunKernel
{
    /// <inheritdoc/>
    public void Run<TLanes>(float* a, float* b, float* c, float* d, float* e, int count)
        where TLanes : struct, ILanes<TLanes> => NativeMemory.Clear(a, (nuint)count * sizeof(float));
}

/// <summary>b = a.</summary>
internal readonly unsafe struct Duplicate : IRunKernel
{
    /// <inheritdoc/>
    public void Run<TLanes>(float* a, float* b, float* c, float* d, float* e, int count)
        where TLanes : struct, ILanes<TLanes> => NativeMemory.Copy(a, b, (nuint)count * sizeof(float));
}

/// <summary>The sum of squares of every run, in double, in an order that does not depend on the lanes.</summary>
internal readonly unsafe struct SquaresWork(Runs runs, Matrix x, double* sums) : ILaneWork
{
    /// <inheritdoc/>
    public void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>
    {
        for (int run = runs.First(part); run < runs.End(part); run++) sums[run] = Squares(x.Row(run), runs.Length(run));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static double Squares(float* x, int count)
    {
        Vector256<double> even = default, odd = default;
        int wide = count - (count % 8);
        for (int i = 0; i < wide; i += 8)
        {
            (Vector256<double> lower, Vector256<double> upper) = Vector256.Widen(Vector256.Load(x + i));
            even += lower * lower;
            odd += upper * upper;
        }

        double sum = Vector256.Sum(even + odd);
        for (int i = wide; i < count; i++) sum += (double)x[i] * x[i];
        return sum;
    }
}
