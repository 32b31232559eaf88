using System.Buffers;
using Winnow.Data;
using Winnow.Data.Parquet;

namespace Winnow.Pruning.Selection;

/// <summary>A score table as it lies on disk: one Parquet file per shard, a row group per chunk.</summary>
public sealed class ParquetScores : IScoreSource
{
    private readonly string[] _paths;

    private ParquetScores(string[] paths, ScoreShard[] shards, string[] numbers, string[] texts) =>
        (_paths, Shards, NumberColumns, TextColumns) = (paths, shards, numbers, texts);

    /// <inheritdoc/>
    public IReadOnlyList<ScoreShard> Shards { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> NumberColumns { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> TextColumns { get; }

    /// <summary>Opens the score table of a finished run.</summary>
    /// <exception cref="CorpusException">There is none, or a part is damaged.</exception>
    public static ParquetScores Open(string run)
    {
        _ = ScoreTable.Open(run);
        return OpenParts([.. RunDirectory.ReadManifest(run).Inputs.Select(input => (input.Name, ScoreTable.PartPath(run, input.Shard)))]);
    }

    /// <summary>Opens parts that have the same columns.</summary>
    /// <param name="parts">Each shard's name and its Parquet file.</param>
    public static ParquetScores OpenParts(IReadOnlyList<(string Name, string Path)> parts)
    {
        ArgumentOutOfRangeException.ThrowIfZero(parts.Count);
        List<ScoreShard> shards = [];
        IReadOnlyList<ParquetColumn>? columns = null;
        foreach ((string name, string path) in parts)
        {
            using ParquetReader file = ParquetReader.Open(path);
            columns ??= file.Columns;
            if (!columns.Select(c => (c.Path, c.Type)).SequenceEqual(file.Columns.Select(c => (c.Path, c.Type))))
                throw new CorpusException(path, $"other columns than `{parts[0].Path}`", "score the inputs again in one run");
            shards.Add(new ScoreShard(name, [.. file.RowGroups.Select(group => checked((int)group.Rows))]));
        }

        return new ParquetScores(
            [.. parts.Select(part => part.Path)], [.. shards],
            [.. columns!.Where(IsNumber).Select(c => c.Path)], [.. columns!.Where(c => c is { Type: ParquetType.Bytes, IsRepeated: false }).Select(c => c.Path)]);
    }

    /// <inheritdoc/>
    public IScoreReader OpenReader() => new Reader(_paths);

    private static bool IsNumber(ParquetColumn column) =>
        !column.IsRepeated && column.Type is ParquetType.Boolean or ParquetType.Int32 or ParquetType.Int64 or ParquetType.Float or ParquetType.Double;

    private sealed class Reader(string[] paths) : IScoreReader
    {
        private readonly Dictionary<string, double[]> _numbers = [];
        private readonly Dictionary<string, TextColumn> _texts = [];
        private ParquetReader? _file;
        private int _shard = -1;
        private int _rowGroup;

        public void MoveTo(int shard, int chunk)
        {
            if (shard != _shard)
            {
                _file?.Dispose();
                _file = ParquetReader.Open(paths[shard]);
                _shard = shard;
            }

            _rowGroup = chunk;
            _numbers.Clear();
            _texts.Clear();
        }

        public ReadOnlySpan<double> Numbers(string column)
        {
            if (_numbers.TryGetValue(column, out double[]? values)) return values;
            return _numbers[column] = ReadNumbers(File.Find(column));
        }

        public TextColumn Texts(string column)
        {
            if (_texts.TryGetValue(column, out TextColumn values)) return values;
            return _texts[column] = ReadTexts(File.Find(column));
        }

        public void Dispose() => _file?.Dispose();

        private ParquetReader File => _file ?? throw new InvalidOperationException("no chunk has been moved to");

        private int Rows => checked((int)File.RowGroups[_rowGroup].Rows);

        private double[] ReadNumbers(int column)
        {
            ParquetColumn header = File.Columns[column];
            if (header.Type == ParquetType.Double) return File.ReadDouble(_rowGroup, column);
            if (header is { Type: ParquetType.Int32, IsNullable: false }) return Widen(File.ReadInt32(_rowGroup, column));
            if (header is { Type: ParquetType.Int64, IsNullable: false }) return Widen(File.ReadInt64(_rowGroup, column));
            double[] values = new double[Rows];
            using ParquetCursor cursor = File.OpenColumn(_rowGroup, column);
            for (int row = 0; cursor.MoveNext(); row++) values[row] = cursor.IsNull ? double.NaN : Number(cursor, header.Type);
            return values;
        }

        private static double[] Widen<T>(T[] numbers) where T : struct, System.Numerics.INumber<T>
        {
            double[] values = new double[numbers.Length];
            for (int row = 0; row < values.Length; row++) values[row] = double.CreateTruncating(numbers[row]);
            return values;
        }

        private static double Number(ParquetCursor cursor, ParquetType type) => type switch
        {
            ParquetType.Boolean => cursor.Boolean ? 1 : 0,
            ParquetType.Int32 or ParquetType.Int64 => cursor.Int64,
            ParquetType.Float or ParquetType.Double => cursor.Double,
            _ => throw new InvalidOperationException($"a column of {type} holds no numbers"),
        };

        private TextColumn ReadTexts(int column)
        {
            int[] offsets = new int[Rows + 1];
            ArrayBufferWriter<byte> bytes = new(Rows * 8);
            using ParquetCursor cursor = File.OpenColumn(_rowGroup, column);
            for (int row = 0; cursor.MoveNext(); row++)
            {
                if (!cursor.IsNull) bytes.Write(cursor.Bytes);
                offsets[row + 1] = bytes.WrittenCount;
            }

            return new TextColumn(bytes.WrittenMemory, offsets);
        }
    }
}
