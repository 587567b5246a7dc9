"""A class in nbgrader's folders: what the test and the measurement share.

nbgrader is another program. It must be on PYTHONPATH and its commands on PATH, as `make nbgrader` sees to.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from nbgrader.api import Gradebook

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parent / "sources"


class NbgraderFailed(RuntimeError):
    """nbgrader ended with an error; the message is what it wrote."""


def prepare(root: Path, exercise: str) -> None:
    """A class in the empty folder `root`, with one exercise: our config, our reference as nbgrader's source."""
    shutil.copy(HERE / "nbgrader_config.py", root)
    source = root / "source" / exercise
    source.mkdir(parents=True)
    shutil.copy(SOURCES / exercise / "reference.ipynb", source / f"{exercise}.ipynb")


def submit(root: Path, exercise: str, student: str, file: Path) -> None:
    """Hand in `file` for `student`."""
    folder = root / "submitted" / student / exercise
    folder.mkdir(parents=True)
    shutil.copy(file, folder / f"{exercise}.ipynb")


def run(root: Path, *arguments: str, fails: bool | None = False, **environment: str) -> str:
    """Run `nbgrader` with these arguments in the class `root`; return what it wrote.

    Args:
        root: the folder of the class.
        arguments: as `"autograde", "08-convolution-as-attention"`.
        fails: whether nbgrader is to end with an error, as it does where one submission of many is broken; None if
            either will do.
        environment: variables to add.

    Raises:
        NbgraderFailed: it ended otherwise.
    """
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=root,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if fails is not None and bool(done.returncode) is not fails:
        raise NbgraderFailed(f"nbgrader {' '.join(arguments)} ended with status {done.returncode}:\n{done.stdout}")
    return done.stdout


def points(root: Path, exercise: str) -> dict[str, dict[str, float | None]]:
    """Student -> cell -> the points nbgrader gave by itself; None where a person is to give them."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: {
                grade.name: None if grade.needs_manual_grade else grade.auto_score
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            for submission in gradebook.assignment_submissions(exercise)
        }
