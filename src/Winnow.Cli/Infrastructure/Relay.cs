namespace Winnow.Cli.Infrastructure;

/// <summary>Hands progress on at once, on the thread that reports it: the display only stores it.</summary>
internal sealed class Relay<T>(Action<T> action) : IProgress<T>
{
    /// <inheritdoc/>
    public void Report(T value) => action(value);
}
