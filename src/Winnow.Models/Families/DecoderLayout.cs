using System.Collections.Immutable;
using System.Globalization;

namespace Winnow.Models.Families;

/// <summary>One matrix of the decoder and the tensors that it is made of.</summary>
/// <param name="Parts">Names without <c>.weight</c>, and how many of the matrix's rows each gives, in order.</param>
/// <param name="Columns">Input width.</param>
/// <param name="HasBias">True when every part has a bias.</param>
/// <param name="Transposed">True when the file holds [in, out].</param>
internal sealed record MatrixSlot(ImmutableArray<(string Name, int Rows)> Parts, int Columns, bool HasBias = false, bool Transposed = false)
{
    public int Rows => Parts.Sum(p => p.Rows);

    /// <summary>Rows of the file's tensor before the first that is read.</summary>
    public int SkippedRows { get; init; }

    /// <summary>Heads of a fused tensor that holds query, key and value head by head; 0 where it does not.</summary>
    public int InterleavedHeads { get; init; }

    /// <summary>True for projections back into the residual stream, which start smaller.</summary>
    public bool IntoResidual { get; init; }
}

/// <summary>One normalisation.</summary>
/// <param name="Name">Name without <c>.weight</c> and <c>.bias</c>.</param>
/// <param name="Width">Columns normalised together.</param>
/// <param name="Parameters">What is stored.</param>
/// <param name="GainOffset">Added to the stored gain.</param>
internal sealed record NormSlot(string Name, int Width, NormParameters Parameters, float GainOffset);

/// <summary>The slots of one block; a normalisation that the config does not have is null.</summary>
internal sealed record BlockLayout(
    NormSlot? AttentionNorm, MatrixSlot QueryKeyValue, NormSlot? QueryNorm, NormSlot? KeyNorm, MatrixSlot AttentionOutput,
    NormSlot? AttentionPostNorm, NormSlot? MlpNorm, MatrixSlot Expand, MatrixSlot Contract, NormSlot? MlpPostNorm);

/// <summary>Every weight that a decoder has, with its shape and its names in the checkpoint: what loading, checking, initialising and saving walk over.</summary>
internal sealed record DecoderLayout(MatrixSlot Embedding, MatrixSlot? Positions, ImmutableArray<BlockLayout> Blocks, NormSlot? FinalNorm, MatrixSlot Head)
{
    /// <summary>The layout of a config in a family's names. A tied head is the embedding's slot.</summary>
    public static DecoderLayout Of(DecoderConfig config)
    {
        var names = Family.All[config.Family].Names(config);
        var embedding = new MatrixSlot([(names.Prefix + names.Embedding, config.VocabularySize)], config.Width);
        var head = config.TiedHead ? embedding : new MatrixSlot([(names.Head, config.VocabularySize)], config.Width);
        return new DecoderLayout(
            embedding,
            config.Positions == PositionKind.Learned
                ? new MatrixSlot([(names.Prefix + names.Positions, config.MaxLength)], config.Width) { SkippedRows = names.PositionOffset }
                : null,
            [.. Enumerable.Range(0, config.Layers).Select(layer => Block(config, names, layer))],
            config.FinalNorm ? new NormSlot(names.Prefix + names.FinalNorm, config.Width, config.NormParameters, names.GainOffset) : null,
            config.HeadBias ? head with { HasBias = true, Parts = [(names.Head, config.VocabularySize)] } : head);
    }

    /// <summary>All matrices, a tied one once, in the order of the computation.</summary>
    public IEnumerable<MatrixSlot> Matrices(DecoderConfig config)
    {
        yield return Embedding;
        if (Positions is not null) yield return Positions;
        foreach (var block in Blocks)
        {
            yield return block.QueryKeyValue;
            yield return block.AttentionOutput;
            yield return block.Expand;
            yield return block.Contract;
        }

        if (!config.TiedHead) yield return Head;
    }

    /// <summary>All normalisations.</summary>
    public IEnumerable<NormSlot> Norms()
    {
        foreach (var block in Blocks)
        {
            foreach (var norm in new[] { block.AttentionNorm, block.QueryNorm, block.KeyNorm, block.AttentionPostNorm, block.MlpNorm, block.MlpPostNorm })
            {
                if (norm is not null) yield return norm;
            }
        }

        if (FinalNorm is not null) yield return FinalNorm;
    }

    private static BlockLayout Block(DecoderConfig config, TensorNames names, int layer)
    {
        string prefix = names.Prefix + string.Format(CultureInfo.InvariantCulture, names.Block, layer);
        bool before = config.NormPlacement is NormPlacement.Before or NormPlacement.BeforeAndAfter;
        bool after = config.NormPlacement is not NormPlacement.Before;

        NormSlot? Norm(bool exists, string name) =>
            exists ? new NormSlot(prefix + name, config.Width, config.NormParameters, names.GainOffset) : null;

        NormSlot? HeadNorm(string name, int projection) => config.QueryKeyNorm switch
        {
            QueryKeyNorm.None => null,
            QueryKeyNorm.Head => new NormSlot(prefix + name, config.HeadWidth, config.QueryKeyNormParameters, names.GainOffset),
            QueryKeyNorm.Projection => new NormSlot(prefix + name, projection, config.QueryKeyNormParameters, names.GainOffset),
            _ => throw new InvalidOperationException($"unknown norm {config.QueryKeyNorm}"),
        };

        MatrixSlot Matrix(ImmutableArray<string> parts, int[] rows, int columns, bool bias) => new(
            parts.Length == rows.Length ? [.. parts.Zip(rows, (part, count) => (prefix + part, count))] : [(prefix + parts[0], rows.Sum())],
            columns, bias, names.Transposed);

        int[] expanded = config.Gated ? [config.HiddenWidth, config.HiddenWidth] : [config.HiddenWidth];
        return new BlockLayout(
            Norm(before, names.AttentionNorm),
            Matrix(names.QueryKeyValue, [config.QueryWidth, config.KeyValueWidth, config.KeyValueWidth], config.Width, config.QueryKeyValueBias)
                with
            { InterleavedHeads = names.InterleavedHeads ? config.Heads : 0 },
            HeadNorm(names.QueryNorm, config.QueryWidth),
            HeadNorm(names.KeyNorm, config.KeyValueWidth),
            Matrix([names.AttentionOutput], [config.Width], config.QueryWidth, config.AttentionOutputBias) with { IntoResidual = true },
            Norm(after, names.AttentionPostNorm),
            Norm(before && !config.SharedNorm, names.MlpNorm),
            Matrix(names.Expand, expanded, config.Width, config.MlpBias),
            Matrix([names.Contract], [config.Width], config.HiddenWidth, config.MlpBias) with { IntoResidual = true },
            Norm(after, names.MlpPostNorm));
    }
}
