using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Winnow.Studies.Execution;

/// <summary>
/// The outputs of steps, one directory per key. A step works in <c>NAME.work</c>, which a kill leaves behind for the next attempt
/// to go on in; when it is done the directory is renamed to <c>NAME</c>. What has its final name is complete, always.
/// </summary>
public sealed class StepStore
{
    private readonly string _root;

    /// <summary>Opens or makes the store under a study's directory.</summary>
    public StepStore(string studyDirectory)
    {
        _root = Path.Combine(studyDirectory, "steps");
        Directory.CreateDirectory(_root);
    }

    /// <summary>Where the output of a step is, or will be.</summary>
    public string DirectoryOf(Step step, string key) => Path.Combine(_root, $"{step.Kind}-{key[..16]}");

    /// <summary>True where the output is complete.</summary>
    public bool IsDone(Step step, string key) => Directory.Exists(DirectoryOf(step, key));

    /// <summary>The finished directories that a step reads, by the names under which it knows them.</summary>
    public IReadOnlyDictionary<string, string> InputsOf(Step step, StepGraph graph) => step.Inputs.ToDictionary(
        input => input.Key, input => DirectoryOf(graph[input.Value], graph.KeyOf(graph[input.Value])), StringComparer.Ordinal);

    /// <summary>The directory to work in, made where it is not there, with the step's description in it.</summary>
    /// <param name="step">The step.</param>
    /// <param name="key">Its key.</param>
    /// <param name="attempt">Attempts that were lost before this one; each works in a directory of its own, as the one before may live.</param>
    /// <param name="goOn">Whether it is known to be dead: then its directory is taken over.</param>
    public string BeginWork(Step step, string key, int attempt = 0, bool goOn = false)
    {
        string work = WorkOf(step, key, attempt);
        if (goOn && !Directory.Exists(work) && Enumerable.Range(0, attempt).Reverse().Select(lost => WorkOf(step, key, lost)).FirstOrDefault(Directory.Exists) is { } left) Directory.Move(left, work);
        Directory.CreateDirectory(work);
        var description = new JsonObject
        {
            ["id"] = step.Id,
            ["kind"] = step.Kind,
            ["key"] = key,
            ["options"] = step.Options.DeepClone(),
            ["inputs"] = new JsonObject([.. step.Inputs.Select(input => KeyValuePair.Create(input.Key, (JsonNode?)input.Value))]),
        };
        string file = Path.Combine(work, "step.json"), beside = file + ".tmp";
        File.WriteAllText(beside, description.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
        File.Move(beside, file, overwrite: true);
        return work;
    }

    /// <summary>Gives finished work its final name. Where another worker was first, its output stands and this one is dropped.</summary>
    public void Finish(Step step, string key, int attempt = 0)
    {
        string work = WorkOf(step, key, attempt);
        try
        {
            Directory.Move(work, DirectoryOf(step, key));
        }
        catch (IOException) when (IsDone(step, key))
        {
            Directory.Delete(work, recursive: true);
        }

        foreach (string lost in Enumerable.Range(0, attempt).Select(earlier => WorkOf(step, key, earlier)).Where(Directory.Exists)) Directory.Delete(lost, recursive: true);
    }

    private string WorkOf(Step step, string key, int attempt) =>
        string.Create(CultureInfo.InvariantCulture, $"{DirectoryOf(step, key)}.work{(attempt == 0 ? "" : $"-{attempt}")}");
}
