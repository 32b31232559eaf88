using Winnow.Data;

namespace Winnow.Pruning.Export;

/// <summary>Writes the kept records of a corpus: in order, byte for byte, a file per input file.</summary>
public static class Exporter
{
    /// <summary>Exports what a selection keeps.</summary>
    /// <param name="run">The run that was selected from; its manifest names the inputs.</param>
    /// <param name="selection">The selection's directory.</param>
    /// <param name="options">What, and where to.</param>
    /// <param name="threads">Files worked on at once.</param>
    /// <param name="progress">Told every few thousand records.</param>
    /// <param name="cancel">Stops between records; unfinished files are removed.</param>
    /// <exception cref="CorpusException">The inputs are not those of the run, or the output directory is not empty.</exception>
    public static Task<ExportReport> ExportAsync(
        string run, string selection, ExportOptions options, int threads,
        IProgress<ExportProgress>? progress = null, CancellationToken cancel = default) =>
        throw new NotImplementedException();
}
