namespace Winnow.Pruning;

/// <summary>
/// Which text a sequence holds: from byte <paramref name="FirstByte"/> of record <paramref name="FirstRow"/> up to, not
/// including, byte <paramref name="EndByte"/> of record <paramref name="LastRow"/>, and every record between them whole.
/// </summary>
public readonly record struct UnitSpan(long FirstRow, long FirstByte, long LastRow, long EndByte);
