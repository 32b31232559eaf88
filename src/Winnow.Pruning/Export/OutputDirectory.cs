using System.Text;
using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Storage;

namespace Winnow.Pruning.Export;

/// <summary>What an export fills: a directory, or a prefix of objects. Its files have their names when they are whole, and last comes the list of them.</summary>
internal abstract class OutputDirectory : IDisposable
{
    /// <summary>The file of hashes.</summary>
    public const string SumsName = "SHA256SUMS";

    /// <summary>The list of the files; it is written last.</summary>
    protected const string MarkerName = ".winnow-export.json";

    /// <summary>What was begun, of an export that is not whole.</summary>
    protected const string BegunName = ".winnow-export.begun";

    /// <summary>How the lists are written.</summary>
    protected static JsonSerializerOptions Json { get; } = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Makes it ready; of an earlier export, <paramref name="force"/> removes the files.</summary>
    /// <param name="path">A directory, or <c>s3://bucket/prefix</c>.</param>
    /// <param name="force">Whether it may hold something.</param>
    /// <param name="corpus">Its files may not be written over.</param>
    /// <param name="identity">What is exported: a prefix goes on with the same export where it was broken off.</param>
    /// <exception cref="CorpusException">It is not empty.</exception>
    public static OutputDirectory Prepare(string path, bool force, CorpusReader corpus, string identity) => ObjectAddress.Is(path)
        ? new ObjectDirectory(ObjectAddress.Parse(path), force, corpus, identity)
        : DiskDirectory.Prepare(path, force, corpus);

    /// <summary>A directory on the disk, not made yet, for what is only needed on the way.</summary>
    public abstract string Scratch { get; }

    /// <summary>Begins a file.</summary>
    /// <param name="name">Its name below the directory.</param>
    /// <param name="seeks">Whether the writer goes back in it: then its stream is a <see cref="FileStream"/>.</param>
    /// <exception cref="CorpusException">An input lies there.</exception>
    public abstract OutputFile Begin(string name, bool seeks = false);

    /// <summary>Removes a finished file of an export that failed, where nothing goes on with it.</summary>
    public abstract void Discard(string name);

    /// <summary>Writes the list of files, and before it their hashes where they are wanted: the export is whole.</summary>
    public void Complete(IReadOnlyList<ExportedFile> files, bool sums)
    {
        if (sums) Write(SumsName, Encoding.UTF8.GetBytes(string.Concat(files.Select(SumLine))));
        RemoveUnfinished();
        Write(MarkerName, JsonSerializer.SerializeToUtf8Bytes(files, Json));
        Forget();
    }

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Writes a small file at once.</summary>
    protected abstract void Write(string name, byte[] content);

    /// <summary>Removes what attempts that failed left behind under names that are not final.</summary>
    protected virtual void RemoveUnfinished()
    {
    }

    /// <summary>Removes the note of what was begun.</summary>
    protected abstract void Forget();

    /// <summary>A line as <c>sha256sum</c> writes it: names with a line end or a backslash are escaped, which a first backslash says.</summary>
    private static string SumLine(ExportedFile file)
    {
        string name = file.Name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal);
        return $"{(name == file.Name ? "" : "\\")}{file.Sha256}  {name}\n";
    }
}

/// <summary>A file of an export that is being written.</summary>
internal abstract class OutputFile : IDisposable
{
    /// <summary>Where its bytes go.</summary>
    public abstract Stream Stream { get; }

    /// <summary>Makes it durable and gives it its name.</summary>
    public abstract void Finish(ExportedFile file);

    /// <inheritdoc/>
    public abstract void Dispose();
}
