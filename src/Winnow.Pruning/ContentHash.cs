using System.Security.Cryptography;
using System.Text;
using Winnow.Data.Storage;

namespace Winnow.Pruning;

/// <summary>SHA-256 of files, lower-case hexadecimal: what a run is recognised by.</summary>
internal static class ContentHash
{
    /// <summary>Of a file's bytes; of an object its ETag, which changes with them, so that it need not be read twice.</summary>
    public static async Task<string> OfFileAsync(string path, CancellationToken cancel)
    {
        if (ObjectAddress.Is(path)) return "etag:" + ObjectStore.Default.Require(ObjectAddress.Parse(path)).Tag.Trim('"');
        FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.Asynchronous | FileOptions.SequentialScan);
        await using (stream.ConfigureAwait(false))
        {
            return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancel).ConfigureAwait(false));
        }
    }

    /// <summary>Of several files: the hash of their names and hashes.</summary>
    public static async Task<string> OfFilesAsync(IEnumerable<string> paths, CancellationToken cancel)
    {
        StringBuilder list = new();
        foreach (string path in paths)
        {
            list.Append(Path.GetFileName(path)).Append('\n').Append(await OfFileAsync(path, cancel).ConfigureAwait(false)).Append('\n');
        }

        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(list.ToString())));
    }
}
