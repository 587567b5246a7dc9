"""Solutions are on their own pages and nowhere else; the hints lead there, one at a time.

The site of _build/html must be there and up to date (`make book`); otherwise these tests fail. What is looked for is
what the sources hold between `### BEGIN SOLUTION` and `### END SOLUTION`, line by line and as a whole.
"""

import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import jupytext
import nbformat
import pytest
from bs4 import BeautifulSoup
from conv2attn.grading import grade
from markdown_it import MarkdownIt

import book  # tools/
import downloads
import exercise_pages
import hints
from notebooks import SOLUTION

ROOT = Path(__file__).resolve().parents[1]
EXERCISES = sorted(path.parent for path in ROOT.glob("exercises/sources/*/exercise.md"))
NAMES = [folder.name for folder in EXERCISES]

# A line shorter than this, such as `return None`, is nobody's.
DISTINCTIVE = 30
ARCHIVES = {".zip", ".whl"}
PICTURES = {".png", ".webp", ".woff2"}


def squeezed(text: str) -> str:
    """`text` without white space and comments' marks: how it is laid out does not matter."""
    return re.sub(r"\s+", "", text)


@dataclass(frozen=True)
class Solution:
    """What one answer's cell holds between its marks."""

    exercise: str
    answer: str
    whole: str  # squeezed, like the lines
    lines: frozenset[str]

    def in_text(self, text: str) -> list[str]:
        """What of it occurs in a squeezed text: the whole, or lines that no statement has."""
        return [piece for piece in [self.whole, *sorted(self.lines)] if piece in text]


@cache
def all_solutions() -> tuple[Solution, ...]:
    """The solutions of all exercises."""
    found = []
    for folder in EXERCISES:
        source = jupytext.read(folder / "exercise.md", fmt="md:myst")
        for cell in source.cells:
            bodies = [match[0].splitlines()[1:-1] for match in SOLUTION.finditer(cell.source)]
            code = [line.partition("  #")[0] for body in bodies for line in body if not line.strip().startswith("#")]
            lines = frozenset(line for line in map(squeezed, code) if len(line) >= DISTINCTIVE)
            if bodies:
                whole = squeezed("\n".join(line for body in bodies for line in body))
                found.append(Solution(folder.name, cell.metadata["answer"], whole, lines))
    return tuple(found)
