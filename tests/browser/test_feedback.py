"""The report of a grade and the overview, as files in a browser: whole, accessible, and quiet."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import nbformat
import page_checks
import pytest
from playwright.sync_api import Browser

from conv2attn.grading import merge, report
from conv2attn.grading.engine import Grade
from conv2attn.grading.guide import guide
from conv2attn.grading.judge import Verdict
from conv2attn.grading.progress import Run

SOURCES = Path(__file__).parents[2] / "exercises/sources"
EXERCISE = "08-convolution-as-attention"
LINE = "✗ tap_logits: <script>document.title = 'hacked'</script> \u202e" + "x" * 200
LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a report whose checks pass, fail and are not answered, one of full marks, and the overview."""
    folder = tmp_path_factory.mktemp("graded")
    reference = nbformat.read(SOURCES / EXERCISE / "reference.ipynb", as_version=4)
    book, checks = guide(reference, EXERCISE, "../chapter.html"), merge.checks(reference)
    lines = ["", LINE, "", "✗ values_from_kernel: expected 1, got 2: flipped?"] + ["✗ f: not answered yet"] * (len(checks) - 4)
    mixed = Grade(EXERCISE, tuple(Verdict(check, not line, line) for check, line in zip(checks, lines, strict=True)))
    full = Grade(EXERCISE, tuple(Verdict(check, True, "") for check in checks))
    now = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
    history = [Run(now + timedelta(hours=hour), mixed) for hour in range(4)]
    folder.joinpath("mixed.html").write_text(report.html(mixed, history, LINE, book, "index.html"), encoding="utf-8")
    folder.joinpath("full.html").write_text(report.html(full, guide=book), encoding="utf-8")
    standings = [report.Standing(book, history, "mixed.html"), report.Standing(book)]
    folder.joinpath("index.html").write_text(report.overview(standings, now), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("width", "theme"), LOOKS)
@pytest.mark.parametrize("name", ["mixed", "full", "index"])
def test_a_report_is_whole_and_accessible(
    browser: Browser, pages: Path, npm_packages: Path, name: str, width: int, theme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
    page = context.new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    address = (pages / f"{name}.html").as_uri()
    page.goto(address)
    page_checks.open_every_fold(page)
    page_checks.assert_whole(page, width)
    page_checks.assert_accessible(page, npm_packages)
    page_checks.assert_usable_by_keyboard(page)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[theme]
    assert asked == [address] and errors == [] and "hacked" not in page.title()
    context.close()
