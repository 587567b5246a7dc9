"""What widgets are given, checked, in the form in which their state holds it: pictures, kernels, places, choices.

Every function raises ValueError saying what was expected and what was given.
"""

import base64
import math
from collections.abc import Collection
from typing import Any

import numpy as np
import torch

KERNEL_SIZES = (3, 5)
LARGEST_WEIGHT = 1000.0


def finite_array(values: Any, what: str) -> np.ndarray:
    """A float64 array of finite numbers, from nested sequences, an array or a tensor."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"expected {what} as a rectangular array of numbers, got {values!r:.80}") from None
    if not np.isfinite(array).all():
        raise ValueError(f"expected finite numbers in {what}, got {brief(array)}")
    return array


def brief(array: np.ndarray) -> str:
    """An array in a few words, for an error message."""
    return np.array2string(array, threshold=12, precision=4, separator=", ").replace("\n", "")


def to_kernel(kernel: Any) -> list[list[float]]:
    """K rows of K weights, K = 3 or 5, none beyond ±1000."""
    array = finite_array(kernel, "the kernel")
    if array.shape not in {(K, K) for K in KERNEL_SIZES}:
        raise ValueError(f"expected a kernel of shape (3, 3) or (5, 5), got {array.shape}")
    if abs(array).max() > LARGEST_WEIGHT:
        raise ValueError(f"expected kernel weights between -1000 and 1000, got {brief(array)}")
    return array.tolist()


def to_pixel(place: Any, size: int, what: str = "a pixel") -> list[int]:
    """[row, column] of a pixel in a square image of that size."""
    array = finite_array(place, what)
    if array.shape != (2,) or ((array != array.round()) | (array < 0) | (array >= size)).any():
        raise ValueError(f"expected {what} (row, column), whole numbers from 0 to {size - 1}, got {brief(array)}")
    return [int(axis) for axis in array]


def one_of(value: Any, allowed: Collection[int], what: str) -> int:
    """A whole number among those allowed."""
    if isinstance(value, bool) or value not in allowed:
        choices = f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else ", ".join(map(str, allowed))
        raise ValueError(f"expected {what} among {choices}, got {value!r}")
    return int(value)


def to_pixels(image: Any, sizes: tuple[int, int]) -> np.ndarray:
    """A grey image as uint8, (size, size), the size between ``sizes``; values in [0, 1] are rounded to 1/255."""
    is_bytes = getattr(image, "dtype", None) in (torch.uint8, np.dtype("uint8"))
    array = finite_array(image, "the image")
    smallest, largest = sizes
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not smallest <= len(array) <= largest:
        raise ValueError(
            f"expected a square grey image of {smallest}×{smallest} to {largest}×{largest} pixels, got shape {array.shape}"
        )
    if is_bytes:
        return array.astype(np.uint8)
    if array.min() < 0 or array.max() > 1:
        raise ValueError(f"expected image values in [0, 1], got {array.min():g} to {array.max():g}")
    return (array * 255).round().astype(np.uint8)


def encode(pixels: np.ndarray) -> str:
    """Pixels in base64, one byte each, row by row."""
    return base64.b64encode(pixels.tobytes()).decode()


def decode(data: str, sizes: tuple[int, int]) -> torch.Tensor:
    """Pixels in base64 as a float64 image (size, size) in [0, 1], the size between ``sizes``."""
    pixels = np.frombuffer(base64.b64decode(data, validate=True), dtype=np.uint8)
    size = math.isqrt(len(pixels))
    if size * size != len(pixels) or not sizes[0] <= size <= sizes[1]:
        raise ValueError(f"expected the pixels of a square image, one byte each, in base64, got {len(pixels)} bytes")
    return torch.from_numpy(pixels.reshape(size, size) / 255)
