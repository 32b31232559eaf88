using System.Globalization;

namespace Winnow.Models.Training;

/// <summary>A point of training at which a checkpoint is kept: a step, or a fraction of all steps.</summary>
/// <param name="Value">Steps, or the fraction in (0, 1].</param>
/// <param name="IsFraction">Which of them.</param>
public readonly record struct CheckpointPoint(decimal Value, bool IsFraction)
{
    /// <summary>Reads <c>14%,55%,1000</c>: percentages and steps, comma-separated.</summary>
    /// <exception cref="ModelException">A part is neither.</exception>
    public static IReadOnlyList<CheckpointPoint> ParseList(string text) =>
        [.. text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Parse)];

    /// <summary>The step, at least 1.</summary>
    public int Step(int steps) => IsFraction
        ? Math.Max(1, (int)Math.Round(Value * steps, MidpointRounding.AwayFromZero))
        : (int)Math.Min(Value, steps);

    /// <inheritdoc/>
    public override string ToString() => (IsFraction ? Value * 100 : Value).ToString("0.####", CultureInfo.InvariantCulture) + (IsFraction ? "%" : "");

    private static CheckpointPoint Parse(string text)
    {
        bool percent = text.EndsWith('%');
        NumberStyles style = percent ? NumberStyles.AllowDecimalPoint : NumberStyles.None;
        if (decimal.TryParse(percent ? text[..^1] : text, style, CultureInfo.InvariantCulture, out decimal value) && value > 0
            && (percent ? value <= 100 : value <= int.MaxValue))
            return new CheckpointPoint(percent ? value / 100 : value, percent);
        throw new ModelException("checkpoints", $"`{text}` is neither a step nor a percentage", "write for example `14%,55%` or `1000,2000`");
    }
}
