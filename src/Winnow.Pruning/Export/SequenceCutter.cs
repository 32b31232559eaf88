using System.Globalization;
using Winnow.Data.Corpus;

namespace Winnow.Pruning.Export;

/// <summary>
/// Cuts documents where kept and rejected sequences meet. Each longest run of a document's text that is kept (or rejected)
/// becomes a record with the id <c>ID</c> when it is the whole document, else <c>ID@FIRST-END</c> (bytes of the text). A
/// character that a cut would split belongs to the run it starts in.
/// </summary>
internal sealed class SequenceCutter : IDisposable
{
    private readonly ScoredRows _rows;
    private bool _more;

    /// <summary>A cutter that stands before the first document.</summary>
    /// <param name="shard">The sequences.</param>
    /// <param name="fold">Only those of this half of a cross-fitted corpus; the documents of a half are packed by themselves.</param>
    public SequenceCutter(ScoredShard shard, int? fold)
    {
        _rows = new ScoredRows(shard, fold);
        _more = _rows.MoveNext();
    }

    /// <summary>Whether all sequences are used up.</summary>
    public bool IsAtEnd => !_more;

    /// <summary>Throws when sequences are left: their documents are gone.</summary>
    public void RequireEnd(string file)
    {
        if (_more) throw _rows.Changed(file, _rows.Span.LastRow);
    }

    /// <inheritdoc/>
    public void Dispose() => _rows.Dispose();

    /// <summary>The runs of the next document, in order.</summary>
    public IEnumerable<(Document Run, bool IsKept)> Cut(Document document, string file)
    {
        List<(int End, bool IsKept)> runs = [];
        foreach ((int end, bool isKept) in Segments(document, file))
        {
            bool isEmpty = end == (runs.Count == 0 ? 0 : runs[^1].End);
            if (runs.Count > 0 && (isEmpty || runs[^1].IsKept == isKept)) runs[^1] = (end, runs[^1].IsKept);
            else if (!isEmpty || document.Text.IsEmpty) runs.Add((end, isKept));
        }

        int first = 0;
        foreach ((int end, bool isKept) in runs)
        {
            yield return (Run(document, first, end), isKept);
            first = end;
        }
    }

    /// <summary>The document's text as its sequences part it, each with its end.</summary>
    private IEnumerable<(int End, bool IsKept)> Segments(Document document, string file)
    {
        for (; _more && _rows.Span.LastRow <= document.Row; _more = _rows.MoveNext())
        {
            if (_rows.Span.LastRow < document.Row) throw _rows.Changed(file, document.Row);
            yield return (CharacterStart(document.Text.Span, _rows.Span.EndByte), _rows.IsKept);
        }

        yield return (document.Text.Length, _more && _rows.IsKept);
    }

    private static int CharacterStart(ReadOnlySpan<byte> text, long at)
    {
        int start = (int)Math.Min(at, text.Length);
        while (start < text.Length && (text[start] & 0xC0) == 0x80) start++;
        return start;
    }

    private static Document Run(Document document, int first, int end) => first == 0 && end == document.Text.Length
        ? document with { Record = default }
        : document with
        {
            Id = string.Create(CultureInfo.InvariantCulture, $"{document.Id}@{first}-{end}"),
            Text = document.Text[first..end],
            Record = default,
        };
}
