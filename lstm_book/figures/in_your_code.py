"""Figures and tables of the chapter "Use the package"."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from lstm_book.figures import page
from lstm_book.figures.page import Table
from lstm_book.plotting import MUTED, PALETTE, ThemedFigure, show, subplots

save = partial(page.save, "in_your_code")

_PAIRS = {
    ("fused", "torch.nn.LSTM"): ("fused, against nn.LSTM", "h", "o"),
    ("unrolled", "torch.nn.LSTM"): ("unrolled, against nn.LSTM", "f", "s"),
    ("unrolled", "cell loop"): ("unrolled, against the loop", "c", "D"),
}


def truncation(found: Mapping[str, Tensor], cuts: Sequence[int]) -> ThemedFigure:
    """Draw the truncated gradient against the whole one.

    Args:
        found: Cosine and ratio of norms, (seed, cut, 2), for PyTorch's start and for a forget bias
            of 3.
        cuts: The steps between two cuts.
    """
    fig, axes = subplots(2, height=5.2, sharex=True)
    looks = (("-", "x", 1), ((0, (3, 1.5)), "f", 3))
    for column, (ax, label) in enumerate(zip(axes, ("cosine", "norm ratio"), strict=True)):
        for (name, rows), (style, colour, at) in zip(found.items(), looks, strict=True):
            values = rows[..., column]
            middle = values.median(0).values
            ax.plot(cuts, middle.numpy(), color=PALETTE[colour], ls=style)
            low, high = values.amin(0).numpy(), values.amax(0).numpy()
            ax.fill_between(cuts, low, high, color=PALETTE[colour], alpha=0.2, lw=0)
            place = (cuts[at] * 1.15, float(middle[at]))
            ax.text(*place, name, color=PALETTE[colour], ha="left", va="top")
        ax.axhline(1, color=MUTED, lw=0.8)
        ax.set(ylabel=label)
    axes[-1].set_xscale("log", base=2)
    axes[-1].set_xticks(cuts, [str(k) for k in cuts])
    axes[-1].set(xlabel="steps between two cuts, k")
    return show(
        fig,
        alt="Two panels. With PyTorch's default start, cosine and norm ratio of the truncated "
        "gradient are close to one after a few steps. With forget bias 3 both rise much later.",
    )


def _shapes(bench: Mapping[str, Any]) -> list[tuple[int, ...]]:
    """Return the shapes that were measured, in their order."""
    rows = (row for row in bench["rows"] if row["ours"] != "compiled")
    return list(dict.fromkeys(tuple(row["shape"]) for row in rows))


def speed(bench: Mapping[str, Any]) -> ThemedFigure:
    """Draw the speed of both engines as a multiple of a peer's, by shape."""
    shapes = _shapes(bench)
    fig, axes = subplots(2, height=7.2, sharex=True)
    for ax, mode in zip(axes, ("training step", "inference"), strict=True):
        for k, (pair, (name, letter, marker)) in enumerate(_PAIRS.items()):
            colour = PALETTE[letter]
            for row in bench["rows"]:
                if (row["ours"], row["peer"], row["mode"]) == (*pair, mode):
                    at = len(shapes) - 1 - shapes.index(tuple(row["shape"])) + 0.22 * (1 - k)
                    ax.plot([row["ratio_min"], row["ratio_max"]], [at, at], color=colour, lw=1.4)
                    ax.plot(row["ratio"], at, marker, color=colour, ms=5, lw=0)
            if ax is axes[0]:
                look: dict[str, Any] = {"color": colour, "transform": ax.transAxes}
                ax.text(0.01, 1.28 - 0.075 * k, name, va="top", **look)
                ax.plot(-0.03, 1.255 - 0.075 * k, marker, ms=5, clip_on=False, **look)
        ax.axvline(1, color=MUTED, lw=1)
        ax.set_xscale("log")
        ax.set_xticks([0.03, 0.1, 0.3, 1, 3], ["0.03", "0.1", "0.3", "1", "3"])
        ax.set_yticks(range(len(shapes)), [", ".join(map(str, s)) for s in shapes[::-1]])
        ax.set_ylabel("T, B, D, H")
        ax.set_title(mode, loc="right", fontsize=9)
    axes[1].set(xlabel="speed, as a multiple of the peer's")
    return show(
        fig,
        alt="For each of seven shapes three marks on a logarithmic axis, above for a training step "
        "and below for inference. The fused engine lies at one. The unrolled engine is far slower "
        "than nn.LSTM for small layers and close to it for large ones. Against the tutorial's loop "
        "it is faster for small layers and level for large ones.",
    )


def times(bench: Mapping[str, Any], mode: str) -> Table:
    """Return the times of a mode in milliseconds: both engines' and the loop's, by shape."""
    by = {
        (tuple(row["shape"]), row["peer"]): row
        for row in bench["rows"]
        if (row["ours"], row["mode"]) == ("unrolled", mode)
    }
    rows = []
    for shape in _shapes(bench):
        ours, loop = by[shape, "torch.nn.LSTM"], by[shape, "cell loop"]
        ms = (ours["ours_ms"], ours["peer_ms"], loop["peer_ms"])
        name = ",\N{NO-BREAK SPACE}".join(map(str, shape))
        rows.append((name, *(f"{float(f'{t:.3g}'):g}" for t in ms)))
    return page.table([f"{mode}, ms: T, B, D, H", "unrolled", "`nn.LSTM`", "cell loop"], rows)


def save_speed(bench: Mapping[str, Any]) -> None:
    """Keep what the text says about speed, and check that it may."""
    fused, slow, loop = (
        [row["ratio"] for row in bench["rows"] if (row["ours"], row["peer"]) == pair]
        for pair in _PAIRS
    )
    means = bench["geometric_means"]
    save(fused_low=min(fused), fused_high=max(fused))
    save(slow_worst=1 / min(slow), slow_best=1 / max(slow))
    save(slow_mean=1 / means["unrolled against torch.nn.LSTM"])
    save(loop_mean=means["unrolled against cell loop"])
    save(loop_low=min(loop), loop_high=max(loop))
    assert max(slow) < 1.1
    assert min(slow) < 0.2  # level where the layer is large, and only there


def save_compiled(bench: Mapping[str, Any]) -> None:
    """Keep what compiling costs and gains."""
    rows = {row["mode"]: row for row in bench["rows"] if row["ours"] == "compiled"}
    for mode, key in (("training step", "train"), ("inference", "infer")):
        row, cost = rows[mode], bench["compile_seconds"][mode]
        saved = (row["peer_ms"] - row["ours_ms"]) / 1e3
        pays = f"{float(f'{cost / saved:.1e}'):,.0f}" if saved > 0 else "no number of"
        save({f"compile_{key}": cost, f"gain_{key}": row["ratio"], f"pays_{key}": pays})
    T, B, D, H = rows["inference"]["shape"]
    save(compiled_shape=f"T={T}, B={B}, D={D}, H={H}")
