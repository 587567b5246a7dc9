"""Grade a class: in batches, on all cores, each result stored as soon as it is there.

A result is stored under what it depends on: the submission's bytes, the reference's, the seed
and the limits. So a second run grades what is new, and nothing twice.
"""

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conv2attn.grading.classroom.collect import Submission
from conv2attn.grading.engine import Grade
from conv2attn.grading.judge import GraderFailed, Verdict
from conv2attn.grading.merge import Check

GRADED, NO_SUBMISSION, NO_VERDICT, SUPERSEDED = "graded", "no submission", "no verdict", "superseded"
# Many files, in order -> a grade each, or why it is none; GraderFailed where there is no verdict for any.
GradeMany = Callable[[Sequence[Path]], Sequence[Grade | ValueError]]


@dataclass(frozen=True)
class Result:
    """What came of one submission."""

    submission: Submission
    status: str
    grade: Grade | None = None
    message: str = ""

    @property
    def exercise(self) -> str:
        """The exercise, empty where it is not known."""
        return self.grade.exercise if self.grade else ""


@dataclass(frozen=True)
class Store:
    """Results in a folder, one file each."""

    folder: Path
    version: str  # of all that a grade depends on beside the submission

    def read(self, submission: Submission) -> Result | None:
        """The result of a submission, where it is stored."""
        try:
            data = json.loads(self._path(submission).read_text("utf-8"))
            verdicts = [
                Verdict(Check(**verdict["check"]), verdict["passed"], verdict["says"]) for verdict in data["verdicts"]
            ]
            grade = Grade(data["exercise"], tuple(verdicts)) if data["exercise"] else None
            return Result(submission, data["status"], grade, data["message"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # not there, or damaged: it is graded again

    def write(self, result: Result) -> None:
        """Store a result, whole or not at all. What has no verdict is tried again next time."""
        if result.status == NO_VERDICT:
            return
        verdicts = [asdict(verdict) for verdict in result.grade.verdicts] if result.grade else []
        data = {"exercise": result.exercise, "status": result.status, "message": result.message, "verdicts": verdicts}
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(result.submission)
        partial = path.with_suffix(".tmp")
        partial.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        os.replace(partial, path)

    def _path(self, submission: Submission) -> Path:
        key = hashlib.sha256(self.version.encode() + submission.file.read_bytes()).hexdigest()
        return self.folder / f"{key}.json"


def run(
    submissions: Sequence[Submission],
    grade_many: GradeMany,
    store: Store,
    batch: int,
    jobs: int,
    done: Callable[[int, bool], Any] = lambda number, stored: None,
) -> list[Result]:
    """A result for every submission, in order.

    Args:
        submissions: what was handed in.
        grade_many: grades a batch.
        store: where results are kept.
        batch: how many are graded in one go, at most.
        jobs: how many batches at a time.
        done: called with a number of submissions that have a result, and whether it was stored before.

    Raises:
        KeyboardInterrupt: as it came; what was graded is stored.
    """
    results: dict[Submission, Result] = {}
    for submission in submissions:
        stored = (
            Result(submission, NO_SUBMISSION, message=submission.problem)
            if submission.problem
            else store.read(submission)
        )
        if stored:
            results[submission] = stored
    done(len(results), True)
    todo = [submission for submission in submissions if submission not in results]
    batches = _shared_out(todo, batch, jobs)
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        running: set[Future[list[Result]]] = set()
        waiting = iter(batches)
        try:
            while True:
                while len(running) < jobs and (one := next(waiting, None)):
                    running.add(pool.submit(_graded, one, grade_many))
                if not running:
                    break
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    for result in future.result():
                        results[result.submission] = result
                        store.write(result)
                        done(1, False)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return _newest([results[submission] for submission in submissions])


def _shared_out(todo: Sequence[Submission], batch: int, jobs: int) -> list[Sequence[Submission]]:
    """`todo` in batches of nearly one size, so many that all jobs end at about the same time."""
    rounds = math.ceil(len(todo) / (batch * jobs))
    number = min(rounds * jobs, len(todo))
    return [todo[len(todo) * n // number : len(todo) * (n + 1) // number] for n in range(number)]


def _graded(batch: Sequence[Submission], grade_many: GradeMany) -> list[Result]:
    """The results of one batch; where it fails as a whole, of each half by itself."""
    try:
        graded = grade_many([submission.file for submission in batch])
    except GraderFailed as error:
        if len(batch) > 1:
            half = len(batch) // 2
            return _graded(batch[:half], grade_many) + _graded(batch[half:], grade_many)
        return [Result(batch[0], NO_VERDICT, message=f"grader failed, no verdict: {error}")]
    return list(_results(batch, graded))


def _results(batch: Sequence[Submission], graded: Sequence[Grade | ValueError]) -> Iterator[Result]:
    for submission, one in zip(batch, graded, strict=True):
        if isinstance(one, Grade):
            yield Result(submission, GRADED, one)
        else:
            # The message begins with a path of this machine, which is no concern of the student's.
            yield Result(submission, NO_SUBMISSION, message=str(one).replace(f"{submission.file}: ", ""))


def _newest(results: list[Result]) -> list[Result]:
    """The same; of several notebooks of one student for one exercise the newest counts, and says so."""
    newest: dict[tuple[str, str], Result] = {}
    for result in results:
        key = (result.submission.student, result.exercise)
        if result.status == GRADED and (key not in newest or _age(newest[key].submission) < _age(result.submission)):
            newest[key] = result
    return [
        result
        if result.status != GRADED or newest[result.submission.student, result.exercise] is result
        else Result(
            result.submission,
            SUPERSEDED,
            result.grade,
            f"{newest[result.submission.student, result.exercise].submission.name} is newer and counts",
        )
        for result in results
    ]


def _age(submission: Submission) -> tuple[int, str]:
    return submission.file.stat().st_mtime_ns, submission.name
