"""`conv2attn grade`: a learner's own notebooks, graded; a table, what to look at next, a report, progress kept.

Exit status: 0 graded, whatever the points; 2 a file is no submission, or there is nothing to
grade; 3 the grader failed and there is no verdict for a file. What can be graded is, whatever
happens to the others.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from tqdm import tqdm

from conv2attn.grading import merge, progress, report
from conv2attn.grading.advice import advice, difference
from conv2attn.grading.engine import Grade, grade_many, read_references
from conv2attn.grading.guide import Guide, guide
from conv2attn.grading.judge import GraderFailed
from conv2attn.grading.keeper import Limits
from conv2attn.grading.progress import Run
from conv2attn.grading.text import harmless

GRADED, NO_SUBMISSION, NO_VERDICT = 0, 2, 3
SOURCES, FOLDER = Path("exercises/sources"), "graded"
Result = Grade | Exception


def add_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `grade` to the commands; `run` of its options grades."""
    parser = commands.add_parser(
        "grade", help="grade your own notebooks", description="Grade your own notebooks, and see what to look at next."
    )
    parser.add_argument("files", type=Path, nargs="*", help="notebooks; without any, all exercises that have an answer")
    parser.add_argument("--sources", type=Path, help="folder of the exercises' sources (default: the course's)")
    parser.add_argument("--reports", type=Path, help=f"folder for reports and progress (default: exercises/{FOLDER})")
    parser.add_argument("--json", type=Path, help="also write the grades to this file")
    parser.add_argument(
        "--cpu-seconds", type=float, default=60.0, help="computing time for a cell or a call (default %(default)g)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Grade what the options name; return the exit status."""
    sources = options.sources or find_sources(Path.cwd())
    folder = options.reports or sources.parent / FOLDER
    try:
        references = read_references(sources)
    except GraderFailed as error:
        return _say(error)
    files = options.files or answered(sources.parent, references)
    if not files:
        print(f"nothing to grade: no notebook in {_short(sources.parent)} has an answer yet", file=sys.stderr)
        return NO_SUBMISSION

    # The bar is for people: without a terminal it stays away, and the table says it all.
    what = files[0].name if len(files) == 1 else f"{len(files)} notebooks"
    with tqdm(desc=f"grading {what}", unit="cell", disable=None, leave=False) as bar:

        def ran(cells: int, total: int) -> None:
            bar.total = total
            bar.update(cells - bar.n)

        results = grade_each(files, sources, Limits(options.cpu_seconds), ran)

    statuses = [GRADED]
    if options.json:
        try:
            _write_json(options.json, files, results)
        except OSError as error:
            statuses.append(_say(error))
    guides = {name: guide(reference, name, _chapter(name, sources, folder)) for name, reference in references.items()}
    now = datetime.now().astimezone()
    for file, result in zip(files, results, strict=True):
        if isinstance(result, Grade):
            _show(file, result, guides[result.exercise], folder, now)
        else:
            statuses.append(_say(result))
    if graded := [result for result in results if isinstance(result, Grade)]:
        _finish(graded, guides, folder, now)
    return max(statuses)


def find_sources(start: Path) -> Path:
    """The folder of the exercises' sources, of the course that `start` is in; relative where that is shorter."""
    for course in (start, *start.parents):
        if (course / SOURCES).is_dir():
            return Path(os.path.relpath(course / SOURCES, start))
    return SOURCES


def answered(folder: Path, references: Mapping[str, NotebookNode]) -> list[Path]:
    """The notebooks of the exercises in `folder` in which there is an answer."""
    return [path for name in references if _has_answer(path := folder / f"{name}.ipynb", references[name])]


def grade_each(
    files: Sequence[Path], sources: Path, limits: Limits, ran: Callable[[int, int], Any] = lambda cells, total: None
) -> list[Result]:
    """The grades of these files, or why there is none: all in one run of the grader, as long as that succeeds."""
    try:
        return list(grade_many(files, sources, limits, ran=ran))
    except (GraderFailed, OSError) as error:
        if len(files) == 1:
            return [error]
    # One of them is why nobody has a verdict. By themselves, the others get theirs.
    return [result for file in files for result in grade_each([file], sources, limits)]


def _has_answer(path: Path, reference: NotebookNode) -> bool:
    try:
        submission = merge.read_submission(path)
    except (ValueError, OSError):
        return path.exists()  # to be graded means to be told what is wrong with it
    merged = merge.merge(reference, submission)
    answers = [cell.source for cell in merged.cells if cell.metadata.get("nbgrader", {}).get("solution")]
    return any(source != merge.MISSING and merge.STUB not in source for source in answers)


def _show(file: Path, grade: Grade, guide: Guide, folder: Path, now: datetime) -> None:
    """Print the grade of one file, and keep it."""
    history = _history(folder / f"{grade.exercise}.json")
    earlier = [run.grade for run in history]
    print(f"\n{report.table(grade)}")
    if said := difference(grade, earlier):
        print(f"{grade.earned} of {grade.points} points, {said}")
    if step := advice(grade, guide, earlier):
        print(f"\nLook at this next: {step.heading}\n  {harmless(step.verdict.says)}\n  {step.step}")
        print(f"  The task and its hints are in {_short(file)}")
        if guide.chapter:
            print(f"  The chapter: {_link(folder / guide.chapter)}")
    else:
        print("\nAll checks pass.")
    try:
        runs = [*history, Run(now, grade)]
        progress.save(folder / f"{grade.exercise}.json", runs)
        page = report.html(grade, runs, guide=guide, overview="index.html")
        progress.write(folder / f"{grade.exercise}.html", page)
    except OSError as error:
        print(f"this run is not kept: {error}", file=sys.stderr)
    else:
        print(f"\nReport: {_link(folder / f'{grade.exercise}.html')}")


def _finish(grades: Sequence[Grade], guides: Mapping[str, Guide], folder: Path, now: datetime) -> None:
    """Write the overview, and where several exercises were graded, print all of them in a few lines."""
    standings = []
    for name in guides:
        history = _history(folder / f"{name}.json")
        standings.append(report.Standing(guides[name], history, f"{name}.html" if history else None))
    try:
        progress.write(folder / "index.html", report.overview(standings, now))
    except OSError:
        return  # it was said for the report already
    if len(grades) > 1:
        width = max(len(grade.exercise) for grade in grades)
        print("\n" + "\n".join(f"{grade.exercise:{width}}  {grade.earned:>2} / {grade.points}" for grade in grades))
        print(f"\nAll exercises: {_link(folder / 'index.html')}")


def _history(path: Path) -> list[Run]:
    """The runs kept in `path`; what cannot be read is put aside, and said."""
    try:
        return progress.load(path)
    except ValueError as error:
        try:
            aside = progress.put_aside(path).name
            print(f"{error}. It is now {aside}, and your progress in this exercise begins anew.", file=sys.stderr)
        except OSError:
            print(f"{error}. It cannot be put aside.", file=sys.stderr)
        return []


def _chapter(name: str, sources: Path, folder: Path) -> str | None:
    """The address of a chapter's page as seen from `folder`, where the site is built."""
    page = sources.resolve().parents[1] / f"_build/html/chapters/{name}.html"
    return Path(os.path.relpath(page, folder)).as_posix() if page.is_file() else None


def _say(error: Exception) -> int:
    """Say why there is no grade; the exit status that says it too."""
    failed = isinstance(error, GraderFailed)
    print(f"grader failed, no verdict: {error}" if failed else harmless(str(error)), file=sys.stderr)
    return NO_VERDICT if failed else NO_SUBMISSION


def _write_json(path: Path, files: Sequence[Path], results: Sequence[Result]) -> None:
    data = [
        {"file": str(file), **(report.as_json(result) if isinstance(result, Grade) else {"error": str(result)})}
        for file, result in zip(files, results, strict=True)
    ]
    progress.write(path, json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def _short(path: Path) -> str:
    """A path from here where that is shorter."""
    return min(str(path.resolve()), os.path.relpath(path), key=len)


def _link(path: Path) -> str:
    """A path to click on, where a terminal shows it."""
    return path.resolve().as_uri() if sys.stdout.isatty() else _short(path)
