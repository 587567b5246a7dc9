"""Fully connected, locally connected, convolution: the matrices, the projections between them and their counts."""

import pytest
import torch
from torch import nn

import conv2attn
from convolutions import integers, random_convolution

SEEDS = range(60)


def one_weight_a_pair(seed: int) -> tuple[nn.Module, torch.Tensor]:
    """A random convolution with zero padding, and an input for it."""
    conv, x = random_convolution(seed)
    conv.padding_mode = "zeros"
    return conv.requires_grad_(False), x.reshape(-1, *x.shape[-conv.weight.ndim + 1 :])[:1]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_probed_layer_is_its_matrix(seed: int) -> None:
    conv, x = random_convolution(seed)
    x = x.reshape(-1, *x.shape[-conv.weight.ndim + 1 :])[:1]  # the first of the batch
    D = conv2attn.probe(conv, x.shape[1:])
    assert D.dtype == torch.float64 and not D.requires_grad
    assert torch.equal(D, conv2attn.dense_matrix(conv, x.shape[2:]).detach())


def test_probing_takes_dtype_shape_and_refuses_what_is_no_batch() -> None:
    linear = nn.Linear(6, 4)
    D = conv2attn.probe(lambda x: linear(x.flatten(1)), (2, 3), dtype=torch.float32)
    torch.testing.assert_close(D, linear.weight.detach(), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="a batch of 6 outputs, got shape"):
        conv2attn.probe(lambda x: x.sum(0, keepdim=True), (2, 3))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_index_puts_every_weight_in_its_places(seed: int) -> None:
    conv, x = one_weight_a_pair(seed)
    index = conv2attn.weight_index(conv, x.shape[2:])
    D = torch.where(index >= 0, conv.weight.flatten()[index.clamp(min=0)], 0)
    assert torch.equal(D, conv2attn.dense_matrix(conv, x.shape[2:]))


def test_the_index_refuses_entries_that_sum_weights() -> None:
    with pytest.raises(ValueError, match="padding_mode='replicate'"):
        conv2attn.weight_index(nn.Conv2d(1, 1, 3, padding=1, padding_mode="replicate"), (5, 5))
    assert (conv2attn.weight_index(nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular"), 5) >= 0).sum() == 15


@pytest.mark.parametrize("seed", SEEDS[:20])
def test_counts_are_those_of_the_matrix(seed: int) -> None:
    conv, x = one_weight_a_pair(seed)
    counts = conv2attn.count_weights(conv, x.shape[2:])
    index = conv2attn.weight_index(conv, x.shape[2:])
    assert counts == (index.numel(), int((index >= 0).sum()), conv.weight.numel())


def test_counts_need_zero_padding() -> None:
    with pytest.raises(ValueError, match="padding_mode='circular'"):
        conv2attn.count_weights(nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular"), 5)


@pytest.mark.parametrize("seed", SEEDS[:20])
def test_both_constraints_are_orthogonal_projections(seed: int) -> None:
    conv, x = one_weight_a_pair(seed)
    index = conv2attn.weight_index(conv, x.shape[2:])
    gen = torch.Generator().manual_seed(seed)
    D = torch.randn(index.shape, generator=gen, dtype=torch.float64)
    for project in (conv2attn.project_local, conv2attn.project_shared):
        once = project(D, index)
        torch.testing.assert_close(project(once, index), once, rtol=1e-12, atol=1e-14)
        other = project(torch.randn(index.shape, generator=gen, dtype=torch.float64), index)
        assert abs(((D - once) * other).sum()) < 1e-10  # what is left is at right angles to everything projected
    local, shared = conv2attn.project_local(D, index), conv2attn.project_shared(D, index)
    torch.testing.assert_close(conv2attn.project_shared(local, index), shared, rtol=0, atol=0)
    torch.testing.assert_close(conv2attn.project_local(shared, index), shared, rtol=0, atol=0)


def test_a_convolution_is_its_own_projection() -> None:
    conv, x = one_weight_a_pair(7)
    conv.weight.copy_(integers(conv.weight.shape, torch.Generator().manual_seed(0)))
    D, index = conv2attn.dense_matrix(conv, x.shape[2:]), conv2attn.weight_index(conv, x.shape[2:])
    torch.testing.assert_close(conv2attn.project_shared(D, index), D, rtol=0, atol=1e-14)


def test_projections_refuse_another_shape() -> None:
    index = conv2attn.weight_index(nn.Conv1d(1, 1, 3), 5)
    for project in (conv2attn.project_local, conv2attn.project_shared):
        with pytest.raises(ValueError, match=r"shape \(3, 5\), got \(5, 3\)"):
            project(torch.zeros(5, 3), index)
