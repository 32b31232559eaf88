using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Web;

namespace Winnow.Tests.Data.Storage;

/// <summary>An S3 server in this process, as far as Winnow speaks with one, whose answers can be made to fail.</summary>
internal sealed class FakeStore : IDisposable
{
    private static readonly Lazy<FakeStore> s_shared = new(MakeShared);

    private readonly HttpListener _listener = new();
    private readonly ConcurrentDictionary<string, byte[]> _objects = [];
    private readonly ConcurrentDictionary<string, (string Path, SortedDictionary<int, byte[]> Parts)> _uploads = [];
    private int _uploadCount;

    internal FakeStore()
    {
        using (TcpListener free = new(IPAddress.Loopback, 0))
        {
            free.Start();
            Endpoint = $"http://127.0.0.1:{((IPEndPoint)free.LocalEndpoint).Port}/";
        }
        _listener.Prefixes.Add(Endpoint);
        _listener.Start();
        _ = Task.Run(ListenAsync);
    }

    /// <summary>What <see cref="Winnow.Data.Storage.ObjectStore.Default"/> speaks with in tests.</summary>
    internal static FakeStore Shared => s_shared.Value;

    internal string Endpoint { get; }

    /// <summary>Asked about each request, by "METHOD /bucket/key?query"; a status to answer with, or the bytes after which the connection breaks.</summary>
    internal Func<string, (int? Status, int? BreakAfter)> Fault { get; set; } = _ => default;

    /// <summary>The requests so far: method, path with query, and the range.</summary>
    internal ConcurrentQueue<string> Log { get; } = [];

    /// <summary>An object by <c>/bucket/key</c>.</summary>
    internal byte[]? this[string path]
    {
        get => _objects.GetValueOrDefault(path);
        set => _objects[path] = value!;
    }

    public void Dispose() => _listener.Close();

    private static FakeStore MakeShared()
    {
        FakeStore store = new();
        Environment.SetEnvironmentVariable("AWS_ENDPOINT_URL_S3", store.Endpoint);
        Environment.SetEnvironmentVariable("AWS_ACCESS_KEY_ID", "test");
        Environment.SetEnvironmentVariable("AWS_SECRET_ACCESS_KEY", "test");
        Environment.SetEnvironmentVariable("AWS_REGION", "us-east-1");
        return store;
    }

    private async Task ListenAsync()
    {
        while (true)
        {
            HttpListenerContext context = await _listener.GetContextAsync();
            _ = Task.Run(() => Serve(context));
        }
    }

    private void Serve(HttpListenerContext context)
    {
        HttpListenerResponse answer = context.Response;
        try
        {
            using MemoryStream body = new();
            context.Request.InputStream.CopyTo(body);
            string path = context.Request.Url!.AbsolutePath, what = $"{context.Request.HttpMethod} {path}{context.Request.Url.Query}";
            Log.Enqueue(what + " " + context.Request.Headers["Range"]);
            (int? status, int? breakAfter) = Fault(what);
            if (status is { } refused) Refuse(answer, refused);
            else Answer(context, Uri.UnescapeDataString(path), body.ToArray(), breakAfter);
            answer.Close();
        }
        catch (Exception e) when (e is HttpListenerException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            answer.Abort();
        }
    }

    private void Answer(HttpListenerContext context, string path, byte[] body, int? breakAfter)
    {
        HttpListenerResponse answer = context.Response;
        var query = HttpUtility.ParseQueryString(context.Request.Url!.Query.Replace("?uploads", "?uploads=1", StringComparison.Ordinal));
        string bucket = path.Split('/')[1];
        switch (context.Request.HttpMethod)
        {
            case "GET" when query["list-type"] != null: Xml(answer, "ListBucketResult", List(bucket, query["prefix"] ?? "")); break;
            case "GET" when query["uploads"] != null: Xml(answer, "ListMultipartUploadsResult", Uploads(bucket, query["prefix"] ?? "")); break;
            case "GET" when query["uploadId"] is { } id: Xml(answer, "ListPartsResult", string.Concat(_uploads[id].Parts.Select(part => $"<Part><PartNumber>{part.Key}</PartNumber><ETag>{Tag(part.Value)}</ETag><Size>{part.Value.Length}</Size></Part>"))); break;
            case "POST" when query["uploads"] != null:
                string made = $"u{Interlocked.Increment(ref _uploadCount)}";
                _uploads[made] = (path, []);
                Xml(answer, "InitiateMultipartUploadResult", $"<UploadId>{made}</UploadId>");
                break;
            case "POST" when query["uploadId"] is { } id:
                _objects[path] = [.. _uploads[id].Parts.Values.SelectMany(part => part)];
                _uploads.TryRemove(id, out _);
                Xml(answer, "CompleteMultipartUploadResult", $"<ETag>{Tag(_objects[path])}</ETag>");
                break;
            case "PUT" when query["uploadId"] is { } id:
                _uploads[id].Parts[int.Parse(query["partNumber"]!, CultureInfo.InvariantCulture)] = body;
                answer.AddHeader("ETag", Tag(body));
                break;
            case "PUT" when context.Request.Headers["If-None-Match"] == "*" && _objects.ContainsKey(path): Refuse(answer, 412); break;
            case "PUT":
                _objects[path] = body;
                answer.AddHeader("ETag", Tag(body));
                break;
            case "DELETE":
                _objects.TryRemove(path, out _);
                answer.StatusCode = 204;
                break;
            case "GET" or "HEAD": Give(context, path, breakAfter); break;
        }
    }

    private void Give(HttpListenerContext context, string path, int? breakAfter)
    {
        HttpListenerResponse answer = context.Response;
        if (!_objects.TryGetValue(path, out byte[]? content))
        {
            Refuse(answer, 404);
            return;
        }
        if (context.Request.Headers["If-Match"] is { } wanted && wanted != Tag(content))
        {
            Refuse(answer, 412);
            return;
        }
        answer.AddHeader("ETag", Tag(content));
        ReadOnlySpan<byte> part = content;
        if (context.Request.Headers["Range"] is { } range)
        {
            long[] ends = [.. range["bytes=".Length..].Split('-').Select(end => long.Parse(end, CultureInfo.InvariantCulture))];
            part = content.AsSpan((int)ends[0], (int)(Math.Min(ends[1], content.Length - 1) - ends[0] + 1));
            answer.StatusCode = 206;
        }
        answer.ContentLength64 = part.Length;
        if (context.Request.HttpMethod == "HEAD") return;
        answer.OutputStream.Write(breakAfter is { } count ? part[..Math.Min(count, part.Length)] : part);
        if (breakAfter < part.Length)
        {
            answer.OutputStream.Flush();
            answer.Abort();
        }
    }

    private string List(string bucket, string prefix) => string.Concat(_objects.Where(one => one.Key.StartsWith($"/{bucket}/{prefix}", StringComparison.Ordinal)).Select(one =>
        $"<Contents><Key>{WebUtility.HtmlEncode(one.Key[(bucket.Length + 2)..])}</Key><Size>{one.Value.Length}</Size><ETag>{Tag(one.Value)}</ETag></Contents>"));

    private string Uploads(string bucket, string prefix) => string.Concat(_uploads.Where(one => one.Value.Path.StartsWith($"/{bucket}/{prefix}", StringComparison.Ordinal)).Select(one =>
        $"<Upload><Key>{WebUtility.HtmlEncode(one.Value.Path[(bucket.Length + 2)..])}</Key><UploadId>{one.Key}</UploadId></Upload>"));

    private static void Refuse(HttpListenerResponse answer, int status)
    {
        answer.StatusCode = status;
        string code = status switch { 403 => "AccessDenied", 404 => "NoSuchKey", 412 => "PreconditionFailed", 503 => "SlowDown", _ => "InternalError" };
        Xml(answer, "Error", $"<Code>{code}</Code><Message>the key id is AKIAEXAMPLE</Message>", "");
    }

    private static void Xml(HttpListenerResponse answer, string root, string inside, string space = " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"")
    {
        byte[] xml = Encoding.UTF8.GetBytes($"<?xml version=\"1.0\"?><{root}{space}>{inside}</{root}>");
        answer.ContentType = "application/xml";
        answer.ContentLength64 = xml.Length;
        answer.OutputStream.Write(xml);
    }

#pragma warning disable CA5351
    private static string Tag(byte[] content) => $"\"{Convert.ToHexStringLower(MD5.HashData(content))}\"";
#pragma warning restore CA5351
}
