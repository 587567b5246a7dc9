"""The checks of exercise 08: a convolution written as self-attention, piece by piece.

One function a check cell, in the order of the notebook. The references lean on torch alone
(`F.conv2d`, the formulas written out), so that the package's own construction is not judge
in its own case. Every check meets kernels and images of more than one shape, and nothing in
them is symmetric by chance: a mistake that only a square or a symmetric case hides must show.
"""

import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import torch
import torch.nn.functional as F
from torch import Tensor

from conv2attn.checks import core

EXACT = 1e-9  # integers in float64 come out bit-equal; this leaves room for other orders of rounding
ONE_HOT = 800.0  # e^-800 is 0 in float64, so softmax is one-hot


# --- 1: the logits of one head ---------------------------------------------------------------


@core.check
def tap_logits_values(tap_logits: Callable[..., Any]) -> None:
    """The logits are ⟨r_δ, v⟩ on grids that are not square. A constant added to a row is forgiven."""
    name, gen = "tap_logits", core.generator("tap-logits-values")
    sign = core.pick(gen, [-1, 1])
    # Rows and columns of unlike lengths, each with both signs: no swap, no sign can hide.
    for size, row, column in [((3, 4), sign, core.pick(gen, [2, 3])), ((4, 2), -sign, -core.pick(gen, [2, 3]))]:
        shift = (row, column)
        alpha = core.pick(gen, [0.5, 1.5, 2.5])
        got = core.call(name, tap_logits, size, shift, alpha)

        want = _logits(size, shift, alpha)
        case = f"{name}({size}, {shift}, {alpha})"
        core.expect_shape(case, got, want.shape)
        core.expect_dtype(case, got, torch.float64)
        if not _same_attention(got, want):
            # Passed on as a mistake that gives `got` itself, so that a constant a row matters as little here.
            core.compare(case, got, want, dict.fromkeys(_likely_tap_mistakes(got, size, shift, alpha), got))
    core.passed(name, f"size {size}, shift {shift}, alpha {alpha}, first logits {core.numbers(want[0, :4], 1)}")


@core.check
def tap_logits_aim(tap_logits: Callable[..., Any]) -> None:
    """The largest logit of every row sits on the pixel p + Δ, or on the nearest one inside the image."""
    name, gen = "tap_logits", core.generator("tap-logits-aim")
    size = (4, 3)
    row, column = core.pick(gen, [-1, 1]), core.pick(gen, [-2, 2])
    shifts = [(row, column), (0, 0), (-core.pick(gen, [2, 3]) * row, -column // 2)]
    for shift in shifts:
        alpha = core.pick(gen, [1.25, 2.25, 3.25])
        got = core.call(name, tap_logits, size, shift, alpha)

        case = f"{name}({size}, {shift}, {alpha})"
        core.expect_shape(case, got, (12, 12))
        want, aims = _logits(size, shift, alpha).argmax(dim=-1), got.argmax(dim=-1)
        wrong = (aims != want).nonzero()
        if len(wrong):
            p = int(wrong[0])
            likely = "".join(f": {mistake}?" for mistake in _likely_tap_mistakes(got, size, shift, alpha)[:1])
            place, expected, found = (divmod(int(i), size[1]) for i in (p, want[p], aims[p]))
            core.fail(
                case,
                f"from pixel {place} the largest logit must be on pixel {expected}, yours is on {found}{likely}",
            )
    core.passed(name, f"with shift {shift} the pixels look at {want.tolist()}")


def _logits(size: tuple[int, int], shift: tuple[int, int], alpha: float) -> Tensor:
    """⟨r_δ, v⟩ for every query (row) and key (column): (N, N)."""
    delta = _deltas(size)
    return -alpha * (delta.square().sum(-1) - 2 * delta @ _vector(shift))


def _tap_mistakes(size: tuple[int, int], shift: tuple[int, int], alpha: float) -> dict[str, Tensor]:
    """Name of a mistake -> the logits it gives."""
    height, width = size
    delta, towards = _deltas(size), _vector(shift)
    key = delta[0]  # δ from the first pixel is the key's own position
    want = _logits(size, shift, alpha)
    # The reading-order number of the pixel (t mod H, t // H), for every token t.
    by_column = torch.arange(height * width).reshape(height, width).T.flatten()
    return {
        "Δ with the wrong sign (δ is key - query, queries are the rows)": _logits(
            size, (-shift[0], -shift[1]), alpha
        ),
        "rows and columns of the shift swapped": _logits(size, (shift[1], shift[0]), alpha),
        "the grid read as W × H": _logits((width, height), shift, alpha),
        "tokens numbered down the columns": want[by_column][:, by_column],
        "v with the wrong sign, so that the farthest pixel wins": -want,
        "alpha forgotten": want / alpha,
        "the factor 2 in v forgotten, so that the head aims at Δ/2": -alpha
        * (delta.square().sum(-1) - delta @ towards),
        "‖δ‖ in place of ‖δ‖²": -alpha * (delta.norm(dim=-1) - 2 * delta @ towards),
        "‖δ‖² forgotten, so that the head aims past the image's edge": 2 * alpha * delta @ towards,
        "Δ forgotten": -alpha * delta.square().sum(-1),
        "the key's own position in place of δ = key - query": (
            -alpha * (key.square().sum(-1) - 2 * key @ towards)
        ).expand_as(want),
        "softmax already taken (the logits are asked)": want.softmax(-1),
    }


def _likely_tap_mistakes(
    got: Tensor, size: tuple[int, int], shift: tuple[int, int], alpha: float
) -> list[str]:
    """The mistakes that give the same attention as the logits `got`."""
    mistakes = _tap_mistakes(size, shift, alpha)
    return [mistake for mistake, logits in mistakes.items() if _same_attention(got, logits)]


def _deltas(size: tuple[int, int]) -> Tensor:
    """key - query for every query and key of the grid: (N, N, 2)."""
    tokens = torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) for n in size))
    return tokens - tokens[:, None]


def _vector(shift: tuple[int, int]) -> Tensor:
    return torch.tensor(shift, dtype=torch.float64)


def _same_attention(got: Tensor, want: Tensor) -> bool:
    """Whether softmax over the last axis cannot tell `got` from `want`: equal up to a constant a row."""
    centred = (table.detach().double() - table.detach().double().amax(-1, keepdim=True) for table in (got, want))
    return torch.allclose(*centred, rtol=EXACT, atol=EXACT)


# --- 2: the heads' shifts and value matrices -------------------------------------------------


@core.check
def values_from_kernel_shifts(values_from_kernel: Callable[..., Any]) -> None:
    """The heads' shifts are the kernel's offsets from its centre, each once, in any order."""
    name, gen = "values_from_kernel", core.generator("values-from-kernel-shifts")
    sizes = [3, 1, core.pick(gen, [5, 7])]
    for kernel_size in sizes:
        weight = core.integers(gen, 2, 3, kernel_size, kernel_size)
        shift, _ = _two_tensors(name, core.call(name, values_from_kernel, weight))

        case = f"{name}, kernel {kernel_size}×{kernel_size}, shift"
        core.expect_shape(case, shift, (kernel_size**2, 2))
        core.expect_dtype(case, shift, torch.int64)
        reach = kernel_size // 2
        want = {(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)}
        found = set(map(tuple, shift.tolist()))
        if found != want:
            low, high = min(found), max(found)
            corner = found == {(i + reach, j + reach) for i, j in want}
            missing = sorted(want - found)[0]
            core.fail(
                case,
                f"expected every offset from {(-reach, -reach)} to {(reach, reach)} once; "
                f"yours go from {low} to {high} and leave out {missing}"
                + (": counted from the kernel's corner, not from its centre?" if corner else ""),
            )
    heads = ", ".join(str(size**2) for size in sizes)
    core.passed(name, f"offsets from the centre for {heads} heads, last weights {core.numbers(weight[1, 2, -1])}")


@core.check
def values_from_kernel_matrices(values_from_kernel: Callable[..., Any]) -> None:
    """W[h] is the kernel at the tap shift[h], C_in × C_out, for every head."""
    name, gen = "values_from_kernel", core.generator("values-from-kernel-matrices")
    for c_out, c_in, kernel_size in [(2, 3, 3), (3, 1, 5), (2, 2, 3), (3, 2, 1)]:
        # All entries differ, so that no two taps can be mistaken for each other.
        count = c_out * c_in * kernel_size**2
        weight = (torch.randperm(count, generator=gen) + 1.0).double().reshape(c_out, c_in, kernel_size, kernel_size)
        shift, matrices = _two_tensors(name, core.call(name, values_from_kernel, weight))

        reach = kernel_size // 2
        case = f"{name}, weight {tuple(weight.shape)}, W"
        core.expect_shape(f"{name}, weight {tuple(weight.shape)}, shift", shift, (kernel_size**2, 2))
        if shift.abs().max() > reach:
            core.fail(name, f"the shift {_farthest(shift)} is outside the kernel: count shifts from its centre first")
        row, column = shift.long().T
        tap = partial(_taps, weight)
        want = tap(row, column)
        core.compare(
            case,
            matrices,
            want,
            {
                "kernel flipped (torch's conv2d reads pixel p + Δ with the tap at Δ)": tap(-row, -column),
                "rows and columns of the taps swapped": tap(column, row),
                "each W[h] is C_in × C_out, not C_out × C_in: transpose": want.transpose(1, 2),
                "reshape does not move axes: permute first": weight.reshape(want.shape),
                "reshape does not move axes, permute or transpose them first": weight.reshape(
                    c_out, c_in, -1
                ).reshape(-1, c_out, c_in).transpose(1, 2),
            },
        )
        core.expect_dtype(case, matrices, weight.dtype)
        if (c_out, c_in, kernel_size) == (2, 3, 3):
            corner = _taps(weight, torch.tensor([-1]), torch.tensor([-1]))
    core.passed(name, f"the head at shift (-1, -1) multiplies by {core.numbers(corner)}")


@core.check
def values_from_kernel_copy(values_from_kernel: Callable[..., Any]) -> None:
    """W has memory of its own, whatever the kernel's shape: later changes of `weight` do not reach it."""
    name, gen = "values_from_kernel", core.generator("values-from-kernel-copy")
    for shape in [(3, 2, 3, 3), (1, 1, 3, 3)]:
        weight = core.integers(gen, *shape)
        kept = weight.clone()
        # Bound by partial, the learner's function gets this very tensor and not a copy of it.
        _, matrices = _two_tensors(name, core.call(name, partial(values_from_kernel, weight)))

        case = f"{name}, weight {shape}"
        if not weight.equal(kept):
            core.fail(case, "your function changes weight itself: work on a copy")
        if not matrices.double().flatten().sort().values.equal(kept.flatten().sort().values):
            core.fail(case, "W must hold the numbers of weight, each once")
        before = matrices.clone()
        weight.zero_()
        changed = int((matrices != before).sum())
        if changed:
            likely = "a view, not a copy" if shape[0] > 1 else "contiguous() and reshape() copy only where they must"
            core.fail(case, f"weight set to 0 afterwards, {changed} of {before.numel()} numbers of W change: {likely}?")
    core.passed(name, f"W keeps its {kept.numel()} numbers, their sum {core.number(kept.sum())}, when weight is zeroed")


def _taps(weight: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """The kernel's matrices at these offsets from the centre: (heads, C_in, C_out)."""
    reach = weight.shape[-1] // 2
    return weight[:, :, row + reach, column + reach].permute(2, 1, 0)


def _two_tensors(name: str, got: Any) -> tuple[Tensor, Tensor]:
    """`got` as (shift, W), or CheckFailed."""
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        core.fail(name, f"expected two tensors, shift and W, got {core.describe(got)}")
    shift, matrices = (core.expect_tensor(name, part) for part in got)
    if shift.dim() == 3 and matrices.dim() == 2:
        core.fail(name, "expected shift first and W second, got them in the other order")
    return shift, matrices


def _farthest(shift: Tensor) -> tuple[int, ...]:
    return tuple(int(i) for i in shift[shift.abs().amax(-1).argmax()])


# --- 3: the layer ----------------------------------------------------------------------------


@core.check
def conv_by_attention_interior(conv_by_attention: Callable[..., Any]) -> None:
    """One-hot attention equals the convolution away from the border, without bias."""
    name, gen = "conv_by_attention", core.generator("conv-by-attention-interior")
    for c_out, c_in, height, width in [(1, 1, 3, 4), (3, 2, 5, 4)]:
        x = core.integers(gen, c_in, height, width)
        weight = core.integers(gen, c_out, c_in, 3, 3)
        bias = torch.zeros(c_out, dtype=torch.float64)
        y = _layer_output(name, conv_by_attention, x, weight, bias, ONE_HOT)

        def inside(table: Tensor) -> Tensor:
            """`table` away from the border, and the answer's own border, which another check judges."""
            kept = y.clone()
            kept[:, 1:-1, 1:-1] = table[:, 1:-1, 1:-1]
            return kept

        want = F.conv2d(x, weight, padding="same")
        case = f"{name}, inside a {height}×{width} image"

        def mistakes() -> dict[str, Tensor]:
            return {what: inside(table) for what, table in _layer_mistakes(x, weight, bias, ONE_HOT).items()}

        core.compare(case, y, inside(want), mistakes, atol=EXACT, rtol=EXACT)
        _expect_alpha_used(name, conv_by_attention, x, weight, bias)
    core.passed(name, f"equal to conv2d inside the image, pixel (1, 1) {core.numbers(want[:, 1, 1])}")


@core.check
def conv_by_attention_border(conv_by_attention: Callable[..., Any]) -> None:
    """One-hot attention equals the zero-padded convolution everywhere, bias included."""
    name, gen = "conv_by_attention", core.generator("conv-by-attention-border")
    for c_out, c_in, kernel_size, height, width in [(2, 1, 1, 2, 3), (2, 3, 3, 4, 3), (2, 1, 5, 3, 4)]:
        x = core.integers(gen, c_in, height, width)
        weight = core.integers(gen, c_out, c_in, kernel_size, kernel_size)
        bias = core.integers(gen, c_out)
        y = _layer_output(name, conv_by_attention, x, weight, bias, ONE_HOT)
        want = F.conv2d(x, weight, bias, padding="same")
        mistakes = partial(_layer_mistakes, x, weight, bias, ONE_HOT)
        case = f"{name}, kernel {kernel_size}×{kernel_size}, {height}×{width} image"
        core.compare(case, y, want, mistakes, atol=EXACT, rtol=EXACT)
    _expect_alpha_used(name, conv_by_attention, x, weight, bias)
    core.passed(name, f"equal to conv2d up to the border, pixel (0, 0) {core.numbers(want[:, 0, 0])}")


@core.check
def conv_by_attention_soft(conv_by_attention: Callable[..., Any]) -> None:
    """At a small alpha the layer is the soft attention of the statement, not the convolution."""
    name, gen = "conv_by_attention", core.generator("conv-by-attention-soft")
    for c_out, c_in, kernel_size, height, width in [(2, 3, 3, 3, 4), (2, 1, 5, 4, 3)]:
        x = core.integers(gen, c_in, height, width)
        weight = core.integers(gen, c_out, c_in, kernel_size, kernel_size)
        bias = core.integers(gen, c_out)
        alpha = core.pick(gen, [0.25, 0.5, 0.75])
        y = _layer_output(name, conv_by_attention, x, weight, bias, alpha)
        want = _soft_layer(x, weight, bias, alpha)
        case = f"{name}, kernel {kernel_size}×{kernel_size}, alpha {alpha}"
        core.compare(case, y, want, partial(_layer_mistakes, x, weight, bias, alpha))
    core.passed(name, f"at alpha {alpha} a blurred convolution, pixel (0, 0) {core.numbers(want[:, 0, 0])}")


def _layer_output(
    name: str, layer: Callable[..., Any], x: Tensor, weight: Tensor, bias: Tensor, alpha: float
) -> Tensor:
    """What the learner's layer returns, once its shape and dtype are right and all of it is finite."""
    y = core.expect_tensor(name, core.call(name, layer, x, weight, bias, alpha))
    same = F.conv2d(x, weight, bias, padding="same")
    reach = weight.shape[-1] // 2
    height, width = same.shape[1:]
    shapes = {
        "the pixels at the border belong to the output too": same[:, reach : height - reach, reach : width - reach],
        "the ring holds keys only, no queries": F.conv2d(x, weight, bias, padding=2 * reach),
        "tokens, to be made an image again": same.flatten(1).T,
        "rows and columns still flat": same.flatten(1),
        "an axis for the batch": same[None],
    }
    core.expect_shape(name, y, same.shape, shapes)
    core.expect_dtype(name, y, torch.float64)
    if not y.isfinite().all():
        core.fail(
            name,
            f"got nan or inf at alpha {alpha}: exp overflows unless the largest logit of each row is subtracted "
            "first, as softmax does",
        )
    return y


def _expect_alpha_used(name: str, layer: Callable[..., Any], x: Tensor, weight: Tensor, bias: Tensor) -> None:
    """Fail where alpha 0, with its even weights, gives the convolution all the same."""
    y = _layer_output(name, layer, x, weight, bias, 0.0)
    if torch.allclose(y, F.conv2d(x, weight, bias, padding="same")):
        core.fail(
            name,
            "at alpha = 0 every head averages over all pixels, but you return the convolution there too: "
            "is alpha used?",
        )


def _soft_layer(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    alpha: float,
    *,
    ring: int | None = None,
    tokens: Tensor | None = None,
    over: str = "keys",
    power: float = 1.0,
    masked: bool = False,
) -> Tensor:
    """The layer as the statement has it, or with a mistake put in: (C_out, H, W).

    Args:
        ring: width of the ring of keys, K // 2 if None.
        tokens: (N_keys, C_in) in place of the ringed image.
        over: what softmax sums to 1: "keys", "queries" or "heads".
        power: ‖δ - Δ‖² is raised to it.
        masked: whether heads that look past the image's edge are set to 0.
    """
    c_out, _, kernel_size, _ = weight.shape
    _, height, width = x.shape
    reach = kernel_size // 2
    ring = reach if ring is None else ring
    tokens = F.pad(x, [ring] * 4).flatten(1).T if tokens is None else tokens
    key = torch.cartesian_prod(torch.arange(-ring, height + ring), torch.arange(-ring, width + ring))
    query = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    offset = torch.arange(-reach, reach + 1)
    shift = torch.cartesian_prod(offset, offset)
    target = query + shift[:, None]  # (heads, N, 2)
    distance = (key - target[:, :, None]).double().square().sum(-1).pow(power)
    attention = (-alpha * distance).softmax(("heads", "queries", "keys").index(over))
    if masked:
        attention = attention * (target.ge(0) & target.lt(torch.tensor([height, width]))).all(-1, keepdim=True)
    y = torch.einsum("hpq,qc,hco->op", attention, tokens, _taps(weight, *shift.T))
    return (y + bias[:, None]).reshape(c_out, height, width)


def _layer_mistakes(x: Tensor, weight: Tensor, bias: Tensor, alpha: float) -> dict[str, Tensor]:
    """Name of a mistake -> what the layer gives with it."""
    c_out, c_in, kernel_size, _ = weight.shape
    reach, heads = kernel_size // 2, kernel_size**2
    layer = partial(_soft_layer, x, weight, bias)
    want = layer(alpha)
    without_bias = want - bias[:, None, None]
    edge_repeated = F.pad(x[None], [reach] * 4, mode="replicate")[0].flatten(1).T
    mistakes = {
        "kernel flipped": _soft_layer(x, weight.flip(2, 3), bias, alpha),
        "rows and columns of the shift swapped": _soft_layer(x, weight.transpose(2, 3), bias, alpha),
        "bias added once per head": want + (heads - 1) * bias[:, None, None],
        "bias forgotten": without_bias,
        "heads averaged, not summed": without_bias / heads + bias[:, None, None],
        "softmax over the queries, not over the keys": layer(alpha, over="queries"),
        "softmax over the heads, not over the keys": layer(alpha, over="heads"),
        "no ring of zero pixels among the keys, so that a head past the edge reads the edge": layer(alpha, ring=0),
        "the ring repeats the edge, it must be zero": layer(alpha, tokens=edge_repeated),
        "output tokens (N, C_out) reshaped, not transposed, to (C_out, H, W)": want.flatten(1).T.reshape(want.shape),
        "the ringed x reshaped, not transposed, to tokens (N_keys, C_in)": layer(
            alpha, tokens=F.pad(x, [reach] * 4).reshape(-1, c_in)
        ),
        "x reshaped, not transposed, to tokens (N, C_in)": _soft_layer(
            x.reshape(-1, c_in).T.reshape(x.shape), weight, bias, alpha
        ),
    }
    if alpha != ONE_HOT:
        mistakes |= {
            "alpha not used, this is the convolution itself": layer(ONE_HOT),
            "logits divided by √3 (alpha is the whole scale here)": layer(alpha / 3**0.5),
            "logits divided by √2 (alpha is the whole scale here)": layer(alpha / 2**0.5),
            "logits divided by √C_in (alpha is the whole scale here)": layer(alpha / c_in**0.5),
            "logits divided by √C_out (alpha is the whole scale here)": layer(alpha / c_out**0.5),
            "logits halved": layer(alpha / 2),
            "logits doubled": layer(2 * alpha),
            "‖δ - Δ‖ in place of ‖δ - Δ‖²": layer(alpha, power=0.5),
            "weights masked after the softmax, in place of a ring of zero pixels": layer(alpha, ring=0, masked=True),
        } | {
            f"a ring of {ring} zero pixels, not of K // 2 = {reach}": layer(alpha, ring=ring)
            for ring in (1, 2, 3)
            if ring != reach
        }
    # Where a mistake makes no difference it explains nothing.
    return {mistake: y for mistake, y in mistakes.items() if not torch.allclose(y, want)}


# --- 4: how sharp ----------------------------------------------------------------------------


@core.check
def sharp_enough_bound(sharp_enough: Callable[..., Any]) -> None:
    """The closed form, for kernels with one output channel."""
    name, gen = "sharp_enough", core.generator("sharp-enough-bound")
    for c_in, kernel_size, x_max, tolerance in [(3, 5, 5.0, 1e-6), (1, 3, 3.0, 1e-3)]:
        weight = torch.randn(1, c_in, kernel_size, kernel_size, dtype=torch.float64, generator=gen)
        alpha = _expect_sharpness(name, sharp_enough, weight, x_max, tolerance)
    error = _measured_error(weight, x_max, alpha)
    core.passed(name, f"alpha {alpha:.4f} for tolerance {tolerance}, error measured {error:.1e}")


@core.check
def sharp_enough_norm(sharp_enough: Callable[..., Any]) -> None:
    """Several outputs, where the worst one counts; and the cases in which any alpha will do."""
    name, gen = "sharp_enough", core.generator("sharp-enough-norm")
    for c_out, c_in in [(4, 2), (2, 5)]:
        weight = torch.randn(c_out, c_in, 3, 3, dtype=torch.float64, generator=gen)
        weight[core.pick(gen, range(c_out))] *= 3  # one output is clearly the worst, and not always the last
        alpha = _expect_sharpness(name, sharp_enough, weight, 1.0, 1e-4)
    _expect_sharpness(name, sharp_enough, weight, 1.0, 1e6)
    _expect_sharpness(name, sharp_enough, torch.zeros_like(weight), 1.0, 1e-4)
    error = _measured_error(weight, 1.0, alpha)
    core.passed(name, f"alpha {alpha:.4f} for the worst of two outputs, error measured {error:.1e} of 1.0e-04")


def _expect_sharpness(
    name: str, sharp_enough: Callable[..., Any], weight: Tensor, x_max: float, tolerance: float
) -> float:
    """Compare one answer with the closed form, which is returned."""
    kernel = f"{'a' if weight.any() else 'an all-zero'} weight {tuple(weight.shape)}"
    case = f"{name}, {kernel}, x_max {x_max}, tolerance {tolerance}"
    magnitudes = weight.abs()
    norm = magnitudes.sum((1, 2, 3)).max().item()

    def closed_form(bound_at_zero: float) -> float:
        return math.log(bound_at_zero / tolerance) if bound_at_zero > 0 else -math.inf

    want = max(closed_form(8 * norm * x_max), 0.0)
    got = core.expect_number(case, core.call(name if weight.any() else case, sharp_enough, weight, x_max, tolerance))

    mistaken = {
        "alpha below 0, take 0 there": closed_form(8 * norm * x_max),
        "log10 in place of the natural logarithm": want / math.log(10),
        "log2 in place of the natural logarithm": want / math.log(2),
        "the fraction upside down": -want,
        "d = 2 forgotten": closed_form(4 * norm * x_max),
        "the factor 4 forgotten": closed_form(2 * norm * x_max),
        "the factor 4d = 8 forgotten": closed_form(norm * x_max),
        "x_max forgotten": closed_form(8 * norm),
    } | {
        mistake: closed_form(8 * float(value) * x_max)
        for mistake, value in {
            "absolute values taken after the sum, so that signs cancel": weight.sum((1, 2, 3)).abs().max(),
            "absolute values forgotten, so that signs cancel": weight.sum((1, 2, 3)).max(),
            "the sum over all outputs, not the largest one": magnitudes.sum(),
            "the mean over the outputs, not the largest one": magnitudes.sum((1, 2, 3)).mean(),
            "the first output, not the largest one": magnitudes[0].sum(),
            "the sum over the taps alone, the input channels add up too": magnitudes.sum((2, 3)).max(),
            "one sum for each input channel, not for each output channel": magnitudes.sum((0, 2, 3)).max(),
            "the largest |W|, not a sum": magnitudes.max(),
            "the root of the sum of squares in place of Σ|W|": weight.square().sum((1, 2, 3)).sqrt().max(),
        }.items()
    }
    # What the mistake costs, as the bound at the alpha it gives.
    explained = {
        f"{mistake} (at your alpha the bound is {8 * norm * x_max * math.exp(-alpha):.2g}, not {tolerance:g})"
        if alpha > 0
        else mistake: torch.tensor(alpha, dtype=torch.float64)
        for mistake, alpha in mistaken.items()
    }
    core.compare(case, got, want, explained, atol=1e-6, rtol=0)
    return want


def _measured_error(weight: Tensor, x_max: float, alpha: float) -> float:
    """The largest difference between attention and convolution on an image of ±x_max."""
    signs = torch.randint(2, (weight.shape[1], 6, 7), generator=core.generator("sharp-enough-image"))
    x = x_max * (2.0 * signs.double() - 1)
    bias = torch.zeros(weight.shape[0], dtype=torch.float64)
    return (_soft_layer(x, weight, bias, alpha) - F.conv2d(x, weight, padding="same")).abs().max().item()


# --- 5: what content cannot see --------------------------------------------------------------

BOX = [[1, 1, 1], [1, 1, 1], [1, 1, 1]]
LAPLACE = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
SOBEL = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
CENTRE = [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


@core.check
def counter_example_one_channel(counter_example: Callable[..., Any]) -> None:
    """A counter-example for one-channel 3×3 kernels: each lone tap, symmetric ones, sums of 0, a random one."""
    name, gen = "counter_example", core.generator("counter-example-one-channel")
    drawn = core.integers(gen, 1, 1, 3, 3)
    lone_taps = [_lone_tap((1, 1, 3, 3), (0, 0, i, j)) for i in range(3) for j in range(3) if (i, j) != (1, 1)]
    weights = [*lone_taps, _kernel(BOX), _kernel(LAPLACE), _kernel(SOBEL), drawn]
    for weight in weights:
        _expect_counter_example(name, counter_example, weight)
    core.passed(name, f"{len(weights)} kernels of one channel, the last one {core.numbers(drawn)}")


@core.check
def counter_example_channels(counter_example: Callable[..., Any]) -> None:
    """A counter-example where channels cancel, where one output alone looks around, where the tap is far."""
    name, gen = "counter_example", core.generator("counter-example-channels")
    around = core.integers(gen, 1, 1, 3, 3)
    weights = [
        core.integers(gen, 2, 3, 3, 3),
        torch.cat([around, -around], dim=1),
        torch.cat([_kernel(CENTRE), around], dim=0),
        _lone_tap((2, 3, 5, 5), (1, 2, *core.pick(gen, [(0, 3), (3, 0), (4, 1), (1, 4)]))),
        _lone_tap((2, 3, 5, 5), (0, 1, 2, core.pick(gen, [0, 4]))),
        _lone_tap((1, 1, 7, 7), (0, 0, core.pick(gen, [0, 6]), core.pick(gen, [0, 6]))),
    ]
    for weight in weights:
        _expect_counter_example(name, counter_example, weight)
    core.passed(name, f"{len(weights)} kernels with more channels or farther taps, one ± {core.numbers(around)}")


@core.check
def counter_example_none(counter_example: Callable[..., Any]) -> None:
    """None where no counter-example exists, and only there."""
    name, gen = "counter_example", core.generator("counter-example-none")
    centre = core.integers(gen, 3, 2)
    only_centre = torch.zeros(3, 2, 5, 5, dtype=torch.float64)
    only_centre[:, :, 2, 2] = centre
    for weight in [_kernel(CENTRE), 0 * _kernel(CENTRE), only_centre, core.integers(gen, 2, 2, 1, 1)]:
        if core.call(name, counter_example, weight) is not None:
            core.fail(
                f"{name}, {_in_words(weight)}",
                "expected None, no image has such a pair for this kernel: what does its output at p depend on?",
            )
    around = core.integers(gen, 1, 1, 3, 3)
    looking = [
        _kernel(BOX),
        _kernel(LAPLACE),
        _kernel(SOBEL),
        _lone_tap((1, 1, 3, 3), (0, 0, 2, 2)),
        torch.cat([around, -around], dim=1),
        torch.cat([_kernel(CENTRE), around], dim=0),
    ]
    for weight in looking:
        if core.call(name, counter_example, weight) is None:
            _fail_none(name, weight)
    core.passed(name, f"None for a centre tap alone, even with several channels {core.numbers(centre)}")


def _expect_counter_example(name: str, counter_example: Callable[..., Any], weight: Tensor) -> None:
    """Fail unless the answer is an image with two inner pixels of equal content and unequal convolution."""
    got = core.call(name, counter_example, weight)
    if got is None:
        _fail_none(name, weight)
    case = f"{name}, {_in_words(weight)}"
    if not isinstance(got, (tuple, list)) or len(got) != 3:
        core.fail(case, f"expected three values (x, p, q), or None, got {core.describe(got)}")
    x = _image(case, got[0], channels=weight.shape[1])
    reach = weight.shape[-1] // 2
    p, q = (_inner_pixel(case, letter, pixel, x, reach) for letter, pixel in zip("pq", got[1:]))
    if p == q:
        core.fail(case, f"p and q are the same pixel {p}")
    if not x[:, *p].equal(x[:, *q]):
        core.fail(
            case,
            f"p and q differ in content, {core.numbers(x[:, *p])} and {core.numbers(x[:, *q])}: "
            "attention may tell them apart too",
        )
    if not _differ(x, weight, p, q):
        value = core.numbers(F.conv2d(x, weight, padding="same")[:, *p])
        core.fail(case, f"the convolution gives {value} at p and at q alike{_why_alike(x, weight, p, q)}")


def _fail_none(name: str, weight: Tensor) -> NoReturn:
    """None where there is a counter-example. The reason is left to the learner."""
    core.fail(
        f"{name}, {_in_words(weight)}",
        "got None, but this kernel has a counter-example: look at its taps one by one",
    )


def _image(case: str, got: Any, channels: int) -> Tensor:
    """`got` as a float64 image (C_in, H, W) of one-digit integers, or CheckFailed."""
    x = core.expect_tensor(case, got)
    if x.dim() != 3 or len(x) != channels:
        core.fail(case, f"expected x of shape ({channels}, H, W), got {tuple(x.shape)}")
    if max(x.shape[1:]) > 64:
        core.fail(case, f"expected an image of at most 64 × 64 pixels, got {x.shape[1]} × {x.shape[2]}")
    x = x.to(torch.float64)
    odd = ~((x == x.round()) & (x.abs() <= 9))
    if odd.any():
        core.fail(case, f"expected x to hold integers from -9 to 9, got {core.number(x[odd][0])}")
    return x


def _inner_pixel(case: str, letter: str, got: Any, x: Tensor, reach: int) -> tuple[int, int]:
    """`got` as a pixel (row, column) at least `reach` from the border, or CheckFailed."""
    try:
        row, column = map(operator.index, got)
    except (TypeError, ValueError):
        core.fail(case, f"expected {letter} as two integers (row, column), got {core.one_line(repr(got), 60)}")
    _, height, width = x.shape
    if not (reach <= row < height - reach and reach <= column < width - reach):
        core.fail(
            case,
            f"{letter} = {(row, column)} is not an inner pixel of the {height} × {width} image: "
            f"its window must stay inside, so keep K // 2 = {reach} away from every edge",
        )
    return row, column


def _differ(x: Tensor, weight: Tensor, p: tuple[int, int], q: tuple[int, int]) -> bool:
    y = F.conv2d(x, weight, padding="same")
    return not y[:, *p].equal(y[:, *q])


def _why_alike(x: Tensor, weight: Tensor, p: tuple[int, int], q: tuple[int, int]) -> str:
    """`: reason` why the convolution does not tell p from q, as far as it can be told."""
    reach = weight.shape[-1] // 2
    at_p, at_q = (x[:, r - reach : r + reach + 1, c - reach : c + reach + 1] for r, c in (p, q))
    if at_p.equal(at_q):
        return ": both see the same window"
    if any(_differ(x[c : c + 1], weight[:, c : c + 1], p, q) for c in range(len(x))):
        return ": the input channels cancel each other"
    if _differ(x, weight.flip(2, 3), p, q):
        return ": is your tap mirrored? The pixel p reads x at p + δ with the tap δ"
    if _differ(x, weight.transpose(2, 3), p, q):
        return ": are rows and columns of the tap swapped?"
    return ": their windows differ only where the kernel is 0, or where its taps cancel"


def _in_words(weight: Tensor) -> str:
    """A kernel in a few words, or in full where it is small."""
    if weight.numel() <= 9:
        return f"kernel {weight[0, 0].int().tolist()}"
    taps = weight.nonzero().tolist()
    if len(taps) == 1:
        return f"weight {tuple(weight.shape)} with the one tap W{taps[0]} = {core.number(weight[*taps[0]])}"
    return f"weight {tuple(weight.shape)}"


# --- what is drawn ---------------------------------------------------------------------------


def _kernel(rows: list[list[int]]) -> Tensor:
    """A kernel of one input and one output channel: (1, 1, K, K), float64."""
    return torch.tensor(rows, dtype=torch.float64)[None, None]


def _lone_tap(shape: tuple[int, ...], place: tuple[int, ...]) -> Tensor:
    """A weight that is 4 at `place` and 0 elsewhere."""
    weight = torch.zeros(shape, dtype=torch.float64)
    weight[place] = 4
    return weight
