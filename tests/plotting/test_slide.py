"""A slider's positions are the figures that `show` would draw, one by one."""

import json
import re

import pytest
import torch

from lstm_book.plotting import show, slide, subplots

X = torch.linspace(0, 1, 20)
TOKEN = re.compile(r"<[^>]*>|[^<]+")


def drawn():
    """A figure with a line, dots, a bar and a text that follow one number."""
    fig, ax = subplots()
    (line,) = ax.plot(X, X)
    (dots,) = ax.plot([0.5], [0.5], "o")
    bars = ax.bar([0.2, 0.8], [1, 2], width=0.1)
    words = ax.text(0.5, 0.2, "")

    def update(power):
        line.set_ydata(X**power)
        dots.set_ydata([0.5**power])
        bars[0].set_height(power / 4)
        words.set_text(f"power < {power}")

    return fig, update


def without_ids(svg):
    return re.sub(r"lstm-[0-9a-f]{8}-(\d+-)?", "", svg)


@pytest.mark.parametrize("power", [1, 2, 3])
def test_every_position_is_the_figure_drawn_there(power):
    fig, update = drawn()
    sliding = slide(fig, update, [1, 2, 3], start=2, label="power", alt="A curve.")
    told = re.search(r'application/json">(.*?)</script>', sliding._repr_html_())[1]
    moves = json.loads(told)["moves"]
    tokens = TOKEN.findall(sliding.svg)
    for k, move in moves.items():
        (n,) = (n for n, token in enumerate(tokens) if f'data-slide="{k}"' in token)
        for name, values in move.items():
            value = values[power - 1].replace("<", "&lt;")
            if name:
                tokens[n] = re.sub(rf' {name}="[^"]*"', f' {name}="{value}"', tokens[n])
            else:
                tokens[n + 1] = value
    moved = re.sub(r' data-slide="\d+"', "", "".join(tokens))
    fig, update = drawn()
    update(power)
    assert without_ids(moved) == without_ids(show(fig, alt="A curve.").svg)


def test_the_control_says_what_it_sets():
    fig, update = drawn()
    page = slide(fig, update, [1, 2], start=1, label="a & b", alt="A.", fmt="p = {}")._repr_html_()
    assert "a &amp; b" in page
    assert 'max="1" value="0"' in page
    assert "<output>p = 1</output>" in page


def test_what_it_refuses():
    fig, update = drawn()
    with pytest.raises(ValueError, match="start to be one of the values, got 7"):
        slide(fig, update, [1, 2], start=7, label="p", alt="A.")
    (ax,) = fig.axes
    with pytest.raises(ValueError, match="move what is there"):
        slide(fig, lambda k: ax.plot([0, 1], [0, k]), [1, 2], start=1, label="p", alt="A.")
