using System.Buffers.Binary;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Winnow.Data.Tokenizers;
using Xunit;

namespace Winnow.Tests.Tokenizers;

public class TransformTests
{
    [Theory]
    [InlineData("cafe\u0301", "caf\u00E9", "cafe\u0301"), InlineData("\u212B", "\u00C5", "A\u030A"), InlineData("\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    [InlineData("a\u0323\u0301", "\u1EA1\u0301", "a\u0323\u0301"), InlineData("a\u0301\u0323", "\u1EA1\u0301", "a\u0323\u0301"), InlineData("\u0344", "\u0308\u0301", "\u0308\u0301")]
    [InlineData("\u0958", "\u0915\u093C", "\u0915\u093C"), InlineData("x\u0301", "x\u0301", "x\u0301"), InlineData("\uF900", "\u8C48", "\u8C48"), InlineData("\uAC00\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    [InlineData("\U0001D15E", "\U0001D157\U0001D165", "\U0001D157\U0001D165"), InlineData("\u1E9B\u0323", "\u1E9B\u0323", "\u017F\u0323\u0307")]
    public void Text_is_composed_and_decomposed_as_Unicode_says(string text, string composed, string decomposed)
    {
        Assert.Equal(composed, Apply(new CompositionTransform(composes: true), text));
        Assert.Equal(decomposed, Apply(new CompositionTransform(composes: false), text));
        Assert.Equal($"ab {composed}c", Apply(new CompositionTransform(composes: true), $"ab {text}c"));
    }

    [Fact]
    public void Composing_what_was_decomposed_is_composing()
    {
        var composing = new CompositionTransform(composes: true);
        var decomposing = new CompositionTransform(composes: false);
        Prop.ForAll(Texts.Any, text =>
        {
            string composed = Apply(composing, text);
            return Apply(composing, Apply(decomposing, text)) == composed && Apply(composing, composed) == composed;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void The_character_map_of_SentencePiece_replaces_graphemes_and_characters()
    {
        var transform = new CharacterMapTransform(CharacterMap(("\uFB01", "fi"), ("\uFF21", "A"), ("\t", " "), ("e\u0301", "\u00E9")), "test");
        Assert.Equal("office A x caf\u00E9", Apply(transform, "of\uFB01ce \uFF21\tx cafe\u0301"));
        Assert.Equal("plain 你好", Apply(transform, "plain 你好"));
    }

    [Fact]
    public void A_damaged_character_map_is_refused() =>
        Assert.Throws<TokenizerException>(() => new CharacterMapTransform([255, 255, 0, 0, 1, 2, 3, 4], "test"));

    [Theory]
    [InlineData(" a b", "▁a▁b"), InlineData("a", "▁a"), InlineData("▁a", "▁a"), InlineData("  ", "▁▁")]
    public void Metaspace_marks_words(string text, string expected) =>
        Assert.Equal(expected, Apply(new MetaspaceTransform("▁"u8.ToArray(), PrependScheme.Always), text));

    [Theory]
    [InlineData(" \u3000a b\n", "a b"), InlineData("a", "a"), InlineData(" \t", "")]
    public void Stripping_takes_white_space_off_the_ends(string text, string expected) =>
        Assert.Equal(expected, Apply(new StripTransform(left: true, right: true), text));

    internal static string Apply(Transform transform, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        var output = new TextBuffer();
        output.Reset(tracksEnds: true);
        bool changed = transform.Apply(new TextView(bytes, default, 0), atStart: true, output);
        if (!changed) return text;
        TextView view = output.View(0);
        int[] ends = view.Ends.ToArray();
        Assert.Equal(ends.Order(), ends);
        return Encoding.UTF8.GetString(view.Bytes);
    }

    /// <summary>SentencePiece's format, built the plain way: each node gets a block of 256 units of its own.</summary>
    internal static byte[] CharacterMap(params (string From, string To)[] entries)
    {
        var nodes = new List<SortedDictionary<byte, int>> { new() };
        var values = new Dictionary<int, int>();
        var normalized = new List<byte>();
        foreach ((string from, string to) in entries)
        {
            int node = 0;
            foreach (byte b in Encoding.UTF8.GetBytes(from))
            {
                if (!nodes[node].TryGetValue(b, out int child)) nodes[node][b] = child = nodes.Count;
                if (child == nodes.Count) nodes.Add(new());
                node = child;
            }

            values[node] = normalized.Count;
            normalized.AddRange([.. Encoding.UTF8.GetBytes(to), 0]);
        }

        // A node's children stand at its block's start XOR their byte; the value, at the start itself. Block 0 holds the root.
        int Block(int node) => (node + 1) << 8;
        var units = new uint[(nodes.Count + 1) << 8];
        int[] places = new int[nodes.Count];
        for (int node = 0; node < nodes.Count; node++)
        {
            foreach ((byte b, int child) in nodes[node]) places[child] = Block(node) ^ b;
        }

        for (int node = 0; node < nodes.Count; node++)
        {
            uint offset = (uint)(places[node] ^ Block(node));
            uint label = node == 0 ? 0 : (uint)(places[node] & 0xFF);
            units[places[node]] = (((offset >> 8) << 10) | 0x200) | label | (values.ContainsKey(node) ? 0x100u : 0);
            if ((offset & 0xFF) != 0) units[places[node]] = (offset << 10) | label | (values.ContainsKey(node) ? 0x100u : 0);
            if (values.TryGetValue(node, out int value)) units[Block(node)] = (uint)value | 0x80000000;
        }

        var bytes = new byte[4 + (units.Length * 4) + normalized.Count];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, units.Length * 4);
        for (int i = 0; i < units.Length; i++) BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4 + (i * 4)), units[i]);
        normalized.CopyTo(bytes, 4 + (units.Length * 4));
        return bytes;
    }
}
