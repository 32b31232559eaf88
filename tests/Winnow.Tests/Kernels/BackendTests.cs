using Winnow.Kernels;
using Winnow.Kernels.Cpu;
using Xunit;

namespace Winnow.Tests.Kernels;

/// <summary>The table of cases against the reference.</summary>
public sealed class BackendTests
{
    public static TheoryData<string, int> OperationsAndLanes()
    {
        var data = new TheoryData<string, int>();
        foreach (string operation in KernelTable.Operations)
            foreach (int lanes in CpuBackend.SupportedLanes) data.Add(operation, lanes);
        return data;
    }

    public static TheoryData<string> Operations() => [.. KernelTable.Operations];

    [Theory]
    [MemberData(nameof(OperationsAndLanes))]
    public void Every_width_agrees_with_the_reference(string operation, int lanes)
    {
        using var backend = new CpuBackend(1, lanes);
        using var reference = new ReferenceBackend();
        foreach (KernelCase item in KernelTable.Of(operation))
        {
            using var expected = new Stage(reference);
            using var found = new Stage(backend, guarded: OperatingSystem.IsLinux());
            item.Play(expected);
            item.Play(found);
            string? difference = item.Difference(expected, found);
            Assert.True(difference is null, difference);
        }
    }

    [Theory]
    [MemberData(nameof(Operations))]
    public void Every_number_of_threads_gives_the_same_bits(string operation)
    {
        using var one = new CpuBackend(1);
        using var two = new CpuBackend(2);
        using var five = new CpuBackend(5);
        foreach (KernelCase item in KernelTable.Of(operation))
        {
            using var expected = new Stage(one);
            item.Play(expected);
            foreach (CpuBackend backend in (CpuBackend[])[two, five])
            {
                using var found = new Stage(backend);
                item.Play(found);
                string? difference = (item with { Relative = 0, Absolute = 0 }).Difference(expected, found);
                Assert.True(difference is null, difference);
            }
        }
    }
}
