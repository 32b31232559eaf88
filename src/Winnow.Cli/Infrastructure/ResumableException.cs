namespace Winnow.Cli.Infrastructure;

/// <summary>The work was interrupted, and what is done is kept.</summary>
/// <param name="hint">How to go on.</param>
internal sealed class ResumableException(string hint) : OperationCanceledException
{
    /// <summary>How to go on.</summary>
    internal string Hint { get; } = hint;
}
