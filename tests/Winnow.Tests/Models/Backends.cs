using System.Globalization;
using Winnow.Kernels;
using Winnow.Kernels.Cpu;

namespace Winnow.Tests.Models;

/// <summary>The backends that the model tests run on, by name.</summary>
internal static class Backends
{
    public const string Reference = "reference";
    private const string Cpu = "cpu, ";
    private const string Narrow = "bf16";

    /// <summary>The reference, and the CPU at every width of lanes that it has.</summary>
    public static IReadOnlyList<string> All { get; } = [Reference, .. CpuBackend.SupportedLanes.Select(lanes => $"{Cpu}{lanes} lanes")];

    /// <summary>The same, and the CPU in bf16: for what does not depend on how exact the numbers are.</summary>
    public static IReadOnlyList<string> OfEveryPrecision { get; } = [.. All, Narrow];

    public static IBackend Create(string name) => name switch
    {
        Reference => new ReferenceBackend(),
        Narrow => new CpuBackend(2, 0, Precision.BF16),
        _ => new CpuBackend(2, int.Parse(name[Cpu.Length..].Split(' ')[0], CultureInfo.InvariantCulture)),
    };
}
