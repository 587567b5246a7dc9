"""The checks of exercise 05: attention from nothing, what its scores leave out, and its weights found back.

One function a check cell, in the order of the notebook. The references lean on torch alone, and attention's on
`F.scaled_dot_product_attention`, which gives its weights too where the values are the identity. The checks of the
counter-examples and of the weights look at what is asked of an answer: many are right. Scipy serves to name mistakes
only. No two sizes of an input are equal, unless a mistake needs it: a transposed table or the wrong axis must show.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from scipy.optimize import nnls
from torch import Tensor

from conv2attn.checks import core

EXACT = 1e-9  # what the statement calls a difference, and no rounding
ROUNDED = 1e-6  # how far the statement lets weights and scores be off
ANGLE = 1e-5  # radians: a line turned by less counts as the same line


# --- 1: scores -------------------------------------------------------------------------------


@core.check
def scores_values(scores: Callable[..., Any]) -> None:
    """The scores of a few queries and keys, without axes in front."""
    name, gen = "scores", core.generator("scores-values")
    # As many keys as dimensions: `query @ key` has a shape there. Then three sizes that all differ.
    for n_q, n_k, size in [(4, 3, 3), (3, 2, 5), (1, 4, 7)]:
        query, key = core.integers(gen, n_q, size), core.integers(gen, n_k, size)
        want = _expect_scores(name, scores, query, key)
    core.passed(name, f"the scores of 1 query with 4 keys of length 7 are {core.numbers(want)}")


@core.check
def scores_axes(scores: Callable[..., Any]) -> None:
    """The same with batch and heads in front."""
    name, gen = "scores", core.generator("scores-axes")
    for axes, n_q, n_k, size in [((2,), 3, 4, 5), ((3, 2), 5, 4, 6)]:
        query, key = core.integers(gen, *axes, n_q, size), core.integers(gen, *axes, n_k, size)
        want = _expect_scores(name, scores, query, key)
    core.passed(name, f"3 × 2 tables, the first row of the last is {core.numbers(want[2, 1, 0])}")


def _expect_scores(name: str, scores: Callable[..., Any], query: Tensor, key: Tensor) -> Tensor:
    """Compare with torch's scores, which are returned."""
    want = _logits(query, key)
    got = core.call(name, scores, query, key)
    core.compare(f"{name}, query {tuple(query.shape)}, key {tuple(key.shape)}", got, want, partial(_score_mistakes, query, key))
    return want


def _logits(query: Tensor, key: Tensor) -> Tensor:
    """The scaled dot products of queries (..., N_q, D) and keys (..., N_k, D)."""
    return torch.einsum("...pd,...qd->...pq", query, key) / math.sqrt(query.shape[-1])


def _score_mistakes(query: Tensor, key: Tensor) -> dict[str, Tensor]:
    """Name of a mistake -> the scores it gives."""
    *axes, n_q, size = query.shape
    dot = torch.einsum("...pd,...qd->...pq", query, key)
    lengths = query.norm(dim=-1)[..., :, None] * key.norm(dim=-1)[..., None, :]
    scales = {
        "the scale forgotten": 1,
        "divided by D, not by its root": size,
        "multiplied by √D, not divided": 1 / math.sqrt(size),
        "divided by √N_k, not by √D": math.sqrt(key.shape[-2]),
        "divided by √N_q, not by √D": math.sqrt(n_q),
        "divided by N_k, not by √D": key.shape[-2],
        "divided by the fourth root of D; that is what query and key each need, and the product needs both": size**0.25,
    }
    if axes:
        scales["divided by the root of the first axis in front, not by √D"] = math.sqrt(axes[0])
        scales["divided by the root of the second axis, not by √D"] = math.sqrt(query.shape[1])
    want = dot / math.sqrt(size)
    mistakes = {mistake: dot / scale for mistake, scale in scales.items()}
    mistakes |= {
        "keys in the rows; the queries are the rows": want.mT,
        "keys in the rows, and no scale": dot.mT,
        "cosines, the lengths divided out": dot / lengths,
        "cosines, divided by √D too": want / lengths,
        "softmax already taken (the scores are asked)": want.softmax(-1),
        "distances, not dot products": torch.cdist(query, key),
        "nearness, not dot products": -torch.cdist(query, key).square(),
        "nearness over √D, not dot products": -torch.cdist(query, key).square() / math.sqrt(size),
    }
    if key.shape[-2] == size:
        mistakes["the keys are rows: transpose them before the product"] = query @ key / math.sqrt(size)
    if axes:
        mistakes["keys reshaped, not transposed"] = query @ key.reshape(*axes, size, -1) / math.sqrt(size)
        mistakes["summed over the axes in front"] = want.flatten(0, -3).sum(0)
    return {mistake: table for mistake, table in mistakes.items() if not _same(table, want)}


# --- 2: softmax with a mask ------------------------------------------------------------------


@core.check
def masked_softmax_mask(masked_softmax: Callable[..., Any]) -> None:
    """Small logits: a mask that forbids nothing, one that forbids some, and axes in front."""
    name, gen = "masked_softmax", core.generator("masked-softmax-mask")
    for axes, n_q, n_k in [((), 3, 5), ((), 4, 3), ((2, 3), 5, 4)]:
        logits = core.integers(gen, *axes, n_q, n_k) / 4
        for mask in (torch.ones(n_q, n_k, dtype=torch.bool), _mask(gen, n_q, n_k)):
            want = _expect_softmax(name, masked_softmax, logits, mask)
    allowed = int(mask[0].sum())
    core.passed(name, f"2 × 3 tables, the first row may read {allowed} of 4 keys: {core.numbers(want[0, 0, 0])}")


@core.check
def masked_softmax_large(masked_softmax: Callable[..., Any]) -> None:
    """Logits up to 1000 on either side, also those that may not be read."""
    name, gen = "masked_softmax", core.generator("masked-softmax-large")
    drawn = core.integers(gen, 3, 4) / 4
    all_ = torch.ones(3, 4, dtype=torch.bool)
    some = _mask(gen, 3, 4)
    high, low = drawn + 990, drawn - 990
    level = torch.tensor([[1000.0], [0.0], [-1000.0]], dtype=torch.float64)
    mixed = (drawn + 0.98 * level).clamp(-1000, 1000)  # each row at a level of its own
    cases = [(high, all_), (low, all_), (high, some), (low, some), (mixed, all_), (mixed, some)]
    # What may not be read is far above, or far below, what may.
    cases += [(torch.where(some, drawn, 1000.0), some), (torch.where(some, low, 1000.0), some)]
    cases += [(torch.where(some, high, -1000.0), some)]
    for logits, mask in cases:
        want = _expect_softmax(name, masked_softmax, logits, mask)
    core.passed(name, f"logits from -1000 to 1000, the last weights {core.numbers(want[2])}")


def _expect_softmax(name: str, masked_softmax: Callable[..., Any], logits: Tensor, mask: Tensor) -> Tensor:
    """Fail unless the answer is the softmax over the readable keys, which is returned."""
    want = logits.masked_fill(~mask, -math.inf).softmax(-1)
    got = core.call(name, masked_softmax, logits, mask)
    forbidden = "a mask that forbids nothing" if mask.all() else f"a mask that forbids {int((~mask).sum())} pairs"
    case = f"{name}, logits {tuple(logits.shape)}, {forbidden}"
    mistakes = _softmax_mistakes(logits, mask, want)
    core.expect_shape(case, got, want.shape, mistakes)
    got = got.detach().double()
    overflows = _same(got, _unstable(logits, mask)) or not any(_same(got, table) for table in mistakes.values())
    if not got.isfinite().all() and overflows:
        place = tuple((~got.isfinite()).nonzero()[0].tolist())
        readable = logits.expand(want.shape)[place[:-1]][mask[place[-2]]]
        core.fail(
            case,
            f"got {core.number(got[place])} at {place}, where the logits that may be read are {core.numbers(readable)}: "
            "exp overflows to inf, or all of a row's terms become 0. Subtract the largest of these first, as softmax does",
        )
    core.compare(case, got, want, mistakes)
    leak = (got != 0) & ~mask.expand(want.shape)
    if leak.any():
        place = tuple(leak.nonzero()[0].tolist())
        core.fail(case, f"the masked weight at {place} is {core.number(got[place])}, and must be exactly 0: is -∞ its logit?")
    return want


def _unstable(logits: Tensor, mask: Tensor) -> Tensor:
    """The softmax by its formula, nan where exp is too large or too small for float64."""
    terms = logits.exp() * mask
    return terms / terms.sum(-1, keepdim=True)


def _softmax_mistakes(logits: Tensor, mask: Tensor, want: Tensor) -> dict[str, Tensor]:
    """Name of a mistake -> the weights it gives."""
    masked = logits.masked_fill(~mask, -math.inf)
    full = logits.softmax(-1)
    mistakes = {
        "softmax over the queries, not over the keys": masked.softmax(-2),
        "softmax over the first axis, not over the last": masked.softmax(0),
        "softmax over the second axis, not over the last": masked.softmax(1),
        "softmax over the whole table, not over each row": masked.flatten(-2).softmax(-1).reshape(want.shape),
        "masked logits set to 0 or another number, not to -∞: exp of 0 is 1": (logits * mask).softmax(-1),
        "the mask's meaning reversed (True may be read)": logits.masked_fill(mask, -math.inf).softmax(-1),
        "the mask forgotten": full,
        "masked after the softmax, so that the rows no longer sum to 1": full * mask,
        "masked logits set to 0, then their weights too; the rows no longer sum to 1": (logits * mask).softmax(-1) * mask,
        "the mask added as the numbers 0 and 1": (logits + mask).softmax(-1),
        "masked logits set to -1000, and those that may be read are near it": logits.masked_fill(~mask, -1000).softmax(-1),
        "nan set to 0, so that rows sum to 0: keep exp from overflowing": _unstable(logits, mask).nan_to_num(0),
        "the largest readable logit alone, as argmax": (masked == masked.amax(-1, keepdim=True)).double(),
        "the mean over the keys that may be read, logits not used": mask / mask.sum(-1, keepdim=True) + 0 * want,
        "each row divided by its sum, without exp": logits * mask / (logits * mask).sum(-1, keepdim=True),
        "the logarithm of softmax": masked.log_softmax(-1),
        "the scale 1/√N_k put in; logits are scaled already": (masked / math.sqrt(logits.shape[-1])).softmax(-1),
        "exp not divided by its row's sum": masked.exp(),
    }
    return {mistake: table for mistake, table in mistakes.items() if not _same(table, want)}


def _mask(gen: torch.Generator, *shape: int) -> Tensor:
    """A boolean mask with a True and a False in every row, and a row with one False: never symmetric."""
    n_k = shape[-1]
    mask = torch.rand(shape, generator=gen) < 0.6
    readable = torch.randint(n_k, shape[:-1], generator=gen)[..., None]
    mask = mask.scatter(-1, readable, True).scatter(-1, (readable + 1) % n_k, False)
    mask[..., -1, :] = torch.arange(n_k) != readable[..., -1, :]
    return mask


# --- 3: attention ----------------------------------------------------------------------------


@core.check
def attention_plain(attention: Callable[..., Any]) -> None:
    """One head, no mask."""
    name, gen = "attention", core.generator("attention-plain")
    for n_q, n_k, size, value_size in [(3, 4, 5, 2), (5, 3, 2, 4)]:
        inputs = _inputs(gen, (), n_q, n_k, size, value_size)
        output, _ = _expect_attention(name, attention, *inputs, None)
    core.passed(name, f"equal to torch's, the first output {core.numbers(output[0])}")


@core.check
def attention_heads(attention: Callable[..., Any]) -> None:
    """Batch and heads in front, no mask."""
    name, gen = "attention", core.generator("attention-heads")
    for axes, n_q, n_k, size, value_size in [((3,), 2, 4, 5, 3), ((2, 3), 4, 5, 6, 2)]:
        inputs = _inputs(gen, axes, n_q, n_k, size, value_size)
        output, _ = _expect_attention(name, attention, *inputs, None)
    core.passed(name, f"2 × 3 heads, the first output of the last is {core.numbers(output[1, 2, 0])}")


@core.check
def attention_boolean(attention: Callable[..., Any]) -> None:
    """Boolean masks: one for all heads, one for each head, and one that is the same for all queries."""
    name, gen = "attention", core.generator("attention-boolean")
    for axes, shape in [((), (3, 5)), ((2, 4), (3, 5)), ((2, 4), (4, 3, 5)), ((2, 4), (2, 1, 1, 5))]:
        inputs = _inputs(gen, axes, 3, 5, 6, 2)
        mask = _mask(gen, *shape)
        output, _ = _expect_attention(name, attention, *inputs, mask)
    core.passed(name, f"{int(mask[0].sum())} of 5 keys may be read, the first output {core.numbers(output[0, 0, 0])}")


@core.check
def attention_float(attention: Callable[..., Any]) -> None:
    """Float masks: numbers to be added after the scale, -∞ among them, and zeros, which change nothing."""
    name, gen = "attention", core.generator("attention-float")
    for axes, shape in [((), (3, 5)), ((2, 4), (3, 5)), ((2, 4), (4, 3, 5)), ((2, 4), (2, 1, 1, 5))]:
        inputs = _inputs(gen, axes, 3, 5, 6, 2)
        numbers = core.integers(gen, *shape) / 4
        mixed = numbers.masked_fill(~_mask(gen, *shape), 0).masked_fill(~_mask(gen, *shape), -math.inf)
        for mask in (mixed, numbers):
            output, _ = _expect_attention(name, attention, *inputs, mask)
    inputs = _inputs(gen, (), 4, 3, 5, 2)
    _expect_attention(name, attention, *inputs, torch.zeros(4, 3, dtype=torch.float64))
    core.passed(name, f"added after the scale, the first output {core.numbers(output[0, 0, 0])}")


def _inputs(
    gen: torch.Generator, axes: tuple[int, ...], n_q: int, n_k: int, size: int, value_size: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values. The scores are small enough that no weight is near 0 or 1."""
    query, key = (core.integers(gen, *axes, count, size) / 6 for count in (n_q, n_k))
    return query, key, core.integers(gen, *axes, n_k, value_size)


def _expect_attention(
    name: str, attention: Callable[..., Any], query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Compare output and weights with torch's, which are returned."""
    eye = torch.eye(key.shape[-2], dtype=torch.float64).expand(*key.shape[:-2], -1, -1)
    output = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    weights = F.scaled_dot_product_attention(query, key, eye, attn_mask=mask)

    arguments = (query, key, value) if mask is None else (query, key, value, mask)
    got = core.call(name, attention, *arguments)
    kind = "no mask" if mask is None else f"a {'boolean' if mask.dtype == torch.bool else 'float'} mask {tuple(mask.shape)}"
    case = f"{name}, query {tuple(query.shape)}, {kind}"
    if isinstance(got, Tensor) or not isinstance(got, (tuple, list)) or len(got) != 2:
        core.fail(case, f"expected two tensors, output and weights, got {core.describe(got)}")
    got_output, got_weights = (core.expect_tensor(case, part) for part in got)
    if (got_output.shape, got_weights.shape) == (weights.shape, output.shape):
        core.fail(case, "expected the output first and the weights second, got them in the other order")
    mistaken = _weight_mistakes(query, key, mask, weights)
    core.compare(f"{case}, weights", got_weights, weights, mistaken)
    core.compare(f"{case}, output", got_output, output, partial(_output_mistakes, query, key, value, weights, output, mistaken))
    return output, weights


def _weight_mistakes(query: Tensor, key: Tensor, mask: Tensor | None, want: Tensor) -> dict[str, Tensor]:
    """Name of a mistake -> the weights it gives."""

    def masked(logits: Tensor) -> Tensor:
        if mask is None:
            return logits
        return logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask

    size = query.shape[-1]
    logits = _logits(query, key)
    dot = logits * math.sqrt(size)
    ready = masked(logits)
    mistakes = {
        "the scale forgotten": masked(dot).softmax(-1),
        "divided by D, not by its root": masked(dot / size).softmax(-1),
        "divided by √N_k, not by √D": masked(dot / math.sqrt(key.shape[-2])).softmax(-1),
        "multiplied by √D, not divided": masked(dot * math.sqrt(size)).softmax(-1),
        "the scale put after the softmax": masked(dot).softmax(-1) / math.sqrt(size),
        "softmax over the queries, not over the keys": ready.softmax(-2),
        "softmax over the first axis, not over the last": ready.softmax(0),
        "softmax over the second axis, not over the last": ready.softmax(1),
        "softmax forgotten": ready,
        "cosines, the lengths divided out": masked(F.normalize(query, dim=-1) @ F.normalize(key, dim=-1).mT).softmax(-1),
        "keys in the rows; the queries are the rows": want.mT,
    }
    if mask is not None:
        numbers = mask.double()
        mistakes |= {
            "the mask forgotten": logits.softmax(-1),
            "the mask used after the softmax, so that the rows no longer sum to 1": logits.softmax(-1) * numbers,
            "the mask added after the softmax": logits.softmax(-1) + numbers,
        }
    if mask is not None and mask.dtype == torch.bool:
        mistakes |= {
            "the mask's meaning reversed (True may be read)": logits.masked_fill(mask, -math.inf).softmax(-1),
            "a boolean mask added as the numbers 0 and 1": (logits + mask.double()).softmax(-1),
            "the scores multiplied with the mask, or set to 0 where it is False: exp of 0 is 1, and only that of -∞ is 0": (
                (logits * numbers).softmax(-1)
            ),
        }
    elif mask is not None:
        mistakes |= {
            "the mask multiplied with the scores": (logits * numbers).softmax(-1),
            "the mask added before the scale": ((dot + mask) / math.sqrt(size)).softmax(-1),
            "the mask subtracted": (logits - mask.nan_to_num(neginf=1e9)).softmax(-1),
            "a float mask is added; 0 changes nothing, and only -∞ forbids": (
                logits.masked_fill(mask == 0, -math.inf).softmax(-1)
            ),
            "only the -∞ of the mask used, its numbers are to be added too": (
                logits.masked_fill(mask == -math.inf, -math.inf).softmax(-1)
            ),
            "the logarithm of a float mask; it is added as it is": (logits + mask.log()).softmax(-1),
            "a float mask read as True where it is above 0": logits.masked_fill(mask <= 0, -math.inf).softmax(-1),
        }
    return {mistake: table for mistake, table in mistakes.items() if not _same(table, want)}


def _output_mistakes(
    query: Tensor, key: Tensor, value: Tensor, weights: Tensor, output: Tensor, mistaken: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Name of a mistake -> the output it gives, although the weights are right."""
    mistakes = {
        f"the weights are right, but the output has another fault, {mistake}": table @ value
        for mistake, table in mistaken.items()
        if table.shape == weights.shape
    }
    mistakes |= {
        "the mean over the keys, where a sum is asked: the weights sum to 1 already": output / key.shape[-2],
        "the output is scaled too, by 1/√D": output / math.sqrt(query.shape[-1]),
        "the keys averaged, not the values": weights @ key,
        "a softmax over the output": output.softmax(-1),
        "transposed; a row for each query": output.mT,
    }
    return {mistake: table for mistake, table in mistakes.items() if not _same(table, output)}


# --- 4: what the scores do not say -----------------------------------------------------------


@core.check
def rival_key_positive(rival_key: Callable[..., Any]) -> None:
    """A positive dot product, also of vectors with one direction."""
    name, gen = "rival_key", core.generator("rival-key-positive")
    pairs = [_pair(gen, size, 1) for size in (2, 3, 3, 5, 6)]
    for size in (2, 3, 4):  # parallel, so that the key has no part across the query
        query = torch.randint(-4, 5, (size,), generator=gen).double()
        query[int(torch.randint(size, (), generator=gen))] = 3
        pairs += [(query, 2 * query), (query, query)]
    pairs += [(_axis(4, 0), 5 * _axis(4, 0)), (2 * _axis(3, 2), _axis(3, 2)), (_axis(2, 1), 3 * _axis(2, 1))]
    for query, key in pairs:
        _expect_rival(name, rival_key, query, key)
    query, key = pairs[4]
    core.passed(name, f"{len(pairs)} pairs, one of cosine {_cosine(query, key):.3f} and product {core.number(query @ key)}")


@core.check
def rival_key_others(rival_key: Callable[..., Any]) -> None:
    """A negative product; and None, where the product is 0 or the key is opposite, and only there."""
    name, gen = "rival_key", core.generator("rival-key-others")
    pairs = [_pair(gen, size, -1) for size in (2, 3, 3, 5, 6)]
    pairs += [(_axis(2, 0), _vector(-9, 1)), (_vector(9, 9, 8), _vector(-9, -9, -9))]  # nearly opposite
    for query, key in pairs:
        _expect_rival(name, rival_key, query, key)
    drawn = core.integers(gen, 3)
    opposite = [(drawn, -drawn), (_vector(2, -4), _vector(-3, 6)), (_axis(3, 1), -7 * _axis(3, 1))]
    perpendicular = [(_vector(3, 5), _vector(-5, 3)), (_axis(4, 0), _axis(4, 2)), (_vector(1, 2, 3), _vector(1, 1, -1))]
    for query, key in opposite + perpendicular:
        got = core.call(name, rival_key, query, key)
        if got is not None:
            why = (
                f"the product is {core.number(query @ key)} and the cosine {_cosine(query, key):.3f}. "
                "Can both be beaten? A smaller cosine is at least -1, and the product has its sign"
            )
            core.fail(_words(name, query, key), f"expected None, got {core.describe(got)}: {why}")
    for query, key in [_pair(gen, 3, 1), _pair(gen, 4, -1)]:  # None is not always right
        _expect_rival(name, rival_key, query, key)
    query, key = pairs[4]
    core.passed(
        name,
        f"{len(pairs)} pairs, one of cosine {_cosine(query, key):.3f} and product {core.number(query @ key)}, "
        f"and None for {len(opposite + perpendicular)}",
    )


def _expect_rival(name: str, rival_key: Callable[..., Any], query: Tensor, key: Tensor) -> None:
    """Fail unless the answer is a key of smaller cosine and larger product."""
    case = _words(name, query, key)
    got = core.call(name, rival_key, query, key)
    if got is None:
        sign = "positive" if query @ key > 0 else "negative, and the two are not opposite"
        core.fail(case, f"got None, but there is a rival: the product {core.number(query @ key)} is {sign}")
    core.expect_shape(case, got, key.shape)
    rival = got.detach().double()
    if not rival.isfinite().all() or not rival.any():
        core.fail(case, f"got {core.numbers(rival)}: a rival is finite, and not all zeros, which have no cosine")
    (old_cosine, new_cosine), (old, new) = (
        [_cosine(query, one) for one in (key, rival)],
        [float(query @ one) for one in (key, rival)],
    )
    smaller, larger = new_cosine < old_cosine - EXACT, new > old + EXACT
    if smaller and larger:
        return
    said = (
        f"the rival's cosine is {core.number(new_cosine)} after {core.number(old_cosine)}, "
        f"its product {core.number(new)} after {core.number(old)}"
    )
    if abs(new_cosine - old_cosine) <= EXACT:
        reason = "the cosine is the same: a change of length does not turn a key"
    elif abs(new - old) <= EXACT:
        reason = "the product is the same: a step across the query does not change it"
    elif not smaller and not larger:
        reason = "both go the wrong way"
    elif larger:
        reason = "the cosine should be smaller: turn the key away from the query"
    else:
        longer = "turn it less" if new <= 0 else "make the key longer"
        reason = "the product should be larger: " + (longer if old > 0 else "make the key shorter")
    core.fail(case, f"{said}. {reason[0].upper()}{reason[1:]}")


def _pair(gen: torch.Generator, size: int, sign: int) -> tuple[Tensor, Tensor]:
    """A query and a key whose product has this sign, and who are not parallel."""
    while True:
        query, key = core.integers(gen, size), core.integers(gen, size)
        dot = float(query @ key)
        if dot < 0 < sign or sign < 0 < dot:
            key, dot = -key, -dot
        if 0.05 < abs(_cosine(query, key)) < 0.95:
            return query, key


def _cosine(a: Tensor, b: Tensor) -> float:
    """The cosine, with both lengths divided out first: a very long or very short rival is no trouble."""
    return float((a / a.abs().max()) @ (b / b.abs().max()) / (a / a.abs().max()).norm() / (b / b.abs().max()).norm())


def _words(name: str, query: Tensor, key: Tensor) -> str:
    return f"{name}, query {core.numbers(query)}, key {core.numbers(key)}"


def _vector(*entries: int) -> Tensor:
    return torch.tensor(entries, dtype=torch.float64)


def _axis(size: int, place: int) -> Tensor:
    return torch.eye(size, dtype=torch.float64)[place]


@core.check
def other_queries_and_keys_drawn(other_queries_and_keys: Callable[..., Any]) -> None:
    """Queries and keys drawn, in other numbers than dimensions."""
    name, gen = "other_queries_and_keys", core.generator("other-queries-and-keys-drawn")
    # First with enough queries to find the matrix that the answer has used. No entries of a row are equal, not even
    # up to the sign, so that an exchange of coordinates moves each line.
    for n_q, n_k, size in [(4, 5, 3), (2, 3, 4), (6, 4, 5), (3, 2, 3), (1, 1, 6)]:
        query, key = _unequal(gen, n_q, size), _unequal(gen, n_k, size)
        _expect_others(name, other_queries_and_keys, query, key)
    core.passed(name, f"the score of the last query and key stays {core.number(_logits(query, key)[0, 0])}")


def _unequal(gen: torch.Generator, count: int, size: int) -> Tensor:
    """Rows of whole numbers from -9 to 9, none 0 and no two of a row equal in magnitude."""
    magnitudes = torch.rand(count, 9, generator=gen).argsort(-1)[:, :size] + 1.0
    return magnitudes.double() * core.integers(gen, count, size).sign()


@core.check
def other_queries_and_keys_special(other_queries_and_keys: Callable[..., Any]) -> None:
    """Rows on an axis, rows of equal entries, rows that repeat: what leaves these lines in place is found out."""
    name, gen = "other_queries_and_keys", core.generator("other-queries-and-keys-special")
    for size in (3, 4, 5):
        eye, ones = torch.eye(size, dtype=torch.float64), torch.ones(1, size, dtype=torch.float64)
        drawn = core.integers(gen, 2, size)
        special = torch.cat([eye, 3 * ones, -2 * eye[:1]])
        _expect_others(name, other_queries_and_keys, special, drawn)
        _expect_others(name, other_queries_and_keys, drawn, special)
    core.passed(name, f"axes and equal entries too, the last scores {core.numbers(_logits(drawn, special)[1])}")


def _expect_others(name: str, others: Callable[..., Any], query: Tensor, key: Tensor) -> None:
    """Fail unless the answer has the same scores and no row on the line of the row that was there."""
    case = f"{name}, query {tuple(query.shape)}, key {tuple(key.shape)}"
    got = core.call(name, others, query, key)
    if isinstance(got, Tensor) or not isinstance(got, (tuple, list)) or len(got) != 2:
        core.fail(case, f"expected two tensors, queries and keys, got {core.describe(got)}")
    pair = []
    for what, given, old in zip(("queries", "keys"), got, (query, key)):
        core.expect_shape(f"{case}, the other {what}", given, old.shape)
        core.expect_dtype(f"{case}, the other {what}", given, torch.float64)
        pair.append(given.detach())
    _expect_same_scores(case, query, key, *pair)
    for what, old, new in zip(("query", "key"), (query, key), pair):
        for row, (before, after) in enumerate(zip(old, new)):
            if _angle(before, after) <= ANGLE:
                core.fail(
                    case,
                    f"{what} {row} was {core.numbers(before)} and is {core.numbers(after)}, "
                    f"{_how_alike(before, after)}{_all_or_one(old, new)}",
                )


def _expect_same_scores(case: str, query: Tensor, key: Tensor, other_query: Tensor, other_key: Tensor) -> None:
    """Fail unless the scores stay, with what the answer may have done instead."""
    want, got = _logits(query, key), _logits(other_query, other_key)
    if torch.allclose(got, want, rtol=0, atol=ROUNDED):
        return

    def alike(a: Tensor, b: Tensor) -> bool:
        return torch.allclose(a, b, rtol=0, atol=ROUNDED)

    likely = ""
    if torch.allclose(got, want, rtol=1e-4, atol=1e-3):
        likely = "rounding? Compute in float64 all the way"
    elif alike(got, got[0, 0].expand(got.shape)):
        likely = "all scores are alike now?"
    elif alike(got.sort(-1).values, want.sort(-1).values):
        likely = "keys in another order have other scores?"
    elif alike(got.sort(0).values, want.sort(0).values):
        likely = "queries in another order have other scores?"
    elif other_query.equal(query):
        likely = "the keys alone are changed?"
    elif other_key.equal(key):
        likely = "the queries alone are changed?"
    elif (matrix := _map(query, other_query)) is not None:
        maps = {
            "the same matrix M for both? The keys need the one that undoes it, M⁻¹ transposed": matrix,
            "the keys are rows: the inverse has to be transposed?": torch.linalg.inv(matrix),
            "only a rotation is undone by its transpose. Take the inverse, and transpose it?": matrix.T,
        }
        likely = next((what for what, other in maps.items() if torch.allclose(other_key, key @ other)), "")
    elif _map(query, other_query, singular=True) is not None:
        likely = "your matrix has no inverse, and what it has lost cannot come back?"
    place = core.farthest((got - want).abs().nan_to_num(math.inf))
    was, now = core.number(want[place], 8), core.number(got[place], 8)
    core.fail(case, f"the score at {place} was {was} and is {now}{likely and ': '}{likely}")


def _map(old: Tensor, new: Tensor, singular: bool = False) -> Tensor | None:
    """The matrix with old @ matrix = new, if there is one, the rows of `old` determine it, and it has an inverse."""
    size = old.shape[-1]
    if not new.isfinite().all() or torch.linalg.matrix_rank(old) < size:
        return None
    matrix = torch.linalg.lstsq(old, new).solution
    invertible = int(torch.linalg.matrix_rank(matrix)) == size
    return matrix if torch.allclose(old @ matrix, new, atol=ROUNDED) and invertible is not singular else None


def _angle(a: Tensor, b: Tensor) -> float:
    """The angle between the lines through two vectors, exact for small ones too; 0 where one is all zeros."""
    if not a.any() or not b.any():
        return 0.0
    a, b = F.normalize(a, dim=0), F.normalize(b, dim=0)
    cosine = a @ b
    return math.atan2(float((b - cosine * a).norm()), float(cosine.abs()))


def _how_alike(before: Tensor, after: Tensor) -> str:
    if not after.any():
        return "all zeros, with no direction"
    if torch.allclose(before, after):
        return "the same"
    if torch.allclose(before, -after):
        return "the same with another sign"
    return "a multiple, only its length is another"


def _all_or_one(old: Tensor, new: Tensor) -> str:
    """Whether this happens to each row, or to the special ones alone."""
    kept = sum(_angle(before, after) <= ANGLE for before, after in zip(old, new))
    return "" if kept == len(old) else f": {kept} of {len(old)} rows stay on their line. Which matrix moves every line?"


# --- 5: weights from the output --------------------------------------------------------------


@core.check
def find_weights_inside(find_weights: Callable[..., Any]) -> None:
    """Points inside the hull: of few values, with one way to mix them, and of many."""
    name, gen = "find_weights", core.generator("find-weights-inside")
    for count, size in [(3, 2), (2, 1), (4, 3), (5, 1), (6, 2), (8, 3), (7, 4)]:
        value = core.integers(gen, count, size) / 8
        shares = torch.randint(1, 6, (2, count), generator=gen).double()
        shares[1, int(torch.randint(count, (), generator=gen))] = 60  # near one of the values
        for weights in shares / shares.sum(-1, keepdim=True):
            _expect_weights(name, find_weights, weights, value)
    # Here the shortest weights that mix it have a negative one among them.
    value = _vector(0, 1, 2, 3, 9)[:, None]
    _expect_weights(name, find_weights, _vector(0, 0, 0, 1, 9) / 10, value)
    core.passed(name, f"up to 8 values, 7 of them give {core.numbers(_mixed(gen))}")


@core.check
def find_weights_outside(find_weights: Callable[..., Any]) -> None:
    """Points outside: within the box of the values, in their cone, off their line, near an edge. And one inside."""
    name, gen = "find_weights", core.generator("find-weights-outside")
    triangle = _vector(0, 0, 6, 0, 0, 6).reshape(3, 2)
    line = _vector(1, 1, 1, 2, 2, 2, 4, 4, 4).reshape(3, 3)
    away = _vector(2, 1, 3, 2, 2, 4).reshape(3, 2)  # the cone from 0 through these is wider than their hull
    many = core.integers(gen, 9, 3)
    direction = core.integers(gen, 3)
    beyond = many[(many @ direction).argmax()] + direction / 10
    flat = torch.cat([many[:4, :2], torch.full((4, 1), 5.0, dtype=torch.float64)], dim=1)
    cases = [
        ("a number above all values", _vector(7), _vector(-3, 2, 5)[:, None]),
        ("a number below all values", _vector(-4), _vector(-3, 2, 5, 1)[:, None]),
        ("in the box of the values, and not in their hull", _vector(5, 5), triangle),
        ("just across an edge", _vector(3.02, 3.0), triangle),
        ("a multiple of a point inside", 1.5 * away.mean(0), away),
        ("a smaller multiple of a point inside", 0.5 * away.mean(0), away),
        ("the origin", torch.zeros(2, dtype=torch.float64), away),
        ("off the line of the values", _vector(2, 2, 2.5), line),
        ("on the line of the values, past its end", _vector(4.5, 4.5, 4.5), line),
        ("beyond the last of 9 values", beyond, many),
        ("off the plane of the values", flat.mean(0) + _vector(0, 0, 1), flat),
        ("not the only value", _vector(1, 2), _vector(1, 3)[None]),
    ]
    for what, output, value in cases:
        got = core.call(name, find_weights, output, value)
        if got is not None:
            case = f"{name}, {what}: output {core.numbers(output)}, {len(value)} values"
            weights = _weights(case, got, len(value))
            core.fail(case, f"expected None, got weights{_fault(weights, output, value) or ''}: no weights give this output")
    weights = torch.randint(1, 6, (9,), generator=gen).double()
    _expect_weights(name, find_weights, weights / weights.sum(), many)  # None is not always right
    core.passed(name, f"None for {len(cases)} points, the farthest way out along {core.numbers(direction)}")


@core.check
def find_weights_edge(find_weights: Callable[..., Any]) -> None:
    """Points on the edge of the hull, and hulls without an inside: one value, equal values, values on a line."""
    name, gen = "find_weights", core.generator("find-weights-edge")
    square = _vector(0, 0, 4, 0, 0, 4, 4, 4).reshape(4, 2)
    drawn = core.integers(gen, 1, 3)
    cases = [
        (_vector(0, 1, 0, 0), square),  # a corner
        (_vector(0, 0, 3, 1) / 4, square),  # an edge
        (_vector(1, 0, 0, 1) / 2, square),  # the middle, in many ways
        (_vector(1), drawn),
        (_vector(1, 2) / 3, drawn.expand(2, 3)),
        (_vector(1, 1, 2) / 4, torch.cat([drawn, drawn, -drawn])),
        (_vector(2, 1, 3, 2) / 8, _vector(-1, 0, 2, 5)[:, None] * drawn + 1),
        (_vector(1, 1) / 2, torch.zeros(2, 3, dtype=torch.float64)),
    ]
    for weights, value in cases:
        _expect_weights(name, find_weights, weights, value)
    outside = core.call(name, find_weights, 2 * drawn[0], drawn)
    if outside is not None:  # the weight 1 is not always right
        core.fail(f"{name}, one value {core.numbers(drawn)}", f"expected None for output {core.numbers(2 * drawn)}, got weights")
    core.passed(name, f"corners, edges, equal values, and the one value {core.numbers(drawn)}")


def _mixed(gen: torch.Generator) -> Tensor:
    """A mixture of 7 values, for the line of a passed check."""
    weights = torch.randint(1, 6, (7,), generator=gen).double()
    return weights @ core.integers(gen, 7, 4) / weights.sum()


def _expect_weights(name: str, find_weights: Callable[..., Any], weights: Tensor, value: Tensor) -> None:
    """Fail unless the answer mixes the values to the same output as these weights."""
    output = weights @ value
    case = f"{name}, output {core.numbers(output)}, {len(value)} values of length {value.shape[1]}"
    got = core.call(name, find_weights, output, value)
    if got is None:
        core.fail(case, f"got None, but the weights {core.numbers(weights)} give it")
    found = _weights(case, got, len(value))
    fault = _fault(found, output, value)
    if fault:
        core.fail(case, f"got weights{fault}{_likely_weights(found, output, value)}")


def _weights(case: str, got: Any, count: int) -> Tensor:
    """`got` as `count` finite weights, or CheckFailed."""
    core.expect_shape(case, got, (count,))
    weights = got.detach().double()
    if not weights.isfinite().all():
        core.fail(case, f"expected numbers, got weights {core.numbers(weights)}")
    return weights


def _fault(weights: Tensor, output: Tensor, value: Tensor) -> str | None:
    """What is wrong with these weights, with the number that shows it; None if nothing is."""
    if weights.min() < -ROUNDED:
        return f", one of which is {core.number(weights.min(), 3)}, below 0"
    if abs(float(weights.sum()) - 1) > ROUNDED:
        return f" that sum to {core.number(weights.sum(), 4)}, not to 1"
    mixed = weights @ value
    if (mixed - output).abs().max() > ROUNDED:
        return f" that give {core.numbers(mixed)}"
    return None


def _likely_weights(found: Tensor, output: Tensor, value: Tensor) -> str:
    """`: name?` of the mistake that gives these weights, or nothing."""
    equations = torch.cat([value.T, torch.ones(1, len(value), dtype=torch.float64)])
    target = torch.cat([output, torch.ones(1, dtype=torch.float64)])
    solved = torch.linalg.pinv(equations) @ target
    solved_without = torch.linalg.pinv(value.T) @ output
    clipped = solved.clamp(min=0)
    without_sum = torch.from_numpy(nnls(value.T.numpy(), output.numpy())[0])
    dot = value @ output
    mistakes = {
        "the equations are solved, the signs not looked at (there may be other solutions)": solved,
        "the equations are solved without the one for the sum, and without the signs": solved_without,
        "negative weights set to 0, which changes the output": clipped,
        "negative weights set to 0 and the rest divided by its sum, which changes the output": clipped / clipped.sum(),
        "a softmax of the dot products: why should it mix to the output": dot.softmax(0),
        "a softmax of the scaled dot products: why should it mix to the output": (dot / len(output) ** 0.5).softmax(0),
        "the equation for the sum is missing": without_sum,
        "solved without the sum, then divided by it, which changes the output": without_sum / without_sum.sum(),
        "the nearest value alone": F.one_hot((value - output).norm(dim=-1).argmin(), len(value)).double(),
        "even weights": torch.full_like(found, 1 / len(value)),
    }
    likely = [mistake for mistake, weights in mistakes.items() if torch.allclose(found, weights, rtol=1e-4, atol=1e-5)]
    return f": {likely[0]}?" if likely else ""


def _same(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a.double(), b.double(), 1e-5, 1e-5, equal_nan=True)
