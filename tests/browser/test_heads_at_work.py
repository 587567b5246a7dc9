"""The widget on the built page, moved as a reader moves it, against torch in float64."""

import math

import mpmath
import numpy as np
import pytest
import torch
from bench import SHOWN, TOLERANCE, WITH_MODEL, Bench, mutated
from playwright.sync_api import Page, expect

from conv2attn.widgets import HeadsAtWork
from conv2attn.widgets.heads_at_work import taps

CHAPTER = "chapters/08-convolution-as-attention.html"
NAME = "heads_at_work"


class Heads(Bench):
    """HeadsAtWork on an open page, and how far what it shows is from torch."""

    def errors(self) -> dict[str, float]:
        """Largest distance from torch of everything computed and of every number that can be read."""
        shown = self.shown()
        K = math.isqrt(len(shown["kernel"]))
        widget = HeadsAtWork(
            torch.tensor(shown["bytes"], dtype=torch.uint8).reshape(shown["size"], -1),
            torch.tensor(shown["kernel"], dtype=torch.float64).reshape(K, K),
            shown["alpha"],
            centres=shown["centres"],
            query=shown["query"],
        )
        attention, convolution = widget.attention_output, widget.convolution_output
        largest = (attention - convolution).abs().max().item()
        row, column = widget.query

        def off(values: list, expected: torch.Tensor) -> float:
            return (torch.tensor(values, dtype=torch.float64).flatten() - expected.flatten()).abs().max().item()

        errors = {
            "x": off(shown["x"], widget.x),
            "maps": off(shown["maps"], widget.head_maps),
            "attention": off(shown["attention"], attention),
            "convolution": off(shown["convolution"], convolution),
            "difference": off(shown["difference"], attention - convolution),
            "attention at p, as read": abs(self.says("attention") - attention[row, column].item()),
            "convolution at p, as read": abs(self.says("convolution") - convolution[row, column].item()),
            "largest difference, as read": abs(self.says("difference") - largest),
        }
        if widget.bound is None:
            assert shown["bound"] is None and self.says("bound") is None
        else:
            errors["bound"] = abs(shown["bound"] - bound(widget))
            errors["bound, as read"] = abs(self.says("bound") - bound(widget))
            assert largest <= widget.bound + 1e-12
        return errors


def bound(widget: HeadsAtWork) -> float:
    """2 m ‖W‖₁ ‖x‖_∞ with the theta function of another library."""
    q = 0 if widget.alpha is None else math.exp(-widget.alpha)
    mass = 1 - mpmath.jtheta(3, 0, q) ** -2
    return float(2 * mass * abs(np.array(widget.kernel)).sum() * widget.x.max().item())


@pytest.fixture
def bench(visit) -> Heads:
    return Heads(visit(CHAPTER), NAME)


def test_numbers_are_torchs_at_first_sight(bench: Heads) -> None:
    bench.agrees()
    assert max(error for name, error in bench.errors().items() if "read" not in name) < 1e-12


def test_one_key_on_the_sharpness_moves_pictures_and_numbers(bench: Heads) -> None:
    before, pixels = bench.shown(), bench.pixels("attention")
    bench.control("α, sharpness").focus()
    after = bench.do(lambda: bench.page.keyboard.press("ArrowRight"))
    assert after["alpha"] > before["alpha"]
    assert bench.pixels("attention") != pixels
    assert bench.says("alpha") == after["alpha"]
    bench.agrees()


def test_sharpness_runs_from_a_quarter_to_24_and_to_the_limit(bench: Heads) -> None:
    slider = bench.control("α, sharpness")
    errors = []
    for step in ("0", "32", "64", "96", "106"):
        bench.do(lambda step=step: slider.fill(step))
        bench.agrees()
        errors.append(bench.shown()["largestDifference"])
    assert bench.shown()["alpha"] == 24
    assert errors == sorted(errors, reverse=True) and errors[-1] < 1e-8
    limit = bench.do(lambda: bench.control("hard limit, α = ∞").check())
    assert limit["alpha"] is None and limit["largestDifference"] == 0 and limit["bound"] == 0
    bench.agrees()
    back = bench.do(lambda: bench.control("hard limit, α = ∞").uncheck())
    assert back["alpha"] == 24


def test_every_kernel_that_can_be_chosen(bench: Heads) -> None:
    choose = bench.choose("kernel")
    names = [name for name in choose.locator("option:enabled").all_text_contents()]
    assert len(names) == 7
    seen = set()
    for name in [*names[1:], names[0]]:
        shown = bench.do(lambda name=name: choose.select_option(name.strip()))
        seen.add(tuple(shown["kernel"]))
        bench.agrees()
    assert len(seen) == 7


def test_a_kernel_typed_in(bench: Heads) -> None:
    field = bench.control("kernel weight at (−1, 1)")
    for text in ("-2.625", "0.1", "12"):
        shown = bench.do(lambda text=text: field.fill(text))
        assert shown["kernel"][2] == float(text)
        bench.agrees()
    assert bench.choose("kernel").input_value() == "edited"
    kernel = bench.shown()["kernel"]
    for wrong in ("", "4000"):
        field.fill(wrong)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(bench.island.locator("[role=status]")).to_contain_text("the tap keeps 12")
        assert bench.shown()["kernel"] == kernel
    bench.do(lambda: bench.control("kernel weight at (0, 0)").fill("5"))  # the wrong field waits, nothing is lost
    assert field.input_value() == "4000"
    bench.do(lambda: field.fill("3"))
    expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(bench.island.locator("[role=status]")).to_have_text("")
    bench.agrees()


def test_a_head_leaves_its_tap_and_comes_home(bench: Heads) -> None:
    radio = bench.island.get_by_role("radio")
    assert radio.count() == 9
    radio.nth(4).focus()
    bench.do(lambda: bench.page.keyboard.press("ArrowLeft"))
    assert bench.shown()["head"] == 3
    home = bench.shown()["centres"]
    assert home == taps(3)
    bench.slide("centre Δ row", 2.25)
    shown = bench.slide("centre Δ column", -0.5)
    assert shown["centres"][3] == [2.25, -0.5] and shown["bound"] is None
    expect(bench.island.locator('[data-of="terms"]')).to_have_text("1 of 9 heads off the tap")
    bench.agrees()
    bench.do(lambda: bench.control("hard limit, α = ∞").check())
    bench.agrees()  # half-way between two tokens: the lower one, as torch's argmin
    radio.nth(0).check()
    bench.slide("centre Δ row", -3)
    bench.control("centre Δ row").focus()
    assert bench.do(lambda: bench.page.keyboard.press("ArrowRight"))["centres"][0] == [-2.75, -1]
    bench.agrees()
    shown = bench.do(lambda: bench.island.get_by_role("button", name="centres home").click())
    assert shown["centres"] == home and shown["bound"] == 0


def test_the_query_moves_by_slider_key_and_pointer(bench: Heads) -> None:
    for row, column in ((0, 0), (47, 3), (20, 47)):
        bench.slide("query p row", row)
        shown = bench.slide("query p column", column)
        assert shown["query"] == [row, column]
        bench.agrees()
    image = bench.island.locator("[data-canvas=x]")
    image.focus()
    assert bench.do(lambda: bench.page.keyboard.press("ArrowUp"))["query"] == [19, 47]
    assert bench.do(lambda: bench.page.keyboard.press("ArrowRight"))["query"] == [19, 47]
    box = image.bounding_box()
    shown = bench.do(lambda: image.click(position={"x": box["width"] * 10.5 / 48, "y": box["height"] * 30.5 / 48}))
    assert shown["query"] == [30, 10]
    bench.agrees()


def test_the_drawing_pad_by_pointer_and_by_keyboard(bench: Heads) -> None:
    shown = bench.do(lambda: bench.choose("picture").select_option("drawing pad"))
    size = shown["size"]
    assert size == 24 and max(shown["bytes"]) == 255
    bench.agrees()
    shown = bench.do(lambda: bench.island.get_by_role("button", name="clear").click())
    assert not any(shown["bytes"]) and shown["largestDifference"] == 0
    bench.agrees()

    image = bench.island.locator("[data-canvas=x]")
    image.scroll_into_view_if_needed()
    box = image.bounding_box()
    mouse = bench.page.mouse

    def at(row: int, column: int) -> tuple[float, float]:
        return box["x"] + box["width"] * (column + 0.5) / size, box["y"] + box["height"] * (row + 0.5) / size

    def stroke() -> None:
        mouse.move(*at(5, 4))
        mouse.down()
        mouse.move(*at(5, 15))  # one jump: the pixels between are painted too
        mouse.up()

    shown = bench.do(stroke)
    bench.page.wait_for_function(f"(name) => ({SHOWN})(name).query[1] === 15", arg=NAME)
    shown = bench.shown()
    assert [i for i, byte in enumerate(shown["bytes"]) if byte] == [5 * size + c for c in range(4, 16)]
    bench.agrees()

    image.focus()
    bench.do(lambda: bench.page.keyboard.press("ArrowDown"))
    shown = bench.do(lambda: bench.page.keyboard.press(" "))
    assert shown["query"] == [6, 15] and shown["bytes"][6 * size + 15] == 255
    bench.agrees()
    assert bench.do(lambda: bench.page.keyboard.press(" "))["bytes"][6 * size + 15] == 0
    shown = bench.do(lambda: bench.choose("picture").select_option("picture"))
    assert shown["size"] == 48
    bench.agrees()


def test_the_summary_is_said_once_things_are_still(bench: Heads) -> None:
    summary = bench.island.locator("[aria-live=polite]")
    expect(summary).to_contain_text("differ by at most")
    waits = bench.control("α, sharpness").evaluate(
        """async (slider) => {
          const summary = document.querySelector('.c2a-widget [aria-live=polite]'), before = summary.textContent;
          slider.value = 90;
          slider.dispatchEvent(new Event('input'));
          await new Promise(requestAnimationFrame);
          return slider.closest('.c2a-widget').parentElement.conv2attn.frames > 1 && summary.textContent === before;
        }"""
    )
    assert waits
    expect(summary).to_contain_text(f"At α = {bench.shown()['alpha']}")
    bench.do(lambda: bench.control("hard limit, α = ∞").check())
    expect(summary).to_contain_text("In the hard limit attention and convolution differ by at most 0;")


# The module by itself, with a model of ours in the kernel's place.


@pytest.fixture
def kernel_page(visit):
    """A page with `window.el`, a widget of size 64 whose model stands in for a kernel's."""
    page = visit(CHAPTER)
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (64, 64), generator=generator, dtype=torch.uint8)
    page.evaluate(WITH_MODEL, [NAME, HeadsAtWork(image, torch.arange(1.0, 10.0).reshape(3, 3)).state()])
    return page


def test_kernel_and_widget_follow_each_other(kernel_page: Page) -> None:
    moved = kernel_page.evaluate(
        """async () => {
          model.set('alpha', 5); model.set('query', [1, 2]); await painted();
          const { alpha, query, frames } = el.conv2attn;
          const row = el.querySelector('[name=row]');
          return { alpha, query, frames, row: row.value, saved: saved.length };
        }"""
    )
    assert moved == {"alpha": 5, "query": [1, 2], "frames": 2, "row": "1", "saved": 0}
    kernel_page.locator("[name=column]").first.fill("9")
    kernel_page.locator("[name=preset]").first.select_option("box blur")
    saved = kernel_page.evaluate("saved")
    assert saved[0]["query"] == [1, 9] and saved[1]["kernel"] == [[1 / 9] * 3] * 3
    widget = HeadsAtWork()
    widget.set_state(saved[1])  # what the front end sends is what Python takes
    assert widget.state() == saved[1]


# Break what is checked, and see it go red.

@pytest.mark.parametrize(
    ("before", "after", "red"),
    [
        ("Math.exp(alpha * (least", "Math.exp(1.0001 * alpha * (least", "attention"),
        ("weights[p][R + i]", "weights[p][i]", "attention"),
        ("const right = (h % K) - R", "const right = R - (h % K)", "convolution"),
        ("Math.exp(-alpha * k * k)", "Math.exp(-1.0001 * alpha * k * k)", "bound"),
        ("down[i] * across[j]", "down[j] * across[i]", "maps"),
        ("format(attention[p])", "format(attention[p + 1])", "attention at p, as read"),
        ("byte / 255)", "byte / 256)", "x"),
    ],
)
def test_a_wrong_module_is_found_out(visit, before: str, after: str, red: str) -> None:
    bench = Heads(visit(CHAPTER, before=mutated(before, after)), NAME)
    bench.slide("α, sharpness", 32)  # α = 1
    bench.slide("query p row", 5)
    errors = bench.errors()
    assert errors[red] > TOLERANCE, errors
