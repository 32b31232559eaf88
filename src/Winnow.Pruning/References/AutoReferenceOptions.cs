namespace Winnow.Pruning.References;

/// <summary>How the two reference models of <c>--model auto</c> are made. What is left open follows from the corpus' size alone, never from the machine.</summary>
public sealed record AutoReferenceOptions
{
    /// <summary>Of the split into halves, the samples and the models.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>
    /// Floating-point operations that training both references and scoring the corpus with them may take; null chooses: at least
    /// <see cref="ReferencePlan.LeastBudget"/>, more for a larger corpus.
    /// </summary>
    public double? BudgetFlops { get; init; }

    /// <summary>A preset's name instead of the choice.</summary>
    public string? Preset { get; init; }

    /// <summary>Training tokens of each reference instead of the choice.</summary>
    public long? Tokens { get; init; }

    /// <summary>Vocabulary of the tokenizer instead of the choice.</summary>
    public int? Vocabulary { get; init; }

    /// <summary>Context of the references instead of the choice.</summary>
    public int? Context { get; init; }
}
