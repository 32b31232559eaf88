namespace Winnow.Kernels.Cpu;

/// <summary>The pointwise non-linearities on runs of floats.</summary>
internal static unsafe class Activations
{
    /// <summary>output[i] = activation(x[i]); the output may be the input.</summary>
    public static void Apply<TLanes>(Activation activation, float* x, float* output, int count)
        where TLanes : struct, ILanes<TLanes> => throw new NotImplementedException();
}
