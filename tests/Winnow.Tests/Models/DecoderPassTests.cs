using Winnow.Kernels;
using Winnow.Kernels.Cpu;
using Winnow.Models;
using Xunit;

namespace Winnow.Tests.Models;

/// <summary>What a forward pass promises beyond the right numbers.</summary>
public sealed class DecoderPassTests
{
    public static TheoryData<string, string> Families
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string name in new[] { "gpt2-tied", "llama-gqa-untied-sharded-bf16", "mistral-sliding", "gptneox-parallel", "gemma3", "olmo2" })
            {
                foreach (string backend in Backends.OfEveryPrecision) data.Add(name, backend);
            }

            return data;
        }
    }

    public static TheoryData<string> AllBackends => [.. Backends.OfEveryPrecision];

    [Theory]
    [MemberData(nameof(Families))]
    public void Which_texts_share_a_batch_changes_no_bit(string name, string backendName)
    {
        using var backend = Backends.Create(backendName);
        using var decoder = Load(name, backend);
        using var pass = new DecoderPass(decoder, backend.Workers[0], 400);
        var random = new Random(11);
        int[][] texts = [.. new[] { 37, 2, 64, 5, 96, 17, 33, 1 + 16, 48 }.Select(length => Text(random, length, decoder.VocabularySize))];
        var alone = texts.Select(text => Score(pass, [text])[0]).ToArray();
        for (int round = 0; round < 4; round++)
        {
            int[] order = [.. Enumerable.Range(0, texts.Length).OrderBy(_ => random.Next()).Take(3 + (2 * round))];
            var together = Score(pass, [.. order.Select(i => texts[i])]);
            for (int i = 0; i < order.Length; i++) Assert.Equal(alone[order[i]], together[i]);
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Positions_that_do_not_count_change_no_bit_of_the_others(string name, string backendName)
    {
        using var backend = Backends.Create(backendName);
        using var decoder = Load(name, backend);
        using var pass = new DecoderPass(decoder, backend.Workers[0], 96);
        int[] text = Text(new Random(2), 90, decoder.VocabularySize);
        var all = Score(pass, [text])[0];
        var batch = new TokenBatch(96);
        int[] targets = text[1..];
        for (int i = 0; i < targets.Length; i++)
        {
            if (i % 3 != 0) targets[i] = -1;
        }

        batch.AddSequence(text.AsSpan(0, targets.Length), targets);
        var (loss, el2n, argmax) = (new float[96], new float[96], new int[96]);
        pass.Score(batch, loss, el2n, argmax);
        for (int i = 0; i < targets.Length; i++)
            Assert.Equal(targets[i] < 0 ? (0f, 0f, -1) : all[i], (loss[i], el2n[i], argmax[i]));
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void A_text_fed_in_pieces_through_the_cache_scores_as_the_whole(string name, string backendName)
    {
        using var backend = Backends.Create(backendName);
        using var decoder = Load(name, backend);
        var worker = backend.Workers[0];
        using var pass = new DecoderPass(decoder, worker, 96);
        using var cache = new DecoderCache(decoder, worker, slots: 3, maxLength: 80);
        int[] text = Text(new Random(4), 75, decoder.VocabularySize);
        var whole = Score(pass, [text])[0];
        int other = cache.Rent();
        int slot = cache.Rent();
        var batch = new TokenBatch(96);
        var loss = new float[96];
        for (int from = 0, step = 1; from < text.Length - 1; from += step, step = Math.Min(step * 2, text.Length - 1 - from))
        {
            batch.Clear();
            if (cache.Length(other) < 70) batch.AddContinuation(cache, other, [5, 6]);
            int row = batch.AddContinuation(cache, slot, text.AsSpan(from, step), text.AsSpan(from + 1, step));
            pass.Score(batch, loss, [], [], cache);
            for (int i = 0; i < step; i++) Assert.Equal(whole[from + i].Loss, loss[row + i], 2e-5f);
        }

        Assert.Equal(text.Length - 1, cache.Length(slot));
    }

    [Theory]
    [MemberData(nameof(AllBackends))]
    public void A_truncated_slot_forgets(string backendName)
    {
        using var backend = Backends.Create(backendName);
        using var decoder = Load("llama-gqa-tied", backend);
        var worker = backend.Workers[0];
        using var pass = new DecoderPass(decoder, worker, 64);
        using var cache = new DecoderCache(decoder, worker, slots: 1, maxLength: 32);
        int slot = cache.Rent();
        var batch = new TokenBatch(64);
        var next = new int[1];

        int Next(params int[] ids)
        {
            batch.Clear();
            batch.AddContinuation(cache, slot, ids);
            pass.Next(batch, next, cache);
            return next[0];
        }

        Next(3, 1, 4, 1);
        int expected = Next(5);
        Next(9, 2, 6);
        cache.Truncate(slot, 4);
        Assert.Equal(expected, Next(5));
        cache.Return(slot);
        Assert.Equal(1, cache.Free);
        Assert.Throws<ArgumentOutOfRangeException>(() => cache.Length(slot));
        Assert.Equal(slot, cache.Rent());
        Assert.Equal(0, cache.Length(slot));
    }

    [Theory]
    [MemberData(nameof(AllBackends))]
    public void Padded_rows_of_the_vocabulary_take_no_part(string backendName)
    {
        using var backend = Backends.Create(backendName);
        string directory = Path.Combine(Fixtures.Root("models"), "gpt2-tied");
        using var full = Decoder.Load(directory, backend);
        const int Tokens = 101;
        using var cut = Decoder.Load(directory, backend, Tokens);
        using var fullPass = new DecoderPass(full, backend.Workers[0], 64);
        using var cutPass = new DecoderPass(cut, backend.Workers[0], 64);
        int[] text = Text(new Random(8), 20, Tokens);
        var scores = Score(cutPass, [text])[0];
        var batch = new TokenBatch(64);
        batch.AddSequence(text, []);
        fullPass.Forward(batch);
        float[] logits = fullPass.Logits();
        for (int row = 0; row < text.Length - 1; row++)
        {
            var allowed = logits.AsSpan(row * full.VocabularySize, Tokens);
            double sum = 0;
            foreach (float z in allowed) sum += Math.Exp(z);
            Assert.Equal(Math.Log(sum) - allowed[text[row + 1]], scores[row].Loss, 1e-4);
            Assert.True(scores[row].Argmax < Tokens);
        }

        batch.Clear();
        batch.AddSequence([1, 2], [150, 3]);
        var error = Assert.Throws<ModelException>(() => cutPass.Score(batch, new float[2], [], []));
        Assert.Equal("target id 150: out of range; the vocabulary has 101 tokens", error.Message);
    }

    [Theory]
    [InlineData("gpt2-tied")]
    [InlineData("gemma3")]
    [InlineData("gptneox-parallel")]
    public void A_pass_after_the_first_allocates_nothing(string name)
    {
        using var backend = new CpuBackend(2);
        using var decoder = Load(name, backend);
        var worker = backend.Workers[0];
        using var pass = new DecoderPass(decoder, worker, 128);
        using var cache = new DecoderCache(decoder, worker, slots: 4, maxLength: 64);
        var batch = new TokenBatch(128);
        int[][] texts = [.. Enumerable.Range(0, 4).Select(i => Text(new Random(i), 20 + i, decoder.VocabularySize))];
        int[] targets = [.. Enumerable.Repeat(-1, 19), 7];
        var (loss, el2n, argmax, next) = (new float[128], new float[128], new int[128], new int[4]);

        void Once()
        {
            batch.Clear();
            foreach (int[] text in texts) batch.AddText(text);
            batch.AddSequence(texts[0], targets);
            pass.Score(batch, loss, el2n, argmax);
            batch.Clear();
            int slot = cache.Rent();
            batch.AddContinuation(cache, slot, texts[1]);
            pass.Next(batch, next, cache);
            batch.Clear();
            batch.AddContinuation(cache, slot, next.AsSpan(0, 1));
            pass.Next(batch, next, cache);
            cache.Return(slot);
        }

        // Often enough that the JIT has done with these methods.
        for (int i = 0; i < 50; i++) Once();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 5; i++) Once();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Theory]
    [InlineData(192)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public void An_id_out_of_range_is_refused_at_the_door(int id)
    {
        using var backend = new ReferenceBackend();
        using var decoder = Load("gpt2-tied", backend);
        using var pass = new DecoderPass(decoder, backend, 8);
        var batch = new TokenBatch(8);
        batch.AddSequence([1, id, 3], []);
        Assert.Equal($"token id {id}: out of range; the vocabulary has 192 tokens", Assert.Throws<ModelException>(() => pass.Forward(batch)).Message);
    }

    [Fact]
    public void A_sequence_longer_than_the_model_sees_is_refused()
    {
        using var backend = new ReferenceBackend();
        using var decoder = Load("gpt2-untied-sharded-bf16", backend);
        using var pass = new DecoderPass(decoder, backend, 128);
        var batch = new TokenBatch(128);
        batch.AddSequence(new int[97], []);
        Assert.Contains("97 tokens; the model sees at most 96", Assert.Throws<ModelException>(() => pass.Forward(batch)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Misuse_of_a_batch_is_refused()
    {
        using var backend = new ReferenceBackend();
        using var decoder = Load("gpt2-tied", backend);
        using var pass = new DecoderPass(decoder, backend, 8);
        using var cache = new DecoderCache(decoder, backend, slots: 1, maxLength: 4);
        var batch = new TokenBatch(8);
        Assert.Throws<ArgumentException>(() => pass.Forward(batch));
        Assert.Throws<ArgumentException>(() => batch.AddSequence([], []));
        Assert.Throws<ArgumentException>(() => batch.AddSequence([1, 2], [3]));
        Assert.Throws<ArgumentException>(() => batch.AddSequence(new int[9], []));
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.AddText([1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => batch.AddContinuation(cache, 0, [1]));
        int slot = cache.Rent();
        Assert.Throws<ArgumentException>(() => batch.AddContinuation(cache, slot, [1, 2, 3, 4, 5]));
        batch.AddContinuation(cache, slot, [1]);
        Assert.Throws<ArgumentException>(() => pass.Forward(batch));
        batch.AddSequence([1], []);
        Assert.Throws<ArgumentException>(() => pass.Forward(batch, cache));
    }

    [Fact]
    public void A_wide_mlp_goes_through_in_slices_without_changing_a_bit()
    {
        // Wide enough that the hidden columns of all tokens do not fit the memory for queries, keys and values.
        using var backend = new ReferenceBackend();
        var config = Presets.Llama(layers: 1, width: 16, heads: 2, keyValueHeads: 1, hiddenWidth: 80, vocabularySize: 50, maxLength: 600);
        using var decoder = Decoder.Create(config, 3, backend);
        int[] text = Text(new Random(1), 600, 50);
        using var large = new DecoderPass(decoder, backend, 600);
        using var small = new DecoderPass(decoder, backend, 100);
        Assert.Equal(Score(small, [text[..100]])[0], Score(large, [text])[0][..99]);
    }

    [Fact]
    public void Random_weights_give_a_loss_near_that_of_chance()
    {
        using var backend = new ReferenceBackend();
        using var decoder = Decoder.Create(Presets.Named("tiny", vocabularySize: 512), 1, backend);
        using var pass = new DecoderPass(decoder, backend, 64);
        var scores = Score(pass, [Text(new Random(1), 60, 512)])[0];
        Assert.Equal(Math.Log(512), scores.Average(s => s.Loss), 0.1);
        Assert.True(decoder.WeightBytes >= 4 * decoder.Config.Parameters);
    }

    private static Decoder Load(string name, IBackend backend) => Decoder.Load(Path.Combine(Fixtures.Root("models"), name), backend);

    private static int[] Text(Random random, int length, int vocabulary) => [.. Enumerable.Range(0, length).Select(_ => random.Next(vocabulary))];

    private static (float Loss, float El2n, int Argmax)[][] Score(DecoderPass pass, int[][] texts)
    {
        var batch = new TokenBatch(pass.MaxTokens);
        foreach (int[] text in texts) batch.AddText(text);
        var (loss, el2n, argmax) = (new float[batch.Tokens], new float[batch.Tokens], new int[batch.Tokens]);
        pass.Score(batch, loss, el2n, argmax);
        int row = 0;
        return [.. texts.Select(text => Enumerable.Range(0, text.Length - 1).Select(_ => (loss[row], el2n[row], argmax[row++])).ToArray())];
    }
}
