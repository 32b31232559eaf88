using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Winnow.Data.Parquet;
using Xunit;

namespace Winnow.Tests.Data;

/// <summary>What Winnow writes is Parquet to others too: hyparquet, in Node, reads it.</summary>
public class IndependentReaderTests
{
    private const string Script = """
        import { createRequire } from 'module';
        const require = createRequire(process.argv[2] + '/x.js');
        const { asyncBufferFromFile, parquetReadObjects, parquetMetadataAsync } = await import(require.resolve('hyparquet'));
        const { compressors } = await import(require.resolve('hyparquet-compressors'));
        const file = await asyncBufferFromFile(process.argv[3]);
        const metadata = await parquetMetadataAsync(file);
        const rows = await parquetReadObjects({ file, metadata, compressors });
        const show = (_, v) => typeof v === 'bigint' ? Number(v) : v instanceof Uint8Array ? Buffer.from(v).toString('utf8') : v;
        process.stdout.write(JSON.stringify({ groups: metadata.row_groups.length, metadata: metadata.key_value_metadata ?? [], rows }, show));
        """;

    [Fact]
    public void Another_reader_reads_what_is_written()
    {
        using TemporaryDirectory directory = new();
        string path = directory["table.parquet"];
        ParquetColumn[] columns = [ParquetColumn.Int32("shard"), ParquetColumn.Int64("row"), ParquetColumn.String("text", nullable: true), ParquetColumn.Double("nll", nullable: true), ParquetColumn.Boolean("ok"), ParquetColumn.String("status")];
        using (FileStream stream = File.Create(path))
        using (ParquetWriter writer = new(stream, columns, new ParquetWriterOptions { RowGroupRows = 700, Metadata = new Dictionary<string, string> { ["made by"] = "a test" } }))
        {
            for (int i = 0; i < 2_000; i++)
            {
                writer[0].Add(i / 900);
                writer[1].Add(i * 10_000_000_000L);
                if (i % 7 == 0) writer[2].AddNull();
                else writer[2].Add(Text(i));
                if (i % 11 == 0) writer[3].AddNull();
                else writer[3].Add(i / 7.0);
                writer[4].Add(i % 3 == 0);
                writer[5].Add(i % 50 == 0 ? "empty" : "ok");
                writer.EndRow();
            }
            writer.Finish();
        }
        JsonElement read = Read(directory, path);
        Assert.Equal(3, read.GetProperty("groups").GetInt32());
        Assert.Equal("a test", read.GetProperty("metadata")[0].GetProperty("value").GetString());
        Assert.Equal(2_000, read.GetProperty("rows").GetArrayLength());
        int row = 0;
        foreach (JsonElement values in read.GetProperty("rows").EnumerateArray())
        {
            Assert.Equal(row / 900, values.GetProperty("shard").GetInt32());
            Assert.Equal(row * 10_000_000_000L, values.GetProperty("row").GetInt64());
            Assert.Equal(row % 7 == 0 ? null : Text(row), OrNull(values, "text")?.GetString());
            Assert.Equal(row % 11 == 0 ? null : row / 7.0, OrNull(values, "nll")?.GetDouble());
            Assert.Equal(row % 3 == 0, values.GetProperty("ok").GetBoolean());
            Assert.Equal(row % 50 == 0 ? "empty" : "ok", values.GetProperty("status").GetString());
            row++;
        }
    }

    [Fact]
    public void Another_reader_finds_copied_rows_unchanged()
    {
        using TemporaryDirectory directory = new();
        foreach (string file in Directory.GetFiles(Fixtures.Root("parquet"), "*.parquet"))
        {
            string path = directory[Path.GetFileName(file)];
            using (ParquetReader reader = ParquetReader.Open(file))
            using (FileStream stream = File.Create(path))
                ParquetSubset.Copy(reader, row => row % 2 == 0, stream, new ParquetWriterOptions(), null, CancellationToken.None);
            JsonElement[] before = [.. Read(directory, file).GetProperty("rows").EnumerateArray().Where((_, row) => row % 2 == 0)];
            JsonElement[] after = [.. Read(directory, path).GetProperty("rows").EnumerateArray()];
            Assert.Equal(before.Select(row => row.GetRawText()), after.Select(row => row.GetRawText()));
        }
    }

    private static string Text(int row) => $"text {row} \"模\" " + new string('x', row % 400);

    private static JsonElement? OrNull(JsonElement values, string name) =>
        values.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static JsonElement Read(TemporaryDirectory directory, string path)
    {
        string? modules = Environment.GetEnvironmentVariable("WINNOW_HYPARQUET");
        Assert.SkipWhen(string.IsNullOrEmpty(modules), "set WINNOW_HYPARQUET to a directory where `npm install hyparquet hyparquet-compressors` was run");
        string script = directory["read.mjs"];
        if (!File.Exists(script)) File.WriteAllText(script, Script);
        using Process node = Process.Start(new ProcessStartInfo("node", [script, modules!, path]) { RedirectStandardOutput = true, StandardOutputEncoding = Encoding.UTF8 })!;
        string output = node.StandardOutput.ReadToEnd();
        node.WaitForExit();
        Assert.Equal(0, node.ExitCode);
        return JsonDocument.Parse(output).RootElement;
    }
}
