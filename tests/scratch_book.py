"""Books of a page or two with the configuration and the extensions of this one, to see what a build says of them."""

import shutil
import subprocess
import sys
from pathlib import Path

import book  # tools/book.py

ROOT = Path(__file__).resolve().parents[1]

# What a page with code cells begins with.
HEADER = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---
"""


def prepare(folder: Path, contents: str = "root: page") -> None:
    """Make `folder` a book without pages; `contents` is its list of them, as _toc.yml has it."""
    shutil.copy(ROOT / "_config.yml", folder)
    (folder / "book").symlink_to(ROOT / "book", target_is_directory=True)
    (folder / "_toc.yml").write_text(f"format: jb-book\n{contents}\n", "utf-8")


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the book in `folder` as the course is built, every warning an error, and tell what was said."""
    command = [sys.executable, "-c", book.JUPYTER_BOOK, "build", str(folder), "-n", "-W", "--keep-going"]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder)
