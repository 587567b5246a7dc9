"""The theorem, held against torch: exact on integers, bounded at finite sharpness."""

import math

import pytest
import torch
from torch import nn

import conv2attn
from conv2attn.bounds import kernel_norm, off_shift_mass
from conv2attn.geometry import PADDING_MODES, Geometry
from convolutions import CLASSES, integers, random_convolution

SEEDS = range(240)


def test_configurations_cover_every_option() -> None:
    convs = [random_convolution(seed)[0] for seed in SEEDS]
    assert {conv.padding_mode for conv in convs} == set(PADDING_MODES)
    assert {type(conv) for conv in convs} == set(CLASSES.values())
    assert {conv.groups for conv in convs} == {1, 2, 3}
    assert any(conv.padding == "same" and any(k % 2 == 0 for k in conv.kernel_size) for conv in convs)
    assert any(max(conv.stride) > 1 and max(conv.dilation) > 1 for conv in convs)


@pytest.mark.parametrize("seed", SEEDS)
def test_hard_limit_is_bit_equal_on_integers(seed: int) -> None:
    conv, x = random_convolution(seed)
    y = conv2attn.from_conv(conv)(x)
    assert torch.equal(y, conv(x))
    assert y.is_contiguous() and y.dtype == x.dtype


@pytest.mark.parametrize("seed", SEEDS)
def test_sharp_softmax_is_bit_equal_on_integers(seed: int) -> None:
    """At α = 800 every weight but one underflows to 0: the softmax itself does it, not the gather."""
    conv, x = random_convolution(seed)
    assert torch.equal(conv2attn.from_conv(conv, alpha=800)(x), conv(x))


@pytest.mark.parametrize("seed", range(0, 240, 3))
def test_relative_error_on_gaussian_input(seed: int) -> None:
    conv, x = random_convolution(seed)
    x = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    want = conv(x)
    for alpha in (math.inf, 800.0):
        error = (conv2attn.from_conv(conv, alpha)(x) - want).abs().max() / want.abs().max()
        assert error < 1e-12


@pytest.mark.parametrize("seed", range(0, 240, 4))
@pytest.mark.parametrize("alpha", [0.3, 1.0, 3.0, 8.0])
def test_bound_holds_at_finite_alpha(seed: int, alpha: float) -> None:
    conv, x = random_convolution(seed)
    x = x.sign() * 9  # the corners of the cube |x| ≤ 9
    error = (conv2attn.from_conv(conv, alpha)(x) - conv(x)).abs().max().item()
    assert error <= conv2attn.error_bound(conv, alpha, x_max=9) * (1 + 1e-12)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("alpha", [1.5, 3.0, 6.0])
def test_bound_is_attained_by_a_single_tap(dims: int, alpha: float) -> None:
    """Every key but the right one pulls the same way: the sign pattern that the bound allows for."""
    size, middle = (13,) * dims, (6,) * dims
    conv = CLASSES[dims](1, 1, kernel_size=1, bias=False, dtype=torch.float64)
    nn.init.constant_(conv.weight, -2.5)
    x = torch.ones(1, *size, dtype=torch.float64)
    x[0][middle] = -1
    error = (conv2attn.from_conv(conv, alpha)(x) - conv(x))[0][middle].abs().item()
    assert error == pytest.approx(conv2attn.error_bound(conv, alpha, x_max=1), rel=1e-11)


def test_off_shift_mass_is_the_weight_beside_the_pixel() -> None:
    for dims in (1, 2, 3):
        for alpha in (0.7, 2.0, 5.0):
            axis = torch.arange(-40.0, 41.0, dtype=torch.float64)
            winner = axis.square().mul(-alpha).softmax(0)[40].item()
            assert off_shift_mass(alpha, dims) == pytest.approx(1 - winner**dims, rel=1e-10)
            assert off_shift_mass(alpha, dims) <= 2 * dims * math.exp(-alpha)
    assert off_shift_mass(math.inf, 2) == 0
    assert off_shift_mass(1e-9, 2) == 1


def test_kernel_norm_is_the_largest_row() -> None:
    conv = nn.Conv2d(2, 2, 1, bias=False)
    conv.weight.data = torch.tensor([[1.0, -2.0], [0.5, 0.25]]).reshape(2, 2, 1, 1)
    assert kernel_norm(conv) == 3


@pytest.mark.parametrize("seed", range(0, 240, 5))
@pytest.mark.parametrize("alpha", [800.0, math.inf])
def test_torch_mha_is_bit_equal_on_integers(seed: int, alpha: float) -> None:
    conv, x = random_convolution(seed)
    x = x if x.ndim == len(conv.kernel_size) + 1 else x[0]
    mha = conv2attn.to_torch_mha(conv, x.shape[1:], alpha)
    assert type(mha.attention) is nn.MultiheadAttention
    assert torch.equal(mha(x), conv(x))
    y, weights = mha.attention(mha.query, mha.key, mha.value(x), attn_mask=mha.attn_mask, average_attn_weights=False)
    assert torch.equal(mha.image(y), conv(x))
    assert torch.equal(weights.sum(-1), torch.ones_like(weights[..., 0]))


def test_float32_module_stays_float32() -> None:
    conv = nn.Conv2d(2, 3, 3, padding=1)
    x = torch.randn(2, 8, 8, generator=torch.Generator().manual_seed(0))
    for alpha in (5.0, 120.0, math.inf):
        y = conv2attn.from_conv(conv, alpha)(x)
        assert y.dtype == torch.float32
    torch.testing.assert_close(y, conv(x))


def test_attention_matrix_is_what_forward_uses() -> None:
    conv, x = random_convolution(1)
    x = x if x.ndim == 3 else x[0]
    for alpha in (2.0, math.inf):
        layer = conv2attn.from_conv(conv, alpha)
        A = layer.attention(x.shape[1:])
        assert A.shape[0] == layer.num_heads == math.prod(conv.kernel_size)
        tokens = layer.geometry.pad(x[None])[0].flatten(1).T
        y = conv2attn.attend(A, tokens, layer.W, layer.bias).T.reshape(layer(x).shape)
        torch.testing.assert_close(y, layer(x), rtol=1e-12, atol=1e-12)


def test_weights_are_copies_and_learn() -> None:
    conv, x = random_convolution(4)
    layer = conv2attn.from_conv(conv)
    before = conv(x)
    layer(x).square().sum().backward()
    assert layer.W.grad.abs().max() > 0
    with torch.no_grad():
        layer.W.zero_()
    assert torch.equal(conv(x), before)


def test_state_moves_with_the_module() -> None:
    layer = conv2attn.from_conv(nn.Conv2d(1, 1, 3, padding=1), alpha=4.0).double()
    assert layer(torch.zeros(1, 5, 5, dtype=torch.float64)).dtype == torch.float64
    assert set(layer.state_dict()) == {"W", "bias"}


@pytest.mark.parametrize(
    "module", [nn.ConvTranspose2d(1, 1, 3), nn.LazyConv2d(1, 3), nn.Linear(2, 2), nn.Conv2d(1, 1, 1, dtype=torch.complex64)]
)
def test_unsupported_module_is_named(module: nn.Module) -> None:
    for call in (
        lambda: conv2attn.from_conv(module),
        lambda: conv2attn.dense_matrix(module, (4, 4)),
        lambda: conv2attn.error_bound(module, 1.0, 1.0),
        lambda: conv2attn.to_torch_mha(module, (4, 4), 1.0),
    ):
        with pytest.raises(ValueError, match="expected (nn.Conv1d, nn.Conv2d or nn.Conv3d|a real floating-point).*got"):
            call()


@pytest.mark.parametrize("alpha", [0, -1.0, math.nan, "sharp", None])
def test_bad_alpha(alpha: object) -> None:
    with pytest.raises(ValueError, match="alpha > 0"):
        conv2attn.from_conv(nn.Conv1d(1, 1, 1), alpha)


@pytest.mark.parametrize("x_max", [-1.0, math.inf, math.nan])
def test_bad_x_max(x_max: float) -> None:
    with pytest.raises(ValueError, match="finite x_max"):
        conv2attn.error_bound(nn.Conv1d(1, 1, 1), 1.0, x_max)


@pytest.mark.parametrize("shape", [(5, 5), (3, 5, 5), (1, 1, 2, 5, 5), (1, 3, 5, 5), (2, 1, 1)])
def test_bad_input_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected .*, got"):
        conv2attn.from_conv(nn.Conv2d(2, 1, 3, padding=0))(torch.zeros(shape))


def test_bad_sizes() -> None:
    reflect = nn.Conv1d(1, 1, 3, padding=2, padding_mode="reflect")
    with pytest.raises(ValueError, match="reflect padding of at most 1"):
        conv2attn.from_conv(reflect)(torch.zeros(1, 2))
    with pytest.raises(ValueError, match="input size of 2 positive integers"):
        conv2attn.dense_matrix(nn.Conv2d(1, 1, 1), (3,))
    with pytest.raises(ValueError, match="one image of shape"):
        conv2attn.to_torch_mha(nn.Conv2d(1, 1, 1), (3, 3), 1.0)(torch.zeros(1, 4, 4))


@pytest.mark.parametrize("seed", SEEDS)
def test_geometry_agrees_with_torch_on_the_output_size(seed: int) -> None:
    conv, x = random_convolution(seed)
    size = x.shape[-len(conv.kernel_size) :]
    assert Geometry.of(conv).output_size(size) == tuple(conv(x).shape[-len(size) :])


@pytest.mark.parametrize("seed", SEEDS)
def test_dense_matrix_is_the_module(seed: int) -> None:
    conv, x = random_convolution(seed)
    x = x if x.ndim == len(conv.kernel_size) + 1 else x[0]
    D = conv2attn.dense_matrix(conv, x.shape[1:])
    y = conv(x)
    bias = 0 if conv.bias is None else conv.bias.repeat_interleave(y[0].numel())
    assert torch.equal(D @ x.flatten() + bias, y.flatten())


def test_dense_matrix_column_is_the_impulse_response() -> None:
    generator = torch.Generator().manual_seed(7)
    conv = nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2, bias=False, dtype=torch.float64)
    conv.weight.data = integers(conv.weight.shape, generator)
    D = conv2attn.dense_matrix(conv, (4, 5))
    impulses = torch.eye(2 * 4 * 5, dtype=torch.float64).reshape(-1, 2, 4, 5)
    assert torch.equal(D.T, conv(impulses).flatten(1))


def test_dense_matrix_of_one_axis_takes_an_int() -> None:
    conv = nn.Conv1d(1, 1, 3)
    assert torch.equal(conv2attn.dense_matrix(conv, 6), conv2attn.dense_matrix(conv, (6,)))
