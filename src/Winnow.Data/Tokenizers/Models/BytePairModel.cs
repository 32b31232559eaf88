namespace Winnow.Data.Tokenizers;

/// <summary>What a BPE model of `tokenizer.json` holds, checked and turned to bytes.</summary>
internal sealed class BytePairDefinition
{
    /// <summary>For each id its bytes; null where the text cannot reach it.</summary>
    public required byte[]?[] Tokens { get; init; }

    /// <summary>In order of rank.</summary>
    public required IReadOnlyList<(int Left, int Right, int Merged)> Merges { get; init; }

    /// <summary>Whether symbols start as bytes; else as characters.</summary>
    public required bool IsByteLevel { get; init; }

    /// <summary>Ids of `&lt;0x00&gt;` to `&lt;0xFF&gt;`; empty without byte fallback.</summary>
    public int[] ByteFallback { get; init; } = [];

    /// <summary>Stands for characters that have no token; −1 drops them.</summary>
    public int UnknownId { get; init; } = -1;

    /// <summary>Whether neighbouring unknown characters are one token.</summary>
    public bool FusesUnknown { get; init; }

    /// <summary>Whether a word that is a token is that token, merges or not.</summary>
    public bool IgnoresMerges { get; init; }
}

/// <summary>Byte-pair encoding, over bytes or over characters with byte fallback.</summary>
internal sealed class BytePairModel : SubwordModel
{
    private readonly MergeTable _merges;
    private readonly BytePairDefinition _definition;
    private readonly int[] _asciiIds = new int[256];
    private readonly Dictionary<int, int> _characterIds = [];
    private readonly int[] _lengths;
    private readonly Dictionary<byte[], int>.AlternateLookup<ReadOnlySpan<byte>> _words;

    /// <summary>Whether some merge puts a token that ends with one byte before a token that starts with another: [last, first].</summary>
    private readonly bool[] _joins = new bool[65536];

    /// <summary>Whether some merge puts a token that starts with `▁` after one that does not end with it.</summary>
    private readonly bool _joinsMetaspace;

    private static ReadOnlySpan<byte> Metaspace => "▁"u8;

    public BytePairModel(BytePairDefinition definition)
    {
        _definition = definition;
        _lengths = new int[definition.Tokens.Length];
        var words = new Dictionary<byte[], int>(ByteSequenceComparer.Instance);
        _words = words.GetAlternateLookup<ReadOnlySpan<byte>>();
        _asciiIds.AsSpan().Fill(-1);
        for (int id = 0; id < definition.Tokens.Length; id++)
        {
            if (definition.Tokens[id] is not byte[] token || token.Length == 0) continue;
            _lengths[id] = token.Length;
            if (definition.IgnoresMerges) words[token] = id;
            if (definition.IsByteLevel ? token.Length == 1 : token[0] < 0x80 && token.Length == 1) _asciiIds[token[0]] = id;
            else if (!definition.IsByteLevel && token.Length == Utf8.LengthOf(token[0])) _characterIds[Utf8.Decode(token, 0, out _)] = id;
        }

        foreach (int id in definition.ByteFallback) _lengths[id] = 1;
        if (definition.UnknownId >= 0) _lengths[definition.UnknownId] = -1;
        _merges = new MergeTable(definition.Merges, definition.IsByteLevel ? 288 : 0);
        foreach ((int left, int right, _) in definition.Merges)
        {
            byte[] before = definition.Tokens[left]!, after = definition.Tokens[right]!;
            _joins[(before[^1] << 8) | after[0]] = true;
            _joinsMetaspace |= after.AsSpan().StartsWith(Metaspace) && !before.AsSpan().EndsWith(Metaspace);
        }
    }

    public override int FusedId => _definition.FusesUnknown ? _definition.UnknownId : -1;

    public override int LengthOf(int id) => _lengths[id];

    public override void Encode(ReadOnlySpan<byte> word, WordScratch scratch)
    {
        scratch.Start(word.Length);
        if (_definition.IgnoresMerges && _words.TryGetValue(word, out int whole))
        {
            scratch.Add(whole, word.Length);
            return;
        }

        if (_definition.IsByteLevel) StartWithBytes(word, scratch);
        else StartWithCharacters(word, scratch);
        WordMerger.Merge(_merges, scratch);
    }

    /// <summary>No merge crosses from one island to the next, so each gives the ids it gives in the whole.</summary>
    public override int EndOfIsland(ReadOnlySpan<byte> piece, int start)
    {
        if (_definition.IgnoresMerges) return piece.Length;
        bool[] joins = _joins;
        int last = piece[start];
        for (int i = start + 1; i < piece.Length; i++)
        {
            int here = piece[i];
            if (!joins[(last << 8) | here] && (_definition.IsByteLevel || (here & 0xC0) != 0x80)) return i;
            if (here == 0xE2 && !_definition.IsByteLevel && !_joinsMetaspace && StartsWord(piece, i)) return i;
            last = here;
        }

        return piece.Length;
    }

    private static bool StartsWord(ReadOnlySpan<byte> piece, int at) =>
        piece[at..].StartsWith(Metaspace) && !piece[..at].EndsWith(Metaspace);

    private void StartWithBytes(ReadOnlySpan<byte> word, WordScratch scratch)
    {
        foreach (byte b in word)
        {
            int id = _asciiIds[b];
            if (id >= 0) scratch.Add(id, 1);
            else AddUnknown(1, scratch);
        }
    }

    private void StartWithCharacters(ReadOnlySpan<byte> word, WordScratch scratch)
    {
        for (int at = 0; at < word.Length;)
        {
            int codePoint = Utf8.Decode(word, at, out int length);
            int id = codePoint < 0x80 ? _asciiIds[codePoint] : _characterIds.GetValueOrDefault(codePoint, -1);
            if (id >= 0)
            {
                scratch.Add(id, length);
            }
            else if (_definition.ByteFallback.Length > 0)
            {
                for (int i = 0; i < length; i++) scratch.Add(_definition.ByteFallback[word[at + i]], 1);
            }
            else
            {
                AddUnknown(length, scratch);
            }

            at += length;
        }
    }

    private void AddUnknown(int length, WordScratch scratch)
    {
        scratch.Irregular = true;
        int unknown = _definition.UnknownId;
        if (unknown >= 0 && _definition.FusesUnknown && scratch.Count > 0 && scratch.Ids[scratch.Count - 1] == unknown)
            scratch.Lengths[scratch.Count - 1] += length;
        else if (unknown >= 0)
            scratch.Add(unknown, length);
        else
            scratch.Dropped += length;
    }
}

/// <summary>Compares keys byte by byte, so that a span finds an array.</summary>
internal sealed class ByteSequenceComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
{
    public static readonly ByteSequenceComparer Instance = new();

    public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

    public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

    public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

    public int GetHashCode(ReadOnlySpan<byte> alternate)
    {
        var hash = new HashCode();
        hash.AddBytes(alternate);
        return hash.ToHashCode();
    }

    public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
}
