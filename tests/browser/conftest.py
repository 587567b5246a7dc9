"""A real browser on the built site, with every other host refused.

The fixture for every browser test is `visit`, which opens a page of the built site.
"""

import functools
import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from browser import launch_chromium  # tools/browser.py

pytest.register_assert_rewrite("page_checks")  # so that a failed check says what it found

LOCAL = ("file:", "data:", "blob:")


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """A folder on a local server, http://127.0.0.1:port/, while the context lasts."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    with serve(site) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of a module; the book is printed by another, and a process drives one at a time."""
    with sync_playwright() as playwright:
        try:
            chromium = launch_chromium(playwright)
        except FileNotFoundError as error:
            pytest.fail(str(error), pytrace=False)
        yield chromium
        chromium.close()


class Visit:
    """Opens pages of the site, each in a fresh browser profile, and keeps what went wrong in them.

    Attributes:
        refused: addresses on other hosts that a page asked for; none was let through.
        errors: error messages of the console, and exceptions.
    """

    def __init__(self, browser: Browser, address: str, site: Path) -> None:
        self.browser, self.address, self.site = browser, address, site
        self.refused: list[str] = []
        self.errors: list[str] = []
        self.contexts: list[BrowserContext] = []

    def __call__(
        self,
        path: str,
        *,
        width: int = 1280,
        theme: str = "light",
        from_disk: bool = False,
        javascript: bool = True,
        before: str | None = None,
    ) -> Page:
        """Open `path` (relative to the site) and wait until it is loaded.

        Args:
            width: of the window, in CSS pixels; it is 900 high.
            theme: what the reader's system prefers, "light" or "dark".
            from_disk: open it as file:// and not from the server.
            javascript: False for a reader without.
            before: a script that runs before those of the page.
        """
        context = self.browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            java_script_enabled=javascript,
            reduced_motion="reduce",
        )
        self.contexts.append(context)
        context.route("**/*", self._route)
        page = context.new_page()
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        if before:
            page.add_init_script(before)
        page.goto((self.site / path).as_uri() if from_disk else self.address + path)
        return page

    def _route(self, route: Route) -> None:
        url = route.request.url
        if url.startswith((self.address, *LOCAL)):
            route.continue_()
        else:
            self.refused.append(url)
            route.abort()


@pytest.fixture
def visit(browser: Browser, address: str, site: Path) -> Iterator[Callable[..., Page]]:
    """Open a page: `page = visit("chapters/08-….html", width=390, theme="dark")`.

    When the test is over it fails if a page asked another host for something or reported an error.
    """
    visit = Visit(browser, address, site)
    yield visit
    for context in visit.contexts:
        context.close()
    assert not visit.refused, "asked other hosts for something"
    assert not visit.errors, "errors in the page"
