namespace Winnow.Data.Parquet;

/// <summary>Columns that copied rows get in addition, below a group of their own.</summary>
/// <param name="Group">The group's name.</param>
/// <param name="Columns">Flat columns, named without the group.</param>
/// <param name="Fill">Puts a value, or null, into each column; called for every row that is kept, in order.</param>
public sealed record ParquetAddition(string Group, IReadOnlyList<ParquetColumn> Columns, Action<long, IReadOnlyList<ParquetColumnBuffer>> Fill);

/// <summary>Some of the rows of a Parquet file, with every column and the metadata unchanged.</summary>
public static class ParquetSubset
{
    private const int BatchRows = 64;

    /// <summary>Copies the rows to keep, in order, to a new file. Holds one page of each column and one row group in memory.</summary>
    /// <param name="file">Where the rows are.</param>
    /// <param name="keep">Asked once for every row, in order; true keeps it.</param>
    /// <param name="stream">Where the new file goes; stays the caller's.</param>
    /// <param name="options">How it is written; the metadata is that of <paramref name="file"/>.</param>
    /// <param name="addition">Further columns; null for none.</param>
    /// <param name="cancel">Ends the copying.</param>
    /// <returns>Rows kept.</returns>
    /// <exception cref="CorpusException">The file is damaged, or has columns of the addition's name.</exception>
    public static long Copy(ParquetReader file, Func<long, bool> keep, Stream stream, ParquetWriterOptions options, ParquetAddition? addition, CancellationToken cancel)
    {
        if (addition is { Group: var name } && file.Columns.Any(column => column.Path == name || column.Path.StartsWith(name + ".", StringComparison.Ordinal)))
            throw new CorpusException(file.Source.Name, $"the file has a column `{name}` already", "take the file as it was before");
        using ParquetWriter writer = ParquetWriter.Like(file, stream, options, addition);
        foreach (ParquetRowGroup group in file.RowGroups) CopyGroup(file, group, keep, writer, addition, cancel);
        writer.Finish();
        return writer.Rows;
    }

    private static void CopyGroup(ParquetReader file, ParquetRowGroup group, Func<long, bool> keep, ParquetWriter writer, ParquetAddition? addition, CancellationToken cancel)
    {
        RowWalk[] walks = [.. file.Columns.Select((_, column) => new RowWalk(file.OpenColumn(group.Index, column), writer[column]))];
        ParquetColumnBuffer[] added = [.. Enumerable.Range(file.Columns.Count, addition?.Columns.Count ?? 0).Select(column => writer[column])];
        try
        {
            bool[] kept = new bool[BatchRows];
            for (long row = 0; row < group.Rows; row += BatchRows)
            {
                cancel.ThrowIfCancellationRequested();
                Span<bool> batch = kept.AsSpan(0, (int)Math.Min(BatchRows, group.Rows - row));
                for (int i = 0; i < batch.Length; i++) batch[i] = keep(group.FirstRow + row + i);
                foreach (RowWalk walk in walks) walk.Copy(batch, file.Source.Name);
                for (int i = 0; i < batch.Length; i++)
                    if (batch[i]) addition?.Fill(group.FirstRow + row + i, added);
                int count = batch.Count(true);
                if (count > 0) writer.EndRows(count);
            }
        }
        finally
        {
            foreach (RowWalk walk in walks) walk.Dispose();
        }
    }

    /// <summary>Walks over the rows of a column, any number of entries each.</summary>
    private sealed class RowWalk(ParquetCursor cursor, ParquetColumnBuffer to) : IDisposable
    {
        private bool _there = cursor.MoveNext();

        internal void Copy(ReadOnlySpan<bool> keep, string name)
        {
            foreach (bool kept in keep)
            {
                if (!_there) throw new CorpusException(name, $"corrupt: column `{cursor.Column.Path}` lacks values");
                do
                {
                    if (kept) to.AddEntry(cursor.Repetition, cursor.Definition, cursor.IsNull ? default : cursor.Bytes);
                    _there = cursor.MoveNext();
                }
                while (_there && cursor.Repetition > 0);
            }
        }

        public void Dispose() => cursor.Dispose();
    }
}
