"""Look from here in Python: what a pixel sees, against torch and by hand. What it does in a browser is tests/browser's."""

import json
import math

import pytest
import torch
from torch.nn import functional as F

from conv2attn.widgets import LookFromHere
from conv2attn.widgets.look_from_here import SCORES, WINDOWS

PIXELS = [(5, 5), (0, 0), (10, 4), (2, 10)]


def an_image(size: int = 11) -> torch.Tensor:
    return torch.rand(3, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def scores_by_hand(widget: LookFromHere) -> torch.Tensor:
    """Every pixel's score from p, pixel by pixel."""
    x, n, (row, column) = widget.x, widget.size, widget.output_pixel
    centred = [x[k] - x[k].mean() for k in range(3)]
    deviation = math.sqrt(sum(c.square().sum().item() for c in centred) / (3 * n * n))
    f = torch.stack(centred) / deviation
    scores = torch.empty(n, n, dtype=torch.float64)
    for i in range(n):
        for j in range(n):
            own, other = f[:, row, column], f[:, i, j]
            content = -((own - other) ** 2).sum() if widget.score == "distance" else (own * other).sum()
            scores[i, j] = widget.beta * content - widget.alpha * ((i - row) ** 2 + (j - column) ** 2)
    return scores


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("beta, alpha", [(0.0, 0.0), (3.0, 0.0), (0.0, 0.4), (1.5, 0.1)])
@pytest.mark.parametrize("pixel", PIXELS)
def test_weights_by_hand(score: str, beta: float, alpha: float, pixel: tuple[int, int]) -> None:
    widget = LookFromHere(an_image(), pixel, beta=beta, alpha=alpha, window=5, score=score)
    scores = scores_by_hand(widget)
    torch.testing.assert_close(widget.global_weights, scores.flatten().softmax(0).reshape(11, 11), rtol=1e-10, atol=1e-14)
    (row, column), local = pixel, torch.zeros(11, 11, dtype=torch.float64)
    around = slice(max(0, row - 2), row + 3), slice(max(0, column - 2), column + 3)
    local[around] = scores[around].exp() / scores[around].exp().sum()
    torch.testing.assert_close(widget.local_weights, local, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("pixel", PIXELS)
def test_taps_are_what_the_convolution_reads(pixel: tuple[int, int]) -> None:
    kernel = [[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]
    widget, x = LookFromHere(an_image(), pixel, kernel=kernel), an_image()[0]
    y = F.conv2d(x[None, None], torch.tensor(kernel, dtype=torch.float64)[None, None], padding=1)[0, 0]
    assert (widget.row * x).sum().item() == pytest.approx(y[pixel].item(), abs=1e-12)


def test_colours_are_standardised() -> None:
    f = LookFromHere(an_image()).features
    assert f.mean(0).abs().max() < 1e-12 and f.square().mean().item() == pytest.approx(1, abs=1e-12)
    assert LookFromHere(torch.full((3, 9, 9), 0.5)).features.abs().max() == 0


def test_numbers_of_a_head() -> None:
    even = LookFromHere(an_image(), beta=0, alpha=0, window=9)
    look = even.look(even.global_weights)
    assert look == pytest.approx((9 / 121, 121, 1 / 121))
    assert even.look(even.local_weights) == pytest.approx((9 / 81, 81, 1 / 81))
    corner = LookFromHere(an_image(), (0, 0), beta=0, alpha=0, window=3)
    assert corner.look(corner.local_weights) == pytest.approx((1, 4, 1 / 4))


def test_what_the_reader_is_to_see() -> None:
    """Position alone sees the same from every pixel; content alone finds its like, by the distance itself first of all."""
    place = LookFromHere(beta=0, alpha=0.5)
    first = place.global_weights
    place.output_pixel = [10, 20]
    torch.testing.assert_close(place.global_weights.roll((6, -4), (0, 1))[8:24, 8:24], first[8:24, 8:24], rtol=1e-6, atol=1e-9)
    itself = {}
    for score in SCORES:
        widget = LookFromHere(beta=8, alpha=0, score=score)
        itself[score] = 0
        for row in range(0, 32, 4):
            for column in range(0, 32, 4):
                widget.output_pixel = [row, column]
                itself[score] += widget.global_weights.argmax().item() == 32 * row + column
    assert itself["distance"] > 60 and itself["dot product"] < 5
    both = LookFromHere(beta=2, alpha=0.05)
    content, position = LookFromHere(beta=2, alpha=0), LookFromHere(beta=0, alpha=0.05)
    effective = [widget.look(widget.global_weights).effective for widget in (both, content, position)]
    assert effective[0] < min(effective[1:])


def test_state_goes_to_the_page_and_back() -> None:
    widget = LookFromHere(an_image(9), (8, 0), beta=1.5, alpha=0.25, window=9, score="dot product")
    state = json.loads(json.dumps(widget.state()))
    other = LookFromHere()
    for name, value in state.items():
        setattr(other, name, value)
    assert other.state() == state
    torch.testing.assert_close(other.global_weights, widget.global_weights, rtol=0, atol=0)
    widget = LookFromHere(an_image(30), (29, 0))
    widget.image = LookFromHere(an_image(9)).image
    assert widget.output_pixel == [8, 0]


def test_picture_and_text_say_what_is_chosen() -> None:
    widget = LookFromHere(an_image(), (0, 10), window=WINDOWS[-1], score="dot product")
    assert widget.picture().startswith(b"\x89PNG")
    for part in ("11 by 11 pixels", "(0, 10)", "9 by 9", "dot product"):
        assert part in widget.describe()
    blind = LookFromHere(beta=0, alpha=0)
    assert "at about 49 pixels" in blind.describe() and "which looks at about 1024." in blind.describe()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"image": torch.rand(9, 9)}, r"\(3, size, size\)"),
        ({"image": torch.rand(3, 9, 10)}, r"got shape \(3, 9, 10\)"),
        ({"image": torch.rand(3, 8, 8)}, "9×9 to 48×48"),
        ({"image": 2 * torch.ones(3, 9, 9)}, r"values in \[0, 1\]"),
        ({"output_pixel": (32, 0)}, "32"),
        ({"beta": -1}, "beta from 0 to 8"),
        ({"alpha": 2.5}, "alpha from 0 to 2"),
        ({"alpha": True}, "alpha from 0 to 2"),
        ({"window": 4}, "window"),
        ({"score": "cosine"}, "distance, dot product"),
        ({"kernel": torch.ones(5, 5)}, r"shape \(3, 3\)"),
    ],
)
def test_bad_input_is_named(arguments: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        LookFromHere(**arguments)


@pytest.mark.parametrize("name, value", [("beta", 9), ("window", 2), ("score", "none"), ("output_pixel", [0, 99]), ("image", "AAAA")])
def test_bad_state_from_a_page_is_refused(name: str, value: object) -> None:
    widget = LookFromHere()
    with pytest.raises(ValueError):
        setattr(widget, name, value)
