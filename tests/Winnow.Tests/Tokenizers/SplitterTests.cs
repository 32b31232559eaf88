using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Winnow.Data.Tokenizers;
using Xunit;

namespace Winnow.Tests.Tokenizers;

public class SplitterTests
{
    private const string Clause = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    [Theory]
    [InlineData(Gpt2Splitter.Pattern), InlineData(Clause)]
    public void Splitting_by_hand_is_splitting_by_the_pattern(string pattern)
    {
        Splitter splitter = pattern == Clause ? ClauseSplitter.For(pattern)! : new Gpt2Splitter();
        var byPattern = new RegexSplitter(new Utf8Pattern(RegexTranslator.Translate(pattern, "test")), SplitBehavior.Isolated, invert: false);
        Prop.ForAll(Texts.Any, text =>
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            var ends = new int[bytes.Length + 1];
            int count = splitter.Split(bytes, 0, ends);
            return ends[..count].SequenceEqual(byPattern.Split(bytes).Where((_, i) => i % 2 == 1));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Splitting_in_small_steps_changes_nothing()
    {
        foreach (Splitter splitter in (Splitter[])[new Gpt2Splitter(), ClauseSplitter.For(Clause)!, new ClassSplitter(CharacterClass.Number, true), new WhiteSpaceSplitter()])
        {
            Prop.ForAll(Texts.Any, text =>
            {
                byte[] bytes = Encoding.UTF8.GetBytes(text);
                var all = new int[bytes.Length + 1];
                List<int> steps = [];
                while (steps.LastOrDefault() < bytes.Length)
                {
                    var two = new int[2];
                    steps.AddRange(two[..splitter.Split(bytes, steps.LastOrDefault(), two)]);
                }

                return all[..splitter.Split(bytes, 0, all)].SequenceEqual(steps);
            }).QuickCheckThrowOnFailure();
        }
    }

    [Theory]
    [InlineData(SplitBehavior.Removed, "a|b|c"), InlineData(SplitBehavior.Isolated, "a|-|-|b|-|c|-"), InlineData(SplitBehavior.MergedWithPrevious, "a-|-|b-|c-")]
    [InlineData(SplitBehavior.MergedWithNext, "a|-|-b|-c|-"), InlineData(SplitBehavior.Contiguous, "a|--|b|-|c|-")]
    public void A_literal_and_a_pattern_split_alike(object behavior, string expected)
    {
        byte[] text = "a--b-c-"u8.ToArray();
        var splitter = new LiteralSplitter("-"u8.ToArray(), (SplitBehavior)behavior);
        var ends = new int[20];
        int start = 0;
        List<string> pieces = [];
        foreach (int end in ends[..splitter.Split(text, 0, ends)])
        {
            if (!splitter.CanDrop || !splitter.Drops(text, start, end)) pieces.Add(Encoding.UTF8.GetString(text, start, end - start));
            start = end;
        }

        Assert.Equal(expected, string.Join('|', pieces));
        List<int> found = new RegexSplitter(new Utf8Pattern(RegexTranslator.Translate("-", "test")), (SplitBehavior)behavior, invert: false).Split(text);
        Assert.Equal(expected, string.Join('|', found.Chunk(2).Select(p => Encoding.UTF8.GetString(text, p[0], p[1] - p[0]))));
    }

    [Theory]
    [InlineData(@"\p{L}++", "ab1", "ab|1"), InlineData(@"(?i:'s|'k)", "x'ſ'K's", "x|'ſ|'K|'s"), InlineData(@"\p{N}{1,2}", "12345", "12|34|5")]
    [InlineData(@"[\p{L}\p{M}]+", "𝕏e\u0301!", "𝕏e\u0301|!"), InlineData(@"[一-龥]+", "ab你好", "ab|你好"), InlineData(@" ?[^(\s)]+", " a(b", " a|(|b")]
    public void Patterns_mean_to_dot_NET_what_they_mean_to_Oniguruma(string pattern, string text, string expected)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        List<int> found = new RegexSplitter(new Utf8Pattern(RegexTranslator.Translate(pattern, "test")), SplitBehavior.Isolated, invert: false).Split(bytes);
        Assert.Equal(expected, string.Join('|', found.Chunk(2).Select(p => Encoding.UTF8.GetString(bytes, p[0], p[1] - p[0]))));
    }

    [Theory]
    [InlineData(@"\w+"), InlineData(@"\p{Han}+"), InlineData("[a[b]]"), InlineData("a.b"), InlineData("^a"), InlineData("(?<n>a)"), InlineData(@"\p{L"), InlineData("(a")]
    [InlineData("a)"), InlineData("a**"), InlineData("[a&&b]"), InlineData("😀"), InlineData("(?i:é)"), InlineData("a{2}+"), InlineData("x{,}")]
    public void A_pattern_that_has_no_exact_form_is_refused(string pattern) =>
        Assert.Contains(pattern, Assert.Throws<TokenizerException>(() => RegexTranslator.Translate(pattern, "test")).Message, StringComparison.Ordinal);
}
