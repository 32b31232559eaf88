using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Winnow.Data.Corpus;

/// <summary>A successful HTTP response as an archive keeps it.</summary>
/// <param name="ContentType">Its header, or null.</param>
/// <param name="Body">Without transfer and content encodings.</param>
internal sealed record HttpMessage(string? ContentType, byte[] Body)
{
    private const int MaxBodyBytes = 64 << 20;

    /// <summary>Reads a response; null when it is no success, or its encoding is not known or is damaged.</summary>
    internal static HttpMessage? Read(ReadOnlySpan<byte> bytes)
    {
        int length = HeaderBlock.LengthOf(bytes);
        if (length < 0) return null;
        HeaderBlock header = HeaderBlock.Parse(bytes[..length]);
        string[] status = header.First.Split(' ', 3);
        if (status.Length < 2 || !status[1].StartsWith('2')) return null;
        byte[] body = bytes[length..].ToArray();
        if (header["Transfer-Encoding"]?.Contains("chunked", StringComparison.OrdinalIgnoreCase) == true) body = Unchunk(body) ?? body;
        byte[]? plain = Decompress(body, header["Content-Encoding"]?.Trim().ToLowerInvariant());
        return plain == null ? null : new HttpMessage(header["Content-Type"], plain);
    }

    /// <summary>Null where there are no chunks: archives often keep the header and drop the chunks.</summary>
    private static byte[]? Unchunk(ReadOnlySpan<byte> body)
    {
        MemoryStream whole = new();
        while (true)
        {
            int line = body.IndexOf("\r\n"u8);
            if (line < 0) return null;
            string size = Encoding.Latin1.GetString(body[..Math.Min(line, 32)]).Split(';')[0].Trim();
            if (!int.TryParse(size, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int count) || count < 0 || count > body.Length - line - 2) return null;
            body = body[(line + 2)..];
            if (count == 0) return whole.ToArray();
            whole.Write(body[..count]);
            body = body[count..];
            if (body.StartsWith("\r\n"u8)) body = body[2..];
        }
    }

    private static byte[]? Decompress(byte[] body, string? encoding)
    {
        if (encoding is null or "" or "identity") return body;
        bool isGzip = body is [0x1F, 0x8B, ..];
        if (encoding is "gzip" or "x-gzip" && !isGzip) return body;        // already undone by who archived it
        try
        {
            using Stream? stream = encoding switch
            {
                "gzip" or "x-gzip" => new GZipStream(new MemoryStream(body), CompressionMode.Decompress),
                "br" => new BrotliStream(new MemoryStream(body), CompressionMode.Decompress),
                "deflate" => new ZLibStream(new MemoryStream(body), CompressionMode.Decompress),
                _ => null,
            };
            if (stream == null) return null;
            byte[] plain = new byte[Math.Min(MaxBodyBytes, Math.Max(4096, body.Length * 8L))];
            int length = 0;
            for (int count; (count = stream.Read(plain.AsSpan(length))) > 0;)
            {
                length += count;
                if (length < plain.Length) continue;
                if (length == MaxBodyBytes) return null;
                Array.Resize(ref plain, (int)Math.Min(MaxBodyBytes, length * 2L));
            }
            return plain[..length];
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }
}
