using System.Buffers.Binary;
using System.Text;

namespace Winnow.Tests.Models.Checkpoints;

/// <summary>Safetensors files made by hand, honest or not.</summary>
internal static class SafeTensorsBytes
{
    /// <summary>A file of a header, as given, and so many zero bytes of data.</summary>
    public static byte[] Of(string header, int dataBytes) => Of(header, new byte[dataBytes]);

    /// <summary>A file of a header, as given, and data.</summary>
    public static byte[] Of(string header, byte[] data) => Of(Encoding.UTF8.GetByteCount(header), header, data);

    /// <summary>A file that claims its header to be <paramref name="headerBytes"/> long.</summary>
    public static byte[] Of(long headerBytes, string header, byte[] data)
    {
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, headerBytes);
        return [.. length, .. Encoding.UTF8.GetBytes(header), .. data];
    }

    /// <summary>A header's entry.</summary>
    public static string Entry(string name, string type, string shape, long begin, long end) =>
        $$"""
        "{{name}}":{"dtype":"{{type}}","shape":{{shape}},"data_offsets":[{{begin}},{{end}}]}
        """;

    /// <summary>Splits a file into its header and its data.</summary>
    public static (string Header, byte[] Data) Split(byte[] file)
    {
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        return (Encoding.UTF8.GetString(file, 8, length), file[(8 + length)..]);
    }
}
