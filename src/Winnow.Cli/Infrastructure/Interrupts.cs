using System.Runtime.InteropServices;

namespace Winnow.Cli.Infrastructure;

/// <summary>Turns Ctrl-C, SIGTERM and SIGHUP into a cancellation; a second one ends the process at once.</summary>
internal sealed class Interrupts : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly List<PosixSignalRegistration> registrations = [];
    private readonly Terminal terminal;
    private int count;

    internal Interrupts(Terminal terminal)
    {
        this.terminal = terminal;
        foreach (PosixSignal signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP })
        {
            registrations.Add(PosixSignalRegistration.Create(signal, OnSignal));
        }
    }

    /// <summary>Cancelled by the first signal.</summary>
    internal CancellationToken Cancel => source.Token;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in registrations) registration.Dispose();
        source.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.Increment(ref count) > 1) Environment.Exit(CommandLine.Interrupted);
        terminal.Say("stopping: finishing what is in hand (again to stop at once)");
        source.Cancel();
    }
}
