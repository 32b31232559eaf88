namespace Winnow.Studies.Evaluation;

/// <summary>A number and the interval that a repetition of the measurement would fall into with the stated confidence.</summary>
/// <param name="Value">From all documents.</param>
/// <param name="Low">Lower end; null where there are too few documents to say.</param>
/// <param name="High">Upper end.</param>
public sealed record Estimate(double Value, double? Low, double? High);
