"""What a grade looks like: a table for people, a dictionary for programs."""

from typing import Any

from conv2attn.grading import Grade


def table(grade: Grade) -> str:
    """The table of points; its last line is `total N / M`."""
    rows = [("exercise", "check", "points", "")]
    for verdict in grade.verdicts:
        check = verdict.check
        earned = check.points if verdict.passed else 0
        rows.append((check.answer, check.id, f"{earned} / {check.points}", "✓" if verdict.passed else verdict.says))
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
