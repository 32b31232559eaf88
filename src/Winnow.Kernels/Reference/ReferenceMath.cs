namespace Winnow.Kernels;

/// <summary>Scalar functions in double.</summary>
internal static class ReferenceMath
{
    private const double TanhScale = 0.79788456080286535587989211986876; // √(2/π)
    private const double TanhCubic = 0.044715;

    /// <summary>The activation's value at <paramref name="x"/>.</summary>
    public static double Activate(Activation activation, double x) => activation switch
    {
        Activation.None => x,
        Activation.Gelu => 0.5 * x * ComplementaryError(-x / Math.Sqrt(2)),
        Activation.GeluTanh => 0.5 * x * (1 + Math.Tanh(TanhScale * (x + (TanhCubic * x * x * x)))),
        Activation.Silu => x / (1 + Math.Exp(-x)),
        Activation.Relu => Math.Max(x, 0),
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, null),
    };

    /// <summary>The activation's derivative at <paramref name="x"/>; 0 where ReLU has none.</summary>
    public static double Slope(Activation activation, double x)
    {
        switch (activation)
        {
            case Activation.None:
                return 1;
            case Activation.Gelu:
                return (0.5 * ComplementaryError(-x / Math.Sqrt(2))) + (x * Math.Exp(-0.5 * x * x) / Math.Sqrt(2 * Math.PI));
            case Activation.GeluTanh:
                double tanh = Math.Tanh(TanhScale * (x + (TanhCubic * x * x * x)));
                return (0.5 * (1 + tanh)) + (0.5 * x * (1 - (tanh * tanh)) * TanhScale * (1 + (3 * TanhCubic * x * x)));
            case Activation.Silu:
                double sigmoid = 1 / (1 + Math.Exp(-x));
                return sigmoid * (1 + (x * (1 - sigmoid)));
            case Activation.Relu:
                return x > 0 ? 1 : 0;
            default:
                throw new ArgumentOutOfRangeException(nameof(activation), activation, null);
        }
    }

    /// <summary>
    /// erfc(x) = 1 − erf(x): the series of erf near 0, the continued fraction of erfc far out (Abramowitz and Stegun, 7.1.6
    /// and 7.1.14). Relative error below 1e-13.
    /// </summary>
    public static double ComplementaryError(double x)
    {
        if (double.IsNaN(x)) return x;
        if (x < 0) return 2 - ComplementaryError(-x);
        if (x > 27) return 0;
        return x < 2 ? 1 - ErrorSeries(x) : ErrorFraction(x);
    }

    private static double ErrorSeries(double x)
    {
        double term = 2 * x / Math.Sqrt(Math.PI) * Math.Exp(-x * x);
        double sum = term;
        for (int n = 1; n < 60; n++)
        {
            term *= 2 * x * x / ((2 * n) + 1);
            sum += term;
        }

        return sum;
    }

    private static double ErrorFraction(double x)
    {
        double tail = 0;
        for (int n = 120; n >= 1; n--) tail = n / 2.0 / (x + tail);
        return Math.Exp(-x * x) / Math.Sqrt(Math.PI) / (x + tail);
    }
}
