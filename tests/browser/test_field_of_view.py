"""The field of view on the built page, moved as a reader moves it, against torch's gradients in float64."""

import re

import pytest
import torch
from bench import WITH_MODEL, Bench, mutated
from playwright.sync_api import expect

from conv2attn.widgets import FieldOfView
from conv2attn.widgets.field_of_view import KERNEL_SIZES, SIZE, most_layers

CHAPTER = "chapters/04-receptive-fields.html"
TOLERANCE = 1e-10
AS_READ = 0.006
"""Of a number of three digits, relative."""


class View(Bench):
    """FieldOfView on an open page, and how far what it shows is from torch."""

    def reads(self, name: str) -> list[float]:
        """Every number of a text in the page."""
        text = self.island.locator(f'[data-of="{name}"]').text_content()
        return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]

    def errors(self) -> dict[str, float]:
        """Distance from torch of everything computed, and from what is computed of everything that can be read."""
        shown = self.shown()
        widget = FieldOfView(
            (torch.tensor(shown["x"], dtype=torch.float64).reshape(shown["n"], -1)),
            shown["L"],
            shown["K"],
            shown["doubling"],
            output_pixel=shown["output_pixel"],
        )
        field, unbounded = widget.field, widget.unbounded_field
        row, squares = widget.output_pixel[0], sum(d * d for d in widget.dilations)
        lost = 1 - field.sum().item()

        def off(name: str, expected: torch.Tensor) -> float:
            if len(shown[name]) != expected.numel():
                return float("inf")
            return (torch.tensor(shown[name], dtype=torch.float64) - expected.flatten()).abs().max().item()

        def misread(name: str, *expected: float) -> float:
            """How far the numbers of a text are from these, beside their rounding; infinite if there are not as many."""
            numbers = self.reads(name)
            if len(numbers) != len(expected):
                return float("inf")
            return max((max(0.0, abs(a - b) - AS_READ * abs(b)) for a, b in zip(numbers, expected)), default=0.0)

        whole = widget.visible == (widget.width, widget.width)
        law = (squares, shown["K"] ** 2 - 1, 12, widget.sigma_law)
        core = (widget.core, widget.core, widget.width, widget.width, 100 * (widget.core / widget.width) ** 2)
        return {
            "x": off("x", FieldOfView().x),
            "field": off("field", field),
            "profile": off("across", field[row] / torch.tensor(shown["down"], dtype=torch.float64)[row]),
            "unbounded": off("unbounded", unbounded.sum(0)),
            "width": abs(shown["width"] - widget.width),
            "sigma": abs(shown["sigma"] - widget.sigma),
            "law": abs(shown["law"] - widget.sigma_law),
            "core": abs(shown["core"] - widget.core),
            "core share": abs(shown["coreShare"] - widget.core_share),
            "on the image": abs(shown["onImage"] - field.sum().item()),
            "visible": float(tuple(shown["visible"]) != widget.visible),
            "width, as read": misread("width", widget.width),
            "4 sigma, as read": misread("core", 4 * widget.sigma),
            "sigma, as read": misread("sigma", widget.sigma),
            "law, as read": misread("law", *law),
            "share, as read": misread("share", 100 * widget.core_share),
            "pixels, as read": misread("pixels", *core),
            "border, as read": misread("border", *(() if whole else (*widget.visible, 100 * lost))),
            "largest, as read": abs((self.says("most") or 0) / field.max().item() - 1) // AS_READ,
        }

    def agrees(self) -> None:
        errors = self.errors()
        assert max(errors.values()) < TOLERANCE, errors

    def frame(self, name: str) -> list[float]:
        """Left, top, right and bottom of a frame over the photograph, in pixels."""
        path = self.island.locator(f".c2a-look .c2a-{name} path").first.get_attribute("d")
        left, top, right, bottom = (float(number) for number in re.findall(r"[\d.]+", path)[:4])
        return [left, top, right, bottom]


@pytest.fixture
def view(visit) -> View:
    return View(visit(CHAPTER), "field_of_view")


def test_numbers_are_torchs_at_first_sight(view: View) -> None:
    view.agrees()
    assert max(error for name, error in view.errors().items() if "read" not in name) < 1e-12


@pytest.mark.parametrize("K", KERNEL_SIZES)
def test_every_number_of_layers(view: View, K: int) -> None:
    if K != 3:
        view.do(lambda: view.choose("kernel").select_option(str(K)))
    most = most_layers(SIZE, K, False)
    for layers in (1, 2, 5, most // 2, most - 1, most):
        assert view.slide("layers L", layers)["L"] == layers
        view.agrees()
    view.do(lambda: view.control("dilation doubles").check())
    assert view.shown()["L"] == most_layers(SIZE, K, True)
    for layers in range(1, most_layers(SIZE, K, True) + 1):
        if layers != view.shown()["L"]:
            view.slide("layers L", layers)
        assert view.shown()["dilations"] == [2**layer for layer in range(layers)]
        view.agrees()
    view.do(lambda: view.control("dilation doubles").uncheck())
    view.agrees()


def test_fewer_layers_fit_with_a_larger_kernel(view: View) -> None:
    assert view.slide("layers L", 32)["width"] == 65
    shown = view.do(lambda: view.choose("kernel").select_option("5"))
    assert shown["L"] == 16 and shown["width"] == 65
    assert view.control("layers L").get_attribute("max") == "16"
    view.agrees()


def test_p_moves_by_slider_key_and_pointer_and_the_border_cuts(view: View) -> None:
    expect(view.island.locator('[data-of="border"]')).to_have_text("Whole: no border cuts it.")
    for row, column in ((0, 0), (64, 3), (30, 64)):
        view.slide("output pixel p row", row)
        shown = view.slide("output pixel p column", column)
        assert shown["output_pixel"] == [row, column] and shown["onImage"] < 1
        expect(view.island.locator('[data-of="border"]')).to_contain_text("Cut to")
        view.agrees()
    image = view.island.locator("[data-canvas=x]")
    image.focus()
    assert view.do(lambda: view.page.keyboard.press("ArrowUp"))["output_pixel"] == [29, 64]
    assert view.do(lambda: view.page.keyboard.press("ArrowRight"))["output_pixel"] == [29, 64]
    box = image.bounding_box()
    shown = view.do(lambda: image.click(position={"x": box["width"] * 10.5 / 65, "y": box["height"] * 50.5 / 65}))
    assert shown["output_pixel"] == [50, 10]
    view.agrees()


def test_one_key_on_the_layers_moves_pictures_and_numbers(view: View) -> None:
    pixels, before = view.pixels("field"), view.shown()["sigma"]
    view.control("layers L").focus()
    shown = view.do(lambda: view.page.keyboard.press("ArrowRight"))
    assert shown["L"] == 9 and shown["sigma"] > before and view.pixels("field") != pixels
    expect(view.island.locator("[aria-live=polite]")).to_contain_text("9 layers of 3 × 3 see 19 pixels across")


def test_frames_are_the_field_inside_the_photograph(view: View) -> None:
    assert view.frame("theory") == [24, 24, 41, 41] and view.frame("p") == [32, 32, 33, 33]
    sigma = view.shown()["sigma"]
    assert view.frame("core") == pytest.approx([32.5 - 2 * sigma] * 2 + [32.5 + 2 * sigma] * 2)
    view.slide("output pixel p row", 2)
    assert view.frame("theory") == [24, 0, 41, 11]


def test_bars_are_the_profile_in_shares_of_its_largest(view: View) -> None:
    shown = view.slide("output pixel p column", 4)
    bars = view.island.locator(".c2a-profile svg").first.locator("path").get_attribute("d")
    heights = [float(height) for height in re.findall(r"v-?([\d.e-]+)h1V1z", bars)]
    expected = torch.tensor(shown["across"], dtype=torch.float64)
    torch.testing.assert_close(torch.tensor(heights, dtype=torch.float64), expected / expected.max(), rtol=0, atol=1e-12)


def test_outside_the_field_the_photograph_shows(view: View) -> None:
    seen = view.island.locator("[data-canvas=field]").evaluate(
        """(canvas) => {
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          return Array.from({ length: data.length / 4 }, (_, i) => data[4 * i + 3] > 0);
        }"""
    )
    assert torch.equal(torch.tensor(seen), FieldOfView().field.flatten() > 0)


def test_from_input_to_picture_is_under_a_frame(view: View) -> None:
    assert view.drawing_time("layers L", (28, 29, 30, 31, 32)) < 16


def test_what_the_front_end_sends_is_what_python_takes(visit) -> None:
    page = visit(CHAPTER)
    page.evaluate(WITH_MODEL, ["field_of_view", FieldOfView(layers=30).state()])
    page.locator("[name=kernel]").first.select_option("5")
    page.locator("[name=column]").first.fill("64")
    saved = page.evaluate("saved")
    assert saved[0]["kernel_size"] == 5 and saved[0]["layers"] == 16 and saved[1]["output_pixel"] == [32, 64]
    widget = FieldOfView()
    widget.set_state(saved[1])
    assert widget.state() == saved[1]


@pytest.mark.parametrize(
    ("before", "after", "red"),
    [
        ("return sum / K;", "return sum / (1.0001 * K);", "field"),
        ("tap <= (K - 1) / 2; tap++", "tap < (K - 1) / 2; tap++", "field"),
        ("[...dilations].reverse()", "dilations", "field"),
        ("? 2 ** layer : 1", "? 2 ** layer : 2", "width"),
        ("down[Math.floor(q / n)] * across[q % n]", "across[Math.floor(q / n)] * down[q % n]", "field"),
        ("const width = 1 + (K - 1)", "const width = 3 + (K - 1)", "width"),
        ("(i - reach) ** 2", "(i - reach + 1) ** 2", "sigma"),
        ("law: Math.sqrt((squares * (K * K - 1)) / 12)", "law: Math.sqrt((squares * K * K) / 12)", "law"),
        ("core: 2 * half + 1", "core: 2 * half", "core"),
        ("reach - half, reach + half + 1)", "reach - half, reach + half)", "core share"),
        ("onImage: total(field)", "onImage: 1.0001 * total(field)", "on the image"),
        ("short(4 * sigma)", "short(2 * sigma)", "4 sigma, as read"),
        ("percent(1 - onImage)", "percent(onImage)", "border, as read"),
        ("byte / 255)", "byte / 256)", "x"),
    ],
)
def test_a_wrong_module_is_found_out(visit, before: str, after: str, red: str) -> None:
    view = View(visit(CHAPTER, before=mutated(before, after)), "field_of_view")
    if "dilations" in before:
        view.do(lambda: view.control("dilation doubles").check())
    view.slide("output pixel p row", 5)
    view.slide("output pixel p column", 2)
    errors = view.errors()
    assert errors[red] > TOLERANCE, errors
