"""The kernel bench in Python: rows, windows and outputs. What it does in a browser is tests/browser's."""

import json

import pytest
import torch
import torch.nn.functional as F
from traitlets import TraitError

import conv2attn
from conv2attn.geometry import PADDING_MODES
from conv2attn.widgets import KernelBench

OPTIONS = [(K, stride, dilation) for K in (3, 5) for stride in (1, 2) for dilation in (1, 2)]


def an_image(size: int = 13) -> torch.Tensor:
    return torch.rand(size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def a_kernel(size: int) -> torch.Tensor:
    return torch.randn(size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("mode", PADDING_MODES)
@pytest.mark.parametrize(("K", "stride", "dilation"), OPTIONS)
def test_output_and_rows_are_torchs(K: int, stride: int, dilation: int, mode: str) -> None:
    widget = KernelBench(an_image(), a_kernel(K), stride=stride, dilation=dilation, padding_mode=mode)
    x = widget.x.clone().requires_grad_()
    padded = F.pad(x[None, None], [dilation * (K // 2)] * 4, mode="constant" if mode == "zeros" else mode)
    y = F.conv2d(padded, a_kernel(K)[None, None], stride=stride, dilation=dilation)[0, 0]
    assert y.shape == (widget.output_size, widget.output_size)
    torch.testing.assert_close(widget.output, y.detach(), rtol=0, atol=1e-13)
    last = widget.output_size - 1
    for pixel in ((0, 0), (0, last), (last, 2), (3, 4)):
        widget.output_pixel = pixel
        (row,) = torch.autograd.grad(y[pixel], x, retain_graph=True)  # of a linear map, its row
        torch.testing.assert_close(widget.row, row, rtol=0, atol=1e-14)
        p = pixel[0] * widget.output_size + pixel[1]
        assert torch.equal(widget.row.flatten(), conv2attn.dense_matrix(widget.conv, (13, 13))[p])
        assert (widget.row * widget.x).sum().item() == pytest.approx(y[pixel].item(), abs=1e-13)
        assert widget.products.sum().item() == pytest.approx(y[pixel].item(), abs=1e-13)
        assert torch.equal(widget.products, widget.window * a_kernel(K))


def test_window_reads_image_and_padding() -> None:
    widget = KernelBench(torch.arange(144, dtype=torch.uint8).reshape(12, 12), output_pixel=(0, 11))
    numbers = (widget.window * 255).round().int().tolist()
    assert numbers == [[0, 0, 0], [10, 11, 0], [22, 23, 0]]
    widget.padding_mode = "circular"
    assert (widget.window * 255).round().int().tolist() == [[142, 143, 132], [10, 11, 0], [22, 23, 12]]


def test_the_pixel_stays_inside() -> None:
    widget = KernelBench(output_pixel=(31, 4))
    widget.stride = 2
    assert widget.output_pixel == [15, 4]
    widget.image = KernelBench(an_image()).image
    assert widget.output_pixel == [6, 4]


def test_a_kernel_of_the_other_size_can_be_assigned() -> None:
    widget = KernelBench()
    widget.kernel = a_kernel(5)
    assert widget.window.shape == (5, 5) and widget.output.shape == (32, 32)


def test_state_comes_back_from_a_front_end() -> None:
    options = {"stride": 2, "dilation": 2, "padding_mode": "reflect", "output_pixel": (0, 6)}
    widget, other = KernelBench(an_image(), a_kernel(5), **options), KernelBench()
    other.set_state(json.loads(json.dumps(widget.state())))
    assert other.state() == widget.state() and torch.equal(other.row, widget.row)


@pytest.mark.parametrize(
    ("arguments", "expected", "given"),
    [
        ({"image": torch.zeros(11, 11)}, "12×12 to 48×48", r"\(11, 11\)"),
        ({"image": torch.full((12, 12), -1.0)}, r"values in \[0, 1\]", "-1"),
        ({"kernel": torch.zeros(4, 4)}, r"\(3, 3\) or \(5, 5\)", r"\(4, 4\)"),
        ({"kernel": torch.full((3, 3), 1001.0)}, "-1000 and 1000", "1001"),
        ({"stride": 3}, "a stride among 1, 2", "3"),
        ({"dilation": 0}, "a dilation among 1, 2", "0"),
        ({"padding_mode": "same"}, "zeros, reflect, replicate, circular", "same"),
        ({"output_pixel": (0, 32)}, "from 0 to 31", "32"),
        ({"output_pixel": (16, 0), "stride": 2}, "from 0 to 15", "16"),
    ],
)
def test_bad_input_says_what_was_expected_and_given(arguments: dict, expected: str, given: str) -> None:
    with pytest.raises(ValueError, match=f"expected .*{expected}.*got .*{given}"):
        KernelBench(**arguments)


@pytest.mark.parametrize(
    ("name", "value"),
    [("kernel", [[1.0]]), ("stride", 4), ("dilation", 3), ("padding_mode", "same"), ("output_pixel", [0, 32]), ("image", "AAAA")],
)
def test_bad_assignment_changes_nothing(name: str, value: object) -> None:
    widget = KernelBench()
    before = widget.state()
    with pytest.raises((ValueError, TraitError)):
        setattr(widget, name, value)
    assert widget.state() == before


def test_pictures_and_texts_follow_the_state() -> None:
    widgets = [KernelBench(), KernelBench(output_pixel=(0, 0)), KernelBench(kernel=torch.ones(5, 5), dilation=2)]
    assert len({widget.picture() for widget in widgets}) == 3
    assert "6 entries that are not zero" in widgets[0].describe()
    assert "25 entries that are not zero" in widgets[2].describe()
    assert KernelBench(kernel=torch.zeros(3, 3)).picture()  # nothing to scale by
