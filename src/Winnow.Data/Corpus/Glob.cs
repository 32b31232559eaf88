using System.Text;
using System.Text.RegularExpressions;

namespace Winnow.Data.Corpus;

/// <summary>A path pattern: <c>*</c> and <c>?</c> within a name, <c>**</c> for any directories.</summary>
internal sealed class Glob
{
    private static readonly char[] s_wild = ['*', '?'];
    private readonly Regex _pattern;

    internal Glob(string pattern) => _pattern = new Regex(ToRegex(Path.GetFullPath(pattern)), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);

    internal static bool IsPattern(string path) => path.IndexOfAny(s_wild) >= 0;

    /// <summary>The directory that everything a pattern matches is below.</summary>
    internal static string Root(string pattern)
    {
        string before = pattern[..pattern.IndexOfAny(s_wild)];
        int slash = before.LastIndexOf('/');
        return slash < 0 ? "." : slash == 0 ? "/" : before[..slash];
    }

    internal bool IsMatch(string path) => _pattern.IsMatch(Path.GetFullPath(path));

    private static string ToRegex(string pattern)
    {
        StringBuilder regex = new("^");
        for (int i = 0; i < pattern.Length; i++)
        {
            if (pattern.AsSpan(i).StartsWith("**/"))
            {
                regex.Append("(?:[^/]+/)*");
                i += 2;
            }
            else if (pattern.AsSpan(i).StartsWith("**"))
            {
                regex.Append(".*");
                i++;
            }
            else
            {
                regex.Append(pattern[i] switch { '*' => "[^/]*", '?' => "[^/]", char c => Regex.Escape(c.ToString()) });
            }
        }
        return regex.Append('$').ToString();
    }
}
