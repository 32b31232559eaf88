using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Winnow.Pruning;

/// <summary>
/// The rows of a part that is still being scored: blocks appended one after the other, each with its length and SHA-256, each on
/// the disk before the next begins. A block that a killed process left unfinished is cut off when the journal is opened again.
/// </summary>
/// <remarks>
/// File: the 8 bytes <c>WNWJRNL1</c>, then blocks of: payload bytes (int32), rows (int32), SHA-256 of the payload (32 bytes), payload.
/// All little-endian. Where the blocks begin and end depends on the clock; the rows in them do not.
/// </remarks>
internal sealed class ScoreJournal : IDisposable
{
    private const int HeaderBytes = 8 + 32;
    private static readonly byte[] Magic = "WNWJRNL1"u8.ToArray();
    private readonly FileStream stream;
    private readonly int values;
    private readonly int fields;
    private readonly Action<string>? faults;

    private ScoreJournal(FileStream stream, int values, int fields, Action<string>? faults)
    {
        this.stream = stream;
        this.values = values;
        this.fields = fields;
        this.faults = faults;
    }

    /// <summary>Rows in whole blocks.</summary>
    public long Rows { get; private set; }

    /// <summary>The last row's number; −1 where there is none.</summary>
    public long LastRow { get; private set; } = -1;

    /// <summary>Opens a journal, or begins one, and cuts off what is not whole.</summary>
    /// <param name="path">The file.</param>
    /// <param name="values">Metric columns per row.</param>
    /// <param name="faults">Told between writes; tests stop here.</param>
    /// <param name="fields">Text columns per row.</param>
    public static ScoreJournal Open(string path, int values, Action<string>? faults = null, int fields = 0)
    {
        string folder = Path.GetDirectoryName(path)!, run = Path.GetDirectoryName(folder)!;
        // Never the run itself: where it is away for a while, a new one would stand in its place.
        if (!Directory.Exists(run)) throw new DirectoryNotFoundException($"{run}: no such directory");
        Directory.CreateDirectory(folder);
        ScoreJournal journal = new(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read), values, fields, faults);
        try
        {
            journal.Recover();
            return journal;
        }
        catch
        {
            journal.Dispose();
            throw;
        }
    }

    /// <summary>Opens a journal that nothing will be appended to, for <see cref="ReadRows"/> alone.</summary>
    public static ScoreJournal OpenFinished(string path, int values, int fields = 0) =>
        new(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete), values, fields, null);

    /// <summary>Appends rows as one block; they are on the disk when it returns.</summary>
    public void Append(IReadOnlyList<ScoreRow> rows)
    {
        if (rows.Count == 0) return;
        byte[] payload = Encode(rows);
        Span<byte> header = stackalloc byte[HeaderBytes];
        BinaryPrimitives.WriteInt32LittleEndian(header, payload.Length);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], rows.Count);
        SHA256.HashData(payload, header[8..]);
        faults?.Invoke("before a block");
        stream.Write(header);
        stream.Write(payload.AsSpan(0, payload.Length / 2));
        if (faults is not null)
        {
            stream.Flush();
            faults("inside a block");
        }

        stream.Write(payload.AsSpan(payload.Length / 2));
        stream.Flush(flushToDisk: true);
        Rows += rows.Count;
        LastRow = rows[^1].Row;
        faults?.Invoke("after a block");
    }

    /// <summary>Every row, in order. Nothing may be appended meanwhile.</summary>
    public IEnumerable<ScoreRow> ReadRows()
    {
        stream.Position = Magic.Length;
        while (ReadBlock() is { } block)
        {
            foreach (ScoreRow row in Decode(block.Payload, block.Rows)) yield return row;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => stream.Dispose();

    private void Recover()
    {
        Span<byte> magic = stackalloc byte[8];
        if (stream.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) < 8 || !magic.SequenceEqual(Magic))
        {
            stream.SetLength(0);
            stream.Write(Magic);
            return;
        }

        long whole = stream.Position;
        while (ReadBlock() is { } block)
        {
            Rows += block.Rows;
            LastRow = Decode(block.Payload, block.Rows).Last().Row;
            whole = stream.Position;
        }

        stream.SetLength(whole);
        stream.Position = whole;
    }

    private (byte[] Payload, int Rows)? ReadBlock()
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        if (stream.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false) < HeaderBytes) return null;
        int length = BinaryPrimitives.ReadInt32LittleEndian(header);
        int rows = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        if (length <= 0 || rows <= 0 || length > stream.Length - stream.Position) return null;
        byte[] payload = new byte[length];
        stream.ReadExactly(payload);
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(payload, hash);
        return hash.SequenceEqual(header[8..]) ? (payload, rows) : null;
    }

    private static byte[] Encode(IReadOnlyList<ScoreRow> rows)
    {
        using MemoryStream memory = new();
        using BinaryWriter writer = new(memory, Encoding.UTF8);
        foreach (ScoreRow row in rows)
        {
            writer.Write(row.Shard);
            writer.Write(row.Row);
            writer.Write(row.Id);
            writer.Write(row.Source);
            writer.Write(row.Bytes);
            writer.Write(row.ScoredBytes);
            writer.Write(row.Tokens);
            writer.Write(row.Status);
            writer.Write(row.Fold ?? -1);
            writer.Write(row.Span is not null);
            if (row.Span is { } span)
            {
                writer.Write(span.FirstRow);
                writer.Write(span.FirstByte);
                writer.Write(span.LastRow);
                writer.Write(span.EndByte);
            }

            foreach (double value in row.Values) writer.Write(value);
            foreach (string? field in row.Fields)
            {
                writer.Write(field is not null);
                if (field is not null) writer.Write(field);
            }
        }

        writer.Flush();
        return memory.ToArray();
    }

    private IEnumerable<ScoreRow> Decode(byte[] payload, int rows)
    {
        using BinaryReader reader = new(new MemoryStream(payload), Encoding.UTF8);
        for (int i = 0; i < rows; i++) yield return Decode(reader);
    }

    private ScoreRow Decode(BinaryReader reader)
    {
        int shard = reader.ReadInt32();
        long row = reader.ReadInt64();
        string id = reader.ReadString();
        string source = reader.ReadString();
        long bytes = reader.ReadInt64();
        long scoredBytes = reader.ReadInt64();
        int tokens = reader.ReadInt32();
        string status = reader.ReadString();
        int fold = reader.ReadInt32();
        UnitSpan? span = reader.ReadBoolean()
            ? new UnitSpan(reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64())
            : null;
        double[] metrics = new double[values];
        for (int i = 0; i < metrics.Length; i++) metrics[i] = reader.ReadDouble();
        string?[] texts = new string?[fields];
        for (int i = 0; i < texts.Length; i++) texts[i] = reader.ReadBoolean() ? reader.ReadString() : null;
        return new ScoreRow
        {
            Shard = shard,
            Row = row,
            Id = id,
            Source = source,
            Bytes = bytes,
            ScoredBytes = scoredBytes,
            Tokens = tokens,
            Status = status,
            Fold = fold < 0 ? null : fold,
            Span = span,
            Values = metrics,
            Fields = texts,
        };
    }
}
