"""Heads at work: K² attention heads beside the convolution that they become as α grows."""

import math
from typing import Any

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from conv2attn import figures
from conv2attn.bounds import off_shift_mass
from conv2attn.data import photograph
from conv2attn.encodings import position_weights
from conv2attn.widgets.base import Widget
from conv2attn.widgets.drawing import numbered, panel, signed_bar, signed_image
from conv2attn.widgets.values import brief, decode, encode, finite_array, to_kernel, to_pixel, to_pixels

IMAGE_SIZES = (4, 64)
DRAWING_SIZE = 24
LARGEST_SHIFT = 3.0
WINDOW = 4
"""A head map shows the tokens at most this far from the query, on either axis."""

SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


class HeadsAtWork(Widget):
    """A K×K convolution of a grey image, and the K² attention heads that stand in for it.

    ``HeadsAtWork()`` shows a photograph under a Sobel kernel at α = 1. Everything that can be moved is a trait:
    assign to it and the widget follows, move the widget and the trait follows.

    Args:
        image: (size, size), 4 ≤ size ≤ 64, values in [0, 1] (or uint8). Kept in 8 bits, as :attr:`x` gives it back.
        kernel: (K, K), K = 3 or 5, in the order of ``F.conv2d``.
        alpha: the sharpness, positive; ``math.inf`` or None for the hard limit.
        centres: (K², 2), each head's Δ = (row, column) offset; on the taps unless given.
        query: (row, column) of the pixel from which the head maps are seen; the middle unless given.

    Raises ValueError saying what was expected and what was given.
    """

    name = "heads_at_work"

    image = traitlets.Unicode().tag(sync=True)
    """The photograph's pixels, uint8 in base64, row by row."""
    drawing = traitlets.Unicode().tag(sync=True)
    """The drawing pad's pixels, in the same form."""
    source = traitlets.Enum(("image", "drawing"), "image").tag(sync=True)
    """Which of the two is shown."""
    kernel = traitlets.Any().tag(sync=True)
    """K rows of K weights."""
    alpha = traitlets.Float(None, allow_none=True).tag(sync=True)
    """The sharpness; None is the hard limit."""
    centres = traitlets.Any().tag(sync=True)
    """[row, column] offset Δ of each head, in the kernel's order."""
    head = traitlets.Int().tag(sync=True)
    """The head whose centre the sliders move."""
    query = traitlets.Any().tag(sync=True)
    """[row, column] of the query pixel."""

    def __init__(
        self,
        image: Any = None,
        kernel: Any = None,
        alpha: float | None = 1.0,
        *,
        centres: Any = None,
        query: Any = None,
        **kwargs: Any,
    ) -> None:
        pixels = to_pixels(photograph() if image is None else image, IMAGE_SIZES)
        kernel = to_kernel(SOBEL if kernel is None else kernel)
        size, heads = len(pixels), len(kernel) ** 2
        super().__init__(
            image=encode(pixels),
            drawing=encode(_ring()),
            kernel=kernel,
            alpha=_alpha(alpha),
            centres=_centres(taps(len(kernel)) if centres is None else centres, heads),
            head=heads // 2 + 1,  # right of the centre: in most kernels it has a weight
            query=to_pixel((size // 2, size // 2) if query is None else query, size, "a query"),
            **kwargs,
        )

    def __repr__(self) -> str:
        size, K, alpha = len(self.x), len(self.kernel), self._sharpness
        return f"HeadsAtWork(image={size}×{size}, kernel={K}×{K}, alpha={alpha:g})"

    @traitlets.validate("image", "drawing")
    def _check_pixels(self, proposal: Any) -> str:
        decode(proposal["value"], IMAGE_SIZES)
        return proposal["value"]

    @traitlets.validate("kernel")
    def _check_kernel(self, proposal: Any) -> list[list[float]]:
        kernel, size = to_kernel(proposal["value"]), math.isqrt(len(self.centres))
        if len(kernel) != size:
            raise ValueError(
                f"expected a {size}×{size} kernel, as when the widget was made, got {len(kernel)}×{len(kernel)}"
            )
        return kernel

    @traitlets.validate("alpha")
    def _check_alpha(self, proposal: Any) -> float | None:
        return _alpha(proposal["value"])

    @traitlets.validate("centres")
    def _check_centres(self, proposal: Any) -> list[list[float]]:
        return _centres(proposal["value"], len(self.kernel) ** 2)

    @traitlets.validate("head")
    def _check_head(self, proposal: Any) -> int:
        head, heads = proposal["value"], len(self.kernel) ** 2
        if not 0 <= head < heads:
            raise ValueError(f"expected a head from 0 to {heads - 1}, got {head}")
        return head

    @traitlets.validate("query")
    def _check_query(self, proposal: Any) -> list[int]:
        return to_pixel(proposal["value"], len(self.x), "a query")

    @traitlets.observe("source", "image")
    def _keep_query_inside(self, change: Any) -> None:
        last = len(self.x) - 1
        self.query = [min(q, last) for q in self.query]

    @property
    def x(self) -> torch.Tensor:
        """The image that is shown, (size, size), float64 in [0, 1]: what everything below is computed from."""
        return decode(getattr(self, self.source), IMAGE_SIZES)

    @property
    def head_maps(self) -> torch.Tensor:
        """A_h[p, ·] of every head at the query p, over the padded image: (K², size + 2R, size + 2R), R = (K-1)/2."""
        row, column = self.query
        return torch.stack([torch.outer(down[row], across[column]) for down, across in self._axes()])

    @property
    def attention_output(self) -> torch.Tensor:
        """``y_p = Σ_h Σ_q A_h[p,q] x_q W_h`` with a ring of R zero tokens around the image: (size, size)."""
        R = len(self.kernel) // 2
        x = F.pad(self.x, (R, R, R, R))
        # A softmax of -α‖q - (p + Δ)‖² is the product of one softmax a axis.
        heads = torch.stack([down @ x @ across.T for down, across in self._axes()])
        return torch.einsum("h,hij->ij", torch.tensor(self.kernel, dtype=torch.float64).flatten(), heads)

    @property
    def convolution_output(self) -> torch.Tensor:
        """What ``F.conv2d`` makes of the same image and kernel, zeros outside: (size, size)."""
        kernel = torch.tensor(self.kernel, dtype=torch.float64)
        return F.conv2d(self.x[None, None], kernel[None, None], padding="same")[0, 0]

    @property
    def bound(self) -> float | None:
        """2 m ‖W‖₁ ‖x‖_∞, or None once a head has left its tap: the bound speaks of heads at their taps only."""
        if self.centres != taps(len(self.kernel)):
            return None
        weight = torch.tensor(self.kernel, dtype=torch.float64).abs().sum().item()
        return 2 * off_shift_mass(self._sharpness, 2) * weight * self.x.abs().max().item()

    @property
    def _sharpness(self) -> float:
        return math.inf if self.alpha is None else self.alpha

    def _axes(self) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Each head's weights along the rows and along the columns, (size, size + 2R) both."""
        size, R = len(self.x), len(self.kernel) // 2
        key = torch.arange(size + 2 * R, dtype=torch.float64)[:, None]
        query = key[R : R + size]

        def weights(offset: float) -> torch.Tensor:
            return position_weights(query, key, torch.tensor([[offset]], dtype=torch.float64), self._sharpness)[0]

        return [(weights(row), weights(column)) for row, column in self.centres]

    def describe(self) -> str:
        """What the picture shows, with its numbers: its alternative text."""
        size, heads = len(self.x), len(self.centres)
        difference = (self.attention_output - self.convolution_output).abs().max().item()
        if self.bound is None:
            bound = "no bound applies, because a head has left its tap"
        else:
            bound = f"the bound is {self.bound:.3g}"
        at = "in the hard limit" if self.alpha is None else f"at sharpness alpha = {self.alpha:g}"
        return (
            f"An image of {size} by {size} pixels; what each of {heads} attention heads sees from pixel "
            f"({self.query[0]}, {self.query[1]}) {at}; a {len(self.kernel)} by {len(self.kernel)} kernel; the attention "
            f"output, the convolution output and their difference. They differ by at most {difference:.3g}; {bound}."
        )

    def figure(self) -> Figure:
        """The widget's panels: image, head maps, kernel; attention, convolution, difference."""
        attention, convolution = self.attention_output, self.convolution_output
        difference = attention - convolution
        scale = max(attention.abs().max().item(), convolution.abs().max().item())
        K, alpha = len(self.kernel), "∞" if self.alpha is None else f"{self.alpha:g}"
        with matplotlib.rc_context(figures.STYLE):
            figure = Figure(figsize=(7.6, 5.9), dpi=150)
            rows = {"height_ratios": (30, 4, 30, 1), "left": 0.02, "right": 0.98, "top": 0.95, "bottom": 0.05}
            cells = figure.add_gridspec(4, 3, **rows, hspace=0.08, wspace=0.1)
            self._draw_image(panel(figure, cells[0, 0], f"image, p = ({self.query[0]}, {self.query[1]})"))
            self._draw_heads(panel(figure, cells[0, 1], f"{K * K} heads, α = {alpha}"))
            numbered(panel(figure, cells[0, 2], "kernel"), np.array(self.kernel))
            outputs = (("attention output", attention, scale), ("convolution output", convolution, scale))
            outputs += (("difference", difference, difference.abs().max().item()),)
            for column, (title, values, limit) in enumerate(outputs):
                drawn = signed_image(panel(figure, cells[2, column], title), values.numpy(), limit)
                signed_bar(figure, drawn, cells[3, column], limit)
        return figure

    def _draw_image(self, axes: Axes, cross: bool = True) -> None:
        size, (row, column) = len(self.x), self.query
        axes.imshow(self.x.numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        for color, width in (("black", 2.4), ("white", 0.8)):  # a halo, so that the lines show on any grey
            if cross:
                axes.axhline(row, color=color, linewidth=width)
                axes.axvline(column, color=color, linewidth=width)
            corner = (column - WINDOW - 0.5, row - WINDOW - 0.5)
            side = 2 * WINDOW + 1
            axes.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=color, linewidth=width, zorder=3))
        axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))

    def _draw_heads(self, axes: Axes) -> None:
        K, (row, column), side = len(self.kernel), self.query, 2 * WINDOW + 1
        tokens = F.pad(self.head_maps, (WINDOW,) * 4, value=torch.nan)  # beyond the ring there are none
        seen = tokens[:, row + K // 2 :, column + K // 2 :][:, :side, :side].sqrt().numpy()
        for h, (i, j) in enumerate(np.ndindex(K, K)):
            left, top = j * (side + 1), i * (side + 1)
            place = (left, left + side, top + side, top)
            axes.imshow(seen[h], cmap=figures.weight_cmap, vmin=0, vmax=1, interpolation="nearest", extent=place)
            axes.add_patch(Rectangle((left, top), side, side, fill=False, edgecolor="#bbbbbb"))
            query = (left + WINDOW, top + WINDOW)
            axes.add_patch(Rectangle(query, 1, 1, fill=False, edgecolor=figures.SIGNED_COLORS[0], linewidth=1.2))
        axes.set(xlim=(0, K * (side + 1) - 1), ylim=(K * (side + 1) - 1, 0))


def taps(kernel_size: int) -> list[list[float]]:
    """Δ of each head at home, on its tap, in the kernel's order: K² pairs (row, column)."""
    R = kernel_size // 2
    return [[float(i), float(j)] for i in range(-R, R + 1) for j in range(-R, R + 1)]


def _alpha(alpha: float | None) -> float | None:
    if alpha is None or alpha == math.inf:
        return None
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 < alpha < math.inf:
        raise ValueError(f"expected a positive alpha, or math.inf for the hard limit, got {alpha!r}")
    return float(alpha)


def _centres(centres: Any, heads: int) -> list[list[float]]:
    array = finite_array(centres, "the centres")
    if array.shape != (heads, 2) or abs(array).max() > LARGEST_SHIFT:
        raise ValueError(
            f"expected centres of shape ({heads}, 2) with offsets between -3 and 3, "
            f"got shape {array.shape}: {brief(array)}"
        )
    return array.tolist()


def _ring() -> np.ndarray:
    """What the drawing pad shows at first: a ring, which has edges in every direction."""
    row, column = np.indices((DRAWING_SIZE, DRAWING_SIZE)) - (DRAWING_SIZE - 1) / 2
    return np.where(abs(np.hypot(row, column) - DRAWING_SIZE / 3) < 1, 255, 0).astype(np.uint8)
