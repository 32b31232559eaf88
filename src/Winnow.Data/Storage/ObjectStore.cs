using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace Winnow.Data.Storage;

/// <summary>
/// An S3 store, in the few words that Winnow needs. Endpoint, region and credentials are what the environment and the profile say; the
/// client repeats requests that fail in passing, with back-off. This class alone knows the client.
/// </summary>
public sealed class ObjectStore
{
    private static readonly Lazy<ObjectStore> s_default = new(() => new ObjectStore(
        Environment.GetEnvironmentVariable("AWS_ENDPOINT_URL_S3") ?? Environment.GetEnvironmentVariable("AWS_ENDPOINT_URL"), null));

    private readonly Lazy<AmazonS3Client> _client;
    private readonly string _place;

    internal ObjectStore(string? endpoint, AWSCredentials? credentials)
    {
        _place = endpoint is null ? "S3" : Uri.TryCreate(endpoint, UriKind.Absolute, out Uri? uri) ? uri.GetLeftPart(UriPartial.Authority).Replace(uri.UserInfo + "@", "", StringComparison.Ordinal) : "the endpoint";
        _client = new Lazy<AmazonS3Client>(() =>
        {
            AmazonS3Config config = new()
            {
                RetryMode = RequestRetryMode.Standard,
                // Checksums beyond those of the signature are what servers other than Amazon's stumble over.
                RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
                ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
            };
            if (endpoint is not null) (config.ServiceURL, config.ForcePathStyle) = (endpoint, true);
            if ((Environment.GetEnvironmentVariable("AWS_REGION") ?? Environment.GetEnvironmentVariable("AWS_DEFAULT_REGION")) is { } region)
            {
                if (endpoint is null) config.RegionEndpoint = Amazon.RegionEndpoint.GetBySystemName(region);
                else config.AuthenticationRegion = region;
            }
            return credentials is null ? new AmazonS3Client(config) : new AmazonS3Client(credentials, config);
        });
    }

    /// <summary>The store that the environment names.</summary>
    public static ObjectStore Default => s_default.Value;

    /// <summary>Bytes of the first parts of an upload; an object has at most 10,000, so later ones are larger.</summary>
    internal int PartBytes { get; set; } = 16 << 20;

    /// <summary>The wait before a broken connection is opened again; twice as long every time.</summary>
    internal TimeSpan FirstWait { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>An object; null when there is none.</summary>
    public StoredObject? Find(ObjectAddress address) => Run(address, async (client, cancel) =>
    {
        try
        {
            GetObjectMetadataResponse found = await client.GetObjectMetadataAsync(new GetObjectMetadataRequest { BucketName = address.Bucket, Key = address.Key }, cancel).ConfigureAwait(false);
            return new StoredObject(address, found.ContentLength, found.ETag);
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound && e.ErrorCode != "NoSuchBucket")
        {
            return null;
        }
    });

    /// <summary>An object that must be there.</summary>
    public StoredObject Require(ObjectAddress address) =>
        Find(address) ?? throw new CorpusException(address.ToString(), "no such object", "list the bucket, or name a prefix or a glob");

    /// <summary>The objects whose keys start with a prefix, by ordinal key.</summary>
    public IReadOnlyList<StoredObject> List(ObjectAddress prefix) => Run(prefix, async (client, cancel) =>
    {
        List<StoredObject> found = [];
        ListObjectsV2Request request = new() { BucketName = prefix.Bucket, Prefix = prefix.Key };
        while (true)
        {
            ListObjectsV2Response page = await client.ListObjectsV2Async(request, cancel).ConfigureAwait(false);
            foreach (S3Object one in page.S3Objects ?? []) found.Add(new StoredObject(prefix with { Key = one.Key }, one.Size ?? 0, one.ETag));
            if (page.IsTruncated != true) break;
            request.ContinuationToken = page.NextContinuationToken;
        }
        found.Sort((a, b) => string.CompareOrdinal(a.Address.Key, b.Address.Key));
        return found;
    });

    /// <summary>A whole small object; null when there is none.</summary>
    public byte[]? Read(ObjectAddress address)
    {
        if (Find(address) is not { } found) return null;
        byte[] bytes = new byte[found.Bytes];
        using ObjectReader reader = new(this, found);
        reader.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Writes a small object at once.</summary>
    /// <param name="address">Where.</param>
    /// <param name="content">What.</param>
    /// <param name="onlyNew">Fails when there is one already.</param>
    public void Write(ObjectAddress address, byte[] content, bool onlyNew) => Run(address, async (client, cancel) =>
    {
        PutObjectRequest request = new() { BucketName = address.Bucket, Key = address.Key, InputStream = new MemoryStream(content), UseChunkEncoding = false };
        if (onlyNew) request.IfNoneMatch = "*";
        return await client.PutObjectAsync(request, cancel).ConfigureAwait(false);
    });

    /// <summary>Removes an object, if there is one.</summary>
    public void Delete(ObjectAddress address) => Run(address, (client, cancel) => client.DeleteObjectAsync(address.Bucket, address.Key, cancel));

    /// <summary>The bytes of an object as it was found; a broken connection shows as an error in passing.</summary>
    internal Stream Open(StoredObject found, long from, long end) => Run(found.Address, async (client, cancel) =>
    {
        GetObjectRequest request = new() { BucketName = found.Address.Bucket, Key = found.Address.Key, EtagToMatch = found.Tag, ByteRange = new ByteRange(from, end - 1) };
        GetObjectResponse response = await client.GetObjectAsync(request, cancel).ConfigureAwait(false);
        return response.ResponseStream;
    });

    /// <summary>The unfinished upload of an object that was begun last; null when there is none.</summary>
    internal string? FindUpload(ObjectAddress address) => Run(address, async (client, cancel) =>
    {
        MultipartUpload? last = null;
        ListMultipartUploadsRequest request = new() { BucketName = address.Bucket, Prefix = address.Key };
        while (true)
        {
            ListMultipartUploadsResponse page = await client.ListMultipartUploadsAsync(request, cancel).ConfigureAwait(false);
            foreach (MultipartUpload one in page.MultipartUploads ?? [])
                if (one.Key == address.Key && (last is null || one.Initiated >= last.Initiated)) last = one;
            if (page.IsTruncated != true) return last?.UploadId;
            (request.KeyMarker, request.UploadIdMarker) = (page.NextKeyMarker, page.NextUploadIdMarker);
        }
    });

    /// <summary>The parts of an upload that are there already: number to ETag and size.</summary>
    internal Dictionary<int, (string Tag, long Bytes)> Parts(ObjectAddress address, string upload) => Run(address, async (client, cancel) =>
    {
        Dictionary<int, (string, long)> parts = [];
        ListPartsRequest request = new() { BucketName = address.Bucket, Key = address.Key, UploadId = upload };
        while (true)
        {
            ListPartsResponse page = await client.ListPartsAsync(request, cancel).ConfigureAwait(false);
            foreach (PartDetail part in page.Parts ?? []) parts[part.PartNumber ?? 0] = (part.ETag, part.Size ?? 0);
            if (page.IsTruncated != true) return parts;
            request.PartNumberMarker = page.NextPartNumberMarker?.ToString(System.Globalization.CultureInfo.InvariantCulture);
        }
    });

    internal string BeginUpload(ObjectAddress address) => Run(address, async (client, cancel) =>
        (await client.InitiateMultipartUploadAsync(new InitiateMultipartUploadRequest { BucketName = address.Bucket, Key = address.Key }, cancel).ConfigureAwait(false)).UploadId);

    internal Task<string> UploadPartAsync(ObjectAddress address, string upload, int number, ArraySegment<byte> content) => RunAsync(address, async (client, cancel) =>
    {
        UploadPartRequest request = new()
        {
            BucketName = address.Bucket,
            Key = address.Key,
            UploadId = upload,
            PartNumber = number,
            PartSize = content.Count,
            UseChunkEncoding = false,
            InputStream = new MemoryStream(content.Array!, content.Offset, content.Count, writable: false),
        };
        return (await client.UploadPartAsync(request, cancel).ConfigureAwait(false)).ETag;
    });

    internal void CompleteUpload(ObjectAddress address, string upload, IEnumerable<string> tags) => Run(address, (client, cancel) =>
        client.CompleteMultipartUploadAsync(new CompleteMultipartUploadRequest
        {
            BucketName = address.Bucket,
            Key = address.Key,
            UploadId = upload,
            PartETags = [.. tags.Select((tag, index) => new PartETag(index + 1, tag))],
        }, cancel));

    /// <summary>Whether the same request may succeed a little later.</summary>
    internal static bool IsPassing(Exception e) => e switch
    {
        CorpusException { InnerException: { } cause } => IsPassing(cause),
        AmazonServiceException { StatusCode: var status } => (int)status >= 500 || status is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout || ((int)status == 0 && e.InnerException is { } cause && IsPassing(cause)),
        AmazonClientException { InnerException: { } cause } => IsPassing(cause),
        IOException or HttpRequestException or TimeoutException or System.Net.Sockets.SocketException or TaskCanceledException => true,
        _ => false,
    };

    private T Run<T>(ObjectAddress address, Func<AmazonS3Client, CancellationToken, Task<T>> call) => RunAsync(address, call).GetAwaiter().GetResult();

    // What the service answers may quote the request, and with it the key's id: only its code and the status are told.
    private async Task<T> RunAsync<T>(ObjectAddress address, Func<AmazonS3Client, CancellationToken, Task<T>> call)
    {
        try
        {
            return await call(_client.Value, CancellationToken.None).ConfigureAwait(false);
        }
        catch (AmazonS3Exception e) when (e.StatusCode != 0)
        {
            (string found, string? hint) = Explain(e, address);
            throw new CorpusException(address.ToString(), found, hint, e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or TimeoutException or TaskCanceledException || (e is AmazonClientException or AmazonServiceException && e.InnerException is not null && IsPassing(e.InnerException)))
        {
            throw new CorpusException(address.ToString(), $"cannot reach {_place}", "check `AWS_ENDPOINT_URL`, the region and the network", e);
        }
        catch (AmazonClientException e)
        {
            throw new CorpusException(address.ToString(), "there are no credentials", "set `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or `AWS_PROFILE`", e);
        }
    }

    private static (string Found, string? Hint) Explain(AmazonS3Exception e, ObjectAddress address) => (e.ErrorCode, e.StatusCode) switch
    {
        ("NoSuchBucket", _) => ($"no such bucket `{address.Bucket}`", "check its name and `AWS_ENDPOINT_URL`"),
        ("InvalidAccessKeyId" or "SignatureDoesNotMatch" or "ExpiredToken" or "InvalidToken", _) => ($"the credentials are refused ({e.ErrorCode})", "check `AWS_PROFILE`, or the keys in the environment"),
        (_, HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized) => ("access denied", "these credentials may not do this here: check `AWS_PROFILE` and the bucket's policy"),
        (_, HttpStatusCode.PreconditionFailed) => ("the object changed, or was written by another", "read or write it again when nothing else writes to it"),
        (_, HttpStatusCode.NotFound) => ("no such object", null),
        (_, HttpStatusCode.MovedPermanently or HttpStatusCode.TemporaryRedirect) => ("the bucket is in another region", "set `AWS_REGION`"),
        var (code, status) => ($"the store answers {(int)status} {code}", (int)status >= 500 ? "try again later: what is there already is not sent again" : null),
    };
}
