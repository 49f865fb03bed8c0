"""Tags of characters, written out by hand and against Python's own syntax tree."""

import ast
import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_book.data import CHARACTER_TAGS, python_sources, tag_characters

LETTERS = {
    "space": "_",
    "name": "n",
    "keyword": "k",
    "number": "1",
    "string": "s",
    "comment": "c",
    "operator": "o",
}

# Code, and below each character the letter of its tag.
TRICKY = {
    "plain": ("x = 10\n", "n_o_11_"),
    "keywords": ("if not None:\n  pass\n", "kk_kkk_kkkko___kkkk_"),
    "soft keywords are names": ("match = _\n", "nnnnn_o_n_"),
    "string prefix": ("rb'a' + u\"b\"", "sssss_o_ssss"),
    "f-string": ("f'{x!r:>{w}} {{'+y", "s" * 16 + "on"),
    "nested f-string": ("f'{f\"{a}\"}' + b", "sssssssssss_o_n"),
    "triple quotes": ("a = '''x\n # y\n'''\nb", "n_o_sssssssssssss_n"),
    "triple f-string": ("f'''{\nx\n}'''", "s" * 12),
    "hash in a string": ("'#' # '", "sss_ccc"),
    "escaped quote": (r"'\'' + 'a'", "ssss_o_sss"),
    "continued line": ("a = 1 + \\\n  2", "n_o_1_o____" + "_1"),
    "continued string": ("'a\\\nb'", "ssssss"),
    "unicode": ("naïve = 'ü€😀'  # é", "nnnnn_o_sssss__ccc"),
    "character beyond 16 bits": ("'😀'+x", "ssson"),
    "numbers": ("0x_fF+1e-5j+1_0.", "11111o11111o1111"),
    "operators": ("a->b:=c**=d...", "noonoonooonooo"),
    "decorator": ("@a.b\nclass C: ...\n", "onon_kkkkk_no_ooo_"),
    "brackets": ("f(\n  a,  # b\n)\n", "no___no__ccc_o_"),
    "indentation": ("if a:\n\tb\n\n  # c\nd", "kk_no__n____ccc_n"),
    "form feed": ("\x0ca\n\x0cb", "_n__n"),
    "line separators of Unicode are no line ends": ("'\u2028\x85\x0b' + a", "sssss_o_n"),
    "empty": ("", ""),
    "spaces only": ("  \n\n", "____"),
    "no line end": ("a", "n"),
    "comment at the end": ("a#", "nc"),
}


@pytest.mark.parametrize("name", TRICKY)
def test_tags_by_hand(name):
    source, expected = TRICKY[name]
    found = "".join(LETTERS[CHARACTER_TAGS[tag]] for tag in tag_characters(source))
    assert found == expected, f"{source!r}\n{source}\n{found}"
    assert len(found) == len(source)


@pytest.mark.parametrize("name", ["fractions.py", "shlex.py", "zipfile.py", "string.py"])
def test_real_files_against_the_syntax_tree(name):
    """The tree has another parser: names, numbers and strings must lie where it finds them."""
    source = next(file.text for file in python_sources().files if file.name == name)
    tags = tag_characters(source)
    starts = [0]
    for line in source.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    lines = source.split("\n")

    def place(line, column):  # columns of the tree count bytes
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    found = 0
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            wanted = "name"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            wanted = "string"
        elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            wanted = "keyword" if isinstance(node.value, bool) else "number"
        else:
            continue
        begin, end = (
            place(node.lineno, node.col_offset),
            place(node.end_lineno, node.end_col_offset),
        )
        first = CHARACTER_TAGS[tags[begin]]
        if first == "string" and wanted != "string":
            continue  # inside an f-string
        assert first == CHARACTER_TAGS[tags[end - 1]] == wanted, source[begin:end]
        found += 1
    assert found > 100
    words = {CHARACTER_TAGS.index("name"), CHARACTER_TAGS.index("keyword")}
    assert words < set(tags)


@given(st.lists(st.sampled_from(["if", "x", "1.5", "'s'", "# c\n", "+", "(", ")", "\\\n"])))
def test_each_character_has_its_tag_or_the_code_is_refused(pieces):
    source = " ".join(pieces)
    try:
        tags = tag_characters(source)
    except ValueError:
        return
    assert len(tags) == len(source)
    for character, tag in zip(source, tags, strict=True):
        assert CHARACTER_TAGS[tag] != "space" or character in " \n\\"


def test_every_keyword_is_one():
    for word in keyword.kwlist:
        assert set(tag_characters(f"{word} ")[: len(word)]) == {CHARACTER_TAGS.index("keyword")}


@pytest.mark.parametrize(
    "source", ["'open", "'''open", "f(", "if a:\n    b\n  c", "a = $", "a\r\nb", "f'''{"]
)
def test_what_is_no_python_is_refused(source):
    with pytest.raises(ValueError, match="expected"):
        tag_characters(source)
