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
    private readonly int[] _byteIds = new int[256];
    private readonly Dictionary<int, int> _characterIds = [];
    private readonly int[] _lengths;
    private readonly IslandFinder? _islands;

    /// <summary>Over bytes: for each character of the basic plane the token that its bytes merge to by themselves; −1 for none.</summary>
    private readonly int[] _wholeCharacters = [];

    /// <summary>Whether some merge joins, between these two bytes [last, first] of two characters, a part of either.</summary>
    private readonly bool[] _ragged = new bool[65536];

    /// <summary>Tokens that merging does not reach, though a word that is one of them is that token.</summary>
    private readonly Dictionary<byte[], int>.AlternateLookup<ReadOnlySpan<byte>> _unreachable;

    private readonly bool _hasUnreachable;

    public BytePairModel(BytePairDefinition definition)
    {
        _definition = definition;
        _lengths = new int[definition.Tokens.Length];
        _byteIds.AsSpan().Fill(-1);
        for (int id = 0; id < definition.Tokens.Length; id++)
        {
            if (definition.Tokens[id] is not byte[] token || token.Length == 0) continue;
            _lengths[id] = token.Length;
            if (token.Length == 1 && (definition.IsByteLevel || token[0] < 0x80)) _byteIds[token[0]] = id;
            else if (!definition.IsByteLevel && token.Length == Utf8.LengthOf(token[0])) _characterIds[Utf8.Decode(token, 0, out _)] = id;
        }

        foreach (int id in definition.ByteFallback) _lengths[id] = 1;
        if (definition.UnknownId >= 0) _lengths[definition.UnknownId] = -1;
        _merges = new MergeTable(definition.Merges, definition.IsByteLevel ? 288 : 0);

        // Ids that stand for other bytes than their spelling have no business in merges; if they do, nothing is cut.
        var standIns = new HashSet<int>(definition.ByteFallback) { definition.UnknownId };
        if (!definition.Merges.Any(m => standIns.Contains(m.Left) || standIns.Contains(m.Right)))
            _islands = new IslandFinder(definition.Tokens, definition.Merges, definition.IsByteLevel);
        if (definition.IsByteLevel) _wholeCharacters = FindWholeCharacters();
        var unreachable = new Dictionary<byte[], int>(ByteSequenceComparer.Instance);
        if (definition.IgnoresMerges) FindUnreachable(unreachable);
        _hasUnreachable = unreachable.Count > 0;
        _unreachable = unreachable.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    public override int FusedId => _definition.FusesUnknown ? _definition.UnknownId : -1;

    public override int LengthOf(int id) => _lengths[id];

    public override bool IsExceptional(ReadOnlySpan<byte> word) => _hasUnreachable && _unreachable.TryGetValue(word, out _);

    public override void Encode(ReadOnlySpan<byte> word, bool whole, WordScratch scratch)
    {
        scratch.Start(word.Length);
        if (whole && _hasUnreachable && _unreachable.TryGetValue(word, out int id))
        {
            scratch.Add(id, word.Length);
            return;
        }

        if (_definition.IsByteLevel) StartWithBytes(word, scratch);
        else StartWithCharacters(word, scratch);
        WordMerger.Merge(_merges, scratch);
    }

    public override int EndOfIsland(ReadOnlySpan<byte> piece, int start) => _islands?.EndFrom(piece, start) ?? piece.Length;

    /// <summary>Bytes of a character merge among themselves, whatever stands around, unless some token holds a part of it together
    /// with a neighbour; where none can, a word may start with whole characters instead of their bytes.</summary>
    private int[] FindWholeCharacters()
    {
        var scratch = new WordScratch();
        var whole = new int[0x10000];
        whole.AsSpan().Fill(-1);
        for (int id = 0; id < _definition.Tokens.Length; id++)
        {
            if (_definition.Tokens[id] is not { Length: 2 or 3 } token || !System.Text.Unicode.Utf8.IsValid(token)) continue;
            if (token.Length != Utf8.LengthOf(token[0])) continue;
            Encode(token, whole: false, scratch);
            if (scratch.Count == 1) whole[Utf8.Decode(token, 0, out _)] = scratch.Ids[0];
        }

        foreach ((int leftId, int rightId, _) in _definition.Merges)
        {
            byte[] left = _definition.Tokens[leftId]!, right = _definition.Tokens[rightId]!;
            bool betweenCharacters = (right[0] & 0xC0) != 0x80;
            if (betweenCharacters && !(System.Text.Unicode.Utf8.IsValid(left) && System.Text.Unicode.Utf8.IsValid(right)))
                _ragged[(left[^1] << 8) | right[0]] = true;
        }

        return whole;
    }

    private void FindUnreachable(Dictionary<byte[], int> unreachable)
    {
        var scratch = new WordScratch();
        for (int id = 0; id < _definition.Tokens.Length; id++)
        {
            if (_definition.Tokens[id] is not byte[] token || token.Length == 0) continue;
            Encode(token, whole: false, scratch);
            if (scratch.Count != 1 || scratch.Ids[0] != id) unreachable[token] = id;
        }
    }

    private void StartWithBytes(ReadOnlySpan<byte> word, WordScratch scratch)
    {
        for (int at = 0; at < word.Length;)
        {
            int length = 0;
            int id = word[at] >= 0xC0 ? WholeCharacterAt(word, at, out length) : -1;
            if (id >= 0)
            {
                scratch.Add(id, length);
                at += length;
                continue;
            }

            id = _byteIds[word[at++]];
            if (id >= 0) scratch.Add(id, 1);
            else AddUnknown(1, scratch);
        }
    }

    /// <summary>The token of a character of two or three bytes, where it may stand for them; else −1.</summary>
    private int WholeCharacterAt(ReadOnlySpan<byte> word, int at, out int length)
    {
        length = Utf8.LengthOf(word[at]);
        int end = at + length;
        if (_wholeCharacters.Length == 0 || length > 3 || end > word.Length) return -1;
        // Tokens themselves are encoded, too, and may hold parts of characters.
        if ((word[at + 1] & 0xC0) != 0x80 || (word[end - 1] & 0xC0) != 0x80) return -1;
        bool isFree = (at == 0 || !_ragged[(word[at - 1] << 8) | word[at]]) && (end == word.Length || !_ragged[(word[end - 1] << 8) | word[end]]);
        return isFree ? _wholeCharacters[Utf8.Decode(word, at, out _)] : -1;
    }

    private void StartWithCharacters(ReadOnlySpan<byte> word, WordScratch scratch)
    {
        for (int at = 0; at < word.Length;)
        {
            int codePoint = Utf8.Decode(word, at, out int length);
            int id = codePoint < 0x80 ? _byteIds[codePoint] : _characterIds.GetValueOrDefault(codePoint, -1);
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
