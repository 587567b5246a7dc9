"""The grading engine: what is taken from a submission, and what comes of it under real nbval."""

import importlib
import json
import re
import shutil
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import nbformat
import pytest

from conv2attn.grading import grade_command, judge, merge, progress, report
from conv2attn.grading.__main__ import main
from conv2attn.grading.engine import Grade

TOY = "90-toy"
SOLUTIONS = {
    "double": "def double(x):\n    return x + x",
    "add-one": "def add_one(x):\n    return 1 + x",
    "add-one-double": "def add_one_double(x):\n    return 2 * x + 1",
}


def code(source: str, grade_id: str | None = None, **cell: object) -> nbformat.NotebookNode:
    """A code cell as a submission holds it."""
    metadata = {"nbgrader": {"grade_id": grade_id}} if grade_id else {}
    return nbformat.v4.new_code_cell(source, metadata=metadata, **cell)


def save(path: Path, cells: Sequence[nbformat.NotebookNode], exercise: str | None = TOY) -> Path:
    """A submission of these cells, at `path`."""
    notebook = nbformat.v4.new_notebook(cells=list(cells))
    if exercise:
        notebook.metadata.conv2attn = {"exercise": exercise}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def submit(toy: Path, answers: Mapping[str, str]) -> Path:
    """The learner's toy notebook with these answers in it; the others stay as they were."""
    notebook = nbformat.read(toy / f"exercises/{TOY}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.id in answers:
            cell.source = answers[cell.id]
    path = toy / "submitted.ipynb"
    nbformat.write(notebook, path)
    return path


def points(result: Grade) -> dict[str, int]:
    """Answer -> points earned."""
    earned = {verdict.check.answer: 0 for verdict in result.verdicts}
    for verdict in result.verdicts:
        earned[verdict.check.answer] += verdict.check.points * verdict.passed
    return earned


def says(result: Grade) -> dict[str, str]:
    """Check -> what is said about it."""
    return {verdict.check.id: verdict.says for verdict in result.verdicts}


def command(toy: Path, reports: Path, *files: Path | str) -> int:
    """`conv2attn grade` with these files (or options), its reports in a folder of their own; the exit status."""
    sources = ["--sources", str(toy / "exercises/sources")]
    return main(["grade", *map(str, files), *sources, "--reports", str(reports / "graded")])


# --- what is no submission -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a notebook is expected, the file is empty"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "the file is not JSON"),
        (b'{"cells": [{"cell_ty', "the file is not JSON"),
        (b'<<<<<<< HEAD\n{"cells": []}\n', "the file is not JSON"),
        (b"[" * 100_000, "the file is not JSON"),
        (b"[]", "its JSON has no list of cells"),
        (b'{"worksheets": []}', "its JSON has no list of cells"),
        (b'{"cells": {}}', "its JSON has no list of cells"),
        (b'{"cells": []}', "answers to an exercise are expected (known: 90-toy), none of their cells is in it"),
        (b'{"cells": [null, 1, {}, {"cell_type": "code"}], "metadata": []}', "none of their cells is in it"),
        (b'{"cells": [], "metadata": {"conv2attn": {"exercise": "91-other"}}}', "none of their cells is in it"),
        (None, "a notebook file is expected, there is none"),
    ],
)
def test_a_file_that_is_no_submission(
    built_toy: Path, tmp_path: Path, content: bytes | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "90-toy.ipynb"
    if content is not None:
        file.write_bytes(content)
    status = command(built_toy, tmp_path, file)
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert message in err and err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir() if path != file] == []


def test_a_folder_is_no_submission(built_toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(built_toy, tmp_path, built_toy) == 2
    assert "a notebook file is expected, got a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cells", "exercise"),
    [
        ([], "90-toy"),
        ([code("", "double")], None),
        ([code("", id="double")], None),
        ([code("# answer: double\n")], None),
        ([code("# answer: double\n")], "77-unknown"),
        ([code("", "double"), code("", "add-one"), code("", "triple")], None),
    ],
)
def test_an_exercise_is_known_by_metadata_or_ids(
    tmp_path: Path, cells: list[nbformat.NotebookNode], exercise: str | None
) -> None:
    submission = merge.read_submission(save(tmp_path / "mine.ipynb", cells, exercise))
    assert merge.identify(submission, {"80-other": ["triple"], TOY: ["double", "add-one"]}) == TOY


# --- merging ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference(built_toy: Path) -> nbformat.NotebookNode:
    return nbformat.read(built_toy / f"exercises/sources/{TOY}/reference.ipynb", as_version=4)


def merged(reference: nbformat.NotebookNode, tmp_path: Path, cells: Sequence[nbformat.NotebookNode]) -> list[str]:
    """The code of the notebook that these cells make, each cell as its id, or its source where it is the learner's."""
    notebook = merge.merge(reference, merge.read_submission(save(tmp_path / "s.ipynb", cells)))
    nbformat.validate(notebook)
    theirs = {cell.source for cell in cells}
    return [cell.source if cell.source in theirs else cell.id for cell in notebook.cells if cell.cell_type == "code"]


REST = ["add-one", "add-one-value", "add-one-double", "add-one-double-value"]


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        # Known by grade id, by cell id, by marker, in this order.
        ([code("A", "double")], ["c02", "A", "double-small", "double-large", *REST]),
        ([code("A", id="double")], ["c02", "A", "double-small", "double-large", *REST]),
        ([code("x = 1\n  # answer: double\nA")], ["c02", "x = 1\n  # answer: double\nA", "double-small", "double-large", *REST]),
        ([code("A", "double", id="add-one")], ["c02", "A", "double-small", "double-large", *REST]),
        ([code("# answer: double", "add-one")], ["c02", "double", "double-small", "double-large", "# answer: double", *REST[1:]]),
        # Moved answers go where they belong; checks that were edited are the reference's again.
        ([code("B", "add-one"), code("A", "double"), code("cheat", "double-small")],
         ["c02", "A", "double-small", "double-large", "B", *REST[1:]]),
        # A copied answer cell: the last one that is answered counts; a split one runs in full.
        ([code("A", "double"), code(merge.STUB, "double")], ["c02", "A", "double-small", "double-large", *REST]),
        ([code("A1", "double"), code("A2", "double")], ["c02", "A1", "A2", "double-small", "double-large", *REST]),
        # Other cells ride along: before the next graded cell, or after the last one, whichever is earlier.
        ([code("h")], ["c02", "h", "double", "double-small", "double-large", *REST]),
        ([code("h"), code("A", "double")], ["c02", "h", "A", "double-small", "double-large", *REST]),
        ([code("A", "double"), code("h"), code("", "double-small")], ["c02", "A", "h", "double-small", "double-large", *REST]),
        ([code("A", "double"), code("h"), code("B", "add-one")], ["c02", "A", "h", "double-small", "double-large", "B", *REST[1:]]),
        ([code("B", "add-one"), code("h"), code("A", "double")], ["c02", "h", "A", "double-small", "double-large", "B", *REST[1:]]),
        ([code("A", "double"), code("", "add-one-double-value"), code("end")],
         ["c02", "A", "double-small", "double-large", *REST, "end"]),
        # An edited set-up cell does not stand in for ours.
        ([code("import mine", id="c02"), code("A", "double")], ["c02", "import mine", "A", "double-small", "double-large", *REST]),
    ],
)  # fmt: skip
def test_merge(reference: nbformat.NotebookNode, tmp_path: Path, cells: list[nbformat.NotebookNode], wanted: list[str]) -> None:
    assert merged(reference, tmp_path, cells) == wanted


def test_merging_keeps_the_checks_and_no_solution(reference: nbformat.NotebookNode, built_toy: Path) -> None:
    before = nbformat.writes(reference)
    notebook = merge.merge(reference, merge.read_submission(built_toy / f"exercises/{TOY}.ipynb"))
    assert nbformat.writes(reference) == before
    assert "SOLUTION" not in nbformat.writes(notebook)
    for ours, theirs in zip(reference.cells, notebook.cells, strict=True):
        if ours.cell_type == "code":
            is_check = ours.metadata.get("nbgrader", {}).get("grade")
            assert theirs == ours if is_check else (theirs.execution_count, theirs.outputs) == (None, [])


def test_characters_are_kept_and_half_a_character_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s.ipynb"
    path.write_text('{"cells": [{"cell_type": "code", "source": "é"}]}', encoding="utf-8-sig")
    assert merge.read_submission(path).cells[0].source == "é"
    path.write_text('{"cells": [{"cell_type": "code", "source": ["# answer: double\\n", "\\ud800", 3]}]}')
    assert merge.read_submission(path).cells[0] == merge.Cell(("double",), "# answer: double\n?")


# --- under nbval -----------------------------------------------------------------------------


def test_the_stub_is_the_builders(built_toy: Path) -> None:
    assert merge.STUB in (built_toy / f"exercises/{TOY}.ipynb").read_text().replace('\\"', '"')


def test_command_line_full_marks(built_toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = built_toy / f"exercises/sources/{TOY}/reference.ipynb"
    status = command(built_toy, tmp_path, file, "--json", str(tmp_path / "out.json"))
    lines = capsys.readouterr().out.splitlines()
    assert status == 0 and {"total 6 / 6", "All checks pass.", "double          double-large           2 / 2  ✓"} <= set(lines)
    (out,) = json.loads((tmp_path / "out.json").read_text())
    assert (out["file"], out["exercise"], out["total"], out["points"]) == (str(file), TOY, 6, 6)
    assert out["checks"][1] == {"exercise": "double", "check": "double-large", "points": 2, "passed": True, "says": ""}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graded", "out.json"]
    assert sorted(path.name for path in (tmp_path / "graded").iterdir()) == [f"{TOY}.html", f"{TOY}.json", "index.html"]


def test_command_line_untouched_stub(built_toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(built_toy, tmp_path, built_toy / f"exercises/{TOY}.ipynb") == 0
    lines = capsys.readouterr().out.splitlines()
    assert {"total 0 / 6", "Look at this next: Double"} <= set(lines)
    assert "add-one         add-one-value          0 / 1  ✗ add_one: not answered yet" in lines


def test_nothing_to_grade_without_an_answer(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(toy, toy) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("nothing to grade: no notebook in ") and err.count("\n") == 1
    assert not (toy / "graded").exists()


def some_grade(**wrong: str) -> Grade:
    """A grade of the toy, of which these checks (with _ for -) fail and say so."""
    checks = [merge.Check("double-small", "double", 1), merge.Check("double-large", "double", 2), merge.Check("add-one-value", "add-one", 1)]
    lines = {name.replace("_", "-"): says for name, says in wrong.items()}
    return Grade(TOY, tuple(judge.Verdict(check, check.id not in lines, lines.get(check.id, "")) for check in checks))


@pytest.fixture
def grader(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Sequence[Path]]]:
    """Let the command get these results, file by file, in place of real ones; what it asks for is in the list."""

    def give(*results: Grade | Exception) -> list[Sequence[Path]]:
        asked, left = [], iter(results)

        def grade_many(files: Sequence[Path], *args: object, **kwargs: object) -> list[Grade | Exception]:
            asked.append(files)
            return [next(left) for _ in files]

        monkeypatch.setattr(grade_command, "grade_many", grade_many)
        return asked

    return give


def test_without_files_what_has_an_answer_is_graded(toy: Path, grader: Callable[..., list[Sequence[Path]]]) -> None:
    for name in ("80-untouched", "91-answered", "92-missing", "93-damaged"):
        shutil.copytree(toy / f"exercises/sources/{TOY}", toy / f"exercises/sources/{name}")
        shutil.copy(toy / f"exercises/{TOY}.ipynb", toy / f"exercises/{name}.ipynb")
    shutil.copy(submit(toy, {"add-one": "# answer: add-one\nadd_one = None"}), toy / "exercises/91-answered.ipynb")
    (toy / "exercises/92-missing.ipynb").unlink()
    (toy / "exercises/93-damaged.ipynb").write_text("<<<<<<<")
    asked = grader(some_grade(), ValueError("no notebook"))
    assert command(toy, toy) == 2
    assert [path.name for path in asked[0]] == ["91-answered.ipynb", "93-damaged.ipynb"]


def test_a_run_is_compared_with_the_last_one(
    toy: Path, grader: Callable[..., list[Sequence[Path]]], capsys: pytest.CaptureFixture[str]
) -> None:
    unanswered, squared = "✗ add_one: not answered yet", "✗ add_one: expected 2, got 1: squared?"
    runs = [{"double_large": "✗ no", "add_one_value": unanswered}, {"add_one_value": squared}, {}, {}, {"double_small": "✗ no"}]
    grader(*(some_grade(**run) for run in runs))
    said = []
    for _ in runs:
        assert command(toy, toy, "mine.ipynb") == 0
        said.append(capsys.readouterr().out)
    assert "last time" not in said[0] and "Look at this next: Double\n  ✗ no\n" in said[0]
    assert "3 of 4 points, 2 more than last time\n" in said[1] and f"Look at this next: Add one\n  {squared}\n" in said[1]
    assert "4 of 4 points, 1 more than last time\n" in said[2] and "All checks pass." in said[2]
    assert "4 of 4 points, as many as last time\n" in said[3]
    assert "3 of 4 points, 1 fewer than last time\n" in said[4]
    assert [run.grade.earned for run in progress.load(toy / f"graded/{TOY}.json")] == [1, 3, 4, 4, 3]


def test_nothing_is_lost_when_one_of_several_fails(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(toy / f"exercises/sources/{TOY}", toy / "exercises/sources/91-other")
    path = toy / "exercises/sources/91-other/reference.ipynb"
    path.write_text(re.sub(r'"execution_count": 1', '"execution_count": null', path.read_text()))
    right = submit(toy, SOLUTIONS).rename(toy / "right.ipynb")
    other = toy / "other.ipynb"
    other.write_text(right.read_text().replace(TOY, "91-other"))
    (toy / "broken.ipynb").write_text("no notebook")
    assert command(toy, toy, other, toy / "broken.ipynb", right, toy / "missing.ipynb") == 3
    out, err = capsys.readouterr()
    assert re.findall("^total .*", out, re.MULTILINE) == ["total 6 / 6"]
    failed, broken, missing = err.splitlines()
    assert failed == "grader failed, no verdict: 91-other: the reference of the check double-small has no stored output"
    assert "broken.ipynb: a notebook is expected" in broken and "there is none" in missing
    assert (toy / f"graded/{TOY}.html").exists() and not (toy / "graded/91-other.html").exists()


@pytest.mark.parametrize("damaged", ["", "[]", '{"runs": [{"time": "2026-01-01"}]}', '{"runs": [{"time": 3, "checks": []}]}'])
def test_damaged_progress_is_put_aside(
    toy: Path, grader: Callable[..., list[Sequence[Path]]], capsys: pytest.CaptureFixture[str], damaged: str
) -> None:
    kept = toy / f"graded/{TOY}.json"
    kept.parent.mkdir()
    for number in (1, 2):
        grader(some_grade())
        kept.write_text(damaged)
        assert command(toy, toy, "mine.ipynb") == 0
        out, err = capsys.readouterr()
        assert "total 4 / 4" in out and err.count("\n") == 1
        assert f"It is now {TOY}.json.damaged-{number}, and your progress in this exercise begins anew." in err
        assert (toy / f"graded/{TOY}.json.damaged-{number}").read_text() == damaged
        assert len(progress.load(kept)) == 1


def test_a_grade_is_shown_where_it_cannot_be_kept(
    toy: Path, grader: Callable[..., list[Sequence[Path]]], capsys: pytest.CaptureFixture[str]
) -> None:
    (toy / "graded").write_text("a file where the folder should be")
    grader(some_grade())
    assert command(toy, toy, "mine.ipynb") == 0
    out, err = capsys.readouterr()
    assert "total 4 / 4" in out and "Report" not in out and err.startswith("this run is not kept: ") and err.count("\n") == 1


def test_a_terminal_gets_a_link_to_click_on(
    toy: Path, grader: Callable[..., list[Sequence[Path]]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    grader(some_grade())
    assert command(toy, toy, "mine.ipynb") == 0
    assert f"Report: {(toy / f'graded/{TOY}.html').as_uri()}\n" in capsys.readouterr().out


def test_strangers_words_do_not_steer_the_terminal(
    toy: Path, grader: Callable[..., list[Sequence[Path]]], capsys: pytest.CaptureFixture[str]
) -> None:
    grader(some_grade(double_small="✗ \x1b]0;title\x07 \u202e back"), ValueError("\x1b[2J"))
    assert command(toy, toy, "mine.ipynb", "yours.ipynb") == 2
    out, err = capsys.readouterr()
    assert not {"\x1b", "\x07", "\u202e"} & set(out + err) and "‹U+001B›]0;title‹U+0007›" in out and err == "‹U+001B›[2J\n"


def test_the_course_is_found_from_within(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toy / "exercises")
    assert grade_command.find_sources(Path.cwd()) == Path("sources")
    assert grade_command.find_sources(Path("/")) == Path("exercises/sources")


def test_the_command_is_installed() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    module, name = project["scripts"]["conv2attn"].split(":")
    assert getattr(importlib.import_module(module), name) is main


# --- the grader's own failure is no zero -----------------------------------------------------


def no_verdict(toy: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command line says where it gives no verdict."""
    status = command(toy, toy, file, "--json", str(toy / "out.json"))
    out, err = capsys.readouterr()
    assert (status, out) == (3, "") and not (toy / "graded").exists()
    assert err.startswith("grader failed, no verdict: ") and err.count("\n") == 1
    return err


def test_no_verdict_without_a_whole_reference(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = toy / f"exercises/sources/{TOY}/reference.ipynb"
    text = path.read_text()
    path.write_text(re.sub(r'"execution_count": 1', '"execution_count": null', text))
    learner = toy / f"exercises/{TOY}.ipynb"
    assert "the check double-small has no stored output" in no_verdict(toy, learner, capsys)
    path.write_text(text[:100])
    assert "reference.ipynb cannot be read" in no_verdict(toy, learner, capsys)
    shutil.rmtree(toy / "exercises/sources")
    assert "holds no exercise with a reference" in no_verdict(toy, learner, capsys)


def test_no_verdict_where_the_set_up_fails(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = toy / f"exercises/sources/{TOY}/reference.ipynb"
    path.write_text(path.read_text().replace("class CheckFailed(Exception)", "class CheckFailed(Missing)"))
    message = no_verdict(toy, toy / f"exercises/{TOY}.ipynb", capsys)
    assert "the set-up cell c02 fails: ✗ NameError: name 'Missing' is not defined" in message


def test_the_table_ends_in_the_total() -> None:
    check = merge.Check("double-small", "double", 2)
    table = report.table(Grade(TOY, (judge.Verdict(check, False, "✗ double: expected 4, got 5"),)))
    assert table.splitlines()[-3:] == ["double    double-small   0 / 2  ✗ double: expected 4, got 5", "", "total 0 / 2"]
