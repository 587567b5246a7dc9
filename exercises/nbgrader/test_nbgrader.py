"""nbgrader takes the course's own sources, unchanged, from the assignment to the CSV. `make nbgrader` runs this.

On honest submissions it gives the points that our own grader gives. `test_where_nbgrader_differs` says where it does not,
and the page for instructors (book/teaching.md) says it after this test.
"""

import csv
import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import course
import jupytext
import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from conv2attn.grading.engine import Grade, grade_many

EXERCISE = "08-convolution-as-attention"
EXERCISES = sorted(path.parent.name for path in course.SOURCES.glob("*/exercise.md"))
STUB = 'raise NotImplementedError("your answer here")'
OPEN, OPEN_POINTS = "open-question", 4
LOST = "sharp-enough"  # the answer that one submission crashes in

HONEST = ("right", "styles", "wrong", "some", "untouched")
DIFFERENT = ("crash", "forged", "moved", "bare", "cut")


# --- a class of ten --------------------------------------------------------------------------


def reference(exercise: str = EXERCISE) -> NotebookNode:
    """The course's notebook with the solutions."""
    return nbformat.read(course.SOURCES / exercise / "reference.ipynb", as_version=4)


def learners(exercise: str = EXERCISE) -> NotebookNode:
    """The course's notebook for the learner."""
    return nbformat.read(course.SOURCES.parent / f"{exercise}.ipynb", as_version=4)


def solutions() -> dict[str, str]:
    """Answer -> the reference's cell."""
    cells = reference().cells
    return {cell.id: cell.source for cell in cells if cell.cell_type == "code" and "### BEGIN SOLUTION" in cell.source}


def bank(kind: str) -> dict[str, str]:
    """Answer -> its first variant that is `kind`, right or wrong."""
    folder = course.SOURCES / EXERCISE / "variants"
    banks = {path.stem: jupytext.read(path, fmt="py:percent").cells for path in folder.glob("*.py")}
    return {answer: next(cell.source for cell in cells if kind in cell.metadata) for answer, cells in banks.items()}


def answered(notebook: NotebookNode, answers: dict[str, str]) -> NotebookNode:
    """`notebook`, changed in place: these cells' sources are these."""
    for cell in notebook.cells:
        cell.source = answers.get(cell.id, cell.source)
    return notebook


def forged(notebook: NotebookNode) -> NotebookNode:
    """No answer, and checks that pass whatever they are given."""
    yes = "class Yes:\n    def __getattr__(self, name):\n        return print\n\n\ncheck = Yes()"
    for cell in notebook.cells:
        cell.source = cell.source.replace(STUB, "pass")
        if cell.id == "tap-logits":
            cell.source += f"\n\n\n{yes}"
    return notebook


def moved(notebook: NotebookNode) -> NotebookNode:
    """All right, each answer below its checks."""
    answers = solutions()
    notebook.cells.sort(key=lambda cell: cell.id in answers)
    return answered(notebook, answers)


def bare(notebook: NotebookNode) -> NotebookNode:
    """All right, as an editor saves it that keeps no metadata."""
    for cell in answered(notebook, solutions()).cells:
        cell.metadata = {}
    return notebook


def submissions(release: Path) -> dict[str, str]:
    """Student -> what is handed in. `release` is what nbgrader made for the learner."""
    right = solutions()
    opinion = {OPEN: "No: it *can* be one. Whether it is, a measurement has to say."}
    some = {**right, "tap-logits": "def tap_logits(size, shift, alpha) return 0", "values-from-kernel": bank("wrong")["values-from-kernel"]}
    some.pop("counter-example")
    deadly = {**right, LOST: f"import os\n\n\ndef {LOST.replace('-', '_')}(*arguments):\n    os._exit(0)"}

    def given() -> NotebookNode:
        return nbformat.read(release, as_version=4)

    notebooks: dict[str, NotebookNode] = {
        "right": answered(given(), right | opinion),
        "styles": answered(learners(), bank("right")),  # the course's own notebook, not nbgrader's
        "wrong": answered(given(), bank("wrong")),
        "some": answered(given(), some),
        "untouched": given(),
        "crash": answered(given(), deadly),
        "forged": forged(given()),
        "moved": moved(given()),
        "bare": bare(given()),
    }
    return {name: nbformat.writes(nb) for name, nb in notebooks.items()} | {"cut": release.read_text("utf-8")[:3000]}


@dataclass(frozen=True)
class Class:
    """A class that nbgrader and our own grader have graded."""

    root: Path
    nbgrader: dict[str, dict[str, float | None]]  # student -> cell -> points
    exported: dict[str, dict[str, str]]  # student -> row of nbgrader's CSV
    ours: dict[str, Grade | ValueError]

    def feedback(self, student: str) -> Path:
        """nbgrader's page for a student."""
        return self.root / "feedback" / student / EXERCISE / f"{EXERCISE}.html"


def export(root: Path) -> dict[str, dict[str, str]]:
    """Student -> the row of nbgrader's CSV, made anew."""
    course.run(root, "export", "--to=grades.csv")
    with (root / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Class:
    """The class, through all of nbgrader's steps and through our grader."""
    root, inbox = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("inbox")
    course.prepare(root, EXERCISE)
    course.run(root, "generate_assignment", EXERCISE)
    texts = submissions(root / "release" / EXERCISE / f"{EXERCISE}.ipynb")
    for student, text in texts.items():
        (inbox / f"{student}.ipynb").write_text(text, encoding="utf-8")
        course.submit(root, EXERCISE, student, inbox / f"{student}.ipynb")
    grades = grade_many([inbox / f"{student}.ipynb" for student in texts], course.SOURCES)
    said = course.run(root, "autograde", EXERCISE, fails=True)  # the crash and the cut file
    course.run(root, "generate_feedback", EXERCISE)
    assert re.findall(r"error processing assignment .* for student '(\w+)'", said) == ["crash", "cut"], said
    return Class(root, course.points(root, EXERCISE), export(root), dict(zip(texts, grades, strict=True)))


def by_check(result: Grade) -> dict[str, float]:
    """Check -> points, by our own grader."""
    return {verdict.check.id: verdict.check.points * verdict.passed for verdict in result.verdicts}


def earned(graded: Class, student: str) -> float:
    """What nbgrader gave for the checks."""
    return sum(points or 0 for points in graded.nbgrader[student].values())


# --- the assignment --------------------------------------------------------------------------


def without_addresses(cell: NotebookNode) -> tuple[str, str, str]:
    """A cell as its id, its type and its source, without where its links lead: the folders differ."""
    return cell.id, cell.cell_type, re.sub(r"\]\(\.\./[^)]*\)", "]()", cell.source)


def known(cell: NotebookNode) -> dict[str, object]:
    """A cell's metadata, without nbgrader's checksum and the course's tag for "Run all"."""
    grading = {key: value for key, value in cell.metadata.get("nbgrader", {}).items() if key != "checksum"}
    return {**{key: value for key, value in cell.metadata.items() if key != "tags"}, "nbgrader": grading}


@pytest.mark.parametrize("exercise", EXERCISES)
def test_the_assignment_is_the_learners_notebook(tmp_path: Path, exercise: str) -> None:
    course.prepare(tmp_path, exercise)
    course.run(tmp_path, "generate_assignment", exercise)
    text = (tmp_path / "release" / exercise / f"{exercise}.ipynb").read_text("utf-8")
    assert "SOLUTION" not in text
    theirs, ours = nbformat.reads(text, as_version=4), learners(exercise)
    assert list(map(without_addresses, theirs.cells)) == list(map(without_addresses, ours.cells))
    assert list(map(known, theirs.cells)) == list(map(known, ours.cells))
    assert all(cell.execution_count is None and not cell.outputs for cell in theirs.cells if cell.cell_type == "code")


# --- the points ------------------------------------------------------------------------------


@pytest.mark.parametrize("student", HONEST)
def test_honest_submissions_get_our_points(graded: Class, student: str) -> None:
    ours = graded.ours[student]
    theirs = {cell: points for cell, points in graded.nbgrader[student].items() if cell != OPEN}
    assert theirs == by_check(ours)
    assert graded.feedback(student).exists()
    row = graded.exported[student]
    assert float(row["score"]) == ours.earned
    assert float(row["max_score"]) == ours.points + OPEN_POINTS


def test_the_honest_submissions_are_of_every_kind(graded: Class) -> None:
    earned = {student: graded.ours[student].earned for student in HONEST}
    assert earned["untouched"] == 0 < earned["wrong"] < earned["some"] < earned["right"] == earned["styles"]
    assert earned["right"] == graded.ours["right"].points


def test_where_nbgrader_differs(graded: Class) -> None:
    full = graded.ours["right"].points
    lost = sum(verdict.check.points for verdict in graded.ours["crash"].verdicts if verdict.check.answer == LOST)
    theirs = {student: earned(graded, student) for student in DIFFERENT}
    assert theirs == {"crash": 0, "forged": full, "moved": 0, "bare": 0, "cut": 0}
    ours = {student: graded.ours[student].earned for student in DIFFERENT if student != "cut"}
    assert ours == {"crash": full - lost, "forged": 0, "moved": full, "bare": full}
    assert "the file is not JSON" in str(graded.ours["cut"])
    # In the CSV a cut file and a crash are a 0 like any other. Neither gets a page.
    assert [float(graded.exported[student]["score"]) for student in ("crash", "cut", "untouched")] == [0, 0, 0]
    assert not graded.feedback("crash").exists() and not graded.feedback("cut").exists()


def test_a_secret_seed(graded: Class) -> None:
    def lines() -> list[str]:
        path = graded.root / "autograded" / "right" / EXERCISE / f"{EXERCISE}.ipynb"
        cells = nbformat.read(path, as_version=4).cells
        return [output.text for cell in cells for output in cell.get("outputs", []) if output.output_type == "stream"]

    before = lines()
    course.run(graded.root, "autograde", EXERCISE, "--student=right", "--force", CONV2ATTN_SEED="a secret")
    assert lines() != before  # the checks have drawn other inputs
    assert course.points(graded.root, EXERCISE)["right"] == graded.nbgrader["right"]


# --- by hand ---------------------------------------------------------------------------------


def test_the_open_question_waits_for_a_person(graded: Class) -> None:
    assert graded.nbgrader["right"][OPEN] is None  # formgrader lists it
    assert graded.nbgrader["untouched"][OPEN] == 0
    with Gradebook(f"sqlite:///{graded.root / 'gradebook.db'}") as gradebook:
        gradebook.find_grade(OPEN, EXERCISE, EXERCISE, "right").manual_score = 3  # as formgrader does
        gradebook.db.commit()
    assert float(export(graded.root)["right"]["score"]) == float(graded.exported["right"]["score"]) + 3


@pytest.mark.parametrize("notebook", [reference, learners], ids=["reference", "learner"])
@pytest.mark.parametrize("exercise", EXERCISES)
def test_every_exercise_ends_in_an_open_question_and_its_rubric(
    exercise: str, notebook: Callable[[str], NotebookNode]
) -> None:
    cells = notebook(exercise).cells
    (place,) = [number for number, cell in enumerate(cells) if cell.id == OPEN]
    assert cells[place].metadata.nbgrader == {
        "schema_version": 3, "grade_id": OPEN, "grade": True, "solution": True, "locked": False, "task": False,
        "cell_type": "markdown", "points": OPEN_POINTS,
    }  # fmt: skip
    assert cells[place].source == "*Your answer here*"
    rubric = cells[place + 1].source
    assert rubric.startswith(f"<details>\n<summary>Rubric, {OPEN_POINTS} points</summary>") and rubric.endswith("</details>")
    assert len(re.findall("^- ", rubric, re.MULTILINE)) == OPEN_POINTS


# --- feedback --------------------------------------------------------------------------------


def test_feedback_says_what_our_grader_says(graded: Class) -> None:
    page = html.unescape(graded.feedback("wrong").read_text("utf-8"))
    says = [verdict.says for verdict in graded.ours["wrong"].verdicts if not verdict.passed]
    assert says and all(line in page for line in says)


def test_feedback_asks_one_other_host(graded: Class) -> None:
    page = graded.feedback("right").read_text("utf-8")
    asked = re.findall(r'(?:src=|<link [^>]*href=)"https?://([^/"]+)', page)  # a link to the course is for the reader
    assert set(asked) == {"cdnjs.cloudflare.com"}  # MathJax
