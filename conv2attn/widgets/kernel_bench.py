"""Kernel bench: a kernel over a photograph, and the row of the matrix that one output pixel is."""

from typing import Any

import matplotlib
import numpy as np
import torch
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import nn

from conv2attn import figures
from conv2attn.data import photograph
from conv2attn.geometry import PADDING_MODES, Geometry
from conv2attn.matrix import dense_matrix
from conv2attn.widgets.base import Widget
from conv2attn.widgets.drawing import numbered, panel, signed_bar, signed_image
from conv2attn.widgets.values import decode, encode, one_of, to_kernel, to_pixel, to_pixels

IMAGE_SIZES = (12, 48)
STEPS = (1, 2)
"""Strides, and dilations."""

VERTICAL_EDGES = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))


class KernelBench(Widget):
    """A K×K convolution of a grey image with padding d (K - 1) / 2, seen from one output pixel p.

    ``KernelBench()`` shows a photograph under a Sobel kernel. Everything that can be moved is a trait.

    Args:
        image: (size, size), 12 ≤ size ≤ 48, values in [0, 1] (or uint8).
        kernel: (K, K), K = 3 or 5, in the order of ``F.conv2d``.
        stride, dilation: 1 or 2.
        padding_mode: one of torch's: zeros, reflect, replicate, circular.
        output_pixel: p, (row, column) in the output; its middle unless given.

    Raises ValueError saying what was expected and what was given.
    """

    name = "kernel_bench"

    image = traitlets.Unicode().tag(sync=True)
    """The photograph's pixels, uint8 in base64, row by row."""
    kernel = traitlets.Any().tag(sync=True)
    """K rows of K weights."""
    stride = traitlets.Int(1).tag(sync=True)
    dilation = traitlets.Int(1).tag(sync=True)
    padding_mode = traitlets.Enum(PADDING_MODES, "zeros").tag(sync=True)
    output_pixel = traitlets.Any().tag(sync=True)
    """[row, column] of p."""

    def __init__(
        self,
        image: Any = None,
        kernel: Any = None,
        *,
        stride: int = 1,
        dilation: int = 1,
        padding_mode: str = "zeros",
        output_pixel: Any = None,
        **kwargs: Any,
    ) -> None:
        pixels = to_pixels(photograph(size=32) if image is None else image, IMAGE_SIZES)
        if padding_mode not in PADDING_MODES:
            raise ValueError(f"expected a padding mode among {', '.join(PADDING_MODES)}, got {padding_mode!r}")
        size = (len(pixels) - 1) // one_of(stride, STEPS, "a stride") + 1
        super().__init__(
            image=encode(pixels),
            kernel=to_kernel(VERTICAL_EDGES if kernel is None else kernel),
            stride=stride,
            dilation=one_of(dilation, STEPS, "a dilation"),
            padding_mode=padding_mode,
            output_pixel=to_pixel((size // 2, size // 2) if output_pixel is None else output_pixel, size),
            **kwargs,
        )

    def __repr__(self) -> str:
        K, options = len(self.kernel), f"stride={self.stride}, dilation={self.dilation}"
        return f"KernelBench(image={len(self.x)}×{len(self.x)}, kernel={K}×{K}, {options}, {self.padding_mode})"

    @traitlets.validate("image")
    def _check_image(self, proposal: Any) -> str:
        decode(proposal["value"], IMAGE_SIZES)
        return proposal["value"]

    @traitlets.validate("kernel")
    def _check_kernel(self, proposal: Any) -> list[list[float]]:
        return to_kernel(proposal["value"])

    @traitlets.validate("stride", "dilation")
    def _check_step(self, proposal: Any) -> int:
        return one_of(proposal["value"], STEPS, f"a {proposal['trait'].name}")

    @traitlets.validate("output_pixel")
    def _check_pixel(self, proposal: Any) -> list[int]:
        return to_pixel(proposal["value"], self.output_size)

    @traitlets.observe("image", "stride")
    def _keep_pixel_inside(self, change: Any) -> None:
        self.output_pixel = [min(axis, self.output_size - 1) for axis in self.output_pixel]

    @property
    def x(self) -> torch.Tensor:
        """The image, (size, size), float64 in [0, 1]."""
        return decode(self.image, IMAGE_SIZES)

    @property
    def output_size(self) -> int:
        """The output's side."""
        return (len(self.x) - 1) // self.stride + 1

    @property
    def conv(self) -> nn.Conv2d:
        """torch's own module with these options, in float64."""
        K = len(self.kernel)
        options = {"stride": self.stride, "dilation": self.dilation, "padding_mode": self.padding_mode}
        conv = nn.Conv2d(1, 1, K, padding=self.dilation * (K // 2), bias=False, dtype=torch.float64, **options)
        conv.requires_grad_(False).weight.copy_(torch.tensor(self.kernel, dtype=torch.float64))
        return conv

    @property
    def padded(self) -> torch.Tensor:
        """The image with its padding, (size + 2P, size + 2P)."""
        return Geometry.of(self.conv).pad(self.x[None, None])[0, 0]

    @property
    def output(self) -> torch.Tensor:
        """What the module makes of the image, (output_size, output_size)."""
        return self.conv(self.x[None])[0]

    @property
    def row(self) -> torch.Tensor:
        """Row p of the convolution's matrix, over the image: (size, size)."""
        size, (row, column) = len(self.x), self.output_pixel
        return dense_matrix(self.conv, (size, size))[row * self.output_size + column].reshape(size, size)

    @property
    def window(self) -> torch.Tensor:
        """What each tap reads at p, in the image or its padding: (K, K)."""
        K, (row, column) = len(self.kernel), self.output_pixel
        taps = [range(self.stride * at, self.stride * at + self.dilation * K, self.dilation) for at in (row, column)]
        return self.padded[list(taps[0])][:, list(taps[1])]

    @property
    def products(self) -> torch.Tensor:
        """What each tap contributes to the output at p: weight times pixel, (K, K)."""
        return self.window * torch.tensor(self.kernel, dtype=torch.float64)

    def describe(self) -> str:
        """What the picture shows, with its numbers: its alternative text."""
        size, K, (row, column) = len(self.x), len(self.kernel), self.output_pixel
        return (
            f"An image of {size} by {size} pixels with its padding, a {K} by {K} kernel and the output. At the output pixel "
            f"({row}, {column}) {K * K} products add up to {self.output[row, column]:.3g}. Its row of the matrix, drawn "
            f"over the image, has {int((self.row != 0).sum())} entries that are not zero, of {size * size}."
        )

    def figure(self) -> Figure:
        """The widget's panels: image, output, row of the matrix; window, kernel, products."""
        row, column = self.output_pixel
        largest = max(abs(np.array(self.kernel)).max(), self.row.abs().max().item())
        with matplotlib.rc_context(figures.STYLE):
            figure = Figure(figsize=(7.6, 5.9), dpi=120)
            rows = {"height_ratios": (30, 1, 4, 30), "left": 0.02, "right": 0.98, "top": 0.95, "bottom": 0.02}
            cells = figure.add_gridspec(4, 3, **rows, hspace=0.08, wspace=0.1)
            self._draw_padded(panel(figure, cells[0, 0], "x, padded"))
            axes = panel(figure, cells[0, 1], f"y, output, p = ({row}, {column})")
            signed_bar(figure, signed_image(axes, self.output.numpy()), cells[1, 1], self.output.abs().max().item())
            axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="black"))
            axes = panel(figure, cells[0, 2], "D[p, ·], row of the matrix")
            signed_bar(figure, signed_image(axes, self.row.numpy(), largest), cells[1, 2], largest)
            axes = panel(figure, cells[3, 0], "window of p")
            numbered(axes, self.window.numpy(), axes.imshow(self.window.numpy(), cmap="gray", vmin=0, vmax=1))
            numbered(panel(figure, cells[3, 1], "× w, kernel"), np.array(self.kernel))
            numbered(panel(figure, cells[3, 2], f"= products, sum {self.output[row, column]:.3g}"), self.products.numpy())
        return figure

    def _draw_padded(self, axes: Axes) -> None:
        padded, size, K = self.padded, len(self.x), len(self.kernel)
        P = (len(padded) - size) // 2
        axes.imshow(padded.numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        for color, width in (("black", 2.4), ("white", 0.8)):  # a halo, so that the lines show on any grey
            axes.add_patch(Rectangle((P - 0.5, P - 0.5), size, size, fill=False, edgecolor=color, linewidth=width))
            for i, j in np.ndindex(K, K):
                top, left = (self.stride * at + self.dilation * tap - 0.5 for at, tap in zip(self.output_pixel, (i, j)))
                axes.add_patch(Rectangle((left, top), 1, 1, fill=False, edgecolor=color, linewidth=width))
