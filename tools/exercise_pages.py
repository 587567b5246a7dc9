"""The exercises as pages of the printed book: their statements, and their hints and solutions.

Both are plain MyST, made from exercises/sources/NN-slug/exercise.md. Nothing in them runs.
"""

import re
import textwrap

from nbformat import NotebookNode

from notebooks import SOLUTION, STUB

DROPDOWN = re.compile(
    r"^(?P<fence>:{3,})\{dropdown\} *(?P<title>[^\n]*)\n(?P<body>.*?)^(?P=fence)$\n?", re.DOTALL | re.MULTILINE
)
HEADING = re.compile(r"^#+ (?P<title>.*)$", re.MULTILINE)
MARK = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)

# The site's extensions ask every page for a description.
FRONT_MATTER = "---\ndescription: A page of the printed book, made from the source of an exercise.\n---\n\n"


def statement(exercise: NotebookNode) -> str:
    """The text of an exercise as a page: no hints, no solutions, no checks."""
    blocks = []
    for cell in exercise.cells:
        if cell.cell_type == "markdown":
            blocks.append(DROPDOWN.sub("", cell.source))
        elif "check" not in cell.metadata:
            code = SOLUTION.sub(lambda match: match["indent"] + STUB, cell.source)
            blocks.append(f"```python\n{code.strip()}\n```")
    return FRONT_MATTER + "\n\n".join(blocks) + "\n"


def solutions(exercise: NotebookNode, reference: NotebookNode) -> str:
    """The hints and solutions of an exercise as a page, and what its other cells print.

    Args:
        exercise: its source.
        reference: the notebook made from it, whose cells have run.
    """
    title = HEADING.search(exercise.cells[0].source)["title"].partition(":")[0]
    sections: list[tuple[str, list[str], list[str]]] = [(f"# {title}: hints and solutions", [], [])]
    for cell, ran in zip(exercise.cells, reference.cells, strict=True):
        if cell.cell_type == "markdown":
            if heading := HEADING.match(cell.source):
                sections.append((heading[0], [], []))
            for hint in DROPDOWN.finditer(cell.source):
                body = textwrap.indent(hint["body"].strip(), "  ").lstrip()
                sections[-1][1].append(f"{hint['title']}\n: {body}")  # an item of a list of definitions
        elif "answer" in cell.metadata:
            sections[-1][2].append(f"**Solution**\n\n```python\n{MARK.sub('', cell.source).strip()}\n```")
        elif "check" not in cell.metadata and ran.outputs:
            printed = "".join(output.get("text") or output.data["text/plain"] for output in ran.outputs)
            sections[-1][2].append(f"**What the code above prints**\n\n```text\n{printed.rstrip()}\n```")
    kept = [sections[0], *(section for section in sections[1:] if section[1] or section[2])]
    return FRONT_MATTER + "\n\n".join(block for heading, hints, rest in kept for block in [heading, *hints, *rest]) + "\n"
