namespace Winnow.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <summary>Runs every part on this backend's threads with this backend's lanes: the one place where the width is chosen.</summary>
    private void Run<TWork>(int parts, TWork work)
        where TWork : unmanaged, ILaneWork
    {
        switch (Lanes)
        {
            case 16:
                _threads.Run(parts, new OnLanes<TWork, Lanes16>(work));
                break;
            case 8:
                _threads.Run(parts, new OnLanes<TWork, Lanes8>(work));
                break;
            default:
                _threads.Run(parts, new OnLanes<TWork, Lanes4>(work));
                break;
        }
    }
}
