namespace Winnow.Models.Training;

/// <summary>Training data: numbered sequences of token ids, to be read in any order.</summary>
public interface ITokenSource
{
    /// <summary>Tokens that each sequence predicts.</summary>
    int Context { get; }

    /// <summary>Sequences of one epoch.</summary>
    long Sequences { get; }

    /// <summary>Says that two sources hold the same data; part of what a resumed training must agree on.</summary>
    string Identity { get; }

    /// <summary>One sequence.</summary>
    /// <param name="sequence">In [0, <see cref="Sequences"/>).</param>
    /// <param name="ids">[Context + 1]: the last is only predicted.</param>
    void Read(long sequence, Span<int> ids);
}
