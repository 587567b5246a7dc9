"""Starts the Chromium that prints the book, runs the browser tests and is measured by the benchmark."""

import os
import shutil

from playwright.sync_api import Browser, Playwright

NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]


def launch_chromium(playwright: Playwright) -> Browser:
    """Start the Chromium of the variable CHROMIUM, the system's, or Playwright's own.

    Raises:
        FileNotFoundError: there is none; the message says how to get it.
    """
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES), playwright.chromium.executable_path]
    for path in candidates:
        if path and os.access(path, os.X_OK):
            # The sandbox needs rights that a container often lacks; the pages are our own.
            return playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
    raise FileNotFoundError(
        "no Chromium found: `apt-get install chromium`, or `.venv/bin/playwright install chromium`, "
        "or set CHROMIUM to its path"
    )
