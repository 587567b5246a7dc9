"""Attention by hand in Python: weights, outputs and the hull. What it does in a browser is tests/browser's."""

import json
import math
import re

import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import linprog
from scipy.spatial import ConvexHull

from conv2attn import figures
from conv2attn.widgets import AttentionByHand
from conv2attn.widgets.attention_by_hand import LARGEST, POINTS, hull


def points(count: int, seed: int) -> torch.Tensor:
    return 6 * torch.rand(count, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) - 3


def a_widget(seed: int = 0, **options: object) -> AttentionByHand:
    return AttentionByHand(points(2, seed), points(4, seed + 100), points(4, seed + 200), **options)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("mask", [(True,) * 4, (True, False, True, False), (False, False, False, True)])
@pytest.mark.parametrize(("key_length", "shear"), [(1.0, 0.0), (2.5, 0.7), (0.1, -1.0)])
def test_weights_and_outputs_are_torchs(scaled: bool, mask: tuple, key_length: float, shear: float) -> None:
    widget = a_widget(scaled=scaled, mask=mask, key_length=key_length, shear=shear)
    key = key_length * torch.tensor(widget.key, dtype=torch.float64)  # without the shear: it changes no score
    query = torch.tensor(widget.query, dtype=torch.float64)
    scale, keep = (None if scaled else 1.0), torch.tensor(mask)
    expected = F.scaled_dot_product_attention(query, key, widget.V, keep, scale=scale)
    torch.testing.assert_close(widget.output, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(widget.scores, query @ key.T, rtol=0, atol=1e-12)
    weights = F.scaled_dot_product_attention(query, key, torch.eye(4, dtype=torch.float64), keep, scale=scale)
    torch.testing.assert_close(widget.A, weights, rtol=0, atol=1e-12)


def test_what_the_reader_can_see_at_first_is_so() -> None:
    """The most similar key wins; the opposite one gets least; a longer one wins; no scale sharpens."""
    widget = AttentionByHand()
    similarity = F.cosine_similarity(widget.Q[:, None], widget.K, dim=-1)
    assert torch.equal(widget.A.argmax(1), similarity.argmax(1))
    assert widget.A[0].argmin() == 2 and similarity[0, 2] < -0.99
    longer = AttentionByHand(key=[widget.key[0], [1.8 * axis for axis in widget.key[1]], *widget.key[2:]])
    assert longer.A[0].argmax() == 1 and similarity[0].argmax() == 0
    assert (AttentionByHand(scaled=False).A.max(1).values > widget.A.max(1).values).all()
    sheared = AttentionByHand(shear=0.8)
    assert not torch.allclose(sheared.K, widget.K, atol=0.1) and not torch.allclose(sheared.Q, widget.Q, atol=0.1)
    torch.testing.assert_close(sheared.A, widget.A, rtol=0, atol=1e-14)


@pytest.mark.parametrize("seed", range(20))
def test_hull_is_scipys_and_holds_the_outputs(seed: int) -> None:
    widget = a_widget(seed, key_length=0.3)
    V = widget.V.numpy()
    assert set(hull(widget.value)) == {tuple(V[i]) for i in ConvexHull(V).vertices}
    for y in widget.output.tolist():
        found = linprog([0] * 4, A_eq=[[1] * 4, *V.T], b_eq=[1, *y])  # non-negative by default
        assert found.status == 0


@pytest.mark.parametrize(
    ("given", "corners"),
    [
        ([(1, 1)] * 4, [(1, 1)]),
        ([(0, 0), (1, 1), (2, 2), (1, 1)], [(0, 0), (2, 2)]),
        ([(0, 0), (2, 0), (1, 0), (1, 2)], [(0, 0), (2, 0), (1, 2)]),
        ([(0, 1), (0, 0), (1, 0), (1, 1)], [(0, 0), (1, 0), (1, 1), (0, 1)]),
        ([(0, 0), (3, 0), (1, 1), (0, 3)], [(0, 0), (3, 0), (0, 3)]),
    ],
)
def test_hull_of_special_points(given: list, corners: list) -> None:
    assert hull(given) == corners


def test_state_comes_back_from_a_front_end() -> None:
    widget = a_widget(scaled=False, key_length=0.4, shear=-0.35, mask=(True, True, False, True), row=1, point="V3")
    other = AttentionByHand()
    other.set_state(json.loads(json.dumps(widget.state())))
    assert other.state() == widget.state()
    assert torch.equal(other.output, widget.output)


@pytest.mark.parametrize(
    ("arguments", "expected", "given"),
    [
        ({"query": torch.zeros(4, 2)}, r"queries of shape \(2, 2\)", r"\(4, 2\)"),
        ({"key": torch.zeros(2, 4)}, r"keys of shape \(4, 2\)", r"\(2, 4\)"),
        ({"value": torch.full((4, 2), 3.5)}, "values .* between -3 and 3", r"3\.5"),
        ({"value": torch.full((4, 2), math.nan)}, "finite", "nan"),
        ({"key_length": 0}, r"key length between 0\.1 and 3", "0"),
        ({"shear": 1.5}, "shear between -1 and 1", r"1\.5"),
        ({"shear": True}, "shear between -1 and 1", "True"),
        ({"mask": (False,) * 4}, "leaves a key", "False"),
        ({"mask": (True,) * 3}, "four booleans", "True"),
        ({"mask": (1, 1, 0, 1)}, "four booleans", "1"),
    ],
)
def test_bad_input_says_what_was_expected_and_given(arguments: dict, expected: str, given: str) -> None:
    with pytest.raises(ValueError, match=f"expected .*{expected}.*got .*{given}"):
        AttentionByHand(**arguments)


@pytest.mark.parametrize(
    ("name", "value"),
    [("query", [[0, 4], [0, 0]]), ("key", [[0, 0]]), ("value", "V"), ("key_length", 9.0), ("shear", -2.0), ("mask", [False] * 4), ("row", 2), ("point", "K5")],
)
def test_bad_assignment_changes_nothing(name: str, value: object) -> None:
    widget = AttentionByHand()
    before = widget.state()
    with pytest.raises(ValueError, match="expected .*got"):
        setattr(widget, name, value)
    assert widget.state() == before


def test_masks_of_torch_are_taken() -> None:
    assert AttentionByHand(mask=torch.tensor([True, False, True, True])).mask == [True, False, True, True]


def test_pictures_and_texts_follow_the_state() -> None:
    widgets = [AttentionByHand(), AttentionByHand(scaled=False), AttentionByHand(mask=(True, False, False, True), row=1)]
    assert len({widget.picture() for widget in widgets}) == 3
    first = widgets[0]
    assert f"{first.A[0].max():.3f}, to K1" in first.describe() and "not scaled" in widgets[1].describe()


def test_python_module_and_style_sheet_agree_on_constants() -> None:
    module, css = str(AttentionByHand._esm), str(AttentionByHand._css)
    assert f"const LARGEST = {LARGEST:g};" in module
    assert f"const POINTS = {json.dumps(POINTS)};" in module
    assert re.search(r"--query: (\S+); --key: (\S+); --value: (\S+);", css).groups() == figures.LINE_COLORS[:3]
