using Winnow.Cli.Infrastructure;

if (OpenFiles.Refusal() is { } refusal)
{
    Console.Error.WriteLine(refusal);
    return CommandLine.Wrong;
}

return await CommandLine.RunAsync(args, Terminal.OfProcess());
