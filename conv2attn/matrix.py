"""The matrix of a linear layer: found by probing, or written down for a convolution."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from conv2attn.geometry import Geometry, flatten, grid


def probe(layer: Callable[[Tensor], Tensor], input_shape: tuple[int, ...], dtype: torch.dtype = torch.float64) -> Tensor:
    """The matrix D of any affine layer, found by showing it impulses: ``layer(x).flatten() == D @ x.flatten() + b``.

    Column j is what the layer makes of the input that is 1 at place j and 0 elsewhere, less what it makes of zeros.
    ``layer`` takes a batch, (batch, *input_shape), and returns one, (batch, …). The result has shape
    (outputs, inputs) and that ``dtype``, which the layer has to take. Nothing here tests that the layer *is* affine.

    Raises ValueError if the layer does not return one output for each input of the batch.
    """
    num_inputs = torch.Size(input_shape).numel()
    impulses = torch.eye(num_inputs, dtype=dtype).reshape(num_inputs, *input_shape)
    with torch.no_grad():
        responses = layer(impulses) - layer(torch.zeros_like(impulses[:1]))
    if len(responses) != num_inputs:
        raise ValueError(f"expected a layer that returns a batch of {num_inputs} outputs, got shape {tuple(responses.shape)}")
    return responses.flatten(1).T


def dense_matrix(conv: nn.Module, input_size: tuple[int, ...]) -> torch.Tensor:
    """The matrix D of a convolution: ``conv(x).flatten() == D @ x.flatten()``, bias aside.

    Rows are outputs, columns inputs, both channel-major as torch flattens them:
    (C_out · N_out, C_in · N_in). ``input_size`` is the spatial size of the input, an int for one axis.
    ``D[(o, p), (c, q)]`` sums the weights ``w[o, c, t]`` of the taps t with which output p reads pixel q;
    it is 0 where none does or where o and c are in different groups. The result is differentiable in the weights.

    Raises ValueError for an unsupported module or an input size that the convolution cannot take.
    """
    geometry = Geometry.of(conv)
    input_size = (input_size,) if isinstance(input_size, int) else tuple(input_size)
    index = geometry.index(input_size)  # (T, N_out), into the padded image
    source = source_pixel(geometry, input_size)[index]
    num_pixels = grid(input_size).shape[0]
    num_outputs = index.shape[1]

    weight = conv.weight.flatten(2)  # (C_out, C_in / groups, T)
    out_channels, group_in, num_taps = weight.shape
    group_out = out_channels // conv.groups
    # One extra column takes what falls on padded zeros; it is cut off at the end.
    D = weight.new_zeros(out_channels, conv.in_channels, num_outputs, num_pixels + 1)
    for t in range(num_taps):
        tap = torch.zeros(num_outputs, num_pixels + 1, dtype=weight.dtype, device=weight.device)
        tap[torch.arange(num_outputs), source[t]] = 1
        for g in range(conv.groups):
            o, c = slice(g * group_out, (g + 1) * group_out), slice(g * group_in, (g + 1) * group_in)
            D[o, c] = D[o, c] + weight[o, :, t, None, None] * tap
    D = D[..., :num_pixels].permute(0, 2, 1, 3)
    return D.reshape(out_channels * num_outputs, conv.in_channels * num_pixels)


def source_pixel(geometry: Geometry, input_size: tuple[int, ...]) -> torch.Tensor:
    """Which real pixel stands at each padded position; N_in where a padded zero stands: (N_padded,), int64."""
    num_pixels = grid(input_size).shape[0]
    position = grid(geometry.padded_size(input_size)) - torch.tensor([before for before, _ in geometry.padding])
    sizes = torch.tensor(input_size)
    inside = ((position >= 0) & (position < sizes)).all(-1)
    if geometry.padding_mode == "zeros":
        return torch.where(inside, flatten(position.clamp(min=torch.tensor(0), max=sizes - 1), input_size), num_pixels)
    if geometry.padding_mode == "replicate":
        position = position.clamp(min=torch.tensor(0), max=sizes - 1)
    elif geometry.padding_mode == "circular":
        position = position % sizes
    else:  # reflect: walk back from the border, which is not repeated
        position = (sizes - 1) - ((sizes - 1) - position.abs()).abs()
    return flatten(position, input_size)
