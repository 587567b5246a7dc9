"""The constraint lens on the built page, moved as a reader moves it, against torch in float64."""

import re

import pytest
import torch
from bench import WITH_MODEL, Bench, mutated
from playwright.sync_api import expect

import conv2attn
from conv2attn.widgets import ConstraintLens
from conv2attn.widgets.constraint_lens import IMAGE_SIZES, KERNEL_SIZES, NAMES

CHAPTER = "chapters/02-local-connectivity.html"
TOLERANCE = 1e-10
AS_READ = 0.006
"""Of a number of three digits, relative."""


class Lens(Bench):
    """ConstraintLens on an open page, and how far what it shows is from torch."""

    def reads(self, name: str) -> list[float]:
        """Every number of a text in the page."""
        text = self.island.locator(f'[data-of="{name}"]').text_content().replace("−", "-")
        return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", text)]

    def errors(self) -> dict[str, float]:
        """Distance from torch of everything computed, and from what is computed of everything that can be read."""
        shown = self.shown()
        n, K = shown["n"], shown["K"]
        lens = ConstraintLens(
            n,
            K,
            shown["locality"],
            shown["sharing"],
            output_pixel=shown["output_pixel"],
            input_pixel=shown["input_pixel"],
            seed=shown["seed"],
        )
        counts = conv2attn.count_weights(torch.nn.Conv2d(1, 1, K, padding=K // 2), (n, n))
        cards = [counts.fully_connected, (2 * n - 1) ** 2, counts.locally_connected, counts.convolution]
        (p_row, p_column), (q_row, q_column) = lens.output_pixel, lens.input_pixel
        entry = lens.matrix[p_row * n + p_column, q_row * n + q_column].item()
        whole, kept, lost = lens.distance
        ties = lens.ties.flatten().nonzero().flatten().tolist()

        def off(name: str, expected: torch.Tensor) -> float:
            return (torch.tensor(shown[name], dtype=torch.float64) - expected.flatten()).abs().max().item()

        def misread(name: str, *expected: float) -> float:
            """How far the numbers of a text are from these, beside their rounding; infinite if there are not as many."""
            numbers = self.reads(name)
            if len(numbers) != len(expected):
                return float("inf")
            return max((max(0.0, abs(a - b) - AS_READ * abs(b)) for a, b in zip(numbers, expected)), default=0.0)

        zeros = lens.num_zeros
        return {
            "dense": off("dense", lens.dense),
            "index": off("index", lens.index),
            "matrix": off("matrix", lens.matrix),
            "ties": float(shown["ties"] != ties),
            "weights": abs(shown["weights"] - lens.num_weights),
            "zeros": abs(shown["zeros"] - zeros),
            "whole": abs(shown["whole"] - whole) / whole,
            "kept": abs(shown["kept"] - kept) / whole,
            "lost": abs(shown["lost"] - lost) / whole,
            "weights, as read": misread("weights", lens.num_weights, n**4, 100 * lens.num_weights / n**4),
            "zeros, as read": misread("zeros", zeros, 100 * zeros / n**4),
            "copies, as read": misread("copies", (n**4 - zeros) / lens.num_weights),
            "kept, as read": misread("kept", 100 * kept / whole) if kept / whole > 1e-5 else 0.0,
            "pythagoras, as read": max(abs(a - b) for a, b in zip(self.reads("pythagoras"), (kept, lost, whole))) // 0.051,
            "entry, as read": misread("entry", entry) if abs(entry) > 1e-3 or not ties else 0.0,
            "shift, as read": misread("shift", q_row - p_row, q_column - p_column),
            "ties, as read": misread("ties", *([len(ties)] if ties else [])),
            **{f"count {i}, as read": abs(float(self.reads(f"count{i}")[0]) - count) for i, count in enumerate(cards)},
        }

    def agrees(self) -> None:
        errors = self.errors()
        assert max(errors.values()) < TOLERANCE, errors

    def tick(self, name: str, wanted: bool) -> None:
        box = self.control(name)
        if box.is_checked() != wanted:
            self.do(lambda: box.set_checked(wanted))

    def lines(self, name: str) -> list[str]:
        """The paths laid over the matrix and over the row, by their name."""
        return self.island.locator(f"svg .c2a-{name} path:first-child").evaluate_all("(lines) => lines.map((line) => line.getAttribute('d'))")


@pytest.fixture
def lens(visit) -> Lens:
    return Lens(visit(CHAPTER), "constraint_lens")


def test_numbers_are_torchs_at_first_sight(lens: Lens) -> None:
    lens.agrees()
    assert max(error for name, error in lens.errors().items() if "read" not in name) < 1e-12


def test_the_four_layers(lens: Lens) -> None:
    for (locality, sharing), name in NAMES.items():
        lens.tick("locality", locality)
        lens.tick("sharing", sharing)
        lens.agrees()
        expect(lens.island.locator("[aria-current]")).to_have_count(1)
        expect(lens.island.locator("[aria-current]")).to_contain_text(name)
        assert lens.choose("kernel").is_enabled() == locality
        summary = lens.island.locator("[aria-live=polite]")
        expect(summary).to_contain_text(f"{name.capitalize()}: {lens.shown()['weights']} weights for 1296 entries")


@pytest.mark.parametrize("sharing", [False, True])
def test_every_size_and_kernel(lens: Lens, sharing: bool) -> None:
    lens.tick("sharing", sharing)
    for n in IMAGE_SIZES:
        if n != lens.shown()["n"]:
            lens.slide("image side n", n)
        lens.tick("locality", False)
        lens.agrees()
        lens.tick("locality", True)
        for K in (*KERNEL_SIZES[1:], KERNEL_SIZES[0]):
            if K != lens.shown()["K"]:
                lens.do(lambda K=K: lens.choose("kernel").select_option(str(K)))
            assert lens.shown()["n"] == n and lens.shown()["K"] == K
            lens.agrees()


def test_p_moves_by_slider_and_stays_inside_a_smaller_image(lens: Lens) -> None:
    lens.tick("locality", True)
    lens.tick("sharing", True)
    for row, column in ((0, 5), (5, 0), (3, 2)):
        lens.slide("output pixel p row", row)
        assert lens.slide("output pixel p column", column)["output_pixel"] == [row, column]
        lens.agrees()
    lens.slide("image side n", 9)
    lens.slide("output pixel p row", 8)
    lens.control("image side n").focus()
    shown = lens.do(lambda: lens.page.keyboard.press("Home"))
    assert shown["n"] == 4 and shown["output_pixel"] == [3, 2]
    assert lens.control("output pixel p row").get_attribute("max") == "3"
    lens.agrees()


def test_an_entry_is_chosen_by_pointer_and_by_key(lens: Lens) -> None:
    lens.tick("locality", True)
    lens.tick("sharing", True)
    matrix, row = lens.island.locator("[data-canvas=matrix]"), lens.island.locator("[data-canvas=row]")
    box = matrix.bounding_box()
    shown = lens.do(lambda: matrix.click(position={"x": box["width"] * 8.5 / 36, "y": box["height"] * 13.5 / 36}))
    assert shown["output_pixel"] == [2, 1] and shown["input_pixel"] == [1, 2]
    assert len(shown["ties"]) == 25
    lens.agrees()
    for key, output_pixel, input_pixel in (("ArrowRight", [2, 1], [1, 3]), ("ArrowUp", [2, 0], [1, 3])):
        shown = lens.do(lambda key=key: lens.page.keyboard.press(key))
        assert [shown["output_pixel"], shown["input_pixel"]] == [output_pixel, input_pixel]
        assert shown["ties"] == []  # too far apart
        lens.agrees()
    box = row.bounding_box()
    shown = lens.do(lambda: row.click(position={"x": box["width"] * 0.5 / 6, "y": box["height"] * 3.5 / 6}))
    assert shown["output_pixel"] == [2, 0] and shown["input_pixel"] == [3, 0]
    assert lens.do(lambda: lens.page.keyboard.press("ArrowUp"))["input_pixel"] == [2, 0]
    lens.agrees()


def test_marks_lie_on_the_row_the_window_and_every_tie(lens: Lens) -> None:
    assert lens.lines("window") == [""]
    lens.tick("locality", True)
    lens.tick("sharing", True)
    assert lens.lines("row") == ["M0 14h36v1h-36z"]
    assert lens.lines("window") == ["M1 1h3v3h-3z"] and lens.lines("p") == ["M2 2h1v1h-1z"]
    [ties] = lens.lines("ties")
    assert ties == "".join(f"M{at % 36} {at // 36}h1v1h-1z" for at in lens.shown()["ties"])
    assert len(lens.shown()["ties"]) == 30
    assert lens.lines("entry") == ["M15 14h1v1h-1z", "M3 2h1v1h-1z"]


def test_what_is_forced_to_be_zero_is_not_there(lens: Lens) -> None:
    lens.tick("locality", True)
    seen = lens.island.locator("[data-canvas=matrix]").evaluate(
        """(canvas) => {
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          return Array.from({ length: data.length / 4 }, (_, i) => data[4 * i + 3] > 0);
        }"""
    )
    assert torch.equal(torch.tensor(seen), ConstraintLens(locality=True).index.flatten() >= 0)


def test_another_matrix(lens: Lens) -> None:
    before, pixels = lens.shown()["seed"], lens.pixels("matrix")
    shown = lens.do(lambda: lens.island.get_by_role("button", name="another matrix").click())
    assert shown["seed"] == before + 1 and lens.pixels("matrix") != pixels
    lens.agrees()


def test_from_input_to_picture_is_under_a_frame(lens: Lens) -> None:
    lens.tick("sharing", True)
    lens.slide("image side n", 9)
    assert lens.drawing_time("output pixel p row", (3, 4, 5, 6, 7)) < 16


def test_what_the_front_end_sends_is_what_python_takes(visit) -> None:
    page = visit(CHAPTER)
    page.evaluate(WITH_MODEL, ["constraint_lens", ConstraintLens(9, 5, output_pixel=(8, 8)).state()])
    page.locator("[name=locality]").first.check()
    page.locator("[name=size]").first.fill("5")
    saved = page.evaluate("saved")
    assert saved[1]["size"] == 5 and saved[1]["locality"] and saved[1]["output_pixel"] == [4, 4]
    widget = ConstraintLens()
    widget.set_state(saved[1])
    assert widget.state() == saved[1]


@pytest.mark.parametrize(
    ("before", "after", "red"),
    [
        ("- 510) / 148", "- 510) / 148.0148", "dense"),
        ("Math.imul(seed + 1,", "Math.imul(seed,", "dense"),
        ("> R) return -1", ">= R) return -1", "index"),
        ("(down + R) * (2 * R + 1) + right + R", "(right + R) * (2 * R + 1) + down + R", "index"),
        ("copies[weight] += 1;", "copies[weight] += 1.0001;", "matrix"),
        ("kept: sumOfSquares(matrix)", "kept: 1.0001 * sumOfSquares(matrix)", "kept"),
        ("lost: sumOfSquares(dense", "lost: 1.0001 * sumOfSquares(dense", "lost"),
        ("weights: Math.max(...index) + 1", "weights: Math.max(...index)", "weights"),
        ("count + (w < 0)", "count + (w <= 0)", "zeros"),
        ("index[at] === weight)", "index[at] === weight + 1)", "ties"),
        ("n + 2 * R * n - R * (R + 1)", "n + 2 * R * n - R * R", "count 2, as read"),
        ("(2 * n - 1) ** 2", "(2 * n) ** 2", "count 1, as read"),
        ("axis - output_pixel[i])", "axis + output_pixel[i])", "shift, as read"),
        ("(N ** 2 - zeros) / weights", "N ** 2 / weights", "copies, as read"),
    ],
)
def test_a_wrong_module_is_found_out(visit, before: str, after: str, red: str) -> None:
    lens = Lens(visit(CHAPTER, before=mutated(before, after)), "constraint_lens")
    lens.tick("locality", True)
    lens.tick("sharing", True)
    errors = lens.errors()
    assert errors[red] > TOLERANCE, errors
