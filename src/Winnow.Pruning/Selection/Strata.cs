using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using System.Text;
using Winnow.Data;

namespace Winnow.Pruning.Selection;

/// <summary>Numbers the combinations of values that some columns of a score table take, in the order they are met.</summary>
internal sealed class Strata
{
    /// <summary>More strata than this are refused: each needs a histogram.</summary>
    public const int Most = 65_536;

    private readonly string[] _columns;
    private readonly bool[] _isText;
    private readonly Dictionary<byte[], int> _numbers = new(ByteKeys.Instance);
    private readonly List<byte[]> _keys = [];

    /// <summary>Strata by the given columns; none puts every unit in one stratum.</summary>
    public Strata(IScoreSource source, IReadOnlyList<string> columns)
    {
        _columns = [.. columns];
        _isText = [.. columns.Select(column => source.TextColumns.Contains(column))];
        if (columns.Count == 0) Number("all"u8);
    }

    /// <summary>The columns, as one name.</summary>
    public string Name => string.Join(" and ", _columns);

    /// <summary>How many have been met.</summary>
    public int Count
    {
        get { lock (_numbers) return _keys.Count; }
    }

    /// <summary>True once there were more than <see cref="Most"/>; the numbers are then of no use.</summary>
    public bool TooMany { get; private set; }

    /// <summary>The values of a stratum, in words.</summary>
    public string Label(int stratum)
    {
        lock (_numbers) return Encoding.UTF8.GetString(_keys[stratum]).Replace("\u001f", " · ", StringComparison.Ordinal);
    }

    /// <summary>Numbers what has been met anew, by its bytes: the same on every machine that has met the same.</summary>
    public void Sort()
    {
        lock (_numbers)
        {
            _keys.Sort(static (left, right) => left.AsSpan().SequenceCompareTo(right));
            for (int number = 0; number < _keys.Count; number++) _numbers[_keys[number]] = number;
        }
    }

    /// <summary>Writes which strata have been met, <paramref name="among"/> those that it says.</summary>
    public void Write(BinaryWriter to, IReadOnlyList<int> among)
    {
        lock (_numbers)
        {
            to.Write(TooMany);
            to.Write7BitEncodedInt(among.Count);
            foreach (int number in among)
            {
                to.Write7BitEncodedInt(_keys[number].Length);
                to.Write(_keys[number]);
            }
        }
    }

    /// <summary>Meets the strata that were written; their numbers here, in the order of the file.</summary>
    public int[] Read(BinaryReader from)
    {
        if (from.ReadBoolean()) TooMany = true;
        int[] numbers = new int[from.Read7BitEncodedInt()];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = Number(from.ReadBytes(from.Read7BitEncodedInt()));
        return numbers;
    }

    /// <summary>The error for a ranking within too many strata.</summary>
    public CorpusException Refusal() => new(
        "selection", $"`{Name}` takes more than {Most} different values", "rank within a column with fewer values");

    /// <summary>For one thread.</summary>
    public Reader OpenReader() => new(this);

    private int Number(ReadOnlySpan<byte> key)
    {
        lock (_numbers)
        {
            var lookup = _numbers.GetAlternateLookup<ReadOnlySpan<byte>>();
            if (lookup.TryGetValue(key, out int number)) return number;
            if (_keys.Count == Most)
            {
                TooMany = true;
                return 0;
            }

            byte[] kept = key.ToArray();
            _numbers[kept] = _keys.Count;
            _keys.Add(kept);
            return _keys.Count - 1;
        }
    }

    /// <summary>Assigns strata to rows, with a thread's own memory of what it has met.</summary>
    public sealed class Reader
    {
        private readonly Strata _strata;
        private readonly Column[] _columns;
        private readonly Pairs[] _pairs;
        private readonly List<int> _numbers = [];
        private int[] _codes = [];

        /// <summary>A reader that has met nothing yet.</summary>
        public Reader(Strata strata)
        {
            _strata = strata;
            _columns = [.. strata._columns.Select((name, i) => new Column(name, strata._isText[i]))];
            _pairs = [.. _columns.Skip(1).Select(_ => new Pairs())];
        }

        /// <summary>stratum[r] of every row of the reader's chunk.</summary>
        public void Assign(IScoreReader reader, Span<int> stratum)
        {
            if (_columns.Length == 0 || _strata.TooMany)
            {
                stratum.Clear();
                return;
            }

            if (_codes.Length < stratum.Length) _codes = new int[stratum.Length];
            _columns[0].Assign(reader, stratum);
            for (int column = 1; column < _columns.Length; column++)
            {
                _columns[column].Assign(reader, _codes.AsSpan(0, stratum.Length));
                for (int row = 0; row < stratum.Length; row++) stratum[row] = _pairs[column - 1].Code(stratum[row], _codes[row]);
            }

            for (int row = 0; row < stratum.Length; row++) stratum[row] = Number(stratum[row]);
        }

        private int Number(int code)
        {
            while (_numbers.Count <= code) _numbers.Add(_strata.Number(Key(_columns.Length - 1, _numbers.Count)));
            return _numbers[code];
        }

        /// <summary>The values of the first columns, joined.</summary>
        private byte[] Key(int column, int code)
        {
            if (column == 0) return _columns[0].Keys[code];
            (int left, int right) = _pairs[column - 1].Of(code);
            return [.. Key(column - 1, left), 0x1f, .. _columns[column].Keys[right]];
        }
    }

    /// <summary>Numbers the values of one column.</summary>
    private sealed class Column(string name, bool isText)
    {
        private readonly Dictionary<byte[], int> _texts = new(ByteKeys.Instance);
        private readonly Dictionary<double, int> _values = [];

        /// <summary>[codes]: the values as text.</summary>
        public List<byte[]> Keys { get; } = [];

        public void Assign(IScoreReader reader, Span<int> codes)
        {
            if (isText) AssignTexts(reader.Texts(name), codes);
            else if (name == "length") AssignNumbers(reader.Numbers("tokens"), codes, Octave, OctaveLabel);
            else AssignNumbers(reader.Numbers(name), codes, static value => value, static value => value.ToString("R", CultureInfo.InvariantCulture));
        }

        private void AssignTexts(TextColumn texts, Span<int> codes)
        {
            ReadOnlySpan<byte> bytes = texts.Bytes.Span;
            ReadOnlySpan<int> offsets = texts.Offsets.Span;
            ReadOnlySpan<byte> last = default;
            int code = -1;
            for (int row = 0; row < codes.Length; row++)
            {
                ReadOnlySpan<byte> text = bytes[offsets[row]..offsets[row + 1]];
                if (code < 0 || !text.SequenceEqual(last)) code = Code(text);
                codes[row] = code;
                last = text;
            }
        }

        private int Code(ReadOnlySpan<byte> text)
        {
            var lookup = _texts.GetAlternateLookup<ReadOnlySpan<byte>>();
            if (lookup.TryGetValue(text, out int code)) return code;
            lookup[text] = Keys.Count;
            Keys.Add(text.ToArray());
            return Keys.Count - 1;
        }

        private void AssignNumbers(ReadOnlySpan<double> numbers, Span<int> codes, Func<double, double> bucket, Func<double, string> label)
        {
            for (int row = 0; row < codes.Length; row++)
            {
                double value = bucket(numbers[row]);
                if (!_values.TryGetValue(value, out int code))
                {
                    _values[value] = code = Keys.Count;
                    Keys.Add(Encoding.UTF8.GetBytes(double.IsNaN(value) ? "" : label(value)));
                }

                codes[row] = code;
            }
        }

        /// <summary>0 for no tokens, else 1 + ⌊log2 tokens⌋.</summary>
        private static double Octave(double tokens) => tokens >= 1 ? 1 + BitOperations.Log2((ulong)tokens) : 0;

        private static string OctaveLabel(double octave) => octave switch
        {
            0 => "0 tokens",
            1 => "1 token",
            _ => string.Create(CultureInfo.InvariantCulture, $"{1UL << ((int)octave - 1)}–{(1UL << (int)octave) - 1} tokens"),
        };
    }

    /// <summary>Numbers pairs of numbers.</summary>
    private sealed class Pairs
    {
        private readonly Dictionary<(int Left, int Right), int> _codes = [];
        private readonly List<(int Left, int Right)> _pairs = [];

        public (int Left, int Right) Of(int code) => _pairs[code];

        public int Code(int left, int right)
        {
            if (_codes.TryGetValue((left, right), out int code)) return code;
            _codes[(left, right)] = _pairs.Count;
            _pairs.Add((left, right));
            return _pairs.Count - 1;
        }
    }

    private sealed class ByteKeys : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static readonly ByteKeys Instance = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode([DisallowNull] byte[] obj) => GetHashCode(obj.AsSpan());

        public int GetHashCode(ReadOnlySpan<byte> alternate) => (int)IdentityHash.Of(alternate).High;

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
