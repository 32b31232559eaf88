using System.Runtime.ExceptionServices;

namespace Winnow.Cli.Bench;

/// <summary>Threads of their own for a piece of work, so that no pool decides who runs.</summary>
internal static class Threads
{
    /// <summary>Runs the work with 0 … count − 1 at the same time and waits; the first failure is thrown.</summary>
    internal static void RunOnEach(int count, Action<int> work)
    {
        Exception? failure = null;
        void Guarded(int index)
        {
            try
            {
                work(index);
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
            }
        }
        Thread[] threads = [.. Enumerable.Range(1, count - 1).Select(i => new Thread(() => Guarded(i)) { IsBackground = true })];
        foreach (Thread thread in threads) thread.Start();
        Guarded(0);
        foreach (Thread thread in threads) thread.Join();
        if (failure is not null) ExceptionDispatchInfo.Throw(failure);
    }
}
