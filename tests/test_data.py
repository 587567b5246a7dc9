"""Photographs come from inside the package, in the range and shape promised."""

import pytest
import torch

from conv2attn.data import PHOTOGRAPHS, photograph


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photograph(name: str) -> None:
    image = photograph(name, size=32)
    assert image.shape == (32, 32) and image.dtype == torch.float64
    assert 0 <= image.min() < image.max() <= 1


def test_color_and_bad_input() -> None:
    assert photograph("astronaut", 16, color=True).shape == (3, 16, 16)
    with pytest.raises(ValueError, match="among astronaut, .* got 'cat'"):
        photograph("cat")
    with pytest.raises(ValueError, match="grey"):
        photograph("camera", color=True)
    with pytest.raises(ValueError, match="positive size"):
        photograph(size=0)
