using Winnow.Data.Storage;

namespace Winnow.Data.Corpus;

/// <summary>A file that an input names.</summary>
/// <param name="Path">Where it is.</param>
/// <param name="Name">Path below the input, with `/`.</param>
/// <param name="IsExplicit">True when the input named it, by itself or by a glob; false when it was found below a directory.</param>
internal sealed record InputFile(string Path, string Name, bool IsExplicit);

/// <summary>Finds the files that inputs name: files, directories, globs, standard input.</summary>
internal static class InputFiles
{
    /// <summary>Standard input.</summary>
    internal const string StandardInput = "-";

    /// <summary>All files, inputs in the order given, files below a directory or glob by ordinal name; of a data set's directory, those of one split.</summary>
    internal static List<InputFile> Find(IReadOnlyList<string> inputs, string? split, Action<string> tell)
    {
        if (inputs.Count == 0)
            throw new CorpusException("", "no input was named", "name files, directories, globs, or `-` for standard input");
        List<InputFile> files = [];
        foreach (string input in inputs) files.AddRange(Find(input, split, tell));
        return MakeNamesUnique(files);
    }

    private static IEnumerable<InputFile> Find(string input, string? split, Action<string> tell)
    {
        if (input == StandardInput) return [new InputFile(input, "stdin", true)];
        if (ObjectAddress.Is(input)) return StoredFile.Find(input).Select(file => new InputFile(file.Path, file.Name, file.IsExplicit));
        if (Directory.Exists(input)) return DatasetLayout.Choose(input, Below(input, input), split, tell).Select(path => new InputFile(path, NameBelow(input, path), false));
        if (File.Exists(input) || !Glob.IsPattern(input)) return [new InputFile(input, Path.GetFileName(input), true)];
        string root = Glob.Root(input);
        Glob glob = new(input);
        List<InputFile> found = [.. !Directory.Exists(root) ? [] :
            Below(root, root).Where(glob.IsMatch).Select(path => new InputFile(path, NameBelow(root, path), true))];
        if (found.Count == 0) throw new CorpusException(input, "no file matches", "quote globs, or let the shell expand them");
        return found;
    }

    /// <summary>Files below a directory, hidden ones left out. A directory that links lead to twice is walked once.</summary>
    private static List<string> Below(string root, string place)
    {
        List<string> files = [];
        HashSet<string> walked = [];
        try
        {
            Walk(root, files, walked);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new CorpusException(place, "cannot be listed: " + e.Message, inner: e);
        }
        files.Sort(string.CompareOrdinal);
        return files;
    }

    private static void Walk(string directory, List<string> files, HashSet<string> walked)
    {
        if (!walked.Add(RealPath(directory))) return;
        foreach (string entry in Directory.EnumerateFileSystemEntries(directory).Order(StringComparer.Ordinal))
        {
            if (Path.GetFileName(entry)[0] is '.' or '_') continue;
            if (Directory.Exists(entry)) Walk(entry, files, walked);
            else files.Add(entry);
        }
    }

    private static string RealPath(string directory)
    {
        string full = Path.GetFullPath(directory);
        string? parent = Path.GetDirectoryName(full);
        FileSystemInfo? target = Directory.ResolveLinkTarget(full, returnFinalTarget: true);
        if (target != null) return RealPath(target.FullName);
        return parent == null ? full : Path.Join(RealPath(parent), Path.GetFileName(full));
    }

    private static string NameBelow(string root, string path) => Path.GetRelativePath(root, path).Replace(Path.DirectorySeparatorChar, '/');

    /// <summary>Outputs are named like inputs, so no two may have one name: directories are put in front until they differ.</summary>
    private static List<InputFile> MakeNamesUnique(List<InputFile> files)
    {
        HashSet<string> paths = [];
        foreach (InputFile file in files)
            if (!paths.Add(Path.GetFullPath(file.Path)))
                throw new CorpusException(file.Path, "is named twice", "name every file once");
        for (int above = 1; ; above++)
        {
            HashSet<string> twice = [.. files.GroupBy(file => file.Name).Where(group => group.Count() > 1).SelectMany(group => group).Select(file => file.Name)];
            if (twice.Count == 0) return files;
            bool longer = false;
            for (int i = 0; i < files.Count; i++)
            {
                if (!twice.Contains(files[i].Name)) continue;
                string name = Tail(Path.GetFullPath(files[i].Path), files[i].Name.Count(c => c == '/') + 2);
                longer |= name != files[i].Name;
                files[i] = files[i] with { Name = name };
            }
            if (!longer) throw new CorpusException(files.First(file => twice.Contains(file.Name)).Path, "two inputs have this name");
        }
    }

    private static string Tail(string path, int parts)
    {
        string[] all = path.Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries);
        return string.Join('/', all.TakeLast(parts));
    }
}
