"""The banks of right and wrong answers: each wrong one fails exactly the checks that it names.

The bank of an answer is exercises/sources/NN-slug/variants/<answer id>.py, in cells:

    # %% wrong="kernel-flipped" fails=["values-from-kernel-matrices"] says="flipped"
    # %% right="einsum"

Each cell is the whole answer cell. `fails` holds every check of the notebook that fails with
it, `says` is part of the line that the first of them gives. A fast engine runs them all in
this process; nbval judges one right and one wrong answer to each exercise, as a grader would,
and must agree with the engine.
"""

import contextlib
import doctest
import io
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pytest
import torch
from conv2attn.grading import grade, merge

SOURCES = Path(__file__).parents[1] / "exercises/sources"
EXERCISES = sorted(path.parent.name for path in SOURCES.glob("*/exercise.md"))
WRONG, RIGHT = 6, 3  # the least number of each, for one answer


@dataclass(frozen=True)
class Variant:
    """One answer of a bank."""

    exercise: str
    answer: str
    right: bool
    name: str
    fails: tuple[str, ...]
    says: str
    source: str

    def __str__(self) -> str:
        return f"{self.answer}-{'right' if self.right else 'wrong'}-{self.name}"


@cache
def reference(exercise: str) -> nbformat.NotebookNode:
    """The reference notebook of an exercise."""
    return nbformat.read(SOURCES / exercise / "reference.ipynb", as_version=4)


def bank(path: Path) -> Iterator[Variant]:
    """The variants in one file of a bank.

    Raises:
        ValueError: a cell's line is not what this module's docstring shows.
    """
    for number, cell in enumerate(jupytext.read(path, fmt="py:percent").cells, start=1):
        options = {key: value for key, value in cell.metadata.items() if key != "lines_to_next_cell"}
        right, wrong = options.pop("right", None), options.pop("wrong", None)
        fails, says = options.pop("fails", []), options.pop("says", "")
        whole = bool(fails and says) if wrong else not (fails or says)
        if cell.cell_type != "code" or bool(right) == bool(wrong) or options or not whole:
            raise ValueError(f"{path}: cell {number} is expected to be wrong with fails and says, or right with neither")
        exercise = path.parent.parent.name
        yield Variant(exercise, path.stem, bool(right), right or wrong, tuple(fails), says, cell.source)


def variants(exercise: str) -> list[Variant]:
    """Every variant of an exercise."""
    return [variant for path in sorted(SOURCES.glob(f"{exercise}/variants/*.py")) for variant in bank(path)]


def run(exercise: str, answers: Mapping[str, str], namespace: dict[str, Any] | None = None) -> dict[str, str]:
    """The checks of an exercise with these answers in the reference: "" for each that passes, else what it says.

    The cells' names are left in `namespace`, where one is given.
    """
    namespace = {} if namespace is None else namespace
    namespace["__name__"] = "__main__"
    outcome = {}
    for cell in reference(exercise).cells:
        if cell.cell_type != "code":
            continue
        says, printed = "", io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile(answers.get(cell.id, cell.source), f"<{cell.id}>", "exec"), namespace)
        except (Exception, SystemExit) as error:
            render = getattr(error, "_render_traceback_", lambda: [f"✗ {type(error).__name__}: {error}"])
            says = render()[0]
        if cell.metadata.get("nbgrader", {}).get("grade"):
            stored = "".join(output.text for output in cell.outputs)
            same = printed.getvalue() == stored
            outcome[cell.id] = says or ("" if same else f"✗ prints {printed.getvalue()!r}, stored is {stored!r}")
    return outcome


def failing(outcome: Mapping[str, str]) -> tuple[str, ...]:
    """The checks that did not pass, in the notebook's order."""
    return tuple(check for check, says in outcome.items() if says)


BANKS = {exercise: variants(exercise) for exercise in EXERCISES}
ALL = [variant for bank_ in BANKS.values() for variant in bank_]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """The tensors are tiny: several threads wait for each other, seven times as long in all."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_there_are_exercises() -> None:
    assert EXERCISES


@pytest.mark.parametrize("variant", ALL, ids=str)
def test_variant(variant: Variant) -> None:
    outcome = run(variant.exercise, {variant.answer: variant.source})
    failed = failing(outcome)
    assert set(failed) == set(variant.fails), outcome
    if failed:
        assert variant.says in outcome[failed[0]]


@pytest.mark.parametrize("exercise", EXERCISES)
def test_every_answer_has_a_bank(exercise: str) -> None:
    names = Counter((variant.answer, variant.right) for variant in BANKS[exercise])
    answers = merge.answer_ids(reference(exercise))
    assert {answer for answer, _ in names} == set(answers)
    too_few = [answer for answer in answers if names[answer, False] < WRONG or names[answer, True] < RIGHT]
    assert not too_few, f"at least {WRONG} wrong and {RIGHT} right variants are expected of {too_few}"
    assert [name for name, count in Counter(map(str, BANKS[exercise])).items() if count > 1] == []


@pytest.mark.parametrize("exercise", EXERCISES)
def test_every_check_is_failed_by_a_variant(exercise: str) -> None:
    failed = {check for variant in BANKS[exercise] for check in variant.fails}
    assert failed == {check.id for check in merge.checks(reference(exercise))}


@pytest.mark.parametrize("exercise", EXERCISES)
def test_worked_examples(exercise: str) -> None:
    """What an answer's docstring shows by hand is what the reference computes."""
    namespace: dict[str, Any] = {}
    run(exercise, {}, namespace)
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(verbose=False)
    names = [answer.replace("-", "_") for answer in merge.answer_ids(reference(exercise))]
    for name in names:
        for example in finder.find(namespace[name], name, module=False, globs=namespace):
            runner.run(example)
    assert runner.tries and not runner.failures


# --- the judge agrees with the engine ----------------------------------------------------------


def judged(exercise: str, answers: Mapping[str, str], tmp_path: Path) -> dict[str, str]:
    """As `run`, by nbval, on the learner's notebook."""
    notebook = nbformat.read(SOURCES.parent / f"{exercise}.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    nbformat.write(notebook, tmp_path / "submission.ipynb")
    return {verdict.check.id: verdict.says for verdict in grade(tmp_path / "submission.ipynb", SOURCES).verdicts}


@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
@pytest.mark.parametrize("exercise", EXERCISES)
def test_nbval_agrees_with_the_engine(exercise: str, right: bool, tmp_path: Path) -> None:
    """The first right, or wrong, variant of every answer at once."""
    answers = {variant.answer: variant.source for variant in reversed(BANKS[exercise]) if variant.right is right}
    outcome = run(exercise, answers)
    assert bool(failing(outcome)) is not right
    assert judged(exercise, answers, tmp_path) == outcome


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_reference_gets_full_marks(exercise: str) -> None:
    result = grade(SOURCES / exercise / "reference.ipynb", SOURCES)
    assert result.earned == result.points >= 10


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_untouched_notebook_gets_none(exercise: str) -> None:
    result = grade(SOURCES.parent / f"{exercise}.ipynb", SOURCES)
    assert result.earned == 0 and all("not answered yet" in verdict.says for verdict in result.verdicts)
