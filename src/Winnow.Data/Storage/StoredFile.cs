using Winnow.Data.Compression;

namespace Winnow.Data.Storage;

/// <summary>A file, or an object by its address.</summary>
public static class StoredFile
{
    /// <summary>Opens it for reading from start to end; seekable.</summary>
    /// <exception cref="CorpusException">It is missing or cannot be read.</exception>
    public static Stream OpenRead(string path) => ObjectAddress.Is(path)
        ? new ObjectReader(ObjectStore.Default, ObjectStore.Default.Require(ObjectAddress.Parse(path)))
        : CompressedStream.OpenFile(path);

    /// <summary>The files below a prefix or matching a glob in a store, each with its name below what was named.</summary>
    internal static IEnumerable<(string Path, string Name, bool IsExplicit)> Find(string input)
    {
        ObjectAddress address = ObjectAddress.Parse(input);
        if (Corpus.Glob.IsPattern(address.Key))
        {
            string root = address.Key[..(address.Key[..address.Key.IndexOfAny(['*', '?'])].LastIndexOf('/') + 1)];
            Corpus.Glob glob = new(input);
            return Some(input, Below(address with { Key = root }).Where(file => glob.IsMatch(file.Path)), isExplicit: true);
        }
        if (address.Key.Length > 0 && !address.Key.EndsWith('/'))
        {
            if (ObjectStore.Default.Find(address) is not null) return [(input, Path.GetFileName(address.Key), true)];
            address = address with { Key = address.Key + "/" };
        }
        return Some(input, Below(address), isExplicit: false);
    }

    private static List<(string, string, bool)> Some(string input, IEnumerable<(string Path, string Name)> files, bool isExplicit)
    {
        List<(string, string, bool)> found = [.. files.Select(file => (file.Path, file.Name, isExplicit))];
        return found.Count > 0 ? found : throw new CorpusException(input, isExplicit ? "no object matches" : "no such object, and none below it", "quote globs; `s3://bucket/prefix` names all objects below it");
    }

    /// <summary>Objects below a prefix, hidden ones left out.</summary>
    private static IEnumerable<(string Path, string Name)> Below(ObjectAddress prefix) =>
        from found in ObjectStore.Default.List(prefix)
        let name = found.Address.Key[prefix.Key.Length..]
        where name.Length > 0 && !name.EndsWith('/') && !name.Split('/').Any(part => part.Length > 0 && part[0] is '.' or '_')
        select (found.Address.ToString(), name);
}
