using System.Runtime.InteropServices;

namespace Winnow.Data.Corpus;

/// <summary>The documentation that every .NET SDK carries: some tens of megabytes of real prose for a first run.</summary>
public static class DotnetDocumentation
{
    /// <summary>The reference documentation files of the SDK that runs this program, in ordinal order; one file per assembly, the newest.</summary>
    /// <exception cref="CorpusException">There are none.</exception>
    public static IReadOnlyList<string> Find()
    {
        Dictionary<string, string> newest = [];
        foreach (string packs in Roots().Select(root => Path.Combine(root, "packs")).Where(Directory.Exists))
            foreach (string pack in Directory.GetDirectories(packs))
                foreach (string version in Directory.GetDirectories(pack).OrderBy(VersionOf))
                    foreach (string file in FilesOf(version))
                        newest[Path.GetFileName(file)] = file;
        if (newest.Count == 0)
            throw new CorpusException(
                Roots().FirstOrDefault() ?? "", "no documentation files `packs/**/ref/**/*.xml`", "install the .NET SDK, not only the runtime; or name files of your own");
        return [.. newest.Values.Order(StringComparer.Ordinal)];
    }

    private static IEnumerable<string> FilesOf(string version)
    {
        string references = Path.Combine(version, "ref");
        return Directory.Exists(references) ? Directory.EnumerateFiles(references, "*.xml", SearchOption.AllDirectories).Order(StringComparer.Ordinal) : [];
    }

    /// <summary>Where .NET may be installed: the runtime under this program first.</summary>
    private static IEnumerable<string> Roots()
    {
        string runtime = RuntimeEnvironment.GetRuntimeDirectory();      // ROOT/shared/Microsoft.NETCore.App/VERSION/
        yield return Path.GetFullPath(Path.Combine(runtime, "..", "..", ".."));
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { Length: > 0 } root) yield return root;
    }

    private static Version VersionOf(string directory)
    {
        string name = Path.GetFileName(directory);
        int suffix = name.IndexOf('-', StringComparison.Ordinal);
        return Version.TryParse(suffix < 0 ? name : name[..suffix], out Version? version) ? version : new Version(0, 0);
    }
}
