"""The front page: what the course is in one screen, with the emblem alive in it."""

import base64
import io

import pytest
import torch
from matplotlib.image import imread
from playwright.sync_api import Locator, Page, expect

from conv2attn.widgets import Emblem

FRONT = "book/index.html"
ISLAND = '.c2a-island[data-widget="emblem"]'
NOW = f"document.querySelector('{ISLAND} .c2a-mounted').conv2attn"
LAST = 107  # the slider's last step: the hard limit

# Layout shift, counted from the first byte on; it needs no reader's input to be counted.
COUNT_SHIFT = """(() => {
  window.shift = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.shift += entry.value; }))
    .observe({ type: 'layout-shift', buffered: true });
})()"""


def alive(page: Page) -> Locator:
    island = page.locator(ISLAND)
    expect(island).to_have_attribute("data-mounted", "true")
    return island


def slide(page: Page, step: int) -> None:
    frames = page.evaluate(f"{NOW}.frames")
    page.locator(f"{ISLAND} [name=alpha]").fill(str(step))
    page.wait_for_function(f"before => {NOW}.frames > before", arg=frames)


def pixels(page: Page, name: str) -> torch.Tensor:
    address = page.evaluate("name => document.querySelector(`[data-canvas='${name}']`).toDataURL()", name)
    return torch.tensor(imread(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


def shown(page: Page) -> dict:
    return page.evaluate(
        f"""() => {{
          const {{ alpha, attention, convolution, largestDifference }} = {NOW};
          return {{ alpha: alpha === Infinity ? null : alpha, largestDifference,
                   attention: [...attention], convolution: [...convolution] }};
        }}"""
    )


@pytest.mark.parametrize("step", [0, 16, 60, LAST - 1, LAST])
def test_numbers_are_torchs(visit, step: int) -> None:
    page = visit(FRONT)
    island = alive(page)
    slide(page, step)
    now = shown(page)
    state = page.locator(f"{ISLAND} > .c2a-state").text_content()
    widget = Emblem()
    widget.set_state({**page.evaluate("JSON.parse", state), "alpha": now["alpha"]})
    attention, convolution = widget.attention_output, widget.convolution_output
    for name, expected in (("attention", attention), ("convolution", convolution)):
        torch.testing.assert_close(
            torch.tensor(now[name], dtype=torch.float64), expected.flatten(), rtol=0, atol=1e-12
        )
    said = island.locator('[data-of="difference"]').text_content()
    largest = (attention - convolution).abs().max().item()
    assert now["largestDifference"] == pytest.approx(largest, abs=1e-12)
    if largest > 1e-3:
        assert float(said) == pytest.approx(largest, rel=5e-3)
    if step == LAST:
        assert now["alpha"] is None and now["largestDifference"] == 0 and said == "0"


def test_the_reader_sees_attention_become_the_convolution(visit) -> None:
    page = visit(FRONT)
    island = alive(page)
    slider = island.get_by_label("α, how sharply the heads look")
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_value("0")
    convolution, unlike = pixels(page, "convolution"), pixels(page, "attention")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"() => {NOW}.frames > 2")
    assert not torch.equal(pixels(page, "attention"), unlike)
    page.keyboard.press("End")
    expect(island.locator('[data-of="alpha"]')).to_have_text("∞")
    assert torch.equal(pixels(page, "attention"), pixels(page, "convolution"))
    assert not torch.equal(unlike, convolution)
    assert pixels(page, "difference").flatten(0, 1).unique(dim=0).shape[0] == 1  # nothing is left of it
    expect(island.locator("[aria-live=polite]")).to_have_text(
        "In the hard limit, α = ∞, attention and convolution differ by at most 0."
    )


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (390, 844)])
def test_the_first_screen_says_what_the_course_is(visit, width: int, height: int) -> None:
    page = visit(FRONT, width=width)
    page.set_viewport_size({"width": width, "height": height})
    alive(page)
    first = [page.locator("h1"), page.get_by_text("In what exact sense"), page.locator(".hero .katex-display")]
    first += [page.locator(ISLAND)]
    if width >= 1000:
        first += page.locator(".ways .sd-card").all()
        assert len(first) == 7
    for thing in first:
        box = thing.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= height, thing


@pytest.mark.parametrize("javascript", [True, False])
def test_three_readers_find_where_to_start(visit, javascript: bool) -> None:
    page = visit(FRONT, javascript=javascript)
    cards = page.locator(".ways .sd-card")
    for title, target in (("You read", "chapters/01"), ("You learn", "#start-learn"), ("You teach", "#start-teach")):
        link = cards.filter(has_text=title).get_by_role("link")
        assert target in link.evaluate("link => link.href")
    expect(page.locator(f"{ISLAND} > img")).to_have_count(0 if javascript else 1)


def test_no_list_of_sections_is_offered(visit) -> None:
    for width in (1280, 390):
        page = visit(FRONT, width=width)
        expect(page.locator(".bd-sidebar-secondary")).to_have_count(0)
        expect(page.get_by_role("button", name="On this page")).to_have_count(0)


def test_nothing_jumps(visit) -> None:
    for width in (1280, 800, 390):
        page = visit(FRONT, width=width, before=COUNT_SHIFT)
        alive(page)
        page.wait_for_timeout(300)
        # A formula's letters may change their width by a hair when their font comes.
        assert page.evaluate("window.shift") < 0.001


def test_the_height_kept_free_is_the_emblems(visit) -> None:
    page = visit(FRONT)
    alive(page)
    for width in range(320, 1500, 59):
        page.set_viewport_size({"width": width, "height": 900})
        kept, taken = page.evaluate(
            f"""() => [parseFloat(getComputedStyle(document.querySelector('{ISLAND}'), '::before').height),
                       document.querySelector('{ISLAND} .c2a-mounted').getBoundingClientRect().height]"""
        )
        assert kept == pytest.approx(taken, abs=0.5), width
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_nothing_moves_by_itself(visit) -> None:
    page = visit(FRONT)
    alive(page)
    page.wait_for_timeout(800)
    assert page.evaluate(f"{NOW}.frames") == 1


def test_every_picture_of_the_emblem_is_named(visit) -> None:
    page = visit(FRONT)
    named = alive(page).aria_snapshot()
    for name in ("a photograph", "where each of 9 attention heads looks", "the kernel, 3 by 3", "output of the attention",
                 "output of the convolution", "attention minus convolution"):  # fmt: skip
        assert f'img "{name}' in named, named
