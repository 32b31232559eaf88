namespace Winnow.Models;

/// <summary>Refuses, before anything is computed, a batch that a model cannot take.</summary>
internal static class BatchCheck
{
    public static void Require(TokenBatch batch, Decoder decoder, int maxTokens, int maxLength)
    {
        if (batch.Tokens == 0) throw new ArgumentException("the batch is empty", nameof(batch));
        if (batch.Tokens > maxTokens) throw new ArgumentException($"{batch.Tokens} tokens; the pass has memory for {maxTokens}", nameof(batch));
        foreach (var span in batch.Spans)
        {
            if (span.KeyCount > decoder.Config.MaxLength)
                throw new ModelException("sequence", $"{span.KeyCount} tokens; the model sees at most {decoder.Config.MaxLength}", "shorten the context");
            if (span.KeyCount > maxLength)
                throw new ArgumentException($"a sequence of {span.KeyCount} tokens; the pass has tables for {maxLength}", nameof(batch));
            int cached = span.KeyCount - span.QueryCount;
            if (cached > 0 && decoder.Config.Rotary is { } rotary && rotary.IsLong(span.KeyCount) != rotary.IsLong(cached))
            {
                throw new ModelException("sequence",
                    $"grows from {cached} to {span.KeyCount} tokens; beyond {rotary.OriginalLength} this model turns by other angles, which the cached keys do not have");
            }
        }

        for (int row = 0; row < batch.Tokens; row++)
        {
            if ((uint)batch.Ids[row] >= (uint)decoder.Config.VocabularySize) throw OutOfRange("token", batch.Ids[row], decoder.Config.VocabularySize);
            if (batch.Targets[row] >= decoder.VocabularySize) throw OutOfRange("target", batch.Targets[row], decoder.VocabularySize);
        }
    }

    private static ModelException OutOfRange(string kind, int id, int vocabularySize) => new(
        $"{kind} id {id}", $"out of range; the vocabulary has {vocabularySize} tokens", "use the tokenizer that belongs to the model");
}
