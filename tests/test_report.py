"""What a grade looks like: what to look at next, the page, and that no stranger's words do anything on it."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup

from conv2attn.grading import progress, report
from conv2attn.grading.advice import advice
from conv2attn.grading.engine import Grade
from conv2attn.grading.guide import Guide, Task, guide
from conv2attn.grading.judge import Verdict
from conv2attn.grading.merge import Check
from conv2attn.grading.progress import Run

SOURCES = Path(__file__).parents[1] / "exercises/sources"
EXERCISE = "08-convolution-as-attention"
START = datetime(2026, 1, 31, 23, 30, tzinfo=timezone.utc)
CHECKS = [Check("first-a", "first", 1), Check("first-b", "first", 2), Check("second-a", "second", 3)]
GUIDE = Guide("Exercise 90: a toy", {"first": Task("1. Begin", 3), "second": Task("2. Go on", 0)}, 6)
NOT_ANSWERED = "✗ second: not answered yet"
EVIL = '✗ </code><script>alert(1)</script>"\'&lt;<img src=x onerror=alert(2)> \u202egnp\u2066\x1b]0;x\x07\u200b'


def grade(*says: str) -> Grade:
    """A grade whose checks say this; those that say nothing have passed."""
    return Grade("90-toy", tuple(Verdict(check, not line, line) for check, line in zip(CHECKS, says, strict=True)))


def runs(*grades: Grade) -> list[Run]:
    """These grades, an hour between them."""
    return [Run(START + timedelta(hours=number), one) for number, one in enumerate(grades)]


# --- what to look at next ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("says", "check", "hint"),
    [
        (("✗ a", "✗ b", "✗ c"), "first-a", 1),
        (("", "✗ b", "✗ c"), "first-b", 1),
        (("✗ first: not answered yet", "✗ first: not answered yet", "✗ c"), "second-a", None),  # what is begun comes first
        (("✗ not answered yet: no cell with this answer was found", "✗ not answered yet", NOT_ANSWERED), "first-a", None),
    ],
)
def test_the_first_check_that_fails_of_what_is_begun(says: tuple[str, ...], check: str, hint: int | None) -> None:
    found = advice(grade(*says), GUIDE)
    assert found and (found.verdict.check.id, found.hint) == (check, hint)


def test_nothing_is_next_when_all_passes() -> None:
    assert advice(grade("", "", ""), GUIDE) is None


def test_each_failure_of_the_same_check_opens_a_hint() -> None:
    wrong, other = grade("", "✗ b", ""), grade("✗ a", "", "")

    def hint(*earlier: Grade) -> int | None:
        return advice(wrong, GUIDE, earlier).hint

    assert [hint(), hint(wrong), hint(wrong, wrong), hint(wrong, wrong, wrong)] == [1, 2, 3, 3]
    assert [hint(wrong, other), hint(wrong, other, wrong), hint(grade("", NOT_ANSWERED, ""))] == [1, 2, 1]
    assert advice(wrong, Guide("unknown")).hint is None and advice(wrong, Guide("unknown")).heading == "first"


def test_the_guide_knows_headings_hints_and_points() -> None:
    for path in sorted(SOURCES.glob("*/reference.ipynb")):
        reference = nbformat.read(path, as_version=4)
        found = guide(reference, path.parent.name)
        assert found.title.startswith(f"Exercise {int(path.parent.name[:2])}: ") and found.points >= 10
        headings = dict.fromkeys(task.heading for task in found.tasks.values())
        assert [heading[:3] for heading in headings] == ["1. ", "2. ", "3. ", "4. ", "5. "]
        assert {task.hints for task in found.tasks.values()} == {3}
    assert found.tasks["conv-by-attention"] == Task("3. The whole layer", 3)


# --- the page ----------------------------------------------------------------------------------


def page(text: str) -> BeautifulSoup:
    return BeautifulSoup(text, "html.parser")


def test_the_page_shows_points_checks_and_history() -> None:
    history = runs(grade("✗ a", "✗ b", NOT_ANSWERED), grade("", "✗ b: squared?", NOT_ANSWERED))
    found = page(report.html(history[-1].grade, history, guide=GUIDE, overview="index.html"))
    text = found.get_text(" ", strip=True)
    assert found.title.text == "1 of 6 · Exercise 90: a toy" and found.h1.text == "Exercise 90: a toy"
    assert "1 of 6 points 1 more than last time" in text and "Graded on 2026-02-01, 00:30" in text
    assert "1. Begin ✗ b: squared? Try once more with the line in mind, then open hint 2 of 3." in text
    assert [bar.span["style"] for bar in found.select(".bar")] == ["width: 16.7%", "width: 33.3%", "width: 0.0%"]
    assert [row.get_text(" ", strip=True) for row in found.select(".checks > li")] == [
        "✓ first-a passes, 1 of 1", "✗ first-b fails, 0 of 2 b: squared?", "– second-a is not answered, 0 of 3 not answered yet",
    ]  # fmt: skip
    assert found.svg["aria-label"] == "Points in the last 2 runs: 0, 1, of 6"
    assert found.polyline["points"].split() == ["0.0,60.0", "300.0,50.0"]
    assert [row.get_text(" ", strip=True) for row in found.select(".runs li")] == [
        "2026-02-01, 00:30 : 1 of 6", "2026-01-31, 23:30 : 0 of 6",
    ]  # fmt: skip


def test_answers_below_one_heading_stand_together() -> None:
    together = Guide("x", {"first": Task("1. Both", 3), "second": Task("1. Both", 3)}, 6)
    (card,) = page(report.html(grade("", "✗ b", ""), guide=together)).select(".cards > li")
    assert card.get_text(" ", strip=True).startswith("1. Both 4 of 6 ✓ first-a")


def test_a_page_of_a_class_has_a_name_and_no_history() -> None:
    found = page(report.html(grade("", "", ""), student="Ada Lovelace"))
    text = found.get_text(" ", strip=True)
    assert "Answers by Ada Lovelace" in text and "All checks pass" in text
    assert not found.svg and not found.time and not found.find("a")
    assert not page(report.html(grade("", "", ""))).bdi


def test_the_chapter_is_linked_where_its_address_is_known() -> None:
    known = Guide(GUIDE.title, GUIDE.tasks, GUIDE.points, chapter="../x.html#y")
    assert [a["href"] for a in page(report.html(grade("✗ a", "", ""), guide=known)).select("a")] == ["../x.html#y"]


def test_strangers_words_are_text_and_nothing_else() -> None:
    evil = grade(EVIL, "", EVIL)
    plain, hostile = (page(report.html(one, runs(one, one), student, GUIDE)) for one, student in [
        (grade("✗ a", "", "✗ c"), "Ada"), (evil, EVIL),
    ])  # fmt: skip
    assert [tag.name for tag in hostile.find_all()] == [tag.name for tag in plain.find_all()]
    assert not hostile.find_all(["script", "img", "iframe", "object", "form", "base"])
    assert "<script>alert(1)</script>" in hostile.get_text() and "&lt;<img" in hostile.get_text()
    assert not {"\u202e", "\u2066", "\x1b", "\x07", "\u200b"} & set(report.html(evil, student=EVIL))
    assert "‹U+202E›gnp‹U+2066›‹U+001B›" in hostile.get_text()
    assert not {"\u202e", "\x1b"} & set(report.table(evil)) and report.table(evil).count("\n") == 7


def test_a_page_asks_nobody_for_anything() -> None:
    for text in (report.html(grade("✗ a", "", ""), guide=GUIDE), report.overview([report.Standing(GUIDE)], START)):
        found = page(text)
        assert found.find("meta", {"http-equiv": "Content-Security-Policy"})["content"].startswith("default-src 'none'; ")
        assert not found.find_all(["script", "link", "img"]) and "http://" not in text and "https://" not in text and "url(" not in text


def test_the_overview_has_every_exercise() -> None:
    standings = [
        report.Standing(GUIDE, runs(grade("", "✗ b", "")), "90-toy.html"),
        report.Standing(GUIDE, runs(grade("", "", "")), "91-toy.html"),
        report.Standing(GUIDE),
    ]
    found = page(report.overview(standings, START))
    assert "10 of 18 points" in found.get_text()
    first, second, third = [card.get_text(" ", strip=True) for card in found.select(".cards > li")]
    assert "4 of 6" in first and first.endswith("Next: 1. Begin.") and second.endswith("All checks pass.")
    assert third == "Exercise 90: a toy 0 of 6 Not graded yet."
    assert [a["href"] for a in found.select("a")] == ["90-toy.html", "91-toy.html"]


# --- progress ----------------------------------------------------------------------------------


def test_runs_are_kept_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "new/folder/90-toy.json"
    assert progress.load(path) == []
    kept = runs(grade(EVIL, "", NOT_ANSWERED), grade("", "\ud800", ""))
    progress.save(path, kept[:1])
    assert progress.load(path) == kept[:1]
    progress.save(path, kept)  # half a character cannot be written; the run is kept all the same
    assert [run.grade.earned for run in progress.load(path)] == [2, 4]
    assert [file.name for file in path.parent.iterdir()] == ["90-toy.json"]


def test_only_the_last_runs_are_kept(tmp_path: Path) -> None:
    many = runs(*[grade("", "", "")] * (progress.KEPT + 3))
    progress.save(tmp_path / "x.json", many)
    assert progress.load(tmp_path / "x.json") == many[3:]


def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    path.write_text("before")

    def full(*paths: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="no space left"):
        progress.write(path, "after")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("x.json", "before")]
