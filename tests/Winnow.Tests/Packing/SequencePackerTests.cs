using FsCheck;
using FsCheck.Fluent;
using Winnow.Data.Corpus;
using Winnow.Data.Packing;
using Winnow.Data.Tokenizers;
using Xunit;

namespace Winnow.Tests.Packing;

public class SequencePackerTests
{
    private const int EndOfText = 99;

    [Fact]
    public void No_token_is_lost_or_moved()
    {
        Prop.ForAll(Lengths, Gen.Choose(1, 9).ToArbitrary(), (lengths, context) =>
        {
            (List<PackedSequence> sequences, SequencePacker packer) = Pack(lengths, context);
            IEnumerable<int> expected = lengths.SelectMany((length, row) => IdsOf(row, length).Append(EndOfText));
            return sequences.SelectMany(s => s.Ids).SequenceEqual(expected)
                && packer.Tokens == lengths.Sum(length => length + 1L)
                && sequences.Take(sequences.Count - 1).All(s => s.Ids.Length == context)
                && sequences.Select(s => s.Index).SequenceEqual(Enumerable.Range(0, sequences.Count).Select(i => (long)i));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Pieces_cover_every_sequence_and_every_byte_of_every_document()
    {
        Prop.ForAll(Lengths, Gen.Choose(1, 9).ToArbitrary(), (lengths, context) =>
        {
            (List<PackedSequence> sequences, _) = Pack(lengths, context);
            bool covered = sequences.All(s => s.Pieces.Sum(p => p.TokenCount) == s.Ids.Length
                && s.Pieces.Select(p => p.FirstToken).SequenceEqual(s.Pieces.Select((_, i) => s.Pieces.Take(i).Sum(p => p.TokenCount))));
            for (int row = 0; row < lengths.Count; row++)
            {
                long at = 0;
                foreach (PackedPiece piece in sequences.SelectMany(s => s.Pieces).Where(p => p.Row == row))
                {
                    covered &= piece.FirstByte == at;
                    at += piece.ByteCount;
                }

                covered &= at == lengths[row] * 3L;
            }

            return covered;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Documents_without_ends_are_refused() =>
        Assert.Throws<ArgumentException>(() => new SequencePacker(4, EndOfText).Add(new EncodedDocument(Source(0), [1], [], false)));

    private static Arbitrary<IList<int>> Lengths { get; } = Gen.Choose(0, 20).ListOf().Select(list => (IList<int>)[.. list]).ToArbitrary();

    private static (List<PackedSequence> Sequences, SequencePacker Packer) Pack(IList<int> lengths, int context)
    {
        var packer = new SequencePacker(context, EndOfText);
        List<PackedSequence> sequences = [];
        for (int row = 0; row < lengths.Count; row++)
        {
            int[] ends = [.. Enumerable.Range(1, lengths[row]).Select(i => i * 3)];
            sequences.AddRange(packer.Add(new EncodedDocument(Source(row), [.. IdsOf(row, lengths[row])], ends, false)));
        }

        if (packer.Remainder is PackedSequence rest) sequences.Add(rest);
        return (sequences, packer);
    }

    private static IEnumerable<int> IdsOf(int row, int length) => Enumerable.Range(0, length).Select(i => (row * 1000) + i);

    private static Document Source(long row) => new(0, row, "", "", default, default);
}
