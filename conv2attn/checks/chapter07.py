"""The checks of exercise 07: filters as keys, local attention, one head and two, addition, a decision.

One function a check cell, in the order of the notebook. The references lean on torch alone.
Images are not square, widths differ from each other, and kernels have no symmetry, so that
no swap can hide. Answers that may differ (a pair of images, a table of codes) are judged by
what they have to do.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from conv2attn.checks import core

EXACT = 1e-9  # whole numbers in float64 come out bit-equal; this leaves room for other orders of rounding
ROUNDED = 1e-6  # for sums to 1, where an answer may be in float32


# --- 1: filters as keys ----------------------------------------------------------------------


@core.check
def conv_as_query_key_rows(conv_as_query_key: Callable[..., Any]) -> None:
    """The rows of Q are the windows and those of K the filters, the columns in any order."""
    name, gen = "conv_as_query_key", core.generator("conv-as-query-key-rows")
    for c_in, c_out, kernel_size, size in [(2, 3, 3, (3, 4)), (1, 2, 5, (4, 3)), (3, 2, 1, (2, 3))]:
        x = _all_different(gen, c_in, *size)
        weight = _all_different(gen, c_out, c_in, kernel_size, kernel_size)
        query, key = _query_and_key(name, conv_as_query_key, x, weight)
        windows, filters = _windows(x, kernel_size), weight.flatten(1)

        reach = kernel_size // 2
        # Windows that begin at the pixel itself, in an image with zeros below and to the right.
        from_corner = F.unfold(F.pad(x, [0, 2 * reach, 0, 2 * reach])[None], kernel_size)[0].T
        mistakes = {
            "zeros are missing around the image, where its border is repeated": _windows(x, kernel_size, "replicate"),
            "tokens numbered down the columns": _windows(x.mT, kernel_size),
            "the window begins at the pixel, it should have the pixel in its centre": from_corner,
            "the columns of F.unfold cut anew by reshape: transpose": windows.T.reshape(windows.shape),
            "divided by the square root of the row's length; there is no scale here": windows / windows.shape[1] ** 0.5,
        }
        if min(size) > reach:
            mistakes["zeros are missing around the image, which is wrapped"] = _windows(x, kernel_size, "circular")
        case = f"{name}, kernel {kernel_size}×{kernel_size}, {size[0]}×{size[1]} image, each row sorted"
        core.compare(f"{case}, Q", _sorted(query), _sorted(windows), {k: _sorted(v) for k, v in mistakes.items()})
        mistakes = {
            "reshape does not move axes: C_out is the first one of weight already": weight.flatten(1).reshape(-1, c_out).T,
            "flattened with C_in first": weight.transpose(0, 1).reshape(filters.shape),
            "divided by the square root of the row's length; there is no scale here": filters / filters.shape[1] ** 0.5,
        }
        core.compare(f"{case}, K", _sorted(key), _sorted(filters), {k: _sorted(v) for k, v in mistakes.items()})
    core.passed(name, f"{len(windows)} windows of {windows.shape[1]} numbers, filter 0 holds {core.numbers(filters[0])}")


@core.check
def conv_as_query_key_product(conv_as_query_key: Callable[..., Any]) -> None:
    """Q Kᵀ is the convolution, bit by bit on whole numbers."""
    name, gen = "conv_as_query_key", core.generator("conv-as-query-key-product")
    for c_in, c_out, kernel_size, size in [(2, 3, 3, (3, 4)), (3, 1, 5, (4, 5)), (1, 1, 3, (1, 4))]:
        x = core.integers(gen, c_in, *size)
        weight = core.integers(gen, c_out, c_in, kernel_size, kernel_size)
        query, key = _query_and_key(name, conv_as_query_key, x, weight)

        def conv(kernel: Tensor, image: Tensor = x) -> Tensor:
            return F.conv2d(image, kernel, padding="same").flatten(1).T

        want = conv(weight)
        places_first = weight.permute(0, 2, 3, 1)
        places_first_in_query = weight.reshape(places_first.shape).permute(0, 3, 1, 2)
        mistakes = {
            "kernel flipped (torch's conv2d does not flip)": conv(weight.flip(2, 3)),
            "rows and columns of the filter swapped": conv(weight.mT),
            "the channels come in another order in K than in Q": conv(weight.flip(1)),
            "K counts the channels last, Q counts them first": conv(places_first.reshape(weight.shape)),
            "Q counts the channels last, K counts them first": conv(places_first_in_query),
            "softmax taken; a convolution has none": want.softmax(-1),
            "divided by the square root of the row's length; there is no scale here": want / query.shape[1] ** 0.5,
        }
        case = f"{name}, kernel {kernel_size}×{kernel_size}, {size[0]}×{size[1]} image, Q @ K.T"
        product = query.double() @ key.double().T
        core.compare(case, product, want, mistakes, atol=EXACT, rtol=EXACT)
        core.compare(case, product, want, atol=0, rtol=0)  # bit by bit
    core.passed(name, f"Q @ K.T equals conv2d, row 0 of the last image {core.numbers(want)}")


def _query_and_key(name: str, conv_as_query_key: Callable[..., Any], x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """What the learner's function returns, once it is two tables of the right shapes."""
    query, key = _two(name, core.call(name, conv_as_query_key, x, weight), "two tables, Q and K")
    c_out, c_in, kernel_size, _ = weight.shape
    pixels, length = math.prod(x.shape[1:]), c_in * kernel_size**2
    windows = _windows(x, kernel_size)
    shapes = {
        "one row for each pixel: transpose what F.unfold gives": windows.T,
        "Q and K are in the other order": weight.flatten(1),
        "windows are missing at the border, pad by kernel_size // 2": F.unfold(x[None], kernel_size)[0].T
        if min(x.shape[1:]) >= kernel_size
        else windows[:0],
        "padded by 1, whatever the kernel": F.unfold(x[None], kernel_size, padding=1)[0].T
        if min(x.shape[1:]) + 2 >= kernel_size
        else windows[:0],
        "an axis for the batch": windows[None],
    }
    case = f"{name}, weight {tuple(weight.shape)}, image {tuple(x.shape)}"
    core.expect_shape(f"{case}, Q", query, (pixels, length), shapes)
    filters = weight.flatten(1)
    core.expect_shape(f"{case}, K", key, (c_out, length), {"one row for each filter: transpose": filters.T})
    return query, key


def _windows(x: Tensor, kernel_size: int, mode: str = "constant") -> Tensor:
    """The windows of an image (C, H, W), one a row: (N, C·k²)."""
    reach = kernel_size // 2
    return F.unfold(F.pad(x[None], [reach] * 4, mode=mode), kernel_size)[0].T


def _sorted(table: Tensor) -> Tensor:
    return table.sort(dim=-1).values


# --- 2: local attention ----------------------------------------------------------------------


@core.check
def local_attention_window(local_attention: Callable[..., Any]) -> None:
    """Which pixels get weight: the values are one-hot, so that the output is A itself."""
    name, gen = "local_attention", core.generator("local-attention-window")
    for size, kernel_size in [((7, 4), 5), ((3, 5), 3), ((2, 3), 1), ((4, 2), 3), ((2, 3), 7)]:
        pixels = math.prod(size)
        x = torch.eye(pixels, dtype=torch.float64)
        W_query, W_key = core.integers(gen, 2, pixels, 3) / 9
        A = _local_output(name, local_attention, x, (W_query, W_key, x), size, kernel_size)

        case = f"{name}, {size[0]}×{size[1]} image, kernel_size {kernel_size}"
        if A.min() < -EXACT:
            core.fail(case, f"weights of a softmax are not negative, got {core.number(A.min())}: softmax forgotten?")
        want, got = _visible(size, kernel_size), A > EXACT
        wrong = (got != want).nonzero()
        if len(wrong):
            p, q = wrong[0].tolist()
            places = [divmod(token, size[1]) for token in (p, q)]
            weight = core.number(A[p, q])
            rule = "is outside its window" if got[p, q] else "is in its window"
            outside = A[p, ~want[p]]
            if len(outside) > 1 and outside[0] > EXACT and (outside - outside[0]).abs().max() < ROUNDED:
                likely = ": scores of 0 in place of -inf: e^0 is 1?"
            else:
                likely = _named(got, _window_mistakes(size, kernel_size))
            core.fail(case, f"pixel {places[0]} gives pixel {places[1]}, which {rule}, the weight {weight}{likely}")
    seen = _visible((3, 5), 3).sum(-1).reshape(3, 5)[0]
    core.passed(name, f"the first row of a 3×5 image sees {seen.tolist()} pixels, the last W_K begins with {core.numbers(W_key[0, :1])}")


@core.check
def local_attention_border(local_attention: Callable[..., Any]) -> None:
    """A constant image stays constant: the weights of each pixel sum to 1, at the border too."""
    name, gen = "local_attention", core.generator("local-attention-border")
    for size, kernel_size in [((3, 4), 3), ((4, 5), 5), ((1, 4), 3)]:
        token = core.integers(gen, 3) / 9
        x = token.expand(math.prod(size), 3).clone()
        W_query, W_key = core.integers(gen, 2, 3, 2) / 9
        W_value = core.integers(gen, 3, 4)
        y = _local_output(name, local_attention, x, (W_query, W_key, W_value), size, kernel_size)

        want = x @ W_value
        seen = _visible(size, kernel_size).sum(-1, keepdim=True)
        # Neighbours that are missing, as tokens of zeros: their scores are 0.
        score = math.exp(float((token @ W_query) @ (token @ W_key)) / 2**0.5)
        mistakes = {
            "missing neighbours take weight too, as pixels of zeros with the score 0": want
            * (seen * score / (seen * score + kernel_size**2 - seen)),
            "the sum over the window divided by kernel_size²": want * seen / kernel_size**2,
            "softmax over all pixels and then a mask: the weights no longer sum to 1": want * seen / len(x),
            "softmax over the wrong axis": _attend_within(x, W_query, W_key, W_value, _visible(size, kernel_size), dim=0),
        }
        case = f"{name}, constant {size[0]}×{size[1]} image, kernel_size {kernel_size}"
        core.compare(case, y, want, mistakes)
    core.passed(name, f"a constant image stays constant, each output {core.numbers(want[0])}")


@core.check
def local_attention_values(local_attention: Callable[..., Any]) -> None:
    """The formula, on images without symmetry."""
    name, gen = "local_attention", core.generator("local-attention-values")
    settings = [((3, 7), 5, 2, 5, 3), ((3, 4), 3, 4, 3, 2), ((2, 3), 1, 3, 2, 3), ((3, 2), 7, 2, 3, 1)]
    for size, kernel_size, width, head_dim, value_dim in settings:
        x = core.integers(gen, math.prod(size), width) / 9
        W_query, W_key = core.integers(gen, 2, width, head_dim) / 9
        W_value = core.integers(gen, width, value_dim)
        y = _local_output(name, local_attention, x, (W_query, W_key, W_value), size, kernel_size)
        visible = _visible(size, kernel_size)

        def attend(scale: float = head_dim**-0.5, **change: Any) -> Tensor:
            """The layer with one thing changed."""
            given = {"x": x, "W_query": W_query, "W_key": W_key, "W_value": W_value, "visible": visible}
            return _attend_within(**(given | change), scale=scale)

        want = attend()
        everywhere = torch.ones_like(visible)
        scores = (x @ W_query) @ (x @ W_key).T / head_dim**0.5
        missing = torch.exp(scores).masked_fill(~visible, 0)
        missing = missing / (missing.sum(-1, keepdim=True) + kernel_size**2 - visible.sum(-1, keepdim=True))
        mistakes = {
            "the scale 1/√D_h forgotten": attend(1.0),
            "divided by D_h, not by √D_h": attend(1 / head_dim),
            "divided by √C, C the width of a token; D_h is the width of a query": attend(width**-0.5),
            "divided by √N": attend(len(x) ** -0.5),
            "multiplied by √D_h": attend(head_dim**0.5),
            "queries and keys swapped": attend(W_query=W_key, W_key=W_query),
            "softmax over the wrong axis, the queries'": attend(dim=0),
            "missing neighbours take weight too, as pixels of zeros with the score 0": missing @ (x @ W_value),
            "softmax over all pixels and then a mask: the weights no longer sum to 1": (
                scores.softmax(-1) * visible
            ) @ (x @ W_value),
            "scores of 0 in place of -inf: e^0 is 1": scores.masked_fill(~visible, 0).softmax(-1) @ (x @ W_value),
            "no window, every pixel sees all": attend(visible=everywhere),
            "the scores as weights, softmax forgotten": scores.masked_fill(~visible, 0) @ (x @ W_value),
        } | {k: attend(visible=v) for k, v in _window_mistakes(size, kernel_size).items()}
        if value_dim == width:
            mistakes["the values are x_q W_V, not x_q"] = attend(W_value=torch.eye(width, dtype=torch.float64))
        case = f"{name}, {size[0]}×{size[1]} image, kernel_size {kernel_size}, D_h {head_dim}"
        core.compare(case, y, want, mistakes)
        if size == (3, 7):
            first = want[0]
    core.passed(name, f"{len(settings)} images, pixel 0 of the first {core.numbers(first)}")


def _local_output(
    name: str,
    local_attention: Callable[..., Any],
    x: Tensor,
    matrices: tuple[Tensor, Tensor, Tensor],
    size: tuple[int, int],
    kernel_size: int,
) -> Tensor:
    """What the learner's layer returns, in float64, once its shape is right and all of it is finite."""
    y = core.expect_tensor(name, core.call(name, local_attention, x, *matrices, size, kernel_size))
    case = f"{name}, {size[0]}×{size[1]} image, kernel_size {kernel_size}"
    values = x @ matrices[2]
    core.expect_shape(
        case, y, values.shape, {"the values are x_q W_V, not x_q": x, "the output is made of tokens": values.T}
    )
    if not y.isfinite().all():
        core.fail(
            case,
            "got nan or inf: softmax of a row that is -inf everywhere is nan, and exp overflows where softmax does not",
        )
    return y.double()


def _visible(size: tuple[int, int], kernel_size: int) -> Tensor:
    """Whether q (column) is in the window of p (row): (N, N), boolean."""
    return _distances(size).amax(-1) <= kernel_size // 2


def _distances(size: tuple[int, int]) -> Tensor:
    """|q - p| by row and by column: (N, N, 2)."""
    tokens = torch.cartesian_prod(*(torch.arange(n) for n in size))
    return (tokens - tokens[:, None]).abs()


def _window_mistakes(size: tuple[int, int], kernel_size: int) -> dict[str, Tensor]:
    """Name of a mistake -> which pixels it lets each pixel see."""
    far, reach, want = _distances(size), kernel_size // 2, _visible(size, kernel_size)
    token = torch.arange(math.prod(size))
    # The window pushed back into the image, as large as it can be.
    row, column = torch.cartesian_prod(*(torch.arange(n) for n in size)).T
    pushed = torch.ones_like(want)
    for place, length in [(row, size[0]), (column, size[1])]:
        start = (place - reach).clamp(min=0).minimum(torch.tensor(max(length - kernel_size, 0)))[:, None]
        pushed &= (place >= start) & (place < start + kernel_size)
    signed = torch.stack([row - row[:, None], column - column[:, None]], dim=-1)
    swapped = _visible((size[1], size[0]), kernel_size)
    mistakes = {
        "no window, every pixel sees all": torch.ones_like(want),
        "the mask is reversed, True must be what a pixel sees": ~want,
        "the window is kernel_size pixels to each side; it is kernel_size // 2": far.amax(-1) <= kernel_size,
        "each pixel sees itself only": torch.eye(len(token), dtype=torch.bool),
        "the window ends one pixel early (< in place of <=)": far.amax(-1) < reach,
        "a diamond: row and column are judged apart, not by their sum": far.sum(-1) <= reach,
        "a disc: row and column are judged apart, not by the distance": far.square().sum(-1) <= reach**2,
        "neighbours by token number; those are neighbours in a row only": (token - token[:, None]).abs() <= reach,
        "the size read as W × H": swapped,
        "the window is pushed back into the image at its border": pushed,
        "the window begins at the pixel; it has the pixel in its centre": (
            (signed >= 0) & (signed < kernel_size)
        ).all(-1),
        "the pixel itself is left out": want & ~torch.eye(len(token), dtype=torch.bool),
        "one of row or column is enough; both must be near": far.amin(-1) <= reach,
        "only the rows are compared; the columns must be near too": far[..., 0] <= reach,
        "only the columns are compared; the rows must be near too": far[..., 1] <= reach,
    }
    return {mistake: mask for mistake, mask in mistakes.items() if not mask.equal(want)}


def _attend_within(
    x: Tensor,
    W_query: Tensor,
    W_key: Tensor,
    W_value: Tensor,
    visible: Tensor,
    scale: float | None = None,
    dim: int = -1,
) -> Tensor:
    """Softmax attention of tokens x in which p sees q where visible[p, q]: (N, D_value)."""
    scale = W_query.shape[1] ** -0.5 if scale is None else scale
    scores = scale * (x @ W_query) @ (x @ W_key).T
    return scores.masked_fill(~visible, -math.inf).softmax(dim).nan_to_num() @ (x @ W_value)


# --- 3: one head, two heads ------------------------------------------------------------------


SOBEL = [-1, 0, 1, -2, 0, 2, -1, 0, 1]


@core.check
def two_heads_one(one_head: Callable[..., Any]) -> None:
    """One head, as near to kernels of both signs as it can be."""
    name, gen = "one_head", core.generator("two-heads-one")
    mixed = core.integers(gen, 5)
    mixed[1] = 0
    mostly = core.pick(gen, [4, 5, 6])
    kernels = [_row([3, -1, mostly]), _row([mostly, -mostly - 1, 3]), _row([-mostly, 1, -3, 0, 2]), _row(SOBEL), mixed, -mixed]
    floors = [_expect_best_head(name, one_head, kernel) for kernel in kernels]
    core.passed(name, f"errors {core.numbers(floors)}, the last kernel {core.numbers(kernels[-1])}")


@core.check
def two_heads_exact(two_heads: Callable[..., Any]) -> None:
    """Two heads that are the kernel."""
    name, gen = "two_heads", core.generator("two-heads-exact")
    kernels = [_row([5, -2, 1]), _row(SOBEL), -_row(SOBEL), core.integers(gen, 7), core.integers(gen, 4)]
    for kernel in kernels:
        _expect_two_heads(name, two_heads, kernel)
    core.passed(name, f"{len(kernels)} kernels, the last one {core.numbers(kernel)}")


@core.check
def two_heads_edge(one_head: Callable[..., Any], two_heads: Callable[..., Any]) -> None:
    """Kernels of one sign, of zeros, of one tap."""
    gen = core.generator("two-heads-edge")
    taps = core.integers(gen, 5).abs()
    taps[2] = 0
    for kernel in [taps, -taps, _row([0, 0, 0]), _row([7]), _row([-3]), _row([0])]:
        _expect_best_head("one_head", one_head, kernel)
        _expect_two_heads("two_heads", two_heads, kernel)
    core.passed("one_head and two_heads", f"kernels of one sign, as {core.numbers(-taps)}, and of zeros")


def _expect_best_head(name: str, one_head: Callable[..., Any], kernel: Tensor) -> float:
    """Fail unless the answer is the best head. Its largest error is returned."""
    case = f"{name}, kernel {core.numbers(kernel)}"
    a, c = _two(case, core.call(name, one_head, kernel), "two values, a and c", tensors=False)
    factor = core.expect_number(f"{case}, c", c)
    core.expect_shape(f"{case}, a", a, kernel.shape)
    row = _expect_weights(f"{case}, a", a)

    positive, negative = kernel.clamp(min=0), -kernel.clamp(max=0)
    floor = float(min(positive.sum(), negative.sum()))
    error = float((kernel - factor * row).abs().sum())
    # Written so that nan fails too.
    if not error <= floor + ROUNDED * (1 + kernel.abs().sum()):
        total, size = float(kernel.sum()), kernel.abs()
        share = size / size.sum().clamp(min=1)
        heavy = positive if positive.sum() >= negative.sum() else negative
        sign = 1.0 if heavy is positive else -1.0
        light = -sign * (negative if heavy is positive else positive)
        mistakes = {
            "the factor needs the sign of the taps that are kept": -sign * heavy,
            "the positive taps are not always the ones to keep": positive,
            "the lighter sign was kept, the heavier one weighs more": light,
            "the factor is the sum of the taps that are kept": sign * heavy / heavy.sum().clamp(min=1),
            "sizes of all taps, with the sum of the kernel as factor": share * total,
            "sizes of all taps, with the sum of the sizes as factor": size,
            "sizes of all taps, with minus the sum of the sizes as factor": -size,
            "softmax of the kernel is not near the kernel": kernel.softmax(-1) * total,
            "the factor is the sum of the taps that are kept, not of all": sign * heavy / heavy.sum().clamp(min=1) * total,
            "the factor is the sum of the taps that are kept, not of all sizes": (
                sign * heavy / heavy.sum().clamp(min=1) * size.sum()
            ),
            "even weights are the mean; taps of one sign need not be even": torch.full_like(kernel, total / len(kernel)),
            "one tap alone; all taps of its sign fit into the head": torch.where(
                size == size.max(), kernel, torch.zeros_like(kernel)
            ),
        }
        likely = _named(factor * row, mistakes)
        core.fail(case, f"the largest error is {core.number(error)}, that of the best head {core.number(floor)}{likely}")
    return floor


def _expect_two_heads(name: str, two_heads: Callable[..., Any], kernel: Tensor) -> None:
    """Fail unless the answer is two heads that sum to the kernel."""
    case = f"{name}, kernel {core.numbers(kernel)}"
    A, c = _two(case, core.call(name, two_heads, kernel), "two tensors, A and c")
    if A.dim() == 1 and c.dim() == 2:
        core.fail(case, "expected A first and c second, got them in the other order")
    turned = {"a row for each head: transpose": A} if A.shape == (len(kernel), 2) else {}
    core.expect_shape(f"{case}, A", A, (2, len(kernel)), turned)
    core.expect_shape(f"{case}, c", c, (2,))
    rows = _expect_weights(f"{case}, A", A)
    positive, negative = kernel.clamp(min=0), -kernel.clamp(max=0)
    mistakes = {
        "the head of the negative taps needs a negative factor": positive + negative,
        "the factors have the wrong signs": -kernel,
        "only the positive taps are there": positive,
        "only the negative taps are there": -negative,
        "the factors must undo the division by the sums": positive / positive.sum().clamp(min=1)
        - negative / negative.sum().clamp(min=1),
        "the factors belong to the other rows": negative.sum() * positive / positive.sum().clamp(min=1)
        - positive.sum() * negative / negative.sum().clamp(min=1),
        "one factor for both, the sum of all sizes": (
            positive / positive.sum().clamp(min=1) - negative / negative.sum().clamp(min=1)
        )
        * kernel.abs().sum(),
        "the mean of the two, not their sum": kernel / 2,
    }
    core.compare(f"{case}, c @ A", c.double() @ rows, kernel, mistakes)


def _expect_weights(case: str, got: Tensor) -> Tensor:
    """`got` in float64 when its rows could come out of a softmax: from 0 on, with the sum 1."""
    rows = core.expect_tensor(case, got).double()
    if not rows.isfinite().all():
        core.fail(case, "got nan or inf: a part of the kernel that is empty has the sum 0, by which nothing can be divided")
    if rows.min() < -ROUNDED:
        core.fail(case, f"weights of a softmax are not negative, got {core.number(rows.min())}: the sign belongs to the factor")
    for number, total in enumerate(rows.sum(-1).reshape(-1).tolist()):
        if abs(total - 1) > ROUNDED * 10:
            likely = ": a part that is empty needs weights too, any that sum to 1" if abs(total) < ROUNDED else ""
            core.fail(case, f"expected weights that sum to 1, row {number} sums to {core.number(total)}{likely}")
    return rows


def _row(taps: list[int]) -> Tensor:
    return torch.tensor(taps, dtype=torch.float64)


# --- 4: where addition breaks ----------------------------------------------------------------


@core.check
def not_additive_pairs(not_additive: Callable[..., Any]) -> None:
    """Matrices without zeros, of several widths."""
    name, gen = "not_additive", core.generator("not-additive-pairs")
    for width, head_dim, value_dim in [(2, 3, 2), (3, 2, 1), (2, 1, 3), (4, 4, 4)]:
        matrices = (*core.integers(gen, 2, width, head_dim), core.integers(gen, width, value_dim))
        _expect_pair(name, not_additive, f"matrices of {width}×{head_dim} and {width}×{value_dim}", *matrices)
    core.passed(name, f"4 layers shown not to be additive, the last values {core.numbers(matrices[2][0])}")


@core.check
def not_additive_hidden(not_additive: Callable[..., Any]) -> None:
    """Matrices that are zero almost everywhere, or whose scores are zero for many images."""
    name, gen = "not_additive", core.generator("not-additive-hidden")
    order = torch.randperm(4, generator=gen).tolist()

    def one(channel: int, column: int = 0, columns: int = 1) -> Tensor:
        """A matrix that reads one channel into one column."""
        matrix = torch.zeros(4, columns, dtype=torch.float64)
        matrix[channel, column] = 1
        return matrix

    turn = _row([0, 1, -1, 0]).reshape(2, 2)
    eye = torch.eye(2, dtype=torch.float64)
    hidden = {
        "scores from one channel, values from another": (one(order[0]), one(order[0]), one(order[1])),
        "queries, keys and values from three channels": (one(order[0]), one(order[1]), one(order[2])),
        "W_Q W_Kᵀ = -I": (eye, -eye, eye),
        "a pixel's score with itself always 0": (eye, turn, eye),
        "W_Q and W_K with one column in common": (one(order[3], 1, 3) + one(order[1], 0, 3), one(order[2], 1, 3), one(order[0])),
        "scores of only a few units, D_h = 16": (one(order[1], 5, 16), one(order[3], 5, 16), one(order[3])),
        "scores so large that softmax picks one pixel": (_row([9])[None], _row([9])[None], _row([1])[None]),
        "W_V with entries whose sum is 0": (eye, eye, _row([1, -1]).reshape(2, 1)),
        "W_Q W_Kᵀ with entries whose sum is 0": (eye, _row([1, -1, -1, 1]).reshape(2, 2), eye),
    }
    for what, matrices in hidden.items():
        _expect_pair(name, not_additive, what, *matrices)
    core.passed(name, f"{len(hidden)} layers with a pair each, one with scores from channel {order[0]}")


@core.check
def not_additive_none(not_additive: Callable[..., Any]) -> None:
    """None where the scores or the values are always zero, and only there."""
    name, gen = "not_additive", core.generator("not-additive-none")
    W_query, W_key = core.integers(gen, 2, 3, 2)
    W_value = core.integers(gen, 3, 2)
    apart_query, apart_key = torch.zeros(2, 3, 4, dtype=torch.float64)
    apart_query[:, :2], apart_key[:, 2:] = core.integers(gen, 3, 2), core.integers(gen, 3, 2)
    a, b = core.pick(gen, [1, 2, 3]), core.pick(gen, [1, 2])
    across_query, across_key = _row([a, b, 2 * a, 2 * b]).reshape(2, 2), _row([b, -a, -3 * b, 3 * a]).reshape(2, 2)
    additive = {
        "W_Q = 0": (0 * W_query, W_key, W_value),
        "W_K = 0": (W_query, 0 * W_key, W_value),
        "W_V = 0": (W_query, W_key, 0 * W_value),
        "W_Q and W_K without a common column": (apart_query, apart_key, W_value),
        "W_Q and W_K with orthogonal rows": (across_query, across_key, W_value[:2]),
    }
    for what, matrices in additive.items():
        got = core.call(name, not_additive, *matrices)
        if got is None:
            continue
        case = f"{name}, {what}"
        u, v = _pair_of_images(case, got, len(matrices[0]))
        gap = _unadditive(u, v, *matrices)
        core.fail(case, f"expected None, this layer is additive: f(u + v) and f(u) + f(v) differ by {gap:.1g} for your u and v")
    _expect_pair(name, not_additive, "matrices without zeros", W_query, W_key, W_value)
    core.passed(name, f"None for {len(additive)} layers, the last with W_Q {core.numbers(across_query)}")


def _expect_pair(name: str, not_additive: Callable[..., Any], what: str, *matrices: Tensor) -> None:
    """Fail unless the answer is a pair of images that shows that the layer is not additive."""
    got = core.call(name, not_additive, *matrices)
    case = f"{name}, {what}"
    if got is None:
        core.fail(
            case,
            "got None, but this layer is not additive: do you return None only where the scores are 0 for every image, "
            "and try many pairs, none of them special such as v = -u?",
        )
    u, v = _pair_of_images(case, got, len(matrices[0]))
    distance = _unadditive(u, v, *matrices)
    if not distance > 0.01:
        reason = ""
        if not u.any() or not v.any():
            reason = ": one of them is all zeros"
        elif not any((x @ matrices[0] @ matrices[1].T @ x.T).any() for x in (u, v, u + v)):
            reason = ": all scores are 0 for your images, look at the channels that W_Q and W_K read"
        elif not any((x @ matrices[2]).any() for x in (u, v)):
            reason = ": all values are 0 for your images, look at the channels that W_V reads"
        elif u.equal(-v):
            reason = ": with v = -u the scores of u and of v are the same, so f(-u) = -f(u)"
        elif u.equal(v):
            reason = ": with v = u, f(2u) = 2 f(u) is all that is tested, and softmax may pick the same pixel in both"
        elif u[0].equal(u[1]) and v[0].equal(v[1]):
            reason = ": in each image both pixels are alike, so every weight gives the same"
        core.fail(case, f"f(u + v) and f(u) + f(v) differ by {distance:.1g}, more than 0.01 is asked{reason}")


def _pair_of_images(case: str, got: Any, width: int) -> tuple[Tensor, Tensor]:
    """`got` as (u, v), each two pixels of whole numbers from -9 to 9, or CheckFailed."""
    pair = _two(case, got, "two images (u, v), or None")
    for letter, value in zip("uv", pair):
        core.expect_shape(f"{case}, {letter}", value, (2, width))
        odd = ~((value == value.round()) & (value.abs() <= 9))
        if odd.any():
            core.fail(case, f"expected {letter} to hold whole numbers from -9 to 9, got {core.number(value[odd][0])}")
    u, v = (value.double() for value in pair)
    return u, v


def _unadditive(u: Tensor, v: Tensor, W_query: Tensor, W_key: Tensor, W_value: Tensor) -> float:
    """How far f(u + v) is from f(u) + f(v)."""

    def layer(x: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(x @ W_query, x @ W_key, x @ W_value)

    return float((layer(u + v) - layer(u) - layer(v)).abs().max())


# --- 5: attention that decides ---------------------------------------------------------------


INPUTS = torch.tensor(list(itertools.product([0, 1], repeat=4)))  # (16, 4)


@core.check
def gate_codes_truth(gate_codes: Callable[..., Any]) -> None:
    """At a large beta every output rounds to the right truth value, on all 16 inputs."""
    name, gen = "gate_codes", core.generator("gate-codes-truth")
    for beta in [20.0, core.pick(gen, [12.0, 14.0, 16.0])]:
        query, key = _codes(name, gate_codes, beta)
        got, want = _outputs(query, key), _truth()
        wrong = ~((got - want).abs() < 0.01)
        if wrong.any():
            number, place = wrong.nonzero()[0].tolist()
            pixels = dict(zip("abcd", INPUTS[number].tolist()))
            held = ", ".join(f"{letter} = {value}" for letter, value in pixels.items())
            case = f"{name}({beta:g}), input {held}, output {'abcd'[place]}'"
            core.fail(
                case,
                f"expected {core.number(want[number, place])}, got {core.number(got[number, place], 3)} "
                f"({int(wrong.any(1).sum())} of 16 inputs are wrong){_named(got, _decisions(), 0.01)}",
            )
    core.passed(name, f"right on all 16 inputs at beta 20 and {beta:g}, which hold {int(want.sum())} outputs of 1")


@core.check
def gate_codes_bound(gate_codes: Callable[..., Any]) -> None:
    """No score is beyond beta, and the error is at most 3 e^-beta, at every beta."""
    name, gen = "gate_codes", core.generator("gate-codes-bound")
    betas = [3.0, core.pick(gen, [4.0, 4.5]), core.pick(gen, [6.0, 7.0]), 10.0]
    for beta in betas:
        query, key = _codes(name, gate_codes, beta)
        largest = float(_scores(query, key).abs().max())
        if not largest <= beta * (1 + ROUNDED):
            likely = ""
            if math.isclose(largest, beta**2, rel_tol=1e-5):
                likely = ": beta in the queries and in the keys?"
            core.fail(f"{name}({beta:g})", f"no score may be beyond {beta:g}, got one of size {core.number(largest)}{likely}")
        error = float((_outputs(query, key) - _truth()).abs().max())
        bound = 3 * math.exp(-beta)
        if not error <= bound * 1.001 + ROUNDED:
            likely = ": the largest scores are smaller than beta" if largest < 0.999 * beta else ""
            core.fail(
                f"{name}({beta:g})",
                f"expected an error of at most {bound:.3g}, got {error:.3g}, the scores go up to {core.number(largest, 3)}{likely}",
            )
    core.passed(name, f"errors at most 3e^-beta at beta {core.numbers(betas, 1)}")


def _codes(name: str, gate_codes: Callable[..., Any], beta: float) -> tuple[Tensor, Tensor]:
    """What the learner's function returns, in float64, once it is two tables (2, 4, D)."""
    case = f"{name}({beta:g})"
    query, key = _two(case, core.call(name, gate_codes, beta), "two tables, query and key")
    if query.dim() != 3 or query.shape[:2] != (2, 4) or not 1 <= query.shape[2] <= 16:
        likely = ": the content comes first, then the place" if query.shape[:2] == (4, 2) else ""
        core.fail(case, f"expected query of shape (2, 4, D), D from 1 to 16, got {tuple(query.shape)}{likely}")
    core.expect_shape(f"{case}, key", key, query.shape)
    if not (query.isfinite().all() and key.isfinite().all()):
        core.fail(case, "got nan or inf in query or key")
    return query.double(), key.double()


def _scores(query: Tensor, key: Tensor) -> Tensor:
    """The scores on all inputs: (16, 4, 4)."""
    place = torch.arange(4)
    return query[INPUTS, place] @ key[INPUTS, place].mT


def _outputs(query: Tensor, key: Tensor) -> Tensor:
    """The outputs of the layer on all inputs: (16, 4)."""
    return (_scores(query, key).softmax(-1) @ INPUTS.double()[..., None])[..., 0]


def _truth() -> Tensor:
    """What the layer shall give: (16, 4)."""
    return _gates(INPUTS.roll(2, dims=1))


def _gates(other: Tensor) -> Tensor:
    """Each pixel with its partner, `other`: their `and` in a and c, their `or` in b and d."""
    return _mixed(INPUTS.minimum(other), INPUTS.maximum(other))


def _mixed(first: Tensor, second: Tensor) -> Tensor:
    """`first` in a and c, `second` in b and d: (16, 4)."""
    return torch.where(torch.tensor([True, False, True, False]), first, second).double()


def _decisions() -> Mapping[str, Tensor]:
    """Name of a mistake -> what the layer gives on all inputs."""
    x, partner = INPUTS.double(), INPUTS.roll(2, dims=1).double()
    both, either, mean = x.minimum(partner), x.maximum(partner), x.mean(1, keepdim=True).expand(16, 4)
    return {
        "that is `and` everywhere, b and d want `or`": both,
        "that is `or` everywhere, a and c want `and`": either,
        "that is `or` in a and c, `and` in b and d: look at yourself and at your partner the other way round": _mixed(either, both),
        "every pixel looks at its partner, whatever it holds": partner,
        "every pixel looks at itself, whatever it holds": x,
        "the mean of a pixel and its partner: a fixed kernel": (x + partner) / 2,
        "the partners are a and c, b and d; yours are a and b, c and d": _gates(INPUTS[:, [1, 0, 3, 2]]),
        "the partners are a and c, b and d; yours are a and d, b and c": _gates(INPUTS[:, [3, 2, 1, 0]]),
        "the same for all, the mean of the four": mean,
        "the same weights for all pixels, they look for a 0 anywhere": x.amin(1, keepdim=True).expand(16, 4),
        "a pixel that holds 0 looks at all alike": torch.where(x > 0, _mixed(partner, x), mean),
        "a pixel that holds 1 looks at all alike": torch.where(x > 0, mean, _mixed(x, partner)),
    }


# --- what is shared --------------------------------------------------------------------------


def _all_different(gen: torch.Generator, *shape: int) -> Tensor:
    """The whole numbers from 1 on, shuffled: no two values can be mistaken for each other."""
    return (torch.randperm(math.prod(shape), generator=gen) + 1.0).double().reshape(shape)


def _two(case: str, got: Any, what: str, tensors: bool = True) -> tuple[Any, Any]:
    """`got` as the two values that `what` names, tensors where nothing else is said, or CheckFailed."""
    if got is None:
        core.fail(case, f"expected {what}, got None: did you forget to return?")
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        count = f" of {len(got)}" if isinstance(got, (tuple, list)) else ""
        core.fail(case, f"expected {what}, got {core.describe(got)}{count}")
    first, second = got
    return (core.expect_tensor(case, first), core.expect_tensor(case, second)) if tensors else (first, second)


def _named(got: Tensor, mistakes: Mapping[str, Tensor], atol: float = ROUNDED) -> str:
    """`: name?` for the first mistake that gives `got`, or nothing."""
    for mistake, output in mistakes.items():
        if got.shape == output.shape and torch.allclose(got.double(), output.double(), rtol=0, atol=atol):
            return f": {mistake}?"
    return ""
