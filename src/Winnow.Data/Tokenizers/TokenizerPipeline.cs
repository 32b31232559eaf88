namespace Winnow.Data.Tokenizers;

/// <summary>A step from text to pieces.</summary>
internal abstract record Stage;

/// <summary>Rewrites the text.</summary>
internal sealed record TransformStage(Transform Transform) : Stage;

/// <summary>Takes out added tokens; what lies between goes on.</summary>
internal sealed record AddedTokenStage(AddedTokenMatcher Matcher) : Stage;

/// <summary>Cuts the text by hand-written rules.</summary>
internal sealed record SplitterStage(Splitter Splitter) : Stage;

/// <summary>Cuts the text by a translated pattern.</summary>
internal sealed record PatternStage(RegexSplitter Splitter) : Stage;

/// <summary>All that turns text into ids, in order: added tokens as written, normalizers, added tokens as normalized,
/// pre-tokenizers, model.</summary>
internal sealed record TokenizerPipeline(IReadOnlyList<Stage> Stages, SubwordModel Model);
