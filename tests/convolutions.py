"""Random convolutions for the tests: every option that torch offers, small sizes, integer weights."""

import random

import torch
from torch import nn

CLASSES = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


def random_convolution(seed: int) -> tuple[nn.Module, torch.Tensor]:
    """A convolution with integer-valued float64 weights, and an integer-valued input that it takes."""
    rng = random.Random(seed)
    dims = 1 + seed % 3
    groups = rng.choice([1, 1, 2, 3])
    # In 3-D small numbers: dense attention over a volume is N² in memory.
    kernel_size = [rng.randint(1, 4 if dims < 3 else 3) for _ in range(dims)]
    dilation = [rng.randint(1, 3 if dims < 3 else 2) for _ in range(dims)]
    stride = [rng.randint(1, 3) for _ in range(dims)]
    padding = rng.choice(["amount", "amount", "same", "valid"])
    if padding == "same":
        stride = [1] * dims
    elif padding == "amount":
        padding = [rng.randint(0, 3 if dims < 3 else 2) for _ in range(dims)]
    conv = CLASSES[dims](
        in_channels=groups * rng.randint(1, 3),
        out_channels=groups * rng.randint(1, 3),
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=rng.random() < 0.5,
        padding_mode=rng.choice(["zeros", "reflect", "replicate", "circular"]),
        dtype=torch.float64,
    )
    generator = torch.Generator().manual_seed(seed)
    for parameter in conv.parameters():
        parameter.data = integers(parameter.shape, generator)
    # Large enough for the kernel without padding, and for reflect padding; not square.
    size = [max(d * (k - 1) + 1, 4) + rng.randint(0, 4 if dims < 3 else 2) for k, d in zip(kernel_size, dilation)]
    if conv.padding == "same":
        size = [max(n, d * (k - 1) + 2) for n, k, d in zip(size, kernel_size, dilation)]
    batch = [rng.randint(1, 3)] if rng.random() < 0.5 else []
    return conv, integers((*batch, conv.in_channels, *size), generator)


def integers(shape: tuple[int, ...], generator: torch.Generator, largest: int = 9) -> torch.Tensor:
    """Integer-valued float64 numbers, on which every sum is exact whatever its order."""
    return torch.randint(-largest, largest + 1, shape, generator=generator).double()
