using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Winnow.Kernels;

namespace Winnow.Models.Training;

/// <summary>AdamW's constants.</summary>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the square root of the second moment.</param>
/// <param name="WeightDecay">Decoupled decay of matrices; vectors do not decay.</param>
internal readonly record struct AdamWSettings(double Beta1, double Beta2, double Epsilon, double WeightDecay);

/// <summary>The two moments of every parameter, in the backend's memory.</summary>
/// <remarks>
/// The file <c>moments.bin</c>: 8 bytes <c>WNADAMW1</c>, the number of floats (int64, little-endian), then for every parameter in
/// the model's order its first moments and its second moments (float32).
/// </remarks>
internal sealed class AdamWState : IDisposable
{
    private const string FileName = "moments.bin";
    private const int HeaderBytes = 16;
    private readonly IReadOnlyList<Parameter> _parameters;
    private readonly IBackend _backend;
    private readonly List<(Tensor First, Tensor Second)> _moments = [];

    /// <summary>Moments of 0.</summary>
    public AdamWState(IReadOnlyList<Parameter> parameters, IBackend backend)
    {
        (_parameters, _backend) = (parameters, backend);
        foreach (Parameter parameter in parameters)
            _moments.Add((backend.Allocate(parameter.Value.Length), backend.Allocate(parameter.Value.Length)));
    }

    private static ReadOnlySpan<byte> Magic => "WNADAMW1"u8;

    /// <summary>One update of every parameter.</summary>
    /// <param name="settings">Betas, ε, decay.</param>
    /// <param name="step">1 for the first.</param>
    /// <param name="rate">Learning rate of this step.</param>
    /// <param name="gradientScale">What clipping multiplies the gradients with.</param>
    public void Update(AdamWSettings settings, int step, double rate, double gradientScale)
    {
        for (int i = 0; i < _moments.Count; i++)
        {
            Parameter parameter = _parameters[i];
            TensorView Like(Tensor tensor) => new(tensor, 0, parameter.Value.Rows, parameter.Value.Columns);
            double decay = parameter.IsMatrix ? settings.WeightDecay : 0;
            _backend.AdamW(
                parameter.Value, parameter.Gradient, Like(_moments[i].First), Like(_moments[i].Second),
                new AdamWStep(rate, settings.Beta1, settings.Beta2, settings.Epsilon, decay, step, gradientScale));
        }
    }

    /// <summary>Writes the file into a checkpoint.</summary>
    public void Save(string directory)
    {
        using FileStream stream = new(Path.Combine(directory, FileName), FileMode.Create, FileAccess.Write);
        byte[] header = new byte[HeaderBytes];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(8), Floats);
        stream.Write(header);
        float[] buffer = new float[1 << 16];
        ForEachPiece(buffer.Length, (tensor, offset, count) =>
        {
            _backend.Download(tensor, offset, buffer.AsSpan(0, count));
            stream.Write(MemoryMarshal.AsBytes(buffer.AsSpan(0, count)));
        });
        stream.Flush(flushToDisk: true);
    }

    /// <summary>Reads the file of a checkpoint.</summary>
    /// <exception cref="ModelException">It is missing, or not of this model.</exception>
    public void Load(string directory)
    {
        string path = Path.Combine(directory, FileName);
        using FileStream stream = File.OpenRead(path);
        byte[] header = new byte[HeaderBytes];
        stream.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false);
        if (!header.AsSpan(0, 8).SequenceEqual(Magic) || BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(8)) != Floats
            || stream.Length != HeaderBytes + (Floats * sizeof(float)))
            throw new ModelException(path, $"not the moments of this model: expected {Floats} floats", "remove this checkpoint; an earlier one will be used");
        float[] buffer = new float[1 << 16];
        ForEachPiece(buffer.Length, (tensor, offset, count) =>
        {
            stream.ReadExactly(MemoryMarshal.AsBytes(buffer.AsSpan(0, count)));
            _backend.Upload(buffer.AsSpan(0, count), tensor, offset);
        });
    }

    /// <summary>Removes the file from a checkpoint that nothing resumes from any more.</summary>
    public static void Remove(string directory) => File.Delete(Path.Combine(directory, FileName));

    /// <summary>Whether a checkpoint holds moments.</summary>
    public static bool IsIn(string directory) => File.Exists(Path.Combine(directory, FileName));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((Tensor first, Tensor second) in _moments)
        {
            first.Dispose();
            second.Dispose();
        }
    }

    private long Floats => _parameters.Sum(parameter => 2 * parameter.Value.Length);

    private void ForEachPiece(int most, Action<Tensor, long, int> visit)
    {
        for (int i = 0; i < _moments.Count; i++)
        {
            long length = _parameters[i].Value.Length;
            foreach (Tensor tensor in new[] { _moments[i].First, _moments[i].Second })
                for (long offset = 0; offset < length; offset += most) visit(tensor, offset, (int)Math.Min(most, length - offset));
        }
    }
}
