"""What turns a fully connected layer into a convolution: a mask, then ties. Both are orthogonal projections.

All three layers are a matrix from the pixels and channels of the input to those of the output, in the order of
:func:`conv2attn.dense_matrix`. A convolution on an image of a given size says which entries may differ from 0
(locality) and which of them are one and the same weight (sharing): :func:`weight_index` writes that down.
"""

import copy
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from conv2attn.geometry import Geometry
from conv2attn.matrix import dense_matrix


class Counts(NamedTuple):
    """How many weights three layers between the same pixels have, biases aside."""

    fully_connected: int
    locally_connected: int
    convolution: int


def weight_index(conv: nn.Module, input_size: int | tuple[int, ...]) -> Tensor:
    """Which weight stands where: ``dense_matrix(conv, size) == where(index >= 0, weight.flatten()[index], 0)``.

    The shape is that of the dense matrix, the dtype int64; -1 stands where the convolution has no weight.

    Raises ValueError if several weights meet in one entry, as with replicate or reflect padding.
    """
    names = copy.deepcopy(conv).double().requires_grad_(False)
    names.weight.fill_(1)
    if (dense_matrix(names, input_size) > 1).any():
        raise ValueError(
            f"expected a convolution with at most one weight for each pair of pixels, got padding_mode={conv.padding_mode!r}, "
            f"with which several meet on an input of {input_size}"
        )
    names.weight.copy_(torch.arange(1, names.weight.numel() + 1).reshape(names.weight.shape))
    return dense_matrix(names, input_size).long() - 1


def project_local(D: Tensor, index: Tensor) -> Tensor:
    """The locally connected layer nearest to D: its entries where ``index >= 0``, zeros elsewhere.

    Raises ValueError if D and the index differ in shape.
    """
    _expect_same_shape(D, index)
    return torch.where(index >= 0, D, 0)


def project_shared(D: Tensor, index: Tensor) -> Tensor:
    """The convolution nearest to D in the sum of squares: each weight is the mean over the places where it stands.

    Raises ValueError if D and the index differ in shape.
    """
    _expect_same_shape(D, index)
    inside = index >= 0
    copies = torch.bincount(index[inside])
    weight = torch.zeros(len(copies), dtype=D.dtype).index_add(0, index[inside], D[inside]) / copies
    return torch.where(inside, weight[index.clamp(min=0)], 0)


def count_weights(conv: nn.Module, input_size: int | tuple[int, ...]) -> Counts:
    """The weights of a convolution and of the two layers that it constrains, by formula: no matrix is made.

    With ν_i the number of pairs (output, tap) on axis i that fall inside the input, a zero-padded convolution has
    C_out · C_in / groups · Π ν_i entries that are not forced to be 0: those are the locally connected layer's weights.

    Raises ValueError for an unsupported module or padding other than zeros.
    """
    geometry = Geometry.of(conv)
    if geometry.padding_mode != "zeros":
        raise ValueError(f"expected zero padding, got padding_mode={geometry.padding_mode!r}")
    input_size = (input_size,) if isinstance(input_size, int) else tuple(input_size)
    output_size = geometry.output_size(input_size)
    inside = [
        sum(0 <= p * stride + t * dilation - before < n for p in range(m) for t in range(kernel_size))
        for n, m, kernel_size, stride, dilation, (before, _) in zip(
            input_size, output_size, geometry.kernel_size, geometry.stride, geometry.dilation, geometry.padding
        )
    ]
    channels = conv.in_channels * conv.out_channels
    return Counts(
        fully_connected=channels * prod(input_size) * prod(output_size),
        locally_connected=channels // conv.groups * prod(inside),
        convolution=conv.weight.numel(),
    )


def _expect_same_shape(D: Tensor, index: Tensor) -> None:
    if D.shape != index.shape:
        raise ValueError(f"expected a matrix of the index's shape {tuple(index.shape)}, got {tuple(D.shape)}")
