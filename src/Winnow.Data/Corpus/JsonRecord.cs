using System.Text;

namespace Winnow.Data.Corpus;

/// <summary>Questions about a record of JSONL.</summary>
public static class JsonRecord
{
    /// <summary>Whether the record's object, not one inside of it, has a property; its name may be written with escapes.</summary>
    public static bool HasProperty(ReadOnlySpan<byte> record, string name)
    {
        if (record.IndexOf(Encoding.UTF8.GetBytes(name)) < 0 && record.IndexOf("\\u"u8) < 0) return false;
        JsonLine line = new(new JsonFields([name]));
        line.Parse(record);
        return line[0].Kind != JsonKind.Missing;
    }
}
