namespace Winnow.Kernels.Cpu;

/// <summary>
/// An operation cut into parts that may run in any order and at the same time. The shape alone decides the cut and no two parts
/// write the same element, so the result has the same bits for any number of threads.
/// </summary>
internal interface IWork
{
    /// <summary>Does part <paramref name="part"/>; <paramref name="scratch"/> belongs to this thread until the call returns.</summary>
    void Run(int part, Scratch scratch);
}
