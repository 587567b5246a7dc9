"""`conv2attn grade-class`: from a folder of strangers' notebooks to feedback, a table and a picture of the class."""

import argparse
import contextlib
import hashlib
import os
import secrets
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from conv2attn.grading import keeper, merge, seeds
from conv2attn.grading.classroom import outputs
from conv2attn.grading.classroom.collect import Submission, collect
from conv2attn.grading.classroom.copies import pairs
from conv2attn.grading.classroom.run import GRADED, NO_VERDICT, Result, Store, run
from conv2attn.grading.engine import Grade, grade_many, read_references
from conv2attn.grading.guide import guide
from conv2attn.grading.judge import GraderFailed
from conv2attn.grading.keeper import Limits
from conv2attn.grading.sandbox import SandboxMissing, why_not

NOTHING_TO_GRADE, SOME_WITHOUT_VERDICT, NO_SANDBOX = 2, 3, 4
HOW = """\
The sandbox is what keeps a stranger's code from your files and your network. It needs bubblewrap,
version 0.8 or later, on Linux (Debian, Ubuntu: apt-get install bubblewrap).
To grade without it, code of people you trust, say --no-sandbox."""


def add_command(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser("grade-class", help="grade a class", description=__doc__)
    parser.add_argument("paths", nargs="+", type=Path, help="folders, zips of a learning platform, notebooks")
    parser.add_argument("--out", type=Path, required=True, help="where feedback, tables and results go")
    parser.add_argument(
        "--sources", type=Path, default=Path("exercises/sources"), help="folder of the exercises' sources"
    )
    parser.add_argument(
        "--seed",
        default=os.environ.get("CONV2ATTN_SEED"),
        help="the checks' secret seed (default: CONV2ATTN_SEED, or else drawn once and kept in the output folder)",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="batches at a time (default: one a core)")
    parser.add_argument(
        "--batch", type=int, default=150, help="submissions that one kernel grades, at most (default %(default)d)"
    )
    parser.add_argument(
        "--cpu-seconds", type=float, default=10.0, help="computing time of a cell or a call (default %(default)g)"
    )
    parser.add_argument("--memory", type=float, default=2.0, help="GB that an answer may take (default %(default)g)")
    parser.add_argument("--no-sandbox", action="store_true", help="run the submissions without protection")
    parser.set_defaults(run=main)


def main(options: argparse.Namespace) -> int:
    """Grade a class; returns the exit status.

    0: all graded, or no submission; 2: nothing to grade; 3: some have no verdict; 4: no sandbox.
    """
    if options.jobs < 1 or options.batch < 1 or options.cpu_seconds <= 0 or options.memory <= 0:
        print("--jobs, --batch, --cpu-seconds and --memory are expected to be above 0", file=sys.stderr)
        return NOTHING_TO_GRADE
    if not options.no_sandbox and (reason := why_not()):
        print(f"no sandbox: {reason}\n{HOW}", file=sys.stderr)
        return NO_SANDBOX
    limits = Limits(options.cpu_seconds, int(options.memory * 2**30), sandboxed=not options.no_sandbox)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="conv2attn-class-") as scratch:
            submissions = collect(options.paths, Path(scratch, "zips"))
            seed = _seed(options.out / "seed", options.seed)
            results = _graded(submissions, seed, limits, options, Path(scratch))
            agree, of_the_book = _pairs(results, options.sources)
        about = {"version": version("conv2attn"), "references": _fingerprint(options.sources)}
        guides = {name: guide(reference, name) for name, reference in read_references(options.sources).items()}
        outputs.write(options.out, results, agree, of_the_book, about, guides)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return NOTHING_TO_GRADE
    except GraderFailed as error:
        print(f"grader failed, no verdict: {error}", file=sys.stderr)
        return SOME_WITHOUT_VERDICT
    except SandboxMissing as error:
        print(f"no sandbox: {error}\n{HOW}", file=sys.stderr)
        return NO_SANDBOX
    except KeyboardInterrupt:
        print("\nstopped; what is graded is stored, the same command goes on from there", file=sys.stderr)
        return 130
    print(outputs.table(results))
    print(
        f"\n{options.out / 'class.html'}  the class\n{options.out / 'grades.csv'}  to import\n{options.out / 'feedback'}  a page a student"
    )
    return SOME_WITHOUT_VERDICT if any(result.status == NO_VERDICT for result in results) else 0


def _graded(
    submissions: Sequence[Submission], seed: str, limits: Limits, options: argparse.Namespace, scratch: Path
) -> list[Result]:
    """The results, with a progress bar."""
    wanted = _exercises(submissions, options.sources)
    secret = seeds.seeded(options.sources, seed, scratch / "references", wanted) if wanted else options.sources
    store = Store(options.out / "results", f"{_fingerprint(options.sources)} {seed} {limits}")
    with tqdm(desc="grading", total=len(submissions), unit="file", disable=None) as shown:
        bar = _Bar(shown)
        with keeper.running(limits) as address:  # one for all batches: it has torch imported

            def grade(files: Sequence[Path]) -> Sequence[Grade | ValueError]:
                with bar.batch(len(files)) as ran:
                    return grade_many(files, secret, address, seed, ran)

            results = run(submissions, grade, store, options.batch, options.jobs, bar.done)
    if bar.taken_over:
        print(f"{bar.taken_over} of {len(submissions)} results taken over from an earlier run")
    return results


class _Bar:
    """Moves a progress bar: to what has a result, and to what has run of the batches that have none yet."""

    def __init__(self, shown: "tqdm[NoReturn]") -> None:
        self.shown = shown
        self.finished = self.taken_over = 0
        self.running: dict[int, int] = {}  # batch -> how many of its files have run, about

    def done(self, number: int, stored: bool) -> None:
        """So many more have a result; whether it was there already."""
        self.finished += number
        self.taken_over += number if stored else 0
        self._move()

    @contextlib.contextmanager
    def batch(self, files: int) -> Iterator[Callable[[int, int], None]]:
        """While a batch runs: a function to be told how many of its cells have run, and of how many."""
        this = threading.get_ident()

        def ran(cells: int, total: int) -> None:
            self.running[this] = files * cells // total
            self._move()

        try:
            yield ran
        finally:
            self.running.pop(this, None)

    def _move(self) -> None:
        self.shown.update(max(0, self.finished + sum(list(self.running.values())) - self.shown.n))


def _exercises(submissions: Sequence[Submission], sources: Path) -> set[str]:
    """The exercises that these files are of, as far as they can be read."""
    ids = {name: merge.answer_ids(reference) for name, reference in read_references(sources).items()}
    found = set()
    for one in submissions:
        try:
            found.add(merge.identify(merge.read_submission(one.file), ids))
        except ValueError:
            continue  # it becomes a row that says why
    return found


def _seed(path: Path, given: str | None) -> str:
    """The secret seed: given, or the one that an earlier run drew, or a new one, for the instructor's eyes only."""
    if given:
        return given
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_hex(16))
    return path.read_text("utf-8").strip()


def _fingerprint(sources: Path) -> str:
    """A number for all references: with another one, every grade may be another."""
    digest = hashlib.sha256()
    for path in sorted(sources.glob("*/reference.ipynb")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _pairs(results: Sequence[Result], sources: Path) -> tuple[list[object], Mapping[str, int]]:
    """What `copies.pairs` finds among these results."""
    references = read_references(sources)
    solutions = {
        name: {cell.id: cell.source for cell in reference.cells if cell.metadata.get("nbgrader", {}).get("solution")}
        for name, reference in references.items()
    }
    answers, failed = {}, {}
    for result in results:
        if result.status == GRADED and result.grade:
            key = (result.exercise, result.submission.student)
            submitted = merge.read_submission(result.submission.file)
            answers[key] = merge.answers(references[result.exercise], submitted)
            failed[key] = [verdict.check.answer for verdict in result.grade.verdicts if not verdict.passed]
    return pairs(answers, failed, solutions)  # type: ignore[return-value]
