"""Where a head looks: relative encodings of a shift, and the logits they make.

A head sees a key at the shift δ = q - p from its query p through an encoding r_δ, and scores it
with one vector v: the logit is ⟨v, r_δ⟩. The content of the pixels plays no part.
Source: Cordonnier, Loukas, Jaggi, ICLR 2020, arXiv 1911.03584, section 3.
"""

import math

import torch

from conv2attn.geometry import check_alpha, grid

__all__ = [
    "absolute_features",
    "grid",
    "position_logits",
    "position_weights",
    "quadratic_encoding",
    "quadratic_vector",
    "relative_shifts",
]


def relative_shifts(query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
    """δ = q - p for every query p (N_q, d) and key q (N_k, d): (N_q, N_k, d)."""
    if query.ndim != 2 or key.ndim != 2 or query.shape[1] != key.shape[1]:
        raise ValueError(
            f"expected positions of shape (N_q, d) and (N_k, d), got {tuple(query.shape)} and {tuple(key.shape)}"
        )
    return key[None] - query[:, None]


def quadratic_encoding(shift: torch.Tensor) -> torch.Tensor:
    """r_δ = (‖δ‖², δ): (..., d) to (..., d + 1). The points lie on a paraboloid: each is a vertex."""
    return torch.cat([shift.square().sum(-1, keepdim=True), shift], dim=-1)


def quadratic_vector(center: torch.Tensor, alpha: float) -> torch.Tensor:
    """v = -α (1, -2Δ) for each head's centre Δ: (..., d) to (..., d + 1).

    Then ⟨v, r_δ⟩ = -α ‖δ - Δ‖² + α ‖Δ‖²; the last term is the same for all keys, and softmax
    does not see it. α must be finite and positive, otherwise ValueError.
    """
    alpha = check_alpha(alpha)
    if math.isinf(alpha):
        raise ValueError("expected a finite alpha; the hard limit has no vector, use position_logits(..., math.inf)")
    return torch.cat([-alpha * torch.ones_like(center[..., :1]), 2 * alpha * center], dim=-1)


def position_logits(query: torch.Tensor, key: torch.Tensor, center: torch.Tensor, alpha: float) -> torch.Tensor:
    """Scores of heads that look at ``p + Δ``: (heads, N_q, N_k).

    query (N_q, d) and key (N_k, d) are positions, center (heads, d) holds each head's Δ. With finite α the
    score is ⟨v, r_δ⟩. With ``math.inf`` it is the limit of what softmax can see of that: 0 for the keys nearest
    to p + Δ, -inf for all others.
    """
    shift = relative_shifts(query, key)
    if math.isinf(check_alpha(alpha)):
        distance = (shift - center[:, None, None]).square().sum(-1)
        nearest = distance == distance.amin(-1, keepdim=True)
        return torch.zeros_like(distance).masked_fill(~nearest, -math.inf)
    return torch.einsum("he,pqe->hpq", quadratic_vector(center, alpha), quadratic_encoding(shift))


def position_weights(query: torch.Tensor, key: torch.Tensor, center: torch.Tensor, alpha: float) -> torch.Tensor:
    """Attention weights A, the softmax over keys of :func:`position_logits`: (heads, N_q, N_k), rows summing to 1.

    In the hard limit a row is one-hot; keys that are equally near share the weight, as they do at every finite α.
    """
    return position_logits(query, key, center, alpha).softmax(dim=-1)


def absolute_features(
    query: torch.Tensor, key: torch.Tensor, center: torch.Tensor, alpha: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Queries and keys whose plain dot product gives the quadratic logits, up to a constant a row.

    Expanding -α‖q - (p + Δ)‖² leaves ``2α (p + Δ)·q - α‖q‖²``: the query features are
    ``α (2(p + Δ), -1)``, the key features ``(q, ‖q‖²)``. Shapes: (heads, N_q, d + 1) and (N_k, d + 1).
    No relative encoding and no mask is needed: absolute coordinates beside the pixel are enough.
    """
    if math.isinf(check_alpha(alpha)):
        raise ValueError("expected a finite alpha, got inf")
    target = query[None] + center[:, None]
    query_features = alpha * torch.cat([2 * target, -torch.ones_like(target[..., :1])], dim=-1)
    key_features = torch.cat([key, key.square().sum(-1, keepdim=True)], dim=-1)
    return query_features, key_features
