using System.Text;
using System.Text.RegularExpressions;
using System.Text.Unicode;

namespace Winnow.Data.Corpus;

/// <summary>Decodes what a web server sent: by its byte-order mark, its header, what the page says, or as it looks.</summary>
internal static partial class WebText
{
    private const int PrescanBytes = 2048;

    /// <param name="body">The bytes.</param>
    /// <param name="contentType">The header of that name.</param>
    /// <param name="isHtml">True looks for what the page itself says.</param>
    internal static string Decode(byte[] body, string? contentType, bool isHtml)
    {
        if (body is [0xEF, 0xBB, 0xBF, ..]) return Encoding.UTF8.GetString(body.AsSpan(3));
        if (body is [0xFF, 0xFE, ..]) return Encoding.Unicode.GetString(body.AsSpan(2));
        if (body is [0xFE, 0xFF, ..]) return Encoding.BigEndianUnicode.GetString(body.AsSpan(2));
        string? name = Charset(contentType ?? "");
        if (name == null && isHtml) name = Charset(Encoding.Latin1.GetString(body.AsSpan(0, Math.Min(body.Length, PrescanBytes))));
        Encoding? said = name == null ? null : Find(name);
        return (said ?? (Utf8.IsValid(body) ? Encoding.UTF8 : Find("windows-1252")!)).GetString(body);
    }

    private static string? Charset(string text)
    {
        Match match = CharsetPattern().Match(text);
        return match.Success ? match.Groups[1].Value : null;
    }

    /// <summary>The encoding that browsers mean by a name; null when it is none.</summary>
    private static Encoding? Find(string name)
    {
        string known = name.ToLowerInvariant() switch
        {
            "utf8" => "utf-8",
            "iso-8859-1" or "latin1" or "ascii" or "us-ascii" => "windows-1252",
            "gb2312" or "gbk" or "x-gbk" => "gb18030",
            string other => other,
        };
        try
        {
            return CodePagesEncodingProvider.Instance.GetEncoding(known) ?? Encoding.GetEncoding(known);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    [GeneratedRegex("charset\\s*=\\s*[\"']?\\s*([A-Za-z0-9_:.-]+)", RegexOptions.IgnoreCase)]
    private static partial Regex CharsetPattern();
}
