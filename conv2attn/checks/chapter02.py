"""The checks of exercise 02: which pixels a local layer may read, what that saves, and what it costs.

One function a check cell, in the order of the notebook. The references lean on torch alone.
Images are not square and nothing in them is symmetric by chance. Where an answer may be any of
many (a scrambling), the check tests what is asked of it and shows a place where it fails.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from conv2attn.checks import core

EXACT = 1e-9  # whole numbers in float64 come out equal in every order of summation


# --- 1: the mask -----------------------------------------------------------------------------


@core.check
def local_mask_small(local_mask: Callable[..., Any]) -> None:
    """The 3×3 neighbourhood on small grids."""
    name = "local_mask"
    for height, width in [(3, 4), (5, 3), (1, 6)]:
        allowed = _expect_mask(name, local_mask, height, width, 3)
    core.passed(name, f"kernel size 3 on one row of 6: {allowed} of 36 pairs")


@core.check
def local_mask_sizes(local_mask: Callable[..., Any]) -> None:
    """Other kernel sizes: 1, larger ones, and one larger than the image."""
    name = "local_mask"
    for height, width, kernel_size in [(6, 5, 7), (3, 4, 1), (3, 2, 7), (4, 6, 5)]:
        allowed = _expect_mask(name, local_mask, height, width, kernel_size)
    core.passed(name, f"kernel size 5 on 4 × 6: {allowed} of 576 pairs")


def _expect_mask(name: str, local_mask: Callable[..., Any], height: int, width: int, kernel_size: int) -> int:
    """Fail unless the answer is the mask. Returns how many pairs it allows."""
    case = f"{name}({height}, {width}, {kernel_size})"
    got = core.call(name, local_mask, height, width, kernel_size)
    want = _distances(height, width).amax(-1) <= kernel_size // 2
    core.expect_shape(case, got, want.shape)
    core.expect_dtype(case, got, torch.bool)
    wrong = (got != want).nonzero()
    if len(wrong):
        mistakes = _mask_mistakes(height, width, kernel_size)
        likely = next((f": {mistake}?" for mistake, mask in mistakes.items() if mask.equal(got)), "")
        p, q = (divmod(int(t), width) for t in wrong[0])
        core.fail(
            case,
            f"from pixel {p} to pixel {q} expected {bool(want[*wrong[0]])}, got {bool(got[*wrong[0]])} "
            f"({len(wrong)} of {want.numel()} pairs differ){likely}",
        )
    return int(want.sum())


def _mask_mistakes(height: int, width: int, kernel_size: int) -> dict[str, Tensor]:
    """Name of a mistake -> the mask it gives."""
    distances, reach = _distances(height, width), kernel_size // 2
    rows, columns = distances.unbind(-1)
    token = torch.arange(height * width)
    apart = token - token[:, None]
    nearest = (apart.abs()[..., None] - width * torch.arange(-reach, reach + 1)).abs().amin(-1)
    by_column = token.reshape(height, width).T.flatten()
    right = distances.amax(-1) <= reach
    return {
        "the mask says what is forbidden, it must say what is allowed": ~right,
        "rows wrap around: two pixels whose numbers are close may lie at opposite edges": nearest <= reach,
        "distance of the pixels' numbers, not of rows and columns": apart.abs() <= reach,
        "row and column distance added up: the window is a square, yours is a diamond": rows + columns <= reach,
        "Euclidean distance: the window is a square, yours is a disc": distances.square().sum(-1) <= reach**2,
        "near in rows or in columns, it must be both": (rows <= reach) | (columns <= reach),
        "near in rows alone": rows <= reach,
        "near in columns alone": columns <= reach,
        "kernel_size taken for the reach, which is (kernel_size - 1) / 2": distances.amax(-1) <= kernel_size,
        "off by one: the reach is too large": distances.amax(-1) <= reach + 1,
        "off by one: the outermost ring of the window is missing": distances.amax(-1) < reach,
        "a reach of 1 for every kernel size": distances.amax(-1) <= 1,
        "a difference of -5 is small too without .abs()": (
            (token // width - (token // width)[:, None] <= reach) & (token % width - (token % width)[:, None] <= reach)
        ),
        "height and width swapped": _distances(width, height).amax(-1) <= reach,
        "pixels counted down the columns": right[by_column][:, by_column],
        "the window counted from its corner, not from its centre": (
            (token // width - (token // width)[:, None] >= 0)
            & (token // width - (token // width)[:, None] < kernel_size)
            & (token % width - (token % width)[:, None] >= 0)
            & (token % width - (token % width)[:, None] < kernel_size)
        ),
    }


# --- 2: the counts ---------------------------------------------------------------------------


@core.check
def count_weights_one_channel(count_weights: Callable[..., Any]) -> None:
    """One channel: the border pixels have fewer neighbours."""
    name = "count_weights"
    for sizes in [(5, 7, 3), (4, 6, 1), (9, 6, 5), (3, 3, 3), (1, 8, 1)]:
        dense, local = _expect_counts(name, count_weights, *sizes, 1, 1)
    dense, local = _expect_counts(name, count_weights, 28, 30, 7, 1, 1)
    core.passed(name, f"28 × 30 pixels, kernel size 7: {dense} weights or {local}")


@core.check
def count_weights_channels(count_weights: Callable[..., Any]) -> None:
    """Several channels, and images of which no matrix can be made."""
    name = "count_weights"
    for case in [(4, 5, 3, 2, 3), (6, 5, 5, 3, 1), (7, 4, 3, 1, 4), (32, 32, 3, 3, 64)]:
        _expect_counts(name, count_weights, *case)
    dense, local = _expect_counts(name, count_weights, 32, 30, 3, 3, 64)
    core.passed(name, f"32 × 30 pixels, kernel size 3, 3 channels to 64: {dense} weights or {local}")


def _expect_counts(name: str, count_weights: Callable[..., Any], *sizes: int) -> tuple[int, int]:
    """Fail unless the answer is (dense, local), which are returned."""
    height, width, kernel_size, in_channels, out_channels = sizes
    case = f"{name}{sizes}"
    got = core.call(name, count_weights, *sizes)
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        core.fail(case, f"expected two numbers (dense, local), got {core.describe(got)}")

    channels, pixels, reach = in_channels * out_channels, height * width, kernel_size // 2
    rows, columns = (_pairs(n, kernel_size) for n in (height, width))
    dense, local = channels * pixels**2, channels * rows * columns
    likely_dense = {
        "these are the local ones: dense comes first": local,
        "every output pixel reads every input pixel": channels * pixels,
        "the channels forgotten": pixels**2,
        "the input channels forgotten": out_channels * pixels**2,
        "the output channels forgotten": in_channels * pixels**2,
        "channels added, not multiplied": (in_channels + out_channels) * pixels**2,
        "a bias counted too": dense + out_channels * pixels,
    }
    likely_local = {
        "the border forgotten, where a part of the window is outside the image": channels * pixels * kernel_size**2,
        "each line has two ends": channels * math.prod(kernel_size * n - reach * (reach + 1) // 2 for n in (height, width)),
        "inner pixels alone; the border has fewer neighbours, not none": channels
        * max(height - 2 * reach, 0)
        * max(width - 2 * reach, 0)
        * kernel_size**2,
        "the channels forgotten": rows * columns,
        "the input channels forgotten": out_channels * rows * columns,
        "the output channels forgotten": in_channels * rows * columns,
        "channels added, not multiplied": (in_channels + out_channels) * rows * columns,
        "one kernel for all pixels: that is a convolution": channels * kernel_size**2,
        "rows alone counted: multiply by the columns": channels * rows,
        "columns alone counted: multiply by the rows": channels * columns,
        "pairs of rows and pairs of columns added, not multiplied": channels * (rows + columns),
        "the rule for one row used on all pixels: count rows and columns apart": channels * _pairs(pixels, kernel_size),
        "the height taken for the width": channels * rows**2,
        "the width taken for the height": channels * columns**2,
        "a bias counted too": local + out_channels * pixels,
    }
    for part, value, want, mistakes in [("dense", got[0], dense, likely_dense), ("local", got[1], local, likely_local)]:
        value = core.expect_number(f"{case}, {part}", value)
        if value != want:  # not by `compare`, which shows six digits
            likely = next((f": {mistake}?" for mistake, number in mistakes.items() if number == value), "")
            core.fail(f"{case}, {part}", f"expected {want}, got {value:.12g}{likely}")
    return dense, local


def _pairs(n: int, kernel_size: int) -> int:
    """How many pairs (output, input) on a line of n pixels lie within the kernel's reach."""
    place = torch.arange(n)
    return int(((place - place[:, None]).abs() <= kernel_size // 2).sum())


# --- 3: the layer ----------------------------------------------------------------------------


@core.check
def locally_connected_inside(locally_connected: Callable[..., Any]) -> None:
    """Away from the border, one channel: each pixel multiplies its window by its own kernel."""
    name, gen = "locally_connected", core.generator("locally-connected-inside")
    for height, width in [(4, 4), (3, 5), (5, 3)]:
        want = _expect_layer(name, locally_connected, gen, (1, 1, 3, height, width), inside=True)
    core.passed(name, f"inside a 5 × 3 image: {core.numbers(want[0, 1:-1, 1:-1])}")


@core.check
def locally_connected_border(locally_connected: Callable[..., Any]) -> None:
    """Outside the image there are zeros."""
    name, gen = "locally_connected", core.generator("locally-connected-border")
    for kernel_size, height, width in [(3, 4, 4), (5, 3, 5), (1, 2, 3)]:
        want = _expect_layer(name, locally_connected, gen, (1, 1, kernel_size, height, width))
    _expect_layer(name, locally_connected, gen, (1, 1, 5, 2, 2))
    core.passed(name, f"with kernel size 1 on 2 × 3 pixels: {core.numbers(want[0])}")


@core.check
def locally_connected_channels(locally_connected: Callable[..., Any]) -> None:
    """Several channels in and out."""
    name, gen = "locally_connected", core.generator("locally-connected-channels")
    for sizes in [(2, 2, 3, 4, 4), (3, 2, 3, 3, 4), (2, 3, 5, 3, 2)]:
        want = _expect_layer(name, locally_connected, gen, sizes)
    core.passed(name, f"2 channels to 3, the first pixel: {core.numbers(want[:, 0, 0])}")


def _expect_layer(
    name: str, locally_connected: Callable[..., Any], gen: torch.Generator, sizes: tuple[int, ...], inside: bool = False
) -> Tensor:
    """Fail unless the answer is the locally connected layer, where `inside` away from the border. Returns its output."""
    c_in, c_out, kernel_size, height, width = sizes
    x = core.integers(gen, c_in, height, width)
    weight = core.integers(gen, height, width, c_out, c_in, kernel_size, kernel_size)
    got = core.call(name, locally_connected, x, weight)
    want, mistakes = _local_layer(x, weight), _layer_mistakes(x, weight)
    case = f"{name}, x {tuple(x.shape)}, weight {tuple(weight.shape)}"
    core.expect_shape(case, got, want.shape, mistakes)
    got = got.detach().double()

    def kept(y: Tensor) -> Tensor:
        """`y`, its border replaced by the answer's own, which another check judges."""
        if not inside:
            return y
        middle = got.clone()
        middle[:, 1:-1, 1:-1] = y[:, 1:-1, 1:-1]
        return middle

    likely = {mistake: kept(y) for mistake, y in mistakes.items() if y.shape == want.shape and not kept(y).equal(kept(want))}
    core.compare(case, got, kept(want), likely, atol=EXACT, rtol=EXACT)
    return want


def _local_layer(x: Tensor, weight: Tensor, first: int | None = None, outside: str = "zero") -> Tensor:
    """The layer; or with windows that begin at p + `first`, or that read the "edge" or "wrap" where they are outside."""
    windows = _windows(x, weight.shape[-1], -(weight.shape[-1] // 2) if first is None else first, outside)
    return torch.einsum("hwocij,chwij->ohw", weight, windows)


def _windows(x: Tensor, kernel_size: int, first: int, outside: str) -> Tensor:
    """What each pixel sees: (C_in, H, W, K, K)."""
    _, height, width = x.shape
    tap = torch.arange(kernel_size) + first
    row = (torch.arange(height)[:, None] + tap)[:, None, :, None]
    column = (torch.arange(width)[:, None] + tap)[None, :, None, :]
    if outside == "wrap":
        return x[:, row % height, column % width]
    windows = x[:, row.clamp(0, height - 1), column.clamp(0, width - 1)]
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    return windows if outside == "edge" else windows * inside


def _layer_mistakes(x: Tensor, weight: Tensor) -> dict[str, Tensor]:
    """Name of a mistake -> the output it gives."""
    c_in, height, width = x.shape
    c_out, kernel_size = weight.shape[2], weight.shape[-1]
    reach = kernel_size // 2
    want = _local_layer(x, weight)
    flat = weight.reshape(height, width, c_out, -1)
    windows = _windows(x, kernel_size, -reach, "zero")
    mirrored = weight.flip(-1, -2)
    counted = torch.einsum("hwocij,chwij->hwo", weight, windows)
    mistakes = {
        "kernel flipped: the window's first row is the one above p": _local_layer(x, mirrored),
        "rows and columns of the kernels swapped": _local_layer(x, weight.mT),
        "one pixel's kernel for all, the first one's: that is a convolution": F.conv2d(x, weight[0, 0], padding="same"),
        "one pixel's kernel for all, the middle one's: that is a convolution": F.conv2d(
            x, weight[height // 2, width // 2], padding="same"
        ),
        "one pixel's kernel for all, the last one's: that is a convolution": F.conv2d(x, weight[-1, -1], padding="same"),
        "the kernels of all pixels averaged": F.conv2d(x, weight.mean((0, 1)), padding="same"),
        "each kernel at the pixel that sends, it belongs to the pixel that reads": _sent(x, weight),
        "each kernel at the pixel that sends, and flipped": _sent(x, mirrored),
        "the first input channel alone": _local_layer(x[:1], weight[:, :, :, :1]),
        "input channels averaged, not summed": want / c_in,
        "the products averaged, not summed": want / (c_in * kernel_size**2),
        "the window counted from its corner, not from its centre": _local_layer(x, weight, first=0),
        "the window ends at p, it must be centred there": _local_layer(x, weight, first=1 - kernel_size),
        "weights and window flattened in different orders: both have the axes (channels, rows, columns)": torch.einsum(
            "hwok,hwk->ohw", flat, windows.permute(1, 2, 3, 4, 0).reshape(height, width, -1)
        ),
        "output (H, W, C_out) reshaped, not permuted, to (C_out, H, W)": counted.reshape(want.shape),
        "channels last, they come first": counted,
        "the pixels outside repeat the edge, they must be zero": _local_layer(x, weight, outside="edge"),
        "the pixels outside wrap around, they must be zero": _local_layer(x, weight, outside="wrap"),
        "an index below 0 counts from the end, there must be zero": _below(x, weight),
    }
    if height == width:
        mistakes["row and column of the pixel's kernel swapped"] = _local_layer(x, weight.transpose(0, 1))
    if c_in == c_out:
        mistakes["input and output channels swapped"] = _local_layer(x, weight.transpose(2, 3))
    if min(height, width) > 2 * reach:
        mistakes["the border left out: pad the image with zeros"] = want[:, reach : height - reach, reach : width - reach]
        mistakes["the outputs at the border left 0: the part of the window inside the image counts"] = F.pad(
            want[:, reach : height - reach, reach : width - reach], [reach] * 4
        )
    # Where a mistake makes no difference it explains nothing.
    return {mistake: y for mistake, y in mistakes.items() if y.shape != want.shape or not y.equal(want)}


def _sent(x: Tensor, weight: Tensor) -> Tensor:
    """The layer in which each input pixel sends with its own kernel: y[q + δ] += weight[q, δ] x[q]."""
    _, height, width = x.shape
    kernel_size = weight.shape[-1]
    reach = kernel_size // 2
    y = torch.zeros(weight.shape[2], height + 2 * reach, width + 2 * reach, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            y[:, i : i + kernel_size, j : j + kernel_size] += torch.einsum("ocij,c->oij", weight[i, j], x[:, i, j])
    return y[:, reach : reach + height, reach : reach + width]


# --- 4: the same layer on scrambled images ---------------------------------------------------


@core.check
def permuted_layer_one_channel(permuted_layer: Callable[..., Any]) -> None:
    """One channel: any order, any number of outputs."""
    name, gen = "permuted_layer", core.generator("permuted-layer-one-channel")
    for outputs, pixels in [(5, 5), (3, 6), (7, 4)]:
        order = _expect_permuted(name, permuted_layer, gen, outputs, pixels, channels=1)
    core.passed(name, f"on images of one channel, the last order {order.tolist()}")


@core.check
def permuted_layer_channels(permuted_layer: Callable[..., Any]) -> None:
    """Several channels, all scrambled by the same order."""
    name, gen = "permuted_layer", core.generator("permuted-layer-channels")
    for outputs, pixels, channels in [(12, 6, 2), (4, 5, 3), (3, 4, 4)]:
        order = _expect_permuted(name, permuted_layer, gen, outputs, pixels, channels)
    core.passed(name, f"on images of 2 to 4 channels, the last order {order.tolist()}")


def _expect_permuted(
    name: str, permuted_layer: Callable[..., Any], gen: torch.Generator, outputs: int, pixels: int, channels: int
) -> Tensor:
    """Fail unless the answer does on scrambled images what D does on images. Returns the order."""
    order = torch.randperm(pixels, generator=gen)
    inverse = order.argsort()
    while order.equal(inverse) or order.equal(torch.arange(pixels)):  # an order that is its own inverse hides mistakes
        order = torch.randperm(pixels, generator=gen)
        inverse = order.argsort()
    D = core.integers(gen, outputs, channels * pixels)
    blocks = D.reshape(outputs, channels, pixels)
    got = core.call(name, permuted_layer, D, order)

    want = blocks[:, :, order].flatten(1)
    interleaved = D.reshape(outputs, pixels, channels)[:, order].flatten(1)
    mistakes = {
        "the inverse order: column j must meet the pixel that now stands at j": blocks[:, :, inverse].flatten(1),
        "one block of columns alone: each channel has its own": D[:, order],
        "columns taken pixel by pixel; an image is flattened channel by channel": interleaved,
        "the first channel's columns alone moved": torch.cat([D[:, order], D[:, pixels:]], 1),
        "nothing moved": D,
        "columns overwritten before they were read: write to a copy": _overwritten(D, order),
    }
    if outputs % pixels == 0:
        rows = D.reshape(-1, pixels, channels * pixels)
        mistakes |= {
            "rows moved, it is the input that is scrambled": rows[:, order].reshape(D.shape),
            "rows moved, and by the inverse order": rows[:, inverse].reshape(D.shape),
            "rows and columns both moved; the output is not scrambled": rows[:, order]
            .reshape(outputs, channels, pixels)[:, :, order]
            .reshape(D.shape),
        }
    case = f"{name}, D {tuple(D.shape)}, order {order.tolist()}"
    core.compare(case, got, want, {k: v for k, v in mistakes.items() if not v.equal(want)}, atol=0, rtol=0)
    return order


# --- 5: a scrambling that leaves no neighbours -----------------------------------------------


@core.check
def scrambling_small(scrambling: Callable[..., Any]) -> None:
    """No two pixels within a 3×3 window stay within one."""
    name = "scrambling"
    for height, width in [(6, 6), (6, 9), (11, 7)]:
        _expect_scrambling(name, scrambling, height, width, 3)
    before = _neighbours(11, 7, 1)
    core.passed(name, f"11 × 7 pixels, kernel size 3: {before} pairs of neighbours, none is left")


@core.check
def scrambling_wide(scrambling: Callable[..., Any]) -> None:
    """The same for windows of 5×5 and 7×7."""
    name = "scrambling"
    for height, width, kernel_size in [(12, 12, 5), (12, 17, 5), (20, 21, 7)]:
        _expect_scrambling(name, scrambling, height, width, kernel_size)
    before = _neighbours(20, 21, 3)
    core.passed(name, f"20 × 21 pixels, kernel size 7: {before} pairs of neighbours, none is left")


def _expect_scrambling(name: str, scrambling: Callable[..., Any], height: int, width: int, kernel_size: int) -> None:
    """Fail unless the answer is an order of the pixels that takes all neighbours out of each other's reach."""
    case = f"{name}({height}, {width}, {kernel_size})"
    order = core.expect_tensor(case, core.call(name, scrambling, height, width, kernel_size))
    pixels, reach = height * width, kernel_size // 2
    core.expect_shape(case, order, (pixels,))
    if order.dtype != torch.int64:
        core.fail(case, f"expected dtype torch.int64, as an index has it, got {order.dtype}")
    if not order.sort().values.equal(torch.arange(pixels)):
        missing = sorted(set(range(pixels)) - set(order.tolist()))
        core.fail(case, f"expected every pixel from 0 to {pixels - 1} once, yours leave out {missing[0]}")

    # Where each pixel of the scrambled image stood before, as (row, column).
    row, column = (order // width).reshape(height, width), (order % width).reshape(height, width)
    kept, worst = 0, None
    for down, right in _shifts(reach):
        here, there = _overlap(height, width, down, right)
        far = torch.maximum((row[there] - row[here]).abs(), (column[there] - column[here]).abs())
        kept += int((far <= reach).sum())
        if worst is None and (far <= reach).any():
            i, j = (far <= reach).nonzero()[0].tolist()
            place = (i + max(-down, 0), j + max(-right, 0))
            beside = (place[0] + down, place[1] + right)
            worst = place, beside, *((int(row[at]), int(column[at])) for at in (place, beside))
    if worst:
        place, beside, was, was_beside = worst
        core.fail(
            case,
            f"the pixels at {place} and {beside} of your scrambled image came from {was} and {was_beside}: within reach "
            f"{reach} before and after ({kept} of {_neighbours(height, width, reach)} pairs are)"
            + _why_kept(order.reshape(height, width)),
        )


def _why_kept(order: Tensor) -> str:
    """`: hint` for a scrambling that moves less than it seems to."""
    height, width = order.shape
    token = torch.arange(height * width).reshape(height, width)
    row, column = order // width, order % width
    if order.equal(token):
        return ": nothing is moved"
    if (row == row[:, :1]).all() and (column == column[:1]).all():
        if row[:, 0].equal(torch.arange(height)):
            return ": columns are moved, but rows stay as they are?"
        if column[0].equal(torch.arange(width)):
            return ": rows are moved, but columns stay as they are?"
    if height == width and order.equal(token.T):
        return ": transposed, neighbours stay neighbours?"
    return ""


def _shifts(reach: int) -> list[tuple[int, int]]:
    """Half of the shifts within reach; the others are the same pairs, the other way round."""
    return [(i, j) for i in range(reach + 1) for j in range(-reach, reach + 1) if (i, j) > (0, 0)]


def _overlap(height: int, width: int, down: int, right: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The pixels that have a partner at this shift inside the image, and the partners."""
    rows = slice(0, max(height - down, 0)), slice(down, height)
    columns = slice(max(-right, 0), width - max(right, 0)), slice(max(right, 0), width - max(-right, 0))
    return (rows[0], columns[0]), (rows[1], columns[1])


def _neighbours(height: int, width: int, reach: int) -> int:
    """How many pairs of pixels lie within reach of each other."""
    return sum((height - down) * (width - abs(right)) for down, right in _shifts(reach))


def _distances(height: int, width: int) -> Tensor:
    """|Δrow| and |Δcolumn| for every pair of pixels: (N, N, 2)."""
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    return (position - position[:, None]).abs()


def _below(x: Tensor, weight: Tensor) -> Tensor:
    """The layer of one who checks that an index is not too large, and lets it be negative: (C_out, H, W)."""
    height, width, c_out, _, kernel_size, _ = weight.shape
    reach = kernel_size // 2
    y = torch.zeros(c_out, height, width, dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            for a in range(kernel_size):
                for b in range(kernel_size):
                    r, c = i + a - reach, j + b - reach
                    if -height <= r < height and -width <= c < width:
                        y[:, i, j] += weight[i, j, :, :, a, b] @ x[:, r, c]
    return y


def _overwritten(D: Tensor, order: Tensor) -> Tensor:
    """The matrix of one who moves the columns one by one in place."""
    blocks = D.clone().reshape(len(D), -1, len(order))
    for j, source in enumerate(order.tolist()):
        blocks[:, :, j] = blocks[:, :, source]
    return blocks.flatten(1)
