"""Photographs that come inside a package, so that no notebook ever downloads one."""

import torch
from skimage import data, transform

# Only those that scikit-image ships in its wheel, with a free licence.
PHOTOGRAPHS = ("astronaut", "brick", "camera", "chelsea", "coffee", "coins", "grass", "gravel", "rocket")


def photograph(name: str = "camera", size: int = 48, color: bool = False) -> torch.Tensor:
    """A square photograph with values in [0, 1], float64.

    Shape (size, size), or (3, size, size) with ``color=True``. The picture is cropped to its centre
    square and scaled down with anti-aliasing. Photographs: scikit-image, free of rights.

    Raises ValueError if the name is unknown, the size is not positive, or a grey picture is asked for
    in colour.
    """
    if name not in PHOTOGRAPHS:
        raise ValueError(f"expected a photograph among {', '.join(PHOTOGRAPHS)}, got {name!r}")
    if size < 1:
        raise ValueError(f"expected a positive size in pixels, got {size}")
    image = torch.as_tensor(getattr(data, name)().copy(), dtype=torch.float64) / 255
    is_color = image.ndim == 3
    if color and not is_color:
        raise ValueError(f"expected a colour photograph, got {name!r}, which is grey")
    if is_color and not color:
        image = image @ torch.tensor([0.2125, 0.7154, 0.0721], dtype=torch.float64)  # luminance, ITU-R BT.709
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side].numpy()
    small = torch.as_tensor(transform.resize(square, (size, size), anti_aliasing=True)).clamp(0, 1)
    return small.movedim(-1, 0).contiguous() if color else small
