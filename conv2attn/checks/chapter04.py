"""The checks of exercise 04: what a stack of convolutions can see, and what it does see.

One function a check cell, in the order of the notebook. The references go another way than the solutions where they
can: a field by the formulas for its size and jump, a gradient by torch's Jacobian, a ceiling by counting pixels.
"""

import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from conv2attn.checks import core

EXACT = 1e-9  # counts and probabilities: float64 rounding is all that may differ
Layers = list[tuple[int, int, int, int]]

# --- 1: the ends of a field ----------------------------------------------------------------------


@core.check
def field_ends_plain(field_ends: Callable[..., Any]) -> None:
    """Stride 1 and dilation 1; no layer at all; kernels of unlike sizes, even ones and 1 among them."""
    name, gen = "field_ends", core.generator("field-ends-plain")
    depth, other, p = core.pick(gen, [4, 5, 6]), core.pick(gen, [5, 7]), core.pick(gen, [12, 13, 14])
    stacks = [[(3, 1, 0, 1)] * depth, [], [(other, 1, 0, 1), (1, 1, 0, 1), (2, 1, 2, 1), (4, 1, 1, 1)]]
    for layers in stacks:
        _expect_ends(name, field_ends, layers, p)
    core.passed(name, f"{depth} layers of 3, output {p} sees pixels {_ends(stacks[0], p)}")


@core.check
def field_ends_dilation(field_ends: Callable[..., Any]) -> None:
    """Dilation spreads the taps; with stride 1, padding moves the field by as much."""
    name, gen = "field_ends", core.generator("field-ends-dilation")
    a, b, p = core.pick(gen, [2, 3]), core.pick(gen, [5, 6]), core.pick(gen, [3, 20])
    stacks = [
        [(3, 1, 1, 1), (5, 1, 4, a), (3, 1, 3, b)],
        [(2, 1, 1, 1), (2, 1, 2, 2), (2, 1, 4, 4), (2, 1, 8, 8)],
        [(1, 1, 2, 7), (4, 1, 0, 3)],
    ]
    for layers in stacks:
        _expect_ends(name, field_ends, layers, p)
    core.passed(name, f"dilations {[d for *_, d in stacks[0]]}, output {p} sees pixels {_ends(stacks[0], p)}")


@core.check
def field_ends_stride(field_ends: Callable[..., Any]) -> None:
    """Each layer's stride counts for all that lies above it: the taps, the padding, and p itself."""
    name, gen = "field_ends", core.generator("field-ends-stride")
    a, b, p = core.pick(gen, [3, 4]), core.pick(gen, [5, 7]), core.pick(gen, [3, 4])
    stacks = [
        [(b, 2, 2, 1), (3, 1, 1, 1), (4, a, 0, 1), (5, 1, 3, 1)],
        [(7, 2, 3, 1), (3, 2, 0, 2), (3, 2, 1, 1), (5, 3, 4, 3)],
        [(1, 4, 0, 1), (3, 1, 1, 1)],
    ]
    for layers in stacks:
        for output in (p, 0):
            _expect_ends(name, field_ends, layers, output)
    core.passed(name, f"strides {[s for _, s, *_ in stacks[1]]}, output {p} sees pixels {_ends(stacks[1], p)}")


def _expect_ends(name: str, field_ends: Callable[..., Any], layers: Layers, p: int) -> None:
    """Fail unless the answer is the field's first and last pixel."""
    case = f"{name}({layers}, {p})"
    got = core.call(case, field_ends, layers, p)
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        core.fail(case, f"expected two integers (first, last), got {core.describe(got)}")
    given = tuple(core.expect_number(case, value) for value in got)
    want = _ends(layers, p)
    if given == want:
        return
    mistakes = _ends_mistakes(layers, p)
    likely = next((f": {mistake}?" for mistake, ends in mistakes.items() if ends == given), "")
    core.fail(case, f"expected {want}, got ({core.number(given[0])}, {core.number(given[1])}){likely}")


def _ends(layers: Layers, p: int) -> tuple[int, int]:
    """(first, last), from the formulas for size, jump and start, the first layer first."""
    size, jump, start = 1, 1, 0
    for kernel_size, stride, padding, dilation in layers:
        size += dilation * (kernel_size - 1) * jump
        start -= padding * jump
        jump *= stride
    return start + jump * p, start + jump * p + size - 1


def _ends_mistakes(layers: Layers, p: int) -> dict[str, tuple[float, float]]:
    """Name of a mistake -> the pair that it gives."""
    jump = math.prod(stride for _, stride, *_ in layers)
    first, last = _ends(layers, p)
    unpadded = _ends([(k, s, 0, d) for k, s, _, d in layers], p)
    padding = sum(m for *_, m, _ in layers)

    def walk(span: Callable[[int, int], float], layers: Layers = layers) -> tuple[float, float]:
        """Back from the output, a layer's window being as long as `span` says."""
        first = last = p
        for kernel_size, stride, padding, dilation in reversed(layers):
            first, last = first * stride - padding, last * stride - padding + span(kernel_size, dilation)
        return first, last

    def spread(kernel_size: int, dilation: int) -> int:
        return dilation * (kernel_size - 1)

    def centred() -> tuple[float, float]:
        first = last = p
        for kernel_size, stride, _, dilation in reversed(layers):
            first, last = first * stride - dilation * (kernel_size // 2), last * stride + dilation * (kernel_size // 2)
        return first, last

    def stride_last() -> tuple[float, float]:
        first = last = p
        for kernel_size, stride, padding, dilation in reversed(layers):
            first, last = (first - padding) * stride, (last - padding + spread(kernel_size, dilation)) * stride
        return first, last

    bottom = layers[0] if layers else (1, 1, 0, 1)
    return {
        "the window of a layer ends K - 1 steps after its first tap, not K": walk(lambda k, d: d * k),
        "a dilated kernel spans d (K - 1) + 1 pixels, not d K": walk(lambda k, d: d * k - 1),
        "the dilation forgotten": walk(lambda k, d: k - 1),
        "the dilation added, it multiplies": walk(lambda k, d: k - 1 + d - 1),
        "half of the window forgotten": walk(lambda k, d: d * (k // 2)),
        "the padding forgotten": unpadded,
        "the padding with the wrong sign: pixel 0 is the first behind it": _ends([(k, s, -m, d) for k, s, m, d in layers], p),
        "the layers in the wrong order: begin at the output, with the last layer": _ends(layers[::-1], p),
        "the strides forgotten": _ends([(k, 1, m, d) for k, _, m, d in layers], p),
        "p alone multiplied by the strides, the windows are too": (
            jump * p + _ends([(k, 1, m, d) for k, _, m, d in layers], 0)[0],
            jump * p + _ends([(k, 1, m, d) for k, _, m, d in layers], 0)[1],
        ),
        "the padding counted in pixels of the image, it is in pixels of its own layer": (
            unpadded[0] - padding,
            unpadded[1] - padding,
        ),
        "the padding moves both ends": (first, unpadded[1]),
        "the window centred on the output: it begins at stride * p - padding": centred(),
        "a layer's stride counts for the layers above it, not for its own padding and window": stride_last(),
        "the bottom layer's window alone: the last pixel has to be walked back by itself": (
            first,
            first + spread(bottom[0], bottom[3]),
        ),
        "pixels beside the image count, first may be negative": (max(first, 0), last),
        "one pixel past the last": (first, last + 1),
    }


# --- 2: how wide a field is ----------------------------------------------------------------------


@core.check
def field_width_law(field_width: Callable[..., Any]) -> None:
    """Stacks of averaging kernels: four standard deviations as the square-root law has them, on both axes."""
    name, gen = "field_width", core.generator("field-width-law")
    depth = core.pick(gen, [4, 6, 8])
    for row_stack, column_stack in [((3, 2), (3, depth)), ((5, depth), (3, 3))]:
        row, column = (_box_stack(*stack) for stack in (row_stack, column_stack))
        field = row[:, None] * column
        want = torch.tensor(
            [4 * math.sqrt(layers * (kernel_size**2 - 1) / 12) for kernel_size, layers in (row_stack, column_stack)]
        )
        got = _two_numbers(name, core.call(name, field_width, field))
        case = f"{name}, {column_stack[1]} averages of {column_stack[0]} along the rows"
        core.compare(case, got, want, partial(_width_mistakes, field))
    core.passed(name, f"{depth} averages of 5: {core.numbers(want[:1])}, and the field is {len(row)} pixels")


@core.check
def field_width_any(field_width: Callable[..., Any]) -> None:
    """Any field: off the middle, not normalised, of any shape."""
    name, gen = "field_width", core.generator("field-width-any")
    for height, width in [(5, 8), (9, 4), (1, 6)]:
        field = core.integers(gen, height, width).abs()
        field[:, : width // 2] *= 10  # off the middle
        want = _width(field)
        got = _two_numbers(name, core.call(name, field_width, field))
        case = f"{name}, a field of {height} × {width}, sum {core.number(field.sum())}"
        core.compare(case, got, want, partial(_width_mistakes, field))
        if height == 5:
            first = want
    core.passed(name, f"a random field of 5 × 8 is {core.numbers(first)} wide")


def _two_numbers(name: str, got: Any) -> Tensor:
    """`got` as two numbers, or CheckFailed."""
    if isinstance(got, Tensor) and got.shape == (2,):
        return got.detach().double()
    if not isinstance(got, (tuple, list)) or len(got) != 2:
        core.fail(name, f"expected two numbers (rows, columns), got {core.describe(got)}")
    return torch.tensor([core.expect_number(name, value) for value in got], dtype=torch.float64)


def _box_stack(kernel_size: int, layers: int) -> Tensor:
    """The field of a stack of averages in one dimension: it sums to 1."""
    field = torch.ones(1, 1, 1, dtype=torch.float64)
    kernel = torch.full((1, 1, kernel_size), 1 / kernel_size, dtype=torch.float64)
    for _ in range(layers):
        field = F.conv1d(field, kernel, padding=kernel_size - 1)
    return field[0, 0]


def _moments(profile: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of the position, with these weights."""
    share = profile / profile.sum()
    position = torch.arange(len(profile), dtype=torch.float64)
    mean = (share * position).sum()
    return mean, (share * (position - mean) ** 2).sum()


def _width(field: Tensor) -> Tensor:
    """Four standard deviations along the rows' and the columns' axis: (2,)."""
    return torch.stack([4 * _moments(field.sum(1 - axis))[1].sqrt() for axis in (0, 1)])


def _width_mistakes(field: Tensor) -> dict[str, Tensor]:
    """Name of a mistake -> the widths it gives."""
    want, total = _width(field), field.sum()
    position = [torch.arange(n, dtype=torch.float64) for n in field.shape]
    profile = [field.sum(1 - axis) for axis in (0, 1)]

    def about(centre: Callable[[int], Tensor | float]) -> Tensor:
        both = [
            (profile[axis] / total * (position[axis] - centre(axis)) ** 2).sum().clamp(min=0).sqrt() for axis in (0, 1)
        ]
        return 4 * torch.stack(both)

    unnormalised = torch.stack(
        [(profile[axis] * (position[axis] - (profile[axis] * position[axis]).sum()) ** 2).sum().sqrt() for axis in (0, 1)]
    )
    kept_sum = torch.stack(
        [(profile[axis] * (position[axis] - _moments(profile[axis])[0]) ** 2).sum().sqrt() for axis in (0, 1)]
    )
    middle = field[field.shape[0] // 2], field[:, field.shape[1] // 2]
    return {
        "rows and columns swapped": want.flip(0),
        "one standard deviation, four are asked": want / 4,
        "two standard deviations, four are asked": want / 2,
        "the variance, not its root": 4 * (want / 4) ** 2,
        "the field must be divided by its sum": 4 * unnormalised,
        "divide by the sum of the field": 4 * kept_sum,
        "divided by the largest value of the field, not by its sum": 4 * kept_sum / field.max().sqrt(),
        "the spread about the middle of the picture, not about the field's mean": about(
            lambda axis: (field.shape[axis] - 1) / 2
        ),
        "the spread about the picture's pixel H // 2, W // 2, not about the field's mean": about(
            lambda axis: field.shape[axis] // 2
        ),
        "the spread about pixel 0, not about the field's mean": about(lambda axis: 0.0),
        "the spread about the largest value, not about the field's mean": about(
            lambda axis: float(profile[axis].argmax())
        ),
        "the standard deviation of the values; the positions are asked, with the values as weights": 4
        * torch.stack([values.std(correction=0) for values in profile]),
        "the middle row and column alone: sum over the other axis": torch.stack(
            [4 * _moments(line)[1].sqrt() for line in (middle[1], middle[0])]
        ),
        "the number of pixels with a gradient, not their spread": torch.stack(
            [(values > 0).sum().double() for values in profile]
        ),
    }


# --- 3: the field that a layer does have ---------------------------------------------------------


@core.check
def gradient_field_linear(gradient_field: Callable[..., Any]) -> None:
    """Convolutions: the field is the norm of the kernel at each tap. Several channels, strides."""
    name, gen = "gradient_field", core.generator("gradient-field-linear")
    for c_in, c_out, stride in [(1, 1, 1), (3, 2, 1), (2, 3, 2)]:
        layer = _conv(gen, c_in, c_out, stride=stride)
        x = core.integers(gen, c_in, 6, 7)
        pixel = (core.pick(gen, [0, 2]), core.pick(gen, [1, 3]))
        case = f"{name}, conv {c_in} → {c_out}, stride {stride}, pixel {pixel}"
        want = _expect_gradient_field(name, gradient_field, case, layer, x, pixel)
    core.passed(name, f"{int((want > 0).sum())} pixels, largest {core.number(want.max())}")


@core.check
def gradient_field_nonlinear(gradient_field: Callable[..., Any]) -> None:
    """The field depends on the image: ReLU and products in between."""
    name, gen = "gradient_field", core.generator("gradient-field-nonlinear")
    layers = [
        ("conv, ReLU, conv", nn.Sequential(_conv(gen, 2, 4, bias=True), nn.ReLU(), _conv(gen, 4, 3))),
        ("conv of the square", nn.Sequential(_Square(), _conv(gen, 2, 2))),
    ]
    for what, layer in layers:
        for pixel in [(3, 2), (0, 4)]:
            x = core.integers(gen, 2, 5, 6)
            case = f"{name}, {what}, pixel {pixel}"
            want = _expect_gradient_field(name, gradient_field, case, layer, x, pixel)
    core.passed(name, f"of the square, at the border, largest {core.number(want.max())}")


@core.check
def gradient_field_clean(gradient_field: Callable[..., Any]) -> None:
    """Nothing is left behind: the image and the layer are as before, and a second call gives the same."""
    name, gen = "gradient_field", core.generator("gradient-field-clean")
    layer, x = _conv(gen, 2, 2, bias=True).requires_grad_(True), core.integers(gen, 2, 4, 5)
    kept, weight = x.clone(), layer.weight.detach().clone()
    # Bound by partial, the learner's function gets this very layer and image, not copies.
    answer = partial(gradient_field, layer, x, (1, 2))
    want = _gradient_field(layer, x, (1, 2))
    mistakes = {"gradients of the first call still in x.grad": 2 * want, **_gradient_mistakes(layer, x, (1, 2))}
    for time in ("first", "second"):
        case = f"{name}, {time} call with the same image"
        got = core.call(name, answer)
        core.compare(case, got, want, mistakes)
        if x.requires_grad or x.grad is not None:
            core.fail(case, "x.requires_grad is True afterwards: you changed the caller's image, work on a copy of it")
        if not x.equal(kept):
            core.fail(case, "your function changes the values of x: work on a copy of it")
        if layer.weight.grad is not None:
            core.fail(
                case,
                "the layer's weights have a .grad afterwards, a training step would use it: "
                "torch.autograd.grad returns gradients and stores none",
            )
        if not layer.weight.equal(weight) or not layer.weight.requires_grad:
            core.fail(case, "your function changes the layer")
        if got.requires_grad:
            core.fail(case, "the field carries a history: detach it")
    core.passed(name, f"two calls, the same field, its largest value {core.number(want.max())}")


class _Square(nn.Module):
    """Each value times itself."""

    def forward(self, x: Tensor) -> Tensor:
        return x * x


def _conv(gen: torch.Generator, c_in: int, c_out: int, stride: int = 1, bias: bool = False) -> nn.Conv2d:
    """A 3 × 3 convolution with zero padding and integer weights, in float64."""
    conv = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=bias).double().requires_grad_(False)
    conv.weight.copy_(core.integers(gen, c_out, c_in, 3, 3))
    if conv.bias is not None:
        conv.bias.copy_(core.integers(gen, c_out) + 0.5)  # no ReLU stands exactly at 0
    return conv


def _expect_gradient_field(
    name: str, gradient_field: Callable[..., Any], case: str, layer: nn.Module, x: Tensor, pixel: tuple[int, int]
) -> Tensor:
    """Compare one field with the reference, and return the reference."""
    got = core.call(name, gradient_field, layer, x, pixel)
    want = _gradient_field(layer, x, pixel)
    core.compare(case, got, want, partial(_gradient_mistakes, layer, x, pixel))
    return want


def _gradient_of_norm(layer: nn.Module, x: Tensor, pixel: tuple[int, int]) -> Tensor:
    """‖∂ ‖y[:, pixel]‖ / ∂x‖ over the input channels: (H, W)."""
    image = x.detach().clone().requires_grad_()
    (gradient,) = torch.autograd.grad(layer(image[None])[0, :, *pixel].norm(), image)
    return gradient.square().sum(0).sqrt()


def _gradient_mistakes(layer: nn.Module, x: Tensor, pixel: tuple[int, int]) -> dict[str, Tensor]:
    """Name of a mistake -> the field it gives."""
    jacobian = _jacobian(layer, x, pixel)
    want = _gradient_field(layer, x, pixel)
    mistakes = {
        "gradients of the output channels summed first: where they cancel, the field has a hole": (
            jacobian.sum(0).square().sum(0).sqrt()
        ),
        "gradients of the input channels summed first: where they cancel, the field has a hole": (
            jacobian.sum(1).square().sum(0).sqrt()
        ),
        "gradients of all channels summed, where the norm is asked": jacobian.sum((0, 1)),
        "gradients of all channels summed first, then the absolute value": jacobian.sum((0, 1)).abs(),
        "absolute values summed, the root of the sum of squares is asked": jacobian.abs().sum((0, 1)),
        "absolute values of summed gradients": jacobian.sum(0).abs().sum(0),
        "the gradient of the norm of y, the norm of the gradient is asked": _gradient_of_norm(layer, x, pixel),
        "the root forgotten": jacobian.square().sum((0, 1)),
        "the first output channel alone": jacobian[0].square().sum(0).sqrt(),
        "the first input channel alone": jacobian[:, 0].square().sum(0).sqrt(),
        "the norms of the output channels summed: one root over all squares": jacobian.square().sum(1).sqrt().sum(0),
        "the mean of the squares, their sum is asked": jacobian.square().mean((0, 1)).sqrt(),
        "the largest over the channels, the norm over all is asked": jacobian.abs().amax((0, 1)),
        "the gradients of the channels before are still in .grad": jacobian.cumsum(0).square().sum((0, 1)).sqrt(),
        "probed by impulses, which is right for linear layers alone": _probed(layer, x, pixel),
        "sum the squares over the input channels too": jacobian.square().sum(0).sqrt(),
        "an axis for the batch": want[None],
        "the gradient at an image of zeros, not at x": _gradient_field(layer, torch.zeros_like(x), pixel),
        "the gradient at an image of ones, not at x": _gradient_field(layer, torch.ones_like(x), pixel),
        "whether there is a gradient; its size is asked": (want > 0).double(),
        "the image times its gradient": (jacobian * x).square().sum((0, 1)).sqrt(),
    }
    if all(place < size for place, size in zip(pixel[::-1], layer(x[None]).shape[2:])):
        mistakes["row and column of the pixel swapped"] = _gradient_field(layer, x, pixel[::-1])
    mistakes["all output pixels, one is asked"] = _all_pixels(layer, x)
    return mistakes


def _jacobian(layer: nn.Module, x: Tensor, pixel: tuple[int, int]) -> Tensor:
    """∂ y[o, pixel] / ∂ x: (C_out, C_in, H, W)."""
    return torch.autograd.functional.jacobian(lambda image: layer(image[None])[0, :, *pixel], x)


def _gradient_field(layer: nn.Module, x: Tensor, pixel: tuple[int, int]) -> Tensor:
    return _jacobian(layer, x, pixel).square().sum((0, 1)).sqrt()


def _probed(layer: nn.Module, x: Tensor, pixel: tuple[int, int]) -> Tensor:
    """The field by the answers to impulses."""
    impulses = torch.eye(x.numel(), dtype=x.dtype).reshape(-1, *x.shape)
    with torch.no_grad():
        y = (layer(impulses) - layer(torch.zeros_like(x)[None]))[:, :, *pixel]
    return y.square().sum(1).reshape(x.shape).sum(0).sqrt()


def _all_pixels(layer: nn.Module, x: Tensor) -> Tensor:
    """The norm of ∂ Σ y / ∂ x over the input channels: what backward() of the whole output gives."""
    jacobian = torch.autograd.functional.jacobian(lambda image: layer(image[None]).sum(), x)
    return jacobian.square().sum(0).sqrt()


# --- 4: the ceiling of marker copy ---------------------------------------------------------------


@core.check
def marker_ceiling_corner(marker_ceiling: Callable[..., Any]) -> None:
    """The output stands at the first pixel, both bits are as likely."""
    name, gen = "marker_ceiling", core.generator("marker-ceiling-corner")
    depth = core.pick(gen, [3, 5, 6])
    for n, kernel_size in [(32, 3), (30, 5), (9, 1)]:
        want = _expect_ceiling(name, marker_ceiling, n, 0, depth, kernel_size, 0.5)
        if kernel_size == 5:
            kept = want
    core.passed(name, f"{depth} layers of 5 on 30 pixels: {kept:.6f}")


@core.check
def marker_ceiling_inside(marker_ceiling: Callable[..., Any]) -> None:
    """The output stands anywhere; the field ends at the image's ends, and may cover all of it."""
    name, gen = "marker_ceiling", core.generator("marker-ceiling-inside")
    offset = core.pick(gen, [0, 1])
    for n, position, depth, kernel_size in [
        (33, 15 + offset, 3, 3),
        (20, 3 + offset, 5, 3),
        (21, 19 - offset, 3, 5),
        (10, 4 + offset, 20, 3),
        (24, 0, 40, 3),
    ]:
        want = _expect_ceiling(name, marker_ceiling, n, position, depth, kernel_size, 0.5)
    core.passed(name, f"and {want:g} where the field covers the row")


@core.check
def marker_ceiling_guess(marker_ceiling: Callable[..., Any]) -> None:
    """One bit is more likely than the other: the best guess uses that."""
    name, gen = "marker_ceiling", core.generator("marker-ceiling-guess")
    low, high = core.pick(gen, [0.125, 0.25]), core.pick(gen, [0.625, 0.75])
    for n, position, depth, kernel_size, prior in [
        (17, 0, 4, 3, high),
        (17, 0, 4, 3, low),
        (16, 6, 0, 5, low),
        (26, 9, 2, 5, low),
        (12, 3, 2, 3, 1.0),
    ]:
        want = _expect_ceiling(name, marker_ceiling, n, position, depth, kernel_size, prior)
        if (n, prior) == (16, low):
            blind = want
    core.passed(name, f"without a layer {blind:g} by guessing alone, with prior {low:g}")


def _expect_ceiling(
    name: str, marker_ceiling: Callable[..., Any], n: int, position: int, depth: int, kernel_size: int, prior: float
) -> float:
    """Compare one ceiling with the reference, and return the reference."""
    case = f"{name}({n}, {position}, {depth}, {kernel_size}, {prior})"
    got = core.expect_number(case, core.call(name, marker_ceiling, n, position, depth, kernel_size, prior))
    reach = depth * (kernel_size // 2)
    guess = max(prior, 1 - prior)

    def ceiling(reach: int, guess: float = guess) -> float:
        """Pixel by pixel: 1 where the marker is seen, the guess where it is not."""
        others = [q for q in range(n) if q != position]
        return sum(1 if abs(q - position) <= reach else guess for q in others) / len(others)

    want = ceiling(reach)
    seen = round(sum(abs(q - position) <= reach for q in range(n)) - 1)
    both = 2 * reach
    mistakes = {
        "where the marker is not seen, a guess is right in some cases": ceiling(reach, 0.0),
        "the guess must be the bit that is more likely": ceiling(reach, prior),
        "a guess is better than even where one bit is more likely": ceiling(reach, 0.5),
        "guessing in proportion to the probabilities, always the likelier bit is better": ceiling(
            reach, prior**2 + (1 - prior) ** 2
        ),
        "depth times K: one layer reaches K // 2 pixels": ceiling(depth * kernel_size),
        "depth times K - 1: one layer reaches K // 2 pixels to each side": ceiling(depth * (kernel_size - 1)),
        "the field counted on both sides, though it ends where the row ends": min(
            1.0, (both + (n - 1 - both) * guess) / (n - 1)
        ),
        "the field counted on both sides, though it ends where the row ends, and the result is above 1": (
            both + (n - 1 - both) * guess
        )
        / (n - 1),
        "the field counted on one side only": _accuracy(min(reach, n - 1), n - 1, guess),
        "the right side alone": _accuracy(min(reach, n - 1 - position), n - 1, guess),
        "the field is wider than the row: no more than n - 1 pixels can hold the marker": (
            reach + (n - 1 - reach) * guess
        )
        / (n - 1),
        "n pixels counted, the marker has n - 1 places": (seen + (n - seen) * guess) / n,
        "the output's own pixel counted, the marker is never there": (seen + 1 + (n - seen - 1) * guess) / n,
        "one pixel of the field too many": ceiling(reach + 1),
        "one pixel of the field too few": ceiling(reach - 1),
    }
    core.compare(case, got, want, {mistake: _number(value) for mistake, value in mistakes.items()}, atol=EXACT, rtol=EXACT)
    return want


def _accuracy(seen: int, places: int, guess: float) -> float:
    """The accuracy when `seen` of `places` are seen."""
    return (seen + (places - seen) * guess) / places


def _number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


# --- 5: dilations without holes ------------------------------------------------------------------


@core.check
def dilations_without_holes_near(dilations_without_holes: Callable[..., Any]) -> None:
    """Sizes that doubling reaches."""
    name, gen = "dilations_without_holes", core.generator("dilations-without-holes-near")
    any_size = 2 * core.pick(gen, [5, 6, 7]) + 1
    cases = [(7, [3, 3]), (any_size, [3, 3, 3]), (9, [5, 3]), (5, [5]), (1, [3]), (9, [3] * 6)]
    for size, kernel_sizes in cases:
        _expect_dilations(name, dilations_without_holes, size, kernel_sizes)
    core.passed(name, f"{any_size} pixels with three layers of 3")


@core.check
def dilations_without_holes_wide(dilations_without_holes: Callable[..., Any]) -> None:
    """The widest that there is, and a little less, with equal kernels and with different ones."""
    name, gen = "dilations_without_holes", core.generator("dilations-without-holes-wide")
    less = core.pick(gen, [97, 99, 101])
    cases = [(9, [3, 3]), (27, [3, 3, 3]), (15, [3, 5]), (105, [7, 3, 5]), (less, [3, 7, 5]), (225, [5, 1, 3, 5, 3])]
    for size, kernel_sizes in cases:
        _expect_dilations(name, dilations_without_holes, size, kernel_sizes)
    core.passed(name, f"105 pixels with kernels of 7, 3 and 5, {less} with 3, 7 and 5")


@core.check
def dilations_without_holes_none(dilations_without_holes: Callable[..., Any]) -> None:
    """None where no dilations exist, and only there."""
    name = "dilations_without_holes"
    gen = core.generator("dilations-without-holes-none")
    beyond = core.pick(gen, [107, 109, 111])
    impossible = [(11, [3, 3]), (17, [3, 5]), (beyond, [7, 3, 5]), (3, [1, 1, 1]), (7, [5]), (83, [3] * 4), (47, [5, 3, 3])]
    for size, kernel_sizes in impossible:
        case = f"{name}({size}, {kernel_sizes})"
        got = core.call(name, dilations_without_holes, size, kernel_sizes)
        if got is not None:
            dilations = _dilations(case, got, len(kernel_sizes))
            missing = _first_hole(size, kernel_sizes, dilations)
            core.fail(
                case,
                f"expected None, got {dilations}, which leaves out offset {missing}, as any other choice leaves out some: "
                "how many ways are there through the layers?",
            )
    for size, kernel_sizes in [(9, [3, 3]), (5, [5]), (1, [1, 1]), (105, [7, 3, 5]), (45, [5, 3, 3])]:
        if core.call(name, dilations_without_holes, size, kernel_sizes) is None:
            _fail_no_dilations(f"{name}({size}, {kernel_sizes})")
    core.passed(name, f"None for {len(impossible)} sizes, one of them {beyond} with kernels of 7, 3 and 5")


def _expect_dilations(
    name: str, dilations_without_holes: Callable[..., Any], size: int, kernel_sizes: list[int]
) -> None:
    """Fail unless the answer's stack sees every offset of the window."""
    case = f"{name}({size}, {kernel_sizes})"
    got = core.call(name, dilations_without_holes, size, kernel_sizes)
    if got is None:
        _fail_no_dilations(case)
    dilations = _dilations(case, got, len(kernel_sizes))
    missing = _first_hole(size, kernel_sizes, dilations)
    if missing is None:
        return
    reach = sum(kernel_size // 2 * dilation for kernel_size, dilation in zip(kernel_sizes, dilations))
    why = f"the field ends at {reach}" if missing > reach else f"the field goes to {reach}, with a hole"
    core.fail(case, f"the dilations {dilations} never see offset {missing}: {why}")


def _fail_no_dilations(case: str) -> NoReturn:
    """None where there are dilations. The way to find them is left to the learner."""
    core.fail(case, "got None, but there are such dilations: how many pixels can one more layer add without a hole?")


def _dilations(case: str, got: Any, num_layers: int) -> list[int]:
    """`got` as positive integers, one a layer, or CheckFailed."""
    if isinstance(got, Tensor):
        got = got.tolist()
    if not isinstance(got, (list, tuple)) or len(got) != num_layers:
        what = f"{len(got)} values" if isinstance(got, (list, tuple)) else core.describe(got)
        core.fail(case, f"expected {num_layers} dilations, one for each layer, got {what}")
    try:
        dilations = [operator.index(dilation) for dilation in got]
    except TypeError:
        core.fail(case, f"expected integers, got {core.one_line(repr(got), 60)}")
    if min(dilations) < 1 or max(dilations) > 10**6:
        core.fail(case, f"expected dilations from 1 to a million, got {core.one_line(repr(dilations), 60)}")
    return dilations


def _first_hole(size: int, kernel_sizes: list[int], dilations: list[int]) -> int | None:
    """The smallest offset from 0 to (size - 1) / 2 that the stack does not see, if there is one.

    A field of odd kernels is symmetric, so that the other side need not be asked.
    """
    seen = {0}
    for kernel_size, dilation in zip(kernel_sizes, dilations):
        taps = range(-(kernel_size // 2), kernel_size // 2 + 1)
        seen = {offset + tap * dilation for offset in seen for tap in taps}
    return next((offset for offset in range(size // 2 + 1) if offset not in seen), None)
