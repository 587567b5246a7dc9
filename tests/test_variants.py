"""The banks of right and wrong answers: each wrong one fails exactly the checks that it names.

tools/variants.py says what a bank is, and runs it. nbval judges one right and one wrong answer to
each exercise, as a grader would, and must agree.
"""

import doctest
import time
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

import nbformat
import pytest
import variants
from variants import Cell, Job, Outcome, Variant

from conv2attn.grading.engine import Grade, grade_many

SOURCES = Path(__file__).parents[1] / "exercises/sources"
FOLDERS = {folder.name: folder for folder in variants.exercises(SOURCES)}
BANKS = {exercise: variants.read_bank(folder) for exercise, folder in FOLDERS.items()}
ALL = [variant for bank in BANKS.values() for variant in bank]
RIGHT_SEEDS, WRONG_SEEDS = ("1", "a secret"), ("1",)


@cache
def cells(exercise: str) -> list[Cell]:
    """The code cells of an exercise's reference."""
    return variants.read_cells(FOLDERS[exercise])


def answer_ids(exercise: str) -> list[str]:
    """The answers that an exercise asks for."""
    return [cell.id for cell in cells(exercise) if cell.answers]


def side_by_side(exercise: str, right: bool) -> list[dict[str, str]]:
    """The right, or wrong, variants of an exercise: the first of every answer, the second of every answer, …"""
    columns = [[v for v in BANKS[exercise] if v.answer == a and v.right is right] for a in answer_ids(exercise)]
    return [{v.answer: v.source for v in row if v} for row in zip_longest(*columns)]


def test_there_are_exercises() -> None:
    assert FOLDERS


@pytest.mark.parametrize("exercise", FOLDERS)
def test_every_answer_has_a_bank(exercise: str) -> None:
    assert variants.gaps(cells(exercise), BANKS[exercise]) == []


# --- each variant, with the stored outputs -----------------------------------------------------


@pytest.fixture(scope="module")
def outcomes() -> dict[Variant, Outcome]:
    """What the checks say of each variant."""
    jobs = [Job(cells(exercise), [{v.answer: v.source} for v in bank]) for exercise, bank in BANKS.items()]
    found = variants.run_all(jobs)
    return {v: outcome for bank, told in zip(BANKS.values(), found) for v, outcome in zip(bank, told)}


@pytest.mark.parametrize("variant", ALL, ids=str)
def test_variant(variant: Variant, outcomes: Mapping[Variant, Outcome]) -> None:
    assert variants.complaints(variant, outcomes[variant]) == []


# --- and under other seeds ---------------------------------------------------------------------


@pytest.mark.parametrize("right", [True, False], ids=["right", "wrong"])
def test_under_other_seeds(right: bool) -> None:
    """Right answers print what the reference prints under that seed. A wrong one fails a check of its own."""
    seeds = RIGHT_SEEDS if right else WRONG_SEEDS
    # Many answers at once: each has checks of its own. test_variant shows that none disturbs another's.
    jobs = [Job(cells(exercise), side_by_side(exercise, right), seed) for exercise in FOLDERS for seed in seeds]
    faults = []
    for job, outcomes in zip(jobs, variants.run_all(jobs)):
        owner = {cell.id: cell.checks for cell in job.cells if cell.checks}
        for answers, outcome in zip(job.submissions, outcomes):
            failed = {owner[check] for check in variants.failing(outcome)}
            if failed != (set() if right else set(answers)):
                faults.append((job.seed, answers, outcome))
    assert faults == []


# --- the engine --------------------------------------------------------------------------------

TOY = [
    Cell("set-up", "import math, sys\nlimit = 3"),
    Cell("double", "def double(x):\n    return 2 * x", answers=True),
    Cell("double-small", "assert double(2) == 4\nprint(math.floor(4.0))", checks="double", printed="4\n"),
    Cell("half", "def half(x):\n    return x / 2", answers=True),
    Cell("half-small", "assert half(limit) == 1.5\nprint(math.floor(1.5))", checks="half", printed="1\n"),
]
PASSED = {"double-small": "", "half-small": ""}


@pytest.mark.parametrize(
    "source",
    [
        "limit = 4\ndef double(x): return 2 * x",
        "import math\nmath.floor = round\ndef double(x): return 2 * x",
        "def double(x):\n    math.floor = lambda y: 4\n    return 4",
        "def double(x):\n    setattr(math, 'floor', lambda y: 4)\n    return 4",
        "def double(x):\n    global limit\n    limit = 4\n    return 4",
        "def double(x):\n    globals().update(limit=4)\n    return 4",
        "import sys as math\ndef double(x): return 4",
    ],
)
def test_a_variant_that_reaches_another_answer_is_found_out(source: str) -> None:
    (outcome,) = variants.run_all([Job(TOY, [{"double": source}])])[0]
    assert outcome["half-small"]


def test_no_variant_spoils_another() -> None:
    spoils = "import builtins\nbuiltins.print = None\ndef double(x): return 4"
    right = "def double(x): return x + x"
    told = variants.run_all([Job(TOY, [{"double": spoils}, {"double": right}, {}])])[0]
    assert variants.failing(told[0]) == list(PASSED) and told[1:] == [PASSED, PASSED]


@pytest.mark.parametrize(
    ("body", "says"),
    [("while True: pass", "after 1 s of work: an endless loop"), ("import time; time.sleep(99)", "wait for something"),
     ("import os; os._exit(0)", "ended (0)"), ("import os; os.kill(os.getpid(), 9)", "ended (-9)")],
)  # fmt: skip
def test_a_variant_that_dies_or_never_ends_is_told(
    body: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = f"def double(x):\n    {body}"

    began = time.monotonic()
    with pytest.raises(ProcessLookupError) as caught:
        variants.apart(lambda: variants.execute("double", f"{source}\ndouble(2)", {}), cpu_limit=1, wall_limit=5)
    assert says in str(caught.value)
    assert time.monotonic() - began < 30


def test_a_dead_variant_fails_the_checks_that_it_cannot_run() -> None:
    source = "import os\ndef double(x): os._exit(0)"
    (outcome,) = variants.run_all([Job(TOY, [{"double": source}])])[0]
    assert "the process ended" in outcome["double-small"]


def test_another_print_fails() -> None:
    cells_ = [*TOY[:2], Cell("double-small", "print(double(2))", checks="double", printed="4\n")]
    (outcome,) = variants.run_all([Job(cells_, [{"double": "def double(x): return 4.0"}])])[0]
    assert "prints '4.0\\n'" in outcome["double-small"]


def test_under_a_seed_the_reference_says_what_is_expected() -> None:
    check = Cell("double-seed", "import os\nprint(os.environ['CONV2ATTN_SEED'], double(2))", checks="double")
    submissions = [{"double": "def double(x): return x + x"}, {"double": "def double(x): return x"}]
    right, wrong = variants.run_all([Job([*TOY[:2], check], submissions, seed="7")])[0]
    assert right == {"double-seed": ""} and "7 2" in wrong["double-seed"] and "7 4" in wrong["double-seed"]


# --- what is said of a bank --------------------------------------------------------------------

WRONG = Variant("toy", "double", False, "squared", ("double-small",), "squared?", "")
SAYS = {"double-small": "✗ double: squared?", "half-small": ""}


def test_a_variant_that_does_what_it_declares_gets_no_complaint() -> None:
    assert variants.complaints(WRONG, SAYS) == []
    assert variants.complaints(Variant("toy", "double", True, "sum", (), "", ""), PASSED) == []


@pytest.mark.parametrize(
    ("fails", "says", "outcome", "complaint"),
    [
        (("double-small",), "squared?", PASSED, "no check fails"),
        (("double-small",), "not", {"double-small": "✗ double: not answered yet"}, "not written yet"),
        (("double-small",), "halved?", SAYS, "double-small says"),
        (("double-small",), "", SAYS, "double-small says"),
        ((), "squared?", SAYS, "is declared"),
        (("double-small", "half-small"), "squared?", SAYS, "is declared"),
        (("half-small",), "squared?", SAYS, "is declared"),
    ],
)
def test_a_wrong_variant_that_does_something_else_gets_one(
    fails: Sequence[str], says: str, outcome: Outcome, complaint: str
) -> None:
    (found,) = variants.complaints(Variant("toy", "double", False, "squared", tuple(fails), says, ""), outcome)
    assert complaint in found


def test_a_right_variant_that_fails_gets_one() -> None:
    (found,) = variants.complaints(Variant("toy", "double", True, "sum", (), "", ""), SAYS)
    assert found == "double-small fails a right answer: ✗ double: squared?"


def test_an_exercise_without_a_bank_is_told_so(built_toy: Path) -> None:
    (folder,) = variants.exercises(built_toy / "exercises/sources")
    found = variants.gaps(variants.read_cells(folder), variants.read_bank(folder))
    assert "double: at least 6 wrong and 3 right variants are expected, got 0 and 0" in found
    assert "double-small: no wrong variant fails it" in found


def test_a_bank_with_names_that_do_not_exist_is_told_so() -> None:
    stray = Variant("toy", "third", False, "name", ("third-what",), "says", "")
    found = variants.gaps(TOY, [stray, stray])
    assert "third: there is no such answer" in found and "third-what: there is no such check" in found
    assert "third-wrong-name: there are 2 of this name" in found


@pytest.mark.parametrize("line", ["", ' right="a" wrong="b"', ' right="a" says="b"', ' wrong="a" fail=["b"]'])
def test_a_line_that_says_something_else_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "variants").mkdir()
    (tmp_path / "variants/double.py").write_text(f"# %%{line}\ndef double(x): return x\n", "utf-8")
    with pytest.raises(ValueError, match="double.py: cell 1 is expected to be wrong with fails and says, or right"):
        variants.read_bank(tmp_path)


def test_an_author_sees_what_to_copy() -> None:
    shown = variants.show(Variant("toy", "double", False, "squared", (), "squared?", ""), SAYS)
    assert shown.splitlines() == [
        "✗ double-wrong-squared",
        '    fails=["double-small"]',
        "    ✗ double: squared?",
        '    → fails=[] is declared, fails=["double-small"] is found',
    ]
    assert variants.show(WRONG, SAYS).splitlines() == [f"✓ {WRONG}", *shown.splitlines()[1:3]]


def test_an_author_names_the_exercise(capsys: pytest.CaptureFixture[str]) -> None:
    assert variants.main(["8"]) == 1
    assert "the number or name of an exercise is expected (01-" in capsys.readouterr().err


# --- the worked examples -----------------------------------------------------------------------


@pytest.mark.parametrize("exercise", FOLDERS)
def test_worked_examples(exercise: str) -> None:
    """What an answer's docstring shows by hand is what the reference computes."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in cells(exercise):
        variants.execute(cell.id, cell.source, namespace)
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner(verbose=False)
    for name in (answer.replace("-", "_") for answer in answer_ids(exercise)):
        for example in finder.find(namespace[name], name, module=False, globs=namespace):
            runner.run(example)
    assert runner.tries and not runner.failures


# --- the judge agrees with the engine ----------------------------------------------------------


def sets(exercise: str) -> dict[str, dict[str, str]]:
    """What nbval judges of an exercise: the first right, and the first wrong, variant of every answer, …"""
    reference = {cell.id: cell.source for cell in cells(exercise) if cell.answers}
    return {
        "right": side_by_side(exercise, right=True)[0],
        "wrong": side_by_side(exercise, right=False)[0],
        "reference": reference,
        "untouched": {},
    }


@pytest.fixture(scope="module")
def grades(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Grade]:
    """What nbval says of every set of every exercise, all in one call."""
    folder = tmp_path_factory.mktemp("submissions")
    files = {}
    for exercise in FOLDERS:
        for name, answers in sets(exercise).items():
            notebook = nbformat.read(SOURCES.parent / f"{exercise}.ipynb", as_version=4)
            for cell in notebook.cells:
                cell.source = answers.get(cell.id, cell.source)
            files[exercise, name] = folder / f"{exercise}-{name}.ipynb"
            nbformat.write(notebook, files[exercise, name])
    return dict(zip(files, grade_many(list(files.values()), SOURCES)))


@pytest.fixture(scope="module")
def engine() -> dict[tuple[str, str], Outcome]:
    """What the engine says of the right and the wrong set of every exercise."""
    jobs = [Job(cells(exercise), [sets(exercise)["right"], sets(exercise)["wrong"]]) for exercise in FOLDERS]
    told = dict(zip(FOLDERS, variants.run_all(jobs)))
    return {(exercise, kind): told[exercise][n] for exercise in FOLDERS for n, kind in enumerate(("right", "wrong"))}


@pytest.mark.parametrize("kind", ["right", "wrong"])
@pytest.mark.parametrize("exercise", FOLDERS)
def test_nbval_agrees_with_the_engine(
    exercise: str, kind: str, engine: Mapping[tuple[str, str], Outcome], grades: Mapping[tuple[str, str], Grade]
) -> None:
    """The first right, or wrong, variant of every answer at once."""
    outcome = engine[exercise, kind]
    assert bool(variants.failing(outcome)) is (kind == "wrong")
    assert {verdict.check.id: verdict.says for verdict in grades[exercise, kind].verdicts} == outcome


@pytest.mark.parametrize("exercise", FOLDERS)
def test_the_reference_gets_full_marks(exercise: str, grades: Mapping[tuple[str, str], Grade]) -> None:
    result = grades[exercise, "reference"]
    assert result.earned == result.points >= 10


@pytest.mark.parametrize("exercise", FOLDERS)
def test_the_untouched_notebook_gets_none(exercise: str, grades: Mapping[tuple[str, str], Grade]) -> None:
    result = grades[exercise, "untouched"]
    assert result.earned == 0 and all("not answered yet" in verdict.says for verdict in result.verdicts)
