using System.Text.Json;
using Winnow.Models.Checkpoints;

namespace Winnow.Models.Families;

/// <summary>
/// A family of checkpoints: how its <c>config.json</c> says what <see cref="DecoderConfig"/> says, and what its tensors are called.
/// Every class derived from this one is found by itself: adding a family adds a file and nothing else.
/// </summary>
internal abstract class Family
{
    /// <summary>The <c>model_type</c> in <c>config.json</c>.</summary>
    public abstract string ModelType { get; }

    /// <summary>Every family, by model type.</summary>
    public static IReadOnlyDictionary<string, Family> All { get; } = typeof(Family).Assembly.GetTypes()
        .Where(type => type.IsSubclassOf(typeof(Family)) && !type.IsAbstract)
        .Select(type => (Family)Activator.CreateInstance(type)!)
        .ToDictionary(family => family.ModelType);

    /// <summary>The family of a configuration.</summary>
    public static Family Of(ConfigFile config)
    {
        string type = config.Text("model_type")
            ?? throw new ModelException(config.Path, "no property `model_type`", "is this the config.json of a transformers model?");
        if (All.TryGetValue(type, out var family)) return family;
        string supported = string.Join(", ", All.Keys.Order(StringComparer.Ordinal));
        throw new ModelException(config.Path, $"`model_type` is `{type}`, which is not supported; expected one of {supported}",
            config.Has("text_config") ? "this is a model of several modalities; Winnow reads text models" : "use a checkpoint of a supported family as the reference");
    }

    /// <summary>Reads the configuration.</summary>
    public abstract DecoderConfig Read(ConfigFile config);

    /// <summary>What the tensors of such a model are called.</summary>
    public abstract TensorNames Names(DecoderConfig config);

    /// <summary>True for a family that Winnow trains and writes.</summary>
    public virtual bool IsTrainable => false;

    /// <summary>Writes the properties that <see cref="Read"/> reads, where the family is trainable.</summary>
    public virtual void Write(DecoderConfig config, Utf8JsonWriter json) =>
        throw new ModelException(config.Family, "models of this family are not written; expected gpt2 or llama");
}
