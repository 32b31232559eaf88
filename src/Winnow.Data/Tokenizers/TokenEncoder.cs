using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;

namespace Winnow.Data.Tokenizers;

/// <summary>Encodes one text after another on one thread, remembering the words it has seen.</summary>
public sealed class TokenEncoder
{
    private readonly TokenizerPipeline _pipeline;
    private readonly SubwordModel _model;
    private readonly bool _literal;
    private readonly WordCache _cache = new();
    private readonly WordScratch _word = new();
    private readonly TextBuffer _repaired = new();
    private readonly TextBuffer[] _buffers;
    private readonly int[][] _pieces;
    private readonly List<AddedMatch>[] _matches;
    private int[] _ids = new int[1024];
    private int[] _ends = [];
    private int _count;
    private bool _wantsEnds;
    private bool _carriedSpecial;

    internal TokenEncoder(TokenizerPipeline pipeline, SpecialInText specialInText)
    {
        _pipeline = pipeline;
        _model = pipeline.Model;
        _literal = specialInText == SpecialInText.Literal;
        _buffers = [.. pipeline.Stages.Select(_ => new TextBuffer())];
        _pieces = [.. pipeline.Stages.Select(stage => stage is SplitterStage ? new int[512] : [])];
        _matches = [.. pipeline.Stages.Select(_ => new List<AddedMatch>())];
    }

    /// <summary>Texts encoded so far that carried the text of a special token.</summary>
    public long TextsWithSpecial { get; private set; }

    /// <summary>Appends the ids of a text, without the special tokens of <see cref="Tokenizer.Prefix"/> and <see cref="Tokenizer.Suffix"/>.</summary>
    /// <param name="utf8">The text. Bytes that are not UTF-8 count as U+FFFD, one for every maximal subpart.</param>
    /// <param name="ids">Receives the ids.</param>
    /// <param name="ends">Receives, for every id, the byte of the text where its token ends: never decreasing, the last is the text's
    /// length. Exact for byte-level tokenizers; where a normalizer changes text, the end of the characters a token came from.</param>
    /// <returns>Whether the text carried a special token.</returns>
    public bool Encode(ReadOnlySpan<byte> utf8, List<int> ids, List<int>? ends = null)
    {
        ArgumentNullException.ThrowIfNull(ids);
        (_count, _wantsEnds, _carriedSpecial) = (0, ends is not null, false);
        var text = new TextView(utf8, default, 0);
        if (!System.Text.Unicode.Utf8.IsValid(utf8)) text = Repair(utf8);
        Run(0, text, atStart: true);
        ids.AddRange(_ids.AsSpan(0, _count));
        if (ends is not null && _count > 0)
        {
            _ends[_count - 1] = utf8.Length;
            ends.AddRange(_ends.AsSpan(0, _count));
        }

        if (_carriedSpecial) TextsWithSpecial++;
        return _carriedSpecial;
    }

    /// <summary>Takes a text through the stages from <paramref name="stage"/> on, then through the model.</summary>
    private void Run(int stage, in TextView text, bool atStart)
    {
        if (text.Bytes.IsEmpty) return;
        if (stage == _pipeline.Stages.Count)
        {
            EncodePiece(text, 0, text.Bytes.Length);
            return;
        }

        switch (_pipeline.Stages[stage])
        {
            case TransformStage transform:
                TextBuffer output = _buffers[stage];
                output.Reset(_wantsEnds);
                bool changed = transform.Transform.Apply(text, atStart, output);
                Run(stage + 1, changed ? output.View(text.Offset) : text, atStart);
                break;
            case AddedTokenStage added:
                RunBetweenTokens(stage, added.Matcher, text, atStart);
                break;
            case PatternStage pattern:
                List<int> found = pattern.Splitter.Split(text.Bytes);
                for (int i = 0; i < found.Count; i += 2)
                    Run(stage + 1, text.Slice(found[i], found[i + 1] - found[i]), atStart && found[i] == 0);
                break;
            case SplitterStage splitter:
                RunPieces(stage, splitter.Splitter, text, atStart);
                break;
        }
    }

    private void RunBetweenTokens(int stage, AddedTokenMatcher matcher, in TextView text, bool atStart)
    {
        List<AddedMatch> matches = _matches[stage];
        matches.Clear();
        if (matcher.MayMatch(text.Bytes)) matcher.Find(text.Bytes, _literal, matches, ref _carriedSpecial);
        int at = 0;
        foreach (AddedMatch match in matches)
        {
            if (match.Start > at) Run(stage + 1, text.Slice(at, match.Start - at), atStart && at == 0);
            Emit(match.Token.Id, text.EndAt(match.End));
            at = match.End;
        }

        if (at < text.Bytes.Length) Run(stage + 1, at == 0 ? text : text.Slice(at, text.Bytes.Length - at), atStart && at == 0);
    }

    private void RunPieces(int stage, Splitter splitter, in TextView text, bool atStart)
    {
        bool last = stage == _pipeline.Stages.Count - 1;
        ReadOnlySpan<byte> bytes = text.Bytes;
        int[] ends = _pieces[stage];
        int start = 0;
        while (start < bytes.Length)
        {
            int count = splitter.Split(bytes, start, ends);
            for (int i = 0; i < count; i++)
            {
                int end = ends[i];
                if (!splitter.CanDrop || !splitter.Drops(bytes, start, end))
                {
                    if (last) EncodePiece(text, start, end);
                    else Run(stage + 1, text.Slice(start, end - start), atStart && start == 0);
                }

                start = end;
            }
        }
    }

    /// <summary>Encodes a piece that splitting left: from the cache, or by the model.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void EncodePiece(in TextView text, int start, int end)
    {
        if (_count + 3 > _ids.Length) Grow(3);
        Vector128<ulong> key = WordCache.KeyOf(text.Bytes, start, end - start);
        int count = key == default ? 0 : _cache.Find(key, ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(_ids), _count));
        if (count == 0)
        {
            EncodeUncached(text, start, end, key);
            return;
        }

        if (_wantsEnds) AddEnds(text, start, count);
        _count += count;
    }

    private void EncodeUncached(in TextView text, int start, int end, Vector128<ulong> key)
    {
        ReadOnlySpan<byte> piece = text.Bytes[start..end];
        if (key != default || _model.IsExceptional(piece))
        {
            EncodeWord(text, start, end, key, whole: true);
            return;
        }

        // A long piece seldom comes again, its islands do.
        int first = _count;
        for (int at = 0; at < piece.Length;)
        {
            int islandEnd = _model.EndOfIsland(piece, at);
            EncodeIsland(text, start + at, start + islandEnd, first);
            at = islandEnd;
        }
    }

    private void EncodeIsland(in TextView text, int start, int end, int first)
    {
        Grow(3);
        int before = _count;
        Vector128<ulong> key = WordCache.KeyOf(text.Bytes, start, end - start);
        int known = key == default ? 0 : _cache.Find(key, ref _ids[_count]);
        if (_model.IsExceptional(text.Bytes[start..end]))
        {
            _model.Encode(text.Bytes[start..end], whole: false, _word);
            AppendWord(text, start);
        }
        else if (known > 0)
        {
            if (_wantsEnds) AddEnds(text, start, known);
            _count += known;
        }
        else
        {
            EncodeWord(text, start, end, key, whole: false);
        }

        int fused = _model.FusedId;
        if (fused < 0 || before == first || before == _count || _ids[before] != fused || _ids[before - 1] != fused) return;
        Array.Copy(_ids, before, _ids, before - 1, _count - before);
        if (_wantsEnds) Array.Copy(_ends, before, _ends, before - 1, _count - before);
        _count--;
    }

    /// <summary>Encodes a word that the table of short words does not know.</summary>
    private void EncodeWord(in TextView text, int start, int end, Vector128<ulong> key, bool whole)
    {
        ReadOnlySpan<byte> word = text.Bytes[start..end];
        ulong hash = 0;
        if (word.Length <= WordCache.LongestWord)
        {
            ReadOnlySpan<int> known = _cache.Find(word, out hash);
            if (!known.IsEmpty)
            {
                Append(text, start, known);
                return;
            }
        }

        _model.Encode(word, whole, _word);
        AppendWord(text, start);
        if (_word.Irregular || _word.Count == 0) return;
        ReadOnlySpan<int> found = _word.Ids.AsSpan(0, _word.Count);
        if (key != default && found.Length <= 3) _cache.Add(key, found);
        else if (hash != 0) _cache.Add(word, hash, found);
    }

    private void Append(in TextView text, int start, ReadOnlySpan<int> ids)
    {
        Grow(ids.Length);
        ids.CopyTo(_ids.AsSpan(_count));
        if (_wantsEnds) AddEnds(text, start, ids.Length);
        _count += ids.Length;
    }

    /// <summary>Appends what the model has just left.</summary>
    private void AppendWord(in TextView text, int start)
    {
        if (!_word.Irregular)
        {
            Append(text, start, _word.Ids.AsSpan(0, _word.Count));
            return;
        }

        for (int i = 0; i < _word.Count; i++)
        {
            start += _word.Lengths[i];
            Emit(_word.Ids[i], text.EndAt(start));
        }
    }

    /// <summary>Fills in the ends of the next ids, which are in place already.</summary>
    private void AddEnds(in TextView text, int start, int count)
    {
        for (int i = 0; i < count; i++)
        {
            start += _model.LengthOf(_ids[_count + i]);
            _ends[_count + i] = text.EndAt(start);
        }
    }

    private void Emit(int id, int end)
    {
        Grow(1);
        _ids[_count] = id;
        if (_wantsEnds) _ends[_count] = end;
        _count++;
    }

    private void Grow(int more)
    {
        if (_count + more > _ids.Length)
            Array.Resize(ref _ids, (int)Math.Min(Math.Max(_count + (long)more, _ids.Length * 2L), Array.MaxLength));
        if (_wantsEnds && _ends.Length < _ids.Length) Array.Resize(ref _ends, _ids.Length);
    }

    /// <summary>The text with U+FFFD for what is not UTF-8, and the way back to the bytes that stood there.</summary>
    private TextView Repair(ReadOnlySpan<byte> utf8)
    {
        _repaired.Reset(_wantsEnds);
        var source = new TextView(utf8, default, 0);
        for (int at = 0; at < utf8.Length;)
        {
            bool valid = Rune.DecodeFromUtf8(utf8[at..], out _, out int length) == System.Buffers.OperationStatus.Done;
            if (valid) _repaired.Append(source, at, length);
            else _repaired.Append("\uFFFD"u8, at + length);
            at += length;
        }

        return _repaired.View(0);
    }
}
