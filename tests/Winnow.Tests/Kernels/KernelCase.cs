namespace Winnow.Tests.Kernels;

/// <summary>One operation at one shape. It reads nothing but what its stage gives it.</summary>
/// <param name="Operation">The method of IBackend, and the variant where there are several.</param>
/// <param name="Shape">Sizes and options, for the message of a failure.</param>
/// <param name="Relative">Tolerated |difference| as a share of the reference's magnitude.</param>
/// <param name="Absolute">Tolerated |difference| besides.</param>
/// <param name="Play">Makes inputs, runs the operation, keeps the outputs.</param>
internal sealed record KernelCase(string Operation, string Shape, double Relative, double Absolute, Action<Stage> Play)
{
    /// <summary>The first disagreement of two stages on which this case was played, or null.</summary>
    public string? Difference(Stage expected, Stage found)
    {
        for (int r = 0; r < expected.Results.Count; r++)
        {
            (string name, float[] want) = expected.Results[r];
            float[] got = found.Results[r].Values;
            for (int i = 0; i < want.Length; i++)
            {
                if (Agree(want[i], got[i])) continue;
                return $"{Operation} {Shape}: {name}[{i}] is {got[i]:g9}, the reference {want[i]:g9}";
            }
        }

        return null;
    }

    private bool Agree(float want, float got)
    {
        if (float.IsNaN(want) || float.IsInfinity(want)) return want.Equals(got);
        return Math.Abs((double)want - got) <= (Relative * Math.Abs(want)) + Absolute;
    }
}
