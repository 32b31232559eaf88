using System.Globalization;
using Winnow.Kernels;
using Winnow.Kernels.Cpu;

namespace Winnow.Tests.Models;

/// <summary>The backends that the model tests run on, by name.</summary>
internal static class Backends
{
    public const string Reference = "reference";
    private const string Cpu = "cpu, ";

    /// <summary>The reference, and the CPU at every width of lanes that it has.</summary>
    public static IReadOnlyList<string> All { get; } = [Reference, .. CpuBackend.SupportedLanes.Select(lanes => $"{Cpu}{lanes} lanes")];

    public static IBackend Create(string name) =>
        name == Reference ? new ReferenceBackend() : new CpuBackend(2, int.Parse(name[Cpu.Length..].Split(' ')[0], CultureInfo.InvariantCulture));
}
