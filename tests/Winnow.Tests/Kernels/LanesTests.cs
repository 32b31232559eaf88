using Winnow.Kernels.Cpu;
using Xunit;

namespace Winnow.Tests.Kernels;

/// <summary>Registers of every width the machine has, against plain arithmetic.</summary>
public sealed unsafe class LanesTests
{
    [Fact]
    public void Lanes_agree_with_plain_arithmetic() => OnEveryWidth(new Arithmetic());

    [Fact]
    public void Partial_loads_and_stores_touch_nothing_else() => OnEveryWidth(new Partial());

    [Fact]
    public void The_exponential_errs_by_about_one_unit_in_the_last_place() => OnEveryWidth(new Exponential());

    [Fact]
    public void The_hyperbolic_tangent_errs_by_about_two_units_in_the_last_place() => OnEveryWidth(new Tangent());

    [Fact]
    public void Any_block_is_transposed() => OnEveryWidth(new Turned());

    private static void OnEveryWidth<TCheck>(TCheck check)
        where TCheck : ICheck
    {
        if (Lanes16.IsSupported) check.Run<Lanes16>();
        if (Lanes8.IsSupported) check.Run<Lanes8>();
        check.Run<Lanes4>();
    }

    private interface ICheck
    {
        void Run<TLanes>()
            where TLanes : struct, ILanes<TLanes>;
    }

    private readonly struct Arithmetic : ICheck
    {
        public void Run<TLanes>()
            where TLanes : struct, ILanes<TLanes>
        {
            float* x = stackalloc float[16], y = stackalloc float[16];
            var random = new Random(1);
            for (int i = 0; i < 16; i++) (x[i], y[i]) = ((20 * random.NextSingle()) - 10, (20 * random.NextSingle()) - 10);
            (x[1], y[1]) = (3, 3);
            TLanes a = TLanes.Load(x), b = TLanes.Load(y);
            Check(a + b, i => x[i] + y[i]);
            Check(a - b, i => x[i] - y[i]);
            Check(a * b, i => x[i] * y[i]);
            Check(a / b, i => x[i] / y[i]);
            Check(TLanes.FusedMultiplyAdd(a, b, a), i => MathF.FusedMultiplyAdd(x[i], y[i], x[i]));
            Check(TLanes.Min(a, b), i => Math.Min(x[i], y[i]));
            Check(TLanes.Max(a, b), i => Math.Max(x[i], y[i]));
            Check(TLanes.Abs(a), i => Math.Abs(x[i]));
            Check(TLanes.Sqrt(TLanes.Abs(a)), i => MathF.Sqrt(Math.Abs(x[i])));
            Check(TLanes.Round(a), i => MathF.Round(x[i]));
            Check(TLanes.ScaleByPowerOfTwo(a, TLanes.Round(b)), i => MathF.ScaleB(x[i], (int)MathF.Round(y[i])));
            Check(TLanes.ScaleByPowerOfTwo(a, TLanes.Broadcast(-145)), i => MathF.ScaleB(x[i], -145));
            Check(TLanes.Select(TLanes.LessThan(a, b), a, b), i => x[i] < y[i] ? x[i] : y[i]);
            Check(TLanes.Select(TLanes.LessThanOrEqual(a, b), a, TLanes.Zero), i => x[i] <= y[i] ? x[i] : 0);
            Check(TLanes.Select(TLanes.Equal(a, b), a, TLanes.Zero), i => x[i] == y[i] ? x[i] : 0);
            Check(TLanes.FromIntegers(TLanes.ToIntegers(a)), i => MathF.Truncate(x[i]));
            Check(TLanes.Ramp, i => i);
            float sum = 0, maximum = float.MinValue;
            for (int i = 0; i < TLanes.Count; i++) (sum, maximum) = (sum + x[i], Math.Max(maximum, x[i]));
            Assert.Equal(sum, a.Sum(), 1e-4f);
            Assert.Equal(maximum, a.Maximum());
            Assert.Equal(1, TLanes.First(TLanes.Equal(a, b)));
            Assert.True(TLanes.Any(TLanes.Equal(a, b)));
            Assert.False(TLanes.Any(TLanes.LessThan(a, a)));
        }

        private static void Check<TLanes>(TLanes actual, Func<int, float> expected)
            where TLanes : struct, ILanes<TLanes>
        {
            float* lanes = stackalloc float[16];
            actual.Store(lanes);
            for (int i = 0; i < TLanes.Count; i++) Assert.Equal(expected(i), lanes[i]);
        }
    }

    private readonly struct Partial : ICheck
    {
        public void Run<TLanes>()
            where TLanes : struct, ILanes<TLanes>
        {
            float* from = stackalloc float[16], to = stackalloc float[16], whole = stackalloc float[16];
            for (int count = 0; count < TLanes.Count; count++)
            {
                for (int i = 0; i < 16; i++) (from[i], to[i]) = (i + 1, -1);
                TLanes part = TLanes.LoadPartial(from, count);
                part.Store(whole);
                part.StorePartial(to, count);
                for (int i = 0; i < TLanes.Count; i++)
                {
                    Assert.Equal(i < count ? i + 1 : 0, whole[i]);
                    Assert.Equal(i < count ? i + 1 : -1, to[i]);
                }
            }
        }
    }

    private readonly struct Exponential : ICheck
    {
        public void Run<TLanes>()
            where TLanes : struct, ILanes<TLanes>
        {
            double worst = 0;
            for (float x = -87; x < 88; x += 0.00173f) worst = Math.Max(worst, Units(Math.Exp(x), First(VectorMath.Exp(TLanes.Broadcast(x)))));
            Assert.True(worst < 1.2, $"{worst} units at {TLanes.Count} lanes");
            Assert.Equal(0, First(VectorMath.Exp(TLanes.Broadcast(float.NegativeInfinity))));
            Assert.Equal(1, First(VectorMath.Exp(TLanes.Zero)));
            Assert.Equal(float.PositiveInfinity, First(VectorMath.Exp(TLanes.Broadcast(89))));
            Assert.Equal(float.PositiveInfinity, First(VectorMath.Exp(TLanes.Broadcast(float.PositiveInfinity))));
            Assert.True(float.IsNaN(First(VectorMath.Exp(TLanes.Broadcast(float.NaN)))));
        }
    }

    private readonly struct Tangent : ICheck
    {
        public void Run<TLanes>()
            where TLanes : struct, ILanes<TLanes>
        {
            double worst = 0;
            for (float x = -12; x < 12; x += 0.00037f) worst = Math.Max(worst, Units(Math.Tanh(x), First(VectorMath.Tanh(TLanes.Broadcast(x)))));
            Assert.True(worst < 2, $"{worst} units at {TLanes.Count} lanes");
            Assert.Equal(1e-30f, First(VectorMath.Tanh(TLanes.Broadcast(1e-30f))));
            Assert.Equal(-1, First(VectorMath.Tanh(TLanes.Broadcast(float.NegativeInfinity))));
            Assert.Equal(1, First(VectorMath.Tanh(TLanes.Broadcast(1e30f))));
            Assert.True(float.IsNaN(First(VectorMath.Tanh(TLanes.Broadcast(float.NaN)))));
        }
    }

    private readonly struct Turned : ICheck
    {
        public void Run<TLanes>()
            where TLanes : struct, ILanes<TLanes>
        {
            float[] from = [.. Enumerable.Range(0, 40 * 40).Select(i => (float)i)], to = new float[41 * 41];
            for (int rows = 1; rows <= 37; rows += 3)
            {
                for (int columns = 1; columns <= 39; columns += 2)
                {
                    Array.Fill(to, -1);
                    fixed (float* source = from, target = to) Transposition.Transpose<TLanes>(source, 40, rows, columns, target, 41);
                    for (int c = 0; c < 41; c++)
                    {
                        for (int r = 0; r < 41; r++)
                            Assert.Equal(r < rows && c < columns ? from[(r * 40) + c] : -1, to[(c * 41) + r]);
                    }
                }
            }
        }
    }

    private static float First<TLanes>(TLanes x)
        where TLanes : struct, ILanes<TLanes>
    {
        float* lanes = stackalloc float[16];
        x.Store(lanes);
        return lanes[0];
    }

    /// <summary>The error in units in the last place of the result.</summary>
    private static double Units(double expected, float actual) =>
        Math.Abs(expected - actual) / (MathF.BitIncrement(Math.Abs((float)expected)) - Math.Abs((float)expected));
}
