"""The checks of exercise 01: an image as tokens, a layer as a matrix, and the line that carries the book.

One function a check cell, in the order of the notebook. The references lean on torch alone. A
layer whose matrix is asked for is made from a matrix that was drawn first, so that no second
way of probing judges the learner's. Inputs are whole numbers in float64: right answers are exact.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from conv2attn.checks import core

EXACT = 1e-9  # whole numbers in float64 come out equal; this leaves room for a layer's own rounding
Layer = Callable[[Tensor], Tensor]


# --- 1: tokens -------------------------------------------------------------------------------


@core.check
def to_tokens_order(to_tokens: Callable[..., Any]) -> None:
    """Row iW + j of the tokens holds the channels of pixel (i, j)."""
    name, gen = "to_tokens", core.generator("to-tokens-order")
    for shape in [(2, 3, 4), (3, 4, 2), (1, 2, 3), (4, 1, 3)]:
        x = _all_different(gen, *shape)
        got = core.call(name, to_tokens, x)
        core.compare(
            f"{name}, image {shape}",
            got,
            x.flatten(1).T,
            {
                "reshape alone keeps the order of memory, so a row mixes pixels of one channel": x.reshape(-1, shape[0]),
                "one row a channel, not one row a pixel": x.flatten(1),
                "pixels counted down the columns": x.mT.flatten(1).T,
                "pixels counted down the columns, one row a channel": x.mT.flatten(1),
                "the axes are in place, rows and columns of pixels not yet joined": x.permute(1, 2, 0),
            },
            atol=0,
            rtol=0,
        )
    core.passed(name, f"{x[0].numel()} tokens of {len(x)} channels, the first {core.numbers(x[:, 0, 0])}")


@core.check
def to_tokens_back(to_image: Callable[..., Any]) -> None:
    """The image that these tokens came from, on grids that are not square."""
    name, gen = "to_image", core.generator("to-tokens-back")
    for channels, height, width in [(2, 3, 4), (3, 4, 2), (1, 3, 2), (6, 1, 5)]:
        x = _all_different(gen, channels, height, width)
        tokens = x.flatten(1).T.contiguous()
        swapped = tokens.T.reshape(channels, width, height)
        got = core.call(name, to_image, tokens, height, width)
        core.compare(
            f"{name}, {height * width} tokens of {channels} channels, height {height}, width {width}",
            got,
            x,
            {
                "reshape alone keeps the order of memory, so that channels and pixels mix": tokens.reshape(x.shape),
                "height and width swapped": swapped,
                "pixels filled in down the columns": swapped.mT,
                "channels last": x.permute(1, 2, 0),
                "channels first, but each is still one long row": x.flatten(1),
                "height and width swapped, and reshape alone": tokens.reshape(swapped.shape),
            },
            atol=0,
            rtol=0,
        )
    core.passed(name, f"back to {height} × {width} pixels, the last one {core.numbers(x[:, -1, -1])}")


# --- 2: the matrix of a layer ----------------------------------------------------------------


@core.check
def probe_matrix(probe: Callable[..., Any]) -> None:
    """The matrix of a linear layer without bias."""
    name, gen = "probe", core.generator("probe-matrix")
    for input_shape, outputs in [((4,), 3), ((2, 3), 4), ((2, 2), 4)]:
        D = core.integers(gen, outputs, math.prod(input_shape))
        _expect_matrix(name, probe, D, torch.zeros(outputs), input_shape, (outputs,))
    core.passed(name, f"{tuple(D.shape)}, first row {core.numbers(D[0])}")


@core.check
def probe_bias(probe: Callable[..., Any]) -> None:
    """The matrix of an affine layer, whose bias is no part of it."""
    name, gen = "probe", core.generator("probe-bias")
    for input_shape, outputs in [((2, 3), 6), ((5,), 3), ((3,), 1)]:
        D = core.integers(gen, outputs, math.prod(input_shape))
        bias = 10 * core.integers(gen, outputs)
        _expect_matrix(name, probe, D, bias, input_shape, (outputs,))
    core.passed(name, f"last column {core.numbers(D[:, -1])} whatever the bias, {core.numbers(bias)}")


@core.check
def probe_shapes(probe: Callable[..., Any]) -> None:
    """Inputs and outputs of any shape: images, one number, a view of the input, a convolution."""
    name, gen = "probe", core.generator("probe-shapes")
    for input_shape, output_shape in [((2, 3, 2), (3, 2, 2)), ((3, 4), ()), ((1,), (2, 3))]:
        outputs = math.prod(output_shape)
        D, bias = core.integers(gen, outputs, math.prod(input_shape)), core.integers(gen, outputs)
        _expect_matrix(name, probe, D, bias, input_shape, output_shape)

    weight, bias = core.integers(gen, 2, 3, 3, 3), core.integers(gen, 2)
    size = (3, 5, 4)
    impulses = torch.eye(60, dtype=torch.float64).reshape(60, *size)
    D = F.conv2d(impulses, weight, stride=2).flatten(1).T
    got = core.call(name, probe, _takes(size, lambda x: F.conv2d(x, weight, bias, stride=2)), size)
    mistakes = partial(_probe_mistakes, D, bias.repeat_interleave(2))
    core.compare(f"{name}, a convolution with stride 2 on {size}", got, D, mistakes)

    got = core.call(name, probe, _takes((2, 3), lambda x: x.reshape(3, 2)), (2, 3))
    view = {
        "this layer returns a view of its input, which changes with your next impulse: clone the input": torch.zeros(6, 6),
        "this layer returns a view of its input, and all your impulses are one tensor: clone the input": torch.ones(6, 6),
    }
    core.compare(f"{name}, the layer x.reshape(3, 2) on (2, 3)", got, torch.eye(6), view)
    core.passed(name, f"images, a single number, a view, and a convolution with matrix {tuple(D.shape)}")


def _expect_matrix(
    name: str, probe: Callable[..., Any], D: Tensor, bias: Tensor, input_shape: tuple[int, ...], output_shape: tuple[int, ...]
) -> None:
    """Fail unless `probe` finds the matrix D of the layer that is made from it."""
    layer = _takes(input_shape, lambda x: (D @ x.flatten() + bias).reshape(output_shape))
    got = core.call(name, probe, layer, input_shape)
    mistakes = _probe_mistakes(D, bias)
    if len(input_shape) > 1:
        columns = torch.arange(D.shape[1]).reshape(input_shape).mT.flatten()
        mistakes["the input's numbers counted down the columns"] = D[:, columns]
    if len(output_shape) > 1:
        rows = torch.arange(D.shape[0]).reshape(output_shape).mT.flatten()
        mistakes["the output's numbers counted down the columns"] = D[rows]
    case = f"{name}, a layer from {input_shape} to {output_shape}" + (" with bias" if bias.any() else "")
    core.compare(case, got, D, {mistake: table for mistake, table in mistakes.items() if not _same(table, D)})


def _probe_mistakes(D: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """Name of a mistake -> the matrix it gives."""
    left_in, left_set = bias[:, None], D.cumsum(1)
    mistakes = {
        "the bias left in: what does the layer make of zeros": D + left_in,
        "rows and columns swapped: the answer to an impulse is a column": D.T,
        "rows and columns swapped, and the bias left in": (D + left_in).T,
        "the impulses before this one are still set": left_set,
        "the impulses before this one are still set, and the bias left in": left_set + left_in,
        "impulses of -1, so that the sign is wrong": -D,
        "the answers laid one after another and cut into rows: each is a column": D.T.reshape(D.shape),
        "the last impulse forgotten": torch.cat([D[:, :-1], torch.zeros_like(left_in)], 1),
    }
    if D.shape[0] == D.shape[1]:
        mistakes["the bias taken from the columns one by one: it belongs to the outputs, one number a row"] = (
            D + left_in - bias
        )
    return mistakes if bias.any() else {mistake: table for mistake, table in mistakes.items() if "bias" not in mistake}


# --- 3: the line of the book -----------------------------------------------------------------


@core.check
def layer_as_line_one_head(layer_as_line: Callable[..., Any]) -> None:
    """One head and no bias: y = A x W, for shapes of every kind."""
    name, gen = "layer_as_line", core.generator("layer-as-line-one-head")
    for sizes in [(1, 3, 3, 2, 2), (1, 2, 4, 3, 2), (1, 4, 3, 1, 2)]:
        want = _expect_line(name, layer_as_line, gen, sizes, with_bias=False)
    core.passed(name, f"one head from 3 pixels to 4, the first {core.numbers(want[0])}")


@core.check
def layer_as_line_heads(layer_as_line: Callable[..., Any]) -> None:
    """Several heads add up."""
    name, gen = "layer_as_line", core.generator("layer-as-line-heads")
    for sizes in [(3, 4, 4, 2, 2), (2, 3, 4, 2, 3), (4, 4, 2, 3, 1)]:
        want = _expect_line(name, layer_as_line, gen, sizes, with_bias=False)
    core.passed(name, f"four heads from 2 pixels to 4, the first {core.numbers(want[0])}")


@core.check
def layer_as_line_bias(layer_as_line: Callable[..., Any]) -> None:
    """The bias is added once, to every pixel."""
    name, gen = "layer_as_line", core.generator("layer-as-line-bias")
    for sizes in [(3, 4, 4, 2, 2), (2, 3, 3, 2, 3), (1, 2, 2, 3, 2)]:
        want = _expect_line(name, layer_as_line, gen, sizes, with_bias=True)
    core.passed(name, f"the bias once to every pixel, the last one {core.numbers(want[-1])}")


def _expect_line(
    name: str, layer_as_line: Callable[..., Any], gen: torch.Generator, sizes: tuple[int, ...], with_bias: bool
) -> Tensor:
    """Fail unless the answer is the line for drawn matrices. Returns what it is."""
    heads, n_out, n_in, c_in, c_out = sizes
    x = core.integers(gen, n_in, c_in)
    A, W = core.integers(gen, heads, n_out, n_in), core.integers(gen, heads, c_in, c_out)
    bias = core.integers(gen, c_out) if with_bias else torch.zeros(c_out, dtype=torch.float64)
    got = core.call(name, layer_as_line, x, A, W, bias)

    each = A @ x @ W  # (heads, N_out, C_out)
    want = each.sum(0) + bias
    mistakes = {
        "heads averaged, not summed": each.mean(0) + bias,
        "heads not summed": each + bias,
        "the first head alone": each[0] + bias,
        "the last head alone": each[-1] + bias,
        "all A added up and all W added up before they meet": A.sum(0) @ x @ W.sum(0) + bias,
        "bias added once per head": want + (heads - 1) * bias,
        "bias forgotten": want - bias,
        "pixels and channels of y swapped": want.T,
        "A turned into weights by a softmax (it is what it is)": (A.softmax(-1) @ x @ W).sum(0) + bias,
    }
    if n_out == n_in:
        mistakes["A transposed: row p says how much p takes from each q"] = (A.mT @ x @ W).sum(0) + bias
        mistakes["A times A's transpose"] = (A @ A.mT @ x @ W).sum(0) + bias
    if c_in == c_out:
        mistakes["W transposed: x_q is a row and stands before W"] = (A @ x @ W.mT).sum(0) + bias
    case = f"{name}, {heads} head{'s' if heads > 1 else ''}, {n_in} pixels of {c_in} channels to {n_out} of {c_out}"
    core.compare(case, got, want, {k: y for k, y in mistakes.items() if not _same(y, want)}, atol=EXACT, rtol=EXACT)
    return want


# --- 4: layers without a matrix --------------------------------------------------------------


@core.check
def breaks_additivity_everywhere(breaks_additivity: Callable[..., Any]) -> None:
    """Layers that are not linear at any of their pixels."""
    name, gen = "breaks_additivity", core.generator("breaks-additivity-everywhere")
    weight, bias = core.integers(gen, 2, 1, 3, 3), core.integers(gen, 2)
    layers: dict[str, tuple[tuple[int, ...], Layer]] = {
        "ReLU": ((3, 4), F.relu),
        "the absolute value": ((2, 5), torch.abs),
        "the square": ((4,), torch.square),
        "leaky ReLU": ((2, 2, 3), lambda x: F.leaky_relu(x, 0.5)),
        "2×2 max-pooling": ((2, 4, 6), lambda x: F.max_pool2d(x, 2)),
        "softmax": ((2, 4), lambda x: x.softmax(-1)),
        "standardising each row": ((3, 4), lambda x: (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True) + 1).sqrt()),
        "clamping to -12 … 12": ((6, 8), lambda x: x.clamp(-12, 12)),
        "sorting": ((9,), lambda x: x.sort().values),
        "a convolution with bias": ((1, 4, 5), lambda x: F.conv2d(x, weight, bias)),
    }
    for what, (shape, layer) in layers.items():
        _expect_break(name, breaks_additivity, what, shape, layer)
    core.passed(name, f"{len(layers)} layers shown not to be linear, the last one with bias {core.numbers(bias)}")


@core.check
def breaks_additivity_hidden(breaks_additivity: Callable[..., Any]) -> None:
    """Layers that are linear but for one pixel, or one pair of pixels, or far from zero."""
    name, gen = "breaks_additivity", core.generator("breaks-additivity-hidden")
    shape = (3, 4)
    i, j = torch.randperm(12, generator=gen)[:2].tolist()
    here = F.one_hot(torch.tensor(i), 12).double().reshape(shape)
    D = core.integers(gen, 12, 12)

    def elsewhere(x: Tensor) -> Tensor:
        """A linear layer to which something is added."""
        return (D @ x.flatten()).reshape(x.shape)

    layers: dict[str, Layer] = {
        "ReLU at one pixel": lambda x: torch.where(here > 0, F.relu(x), x),
        "the absolute value of one pixel, added to a linear layer": lambda x: elsewhere(x) + here * x.abs(),
        "clamping one pixel to -12 … 12": lambda x: torch.where(here > 0, x.clamp(-12, 12), x),
        "numbers from -5 to 5 set to 0 at one pixel": lambda x: torch.where((here > 0) & (x.abs() <= 5), 0, x),
        "the product of two pixels": lambda x: x.flatten()[i] * x.flatten()[j],
        "the larger of two pixels": lambda x: torch.maximum(x.flatten()[i], x.flatten()[j]),
        "a bias at one output": lambda x: elsewhere(x) + 0.5 * here,
    }
    for what, layer in layers.items():
        _expect_break(name, breaks_additivity, what, shape, layer)
    core.passed(name, f"{len(layers)} layers that are linear almost everywhere, pixels {i} and {j} apart")


@core.check
def breaks_additivity_none(breaks_additivity: Callable[..., Any]) -> None:
    """None for linear layers, rounding or not, and for no others."""
    name, gen = "breaks_additivity", core.generator("breaks-additivity-none")
    weight = core.integers(gen, 2, 1, 3, 3)
    thirds = torch.randn(7, 12, dtype=torch.float64, generator=gen) / 3
    linear: dict[str, tuple[tuple[int, ...], Layer]] = {
        "a convolution without bias": ((1, 4, 5), lambda x: F.conv2d(x, weight, padding=1)),
        "3×3 average-pooling": ((2, 6, 6), lambda x: F.avg_pool2d(x, 3)),
        "a mirror": ((3, 4), lambda x: x.flip(-1)),
        "a running sum": ((3, 4), lambda x: x.cumsum(-1)),
        "taking the mean of each row away": ((3, 7), lambda x: x - x.mean(-1, keepdim=True)),
        "a fully connected layer without bias": ((3, 4), lambda x: thirds @ x.flatten()),
        "the layer that always gives 0": ((2, 3), torch.zeros_like),
    }
    for what, (shape, layer) in linear.items():
        got = core.call(name, breaks_additivity, _takes(shape, layer), shape)
        if got is None:
            continue
        case = f"{name}, {what} on {shape}"
        u, v = _two_inputs(case, got, shape)
        distance = _distance(layer, u, v)
        found = f"differ by {distance:.0e}: is that rounding?" if distance else "are equal for your u and v"
        core.fail(case, f"expected None, this layer is linear: layer(u + v) and layer(u) + layer(v) {found}")
    others: dict[str, Layer] = {"ReLU": F.relu, "adding 1": lambda x: x + 1, "the square": torch.square}
    for what, layer in others.items():
        _expect_break(name, breaks_additivity, what, (3, 4), layer)
    core.passed(name, f"None for {len(linear)} linear layers, one with the kernel {core.numbers(weight[0])}")


def _expect_break(name: str, breaks_additivity: Callable[..., Any], what: str, shape: tuple[int, ...], layer: Layer) -> None:
    """Fail unless the answer is a pair for which the layer of a sum is not the sum of the layers."""
    got = core.call(name, breaks_additivity, _takes(shape, layer), shape)
    case = f"{name}, {what} on {shape}"
    if got is None:
        core.fail(case, "got None, but this layer is not linear" + _why_unbroken(layer, shape))
    u, v = _two_inputs(case, got, shape)
    if _distance(layer, u, v) <= 0.01:
        core.fail(case, "layer(u + v) equals layer(u) + layer(v) for your u and v" + _why_unbroken(layer, shape, u, v))


def _why_unbroken(layer: Layer, shape: tuple[int, ...], u: Tensor | None = None, v: Tensor | None = None) -> str:
    """`: hint` on what kind of pair does not break this layer, as far as it can be told."""
    if u is not None and v is not None:
        if u.equal(v):
            return ": you took the same input twice, which tests f(2u) = 2 f(u) alone"
        if u.equal(-v):
            return ": you took v = -u, which tests f(0) = f(u) + f(-u) alone"
        if not u.any() or not v.any():
            return ": one of them is all zeros"
        return ""
    gen = core.generator("why-unbroken")
    pairs = torch.randint(1, 10, (50, 2, *shape), generator=gen).double()
    small = torch.randint(-1, 2, (50, 2, *shape), generator=gen).double()
    zero = layer(torch.zeros(shape, dtype=torch.float64))
    if zero.any() and max(_distance(lambda x: layer(x) - zero, *pair) for pair in pairs) <= 0.01:
        return ": it is affine, and its bias is in layer(u + v) once and in the sum twice"
    mixed = torch.randint(-9, 10, (50, 2, *shape), generator=gen).double()
    if max(float((layer(u + v) - layer(u) - layer(v)).max()) for u, v in mixed) <= 0.01:
        return ": did you try numbers of both signs, and often enough? The difference is below 0 here: did you take .abs()?"
    if max(_distance(layer, *pair) for pair in pairs) <= 0.01:
        return ": did you try numbers of both signs, and often enough?"
    if max(_distance(layer, *pair) for pair in small) <= 0.01:
        return ": did you try large numbers too, and often enough?"
    return ": did you try often enough?"


def _two_inputs(case: str, got: Any, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """`got` as (u, v), two inputs of whole numbers from -9 to 9, or CheckFailed."""
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        core.fail(case, f"expected two tensors (u, v), or None, got {core.describe(got)}")
    pair = []
    for letter, value in zip("uv", got):
        core.expect_shape(f"{case}, {letter}", value, shape)
        value = value.detach().double()
        odd = ~((value == value.round()) & (value.abs() <= 9))
        if odd.any():
            core.fail(case, f"expected {letter} to hold whole numbers from -9 to 9, got {core.number(value[odd][0])}")
        pair.append(value)
    return pair[0], pair[1]


def _distance(layer: Layer, u: Tensor, v: Tensor) -> float:
    """How far the layer of a sum is from the sum of the layers."""
    return float((layer(u + v) - layer(u) - layer(v)).abs().max())


# --- 5: how many heads -----------------------------------------------------------------------


@core.check
def heads_needed_sums(heads_needed: Callable[..., Any]) -> None:
    """Layers that are the sum of a few heads, of which some may be spared."""
    name, gen = "heads_needed", core.generator("heads-needed-sums")
    # One head that takes one pixel each: here every mistake gives a number of its own.
    taken = torch.zeros(1, 5, 6, dtype=torch.float64)
    taken[0, range(5), [4, 0, 5, 1, 2]] = torch.tensor([1.0, 2, 1, 2, 3], dtype=torch.float64)
    _expect_heads(name, heads_needed, "one head", _line(taken, core.integers(gen, 1, 4, 3)), 4, 3)
    for heads, n_out, n_in, c_in, c_out in [(1, 4, 4, 2, 2), (2, 3, 5, 3, 2), (3, 5, 4, 2, 3), (4, 6, 5, 3, 2)]:
        A, W = core.integers(gen, heads, n_out, n_in), core.integers(gen, heads, c_in, c_out)
        _expect_heads(name, heads_needed, f"a sum of {heads}", _line(A, W), c_in, c_out)
    A, W = core.integers(gen, 4, 5, 4), core.integers(gen, 4, 2, 3)
    W[3] = W[0] + 2 * W[1]  # one head can be shared out among the others
    want = _expect_heads(name, heads_needed, "a sum of 4 whose W are dependent", _line(A, W), 2, 3)
    _expect_heads(name, heads_needed, "the same, divided by 21", _line(A / 7, W / 3), 2, 3, rounded=True)
    core.passed(name, f"sums of 1 to 4 heads, {want} of 4 where the last W is {core.numbers(W[3])}")


@core.check
def heads_needed_layers(heads_needed: Callable[..., Any]) -> None:
    """Layers that you know: the identity, a scrambling, convolutions, a fully connected layer, nothing."""
    name, gen = "heads_needed", core.generator("heads-needed-layers")
    scramble = torch.eye(6, dtype=torch.float64)[torch.tensor([2, 0, 1, 4, 5, 3])]
    conv = core.integers(gen, 4, 3, 3, 3)
    depthwise = torch.zeros(3, 3, 3, 3, dtype=torch.float64)
    depthwise[range(3), range(3)] = core.integers(gen, 3, 3, 3)
    layers = {
        "the identity": (torch.eye(8, dtype=torch.float64), 2, 2),
        "a scrambling of 6 pixels": (_line(scramble[None], torch.eye(3, dtype=torch.float64)[None]), 3, 3),
        "a layer of zeros": (torch.zeros(6, 8, dtype=torch.float64), 2, 3),
        "one channel": (core.integers(gen, 5, 4), 1, 1),
        "a 1×1 convolution": (_conv_matrix(core.integers(gen, 2, 3, 1, 1), (2, 3)), 3, 2),
        "a 3×3 convolution from 3 channels to 4": (_conv_matrix(conv, (4, 3)), 3, 4),
        "a 3×3 convolution from 2 channels to 2": (_conv_matrix(core.integers(gen, 2, 2, 3, 3), (3, 4)), 2, 2),
        "a 3×3 convolution with 3 groups": (_conv_matrix(depthwise, (4, 3)), 3, 3),
        "a fully connected layer": (core.integers(gen, 4 * 2, 5 * 3), 3, 2),
        "a fully connected layer of 2 pixels": (core.integers(gen, 2 * 3, 2 * 3), 3, 3),
    }
    found = [_expect_heads(name, heads_needed, what, *layer) for what, layer in layers.items()]
    core.passed(name, f"{found} heads, the kernel's first row {core.numbers(conv[0, 0, 0])}")


def _expect_heads(
    name: str,
    heads_needed: Callable[..., Any],
    what: str,
    D: Tensor,
    in_channels: int,
    out_channels: int,
    rounded: bool = False,
) -> int:
    """Fail unless the answer is the rank of the rearranged matrix, which is returned."""
    n_out, n_in = D.shape[0] // out_channels, D.shape[1] // in_channels
    pairs, channel_pairs = n_out * n_in, in_channels * out_channels
    blocks = _rearranged(D, (n_out, out_channels, n_in, in_channels), (0, 2))  # a row for each pair of pixels
    want = _rank(blocks)
    got = core.call(name, heads_needed, D, in_channels, out_channels)

    mistakes = {
        "D read channel by channel; tokens lie pixel by pixel": _rank(
            _rearranged(D, (out_channels, n_out, in_channels, n_in), (1, 3))
        ),
        "D reshaped to pairs of pixels × pairs of channels, but its axes not moved first": _rank(D.reshape(pairs, -1)),
        "each side still holds pixels with channels, as D does; sort them to pairs of pixels × pairs of channels": _rank(D),
        "one head for each pair of channels; fewer may do": channel_pairs,
        "one head for each pair of pixels; fewer may do": pairs,
        "one head for each pair of pixels that meet; pairs with the same block share one": int(blocks.any(1).sum()),
        "one head for each different block; a block may be a sum of others": len(blocks[blocks.any(1)].unique(dim=0)),
        "at least one head, but this layer is zero and needs none": 1,
        "singular values counted that are only rounding": int((torch.linalg.svdvals(blocks) > 0).sum()),
    }
    if D.shape[0] % in_channels == D.shape[1] % out_channels == 0:
        sizes = (D.shape[0] // in_channels, in_channels, D.shape[1] // out_channels, out_channels)
        mistakes["input and output channels swapped"] = _rank(_rearranged(D, sizes, (0, 2)))
    counts = list(mistakes.values())  # a number that two mistakes give names neither
    explained = {k: torch.tensor(float(heads)) for k, heads in mistakes.items() if heads != want and counts.count(heads) == 1}
    if rounded:
        explained = {"singular values counted that are only rounding": torch.tensor(min(pairs, channel_pairs))} | explained
    case = f"{name}, {what}, matrix {tuple(D.shape)}, {in_channels} channels to {out_channels}"
    core.compare(case, core.expect_number(case, got), want, explained, atol=0, rtol=0)
    return want


def _rearranged(D: Tensor, sizes: tuple[int, ...], pixels: tuple[int, int]) -> Tensor:
    """D cut into axes of these sizes, its two axes `pixels` joined to rows and the others to columns."""
    others = [axis for axis in range(4) if axis not in pixels]
    return D.reshape(sizes).permute(*pixels, *others).reshape(sizes[pixels[0]] * sizes[pixels[1]], -1)


def _rank(table: Tensor) -> int:
    return int(torch.linalg.matrix_rank(table))


def _line(A: Tensor, W: Tensor) -> Tensor:
    """The matrix of x -> Σ_h A[h] x W[h] on flattened tokens: rows (p, o), columns (q, c)."""
    D = torch.einsum("hpq,hco->poqc", A, W)
    return D.reshape(D.shape[0] * D.shape[1], -1)


def _conv_matrix(weight: Tensor, size: tuple[int, int]) -> Tensor:
    """The matrix of a convolution with padding "same" on flattened tokens."""
    out_channels, in_channels = weight.shape[:2]
    pixels = math.prod(size)
    impulses = torch.eye(pixels * in_channels, dtype=torch.float64).reshape(-1, pixels, in_channels)
    y = F.conv2d(impulses.mT.reshape(-1, in_channels, *size), weight, padding="same")
    return y.flatten(2).mT.reshape(-1, pixels * out_channels).T


# --- what is drawn ---------------------------------------------------------------------------


def _all_different(gen: torch.Generator, *shape: int) -> Tensor:
    """The whole numbers from 1 on, shuffled: no two values can be mistaken for each other."""
    return (torch.randperm(math.prod(shape), generator=gen) + 1.0).double().reshape(shape)


def _takes(shape: tuple[int, ...], function: Layer) -> Layer:
    """`function` for one input of this shape; any other is answered by an error that says so."""

    def layer(x: Tensor) -> Tensor:
        if tuple(x.shape) != shape:
            raise ValueError(f"this layer takes one input of shape {shape}, no batch, got shape {tuple(x.shape)}")
        return function(x.double())

    return layer


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a.double(), b.double(), EXACT, EXACT)
