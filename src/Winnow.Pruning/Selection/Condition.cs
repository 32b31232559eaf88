using System.Globalization;
using System.Text;
using Winnow.Data;

namespace Winnow.Pruning.Selection;

/// <summary>
/// A condition on the columns of a score table: comparisons (<c>&lt; &lt;= > >= = == !=</c>) of a column with a number or a
/// quoted text, joined by <c>and</c>, <c>or</c> and parentheses. A comparison with a missing value is false.
/// </summary>
internal abstract record Condition
{
    /// <summary>Reads a condition; an error names the position.</summary>
    public static Condition Parse(string text) => new Parser(text).Parse();

    /// <summary>The columns it looks at, and whether as text.</summary>
    public abstract IEnumerable<(string Column, bool IsText)> Columns { get; }

    /// <summary>Sets holds[r] for every row of the reader's chunk.</summary>
    public abstract void Evaluate(IScoreReader reader, Span<bool> holds);

    private enum Relation { Less, LessOrEqual, Greater, GreaterOrEqual, Equal, NotEqual }

    private sealed record NumberTest(string Column, Relation Test, double Value) : Condition
    {
        public override IEnumerable<(string Column, bool IsText)> Columns => [(Column, false)];

        public override void Evaluate(IScoreReader reader, Span<bool> holds)
        {
            ReadOnlySpan<double> values = reader.Numbers(Column);
            for (int row = 0; row < holds.Length; row++) holds[row] = Holds(values[row]);
        }

        private bool Holds(double value) => Test switch
        {
            Relation.Less => value < Value,
            Relation.LessOrEqual => value <= Value,
            Relation.Greater => value > Value,
            Relation.GreaterOrEqual => value >= Value,
            Relation.Equal => value == Value,
            Relation.NotEqual => !double.IsNaN(value) && value != Value,
            _ => throw new InvalidOperationException($"unknown relation {Test}"),
        };
    }

    private sealed record TextTest(string Column, bool Equal, string Value) : Condition
    {
        private readonly byte[] _value = Encoding.UTF8.GetBytes(Value);

        public override IEnumerable<(string Column, bool IsText)> Columns => [(Column, true)];

        public override void Evaluate(IScoreReader reader, Span<bool> holds)
        {
            TextColumn values = reader.Texts(Column);
            for (int row = 0; row < holds.Length; row++) holds[row] = values[row].SequenceEqual(_value) == Equal;
        }
    }

    private sealed record Junction(Condition Left, Condition Right, bool Both) : Condition
    {
        public override IEnumerable<(string Column, bool IsText)> Columns => Left.Columns.Concat(Right.Columns);

        public override void Evaluate(IScoreReader reader, Span<bool> holds)
        {
            bool[] right = new bool[holds.Length];
            Left.Evaluate(reader, holds);
            Right.Evaluate(reader, right);
            for (int row = 0; row < right.Length; row++) holds[row] = Both ? holds[row] & right[row] : holds[row] | right[row];
        }
    }

    private sealed class Parser(string text)
    {
        private int _at;

        public Condition Parse()
        {
            Condition condition = Alternatives();
            return Peek().Length == 0 ? condition : throw Wrong($"`{Peek()}` where `and`, `or` or the end was expected");
        }

        private Condition Alternatives()
        {
            Condition left = Conjunction();
            while (Accept("or")) left = new Junction(left, Conjunction(), Both: false);
            return left;
        }

        private Condition Conjunction()
        {
            Condition left = Term();
            while (Accept("and")) left = new Junction(left, Term(), Both: true);
            return left;
        }

        private Condition Term()
        {
            if (!Accept("(")) return Comparison();
            Condition inner = Alternatives();
            return Accept(")") ? inner : throw Wrong($"{Named(Peek())} where `)` was expected");
        }

        private Condition Comparison()
        {
            string column = Peek();
            if (column.Length == 0 || !(char.IsLetter(column[0]) || column[0] == '_'))
                throw Wrong($"{Named(column)} where a column was expected");
            Skip();
            Relation relation = ReadRelation();
            string value = Peek();
            if (value.Length >= 2 && value[0] is '\'' or '"')
            {
                if (relation is not (Relation.Equal or Relation.NotEqual)) throw Wrong("a text can only be compared with `=` or `!=`");
                Skip();
                return new TextTest(column, relation == Relation.Equal, value[1..^1]);
            }

            if (!double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) || double.IsNaN(number))
                throw Wrong($"{Named(value)} where a number or a quoted text was expected");
            Skip();
            return new NumberTest(column, relation, number);
        }

        private Relation ReadRelation()
        {
            Relation? found = Peek() switch
            {
                "<" => Relation.Less,
                "<=" => Relation.LessOrEqual,
                ">" => Relation.Greater,
                ">=" => Relation.GreaterOrEqual,
                "=" or "==" => Relation.Equal,
                "!=" => Relation.NotEqual,
                _ => null,
            };
            if (found is null) throw Wrong($"{Named(Peek())} where one of < <= > >= = != was expected");
            Skip();
            return found.Value;
        }

        private bool Accept(string token)
        {
            if (!string.Equals(Peek(), token, StringComparison.OrdinalIgnoreCase)) return false;
            Skip();
            return true;
        }

        private void Skip() => _at += Peek().Length;

        /// <summary>The next token, or "" at the end; leaves the position at its first character.</summary>
        private string Peek()
        {
            while (_at < text.Length && char.IsWhiteSpace(text[_at])) _at++;
            if (_at == text.Length) return "";
            char first = text[_at];
            if (first is '(' or ')') return text[_at..(_at + 1)];
            if (first is '<' or '>' or '=' or '!') return text[_at..(_at + (_at + 1 < text.Length && text[_at + 1] == '=' ? 2 : 1))];
            int end = _at + 1;
            if (first is '\'' or '"')
            {
                end = text.IndexOf(first, end);
                return end >= 0 ? text[_at..(end + 1)] : throw Wrong("a text without its closing quote");
            }

            while (end < text.Length && !char.IsWhiteSpace(text[end]) && !"()<>=!'\"".Contains(text[end])) end++;
            return text[_at..end];
        }

        private static string Named(string token) => token.Length == 0 ? "the end" : $"`{token}`";

        private CorpusException Wrong(string found) => new(
            "condition", $"`{text}` has, at character {_at + 1}, {found}",
            "write for example `tokens >= 64 and perplexity < 1000`");
    }
}
