"""The archive of the site, unpacked and read from disk: nothing is missing, nothing is asked of any host."""

import re
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from conftest import Visit
from playwright.sync_api import Browser, expect

import downloads  # tools/

TOP = "from-convolution-to-attention"


@pytest.fixture(scope="module")
def unpacked(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a reader gets."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(site / downloads.ARCHIVE) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    assert [path.name for path in folder.iterdir()] == [TOP]
    return folder / TOP


@pytest.fixture
def from_disk(browser: Browser, unpacked: Path):
    """Open a page of the unpacked site; requests for anything but a file fail the test, and so does an error."""
    visit = Visit(browser, "file:", unpacked)
    yield visit
    for context in visit.contexts:
        context.close()
    assert not visit.refused and not visit.errors


def test_it_holds_the_site_but_itself(site: Path, unpacked: Path) -> None:
    files = {path.relative_to(site) for path in site.rglob("*") if path.is_file()}
    packed = {path.relative_to(unpacked) for path in unpacked.rglob("*") if path.is_file()}
    assert files - packed == {Path(downloads.ARCHIVE), Path("404.html")}
    assert packed <= files


def test_links_lead_to_files(unpacked: Path) -> None:
    front = BeautifulSoup((unpacked / "book" / "index.html").read_text("utf-8"), "html.parser")
    assert "one zip file" in front.text and not front.select(f'[href*="{downloads.ARCHIVE}"]')
    for path in unpacked.rglob("*.html"):
        for tag in BeautifulSoup(path.read_text("utf-8"), "html.parser").select("[href], [src]"):
            parts = urlsplit(tag.get("href") or tag["src"])
            if not parts.scheme and parts.path:
                assert (path.parent / unquote(parts.path)).is_file(), f"{path.name}: {tag}"


def test_every_page_opens_from_disk(from_disk: Visit, unpacked: Path) -> None:
    for path in sorted(unpacked.rglob("*.html")):
        if path == unpacked / "index.html":  # leads on at once, see below
            continue
        page = from_disk(path.relative_to(unpacked).as_posix(), from_disk=True)
        page.evaluate("document.querySelectorAll('img[loading=lazy]').forEach((image) => { image.loading = 'eager'; })")
        for y in range(0, page.evaluate("document.documentElement.scrollHeight"), 800):
            page.evaluate("y => window.scrollTo(0, y)", y)
            page.wait_for_timeout(20)
        page.wait_for_load_state("networkidle")
        broken = "[...document.images].filter((image) => !image.complete || !image.naturalWidth).map((image) => image.src)"
        assert page.evaluate(broken) == []
        for island in page.locator(".c2a-island").all():
            island.scroll_into_view_if_needed()
            expect(island).to_have_attribute("data-mounted", "true")


def test_its_index_and_its_search_work(from_disk: Visit) -> None:
    page = from_disk("index.html", from_disk=True)
    page.wait_for_url("**/book/index.html")
    page.keyboard.press("Control+k")
    page.keyboard.type("softmax")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=softmax")
    page.locator("#search-results").get_by_role("link", name=re.compile("Convolution as attention")).first.click()
    page.wait_for_url("**/chapters/08-convolution-as-attention.html*")


def test_the_citation_is_copied(visit) -> None:
    page = visit("book/index.html")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    block = page.locator("#cite div.highlight")
    block.hover()
    block.get_by_role("button").click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.startsWith('@software{conv2attn,'))")


def test_the_notebook_is_downloaded(visit) -> None:
    page = visit("chapters/08-convolution-as-attention.html")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the notebook").click()
    assert download.value.suggested_filename == "08-convolution-as-attention.ipynb"


@pytest.mark.parametrize("width", [1280, 390])
def test_the_links_of_a_chapter_have_room_for_a_finger(visit, width: int) -> None:
    page = visit("chapters/08-convolution-as-attention.html", width=width)
    boxes = [link.bounding_box() for link in page.locator(".launch a").all()]
    assert len(boxes) == 4
    assert all(box["height"] >= 24 and box["x"] + box["width"] <= width for box in boxes)
    assert max(box["y"] for box in boxes) - min(box["y"] for box in boxes) < 40, "more than two lines"


def test_404_page_finds_its_files_at_any_depth(browser: Browser, site: Path) -> None:
    """As a server shows it: at the address that was asked for, whatever its depth."""
    import book  # tools/

    base = book.base_url()
    asked, missing, errors = [], [], []

    def answer(route) -> None:
        url = route.request.url
        asked.append(url)
        path = site / urlsplit(url).path.removeprefix(urlsplit(base).path)
        if url.startswith(base) and path.is_file():
            route.fulfill(path=path)
        elif route.request.is_navigation_request():
            route.fulfill(path=site / "404.html", content_type="text/html")
        else:
            missing.append(url)
            route.abort()

    page = browser.new_page()
    page.route("**/*", answer)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{base}no/such/page/at/all.html")
    expect(page.locator("h1")).to_have_text("Page not found")
    assert page.evaluate("getComputedStyle(document.body).lineHeight") != "normal"  # the style sheet is there
    assert all(url.startswith(base) for url in asked) and not missing and not errors
    page.get_by_role("searchbox", name="Search the course").last.fill("softmax")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=softmax")
    page.go_back()
    page.locator("article").get_by_role("link", name=re.compile("Convolution as attention")).click()
    expect(page.locator("h1")).to_contain_text("8. Convolution as attention")
    page.close()
    assert not missing and not errors
