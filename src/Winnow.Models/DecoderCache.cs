using Winnow.Kernels;

namespace Winnow.Models;

/// <summary>
/// Keys and values of sequences that are being continued, in slots that sequences enter (<see cref="Rent"/>) and leave
/// (<see cref="Return"/>) one by one. Belongs to one worker.
/// </summary>
public sealed class DecoderCache : IDisposable
{
    private readonly Tensor[] _keys;
    private readonly Tensor[] _values;
    private readonly int[] _lengths;
    private readonly Stack<int> _free;

    /// <summary>An empty cache.</summary>
    /// <param name="decoder">The model whose keys and values it holds.</param>
    /// <param name="worker">The backend that will run the passes.</param>
    /// <param name="slots">Sequences at once.</param>
    /// <param name="maxLength">Longest sequence, in tokens.</param>
    public DecoderCache(Decoder decoder, IBackend worker, int slots, int maxLength)
    {
        ArgumentNullException.ThrowIfNull(decoder);
        ArgumentNullException.ThrowIfNull(worker);
        ArgumentOutOfRangeException.ThrowIfLessThan(slots, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxLength, decoder.Config.MaxLength);
        Slots = slots;
        MaxLength = maxLength;
        int width = decoder.Config.KeyValueWidth;
        long length = (long)slots * maxLength * width;
        _keys = new Tensor[decoder.Config.Layers];
        _values = new Tensor[decoder.Config.Layers];
        for (int layer = 0; layer < _keys.Length; layer++)
        {
            _keys[layer] = worker.Allocate(length);
            _values[layer] = worker.Allocate(length);
        }

        _lengths = new int[slots];
        _lengths.AsSpan().Fill(-1);
        _free = new Stack<int>(slots);
        for (int slot = slots - 1; slot >= 0; slot--) _free.Push(slot);
    }

    /// <summary>Sequences it can hold.</summary>
    public int Slots { get; }

    /// <summary>Longest sequence, in tokens.</summary>
    public int MaxLength { get; }

    /// <summary>Slots nobody uses.</summary>
    public int Free => _free.Count;

    /// <summary>Takes an empty slot.</summary>
    public int Rent()
    {
        int slot = _free.Pop();
        _lengths[slot] = 0;
        return slot;
    }

    /// <summary>Gives a slot back.</summary>
    public void Return(int slot)
    {
        RequireRented(slot);
        _lengths[slot] = -1;
        _free.Push(slot);
    }

    /// <summary>Tokens the slot holds.</summary>
    public int Length(int slot)
    {
        RequireRented(slot);
        return _lengths[slot];
    }

    /// <summary>Forgets the slot's tokens from <paramref name="length"/> on: drafts that were not confirmed.</summary>
    public void Truncate(int slot, int length)
    {
        RequireRented(slot);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)_lengths[slot], nameof(length));
        _lengths[slot] = length;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in _keys) tensor.Dispose();
        foreach (var tensor in _values) tensor.Dispose();
    }

    internal int FirstRow(int slot) => slot * MaxLength;

    internal void Extend(TokenBatch batch)
    {
        for (int i = 0; i < batch.Sequences; i++) _lengths[batch.Slots[i]] = batch.Spans[i].KeyCount;
    }

    internal TensorView Keys(int layer) => _keys[layer].AsRows(Slots * MaxLength);

    internal TensorView Values(int layer) => _values[layer].AsRows(Slots * MaxLength);

    private void RequireRented(int slot)
    {
        if ((uint)slot >= (uint)Slots || _lengths[slot] < 0) throw new ArgumentOutOfRangeException(nameof(slot), slot, "not a rented slot");
    }
}
