using System.Text.Json;
using System.Text.Json.Nodes;
using Winnow.Models;
using Winnow.Models.Checkpoints;
using Winnow.Models.Families;
using Xunit;

namespace Winnow.Tests.Models.Families;

/// <summary>What configurations of published models are read as.</summary>
public sealed class FamilyTests
{
    // The properties that decide the shape, from the models' own config.json, and the number of parameters that transformers counts.
    public static TheoryData<string, string, long> Published => new()
    {
        { "gpt2", """{"model_type":"gpt2","n_ctx":1024,"n_embd":768,"n_head":12,"n_layer":12,"n_positions":1024,"vocab_size":50257,"layer_norm_epsilon":1e-05,"activation_function":"gelu_new"}""", 124_439_808 },
        { "gpt2-xl", """{"model_type":"gpt2","n_embd":1600,"n_head":25,"n_layer":48,"n_positions":1024,"vocab_size":50257}""", 1_557_611_200 },
        { "Llama-2-7b", """{"model_type":"llama","hidden_size":4096,"intermediate_size":11008,"max_position_embeddings":4096,"num_attention_heads":32,"num_hidden_layers":32,"num_key_value_heads":32,"rms_norm_eps":1e-05,"rope_scaling":null,"tie_word_embeddings":false,"vocab_size":32000}""", 6_738_415_616 },
        { "Llama-3.2-1B", """{"model_type":"llama","head_dim":64,"hidden_size":2048,"intermediate_size":8192,"max_position_embeddings":131072,"num_attention_heads":32,"num_hidden_layers":16,"num_key_value_heads":8,"rope_scaling":{"factor":32.0,"high_freq_factor":4.0,"low_freq_factor":1.0,"original_max_position_embeddings":8192,"rope_type":"llama3"},"rope_theta":500000.0,"tie_word_embeddings":true,"vocab_size":128256}""", 1_235_814_400 },
        { "Mistral-7B", """{"model_type":"mistral","hidden_size":4096,"intermediate_size":14336,"max_position_embeddings":32768,"num_attention_heads":32,"num_hidden_layers":32,"num_key_value_heads":8,"sliding_window":4096,"tie_word_embeddings":false,"vocab_size":32000}""", 7_241_732_096 },
        { "Qwen2.5-0.5B", """{"model_type":"qwen2","hidden_size":896,"intermediate_size":4864,"max_position_embeddings":32768,"max_window_layers":24,"num_attention_heads":14,"num_hidden_layers":24,"num_key_value_heads":2,"rope_theta":1000000.0,"sliding_window":32768,"tie_word_embeddings":true,"use_sliding_window":false,"vocab_size":151936}""", 494_032_768 },
        { "Qwen3-0.6B", """{"model_type":"qwen3","head_dim":128,"hidden_size":1024,"intermediate_size":3072,"max_position_embeddings":40960,"num_attention_heads":16,"num_hidden_layers":28,"num_key_value_heads":8,"rope_theta":1000000,"sliding_window":null,"tie_word_embeddings":true,"use_sliding_window":false,"vocab_size":151936}""", 596_049_920 },
        { "pythia-70m", """{"model_type":"gpt_neox","hidden_size":512,"intermediate_size":2048,"max_position_embeddings":2048,"num_attention_heads":8,"num_hidden_layers":6,"rotary_emb_base":10000,"rotary_pct":0.25,"tie_word_embeddings":false,"use_parallel_residual":true,"vocab_size":50304}""", 70_426_624 },
        { "OLMo-1B", """{"model_type":"olmo","hidden_size":2048,"intermediate_size":8192,"max_position_embeddings":2048,"num_attention_heads":16,"num_hidden_layers":16,"num_key_value_heads":16,"clip_qkv":null,"tie_word_embeddings":true,"vocab_size":50304}""", 1_176_764_416 },
        { "OLMo-2-7B", """{"model_type":"olmo2","hidden_size":4096,"intermediate_size":11008,"max_position_embeddings":4096,"num_attention_heads":32,"num_hidden_layers":32,"num_key_value_heads":32,"rope_theta":500000,"tie_word_embeddings":false,"vocab_size":100352}""", 7_298_617_344 },
        { "gemma-2-2b", """{"model_type":"gemma2","attn_logit_softcapping":50.0,"final_logit_softcapping":30.0,"head_dim":256,"hidden_activation":"gelu_pytorch_tanh","hidden_size":2304,"intermediate_size":9216,"max_position_embeddings":8192,"num_attention_heads":8,"num_hidden_layers":26,"num_key_value_heads":4,"query_pre_attn_scalar":256,"sliding_window":4096,"vocab_size":256000}""", 2_614_341_888 },
        { "gemma-3-1b", """{"model_type":"gemma3_text","head_dim":256,"hidden_activation":"gelu_pytorch_tanh","hidden_size":1152,"intermediate_size":6912,"max_position_embeddings":32768,"num_attention_heads":4,"num_hidden_layers":26,"num_key_value_heads":1,"query_pre_attn_scalar":256,"rope_local_base_freq":10000,"rope_theta":1000000,"sliding_window":512,"sliding_window_pattern":6,"vocab_size":262144}""", 999_885_952 },
        { "phi-2", """{"model_type":"phi","hidden_act":"gelu_new","hidden_size":2560,"intermediate_size":10240,"max_position_embeddings":2048,"num_attention_heads":32,"num_hidden_layers":32,"num_key_value_heads":32,"partial_rotary_factor":0.4,"qk_layernorm":false,"tie_word_embeddings":false,"vocab_size":51200}""", 2_779_683_840 },
        { "Phi-3-mini-4k", """{"model_type":"phi3","hidden_size":3072,"intermediate_size":8192,"max_position_embeddings":4096,"num_attention_heads":32,"num_hidden_layers":32,"num_key_value_heads":32,"original_max_position_embeddings":4096,"rope_scaling":null,"sliding_window":2047,"tie_word_embeddings":false,"vocab_size":32064}""", 3_821_079_552 },
        // transformers also counts the two rows before position 0, which no token can reach.
        { "opt-125m", """{"model_type":"opt","activation_function":"relu","do_layer_norm_before":true,"ffn_dim":3072,"hidden_size":768,"max_position_embeddings":2048,"num_attention_heads":12,"num_hidden_layers":12,"vocab_size":50272,"word_embed_proj_dim":768}""", 125_239_296 - (2 * 768) },
    };

    [Theory]
    [MemberData(nameof(Published))]
    public void Published_models_have_their_number_of_parameters(string name, string json, long parameters)
    {
        Assert.NotEmpty(name);
        Assert.Equal(parameters, Read(json).Parameters);
    }

    [Fact]
    public void Every_family_has_a_fixture()
    {
        var seen = Fixtures.Names("models", "config.json")
            .Select(name => JsonNode.Parse(File.ReadAllText(Path.Combine(Fixtures.Root("models"), name, "config.json")))!["model_type"]!.GetValue<string>());
        Assert.Empty(Family.All.Keys.Except(seen));
    }

    [Fact]
    public void Both_spellings_of_a_rotary_config_are_read_alike()
    {
        const string Rest = "\"model_type\":\"llama\",\"hidden_size\":32,\"intermediate_size\":48,\"max_position_embeddings\":128,\"num_attention_heads\":4,\"num_hidden_layers\":2,\"vocab_size\":192";
        foreach (string scaling in new[]
        {
            "\"rope_type\":\"linear\",\"factor\":2.0",
            "\"rope_type\":\"llama3\",\"factor\":8.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,\"original_max_position_embeddings\":32",
            "\"rope_type\":\"default\"",
        })
        {
            var old = Read($"{{{Rest},\"rope_theta\":500000.0,\"rope_scaling\":{{{scaling}}}}}");
            var now = Read($"{{{Rest},\"rope_parameters\":{{\"rope_theta\":500000.0,{scaling}}}}}");
            var oldest = Read($"{{{Rest},\"rope_theta\":500000.0,\"rope_scaling\":{{{scaling.Replace("rope_type", "type", StringComparison.Ordinal)}}}}}");
            Assert.Equal(500000, now.Rotary!.Base);
            Assert.Equivalent(old, now, strict: true);
            Assert.Equivalent(old, oldest, strict: true);
        }
    }

    [Fact]
    public void Partial_rotary_is_read_in_both_spellings()
    {
        const string Rest = "\"model_type\":\"gpt_neox\",\"hidden_size\":64,\"intermediate_size\":48,\"max_position_embeddings\":128,\"num_attention_heads\":2,\"num_hidden_layers\":2,\"vocab_size\":192";
        var old = Read($"{{{Rest},\"rotary_pct\":0.5,\"rotary_emb_base\":5000}}");
        var now = Read($"{{{Rest},\"rope_parameters\":{{\"rope_type\":\"default\",\"rope_theta\":5000.0,\"partial_rotary_factor\":0.5}}}}");
        Assert.Equal(16, now.RotaryWidth);
        Assert.Equivalent(old, now, strict: true);
        Assert.Equal(8, Read($"{{{Rest}}}").RotaryWidth);
    }

    [Fact]
    public void Windows_are_where_each_family_puts_them()
    {
        bool[] Windows(string name) =>
            [.. Enumerable.Range(0, Published.Single(row => row.Data.Item1 == name) is var row ? Read(row.Data.Item2).Layers : 0).Select(layer => Read(row.Data.Item2).IsWindowed(layer))];

        Assert.All(Windows("Mistral-7B"), Assert.True);
        Assert.All(Windows("Qwen2.5-0.5B"), Assert.False);
        Assert.Equal([true, false, true, false], Windows("gemma-2-2b")[..4]);
        Assert.Equal([true, true, true, true, true, false, true], Windows("gemma-3-1b")[..7]);
        Assert.All(Windows("Phi-3-mini-4k"), Assert.True);
    }

    [Fact]
    public void Longrope_has_two_sets_of_angles_and_a_scale_for_both()
    {
        var config = Read(
            """
            {"model_type":"phi3","hidden_size":16,"intermediate_size":48,"max_position_embeddings":131072,"num_attention_heads":2,"num_hidden_layers":1,"vocab_size":192,
             "original_max_position_embeddings":4096,"rope_theta":10000.0,"rope_scaling":{"type":"longrope","short_factor":[1.0,1.1,1.2,1.3],"long_factor":[1.5,2.5,4.0,64.0]}}
            """);
        var rotary = config.Rotary!;
        double scale = Math.Sqrt(1 + (Math.Log(32) / Math.Log(4096)));
        Assert.Equal(scale, rotary.AttentionFactor, 1e-12);
        Assert.False(rotary.IsLong(4096));
        Assert.True(rotary.IsLong(4097));
        float[] shorter = rotary.Table(8, 4, isLong: false);
        float[] longer = rotary.Table(8, 4, isLong: true);
        double power = Math.Pow(10000, 2.0 / 8);
        Assert.Equal(scale * Math.Cos(3 / (1.1 * power)), shorter[(3 * 8) + 1], 1e-6);
        Assert.Equal(scale * Math.Sin(3 / (2.5 * power)), longer[(3 * 8) + 4 + 1], 1e-6);
    }

    [Theory]
    [InlineData(12, 768, 12, 50257, 1024)]
    [InlineData(6, 384, 6, 16384, 512)]
    [InlineData(2, 32, 4, 192, 96)]
    public void The_operations_of_a_gpt2_shape_follow_the_formula(int layers, int width, int heads, int vocabulary, int context)
    {
        double expected = (24.0 * layers * width * width) + (2.0 * width * vocabulary) + (2.0 * layers * width * context);
        Assert.Equal(expected, Presets.Gpt2(layers, width, heads, vocabulary, context).ForwardFlops(context));
    }

    [Fact]
    public void A_window_saves_operations_only_where_it_is_shorter_than_the_context()
    {
        var full = Presets.Llama(layers: 2, width: 64, heads: 4, keyValueHeads: 2, hiddenWidth: 96, vocabularySize: 100, maxLength: 256);
        var windowed = full with { Window = 64, WindowedLayers = [true, false] };
        Assert.Equal(full.ForwardFlops(64), windowed.ForwardFlops(64));
        Assert.True(windowed.ForwardFlops(256) < full.ForwardFlops(256));
    }

    [Fact]
    public void Every_preset_is_valid_and_an_unknown_one_lists_them()
    {
        foreach (string name in Presets.Names) Presets.Named(name).Validate(name);
        Assert.Equal(124_439_808, Presets.Named("gpt2-124m").Parameters);
        Assert.Equal(777, Presets.Named("small", vocabularySize: 777).VocabularySize);
        Assert.Contains("gpt2-124m", Assert.Throws<ModelException>(() => Presets.Named("gpt2-125m")).Message, StringComparison.Ordinal);
    }

    private static DecoderConfig Read(string json)
    {
        using var document = JsonDocument.Parse(json);
        var file = new ConfigFile("config.json", document.RootElement);
        var config = Family.Of(file).Read(file);
        config.Validate("config.json");
        return config;
    }
}
