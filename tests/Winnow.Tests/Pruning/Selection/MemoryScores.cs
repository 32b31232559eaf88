using System.Text;
using Winnow.Pruning.Selection;

namespace Winnow.Tests.Pruning.Selection;

/// <summary>One unit of a score table in memory.</summary>
internal sealed record Unit(string Id, double Perplexity, string Source = "web", int Tokens = 1, double Memorization = double.NaN, string Status = "ok")
{
    public long Bytes => Tokens * 3L;
}

/// <summary>A score table in memory, cut into chunks of any size.</summary>
internal sealed class MemoryScores(IReadOnlyList<IReadOnlyList<Unit>> shards, int chunkRows) : IScoreSource
{
    public IReadOnlyList<ScoreShard> Shards { get; } = [.. shards.Select((units, i) => new ScoreShard(
        $"shard-{i}", [.. Enumerable.Range(0, (units.Count + chunkRows - 1) / chunkRows).Select(c => Math.Min(chunkRows, units.Count - (c * chunkRows)))]))];

    public IReadOnlyList<string> NumberColumns => ["bytes", "tokens", "perplexity", "memorization"];

    public IReadOnlyList<string> TextColumns => ["id", "source", "status"];

    public IScoreReader OpenReader() => new Reader(this, shards, chunkRows);

    private sealed class Reader(MemoryScores scores, IReadOnlyList<IReadOnlyList<Unit>> shards, int chunkRows) : IScoreReader
    {
        private Unit[] _units = [];

        public void MoveTo(int shard, int chunk) =>
            _units = [.. shards[shard].Skip(chunk * chunkRows).Take(scores.Shards[shard].ChunkRows[chunk])];

        public ReadOnlySpan<double> Numbers(string column) => Array.ConvertAll(_units, unit => column switch
        {
            "bytes" => unit.Bytes,
            "tokens" => unit.Tokens,
            "perplexity" => unit.Perplexity,
            "memorization" => unit.Memorization,
            _ => throw new ArgumentOutOfRangeException(nameof(column), column, null),
        });

        public TextColumn Texts(string column)
        {
            byte[][] texts = Array.ConvertAll(_units, unit => Encoding.UTF8.GetBytes(column switch
            {
                "id" => unit.Id,
                "source" => unit.Source,
                "status" => unit.Status,
                _ => throw new ArgumentOutOfRangeException(nameof(column), column, null),
            }));
            int[] offsets = new int[texts.Length + 1];
            for (int i = 0; i < texts.Length; i++) offsets[i + 1] = offsets[i] + texts[i].Length;
            return new TextColumn(texts.SelectMany(text => text).ToArray(), offsets);
        }

        public void Dispose()
        {
        }
    }
}
