"""The exercises as pages: statements, hints and solutions of the printed book, and the site's pages of solutions.

All are plain MyST, made from exercises/sources/NN-slug/. Nothing in them runs.
"""

import re
import textwrap
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from hints import DROPDOWN, function
from instructions import with_instructions
from notebooks import SOLUTION, STUB

HEADING = re.compile(r"^#+ (?P<title>.*)$", re.MULTILINE)
MARK = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)

# The site's extensions ask every page for a description.
FRONT_MATTER = "---\ndescription: A page of the printed book, made from the source of an exercise.\n---\n\n"

# No other page leads to these and no search finds them: the third hint does.
SOLUTIONS = """\
---
orphan: true
nosearch: true
description: "{title} of the course: a solution of each task, and another way to it, for after its three hints."
---

# {title}: solutions

:::{{important}}
This page is for after the hints. Each task has three of them in the notebook, below its checks. Open them one at a time, and try again after each.
:::

Back to {{ref}}`the exercises of chapter {number} <exercises-{name}>`.

{sections}
"""


def read(folder: Path) -> NotebookNode:
    """The source of the exercise in `folder`, with what all exercises say written out."""
    return with_instructions(jupytext.read(folder / "exercise.md", fmt="md:myst"), folder.name)


def statement(folder: Path) -> str:
    """The text of an exercise as a page of the printed book: no hints, no solutions, no checks."""
    blocks = []
    for cell in read(folder).cells:
        if cell.cell_type == "markdown":
            blocks.append(DROPDOWN.sub("", cell.source))
        elif "check" not in cell.metadata:
            code = SOLUTION.sub(lambda match: match["indent"] + STUB, cell.source)
            blocks.append(_code(code))
    return FRONT_MATTER + "\n\n".join(blocks) + "\n"


def hints_and_solutions(folder: Path) -> str:
    """An exercise's hints and solutions, and what its other cells print, as a page of the printed book."""
    exercise = read(folder)
    return f"{FRONT_MATTER}# {_title(exercise)}: hints and solutions\n\n{_sections(exercise, folder, whole=True)}\n"


def solutions(folder: Path) -> str:
    """An exercise's solutions as a page of the site.

    Raises:
        ValueError: a way to an answer that `also` names is not among the right ones of its bank.
    """
    exercise = read(folder)
    sections = _sections(exercise, folder, whole=False)
    return SOLUTIONS.format(title=_title(exercise), number=int(folder.name[:2]), name=folder.name, sections=sections)


def other_ways(folder: Path, answer: str) -> dict[str, str]:
    """The right answers of the bank in `folder`, variants/ANSWER.py, by their names."""
    path = folder / "variants" / f"{answer}.py"
    cells = jupytext.read(path, fmt="py:percent").cells if path.is_file() else []
    return {cell.metadata["right"]: cell.source for cell in cells if "right" in cell.metadata}


def _sections(exercise: NotebookNode, folder: Path, whole: bool) -> str:
    """The sections that hold an answer; the `whole` of them, or only the solutions."""
    reference = nbformat.read(folder / "reference.ipynb", as_version=4)
    sections: list[tuple[str, list[str], list[str]]] = [("", [], [])]
    for cell, ran in zip(exercise.cells, reference.cells, strict=True):
        if cell.cell_type == "markdown":
            if heading := HEADING.match(cell.source):
                sections.append((heading[0], [], []))
            for hint in DROPDOWN.finditer(cell.source) if whole else ():
                body = textwrap.indent(hint["body"].strip(), "  ").lstrip()
                sections[-1][1].append(f"{hint['title']}\n: {body}")  # an item of a list of definitions
        elif answer := cell.metadata.get("answer"):
            sections[-1][2].append(f"### Solution: `{function(answer)}`\n\n{_code(MARK.sub('', cell.source))}")
            ways = other_ways(folder, answer)
            for name in cell.metadata.get("also", []):
                if name not in ways:
                    raise ValueError(f"{folder.name}: a right answer of the bank {answer} is expected, got {name!r}")
                sections[-1][2].append(f"**Another way: {name.replace('-', ' ')}**\n\n{_code(ways[name])}")
        elif whole and "check" not in cell.metadata and ran.outputs:
            printed = "".join(output.get("text") or output.data["text/plain"] for output in ran.outputs)
            sections[-1][2].append(f"**What the code above prints**\n\n```text\n{printed.rstrip()}\n```")
    kept = [section for section in sections if section[1] or section[2]]
    return "\n\n".join(block for heading, hints, rest in kept for block in [heading, *hints, *rest])


def _title(exercise: NotebookNode) -> str:
    """`Exercise 8`, from the heading of the source."""
    return HEADING.search(exercise.cells[0].source)["title"].partition(":")[0]


def _code(source: str) -> str:
    """A block of Python."""
    return f"```python\n{source.strip()}\n```"
