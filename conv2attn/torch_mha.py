"""The construction inside an unmodified ``torch.nn.MultiheadAttention``."""

from dataclasses import dataclass

import torch
from torch import nn

from conv2attn.construction import ConvAsAttention, from_conv


@dataclass(frozen=True)
class TorchMHA:
    """A stock ``nn.MultiheadAttention`` that convolves, and what it needs to be called.

    ``attention`` is the module, ``query`` (N_out, E) and ``key`` (N_padded, E) hold no content (zeros: the
    projections of queries and keys are zero too), ``attn_mask`` (heads, N_out, N_padded) holds the scores of the
    relative encoding. ``E = heads · C_out``. Call it yourself::

        y, _ = mha.attention(mha.query, mha.key, mha.value(x), attn_mask=mha.attn_mask)
        image = mha.image(y)

    or let ``mha(x)`` do both. x is one image (C_in, *input_size).
    """

    attention: nn.MultiheadAttention
    query: torch.Tensor
    key: torch.Tensor
    attn_mask: torch.Tensor
    layer: ConvAsAttention
    input_size: tuple[int, ...]

    def value(self, x: torch.Tensor) -> torch.Tensor:
        """The padded pixels as tokens: (C_in, *input_size) to (N_padded, C_in)."""
        expected = (self.layer.W.shape[1], *self.input_size)
        if tuple(x.shape) != expected:
            raise ValueError(f"expected one image of shape {expected}, got {tuple(x.shape)}")
        return self.layer.geometry.pad(x[None])[0].flatten(1).T

    def image(self, y: torch.Tensor) -> torch.Tensor:
        """The layer's output (N_out, E) as an image (C_out, *output_size); the other E - C_out columns are zero."""
        out_channels = self.layer.W.shape[2]
        return y[:, :out_channels].T.unflatten(1, self.layer.geometry.output_size(self.input_size))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve one image (C_in, *input_size) with the stock module."""
        y, _ = self.attention(self.query, self.key, self.value(x), attn_mask=self.attn_mask, need_weights=False)
        return self.image(y)


def to_torch_mha(conv: nn.Module, input_size: tuple[int, ...], alpha: float) -> TorchMHA:
    """Put a convolution into an unmodified ``nn.MultiheadAttention``, for images of one size.

    ``embed_dim = heads · C_out`` so that each head has C_out dimensions; ``vdim = C_in``. Value block h is W[h],
    the output projection adds the heads up, the float ``attn_mask`` carries the scores ⟨v_h, r_δ⟩. ``alpha`` may be
    ``math.inf`` (mask entries 0 and -inf). Raises ValueError as :func:`from_conv` does.
    """
    layer = from_conv(conv, alpha)
    input_size = (input_size,) if isinstance(input_size, int) else tuple(input_size)
    layer.geometry.output_size(input_size)  # a size that the convolution cannot take fails here
    num_heads, in_channels, out_channels = layer.W.shape
    embed_dim = num_heads * out_channels
    like = {"dtype": layer.W.dtype, "device": layer.W.device}
    mha = nn.MultiheadAttention(embed_dim, num_heads, bias=True, kdim=embed_dim + 1, vdim=in_channels, **like)
    with torch.no_grad():
        for parameter in mha.parameters():
            parameter.zero_()
        mha.v_proj_weight.copy_(layer.W.transpose(1, 2).flatten(0, 1))
        # Row o of the output map adds channel o of every head.
        mha.out_proj.weight[:out_channels].copy_(torch.eye(out_channels, **like).repeat(1, num_heads))
        if layer.bias is not None:
            mha.out_proj.bias[:out_channels].copy_(layer.bias)
    logits = layer.logits(input_size).detach()
    num_queries, num_keys = logits.shape[1:]
    return TorchMHA(
        attention=mha,
        query=torch.zeros(num_queries, embed_dim, **like),
        key=torch.zeros(num_keys, embed_dim + 1, **like),
        attn_mask=logits,
        layer=layer,
        input_size=input_size,
    )
