namespace Winnow.Data.Corpus;

/// <summary>The documentation that every .NET SDK carries: some tens of megabytes of real prose for a first run.</summary>
public static class DotnetDocumentation
{
    /// <summary>The reference documentation files of the SDK that runs this program, in ordinal order; one file per assembly, the newest.</summary>
    /// <exception cref="CorpusException">There are none.</exception>
    public static IReadOnlyList<string> Find() => throw new NotImplementedException();
}
