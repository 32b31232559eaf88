namespace Winnow.Data;

/// <summary>The nearest known name to a misspelt one.</summary>
public static class Spelling
{
    /// <summary>The candidate with the fewest edits (insert, delete, replace, swap), or null when none is near.</summary>
    public static string? Nearest(string typed, IEnumerable<string> candidates)
    {
        (string? best, int distance) = (null, int.MaxValue);
        foreach (string candidate in candidates.Order(StringComparer.Ordinal))
        {
            int edits = Distance(typed, candidate);
            if (edits < distance) (best, distance) = (candidate, edits);
        }
        return best is not null && distance <= Math.Max(1, Math.Min(typed.Length, best.Length) / 3) ? best : null;
    }

    private static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++) d[i, 0] = i;
        for (int j = 0; j <= b.Length; j++) d[0, j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            for (int j = 1; j <= b.Length; j++)
            {
                int replace = d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
                d[i, j] = Math.Min(replace, 1 + Math.Min(d[i - 1, j], d[i, j - 1]));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }
        return d[a.Length, b.Length];
    }
}
