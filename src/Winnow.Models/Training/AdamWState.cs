using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Winnow.Kernels;

namespace Winnow.Models.Training;

/// <summary>The two moments of every parameter, in the backend's memory.</summary>
/// <remarks>
/// The file <c>moments.bin</c>: 8 bytes <c>WNADAMW1</c>, the number of floats (int64, little-endian), then for every parameter in
/// the model's order its first moments and its second moments (float32).
/// </remarks>
internal sealed class AdamWState : IDisposable
{
    private const string FileName = "moments.bin";
    private const int HeaderBytes = 16;
    private readonly DecoderParameters _parameters;
    private readonly List<(Tensor First, Tensor Second)> _moments = [];

    /// <summary>Moments of 0.</summary>
    public AdamWState(DecoderParameters parameters, IBackend backend)
    {
        _parameters = parameters;
        foreach (Parameter parameter in parameters.All)
            _moments.Add((backend.Allocate(parameter.Value.Length), backend.Allocate(parameter.Value.Length)));
    }

    private static ReadOnlySpan<byte> Magic => "WNADAMW1"u8;

    /// <summary>One update of every parameter.</summary>
    /// <param name="options">Betas, ε, decay.</param>
    /// <param name="step">1 for the first.</param>
    /// <param name="rate">Learning rate of this step.</param>
    /// <param name="gradientScale">What clipping multiplies the gradients with.</param>
    public void Update(TrainingOptions options, int step, double rate, double gradientScale)
    {
        for (int i = 0; i < _moments.Count; i++)
        {
            Parameter parameter = _parameters.All[i];
            TensorView Like(Tensor tensor) => new(tensor, 0, parameter.Value.Rows, parameter.Value.Columns);
            double decay = parameter.IsMatrix ? options.WeightDecay : 0;
            _parameters.Backend.AdamW(
                parameter.Value, parameter.Gradient, Like(_moments[i].First), Like(_moments[i].Second),
                new AdamWStep(rate, options.Beta1, options.Beta2, options.Epsilon, decay, step, gradientScale));
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
            _parameters.Backend.Download(tensor, offset, buffer.AsSpan(0, count));
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
            _parameters.Backend.Upload(buffer.AsSpan(0, count), tensor, offset);
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

    private long Floats => _parameters.All.Sum(parameter => 2 * parameter.Value.Length);

    private void ForEachPiece(int most, Action<Tensor, long, int> visit)
    {
        for (int i = 0; i < _moments.Count; i++)
        {
            long length = _parameters.All[i].Value.Length;
            foreach (Tensor tensor in new[] { _moments[i].First, _moments[i].Second })
                for (long offset = 0; offset < length; offset += most) visit(tensor, offset, (int)Math.Min(most, length - offset));
        }
    }
}
