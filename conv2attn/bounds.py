"""How far attention at a finite sharpness is from the convolution: the error law in α."""

import math

import torch
from torch import nn

from conv2attn.geometry import Geometry, check_alpha, check_supported


def off_shift_mass(alpha: float, dims: int) -> float:
    """The weight m that a head lets fall beside its pixel on the infinite grid Z^d.

    m = 1 - θ₃(0, e^{-α})^{-d}, where θ₃(0, q) = Σ_n q^{n²}; m ≤ 2 d e^{-α} for every α > 0. On a finite grid
    the mass is never more. Raises ValueError unless α > 0.
    """
    alpha = check_alpha(alpha)
    if alpha < 1e-6:
        return 1.0  # an upper bound; a million terms would change it by less than one in a thousand
    # Beyond this n a term is below the smallest double.
    last = math.isqrt(int(745 / alpha)) + 1
    tail = torch.arange(1, last + 1, dtype=torch.float64).square().mul(-alpha).exp().flip(0).sum().item()
    return -math.expm1(-dims * math.log1p(2 * tail))


def kernel_norm(conv: nn.Module) -> float:
    """‖W‖₁ = max over output channels of Σ |w| over taps and input channels."""
    check_supported(conv)
    return conv.weight.detach().double().abs().flatten(1).sum(1).max().item()


def error_bound(conv: nn.Module, alpha: float, x_max: float) -> float:
    """The largest difference there can be between ``from_conv(conv, alpha)`` and ``conv``, in any pixel.

    ‖attention - convolution‖_∞ ≤ 2 m ‖W‖₁ ‖x‖_∞ for every image with |x| ≤ x_max, where m is
    :func:`off_shift_mass` and ‖W‖₁ :func:`kernel_norm`. It holds in exact arithmetic; rounding comes on top.
    A single-tap kernel on a large image attains it. 0 at ``alpha=math.inf``.

    Raises ValueError for an unsupported module, unless α > 0, or unless x_max is finite and ≥ 0.
    """
    geometry = Geometry.of(conv)
    if not 0 <= x_max < math.inf:
        raise ValueError(f"expected a finite x_max >= 0, the largest |x| in the image, got {x_max!r}")
    return 2 * off_shift_mass(alpha, geometry.dims) * kernel_norm(conv) * x_max
