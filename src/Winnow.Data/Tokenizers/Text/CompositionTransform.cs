using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Winnow.Data.Tokenizers;

/// <summary>Normalization forms C and D. The runtime's own do nothing where it runs without culture data, as Winnow does.</summary>
/// <param name="composes">Form C; else form D.</param>
internal sealed class CompositionTransform(bool composes) : Transform
{
    private const int HangulFirst = 0xAC00, HangulCount = 11172, LeadFirst = 0x1100, VowelFirst = 0x1161, TailFirst = 0x11A7;
    private const int VowelCount = 21, TailCount = 28;

    private static readonly Dictionary<int, (int First, int Second)> Decompositions = [];
    private static readonly Dictionary<(int First, int Second), int> Compositions = [];

    /// <summary>Combining class by code point below 0x20000; the classes above are all 0.</summary>
    private static readonly byte[] CombiningClasses = new byte[0x20000];

    /// <summary>1 where a character may change by composing, 2 by decomposing; for code points below 0x30000.</summary>
    private static readonly byte[] MayChange = Load();

    public override bool Apply(in TextView input, bool atStart, TextBuffer output)
    {
        ReadOnlySpan<byte> text = input.Bytes;
        int at = NextSuspect(text, 0, out int clusterStart);
        if (at == text.Length) return false;
        int copied = 0;
        bool changed = false;
        var characters = new List<int>();
        while (at < text.Length)
        {
            // From the last character that nothing can join or reorder, to the next such character.
            int end = EndOfCluster(text, at);
            Decompose(text[clusterStart..end], characters);
            if (composes) Compose(characters);
            int before = output.Length;
            output.Append(input, copied, clusterStart - copied);
            int written = output.Length;
            Write(characters, output, input.EndAt(end));
            changed |= !output.Bytes[written..].SequenceEqual(text[clusterStart..end]);
            copied = end;
            at = NextSuspect(text, end, out clusterStart);
        }

        output.Append(input, copied, text.Length - copied);
        return changed;
    }

    /// <summary>The next character that this form may change, with the start of the cluster it stands in.</summary>
    private int NextSuspect(ReadOnlySpan<byte> text, int from, out int clusterStart)
    {
        int flag = composes ? 1 : 2;
        clusterStart = from;
        int at = from;
        while (at < text.Length)
        {
            // ASCII and Latin-1 stay as they are in form C: only bytes from 0xCC on can lead to trouble.
            int skip = text[at..].IndexOfAnyInRange(composes ? (byte)0xCC : (byte)0xC3, (byte)0xFF);
            if (skip < 0) return text.Length;
            if (skip > 0) clusterStart = Utf8.StartOfPrevious(text, at + skip);
            at += skip;
            int codePoint = Utf8.Decode(text, at, out int length);
            if (codePoint < MayChange.Length && (MayChange[codePoint] & flag) != 0)
            {
                if (composes) return at;
                clusterStart = at;
                return at;
            }

            if (CombiningClass(codePoint) == 0) clusterStart = at;
            at += length;
        }

        return text.Length;
    }

    /// <summary>The first character after <paramref name="at"/> that starts a cluster of its own.</summary>
    private static int EndOfCluster(ReadOnlySpan<byte> text, int at)
    {
        Utf8.Decode(text, at, out int length);
        at += length;
        while (at < text.Length)
        {
            int codePoint = Utf8.Decode(text, at, out length);
            bool starts = CombiningClass(codePoint) == 0 && (codePoint >= MayChange.Length || MayChange[codePoint] == 0);
            if (starts) break;
            at += length;
        }

        return at;
    }

    private static void Decompose(ReadOnlySpan<byte> text, List<int> characters)
    {
        characters.Clear();
        for (int at = 0; at < text.Length;)
        {
            Decompose(Utf8.Decode(text, at, out int length), characters);
            at += length;
        }

        // Marks are sorted by class, those of one class stay in order.
        for (int i = 1; i < characters.Count; i++)
        {
            int mark = characters[i];
            int combining = CombiningClass(mark);
            int to = i;
            while (combining != 0 && to > 0 && CombiningClass(characters[to - 1]) > combining) to--;
            if (to == i) continue;
            characters.RemoveAt(i);
            characters.Insert(to, mark);
        }
    }

    private static void Decompose(int codePoint, List<int> characters)
    {
        if (codePoint is >= HangulFirst and < HangulFirst + HangulCount)
        {
            int index = codePoint - HangulFirst;
            characters.Add(LeadFirst + (index / (VowelCount * TailCount)));
            characters.Add(VowelFirst + (index / TailCount % VowelCount));
            if (index % TailCount != 0) characters.Add(TailFirst + (index % TailCount));
        }
        else if (Decompositions.TryGetValue(codePoint, out (int First, int Second) parts))
        {
            Decompose(parts.First, characters);
            if (parts.Second != 0) Decompose(parts.Second, characters);
        }
        else
        {
            characters.Add(codePoint);
        }
    }

    private static void Compose(List<int> characters)
    {
        int written = 0, starter = -1, lastClass = 0;
        for (int i = 0; i < characters.Count; i++)
        {
            int c = characters[i];
            int combining = CombiningClass(c);
            bool blocked = starter >= 0 && written - 1 > starter && (lastClass >= combining || lastClass == 0);
            if (starter >= 0 && !blocked && Pair(characters[starter], c) is int composed)
            {
                characters[starter] = composed;
                continue;
            }

            if (combining == 0) starter = written;
            lastClass = combining;
            characters[written++] = c;
        }

        characters.RemoveRange(written, characters.Count - written);
    }

    private static int? Pair(int first, int second)
    {
        if (first is >= LeadFirst and < LeadFirst + 19 && second is >= VowelFirst and < VowelFirst + VowelCount)
            return HangulFirst + ((((first - LeadFirst) * VowelCount) + (second - VowelFirst)) * TailCount);
        bool syllable = first is >= HangulFirst and < HangulFirst + HangulCount && (first - HangulFirst) % TailCount == 0;
        if (syllable && second is > TailFirst and < TailFirst + TailCount) return first + (second - TailFirst);
        return Compositions.TryGetValue((first, second), out int composed) ? composed : null;
    }

    private static int CombiningClass(int codePoint) => codePoint < CombiningClasses.Length ? CombiningClasses[codePoint] : 0;

    private static void Write(List<int> characters, TextBuffer output, int end)
    {
        Span<byte> bytes = stackalloc byte[4];
        foreach (int c in characters)
        {
            int length = new Rune(c).EncodeToUtf8(bytes);
            output.Append(bytes[..length], end);
        }
    }

    private static byte[] Load()
    {
        using Stream stream = typeof(CompositionTransform).Assembly.GetManifestResourceStream("composition.bin")!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        var change = new byte[0x30000];
        int pairs = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        int runs = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(4));
        ReadOnlySpan<uint> table = MemoryMarshal.Cast<byte, uint>(bytes.AsSpan(8, pairs * 12));
        for (int i = 0; i < pairs; i++)
        {
            uint entry = table[i * 3];
            int composed = (int)(entry & 0x7FFFFFFF), first = (int)table[(i * 3) + 1], second = (int)table[(i * 3) + 2];
            Decompositions[composed] = (first, second);
            change[composed] |= 2;
            if ((int)entry < 0)
            {
                Compositions[(first, second)] = composed;
                change[second] |= 1;
            }
            else
            {
                change[composed] |= 1;
            }
        }

        ReadOnlySpan<byte> classes = bytes.AsSpan(8 + (pairs * 12));
        for (int i = 0; i < runs; i++)
        {
            ReadOnlySpan<byte> run = classes[(i * 8)..];
            int start = BinaryPrimitives.ReadInt32LittleEndian(run), count = BinaryPrimitives.ReadUInt16LittleEndian(run[4..]);
            CombiningClasses.AsSpan(start, count).Fill((byte)BinaryPrimitives.ReadUInt16LittleEndian(run[6..]));
            for (int c = start; c < start + count; c++) change[c] |= 3;
        }

        for (int c = HangulFirst; c < HangulFirst + HangulCount; c++) change[c] |= 2;
        for (int c = VowelFirst; c < VowelFirst + VowelCount; c++) change[c] |= 1;
        for (int c = TailFirst + 1; c < TailFirst + TailCount; c++) change[c] |= 1;
        return change;
    }
}
