"""The learner's answers, put into the pristine reference notebook.

A submission is a stranger's file: `read_submission` takes from it the code cells and nothing
else. Cells are known by nbgrader's grade id, then by cell id, then by a comment
`# answer: id`, because editors drop any of the first two.
"""

import ast
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

MARKER = re.compile(r"^[ \t]*#[ \t]*answer:[ \t]*(\S+)[ \t]*$", re.MULTILINE)
STUB = 'raise NotImplementedError("your answer here")'  # as tools/notebooks.py writes it
MISSING = 'raise NotImplementedError("no cell with this answer was found")'


@dataclass(frozen=True)
class Cell:
    """A code cell of a submission: the ids it may be known by, and its source."""

    ids: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Submission:
    """What is used of a learner's file: the exercise it says it is, and its code cells."""

    name: str
    exercise: str | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Check:
    """A check cell of a reference: its id, the answer it belongs to, and its points."""

    id: str
    answer: str
    points: int


def read_submission(path: Path) -> Submission:
    """The submission in the file `path`, from nbformat 4 of any minor version.

    Raises:
        ValueError: the file is missing, not a file, not JSON, or not a notebook with cells.
    """
    if not path.is_file():
        found = "got a folder" if path.is_dir() else "there is none"
        raise ValueError(f"{path}: a notebook file is expected, {found}")
    data = path.read_bytes()
    if not data.strip():
        raise ValueError(f"{path}: a notebook is expected, the file is empty")
    try:
        notebook = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        reason = "the file is not JSON (cut off, or of another kind?)"
        raise ValueError(f"{path}: a notebook is expected, {reason}") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ValueError(f"{path}: a notebook of nbformat 4 is expected, its JSON has no list of cells")
    exercise = _dict(_dict(notebook.get("metadata")).get("conv2attn")).get("exercise")
    return Submission(
        name=path.name,
        exercise=exercise if isinstance(exercise, str) else None,
        cells=tuple(_cell(cell) for cell in cells if isinstance(cell, dict) and cell.get("cell_type") == "code"),
    )


def identify(submission: Submission, answers: Mapping[str, Iterable[str]]) -> str:
    """The exercise that `submission` belongs to: what its metadata say, else where most of its ids are known.

    `answers` maps each known exercise to the ids of its answers. The file's name tells
    nothing: a chapter's notebook has the same as its exercise's, and learners rename.

    Raises:
        ValueError: none of them fits.
    """
    if submission.exercise in answers:
        return submission.exercise
    found = {name: len(set(ids) & set(_placed(submission, ids).values())) for name, ids in answers.items()}
    best = max(found, key=lambda name: found[name], default=None)
    if best is not None and found[best]:
        return best
    known = ", ".join(answers) or "none"
    wanted = f"answers to an exercise are expected (known: {known})"
    raise ValueError(f"{submission.name}: {wanted}, none of their cells is in it")


def answer_ids(reference: NotebookNode) -> list[str]:
    """The ids of the answer cells of a reference, in order."""
    return [_grade(cell)["grade_id"] for cell in reference.cells if _grade(cell).get("solution")]


def checks(reference: NotebookNode) -> list[Check]:
    """The check cells of a reference, in order.

    Raises:
        ValueError: a check has no stored output to compare with.
    """
    found = []
    for cell in reference.cells:
        grade = _grade(cell)
        if grade.get("grade"):
            if cell.execution_count is None or not cell.outputs:
                raise ValueError(f"the reference of the check {grade['grade_id']} has no stored output")
            found.append(Check(grade["grade_id"], cell.metadata.conv2attn.answer, grade["points"]))
    return found


def merge(reference: NotebookNode, submission: Submission) -> NotebookNode:
    """A copy of `reference` with the answers of `submission`, to be run by nbval.

    Check cells are the reference's, with their stored outputs. Where an answer is missing, a
    cell that raises stands. What else the learner wrote rides along, as early as the graded
    cells around it stand, and never before the first answer; such cells are marked
    `conv2attn: {extra: true}` in their metadata.
    """
    merged = nbformat.from_dict(reference)
    answers = answer_ids(reference)
    slots = {cell.id: number for number, cell in enumerate(merged.cells) if _grade(cell).get("grade_id")}
    placed = _placed(submission, slots)
    ours = {cell.source.strip() for cell in reference.cells if cell.cell_type == "code"}
    chosen = _chosen(answers, submission, placed)

    riders: dict[int, list[NotebookNode]] = {}
    for number, cell in enumerate(submission.cells):
        name = placed.get(number)
        if number in chosen.values() or (name in slots and name not in answers) or cell.source.strip() in ours:
            continue
        if name in answers and STUB in cell.source:
            continue  # a spare copy of the untouched answer cell would undo the answer
        extra = nbformat.v4.new_code_cell(cell.source, id=f"extra-{number}")
        extra.metadata.conv2attn = {"extra": True}
        riders.setdefault(_slot(number, placed, slots), []).append(extra)

    cells: list[NotebookNode] = []
    for number, cell in enumerate(merged.cells):
        cells += riders.get(number, [])
        if cell.cell_type == "code":
            if cell.id in chosen:
                here = chosen[cell.id]
                cell.metadata.conv2attn = {"answer": cell.id, "names": bound_names(cell.source)}
                cell.source = MISSING if here is None else submission.cells[here].source
            if not _grade(cell).get("grade"):
                cell.outputs, cell.execution_count = [], None
        cells.append(cell)
    merged.cells = cells + riders.get(len(merged.cells), [])
    return merged


def answers(reference: NotebookNode, submission: Submission) -> dict[str, str]:
    """The source of every answer that a submission has."""
    slots = [cell.id for cell in reference.cells if _grade(cell).get("grade_id")]
    chosen = _chosen(answer_ids(reference), submission, _placed(submission, slots))
    return {answer: submission.cells[number].source for answer, number in chosen.items() if number is not None}


def bound_names(source: str) -> list[str]:
    """The names of the functions and classes that a cell of a reference defines."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node.name for node in ast.parse(source).body if isinstance(node, kinds)]


def _cell(cell: Mapping[str, Any]) -> Cell:
    source = cell.get("source")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    source = source if isinstance(source, str) else ""
    source = source.encode("utf-8", "replace").decode("utf-8")  # JSON can hold half a character
    source = source.replace("\r\n", "\n").replace("\r", "\n")  # as Python reads the lines
    grade_id = _dict(_dict(cell.get("metadata")).get("nbgrader")).get("grade_id")
    ids = (grade_id, cell.get("id"), *MARKER.findall(source))
    return Cell(tuple(name for name in ids if isinstance(name, str)), source)


def _placed(submission: Submission, known: Iterable[str]) -> dict[int, str]:
    """Number of a submitted cell -> the graded cell that it is, for those that are one."""
    known = set(known)
    named = [(number, [name for name in cell.ids if name in known]) for number, cell in enumerate(submission.cells)]
    return {number: names[0] for number, names in named if names}


def _chosen(answers: Iterable[str], submission: Submission, placed: Mapping[int, str]) -> dict[str, int | None]:
    """Answer -> the number of the submitted cell that counts as it."""
    cells_of = {answer: [number for number, name in placed.items() if name == answer] for answer in answers}
    return {answer: _choose(numbers, submission.cells) for answer, numbers in cells_of.items()}


def _choose(numbers: Sequence[int], cells: Sequence[Cell]) -> int | None:
    """Of several cells with one answer's id (split or copied) the last that is not the stub."""
    answered = [number for number in numbers if STUB not in cells[number].source]
    return max(answered or numbers, default=None)


def _slot(number: int, placed: Mapping[int, str], slots: Mapping[str, int]) -> int:
    """Before which cell of the reference the extra cell `number` rides.

    Directly after the graded cell before it or directly before the one after it, whichever
    comes first in the reference: so it still helps where cells were moved or deleted.
    """
    before = [slots[placed[n]] + 1 for n in sorted(placed) if n < number][-1:]
    after = [slots[placed[n]] for n in sorted(placed) if n > number][:1]
    return min(before + after, default=min(slots.values()))


def _grade(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    """nbgrader's metadata of a code cell. An answer in Markdown is for a person to grade, so it has none here."""
    return cell["metadata"].get("nbgrader", {}) if cell["cell_type"] == "code" else {}


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
