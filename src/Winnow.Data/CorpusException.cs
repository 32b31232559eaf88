using System.Globalization;

namespace Winnow.Data;

/// <summary>Input that a user gave is not what it should be: where, what was found, and what to do.</summary>
public class CorpusException : Exception
{
    /// <summary>An error at a place that is already spelled out.</summary>
    /// <param name="place">File, with line, row or offset where known: <c>web.jsonl:1042</c>. Empty when there is none.</param>
    /// <param name="found">What is wrong there, and what was expected; lower case, names in backticks.</param>
    /// <param name="hint">What to do about it.</param>
    /// <param name="inner">The cause, when another exception told of it.</param>
    public CorpusException(string place, string found, string? hint = null, Exception? inner = null)
        : base(place.Length == 0 ? found : place + ": " + found, inner)
    {
        Place = place;
        Found = found;
        Hint = hint;
    }

    /// <summary>An error in one line of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="line">Its line, from 1.</param>
    /// <param name="found">What is wrong there.</param>
    /// <param name="hint">What to do about it.</param>
    public CorpusException(string path, long line, string found, string? hint = null)
        : this(path + ":" + line.ToString(CultureInfo.InvariantCulture), found, hint)
    {
    }

    /// <summary>Where: a file, mostly with a line, row or offset.</summary>
    public string Place { get; }

    /// <summary>What was found, without the place.</summary>
    public string Found { get; }

    /// <summary>What to do about it, or null.</summary>
    public string? Hint { get; }
}
