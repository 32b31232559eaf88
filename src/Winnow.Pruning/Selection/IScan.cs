namespace Winnow.Pruning.Selection;

/// <summary>
/// What one pass finds out about some units: counts, or the few units around a cut. Findings of disjoint units add up, in any
/// order, to those of all, so a pass may be cut into parts that are done by other threads, processes and machines.
/// </summary>
internal interface IFindings<TSelf> where TSelf : IFindings<TSelf>
{
    /// <summary>Adds the findings about other units.</summary>
    void Add(TSelf other);

    /// <summary>Writes them; small where little was found.</summary>
    void Write(BinaryWriter to);

    /// <summary>Adds findings that were written.</summary>
    void AddFrom(BinaryReader from);
}

/// <summary>Reads the whole score table once per pass.</summary>
internal interface IScan
{
    /// <summary>One pass.</summary>
    /// <param name="pass">Its name, for people.</param>
    /// <param name="begin">Empty findings.</param>
    /// <param name="visit">Adds the units of a chunk; called from several threads, each with findings of its own.</param>
    /// <returns>The findings about all units.</returns>
    TFindings Run<TFindings>(string pass, Func<TFindings> begin, Action<TFindings, RankedChunk> visit) where TFindings : IFindings<TFindings>;
}
