"""Grading: the learner's answers in the reference notebook, judged by nbval.

    python -m conv2attn.grading exercises/08-convolution-as-attention.ipynb

`merge` puts the answers into the reference, `judge` runs pytest with nbval on it, `report`
says what came out. `grade` does the three; it imports no mathematics.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from conv2attn.grading import judge, merge

CELL_TIMEOUT = 60.0


@dataclass(frozen=True)
class Grade:
    """The grade of one submission: a verdict for every check of its exercise."""

    exercise: str
    verdicts: tuple[judge.Verdict, ...]

    @property
    def earned(self) -> int:
        """The points of the checks that passed."""
        return sum(verdict.check.points for verdict in self.verdicts if verdict.passed)

    @property
    def points(self) -> int:
        """The points of all checks."""
        return sum(verdict.check.points for verdict in self.verdicts)


def grade(
    file: Path,
    sources: Path,
    cell_timeout: float = CELL_TIMEOUT,
    ran: Callable[[int, int], Any] = lambda cells, total: None,
) -> Grade:
    """Grade the submission in `file`.

    Args:
        file: a learner's notebook.
        sources: the folder of the exercises' sources, each with its reference.ipynb.
        cell_timeout: seconds that a cell may run.
        ran: called with the number of cells that have run, and of all.

    Raises:
        ValueError: the submission is no notebook, or of no known exercise.
        judge.GraderFailed: there is no verdict, through no fault of the submission.
    """
    submission = merge.read_submission(file)
    references = _references(sources)
    name = merge.identify(submission, {name: merge.answer_ids(nb) for name, nb in references.items()})
    try:
        checks = merge.checks(references[name])
    except ValueError as error:
        raise judge.GraderFailed(f"{name}: {error}") from None
    merged = merge.merge(references[name], submission)
    return Grade(name, judge.judge(merged, checks, cell_timeout, ran))


def _references(sources: Path) -> dict[str, NotebookNode]:
    """The reference of every exercise in the folder `sources`."""
    references = {}
    for folder in sorted(path.parent for path in sources.glob("*/exercise.md")):
        path = folder / "reference.ipynb"
        try:
            references[folder.name] = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        except Exception as error:  # nbformat raises what it likes on a broken file
            raise judge.GraderFailed(f"{path} cannot be read: {type(error).__name__}") from None
    if not references:
        raise judge.GraderFailed(f"{sources} holds no exercise with a reference notebook")
    return references
