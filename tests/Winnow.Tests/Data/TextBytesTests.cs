using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Winnow.Data.Corpus;
using Xunit;

namespace Winnow.Tests.Data;

public class TextBytesTests
{
    [Fact]
    public void Every_wrong_sequence_is_found_wherever_blocks_begin()
    {
        // Every kind of lead and of continuation, in and out of range, at every place in a block of 16 and a stride of 64.
        byte[] kinds = [0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF];
        Random random = new(1);
        for (int i = 0; i < 200_000; i++)
        {
            byte[] text = new byte[random.Next(1, 200)];
            Array.Fill(text, (byte)'a');
            for (int at = random.Next(text.Length), count = random.Next(1, 6); count > 0 && at < text.Length; count--) text[at++] = kinds[random.Next(kinds.Length)];
            Assert.True(Utf8.IsValid(text) == Utf8Check.IsValid(text), Convert.ToHexString(text));
        }
    }

    [Fact]
    public void Every_character_is_valid_and_none_may_lack_its_end()
    {
        for (int code = 0; code <= 0x10FFFF; code += code < 0x3000 ? 1 : 37)
        {
            if (code is >= 0xD800 and <= 0xDFFF) continue;
            byte[] text = Encoding.UTF8.GetBytes(new string('我', code % 30) + char.ConvertFromUtf32(code));
            Assert.True(Utf8Check.IsValid(text), $"U+{code:X4}");
            Assert.Equal(Utf8.IsValid(text.AsSpan(..^1)), Utf8Check.IsValid(text.AsSpan(..^1)));
        }
    }

    [Fact]
    public void Escapes_are_read_as_the_json_reader_of_dotnet_reads_them()
    {
        string[] pieces = ["a", "plain words of some length, ", "我们", "\\n", "\\\"", "\\\\", "\\/", "\\u00e9", "\\u4f60", "\\ud83e\\udd16", "\\t"];
        Random random = new(2);
        JsonLine line = new(new JsonFields(["text"]));
        for (int i = 0; i < 20_000; i++)
        {
            byte[] json = Encoding.UTF8.GetBytes("{\"text\":\"" + string.Concat(Enumerable.Range(0, random.Next(0, 30)).Select(_ => pieces[random.Next(pieces.Length)])) + "\"}");
            Assert.True(line.Parse(json), line.Error);
            JsonValue value = line[0];
            byte[] text = new byte[value.TextLength];
            JsonEscape.Unescape(json.AsSpan(value.Start, value.Length), text);
            Assert.Equal(JsonDocument.Parse(json).RootElement.GetProperty("text").GetString(), Encoding.UTF8.GetString(text));
        }
    }
}
