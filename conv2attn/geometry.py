"""Where a convolution looks: the one description that every other module reads.

Output pixel p of a convolution reads, with tap t, the padded pixel ``stride * p + t * dilation``.
Everything here is integer arithmetic; no weights are touched.
"""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


@dataclass(frozen=True)
class Geometry:
    """The integers of a convolution with ``d`` spatial axes; every tuple has one entry an axis.

    ``padding`` holds (before, after) pairs, because ``padding="same"`` pads an even kernel unevenly.
    """

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    padding_mode: str

    @classmethod
    def of(cls, conv: nn.Module) -> "Geometry":
        """Read the geometry of a ``nn.Conv1d``, ``nn.Conv2d`` or ``nn.Conv3d``.

        Raises ValueError, naming what is supported, for any other module.
        """
        check_supported(conv)
        if isinstance(conv.padding, str):
            # torch puts the odd pixel of "same" behind the image.
            reach = [d * (k - 1) if conv.padding == "same" else 0 for k, d in zip(conv.kernel_size, conv.dilation)]
            padding = tuple((r // 2, r - r // 2) for r in reach)
        else:
            padding = tuple((p, p) for p in conv.padding)
        return cls(conv.kernel_size, conv.stride, conv.dilation, padding, conv.padding_mode)

    @property
    def dims(self) -> int:
        """Number of spatial axes: 1, 2 or 3."""
        return len(self.kernel_size)

    @property
    def taps(self) -> torch.Tensor:
        """Offset of every tap in the padded image, in the kernel's own order: (T, d), int64."""
        return grid(self.kernel_size) * torch.tensor(self.dilation)

    @property
    def shifts(self) -> torch.Tensor:
        """Δ of every tap, counted from the unpadded pixel ``stride * p``: (T, d), int64."""
        return self.taps - torch.tensor([before for before, _ in self.padding])

    def padded_size(self, input_size: tuple[int, ...]) -> tuple[int, ...]:
        """Spatial size after padding."""
        return tuple(n + before + after for n, (before, after) in zip(input_size, self.padding))

    def output_size(self, input_size: tuple[int, ...]) -> tuple[int, ...]:
        """Spatial size of the output. Raises ValueError where torch's convolution would fail too."""
        input_size = tuple(input_size)
        if len(input_size) != self.dims or min(input_size, default=0) < 1:
            raise ValueError(f"expected an input size of {self.dims} positive integers, got {input_size}")
        for n, pads in zip(input_size, self.padding):
            limit = {"reflect": n - 1, "circular": n}.get(self.padding_mode)
            if limit is not None and max(pads) > limit:
                raise ValueError(f"expected {self.padding_mode} padding of at most {limit} on an axis of {n} pixels, got {max(pads)}")
        padded = self.padded_size(input_size)
        reach = [d * (k - 1) + 1 for k, d in zip(self.kernel_size, self.dilation)]
        if any(n < r for n, r in zip(padded, reach)):
            raise ValueError(f"expected a padded input of at least {tuple(reach)} pixels, got {padded}")
        return tuple((n - r) // s + 1 for n, r, s in zip(padded, reach, self.stride))

    def pad(self, x: torch.Tensor) -> torch.Tensor:
        """Pad the spatial axes of ``x`` (batch, channels, *input_size) as the convolution does."""
        if not any(before or after for before, after in self.padding):
            return x
        amounts = [n for pair in reversed(self.padding) for n in pair]  # F.pad counts from the last axis
        return F.pad(x, amounts, mode="constant" if self.padding_mode == "zeros" else self.padding_mode)

    def read(self, padded: torch.Tensor) -> torch.Tensor:
        """What each output reads with each tap, (batch, T, C, N_out), from a padded (batch, C, *padded_size).

        The windows are a view of the padded image; only putting them in order copies.
        """
        windows = padded
        for axis, (k, d, s) in enumerate(zip(self.kernel_size, self.dilation, self.stride)):
            windows = windows.unfold(2 + axis, d * (k - 1) + 1, s)[..., ::d]
        # (batch, C, *output_size, *kernel_size): bring the taps to the front, the pixels to the back.
        taps = range(2 + self.dims, 2 + 2 * self.dims)
        windows = windows.permute(0, *taps, 1, *range(2, 2 + self.dims))
        return windows.flatten(1, self.dims).flatten(3)

    def anchors(self, input_size: tuple[int, ...]) -> torch.Tensor:
        """Padded position that the first tap of each output reads, ``stride * p``: (N_out, d), int64."""
        return grid(self.output_size(input_size)) * torch.tensor(self.stride)

    def index(self, input_size: tuple[int, ...]) -> torch.Tensor:
        """Which padded pixel each output reads with each tap, as a flat index: (T, N_out), int64."""
        position = self.anchors(input_size) + self.taps[:, None]
        return flatten(position, self.padded_size(input_size))


def grid(size: tuple[int, ...]) -> torch.Tensor:
    """Coordinates of every pixel in row-major order: (N, d), int64. ``grid((2, 3))[4] == (1, 1)``."""
    return torch.cartesian_prod(*map(torch.arange, size)).reshape(-1, len(size))


def flatten(position: torch.Tensor, size: tuple[int, ...]) -> torch.Tensor:
    """Row-major index of integer positions (..., d) on a grid of that size: (...), int64."""
    steps = [1]
    for n in reversed(size[1:]):
        steps.insert(0, steps[0] * n)
    return (position * torch.tensor(steps)).sum(-1)


def check_supported(conv: nn.Module) -> None:
    """Raise ValueError unless ``conv`` is a real-valued ``nn.Conv1d/2d/3d`` with weights."""
    if type(conv) not in CONVOLUTIONS:
        raise ValueError(
            "expected nn.Conv1d, nn.Conv2d or nn.Conv3d (any kernel size, stride, padding, dilation, groups and bias); "
            f"got {type(conv).__module__}.{type(conv).__qualname__}: transposed, lazy, quantised and "
            "subclassed convolutions are not supported"
        )
    if not conv.weight.dtype.is_floating_point:
        raise ValueError(f"expected a real floating-point weight, got {conv.weight.dtype}")


def check_alpha(alpha: float) -> float:
    """Return the sharpness as a float; raise ValueError unless it is positive (``math.inf`` is allowed)."""
    if not isinstance(alpha, (int, float)) or not alpha > 0:
        raise ValueError(f"expected a sharpness alpha > 0 (math.inf for the hard limit), got {alpha!r}")
    return float(alpha)
