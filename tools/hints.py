"""The hints of an exercise: three below each answer, which open one at a time, and then the way to the solution.

    :::{dropdown} Hint 1
    A nudge.
    :::

In the source they stand one below the other. In a notebook hint 2 is inside hint 1, hint 3 inside hint 2,
and at the end of hint 3 a link leads to the solution on the site: no script is needed, in any editor.
"""

import re

from nbformat import NotebookNode

import book

DROPDOWN = re.compile(
    r"^(?P<fence>:{3,})\{dropdown\} *(?P<title>[^\n]*)\n(?P<body>.*?)^(?P=fence)$\n?", re.DOTALL | re.MULTILINE
)
TITLES = ["Hint 1", "Hint 2", "Hint 3"]
# Inside these fences the bodies' own, of three colons or four, are no end.
FENCES = [":" * 7, ":" * 6, ":" * 5]

STILL_STUCK = "Still stuck after trying? [The solution of `{function}`]({address})"


def function(answer: str) -> str:
    """What an answer's function is called."""
    return answer.replace("-", "_")


def solution_page(name: str) -> str:
    """The page with the solutions of the exercise `name`, as Sphinx calls it."""
    return f"solutions/{name}"


def solution_anchor(answer: str) -> str:
    """The place of one answer on that page: what Sphinx makes of its heading, "Solution: `function`"."""
    return f"solution-{answer}"


def hints(markdown: str) -> list[re.Match[str]]:
    """The hints in a text, in order, each with its `title` and `body`."""
    return [match for match in DROPDOWN.finditer(markdown) if match["title"].startswith("Hint")]


def one_at_a_time(exercise: NotebookNode, name: str) -> NotebookNode:
    """The notebook of an exercise, changed in place: each hint inside the one before it.

    Args:
        exercise: its cells as in the source, its answers with nbgrader's metadata.
        name: what its file is called, as "08-convolution-as-attention".

    Raises:
        ValueError: an answer without its three hints, one right below the other, before the next answer.
    """
    waiting = ""  # the answer whose hints have not come yet
    for cell in exercise.cells:
        if cell.cell_type == "markdown" and (found := hints(cell.source)):
            _require(found, cell.source, waiting)
            address = f"{book.base_url()}{solution_page(name)}.html#{solution_anchor(waiting)}"
            nested = STILL_STUCK.format(function=function(waiting), address=address)
            for fence, hint in reversed(list(zip(FENCES, found))):
                nested = f"{fence}{{dropdown}} {hint['title']}\n{hint['body'].strip()}\n\n{nested}\n{fence}"
            cell.source = cell.source[: found[0].start()] + nested + "\n" + cell.source[found[-1].end() :]
            waiting = ""
        elif cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
            _require([], "", waiting)
            waiting = cell.metadata.nbgrader.grade_id
    _require([], "", waiting)
    return exercise


def _require(found: list[re.Match[str]], text: str, answer: str) -> None:
    """Raise ValueError unless these are the hints of this answer; none are those of no answer."""
    titles = [hint["title"].strip() for hint in found]
    if not answer and not found:
        return
    if not answer:
        raise ValueError(f"an answer before its hints is expected, got none before {', '.join(titles)}")
    if titles != TITLES:
        expected = f"{', '.join(TITLES)}, in one cell below the answer {answer}"
        raise ValueError(f"{expected}, are expected, got {', '.join(titles) or 'none'}")
    if any(text[one.end() : other.start()].strip() for one, other in zip(found, found[1:])):
        raise ValueError(f"nothing between the hints of the answer {answer} is expected")
