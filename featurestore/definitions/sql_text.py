"""The canonical form of SQL text: its tokens, without comments and white space.

The form belongs to this module: no parser stands behind it whose next release could move a fingerprint. The dialect is
not known here, so wherever dialects read the same characters differently the text is taken as it stands: a fingerprint
may change without need, it must not stay when the meaning changed.
"""

import re

from featurestore.errors import DefinitionError

__all__ = ["canonical_sql"]

_SPACE = re.compile(r"[ \t\n\r\f\v]+")
_LINE_COMMENT = re.compile(r"--[^\r\n]*")
_BLOCK_COMMENT_EDGE = re.compile(r"/\*|\*/")
_PUNCTUATION = frozenset("()[],;")
_OPERATOR = re.compile(r"(?:(?!--|/\*|//|#)[-+*/<>=~!@%^&|?:])+")
_DOLLAR_QUOTE = re.compile(r"\$(?:[A-Za-z_]\w*)?\$")
_UNICODE_PREFIX = re.compile(r"[uU]&(?=['\"])")
_EXPONENT = re.compile(r"(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE][-+]\d")
_WORD = re.compile(r"[^ \t\n\r\f\v()\[\],;\-+*/<>=~!@%^&|?:#'\"`$]+|\$")
_QUOTES = "'\"`"
# An operator of these characters alone does not end in a sign: `a=-1` is `a = -1`.
_PLAIN_OPERATOR = re.compile(r"[-+*/<>=:]+")


class _Doubt(Exception):  # noqa: N818 - a signal between the functions of this module
    """Dialects disagree about where a token ends."""


def canonical_sql(sql: str) -> list[str]:
    r"""The tokens of SQL text, each as it is written.

    Dropped are white space, ``--`` comments and ``/* */`` comments outside literals. Kept as written are letter case,
    literals, quoted names and ``{placeholders}``. A run of words, dots, braces, literals and quoted names without
    white space between them is one token (``{orders}.amount``, ``DATE'2024-01-01'``, ``1.5e-3``), so that no
    substitution or prefix can be confused with its neighbor.

    Where the dialects part ways, the rest of the text becomes one last token, comments and white space included:
    ``#`` and ``//`` (comment or operator), a backslash before a quote (escape or not), ``'''`` when it may be a triple
    quote, a ``--`` comment that ends in a backslash or a lone carriage return. Block comments inside block comments and
    the executable ``/*+ */`` and ``/*! */`` are tokens. A line break between two adjacent literals is the token
    ``"\n"``, since it joins them in some dialects. Square brackets are operators, not quotes.

    Raises:
        DefinitionError: A literal, quoted name or comment has no end; the message says where it begins.
    """
    tokens: list[str] = []
    position = gap = 0
    while position < len(sql):
        try:
            kept, end = _next_token(sql, position)
        except _Doubt:
            kept, end = True, len(sql)
        if kept:
            token = sql[position:end]
            if tokens and tokens[-1][-1] in _QUOTES and token[0] in _QUOTES and "\n" in sql[gap:position]:
                tokens.append("\n")
            tokens.append(token)
            gap = end
        position = end
    return tokens


def _next_token(sql: str, start: int) -> tuple[bool, int]:
    """Whether the piece at ``start`` is kept, and where it ends."""
    if space := _SPACE.match(sql, start):
        return False, space.end()
    if comment := _LINE_COMMENT.match(sql, start):
        return False, _line_comment_end(sql, comment.end())
    if sql.startswith("/*", start):
        end, plain = _block_comment_end(sql, start)
        return not plain, end
    if sql.startswith(("#", "//"), start):
        raise _Doubt
    if sql[start] in _PUNCTUATION:
        return True, start + 1
    if operator := _OPERATOR.match(sql, start):
        return True, _operator_end(sql, start, operator.end())
    return True, _run_end(sql, start)


def _line_comment_end(sql: str, end: int) -> int:
    if sql[end - 1] == "\\" or (sql.startswith("\r", end) and not sql.startswith("\r\n", end)):
        raise _Doubt
    return end


def _block_comment_end(sql: str, start: int) -> tuple[int, bool]:
    """Where the comment ends, and whether every dialect reads it as a comment that ends there."""
    depth, plain = 0, not sql.startswith(("/*+", "/*!"), start)
    position = start
    while edge := _BLOCK_COMMENT_EDGE.search(sql, position):
        position = edge.end()
        depth += 1 if edge.group() == "/*" else -1
        plain = plain and depth <= 1
        if depth == 0:
            return position, plain
    raise _unterminated(sql, start, "comment", "*/")


def _operator_end(sql: str, start: int, end: int) -> int:
    while end - start > 1 and sql[end - 1] in "+-" and _PLAIN_OPERATOR.fullmatch(sql, start, end):
        end -= 1
    return end


def _run_end(sql: str, start: int) -> int:
    """The end of a run of words and quoted pieces that touch."""
    position = start
    while position < len(sql):
        if sql[position] in _QUOTES:
            position = _quoted_end(sql, position, escapes=sql[start:position] in {"e", "E"})
        elif dollar := _DOLLAR_QUOTE.match(sql, position):
            position = _dollar_quoted_end(sql, start, dollar)
        elif piece := (_UNICODE_PREFIX.match(sql, position) or _EXPONENT.match(sql, position)):
            position = piece.end()
        elif word := _WORD.match(sql, position):
            position = word.end()
        else:
            break
    return position


def _dollar_quoted_end(sql: str, run_start: int, opening: re.Match[str]) -> int:
    if opening.start() != run_start:
        raise _Doubt  # a name may hold dollars: `a$$b$$`
    closing = sql.find(opening.group(), opening.end())
    if closing < 0:
        raise _unterminated(sql, opening.start(), "literal", opening.group())
    return closing + len(opening.group())


def _quoted_end(sql: str, start: int, *, escapes: bool) -> int:
    """The end of a quoted piece; a doubled quote is part of its text, with ``escapes`` also one after a backslash."""
    quote = sql[start]
    end = _closing_quote(sql, start, escapes=escapes)
    if quote != "`" and sql.startswith(quote * 3, start):
        triple = sql.find(quote * 3, start + 3)
        if triple < 0 or triple + 3 != end:
            raise _Doubt
    if end is None:
        name = "literal" if quote == "'" else "quoted name or literal"
        raise _unterminated(sql, start, name, quote)
    return end


def _closing_quote(sql: str, start: int, *, escapes: bool) -> int | None:
    quote, position = sql[start], start + 1
    while (position := sql.find(quote, position)) >= 0:
        before = sql[start + 1 : position]
        backslashes = len(before) - len(before.rstrip("\\"))
        if backslashes % 2:
            if not escapes:
                raise _Doubt
            position += 1
        elif sql.startswith(quote, position + 1):
            position += 2
        else:
            return position + 1
    return None


def _unterminated(sql: str, start: int, what: str, closing: str) -> DefinitionError:
    line = sql.count("\n", 0, start) + 1
    column = start - (sql.rfind("\n", 0, start) + 1) + 1
    return DefinitionError(
        f"The SQL has a {what} that begins at line {line}, column {column} and does not end.",
        where=f"line {line}, column {column}",
        hint=f"Close it with {closing}",
    )
