"""What `nbgrader autograde` costs on a class of yours, beside what it gives.

    python exercises/nbgrader/measure.py FOLDER [--exercise 08-convolution-as-attention] [--json FILE]

Every notebook in FOLDER is one student's. CPU-seconds are user and system of nbgrader and of all the kernels it
started. Starting nbgrader is in them once; reading the submissions into its folders is not.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import course

EXERCISE = "08-convolution-as-attention"


@dataclass(frozen=True)
class Cost:
    """What one run over a class took, and the points that came of it."""

    submissions: int
    cpu_seconds: float
    wall_seconds: float
    points: dict[str, float]  # file's name without its ending -> points of the checks

    @property
    def cpu_each(self) -> float:
        """CPU-seconds a submission."""
        return self.cpu_seconds / self.submissions


def autograde(files: Sequence[Path], exercise: str = EXERCISE) -> Cost:
    """Grade these submissions of one exercise with `nbgrader autograde`, and measure it.

    Raises:
        ValueError: no file, or two of one name.
        course.NbgraderFailed: nbgrader did not make the assignment.
    """
    names = [file.stem for file in files]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"notebooks of different names are expected, got {', '.join(names) or 'none'}")
    with tempfile.TemporaryDirectory(prefix="conv2attn-") as name:
        root = Path(name)
        course.prepare(root, exercise)
        course.run(root, "generate_assignment", exercise)
        for file in files:
            course.submit(root, exercise, file.stem, file)
        before, start = _cpu_of_children(), time.monotonic()
        course.run(root, "autograde", exercise, fails=None)  # it ends with an error where one of them is broken
        wall, cpu = time.monotonic() - start, _cpu_of_children() - before
        earned = {student: sum(p or 0 for p in cells.values()) for student, cells in course.points(root, exercise).items()}
    return Cost(len(names), cpu, wall, earned)


def _cpu_of_children() -> float:
    """User and system seconds of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="holds the notebooks")
    parser.add_argument("--exercise", default=EXERCISE, help="which exercise they answer (default %(default)s)")
    parser.add_argument("--json", type=Path, help="also write what came out to this file")
    options = parser.parse_args(arguments)
    try:
        cost = autograde(sorted(options.folder.glob("*.ipynb")), options.exercise)
    except ValueError as error:
        print(f"{options.folder}: {error}", file=sys.stderr)
        return 2
    if options.json:
        options.json.write_text(json.dumps({**asdict(cost), "cpu_each": cost.cpu_each}, indent=1) + "\n", encoding="utf-8")
    print(f"{cost.submissions} submissions, {cost.cpu_each:.2f} CPU-seconds each, {cost.wall_seconds:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
