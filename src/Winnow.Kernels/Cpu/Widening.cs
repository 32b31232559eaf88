namespace Winnow.Kernels.Cpu;

/// <summary>Stored little-endian numbers to floats.</summary>
internal static unsafe class Widening
{
    /// <summary>to[i · step] = the i-th stored number, for count of them.</summary>
    public static void Spread(ElementType type, byte* from, int count, float* to, long step)
    {
        switch (type)
        {
            case ElementType.F32:
                for (int i = 0; i < count; i++) to[i * step] = ((float*)from)[i];
                break;
            case ElementType.F16:
                for (int i = 0; i < count; i++) to[i * step] = (float)((Half*)from)[i];
                break;
            case ElementType.BF16:
                for (int i = 0; i < count; i++) to[i * step] = BitConverter.Int32BitsToSingle(((ushort*)from)[i] << 16);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(type), type, null);
        }
    }
}
