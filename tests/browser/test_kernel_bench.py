"""The kernel bench on the built page: the row that is shown is the module's row, the output its output."""

import math

import pytest
import torch
import torch.nn.functional as F
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
            **{name: off(name, getattr(widget, name)) for name in ("x", "padded", "output", "row", "window", "products")},
            "value": abs(shown["value"] - widget.output[row, column].item()),
            "entries": abs(shown["entries"] - widget.row.count_nonzero().item()),
            "outside": abs(shown["outside"] - outside(widget)),
        }

    def squares(self, name: str) -> list[float]:
        """The numbers in the squares laid out as the kernel."""
        texts = self.island.locator(f"[data-squares={name}] span").all_text_contents()
        return [float(text.replace("−", "-")) for text in texts]

    def agrees(self) -> None:
        errors, widget = self.errors(), self.widget()
        assert max(errors.values()) < EXACT, errors
        row, column = widget.output_pixel
        assert self.says("value") == pytest.approx(widget.output[row, column].item(), abs=1e-5)
        impulses = torch.eye(len(widget.x) ** 2, dtype=torch.float64).reshape(-1, 1, *widget.x.shape)
        probed = widget.conv(impulses)[:, 0, row, column]
        assert torch.equal(probed, widget.row.flatten())  # the module itself, asked one impulse after another
        assert torch.allclose(convolved(widget), torch.tensor(self.shown()["output"], dtype=torch.float64), rtol=0, atol=EXACT)
        entries = int(widget.row.count_nonzero())
        K = len(widget.kernel)
        assert self.text("entries") == f"{entries} of {widget.row.numel()}"
        assert self.text("padding") == f"{outside(widget)} of {K * K} taps in the padding"
        for name, digits in (("window", 3), ("products", 3)):
            expected = getattr(widget, name).flatten()
            rounding = 0.6 * 10.0 ** ((K == 5) - digits) * expected.abs().clamp(min=1)
            assert ((torch.tensor(self.squares(name), dtype=torch.float64) - expected).abs() <= rounding).all(), name

    def text(self, name: str) -> str:
        return self.island.locator(f'[data-of="{name}"]').text_content()


def convolved(widget: KernelBench) -> torch.Tensor:
    """The output by torch's functions alone."""
    mode = {"zeros": "constant"}.get(widget.padding_mode, widget.padding_mode)
    kernel = torch.tensor(widget.kernel, dtype=torch.float64)[None, None]
    padded = F.pad(widget.x[None, None], [widget.dilation * (len(widget.kernel) // 2)] * 4, mode=mode)
    return F.conv2d(padded, kernel, stride=widget.stride, dilation=widget.dilation).flatten()


def outside(widget: KernelBench) -> int:
    """How many taps stand out of the image: an image of ones in zeros tells."""
    K, ones = len(widget.kernel), torch.ones_like(widget.x)
    box = torch.ones(1, 1, K, K, dtype=torch.float64)
    inside = F.conv2d(ones[None, None], box, stride=widget.stride, dilation=widget.dilation, padding=widget.dilation * (K // 2))
    return K * K - int(inside[0, 0, *widget.output_pixel])


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
    bench.page.mouse.move(0, 0)
    canvas.focus()
    assert bench.do(lambda: bench.page.keyboard.press("ArrowLeft"))["output_pixel"] == [0, 30]
    bench.do(lambda: bench.page.keyboard.press("ArrowDown"))
    assert bench.shown()["output_pixel"] == [1, 30]
    bench.agrees()


def test_on_the_photograph_the_mouse_moves_the_middle_of_the_window(bench: Kernel) -> None:
    bench.do(lambda: bench.choose("dilation").select_option("2"))  # two pixels of padding
    canvas = bench.island.locator("[data-canvas=padded]")
    for stride, expected in (("1", [[3, 20], [0, 31]]), ("2", [[2, 10], [0, 15]])):
        if stride == "2":
            bench.do(lambda: bench.choose("stride").select_option("2"))
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        for (row, column), pixel in zip(((3, 20), (-2, 33)), expected):
            place = box["x"] + box["width"] * (column + 2.5) / 36, box["y"] + box["height"] * (row + 2.5) / 36
            assert bench.do(lambda place=place: bench.page.mouse.move(*place))["output_pixel"] == pixel
            bench.agrees()


def test_taps_are_marked_where_they_read(bench: Kernel) -> None:
    """Nine squares in the padded image, two pixels apart; the first is the corner of the window."""
    bench.do(lambda: bench.choose("dilation").select_option("2"))
    bench.slide("output pixel p row", 0)
    bench.slide("output pixel p column", 31)
    taps = bench.island.locator(".c2a-taps path").first
    squares = [f"M{31 + 2 * j} {2 * i}h1v1h-1z" for i in range(3) for j in range(3)]
    expect(taps).to_have_attribute("d", "".join(squares))
    dashed = bench.island.locator("[data-squares=window] span").evaluate_all("(all) => all.map((one) => 'zero' in one.dataset)")
    assert dashed == [True, True, True, False, False, True, False, False, True]


def test_where_no_tap_reads_the_photograph_shows(bench: Kernel) -> None:
    shown = bench.do(lambda: bench.choose("kernel").select_option("Laplacian"))
    opaque = bench.island.locator("[data-canvas=row]").evaluate(
        "(canvas) => { const { data } = canvas.getContext('2d').getImageData(0, 0, 32, 32);"
        " return Array.from({ length: 1024 }, (_, q) => q).filter((q) => data[4 * q + 3]); }"
    )
    assert opaque == sorted(shown["pixels"]) and len(opaque) == 9 and shown["entries"] == 5


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
    height = bench.island.locator(".c2a-widget").bounding_box()["height"]
    field.fill("")
    expect(bench.island.locator("[role=status]")).to_contain_text("the tap keeps −2.63")
    assert bench.shown()["kernel"] == shown["kernel"] and bench.island.locator(".c2a-widget").bounding_box()["height"] == height


def test_a_kernel_of_another_size_and_flipped(bench: Kernel) -> None:
    height = bench.island.locator(".c2a-widget").bounding_box()["height"]
    bench.do(lambda: bench.choose("kernel").select_option("1 to 9"))
    shown = bench.do(lambda: bench.choose("kernel size").select_option("5 × 5"))
    assert shown["kernel"] == list(range(1, 26)) and bench.choose("kernel").input_value() == "1 to 25"
    bench.agrees()
    shown = bench.do(lambda: bench.control("kernel weight at (−2, 2)").fill("0.125"))
    assert shown["kernel"] == [1, 2, 3, 4, 0.125, *range(6, 26)]
    assert bench.control("kernel weight at (−2, 2)").get_attribute("data-lm-suppress-shortcuts") == "true"
    bench.agrees()
    shown = bench.do(lambda: bench.island.get_by_role("button", name="flip left to right").click())
    assert shown["kernel"] == [w for row in ([1, 2, 3, 4, 0.125], *(range(a, a + 5) for a in (6, 11, 16, 21))) for w in [*row][::-1]]
    bench.agrees()
    shown = bench.do(lambda: bench.choose("kernel size").select_option("3 × 3"))
    assert shown["kernel"] == [9, 8, 7, 14, 13, 12, 19, 18, 17]  # not one that can be chosen: its middle
    bench.agrees()
    bench.do(lambda: bench.choose("kernel size").select_option("5 × 5"))
    assert bench.shown()["kernel"][:7] == [0, 0, 0, 0, 0, 0, 9]
    assert bench.island.locator(".c2a-widget").bounding_box()["height"] == height


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
        ("y[i * m + j] += w * x", "y[i * m + j] += 1.0001 * w * x", "output"),
        ("row[q] += kernel[t]", "row[q] = kernel[t]", "row"),
        ("row[q] += kernel[t]", "row[q] += 1.0001 * kernel[t]", "row"),
        ("-1 : row * n + column", "-1 : column * n + row", "row"),
        ("stride * p + dilation", "stride * p - dilation", "output"),
        ("stride * p + dilation", "stride * p + 1 + dilation", "window"),
        ("return (position + n) % n", "return (position + n - 1) % n", "output"),
        ("2 * (n - 1) - position", "2 * n - 1 - position", "output"),
        ("byte / 255)", "byte / 256)", "padded"),
        ("kernel[t] * value)", "kernel[kernel.length - 1 - t] * value)", "products"),
        ("output_pixel[0] * m + output_pixel[1]", "output_pixel[0] * m + output_pixel[1] - 1", "value"),
        ("entry !== 0).length", "entry > 2).length", "entries"),
        ("at < 0 || at >= n", "at < 0 || at > n", "outside"),
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
