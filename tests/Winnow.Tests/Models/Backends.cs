using Winnow.Kernels;
using Winnow.Kernels.Cpu;

namespace Winnow.Tests.Models;

/// <summary>The backends that the model tests run on, by name.</summary>
internal static class Backends
{
    public const string Reference = "reference";
    public const string Cpu = "cpu";

    public static IReadOnlyList<string> All { get; } = [Reference];

    public static IBackend Create(string name) => name switch
    {
        Reference => new ReferenceBackend(),
        Cpu => new CpuBackend(2),
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };
}
