using System.Collections.Immutable;

namespace Winnow.Models.Families;

/// <summary>
/// What a family calls its tensors, without <c>.weight</c> and <c>.bias</c>, and how they lie in the file. The defaults are
/// Llama's, which most families follow.
/// </summary>
internal sealed record TensorNames
{
    /// <summary>Before every name but the head's. Files of the bare model leave out the first part, or all of it.</summary>
    public string Prefix { get; init; } = "model.";

    public string Embedding { get; init; } = "embed_tokens";

    public string Positions { get; init; } = "";

    /// <summary>Rows of the position table before that of position 0.</summary>
    public int PositionOffset { get; init; }

    /// <summary>Before the names of a block; {0} is its number.</summary>
    public string Block { get; init; } = "layers.{0}.";

    public string AttentionNorm { get; init; } = "input_layernorm";

    /// <summary>One fused tensor, or queries, keys and values.</summary>
    public ImmutableArray<string> QueryKeyValue { get; init; } = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"];

    /// <summary>True when a fused tensor holds query, key and value of head 0, then of head 1, …</summary>
    public bool InterleavedHeads { get; init; }

    public string QueryNorm { get; init; } = "self_attn.q_norm";

    public string KeyNorm { get; init; } = "self_attn.k_norm";

    public string AttentionOutput { get; init; } = "self_attn.o_proj";

    public string AttentionPostNorm { get; init; } = "";

    public string MlpNorm { get; init; } = "post_attention_layernorm";

    /// <summary>One tensor, or gate and up.</summary>
    public ImmutableArray<string> Expand { get; init; } = ["mlp.gate_proj", "mlp.up_proj"];

    public string Contract { get; init; } = "mlp.down_proj";

    public string MlpPostNorm { get; init; } = "";

    public string FinalNorm { get; init; } = "norm";

    public string Head { get; init; } = "lm_head";

    /// <summary>Added to stored gains: 1 where the file holds gain − 1.</summary>
    public float GainOffset { get; init; }

    /// <summary>True when the matrices inside blocks are stored [in, out].</summary>
    public bool Transposed { get; init; }

    /// <summary>Ends of names that are no weights: masks and tables that old versions saved.</summary>
    public ImmutableArray<string> Ignored { get; init; } = ["rotary_emb.inv_freq"];
}
