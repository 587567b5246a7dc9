"""Attention by hand: two queries, four keys and four values in the plane, and what attention makes of them."""

import math
from collections.abc import Sequence
from typing import Any

import matplotlib
import torch
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from conv2attn import figures
from conv2attn.attention import attention_weights
from conv2attn.widgets.base import Widget
from conv2attn.widgets.drawing import panel
from conv2attn.widgets.values import brief, finite_array, one_of

QUERY = ((1.3, 0.9), (-1.2, 1.0))
KEY = ((1.6, 0.1), (0.2, 1.5), (-1.4, -0.8), (0.8, -1.4))
VALUE = ((2.0, 1.2), (-1.0, 2.2), (-2.2, -0.8), (0.8, -2.0))
LARGEST = 3.0
"""No coordinate is beyond it, before the keys are stretched and the space is sheared."""
LENGTHS = (0.1, 3.0)
SHEARS = (-1.0, 1.0)
POINTS = ("Q1", "Q2", "K1", "K2", "K3", "K4", "V1", "V2", "V3", "V4")


class AttentionByHand(Widget):
    """Scores, weights and outputs of two queries and four keys and values of dimension 2.

    ``AttentionByHand()`` begins with keys about as long as one another, so that the most similar one gets the most.
    The scores are those of ``Q = query @ M`` and ``K = key_length * key @ inv(M).T`` with ``M = [[1, shear], [0, 1]]``:
    a shear changes every query and every key, and no score.

    Args:
        query: (2, 2), one a row; no coordinate beyond ±3.
        key: (4, 2), in the same way.
        value: (4, 2), in the same way.
        scaled: are the scores divided by √2?
        key_length: all keys are multiplied by it; 0.1 to 3.
        shear: -1 to 1.
        mask: (4), True for the keys that may be read, at least one.

    Raises ValueError saying what was expected and what was given.
    """

    name = "attention_by_hand"

    query = traitlets.Any().tag(sync=True)
    """Two rows of two coordinates."""
    key = traitlets.Any().tag(sync=True)
    """Four rows of two coordinates."""
    value = traitlets.Any().tag(sync=True)
    """Four rows of two coordinates."""
    scaled = traitlets.Bool().tag(sync=True)
    """Are the scores divided by √D_h, which is √2?"""
    key_length = traitlets.Float().tag(sync=True)
    """What all keys are multiplied by."""
    shear = traitlets.Float().tag(sync=True)
    """The entry of M off its diagonal."""
    mask = traitlets.Any().tag(sync=True)
    """Which keys may be read."""
    row = traitlets.Int().tag(sync=True)
    """0 or 1: the query whose scores the table shows."""
    point = traitlets.Unicode().tag(sync=True)
    """The one that the sliders move: "Q1", "K4", "V2", …"""

    def __init__(
        self,
        query: Any = QUERY,
        key: Any = KEY,
        value: Any = VALUE,
        scaled: bool = True,
        *,
        key_length: float = 1.0,
        shear: float = 0.0,
        mask: Any = (True, True, True, True),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            query=_points(query, 2, "queries"),
            key=_points(key, 4, "keys"),
            value=_points(value, 4, "values"),
            scaled=scaled,
            key_length=_between(key_length, LENGTHS, "a key length"),
            shear=_between(shear, SHEARS, "a shear"),
            mask=_mask(mask),
            **{"row": 0, "point": "K1", **kwargs},
        )

    def __repr__(self) -> str:
        return f"AttentionByHand(scaled={self.scaled}, key_length={self.key_length:g}, shear={self.shear:g})"

    @traitlets.validate("query")
    def _check_query(self, proposal: Any) -> list[list[float]]:
        return _points(proposal["value"], 2, "queries")

    @traitlets.validate("key", "value")
    def _check_points(self, proposal: Any) -> list[list[float]]:
        return _points(proposal["value"], 4, f"{proposal['trait'].name}s")

    @traitlets.validate("key_length")
    def _check_length(self, proposal: Any) -> float:
        return _between(proposal["value"], LENGTHS, "a key length")

    @traitlets.validate("shear")
    def _check_shear(self, proposal: Any) -> float:
        return _between(proposal["value"], SHEARS, "a shear")

    @traitlets.validate("mask")
    def _check_mask(self, proposal: Any) -> list[bool]:
        return _mask(proposal["value"])

    @traitlets.validate("row")
    def _check_row(self, proposal: Any) -> int:
        return one_of(proposal["value"], range(2), "a row")

    @traitlets.validate("point")
    def _check_point(self, proposal: Any) -> str:
        if proposal["value"] not in POINTS:
            raise ValueError(f"expected a point among {', '.join(POINTS)}, got {proposal['value']!r}")
        return proposal["value"]

    @property
    def M(self) -> torch.Tensor:
        """What the queries are multiplied by, (2, 2)."""
        return torch.tensor([[1, self.shear], [0, 1]], dtype=torch.float64)

    @property
    def Q(self) -> torch.Tensor:
        """The queries as they are drawn, (2, 2), float64."""
        return torch.tensor(self.query, dtype=torch.float64) @ self.M

    @property
    def K(self) -> torch.Tensor:
        """The keys as they are drawn, (4, 2), float64."""
        return self.key_length * torch.tensor(self.key, dtype=torch.float64) @ torch.linalg.inv(self.M).T

    @property
    def V(self) -> torch.Tensor:
        """The values, (4, 2), float64."""
        return torch.tensor(self.value, dtype=torch.float64)

    @property
    def scores(self) -> torch.Tensor:
        """Q_p · K_q, (2, 4)."""
        return self.Q @ self.K.T

    @property
    def scale(self) -> float:
        """What the scores are multiplied by: 1/√2 or 1."""
        return 1 / math.sqrt(2) if self.scaled else 1.0

    @property
    def A(self) -> torch.Tensor:
        """The weights, (2, 4). Each row sums to 1; a key that is masked gets 0."""
        return attention_weights(self.Q, self.K, torch.tensor(self.mask), self.scale)

    @property
    def output(self) -> torch.Tensor:
        """Each query's average of the values, (2, 2)."""
        return self.A @ self.V

    def describe(self) -> str:
        """What the picture shows, with its numbers: its alternative text."""
        most, least = self.A.max(dim=1), self.A.masked_fill(~torch.tensor(self.mask), 2).min(dim=1)
        rows = [
            f"Q{p + 1} gives the most weight, {most.values[p]:.3f}, to K{most.indices[p] + 1}, the least, "
            f"{least.values[p]:.3f}, to K{least.indices[p] + 1}, and its output is ({y[0]:.2f}, {y[1]:.2f})"
            for p, y in enumerate(self.output)
        ]
        scale = "divided by the root of 2" if self.scaled else "not scaled"
        return (
            "Two queries and four keys as arrows in the plane; four values, their convex hull and the two outputs in it; "
            f"the weights as a matrix of 2 by 4. Scores are {scale}. {rows[0]}; {rows[1]}."
        )

    def figure(self) -> Figure:
        """Queries and keys; values, hull and outputs; the weights."""
        blue, orange, green, _ = figures.LINE_COLORS
        weights = self.A[self.row]
        with matplotlib.rc_context(figures.STYLE):
            figure = Figure(figsize=(7.6, 5.2), dpi=120)
            rows = {"height_ratios": (7, 2), "left": 0.03, "right": 0.97, "top": 0.94, "bottom": 0.03}
            cells = figure.add_gridspec(2, 2, **rows, hspace=0.2, wspace=0.08)
            axes = _plane(panel(figure, cells[0, 0], "queries and keys"))
            _draw_arrows(axes, self.Q, "Q", [blue] * 2, blue)
            _draw_arrows(axes, self.K, "K", figures.weight_cmap(weights.numpy()), orange)
            axes = _plane(panel(figure, cells[0, 1], "values and outputs"))
            corners = hull([point for point, read in zip(self.value, self.mask) if read])
            axes.fill(*zip(*corners), facecolor=green, edgecolor=green, alpha=0.25)
            for name, points, colors, edge, marker in (
                ("V", self.V, figures.weight_cmap(weights.numpy()), green, "o"),
                ("y", self.output, [blue] * 2, blue, "D"),
            ):
                for i, (x, y) in enumerate(points.tolist()):
                    axes.plot(x, y, marker, color=colors[i], markeredgecolor=edge, markersize=7, clip_on=False)
                    axes.annotate(f"${name}_{i + 1}$", (x, y), (6, 5), textcoords="offset points")
            axes = panel(figure, cells[1, :], "weights A")
            drawn = axes.imshow(self.A.numpy(), cmap=figures.weight_cmap, vmin=0, vmax=1, aspect=0.4)
            for p in range(2):
                axes.text(-0.6, p, f"$Q_{p + 1}$", ha="right", va="center")
                for q in range(4):
                    dark = sum(drawn.cmap(drawn.norm(self.A[p, q].item()))[:3]) < 1.5
                    axes.text(q, p, f"{self.A[p, q]:.3f}", ha="center", va="center", color="white" if dark else "black")
        return figure


def hull(points: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """The corners of the convex hull of points in the plane, anticlockwise from the leftmost one.

    Points inside it and on its edges are left out; points on a line have two corners, and equal points one.
    Source: Andrew's monotone chain, Information Processing Letters 9 (1979).
    """
    ordered = sorted({(float(x), float(y)) for x, y in points})
    if len(ordered) < 3:
        return ordered

    def chain(along: list[tuple[float, float]]) -> list[tuple[float, float]]:
        corners: list[tuple[float, float]] = []
        for x, y in along:
            while len(corners) > 1:
                (ax, ay), (bx, by) = corners[-2:]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                corners.pop()
            corners.append((x, y))
        return corners[:-1]

    return chain(ordered) + chain(ordered[::-1])


def _plane(axes: Axes) -> Axes:
    """Grid and axes of the plane, -3 to 3."""
    for at in range(-3, 4):
        for line in (axes.axvline, axes.axhline):
            line(at, color="0.4" if at == 0 else "0.88", linewidth=0.8, zorder=0)
    axes.set(xlim=(-LARGEST - 0.2, LARGEST + 0.2), ylim=(-LARGEST - 0.2, LARGEST + 0.2), aspect="equal")
    return axes


def _draw_arrows(axes: Axes, points: torch.Tensor, name: str, colors: Any, edge: str) -> None:
    for i, (x, y) in enumerate(points.tolist()):
        axes.annotate("", (x, y), (0, 0), arrowprops={"arrowstyle": "-|>", "color": edge, "shrinkA": 0, "shrinkB": 3})
        axes.plot(x, y, "o", color=colors[i], markeredgecolor=edge, markeredgewidth=1.5, markersize=8)
        axes.annotate(f"${name}_{i + 1}$", (x, y), (7, 5), textcoords="offset points", annotation_clip=True)


def _points(points: Any, count: int, what: str) -> list[list[float]]:
    array = finite_array(points, what)
    if array.shape != (count, 2) or abs(array).max() > LARGEST:
        raise ValueError(
            f"expected {what} of shape ({count}, 2) with coordinates between -3 and 3, got shape {array.shape}: {brief(array)}"
        )
    return array.tolist()


def _between(value: Any, ends: tuple[float, float], what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not ends[0] <= value <= ends[1]:
        raise ValueError(f"expected {what} between {ends[0]:g} and {ends[1]:g}, got {value!r}")
    return float(value)


def _mask(mask: Any) -> list[bool]:
    given = mask.tolist() if hasattr(mask, "tolist") else mask
    if not isinstance(given, (list, tuple)) or len(given) != 4 or not all(isinstance(read, bool) for read in given):
        raise ValueError(f"expected a mask of four booleans, got {mask!r}")
    if not any(given):
        raise ValueError(f"expected a mask that leaves a key to read, got {mask!r}")
    return list(given)
