using System.Text;
using System.Xml.Linq;

namespace Winnow.Data.Corpus;

/// <summary>Turns the documentation of one member into text that reads like prose.</summary>
internal static class XmlDocumentationText
{
    private static readonly string[] s_blocks = ["para", "list", "item", "listheader", "br", "code", "table", "p", "ul", "ol", "li"];

    /// <summary>The member's name, then what its documentation says; empty when it says nothing.</summary>
    /// <param name="id">`M:System.String.Trim(System.Char)`.</param>
    /// <param name="member">Its element.</param>
    internal static string Of(string id, XElement member)
    {
        StringBuilder text = new();
        foreach (XElement part in member.Elements())
        {
            string words = Words(part);
            if (words.Length == 0) continue;
            text.Append("\n\n").Append(Heading(part)).Append(words);
        }
        return text.Length == 0 ? "" : NameOf(id) + text;
    }

    private static string Heading(XElement part) => part.Name.LocalName switch
    {
        "param" or "typeparam" => $"Parameter {(string?)part.Attribute("name")}: ",
        "returns" => "Returns: ",
        "value" => "Value: ",
        "exception" => $"Throws {NameOf((string?)part.Attribute("cref") ?? "")}: ",
        "example" => "Example: ",
        "seealso" => "See also ",
        _ => "",
    };

    private static string Words(XElement part)
    {
        StringBuilder text = new();
        if (part.Name == "seealso" && part.IsEmpty) return NameOf((string?)part.Attribute("cref") ?? "");
        Append(part, text);
        return text.ToString().Trim();
    }

    private static void Append(XElement element, StringBuilder text)
    {
        foreach (XNode node in element.Nodes())
        {
            if (node is XText words) AppendCollapsed(words.Value, text);
            if (node is not XElement child) continue;
            bool block = s_blocks.Contains(child.Name.LocalName);
            if (block) BreakLine(text);
            if (child.Name == "item" || child.Name == "li") text.Append("- ");
            if (child.Name == "code") text.Append(child.Value.Trim('\r', '\n'));
            else if (child.IsEmpty) text.Append(Reference(child));
            else Append(child, text);
            if (block) BreakLine(text);
            if (child.Name == "term") text.Append(": ");
        }
    }

    private static string Reference(XElement child) => child.Name.LocalName switch
    {
        "see" or "seealso" => (string?)child.Attribute("langword") ?? NameOf((string?)child.Attribute("cref") ?? (string?)child.Attribute("href") ?? ""),
        "paramref" or "typeparamref" => (string?)child.Attribute("name") ?? "",
        _ => "",
    };

    /// <summary>`M:System.String.Trim` without its letter, generic arity and escapes.</summary>
    private static string NameOf(string id)
    {
        string name = id.Length > 2 && id[1] == ':' ? id[2..] : id;
        int arity = name.IndexOf('`', StringComparison.Ordinal);
        if (arity < 0) return name.Replace(".#ctor", "", StringComparison.Ordinal);
        StringBuilder plain = new(name[..arity]);
        for (int i = arity; i < name.Length; i++)
        {
            if (name[i] != '`') plain.Append(name[i]);
            else
                while (i + 1 < name.Length && (name[i + 1] == '`' || char.IsAsciiDigit(name[i + 1]))) i++;
        }
        return plain.ToString().Replace(".#ctor", "", StringComparison.Ordinal);
    }

    private static void BreakLine(StringBuilder text)
    {
        while (text.Length > 0 && text[^1] == ' ') text.Length--;
        if (text.Length > 0 && text[^1] != '\n') text.Append('\n');
    }

    private static void AppendCollapsed(string words, StringBuilder text)
    {
        foreach (char c in words)
        {
            if (!char.IsWhiteSpace(c)) text.Append(c);
            else if (text.Length > 0 && text[^1] is not (' ' or '\n')) text.Append(' ');
        }
    }
}
