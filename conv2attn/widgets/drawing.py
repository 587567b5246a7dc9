"""Pieces of the pictures that stand in for widgets: drawn on matplotlib axes, without pyplot."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.image import AxesImage

from conv2attn import figures


def panel(figure: Figure, cell: SubplotSpec, title: str) -> Axes:
    """An empty place for a picture in a figure's grid."""
    axes = figure.add_subplot(cell)
    axes.set_axis_off()
    axes.set_title(title)
    return axes


def signed_image(axes: Axes, values: np.ndarray, limit: float | None = None) -> AxesImage:
    """Signed values, orange below zero and purple above, on a scale from -limit to limit (the largest value)."""
    limit = limit or abs(values).max() or 1.0
    return axes.imshow(values, cmap=figures.signed_cmap, vmin=-limit, vmax=limit, interpolation="nearest")


def numbered(axes: Axes, values: np.ndarray, drawn: AxesImage | None = None) -> None:
    """Values as coloured squares with their numbers; signed ones, unless they are drawn already."""
    drawn = drawn or signed_image(axes, values)
    for (row, column), value in np.ndenumerate(values):
        luminance = np.dot((0.2126, 0.7152, 0.0722), np.power(drawn.cmap(drawn.norm(value))[:3], 2.2))
        axes.text(column, row, f"{value:.3g}", ha="center", va="center", color="white" if luminance < 0.18 else "black")


def signed_bar(figure: Figure, drawn: AxesImage, cell: SubplotSpec, limit: float) -> None:
    """The colour bar of a signed picture, marked at its ends and at zero; at zero alone where the limit is 0."""
    bar = figure.colorbar(drawn, cax=figure.add_subplot(cell), orientation="horizontal")
    ticks = (-limit, 0, limit) if limit else (0,)
    bar.set_ticks(ticks, labels=[f"{tick:.3g}" for tick in ticks], fontsize=8)
    bar.outline.set_visible(False)
    labels = bar.ax.get_xticklabels()
    labels[0].set_horizontalalignment("left" if limit else "center")
    labels[-1].set_horizontalalignment("right" if limit else "center")
