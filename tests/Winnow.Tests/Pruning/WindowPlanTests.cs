using FsCheck;
using FsCheck.Fluent;
using Winnow.Data;
using Winnow.Pruning.Scoring;
using Xunit;

namespace Winnow.Tests.Pruning;

public sealed class WindowPlanTests
{
    [Theory]
    [InlineData(10, 0, 64, "disjoint", "0-10/1")]
    [InlineData(130, 0, 64, "disjoint", "0-64/1 64-128/65 128-130/129")]
    [InlineData(129, 0, 64, "disjoint", "0-64/1 64-128/65")]
    [InlineData(130, 0, 64, "truncate", "0-64/1")]
    [InlineData(130, 0, 64, "stride:16", "0-64/1 48-112/64 96-130/112")]
    [InlineData(65, 0, 64, "stride:16", "0-64/1 48-65/64")]
    [InlineData(66, 1, 64, "disjoint", "0-64/1 64-66/65")]
    [InlineData(5, 2, 64, "disjoint", "0-5/2")]
    [InlineData(1, 0, 64, "disjoint", "")]
    [InlineData(1, 1, 64, "disjoint", "")]
    [InlineData(0, 0, 64, "disjoint", "")]
    public void Windows_lie_where_the_rule_says(int tokens, int prefix, int context, string rule, string expected)
    {
        ScoringWindow[] windows = WindowPlan.Cut(tokens, prefix, context, WindowRule.Parse(rule));
        Assert.Equal(expected, string.Join(' ', windows.Select(window => $"{window.Start}-{window.End}/{window.FirstPredicted}")));
    }

    [Fact]
    public void A_strided_window_predicts_every_token_once_with_its_context()
    {
        Gen<(int Tokens, int Context, int Overlap)> sizes =
            from context in Gen.Choose(3, 70)
            from overlap in Gen.Choose(1, context - 1)
            from tokens in Gen.Choose(2, 400)
            select (tokens, context, overlap);
        Prop.ForAll(sizes.ToArbitrary(), size =>
        {
            ScoringWindow[] windows = WindowPlan.Cut(size.Tokens, 0, size.Context, new WindowRule(WindowKind.Stride, size.Overlap));
            int[] predicted = [.. windows.SelectMany(window => Enumerable.Range(window.FirstPredicted, window.Predicted))];
            return predicted.SequenceEqual(Enumerable.Range(1, size.Tokens - 1))
                && windows.All(window => window.End - window.Start <= size.Context)
                && windows.Skip(1).All(window => window.FirstPredicted - window.Start >= size.Overlap);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Disjoint_windows_cover_every_token_once()
    {
        Prop.ForAll(Gen.Choose(0, 500).ToArbitrary(), Gen.Choose(2, 70).ToArbitrary(), (tokens, context) =>
        {
            ScoringWindow[] windows = WindowPlan.Cut(tokens, 0, context, new WindowRule(WindowKind.Disjoint));
            int last = tokens % context == 1 ? 1 : 0;
            return windows.Sum(window => window.End - window.Start) == tokens - last && windows.All(window => window.FirstPredicted == window.Start + 1);
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("stride:0")]
    [InlineData("stride:")]
    [InlineData("stride:-3")]
    [InlineData("slide")]
    public void An_unknown_rule_is_refused_with_what_was_expected(string text)
    {
        CorpusException refused = Assert.Throws<CorpusException>(() => WindowRule.Parse(text));
        Assert.Contains("`disjoint`, `truncate` or `stride:N`", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("disjoint")]
    [InlineData("truncate")]
    [InlineData("stride:17")]
    public void A_rule_is_written_as_it_is_read(string text) => Assert.Equal(text, WindowRule.Parse(text).ToString());
}
