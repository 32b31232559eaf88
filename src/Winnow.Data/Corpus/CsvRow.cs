namespace Winnow.Data.Corpus;

/// <summary>
/// Splits a row into fields. CSV (RFC 4180): a field in quotes may hold delimiters, line ends and doubled quotes. TSV: a field is
/// in quotes only when a closing quote ends it within the line; any other quote is text.
/// </summary>
internal sealed class CsvRow(byte delimiter)
{
    private readonly List<(int Start, int Length, bool Quoted)> _fields = [];
    private readonly bool _isTsv = delimiter == '\t';

    internal int Count => _fields.Count;

    /// <summary>Splits a row; false when it ends inside quotes and goes on in the next line.</summary>
    /// <param name="row">With its line end.</param>
    /// <param name="error">What is wrong with it.</param>
    internal bool Split(ReadOnlySpan<byte> row, out string? error)
    {
        _fields.Clear();
        error = null;
        int end = row.Length;
        if (end > 0 && row[end - 1] == '\n') end--;
        if (end > 0 && row[end - 1] == '\r') end--;
        int at = 0;
        while (true)
        {
            if (at < end && row[at] == '"' && TryQuoted(row, end, ref at, out bool goesOn, out error))
            {
                if (goesOn) return false;
                if (error != null) return true;
            }
            else
            {
                int length = row[at..end].IndexOf(delimiter);
                if (length < 0) length = end - at;
                _fields.Add((at, length, false));
                at += length;
            }
            if (at >= end) return true;
            at++;          // the delimiter
            if (at == end)
            {
                _fields.Add((end, 0, false));
                return true;
            }
        }
    }

    /// <summary>A field without its quotes.</summary>
    internal ReadOnlySpan<byte> Field(ReadOnlySpan<byte> row, int index)
    {
        (int start, int length, bool quoted) = _fields[index];
        ReadOnlySpan<byte> field = row.Slice(start, length);
        if (!quoted || field.IndexOf("\"\""u8) < 0) return field;
        byte[] plain = new byte[length];
        int count = 0;
        for (int i = 0; i < field.Length; i++)
        {
            plain[count++] = field[i];
            if (field[i] == '"') i++;
        }
        return plain.AsSpan(0, count);
    }

    /// <summary>Reads a field in quotes; false when, in TSV, the quote is text.</summary>
    private bool TryQuoted(ReadOnlySpan<byte> row, int end, ref int at, out bool goesOn, out string? error)
    {
        goesOn = false;
        error = null;
        int close = at + 1;
        while (true)
        {
            int quote = row[close..].IndexOf((byte)'"');
            if (quote < 0)
            {
                goesOn = !_isTsv;
                return goesOn;
            }
            close += quote;
            if (close + 1 < row.Length && row[close + 1] == '"')
            {
                close += 2;
                continue;
            }
            if (close + 1 < end && row[close + 1] != delimiter)
            {
                if (_isTsv) return false;
                error = "something follows a closing quote; expected a comma";
                return true;
            }
            _fields.Add((at + 1, close - at - 1, true));
            at = close + 1;
            return true;
        }
    }
}
