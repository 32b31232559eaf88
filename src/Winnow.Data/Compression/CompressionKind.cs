namespace Winnow.Data.Compression;

/// <summary>How a file is compressed.</summary>
public enum CompressionKind
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>gzip (RFC 1952), any number of members.</summary>
    Gzip,

    /// <summary>Zstandard (RFC 8878), any number of frames.</summary>
    Zstd,
}
