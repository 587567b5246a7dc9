"""What a grade looks like: a table for a terminal, a page for a browser, a dictionary for programs.

A page is one file: no script, nothing from elsewhere. Whatever a learner wrote, or an error said,
is escaped, and cannot steer a terminal either.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from conv2attn.grading.advice import advice, begun, difference
from conv2attn.grading.engine import Grade
from conv2attn.grading.guide import Guide
from conv2attn.grading.text import harmless

if TYPE_CHECKING:
    from conv2attn.grading.progress import Run

DRAWN = 30  # runs in the picture of the history, the last ones
WIDTH, HEIGHT = 300, 60  # of that picture


def table(grade: Grade) -> str:
    """The table of points; its last line is `total N / M`."""
    rows = [("exercise", "check", "points", "")]
    for verdict in grade.verdicts:
        check = verdict.check
        earned = check.points if verdict.passed else 0
        says = "✓" if verdict.passed else harmless(verdict.says)
        rows.append((check.answer, check.id, f"{earned} / {check.points}", says))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}".rstrip() for row in rows
    ]
    return "\n".join([grade.exercise, "", *lines, "", f"total {grade.earned} / {grade.points}"])


def as_json(grade: Grade) -> dict[str, Any]:
    """The grade as plain data."""
    checks = [
        {
            "exercise": verdict.check.answer,
            "check": verdict.check.id,
            "points": verdict.check.points,
            "passed": verdict.passed,
            "says": verdict.says,
        }
        for verdict in grade.verdicts
    ]
    return {"exercise": grade.exercise, "total": grade.earned, "points": grade.points, "checks": checks}


def html(
    grade: Grade,
    history: "Sequence[Run]" = (),
    student: str | None = None,
    guide: Guide | None = None,
    overview: str | None = None,
) -> str:
    """The grade as a page.

    Args:
        grade: the grade.
        history: the runs so far, oldest first; the last one is this grade's.
        student: whose it is, where it is not the reader's own.
        guide: to its exercise; without one the page knows no headings and no hints.
        overview: the address of a page about all exercises.
    """
    guide = guide or Guide(grade.exercise)
    earlier = [run.grade for run in history[:-1]]
    return page(
        "report.html",
        grade=grade,
        guide=guide,
        student=student,
        overview=overview,
        at=history[-1].time if history else None,
        difference=difference(grade, earlier),
        next=advice(grade, guide, earlier),
        tasks=_tasks(grade, guide),
        runs=history,
        line=_line(history[-DRAWN:]) if len(history) > 1 else None,
    )


@dataclass(frozen=True)
class Standing:
    """Where a learner stands in one exercise.

    Attributes:
        guide: to the exercise.
        history: the runs so far, oldest first.
        page: the address of its report, where there is one.
    """

    guide: Guide
    history: "Sequence[Run]" = ()
    page: str | None = None


def overview(standings: Iterable[Standing], at: datetime) -> str:
    """A page about all exercises."""
    rows = [
        {
            "title": standing.guide.title,
            "points": standing.guide.points,
            "page": standing.page,
            "earned": standing.history[-1].grade.earned if standing.history else 0,
            "at": standing.history[-1].time if standing.history else None,
            "next": advice(standing.history[-1].grade, standing.guide) if standing.history else None,
        }
        for standing in standings
    ]
    earned, points = sum(row["earned"] for row in rows), sum(row["points"] for row in rows)
    return page("overview.html", rows=rows, earned=earned, points=points, at=at)


def page(template: str, **values: Any) -> str:
    """A template with these values, in which every text by strangers is harmless."""

    return _environment().get_template(template).render(values)


@functools.cache
def _environment() -> Environment:
    """What fills templates; it keeps them compiled, since a class has a page for each student."""

    def shown(value: Any) -> Any:
        return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = Environment(
        loader=PackageLoader(__package__), autoescape=True, undefined=StrictUndefined, finalize=shown,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["when"] = lambda time: f"{time:%Y-%m-%d, %H:%M}"
    return environment


def _tasks(grade: Grade, guide: Guide) -> list[dict[str, Any]]:
    """The verdicts below each heading."""
    tasks: dict[str, dict[str, Any]] = {}
    for verdict in grade.verdicts:
        heading = guide.heading(verdict.check.answer)
        task = tasks.setdefault(heading, {"heading": heading, "earned": 0, "points": 0, "checks": []})
        task["earned"] += verdict.check.points if verdict.passed else 0
        task["points"] += verdict.check.points
        task["checks"].append({"verdict": verdict, "begun": begun(verdict)})
    return list(tasks.values())


def _line(history: "Sequence[Run]") -> dict[str, Any]:
    """The share of the points in each run, as the corners of a line in a picture of WIDTH by HEIGHT."""
    shares = [run.grade.earned / (run.grade.points or 1) for run in history]
    step = WIDTH / (len(shares) - 1)
    corners = [(round(number * step, 1), round(HEIGHT * (1 - share), 1)) for number, share in enumerate(shares)]
    return {"width": WIDTH, "height": HEIGHT, "corners": corners, "earned": [run.grade.earned for run in history]}
