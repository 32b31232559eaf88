using System.CommandLine;
using Winnow.Cli.Infrastructure;
using Winnow.Work.Slurm;

namespace Winnow.Cli.Commands;

/// <summary>What is asked of a Slurm cluster: the same options wherever a command can run on one.</summary>
internal sealed class SlurmChoices
{
    private readonly Option<string?> partition = Choose.Text("--partition", "NAME", "slurm: the partition; the options below are those of sbatch.");
    private readonly Option<string?> account = Choose.Text("--account", "NAME", "slurm: who pays.");
    private readonly Option<string?> qos = Choose.Text("--qos", "NAME", "slurm: the quality of service.");
    private readonly Option<string?> gres = Choose.Text("--gres", "LIST", "slurm: devices of a task that computes, `gpu:1`.");
    private readonly Option<long?> cpus = Choose.Whole("--cpus-per-task", "slurm: processors of a task.", 1, most: 65_536);
    private readonly Option<string?> memory = Choose.Text("--mem", "SIZE", "slurm: memory of a task, `16G`.");
    private readonly Option<string?> time = Choose.Text("--time", "LIMIT", "slurm: time limit of a task, `4:00:00`; two minutes before it the task goes back into the queue and goes on where it stopped.");
    private readonly Option<long?> atOnce = Choose.Whole("--at-once", "slurm: at most so many tasks run at once.", 1, most: 1_000_000);
    private readonly Option<string[]> arguments = Choose.Many("--sbatch-arg", "ARG", "slurm: any other option of sbatch, `--sbatch-arg=--constraint=icelake`.");

    /// <summary>What goes under the help's heading.</summary>
    internal Symbol[] Symbols => [partition, account, qos, gres, cpus, memory, time, atOnce, arguments];

    /// <summary>The options; what the command line does not say is as a recipe has it.</summary>
    internal SlurmOptions Options(ParseResult parse, long? tasks, SlurmOptions? recipe = null)
    {
        recipe ??= new SlurmOptions();
        return (recipe with
        {
            Tasks = (int?)tasks ?? recipe.Tasks,
            AtOnce = (int?)parse.GetValue(atOnce) ?? recipe.AtOnce,
            Partition = parse.GetValue(partition) ?? recipe.Partition,
            Account = parse.GetValue(account) ?? recipe.Account,
            Qos = parse.GetValue(qos) ?? recipe.Qos,
            Gres = parse.GetValue(gres) ?? recipe.Gres,
            CpusPerTask = (int?)parse.GetValue(cpus) ?? recipe.CpusPerTask,
            Memory = parse.GetValue(memory) ?? recipe.Memory,
            Time = parse.GetValue(time) ?? recipe.Time,
            Arguments = [.. recipe.Arguments, .. parse.GetValue(arguments) ?? []],
        }).Validated();
    }
}
