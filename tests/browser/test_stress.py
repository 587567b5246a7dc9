"""A page heavier than any chapter keeps to the same rules."""

from pathlib import Path

import pytest
from bs4 import BeautifulSoup

import page_checks
import stress


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In the place of the course's site: a book of the one page."""
    return stress.build(tmp_path_factory.mktemp("stress"))


def test_it_is_as_heavy_as_it_says(site: Path) -> None:
    article = BeautifulSoup((site / stress.PAGE).read_text("utf-8"), "html.parser").article
    assert len(article.select(".katex")) >= 300
    assert len(article.select("img")) == 13  # ten figures, three widgets
    assert len(article.select(".c2a-island")) == 3


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_page_is_whole_and_accessible(visit, npm_packages, width: int, theme: str) -> None:
    page = visit(stress.PAGE, width=width, theme=theme)
    page_checks.scroll_through(page)
    page_checks.assert_whole(page, width)
    page_checks.assert_accessible(page, npm_packages)


def test_page_is_light(visit, address, site) -> None:
    page_checks.assert_light(visit(stress.PAGE), address, site, stress.PAGE)


@pytest.mark.parametrize("width", [1280, 390])
def test_sections_far_away_have_the_expected_height(visit, width: int) -> None:
    page_checks.assert_heights_are_expected(visit(stress.PAGE, width=width))


def test_a_far_formula_is_found_at_once(visit) -> None:
    """A link into a section that is not laid out lands on its formula, and stays there."""
    page = visit(stress.PAGE + "#equation-bound-9")
    page.wait_for_timeout(300)
    top = page.locator("#equation-bound-9").evaluate("(el) => el.getBoundingClientRect().top")
    assert 0 < top < 300
