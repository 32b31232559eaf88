namespace Winnow.Kernels.Cpu;

/// <summary>An operation cut into parts, as <see cref="IWork"/>, whose width of lanes is chosen when it is run.</summary>
internal interface ILaneWork
{
    /// <summary>Does part <paramref name="part"/>; <paramref name="scratch"/> belongs to this thread until the call returns.</summary>
    void Run<TLanes>(int part, Scratch scratch)
        where TLanes : struct, ILanes<TLanes>;
}

/// <summary>Work whose width has been chosen.</summary>
internal readonly struct OnLanes<TWork, TLanes>(TWork work) : IWork
    where TWork : unmanaged, ILaneWork
    where TLanes : struct, ILanes<TLanes>
{
    /// <inheritdoc/>
    public void Run(int part, Scratch scratch) => work.Run<TLanes>(part, scratch);
}
