using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace Winnow.Data.Corpus;

/// <summary>Reads the documentation file of a .NET assembly: one document a member that has any text.</summary>
internal static class XmlDocumentationShard
{
    /// <summary>The documents from a row on.</summary>
    internal static IEnumerable<Document> Read(ShardContext context, long fromRow)
    {
        using Stream content = context.OpenContent();
        using XmlReader reader = XmlReader.Create(content, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, IgnoreComments = true });
        string source = context.DefaultSource;
        long row = 0;
        while (NextElement(context, reader) is { } element)
        {
            if (element.Name == "assembly") source = element.Value.Trim();
            if (element.Name != "member") continue;
            string id = (string?)element.Attribute("name") ?? context.DefaultId(row);
            string text = XmlDocumentationText.Of(id, element);
            if (text.Length > 0 && row++ >= fromRow)
                yield return new Document(context.Shard.Index, row - 1, id, source, Encoding.UTF8.GetBytes(text), default);
        }
    }

    /// <summary>The next `assembly` or `member` element, whole; null at the end.</summary>
    private static XElement? NextElement(ShardContext context, XmlReader reader)
    {
        try
        {
            while (!reader.EOF)
            {
                if (reader.NodeType == XmlNodeType.Element && reader.Name is "assembly" or "member") return (XElement)XNode.ReadFrom(reader);
                reader.Read();
            }
            return null;
        }
        catch (XmlException e)
        {
            throw new CorpusException(context.Shard.Path, e.LineNumber, "not XML: " + e.Message);
        }
    }
}
