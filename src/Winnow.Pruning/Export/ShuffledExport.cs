using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Tokenizers;
using Winnow.Pruning.Scoring;
using Winnow.Pruning.Selection;

namespace Winnow.Pruning.Export;

/// <summary>
/// An export in random order. The records of all files go through an external sort by a hash of the seed and their place, so the order
/// follows from the seed and the corpus alone, and memory does not grow with them.
/// </summary>
internal sealed class ShuffledExport : IDisposable
{
    private const byte Ids = 0, Record = 1, Text = 2;      // what a sorted record is

    private readonly ExportOptions _options;
    private readonly Func<OutputDirectory, ExportFiles> _files;
    private readonly TokenOutput? _tokens;
    private readonly OutputDirectory _output;
    private readonly OutputDirectory? _rejectedOutput;
    private readonly ExternalSort _kept;
    private readonly ExternalSort? _rejected;

    /// <summary>Checks that the records can stand in one file.</summary>
    /// <exception cref="CorpusException">The inputs have several formats, or one whose records cannot be mixed.</exception>
    public ShuffledExport(
        ExportOptions options, UnitKind unit, CorpusReader corpus, ExportTokenizer? tokenizer, OutputDirectory output, OutputDirectory? rejected, int threads)
    {
        (_options, _output, _rejectedOutput) = (options, output, rejected);
        CorpusFormat format = OutputNames.FormatOf(corpus.Shards[0], options.Format, unit);
        if (format == CorpusFormat.Tokens)
            _tokens = new TokenOutput(tokenizer!, options.Format == ExportFormat.Same ? TokenLayout.OfFile(corpus.Shards[0].Path) : TokenLayout.For(tokenizer!.VocabularySize));
        byte[] header = format == corpus.Shards[0].Format ? corpus.ReadHeader(0) : [];
        string name = OutputNames.Together(corpus.Shards, options.Format, unit);
        _files = directory => new ExportFiles(directory, name, options.ShardBytes, part => new ExportFile(
            directory, part, format, OutputNames.CompressionTogether(corpus.Shards, options.Format), header, _tokens, threads));
        _kept = new ExternalSort(output.Scratch);
        if (rejected is not null) _rejected = new ExternalSort(rejected.Scratch);
    }

    /// <summary>Refuses what cannot be shuffled as it is.</summary>
    public static void Check(ExportOptions options, UnitKind unit, CorpusReader corpus)
    {
        CorpusShard first = corpus.Shards[0];
        CorpusFormat format = OutputNames.FormatOf(first, options.Format, unit);
        foreach (CorpusShard shard in corpus.Shards)
        {
            CorpusFormat other = OutputNames.FormatOf(shard, options.Format, unit);
            if (other == CorpusFormat.Text)
                throw new CorpusException(shard.Path, "plain text has nothing between its documents that would tell them apart in one file", "add `--format jsonl`");
            if (ShardExport.CopiesRows(shard, options.Format, unit))
                throw new CorpusException(shard.Path, "Parquet rows with all their columns are copied in order and cannot be shuffled", "add `--format parquet` or `--format jsonl`, which write id, source and text");
            if (other != format)
                throw new CorpusException(shard.Path, $"shuffled records share their files, and this input is {other}, the first one {format}", "add `--format jsonl`");
            if (format == CorpusFormat.Tokens && options.Format == ExportFormat.Same && TokenLayout.OfFile(shard.Path) != TokenLayout.OfFile(first.Path))
                throw new CorpusException(shard.Path, $"its tokens are laid out in another way than those of `{first.Path}`", "add `--format tokens`");
            if (format == shard.Format && !corpus.ReadHeader(shard.Index).AsSpan().SequenceEqual(corpus.ReadHeader(0)))
                throw new CorpusException(shard.Path, $"its header line differs from that of `{first.Path}`", "add `--format jsonl`");
        }
    }

    /// <summary>Takes the kept records of an input file.</summary>
    public IRecordSink KeptOf(int shard) => new Sink(this, _kept, shard);

    /// <summary>Takes the others; null where nobody wants them.</summary>
    public IRecordSink? RejectedOf(int shard) => _rejected is null ? null : new Sink(this, _rejected, shard);

    /// <summary>Writes everything that was taken.</summary>
    public ExportReport Write(CancellationToken cancel) => new(
        Write(_kept, _output, cancel), _rejected is null ? [] : Write(_rejected, _rejectedOutput!, cancel));

    /// <inheritdoc/>
    public void Dispose()
    {
        _kept.Dispose();
        _rejected?.Dispose();
    }

    private IReadOnlyList<ExportedFile> Write(ExternalSort records, OutputDirectory directory, CancellationToken cancel)
    {
        using ExportFiles files = _files(directory);
        long wanted = Math.Min(records.Count, _options.Limit ?? long.MaxValue);
        foreach ((_, ReadOnlyMemory<byte> record) in records.Sorted())
        {
            if (files.Records == wanted) break;
            cancel.ThrowIfCancellationRequested();
            Write(record, files);
        }

        if (files.Records != wanted) throw new InvalidOperationException($"{files.Records} records came out of the sort of {wanted}");
        return files.Finish();
    }

    private static void Write(ReadOnlyMemory<byte> record, ExportFiles files)
    {
        ReadOnlyMemory<byte> rest = record[1..];
        switch (record.Span[0])
        {
            case Ids:
                files.Write(MemoryMarshal.Cast<byte, int>(rest.Span));
                break;
            case Record:
                files.Write(new Document(0, 0, "", "", default, rest), sameFormat: true);
                break;
            default:
                string id = TakeString(ref rest), source = TakeString(ref rest);
                files.Write(new Document(0, 0, id, source, rest, default), sameFormat: false);
                break;
        }
    }

    private static string TakeString(ref ReadOnlyMemory<byte> rest)
    {
        int length = BinaryPrimitives.ReadInt32LittleEndian(rest.Span);
        string text = Encoding.UTF8.GetString(rest.Span.Slice(sizeof(int), length));
        rest = rest[(sizeof(int) + length)..];
        return text;
    }

    /// <summary>Puts the records of one side of one input file into the sort.</summary>
    private sealed class Sink(ShuffledExport export, ExternalSort sort, int shard) : IRecordSink
    {
        private readonly ArrayBufferWriter<byte> _record = new();
        private readonly TokenEncoder? _encoder = export._tokens?.Tokenizer.CreateEncoder();
        private readonly List<int> _ids = [];

        public long Records { get; private set; }

        public void Write(Document document, bool sameFormat)
        {
            if (_encoder is not null)
            {
                // The end-of-text token goes behind every document: on which side it stood differs between files.
                _ids.Clear();
                export._tokens!.Tokenizer.Encode(document, _encoder, _ids);
                _ids.Add(export._tokens.Tokenizer.EndOfText);
                Write(CollectionsMarshal.AsSpan(_ids));
                return;
            }

            _record.ResetWrittenCount();
            if (sameFormat && !document.Record.IsEmpty)
            {
                _record.Write([Record]);
                _record.Write(document.Record.Span);
            }
            else
            {
                _record.Write([Text]);
                Put(document.Id);
                Put(document.Source);
                _record.Write(document.Text.Span);
            }

            Add();
        }

        public void Write(ReadOnlySpan<int> ids)
        {
            _record.ResetWrittenCount();
            _record.Write([Ids]);
            _record.Write(MemoryMarshal.AsBytes(ids));
            Add();
        }

        private void Put(string text)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            BinaryPrimitives.WriteInt32LittleEndian(_record.GetSpan(sizeof(int)), bytes.Length);
            _record.Advance(sizeof(int));
            _record.Write(bytes);
        }

        private void Add()
        {
            Span<byte> place = stackalloc byte[sizeof(int) + sizeof(long)];
            BinaryPrimitives.WriteInt32LittleEndian(place, shard);
            BinaryPrimitives.WriteInt64LittleEndian(place[sizeof(int)..], Records++);
            (ulong high, ulong low) = IdentityHash.Of(place, (ulong)export._options.Shuffle!.Value);
            sort.Add(new UInt128(high, low), _record.WrittenSpan);
        }
    }
}
