using BenchmarkDotNet.Running;
using Winnow.Benchmarks;

if (args is ["quick", ..])
{
    QuickBenchmark.Run(args.AsSpan(1));
    return 0;
}

if (args is ["rows", ..])
{
    QuickRows.Run(args.AsSpan(1));
    return 0;
}

BenchmarkSwitcher.FromAssembly(typeof(QuickBenchmark).Assembly).Run(args);
return 0;
