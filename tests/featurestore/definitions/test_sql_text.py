"""The tokens of SQL text decide what is the same query."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featurestore.definitions.sql_text import canonical_sql
from featurestore.errors import DefinitionError

_TOKENS = st.sampled_from(
    [
        *(
            "SELECT",
            "from",
            "{orders}",
            "{orders}.amount",
            "a",
            "t1.b",
            '"q ""x"',
            "`y z`",
            "E'it\\'s'",
            "$$it's -- $$",
        ),
        *("'lit -- x'", "'/* */'", "1", "1.5e-3", ".5", "(", ")", "[", "]", ",", ";", "+", "-", "*", "::", "<=", "<>"),
        *("||", "->", "->>", ":=", "=", "?", "@", "U&'d'", "DATE'2024-01-01'", "$1", "{'a'", "}"),
    ]
)
_SPACES = st.lists(st.sampled_from([" ", "\t", "\n", "/* c ' */", "-- it's\n", "--\n", "/**/"]), min_size=1).map(
    lambda parts: f" {''.join(parts)} "
)


def _without_adjacent_literals(tokens: list[str]) -> list[str]:
    kept: list[str] = []
    for token in tokens:
        if not (kept and kept[-1][-1] in "'\"`" and token[0] in "'\"`"):
            kept.append(token)
    return kept


@given(st.lists(_TOKENS, max_size=15).map(_without_adjacent_literals), st.data())
def test_comments_and_white_space_between_tokens_change_nothing(tokens: list[str], data: st.DataObject) -> None:
    spaced = "".join(token + data.draw(_SPACES) for token in tokens)
    assert canonical_sql(spaced) == tokens


@given(st.text(max_size=8), st.text(max_size=8), st.sampled_from(["'", '"', "`"]))
def test_a_changed_character_in_a_literal_changes_the_tokens(one: str, other: str, quote: str) -> None:
    first, second = (f"f({quote}{text.replace(quote, quote * 2)}{quote}) + 1" for text in (one, other))
    assert (canonical_sql(first) == canonical_sql(second)) == (one == other)


@given(st.text(alphabet="ab1 .'\"`$-+/*<>=|{}[](),#\\\nEeUu&", max_size=14))
def test_tokens_written_with_spaces_between_read_as_the_same_tokens(sql: str) -> None:
    try:
        tokens = canonical_sql(sql)
    except DefinitionError:
        return
    if "\n" in tokens or any(mark in sql for mark in ("#", "//", "\\", "'''", '"""', "$$")):
        return  # where dialects differ the rest is kept as it is
    separated = [token + ("\n" if token.startswith("/*") else " ") for token in tokens]
    assert canonical_sql("".join(separated)) == tokens


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a - -b", "a --b"),
        ("a < -1", "a << 1"),
        ("a->b", "a - > b"),
        ("1.5", "1 .5"),
        ("1e-5", "1e - 5"),
        ("'a' 'b'", "'a''b'"),
        ("'a' 'b'", "'a'\n'b'"),
        ("U&'d\\0061t'", "U & 'd\\0061t'"),
        ("E'x'", "E 'x'"),
        ("x_{name}", "x_ {name}"),
        ("{name}", "{ name }"),
        ("'a  b'", "'a b'"),
        ('"A"', '"a"'),
        ("a/**/b", "ab"),
        ("'it\\'s -- x'\n", "'it\\'s -- y'\n"),
        ("'a\\' || b -- '\n, c", "'a\\' || b -- '\n"),
        ("SELECT 1 # /*\n + 2 # */", "SELECT 1 # /*\n + 3 # */"),
        ("SELECT 1 # a\n + b", "SELECT 1 # a + b"),
        ("1 // /*\n + 1 // */", "1 // /*\n + 2 // */"),
        ("'''it's /*''' + 1 /* '*/", "'''it's /*''' + 2 /* '*/"),
        ("1 /* /* */ + 1 /* */ */", "1 /* /* */ + 2 /* */ */"),
        ("1 -- \\\n + 2", "1 -- \\\n + 3"),
        ("1 -- a\r + 2", "1 -- b\r + 2"),
        ("SELECT /*! 1 + */ 2", "SELECT 2"),
        ("a$$ -- $$", "a$$ -- "),
        ("a\u00a0b", "a b"),
    ],
)
def test_texts_that_may_differ_in_meaning_differ_in_tokens(one: str, other: str) -> None:
    assert canonical_sql(one) != canonical_sql(other)


def test_signs_stand_apart_from_the_operators_before_them() -> None:
    assert canonical_sql("a=-1 AND b<-+2") == ["a", "=", "-", "1", "AND", "b", "<", "-", "+", "2"]


def test_backslashes_in_pairs_end_a_literal_in_every_dialect() -> None:
    assert canonical_sql(r"'C:\\'  ,  x") == [r"'C:\\'", ",", "x"]


def test_a_query_of_usual_shape() -> None:
    sql = "SELECT o.id, amount::double -- paid\nFROM {orders} AS o /* all */ WHERE status = 'it''s paid' AND n >= 1.5"
    assert canonical_sql(sql) == [
        *("SELECT", "o.id", ",", "amount", "::", "double", "FROM", "{orders}", "AS", "o", "WHERE"),
        *("status", "=", "'it''s paid'", "AND", "n", ">=", "1.5"),
    ]


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("SELECT\n  'a", "line 2, column 3"),
        ('"a', "line 1, column 1"),
        ("x /* /* */", "line 1, column 3"),
        ("\n\n$tag$ $$", "line 3, column 1"),
        ("SELECT `a", "line 1, column 8"),
    ],
)
def test_what_has_no_end_is_an_error_that_names_its_beginning(sql: str, place: str) -> None:
    with pytest.raises(DefinitionError, match="does not end") as caught:
        canonical_sql(sql)
    assert caught.value.where == place
