namespace Winnow.Models.Classification;

/// <summary>A text with what is to be predicted of it.</summary>
/// <param name="Ids">Its tokens, at least one.</param>
/// <param name="Label">Class index, or the number to predict.</param>
public sealed record ClassifiedText(IReadOnlyList<int> Ids, double Label);

/// <summary>Everything that decides what fine-tuning makes of a model and examples.</summary>
public sealed record FineTuningOptions
{
    /// <summary>Passes over the training examples.</summary>
    public int Epochs { get; init; } = 3;

    /// <summary>Peak learning rate of decoder and head, reached after a linear warm-up and falling linearly to 0.</summary>
    public double LearningRate { get; init; } = 1e-5;

    /// <summary>Share of the steps that warm up.</summary>
    public double WarmUp { get; init; } = 0.06;

    /// <summary>Examples per update.</summary>
    public int BatchTexts { get; init; } = 32;

    /// <summary>Decoupled decay of matrices.</summary>
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>The gradient's norm is scaled down to this.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>Of the head's first weights and of the examples' order.</summary>
    public ulong Seed { get; init; } = 1;
}
