"""The submissions of a class: from folders, from zips of a learning platform, from a list of files.

    anna.ipynb                                             a file a student
    anna/exercise-8.ipynb                                  a folder a student
    submitted/anna/08-convolution-as-attention/….ipynb     as nbgrader keeps them
    Anna Roth_12345_assignsubmission_file_/….ipynb         Moodle's zip, unpacked or not
    rothanna_late_1234_5678_my work.ipynb                  Canvas's

A zip comes from strangers: nothing of it is written where its names say.
"""

import os
import re
import shutil
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from conv2attn.grading.text import harmless

MOODLE = re.compile(r"(?P<student>.+)_(?P<id>\d+)_assignsubmission_(file|onlinetext)_?")
CANVAS = re.compile(r"(?P<student>[^_]+)(?P<late>_late)?_(?P<id>\d+)_\d+_.+")
LEFT_OUT = {"__MACOSX", ".ipynb_checkpoints", "__pycache__", "Thumbs.db", "desktop.ini"}
MAX_FILE = 10 * 2**20
MAX_FILES, MAX_TOTAL, MAX_RATIO = 20_000, 4 * 2**30, 200


@dataclass(frozen=True)
class Submission:
    """A file that a student handed in, and what its name tells."""

    student: str
    file: Path
    name: str  # as it was handed in, for people to find it again
    id: str = ""
    late: bool = False
    problem: str = ""  # why it cannot be graded, where that is plain already


def collect(paths: Iterable[Path], scratch: Path) -> list[Submission]:
    """Every submission in these files, folders and zips, sorted by student and name.

    Args:
        paths: what was named; a file in a folder counts once.
        scratch: a folder into which zips are unpacked.

    Raises:
        ValueError: a path that is not there, a zip that is damaged or too large to be
            homework, or nothing at all.
    """
    found: dict[Path, Submission] = {}
    for number, path in enumerate(paths):
        if path.is_dir():
            items = [(PurePosixPath(file.relative_to(path).as_posix()), file) for file in sorted(path.rglob("*"))]
        elif path.is_file() and zipfile.is_zipfile(path):
            items = list(_unpacked(path, scratch / str(number)))
        elif path.is_file():
            items = [(PurePosixPath(path.name), path)]
        else:
            raise ValueError(f"{path}: a folder, a zip or a notebook is expected, there is none")
        for name, file in items:
            if file.is_symlink() or not file.is_file():
                continue
            if any(part in LEFT_OUT or part.startswith(".") for part in name.parts):
                continue
            found.setdefault(file.resolve(), _submission(name, file))
    if not found:
        raise ValueError("at least one submission is expected, found none")
    return _apart(sorted(found.values(), key=lambda one: (one.student, one.name)))


def _submission(name: PurePosixPath, file: Path) -> Submission:
    """What the name of a file tells."""
    folders = [part for part in name.parts[:-1] if part != "submitted"]
    student, number, late = folders[0] if folders else name.stem, "", False
    if folders and (match := MOODLE.fullmatch(folders[0])):
        student, number = match["student"], match["id"]
    elif not folders and (match := CANVAS.fullmatch(name.stem)):
        student, number, late = match["student"], match["id"], bool(match["late"])
    problem = ""
    if (size := file.stat().st_size) > MAX_FILE:
        problem = f"a notebook of at most {MAX_FILE >> 20} MB is expected, got {size / 2**20:.0f} MB"
    elif file.suffix.lower() != ".ipynb":
        problem = f"a notebook (.ipynb) is expected, got a file {file.suffix or 'without a suffix'}"
    return Submission(_clean(student), file, str(name), number, late, problem)


def _apart(submissions: list[Submission]) -> list[Submission]:
    """The same, students of one name and several ids (two Anna Roths) told apart."""
    ids: dict[str, set[str]] = {}
    for one in submissions:
        ids.setdefault(one.student, set()).add(one.id)
    return [
        Submission(f"{one.student} ({one.id})", one.file, one.name, one.id, one.late, one.problem)
        if len(ids[one.student]) > 1 and one.id
        else one
        for one in submissions
    ]


def _clean(text: str) -> str:
    """A name that does no harm where it is shown, and is not too long."""
    return harmless(unicodedata.normalize("NFC", text))[:200]


def _unpacked(archive: Path, folder: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    """The files of a zip, unpacked as 0, 1, 2, … into `folder`; each with the name it had.

    Raises:
        ValueError: the zip is damaged, or unpacks to more than a class hands in.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(archive) as source:
            entries = [entry for entry in source.infolist() if not entry.is_dir()]
            packed, total = sum(entry.compress_size for entry in entries), sum(entry.file_size for entry in entries)
            if len(entries) > MAX_FILES or total > MAX_TOTAL or total > MAX_RATIO * max(packed, 2**20):
                raise ValueError(
                    f"{archive}: a zip of homework is expected, this one unpacks to {len(entries)} files of {total >> 20} MB"
                )
            for number, entry in enumerate(entries):
                name = PurePosixPath(entry.filename.replace("\\", "/"))
                if (entry.external_attr >> 16) & 0o170000 == 0o120000:  # a link
                    continue
                target = folder / f"{number}{PurePosixPath(name.name).suffix[:20]}"
                with source.open(entry) as packed_file, target.open("wb") as file:
                    # The directory of a zip may lie about sizes.
                    shutil.copyfileobj(_Bounded(packed_file, entry.file_size), file)  # type: ignore[misc]
                when = datetime(*entry.date_time).timestamp()  # of two by one student the newer counts
                os.utime(target, (when, when))
                yield PurePosixPath(*(part for part in name.parts if part not in ("/", "..", "."))), target
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ValueError(f"{archive}: the zip cannot be read: {error}") from None


class _Bounded:
    """A file that raises when it is longer than was said."""

    def __init__(self, file: object, size: int) -> None:
        self.file, self.left = file, size

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        data: bytes = self.file.read(size)  # type: ignore[attr-defined]
        self.left -= len(data)
        if self.left < 0:
            raise zipfile.BadZipFile("a file in it is longer than its directory says")
        return data
