using System.Text;
using System.Text.Json;
using Winnow.Data.Tokenizers;
using Xunit;

namespace Winnow.Tests.Tokenizers;

/// <summary>Every id that Hugging Face tokenizers gave for the strings of the fixtures.</summary>
public sealed class TokenizerParityTests(TokenizerParityTests.Loaded loaded) : IClassFixture<TokenizerParityTests.Loaded>
{
    public static TheoryData<string> Names() => [.. Fixtures.Names("tokenizers", "expected.json")];

    [Theory, MemberData(nameof(Names))]
    public void Every_string_gets_the_ids_of_Hugging_Face(string name)
    {
        (Tokenizer tokenizer, JsonElement expected, List<byte[]> strings) = loaded.Of(name);
        Assert.All(expected.GetProperty("ids").EnumerateArray().Zip(strings), pair =>
            Assert.Equal(Ids(pair.First), Encode(tokenizer, pair.Second)));
    }

    [Theory, MemberData(nameof(Names))]
    public void The_post_processor_adds_what_Hugging_Face_adds(string name)
    {
        (Tokenizer tokenizer, JsonElement expected, List<byte[]> strings) = loaded.Of(name);
        Assert.All(expected.GetProperty("ids_with_special").EnumerateArray().Zip(strings), pair =>
            Assert.Equal(Ids(pair.First), [.. tokenizer.Prefix, .. Encode(tokenizer, pair.Second), .. tokenizer.Suffix]));
    }

    [Theory, MemberData(nameof(Names))]
    public void Decoding_gives_the_text_of_Hugging_Face(string name)
    {
        (Tokenizer tokenizer, JsonElement expected, List<byte[]> strings) = loaded.Of(name);
        JsonElement different = expected.GetProperty("decoded_where_different");
        List<List<int>> ids = [.. expected.GetProperty("ids").EnumerateArray().Select(Ids)];
        for (int i = 0; i < strings.Count; i++)
        {
            string text = different.TryGetProperty($"{i}", out JsonElement decoded) ? decoded.GetString()! : Encoding.UTF8.GetString(strings[i]);
            Assert.Equal(text, Encoding.UTF8.GetString(tokenizer.Decode([.. ids[i]])));
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Bytes_that_are_not_text_count_as_replacement_characters(string name)
    {
        (Tokenizer tokenizer, JsonElement expected, _) = loaded.Of(name);
        JsonElement[] invalid = [.. Strings().GetProperty("invalid_utf8").EnumerateArray()];
        Assert.All(expected.GetProperty("invalid_utf8_ids").EnumerateArray().Zip(invalid), pair =>
            Assert.Equal(Ids(pair.First), Encode(tokenizer, Convert.FromHexString(pair.Second.GetProperty("hex").GetString()!))));
    }

    [Theory, MemberData(nameof(Names))]
    public void Ends_never_decrease_and_the_last_is_the_length_of_the_text(string name)
    {
        (Tokenizer tokenizer, _, List<byte[]> strings) = loaded.Of(name);
        TokenEncoder encoder = tokenizer.CreateEncoder();
        foreach (byte[] text in strings)
        {
            List<int> ids = [], ends = [];
            encoder.Encode(text, ids, ends);
            Assert.Equal(Encode(tokenizer, text), ids);
            Assert.Equal(ids.Count, ends.Count);
            Assert.Equal(ends.Order(), ends);
            if (ids.Count > 0) Assert.Equal(text.Length, ends[^1]);
        }
    }

    private static List<int> Encode(Tokenizer tokenizer, byte[] text)
    {
        var ids = new List<int>();
        tokenizer.CreateEncoder().Encode(text, ids);
        return ids;
    }

    private static List<int> Ids(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];

    private static JsonElement Strings() => JsonElement.Parse(File.ReadAllBytes(Path.Combine(Fixtures.Root("tokenizers"), "strings.json")));

    /// <summary>What the tests of one name share: the large tokenizers take longer to load than to test.</summary>
    public sealed class Loaded
    {
        private readonly Dictionary<string, (Tokenizer Tokenizer, JsonElement Expected, List<byte[]> Strings)> _all = [];

        public (Tokenizer Tokenizer, JsonElement Expected, List<byte[]> Strings) Of(string name)
        {
            if (_all.TryGetValue(name, out var found)) return found;
            string directory = Path.Combine(Fixtures.Root("tokenizers"), name);
            JsonElement expected = JsonElement.Parse(File.ReadAllBytes(Path.Combine(directory, "expected.json")));
            List<byte[]> strings = [.. Strings().GetProperty("strings").EnumerateArray().Select(s => Encoding.UTF8.GetBytes(s.GetString()!))];
            return _all[name] = (Tokenizer.Load(directory), expected, strings);
        }
    }
}
