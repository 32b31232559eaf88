namespace Winnow.Data.Parquet;

/// <summary>Bytes are not what the format allows; whoever knows the file and column says where.</summary>
internal sealed class DamageException(string what) : Exception(what);
