"""Progress kept between runs: one file of JSON an exercise, with what each run gave."""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from conv2attn.grading import merge
from conv2attn.grading.engine import Grade
from conv2attn.grading.judge import Verdict
from conv2attn.grading.report import as_json

KEPT = 200  # runs of one exercise; older ones are forgotten


@dataclass(frozen=True)
class Run:
    """One time that an exercise was graded."""

    time: datetime
    grade: Grade


def load(path: Path) -> list[Run]:
    """The runs in the file `path`, oldest first; none where there is no such file.

    Raises:
        ValueError: the file holds something else.
    """
    if not path.exists():
        return []
    try:
        return [_run(data) for data in json.loads(path.read_text(encoding="utf-8"))["runs"]]
    except (ValueError, TypeError, KeyError, AttributeError, OSError, OverflowError, RecursionError) as error:
        raise ValueError(f"{path}: the runs of an exercise are expected, got {type(error).__name__}") from None


def save(path: Path, runs: Sequence[Run]) -> None:
    """Write the last runs to the file `path`."""
    data = [{"time": run.time.isoformat(timespec="seconds"), **as_json(run.grade)} for run in runs[-KEPT:]]
    write(path, json.dumps({"runs": data}, indent=1, ensure_ascii=False) + "\n")


def put_aside(path: Path) -> Path:
    """Give the file `path` a name under which it is kept and not read again; return that."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    os.replace(path, aside)
    return aside


def write(path: Path, text: str) -> None:
    """Write `text` to the file `path` whole or not at all; its folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _run(data: dict[str, Any]) -> Run:
    time = datetime.fromisoformat(data["time"])
    checks = [
        Verdict(
            merge.Check(_a(str, check["check"]), _a(str, check["exercise"]), _a(int, check["points"])),
            _a(bool, check["passed"]),
            _a(str, check["says"]),
        )
        for check in data["checks"]
    ]
    return Run(time.astimezone(), Grade(_a(str, data["exercise"]), tuple(checks)))


def _a(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value
