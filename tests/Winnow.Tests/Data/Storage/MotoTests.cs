using System.Diagnostics;
using Amazon.Runtime;
using Winnow.Data;
using Winnow.Data.Storage;
using Xunit;

namespace Winnow.Tests.Data.Storage;

/// <summary>The store as others wrote it: moto's server, where python3 has it.</summary>
public class MotoTests
{
    private const int Megabyte = 1 << 20;

    [Fact]
    public async Task Moto_reads_writes_and_goes_on_as_the_fake_store_does()
    {
        using Process? server = Start(out string endpoint);
        Assert.SkipWhen(server is null, "python3 has no moto (`pip install moto[server]`)");
        try
        {
            using HttpClient http = new();
            (await http.PutAsync(endpoint + "/bucket", new ByteArrayContent([]))).EnsureSuccessStatusCode();
            ObjectStore store = new(endpoint, new BasicAWSCredentials("a", "b")) { PartBytes = 5 * Megabyte };
            ObjectAddress address = ObjectAddress.Parse("s3://bucket/out/模 1.bin");
            byte[] content = new byte[12 * Megabyte];
            new Random(1).NextBytes(content);
            using (ObjectUploadStream broken = new(store, address)) broken.Write(content.AsSpan(0, 7 * Megabyte));
            string upload = store.FindUpload(address)!;
            Assert.Equal([1], store.Parts(address, upload).Keys);
            using (ObjectUploadStream whole = new(store, address))
            {
                whole.Write(content);
                Assert.Equal(content.Length, whole.Complete().Bytes);
            }
            Assert.Null(store.FindUpload(address));
            Assert.Equal(content, store.Read(address));
            Assert.Equal([address], store.List(ObjectAddress.Parse("s3://bucket/out/")).Select(found => found.Address));
            ObjectAddress marker = address.Below("marker");
            store.Write(marker, [1], onlyNew: true);
            Assert.Contains("was written by another", Assert.Throws<CorpusException>(() => store.Write(marker, [2], onlyNew: true)).Message, StringComparison.Ordinal);
            store.Delete(marker);
            Assert.Null(store.Find(marker));
            Assert.Equal("s3://none/: no such bucket `none`", Assert.Throws<CorpusException>(() => store.List(ObjectAddress.Parse("s3://none"))).Message);
        }
        finally
        {
            server!.Kill(entireProcessTree: true);
        }
    }

    private static Process? Start(out string endpoint)
    {
        endpoint = "";
        try
        {
            Process server = Process.Start(new ProcessStartInfo("python3", ["-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            while (server.StandardError.ReadLine() is { } line)
            {
                if (line.IndexOf("http://127.0.0.1:", StringComparison.Ordinal) is not (>= 0 and var at)) continue;
                endpoint = line[at..].Trim();
                _ = server.StandardError.ReadToEndAsync();
                return server;
            }
            server.Dispose();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // There is no python3.
        }
        return null;
    }
}
