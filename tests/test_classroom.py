"""Grading a class: what is found, that nothing is lost or graded twice, and what comes out."""

import argparse
import contextlib
import csv
import io
import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import make_class
import pytest
from bs4 import BeautifulSoup
from tqdm import tqdm

from conv2attn.grading import seeds
from conv2attn.grading.classroom import collect, command, copies, outputs, run
from conv2attn.grading.classroom.collect import Submission
from conv2attn.grading.classroom.run import Result, Store
from conv2attn.grading.engine import Grade
from conv2attn.grading.judge import GraderFailed, Verdict
from conv2attn.grading.keeper import Limits
from conv2attn.grading.merge import Check

TOY = "90-toy"
CHECKS = (Check("double-small", "double", 1), Check("double-large", "double", 2))


def put(path: Path, content: bytes = b"{}") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def found(paths: Sequence[Path], scratch: Path) -> list[tuple[str, str, bool, str]]:
    """Student, id, late and problem of each submission."""
    return [(one.student, one.id, one.late, one.problem) for one in collect.collect(paths, scratch)]


# --- what is found ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "student", "number", "late"),
    [
        ("anna.ipynb", "anna", "", False),
        ("anna/work.ipynb", "anna", "", False),
        ("anna/deep/er/work.ipynb", "anna", "", False),
        ("submitted/anna/08-convolution-as-attention/08-convolution-as-attention.ipynb", "anna", "", False),
        ("Anna Roth_12345_assignsubmission_file_/my work.ipynb", "Anna Roth", "12345", False),
        ("Anna_Roth_12345_assignsubmission_file_/w.ipynb", "Anna_Roth", "12345", False),
        ("rothanna_late_1234_5678_my work.ipynb", "rothanna", "1234", True),
        ("rothanna_1234_5678_my_work.ipynb", "rothanna", "1234", False),
        ("Zoë Ångström.ipynb", "Zoë Ångström", "", False),
        ("evil\u202egnp.ipynb", "evil‹U+202E›gnp", "", False),
    ],
)
def test_what_a_name_tells(tmp_path: Path, name: str, student: str, number: str, late: bool) -> None:
    put(tmp_path / "in" / name)
    assert found([tmp_path / "in"], tmp_path / "scratch") == [(student, number, late, "")]
    archive = tmp_path / "class.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.write(tmp_path / "in" / name, name)
    assert found([archive], tmp_path / "scratch") == [(student, number, late, "")]


def test_what_is_left_out_and_what_is_a_row(tmp_path: Path) -> None:
    for name in ("__MACOSX/a.ipynb", "anna/.ipynb_checkpoints/a.ipynb", ".DS_Store", "Thumbs.db"):
        put(tmp_path / "in" / name)
    put(tmp_path / "in/bert.pdf")
    put(tmp_path / "in/carl")
    put(tmp_path / "in/dora.ipynb", bytes(collect.MAX_FILE + 1))
    (tmp_path / "in/link.ipynb").symlink_to("/etc/passwd")
    assert found([tmp_path / "in"], tmp_path / "scratch") == [
        ("bert", "", False, "a notebook (.ipynb) is expected, got a file .pdf"),
        ("carl", "", False, "a notebook (.ipynb) is expected, got a file without a suffix"),
        ("dora", "", False, "a notebook of at most 10 MB is expected, got 10 MB"),
    ]


def test_two_students_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    for number in (1, 2):
        put(tmp_path / f"in/Anna Roth_{number}_assignsubmission_file_/w.ipynb")
    assert [one[0] for one in found([tmp_path / "in"], tmp_path)] == ["Anna Roth (1)", "Anna Roth (2)"]


def test_a_file_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    file = put(tmp_path / "in/anna.ipynb")
    assert len(found([file, tmp_path / "in", file], tmp_path / "scratch")) == 1


@pytest.mark.parametrize(
    "name", ["../../outside.ipynb", "/outside.ipynb", "a/../../../outside.ipynb", "..\\..\\outside.ipynb"]
)
def test_a_zip_writes_nothing_where_its_names_say(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "in" / "class.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr(name, "{}")
    (one,) = collect.collect([archive], tmp_path / "scratch")
    assert one.file.resolve().is_relative_to(tmp_path / "scratch")
    assert not list(tmp_path.rglob("outside*")) and not Path("/outside.ipynb").exists()


def test_a_link_in_a_zip_is_not_followed(tmp_path: Path) -> None:
    archive = tmp_path / "class.zip"
    with zipfile.ZipFile(archive, "w") as target:
        link = zipfile.ZipInfo("anna.ipynb")
        link.external_attr = 0o120777 << 16
        target.writestr(link, "/etc/passwd")
        target.writestr("bert.ipynb", "{}")
    assert [one[0] for one in found([archive], tmp_path / "scratch")] == ["bert"]


def test_a_zip_in_a_zip_stays_shut(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as target:
        target.writestr("anna.ipynb", "{}")
    archive = tmp_path / "class.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("bert.zip", inner.getvalue())
    assert found([archive], tmp_path / "scratch") == [
        ("bert", "", False, "a notebook (.ipynb) is expected, got a file .zip")
    ]


@pytest.mark.parametrize(("files", "size"), [(1, 2**29), (collect.MAX_FILES + 1, 0)], ids=["bomb", "many"])
def test_a_zip_that_is_no_homework_is_refused(tmp_path: Path, files: int, size: int) -> None:
    archive = tmp_path / "class.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for number in range(files):
            with target.open(f"{number}.ipynb", "w", force_zip64=True) as file:
                for _ in range(size // 2**24):
                    file.write(bytes(2**24))
    with pytest.raises(ValueError, match="a zip of homework is expected"):
        collect.collect([archive], tmp_path / "scratch")


def test_a_damaged_zip_and_a_missing_path_are_named(tmp_path: Path) -> None:
    archive = tmp_path / "class.zip"
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("anna.ipynb", "x" * 1000)
    data = bytearray(archive.read_bytes())
    data[60] ^= 255
    archive.write_bytes(data)
    with pytest.raises(ValueError, match="class.zip: the zip cannot be read"):
        collect.collect([archive], tmp_path / "scratch")
    with pytest.raises(ValueError, match="nowhere: a folder, a zip or a notebook is expected"):
        collect.collect([tmp_path / "nowhere"], tmp_path / "scratch")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="at least one submission"):
        collect.collect([tmp_path / "empty"], tmp_path / "scratch")


# --- grading, by a double --------------------------------------------------------------------


class Grader:
    """Gives everybody the points that the file names; counts what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, files: Sequence[Path]) -> list[Grade | ValueError]:
        texts = [file.read_text() for file in files]
        self.asked += texts
        if "interrupt" in texts:
            raise KeyboardInterrupt
        if "poison" in texts:
            raise GraderFailed("pytest ended with status 3")
        return [
            ValueError(f"{file}: a notebook is expected")
            if text == "broken"
            else Grade(
                TOY,
                tuple(
                    Verdict(check, text != "wrong", "" if text != "wrong" else "✗ expected 2, got 3")
                    for check in CHECKS
                ),
            )
            for file, text in zip(files, texts, strict=True)
        ]


def handed_in(folder: Path, **texts: str) -> list[Submission]:
    for student, text in texts.items():
        put(folder / f"{student}.ipynb", text.encode())
    return collect.collect([folder], folder / "zips")


def statuses(results: Sequence[Result]) -> dict[str, str]:
    return {result.submission.student: result.status for result in results}


def test_each_result_is_stored_and_nothing_graded_twice(tmp_path: Path) -> None:
    grader, store = Grader(), Store(tmp_path / "results", "1")
    one = handed_in(tmp_path / "in", a="right", b="wrong", c="broken")
    first = run.run(one, grader, store, batch=2, jobs=2)
    assert statuses(first) == {"a": "graded", "b": "graded", "c": "no submission"}
    assert [result.grade.earned if result.grade else None for result in first] == [3, 0, None]
    assert "/" not in first[2].message  # no path of the instructor's machine
    assert run.run(one, grader, store, batch=2, jobs=1) == first and len(grader.asked) == 3
    put(tmp_path / "in/b.ipynb", b"changed")  # handed in again
    run.run(one, grader, store, batch=2, jobs=1)
    assert grader.asked[3:] == ["changed"]
    run.run(one, grader, Store(tmp_path / "results", "another seed"), batch=9, jobs=1)
    assert len(grader.asked) == 7


def test_a_stored_result_that_is_damaged_is_made_again(tmp_path: Path) -> None:
    grader, store = Grader(), Store(tmp_path / "results", "1")
    one = handed_in(tmp_path / "in", a="right")
    first = run.run(one, grader, store, batch=1, jobs=1)
    for file in (tmp_path / "results").iterdir():
        file.write_text(file.read_text()[:20])
    assert run.run(one, grader, store, batch=1, jobs=1) == first and len(grader.asked) == 2


def test_what_has_no_verdict_costs_nobody_else_and_is_tried_again(tmp_path: Path) -> None:
    grader, store = Grader(), Store(tmp_path / "results", "1")
    one = handed_in(tmp_path / "in", a="right", b="poison", c="right too")
    results = run.run(one, grader, store, batch=3, jobs=1)
    assert statuses(results) == {"a": "graded", "b": "no verdict", "c": "graded"}
    assert results[1].message == "grader failed, no verdict: pytest ended with status 3"
    grader.asked.clear()
    run.run(one, grader, store, batch=3, jobs=1)
    assert grader.asked == ["poison"]


def test_one_that_has_no_verdict_is_found_by_halves(tmp_path: Path) -> None:
    """Not by grading each of two hundred in a kernel of its own."""
    grader, calls = Grader(), []
    one = handed_in(tmp_path / "in", **{f"s{n:02}": "poison" if n == 20 else "right" for n in range(32)})

    def grade(files: Sequence[Path]) -> list[Grade | ValueError]:
        calls.append(len(files))
        return grader(files)

    results = run.run(one, grade, Store(tmp_path / "results", "1"), batch=32, jobs=1)
    assert [result.status for result in results].count("no verdict") == 1 == len(results) - 31
    assert sorted(calls) == [1, 1, 2, 2, 4, 4, 8, 8, 16, 16, 32]


@pytest.mark.parametrize(
    ("files", "batch", "jobs", "sizes"),
    [(0, 9, 2, []), (1, 9, 2, [1]), (60, 150, 2, [30, 30]), (500, 150, 2, [125] * 4), (7, 3, 1, [2, 2, 3])],
)
def test_all_jobs_end_at_about_the_same_time(files: int, batch: int, jobs: int, sizes: list[int]) -> None:
    todo = [Submission(str(n), Path(str(n)), "") for n in range(files)]
    batches = run._shared_out(todo, batch, jobs)
    assert [len(one) for one in batches] == sizes and [one for part in batches for one in part] == todo


def test_the_bar_moves_while_a_batch_runs_and_never_back() -> None:
    with tqdm(total=10, file=io.StringIO()) as shown:
        bar, seen = command._Bar(shown), []
        bar.done(2, True)
        with bar.batch(8) as ran:
            for cells in (1, 20, 39, 40):
                ran(cells, 40)
                seen.append(shown.n)
        bar.done(1, False)
        seen.append(shown.n)
        bar.done(7, False)
    assert seen == [2, 6, 9, 10, 10] and shown.n == 10 and bar.taken_over == 2


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    grader, store = Grader(), Store(tmp_path / "results", "1")
    one = handed_in(tmp_path / "in", a="right", b="right too", c="interrupt", d="never")
    with pytest.raises(KeyboardInterrupt):
        run.run(one, grader, store, batch=1, jobs=1)
    assert grader.asked == ["right", "right too", "interrupt"]
    put(tmp_path / "in/c.ipynb", b"fine now")
    grader.asked.clear()
    seen: list[tuple[int, bool]] = []
    run.run(one, grader, store, batch=1, jobs=1, done=lambda number, stored: seen.append((number, stored)))
    assert grader.asked == ["fine now", "never"] and seen == [(2, True), (1, False), (1, False)]


def test_the_newest_of_two_counts(tmp_path: Path) -> None:
    for number, text in enumerate(("right", "wrong")):
        file = put(tmp_path / f"in/anna/{number}.ipynb", text.encode())
        os.utime(file, (number, number))
    results = run.run(collect.collect([tmp_path / "in"], tmp_path), Grader(), Store(tmp_path / "r", "1"), 9, 1)
    assert [result.status for result in results] == ["superseded", "graded"]
    assert results[0].message == "anna/1.ipynb is newer and counts"


# --- what comes out --------------------------------------------------------------------------

NASTY = '=cmd("x")<script>alert(1)</script>'


def some_results(folder: Path) -> list[Result]:
    submission = Submission(NASTY, put(folder / "x.ipynb"), f"{NASTY}.ipynb", "7", True)
    wrong = Grade(
        TOY, (Verdict(CHECKS[0], True, ""), Verdict(CHECKS[1], False, f"✗ double: expected 42, got 1.5e-07 {NASTY}"))
    )
    right = Grade(TOY, tuple(Verdict(check, True, "") for check in CHECKS))
    other = Submission("bert", put(folder / "y.ipynb"), "y.ipynb")
    broken = Submission("carl", put(folder / "z.ipynb"), "z.ipynb")
    return [
        Result(submission, "graded", wrong),
        Result(other, "graded", right),
        Result(broken, "no verdict", None, "+1"),
    ]


def test_the_table_is_safe_in_a_spreadsheet(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(outputs.as_csv(some_results(tmp_path)))))
    assert [row["student"] for row in rows] == ["'" + NASTY, "bert", "carl"]
    assert (
        rows[0]["total"] == "1"
        and rows[0]["points"] == "3"
        and rows[0]["failed"] == "double-large"
        and rows[0]["late"] == "late"
    )
    assert rows[2]["total"] == "" and rows[2]["status"] == "no verdict" and rows[2]["message"] == "'+1"  # never a 0
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_the_picture_of_the_class(tmp_path: Path) -> None:
    pair = copies.Pair(("bert", NASTY), TOY, ("double",), ("double",))
    page = outputs.as_html(some_results(tmp_path), [pair], {"carl": 2}, {"version": "1"})
    soup = BeautifulSoup(page, "html.parser")
    assert not soup.find_all(["script", "link", "img"]) and "http:" not in page and "https:" not in page
    text = " ".join(soup.get_text(" ").split())
    assert "3 students, 3 files" in text and "2 graded, 2.0 of 3 points on average" in text
    assert "double ✗ double: expected …, got … =cmd" in text  # numbers are left out
    assert "carl z.ipynb no verdict +1" in text and "No row here is a zero" in text
    assert "it changes no points" in text and f"bert and {NASTY}" in text
    heights = [bar["style"] for bar in soup.select(".columns i")]
    assert heights == ["height: 0.0%", "height: 75.0%", "height: 0.0%", "height: 75.0%"]


def test_no_two_students_share_a_folder() -> None:
    names = outputs.folder_names(["a/b", "a_b", "A_B", "", "..", "zoë"])
    assert len({name.casefold() for name in names.values()}) == 6
    assert names["zoë"] == "zoë" and not any(
        set(name) & set("/\\") or name in ("", ".", "..") for name in names.values()
    )


def test_outputs_depend_on_the_results_alone(tmp_path: Path) -> None:
    for name in ("one", "two"):
        outputs.write(tmp_path / name, some_results(tmp_path), [], {}, {"version": "1"}, {})
    files = sorted(
        path.relative_to(tmp_path / "one").as_posix() for path in (tmp_path / "one").rglob("*") if path.is_file()
    )
    assert [f for f in files if "feedback" not in f] == ["class.html", "grades.csv", "grades.json"]
    assert sum("feedback" in file for file in files) == 2 and not any("<" in file or "=" in file for file in files)
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes() for file in files)
    assert len(json.loads((tmp_path / "one/grades.json").read_text())["results"]) == 3


# --- copies ----------------------------------------------------------------------------------

LONG = """
def double(x):
    \"\"\"Twice.\"\"\"
    total = 0
    for number in range(10):  # a loop
        if number < 2:
            total = total + x * (number + 1) - number * x
        elif number > 8:
            total += 0 * number
    return total + x - x
"""


def test_layout_comments_and_names_make_no_difference() -> None:
    other = (
        LONG.replace("total", "s")
        .replace("number", "k")
        .replace("# a loop", "")
        .replace('"""Twice."""', "")
        .replace("x", "value")
    )
    assert copies.shape(LONG) == copies.shape(other) != ""
    assert copies.shape(LONG) != copies.shape(LONG.replace("8", "7"))
    assert copies.shape("def double(x):\n    return 2 * x") == copies.shape("not python (") == ""


def test_pairs_are_for_people_to_look_at() -> None:
    def one(*students: str, source: str = LONG) -> dict[tuple[str, str], dict[str, str]]:
        return {(TOY, student): {"double": source} for student in students}

    different = LONG.replace("8", "7")
    found, of_the_book = copies.pairs(
        one("a", "b") | one("c", source=different), {(TOY, "a"): ["double"], (TOY, "b"): ["double"]}, {}
    )
    assert found == [copies.Pair(("a", "b"), TOY, ("double",), ("double",))] and not of_the_book
    assert copies.pairs(one(*"abcdef"), {}, {})[0] == []  # what many have is no sign
    assert copies.pairs(one("a", "b"), {}, {TOY: {"double": LONG}}) == ([], {"a": 1, "b": 1})


# --- all of it -------------------------------------------------------------------------------


def call(*arguments: str | Path) -> int:
    parser = argparse.ArgumentParser()
    command.add_command(parser.add_subparsers())
    options = parser.parse_args(["grade-class", *map(str, arguments)])
    return int(options.run(options))


def test_a_class_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = make_class.make(10, tmp_path / "in", "08-convolution-as-attention")
    put(tmp_path / "in/binary.ipynb", b"\x89PNG\xff")
    assert list(kinds.values()).count("honest") == 9
    arguments = (tmp_path / "in", "--out", tmp_path / "out", "--sources", make_class.SOURCES, "--cpu-seconds", "3")
    assert call(*arguments) == 0
    out, err = capsys.readouterr()
    assert "08-convolution-as-attention" in out and "1 no submission" in out
    seed = (tmp_path / "out/seed").read_text()
    assert len(seed) == 32 and (tmp_path / "out/seed").stat().st_mode & 0o777 == 0o600
    everything = (
        out
        + err
        + "".join(
            file.read_text("utf-8") for file in (tmp_path / "out").rglob("*") if file.is_file() and file.name != "seed"
        )
    )
    assert seed not in everything
    rows = json.loads((tmp_path / "out/grades.json").read_text())["results"]
    assert len(rows) == 11 and sum(row["status"] == "graded" for row in rows) == 10
    assert call(*arguments) == 0
    assert "11 of 11 results taken over" in capsys.readouterr().out


def test_memorised_outputs_fail_under_a_secret_seed(tmp_path: Path) -> None:
    """The references run anew: their lines are others than the published ones."""
    name = "08-convolution-as-attention"
    folder = seeds.seeded(make_class.SOURCES, "secret", tmp_path / "a", {name})
    public = (make_class.SOURCES / name / "reference.ipynb").read_text()
    assert (folder / name / "reference.ipynb").read_text() != public
    with pytest.raises(ValueError, match="a seed is expected"):
        seeds.seeded(make_class.SOURCES, "", tmp_path / "b")
    with pytest.raises(GraderFailed, match="holds no exercise"):
        seeds.seeded(tmp_path, "secret", tmp_path / "c")


def test_no_sandbox_no_grading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "why_not", lambda: "bubblewrap is not installed")
    put(tmp_path / "in/a.ipynb")
    assert call(tmp_path / "in", "--out", tmp_path / "out") == 4
    assert "no sandbox: bubblewrap is not installed" in capsys.readouterr().err
    asked: list[Limits] = []

    @contextlib.contextmanager
    def running(limits: Limits) -> Iterator[Path]:
        asked.append(limits)
        yield tmp_path

    monkeypatch.setattr(command.keeper, "running", running)
    monkeypatch.setattr(command, "grade_many", lambda files, sources, address, seed, ran: [ValueError("x")])
    assert call(tmp_path / "in", "--out", tmp_path / "out", "--no-sandbox", "--sources", make_class.SOURCES) == 0
    assert [limits.sandboxed for limits in asked] == [False]


@pytest.mark.parametrize("wrong", [["--jobs", "0"], ["--batch", "-1"], ["--cpu-seconds", "0"], ["--memory", "0"]])
def test_options_that_mean_nothing(tmp_path: Path, wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path / "in/a.ipynb")
    assert call(tmp_path / "in", "--out", tmp_path / "out", *wrong) == 2
    assert "expected to be above 0" in capsys.readouterr().err


def test_nothing_to_grade(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(tmp_path / "nowhere", "--out", tmp_path / "out") == 2
    assert "nowhere: a folder, a zip or a notebook is expected" in capsys.readouterr().err
