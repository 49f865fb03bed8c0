"""What the draw functions share: checked arrays, and labels beside the curves."""

import math
from numbers import Real
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Annotation, Text
from matplotlib.ticker import LogFormatterSciNotation, LogLocator
from numpy.typing import NDArray

from lstm_book.plotting.style import colour_of

Array = NDArray[np.float64]

SIGNED = "lstm_diverging"  # the name of the map that has nothing for zero
_LINE = 1.12  # from one end label to the next above it, in their heights
# Artist labels: what show() moves apart, and what it draws a rim of page colour around.
_END_LABEL, HALO = "_end label", "_halo"  # legends skip an underscore


def check_axes(ax: Any) -> None:
    """Raise TypeError unless it is something to draw on."""
    if not isinstance(ax, Axes):
        raise TypeError(f"expected ax to be Matplotlib axes, got {type(ax).__name__}")


def as_number(value: Any, name: str) -> float:
    """Return a finite number.

    Raises:
        TypeError: If it is no number.
        ValueError: If it is NaN or infinite.
    """
    if isinstance(value, bool) or not (isinstance(value, Real) or hasattr(value, "__float__")):
        raise TypeError(f"expected {name} to be a number, got {type(value).__name__}")
    found = float(value)
    if not math.isfinite(found):
        raise ValueError(f"expected {name} to be finite, got {found}")
    return found


def as_array(
    values: Any, name: str, *shapes: str, nan: Literal["refused", "a gap"] = "refused"
) -> Array:
    """Return the values as a float array after checking its rank and that it is not empty.

    Args:
        values: Numbers, a NumPy array or a torch tensor (detached and moved to the CPU).
        name: What the caller calls it, for the message.
        *shapes: The accepted shapes, each as letters: ``"T"``, ``"TH"``.
        nan: Where a value may be NaN: nowhere, or anywhere, for who draws a gap.

    Raises:
        TypeError: If the values are no real numbers.
        ValueError: If the rank is none of them, an axis is empty, a value is NaN that may not be,
            or all are.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = values if values.is_complex() else values.double()
    try:
        array = np.asarray(values)
        if array.dtype.kind not in "biufO":
            raise TypeError(f"{array.dtype} values")
        array = array.astype(np.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise TypeError(f"expected {name} to be real numbers, got {error}") from None
    wanted = " or ".join(f"({', '.join(s)}{',' if len(s) == 1 else ''})" for s in shapes)
    if array.ndim not in {len(shape) for shape in shapes} or array.size == 0:
        raise ValueError(f"expected {name} of shape {wanted}, not empty, got {array.shape}")
    lost = np.isnan(array)
    if lost.any() and (nan == "refused" or lost.all()):
        raise ValueError(f"expected {name} without NaN, got {int(lost.sum())} NaN")
    return array


def require_same_length(**arrays: Array) -> None:
    """Raise ValueError unless all arrays have the same first axis."""
    if len({len(array) for array in arrays.values()}) > 1:
        found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"expected the same number of steps in all, got {found}")


def number(value: float, fmt: str) -> str:
    """Write a number with a minus sign rather than a hyphen.

    Raises:
        ValueError: If it is no number, or the format no format of one number.
    """
    try:
        return fmt.format(value).replace("-", "−")
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"expected a number and its format, such as '{{:.2f}}', got {value!r} and {fmt!r}"
        ) from error


def label_end(ax: Axes, x: float, y: float, text: str, colour: str) -> None:
    """Write a curve's name at its right end, in its colour.

    Args:
        ax: The axes.
        x: Where the curve ends.
        y: Where the curve ends.
        text: Its name, short: 14 characters are a quarter of the figure's width.
        colour: A palette name, or a colour.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If x or y is not finite: there would be no label.
    """
    check_axes(ax)
    x, y = as_number(x, "x"), as_number(y, "y")
    if not isinstance(text, str):
        raise TypeError(f"expected text to be a str, got {type(text).__name__}")
    ax.margins(x=0.01)  # the frame ends where the names begin
    ax.annotate(
        text,
        (x, y),
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
        color=colour_of(colour),
        fontsize=10,
        annotation_clip=False,
        label=_END_LABEL,
    )


class PlainLogFormatter(LogFormatterSciNotation):
    """Write 10⁻⁹, but 0.03 rather than 3 × 10⁻² on an axis of three decades or less.

    Between powers of ten, an axis of one to two decades has a number at 3 only.
    """

    def __call__(self, x: float, pos: int | None = None) -> str:
        text: str = super().__call__(x, pos)
        if self.axis is None:
            return text
        low, high = sorted(self.axis.get_view_interval())
        decades = math.log10(high) - math.log10(low)
        exponent = math.log10(x)
        mantissa = round(10.0 ** (exponent - math.floor(exponent + 1e-9)))
        if mantissa != 1 and decades > 1:
            text = f"{x:g}" if mantissa == 3 and decades < 2.3 else ""
        return f"{x:g}" if text and decades <= 3 and 1e-4 <= x < 1e5 else text


class DecadeLocator(LogLocator):
    """Place at most seven ticks at round powers of ten, 10⁰ among them if it is in view."""

    def tick_values(self, vmin: float, vmax: float) -> Any:
        low, high = sorted((math.log10(max(vmin, 1e-320)), math.log10(max(vmax, 1e-320))))
        if high - low < 2:
            return super().tick_values(vmin, vmax)
        stride = next(s for s in (1, 2, 3, 5, 10, 20, 50, 100, 200) if high - low <= 6 * s)
        powers = np.arange(math.ceil(low / stride), math.floor(high / stride) + 1) * stride
        return 10.0**powers


def log_axis(ax: Axes) -> None:
    """Make the y axis logarithmic, with plain numbers where it is short."""
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(DecadeLocator())
    ax.yaxis.set_major_formatter(PlainLogFormatter())
    ax.yaxis.set_minor_formatter(PlainLogFormatter())


def separate_labels(fig: Figure) -> None:
    """Move the end labels of each axes apart until none overlap, as little as possible."""
    fig.draw_without_rendering()
    for ax in fig.axes:
        labels = [t for t in ax.texts if isinstance(t, Annotation) and t.get_label() == _END_LABEL]
        labels.sort(key=lambda t: t.get_window_extent().x0)
        column: list[Annotation] = []
        right = -math.inf
        for label in labels:
            box = label.get_window_extent()
            if box.x0 > right:
                _separate_column(column, 72 / fig.dpi)
                column, right = [], box.x1
            column.append(label)
            right = max(right, box.x1)
        _separate_column(column, 72 / fig.dpi)


def mark_halos(fig: Figure) -> None:
    """Give the texts that want a rim an id by which the SVG's maker finds them."""
    texts = [t for t in fig.findobj(Text) if t.get_label() in (_END_LABEL, HALO)]
    for count, text in enumerate(texts):
        text.set_gid(f"halo-{count}")


def mark_maps(fig: Figure) -> None:
    """Give maps of signed values an id by which a dark page's style sheet finds them."""
    images = [image for image in fig.findobj(AxesImage) if image.get_cmap().name == SIGNED]
    for count, image in enumerate(images):
        image.set_gid(f"signed-{count}")


def _separate_column(labels: list[Annotation], points: float) -> None:
    """Stack labels that stand above each other: the nearest places in the same order."""
    if not labels:
        return
    boxes = {label: label.get_window_extent() for label in labels}
    labels = sorted(labels, key=lambda label: boxes[label].y0)
    wanted = np.array([boxes[label].y0 for label in labels])
    below = np.cumsum([0.0, *(_LINE * boxes[label].height for label in labels)])[:-1]
    # Without their heights, labels may touch but not pass: least squares with a fixed order.
    blocks: list[list[float]] = []
    for place in wanted - below:
        blocks.append([place])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    places = np.concatenate([np.full(len(b), np.mean(b)) for b in blocks]) + below
    for label, place in zip(labels, places, strict=True):
        dx, dy = label.xyann
        label.xyann = (dx, dy + (place - boxes[label].y0) * points)
