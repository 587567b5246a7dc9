"""Widgets in Python: state, numbers, what a notebook stores. What they do in a browser is tests/browser's."""

import base64
import json
import math
import re
import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.image import imread
from torch import nn

import conv2attn
from conv2attn import figures
from conv2attn.widgets import AttentionByHand, ConstraintLens, Emblem, FieldOfView, HeadsAtWork, KernelBench, LookFromHere
from conv2attn.widgets.base import FOLDER, Widget
from conv2attn.widgets.heads_at_work import WINDOW, taps
from conv2attn.widgets.values import LARGEST_WEIGHT

WIDGETS = [AttentionByHand, ConstraintLens, Emblem, FieldOfView, HeadsAtWork, KernelBench, LookFromHere]


def an_image(size: int = 10, seed: int = 0) -> torch.Tensor:
    """A random image in steps of 1/255: what the widget keeps of it is exactly what it was given."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (size, size), generator=generator) / torch.tensor(255.0, dtype=torch.float64)


def a_kernel(size: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def reference(widget: HeadsAtWork) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention maps (K², N, N_padded) and output (N), from one two-dimensional softmax a head and nothing else."""
    R, size = len(widget.kernel) // 2, len(widget.x)
    tokens = F.pad(widget.x, (R, R, R, R)).flatten()
    key = torch.cartesian_prod(*[torch.arange(size + 2 * R, dtype=torch.float64)] * 2)
    query = torch.cartesian_prod(*[torch.arange(R, size + R, dtype=torch.float64)] * 2)
    centres = torch.tensor(widget.centres, dtype=torch.float64)
    distance = (key[None, None] - query[None, :, None] - centres[:, None, None]).square().sum(-1)
    A = torch.softmax(-widget.alpha * distance, dim=-1)
    return A, torch.einsum("hpq,q,h->p", A, tokens, torch.tensor(widget.kernel, dtype=torch.float64).flatten())


# What the widget computes


@pytest.mark.parametrize("kernel_size", [3, 5])
@pytest.mark.parametrize("alpha", [0.25, 1.0, 7.3])
def test_outputs_are_the_softmax_written_out(kernel_size: int, alpha: float) -> None:
    centres = (np.array(taps(kernel_size)) + np.arange(kernel_size**2)[:, None] % 3 * 0.25).clip(-3, 3)
    widget = HeadsAtWork(an_image(), a_kernel(kernel_size), alpha, centres=centres, query=(0, 9))
    A, y = reference(widget)
    torch.testing.assert_close(widget.attention_output.flatten(), y, rtol=0, atol=1e-12)
    torch.testing.assert_close(widget.head_maps.flatten(1), A[:, 0 * 10 + 9], rtol=0, atol=1e-14)


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_convolution_is_torchs_and_the_hard_limit_equals_it(kernel_size: int) -> None:
    image, kernel = an_image(12), a_kernel(kernel_size)
    widget = HeadsAtWork(image, kernel, math.inf)
    expected = F.conv2d(image[None, None], kernel[None, None], padding=kernel_size // 2)[0, 0]
    torch.testing.assert_close(widget.convolution_output, expected, rtol=0, atol=0)
    torch.testing.assert_close(widget.attention_output, expected, rtol=0, atol=1e-14)
    assert widget.alpha is None and widget.bound == 0


def test_outputs_and_bound_are_the_packages() -> None:
    image, kernel = an_image(), a_kernel(3)
    conv = nn.Conv2d(1, 1, 3, padding=1, bias=False, dtype=torch.float64)
    conv.weight.data = kernel[None, None]
    for alpha in (0.5, 2.0, 8.0):
        widget = HeadsAtWork(image, kernel, alpha)
        attention = conv2attn.from_conv(conv, alpha)(image[None])[0].detach()
        torch.testing.assert_close(widget.attention_output, attention, rtol=0, atol=1e-13)
        assert widget.bound == pytest.approx(conv2attn.error_bound(conv, alpha, image.max().item()), rel=1e-12)
        assert (widget.attention_output - widget.convolution_output).abs().max() <= widget.bound


def test_a_moved_head_has_no_bound() -> None:
    widget = HeadsAtWork(an_image())
    widget.centres = [[0.0, 0.25], *taps(3)[1:]]
    assert widget.bound is None
    assert "no bound" in widget.describe()
    widget.centres = taps(3)
    assert widget.bound > 0


# State


def test_images_of_bytes_and_of_fractions_are_kept_to_the_byte() -> None:
    image = an_image()
    assert torch.equal(HeadsAtWork(image).x, image)
    assert torch.equal(HeadsAtWork((image * 255).round().to(torch.uint8)).x, image)
    assert torch.equal(HeadsAtWork(image.numpy()).x, image)
    rounded = HeadsAtWork(torch.full((4, 4), 0.3, dtype=torch.float64)).x
    assert (rounded - 0.3).abs().max() <= 0.5 / 255


def test_default_is_the_photograph() -> None:
    widget = HeadsAtWork()
    assert widget.x.shape == (48, 48) and widget.source == "image" and widget.alpha == 1.0
    assert widget.query == [24, 24] and widget.centres == taps(3) and widget.bound > 0


def test_every_trait_can_be_assigned_and_comes_back() -> None:
    widget = HeadsAtWork(an_image())
    moves = {
        "source": "drawing",
        "kernel": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]],
        "alpha": None,
        "centres": [[0.5, -3.0]] * 9,
        "head": 8,
        "query": [3, 4],
        "drawing": base64.b64encode(bytes(range(16)) * 36).decode(),
        "image": base64.b64encode(bytes(range(16))).decode(),
    }
    for name, value in moves.items():
        setattr(widget, name, value)
        assert getattr(widget, name) == value
    state = widget.state()
    assert {name: state[name] for name in moves} == moves
    assert json.loads(json.dumps(state, allow_nan=False)) == state


def test_state_is_the_widgets_own_and_a_front_end_can_send_it_back() -> None:
    widget, other = HeadsAtWork(an_image()), HeadsAtWork(an_image(seed=5), alpha=3.0)
    state = widget.state()
    assert set(state) == {"alpha", "centres", "drawing", "head", "image", "kernel", "palette", "query", "source"}
    assert state["palette"] == {"weight": list(figures.WEIGHT_COLORS), "signed": list(figures.SIGNED_COLORS)}
    other.set_state(json.loads(json.dumps(state)))
    assert other.state() == state


def test_tensors_can_be_assigned() -> None:
    widget = HeadsAtWork(an_image())
    widget.kernel = torch.eye(3)
    widget.alpha = math.inf
    assert widget.kernel == torch.eye(3).tolist() and widget.alpha is None


def test_query_stays_inside_when_the_shown_image_shrinks() -> None:
    widget = HeadsAtWork(an_image(40), query=(39, 2))
    widget.source = "drawing"
    assert widget.query == [23, 2]


@pytest.mark.parametrize(
    ("arguments", "expected", "given"),
    [
        ({"image": torch.zeros(8, 9)}, "square grey image of 4×4 to 64×64", r"\(8, 9\)"),
        ({"image": torch.zeros(3, 8, 8)}, "square grey image", r"\(3, 8, 8\)"),
        ({"image": torch.zeros(65, 65)}, "4×4 to 64×64", r"\(65, 65\)"),
        ({"image": torch.zeros(0, 0)}, "4×4 to 64×64", r"\(0, 0\)"),
        ({"image": torch.full((8, 8), math.nan)}, "finite", "nan"),
        ({"image": torch.full((8, 8), 1.5)}, r"values in \[0, 1\]", r"1\.5"),
        ({"image": "camera"}, "array of numbers", "camera"),
        ({"kernel": torch.zeros(4, 4)}, r"\(3, 3\) or \(5, 5\)", r"\(4, 4\)"),
        ({"kernel": torch.zeros(7, 7)}, r"\(3, 3\) or \(5, 5\)", r"\(7, 7\)"),
        ({"kernel": [1.0] * 9}, r"\(3, 3\) or \(5, 5\)", r"\(9,\)"),
        ({"kernel": torch.full((3, 3), math.inf)}, "finite", "inf"),
        ({"kernel": torch.full((3, 3), 1e6)}, "-1000 and 1000", "1000000"),
        ({"alpha": 0.0}, "positive alpha", "0.0"),
        ({"alpha": -1}, "positive alpha", "-1"),
        ({"alpha": math.nan}, "positive alpha", "nan"),
        ({"alpha": "hard"}, "positive alpha", "hard"),
        ({"centres": taps(5)}, r"shape \(9, 2\)", r"\(25, 2\)"),
        ({"centres": [[0.0, 3.5]] * 9}, "between -3 and 3", r"3\.5"),
        ({"query": (0, 10)}, "from 0 to 9", "10"),
        ({"query": (0.5, 0)}, "whole numbers", r"0\.5"),
        ({"query": 3}, r"\(row, column\)", "3"),
    ],
)
def test_bad_input_says_what_was_expected_and_given(arguments: dict, expected: str, given: str) -> None:
    with pytest.raises(ValueError, match=f"expected .*{expected}.*got .*{given}"):
        HeadsAtWork(**{"image": an_image(), **arguments})


@pytest.mark.parametrize(
    ("name", "value"),
    [("kernel", torch.zeros(5, 5).tolist()), ("query", [0, 99]), ("head", 9), ("image", "AAAA"), ("alpha", -2.0)],
)
def test_bad_assignment_changes_nothing(name: str, value: object) -> None:
    widget = HeadsAtWork(an_image())
    before = widget.state()
    with pytest.raises(ValueError, match="expected .*got"):
        setattr(widget, name, value)
    assert widget.state() == before


# What a notebook stores, and what a page makes of it


@pytest.mark.parametrize("kind", WIDGETS)
def test_text_is_deterministic(kind: type[Widget]) -> None:
    first, second = kind(), kind()
    assert repr(first) == repr(second) and "0x" not in repr(first)
    assert first.island() == second.island()
    assert first.picture() == second.picture()


@pytest.mark.parametrize("kind", WIDGETS)
def test_mime_bundle_has_every_form(kind: type[Widget]) -> None:
    widget = kind()
    data, _ = widget._repr_mimebundle_()
    assert set(data) == {"text/plain", "application/vnd.jupyter.widget-view+json", "text/html", "image/png"}
    assert data["text/plain"] == repr(widget)
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG\r\n\x1a\n")
    json.dumps(data)


@pytest.mark.parametrize("kind", WIDGETS)
def test_island_holds_module_name_state_and_alternative_text(kind: type[Widget]) -> None:
    widget = kind()
    island = widget.island()
    name, alt, state, text = re.fullmatch(
        r'<div class="c2a-island" data-widget="(\w+)" data-alt="([^"<>]+)">'
        r'<script type="application/json" class="c2a-state">([^<]+)</script><p>([^<]+)</p></div>',
        island,
    ).groups()
    assert (FOLDER / f"{name}.js").is_file()
    assert json.loads(state) == widget.state()
    assert alt == text == widget.describe()
    assert len(island) < 8000  # notebooks store it


@pytest.mark.parametrize("kind", WIDGETS)
def test_module_can_be_put_into_a_page(kind: type[Widget]) -> None:
    module = kind._esm
    assert not module.startswith("//")  # it could be taken for an address
    assert "</script" not in module.lower()
    assert "http" not in module and not re.search(r"^import|import\(", module, re.MULTILINE)  # it asks nobody for anything
    assert "</style" not in str(kind._css).lower() and "url(" not in str(kind._css)
    assert re.findall(r"^export default \{ render \};$", module, re.MULTILINE)


def test_picture_is_opaque_and_shows_the_state() -> None:
    widget = HeadsAtWork(an_image())
    before = imread(BytesIO(widget.picture()))
    assert before.ndim == 3 and (before.shape[2] == 3 or before[..., 3].min() == 1)
    assert before[..., :3].std() > 0.1
    widget.alpha = 9.0
    assert not np.array_equal(before, imread(BytesIO(widget.picture())))
    for alpha, kernel in ((None, torch.zeros(3, 3)), (2.0, a_kernel(5))):  # nothing to scale by; a larger kernel
        assert HeadsAtWork(an_image(), kernel, alpha).picture()


def test_importing_makes_no_widget() -> None:
    code = "import conv2attn.widgets; from ipywidgets.widgets.widget import _instances; assert not _instances, _instances"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_python_module_and_style_sheet_agree_on_constants() -> None:
    module, css = str(HeadsAtWork._esm), str(HeadsAtWork._css)
    assert f"const WINDOW = {WINDOW};" in module
    assert f"const LARGEST_WEIGHT = {LARGEST_WEIGHT:g};" in module
    assert f"calc(100% * {WINDOW} / {2 * WINDOW + 1})" in css

