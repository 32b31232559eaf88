namespace Winnow.Tests.Kernels;

/// <summary>Every case of every operation: what a backend has to agree with the reference on.</summary>
internal static class KernelTable
{
    public static readonly IReadOnlyList<KernelCase> Cases = [.. RowCases.All(), .. AttentionCases.All(), .. MatrixCases.All()];

    public static IEnumerable<string> Operations => Cases.Select(c => c.Operation).Distinct();

    public static IEnumerable<KernelCase> Of(string operation) => Cases.Where(c => c.Operation == operation);
}
