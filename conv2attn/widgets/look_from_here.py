"""Look from here: what one pixel of a colour photograph sees through a convolution, a local and a global head."""

import base64
import math
from typing import Any, NamedTuple

import matplotlib
import numpy as np
import torch
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import nn

from conv2attn import figures
from conv2attn.attention import attention_weights
from conv2attn.data import photograph
from conv2attn.geometry import grid
from conv2attn.matrix import dense_matrix
from conv2attn.widgets.base import Widget
from conv2attn.widgets.drawing import panel
from conv2attn.widgets.values import brief, encode, finite_array, one_of, to_kernel, to_pixel

IMAGE_SIZES = (9, 48)
WINDOWS = (3, 5, 7, 9)
SCORES = ("distance", "dot product")
"""What a head's score says of two colours: -β ‖f_p - f_q‖², or β f_p · f_q."""
LARGEST_BETA = 8.0
LARGEST_ALPHA = 2.0

SOBEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


class Look(NamedTuple):
    """One head's weights from p in three numbers."""

    near: float
    """The share of the weight on p and its neighbours, 3×3 pixels or what the image has of them."""
    effective: float
    """The effective number of pixels: exp of the weights' entropy in nats. n equal weights give n."""
    largest: float
    """The largest weight."""


class LookFromHere(Widget):
    """What the pixel p of a colour photograph sees: 3×3 taps, a local head's weights and a global head's.

    ``LookFromHere()`` shows a photograph of 32×32 pixels. Both heads have the same score of a pixel q, the sum of a
    content score of the colours f and the position score -α ‖q - p‖²; the local one has a window. f is the pixel's
    colour, standardised over the photograph: :meth:`features`.

    Args:
        image: (3, size, size), 9 ≤ size ≤ 48, values in [0, 1] (or uint8).
        output_pixel: p, (row, column); the middle unless given.
        beta: β, the weight of the content, from 0 to 8.
        alpha: α, the weight of the position, from 0 to 2.
        window: the local head's, 3, 5, 7 or 9 pixels wide; pixels outside the image are not there.
        score: "distance" for the content score -β ‖f_p - f_q‖², "dot product" for β f_p · f_q.
        kernel: the convolution's, (3, 3), in the order of ``F.conv2d``.

    Raises ValueError saying what was expected and what was given.
    """

    name = "look_from_here"

    image = traitlets.Unicode().tag(sync=True)
    """The photograph's pixels, uint8 in base64, row by row, red, green and blue of each."""
    output_pixel = traitlets.Any().tag(sync=True)
    """[row, column] of p."""
    beta = traitlets.Float().tag(sync=True)
    """β."""
    alpha = traitlets.Float().tag(sync=True)
    """α."""
    window = traitlets.Int().tag(sync=True)
    score = traitlets.Unicode("distance").tag(sync=True)
    """One of SCORES."""
    kernel = traitlets.Any().tag(sync=True)
    """3 rows of 3 weights."""

    def __init__(
        self,
        image: Any = None,
        output_pixel: Any = None,
        *,
        beta: float = 2.0,
        alpha: float = 0.05,
        window: int = 7,
        score: str = "distance",
        kernel: Any = None,
        **kwargs: Any,
    ) -> None:
        pixels = to_colour_pixels(photograph("chelsea", size=32, color=True) if image is None else image)
        size = len(pixels)
        super().__init__(
            image=encode(pixels),
            output_pixel=to_pixel((size // 2, size // 2) if output_pixel is None else output_pixel, size),
            beta=between(beta, LARGEST_BETA, "beta"),
            alpha=between(alpha, LARGEST_ALPHA, "alpha"),
            window=one_of(window, WINDOWS, "a window"),
            score=to_score(score),
            kernel=to_small_kernel(SOBEL if kernel is None else kernel),
            **kwargs,
        )

    def __repr__(self) -> str:
        options = f"beta={self.beta:g}, alpha={self.alpha:g}, window={self.window}, score={self.score!r}"
        return f"LookFromHere(output_pixel={tuple(self.output_pixel)}, {options})"

    @traitlets.validate("image")
    def _check_image(self, proposal: Any) -> str:
        decode_colours(proposal["value"])
        return proposal["value"]

    @traitlets.validate("output_pixel")
    def _check_pixel(self, proposal: Any) -> list[int]:
        return to_pixel(proposal["value"], self.size)

    @traitlets.validate("beta")
    def _check_beta(self, proposal: Any) -> float:
        return between(proposal["value"], LARGEST_BETA, "beta")

    @traitlets.validate("alpha")
    def _check_alpha(self, proposal: Any) -> float:
        return between(proposal["value"], LARGEST_ALPHA, "alpha")

    @traitlets.validate("window")
    def _check_window(self, proposal: Any) -> int:
        return one_of(proposal["value"], WINDOWS, "a window")

    @traitlets.validate("score")
    def _check_score(self, proposal: Any) -> str:
        return to_score(proposal["value"])

    @traitlets.validate("kernel")
    def _check_kernel(self, proposal: Any) -> list[list[float]]:
        return to_small_kernel(proposal["value"])

    @traitlets.observe("image")
    def _keep_pixel_inside(self, change: Any) -> None:
        self.output_pixel = [min(axis, self.size - 1) for axis in self.output_pixel]

    @property
    def x(self) -> torch.Tensor:
        """The photograph, (3, size, size), float64 in [0, 1]."""
        return decode_colours(self.image)

    @property
    def size(self) -> int:
        """The photograph's side."""
        return self.x.shape[-1]

    @property
    def features(self) -> torch.Tensor:
        """f, a row for each pixel, (size², 3): the colours less each channel's mean, all of them divided by one number,
        so that the 3 size² entries together have variance 1. A photograph of one colour has f = 0."""
        colours = self.x.flatten(1).T
        centred = colours - colours.mean(0)
        deviation = centred.square().mean().sqrt()
        return centred / deviation if deviation else centred

    @property
    def shifts(self) -> torch.Tensor:
        """δ = q - p for every pixel q, (size², 2)."""
        return (grid((self.size, self.size)) - torch.tensor(self.output_pixel)).double()

    def within(self, width: int) -> torch.Tensor:
        """Is a pixel in the window of that width around p? (size, size), boolean."""
        return (self.shifts.abs().amax(-1) <= width // 2).reshape(self.size, self.size)

    def weights(self, mask: torch.Tensor | None = None) -> torch.Tensor:
        """Row p of A over the pixels that the mask keeps (size, size, boolean; all unless given): (size, size).

        The distance is a dot product with one more coordinate: -β ‖f_p - f_q‖² = (2 β f_p, 1) · (f_q, -β ‖f_q‖²)
        less β ‖f_p‖², which is alike for all q, so that softmax does not see it.
        """
        row, column = self.output_pixel
        f = self.features
        query, key = self.beta * f[row * self.size + column], f
        if self.score == "distance":
            query = torch.cat([2 * query, torch.ones(1, dtype=torch.float64)])
            key = torch.cat([f, -self.beta * f.square().sum(-1, keepdim=True)], dim=-1)
        scores = -self.alpha * self.shifts.square().sum(-1)
        if mask is not None:
            scores = scores.masked_fill(~mask.flatten(), -math.inf)
        return attention_weights(query[None], key, scores[None], scale=1.0)[0].reshape(self.size, self.size)

    @property
    def local_weights(self) -> torch.Tensor:
        """The local head's row of A, (size, size); 0 outside its window."""
        return self.weights(self.within(self.window))

    @property
    def global_weights(self) -> torch.Tensor:
        """The global head's row of A, (size, size)."""
        return self.weights()

    @property
    def row(self) -> torch.Tensor:
        """Row p of the convolution's matrix, zero-padded, over the photograph: (size, size)."""
        conv = nn.Conv2d(1, 1, 3, padding=1, bias=False, dtype=torch.float64)
        conv.requires_grad_(False).weight.copy_(torch.tensor(self.kernel, dtype=torch.float64))
        row, column = self.output_pixel
        return dense_matrix(conv, (self.size, self.size))[row * self.size + column].reshape(self.size, self.size)

    def look(self, weights: torch.Tensor) -> Look:
        """A head's weights (size, size) in numbers."""
        A = weights.flatten()
        return Look(weights[self.within(3)].sum().item(), math.exp(torch.special.entr(A).sum().item()), A.max().item())

    def describe(self) -> str:
        """What the picture shows, with its numbers: its alternative text."""
        (row, column), local, wide = self.output_pixel, self.look(self.local_weights), self.look(self.global_weights)
        return (
            f"A colour photograph of {self.size} by {self.size} pixels and what its pixel ({row}, {column}) sees: the taps of a "
            f"3 by 3 convolution, the weights of a head with a window of {self.window} by {self.window}, which looks at about "
            f"{count(local.effective)} pixels, and those of a global head, which looks at about {count(wide.effective)}. "
            f"The content score is a {self.score} with beta = {self.beta:g}; alpha = {self.alpha:g}."
        )

    def figure(self) -> Figure:
        """The photograph with p; the taps, the local head's weights and the global head's, each on its own scale."""
        row, column = self.output_pixel
        local, wide, taps = self.local_weights, self.global_weights, self.row
        reach = max(abs(np.array(self.kernel)).max(), 1e-12)
        with matplotlib.rc_context(figures.STYLE):
            figure = Figure(figsize=(7.6, 7.9), dpi=100)
            cells = figure.add_gridspec(2, 2, left=0.02, right=0.98, top=0.96, bottom=0.01, hspace=0.08, wspace=0.04)
            axes = panel(figure, cells[0, 0], f"photograph, p = ({row}, {column})")
            self._draw(axes, None, self.window)
            axes = panel(figure, cells[0, 1], f"3 × 3 convolution, up to ±{reach:.3g}")
            drawn = {"cmap": figures.signed_cmap, "vmin": -reach, "vmax": reach}
            self._draw(axes, taps.masked_fill(~self.within(3), torch.nan), 3, **drawn)
            axes = panel(figure, cells[1, 0], f"local head, up to {local.max():.3g}")
            drawn = {"cmap": figures.weight_cmap, "vmin": 0}
            self._draw(axes, local.masked_fill(~self.within(self.window), torch.nan), self.window, **drawn, vmax=local.max().item())
            axes = panel(figure, cells[1, 1], f"global head, up to {wide.max():.3g}")
            self._draw(axes, wide, 3, **drawn, vmax=wide.max().item())
        return figure

    def _draw(self, axes: Axes, values: torch.Tensor | None, window: int, **drawn: Any) -> None:
        axes.imshow(self.x.movedim(0, -1).numpy(), interpolation="nearest", alpha=1.0 if values is None else 0.4)
        if values is not None:
            axes.imshow(values.numpy(), interpolation="nearest", **drawn)
        row, column = self.output_pixel
        for side in (window, 1):
            for color, width in (("white", 2.6), ("black", 1.2)):
                corner = (column - side / 2, row - side / 2)
                axes.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=color, linewidth=width))
        axes.set(xlim=(-0.5, self.size - 0.5), ylim=(self.size - 0.5, -0.5))


def count(pixels: float) -> str:
    """A number of pixels as text: in three digits, but never fewer than its whole part has."""
    return f"{pixels:.3g}" if pixels < 999.5 else f"{pixels:.0f}"


def to_score(score: Any) -> str:
    """One of SCORES."""
    if score not in SCORES:
        raise ValueError(f"expected a score among {', '.join(SCORES)}, got {score!r}")
    return score


def between(value: Any, most: float, what: str) -> float:
    """A number from 0 to ``most``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= most:
        raise ValueError(f"expected {what} from 0 to {most:g}, got {value!r}")
    return float(value)


def to_small_kernel(kernel: Any) -> list[list[float]]:
    """3 rows of 3 weights."""
    rows = to_kernel(kernel)
    if len(rows) != 3:
        raise ValueError(f"expected a kernel of shape (3, 3), got {(len(rows), len(rows))}")
    return rows


def to_colour_pixels(image: Any) -> np.ndarray:
    """A colour image (3, size, size) as uint8, (size, size, 3); values in [0, 1] are rounded to 1/255."""
    is_bytes = getattr(image, "dtype", None) in (torch.uint8, np.dtype("uint8"))
    array = finite_array(image, "the image")
    smallest, largest = IMAGE_SIZES
    if array.ndim != 3 or array.shape[0] != 3 or array.shape[1] != array.shape[2] or not smallest <= array.shape[1] <= largest:
        raise ValueError(
            f"expected a square colour image, (3, size, size), of {smallest}×{smallest} to {largest}×{largest} pixels, "
            f"got shape {array.shape}"
        )
    if not is_bytes:
        if array.min() < 0 or array.max() > 1:
            raise ValueError(f"expected image values in [0, 1], got {brief(np.array([array.min(), array.max()]))}")
        array = (array * 255).round()
    return np.ascontiguousarray(np.moveaxis(array.astype(np.uint8), 0, -1))


def decode_colours(data: str) -> torch.Tensor:
    """Pixels in base64, three bytes each, as a float64 image (3, size, size) in [0, 1]."""
    pixels = np.frombuffer(base64.b64decode(data, validate=True), dtype=np.uint8)
    size = math.isqrt(len(pixels) // 3)
    if 3 * size * size != len(pixels) or not IMAGE_SIZES[0] <= size <= IMAGE_SIZES[1]:
        raise ValueError(f"expected the pixels of a square colour image, three bytes each, in base64, got {len(pixels)} bytes")
    return torch.from_numpy(pixels.reshape(size, size, 3) / 255).movedim(-1, 0).contiguous()
