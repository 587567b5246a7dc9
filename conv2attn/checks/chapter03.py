"""The checks of exercise 03: the ties in a convolution's matrix, and the shifts that they stand for.

One function a check cell, in the order of the notebook. The references lean on torch alone: `F.conv2d` on impulses,
autograd, and torch's roll. No image is square unless it must be, and no kernel is symmetric: a mistake that only a
square or a symmetric case hides must show.
"""

import operator
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import torch
import torch.nn.functional as F
from torch import Tensor

from conv2attn.checks import core

Layer = Callable[[Tensor], Tensor]

# --- 1: the matrix of a convolution of a signal --------------------------------------------------


@core.check
def toeplitz_rows(toeplitz: Callable[..., Any]) -> None:
    """The rows whose window lies inside the signal are the kernel, its centre on the diagonal."""
    name, gen = "toeplitz", core.generator("toeplitz-rows")
    for kernel_size, n in [(5, 7), (1, 3), (3, 5)]:
        kernel = core.integers(gen, kernel_size)
        D = core.call(name, toeplitz, kernel, n)
        case = f"{name}, {kernel_size} taps, n = {n}, full rows"
        want = _toeplitz(kernel, n)
        core.expect_shape(case, D, want.shape, _toeplitz_shapes(want, kernel_size))

        def full(table: Tensor) -> Tensor:
            """The full rows of `table`, and the answer's own other rows, which the next check judges."""
            rows = D.detach().double().clone()
            rows[kernel_size // 2 : n - kernel_size // 2] = table[kernel_size // 2 : n - kernel_size // 2]
            return rows

        mistakes = {mistake: full(table) for mistake, table in _toeplitz_mistakes(kernel, n).items()}
        core.compare(case, D, full(want), mistakes)
    core.passed(name, f"{n} × {n}, the middle row {core.numbers(want[n // 2])}")


@core.check
def toeplitz_border(toeplitz: Callable[..., Any]) -> None:
    """The rows at the border lose what falls outside, even where the kernel is wider than the signal."""
    name, gen = "toeplitz", core.generator("toeplitz-border")
    for kernel_size, n in [(5, 6), (3, 4), (7, 2), (5, 3), (3, 1)]:
        kernel = core.integers(gen, kernel_size)
        D = core.call(f"{name}, {kernel_size} taps, n = {n}", toeplitz, kernel, n)
        want = _toeplitz(kernel, n)
        case = f"{name}, {kernel_size} taps, n = {n}"
        core.expect_shape(case, D, want.shape, _toeplitz_shapes(want, kernel_size))
        core.compare(case, D, want, partial(_toeplitz_mistakes, kernel, n))
        if (kernel_size, n) == (5, 6):
            first = want[0]
    core.passed(name, f"equal to conv1d, a first row {core.numbers(first)}")


def _toeplitz(kernel: Tensor, n: int) -> Tensor:
    """The matrix, column by column from impulses: (n, n)."""
    impulses = torch.eye(n, dtype=torch.float64)[:, None]
    return F.conv1d(impulses, kernel[None, None], padding=len(kernel) // 2)[:, 0].T


def _toeplitz_mistakes(kernel: Tensor, n: int) -> dict[str, Tensor]:
    """Name of a mistake -> the matrix it gives."""
    taps, reach = len(kernel), len(kernel) // 2

    def placed(column: Callable[[int, int], int]) -> Tensor:
        D = torch.zeros(n, n, dtype=torch.float64)
        for p in range(n):
            for t in range(taps):
                if 0 <= column(p, t) < n:
                    D[p, column(p, t)] += kernel[t]
        return D

    full = torch.zeros(n, 1, dtype=torch.float64)
    full[reach : max(n - reach, 0)] = 1
    return {
        "kernel flipped, or the matrix transposed": placed(lambda p, t: p + reach - t),
        "a negative index counts from the right: what falls outside must be lost": placed(
            lambda p, t: (p + t - reach) % n if p + t < reach else p + t - reach
        ),
        "wrapped round: what falls outside must be lost": placed(lambda p, t: (p + t - reach) % n),
        "the edge repeated: padding is with zeros": placed(lambda p, t: min(max(p + t - reach, 0), n - 1)),
        "the kernel begins at the diagonal, its centre belongs there": placed(lambda p, t: p + t),
        "the kernel ends at the diagonal, its centre belongs there": placed(lambda p, t: p + t - taps + 1),
        "one column too far to the right": placed(lambda p, t: p + t - reach + 1),
        "one column too far to the left": placed(lambda p, t: p + t - reach - 1),
        "the rows at the border left empty": full * placed(lambda p, t: p + t - reach),
    }


def _toeplitz_shapes(want: Tensor, kernel_size: int) -> dict[str, Tensor]:
    """Name of a mistake in shape -> the matrix it gives."""
    n, reach = len(want), kernel_size // 2
    return {
        "the outputs at the border belong to it too": want[reach : n - reach],
        "columns for the padding, which always is 0": F.pad(want, (reach, reach)),
    }


# --- 2: the nearest convolution ------------------------------------------------------------------


@core.check
def nearest_kernel_shared(nearest_kernel: Callable[..., Any]) -> None:
    """The matrix of a convolution gives its kernel back."""
    name, gen = "nearest_kernel", core.generator("nearest-kernel-shared")
    for size, kernel_size in [((3, 4), 3), ((5, 6), 5), ((2, 3), 1)]:
        kernel = core.integers(gen, kernel_size, kernel_size)
        D = _matrix(kernel, size)
        got = core.call(name, nearest_kernel, D, size, kernel_size)
        case = f"{name}, D of a {kernel_size}×{kernel_size} convolution on {size}"
        core.compare(case, got, kernel, partial(_nearest_mistakes, D, size, kernel_size))
        if kernel_size == 3:
            row = kernel[0]
    core.passed(name, f"finds the kernel again, its first row {core.numbers(row)}")


@core.check
def nearest_kernel_mean(nearest_kernel: Callable[..., Any]) -> None:
    """Of any matrix, each tap is the mean over its copies."""
    name, gen = "nearest_kernel", core.generator("nearest-kernel-mean")
    for size, kernel_size in [((3, 4), 3), ((5, 3), 5)]:
        D = core.integers(gen, size[0] * size[1], size[0] * size[1])
        got = core.call(name, nearest_kernel, D, size, kernel_size)
        want = _nearest(D, size, kernel_size)
        case = f"{name}, any D on {size}, {kernel_size}×{kernel_size}"
        core.compare(case, got, want, partial(_nearest_mistakes, D, size, kernel_size))
        if kernel_size == 3:
            corner, copies = want[0, 0], len(_copies(size, -1, -1)[0])
    core.passed(name, f"the corner tap is the mean of {copies} copies, {core.numbers(corner)}")


@core.check
def nearest_kernel_wide(nearest_kernel: Callable[..., Any]) -> None:
    """A tap that meets no pixel of the image is 0, not 0 / 0."""
    name, gen = "nearest_kernel", core.generator("nearest-kernel-wide")
    for size, kernel_size in [((1, 4), 3), ((4, 2), 5)]:
        D = core.integers(gen, size[0] * size[1], size[0] * size[1])
        got = core.call(name, nearest_kernel, D, size, kernel_size)
        want = _nearest(D, size, kernel_size)
        case = f"{name}, {kernel_size}×{kernel_size} on {size}"
        core.expect_shape(case, got, want.shape)
        if (bad := got.isnan()).any():
            i, j = bad.nonzero()[0].tolist()
            core.fail(case, f"tap {(i, j)} is nan: it has no copy on this image, so it has to be 0, not 0 / 0")
        core.compare(case, got, want, partial(_nearest_mistakes, D, size, kernel_size))
    copies = _over_taps(kernel_size, lambda row, column: len(_copies(size, row, column)[0]))
    core.passed(name, f"{int((copies == 0).sum())} of {copies.numel()} taps have no copy and are 0")


def _matrix(kernel: Tensor, size: tuple[int, int]) -> Tensor:
    """The matrix of the zero-padded convolution with a K × K kernel, from impulses: (N, N)."""
    num_pixels = size[0] * size[1]
    impulses = torch.eye(num_pixels, dtype=torch.float64).reshape(num_pixels, 1, *size)
    return F.conv2d(impulses, kernel[None, None], padding=len(kernel) // 2).flatten(1).T


def _copies(size: tuple[int, int], row: int, column: int) -> tuple[Tensor, Tensor]:
    """The pixels p and q with q - p = (row, column), both inside the image, as flat numbers."""
    pixels = torch.cartesian_prod(*map(torch.arange, size))
    other = pixels + torch.tensor([row, column])
    inside = ((other >= 0) & (other < torch.tensor(size))).all(-1)
    step = torch.tensor([size[1], 1])
    return (pixels[inside] * step).sum(-1), (other[inside] * step).sum(-1)


def _over_taps(kernel_size: int, value: Callable[[int, int], Tensor | float]) -> Tensor:
    """value(row, column) at each offset from the kernel's centre: (K, K)."""
    reach = kernel_size // 2
    offsets = range(-reach, reach + 1)
    return torch.tensor([[float(value(row, column)) for column in offsets] for row in offsets], dtype=torch.float64)


def _nearest(D: Tensor, size: tuple[int, int], kernel_size: int) -> Tensor:
    """The mean of D over the copies of each tap; 0 where there is none: (K, K)."""

    def mean(row: int, column: int) -> Tensor | float:
        values = D[_copies(size, row, column)]
        return values.mean() if len(values) else 0.0

    return _over_taps(kernel_size, mean)


def _nearest_mistakes(D: Tensor, size: tuple[int, int], kernel_size: int) -> dict[str, Tensor]:
    """Name of a mistake -> the kernel it gives."""
    height, width = size
    want = _nearest(D, size, kernel_size)
    total = _over_taps(kernel_size, lambda row, column: D[_copies(size, row, column)].sum())

    def median(row: int, column: int) -> Tensor | float:
        values = D[_copies(size, row, column)]
        return values.quantile(0.5) if len(values) else 0.0

    def diagonal(row: int, column: int) -> Tensor | float:
        offset = row * width + column
        return D.diagonal(offset).mean() if abs(offset) < len(D) else 0.0

    def wrapped(row: int, column: int) -> Tensor:
        q = torch.arange(len(D)).reshape(size).roll((-row, -column), (0, 1)).flatten()
        return D[torch.arange(len(D)), q].mean()

    def full_windows(row: int, column: int) -> Tensor | float:
        reach = kernel_size // 2
        p, q = _copies(size, row, column)
        i, j = p // width, p % width
        full = (i >= reach) & (i < height - reach) & (j >= reach) & (j < width - reach)
        return D[p[full], q[full]].mean() if full.any() else 0.0

    def of_pixel(pixel: int) -> Tensor:
        def entry(row: int, column: int) -> Tensor | float:
            p, q = _copies(size, row, column)
            return D[pixel, q[p == pixel]].sum()

        return _over_taps(kernel_size, entry)

    return {
        "the sum over the copies, not their mean": total,
        "divided by the number of pixels: a tap has fewer copies than that, because of the border": total / len(D),
        "kernel flipped, or D transposed": want.flip(0, 1),
        "rows and columns of the kernel swapped": want.T,
        "the size read as (W, H)": _nearest(D, (width, height), kernel_size),
        "a whole diagonal of D: some of its entries join the end of one image row to the start of another": _over_taps(
            kernel_size, diagonal
        ),
        "wrapped round: a tap has no copy beyond the border": _over_taps(kernel_size, wrapped),
        "the median in place of the mean": _over_taps(kernel_size, median),
        "only the outputs whose whole window is inside": _over_taps(kernel_size, full_windows),
        "the row of one pixel alone: the other copies count as much": of_pixel(
            height // 2 * width + width // 2
        ),
    }


# --- 3: the gradient of a shared kernel ----------------------------------------------------------


@core.check
def kernel_gradient_inside(kernel_gradient: Callable[..., Any]) -> None:
    """Where only outputs with their window inside have a gradient: a sum over these outputs."""
    name, gen = "kernel_gradient", core.generator("kernel-gradient-inside")
    for size, kernel_size in [((4, 5), 3), ((7, 6), 5)]:
        x = core.integers(gen, 1, *size)
        reach = kernel_size // 2
        inside = F.pad(torch.ones(1, size[0] - 2 * reach, size[1] - 2 * reach), [reach] * 4)
        grad_y = core.integers(gen, 1, *size) * inside
        want = _expect_gradient(name, kernel_gradient, x, grad_y, kernel_size, " inside")
        if kernel_size == 3:
            row = want[0, 0, 0]
    core.passed(name, f"equal to autograd inside the image, first row {core.numbers(row)}")


@core.check
def kernel_gradient_border(kernel_gradient: Callable[..., Any]) -> None:
    """All outputs have a gradient: a tap's copies end at the border. Kernels may be wider than the image."""
    name, gen = "kernel_gradient", core.generator("kernel-gradient-border")
    for size, kernel_size in [((3, 4), 3), ((4, 3), 1), ((2, 3), 5)]:
        x, grad_y = core.integers(gen, 1, *size), core.integers(gen, 1, *size)
        want = _expect_gradient(name, kernel_gradient, x, grad_y, kernel_size, "")
        if kernel_size == 3:
            row = want[0, 0, 0]
    core.passed(name, f"equal to autograd up to the border, first row {core.numbers(row)}")


@core.check
def kernel_gradient_channels(kernel_gradient: Callable[..., Any]) -> None:
    """Each pair of an output and an input channel has a gradient of its own."""
    name, gen = "kernel_gradient", core.generator("kernel-gradient-channels")
    for c_out, c_in in [(3, 2), (2, 2), (1, 3)]:
        x, grad_y = core.integers(gen, c_in, 4, 3), core.integers(gen, c_out, 4, 3)
        want = _expect_gradient(name, kernel_gradient, x, grad_y, 3, f", {c_in} → {c_out} channels")
        if c_out == 3:
            centre = want[2, 1, 1, 1]
    core.passed(name, f"all pairs of channels, a centre tap {core.numbers(centre)}")


def _expect_gradient(
    name: str, kernel_gradient: Callable[..., Any], x: Tensor, grad_y: Tensor, kernel_size: int, where: str
) -> Tensor:
    """Compare one gradient with the reference, and return the reference."""
    got = core.call(name, kernel_gradient, x, grad_y, kernel_size)
    want = _gradient(x, grad_y, kernel_size)
    case = f"{name}, {kernel_size}×{kernel_size} on {tuple(x.shape[1:])}{where}"
    core.compare(case, got, want, partial(_gradient_mistakes, x, grad_y, kernel_size))
    return want


def _gradient(x: Tensor, grad_y: Tensor, kernel_size: int) -> Tensor:
    """The gradient of Σ grad_y · conv(x) in the kernel, by autograd: (C_out, C_in, K, K)."""
    weight = torch.zeros(len(grad_y), len(x), kernel_size, kernel_size, dtype=torch.float64, requires_grad=True)
    y = F.conv2d(x, weight, padding=kernel_size // 2)
    return torch.autograd.grad(y, weight, grad_y)[0]


def _gradient_mistakes(x: Tensor, grad_y: Tensor, kernel_size: int) -> dict[str, Tensor]:
    """Name of a mistake -> the gradient it gives."""
    _, height, width = x.shape
    reach = kernel_size // 2
    want = _gradient(x, grad_y, kernel_size)
    copies = _over_taps(kernel_size, lambda row, column: len(_copies((height, width), row, column)[0]))

    def read_by(pad: Callable[[Tensor], Tensor]) -> Tensor:
        windows = pad(x).unfold(1, height, 1).unfold(2, width, 1)  # (C_in, K, K, H, W)
        return torch.einsum("opq,cijpq->ocij", grad_y, windows)

    rows, columns = (torch.arange(-reach, n + reach) for n in (height, width))
    mistakes = {
        "the mean over the copies, not their sum": want / copies.clamp(min=1),
        "divided by the number of pixels: the gradient is a sum over the copies": want / (height * width),
        "tap flipped: the copy of tap δ at output p met pixel p + δ": want.flip(2, 3),
        "rows and columns of the taps swapped": want.transpose(2, 3),
        "the image wrapped round: beyond the border x is 0": read_by(
            lambda image: image[:, rows % height][:, :, columns % width]
        ),
        "the edge repeated: beyond the border x is 0": read_by(
            lambda image: image[:, rows.clamp(0, height - 1)][:, :, columns.clamp(0, width - 1)]
        ),
        "summed over the input channels: each has a gradient of its own": want.sum(1, keepdim=True).expand_as(want),
        "summed over the output channels: each has a gradient of its own": want.sum(0, keepdim=True).expand_as(want),
        "C_in before C_out: the output channel comes first": want.transpose(0, 1),
        "reshape does not swap the channels": want.transpose(0, 1).reshape(want.shape),
    }
    if min(height, width) > 2 * reach:
        inner = grad_y.clone()
        kept = torch.zeros_like(inner)
        kept[:, reach : height - reach, reach : width - reach] = 1
        mistakes["only the outputs whose whole window is inside"] = _gradient(x, inner * kept, kernel_size)
    return mistakes


# --- 4: where zero padding and a shift disagree --------------------------------------------------


@core.check
def unequal_pixels_one_axis(unequal_pixels: Callable[..., Any]) -> None:
    """Shifts along one axis: the border of that axis, where the window begins and where it ends up."""
    name, gen = "unequal_pixels", core.generator("unequal-pixels-one-axis")
    a, b = core.pick(gen, [3, 4]), core.pick(gen, [-1, 1])
    for height, width, kernel_size, shift in [(8, 12, 5, (0, 3)), (11, 12, 7, (0, b)), (9, 7, 3, (a, 0))]:
        want = _expect_mask(name, unequal_pixels, height, width, kernel_size, shift)
    core.passed(name, f"shift {shift}, {int(want[:, 0].sum())} of {height} pixels in each column")


@core.check
def unequal_pixels_two_axes(unequal_pixels: Callable[..., Any]) -> None:
    """Shifts along both axes at once, in either direction."""
    name, gen = "unequal_pixels", core.generator("unequal-pixels-two-axes")
    a, b = core.pick(gen, [2, 3]), core.pick(gen, [1, 2])
    total = 0
    for height, width, kernel_size, shift in [(9, 8, 3, (a, -b)), (10, 13, 5, (-a, b)), (4, 5, 1, (a, b))]:
        total += int(_expect_mask(name, unequal_pixels, height, width, kernel_size, shift).sum())
    core.passed(name, f"{total} pixels in three images")


@core.check
def unequal_pixels_round(unequal_pixels: Callable[..., Any]) -> None:
    """Shifts once round and farther, and images no larger than the kernel."""
    name, gen = "unequal_pixels", core.generator("unequal-pixels-round")
    a = core.pick(gen, [1, 2])
    cases = [
        (7, 8, 3, (0, 0)),
        (7, 8, 3, (7, -16)),
        (9, 10, 3, (-9 - a, 20)),
        (8, 11, 5, (16, 11 + a)),
        (1, 6, 3, (a, 0)),
        (3, 2, 5, (1, 0)),
    ]
    for height, width, kernel_size, shift in cases:
        want = _expect_mask(name, unequal_pixels, height, width, kernel_size, shift)
    core.passed(name, f"shifts once round change no pixel, in a {height} × {width} image all {int(want.sum())} may change")


def _expect_mask(
    name: str, unequal_pixels: Callable[..., Any], height: int, width: int, kernel_size: int, shift: tuple[int, int]
) -> Tensor:
    """Compare one mask with the reference, and return the reference."""
    got = core.call(name, unequal_pixels, height, width, kernel_size, shift)
    case = f"{name}({height}, {width}, {kernel_size}, {shift})"
    want = _unequal(height, width, kernel_size, shift)
    core.expect_shape(case, got, want.shape)
    core.expect_dtype(case, got, torch.bool)
    wrong = got != want
    if wrong.any():
        i, j = wrong.nonzero()[0].tolist()
        mistakes = _unequal_mistakes(height, width, kernel_size, shift)
        likely = next((f": {mistake}?" for mistake, mask in mistakes.items() if mask.equal(got)), "")
        may = "may differ there" if want[i, j] else "cannot differ there"
        core.fail(case, f"pixel {(i, j)} is {bool(got[i, j])}, but the two {may} ({int(wrong.sum())} pixels wrong){likely}")
    return want


def _unequal(height: int, width: int, kernel_size: int, shift: tuple[int, int]) -> Tensor:
    """By brute force: the pixels of which a row of the matrix of conv ∘ roll and of roll ∘ conv differ: (H, W), bool.

    Each tap is tried by itself, so that no two can cancel.
    """
    num_pixels = height * width
    impulses = torch.eye(num_pixels, dtype=torch.float64).reshape(num_pixels, 1, height, width)
    taps = torch.eye(kernel_size**2, dtype=torch.float64).reshape(-1, 1, kernel_size, kernel_size)
    first = F.conv2d(impulses.roll(shift, (2, 3)), taps, padding=kernel_size // 2)
    last = F.conv2d(impulses, taps, padding=kernel_size // 2).roll(shift, (2, 3))
    return (first != last).any(0).any(0)


def _unequal_mistakes(height: int, width: int, kernel_size: int, shift: tuple[int, int]) -> dict[str, Tensor]:
    """Name of a mistake -> the mask it gives."""
    reach = kernel_size // 2

    def edge(p: Tensor, n: int, radius: int) -> Tensor:
        return (p < radius) | (p >= n - radius)

    def axis(n: int, s: int, rule: str, radius: int = reach) -> Tensor:
        p = torch.arange(n)
        here, there = edge(p, n, radius), edge((p - s) % n, n, radius)
        short = (p < radius) | (p > n - radius)
        moved = s % n != 0
        return {
            "here": here & moved,
            "there": there & moved,
            "backwards": (here | edge((p + s) % n, n, radius)) & moved,
            "not round": (here | edge(p - s, n, radius)) & moved,
            "low side": ((p < radius) | ((p - s) % n < radius)) & moved,
            "high side": ((p >= n - radius) | ((p - s) % n >= n - radius)) & moved,
            "short": (short | short[(p - s) % n]) & moved,
            "both": (here & there) & moved,
            "modulus forgotten": (here | there) & (s != 0),
            "any": here | there,
            "right": (here | there) & moved,
            "passed": (p < s % n) & moved if s % n <= n // 2 else (p >= s % n) & moved,
        }[rule]

    def mask(rule: str, shift: tuple[int, int] = shift, radius: int = reach) -> Tensor:
        row, column = axis(height, shift[0], rule, radius), axis(width, shift[1], rule, radius)
        return row[:, None] | column

    row, column = axis(height, shift[0], "right"), axis(width, shift[1], "right")
    seen = F.conv2d(torch.ones(1, 1, height, width), torch.ones(1, 1, kernel_size, kernel_size), padding=reach)[0, 0]
    moved = shift[0] % height != 0 or shift[1] % width != 0
    return {
        "where the window ends up counts, but also where it came from, p - shift": mask("here"),
        "where the window came from counts, but also where it is now, at p": mask("there"),
        "roll moves p - shift to p, not p + shift": mask("backwards"),
        "p - shift is meant round the torus": mask("not round"),
        "the border has two sides, yours is at the top or left alone": mask("low side"),
        "the border has two sides, yours is at the bottom or right alone": mask("high side"),
        "the border's far side begins at n - R: >=, not >": mask("short"),
        "one image and one kernel do not show every difference": seen != seen.roll(shift, (0, 1)),
        "one of p and p - shift at the border is enough": mask("both"),
        "both axes at once are not needed, one is enough": row[:, None] & column,
        "rows and columns of the shift swapped": mask("right", shift[::-1]),
        "a border one pixel wide: it is K // 2 wide": mask("right", radius=1),
        "a border K pixels wide: it is K // 2 wide": mask("right", radius=kernel_size),
        "a border K - 1 pixels wide: it is K // 2 wide": mask("right", radius=kernel_size - 1),
        "an axis that is not shifted changes nothing": mask("any") & moved,
        "once round the torus is no shift": mask("modulus forgotten"),
        "a shift of 0 changes nothing": mask("any"),
        "the pixels that came round the torus are not those that differ": mask("passed"),
        "True is for the pixels that may differ": ~(row[:, None] | column),
    }


# --- 5: a layer that does not commute with shifts ------------------------------------------------


@core.check
def shift_breaker_plain(shift_breaker: Callable[..., Any]) -> None:
    """An image and a shift for layers that commute with few shifts or none."""
    name, gen = "shift_breaker", core.generator("shift-breaker-plain")
    layers = [
        ("zero-padded convolution", _padded(core.integers(gen, 3, 3), "constant"), (4, 5)),
        ("a factor for each pixel", _factors(core.integers(gen, 3, 5)), (3, 5)),
        ("locally connected layer", _local(gen, (3, 4)), (3, 4)),
        ("flip of the columns", lambda x: x.flip(-1), (3, 5)),
    ]
    for what, layer, size in layers:
        _expect_breaker(name, shift_breaker, what, layer, size)
    core.passed(name, f"{len(layers)} layers that do not commute, one of them {layers[1][0]}")


@core.check
def shift_breaker_narrow(shift_breaker: Callable[..., Any]) -> None:
    """Layers that commute with many shifts, or that break them at one pixel alone."""
    name, gen = "shift_breaker", core.generator("shift-breaker-narrow")
    layers = _narrow_layers(gen)
    for what, layer, size in layers:
        _expect_breaker(name, shift_breaker, what, layer, size)
    core.passed(name, f"{len(layers)} layers that commute with some shifts, one of them {layers[0][0]}")


@core.check
def shift_breaker_none(shift_breaker: Callable[..., Any]) -> None:
    """None where the layer is a circular convolution, and only there."""
    name, gen = "shift_breaker", core.generator("shift-breaker-none")
    kernel = core.integers(gen, 3, 3)
    circular = [
        ("circular convolution", _padded(kernel, "circular"), (4, 5)),
        ("circular convolution", _padded(core.integers(gen, 3, 3), "circular"), (1, 4)),
        ("two circular convolutions", _chain(_padded(kernel, "circular"), _padded(kernel.T, "circular")), (3, 4)),
        ("roll by (1, 2)", lambda x: x.roll((1, 2), (-2, -1)), (3, 5)),
        ("sum of all pixels, at every pixel", lambda x: x.sum().expand(x.shape).clone(), (3, 2)),
        ("multiplication by 0", lambda x: 0 * x, (2, 3)),
    ]
    for what, layer, size in circular:
        got = core.call(f"{name}, {what}", shift_breaker, layer, size)
        if got is not None:
            core.fail(f"{name}, {what}", "expected None: this layer commutes with every shift, it is a circular convolution")
    for what, layer, size in [("zero-padded convolution", _padded(kernel, "constant"), (4, 5)), *_narrow_layers(gen)[:2]]:
        if core.call(f"{name}, {what}", shift_breaker, layer, size) is None:
            _fail_none(name, what)
    core.passed(name, f"None for {len(circular)} circular convolutions, one with the kernel row {core.numbers(kernel[0])}")


def _narrow_layers(gen: torch.Generator) -> list[tuple[str, Layer, tuple[int, int]]]:
    """Layers that hide what they break: (in words, the layer, the size of its images)."""
    even, odd = core.integers(gen, 3, 3), core.integers(gen, 3, 3)
    board = (torch.arange(4)[:, None] + torch.arange(6)) % 2 == 0
    diagonal = (torch.arange(5)[:, None] - torch.arange(5)) % 5
    spot = torch.zeros(5, 4, dtype=torch.float64)
    spot[core.pick(gen, [2, 3]), 2] = 1
    return [
        ("a factor for each row", _factors(core.integers(gen, 3, 1) + torch.tensor([[0.0], [30], [60]])), (3, 4)),
        ("a factor for each column", _factors(core.integers(gen, 4) + torch.tensor([0.0, 30, 60, 90])), (3, 4)),
        ("two circular kernels on a chessboard", _either(board, _padded(even, "circular"), _padded(odd, "circular")), (4, 6)),
        ("a factor for each diagonal", _factors((core.integers(gen, 5) + 30 * torch.arange(5))[diagonal]), (5, 5)),
        ("circular convolution with one pixel that counts more", _with_spot(_padded(even, "circular"), spot), (5, 4)),
        ("convolution with the edge repeated", _padded(odd, "replicate"), (3, 5)),
    ]


def _expect_breaker(name: str, shift_breaker: Callable[..., Any], what: str, layer: Layer, size: tuple[int, int]) -> None:
    """Fail unless the answer is an image and a shift with which the layer does not commute."""
    case = f"{name}, {what}"
    got = core.call(case, shift_breaker, layer, size)
    if got is None:
        _fail_none(name, what)
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        core.fail(case, f"expected two values (x, shift), or None, got {core.describe(got)}")
    x = core.expect_tensor(f"{case}, the pair's x", got[0])
    if x.shape != torch.Size(size):
        core.fail(case, f"expected x of shape {size}, got {tuple(x.shape)}")
    x = x.double()
    odd = ~((x == x.round()) & (x.abs() <= 9))
    if odd.any():
        core.fail(case, f"expected x to hold integers from -9 to 9, got {core.number(x[odd][0])}")
    try:
        row, column = map(operator.index, got[1])
    except (TypeError, ValueError):
        core.fail(case, f"expected the shift as two integers (rows, columns), got {core.one_line(repr(got[1]), 60)}")
    shift = (row, column)
    if layer(x.roll(shift, (0, 1))).equal(layer(x).roll(shift, (0, 1))):
        core.fail(case, f"both sides are equal for your x and the shift {shift}{_why_equal(layer, x, shift)}")


def _why_equal(layer: Layer, x: Tensor, shift: tuple[int, int]) -> str:
    """`: reason` why layer and shift commute on x, as far as it can be told."""
    height, width = x.shape
    if shift[0] % height == 0 and shift[1] % width == 0:
        return ": on this torus that is no shift at all"
    if x.roll(shift, (0, 1)).equal(x):
        return ": the image is its own roll"
    impulses = torch.eye(height * width, dtype=torch.float64).reshape(-1, height, width)
    if all(layer(e.roll(shift, (0, 1))).equal(layer(e).roll(shift, (0, 1))) for e in impulses):
        return ": this layer commutes with that shift on every image, but not with all shifts"
    return ": this layer does not commute with that shift, but your image does not show it"


def _fail_none(name: str, what: str) -> NoReturn:
    """None where the layer does not commute with all shifts. The reason is left to the learner."""
    core.fail(f"{name}, {what}", "got None, but this layer does not commute with all shifts: have you tried enough images and shifts?")


def _padded(kernel: Tensor, mode: str) -> Layer:
    """The convolution with a K × K kernel, the image padded by F.pad in this mode."""

    def layer(x: Tensor) -> Tensor:
        *lead, height, width = x.shape
        image = F.pad(x.reshape(-1, 1, height, width), [len(kernel) // 2] * 4, mode=mode)
        return F.conv2d(image, kernel[None, None]).reshape(*lead, height, width)

    return layer


def _factors(factor: Tensor) -> Layer:
    return lambda x: x * factor


def _chain(first: Layer, second: Layer) -> Layer:
    return lambda x: second(first(x))


def _either(mask: Tensor, first: Layer, second: Layer) -> Layer:
    """The one layer's output where the mask is true, the other's elsewhere."""
    return lambda x: torch.where(mask, first(x), second(x))


def _with_spot(layer: Layer, spot: Tensor) -> Layer:
    """The layer, with each pixel of `spot` added to its own output."""
    return lambda x: layer(x) + spot * x


def _local(gen: torch.Generator, size: tuple[int, int]) -> Layer:
    """Any weights between neighbours on the torus: each pixel has a kernel of its own."""
    weight = core.integers(gen, 3, 3, *size)
    return lambda x: sum(weight[i, j] * x.roll((1 - i, 1 - j), (-2, -1)) for i in range(3) for j in range(3))
