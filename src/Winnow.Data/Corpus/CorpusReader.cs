using System.Runtime.CompilerServices;
using Winnow.Data.Compression;
using Winnow.Data.Storage;
using Winnow.Data.Tokenizers;

namespace Winnow.Data.Corpus;

/// <summary>The documents of a set of files, in file order. Shards may be read at the same time.</summary>
public sealed class CorpusReader
{
    private readonly SortedDictionary<(int Shard, long Line), BadRecord> _badRecords = [];
    private readonly SortedDictionary<int, BadRecord> _badShards = [];
    private readonly SortedSet<string> _textFields = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private long _bytesRead;

    private CorpusReader(CorpusOptions options) => Options = options;

    /// <summary>The files, in the order they are read: inputs in the order given, files below a directory by ordinal name.</summary>
    public IReadOnlyList<CorpusShard> Shards { get; private set; } = [];

    /// <summary>How they are read.</summary>
    public CorpusOptions Options { get; }

    /// <summary>What the token shards among the files were written with; without it they cannot be read.</summary>
    public Tokenizer? Tokenizer { get; set; }

    /// <summary>Whether there are token shards among the files.</summary>
    public bool HasTokenShards => Shards.Any(shard => shard.Format == CorpusFormat.Tokens);

    /// <summary>Records skipped so far, by shard and line; each is listed once, however often its file is read.</summary>
    public IReadOnlyList<BadRecord> BadRecords
    {
        get
        {
            lock (_lock) return [.. _badRecords.Values];
        }
    }

    /// <summary>Files that ended in damage so far.</summary>
    public IReadOnlyList<BadRecord> BadShards
    {
        get
        {
            lock (_lock) return [.. _badShards.Values];
        }
    }

    /// <summary>The properties and columns that turned out to be the text in the files read so far; empty where there are none, as in plain text.</summary>
    public IReadOnlyList<string> TextFields
    {
        get
        {
            lock (_lock) return [.. _textFields];
        }
    }

    /// <summary>Files below input directories that were left out because neither name nor content is known.</summary>
    public IReadOnlyList<string> Ignored { get; private set; } = [];

    /// <summary>What to know of how the inputs were understood, a sentence each: of a data set, which split is read and what is left out.</summary>
    public IReadOnlyList<string> Notes { get; private set; } = [];

    /// <summary>Size of all files as stored; those of unknown size count nothing.</summary>
    public long Bytes => Shards.Sum(shard => Math.Max(shard.Bytes, 0));

    /// <summary>Bytes read so far, as stored: what part of <see cref="Bytes"/> is done when everything is read once.</summary>
    public long BytesRead => Interlocked.Read(ref _bytesRead);

    /// <summary>Finds the files and what they are; reads nothing but their first bytes.</summary>
    /// <param name="inputs">Files, directories, globs (`*`, `?`, `**`), or `-` for standard input.</param>
    /// <param name="options">How they are read.</param>
    /// <exception cref="CorpusException">An input is missing, matches nothing, or is of no known kind.</exception>
    public static CorpusReader Open(IReadOnlyList<string> inputs, CorpusOptions options)
    {
        CorpusReader reader = new(options);
        List<CorpusShard> shards = [];
        List<string> ignored = [], notes = [];
        foreach (InputFile file in InputFiles.Find(inputs, options.Split, notes.Add))
        {
            if (reader.Recognise(file, shards.Count) is { } shard) shards.Add(shard);
            else ignored.Add(file.Path);
        }
        if (shards.Count == 0)
            throw new CorpusException(string.Join(' ', inputs), "no file of a known kind", "known are .jsonl, .txt, .parquet, .csv, .tsv, .warc, .wet, .xml (.NET documentation), also with .gz or .zst, and token shards; raw ones (.bin) are named one by one");
        reader.Shards = shards;
        reader.Ignored = ignored;
        reader.Notes = notes;
        return reader;
    }

    /// <summary>Opens files again under the names they had, so that ids and sources made of names stay what they were.</summary>
    /// <param name="files">Each file's path and its <see cref="CorpusShard.Name"/> of the first time.</param>
    /// <param name="options">How they are read.</param>
    public static CorpusReader Reopen(IReadOnlyList<(string Path, string Name)> files, CorpusOptions options)
    {
        CorpusReader reader = new(options);
        reader.Shards = [.. files.Select((file, index) => reader.Recognise(new InputFile(file.Path, file.Name, IsExplicit: true), index)!)];
        return reader;
    }

    /// <summary>The documents of one shard.</summary>
    public IAsyncEnumerable<Document> ReadAsync(int shard, CancellationToken cancel) => ReadAsync(shard, 0, cancel);

    /// <summary>The documents of one shard from a row on.</summary>
    /// <param name="shard">Index of the file.</param>
    /// <param name="fromRow">First row wanted; what is before is passed over as cheaply as the format allows.</param>
    /// <param name="cancel">Ends the reading.</param>
    public async IAsyncEnumerable<Document> ReadAsync(int shard, long fromRow, [EnumeratorCancellation] CancellationToken cancel)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        foreach (Document document in Read(shard, fromRow))
        {
            cancel.ThrowIfCancellationRequested();
            yield return document;
        }
    }

    /// <summary>The documents of all shards, one shard after the other, up to <see cref="CorpusOptions.Limit"/>.</summary>
    /// <exception cref="CorpusException">There was no document at all.</exception>
    public async IAsyncEnumerable<Document> ReadAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        long count = 0;
        for (int shard = 0; shard < Shards.Count; shard++)
        {
            await foreach (Document document in ReadAsync(shard, 0, cancel).ConfigureAwait(false))
            {
                if (count++ == Options.Limit) yield break;
                yield return document;
            }
        }
        if (count == 0) throw new CorpusException(Shards[0].Path, Shards.Count == 1 ? "holds no document" : $"none of the {Shards.Count} files holds a document");
    }

    /// <summary>The documents of one shard from a row on, read on the calling thread.</summary>
    public IEnumerable<Document> Read(int shard, long fromRow = 0)
    {
        CorpusShard file = Shards[shard];
        ShardContext context = ContextOf(file);
        FileStamp stamp = FileStamp.Of(file.Path);
        using IEnumerator<Document> documents = ReaderOf(context, fromRow).GetEnumerator();
        long good = 0;
        while (MoveNext(documents, file, good))
        {
            good++;
            yield return documents.Current;
        }
        if (stamp != FileStamp.Of(file.Path))
            throw new CorpusException(file.Path, "the file changed while it was read", "read it again when nothing writes to it");
    }

    /// <summary>What stands in front of the records of a file and belongs to every part of it: the header line of a CSV file, else nothing.</summary>
    public byte[] ReadHeader(int shard) =>
        Shards[shard].Format is CorpusFormat.Csv or CorpusFormat.Tsv ? CsvShard.ReadHeader(ContextOf(Shards[shard])) : [];

    private ShardContext ContextOf(CorpusShard file) => new(file, Options, () => OpenStored(file), Refuse, Choose) { Tokenizer = Tokenizer };

    private static IEnumerable<Document> ReaderOf(ShardContext context, long fromRow) => context.Shard.Format switch
    {
        CorpusFormat.Jsonl => JsonlShard.Read(context, fromRow),
        CorpusFormat.Text => TextShard.Read(context, fromRow),
        CorpusFormat.XmlDocumentation => XmlDocumentationShard.Read(context, fromRow),
        CorpusFormat.Parquet => ParquetShard.Read(context, fromRow),
        CorpusFormat.Csv or CorpusFormat.Tsv => CsvShard.Read(context, fromRow),
        CorpusFormat.Warc => WarcShard.Read(context, fromRow),
        CorpusFormat.Tokens => TokenShard.Read(context, fromRow),
        _ => throw new InvalidOperationException($"unknown format {context.Shard.Format}"),
    };

    private bool MoveNext(IEnumerator<Document> documents, CorpusShard file, long good)
    {
        try
        {
            return documents.MoveNext();
        }
        catch (TooManyBadRecordsException e)
        {
            throw e.Cause;
        }
        catch (LineTooLongException e)
        {
            return EndInDamage(file, good, new CorpusException(file.Path, e.Message, "is this really one record a line?"));
        }
        catch (CorpusException e)
        {
            return EndInDamage(file, good, e);
        }
        catch (Exception e) when ((e is IOException or UnauthorizedAccessException) && !CompressedStream.IsOutOfHandles(e))
        {
            return EndInDamage(file, good, new CorpusException(file.Path, "cannot be read: " + e.Message, inner: e));
        }
    }

    private bool EndInDamage(CorpusShard file, long good, CorpusException damage)
    {
        lock (_lock)
        {
            if (!_badShards.ContainsKey(file.Index) && _badShards.Count == Options.MaxBadShards)
            {
                string goOn = $"use the {good} good records before the damage with `--max-bad-shards {_badShards.Count + 1}`";
                throw new CorpusException(damage.Place, damage.Found, damage.Hint == null ? goOn : damage.Hint + "; or " + goOn, damage);
            }
            _badShards[file.Index] = new BadRecord(file.Index, file.Path, good, damage.Found);
            return false;
        }
    }

    private void Refuse(BadRecord record, string? hint)
    {
        lock (_lock)
        {
            if (_badRecords.ContainsKey((record.Shard, record.Line))) return;
            if (_badRecords.Count < Options.MaxBadRecords)
            {
                _badRecords.Add((record.Shard, record.Line), record);
                return;
            }
        }
        string goOn = Options.MaxBadRecords == 0
            ? "skip bad records with `--max-bad-records N`"
            : $"{Options.MaxBadRecords} bad records were skipped before this one; `--max-bad-records N` allows more";
        throw new TooManyBadRecordsException(new CorpusException(record.Path, record.Line, record.Why, hint == null ? goOn : hint + "; or " + goOn));
    }

    private void Choose(string textField)
    {
        lock (_lock) _textFields.Add(textField);
    }

    private CountingStream OpenStored(CorpusShard file)
    {
        Stream stored = file.Path == InputFiles.StandardInput
            ? StandardInput.Open()
            : StoredFile.OpenRead(file.Path);
        return new CountingStream(stored, count => Interlocked.Add(ref _bytesRead, count));
    }

    private CorpusShard? Recognise(InputFile file, int index)
    {
        bool isStandardInput = file.Path == InputFiles.StandardInput;
        using Stream stored = isStandardInput ? StandardInput.Head() : StoredFile.OpenRead(file.Path);
        long bytes = isStandardInput ? -1 : stored.Length;
        (CorpusFormat? format, CompressionKind compression) = FormatSniffer.Sniff(file, stored);
        format = Options.Format ?? format;
        if (format != null) return new CorpusShard(index, file.Path, file.Name, bytes, format.Value, compression);
        if (!file.IsExplicit) return null;
        throw new CorpusException(
            isStandardInput ? "standard input" : file.Path, bytes == 0 ? "the file is empty" : "neither content nor name says what this is",
            isStandardInput ? "pipe JSONL, or write it to a file whose name says what it is" : "give it a name that says it: `.jsonl`, `.txt`, `.parquet`, `.csv`, `.tsv`, `.warc`, `.bin` (tokens)");
    }

    private readonly record struct FileStamp(long Length, DateTime Written)
    {
        internal static FileStamp Of(string path)
        {
            FileInfo file = new(path);
            return file.Exists ? new FileStamp(file.Length, file.LastWriteTimeUtc) : default;
        }
    }

    /// <summary>Carries the error past the handling of damaged files: a bad record stops the whole corpus.</summary>
    private sealed class TooManyBadRecordsException(CorpusException cause) : Exception
    {
        internal CorpusException Cause { get; } = cause;
    }
}
