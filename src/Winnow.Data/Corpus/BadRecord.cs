namespace Winnow.Data.Corpus;

/// <summary>A record that could not be used, or a file that could not be read to its end.</summary>
/// <param name="Shard">Index of the file.</param>
/// <param name="Path">The file.</param>
/// <param name="Line">Line (JSONL, CSV) or row (Parquet), from 1; for a damaged file, the good records before the damage.</param>
/// <param name="Why">What is wrong, without the place.</param>
public sealed record BadRecord(int Shard, string Path, long Line, string Why);
