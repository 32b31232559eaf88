using System.Buffers;
using System.Globalization;
using System.Text;

namespace Winnow.Data.Tokenizers;

/// <summary>A step from the texts of tokens to the text of a document: a decoder of `tokenizer.json`. Stateless.</summary>
internal abstract class TokenDecoder
{
    /// <summary>The texts that take the place of these.</summary>
    public abstract List<byte[]> Decode(List<byte[]> tokens);
}

/// <summary>One decoder after the other.</summary>
internal sealed class DecoderSequence(IReadOnlyList<TokenDecoder> decoders) : TokenDecoder
{
    public override List<byte[]> Decode(List<byte[]> tokens) => decoders.Aggregate(tokens, (texts, decoder) => decoder.Decode(texts));
}

/// <summary>Reads GPT-2's byte alphabet; a token with any other character is its own text.</summary>
internal sealed class ByteLevelDecoder : TokenDecoder
{
    public override List<byte[]> Decode(List<byte[]> tokens) => [Joined(tokens.Select(t => ByteAlphabet.Read(Encoding.UTF8.GetString(t)) ?? t))];

    /// <summary>All texts in one.</summary>
    public static byte[] Joined(IEnumerable<byte[]> texts)
    {
        var joined = new ArrayBufferWriter<byte>();
        foreach (byte[] text in texts) joined.Write(text);
        return joined.WrittenSpan.ToArray();
    }
}

/// <summary>Writes one text for another inside every token.</summary>
internal sealed class ReplaceDecoder(byte[] pattern, byte[] content) : TokenDecoder
{
    public override List<byte[]> Decode(List<byte[]> tokens) => tokens.ConvertAll(Replace);

    private byte[] Replace(byte[] token)
    {
        var replaced = new ArrayBufferWriter<byte>(Math.Max(1, token.Length));
        ReadOnlySpan<byte> rest = token;
        for (int found = rest.IndexOf(pattern); found >= 0; found = rest.IndexOf(pattern))
        {
            replaced.Write(rest[..found]);
            replaced.Write(content);
            rest = rest[(found + pattern.Length)..];
        }

        replaced.Write(rest);
        return replaced.WrittenSpan.ToArray();
    }
}

/// <summary>Reads runs of `&lt;0xNN&gt;` as bytes; where a run is not UTF-8, each of its bytes becomes U+FFFD.</summary>
internal sealed class ByteFallbackDecoder : TokenDecoder
{
    public override List<byte[]> Decode(List<byte[]> tokens)
    {
        var texts = new List<byte[]>(tokens.Count);
        var run = new List<byte>();
        foreach (byte[] token in tokens)
        {
            if (ByteOf(token) is byte value)
            {
                run.Add(value);
                continue;
            }

            Flush(run, texts);
            texts.Add(token);
        }

        Flush(run, texts);
        return texts;
    }

    private static void Flush(List<byte> run, List<byte[]> texts)
    {
        if (run.Count == 0) return;
        byte[] bytes = [.. run];
        if (System.Text.Unicode.Utf8.IsValid(bytes)) texts.Add(bytes);
        else texts.AddRange(Enumerable.Repeat("\uFFFD"u8.ToArray(), bytes.Length));
        run.Clear();
    }

    private static byte? ByteOf(byte[] token) =>
        token.Length == 6 && token.AsSpan().StartsWith("<0x"u8) && token[5] == '>'
        && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value) ? value : null;
}

/// <summary>Makes one text of all.</summary>
internal sealed class FuseDecoder : TokenDecoder
{
    public override List<byte[]> Decode(List<byte[]> tokens) => [ByteLevelDecoder.Joined(tokens)];
}

/// <summary>Takes a character off the ends of every text, a given number of times at most.</summary>
internal sealed class StripDecoder(byte[] character, int start, int stop) : TokenDecoder
{
    public override List<byte[]> Decode(List<byte[]> tokens) => tokens.ConvertAll(Strip);

    private byte[] Strip(byte[] token)
    {
        ReadOnlySpan<byte> text = token;
        for (int i = 0; i < start && text.StartsWith(character); i++) text = text[character.Length..];
        for (int i = 0; i < stop && text.EndsWith(character); i++) text = text[..^character.Length];
        return text.ToArray();
    }
}

/// <summary>Reads Metaspace's `▁` as a space, and drops it in the first token where one was put there.</summary>
internal sealed class MetaspaceDecoder(byte[] replacement, bool prepended) : TokenDecoder
{
    private readonly ReplaceDecoder _space = new(replacement, " "u8.ToArray());
    private readonly ReplaceDecoder _nothing = new(replacement, []);

    public override List<byte[]> Decode(List<byte[]> tokens)
    {
        List<byte[]> texts = _space.Decode(tokens);
        if (prepended && tokens.Count > 0) texts[0] = _nothing.Decode([tokens[0]])[0];
        return texts;
    }
}

/// <summary>Puts spaces between tokens: what happens without a decoder.</summary>
internal sealed class SpacedDecoder : TokenDecoder
{
    public override List<byte[]> Decode(List<byte[]> tokens) =>
        [ByteLevelDecoder.Joined(tokens.SelectMany((token, i) => i == 0 ? [token] : new[] { " "u8.ToArray(), token }))];
}
