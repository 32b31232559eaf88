using System.Text.Json.Nodes;
using Winnow.Kernels;
using Winnow.Models;
using Winnow.Models.Checkpoints;
using Winnow.Tests.Data;
using Xunit;

namespace Winnow.Tests.Models.Checkpoints;

/// <summary>Model directories that cannot be used: each error names the place, what was found, and what to do.</summary>
public sealed class ModelDirectoryTests
{
    private const string Llama = "llama-gqa-untied-sharded-bf16";
    private const string Gpt2 = "gpt2-tied";

    public static TheoryData<string, string, string> Configs => new()
    {
        { "an unknown family", """{"model_type": "mamba"}""", "`model_type` is `mamba`, which is not supported; expected one of gemma2, gemma3_text, gpt2, gpt_neox, llama" },
        { "no family", """{"architectures": ["X"]}""", "no property `model_type`" },
        { "a family that is a number", """{"model_type": 3}""", "`model_type` is 3; expected a string" },
        { "no JSON", "{", "not JSON" },
        { "a list", "[]", "the file is not a JSON object" },
        { "a missing size", """{"model_type": "gpt2", "n_embd": 32}""", "no property `n_head`" },
        { "a size that is a string", """{"model_type": "gpt2", "n_embd": "32"}""", "`n_embd` is \"32\"; expected a whole number" },
        { "a size that is a fraction", """{"model_type": "gpt2", "n_embd": 32.5}""", "`n_embd` is 32.5; expected a whole number" },
        { "quantized weights", """{"model_type": "llama", "quantization_config": {"bits": 4}}""", "quantized checkpoints are not supported" },
    };

    public static TheoryData<string, string, string, string> Changes => new()
    {
        { Llama, "num_attention_heads", "5", "a width of 32 cannot be shared by 5 heads evenly" },
        { Llama, "num_key_value_heads", "3", "4 heads cannot share 3 key-value heads evenly" },
        { Llama, "num_hidden_layers", "0", "number of layers is 0" },
        { Llama, "num_hidden_layers", "2000000000", "2000000000 layers; expected at most" },
        { Llama, "vocab_size", "-1", "vocabulary size is -1" },
        { Llama, "hidden_act", "\"mish\"", "`hidden_act` is `mish`, which is not supported; expected gelu" },
        { Llama, "rope_scaling", """{"rope_type": "yarn", "factor": 4.0}""", "`rope_scaling.rope_type` is `yarn`, which is not supported; expected default, linear, llama3 or longrope" },
        { Llama, "rope_scaling", """{"rope_type": "linear", "factor": 0.5}""", "the rotary factor is 0.5; expected at least 1" },
        { Llama, "rope_scaling", """{"rope_type": "llama3", "factor": 8.0}""", "no property `rope_scaling.original_max_position_embeddings`" },
        { Llama, "rope_scaling", "\"linear\"", "`rope_scaling` is not a JSON object" },
        { Llama, "rope_theta", "\"high\"", "`rope_theta` is \"high\"; expected a number" },
        { Llama, "rms_norm_eps", "-1", "the norm's epsilon is -1" },
        { Llama, "tie_word_embeddings", "\"no\"", "`tie_word_embeddings` is \"no\"; expected true or false" },
        { "qwen2-untied-v5cfg", "layer_types", """["full_attention"]""", "layer types are given for 1 layers; the model has 2" },
        { "qwen2-untied-v5cfg", "layer_types", """["full_attention", "chunked_attention"]""", "`layer_types` is `chunked_attention`, which is not supported" },
        { "phi3", "rope_scaling", """{"type": "longrope", "short_factor": [1.0], "long_factor": [1.0]}""", "longrope has 1 short and 1 long factors; expected 4 of each" },
        { Gpt2, "add_cross_attention", "true", "`add_cross_attention` is `true`, which is not supported" },
        { "opt", "word_embed_proj_dim", "16", "`word_embed_proj_dim` is `16`, which is not supported; expected `hidden_size`, 32" },
    };

    [Theory]
    [MemberData(nameof(Configs))]
    public void A_config_that_cannot_be_used_is_refused(string what, string config, string found)
    {
        Assert.NotEmpty(what);
        using var directory = new TemporaryDirectory();
        string path = directory.Write("config.json", config);
        var error = Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path));
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(found, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Changes))]
    public void A_property_that_cannot_be_right_is_named(string fixture, string property, string value, string found)
    {
        using var directory = Copy(fixture);
        ChangeConfig(directory, property, value);
        if (property == "num_attention_heads") ChangeConfig(directory, "head_dim", "null");
        var error = Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path));
        Assert.Contains(found, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(directory["config.json"], error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_that_is_not_there_is_named() =>
        Assert.Equal("/nowhere/model: no such directory", Assert.Throws<ModelException>(() => ModelDirectory.Open("/nowhere/model")).Message);

    [Fact]
    public void A_directory_without_config_says_what_is_expected()
    {
        using var directory = new TemporaryDirectory();
        var error = Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path));
        Assert.Equal($"{directory.Path}: no config.json", error.Message);
        directory.Write("adapter_config.json", "{}");
        Assert.Contains("merge it", Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path)).Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Pytorch_weights_are_refused_with_the_way_to_convert_them()
    {
        using var directory = Copy(Gpt2);
        File.Move(directory["model.safetensors"], directory["pytorch_model.bin"]);
        var error = Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path));
        Assert.Contains("pytorch_model.bin", error.Message, StringComparison.Ordinal);
        Assert.Contains("safe_serialization=True", error.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.gguf", "only GGUF weights")]
    [InlineData("weights.safetensors", "neither model.safetensors nor model.safetensors.index.json")]
    [InlineData("notes.txt", "no weights; expected model.safetensors")]
    public void A_directory_without_weights_says_what_is_there(string file, string found)
    {
        using var directory = Copy(Gpt2);
        File.Move(directory["model.safetensors"], directory[file]);
        Assert.Contains(found, Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_shard_is_named()
    {
        using var directory = Copy(Llama);
        File.Delete(directory["model-00002-of-00003.safetensors"]);
        var error = Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path));
        Assert.Equal($"{directory["model.safetensors.index.json"]}: the shard `model-00002-of-00003.safetensors` is missing", error.Message);
        Assert.NotNull(error.Hint);
    }

    [Theory]
    [InlineData("../model.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("sub/model.safetensors")]
    [InlineData("..")]
    [InlineData("")]
    public void An_index_that_points_elsewhere_is_refused(string file)
    {
        using var directory = Copy(Llama);
        ChangeIndex(directory, map => map["lm_head.weight"] = file);
        var error = Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path));
        Assert.Contains($"`weight_map` points at `{file}`; expected a file name in the same directory", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_that_is_not_in_its_shard_is_named()
    {
        using var directory = Copy(Llama);
        ChangeIndex(directory, map => map["lm_head.weight"] = map["model.embed_tokens.weight"]!.GetValue<string>());
        Assert.Contains("no tensor `lm_head.weight`, which model.safetensors.index.json says is here",
            Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{", "not JSON")]
    [InlineData("{}", "no object `weight_map`")]
    [InlineData("""{"weight_map": {}}""", "`weight_map` is empty")]
    [InlineData("""{"weight_map": {"a": 1}}""", "`weight_map`: `a` has no file name")]
    [InlineData("""{"weight_map": {"a": "x", "a": "y"}}""", "`weight_map` names tensor `a` twice")]
    public void An_index_that_cannot_be_read_is_refused(string index, string found)
    {
        using var directory = Copy(Llama);
        directory.Write("model.safetensors.index.json", index);
        Assert.Contains(found, Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_tensor_in_two_shards_is_named()
    {
        using var directory = Copy(Llama);
        File.Copy(directory["model-00003-of-00003.safetensors"], directory["more.safetensors"]);
        ChangeIndex(directory, map => map["model.norm.weight"] = "more.safetensors");
        Assert.Contains("is also in", Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_tensors_are_named()
    {
        using var directory = Copy(Gpt2);
        ChangeHeader(directory, header => header.Replace("\"transformer.h.0.ln_1.bias\"", "\"transformer.h.7.ln_1.bias\"", StringComparison.Ordinal));
        var error = Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path));
        Assert.Equal($"{directory.Path}: tensor `transformer.h.0.ln_1.bias` is missing", error.Message);
    }

    [Fact]
    public void Extra_tensors_are_named()
    {
        using var directory = Copy(Gpt2);
        ChangeConfig(directory, "n_layer", "1");
        var error = Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path));
        Assert.Contains("tensors `transformer.h.1.attn.c_attn.bias`, `transformer.h.1.attn.c_attn.weight`, ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("and 7 more are not part of a gpt2 model", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_misshapen_tensor_is_named_with_both_shapes()
    {
        using var directory = Copy(Gpt2);
        ChangeConfig(directory, "vocab_size", "200");
        Assert.Equal($"{directory["model.safetensors"]}: tensor `transformer.wte.weight`: shape is [192, 32]; config.json asks for [200, 32]",
            Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path)).Message);
    }

    [Fact]
    public void A_weight_of_integers_is_named()
    {
        using var directory = Copy(Gpt2);
        ChangeHeader(directory, header =>
        {
            var json = JsonNode.Parse(header)!;
            json["transformer.wpe.weight"]!["dtype"] = "I32";
            return json.ToJsonString();
        });
        Assert.Contains("tensor `transformer.wpe.weight`: dtype is I32; expected F32, F16 or BF16",
            Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("transformer.wte.weight", float.NaN)]
    [InlineData("transformer.h.1.attn.c_attn.weight", float.PositiveInfinity)]
    [InlineData("transformer.h.0.mlp.c_fc.bias", float.NegativeInfinity)]
    [InlineData("transformer.ln_f.weight", float.NaN)]
    public void A_weight_that_is_not_finite_is_named_while_loading(string tensor, float value)
    {
        const int Element = 21;
        using var directory = Copy(Gpt2);
        long offset;
        using (var file = SafeTensorsFile.Open(directory["model.safetensors"])) offset = file.Tensors[tensor].Offset + (4 * Element);
        byte[] bytes = File.ReadAllBytes(directory["model.safetensors"]);
        BitConverter.GetBytes(value).CopyTo(bytes, offset);
        File.WriteAllBytes(directory["model.safetensors"], bytes);
        foreach (string name in Backends.All)
        {
            using var backend = Backends.Create(name);
            var error = Assert.Throws<ModelException>(() => Decoder.Load(directory.Path, backend).Dispose());
            Assert.Equal($"{directory["model.safetensors"]}: tensor `{tensor}`: element {Element} is NaN or infinite", error.Message);
        }
    }

    [Fact]
    public void A_truncated_file_is_refused()
    {
        using var directory = Copy(Gpt2);
        byte[] bytes = File.ReadAllBytes(directory["model.safetensors"]);
        File.WriteAllBytes(directory["model.safetensors"], bytes[..^1000]);
        var error = Assert.Throws<ModelException>(() => ModelDirectory.Open(directory.Path));
        Assert.Contains("lie outside", error.Message, StringComparison.Ordinal);
        Assert.Contains("incomplete", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tokenizer_with_more_tokens_than_the_model_is_refused()
    {
        using var backend = new ReferenceBackend();
        string directory = Path.Combine(Fixtures.Root("models"), Gpt2);
        var error = Assert.Throws<ModelException>(() => Decoder.Load(directory, backend, vocabularySize: 193));
        Assert.Equal($"{directory}: the tokenizer has 193 tokens, the model 192", error.Message);
    }

    [Fact]
    public void What_a_directory_holds_is_known_before_its_weights_are_read()
    {
        using var model = ModelDirectory.Open(Path.Combine(Fixtures.Root("models"), Llama));
        Assert.Equal(ElementType.BF16, model.Stored);
        Assert.Equal(3, model.Files.Count);
        Assert.Equal(2, model.EndOfText);
        Assert.Equal(model.Tensors.Values.Sum(t => t.Shape.Aggregate(1L, (x, y) => x * y)), model.Config.Parameters);
        Assert.Equal(2 * model.Config.Parameters, model.Config.WeightBytes(model.Stored));
    }

    [Theory]
    [InlineData("null", null)]
    [InlineData("7", 7)]
    [InlineData("[128001, 128009]", 128001)]
    [InlineData("[]", null)]
    public void The_end_of_text_is_the_first_that_the_config_names(string value, int? expected)
    {
        using var directory = Copy(Gpt2);
        ChangeConfig(directory, "eos_token_id", value);
        using var model = ModelDirectory.Open(directory.Path);
        Assert.Equal(expected, model.EndOfText);
    }

    [Theory]
    [InlineData("llama-gqa-tied", "\"model.", "\"")]
    [InlineData("gpt2-tied", "\"transformer.", "\"")]
    [InlineData("gptneox-parallel", "\"gpt_neox.", "\"")]
    [InlineData("opt", "\"model.decoder.", "\"decoder.")]
    [InlineData("opt", "\"model.decoder.", "\"")]
    public void Names_without_their_prefix_are_the_same_tensors(string fixture, string prefix, string shorter)
    {
        using var directory = Copy(fixture);
        using var backend = new ReferenceBackend();
        float[] before = Losses(directory.Path, backend);
        ChangeHeader(directory, header => header.Replace(prefix, shorter, StringComparison.Ordinal));
        Assert.Equal(before, Losses(directory.Path, backend));
    }

    [Fact]
    public void Parts_of_a_fused_matrix_may_be_stored_in_different_types()
    {
        // Keys that BF16 can hold, once as F32 and once as BF16.
        using var directory = Copy("llama-gqa-tied");
        using var backend = new ReferenceBackend();
        var (header, data) = SafeTensorsBytes.Split(File.ReadAllBytes(directory["model.safetensors"]));
        var json = JsonNode.Parse(header)!.AsObject();
        const string Keys = "model.layers.0.self_attn.k_proj.weight";
        int begin = json[Keys]!["data_offsets"]![0]!.GetValue<int>();
        int end = json[Keys]!["data_offsets"]![1]!.GetValue<int>();
        for (int i = begin; i < end; i += 4) data[i] = data[i + 1] = 0;
        directory.Write("model.safetensors", SafeTensorsBytes.Of(header, data));
        float[] before = Losses(directory.Path, backend);

        byte[] upper = [.. Enumerable.Range(0, (end - begin) / 2).Select(i => data[begin + (i / 2 * 4) + 2 + (i % 2)])];
        json[Keys]!["dtype"] = "BF16";
        foreach (var (name, entry) in json)
        {
            if (name == "__metadata__") continue;
            int first = entry!["data_offsets"]![0]!.GetValue<int>();
            int last = entry["data_offsets"]![1]!.GetValue<int>();
            int Moved(int offset) => offset >= end ? offset - upper.Length : offset;
            entry["data_offsets"] = new JsonArray(Moved(first), Moved(last));
        }

        directory.Write("model.safetensors", SafeTensorsBytes.Of(json.ToJsonString(), [.. data[..begin], .. upper, .. data[end..]]));
        Assert.Equal(before, Losses(directory.Path, backend));
    }

    private static float[] Losses(string directory, ReferenceBackend backend)
    {
        using var decoder = Decoder.Load(directory, backend);
        using var pass = new DecoderPass(decoder, backend, 32);
        var batch = new TokenBatch(32);
        batch.AddText([.. Enumerable.Range(1, 30)]);
        var loss = new float[batch.Tokens];
        pass.Score(batch, loss, [], []);
        return loss;
    }

    private static TemporaryDirectory Copy(string fixture)
    {
        var directory = new TemporaryDirectory();
        foreach (string file in Directory.EnumerateFiles(Path.Combine(Fixtures.Repository, "tests", "fixtures", "models", fixture)))
            directory.Write(Path.GetFileName(file), File.ReadAllBytes(file));
        return directory;
    }

    private static void ChangeConfig(TemporaryDirectory directory, string property, string value)
    {
        var config = JsonNode.Parse(File.ReadAllText(directory["config.json"]))!;
        config[property] = JsonNode.Parse(value);
        directory.Write("config.json", config.ToJsonString());
    }

    private static void ChangeIndex(TemporaryDirectory directory, Action<JsonObject> change)
    {
        var index = JsonNode.Parse(File.ReadAllText(directory["model.safetensors.index.json"]))!;
        change(index["weight_map"]!.AsObject());
        directory.Write("model.safetensors.index.json", index.ToJsonString());
    }

    private static void ChangeHeader(TemporaryDirectory directory, Func<string, string> change)
    {
        var (header, data) = SafeTensorsBytes.Split(File.ReadAllBytes(directory["model.safetensors"]));
        directory.Write("model.safetensors", SafeTensorsBytes.Of(change(header), data));
    }
}
