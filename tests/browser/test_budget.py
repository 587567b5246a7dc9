"""Every page is light: its requests and its bytes, as a server that compresses would send them."""

import gzip
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Page

import book  # tools/book.py

REQUESTS = 20
TEXT_KB = 200  # without pictures
TOTAL_KB = 350
COMPRESSED = {".html", ".css", ".js", ".svg", ".json"}
PICTURES = {".png", ".jpg", ".webp", ".svg"}

PAGES = [page.relative_to(book.SITE).as_posix() for page in book.pages()]


@pytest.mark.parametrize("path", PAGES)
def test_page_is_light(visit: Callable[..., Page], address: str, site: Path, path: str) -> None:
    page = visit(path)
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    page.reload()
    # Pictures that wait until they are near are part of the page.
    page.evaluate("document.querySelectorAll('img[loading=lazy]').forEach((image) => { image.loading = 'eager'; })")
    page.wait_for_load_state("networkidle")

    files = {site / unquote(urlsplit(url).path).lstrip("/") for url in asked if url.startswith(address)}
    kilobytes = {file: size(file) / 1000 for file in files if file.is_file()}
    assert site / path in kilobytes
    pictures = sum(kb for file, kb in kilobytes.items() if file.suffix in PICTURES)
    total = sum(kilobytes.values())
    largest = sorted(((round(kb, 1), file.name) for file, kb in kilobytes.items()), reverse=True)[:5]
    assert len(files) <= REQUESTS, sorted(file.name for file in files)
    assert total - pictures <= TEXT_KB, largest
    assert total <= TOTAL_KB, largest


def size(file: Path) -> int:
    """Bytes of a file on the wire: text compressed, fonts and pictures as they are."""
    data = file.read_bytes()
    return len(gzip.compress(data, 9)) if file.suffix in COMPRESSED else len(data)
