using System.Runtime.InteropServices;
using System.Text.Json;
using Winnow.Models.Training;
using Xunit;

namespace Winnow.Tests.Models.Training;

/// <summary>One fixture under <c>train/</c>: what PyTorch did, and the options that make the trainer do the same.</summary>
internal sealed class Trajectory
{
    private Trajectory(string directory, JsonElement json)
    {
        Directory = directory;
        Steps = [.. json.GetProperty("trajectory").EnumerateArray().Select(step => new Step(
            step.GetProperty("loss").GetDouble(), step.GetProperty("lr").GetDouble(), step.GetProperty("grad_norm_before_clip").GetDouble()))];
        Tokens = [.. json.GetProperty("tokens").EnumerateArray().SelectMany(batch => batch.EnumerateArray())
            .Select(sequence => sequence.EnumerateArray().Select(id => id.GetInt32()).ToArray())];
        Options = ReadOptions(json);
    }

    public string Directory { get; }

    public IReadOnlyList<Step> Steps { get; }

    /// <summary>The sequences in the order they are learned.</summary>
    public IReadOnlyList<int[]> Tokens { get; }

    public TrainingOptions Options { get; }

    public static Trajectory Load(string name)
    {
        string directory = Path.Combine(Fixtures.Root("train"), name);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(directory, "trajectory.json")));
        return new Trajectory(directory, json.RootElement);
    }

    /// <summary>The tensors of a safetensors file.</summary>
    public static Dictionary<string, float[]> ReadTensors(string path)
    {
        byte[] content = File.ReadAllBytes(path);
        int header = (int)BitConverter.ToUInt64(content);
        using JsonDocument json = JsonDocument.Parse(content.AsMemory(8, header));
        Dictionary<string, float[]> tensors = [];
        foreach (JsonProperty tensor in json.RootElement.EnumerateObject().Where(property => property.Name != "__metadata__"))
        {
            Assert.Equal("F32", tensor.Value.GetProperty("dtype").GetString());
            JsonElement offsets = tensor.Value.GetProperty("data_offsets");
            (int start, int end) = (offsets[0].GetInt32(), offsets[1].GetInt32());
            tensors[tensor.Name] = MemoryMarshal.Cast<byte, float>(content.AsSpan(8 + header + start, end - start)).ToArray();
        }

        return tensors;
    }

    private static TrainingOptions ReadOptions(JsonElement json)
    {
        JsonElement schedule = json.GetProperty("schedule");
        JsonElement clip = json.GetProperty("clip_grad_norm");
        double rate = json.GetProperty("lr").GetDouble();
        return new TrainingOptions
        {
            Steps = json.GetProperty("steps").GetInt32(),
            BatchSequences = json.GetProperty("batch").GetInt32() * json.GetProperty("grad_accum").GetInt32(),
            Schedule = schedule.ValueKind == JsonValueKind.Null
                ? new LearningRateSchedule(ScheduleKind.Constant, rate, 0)
                : new LearningRateSchedule(ScheduleKind.Cosine, rate, schedule.GetProperty("warmup_steps").GetInt32())
                {
                    Floor = schedule.GetProperty("min_lr").GetDouble(),
                },
            Beta1 = json.GetProperty("betas")[0].GetDouble(),
            Beta2 = json.GetProperty("betas")[1].GetDouble(),
            Epsilon = json.GetProperty("eps").GetDouble(),
            WeightDecay = json.GetProperty("weight_decay").GetDouble(),
            ClipNorm = clip.ValueKind == JsonValueKind.Null ? 0 : clip.GetDouble(),
        };
    }

    internal sealed record Step(double Loss, double LearningRate, double GradientNorm);
}

/// <summary>Sequences in memory that a training meets in exactly the order given: the first epoch's shuffle is undone.</summary>
internal sealed class OrderedTokens : ITokenSource
{
    private readonly int[][] _sequences;

    public OrderedTokens(IReadOnlyList<int[]> inOrder, ulong seed)
    {
        Context = inOrder[0].Length - 1;
        _sequences = new int[inOrder.Count][];
        SequenceOrder order = new(inOrder.Count, seed);
        for (int position = 0; position < inOrder.Count; position++) _sequences[order.At(position)] = inOrder[position];
    }

    public int Context { get; }

    public long Sequences => _sequences.Length;

    public string Identity => $"{_sequences.Length} sequences in memory";

    public void Read(long sequence, Span<int> ids) => _sequences[sequence].CopyTo(ids);
}
