"""Heads at work: K² attention heads beside the convolution that they become as α grows."""

import base64
import math
from typing import Any

import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.patches import Rectangle

from conv2attn import figures
from conv2attn.bounds import off_shift_mass
from conv2attn.data import photograph
from conv2attn.encodings import position_weights
from conv2attn.widgets.base import Widget

KERNEL_SIZES = (3, 5)
IMAGE_SIZES = (4, 64)
DRAWING_SIZE = 24
LARGEST_WEIGHT = 1000.0
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
        pixels = _pixels(photograph() if image is None else image)
        kernel = _kernel(SOBEL if kernel is None else kernel)
        size, heads = len(pixels), len(kernel) ** 2
        super().__init__(
            image=_encode(pixels),
            drawing=_encode(_ring()),
            kernel=kernel,
            alpha=_alpha(alpha),
            centres=_centres(taps(len(kernel)) if centres is None else centres, heads),
            head=heads // 2 + 1,  # right of the centre: in most kernels it has a weight
            query=_query((size // 2, size // 2) if query is None else query, size),
            **kwargs,
        )

    def __repr__(self) -> str:
        size, K, alpha = len(self.x), len(self.kernel), self._sharpness
        return f"HeadsAtWork(image={size}×{size}, kernel={K}×{K}, alpha={alpha:g})"

    @traitlets.validate("image", "drawing")
    def _check_pixels(self, proposal: Any) -> str:
        _decode(proposal["value"])
        return proposal["value"]

    @traitlets.validate("kernel")
    def _check_kernel(self, proposal: Any) -> list[list[float]]:
        kernel, size = _kernel(proposal["value"]), math.isqrt(len(self.centres))
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
        return _query(proposal["value"], len(self.x))

    @traitlets.observe("source", "image")
    def _keep_query_inside(self, change: Any) -> None:
        last = len(self.x) - 1
        self.query = [min(q, last) for q in self.query]

    @property
    def x(self) -> torch.Tensor:
        """The image that is shown, (size, size), float64 in [0, 1]: what everything below is computed from."""
        return _decode(getattr(self, self.source))

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
            self._draw_kernel(panel(figure, cells[0, 2], "kernel"))
            outputs = (("attention output", attention, scale), ("convolution output", convolution, scale))
            outputs += (("difference", difference, difference.abs().max().item()),)
            for column, (title, values, limit) in enumerate(outputs):
                drawn = panel(figure, cells[2, column], title).imshow(
                    values.numpy(), cmap=figures.signed_cmap, vmin=-limit or -1, vmax=limit or 1, interpolation="nearest"
                )
                bar = figure.colorbar(drawn, cax=figure.add_subplot(cells[3, column]), orientation="horizontal")
                ticks = (-limit, 0, limit) if limit else (0,)
                bar.set_ticks(ticks, labels=[f"{tick:.3g}" for tick in ticks], fontsize=8)
                bar.outline.set_visible(False)
                labels = bar.ax.get_xticklabels()
                labels[0].set_horizontalalignment("left" if limit else "center")
                labels[-1].set_horizontalalignment("right" if limit else "center")
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

    def _draw_kernel(self, axes: Axes) -> None:
        kernel = np.array(self.kernel)
        limit = abs(kernel).max() or 1
        drawn = axes.imshow(kernel, cmap=figures.signed_cmap, vmin=-limit, vmax=limit)
        for (row, column), weight in np.ndenumerate(kernel):
            luminance = np.dot((0.2126, 0.7152, 0.0722), np.power(drawn.cmap(drawn.norm(weight))[:3], 2.2))
            color = "white" if luminance < 0.18 else "black"
            axes.text(column, row, f"{weight:.3g}", ha="center", va="center", color=color)


def panel(figure: Figure, cell: SubplotSpec, title: str) -> Axes:
    """An empty place for a picture in a figure's grid."""
    axes = figure.add_subplot(cell)
    axes.set_axis_off()
    axes.set_title(title)
    return axes


def taps(kernel_size: int) -> list[list[float]]:
    """Δ of each head at home, on its tap, in the kernel's order: K² pairs (row, column)."""
    R = kernel_size // 2
    return [[float(i), float(j)] for i in range(-R, R + 1) for j in range(-R, R + 1)]


def _array(values: Any, what: str) -> np.ndarray:
    """A float64 array of finite numbers, from nested sequences, an array or a tensor."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"expected {what} as a rectangular array of numbers, got {values!r:.80}") from None
    if not np.isfinite(array).all():
        raise ValueError(f"expected finite numbers in {what}, got {_brief(array)}")
    return array


def _brief(array: np.ndarray) -> str:
    return np.array2string(array, threshold=12, precision=4, separator=", ").replace("\n", "")


def _alpha(alpha: float | None) -> float | None:
    if alpha is None or alpha == math.inf:
        return None
    if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 < alpha < math.inf:
        raise ValueError(f"expected a positive alpha, or math.inf for the hard limit, got {alpha!r}")
    return float(alpha)


def _kernel(kernel: Any) -> list[list[float]]:
    array = _array(kernel, "the kernel")
    if array.shape not in {(K, K) for K in KERNEL_SIZES}:
        raise ValueError(f"expected a kernel of shape (3, 3) or (5, 5), got {array.shape}")
    if abs(array).max() > LARGEST_WEIGHT:
        raise ValueError(f"expected kernel weights between -1000 and 1000, got {_brief(array)}")
    return array.tolist()


def _centres(centres: Any, heads: int) -> list[list[float]]:
    array = _array(centres, "the centres")
    if array.shape != (heads, 2) or abs(array).max() > LARGEST_SHIFT:
        raise ValueError(
            f"expected centres of shape ({heads}, 2) with offsets between -3 and 3, "
            f"got shape {array.shape}: {_brief(array)}"
        )
    return array.tolist()


def _query(query: Any, size: int) -> list[int]:
    array = _array(query, "the query")
    if array.shape != (2,) or ((array != array.round()) | (array < 0) | (array >= size)).any():
        raise ValueError(f"expected a query (row, column), whole numbers from 0 to {size - 1}, got {_brief(array)}")
    return [int(q) for q in array]


def _pixels(image: Any) -> np.ndarray:
    """An image as uint8, (size, size); values in [0, 1] are rounded to 1/255."""
    is_bytes = getattr(image, "dtype", None) in (torch.uint8, np.dtype("uint8"))
    array = _array(image, "the image")
    smallest, largest = IMAGE_SIZES
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not smallest <= len(array) <= largest:
        raise ValueError(
            f"expected a square grey image of {smallest}×{smallest} to {largest}×{largest} pixels, got shape {array.shape}"
        )
    if is_bytes:
        return array.astype(np.uint8)
    if array.min() < 0 or array.max() > 1:
        raise ValueError(f"expected image values in [0, 1], got {array.min():g} to {array.max():g}")
    return (array * 255).round().astype(np.uint8)


def _ring() -> np.ndarray:
    """What the drawing pad shows at first: a ring, which has edges in every direction."""
    row, column = np.indices((DRAWING_SIZE, DRAWING_SIZE)) - (DRAWING_SIZE - 1) / 2
    return np.where(abs(np.hypot(row, column) - DRAWING_SIZE / 3) < 1, 255, 0).astype(np.uint8)


def _encode(pixels: np.ndarray) -> str:
    return base64.b64encode(pixels.tobytes()).decode()


def _decode(data: str) -> torch.Tensor:
    """Pixels in base64 as a float64 image in [0, 1]. Raises ValueError if they do not make a square image."""
    pixels = np.frombuffer(base64.b64decode(data, validate=True), dtype=np.uint8)
    size = math.isqrt(len(pixels))
    if size * size != len(pixels) or not IMAGE_SIZES[0] <= size <= IMAGE_SIZES[1]:
        raise ValueError(f"expected the pixels of a square image, one byte each, in base64, got {len(pixels)} bytes")
    return torch.from_numpy(pixels.reshape(size, size) / 255)
