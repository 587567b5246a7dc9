"""The theorem as a function: a convolution in, a self-attention layer out.

One head a tap. Head h looks at the shift Δ_h of its tap with sharpness α and multiplies what it reads by
the tap's weights: ``y_p = Σ_h Σ_q A[h,p,q] x_q W[h] + b``. As α → ∞ the layer is the convolution.
Source: Cordonnier, Loukas, Jaggi, ICLR 2020, arXiv 1911.03584, theorem 1.
"""

import math

import torch
from torch import nn

from conv2attn.attention import attend
from conv2attn.encodings import grid, position_logits
from conv2attn.geometry import Geometry, check_alpha


class ConvAsAttention(nn.Module):
    """Self-attention that stands in for a convolution: same call, same output shape.

    The tokens are the pixels of the padded image, so the border is a ring of zero tokens (or of the
    gathered pixels, for reflect, replicate and circular padding). Queries are the pixels that the stride keeps.

    Attributes: ``shift`` (heads, d), each head's Δ in the padded image; ``W`` (heads, C_in, C_out), each head's
    value map, block-diagonal where the convolution has groups; ``bias`` (C_out) or None; ``alpha``, the sharpness.
    """

    def __init__(self, geometry: Geometry, W: torch.Tensor, bias: torch.Tensor | None, alpha: float) -> None:
        super().__init__()
        self.geometry = geometry
        self.alpha = check_alpha(alpha)
        self.W = nn.Parameter(W)
        self.bias = None if bias is None else nn.Parameter(bias)
        self.register_buffer("shift", geometry.taps, persistent=False)

    @property
    def num_heads(self) -> int:
        """One head for each tap of the kernel."""
        return self.W.shape[0]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (batch, C_in, *input_size) or (C_in, *input_size) to the convolution's output shape.

        Raises ValueError if the number of axes, the channels or the size do not fit.
        """
        batched = x.ndim == self.geometry.dims + 2
        in_channels = self.W.shape[1]
        if x.ndim not in (self.geometry.dims + 1, self.geometry.dims + 2) or x.shape[int(batched)] != in_channels:
            axes = ", ".join(["height", "width", "depth"][: self.geometry.dims]) if self.geometry.dims > 1 else "length"
            raise ValueError(
                f"expected x of shape ([batch,] {in_channels} channels, {axes}), got {tuple(x.shape)}"
            )
        x = x if batched else x[None]
        input_size = tuple(x.shape[2:])
        output_size = self.geometry.output_size(input_size)
        padded = self.geometry.pad(x)
        y = self._gather(padded) if math.isinf(self.alpha) else self._mix(padded, input_size)
        y = y.unflatten(-1, output_size)
        return y if batched else y[0]

    def _gather(self, padded: torch.Tensor) -> torch.Tensor:
        """The hard limit. A one-hot row of A times the tokens is one token: read it, multiply nothing."""
        read = self.geometry.read(padded).flatten(1, 2)  # (batch, heads · C_in, N_out), the heads one below the other
        W = self.W.flatten(0, 1).T.expand(len(read), -1, -1)
        return W @ read if self.bias is None else torch.baddbmm(self.bias[:, None], W, read)

    def _mix(self, padded: torch.Tensor, input_size: tuple[int, ...]) -> torch.Tensor:
        """Finite α: the attention itself, head after head, so that only one N × N matrix is held at a time."""
        tokens = padded.flatten(2).transpose(1, 2)  # (batch, N_padded, C_in)
        heads = [slice(h, h + 1) for h in range(self.num_heads)]
        y = sum(attend(self.attention(input_size, head), tokens, self.W[head]) for head in heads)
        return (y if self.bias is None else y + self.bias).transpose(1, 2).contiguous()

    def logits(self, input_size: tuple[int, ...], heads: slice = slice(None)) -> torch.Tensor:
        """The scores of the heads over the padded image: (heads, N_out, N_padded). No content enters."""
        query = self.geometry.anchors(input_size).to(self.W)
        key = grid(self.geometry.padded_size(input_size)).to(self.W)
        return position_logits(query, key, self.shift[heads].to(self.W), self.alpha)

    def attention(self, input_size: tuple[int, ...], heads: slice = slice(None)) -> torch.Tensor:
        """The attention matrices A, softmax of :meth:`logits` over the keys: (heads, N_out, N_padded)."""
        return self.logits(input_size, heads).softmax(dim=-1)

    def extra_repr(self) -> str:
        """What ``print(module)`` shows."""
        _, in_channels, out_channels = self.W.shape
        return f"{in_channels}, {out_channels}, num_heads={self.num_heads}, alpha={self.alpha}"


def from_conv(conv: nn.Module, alpha: float = math.inf) -> ConvAsAttention:
    """A self-attention module that computes what ``conv`` computes.

    ``conv`` is any ``nn.Conv1d``, ``nn.Conv2d`` or ``nn.Conv3d``: any kernel shape, stride, padding, dilation,
    groups and bias, ``padding_mode`` zeros, reflect, replicate or circular. The result takes the same input,
    batched or not, and returns the same shape. With ``alpha=math.inf`` it is the convolution, bit for bit on
    integers; with finite α it is off by at most :func:`conv2attn.error_bound`. The weights are copies.

    Raises ValueError for any other module, or unless ``alpha > 0``.
    """
    geometry = Geometry.of(conv)
    bias = None if conv.bias is None else conv.bias.detach().clone()
    return ConvAsAttention(geometry, value_maps(conv), bias, alpha)


def value_maps(conv: nn.Module) -> torch.Tensor:
    """The weights of a convolution tap by tap, W (T, C_in, C_out); groups become blocks, zero elsewhere."""
    taps = conv.weight.detach().flatten(2).permute(2, 1, 0)  # (T, C_in / groups, C_out)
    group_in = taps.shape[1]
    group_out = conv.out_channels // conv.groups
    W = taps.new_zeros(len(taps), conv.in_channels, conv.out_channels)
    for g in range(conv.groups):
        columns = slice(g * group_out, (g + 1) * group_out)
        W[:, g * group_in : (g + 1) * group_in, columns] = taps[:, :, columns]
    return W
