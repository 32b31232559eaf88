namespace Winnow.Studies.Recipes;

/// <summary>A mistake in a recipe: where it stands, what was found, what would be right.</summary>
public sealed class RecipeException(string place, string found, string? hint = null) : Exception($"{place}: {found}")
{
    /// <summary>File and line: <c>paper.yaml:12</c>.</summary>
    public string Place { get; } = place;

    /// <summary>What to do about it, or null.</summary>
    public string? Hint { get; } = hint;
}
