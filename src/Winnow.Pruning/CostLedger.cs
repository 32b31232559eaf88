namespace Winnow.Pruning;

/// <summary>
/// What a run cost, summed over its attempts. Of an attempt that was killed, what it did after its last finished part is missing.
/// </summary>
public sealed record CostLedger
{
    /// <summary>Times the command was started.</summary>
    public int Attempts { get; init; }

    /// <summary>Units whose scores were made durable.</summary>
    public long Units { get; init; }

    /// <summary>Documents read whose text carried that of a special token; see <see cref="Scoring.ScoringOptions.SpecialInText"/>.</summary>
    public long DocumentsWithSpecial { get; init; }

    /// <summary>Tokens that went through a model, per model.</summary>
    public long Tokens { get; init; }

    /// <summary>Tokens that were predicted, per model.</summary>
    public long PredictedTokens { get; init; }

    /// <summary>Floating-point operations of the forwards, by the models' formula.</summary>
    public double Flops { get; init; }

    /// <summary>Wall time, in seconds.</summary>
    public double WallSeconds { get; init; }

    /// <summary>
    /// Seconds by phase: <c>load</c>, <c>hash</c>, <c>dedup</c>, <c>read</c>, <c>tokenize</c>, <c>write</c> on their own threads, <c>forward</c> and
    /// <c>generate</c> summed over the workers; <c>train</c> with cross-fitting. Phases overlap.
    /// </summary>
    public IReadOnlyDictionary<string, double> Seconds { get; init; } = new Dictionary<string, double>();

    /// <summary>The machine's measured peak, in GFLOP/s; null where nobody measured it.</summary>
    public double? PeakGflops { get; init; }

    /// <summary>Flops / WallSeconds as a share of the peak; null where the peak is not known.</summary>
    public double? FractionOfPeak =>
        PeakGflops is double peak && peak > 0 && WallSeconds > 0 ? Flops / WallSeconds / (peak * 1e9) : null;

    /// <summary>This ledger with the cost of another attempt added.</summary>
    public CostLedger Plus(CostLedger other)
    {
        ArgumentNullException.ThrowIfNull(other);
        Dictionary<string, double> seconds = new(Seconds);
        foreach ((string phase, double spent) in other.Seconds) seconds[phase] = seconds.GetValueOrDefault(phase) + spent;
        return new CostLedger
        {
            Attempts = Attempts + other.Attempts,
            Units = Units + other.Units,
            DocumentsWithSpecial = DocumentsWithSpecial + other.DocumentsWithSpecial,
            Tokens = Tokens + other.Tokens,
            PredictedTokens = PredictedTokens + other.PredictedTokens,
            Flops = Flops + other.Flops,
            WallSeconds = WallSeconds + other.WallSeconds,
            Seconds = seconds,
            PeakGflops = other.PeakGflops ?? PeakGflops,
        };
    }
}
