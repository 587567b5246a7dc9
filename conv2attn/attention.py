"""Attention written to be read: the line ``y_p = Σ_q A[p,q](x) x_q W`` and what makes its A."""

import math

import torch


def attend(A: torch.Tensor, x: torch.Tensor, W: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """The line that carries the book, summed over heads: ``y_p = Σ_h Σ_q A[h,p,q] x_q W[h] + bias``.

    A (heads, N_q, N_k), x (..., N_k, C_in), W (heads, C_in, C_out), bias (C_out): (..., N_q, C_out).
    Raises ValueError if the shapes do not fit together.
    """
    if A.ndim != 3 or W.ndim != 3 or A.shape[0] != W.shape[0] or x.shape[-2:] != (A.shape[2], W.shape[1]):
        raise ValueError(
            "expected A (heads, N_q, N_k), x (..., N_k, C_in) and W (heads, C_in, C_out), "
            f"got {tuple(A.shape)}, {tuple(x.shape)} and {tuple(W.shape)}"
        )
    mixed = A @ x.unsqueeze(-3)  # what each head reads, (..., heads, N_q, C_in)
    y = (mixed @ W).sum(dim=-3)
    return y if bias is None else y + bias


def attention_weights(
    query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None = None, scale: float | None = None
) -> torch.Tensor:
    """Softmax over keys of ``scale · ⟨query, key⟩ + mask``: (..., N_q, N_k), rows summing to 1.

    query (..., N_q, D), key (..., N_k, D). The scale is 1/√D unless given. The mask is added to the logits;
    a boolean mask keeps the pairs that are True. Source: Vaswani et al., NeurIPS 2017, equation 1.
    """
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(f"expected queries and keys of one length D, got {query.shape[-1]} and {key.shape[-1]}")
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    logits = scale * query @ key.transpose(-2, -1)
    if mask is not None:
        logits = logits.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else logits + mask
    return logits.softmax(dim=-1)


def scaled_dot_product_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None = None,
    scale: float | None = None,
) -> torch.Tensor:
    """Each query's average of the values (..., N_k, D_v), weighted by :func:`attention_weights`: (..., N_q, D_v).

    The same call and the same result as ``F.scaled_dot_product_attention``.
    """
    if key.shape[-2] != value.shape[-2]:
        raise ValueError(f"expected a value for every key, got {key.shape[-2]} keys and {value.shape[-2]} values")
    return attention_weights(query, key, mask, scale) @ value


def multi_head_attention(
    x: torch.Tensor,
    W_query: torch.Tensor,
    W_key: torch.Tensor,
    W_value: torch.Tensor,
    W_out: torch.Tensor,
    mask: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
) -> torch.Tensor:
    """Multi-head self-attention of the tokens x (..., N, C_in): (..., N, C_out).

    W_query, W_key (heads, C_in, D), W_value (heads, C_in, D_v), W_out (heads, D_v, C_out), bias (C_out).
    Each head's value and output maps act one after the other: W[h] = W_value[h] W_out[h] in :func:`attend`,
    of rank at most D_v. A mask (heads, N, N) or (N, N) is added to the logits, or keeps pairs if boolean.
    """
    tokens = x.unsqueeze(-3)  # one copy a head
    heads = scaled_dot_product_attention(tokens @ W_query, tokens @ W_key, tokens @ W_value, mask)
    y = (heads @ W_out).sum(dim=-3)
    return y if bias is None else y + bias
