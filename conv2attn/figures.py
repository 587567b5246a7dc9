"""One look for every picture of the course: colours, colour maps and small panels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

# Sequential, for attention weights: light means none, dark blue means all.
WEIGHT_COLORS = ("#f7fbff", "#c6dbef", "#6baed6", "#2171b5", "#08306b")
# Diverging, for signed values: orange is negative, purple positive; safe for the colour-blind.
SIGNED_COLORS = ("#b35806", "#f1a340", "#f7f7f7", "#998ec3", "#542788")
# For lines, in the order drawn: Okabe and Ito's colours, told apart by every eye.
LINE_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")

weight_cmap = LinearSegmentedColormap.from_list("weight", WEIGHT_COLORS)
signed_cmap = LinearSegmentedColormap.from_list("signed", SIGNED_COLORS)

STYLE = {
    "figure.facecolor": "white",  # opaque: the same picture on a light and on a dark page
    "figure.dpi": 110,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=LINE_COLORS),
    "lines.linewidth": 2,
    "legend.frameon": False,
}


@dataclass(frozen=True)
class Panel:
    """One matrix to draw: its title, its values, and how to colour them ("image", "weights" or "signed")."""

    title: str
    values: torch.Tensor
    kind: str
    numbers: bool = False


def image(title: str, values: torch.Tensor, numbers: bool = False) -> Panel:
    """A picture: grey (H, W) scaled to its range, or colour (3, H, W) in [0, 1]. ``numbers`` writes the values."""
    return Panel(title, values, "image", numbers)


def weights(title: str, values: torch.Tensor, numbers: bool = False) -> Panel:
    """Attention weights (H, W) from 0 (light) to 1 (dark blue)."""
    return Panel(title, values, "weights", numbers)


def signed(title: str, values: torch.Tensor, numbers: bool = False) -> Panel:
    """Signed values (H, W): orange below zero, purple above, on a scale symmetric about zero."""
    return Panel(title, values, "signed", numbers)


def show(*panels: Panel, columns: int | None = None, width: float = 2.3) -> None:
    """Draw panels side by side, ``columns`` in a row (all of them unless given), each ``width`` inches wide.

    Raises ValueError if there is nothing to draw or a panel is not a matrix (or a colour image).
    """
    if not panels:
        raise ValueError("expected at least one panel, got none")
    columns = columns or len(panels)
    rows = -(-len(panels) // columns)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            rows, columns, figsize=(columns * width, rows * (width + 0.3)), squeeze=False, layout="constrained"
        )
        for axis in axes.flat:
            axis.set_axis_off()
        for axis, panel in zip(axes.flat, panels):
            _draw(axis, panel)
        plt.show()


def curves(
    x: Sequence[float], lines: Mapping[str, Sequence[float]], xlabel: str, ylabel: str, log: bool = False
) -> None:
    """Draw named lines over a common x; the y axis is logarithmic with ``log=True``."""
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
        # Different dashes as well as colours, so that the picture reads in grey too.
        for (name, y), style in zip(lines.items(), ("-", "--", ":", "-.")):
            axis.plot(x, y, style, label=name)
        axis.set(xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear")
        axis.legend()
        plt.show()


def intervals(
    groups: Mapping[str, Sequence[float]], ends: Mapping[str, tuple[float, float]], xlabel: str, mark: float | None = 0.0
) -> None:
    """Draw every value of every named group as a dot, and over them its mean and the interval from low to high.

    ``ends`` gives (low, high) for each group: which interval that is, the caller decides and the text says. Groups
    stand one below the other in the order given. ``mark`` is the value of a dashed line to compare with; None draws none.

    Raises ValueError if there is nothing to draw, a group is empty, or the two mappings do not name the same groups.
    """
    if not groups or not all(len(values) for values in groups.values()):
        raise ValueError(f"expected at least one group and a value in each, got {dict(groups)}")
    if set(groups) != set(ends):
        raise ValueError(f"expected an interval for each of {list(groups)}, got {list(ends)}")
    with plt.rc_context(STYLE):
        figure, axis = plt.subplots(figsize=(6.4, 0.8 + 0.42 * len(groups)), layout="constrained")
        if mark is not None:
            axis.axvline(mark, color="0.4", linestyle="--", linewidth=1)
        for row, (name, values) in enumerate(groups.items()):
            axis.plot(values, [row + 0.17] * len(values), "o", color=LINE_COLORS[1], alpha=0.6, markersize=4, markeredgewidth=0)
            axis.plot(ends[name], [row - 0.13] * 2, "-", color=LINE_COLORS[0], solid_capstyle="butt")
            axis.plot(sum(values) / len(values), row - 0.13, "D", color=LINE_COLORS[0], markersize=6)
        axis.set(xlabel=xlabel, yticks=range(len(groups)), yticklabels=list(groups), ylim=(len(groups) - 0.5, -0.5))
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_visible(False)
        plt.show()


def _draw(axis: Axes, panel: Panel) -> None:
    values = panel.values.detach().cpu()
    color = panel.kind == "image" and values.ndim == 3
    if values.ndim != 2 and not color:
        raise ValueError(f"expected a panel of shape (H, W), or (3, H, W) for an image, got {tuple(values.shape)}")
    limit = values.abs().max().item() or 1.0
    options = {
        "image": {"cmap": "gray"},
        "weights": {"cmap": weight_cmap, "vmin": 0, "vmax": 1},
        "signed": {"cmap": signed_cmap, "vmin": -limit, "vmax": limit},
    }[panel.kind]
    axis.set_title(panel.title)
    drawn = axis.imshow(values.movedim(0, -1) if color else values, interpolation="nearest", **options)
    if panel.numbers:
        for row, line in enumerate(values.tolist()):
            for column, value in enumerate(line):
                dark = sum(drawn.cmap(drawn.norm(value))[:3]) < 1.5
                axis.text(column, row, f"{value:.3g}", ha="center", va="center", color="white" if dark else "black")
