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
    private readonly List<string> _labels = [];

    /// <summary>Strata by the given columns; none puts every unit in one stratum.</summary>
    public Strata(IScoreSource source, IReadOnlyList<string> columns)
    {
        _columns = [.. columns];
        _isText = [.. columns.Select(column => source.TextColumns.Contains(column))];
        if (columns.Count == 0) _labels.Add("all");
    }

    /// <summary>The columns, as one name.</summary>
    public string Name => string.Join(" and ", _columns);

    /// <summary>How many have been met.</summary>
    public int Count
    {
        get { lock (_numbers) return _labels.Count; }
    }

    /// <summary>True once there were more than <see cref="Most"/>; the numbers are then of no use.</summary>
    public bool TooMany { get; private set; }

    /// <summary>The values of a stratum, in words.</summary>
    public string Label(int stratum)
    {
        lock (_numbers) return _labels[stratum];
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
            if (_labels.Count == Most)
            {
                TooMany = true;
                return 0;
            }

            lookup[key] = _labels.Count;
            _labels.Add(Encoding.UTF8.GetString(key).Replace("\u001f", " · ", StringComparison.Ordinal));
            return _labels.Count - 1;
        }
    }

    /// <summary>Assigns strata to rows, with a thread's own memory of what it has met.</summary>
    public sealed class Reader(Strata strata)
    {
        private readonly Dictionary<byte[], int> _known = new(ByteKeys.Instance);
        private readonly int[] _octaves = NewOctaves();
        private readonly List<byte> _key = [];

        /// <summary>stratum[r] of every row of the reader's chunk.</summary>
        public void Assign(IScoreReader reader, Span<int> stratum)
        {
            switch (strata._columns)
            {
                case []: stratum.Clear(); break;
                case ["length"]: AssignLengths(reader, stratum); break;
                case [_] when strata._isText[0]: AssignTexts(reader.Texts(strata._columns[0]), stratum); break;
                default: AssignCombinations(reader, stratum); break;
            }
        }

        private static int[] NewOctaves()
        {
            int[] octaves = new int[65];
            Array.Fill(octaves, -1);
            return octaves;
        }

        private void AssignLengths(IScoreReader reader, Span<int> stratum)
        {
            ReadOnlySpan<double> tokens = reader.Numbers("tokens");
            for (int row = 0; row < stratum.Length; row++)
            {
                int octave = Octave(tokens[row]);
                if (_octaves[octave] < 0) _octaves[octave] = strata.Number(Encoding.UTF8.GetBytes(OctaveLabel(octave)));
                stratum[row] = _octaves[octave];
            }
        }

        private void AssignTexts(TextColumn texts, Span<int> stratum)
        {
            ReadOnlySpan<byte> bytes = texts.Bytes.Span;
            ReadOnlySpan<int> offsets = texts.Offsets.Span;
            ReadOnlySpan<byte> last = default;
            int number = -1;
            for (int row = 0; row < stratum.Length; row++)
            {
                ReadOnlySpan<byte> text = bytes[offsets[row]..offsets[row + 1]];
                if (number < 0 || !text.SequenceEqual(last)) number = Known(text);
                stratum[row] = number;
                last = text;
            }
        }

        private void AssignCombinations(IScoreReader reader, Span<int> stratum)
        {
            for (int row = 0; row < stratum.Length; row++)
            {
                _key.Clear();
                for (int column = 0; column < strata._columns.Length; column++)
                {
                    if (column > 0) _key.Add(0x1f);
                    AppendValue(reader, column, row);
                }

                stratum[row] = Known(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_key));
            }
        }

        private void AppendValue(IScoreReader reader, int column, int row)
        {
            string name = strata._columns[column];
            if (strata._isText[column]) _key.AddRange(reader.Texts(name)[row]);
            else if (name == "length") _key.AddRange(Encoding.UTF8.GetBytes(OctaveLabel(Octave(reader.Numbers("tokens")[row]))));
            else _key.AddRange(Encoding.UTF8.GetBytes(reader.Numbers(name)[row].ToString("R", CultureInfo.InvariantCulture)));
        }

        private int Known(ReadOnlySpan<byte> key)
        {
            var lookup = _known.GetAlternateLookup<ReadOnlySpan<byte>>();
            if (lookup.TryGetValue(key, out int number)) return number;
            number = strata.Number(key);
            if (_known.Count < Most) lookup[key] = number;
            return number;
        }

        /// <summary>0 for no tokens, else 1 + ⌊log2 tokens⌋.</summary>
        private static int Octave(double tokens) => tokens >= 1 ? 1 + BitOperations.Log2((ulong)tokens) : 0;

        private static string OctaveLabel(int octave) => octave switch
        {
            0 => "0 tokens",
            1 => "1 token",
            _ => string.Create(CultureInfo.InvariantCulture, $"{1UL << (octave - 1)}–{(1UL << octave) - 1} tokens"),
        };
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
