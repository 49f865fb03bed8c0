"""What each character of Python source is, according to Python's own tokenizer."""

import io
import keyword
import token as tokens
import tokenize

from lstm_book.checks import check_type

CHARACTER_TAGS = ("space", "name", "keyword", "number", "string", "comment", "operator")
"""The tags, in the order of their numbers.

"space" is all between the tokens: spaces, indentation, line ends, and the backslash that continues
a line. ``True``, ``False`` and ``None`` are keywords; ``match`` and its like are names. Everything
between the quotes of an f-string is part of the string.
"""

_SPACE, _NAME, _KEYWORD, _NUMBER, _STRING, _COMMENT, _OPERATOR = range(len(CHARACTER_TAGS))
_KINDS = {
    tokens.NUMBER: _NUMBER,
    tokens.STRING: _STRING,
    tokens.COMMENT: _COMMENT,
    tokens.OP: _OPERATOR,
}
# From Python 3.12 on an f-string is many tokens.
_F_START, _F_END = getattr(tokens, "FSTRING_START", None), getattr(tokens, "FSTRING_END", None)


def tag_characters(source: str) -> list[int]:
    """Return the tag of each character, its place in `CHARACTER_TAGS`.

    Args:
        source: Python code whose lines end in a line feed.

    Returns:
        One number per character.

    Raises:
        TypeError: If it is no text.
        ValueError: If Python cannot split the code into tokens, or it holds a carriage return.

    >>> source = "x = 1  # one"
    >>> [CHARACTER_TAGS[tag][0] for tag in tag_characters(source)]
    ['n', 's', 'o', 's', 'n', 's', 's', 'c', 'c', 'c', 'c', 'c']
    """
    if "\r" in check_type("source", source, str, "text"):
        raise ValueError("expected lines that end in a line feed, got a carriage return")
    starts = [0]
    for line in source.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    tags = [_SPACE] * len(source)
    strings: list[int] = []  # where the f-strings that are open began
    try:
        for kind, text, (row, column), (end_row, end_column), _ in tokenize.generate_tokens(
            io.StringIO(source).readline
        ):
            start = starts[row - 1] + column
            end = starts[end_row - 1] + end_column
            # A stray "$" is an error token, or from Python 3.12 on an operator that there is not.
            stray = kind == tokens.OP and text not in tokens.EXACT_TOKEN_TYPES
            if stray or (kind == tokens.ERRORTOKEN and not text.isspace()):
                raise ValueError(f"expected Python source, got {text!r} in line {row}")
            if kind == _F_START:
                strings.append(start)
            elif kind == _F_END:
                begin = strings.pop()
                tags[begin:end] = [_STRING] * (end - begin)
            elif kind == tokens.NAME:
                tags[start:end] = [_KEYWORD if keyword.iskeyword(text) else _NAME] * (end - start)
            elif kind in _KINDS:
                tags[start:end] = [_KINDS[kind]] * (end - start)
    except (tokenize.TokenError, SyntaxError) as error:
        raise ValueError(f"expected Python source, got an error from its tokenizer: {error}") from (
            error
        )
    return tags
