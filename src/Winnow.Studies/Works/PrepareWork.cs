using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Pruning.Duplicates;
using Winnow.Studies.Execution;

namespace Winnow.Studies.Works;

/// <summary>How a test set overlaps with what is trained on.</summary>
/// <param name="Documents">Documents in the test set.</param>
/// <param name="Bytes">UTF-8 bytes of their texts.</param>
/// <param name="Removed">Documents that were dropped from the training corpora because their text is in this set.</param>
/// <param name="Overlapping">Test documents that share a 13-gram with a training document that was kept.</param>
internal sealed record TestSetFacts(long Documents, long Bytes, long Removed, long Overlapping);

/// <summary>What the preparation made: <c>prepare.json</c>.</summary>
/// <param name="Train">Documents and bytes of the corpus that is pruned.</param>
/// <param name="Reference">Of the reference corpora.</param>
/// <param name="Test">Of the test sets.</param>
internal sealed record PreparedFacts(
    CorpusFacts Train, IReadOnlyDictionary<string, CorpusFacts> Reference, IReadOnlyDictionary<string, TestSetFacts> Test)
{
    /// <summary>Copies that were left out of the training corpus; null where they were not looked for.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DuplicateCount? Copies { get; init; }
}

/// <summary>Size of a corpus.</summary>
internal sealed record CorpusFacts(long Documents, long Bytes);

/// <summary>
/// Splits the inputs into training, reference and test corpora. Which part a document belongs to follows from its text alone, so
/// copies of a text never stand on both sides; a text of a named test set is removed from everything that is trained on.
/// </summary>
internal sealed class PrepareWork : IStepWork
{
    private const long ShardBytes = 256L << 20;

    /// <inheritdoc/>
    public Task RunAsync(Step step, IReadOnlyDictionary<string, string> inputs, string workDirectory, CancellationToken cancel)
    {
        var options = step.Options.Deserialize<PrepareOptions>(StudyFiles.Json)!;
        foreach (string folder in (ReadOnlySpan<string>)[StudyFiles.TrainFolder, StudyFiles.TestFolder, StudyFiles.ReferenceFolder])
            if (Directory.Exists(Path.Combine(workDirectory, folder))) Directory.Delete(Path.Combine(workDirectory, folder), recursive: true);
        return new Preparation(options, workDirectory, cancel).RunAsync();
    }

    private sealed class Preparation(PrepareOptions options, string directory, CancellationToken cancel)
    {
        private readonly Dictionary<string, TestSet> _tests = new(StringComparer.Ordinal);
        private readonly Dictionary<Int128, TestSet> _testTexts = [];
        private readonly string _scratch = Path.Combine(directory, "copies");
        private DuplicateCount _copies = new(0, 0);

        internal async Task RunAsync()
        {
            foreach ((string name, PrepareInput input) in options.Test) ReadTest(name, input);
            bool dedup = options.Dedup is not null;
            if (dedup) await DuplicateFinder.FindAsync(Open(options.Train.Files), limit: null, _scratch, threads: 1, progress: null, faults: null, cancel).ConfigureAwait(false);
            CorpusFacts train = Split(out CorpusFacts? own);
            var reference = new Dictionary<string, CorpusFacts>(StringComparer.Ordinal);
            if (own is not null) reference["own"] = own;
            foreach ((string name, PrepareInput input) in options.Reference) reference[name] = CopyReference(name, input);
            if (Directory.Exists(_scratch)) Directory.Delete(_scratch, recursive: true);
            if (train.Documents == 0) throw new CorpusException("the training corpus", "nothing is left after the held-out parts and the texts of test sets", "give more text, or smaller shares");
            CountOverlap();
            Dictionary<string, TestSetFacts> tests = _tests.ToDictionary(
                test => test.Key, test => new TestSetFacts(test.Value.Documents, test.Value.Bytes, test.Value.Removed, test.Value.Overlapping.Count));
            foreach ((string name, TestSetFacts facts) in tests)
                if (facts.Documents == 0) throw new CorpusException($"test set `{name}`", "holds no document", "give more text, or a larger share");
            StudyFiles.Write(Path.Combine(directory, "prepare.json"), new PreparedFacts(train, reference, tests) { Copies = dedup ? _copies : null });
        }

        private void ReadTest(string name, PrepareInput input)
        {
            TestSet test = _tests[name] = new TestSet();
            using var writer = new PlainDocumentWriter(StudyFiles.TestFile(directory, name));
            foreach (Document document in Read(input.Files))
            {
                if (writer.Bytes >= options.MaxTestBytes) break;
                Take(test, writer, document);
            }
        }

        private void Take(TestSet test, PlainDocumentWriter writer, Document document)
        {
            writer.Write(document);
            _testTexts[Identity(document)] = test;
            int index = (int)test.Documents++;
            test.Bytes += document.Text.Length;
            WordGrams.Visit(document.Text.Span, gram => test.Grams.TryAdd(gram, index));
        }

        private CorpusFacts Split(out CorpusFacts? own)
        {
            PlainDocumentWriter? train = null;
            PlainDocumentWriter? test = options.HoldOut > 0 ? new PlainDocumentWriter(StudyFiles.TestFile(directory, "own")) : null;
            PlainDocumentWriter? reference = options.ReferenceShare > 0 ? new PlainDocumentWriter(StudyFiles.ReferenceFile(directory, "own")) : null;
            TestSet? ownTest = test is null ? null : _tests["own"] = new TestSet();
            long documents = 0, bytes = 0;
            int shard = 0;
            try
            {
                foreach ((Document document, double place) in Sampled())
                {
                    if (place < options.HoldOut)
                    {
                        if (test!.Bytes < options.MaxTestBytes) Take(ownTest!, test, document);
                        continue;
                    }

                    if (IsTested(document)) continue;
                    if (place < options.HoldOut + options.ReferenceShare)
                    {
                        reference!.Write(document);
                        continue;
                    }

                    if (train is null || train.Bytes >= ShardBytes)
                    {
                        train?.Dispose();
                        train = new PlainDocumentWriter(Path.Combine(directory, StudyFiles.TrainFolder, $"train-{shard++:D5}.jsonl.zst"));
                    }

                    train.Write(document);
                    documents++;
                    bytes += document.Text.Length;
                }
            }
            finally
            {
                train?.Dispose();
                test?.Dispose();
                reference?.Dispose();
            }

            own = reference is null ? null : new CorpusFacts(reference.Documents, reference.Bytes);
            return new CorpusFacts(documents, bytes);
        }

        private CorpusFacts CopyReference(string name, PrepareInput input)
        {
            using var writer = new PlainDocumentWriter(StudyFiles.ReferenceFile(directory, name));
            foreach (Document document in Read(input.Files))
                if (!IsTested(document)) writer.Write(document);
            return new CorpusFacts(writer.Documents, writer.Bytes);
        }

        private bool IsTested(Document document)
        {
            if (!_testTexts.TryGetValue(Identity(document), out TestSet? test)) return false;
            test.Removed++;
            return true;
        }

        private void CountOverlap()
        {
            foreach (Document document in Read([Path.Combine(directory, StudyFiles.TrainFolder)]))
            {
                foreach (TestSet test in _tests.Values)
                {
                    WordGrams.Visit(document.Text.Span, gram =>
                    {
                        if (test.Grams.TryGetValue(gram, out int index)) test.Overlapping.Add(index);
                    });
                }
            }
        }

        /// <summary>The documents of the training corpus that the sample holds, copies left out, and where in [0, 1) of the split each falls.</summary>
        private IEnumerable<(Document Document, double Place)> Sampled()
        {
            CorpusReader reader = Open(options.Train.Files);
            for (int shard = 0; shard < reader.Shards.Count; shard++)
            {
                using DuplicateRows copies = DuplicateRows.Open(_scratch, shard);
                foreach (Document document in reader.Read(shard))
                {
                    cancel.ThrowIfCancellationRequested();
                    double place = Place(document) / (options.Sample ?? 1);
                    if (place >= 1) continue;
                    if (copies.Contains(document.Row)) _copies = new DuplicateCount(_copies.Documents + 1, _copies.Bytes + document.Text.Length);
                    else yield return (document, place);
                }
            }
        }

        private static CorpusReader Open(IReadOnlyList<string> files) => CorpusReader.Open(files, new CorpusOptions { KeepRecords = false });

        private IEnumerable<Document> Read(IReadOnlyList<string> files)
        {
            CorpusReader reader = Open(files);
            for (int shard = 0; shard < reader.Shards.Count; shard++)
            {
                foreach (Document document in reader.Read(shard))
                {
                    cancel.ThrowIfCancellationRequested();
                    yield return document;
                }
            }
        }

        /// <summary>A number in [0, 1) that follows from the text and the seed.</summary>
        private double Place(Document document)
        {
            Span<byte> hash = stackalloc byte[32];
            using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            sha.AppendData(Encoding.ASCII.GetBytes($"winnow-split-{options.Seed}:"));
            sha.AppendData(document.Text.Span);
            sha.GetHashAndReset(hash);
            return (BinaryPrimitives.ReadUInt64LittleEndian(hash) >> 11) * (1.0 / (1L << 53));
        }

        private static Int128 Identity(Document document)
        {
            Span<byte> hash = stackalloc byte[32];
            SHA256.HashData(document.Text.Span, hash);
            return new Int128(BinaryPrimitives.ReadUInt64LittleEndian(hash), BinaryPrimitives.ReadUInt64LittleEndian(hash[8..]));
        }
    }

    private sealed class TestSet
    {
        internal long Documents { get; set; }

        internal long Bytes { get; set; }

        internal long Removed { get; set; }

        internal Dictionary<ulong, int> Grams { get; } = [];

        internal HashSet<int> Overlapping { get; } = [];
    }
}

/// <summary>Files and what they hold, so that changed content is another step.</summary>
/// <param name="Files">Paths.</param>
/// <param name="Hash">Of names and contents.</param>
internal sealed record PrepareInput(IReadOnlyList<string> Files, string Hash);

/// <summary>Options of the step <c>prepare</c>.</summary>
internal sealed record PrepareOptions(
    PrepareInput Train, double HoldOut, double ReferenceShare, long MaxTestBytes, long Seed,
    IReadOnlyDictionary<string, PrepareInput> Test, IReadOnlyDictionary<string, PrepareInput> Reference)
{
    /// <summary>Share of the training inputs that is looked at; null for all.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? Sample { get; init; }

    /// <summary><c>exact</c> leaves copies out of the training inputs; null does not.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Dedup { get; init; }
}
