namespace Winnow.Models;

/// <summary>A model directory, or what is asked of a model, that cannot be used as it is: place, what was found, and what to do.</summary>
public sealed class ModelException : Exception
{
    /// <summary>An error at <paramref name="place"/>.</summary>
    /// <param name="place">The file, or the file and the tensor or property in it.</param>
    /// <param name="found">What was found there and what was expected: lower case, no full stop.</param>
    /// <param name="hint">What the user can do about it.</param>
    /// <param name="cause">The exception that this one explains.</param>
    public ModelException(string place, string found, string? hint = null, Exception? cause = null)
        : base($"{place}: {found}", cause)
    {
        Place = place;
        Hint = hint;
    }

    /// <summary>The file, or the file and the tensor or property in it.</summary>
    public string Place { get; }

    /// <summary>What the user can do about it.</summary>
    public string? Hint { get; }
}
