using Winnow.Data.Tokenizers;

namespace Winnow.Data.Corpus;

/// <summary>One document of a corpus. Its memory is its own and never reused.</summary>
/// <param name="Shard">Index of the file in <see cref="CorpusReader.Shards"/>.</param>
/// <param name="Row">Record in that file, from 0; records that were skipped as bad count too, so a row always means the same record.</param>
/// <param name="Id">The record's id; <c>name:row</c> where it has none.</param>
/// <param name="Source">Where the record says it comes from; the name of the file, without extensions, where it says nothing.</param>
/// <param name="Text">Valid UTF-8.</param>
/// <param name="Record">
/// The bytes of the record exactly as they stand in the file, its line end included, so that the records of a file written one
/// after the other are the file again (without its byte-order mark and blank lines). Empty where the format has no such bytes.
/// </param>
public sealed record Document(int Shard, long Row, string Id, string Source, ReadOnlyMemory<byte> Text, ReadOnlyMemory<byte> Record)
{
    /// <summary>The values of <see cref="CorpusOptions.Fields"/>, as text; null where the record has none. Empty where none are asked for, or the format has no fields.</summary>
    public IReadOnlyList<string?> Fields { get; init; } = [];

    /// <summary>The ids that the document is stored as in a token shard; the text is what they stand for. Null elsewhere.</summary>
    public TokenizedText? Tokens { get; init; }
}
