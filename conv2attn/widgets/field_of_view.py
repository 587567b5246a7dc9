"""The field of view: what one output pixel of a stack of convolutions can see, and what it looks at."""

import math
from typing import Any

import matplotlib
import torch
import traitlets
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import nn

from conv2attn import figures
from conv2attn.data import photograph
from conv2attn.receptive import gradient_field, receptive_field
from conv2attn.widgets.base import Widget
from conv2attn.widgets.drawing import panel
from conv2attn.widgets.values import KERNEL_SIZES, decode, encode, one_of, to_pixel, to_pixels

SIZE = 65
"""Of the photograph: 32 layers of 3×3, or 16 of 5×5, see just all of it from its middle."""
IMAGE_SIZES = (9, SIZE)


class FieldOfView(Widget):
    """The receptive field of an output pixel p, on paper and by the gradient, in a stack of averaging convolutions.

    ``FieldOfView()`` shows a photograph of 65×65 pixels under eight 3×3 layers. Every layer is
    ``nn.Conv2d(1, 1, K, dilation=d, padding=d * (K // 2))`` whose weights are all 1/K². The stack is linear: the
    gradient of its output at p is the row of its matrix, the weight with which p looks at each pixel.

    Args:
        image: (size, size), 9 ≤ size ≤ 65, values in [0, 1] (or uint8).
        layers: their number L, no more than make a field as wide as the image; eight, or that many, unless given.
        kernel_size: K = 3 or 5.
        doubling: are the dilations 1, 2, 4, … or all 1?
        output_pixel: p, (row, column); the middle unless given.

    Raises ValueError saying what was expected and what was given.
    """

    name = "field_of_view"

    image = traitlets.Unicode().tag(sync=True)
    """The photograph's pixels, uint8 in base64, row by row."""
    layers = traitlets.Int().tag(sync=True)
    """L."""
    kernel_size = traitlets.Int().tag(sync=True)
    """K."""
    doubling = traitlets.Bool().tag(sync=True)
    """Does each layer double the dilation?"""
    output_pixel = traitlets.Any().tag(sync=True)
    """[row, column] of p."""

    def __init__(
        self,
        image: Any = None,
        layers: int | None = None,
        kernel_size: int = 3,
        doubling: bool = False,
        *,
        output_pixel: Any = None,
        **kwargs: Any,
    ) -> None:
        pixels = to_pixels(photograph(size=SIZE) if image is None else image, IMAGE_SIZES)
        size, kernel_size = len(pixels), one_of(kernel_size, KERNEL_SIZES, "a kernel size")
        most = most_layers(size, kernel_size, doubling)
        super().__init__(
            image=encode(pixels),
            kernel_size=kernel_size,
            doubling=doubling,
            layers=one_of(min(8, most) if layers is None else layers, range(1, most + 1), "a number of layers"),
            output_pixel=to_pixel((size // 2, size // 2) if output_pixel is None else output_pixel, size),
            **kwargs,
        )

    def __repr__(self) -> str:
        K, dilation = self.kernel_size, "doubling" if self.doubling else 1
        return f"FieldOfView(layers={self.layers}, kernel={K}×{K}, dilation={dilation})"

    @traitlets.validate("image")
    def _check_image(self, proposal: Any) -> str:
        decode(proposal["value"], IMAGE_SIZES)
        return proposal["value"]

    @traitlets.validate("kernel_size")
    def _check_kernel_size(self, proposal: Any) -> int:
        return one_of(proposal["value"], KERNEL_SIZES, "a kernel size")

    @traitlets.validate("layers")
    def _check_layers(self, proposal: Any) -> int:
        most = most_layers(len(self.x), self.kernel_size, self.doubling)
        return one_of(proposal["value"], range(1, most + 1), "a number of layers")

    @traitlets.validate("output_pixel")
    def _check_pixel(self, proposal: Any) -> list[int]:
        return to_pixel(proposal["value"], len(self.x))

    @traitlets.observe("image", "kernel_size", "doubling")
    def _keep_inside(self, change: Any) -> None:
        size = len(self.x)
        self.layers = min(self.layers, most_layers(size, self.kernel_size, self.doubling))
        self.output_pixel = [min(axis, size - 1) for axis in self.output_pixel]

    @property
    def x(self) -> torch.Tensor:
        """The photograph, (size, size), float64 in [0, 1]."""
        return decode(self.image, IMAGE_SIZES)

    @property
    def dilations(self) -> list[int]:
        """Of each layer, the first one first."""
        return [2**layer if self.doubling else 1 for layer in range(self.layers)]

    @property
    def stack(self) -> nn.Sequential:
        """The layers: averages over K×K pixels, zero-padded, in float64."""
        K = self.kernel_size
        convs = [
            nn.Conv2d(1, 1, K, padding=d * (K // 2), dilation=d, bias=False, dtype=torch.float64) for d in self.dilations
        ]
        for conv in convs:
            nn.init.constant_(conv.weight, 1 / K**2)
        return nn.Sequential(*convs)

    @property
    def width(self) -> int:
        """Of the theoretical field, in pixels: 1 + (K - 1) Σ d."""
        return receptive_field(self.stack).size[0]

    @property
    def field(self) -> torch.Tensor:
        """The effective field: how much the output at p depends on each pixel, (size, size). Its sum is 1 if nothing
        of it is cut off by the border."""
        return gradient_field(self.stack, self.x[None], tuple(self.output_pixel))

    @property
    def unbounded_field(self) -> torch.Tensor:
        """The same on a grid that holds the whole theoretical field, (width, width): no border cuts it."""
        reach = self.width // 2
        return gradient_field(self.stack, torch.zeros(1, self.width, self.width, dtype=torch.float64), (reach, reach))

    @property
    def sigma(self) -> float:
        """Standard deviation of the unbounded field along an axis, measured, in pixels."""
        profile = self.unbounded_field.sum(0)
        offset = torch.arange(self.width, dtype=torch.float64) - self.width // 2
        return ((profile * offset**2).sum() / profile.sum()).sqrt().item()

    @property
    def sigma_law(self) -> float:
        """What the law says: √(Σ d² (K² - 1) / 12), which is √(L (K² - 1) / 12) where every d is 1."""
        return math.sqrt(sum(d * d for d in self.dilations) * (self.kernel_size**2 - 1) / 12)

    @property
    def core(self) -> int:
        """How many pixels along an axis lie at most 2σ from p."""
        return 2 * math.isqrt(sum(d * d for d in self.dilations) * (self.kernel_size**2 - 1) // 3) + 1

    @property
    def core_share(self) -> float:
        """The share of the unbounded field's weight on the pixels at most 2σ from p on both axes."""
        beside = (self.width - self.core) // 2
        inside = slice(beside, beside + self.core)
        field = self.unbounded_field
        return (field[inside, inside].sum() / field.sum()).item()

    @property
    def visible(self) -> tuple[int, int]:
        """Height and width of the part of the theoretical field that lies in the image."""
        reach, last = self.width // 2, len(self.x) - 1
        return tuple(min(axis + reach, last) - max(axis - reach, 0) + 1 for axis in self.output_pixel)

    def describe(self) -> str:
        """What the picture shows, with its numbers: its alternative text."""
        K, (row, column) = self.kernel_size, self.output_pixel
        dilation = "dilations that double" if self.doubling else "dilation 1"
        return (
            f"A photograph of {len(self.x)} by {len(self.x)} pixels and the field of its pixel ({row}, {column}) under "
            f"{self.layers} averaging layers of {K} by {K} with {dilation}: the theoretical field, {self.width} pixels wide, "
            f"as a frame, the effective field as weights, and its profile. Its standard deviation is {self.sigma:.3g} "
            f"pixels; {self.core_share:.1%} of its weight lies within two of them."
        )

    def figure(self) -> Figure:
        """The photograph with the field framed, the effective field over it, and the profile through p."""
        size, (row, column), field = len(self.x), self.output_pixel, self.field
        share = field / field.max()
        with matplotlib.rc_context(figures.STYLE):
            figure = Figure(figsize=(7.6, 5.4), dpi=120)
            rows = {"height_ratios": (10, 3), "left": 0.04, "right": 0.96, "top": 0.94, "bottom": 0.08}
            cells = figure.add_gridspec(2, 3, width_ratios=(20, 20, 1), **rows, hspace=0.16, wspace=0.06)
            axes = panel(figure, cells[0, 0], f"photograph, p = ({row}, {column})")
            axes.imshow(self.x.numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            self._draw_frames(axes)
            axes = panel(figure, cells[0, 1], f"effective field, {self.layers} layers")
            axes.imshow(self.x.numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest", alpha=0.35)
            seen = share.masked_fill(share == 0, torch.nan).numpy()
            drawn = axes.imshow(seen, cmap=figures.weight_cmap, vmin=0, vmax=1, interpolation="nearest")
            self._draw_frames(axes)
            bar = figure.colorbar(drawn, cax=figure.add_subplot(cells[0, 2]), ticks=(0, 1))
            bar.outline.set_visible(False)
            axes = figure.add_subplot(cells[1, :2])
            axes.bar(range(size), share[row].numpy(), width=1, color=figures.LINE_COLORS[0])
            for distance, line in ((self.width / 2, "-"), (2 * self.sigma, "--")):
                for at in (column - distance, column + distance):
                    axes.axvline(at, color="black", linewidth=1.2, linestyle=line)
            axes.set(xlim=(-0.5, size - 0.5), ylim=(0, 1.08), yticks=(0, 1), xlabel="column, along the row of p")
        return figure

    def _draw_frames(self, axes: Axes) -> None:
        size, (row, column) = len(self.x), self.output_pixel
        for distance, line in ((self.width / 2, "-"), (2 * self.sigma, "--"), (0.5, "-")):
            top, left = max(row - distance, -0.5), max(column - distance, -0.5)
            bottom, right = min(row + distance, size - 0.5), min(column + distance, size - 0.5)
            for color, width, style in (("white", 2.6, "-"), ("black", 1.2, line)):
                frame = Rectangle((left, top), right - left, bottom - top, fill=False, ec=color, lw=width, ls=style)
                axes.add_patch(frame)
        axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))


def most_layers(size: int, kernel_size: int, doubling: bool) -> int:
    """The largest L whose theoretical field is no wider than an image of that side."""
    steps = (size - 1) // (kernel_size - 1)  # Σ d may be this
    return (steps + 1).bit_length() - 1 if doubling else steps
