"""The kernel bench on the built page: the row that is shown is the module's row, the output its output."""

import math

import pytest
import torch
from bench import WITH_MODEL, Bench, mutated
from playwright.sync_api import Page, expect

from conv2attn.geometry import PADDING_MODES
from conv2attn.widgets import KernelBench

CHAPTER = "chapters/03-weight-sharing.html"
NAME = "kernel_bench"
EXACT = 1e-12


class Kernel(Bench):
    """KernelBench on an open page, and how far what it shows is from torch."""

    def widget(self) -> KernelBench:
        """What the page shows, in Python."""
        shown = self.shown()
        K, options = math.isqrt(len(shown["kernel"])), shown["options"]
        return KernelBench(
            torch.tensor(shown["x"], dtype=torch.float64).reshape(shown["n"], -1),
            torch.tensor(shown["kernel"], dtype=torch.float64).reshape(K, K),
            stride=options["stride"],
            dilation=options["dilation"],
            padding_mode=options["mode"],
            output_pixel=shown["output_pixel"],
        )

    def errors(self) -> dict[str, float]:
        shown, widget = self.shown(), self.widget()
        row, column = widget.output_pixel

        def off(name: str, expected: torch.Tensor) -> float:
            return (torch.tensor(shown[name], dtype=torch.float64) - expected.flatten()).abs().max().item()

        return {
            **{name: off(name, getattr(widget, name)) for name in ("x", "padded", "output", "row", "products")},
            "value": abs(shown["value"] - widget.output[row, column].item()),
        }

    def agrees(self) -> None:
        errors, widget = self.errors(), self.widget()
        assert max(errors.values()) < EXACT, errors
        row, column = widget.output_pixel
        assert self.says("value") == pytest.approx(widget.output[row, column].item(), abs=1e-5)
        impulses = torch.eye(len(widget.x) ** 2, dtype=torch.float64).reshape(-1, 1, *widget.x.shape)
        probed = widget.conv(impulses)[:, 0, row, column]
        assert torch.equal(probed, widget.row.flatten())  # the module itself, asked one impulse after another


@pytest.fixture
def bench(visit) -> Kernel:
    return Kernel(visit(CHAPTER), NAME)


def test_numbers_are_torchs_at_first_sight(bench: Kernel) -> None:
    bench.agrees()
    assert bench.shown()["milliseconds"] < 200  # no more than a guard: tools/benchmark.py measures


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_every_option_at_corner_edge_and_middle(bench: Kernel, mode: str) -> None:
    bench.do(lambda: bench.choose("kernel").select_option("1 to 9"))  # no two weights alike
    if mode != "zeros":
        bench.do(lambda: bench.choose("padding").select_option(mode))
    for stride in ("2", "1"):
        bench.do(lambda stride=stride: bench.choose("stride").select_option(stride))
        for dilation in ("2", "1"):
            bench.do(lambda dilation=dilation: bench.choose("dilation").select_option(dilation))
            last = bench.shown()["m"] - 1
            for row, column in ((last, 0), (0, last - 1), (5, 6)):
                bench.slide("output pixel p row", row)
                bench.slide("output pixel p column", column)
                assert bench.shown()["output_pixel"] == [row, column]
                bench.agrees()


def test_the_pixel_under_the_mouse_is_the_row_that_is_shown(bench: Kernel) -> None:
    canvas = bench.island.locator("[data-canvas=output]")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    for row, column in ((3, 20), (31, 0), (0, 31)):
        place = box["x"] + box["width"] * (column + 0.5) / 32, box["y"] + box["height"] * (row + 0.5) / 32
        shown = bench.do(lambda place=place: bench.page.mouse.move(*place))
        assert shown["output_pixel"] == [row, column]
        bench.agrees()
    canvas.focus()
    assert bench.do(lambda: bench.page.keyboard.press("ArrowLeft"))["output_pixel"] == [0, 30]
    bench.do(lambda: bench.page.keyboard.press("ArrowDown"))
    assert bench.shown()["output_pixel"] == [1, 30]
    bench.agrees()


def test_the_row_moves_with_the_pixel(bench: Kernel) -> None:
    """Sharing: one pixel to the right, the same row one place further on; with stride 2, two places."""
    for stride in (1, 2):
        if stride == 2:
            bench.do(lambda: bench.choose("stride").select_option("2"))
        bench.slide("output pixel p column", 6)
        before = torch.tensor(bench.shown()["row"]).reshape(32, 32)
        after = torch.tensor(bench.slide("output pixel p column", 7)["row"]).reshape(32, 32)
        assert torch.equal(after, before.roll(stride, 1)) and before.any()


def test_a_kernel_chosen_and_typed_in(bench: Kernel) -> None:
    for name in ("Laplacian", "box blur", "shift, one tap"):
        bench.do(lambda name=name: bench.choose("kernel").select_option(name))
        bench.agrees()
    field = bench.control("kernel weight at (−1, 1)")
    shown = bench.do(lambda: field.fill("-2.625"))
    assert shown["kernel"][2] == -2.625 and bench.choose("kernel").input_value() == "edited"
    bench.agrees()
    height = bench.island.bounding_box()["height"]
    field.fill("")
    expect(bench.island.locator("[role=status]")).to_contain_text("the tap keeps −2.63")
    assert bench.shown()["kernel"] == shown["kernel"] and bench.island.bounding_box()["height"] == height


def test_the_summary_says_what_is_shown(bench: Kernel) -> None:
    bench.do(lambda: bench.choose("kernel").select_option("1 to 9"))
    bench.slide("output pixel p row", 0)
    bench.slide("output pixel p column", 0)
    value = bench.widget().output[0, 0].item()
    expect(bench.island.locator("[aria-live=polite]")).to_have_text(
        f"At p = (0, 0) the 9 products add up to {value:.3g}. Row 0 of D has 4 entries that are not 0, of 1024."
    )


def test_kernel_and_widget_follow_each_other(visit) -> None:
    page: Page = visit(CHAPTER)
    page.evaluate(WITH_MODEL, [NAME, KernelBench(kernel=torch.arange(25.0).reshape(5, 5)).state()])
    moved = page.evaluate(
        """async () => {
          model.set('stride', 2); model.set('output_pixel', [1, 2]); await painted();
          const { output_pixel, m, frames } = el.conv2attn;
          return { output_pixel, m, frames, stride: el.querySelector('[name=stride]').value, saved: saved.length };
        }"""
    )
    assert moved == {"output_pixel": [1, 2], "m": 16, "frames": 2, "stride": "2", "saved": 0}
    page.locator("[name=stride]").first.select_option("1")
    saved = page.evaluate("saved")[-1]
    widget = KernelBench()
    widget.set_state(saved)  # what the front end sends is what Python takes
    assert widget.state() == saved and saved["output_pixel"] == [2, 4]


@pytest.mark.parametrize(
    ("before", "after", "red"),
    [
        ("sum + kernel[t] * x[q]", "sum + 1.0001 * kernel[t] * x[q]", "output"),
        ("row[q] += kernel[t]", "row[q] = kernel[t]", "row"),
        ("stride * p[axis] + dilation * offset", "stride * p[axis] - dilation * offset", "output"),
        ("return (position + n) % n", "return (position + n - 1) % n", "output"),
        ("2 * (n - 1) - position", "2 * n - 1 - position", "output"),
        ("byte / 255)", "byte / 256)", "padded"),
        ("kernel[t] * value)", "kernel[K * K - 1 - t] * value)", "products"),
    ],
)
def test_a_wrong_module_is_found_out(visit, before: str, after: str, red: str) -> None:
    bench = Kernel(visit(CHAPTER, before=mutated(before, after)), NAME)
    bench.do(lambda: bench.choose("kernel").select_option("1 to 9"))
    bench.slide("output pixel p row", 31)
    worst = 0.0
    for mode in ("replicate", "circular", "reflect"):
        bench.do(lambda mode=mode: bench.choose("padding").select_option(mode))
        worst = max(worst, bench.errors()[red])
    assert worst > 1e-5
