using Winnow.Data;
using Winnow.Pruning.Selection;
using Xunit;

namespace Winnow.Tests.Pruning.Selection;

public sealed class KeepRuleTests
{
    [Theory]
    [InlineData("middle:50%", null, Band.Middle, "0.5")]
    [InlineData("bottom:0.3", null, Band.Bottom, "0.3")]
    [InlineData("perplexity:middle:12.5%", "perplexity", Band.Middle, "0.125")]
    [InlineData("el2n@2:top:1", "el2n@2", Band.Top, "1")]
    [InlineData("random:100%", null, Band.Random, "1")]
    public void A_rule_is_a_metric_a_band_and_a_fraction(string text, string? metric, Band band, string fraction)
    {
        KeepRule rule = KeepRule.Parse(text);
        Assert.Equal(new KeepRule(metric, band, decimal.Parse(fraction, System.Globalization.CultureInfo.InvariantCulture)), rule);
        Assert.Equal(rule, KeepRule.Parse(rule.ToString()));
    }

    [Theory]
    [InlineData("bottom:10%+top:0.2", "bottom:10%+top:20%")]
    [InlineData("perplexity:bottom:10%+middle:5%+top:10%", "perplexity:bottom:10%+middle:5%+top:10%")]
    [InlineData("el2n:bottom:10% + el2n:top:10%", "el2n:bottom:10%+top:10%")]
    [InlineData("c++:bottom:10%+c++:top:10%", "c++:bottom:10%+top:10%")]
    [InlineData("c++:bottom:10%", "c++:bottom:10%")]
    public void Bands_of_one_ranking_are_joined_by_a_plus(string text, string written)
    {
        KeepRule rule = KeepRule.Parse(text);
        Assert.Equal(written, rule.ToString());
        Assert.Equal(rule, KeepRule.Parse(written));
        Assert.Equal(written, string.Join("+", rule.Bands().Select((band, i) => (i == 0 ? band : band with { Metric = null }).ToString())));
        Assert.All(rule.Of("nll").Bands(), band => Assert.Equal(rule.Metric ?? "nll", band.Metric));
    }

    [Theory]
    [InlineData("bottom:10%+", "not a band and a fraction")]
    [InlineData("bottom:10%+top", "not a band and a fraction")]
    [InlineData("bottom:10%+center:10%", "`center`")]
    [InlineData("perplexity:bottom:10%+el2n:top:10%", "joins bands of different metrics")]
    [InlineData("bottom:10%+el2n:top:10%", "joins bands of different metrics")]
    [InlineData("bottom:10%+random:10%", "joins `random`")]
    [InlineData("", "not a band and a fraction")]
    [InlineData("middle", "not a band and a fraction")]
    [InlineData("a:b:c:d", "not a band and a fraction")]
    [InlineData("center:50%", "`center`")]
    [InlineData("Middle:50%", "`Middle`")]
    [InlineData("middle:half", "`half`")]
    [InlineData("middle:50", "`50%`")]
    [InlineData("middle:0", "not more than 0")]
    [InlineData("middle:-0.5", "`-0.5`")]
    [InlineData("middle:101%", "at most 1")]
    [InlineData("middle:NaN", "`NaN`")]
    [InlineData("middle:1e-1", "`1e-1`")]
    [InlineData(":middle:50%", "empty metric")]
    public void Anything_else_is_refused_with_what_is_wrong_and_an_example(string text, string found)
    {
        CorpusException error = Assert.Throws<CorpusException>(() => KeepRule.Parse(text));
        Assert.Contains(found, error.Message, StringComparison.Ordinal);
        Assert.Contains("middle:50%", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Halves_round_up_as_on_paper()
    {
        Assert.Equal((0, 15), KeepRule.Parse("bottom:0.29").Interval(50));
        Assert.Equal((0, 6), KeepRule.Parse("bottom:55%").Interval(10));
        Assert.Equal((1, 3), KeepRule.Parse("middle:50%").Interval(4));
        Assert.Equal((1, 4), KeepRule.Parse("middle:50%").Interval(5));
    }

    [Theory]
    [InlineData("tokens >", "character 9")]
    [InlineData("tokens > 3 and", "character 15")]
    [InlineData("(tokens > 3", "`)`")]
    [InlineData("3 < tokens", "a column was expected")]
    [InlineData("tokens > 3 tokens < 5", "`tokens`")]
    [InlineData("source > 'web'", "`=` or `!=`")]
    [InlineData("source = 'web", "closing quote")]
    [InlineData("", "a column was expected")]
    public void A_condition_that_makes_no_sense_is_refused_at_its_position(string text, string found)
    {
        CorpusException error = Assert.Throws<CorpusException>(() => Condition.Parse(text));
        Assert.Contains(found, error.Message, StringComparison.Ordinal);
    }
}
