"""The field of view in Python: fields and widths. What it does in a browser is tests/browser's."""

import json
import math
from fractions import Fraction

import pytest
import torch

import conv2attn
from conv2attn.widgets import FieldOfView
from conv2attn.widgets.field_of_view import KERNEL_SIZES, most_layers

STACKS = [
    (layers, K, doubling)
    for K in KERNEL_SIZES
    for doubling in (False, True)
    for layers in range(1, most_layers(65, K, doubling) + 1)
    if doubling or layers in (1, 2, 3, 8, 16, 32)
]


def an_image(size: int) -> torch.Tensor:
    return torch.rand(size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("layers", "K", "doubling"), [(1, 3, False), (3, 3, False), (2, 5, False), (2, 3, True), (2, 5, True)])
@pytest.mark.parametrize("pixel", [(6, 6), (0, 12), (3, 1)])
def test_field_is_the_row_of_the_product_of_the_matrices(layers: int, K: int, doubling: bool, pixel: tuple[int, int]) -> None:
    widget = FieldOfView(an_image(13), layers, K, doubling, output_pixel=pixel)
    D = torch.eye(13 * 13, dtype=torch.float64)
    for conv in widget.stack:
        D = conv2attn.dense_matrix(conv, (13, 13)).detach() @ D
    torch.testing.assert_close(widget.field.flatten(), D[pixel[0] * 13 + pixel[1]], rtol=0, atol=1e-14)
    y = widget.stack(widget.x[None])[0].detach()
    assert (widget.field * widget.x).sum().item() == pytest.approx(y[pixel].item(), abs=1e-13)


@pytest.mark.parametrize(("layers", "K", "doubling"), STACKS)
def test_widths(layers: int, K: int, doubling: bool) -> None:
    widget = FieldOfView(None, layers, K, doubling)
    dilations = [2**layer if doubling else 1 for layer in range(layers)]
    assert widget.dilations == dilations
    assert widget.width == 1 + (K - 1) * sum(dilations) <= 65
    assert widget.sigma == pytest.approx(widget.sigma_law, rel=1e-12)
    if not doubling:
        assert widget.sigma_law == pytest.approx(math.sqrt(layers * (K**2 - 1) / 12))
    variance = Fraction(sum(d * d for d in dilations) * (K**2 - 1), 12)
    inside = [k for k in range(-widget.width // 2, widget.width // 2 + 1) if k * k <= 4 * variance and abs(k) <= widget.width // 2]
    assert widget.core == len(inside)
    profile = widget.unbounded_field.sum(0)
    at = [widget.width // 2 + k for k in inside]
    assert widget.core_share == pytest.approx(profile[at].sum().item() ** 2, rel=1e-12)
    assert profile.sum().item() == pytest.approx(1, abs=1e-12)
    assert (widget.unbounded_field > 0).all()  # doubling dilations leave no holes


def test_the_field_is_whole_in_the_middle_and_cut_at_the_border() -> None:
    widget = FieldOfView(layers=32)
    assert widget.width == 65 and widget.visible == (65, 65)
    assert widget.field.sum().item() == pytest.approx(1, abs=1e-12)
    torch.testing.assert_close(widget.field, widget.unbounded_field, rtol=0, atol=1e-15)
    widget.output_pixel = [0, 32]
    assert widget.visible == (33, 65)
    assert 0.1 < widget.field.sum().item() < 0.5
    assert ((widget.field > 0).sum(0) == 33).all()


@pytest.mark.parametrize("K", KERNEL_SIZES)
@pytest.mark.parametrize("doubling", [False, True])
def test_the_most_layers_see_no_more_than_the_image(K: int, doubling: bool) -> None:
    for size in range(9, 66):
        widths = [1 + (K - 1) * sum(2**layer if doubling else 1 for layer in range(layers)) for layers in range(1, 40)]
        assert most_layers(size, K, doubling) == sum(width <= size for width in widths)


def test_layers_and_pixel_stay_inside() -> None:
    widget = FieldOfView(layers=32, output_pixel=(64, 3))
    widget.kernel_size = 5
    assert widget.layers == 16
    widget.doubling = True
    assert widget.layers == 4
    widget.image = FieldOfView(an_image(9)).image
    assert widget.layers == 1 and widget.output_pixel == [8, 3]


def test_default_is_the_photograph() -> None:
    widget = FieldOfView()
    assert widget.x.shape == (65, 65) and widget.output_pixel == [32, 32] and widget.width == 17


def test_state_comes_back_from_a_front_end() -> None:
    widget, other = FieldOfView(an_image(30), 5, 5, output_pixel=(29, 0)), FieldOfView()
    other.set_state(json.loads(json.dumps(widget.state())))
    assert other.state() == widget.state()
    assert torch.equal(other.field, widget.field)


@pytest.mark.parametrize(
    ("arguments", "expected", "given"),
    [
        ({"layers": 0}, "layers among 1 to 32", "0"),
        ({"layers": 33}, "layers among 1 to 32", "33"),
        ({"layers": 17, "kernel_size": 5}, "layers among 1 to 16", "17"),
        ({"layers": 6, "doubling": True}, "layers among 1 to 5", "6"),
        ({"layers": 2.5}, "layers among 1 to 32", r"2\.5"),
        ({"kernel_size": 4}, "kernel size", "4"),
        ({"output_pixel": (65, 0)}, "from 0 to 64", "65"),
        ({"image": torch.zeros(66, 66)}, "9×9 to 65×65", r"\(66, 66\)"),
        ({"image": torch.zeros(8, 8)}, "9×9 to 65×65", r"\(8, 8\)"),
        ({"image": torch.zeros(20, 21)}, "square grey image", r"\(20, 21\)"),
        ({"image": torch.full((20, 20), 2.0)}, r"values in \[0, 1\]", "2"),
    ],
)
def test_bad_input_says_what_was_expected_and_given(arguments: dict, expected: str, given: str) -> None:
    with pytest.raises(ValueError, match=f"expected .*{expected}.*got .*{given}"):
        FieldOfView(**arguments)


@pytest.mark.parametrize(("name", "value"), [("layers", 33), ("kernel_size", 7), ("output_pixel", [0, 65]), ("image", "AAAA")])
def test_bad_assignment_changes_nothing(name: str, value: object) -> None:
    widget = FieldOfView()
    before = widget.state()
    with pytest.raises(ValueError, match="expected .*got"):
        setattr(widget, name, value)
    assert widget.state() == before


def test_pictures_and_texts_follow_the_state() -> None:
    widgets = [FieldOfView(), FieldOfView(layers=5, doubling=True), FieldOfView(output_pixel=(0, 64))]
    assert len({widget.picture() for widget in widgets}) == 3
    assert "17 pixels wide" in widgets[0].describe() and "63 pixels wide" in widgets[1].describe()
