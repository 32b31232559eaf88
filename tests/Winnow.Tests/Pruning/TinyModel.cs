using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Winnow.Kernels;
using Winnow.Models;

namespace Winnow.Tests.Pruning;

/// <summary>Writes GPT-2 directories with random weights, large enough that losses differ from token to token.</summary>
internal static class TinyModel
{
    public const int Vocabulary = 340;

    private static readonly string[] TokenizerFiles = ["tokenizer.json", "tokenizer_config.json"];

    /// <summary>The tokenizer of the e2e fixture beside a random model.</summary>
    /// <param name="directory">Gets the model.</param>
    /// <param name="seed">Of the weights.</param>
    /// <param name="context">The longest sequence.</param>
    /// <param name="width">Of the residual stream; 2 heads.</param>
    /// <param name="twins">True gives tokens 2k and 2k + 1 the same embedding, so that their logits are equal to the bit.</param>
    /// <param name="scale">Of the embeddings: larger makes the model surer.</param>
    public static string Write(string directory, int seed, int context = 64, int width = 16, bool twins = false, double scale = 0.6)
    {
        Directory.CreateDirectory(directory);
        Random random = new(seed);
        List<(string Name, int[] Shape, float[] Values)> tensors = [];
        void Add(string name, double deviation, params int[] shape) => tensors.Add((name, shape, Draw(random, shape.Aggregate(1, (a, b) => a * b), deviation)));
        void Ones(string name, int length) => tensors.Add((name, [length], [.. Enumerable.Repeat(1f, length)]));
        Add("transformer.wte.weight", scale, Vocabulary, width);
        Add("transformer.wpe.weight", 0.3, context, width);
        const int layers = 2;
        for (int layer = 0; layer < layers; layer++)
        {
            string at = string.Create(CultureInfo.InvariantCulture, $"transformer.h.{layer}.");
            Ones(at + "ln_1.weight", width);
            Add(at + "ln_1.bias", 0.1, width);
            Add(at + "attn.c_attn.weight", 0.3, width, 3 * width);
            Add(at + "attn.c_attn.bias", 0.1, 3 * width);
            Add(at + "attn.c_proj.weight", 0.3, width, width);
            Add(at + "attn.c_proj.bias", 0.1, width);
            Ones(at + "ln_2.weight", width);
            Add(at + "ln_2.bias", 0.1, width);
            Add(at + "mlp.c_fc.weight", 0.3, width, 4 * width);
            Add(at + "mlp.c_fc.bias", 0.1, 4 * width);
            Add(at + "mlp.c_proj.weight", 0.3, 4 * width, width);
            Add(at + "mlp.c_proj.bias", 0.1, width);
        }

        Ones("transformer.ln_f.weight", width);
        Add("transformer.ln_f.bias", 0.1, width);
        if (twins)
        {
            float[] embedding = tensors[0].Values;
            for (int token = 0; token < Vocabulary; token += 2) embedding.AsSpan(token * width, width).CopyTo(embedding.AsSpan((token + 1) * width));
        }

        WriteSafetensors(Path.Combine(directory, "model.safetensors"), tensors);
        File.WriteAllText(Path.Combine(directory, "config.json"), JsonSerializer.Serialize(new
        {
            model_type = "gpt2",
            activation_function = "gelu_new",
            layer_norm_epsilon = 1e-5,
            n_embd = width,
            n_head = 2,
            n_layer = layers,
            n_positions = context,
            vocab_size = Vocabulary,
            tie_word_embeddings = true,
            bos_token_id = 0,
            eos_token_id = 0,
        }));
        foreach (string file in TokenizerFiles)
        {
            File.Copy(Path.Combine(Fixtures.Repository, "tests", "fixtures", "e2e", file), Path.Combine(directory, file), overwrite: true);
        }

        return directory;
    }

    /// <summary>Plain greedy decoding, one sequence and one token at a time, everything computed anew for each.</summary>
    public static int[] Continue(Winnow.Models.Decoder decoder, IBackend backend, ReadOnlySpan<int> prompt, int count)
    {
        List<int> ids = [.. prompt];
        using DecoderPass pass = new(decoder, backend, prompt.Length + count);
        TokenBatch batch = new(prompt.Length + count);
        int[] next = new int[1];
        for (int i = 0; i < count; i++)
        {
            batch.Clear();
            batch.AddSequence(CollectionsMarshal.AsSpan(ids), []);
            pass.Next(batch, next);
            ids.Add(next[0]);
        }

        return [.. ids.Skip(prompt.Length)];
    }

    private static float[] Draw(Random random, int count, double deviation)
    {
        float[] values = new float[count];
        for (int i = 0; i < count; i++)
        {
            double radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
            values[i] = (float)(deviation * radius * Math.Cos(2 * Math.PI * random.NextDouble()));
        }

        return values;
    }

    private static void WriteSafetensors(string path, List<(string Name, int[] Shape, float[] Values)> tensors)
    {
        Dictionary<string, object> header = [];
        long offset = 0;
        foreach ((string name, int[] shape, float[] values) in tensors)
        {
            header[name] = new { dtype = "F32", shape, data_offsets = new[] { offset, offset + (4L * values.Length) } };
            offset += 4L * values.Length;
        }

        byte[] json = Encoding.UTF8.GetBytes(JsonSerializer.Serialize(header));
        using FileStream stream = File.Create(path);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        stream.Write(length);
        stream.Write(json);
        foreach ((_, _, float[] values) in tensors) stream.Write(MemoryMarshal.AsBytes(values.AsSpan()));
    }
}
