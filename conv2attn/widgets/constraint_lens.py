"""The constraint lens: a dense matrix, and what locality and sharing leave of it."""

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
from conv2attn.constraints import project_local, project_shared, weight_index
from conv2attn.widgets.base import Widget
from conv2attn.widgets.values import one_of, to_pixel

IMAGE_SIZES = range(4, 10)
KERNEL_SIZES = (1, 3, 5)
LARGEST_SEED = 999

NAMES = {
    (False, False): "fully connected",
    (False, True): "sharing alone",
    (True, False): "locally connected",
    (True, True): "convolution",
}
"""What a layer is called, by (locality, sharing)."""


class Distance(NamedTuple):
    """Squared Frobenius norms: of the random matrix, of what its projection keeps, and of what it loses."""

    whole: float
    kept: float
    lost: float


class ConstraintLens(Widget):
    """The matrix of a layer with one channel in and out, before and after the constraints that make it a convolution.

    ``ConstraintLens()`` shows a random dense matrix of an image of 6×6 pixels. ``locality`` keeps the entries inside
    a K×K window around each pixel, ``sharing`` makes entries of the same shift δ = q - p one weight; both together
    give ``nn.Conv2d(1, 1, K, padding=K // 2)``, sharing alone a convolution whose kernel reaches over the whole image.

    Args:
        size: side n of the image, 4 to 9; the matrix is n² × n².
        kernel_size: K = 1, 3 or 5.
        locality, sharing: which constraints hold.
        output_pixel, input_pixel: p and q, (row, column) both: the row and the entry of the matrix that are looked at.
        seed: of the random matrix, 0 to 999.

    Raises ValueError saying what was expected and what was given.
    """

    name = "constraint_lens"

    size = traitlets.Int().tag(sync=True)
    """The image's side n."""
    kernel_size = traitlets.Int().tag(sync=True)
    """The window's side K."""
    locality = traitlets.Bool().tag(sync=True)
    """May p look at its K×K window alone?"""
    sharing = traitlets.Bool().tag(sync=True)
    """Does an entry depend on q - p alone?"""
    output_pixel = traitlets.Any().tag(sync=True)
    """[row, column] of p."""
    input_pixel = traitlets.Any().tag(sync=True)
    """[row, column] of q."""
    seed = traitlets.Int().tag(sync=True)
    """Of the random matrix."""

    def __init__(
        self,
        size: int = 6,
        kernel_size: int = 3,
        locality: bool = False,
        sharing: bool = False,
        *,
        output_pixel: Any = (2, 2),
        input_pixel: Any = (2, 3),
        seed: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            size=one_of(size, IMAGE_SIZES, "an image side"),
            kernel_size=one_of(kernel_size, KERNEL_SIZES, "a kernel size"),
            locality=locality,
            sharing=sharing,
            output_pixel=to_pixel(output_pixel, size),
            input_pixel=to_pixel(input_pixel, size),
            seed=one_of(seed, range(LARGEST_SEED + 1), "a seed"),
            **kwargs,
        )

    def __repr__(self) -> str:
        layer = NAMES[self.locality, self.sharing]
        return f"ConstraintLens(size={self.size}, kernel_size={self.kernel_size}, {layer})"

    @traitlets.validate("size")
    def _check_size(self, proposal: Any) -> int:
        return one_of(proposal["value"], IMAGE_SIZES, "an image side")

    @traitlets.validate("kernel_size")
    def _check_kernel_size(self, proposal: Any) -> int:
        return one_of(proposal["value"], KERNEL_SIZES, "a kernel size")

    @traitlets.validate("seed")
    def _check_seed(self, proposal: Any) -> int:
        return one_of(proposal["value"], range(LARGEST_SEED + 1), "a seed")

    @traitlets.validate("output_pixel", "input_pixel")
    def _check_pixel(self, proposal: Any) -> list[int]:
        return to_pixel(proposal["value"], self.size)

    @traitlets.observe("size")
    def _keep_pixels_inside(self, change: Any) -> None:
        for name in ("output_pixel", "input_pixel"):
            setattr(self, name, [min(axis, self.size - 1) for axis in getattr(self, name)])

    @property
    def dense(self) -> torch.Tensor:
        """The random matrix, (n², n²) float64: near normal, mean 0, standard deviation about 1."""
        return random_matrix(self.seed, self.size**2)

    @property
    def conv(self) -> nn.Conv2d:
        """The convolution that has the same constraints; without locality its kernel reaches over the whole image."""
        K = self.kernel_size if self.locality else 2 * self.size - 1
        return nn.Conv2d(1, 1, K, padding=K // 2, bias=False, dtype=torch.float64)

    @property
    def index(self) -> torch.Tensor:
        """Which weight stands where, (n², n²) int64; -1 where the entry is forced to be zero."""
        index = weight_index(self.conv, (self.size, self.size))
        if self.sharing:
            return index
        own = torch.full_like(index, -1)
        own[index >= 0] = torch.arange((index >= 0).sum())
        return own

    @property
    def matrix(self) -> torch.Tensor:
        """The matrix nearest to :attr:`dense` among those that keep the constraints: (n², n²)."""
        return (project_shared if self.sharing else project_local)(self.dense, self.index)

    @property
    def num_weights(self) -> int:
        """How many numbers a training could choose."""
        return len(self.index[self.index >= 0].unique())

    @property
    def num_zeros(self) -> int:
        """How many entries are forced to be zero."""
        return int((self.index < 0).sum())

    @property
    def ties(self) -> torch.Tensor:
        """Where the weight of the entry (p, q) stands, (n², n²) bool; nowhere if that entry is forced to be zero."""
        p, q = (row * self.size + column for row, column in (self.output_pixel, self.input_pixel))
        return (self.index == self.index[p, q]) & (self.index >= 0)

    @property
    def distance(self) -> Distance:
        """How far the projection is from the random matrix; by Pythagoras kept + lost = whole."""
        dense, matrix = self.dense, self.matrix
        return Distance(*(values.square().sum().item() for values in (dense, matrix, dense - matrix)))

    def describe(self) -> str:
        """What the picture shows, with its numbers: its alternative text."""
        n, (whole, kept, _) = self.size, self.distance
        return (
            f"The matrix of a layer ({NAMES[self.locality, self.sharing]}) on an image of {n} by {n} pixels, {n * n} by {n * n}, "
            f"and its row of the output pixel ({self.output_pixel[0]}, {self.output_pixel[1]}) as an image. "
            f"{self.num_weights} weights; {self.num_zeros} of {n**4} entries are forced to be zero; "
            f"{kept / whole:.1%} of the sum of squares of the random matrix is kept."
        )

    def figure(self) -> Figure:
        """The matrix with its row p framed, and that row as an image."""
        n, matrix = self.size, self.matrix.masked_fill(self.index < 0, torch.nan)
        (row, column), (q_row, q_column) = self.output_pixel, self.input_pixel
        p, limit = row * n + column, self.matrix.abs().max().item()
        with matplotlib.rc_context(figures.STYLE):
            figure = Figure(figsize=(7.6, 4.6), dpi=120)
            cells = figure.add_gridspec(1, 2, width_ratios=(3, 2), left=0.02, right=0.98, top=0.9, bottom=0.04, wspace=0.08)
            axes = figure.add_subplot(cells[0])
            self._draw(axes, matrix, limit, f"$D$, {NAMES[self.locality, self.sharing]}, {self.num_weights} weights")
            _frame(axes, 0, p, n * n, 1, line=1.6)
            for at in self.ties.nonzero().tolist():
                _frame(axes, at[1], at[0], 1, 1, line=0.6)
            axes = figure.add_subplot(cells[1], anchor="N")
            self._draw(axes, matrix[p].reshape(n, n), limit, f"row of $p$ = ({row}, {column}), as an image")
            if self.locality:
                R = self.kernel_size // 2
                _frame(axes, column - R, row - R, self.kernel_size, self.kernel_size, line=1.2, dashed=True)
            _frame(axes, column, row, 1, 1, line=2)
            _frame(axes, q_column, q_row, 1, 1, line=1)
        return figure

    def _draw(self, axes: Axes, values: torch.Tensor, limit: float, title: str) -> None:
        rows, columns = values.shape
        axes.set(title=title, xticks=(), yticks=(), xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
        axes.spines[:].set_visible(False)
        axes.patch.set(hatch="//////", edgecolor="#cccccc", facecolor="white")  # what is forced to be zero is not there
        axes.imshow(values.numpy(), cmap=figures.signed_cmap, vmin=-limit, vmax=limit, interpolation="nearest")


def random_matrix(seed: int, side: int) -> torch.Tensor:
    """A dense matrix (side, side), float64, that Python and the page make alike from whole numbers.

    Entry i, row by row, is the sum of the four bytes of a hash of (seed, i), less its mean, in steps of 1/148:
    nearly normal, with mean 0 and standard deviation close to 1.
    """
    with np.errstate(over="ignore"):
        bits = np.arange(side * side, dtype=np.uint32) + np.uint32(seed + 1) * np.uint32(0x9E3779B1)
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):  # MurmurHash3's last steps
            bits = (bits ^ (bits >> np.uint32(shift))) * np.uint32(factor)
        bits ^= bits >> np.uint32(16)
    total = bits.view(np.uint8).reshape(-1, 4).sum(1, dtype=np.int64)
    return torch.from_numpy((total - 510) / 148).reshape(side, side)


def _frame(axes: Axes, column: float, row: float, width: float, height: float, *, line: float, dashed: bool = False) -> None:
    """A black frame with a white halo around cells, so that it shows on any colour."""
    style = (0, (3, 2)) if dashed else "-"
    for color, extra in (("white", 1.6), ("black", 0)):
        corner = (column - 0.5, row - 0.5)
        axes.add_patch(Rectangle(corner, width, height, fill=False, ec=color, lw=line + extra, ls=style if not extra else "-", zorder=3))
