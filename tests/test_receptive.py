"""Receptive fields: the arithmetic against the support of the gradient, and the gradient against the dense matrix."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import conv2attn
from conv2attn.receptive import ReceptiveField


def random_stack(seed: int, dims: int) -> nn.Sequential:
    """Two to four positive convolutions of one channel, without holes that would leave an end of a field unread."""
    generator = torch.Generator().manual_seed(seed)

    def draw(low: int, high: int) -> tuple[int, ...]:
        return tuple(torch.randint(low, high + 1, (dims,), generator=generator).tolist())

    convs = [
        getattr(nn, f"Conv{dims}d")(1, 1, draw(1, 3), stride=draw(1, 2), padding=draw(0, 2), dilation=draw(1, 2), bias=False)
        for _ in range(2 + seed % 3)
    ]
    for conv in convs:
        conv.requires_grad_(False).weight.fill_(1)
    return nn.Sequential(*convs).double()


@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("seed", range(40))
def test_the_field_is_the_bounding_box_of_the_gradient(seed: int, dims: int) -> None:
    stack = random_stack(seed, dims)
    field = conv2attn.receptive_field(stack)
    x = torch.zeros(1, *[75] * dims, dtype=torch.float64)
    # An output in the middle, whose field lies inside the picture.
    pixel = tuple(n // 2 for n in stack(x[None]).shape[2:])
    seen = conv2attn.gradient_field(stack, x, pixel).nonzero()
    first = [start + jump * p for start, jump, p in zip(field.start, field.jump, pixel)]
    assert seen.amin(0).tolist() == first
    assert seen.amax(0).tolist() == [a + size - 1 for a, size in zip(first, field.size)]


def test_the_field_of_known_stacks() -> None:
    plain = [nn.Conv2d(1, 1, 3, padding=1) for _ in range(64)]
    assert conv2attn.receptive_field(plain) == ReceptiveField((129, 129), (1, 1), (-64, -64))
    doubling = [nn.Conv1d(1, 1, 2, dilation=2**i) for i in range(5)]
    assert conv2attn.receptive_field(doubling).size == (32,)
    # A 7 by 7 convolution of stride 2 and a 3 by 3 window of stride 2, as at the foot of a ResNet.
    stem = [nn.Conv2d(3, 8, 7, stride=2, padding=3), nn.Conv2d(8, 8, 3, stride=2, padding=1)]
    assert conv2attn.receptive_field(stem) == ReceptiveField((11, 11), (4, 4), (-5, -5))
    # The odd pixel of "same" comes behind the picture.
    assert conv2attn.receptive_field([nn.Conv1d(1, 1, 4, padding="same")]) == ReceptiveField((4,), (1,), (-1,))


def test_the_field_refuses_what_it_cannot_add_up() -> None:
    with pytest.raises(ValueError, match="same number of axes, got none"):
        conv2attn.receptive_field([])
    with pytest.raises(ValueError, match=r"same number of axes, got \[1, 2\]"):
        conv2attn.receptive_field([nn.Conv1d(1, 1, 3), nn.Conv2d(1, 1, 3)])
    with pytest.raises(ValueError, match="got torch.nn.modules.pooling.MaxPool2d"):
        conv2attn.receptive_field([nn.Conv2d(1, 1, 3), nn.MaxPool2d(2)])


def test_the_gradient_field_is_a_row_of_the_matrix() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 2, 3, padding=1, stride=2).double()
    field = conv2attn.gradient_field(conv, torch.randn(3, 7, 6).double(), (1, 2))
    D = conv2attn.dense_matrix(conv, (7, 6)).detach().reshape(2, 4, 3, 3, 7, 6)
    torch.testing.assert_close(field, D[:, 1, 2].square().sum((0, 1)).sqrt())
    assert conv.weight.grad is None


def test_the_gradient_field_is_taken_at_the_input() -> None:
    x = torch.tensor([[1.0, -1.0, 2.0]])
    assert conv2attn.gradient_field(lambda x: x.relu().cumsum(-1), x, 2).tolist() == [1, 0, 1]
    assert conv2attn.gradient_field(lambda x: x, x.detach(), 1).tolist() == [0, 1, 0]


@torch.no_grad()
def test_the_gradient_field_of_what_ignores_the_input_is_zero() -> None:
    x = torch.ones(1, 3)
    bias = nn.Parameter(torch.ones(1, 1, 3))
    assert conv2attn.gradient_field(lambda x: bias + 0, x, 1).tolist() == [0, 0, 0]
    assert conv2attn.gradient_field(lambda x: torch.zeros_like(x), x, 1).tolist() == [0, 0, 0]
    assert conv2attn.gradient_field(lambda x: bias * x, x, 1).tolist() == [0, 1, 0]


def test_attention_sees_every_pixel() -> None:
    torch.manual_seed(0)

    def attention(x: torch.Tensor) -> torch.Tensor:
        tokens = x.flatten(2).mT
        return F.scaled_dot_product_attention(tokens, tokens, tokens).mT.reshape(x.shape)

    assert (conv2attn.gradient_field(attention, torch.randn(2, 6, 6).double(), (0, 5)) > 0).all()


@pytest.mark.parametrize("pixel", [5, -1, (2, 2)])
def test_the_gradient_field_refuses_pixels_beside_the_output(pixel: int | tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"which has size \(5,\), got"):
        conv2attn.gradient_field(nn.Conv1d(1, 1, 3, padding=1), torch.zeros(1, 5), pixel)
