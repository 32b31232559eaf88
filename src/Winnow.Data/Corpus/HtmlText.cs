using System.Text;
using AngleSharp.Dom;
using AngleSharp.Html.Parser;

namespace Winnow.Data.Corpus;

/// <summary>
/// The main text of a web page, simply: what stands in navigation, headers, footers, forms and scripts is left out, and so are
/// blocks that are mostly links. Blocks become lines.
/// </summary>
internal static class HtmlText
{
    private const double MostLinks = 0.5;
    private const int MaxDepth = 4096;

    /// <summary>Elements without an end tag, or with one that is mostly left out.</summary>
    private static readonly HashSet<string> s_unclosed = new(StringComparer.OrdinalIgnoreCase)
    {
        "area", "base", "body", "br", "col", "colgroup", "dd", "dt", "embed", "head", "hr", "html", "img", "input", "li", "link", "meta", "optgroup", "option", "p",
        "param", "rp", "rt", "source", "tbody", "td", "tfoot", "th", "thead", "tr", "track", "wbr",
    };

    private static readonly HashSet<string> s_dropped = new(StringComparer.OrdinalIgnoreCase)
    {
        "script", "style", "noscript", "template", "svg", "math", "nav", "header", "footer", "aside", "form", "button", "select", "iframe", "object", "head", "dialog",
    };

    private static readonly HashSet<string> s_blocks = new(StringComparer.OrdinalIgnoreCase)
    {
        "address", "article", "blockquote", "body", "br", "caption", "center", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption", "figure", "h1", "h2", "h3",
        "h4", "h5", "h6", "hr", "html", "li", "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
    };

    /// <summary>The main text; empty where there is none.</summary>
    internal static string Of(string html)
    {
        using IDocument document = new HtmlParser().ParseDocument(html);
        INode root = document.QuerySelector("main") ?? OnlyArticle(document) ?? (INode?)document.Body ?? document;
        Blocks blocks = new();
        Walk(root, blocks);
        return blocks.Finish();
    }

    /// <summary>True for pages that no parser gets through in reasonable time: the time grows with the square of the depth.</summary>
    internal static bool NestsTooDeeply(string html)
    {
        int depth = 0;
        for (int at = html.IndexOf('<', StringComparison.Ordinal); at >= 0 && at + 1 < html.Length; at = html.IndexOf('<', at + 1))
        {
            bool closes = html[at + 1] == '/';
            int start = at + (closes ? 2 : 1), end = start;
            while (end < html.Length && char.IsAsciiLetterOrDigit(html[end])) end++;
            if (end == start || s_unclosed.GetAlternateLookup<ReadOnlySpan<char>>().Contains(html.AsSpan(start, end - start))) continue;
            depth = Math.Max(0, depth + (closes ? -1 : 1));
            if (depth > MaxDepth) return true;
        }
        return false;
    }

    private static IElement? OnlyArticle(IDocument document)
    {
        IHtmlCollection<IElement> articles = document.QuerySelectorAll("article");
        return articles.Length == 1 ? articles[0] : null;
    }

    /// <summary>Walks without recursion: pages nest as deeply as they like.</summary>
    private static void Walk(INode root, Blocks blocks)
    {
        INode? node = root;
        while (node != null)
        {
            bool enter = Enter(node, node == root, blocks);
            if (enter && node.FirstChild != null)
            {
                node = node.FirstChild;
                continue;
            }
            if (enter) Leave(node, blocks);
            while (node != root && node!.NextSibling == null)
            {
                node = node.Parent;
                Leave(node!, blocks);
            }
            node = node == root ? null : node!.NextSibling;
        }
    }

    private static bool Enter(INode node, bool isRoot, Blocks blocks)
    {
        if (node is IText text) blocks.Add(text.Data);
        if (node is not IElement element) return isRoot;
        if (!isRoot && (s_dropped.Contains(element.LocalName) || element.HasAttribute("hidden") || element.GetAttribute("role") == "navigation")) return false;
        if (s_blocks.Contains(element.LocalName)) blocks.Break();
        if (element.LocalName == "a") blocks.Links++;
        if (element.LocalName == "pre") blocks.Preformatted++;
        return true;
    }

    private static void Leave(INode node, Blocks blocks)
    {
        if (node is not IElement element) return;
        if (s_blocks.Contains(element.LocalName)) blocks.Break();
        if (element.LocalName == "a") blocks.Links--;
        if (element.LocalName == "pre") blocks.Preformatted--;
    }

    private sealed class Blocks
    {
        private readonly StringBuilder _text = new();
        private readonly StringBuilder _block = new();
        private int _linked;

        /// <summary>Links that are open.</summary>
        internal int Links { get; set; }

        /// <summary>Elements that are open whose white space counts.</summary>
        internal int Preformatted { get; set; }

        internal void Add(string words)
        {
            int before = _block.Length;
            foreach (char c in words)
            {
                if (Preformatted > 0 || !char.IsWhiteSpace(c)) _block.Append(c);
                else if (_block.Length > 0 && _block[^1] is not (' ' or '\n')) _block.Append(' ');
            }
            if (Links > 0) _linked += _block.Length - before;
        }

        internal void Break()
        {
            string block = _block.ToString().Trim('\n', '\r', ' ');
            if (block.Length > 0 && _linked <= MostLinks * block.Length) _text.Append(block).Append('\n');
            _block.Clear();
            _linked = 0;
        }

        internal string Finish()
        {
            Break();
            return _text.ToString().TrimEnd('\n');
        }
    }
}
