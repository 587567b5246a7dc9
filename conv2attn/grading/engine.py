"""From files to grades: `grade` for one submission, `grade_many` for many in one kernel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from conv2attn.grading import judge, merge
from conv2attn.grading.judge import GraderFailed
from conv2attn.grading.keeper import Limits


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
    limits: Limits = Limits(),
    ran: Callable[[int, int], Any] = lambda cells, total: None,
) -> Grade:
    """Grade the submission in `file`.

    Args:
        file: a learner's notebook.
        sources: the folder of the exercises' sources, each with its reference.ipynb.
        limits: what the learner's processes may take.
        ran: called with the number of cells that have run, and of all.

    Raises:
        ValueError: the submission is no notebook, or of no known exercise.
        GraderFailed: there is no verdict, through no fault of the submission.
        SandboxMissing: the limits ask for a sandbox, and there is none.
    """
    (result,) = grade_many([file], sources, limits, ran=ran)
    if isinstance(result, Exception):
        raise result
    return result


def grade_many(
    files: Sequence[Path],
    sources: Path,
    learners: Limits | Path = Limits(),
    seed: str | None = None,
    ran: Callable[[int, int], Any] = lambda cells, total: None,
) -> list[Grade | ValueError]:
    """Grade submissions, in one kernel of the judge's; one result each, in order.

    A file that is no submission gives a ValueError in its place. `learners` says what the
    learners' processes may take, or is the socket of a `keeper.running` that knows. `seed` is that
    of the references' stored outputs, where they were made anew; `ran` is as for `grade`.

    Raises:
        GraderFailed: there is no verdict for any of them.
        SandboxMissing: the limits ask for a sandbox, and there is none.
    """
    references = read_references(sources)
    ids = {name: merge.answer_ids(reference) for name, reference in references.items()}
    results: list[Grade | ValueError | None] = []
    names, notebooks, checks = [], [], []
    for file in files:
        try:
            submission = merge.read_submission(file)
            name = merge.identify(submission, ids)
        except ValueError as error:
            results.append(error)
            continue
        try:
            checks.append(merge.checks(references[name]))
        except ValueError as error:
            raise GraderFailed(f"{name}: {error}") from None
        notebooks.append(merge.merge(references[name], submission))
        names.append(name)
        results.append(None)
    verdicts = judge.judge(notebooks, checks, learners, seed, ran) if notebooks else []
    grades = iter([Grade(name, one) for name, one in zip(names, verdicts, strict=True)])
    return [next(grades) if result is None else result for result in results]


def read_references(sources: Path) -> dict[str, NotebookNode]:
    """The reference of every exercise in the folder `sources`.

    Raises:
        GraderFailed: there is none, or one cannot be read.
    """
    references = {}
    for folder in sorted(path.parent for path in sources.glob("*/exercise.md")):
        path = folder / "reference.ipynb"
        try:
            references[folder.name] = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
        except Exception as error:  # nbformat raises what it likes on a broken file
            raise GraderFailed(f"{path} cannot be read: {type(error).__name__}") from None
    if not references:
        raise GraderFailed(f"{sources} holds no exercise with a reference notebook")
    return references
