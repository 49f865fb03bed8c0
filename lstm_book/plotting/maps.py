"""Matrices as images: gates of many units over time, and the state Jacobian."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from lstm_book.plotting._common import HALO, SIGNED, as_array, as_number, check_axes
from lstm_book.plotting.style import INK, MUTED, PALETTE

_NEGATIVE, _POSITIVE = to_rgb(PALETTE["f"]), to_rgb(PALETTE["c"])

#: Zero is transparent, so that it is the page itself, white or dark.
DIVERGING: Colormap = LinearSegmentedColormap.from_list(
    SIGNED,
    [
        (0, (*_NEGATIVE, 1.0)),
        (0.5, (*_NEGATIVE, 0.0)),
        (0.5, (*_POSITIVE, 0.0)),
        (1, (*_POSITIVE, 1.0)),
    ],
    N=511,  # odd: the middle entry is exactly zero
).with_extremes(bad=(0.5, 0.5, 0.5, 0.35))  # where the page means zero, NaN is grey


def draw_heatmap(
    ax: Axes,
    values: Any,
    *,
    vmin: float = 0.0,
    vmax: float = 1.0,
    label: str = "",
    colourbar: bool = True,
) -> Axes:
    """Draw one value per unit and step as an image: time to the right, units upwards.

    If zero lies inside the range, zero is the page's colour and the two signs have a colour
    each; otherwise the map is cividis. A value that is NaN, as a recording is beyond a sequence's
    end, is grey among two signs and otherwise blank.

    Args:
        ax: The axes.
        values: (T, H).
        vmin: Value at the lower end of the colours.
        vmax: Value at the upper end.
        label: What the colours mean, written at the colour bar.
        colourbar: Whether to draw the colour bar.

    Raises:
        ValueError: If the shape is wrong, a value is infinite or all are NaN, or ``vmin`` is not
            below ``vmax``.
    """
    check_axes(ax)
    matrix = as_array(values, "values", "TH", nan="a gap")
    if np.isinf(matrix).any():
        raise ValueError(f"expected finite values, got {int(np.isinf(matrix).sum())} infinite ones")
    vmin, vmax = as_number(vmin, "vmin"), as_number(vmax, "vmax")
    if not vmin < vmax:
        raise ValueError(f"expected vmin < vmax, got {vmin} and {vmax}")
    steps, units = matrix.shape
    cmap = DIVERGING if vmin < 0 < vmax else "cividis"
    image = ax.imshow(
        matrix.T,
        cmap=cmap,
        vmin=vmin,
        vmax=vmax,
        aspect="auto",
        interpolation="none",
        origin="lower",
        extent=(0.5, steps + 0.5, 0.5, units + 0.5),
    )
    ax.grid(False)
    ax.set(xlabel="step t", ylabel="unit")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if colourbar:
        _colourbar(ax, image, label)
    return ax


def draw_jacobian(ax: Axes, J: Any, *, vmax: float | None = None) -> Axes:
    """Draw ∂(h_t, c_t)/∂(h_{t-1}, c_{t-1}) as an image with its four blocks named.

    Rows are outputs, columns inputs, as in J[i, j] = ∂out_i/∂in_j; h comes first.

    Args:
        ax: The axes.
        J: (2H, 2H).
        vmax: Magnitude of full colour; the largest in ``J`` if not given.

    Raises:
        ValueError: If the matrix is not square with an even side, a value is not finite, or vmax
            is not above 0.
    """
    check_axes(ax)
    matrix = as_array(J, "J", "NN")
    if not np.isfinite(matrix).all():
        raise ValueError("expected finite derivatives, got an infinite one")
    side = matrix.shape[0]
    if matrix.shape[1] != side or side % 2:
        raise ValueError(f"expected J of shape (2H, 2H), got {matrix.shape}")
    limit = (float(np.abs(matrix).max()) or 1.0) if vmax is None else as_number(vmax, "vmax")
    if limit <= 0:
        raise ValueError(f"expected vmax above 0, got {vmax}")
    image = ax.imshow(
        matrix,
        cmap=DIVERGING,
        vmin=-limit,
        vmax=limit,
        interpolation="none",
        extent=(0, side, side, 0),
    )
    half = side / 2
    ax.axhline(half, color=INK, lw=1)
    ax.axvline(half, color=INK, lw=1)
    for row, out in enumerate("hc"):
        for column, name in enumerate("hc"):
            ax.annotate(
                out + name,
                (half * (column + 1), half * row),
                xytext=(-3, -2),
                textcoords="offset points",
                ha="right",
                va="top",
                color=MUTED,
                fontsize=9.5,
                label=HALO,
            )
    ax.grid(False)
    ax.spines[:].set(visible=True, color=INK)
    centres = [half / 2, half + half / 2]
    ax.set_xticks(centres, [r"$\partial h_{t-1}$", r"$\partial c_{t-1}$"])
    ax.set_yticks(centres, [r"$\partial h_t$", r"$\partial c_t$"])
    ax.tick_params(length=0, top=False, labeltop=True, labelbottom=False, labelsize=10.5)
    _colourbar(ax, image, "")
    return ax


def _colourbar(ax: Axes, image: AxesImage, label: str) -> None:
    """Draw the colours as one small image: a mesh of translucent cells would show its seams."""
    low, high = image.get_clim()
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.05, pad=0.03, aspect=22)
    bar.ax.clear()
    ramp = np.linspace(low, high, 128)[:, None]
    bar.ax.imshow(
        ramp,
        cmap=image.get_cmap(),
        aspect="auto",
        interpolation="none",
        origin="lower",
        extent=(0, 1, low, high),
    )
    bar.ax.set_xticks([])
    bar.ax.grid(False)
    bar.ax.yaxis.tick_right()
    bar.ax.yaxis.set_label_position("right")
    bar.ax.yaxis.set_major_locator(MaxNLocator(4))
    bar.ax.set_ylabel(label)
