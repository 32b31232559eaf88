using Winnow.Kernels;

namespace Winnow.Models.Checkpoints;

/// <summary>A Hugging Face model directory, opened and checked: what the model is, before (or without) loading its weights.</summary>
public sealed class ModelDirectory : IDisposable
{
    private ModelDirectory() => throw new NotImplementedException();

    /// <summary>The directory.</summary>
    public string Path => throw new NotImplementedException();

    /// <summary>The model's shape.</summary>
    public DecoderConfig Config => throw new NotImplementedException();

    /// <summary>How most weights are stored.</summary>
    public ElementType Stored => throw new NotImplementedException();

    /// <summary>The weight files, in order of their names.</summary>
    public IReadOnlyList<string> Files => throw new NotImplementedException();

    /// <summary>Reads <c>config.json</c> and the headers of the weight files, and checks that every tensor is there and has its shape.</summary>
    public static ModelDirectory Open(string directory) => throw new NotImplementedException();

    /// <summary>Loads the weights.</summary>
    public Decoder Load(IBackend backend, int? vocabularySize = null) => throw new NotImplementedException();

    /// <inheritdoc/>
    public void Dispose() => throw new NotImplementedException();
}
