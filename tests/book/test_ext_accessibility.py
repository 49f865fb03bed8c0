"""Folded cells, long signatures and references are HTML that says what it is."""

from sphinx_project import CONF, build

FOLDED = """---
file_format: mystnb
kernelspec: {name: python3}
---

# Page

```{code-cell}
:tags: [hide-input]
1 + 1
```
"""
SIGNATURES = """# API

```{py:function} short(a)
```

```{py:function} long(first_parameter: int, second_parameter: float = 1.0) -> None
```
"""


def test_a_fold_is_named_by_what_it_shows(tmp_path):
    conf = {"extensions": [*CONF["extensions"], "accessibility"], "nb_execution_mode": "off"}
    built = build(tmp_path, conf, page=FOLDED)
    (summary,) = built.page("page").xpath("//details/summary")
    assert dict(summary.attrib) == {}
    assert [(e.tag, e.text) for e in summary] == [
        ("span", "Show code cell source"),
        ("span", "Hide code cell source"),
    ]
    assert [span.get("class") for span in summary] == [
        "collapsed fold-title",
        "expanded fold-title",
    ]


def test_the_parameters_of_a_long_signature_are_a_list(tmp_path):
    conf = {"extensions": [*CONF["extensions"], "accessibility"]}
    conf["maximum_signature_line_length"] = 30
    built = build(tmp_path, conf, page=SIGNATURES)
    assert built.warnings == []
    short, long = built.page("page").xpath("//dt[contains(@class, 'sig')]")
    assert not short.xpath(".//ul")
    items = [item.text_content() for item in long.xpath("./ul/li")]
    assert items == ["first_parameter: int,", "second_parameter: float = 1.0,"]
    assert not long.xpath(".//dl | .//dd")
    assert "→ None" in long.text_content()


def test_references_are_items_of_a_list(tmp_path):
    conf = {"extensions": [*CONF["extensions"], "accessibility"]}
    built = build(tmp_path, conf, page="# Page\n\n```{eval-rst}\n[A]_\n\n.. [A] A book.\n```\n")
    (entry,) = built.page("page").xpath("//*[@class='citation']")
    assert entry.get("role") == "listitem"
    assert entry.getparent().get("role") == "list"
