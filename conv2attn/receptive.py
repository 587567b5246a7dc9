"""What one output pixel sees through a stack of layers: on paper, and by the gradient."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from conv2attn.geometry import Geometry


class ReceptiveField(NamedTuple):
    """Where a stack of convolutions looks; every tuple has one entry an axis.

    With zero padding, output pixel p depends on no input pixel outside
    ``start + jump * p, …, start + jump * p + size - 1``. What lies beside the picture there is padding; other padding
    modes copy it from pixels that may lie outside. Dilation and stride can leave holes: pixels inside, never read.
    """

    size: tuple[int, ...]
    jump: tuple[int, ...]
    start: tuple[int, ...]


def receptive_field(convs: Iterable[nn.Module]) -> ReceptiveField:
    """The theoretical receptive field of ``nn.Conv1d/2d/3d`` modules, the one nearest to the input first.

    Layer by layer, on every axis: ``size += dilation * (kernel_size - 1) * jump``, ``start -= padding * jump``,
    ``jump *= stride``. Layers that act on each pixel alone, such as ReLU, change nothing: leave them out.
    Source: Araujo, Norris, Sim, Distill 2019, on networks with a single path.

    Raises ValueError for no layers, for other modules, or for a mixture of dimensions.
    """
    stack = [Geometry.of(conv) for conv in convs]
    dims = sorted({geometry.dims for geometry in stack})
    if len(dims) != 1:
        raise ValueError(f"expected one or more convolutions with the same number of axes, got {dims or 'none'}")
    size, jump, start = [1] * dims[0], [1] * dims[0], [0] * dims[0]
    for geometry in stack:
        for axis in range(dims[0]):
            size[axis] += geometry.dilation[axis] * (geometry.kernel_size[axis] - 1) * jump[axis]
            start[axis] -= geometry.padding[axis][0] * jump[axis]
            jump[axis] *= geometry.stride[axis]
    return ReceptiveField(tuple(size), tuple(jump), tuple(start))


def gradient_field(layer: Callable[[Tensor], Tensor], x: Tensor, output_pixel: int | tuple[int, ...]) -> Tensor:
    """How much output pixel p depends on each input pixel q at the input x: the norm of ``∂y_p/∂x_q``, (*input_size).

    x (C_in, *input_size) is one image; ``layer`` takes a batch, (batch, C_in, *input_size), and returns
    (batch, C_out, *output_size). The norm is Frobenius's, over all pairs of channels: for one channel in and out the
    absolute value of the derivative. Neither x nor the gradients of the layer's parameters are changed.

    Raises ValueError if ``output_pixel`` is not a pixel of the output.
    """
    pixel = (output_pixel,) if isinstance(output_pixel, int) else tuple(output_pixel)
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        y = layer(x[None])[0]
        size = tuple(y.shape[1:])
        if len(pixel) != len(size) or not all(0 <= p < n for p, n in zip(pixel, size)):
            raise ValueError(f"expected a pixel of the output, which has size {size}, got {pixel}")
        channels = y[(slice(None), *pixel)].unbind()
    square = torch.zeros_like(x[0])
    for y_p in channels if y.requires_grad else ():  # a constant depends on nothing
        (gradient,) = torch.autograd.grad(y_p, x, retain_graph=True, materialize_grads=True)
        square += gradient.square().sum(0)
    return square.sqrt()
