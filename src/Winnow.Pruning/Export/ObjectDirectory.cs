using System.Text.Json;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Storage;

namespace Winnow.Pruning.Export;

/// <summary>
/// A prefix of objects. An export that was broken off is gone on with: its records are read and compressed again, which gives the same
/// bytes, but a file that is whole is only compared, and of a file that is not only the parts that are missing are sent.
/// </summary>
internal sealed class ObjectDirectory : OutputDirectory
{
    private readonly ObjectStore _store = ObjectStore.Default;
    private readonly ObjectAddress _prefix;
    private readonly HashSet<string> _inputs;
    private readonly string _identity;
    private readonly List<StoredExport> _whole = [];
    private readonly bool _goesOn;
    private readonly string _scratch = Path.Combine(Path.GetTempPath(), "winnow-" + Path.GetRandomFileName());

    public ObjectDirectory(ObjectAddress prefix, bool force, CorpusReader corpus, string identity)
    {
        (_prefix, _identity) = (prefix with { Key = prefix.Key.TrimEnd('/') }, identity);
        _inputs = [.. corpus.Shards.Select(shard => shard.Path)];
        // The objects of the prefix itself, not those of a neighbour whose name goes on.
        IReadOnlyList<StoredObject> found = _store.List(_prefix.Key.Length == 0 ? _prefix : _prefix.Below(""));
        Begun? begun = Read<Begun>(BegunName);
        if (begun is not null && begun.Export == identity && !force)
        {
            _goesOn = true;
            _whole.AddRange(begun.Files.Where(file => found.Any(one => one.Address == At(file.File.Name) && one.Tag == file.Tag)));
            return;
        }

        if (found.Count > 0 && !force) throw new CorpusException(_prefix.ToString(), "the output prefix is not empty", "name another prefix, or overwrite with `--force`");
        RemoveEarlier(begun);
        _store.Write(At(BegunName), Note(), onlyNew: true);
    }

    public override string Scratch => _scratch;

    public override OutputFile Begin(string name, bool seeks = false)
    {
        if (_inputs.Contains(At(name).ToString())) throw new CorpusException(At(name).ToString(), "the output would replace an input", "name another prefix");
        ExportedFile? there;
        lock (_whole) there = _whole.Find(file => file.File.Name == name)?.File;
        return seeks ? new CopiedFile(this, At(name), there) : new ObjectFile(this, At(name), there);
    }

    // What is whole, and what was sent, is what the same export goes on with.
    public override void Discard(string name)
    {
    }

    public override void Dispose()
    {
    }

    protected override void Write(string name, byte[] content) => _store.Write(At(name), content, onlyNew: name == MarkerName && !_goesOn);

    protected override void Forget() => _store.Delete(At(BegunName));

    private void RemoveEarlier(Begun? begun)
    {
        IEnumerable<ExportedFile> earlier = Read<ExportedFile[]>(MarkerName) ?? [];
        foreach (ExportedFile file in earlier.Concat(begun?.Files.Select(file => file.File) ?? [])) _store.Delete(At(file.Name));
        foreach (string name in new[] { SumsName, MarkerName, BegunName }) _store.Delete(At(name));
    }

    /// <summary>Takes note of a file that is whole; with <paramref name="upload"/> null, of one that was there.</summary>
    private void Finish(ObjectAddress address, ExportedFile file, ExportedFile? there, ObjectUploadStream? upload)
    {
        if (upload is not null) Add(file, upload.Complete().Tag);
        else if (file != there) throw new CorpusException(address.ToString(), "is not what this export writes there", "overwrite with `--force`");
    }

    private void Add(ExportedFile file, string tag)
    {
        lock (_whole)
        {
            _whole.Add(new StoredExport(file, tag));
            _store.Write(At(BegunName), Note(), onlyNew: false);
        }
    }

    private T? Read<T>(string name) where T : class
    {
        try
        {
            return _store.Read(At(name)) is { } bytes ? JsonSerializer.Deserialize<T>(bytes, Json) : null;
        }
        catch (JsonException)
        {
            throw new CorpusException(At(name).ToString(), "not the list of an earlier export", "remove the objects, or name another prefix");
        }
    }

    private ObjectAddress At(string name) => _prefix.Below(name);

    private byte[] Note() => JsonSerializer.SerializeToUtf8Bytes(new Begun(_identity, _whole), Json);

    private sealed record Begun(string Export, IReadOnlyList<StoredExport> Files);

    private sealed record StoredExport(ExportedFile File, string Tag);

    /// <summary>An object that is uploaded, or is there and only compared.</summary>
    private sealed class ObjectFile(ObjectDirectory directory, ObjectAddress address, ExportedFile? there) : OutputFile
    {
        private readonly ObjectUploadStream? _upload = there is null ? new ObjectUploadStream(directory._store, address) : null;

        public override Stream Stream => _upload ?? Stream.Null;

        public override void Finish(ExportedFile file) => directory.Finish(address, file, there, _upload);

        public override void Dispose() => _upload?.Dispose();
    }

    /// <summary>An object whose bytes do not come in order: a temporary file takes them, and is sent when it is whole.</summary>
    private sealed class CopiedFile(ObjectDirectory directory, ObjectAddress address, ExportedFile? there) : OutputFile
    {
        private readonly FileStream _file = new(
            Path.Combine(Path.GetTempPath(), "winnow-" + Path.GetRandomFileName()), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 18, FileOptions.DeleteOnClose);

        public override Stream Stream => _file;

        public override void Finish(ExportedFile file)
        {
            using ObjectUploadStream? upload = there is null ? new ObjectUploadStream(directory._store, address) : null;
            _file.Position = 0;
            if (upload is not null) _file.CopyTo(upload);
            directory.Finish(address, file, there, upload);
        }

        public override void Dispose() => _file.Dispose();
    }
}
