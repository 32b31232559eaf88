using Winnow.Data.Compression;

namespace Winnow.Data.Corpus;

/// <summary>One file of a corpus.</summary>
/// <param name="Index">Its place in the corpus.</param>
/// <param name="Path">Where it is; <c>-</c> is standard input.</param>
/// <param name="Name">Path below the input that named it, with `/`: unique in the corpus and the same on every machine.</param>
/// <param name="Bytes">Size on disk; −1 when unknown.</param>
/// <param name="Format">What it holds.</param>
/// <param name="Compression">How it is compressed.</param>
public sealed record CorpusShard(int Index, string Path, string Name, long Bytes, CorpusFormat Format, CompressionKind Compression);
