"""What the page for instructors tells them to do, done: the class is split and put together again without a loss."""

import csv
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from conv2attn.grading import sandbox
from conv2attn.grading.keeper import Limits

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "book/teaching.md").read_text("utf-8")
NAMES = [f"{name}_{number}.ipynb" for name in ("Ada Lovelace", "zoë", "o'brien", "-x", "a*b") for number in range(12)]
STAND_IN = """#!/bin/sh
# In place of conv2attn: a row for each file of the folder, in the folder after --out.
test "$1 $3 $CONV2ATTN_SEED" = "grade-class --out a secret" || exit 1
mkdir "$4" && echo "file,says" > "$4/grades.csv" && for file in "$2"/*; do
  printf '"%s","two, or\\nthree"\\n' "${file##*/}" >> "$4/grades.csv"
done
"""


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    """The example of a CI matrix."""
    return yaml.safe_load((ROOT / "book/grade-class.yml").read_text("utf-8"))


def script(workflow: dict[str, Any], job: str, name: str) -> str:
    """What a step runs."""
    return next(step["run"] for step in workflow["jobs"][job]["steps"] if step.get("name") == name)


def shell(folder: Path, text: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a step as the host does."""
    path = f"{folder.parent}:{os.environ['PATH']}"
    settings = {**os.environ, "PATH": path, **environment}
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", text], cwd=folder, env=settings, capture_output=True, text=True, check=False
    )


def test_the_page_shows_the_workflow(workflow: dict[str, Any]) -> None:
    assert "{literalinclude} grade-class.yml" in PAGE
    parts = workflow["jobs"]["grade"]["strategy"]["matrix"]["part"]
    assert parts == list(range(workflow["env"]["PARTS"]))
    assert workflow["jobs"]["grade"]["env"]["CONV2ATTN_SEED"] == "${{ secrets.CONV2ATTN_SEED }}"


def test_every_submission_is_graded_once(workflow: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "conv2attn").write_text(STAND_IN, encoding="utf-8")
    (tmp_path / "conv2attn").chmod(0o755)
    last = tmp_path / "last"
    sizes = []
    for part in workflow["jobs"]["grade"]["strategy"]["matrix"]["part"]:
        machine = tmp_path / f"machine{part}"
        (machine / "submissions").mkdir(parents=True)
        for name in NAMES:
            (machine / "submissions" / name).write_text(name)
        settings = {"PARTS": str(workflow["env"]["PARTS"]), "PART": str(part), "CONV2ATTN_SEED": "a secret"}
        for step in ("Take this machine's part", "Grade"):
            done = shell(machine, script(workflow, "grade", step), **settings)
            assert done.returncode == 0, done.stderr
        sizes.append(len(list((machine / "part").iterdir())))
        (machine / "graded").rename((last / "graded").mkdir(parents=True, exist_ok=True) or last / f"graded/graded-{part}")
    assert min(sizes) > 0 and sum(sizes) == len(NAMES)
    assert shell(last, script(workflow, "merge", "Join the tables")).returncode == 0
    with (last / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["file"] for row in rows) == sorted(NAMES)
    assert {row["says"] for row in rows} == {"two, or\nthree"}


def test_a_part_may_be_empty_and_a_seed_may_not(workflow: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "machine"
    (folder / "part").mkdir(parents=True)
    assert shell(folder, script(workflow, "grade", "Grade"), CONV2ATTN_SEED="a secret").returncode == 0
    without = shell(folder, script(workflow, "grade", "Grade"), CONV2ATTN_SEED="")
    assert without.returncode != 0 and "CONV2ATTN_SEED: is expected" in without.stderr


def test_the_files_that_the_page_names_are_there() -> None:
    named = set(re.findall(r"`((?:exercises|book|conv2attn)/[\w./-]+)`", PAGE))
    assert named and [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_limits_on_the_page_are_those_of_the_grader() -> None:
    page = (ROOT / "book/teaching.md").read_text("utf-8")
    limits = Limits()
    assert (limits.cpu_seconds, limits.memory, limits.processes, sandbox.SCRATCH) == (10, 2 * 2**30, 16, 64 * 2**20)
    for words in ("after ten seconds of either (`--cpu-seconds`)", "above 2 GB (`--memory`), or 16 processes", "64 MB in `/tmp` and in `/dev/shm`"):
        assert words in page
