"""The archive of the site, unpacked and read from disk: nothing is missing, nothing is asked of any host."""

import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup
from playwright.sync_api import expect

import book  # tools/
import downloads
import page_checks

TOP = "from-convolution-to-attention"


@pytest.fixture(scope="module")
def site(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In the place of the course's site: the folder that a reader gets."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(site / downloads.ARCHIVE) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    assert [path.name for path in folder.iterdir()] == [TOP]
    return folder / TOP


def test_it_holds_the_site_but_itself(site: Path) -> None:
    files = {path.relative_to(book.SITE) for path in book.SITE.rglob("*") if path.is_file()}
    packed = {path.relative_to(site) for path in site.rglob("*") if path.is_file()}
    assert files - packed == {Path(downloads.ARCHIVE), Path("404.html")}
    assert packed <= files


def test_links_lead_to_files(site: Path) -> None:
    front = BeautifulSoup((site / "book" / "index.html").read_text("utf-8"), "html.parser")
    assert "one zip file" in front.text and not front.select(f'[href*="{downloads.ARCHIVE}"]')
    for path in site.rglob("*.html"):
        for tag in BeautifulSoup(path.read_text("utf-8"), "html.parser").select("[href], [src]"):
            parts = urlsplit(tag.get("href") or tag["src"])
            if not parts.scheme and parts.path:
                assert (path.parent / unquote(parts.path)).is_file(), f"{path.name}: {tag}"


def test_every_page_opens_from_disk(visit, site: Path) -> None:
    for path in sorted(site.rglob("*.html")):
        if path == site / "index.html":  # leads on at once, see below
            continue
        page = visit(path.relative_to(site).as_posix(), from_disk=True)
        page.evaluate("document.querySelectorAll('img[loading=lazy]').forEach((image) => { image.loading = 'eager'; })")
        page_checks.scroll_through(page)
        page.wait_for_load_state("networkidle")
        broken = "[...document.images].filter((image) => !image.complete || !image.naturalWidth).map((image) => image.src)"
        assert page.evaluate(broken) == []
        for island in page.locator(".c2a-island").all():
            island.scroll_into_view_if_needed()
            expect(island).to_have_attribute("data-mounted", "true")


def test_its_index_and_its_search_work(visit) -> None:
    page = visit("index.html", from_disk=True)
    page.wait_for_url("**/book/index.html")
    page_checks.assert_search_finds_the_chapter(page)
