"""What comes out of grading a class: a table, the same as JSON, pages for the students, a picture of the class."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from conv2attn.grading import progress, report
from conv2attn.grading.classroom.copies import Pair
from conv2attn.grading.classroom.run import GRADED, NO_SUBMISSION, NO_VERDICT, Result
from conv2attn.grading.engine import Grade
from conv2attn.grading.guide import Guide

FORMULA = re.compile(r"^[\s]*[=+\-@\t\r]")
NUMBER = re.compile(r"-?\b\d+(\.\d+)?([eE][-+]?\d+)?\b")
UNSAFE = re.compile(r"[^\w .()-]+")
COLUMNS = ("student", "id", "exercise", "status", "total", "points", "failed", "message", "late", "file")


def write(
    folder: Path,
    results: Sequence[Result],
    pairs: Sequence[Pair],
    of_the_book: Mapping[str, int],
    about: Mapping[str, Any],
    guides: Mapping[str, Guide],
) -> None:
    """Write all of it into `folder`: grades.csv, grades.json, class.html and feedback/STUDENT/EXERCISE.html."""
    names = folder_names(result.submission.student for result in results)
    progress.write(folder / "grades.csv", "\ufeff" + as_csv(results))  # the mark by which spreadsheets know UTF-8
    progress.write(folder / "grades.json", json.dumps(as_json(results, about), indent=1, ensure_ascii=False) + "\n")
    progress.write(folder / "class.html", as_html(results, pairs, of_the_book, about))
    for result in results:
        one, theirs = result.submission, folder / "feedback" / names[result.submission.student]
        if result.status == GRADED and result.grade:
            page = report.html(result.grade, student=one.student, guide=guides.get(result.exercise))
            progress.write(theirs / f"{result.exercise}.html", page)
        elif result.status == NO_SUBMISSION:
            page = report.page("note.html", student=one.student, file=one.name, message=result.message)
            progress.write(theirs / f"not graded {UNSAFE.sub('_', one.name)}.html", page)


def folder_names(students: Iterable[str]) -> dict[str, str]:
    """The name of each student's folder: what is no letter or digit replaced, and no two alike on any system."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for student in sorted(set(students)):
        name = base = UNSAFE.sub("_", student).strip(" .") or "_"
        number = 1
        while name.casefold() in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name.casefold())
        names[student] = name
    return names


def as_csv(results: Sequence[Result]) -> str:
    """One row a submission. No cell begins a formula."""
    text = StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for result in results:
        one, grade = result.submission, result.grade if result.status == GRADED else None
        failed = " ".join(verdict.check.id for verdict in grade.verdicts if not verdict.passed) if grade else ""
        row = [
            one.student,
            one.id,
            result.exercise,
            result.status,
            grade.earned if grade else "",
            grade.points if grade else "",
        ]
        row += [failed, result.message, "late" if one.late else "", one.name]
        rows.writerow([f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell for cell in row])
    return text.getvalue()


def as_json(results: Sequence[Result], about: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with what every check says."""
    rows = []
    for result in results:
        one = result.submission
        row: dict[str, Any] = {"student": one.student, "id": one.id, "late": one.late, "file": one.name}
        row |= {"status": result.status, "message": result.message}
        row["grade"] = report.as_json(result.grade) if result.grade else None
        rows.append(row)
    return {**about, "results": rows}


@dataclass(frozen=True)
class Bar:
    """One bar of a picture."""

    name: str
    count: int
    share: float  # of the longest bar


def bars(counts: Mapping[Any, int]) -> list[Bar]:
    """Bars for counts, in the order given."""
    longest = max(counts.values(), default=0) or 1
    return [Bar(str(name), count, count / longest) for name, count in counts.items()]


def mistakes(grades: Sequence[Grade], most: int = 12) -> list[tuple[str, str, int]]:
    """Which wrong answers were met: (answer, what its check says, how many students), the most frequent first.

    A line that names a likely mistake, as in `…: kernel flipped?`, counts as that mistake;
    another one as it is, its numbers masked. Of an answer its first failing check counts.
    """
    said: Counter[tuple[str, str]] = Counter()
    for grade in grades:
        first: dict[str, str] = {}
        for verdict in grade.verdicts:
            if not verdict.passed:
                first.setdefault(verdict.check.answer, verdict.says)
        for answer, line in first.items():
            mistake = line.rpartition(": ")[2] if line.endswith("?") else NUMBER.sub("…", line)
            said[answer, mistake] += 1
    return [(*item, count) for item, count in sorted(said.items(), key=lambda item: (-item[1], item[0]))[:most]]


def as_html(
    results: Sequence[Result], pairs: Sequence[Pair], of_the_book: Mapping[str, int], about: Mapping[str, Any]
) -> str:
    """The picture of the class: a page by itself."""
    graded: dict[str, list[Grade]] = {}
    for result in results:
        if result.status == GRADED and result.grade:
            graded.setdefault(result.exercise, []).append(result.grade)
    exercises = []
    for name, grades in sorted(graded.items()):
        most = grades[0].points
        points = Counter(grade.earned for grade in grades)
        passed = Counter(verdict.check.id for grade in grades for verdict in grade.verdicts if verdict.passed)
        checks = [verdict.check for verdict in grades[0].verdicts]
        exercises.append(
            {
                "name": name,
                "number": len(grades),
                "points": most,
                "mean": sum(grade.earned for grade in grades) / len(grades),
                "distribution": bars({earned: points[earned] for earned in range(most + 1)}),
                "checks": [(check, passed[check.id]) for check in checks],
                "mistakes": mistakes(grades),
            }
        )
    rest = [result for result in results if result.status != GRADED]
    students = len({result.submission.student for result in results})
    return report.page(
        "class.html",
        exercises=exercises, rest=rest, NO_VERDICT=NO_VERDICT, pairs=pairs, of_the_book=sorted(of_the_book.items()),
        about=about, students=students, number=len(results),
    )  # fmt: skip


def table(results: Sequence[Result]) -> str:
    """What the terminal shows: an exercise a line, then what was not graded."""
    lines = [("exercise", "graded", "mean", "of")]
    for name in sorted({result.exercise for result in results if result.status == GRADED}):
        grades = [
            result.grade for result in results if result.status == GRADED and result.exercise == name and result.grade
        ]
        mean = sum(grade.earned for grade in grades) / len(grades)
        lines.append((name, str(len(grades)), f"{mean:.1f}", str(grades[0].points)))
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    out = [
        "  ".join(f"{cell:{'<' if column == 0 else '>'}{widths[column]}}" for column, cell in enumerate(line))
        for line in lines
    ]
    for status, number in sorted(Counter(result.status for result in results if result.status != GRADED).items()):
        out.append(f"{number} {status}")
    return "\n".join(out)
