"""Attention and its encodings, held against torch."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import conv2attn
from conv2attn import encodings


def gaussian(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("mask", [None, "float", "bool"])
@pytest.mark.parametrize("scale", [None, 0.7])
def test_scaled_dot_product_attention(mask: str | None, scale: float | None) -> None:
    query, key, value = gaussian(2, 3, 5, 4), gaussian(2, 3, 6, 4, seed=1), gaussian(2, 3, 6, 7, seed=2)
    mask = {None: None, "float": gaussian(5, 6, seed=3), "bool": gaussian(5, 6, seed=3) > -1}[mask]
    got = conv2attn.scaled_dot_product_attention(query, key, value, mask, scale)
    want = F.scaled_dot_product_attention(query, key, value, mask, scale=scale)
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-12)


def test_multi_head_attention_is_torchs_with_the_same_weights() -> None:
    num_heads, head_dim, x = 3, 4, gaussian(2, 5, 12)
    mha = nn.MultiheadAttention(num_heads * head_dim, num_heads, batch_first=True, dtype=torch.float64)
    nn.init.zeros_(mha.in_proj_bias)
    nn.init.normal_(mha.out_proj.bias)
    W_query, W_key, W_value = mha.in_proj_weight.unflatten(0, (3, num_heads, head_dim)).transpose(-2, -1)
    W_out = mha.out_proj.weight.T.unflatten(0, (num_heads, head_dim))
    got = conv2attn.multi_head_attention(x, W_query, W_key, W_value, W_out, bias=mha.out_proj.bias)
    torch.testing.assert_close(got, mha(x, x, x)[0], rtol=1e-12, atol=1e-12)


def test_attend_is_the_line_written_out() -> None:
    A, x, W, bias = gaussian(2, 3, 4), gaussian(4, 5, seed=1), gaussian(2, 5, 6, seed=2), gaussian(6, seed=3)
    want = torch.stack([sum(A[h, p, q] * (x[q] @ W[h]) for h in range(2) for q in range(4)) + bias for p in range(3)])
    torch.testing.assert_close(conv2attn.attend(A, x, W, bias), want, rtol=1e-12, atol=1e-12)


def test_quadratic_logits_are_squared_distances() -> None:
    pixels = encodings.grid((3, 4)).double()
    center, alpha = torch.tensor([[1.0, -1.0], [0.5, 2.0]], dtype=torch.float64), 1.7
    distance = encodings.relative_shifts(pixels, pixels) - center[:, None, None]
    want = (-alpha * distance.square().sum(-1)).softmax(-1)
    torch.testing.assert_close(encodings.position_weights(pixels, pixels, center, alpha), want, rtol=1e-12, atol=1e-15)


def test_absolute_coordinates_are_enough() -> None:
    """Stock attention over concatenated coordinates makes the same weights, with no mask at all."""
    pixels = encodings.grid((5, 4)).double()
    center = encodings.grid((3, 3)).double() - 1
    query, key = encodings.absolute_features(pixels, pixels, center, alpha=2.0)
    value = torch.eye(len(pixels), dtype=torch.float64).expand(9, -1, -1)
    got = F.scaled_dot_product_attention(query, key.expand(9, -1, -1), value, scale=1.0)
    want = encodings.position_weights(pixels, pixels, center, alpha=2.0)
    torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-14)


def test_hard_limit_takes_the_nearest_pixel_and_splits_ties() -> None:
    pixels = encodings.grid((4,)).double()
    center = torch.tensor([[-1.0], [2.4], [0.5]], dtype=torch.float64)
    A = encodings.position_weights(pixels, pixels, center, math.inf)
    assert A[:2].argmax(-1).tolist() == [[0, 0, 1, 2], [2, 3, 3, 3]]
    assert A[2].tolist() == [[0.5, 0.5, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0.5, 0.5], [0, 0, 0, 1]]
    # It is the limit: at α = 1000 the softmax of the finite scores is the same, ties included.
    torch.testing.assert_close(encodings.position_weights(pixels, pixels, center, 1000.0), A, rtol=0, atol=1e-9)


def test_bad_shapes_are_named() -> None:
    with pytest.raises(ValueError, match=r"expected A \(heads"):
        conv2attn.attend(torch.ones(2, 3, 3), torch.ones(4, 1), torch.ones(2, 1, 1))
    with pytest.raises(ValueError, match="one length D, got 3 and 4"):
        conv2attn.scaled_dot_product_attention(torch.ones(2, 3), torch.ones(2, 4), torch.ones(2, 1))
    with pytest.raises(ValueError, match="a value for every key"):
        conv2attn.scaled_dot_product_attention(torch.ones(2, 3), torch.ones(2, 3), torch.ones(3, 1))
    with pytest.raises(ValueError, match="positions of shape"):
        encodings.relative_shifts(torch.ones(2, 3), torch.ones(2, 2))
    with pytest.raises(ValueError, match="finite alpha"):
        encodings.quadratic_vector(torch.ones(1, 2), math.inf)
    with pytest.raises(ValueError, match="finite alpha"):
        encodings.absolute_features(torch.ones(1, 2), torch.ones(1, 2), torch.ones(1, 2), math.inf)
