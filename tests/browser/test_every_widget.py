"""What holds for every widget of the course, wherever it stands."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from bench import WITH_MODEL, Bench
from matplotlib.image import imread
from playwright.sync_api import expect

from conv2attn import widgets
from conv2attn.widgets.base import Widget

CLASSES = [value for value in map(widgets.__dict__.get, widgets.__all__) if isinstance(value, type) and issubclass(value, Widget)]
EACH = pytest.mark.parametrize("widget", CLASSES, ids=lambda widget: widget.name)


def page_of(widget: type[Widget], site: Path) -> str:
    """The page that the widget stands on."""
    island = re.compile(f'<div class="c2a-island"[^>]* data-widget="{widget.name}"')
    pages = [path for path in sorted(site.glob("*/*.html")) if island.search(path.read_text("utf-8"))]
    assert pages, f"no page has the widget {widget.name}"
    return pages[0].relative_to(site).as_posix()


@EACH
def test_every_control_has_a_name_and_room_for_a_finger(visit, site: Path, widget: type[Widget]) -> None:
    bench = Bench(visit(page_of(widget, site), width=390), widget.name)
    small = bench.island.evaluate(
        """(island) => [...island.querySelectorAll('input, select, button')].filter((el) => {
             const box = (el.type === 'checkbox' ? el.parentElement : el).getBoundingClientRect();
             return box.height < (el.type === 'range' ? 32 : 24) || box.width < 24;
           }).map((el) => el.name || el.ariaLabel)"""
    )
    assert small == []
    tree = bench.island.aria_snapshot()
    controls = re.findall(r"- (?:slider|spinbutton|radio|combobox|checkbox|button|img|application|group)\b.*", tree)
    assert controls and all(re.match(r'- \w+ "[^"]+', line) for line in controls), controls
    assert bench.island.locator("[aria-live=polite]").text_content()
    assert bench.island.evaluate(
        "(island) => [...island.querySelectorAll('input, select, button, [tabindex]')]"
        ".every((el) => el.dataset.lmSuppressShortcuts === 'true')"
    )


@EACH
@pytest.mark.parametrize("width, theme", [(1280, "light"), (390, "dark")])
def test_it_is_drawn_and_nothing_jumps(visit, site: Path, widget: type[Widget], width: int, theme: str) -> None:
    page = visit(page_of(widget, site), width=width, theme=theme)
    page.set_viewport_size({"width": width, "height": 1600})  # all of it in the window: a part outside may not be painted
    bench = Bench(page, widget.name)
    kept, drawn = bench.island.evaluate(
        "(island) => [parseFloat(getComputedStyle(island, '::before').height), island.querySelector('.c2a-widget').offsetHeight]"
    )
    assert kept == pytest.approx(drawn, abs=2), "the height that NAME.css keeps free"
    assert bench.page.evaluate("document.documentElement.scrollWidth") == width
    shot = imread(io.BytesIO(bench.island.screenshot()))[..., :3]
    ground = shot[-1, -1]
    assert (ground.mean() < 0.3) == (theme == "dark")
    assert (abs(shot - ground).max(-1) > 0.1).mean() > 0.1  # a good part is not the page's ground
    assert len(np.unique((shot * 31).astype(int).reshape(-1, 3), axis=0)) > 50  # and is of many colours
    blank = bench.island.locator("canvas").evaluate_all(
        """(canvases) => canvases.filter((canvas) => {
             const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
             return new Set(new Uint32Array(data.buffer)).size < 2;
           }).map((canvas) => canvas.dataset.canvas ?? 'unnamed')"""
    )
    assert blank == []


@EACH
def test_a_closed_widget_listens_no_more(visit, site: Path, widget: type[Widget]) -> None:
    page = visit(page_of(widget, site))
    expect(page.locator(f'.c2a-island[data-widget="{widget.name}"]')).to_be_attached()
    page.evaluate(WITH_MODEL, [widget.name, widget().state()])
    left = page.evaluate(
        """async () => {
          await painted();
          const before = el.conv2attn.frames, slider = el.querySelector('[type=range]');
          const move = () => { slider.value = slider.max; slider.dispatchEvent(new Event('input')); };
          move();
          await painted();
          const moved = el.conv2attn.frames - before;
          move();
          cleanup();
          for (const act of Object.values(listeners).flat()) act();
          move();
          await painted();
          return { moved, painted: el.conv2attn.frames - before - moved, saved: saved.length, left: Object.values(listeners).flat().length };
        }"""
    )
    assert left == {"moved": 1, "painted": 0, "saved": 2, "left": 0}
