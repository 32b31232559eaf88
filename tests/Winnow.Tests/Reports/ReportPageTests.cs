using System.Text.RegularExpressions;
using Winnow.Studies.Reports;
using Xunit;

namespace Winnow.Tests.Reports;

public sealed partial class ReportPageTests
{
    [Fact]
    public void The_page_is_the_golden_page() => Golden.Matches("report.html", ReportPage.Render(SyntheticReport.Create()));

    [Fact]
    public void The_page_asks_for_nothing_else()
    {
        string page = ReportPage.Render(SyntheticReport.Create());
        Assert.DoesNotMatch(@"<(script|link|img|iframe|object|embed|base)\b", page);
        Assert.DoesNotMatch(@"(src|href|srcset|action)\s*=\s*[""']?(https?:|//)", page);
        Assert.DoesNotContain("@import", page, StringComparison.Ordinal);
        Assert.DoesNotContain("url(", page, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_from_the_corpus_stays_text()
    {
        string page = ReportPage.Render(SyntheticReport.Create());
        Assert.Contains("&lt;script&gt;", page, StringComparison.Ordinal);
        Assert.DoesNotContain('\0', page);
        Assert.DoesNotContain('\u202e', page);
        Assert.All(page, c => Assert.False(char.IsControl(c) && c is not ('\n' or '\t')));
    }

    [Fact]
    public void Every_element_that_opens_closes()
    {
        string page = ReportPage.Render(SyntheticReport.Create());
        var open = new Stack<string>();
        foreach (Match tag in Tags().Matches(Styles().Replace(page, "")))
        {
            string name = tag.Groups[2].Value;
            if (name is "meta" || tag.Groups[3].Value.EndsWith('/')) continue;
            if (tag.Groups[1].Value == "") open.Push(name);
            else Assert.Equal(open.Pop(), name);
        }
        Assert.Empty(open);
    }

    [Fact]
    public void A_report_of_nothing_is_still_a_page()
    {
        var empty = new ReportData { Title = "t", Summary = "s", Version = "0", Created = DateTimeOffset.UnixEpoch };
        Assert.Contains("</html>", ReportPage.Render(empty), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.0000123, "0.00001230")]
    [InlineData(0.9999, "0.9999")]
    [InlineData(12.3456, "12.35")]
    [InlineData(9999.6, "10000")]
    [InlineData(12345.6, "12,346")]
    [InlineData(double.NaN, "–")]
    public void Scores_are_written_for_people(double score, string expected) => Assert.Equal(expected, Figures.Score(score));

    [Theory]
    [InlineData(0.5, "0.50 s")]
    [InlineData(9.999, "10.0 s")]
    [InlineData(59.97, "1 min 00 s")]
    [InlineData(185, "3 min 05 s")]
    [InlineData(7620, "2 h 07 min")]
    public void Durations_are_written_for_people(double seconds, string expected) => Assert.Equal(expected, Figures.Duration(seconds));

    [GeneratedRegex(@"<(/?)([a-zA-Z][a-zA-Z0-9]*)\b([^>]*)>")]
    private static partial Regex Tags();

    [GeneratedRegex("<style>.*?</style>", RegexOptions.Singleline)]
    private static partial Regex Styles();
}
