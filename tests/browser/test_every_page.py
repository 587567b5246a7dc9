"""What must hold on every page of the site, whatever is on it."""

import pytest

import book  # tools/book.py
import page_checks

SOLUTIONS = [page.relative_to(book.SITE).as_posix() for page in book.solution_pages()]
# The pages of solutions are one template: one of them stands for all where the text does not matter.
ON_DISK = [*(page.relative_to(book.SITE).as_posix() for page in book.pages()), SOLUTIONS[-1], "search.html"]
PAGES = [*ON_DISK, "404.html"]  # only a server shows the last
LOOKS = [(1280, "light"), (390, "dark")]
# What stands around the text is the same on all pages: these show it in the other two looks as well.
FRAMES = ["book/index.html", "book/contents.html", "chapters/08-convolution-as-attention.html"]
SEEN = [(path, *look) for path in PAGES for look in LOOKS]
SEEN += [(path, *look) for path in FRAMES for look in [(1280, "dark"), (390, "light")]]
SEEN += [(path, 390, "dark") for path in SOLUTIONS[:-1]]


@pytest.mark.parametrize("path, width, theme", SEEN)
def test_page_is_whole_and_accessible(visit, npm_packages, path: str, width: int, theme: str) -> None:
    page = visit(path, width=width, theme=theme)
    assert page.locator("html").get_attribute("data-theme") == theme
    page_checks.open_every_fold(page)
    page_checks.scroll_through(page)
    page_checks.assert_whole(page, width)
    page_checks.assert_accessible(page, npm_packages)


@pytest.mark.parametrize("path", PAGES)
def test_page_is_light(visit, address, site, path: str) -> None:
    page_checks.assert_light(visit(path), address, site, path)


@pytest.mark.parametrize("path", ON_DISK)
def test_page_is_quiet_on_disk(visit, path: str) -> None:
    """No error and no foreign request, which `visit` looks for, with everything opened."""
    page = visit(path, from_disk=True)
    page_checks.open_every_fold(page)
    page_checks.scroll_through(page)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", PAGES)
def test_page_is_usable_by_keyboard(visit, path: str, width: int) -> None:
    page_checks.assert_usable_by_keyboard(visit(path, width=width))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", PAGES)
def test_sections_far_away_have_the_expected_height(visit, path: str, width: int) -> None:
    page_checks.assert_heights_are_expected(visit(path, width=width))
