using Xunit;

namespace Winnow.Tests;

/// <summary>Compares text with a committed file; <c>WINNOW_UPDATE_GOLDEN=1</c> rewrites the file instead.</summary>
internal static class Golden
{
    /// <summary>Asserts that <paramref name="text"/> is what <c>tests/golden/<paramref name="name"/></c> holds.</summary>
    internal static void Matches(string name, string text)
    {
        string path = Path.Combine(Fixtures.Repository, "tests", "golden", name);
        if (Environment.GetEnvironmentVariable("WINNOW_UPDATE_GOLDEN") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
            return;
        }
        string expected = File.Exists(path) ? File.ReadAllText(path) : "";
        if (expected == text) return;
        string[] before = expected.Split('\n'), after = text.Split('\n');
        int line = Enumerable.Range(0, Math.Max(before.Length, after.Length)).First(i => i >= before.Length || i >= after.Length || before[i] != after[i]);
        Assert.Fail($"tests/golden/{name} differs from line {line + 1}:\n- {(line < before.Length ? before[line] : "(end)")}\n+ {(line < after.Length ? after[line] : "(end)")}\nset WINNOW_UPDATE_GOLDEN=1 to rewrite it");
    }
}
