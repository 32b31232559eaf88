using Winnow.Kernels;

namespace Winnow.Models;

/// <summary>The cosines and sines of a decoder's layers on one backend, and which of their rows a batch's tokens read.</summary>
internal sealed class RotaryTables : IDisposable
{
    private readonly DecoderConfig _config;
    private readonly int _maxLength;
    private readonly Tensor? _full;
    private readonly Tensor? _windowed;

    /// <summary>Tables for positions below <paramref name="maxLength"/>.</summary>
    public RotaryTables(DecoderConfig config, IBackend backend, int maxLength)
    {
        _config = config;
        _maxLength = maxLength;
        if (config.Rotary is not { } rotary) return;
        _full = Allocate(rotary, backend);
        if (config.WindowedRotary is { } windowed) _windowed = Allocate(windowed, backend);
    }

    /// <summary>The table of a layer; null when nothing rotates.</summary>
    public TensorView? Table(int layer)
    {
        var table = _windowed is not null && _config.IsWindowed(layer) ? _windowed : _full;
        return table is null ? null : new TensorView(table, 0, (int)(table.Length / _config.RotaryWidth), _config.RotaryWidth);
    }

    /// <summary>The row of each token: its position, or, in a sequence beyond LongRope's original length, its position in the second half.</summary>
    public ReadOnlySpan<int> Rows(TokenBatch batch, int[] scratch)
    {
        var positions = batch.Positions.AsSpan(0, batch.Tokens);
        if (_config.Rotary?.IsLong(_maxLength) != true) return positions;
        foreach (var span in batch.Spans)
        {
            int shift = _config.Rotary.IsLong(span.KeyCount) ? _maxLength : 0;
            for (int row = span.QueryStart; row < span.QueryStart + span.QueryCount; row++) scratch[row] = positions[row] + shift;
        }

        return scratch.AsSpan(0, batch.Tokens);
    }

    public void Dispose()
    {
        _full?.Dispose();
        _windowed?.Dispose();
    }

    private Tensor Allocate(RotaryFrequencies rotary, IBackend backend)
    {
        int width = _config.RotaryWidth;
        bool two = rotary.IsLong(_maxLength);
        long half = (long)_maxLength * width;
        var tensor = backend.Allocate(two ? 2 * half : half);
        backend.Upload(rotary.Table(width, _maxLength, isLong: false), tensor);
        if (two) backend.Upload(rotary.Table(width, _maxLength, isLong: true), tensor, half);
        return tensor;
    }
}
