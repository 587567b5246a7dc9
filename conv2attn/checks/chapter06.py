"""The checks of exercise 06: heads, the order of tokens, and positions.

One function a check cell, in the order of the notebook. The references lean on torch alone. Whether an
encoding can point at a tap is known from the way the encoding is made, so no solver judges another.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conv2attn.checks import core

EXACT = 1e-9  # float64, with room for other orders of rounding
MINDS = 0.01  # what counts as a difference between two orders; anything less is rounding
MASS = 0.99  # the weight that a pointing vector gives to its tap

Layer = Callable[[Tensor], Tensor]


# --- 1: split and merge ----------------------------------------------------------------------


@core.check
def split_heads_values(split_heads: Callable[..., Any]) -> None:
    """Head h holds the h-th piece of every token's channels, with any number of axes in front."""
    name, gen = "split_heads", core.generator("split-heads-values")
    batch = core.pick(gen, [2, 5])
    for shape, num_heads in [((3, 8), 2), ((batch, 4, 6), 3), ((2, batch, 3, 5), 1), ((4, 3), 3)]:
        x = _all_different(gen, *shape)
        got = core.call(name, split_heads, x, num_heads)

        *front, tokens, channels = shape
        head_dim = channels // num_heads
        cut = x.reshape(*front, tokens, num_heads, head_dim)
        want = cut.transpose(-3, -2)
        dealt = x.reshape(*front, tokens, head_dim, num_heads)
        core.compare(
            f"{name}, x {shape}, {num_heads} heads",
            got,
            want,
            {
                "reshape cuts through the tokens: cut the channels, then exchange tokens and heads": x.reshape(want.shape),
                "the tokens' axis is still before the heads'": cut,
                "axes in front: count the axes from the end, the heads stand third from there": cut.movedim(-2, 0),
                "axes in front: exchange the axes -3 and -2, not 0 and 1": cut.transpose(0, 1),
                "channels dealt out one by one (head 0 gets the first D channels)": dealt.movedim(-1, -3),
                "heads in reverse order": want.flip(-3),
                "tokens and channels of a head exchanged": want.mT,
                "D heads of num_heads channels, not num_heads heads of D": dealt.transpose(-3, -2),
            },
            atol=0,
            rtol=0,
        )
        core.expect_dtype(name, got, x.dtype)
        if shape == (3, 8):
            first = want[1, 0]
    core.passed(name, f"the first token's piece for head 1 of 2 is {core.numbers(first)}")


@core.check
def split_heads_merge(merge_heads: Callable[..., Any]) -> None:
    """Merging puts the heads' channels side by side, head 0 first."""
    name, gen = "merge_heads", core.generator("split-heads-merge")
    batch = core.pick(gen, [3, 5])
    for shape in [(2, 3, 4), (batch, 3, 4, 2), (2, batch, 1, 3, 2)]:
        heads = _all_different(gen, *shape)
        got = core.call(name, merge_heads, heads)

        *front, num_heads, tokens, head_dim = shape
        want = heads.transpose(-3, -2).flatten(-2)
        core.compare(
            f"{name}, heads {shape}",
            got,
            want,
            {
                "reshape alone puts several tokens of one head into a row: exchange heads and tokens first": heads.reshape(
                    *front, tokens, num_heads * head_dim
                ),
                "channels taken in turn from each head": heads.movedim(-3, -1).flatten(-2),
                "tokens and D in one row: exchange heads and tokens first, so that heads and D stand last": heads.flatten(-2),
                "heads in reverse order": heads.flip(-3).transpose(-3, -2).flatten(-2),
                "the heads put below each other, not side by side": heads.flatten(-3, -2),
                "the heads added up, not put side by side": heads.sum(-3),
                "the heads averaged, not put side by side": heads.mean(-3),
            },
            atol=0,
            rtol=0,
        )
        core.expect_dtype(name, got, heads.dtype)
        if shape == (2, 3, 4):
            first = want[0]
    core.passed(name, f"the first token has {core.numbers(first)}")


@core.check
def split_heads_uneven(split_heads: Callable[..., Any]) -> None:
    """A number of heads that does not divide the channels is refused with a ValueError, and only such a one."""
    name, gen = "split_heads", core.generator("split-heads-uneven")

    def attempt(x: Tensor, num_heads: int) -> Any:
        """What the function returns, or the error that it raises."""
        try:
            return split_heads(x, num_heads)
        except NotImplementedError:
            raise
        except Exception as error:
            return error

    # Twelve tokens: here the numbers can be dealt to the heads by a reshape, and must not.
    cases = [((12, 6), 4), ((2, 12, 10), 3), ((3, 4), 8), ((12, 9), 2)]
    for shape, num_heads in cases:
        x = core.integers(gen, *shape)
        got = core.call(name, attempt, x, num_heads)
        case = f"{name}, {shape[-1]} channels, {num_heads} heads"
        if isinstance(got, ValueError):
            continue
        if isinstance(got, Exception):
            core.fail(case, f"expected a ValueError, got {type(got).__name__}: test it yourself, before you cut")
        core.fail(case, f"expected a ValueError, {num_heads} does not divide {shape[-1]}; got {core.describe(got)}")
    got = core.call(name, attempt, core.integers(gen, 12, 8), 4)
    if isinstance(got, Exception):
        core.fail(name, f"4 heads divide 8 channels, and yet your code raises {type(got).__name__}: {got}")
    core.expect_tensor(name, got)
    refused = ", ".join(f"{num_heads} heads of {shape[-1]}" for shape, num_heads in cases)
    core.passed(name, f"refused: {refused} channels")


# --- 2: many heads ---------------------------------------------------------------------------


@core.check
def multi_head_weights(multi_head: Callable[..., Any]) -> None:
    """The weights of each head, where head, key, value and output widths all differ."""
    name, gen = "multi_head", core.generator("multi-head-weights")
    for sizes in [(5, 4, 2, 3, 2, 7), (4, 3, 3, 2, 5, 2)]:
        x, *maps, num_heads = _attention_case(gen, *sizes)
        _, A = _output_and_weights(name, core.call(name, multi_head, x, *maps, num_heads))
        _, want = _multi_head(x, *maps, num_heads)
        core.compare(f"{name}, {_sizes(sizes)}, A", A, want, partial(_weight_mistakes, x, *maps, num_heads))
    core.passed(name, f"head 1 weighs its tokens for the first one by {core.numbers(want[1, 0])}")


@core.check
def multi_head_output(multi_head: Callable[..., Any]) -> None:
    """The output, where head, key, value and output widths all differ, and a case where half of them agree."""
    name, gen = "multi_head", core.generator("multi-head-output")
    for sizes in [(4, 5, 3, 2, 4, 3), (5, 6, 2, 3, 3, 6), (3, 4, 1, 2, 3, 5)]:
        x, *maps, num_heads = _attention_case(gen, *sizes)
        y, _ = _output_and_weights(name, core.call(name, multi_head, x, *maps, num_heads))
        want, _ = _multi_head(x, *maps, num_heads)
        core.compare(f"{name}, {_sizes(sizes)}, y", y, want, partial(_output_mistakes, x, *maps, num_heads))
    core.passed(name, f"the first token becomes {core.numbers(want[0])}")


@core.check
def multi_head_batch(multi_head: Callable[..., Any]) -> None:
    """A batch, compared with nn.MultiheadAttention; and two axes in front."""
    name, gen = "multi_head", core.generator("multi-head-batch")
    x, *maps, num_heads = _attention_case(gen, 5, 6, 3, 2, 2, 6)
    x = torch.randn(4, 5, 6, generator=gen, dtype=torch.float64)
    with torch.no_grad():
        torchs = nn.MultiheadAttention(6, num_heads, bias=False, batch_first=True, dtype=torch.float64)
        torchs.in_proj_weight.copy_(torch.cat([W.T for W in maps[:3]]))
        torchs.out_proj.weight.copy_(maps[3].T)
        want, want_A = torchs(x, x, x, average_attn_weights=False)

    y, A = _output_and_weights(name, core.call(name, multi_head, x, *maps, num_heads))
    case = f"{name}, a batch of 4 like nn.MultiheadAttention"
    core.compare(f"{case}, A", A, want_A, partial(_weight_mistakes, x, *maps, num_heads))
    core.compare(f"{case}, y", y, want, partial(_output_mistakes, x, *maps, num_heads))

    x = x.reshape(2, 2, 5, 6)
    y, A = _output_and_weights(name, core.call(name, multi_head, x, *maps, num_heads))
    core.compare(f"{name}, x {tuple(x.shape)}, A", A, want_A.reshape(2, 2, *want_A.shape[1:]))
    core.compare(f"{name}, x {tuple(x.shape)}, y", y, want.reshape(x.shape))
    core.passed(name, f"as nn.MultiheadAttention with {num_heads} heads, last token {core.numbers(want[-1, -1, :3])}")


def _attention_case(
    gen: torch.Generator, tokens: int, channels: int, num_heads: int, head_dim: int, value_dim: int, c_out: int
) -> tuple[Any, ...]:
    """x, W_query, W_key, W_value, W_out and the number of heads, drawn so that the scores are about 1."""

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=gen, dtype=torch.float64)

    width, value_width = num_heads * head_dim, num_heads * value_dim
    x, W_query, W_key = draw(tokens, channels), draw(channels, width), draw(channels, width)
    scale = 1.2 / math.sqrt(channels)
    return x, scale * W_query, scale * W_key, draw(channels, value_width), draw(value_width, c_out), num_heads


def _sizes(sizes: tuple[int, ...]) -> str:
    tokens, channels, num_heads, head_dim, value_dim, _ = sizes
    return f"x {(tokens, channels)}, {num_heads} heads with D = {head_dim}, D_v = {value_dim}"


def _heads(x: Tensor, W: Tensor, num_heads: int) -> Tensor:
    """x W, cut into heads: (..., heads, N, D)."""
    return (x @ W).unflatten(-1, (num_heads, -1)).transpose(-3, -2)


def _merged(heads: Tensor) -> Tensor:
    """The heads side by side: (..., N, heads · D)."""
    return heads.transpose(-3, -2).flatten(-2, -1)


def _multi_head(
    x: Tensor, W_query: Tensor, W_key: Tensor, W_value: Tensor, W_out: Tensor, num_heads: int
) -> tuple[Tensor, Tensor]:
    A = _scores(x, W_query, W_key, num_heads).softmax(dim=-1)
    return _merged(A @ _heads(x, W_value, num_heads)) @ W_out, A


def _scores(x: Tensor, W_query: Tensor, W_key: Tensor, num_heads: int) -> Tensor:
    query, key = _heads(x, W_query, num_heads), _heads(x, W_key, num_heads)
    return torch.matmul(query, key.mT) / math.sqrt(query.shape[-1])


def _weight_mistakes(
    x: Tensor, W_query: Tensor, W_key: Tensor, W_value: Tensor, W_out: Tensor, num_heads: int
) -> dict[str, Tensor]:
    """Name of a mistake -> the weights that it gives."""
    scores = _scores(x, W_query, W_key, num_heads)
    width, tokens = W_query.shape[1], x.shape[-2]
    head_dim = width // num_heads
    unscaled = scores * math.sqrt(head_dim)
    A = scores.softmax(dim=-1)

    def cut(W: Tensor) -> Tensor:
        """x W cut by a reshape alone."""
        return (x @ W).reshape(*x.shape[:-2], num_heads, tokens, -1)

    def dealt(W: Tensor) -> Tensor:
        return (x @ W).unflatten(-1, (-1, num_heads)).movedim(-1, -3)

    def weights(query: Tensor, key: Tensor) -> Tensor:
        return (query @ key.mT / math.sqrt(head_dim)).softmax(dim=-1)

    return {
        "no softmax (these are the scores)": scores,
        "the scale forgotten": unscaled.softmax(-1),
        "the scale is 1/D, not 1/√D": (unscaled / head_dim).softmax(-1),
        "multiplied by √D, not divided": (unscaled * math.sqrt(head_dim)).softmax(-1),
        f"divided by the root of all heads' width, {width}, not of one head's": (unscaled / math.sqrt(width)).softmax(-1),
        "divided by √C": (unscaled / math.sqrt(x.shape[-1])).softmax(-1),
        "divided by √N": (unscaled / math.sqrt(tokens)).softmax(-1),
        "divided by √D_v, the width of a value, not of a query": (
            (unscaled / math.sqrt(W_value.shape[1] // num_heads)).softmax(-1)
        ),
        "softmax over the tokens that ask: the rows of A must sum to 1": scores.softmax(-2),
        "softmax over the heads": scores.softmax(-3),
        "the scores are transposed (queries are the rows)": scores.mT.softmax(-1),
        "A is transposed": A.mT,
        "softmax over both tokens at once": scores.flatten(-2).softmax(-1).reshape(scores.shape),
        "the heads are cut by reshape alone, through the tokens": weights(cut(W_query), cut(W_key)),
        "the columns are dealt to the heads one by one": weights(dealt(W_query), dealt(W_key)),
        "averaged over the heads": A.mean(-3),
        "the mean of all heads' weights in each head": A.mean(-3, keepdim=True).expand_as(A),
        "one wide head, never cut": ((x @ W_query) @ (x @ W_key).mT / math.sqrt(width)).softmax(-1),
        "keys made with W_query": _scores(x, W_query, W_query, num_heads).softmax(-1),
        "queries and keys exchanged": _scores(x, W_key, W_query, num_heads).softmax(-1),
        "queries and keys without their maps": weights(x, x)[..., None, :, :].expand_as(A),
    }


def _output_mistakes(
    x: Tensor, W_query: Tensor, W_key: Tensor, W_value: Tensor, W_out: Tensor, num_heads: int
) -> dict[str, Tensor]:
    """Name of a mistake -> the output that it gives."""
    value = _heads(x, W_value, num_heads)
    _, A = _multi_head(x, W_query, W_key, W_value, W_out, num_heads)
    read = A @ value

    def out(weights: Tensor) -> Tensor:
        return _merged(weights @ value) @ W_out

    mistakes = {
        "W_out forgotten": _merged(read),
        "the heads merged by reshape alone: exchange heads and tokens first": read.reshape(*x.shape[:-1], -1) @ W_out,
        "the values cut by reshape alone": _merged(A @ (x @ W_value).reshape(value.shape)) @ W_out,
        "the heads merged channel by channel, not head by head": read.movedim(-3, -1).flatten(-2) @ W_out,
        "the heads in reverse order": _merged(read.flip(-3)) @ W_out,
        "the same weights, the heads' mean, in all heads": out(A.mean(-3, keepdim=True).expand_as(A)),
        "divided by the number of heads": out(A) / num_heads,
        "the values averaged with A transposed": out(A.mT),
        "values of the first head in all heads": _merged(A @ value[..., :1, :, :]) @ W_out,
    }
    if W_out.shape[0] == W_out.shape[1]:
        mistakes["W_out transposed (here tokens are rows)"] = _merged(read) @ W_out.T
    in_A = _weight_mistakes(x, W_query, W_key, W_value, W_out, num_heads)
    return mistakes | {f"{mistake} (in A)": out(table) for mistake, table in in_A.items() if table.shape == A.shape}


def _output_and_weights(name: str, got: Any) -> tuple[Tensor, Tensor]:
    """`got` as (y, A), or CheckFailed."""
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        core.fail(name, f"expected two tensors, y and A, got {core.describe(got)}")
    y, A = (core.expect_tensor(name, part) for part in got)
    if A.dim() < y.dim():
        shapes = f"{tuple(y.shape)} and {tuple(A.shape)}"
        core.fail(name, f"expected y first and then A, of one axis more; got shapes {shapes}")
    return y, A


# --- 3: the order ----------------------------------------------------------------------------


@core.check
def breaks_order_plain(breaks_order: Callable[..., Any]) -> None:
    """A pair for layers whose positions are in plain sight: convolutions and attention with positions."""
    name, gen = "breaks_order", core.generator("breaks-order-plain")
    layers = {
        "a 3 × 3 convolution of a 3 × 4 image, padded with zeros": (_convolution(gen, (3, 4), 2, 3), 12, 2),
        "attention, a position added to each token": (_attention(gen, 7, 3, place=True), 7, 3),
        "attention, a bias for each offset added to the scores": (_attention(gen, 6, 2, offsets=True), 6, 2),
        "causal attention": (_attention(gen, 5, 4, causal=True), 5, 4),
    }
    for what, (layer, num_tokens, channels) in layers.items():
        _expect_order(name, breaks_order, what, layer, num_tokens, channels)
    sizes = ", ".join(str(num_tokens) for _, num_tokens, _ in layers.values())
    core.passed(name, f"a pair for each of {len(layers)} layers, of {sizes} tokens")


@core.check
def breaks_order_hidden(breaks_order: Callable[..., Any]) -> None:
    """A pair for layers that some orders do not trouble, or that show it for some images only."""
    name, gen = "breaks_order", core.generator("breaks-order-hidden")
    side, middle = core.pick(gen, [2, 3]), core.pick(gen, [5, 6])
    layers = {
        "a convolution on a ring of 9 tokens": (
            lambda x: x + side * x.roll(1, 0) - x.roll(-2, 0),
            (9, 2),
            "no shift of all tokens shows it, and the differences add up to 0",
        ),
        "the mean with both neighbours on a ring of 8 tokens": (
            lambda x: (x + x.roll(1, 0) + x.roll(-1, 0)) / 3,
            (8, 1),
            "neither a shift of all tokens nor their reverse shows it",
        ),
        "a mean of 3 × 3 pixels on an image of 3 × 5": (_box((3, 5)), (15, 2), "the reverse order does not show it"),
        "1 added to the last token": (_at(8, -1), (8, 2), "no order that leaves the last token alone shows it"),
        "1 added to one token inside": (_at(12, middle), (12, 3), f"an order shows it if it moves token {middle}"),
        "1 added to the first token if it is 8 or 9": (
            _where_large(6, 7.5),
            (6, 2),
            "did you try all numbers up to 9, and often enough?",
        ),
        "the last token, if it is -7 or less, taken from all": (
            _last_small,
            (7, 1),
            "did you try all numbers down to -9, and often enough?",
        ),
    }
    for what, (layer, (num_tokens, channels), hint) in layers.items():
        _expect_order(name, breaks_order, what, layer, num_tokens, channels, hint)
    core.passed(name, f"a pair for each of {len(layers)} layers, one of them special at token {middle} of 12")


@core.check
def breaks_order_none(breaks_order: Callable[..., Any]) -> None:
    """None for layers that do not know the order, rounding or not; and a pair for one that does."""
    name, gen = "breaks_order", core.generator("breaks-order-none")
    weight = core.integers(gen, 2, 3)
    layers = {
        # First one that is exact on whole numbers: it tells a wrong comparison from rounding.
        "the same map for each token, then ReLU": (lambda x: (x @ weight + 1).relu(), 7, 2),
        "attention by content": (_attention(gen, 9, 3), 9, 3),
        "attention by content in float32": (_attention(gen, 8, 2, dtype=torch.float32), 8, 2),
        "each token less the mean of all": (lambda x: x - x.mean(0), 6, 3),
        "the largest of all tokens for each": (lambda x: x.amax(0).expand_as(x), 5, 2),
        "each token times the sum of all, divided by 3": (lambda x: x * (x / 3).sum(0), 10, 1),
    }
    for what, (layer, num_tokens, channels) in layers.items():
        got = core.call(name, breaks_order, _takes((num_tokens, channels), layer), num_tokens, channels)
        if got is not None:
            case = f"{name}, {what}"
            x, order = _image_and_order(case, got, num_tokens, channels)
            core.fail(case, f"expected None, your pair does not show it: {_why_not(layer, x, order)}")
    _expect_order(name, breaks_order, "tokens added up from the first", lambda x: x.cumsum(0), 5, 2)
    core.passed(name, f"None for {len(layers)} layers, one a map {core.numbers(weight[0])} of each first channel")


def _expect_order(
    name: str, breaks_order: Callable[..., Any], what: str, layer: Layer, num_tokens: int, channels: int, hint: str = ""
) -> None:
    """Fail unless the answer is an image and an order that this layer minds. The hint says where to look for one."""
    got = core.call(name, breaks_order, _takes((num_tokens, channels), layer), num_tokens, channels)
    case = f"{name}, {what}"
    if got is None:
        core.fail(case, f"got None, but this layer knows the order: {hint or 'nearly every random pair shows it'}")
    x, order = _image_and_order(case, got, num_tokens, channels)
    if _difference(layer, x, order) <= MINDS:
        core.fail(case, f"layer(x[order]) and layer(x)[order] agree: {_why_not(layer, x, order)}")


def _difference(layer: Layer, x: Tensor, order: Tensor) -> float:
    return (layer(x[order]) - layer(x)[order]).abs().max().item()


def _why_not(layer: Layer, x: Tensor, order: Tensor) -> str:
    """Why this pair shows nothing, in a few words."""
    difference = _difference(layer, x, order)
    largest = f"largest difference {difference:.1e}"
    tokens = torch.arange(len(order))
    if order.equal(tokens):
        return "the order leaves every token where it is"
    if bool((x == x[0]).all()):
        return "all tokens of x are equal, so there is nothing to put in order"
    if any(order.equal(tokens.roll(k)) for k in range(len(order))):
        return f"{largest}. The order is a shift of all tokens; some layers mind others only"
    if order.equal(tokens.flip(0)):
        return f"{largest}. The order is the reverse; some layers mind others only"
    if (order != tokens).sum() == 2:
        return f"{largest}. The order exchanges two tokens; some layers mind others only"
    if difference:
        return f"{largest}: is that rounding?"
    return "largest difference 0. Are the rows of layer(x) put in the same order, before you compare?"


def _image_and_order(case: str, got: Any, num_tokens: int, channels: int) -> tuple[Tensor, Tensor]:
    """`got` as tokens of one-digit whole numbers and an order of them, or CheckFailed."""
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        core.fail(case, f"expected two tensors (x, order), or None, got {core.describe(got)}")
    x, order = (core.expect_tensor(case, part) for part in got)
    core.expect_shape(f"{case}, x", x, (num_tokens, channels))
    core.expect_shape(f"{case}, order", order, (num_tokens,))
    x = x.double()
    odd = ~((x == x.round()) & (x.abs() <= 9))
    if odd.any():
        core.fail(case, f"expected x to hold whole numbers from -9 to 9, got {core.number(x[odd][0])}")
    core.expect_dtype(f"{case}, order", order, torch.int64)
    if not order.sort().values.equal(torch.arange(num_tokens)):
        core.fail(case, f"expected order to hold each number from 0 to {num_tokens - 1} once, got {order.tolist()}")
    return x, order


def _attention(
    gen: torch.Generator,
    num_tokens: int,
    channels: int,
    place: bool = False,
    offsets: bool = False,
    causal: bool = False,
    dtype: torch.dtype = torch.float64,
) -> Layer:
    """One head of attention with its own maps. The scores stay small, so that no softmax is one-hot."""

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=gen, dtype=torch.float64)

    W_query, W_key, W_value = (draw(channels, channels) / 4 for _ in range(3))
    W_value += torch.eye(channels, dtype=torch.float64)
    embedding = 5 * draw(num_tokens, channels) if place else 0
    table = 2 * draw(2 * num_tokens - 1)
    p = torch.arange(num_tokens)

    def layer(x: Tensor) -> Tensor:
        x = x + embedding
        query, key, value = (x @ W for W in (W_query, W_key, W_value))
        scores = query @ key.T / 9
        if offsets:
            scores = scores + table[p - p[:, None] + num_tokens - 1]
        if causal:
            scores = scores.masked_fill(p > p[:, None], -math.inf)
        return (scores.to(dtype).softmax(dim=-1) @ value.to(dtype)).double()

    return layer


def _convolution(gen: torch.Generator, size: tuple[int, int], c_in: int, c_out: int) -> Layer:
    weight = core.integers(gen, c_out, c_in, 3, 3)
    return lambda x: F.conv2d(x.T.reshape(c_in, *size), weight, padding="same").flatten(1).T


def _box(size: tuple[int, int]) -> Layer:
    """The mean of 3 × 3 pixels in each channel."""
    return lambda x: F.avg_pool2d(x.T.reshape(1, -1, *size), 3, stride=1, padding=1)[0].flatten(1).T


def _at(num_tokens: int, place: int) -> Layer:
    """1 added to the token at `place`."""
    bias = torch.zeros(num_tokens, 1, dtype=torch.float64)
    bias[place] = 1
    return lambda x: x + bias


def _where_large(num_tokens: int, level: float) -> Layer:
    """1 added to the first token, if its first number is above `level`."""
    bias = torch.zeros(num_tokens, 1, dtype=torch.float64)
    bias[0] = 1
    return lambda x: x + bias * (x[0, 0] > level)


def _last_small(x: Tensor) -> Tensor:
    return x - x[-1] * (x[-1] <= -7)


def _takes(shape: tuple[int, ...], function: Layer) -> Layer:
    """`function` for one input of this shape; any other is answered by an error that says so."""

    def layer(x: Tensor) -> Tensor:
        if tuple(x.shape) != shape:
            raise ValueError(f"this layer takes tokens of shape {shape}, got shape {tuple(x.shape)}")
        return function(x.double())

    return layer


# --- 4: the table ----------------------------------------------------------------------------


@core.check
def bias_matrix_values(bias_matrix: Callable[..., Any]) -> None:
    """One head, on images that are not square, with a table that fits exactly."""
    name, gen = "bias_matrix", core.generator("bias-matrix-values")
    for size in [(2, 3), (4, 2), (1, 4)]:
        want = _expect_bias(name, bias_matrix, gen, 1, size, (0, 0))
    core.passed(name, f"row 0 on a 1 × 4 image is {core.numbers(want[0, 0])}")


@core.check
def bias_matrix_heads(bias_matrix: Callable[..., Any]) -> None:
    """Several heads."""
    name, gen = "bias_matrix", core.generator("bias-matrix-heads")
    for heads, size in [(3, (2, 4)), (5, (3, 2))]:
        want = _expect_bias(name, bias_matrix, gen, heads, size, (0, 0))
    core.passed(name, f"the five heads have {core.numbers(want[:, 0, -1])} from the first pixel to the last")


@core.check
def bias_matrix_larger(bias_matrix: Callable[..., Any]) -> None:
    """A table that was learned on larger images."""
    name, gen = "bias_matrix", core.generator("bias-matrix-larger")
    for heads, size, more in [(2, (2, 3), (core.pick(gen, [1, 2]), 3)), (1, (3, 2), (0, 2)), (2, (2, 2), (2, 0))]:
        want = _expect_bias(name, bias_matrix, gen, heads, size, more)
    core.passed(name, f"from a table 7 × 3, row 0 of a 2 × 2 image is {core.numbers(want[0, 0])}")


def _expect_bias(
    name: str,
    bias_matrix: Callable[..., Any],
    gen: torch.Generator,
    heads: int,
    size: tuple[int, int],
    more: tuple[int, int],
) -> Tensor:
    """Compare one answer with the entries of a drawn table, `more` larger on each side than it must be."""
    rows, columns = (2 * (n + extra) - 1 for n, extra in zip(size, more))
    table = _all_different(gen, heads, rows, columns)
    got = core.call(name, bias_matrix, table, size)
    want = _look_up(table, size)
    case = f"{name}, table {tuple(table.shape)}, size {size}"
    core.compare(case, got, want, partial(_bias_mistakes, table, size), atol=0, rtol=0)
    core.expect_dtype(case, got, table.dtype)
    return want


def _look_up(
    table: Tensor, size: tuple[int, int], sign: int = 1, middle: tuple[int, int] | None = None, by_columns: bool = False
) -> Tensor:
    """table[:, δ] for all pairs of pixels; what lies outside the table comes round, as a negative index would."""
    rows, columns = table.shape[1:]
    middle = (rows // 2, columns // 2) if middle is None else middle
    position = torch.cartesian_prod(torch.arange(size[0]), torch.arange(size[1]))
    if by_columns:
        position = torch.cartesian_prod(torch.arange(size[1]), torch.arange(size[0])).flip(1)
    delta = sign * (position - position[:, None])
    return table[:, (delta[..., 0] + middle[0]) % rows, (delta[..., 1] + middle[1]) % columns]


def _bias_mistakes(table: Tensor, size: tuple[int, int]) -> Mapping[str, Tensor]:
    """Name of a mistake -> the bias that it gives."""
    heads, rows, columns = table.shape
    height, width = size
    want = _look_up(table, size)
    position = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    delta = position - position[:, None]
    flat, middle = table.flatten(1), rows // 2 * columns + columns // 2

    def along(stride_row: int, stride_column: int) -> Tensor:
        return flat[:, (delta[..., 0] * stride_row + delta[..., 1] * stride_column + middle) % flat.shape[1]]

    mistakes = {
        "δ = q - p, not p - q": _look_up(table, size, sign=-1),
        "δ is negative too, and a negative index counts from the end: add the middle": _look_up(table, size, middle=(0, 0)),
        "the middle is R // 2, S // 2, not H - 1, W - 1: this table is larger": _look_up(
            table, size, middle=(height - 1, width - 1)
        ),
        "the middle is R // 2, S // 2, one less than yours": _look_up(table, size, middle=(rows // 2 + 1, columns // 2 + 1)),
        "the middle is H - 1, W - 1, one less than H, W": _look_up(table, size, middle=(height, width)),
        "tokens numbered down the columns": _look_up(table, size, by_columns=True),
        "the grid read as W × H": _look_up(table, (width, height)),
        "|δ| in place of δ": table[:, delta[..., 0].abs() + rows // 2, delta[..., 1].abs() + columns // 2],
        "rows and columns of δ exchanged": table.mT[
            :, (delta[..., 0] + columns // 2) % columns, (delta[..., 1] + rows // 2) % rows
        ],
        "the columns' offset forgotten": table[:, delta[..., 0] + rows // 2, columns // 2].expand_as(want),
        "one step down in the flattened table is S numbers, not W": along(width, 1),
        "one step down in the flattened table is S numbers, not R": along(rows, 1),
        "the flattened table is read row by row: rows times S, plus columns": along(1, rows),
        "the first head's table for all heads": want[:1].expand_as(want),
        "the heads come first, not last": want.movedim(0, -1),
        "the axis of heads is missing": want[0],
        "softmax already taken (the bias is asked)": want.softmax(-1),
        "rows and columns of the table have a middle each, not both R // 2": _look_up(
            table, size, middle=(rows // 2, rows // 2)
        ),
        "rows and columns of the table have a middle each, not both S // 2": _look_up(
            table, size, middle=(columns // 2, columns // 2)
        ),
    }
    return mistakes


# --- 5: pointing -----------------------------------------------------------------------------


@core.check
def pointing_vector_linear(pointing_vector: Callable[..., Any]) -> None:
    """The linear encoding reaches the corners of a window, and nothing else."""
    name, gen = "pointing_vector", core.generator("pointing-vector-linear")
    size = core.pick(gen, [(3, 4), (4, 3)])
    corners = 0
    for window in [(3, 3), size]:
        encoding = _offsets(window)
        ends = [{0, n - 1} for n in window]
        for tap, place in enumerate(torch.cartesian_prod(*map(torch.arange, window)).tolist()):
            corner = all(i in end for i, end in zip(place, ends))
            what = f"r = δ on {window[0]} × {window[1]} offsets"
            points = f"v = {core.numbers(100 * encoding[tap])} does: do linprog's bounds allow it?"
            why = points if corner else "it lies between others"
            _expect_pointing(name, pointing_vector, what, encoding, tap, corner, why)
            corners += corner
    core.passed(name, f"{corners} corners of two windows, 3 × 3 and {size[0]} × {size[1]}, and None for all others")


@core.check
def pointing_vector_curved(pointing_vector: Callable[..., Any]) -> None:
    """The quadratic encoding and a circle reach every offset."""
    name, gen = "pointing_vector", core.generator("pointing-vector-curved")
    taps = core.pick(gen, [7, 11])
    encodings = {
        "r = (‖δ‖², δ) on 3 × 3 offsets": _quadratic((3, 3)),
        "9 points of a circle": _circle(9),
        f"{taps} points of a circle": _circle(taps),
        "r = (‖δ‖², δ) on 1 × 5 offsets": _quadratic((1, 5)),
    }
    for what, encoding in encodings.items():
        for tap in range(len(encoding)):
            why = "along v the tap must be the farthest; v need not point along r itself"
            _expect_pointing(name, pointing_vector, what, encoding, tap, True, why)
    many = _circle(60)  # neighbours are 6 degrees apart: v must be long
    for tap in [0, core.pick(gen, range(1, 30)), core.pick(gen, range(30, 60))]:
        why = "the margin is small, and v long"
        _expect_pointing(name, pointing_vector, "60 points of a circle", many, tap, True, why)
    margin = 1 - math.cos(2 * math.pi / taps)
    core.passed(name, f"all taps of {len(encodings)} encodings; of {taps} points of a circle, with margin {margin:.3f}")


@core.check
def pointing_vector_any(pointing_vector: Callable[..., Any]) -> None:
    """Drawn encodings: far from the origin, stretched, with points inside, between and twice; and with T < D."""
    name, gen = "pointing_vector", core.generator("pointing-vector-any")
    reached = total = 0
    for dimension, vertices in [(2, 7), (3, 9), (4, 10), (6, 3)]:
        sphere = _spread(gen, vertices, dimension)
        # Inside the hull of the points so far, or the middle of two of them; a doubled vertex loses its place.
        mixture = torch.rand(vertices, generator=gen, dtype=torch.float64) + 0.1
        inside = (mixture / mixture.sum()) @ sphere
        between = 0.7 * sphere[0] + 0.3 * sphere[2]
        rows = torch.stack([*sphere, inside, between, sphere[1]])
        twice = "another row is equal, so each gets half at most"
        able = [t < vertices and t != 1 for t in range(len(rows))]
        why = ["it is a vertex of the hull, and alone there"] * vertices + [
            "it lies inside the hull of the others",
            "it lies between two others",
            twice,
        ]
        why[1] = twice
        stretch = torch.tensor([15.0] + [1.0] * (dimension - 1), dtype=torch.float64)
        away = core.integers(gen, dimension) * 4
        shuffle = torch.randperm(len(rows), generator=gen)
        encoding = (rows * stretch + away)[shuffle]
        what = f"{len(rows)} drawn encodings of {dimension} numbers"
        for tap, old in enumerate(shuffle.tolist()):
            _expect_pointing(name, pointing_vector, what, encoding, tap, able[old], why[old])
            reached, total = reached + able[old], total + 1
    last = core.numbers(encoding[-1, 1:4])
    core.passed(name, f"{reached} of {total} drawn rows can be pointed at, the last row holds {last}")


def _expect_pointing(
    name: str, pointing_vector: Callable[..., Any], what: str, encoding: Tensor, tap: int, able: bool, why: str
) -> None:
    """Fail unless the answer gives the tap its weight, or is None where none can; `why` says why it can or cannot."""
    got = core.call(name, pointing_vector, encoding, tap)
    case = f"{name}, {what}, tap {tap}"
    row = f"r = {core.numbers(encoding[tap], 2)}"
    if got is None:
        if able:
            core.fail(case, f"got None, but there is a vector that points at {row}: {why}")
        return
    v = core.expect_tensor(case, got).double()
    core.expect_shape(case, v, (encoding.shape[1],))
    scores = encoding @ v
    weights = scores.softmax(dim=-1)
    found = f"{float(weights[tap]):.2f}"
    if not able:
        core.fail(case, f"expected None, no vector can point at {row}: {why}; yours gives it the weight {found}")
    if not v.isfinite().all():
        core.fail(case, f"expected finite numbers in v, got {core.numbers(v)}")
    if weights[tap] >= MASS:
        return
    likely = ""
    opposite, largest = (-scores).softmax(dim=-1), int(scores.argmax())
    if v.abs().max() < 1e-6:
        likely = ": v is 0"
    elif largest == tap and (scores[tap] - scores).topk(2, largest=False).values[1] > 1e-9:
        likely = ": the direction is right, and v must be longer"
    elif opposite[tap] >= 0.5 or (-scores).argmax() == tap:
        likely = ": v has the wrong sign"
    elif v.min() >= 0:
        likely = ": must v be positive? see linprog's bounds"
    instead = "" if largest == tap else f", and {float(weights[largest]):.2f} for tap {largest}"
    core.fail(case, f"expected weight 0.99 or more, got {found}{instead}{likely}")


def _offsets(window: tuple[int, int]) -> Tensor:
    """δ of a window around its middle, in reading order: (T, 2)."""
    return torch.cartesian_prod(*(torch.arange(n, dtype=torch.float64) - (n - 1) // 2 for n in window))


def _quadratic(window: tuple[int, int]) -> Tensor:
    delta = _offsets(window)
    return torch.cat([delta.square().sum(-1, keepdim=True), delta], dim=-1)


def _circle(taps: int) -> Tensor:
    angle = 2 * math.pi * torch.arange(taps, dtype=torch.float64) / taps
    return torch.stack([angle.cos(), angle.sin()], dim=-1)


def _spread(gen: torch.Generator, points: int, dimension: int) -> Tensor:
    """Points of the unit sphere, no two nearer than an angle of 20 degrees: each is a vertex of their hull."""
    while True:
        sphere = F.normalize(torch.randn(points, dimension, generator=gen, dtype=torch.float64), dim=-1)
        if (sphere @ sphere.T - 2 * torch.eye(points)).max() < math.cos(math.pi / 9):
            return sphere


# --- what is drawn ---------------------------------------------------------------------------


def _all_different(gen: torch.Generator, *shape: int) -> Tensor:
    """The whole numbers from 1 on, shuffled: no two values can be mistaken for each other."""
    return (torch.randperm(math.prod(shape), generator=gen) + 1.0).double().reshape(shape)
