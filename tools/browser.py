"""Finds the Chromium that prints the book and runs the browser tests."""

import os
import shutil

from playwright.sync_api import Playwright

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]


def find_chromium(playwright: Playwright) -> str:
    """The path of a Chromium: that of the variable CHROMIUM, the system's, or Playwright's own.

    Raises:
        FileNotFoundError: there is none; the message says how to get it.
    """
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES), playwright.chromium.executable_path]
    for path in candidates:
        if path and os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(
        "no Chromium found: `apt-get install chromium`, or `.venv/bin/playwright install chromium`, "
        "or set CHROMIUM to its path"
    )
