using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Winnow.Data;
using Winnow.Models.Training;
using Winnow.Pruning.Selection;

namespace Winnow.Studies.Works;

/// <summary>What a packed corpus holds: <c>pack.json</c>.</summary>
/// <param name="ShardRows">Units per file, in the order of the score table's parts.</param>
/// <param name="Tokens">Tokens of all units.</param>
internal sealed record PackFacts(IReadOnlyList<long> ShardRows, long Tokens);

/// <summary>
/// The token ids of a corpus, unit by unit in the order of its score table: <c>tokens.bin</c> (int32) and <c>ends.bin</c> (int64: where
/// each unit ends). A selection of units is read as one stream of tokens, cut into sequences; nothing is copied.
/// </summary>
internal sealed class PackedCorpus : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _tokens;
    private readonly long[] _ends;

    private PackedCorpus(MemoryMappedFile file, long[] ends, PackFacts facts)
    {
        (_file, _ends, Facts) = (file, ends, facts);
        _tokens = file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
    }

    internal PackFacts Facts { get; }

    internal static PackedCorpus Open(string directory)
    {
        var facts = StudyFiles.Read<PackFacts>(Path.Combine(directory, "pack.json"));
        if (facts.Tokens == 0) throw new CorpusException(directory, "the corpus has no whole unit", "give more text or a shorter context");
        long[] ends = MemoryMarshal.Cast<byte, long>(File.ReadAllBytes(Path.Combine(directory, "ends.bin"))).ToArray();
        return new PackedCorpus(MemoryMappedFile.CreateFromFile(Path.Combine(directory, "tokens.bin"), FileMode.Open, null, 0, MemoryMappedFileAccess.Read), ends, facts);
    }

    /// <summary>The kept units as training data; all units where there is no selection.</summary>
    /// <param name="context">Tokens of a sequence; one less is predicted.</param>
    /// <param name="selection">Over the score table of the same units, or null.</param>
    internal ITokenSource Read(int context, SelectionDirectory? selection)
    {
        var kept = new List<long>();
        long first = 0;
        for (int shard = 0; shard < Facts.ShardRows.Count; shard++)
        {
            KeepMask? mask = selection?.ReadMask(shard);
            if (mask is not null && mask.Rows != Facts.ShardRows[shard])
                throw new CorpusException(selection!.Path, $"shard {shard} has {mask.Rows} rows, the packed corpus {Facts.ShardRows[shard]}");
            for (long row = 0; row < Facts.ShardRows[shard]; row++)
                if ((mask?[row] ?? true) && _ends[first + row] > Start(first + row)) kept.Add(first + row);
            first += Facts.ShardRows[shard];
        }

        return new Stream(this, context, [.. kept]);
    }

    /// <summary>The first ids of a unit, at most <paramref name="most"/>; none where it has a row but nothing in it.</summary>
    internal int[] ReadUnit(long unit, int most)
    {
        int[] ids = new int[Math.Min(most, _ends[unit] - Start(unit))];
        _tokens.SafeMemoryMappedViewHandle.ReadSpan((ulong)(Start(unit) * sizeof(int)), ids.AsSpan());
        return ids;
    }

    public void Dispose()
    {
        _tokens.Dispose();
        _file.Dispose();
    }

    private long Start(long unit) => unit == 0 ? 0 : _ends[unit - 1];

    /// <summary>Kept units side by side: sequence i is tokens [i·C, i·C + C) of the stream they make.</summary>
    private sealed class Stream : ITokenSource
    {
        private readonly PackedCorpus _corpus;
        private readonly long[] _kept;
        private readonly long[] _streamEnds;
        private readonly int _length;

        internal Stream(PackedCorpus corpus, int length, long[] kept)
        {
            (_corpus, _length, _kept) = (corpus, length, kept);
            _streamEnds = new long[kept.Length];
            long end = 0;
            for (int i = 0; i < kept.Length; i++) _streamEnds[i] = end += corpus._ends[kept[i]] - corpus.Start(kept[i]);
            Sequences = end / length;
            Identity = Convert.ToHexStringLower(SHA256.HashData([.. BitConverter.GetBytes(length), .. BitConverter.GetBytes(corpus.Facts.Tokens), .. MemoryMarshal.AsBytes(kept.AsSpan())]));
        }

        public int Context => _length - 1;

        public long Sequences { get; }

        public string Identity { get; }

        public void Read(long sequence, Span<int> ids)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)sequence, (ulong)Sequences, nameof(sequence));
            ArgumentOutOfRangeException.ThrowIfNotEqual(ids.Length, _length);
            long from = sequence * _length;
            int unit = Array.BinarySearch(_streamEnds, from + 1);
            if (unit < 0) unit = ~unit;
            while (!ids.IsEmpty)
            {
                long unitStart = _corpus.Start(_kept[unit]);
                long inUnit = from - (unit == 0 ? 0 : _streamEnds[unit - 1]);
                int count = (int)Math.Min(ids.Length, _streamEnds[unit] - from);
                _corpus._tokens.SafeMemoryMappedViewHandle.ReadSpan((ulong)((unitStart + inUnit) * sizeof(int)), ids[..count]);
                ids = ids[count..];
                from += count;
                while (unit < _kept.Length - 1 && from >= _streamEnds[unit]) unit++;
            }
        }
    }
}
