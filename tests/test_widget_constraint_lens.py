"""The constraint lens in Python: its matrices and counts. What it does in a browser is tests/browser's."""

import json
from collections import defaultdict

import pytest
import torch

import conv2attn
from conv2attn.widgets import ConstraintLens
from conv2attn.widgets.constraint_lens import IMAGE_SIZES, KERNEL_SIZES, random_matrix

COMBINATIONS = [(False, False), (False, True), (True, False), (True, True)]
EVERY = [(n, K, *both) for n in IMAGE_SIZES for K in KERNEL_SIZES for both in COMBINATIONS]


def by_hand(dense: torch.Tensor, n: int, kernel_size: int, locality: bool, sharing: bool) -> tuple[torch.Tensor, list[list[int]]]:
    """The constrained matrix and its weights, each as the list of entries that it stands in: two loops, no geometry."""
    entries = defaultdict(list)
    for p in range(n * n):
        for q in range(n * n):
            shift = (q // n - p // n, q % n - p % n)
            if not locality or max(map(abs, shift)) <= kernel_size // 2:
                entries[shift if sharing else (p, q)].append(p * n * n + q)
    matrix = torch.zeros(n**4, dtype=torch.float64)
    for at in entries.values():
        matrix[at] = dense.flatten()[at].mean()
    return matrix.reshape(n * n, n * n), list(entries.values())


@pytest.mark.parametrize(("n", "K", "locality", "sharing"), EVERY)
def test_matrix_counts_and_distance_by_hand(n: int, K: int, locality: bool, sharing: bool) -> None:
    lens = ConstraintLens(n, K, locality, sharing, output_pixel=(1, 2), input_pixel=(1, 3))
    matrix, weights = by_hand(lens.dense, n, K, locality, sharing)
    torch.testing.assert_close(lens.matrix, matrix, rtol=0, atol=1e-12)
    assert lens.num_weights == len(weights)
    assert lens.num_zeros == n**4 - sum(map(len, weights))
    entry = (n + 2) * n * n + n + 3
    ties = next((at for at in weights if entry in at), [])
    assert lens.ties.flatten().nonzero().flatten().tolist() == sorted(ties)
    whole, kept, lost = lens.distance
    assert whole == pytest.approx(lens.dense.square().sum().item())
    assert kept + lost == pytest.approx(whole, rel=1e-12)
    assert (lens.matrix * (lens.dense - lens.matrix)).sum().abs() < 1e-10


@pytest.mark.parametrize(("n", "K"), [(4, 5), (6, 1), (6, 3), (9, 5)])
def test_the_four_layers_have_the_packages_counts(n: int, K: int) -> None:
    counted = conv2attn.count_weights(torch.nn.Conv2d(1, 1, K, padding=K // 2), n_by_n := (n, n))
    assert ConstraintLens(n, K).num_weights == counted.fully_connected == n**4
    assert ConstraintLens(n, K, locality=True).num_weights == counted.locally_connected
    assert ConstraintLens(n, K, locality=True, sharing=True).num_weights == counted.convolution == K * K
    wide = torch.nn.Conv2d(1, 1, 2 * n - 1, padding=n - 1)
    assert ConstraintLens(n, K, sharing=True).num_weights == conv2attn.count_weights(wide, n_by_n).convolution
    assert conv2attn.count_weights(wide, n_by_n).locally_connected == n**4  # it forces nothing to be zero


@pytest.mark.parametrize("locality", [False, True])
def test_what_sharing_leaves_is_a_convolution(locality: bool) -> None:
    lens = ConstraintLens(5, 3, locality=locality, sharing=True)
    conv, index = lens.conv, lens.index
    first = torch.tensor([(index == weight).flatten().nonzero()[0].item() for weight in range(lens.num_weights)])
    conv.weight.data = lens.matrix.flatten()[first].reshape(conv.weight.shape)
    x = torch.randn(1, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(lens.matrix @ x.flatten(), conv(x).flatten(), rtol=0, atol=1e-12)


def test_random_matrix_is_nearly_normal_and_the_same_everywhere() -> None:
    assert (random_matrix(0, 4) * 148).flatten()[:5].tolist() == [-3, 9, -202, 180, -119]
    matrices = torch.stack([random_matrix(seed, 36) for seed in range(100)])
    assert matrices.mean().abs() < 0.01 and (matrices.std() - 1).abs() < 0.01
    assert ((matrices.abs() < 1).double().mean() - 0.683).abs() < 0.02  # the chance of a normal number
    assert len(torch.unique(matrices.flatten(1), dim=0)) == 100


def test_pixels_stay_inside_when_the_image_shrinks() -> None:
    lens = ConstraintLens(9, output_pixel=(8, 0), input_pixel=(7, 5))
    lens.size = 6
    assert lens.output_pixel == [5, 0] and lens.input_pixel == [5, 5]


def test_state_comes_back_from_a_front_end() -> None:
    lens, other = ConstraintLens(9, 5, locality=True, output_pixel=(8, 8), seed=7), ConstraintLens(4)
    other.set_state(json.loads(json.dumps(lens.state())))
    assert other.state() == lens.state()
    assert torch.equal(other.matrix, lens.matrix)


@pytest.mark.parametrize(
    ("arguments", "expected", "given"),
    [
        ({"size": 3}, "image side", "3"),
        ({"size": 10}, "image side", "10"),
        ({"size": 6.5}, "image side", r"6\.5"),
        ({"size": "6"}, "image side", "'6'"),
        ({"kernel_size": 2}, "kernel size", "2"),
        ({"kernel_size": 7}, "kernel size", "7"),
        ({"kernel_size": True}, "kernel size", "True"),
        ({"seed": -1}, "seed", "-1"),
        ({"seed": 1000}, "seed", "1000"),
        ({"output_pixel": (6, 0)}, "from 0 to 5", r"6"),
        ({"output_pixel": (0.5, 0)}, "whole numbers", r"0\.5"),
        ({"input_pixel": (0, -1)}, "from 0 to 5", "-1"),
        ({"input_pixel": 3}, r"\(row, column\)", "3"),
        ({"input_pixel": "ab"}, "array of numbers", "ab"),
    ],
)
def test_bad_input_says_what_was_expected_and_given(arguments: dict, expected: str, given: str) -> None:
    with pytest.raises(ValueError, match=f"expected .*{expected}.*got .*{given}"):
        ConstraintLens(**arguments)


@pytest.mark.parametrize(("name", "value"), [("size", 20), ("kernel_size", 4), ("seed", 1000), ("output_pixel", [0, 6])])
def test_bad_assignment_changes_nothing(name: str, value: object) -> None:
    lens = ConstraintLens()
    before = lens.state()
    with pytest.raises(ValueError, match="expected .*got"):
        setattr(lens, name, value)
    assert lens.state() == before


def test_pictures_and_texts_follow_the_state() -> None:
    lenses = [ConstraintLens(locality=locality, sharing=sharing) for locality, sharing in COMBINATIONS]
    assert len({lens.picture() for lens in lenses}) == 4
    texts = [lens.describe() for lens in lenses]
    assert [text.split(" weights;")[0].rsplit(" ", 1)[1] for text in texts] == ["1296", "121", "256", "9"]
    assert "1040 of 1296 entries are forced to be zero" in texts[3]
