"""The widget in CONTRIBUTING.md is whole: written where it says, built into a page, it comes alive with torch's numbers."""

import importlib.util
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page, expect

import scratch_book

FILE = re.compile(r"^`(conv2attn/widgets/\w+\.\w+)`:.*?\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGE = f"""{scratch_book.HEADER}
# A widget

This page shows the widget of the guide, and nothing else.

```{{code-cell}} python
from conv2attn.widgets.sharpen import Sharpen

Sharpen()
```
"""


@pytest.fixture(scope="module")
def guide() -> dict[str, str]:
    """The guide's files, by their path."""
    return dict(FILE.findall((scratch_book.ROOT / "CONTRIBUTING.md").read_text("utf-8")))


@pytest.fixture(scope="module")
def project(guide: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the guide's widget in it, and a book of one page that shows it."""
    root = tmp_path_factory.mktemp("guide")
    shutil.copytree(scratch_book.ROOT / "conv2attn", root / "conv2attn", ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in guide.items():
        (root / path).write_text(text, "utf-8")
    scratch_book.prepare(root)
    (root / "page.md").write_text(PAGE, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(root))  # the copy, not the package that is installed
        result = scratch_book.build(root)
    assert result.returncode == 0, result.stdout
    return root


@pytest.fixture
def page(project: Path, browser: Browser) -> Iterator[Page]:
    """The page, opened from its folder; an error in it fails the test."""
    errors: list[str] = []
    page = browser.new_page()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((project / "_build" / "html" / "page.html").as_uri())
    expect(page.locator(".c2a-island")).to_have_attribute("data-mounted", "true")
    yield page
    page.close()
    assert not errors


def torch_weights(project: Path, alpha: float) -> torch.Tensor:
    """What the Python half of the widget computes."""
    path = project / "conv2attn" / "widgets" / "sharpen.py"
    spec = importlib.util.spec_from_file_location("sharpen", path)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("conv2attn.widgets.base.FOLDER", path.parent)
        patch.setitem(sys.modules, "sharpen", module)
        spec.loader.exec_module(module)
        return module.Sharpen(alpha=alpha).weights


def test_the_guide_is_short(guide: dict[str, str]) -> None:
    assert sorted(Path(path).suffix for path in guide) == [".css", ".js", ".py"]
    assert all(len(text.splitlines()) <= 32 for text in guide.values())


def test_its_widget_is_alive_and_equals_torch(project: Path, page: Page) -> None:
    def shown() -> list[float]:
        return page.evaluate("document.querySelector('.c2a-mounted').conv2attn.weights")

    def pixels() -> str:
        return page.locator("canvas").evaluate("canvas => canvas.toDataURL()")

    before, picture = shown(), pixels()
    torch.testing.assert_close(torch.tensor(before, dtype=torch.float64), torch_weights(project, 1.0), rtol=0, atol=1e-12)
    slider = page.get_by_label("α, sharpness")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('.c2a-mounted').conv2attn.frames === 2")
    torch.testing.assert_close(torch.tensor(shown(), dtype=torch.float64), torch_weights(project, 1.1), rtol=0, atol=1e-12)
    assert pixels() != picture
    expect(slider).to_have_attribute("data-lm-suppress-shortcuts", "true")
    expect(page.locator("[aria-live=polite]")).to_have_text(f"The largest weight is {max(shown()):.3g}.")


def test_its_height_is_kept_free(page: Page) -> None:
    for width in (1280, 700, 390):
        page.set_viewport_size({"width": width, "height": 900})
        kept, taken = page.evaluate(
            """() => [parseFloat(getComputedStyle(document.querySelector('.c2a-island'), '::before').height),
                      document.querySelector('.c2a-mounted').getBoundingClientRect().height]"""
        )
        assert kept == pytest.approx(taken, abs=0.5), width
