namespace Winnow.Data.Storage;

/// <summary>An object in a bucket, or all objects below a prefix: <c>s3://bucket/key</c>.</summary>
/// <param name="Bucket">The bucket.</param>
/// <param name="Key">The key, or the prefix; empty for the whole bucket.</param>
public readonly record struct ObjectAddress(string Bucket, string Key)
{
    private const string Scheme = "s3://";

    /// <summary>Whether a path names objects and not files.</summary>
    public static bool Is(string path) => path.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads an address.</summary>
    /// <exception cref="CorpusException">It has no bucket.</exception>
    public static ObjectAddress Parse(string path)
    {
        string[] parts = path[Scheme.Length..].Split('/', 2);
        if (parts[0].Length == 0) throw new CorpusException(path, "names no bucket", "write `s3://bucket/prefix`");
        return new ObjectAddress(parts[0], parts.Length > 1 ? parts[1] : "");
    }

    /// <summary>An object below this prefix.</summary>
    public ObjectAddress Below(string name) => this with { Key = Key.Length == 0 || Key.EndsWith('/') ? Key + name : Key + "/" + name };

    /// <inheritdoc/>
    public override string ToString() => $"{Scheme}{Bucket}/{Key}";
}

/// <summary>An object as it is now.</summary>
/// <param name="Address">Where it is.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Tag">Its ETag, which changes when the content does.</param>
public sealed record StoredObject(ObjectAddress Address, long Bytes, string Tag);
