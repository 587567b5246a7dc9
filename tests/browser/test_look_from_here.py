"""Look from here on the built page, moved as a reader moves it, against torch's softmax in float64."""

import re

import pytest
import torch
from bench import Bench, mutated
from playwright.sync_api import expect

from conv2attn.widgets import LookFromHere
from conv2attn.widgets.look_from_here import SCORES, WINDOWS

CHAPTER = "chapters/06-heads-and-positions.html"
TOLERANCE = 1e-10
AS_READ = 0.006
"""Of a number of three digits, relative."""


class Looks(Bench):
    """LookFromHere on an open page, and how far what it shows is from torch."""

    def errors(self) -> dict[str, float]:
        shown = self.shown()
        options = {name: shown[name] for name in ("output_pixel", "beta", "alpha", "score", "kernel")}
        image = torch.tensor(shown["x"], dtype=torch.float64).reshape(shown["n"], shown["n"], 3).movedim(-1, 0)
        widget = LookFromHere(image, window=shown["width"], **options)
        weights = {"local": widget.local_weights, "global": widget.global_weights}

        def off(values: list[float], expected: torch.Tensor) -> float:
            if len(values) != expected.numel():
                return float("inf")
            return (torch.tensor(values, dtype=torch.float64) - expected.flatten()).abs().max().item()

        taps = [value if value is not None else 0.0 for value in shown["taps"]]
        found = {
            "x": off(shown["x"], LookFromHere().x.movedim(0, -1)),
            "features": off(shown["features"], widget.features),
            "taps": off([0.0 if value != value else value for value in taps], widget.row),
            "seen by the taps": float(sum(value == value and value is not None for value in shown["taps"]) != int(widget.within(3).sum())),
        }
        for kind, A in weights.items():
            look = widget.look(A)
            pixels = int((widget.within(widget.window) if kind == "local" else torch.ones_like(A)).sum())
            found |= {
                kind: off(shown[kind], A),
                f"{kind} near": abs(shown["looks"][kind]["near"] - look.near),
                f"{kind} effective": abs(shown["looks"][kind]["effective"] / look.effective - 1),
                f"{kind} largest": abs(shown["looks"][kind]["largest"] - look.largest),
                f"{kind} pixels": abs(shown["pixels"][kind] - pixels),
                f"{kind} effective, as read": abs(self.says(f"{kind}-effective") / look.effective - 1) // AS_READ,
                f"{kind} largest, as read": abs(self.says(f"{kind}-largest") / look.largest - 1) // AS_READ,
                f"{kind} scale, as read": abs(self.says(f"{kind}-most") / look.largest - 1) // AS_READ,
                f"{kind} pixels, as read": abs(self.says(f"{kind}-pixels") - pixels),
                f"{kind} near, as read": abs(self.share(f"{kind}-near") - 100 * look.near) // 0.06,
            }
        return found

    def share(self, name: str) -> float:
        """A number of per cent as it stands in the page."""
        text = self.island.locator(f'[data-of="{name}"]').text_content()
        number, power = re.fullmatch(r"([\d.]+)(?: × 10⁻([⁰¹²³⁴⁵⁶⁷⁸⁹]+))?\s%", text).groups()
        return float(number) * 10.0 ** -int((power or "0").translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")))

    def agrees(self) -> None:
        errors = self.errors()
        assert max(errors.values()) < TOLERANCE, errors


@pytest.fixture
def looks(visit) -> Looks:
    return Looks(visit(CHAPTER), "look_from_here")


def test_numbers_are_torchs_at_first_sight(looks: Looks) -> None:
    looks.agrees()


def test_every_window_score_and_sharpness(looks: Looks) -> None:
    for window in WINDOWS:
        if window != looks.shown()["width"]:
            looks.do(lambda: looks.choose("local window").select_option(f"{window} × {window}"))
        looks.agrees()
    for score in reversed(SCORES):
        looks.do(lambda: looks.choose("content score").select_option(score))
        for beta, alpha in ((0, 0.3), (8, 0), (0.5, 2), (0, 0), (2, 0.05)):
            looks.slide("β, content", beta)
            looks.slide("α, position", alpha)
            looks.agrees()


def test_p_moves_by_slider_key_and_pointer(looks: Looks) -> None:
    for row, column in ((0, 0), (31, 3), (30, 31)):
        looks.slide("p row", row)
        assert looks.slide("p column", column)["output_pixel"] == [row, column]
        looks.agrees()
    image = looks.island.locator("[data-canvas=x]")
    image.focus()
    assert looks.do(lambda: looks.page.keyboard.press("ArrowUp"))["output_pixel"] == [29, 31]
    assert looks.do(lambda: looks.page.keyboard.press("ArrowRight"))["output_pixel"] == [29, 31]
    box = image.bounding_box()
    shown = looks.do(lambda: image.click(position={"x": box["width"] * 10.5 / 32, "y": box["height"] * 20.5 / 32}))
    assert shown["output_pixel"] == [20, 10]
    looks.agrees()


def test_the_convolution_changes_its_mind_by_its_kernel_alone(looks: Looks) -> None:
    before = looks.shown()["taps"]
    for label in ("β, content", "α, position"):
        assert looks.slide(label, 1.5)["taps"] == before
    names = looks.choose("kernel").locator("option:not([disabled])").all_text_contents()
    for name in names[1:]:
        looks.do(lambda: looks.choose("kernel").select_option(name))
        looks.agrees()
    assert looks.shown()["taps"] != before


def test_pictures_move_and_the_summary_says_what_is_seen(looks: Looks) -> None:
    before = {name: looks.pixels(name) for name in ("taps", "local", "global")}
    looks.slide("β, content", 0)
    expect(looks.island.locator("[aria-live=polite]")).to_contain_text("by position alone")
    looks.slide("p row", 5)
    assert all(looks.pixels(name) != pixels for name, pixels in before.items())
    looks.slide("α, position", 0)
    expect(looks.island.locator("[aria-live=polite]")).to_contain_text(
        "by neither: the local head looks at about 49 of 49 pixels, the global one at 1024 of 1024 pixels."
    )
    assert looks.says("global-effective") == 1024


def test_it_draws_in_a_frame(looks: Looks) -> None:
    assert looks.drawing_time("β, content", [step / 10 for step in range(1, 12)]) < 16


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("value - means[i % 3]", "1.0001 * value - means[i % 3]"),
        ("deviation ? f.map((value) => value / deviation)", "deviation ? f.map((value) => value / deviation / 1.0001)"),
        ("/ f.length);", "/ (f.length / 3));"),
        ("(own[k] - f[3 * q + k]) ** 2", "Math.abs(own[k] - f[3 * q + k])"),
        ("return beta * content - alpha *", "return 1.0001 * beta * content - alpha *"),
        ("- alpha * ((i - row) ** 2", "- 1.0001 * alpha * ((i - row) ** 2"),
        ("(j - column) ** 2", "(j - row) ** 2"),
        ("kept(q) ? Math.exp(value - most) : 0", "Math.exp(value - most)"),
        ("weights.map((weight) => weight / sum)", "weights.map((weight) => weight / (1.0001 * sum))"),
        ("entropy -= weight * Math.log(weight)", "entropy -= weight * Math.log2(weight)"),
        ("if (within(q, n, p, 3)) near", "if (within(q, n, p, 5)) near"),
        ("kernel[1 + Math.floor(q / n) - p[0]]", "kernel[1 - Math.floor(q / n) + p[0]]"),
        ("[1 + (q % n) - p[1]]", "[1 - (q % n) + p[1]]"),
        ("<= (width - 1) / 2", "< (width - 1) / 2"),
        ("pixels: { local: local.filter((_, q) => inside(q)).length", "pixels: { local: width * width + 0 * local.filter((_, q) => inside(q)).length"),
        ("say(`${kind}-largest`, short(looks[kind].largest))", "say(`${kind}-largest`, short(1.01 * looks[kind].largest))"),
    ],
)
def test_a_wrong_module_is_found_out(visit, before: str, after: str) -> None:
    looks = Looks(visit(CHAPTER, before=mutated(before, after)), "look_from_here")
    looks.slide("p row", 1)
    looks.slide("p column", 30)
    found = max(looks.errors().values())
    looks.do(lambda: looks.choose("content score").select_option("dot product"))
    found = max(found, *looks.errors().values())
    looks.do(lambda: looks.choose("kernel").select_option("1 to 9"))  # no symmetry hides a mistake
    found = max(found, *looks.errors().values())
    assert found > TOLERANCE
