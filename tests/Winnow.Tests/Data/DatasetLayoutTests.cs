using System.Text;
using Winnow.Data;
using Winnow.Data.Corpus;
using Winnow.Data.Parquet;
using Xunit;

namespace Winnow.Tests.Data;

public sealed class DatasetLayoutTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Of_a_data_set_the_train_split_is_read_and_said()
    {
        Write("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "data/test-00000-of-00001.parquet", "data/validation-00000-of-00001.parquet", "data/extra.jsonl");
        _directory.Write("README.md", "---\ndataset_info:\n  features: []\n---\n");
        CorpusReader corpus = Open();
        Assert.Equal(["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"], corpus.Shards.Select(shard => shard.Name));
        Assert.Equal(
            $"{_directory.Path}: a Hugging Face data set, of which split `train`, 2 files are read; left out: 1 file of no split, split `test`, 1 file, split `validation`, 1 file (`--split` chooses)",
            Assert.Single(corpus.Notes));
        Assert.Equal(["data/validation-00000-of-00001.parquet"], Open("validation").Shards.Select(shard => shard.Name));
        Assert.Equal(["data/validation-00000-of-00001.parquet"], Open("dev").Shards.Select(shard => shard.Name));
        Assert.Equal(5, Open("all").Shards.Count);
        Assert.Empty(Open("all").Notes);
        CorpusException error = Assert.Throws<CorpusException>(() => Open("unsupervised"));
        Assert.Contains("no split `unsupervised`; it has `test`, `train`, `validation`", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("en/c4-train.00000-of-00002.json", "en/c4-train.00001-of-00002.json", "en/c4-validation.00000-of-00001.json")]
    [InlineData("default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet", "dataset_infos.json")]
    [InlineData("train.jsonl", "train_more.jsonl", "test.jsonl", "dataset_info.json")]
    [InlineData("data/train-00000-of-00002-a09b74b3ef9c3b56.parquet", "data/train-00001-of-00002-0f9b74b3ef9c3b57.parquet", "data/test-00000-of-00001-1f9b74b3ef9c3b57.parquet")]
    public void Splits_are_told_by_the_names_of_files_and_directories(params string[] files)
    {
        Write(files);
        Assert.Equal(files.Take(2), Open().Shards.Select(shard => shard.Name));
    }

    [Fact]
    public void A_data_set_without_train_has_its_only_split_read_and_is_else_asked_about()
    {
        Write("test-00000-of-00001.parquet");
        Assert.Contains("split `test`, 1 file is read", Assert.Single(Open().Notes), StringComparison.Ordinal);
        Write("dev-00000-of-00001.parquet");
        CorpusException error = Assert.Throws<CorpusException>(() => Open());
        Assert.Contains("no split `train`; it has `test`, `validation`", error.Message, StringComparison.Ordinal);
        Assert.Contains("--split all", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Any_other_directory_is_read_whole()
    {
        Write("train.jsonl", "test.jsonl", "web/imdb-00000-of-00001.jsonl", "cooking-00001-of-00002.jsonl", "cooking-00002-of-00002.jsonl");
        _directory.Write("README.md", "# Some files\n\nconfigs: none\n");
        CorpusReader corpus = Open();
        Assert.Equal(5, corpus.Shards.Count);
        Assert.Empty(corpus.Notes);
    }

    [Fact]
    public void Missing_shards_are_named_unless_the_files_are()
    {
        Write("data/train-00000-of-00004.parquet", "data/train-00002-of-00004.parquet", "data/test-00001-of-00003.parquet");
        CorpusException error = Assert.Throws<CorpusException>(() => Open());
        Assert.Equal(_directory["data"], error.Place);
        Assert.Equal("2 of 4 shards are missing: `train-00001-of-00004.parquet`, `train-00003-of-00004.parquet`", error.Found);
        Assert.Contains("glob", error.Hint, StringComparison.Ordinal);
        Assert.Equal(2, CorpusReader.Open([_directory["data/train-*.parquet"]], new CorpusOptions()).Shards.Count);
        Write("data/train-00001-of-00004.parquet", "data/train-00003-of-00004.parquet");
        Assert.Equal(4, Open().Shards.Count);
        Assert.Contains("2 of 3 shards are missing: `test-00000-of-00003.parquet`, `test-00002-", Assert.Throws<CorpusException>(() => Open("all")).Message, StringComparison.Ordinal);
        Write("many/part-00000-of-00100.jsonl");
        Assert.EndsWith("`part-00008-of-00100.jsonl`, …", Assert.Throws<CorpusException>(() => CorpusReader.Open([_directory["many"]], new CorpusOptions())).Found, StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_that_could_be_two_fields_has_to_be_named_and_a_path_finds_it_in_the_depth()
    {
        string lines = _directory.Write("a.jsonl", "{\"text\": \"one\", \"content\": \"two\", \"document\": 3, \"meta\": {\"id\": \"i\", \"from\": {\"site\": \"s\"}}}\n");
        string table = _directory.Write("a.csv", "content,raw_content\none,two\n");
        CorpusException error = Assert.Throws<CorpusException>(() => CorpusReader.Open([lines], new CorpusOptions()).Read(0).Count());
        Assert.Contains("a.jsonl:1: more than one property could be the text: `text`, `content`", error.Message, StringComparison.Ordinal);
        Assert.Contains("--text-field text", error.Hint, StringComparison.Ordinal);
        error = Assert.Throws<CorpusException>(() => CorpusReader.Open([table], new CorpusOptions()).Read(0).Count());
        Assert.Contains("more than one column could be the text: `content`, `raw_content`", error.Message, StringComparison.Ordinal);
        using (FileStream stream = File.Create(_directory["a.parquet"]))
        {
            using ParquetWriter writer = new(stream, [ParquetColumn.String("document"), ParquetColumn.String("text"), ParquetColumn.Int64("content")]);
            writer[0].Add("one");
            writer[1].Add("two");
            writer[2].Add(3L);
            writer.EndRow();
            writer.Finish();
        }

        error = Assert.Throws<CorpusException>(() => CorpusReader.Open([_directory["a.parquet"]], new CorpusOptions()).Read(0).Count());
        Assert.Contains("more than one column could be the text: `text`, `document`", error.Message, StringComparison.Ordinal);
        Document document = CorpusReader.Open([lines], new CorpusOptions { TextField = "content", IdField = "meta.id", SourceField = "meta.from.site" }).Read(0).Single();
        Assert.Equal(("two", "i", "s"), (Encoding.UTF8.GetString(document.Text.Span), document.Id, document.Source));
    }

    private CorpusReader Open(string? split = null) => CorpusReader.Open([_directory.Path], new CorpusOptions { Split = split });

    private void Write(params string[] files)
    {
        foreach (string file in files) _directory.Write(file, file.EndsWith(".parquet", StringComparison.Ordinal) ? "PAR1" : "{\"text\": \"a\"}\n");
    }
}
