namespace Winnow.Tests;

/// <summary>The parity fixtures: under <c>tests/fixtures</c>, or under <c>$WINNOW_FIXTURES</c> when that is set.</summary>
internal static class Fixtures
{
    /// <summary>The repository's root.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The directory of one kind of fixtures: <c>models</c>, <c>tokenizers</c>, <c>parquet</c>, <c>train</c> or <c>e2e</c>.</summary>
    public static string Root(string kind)
    {
        string? elsewhere = Environment.GetEnvironmentVariable("WINNOW_FIXTURES");
        return Path.Combine(string.IsNullOrEmpty(elsewhere) ? Path.Combine(Repository, "tests", "fixtures") : elsewhere, kind);
    }

    /// <summary>The names of all fixtures of a kind that hold <paramref name="marker"/>, in order.</summary>
    public static IReadOnlyList<string> Names(string kind, string marker) =>
    [
        .. Directory.EnumerateDirectories(Root(kind))
            .Where(directory => File.Exists(Path.Combine(directory, marker)))
            .Select(directory => Path.GetFileName(directory))
            .Order(StringComparer.Ordinal),
    ];

    private static string FindRepository()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Winnow.slnx"))) return directory.FullName;
        }

        throw new InvalidOperationException($"no Winnow.slnx above {AppContext.BaseDirectory}");
    }
}
