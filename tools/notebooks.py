"""Make the course's notebooks from their MyST sources, or check that they are up to date.

    python tools/notebooks.py build                        every chapter and exercise
    python tools/notebooks.py build chapters/08-*.md       only these
    python tools/notebooks.py check                        rebuild without running, and compare

chapters/NN-slug.md                       -> chapters/NN-slug.ipynb, executed
exercises/sources/NN-slug/exercise.md     -> reference.ipynb beside it, executed
                                          -> exercises/NN-slug.ipynb, what the learner gets
all exercises                             -> conv2attn/checks/points.json, for "Points so far"

What is stored is text that depends on the source alone: stable cell ids, `execution_count` 1
where a cell ran, no pictures, nothing about the machine. `check` compares all but the outputs
byte for byte; nbval compares the outputs, by running them.
"""

import argparse
import json
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode
from tqdm import tqdm

from hints import one_at_a_time
from instructions import with_exercises, with_instructions
from plain_markdown import label_names, plain
from quizzes import with_dropdowns

ROOT = Path(__file__).resolve().parents[1]
CELL_TIMEOUT = 600  # seconds
POINTS = "conv2attn/checks/points.json"

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
STUB = 'raise NotImplementedError("your answer here")'
SOLUTION = re.compile(
    r"^(?P<indent>[ \t]*)### BEGIN SOLUTION[ \t]*\n.*?^[ \t]*### END SOLUTION[ \t]*$",
    re.DOTALL | re.MULTILINE,
)
IDENTIFIER = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
AN_ID = "an id of lower-case words joined by hyphens (64 characters at most)"
RULE = "a check's id is its answer's, a hyphen, and more"
SKIPPING = re.compile(r"NBVAL_(SKIP|IGNORE_OUTPUT)|nbval-(skip|ignore-output)|PYTEST_VALIDATE_IGNORE_OUTPUT")


@dataclass(frozen=True)
class Target:
    """One notebook to be written, and whether it is stored with its outputs."""

    path: Path
    notebook: NotebookNode
    executed: bool


def sources(root: Path) -> list[Path]:
    """Every source below the project's folder `root`, in reading order."""
    return sorted(root.glob("chapters/[0-9][0-9]-*.md")) + sorted(
        root.glob("exercises/sources/*/exercise.md")
    )


def targets(source: Path) -> list[Target]:
    """The notebooks that `source` makes, not executed yet.

    Raises:
        ValueError: the source is not what it should be; the message names file and cell.
    """
    try:
        if source.name == "exercise.md":
            return _exercise(source)
        path = source.with_suffix(".ipynb")
        notebook = _read(source)
        _finish(notebook, source, path, {})
        return [Target(path, notebook, executed=True)]
    except ValueError as error:
        raise ValueError(f"{source}: {error}") from None


def execute(notebook: NotebookNode, folder: Path, ran: Callable[[], Any] = lambda: None) -> None:
    """Run `notebook` in `folder` with this Python and keep its outputs as text, in place.

    `ran` is called after each code cell.

    Raises:
        ValueError: a cell fails, or writes to stderr; the message names the cell.
    """
    # Imported here: `check` runs nothing, and is to start quickly.
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError

    from conv2attn.grading.seeds import ThisPython

    metadata = notebook.metadata
    notebook.metadata = nbformat.from_dict(metadata)  # nbclient adds the kernel's to it
    running = [0]
    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_spec_manager=ThisPython(), transport_encryption="auto"),
        timeout=CELL_TIMEOUT,
        resources={"metadata": {"path": str(folder)}},
        coalesce_streams=True,
        store_widget_state=False,
        on_cell_start=lambda cell, cell_index: running.append(cell_index),
        on_cell_executed=lambda cell, cell_index, execute_reply: ran(),
    )
    try:
        client.execute(cleanup_kc=True, env={**os.environ, "CONV2ATTN_JUDGE": "1"})  # no points so far
    except (CellControlSignal, DeadKernelError) as error:
        number = running[-1]
        reason = f"{error.ename}: {error.evalue}" if isinstance(error, CellExecutionError) else str(error)
        name = f"cell {number + 1} ({first_line(notebook.cells[number].source)})"
        raise ValueError(f"{name} fails: {first_line(reason, 200)}") from None

    notebook.metadata = metadata
    for number, cell in enumerate(_code(notebook), start=1):
        cell.outputs = stored_outputs(cell.outputs)
        cell.execution_count = 1
        cell.metadata.pop("execution", None)  # times, by nbclient
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                text = first_line(output.text)
                raise ValueError(f"code cell {number} ({first_line(cell.source)}) writes to stderr: {text}")


def stored_outputs(outputs: Iterable[NotebookNode]) -> list[NotebookNode]:
    """`outputs` as they are stored: no pictures, no widget views, no metadata, execution count 1."""
    kept = []
    for output in outputs:
        output = nbformat.from_dict(output)
        if "data" in output:
            output.data = {
                mime: text
                for mime, text in output.data.items()
                if not mime.startswith("image/") and mime != "application/vnd.jupyter.widget-view+json"
            }
            output.metadata = {}
            if not output.data:
                continue
        if output.output_type == "execute_result":
            output.execution_count = 1
        kept.append(output)
    return kept


def stored_faults(notebook: NotebookNode) -> list[str]:
    """Why nbval could not hold this notebook to its outputs: one line a fault, none when it can.

    nbval compares nothing in a cell that never ran, and leaves out what a comment or tag
    tells it to: a notebook of the course has neither.
    """
    faults = []
    for number, cell in enumerate(_code(notebook), start=1):
        name = f"code cell {number} ({first_line(cell.source)})"
        if cell.execution_count != 1:
            faults.append(f"{name}: execution_count 1 is expected, got {cell.execution_count}")
        if any(output.output_type == "error" for output in cell.outputs):
            faults.append(f"{name}: an error is stored")
        if stored_outputs(cell.outputs) != cell.outputs:
            faults.append(f"{name}: a picture, a widget view or metadata is stored")
        tags = " ".join(map(str, cell.metadata.get("tags", [])))
        if found := SKIPPING.search(cell.source) or SKIPPING.search(tags):
            faults.append(f"{name}: {found[0]} would hide it from nbval")
    return faults


def drift(target: Target) -> str | None:
    """Where the file of `target` differs from its source, or None. Runs nothing."""
    if not target.path.exists():
        return "missing"
    text = target.path.read_text(encoding="utf-8")
    try:
        stored = nbformat.reads(text, as_version=4)
    except Exception as error:  # nbformat raises what it likes on a broken file
        return f"not a notebook: {first_line(str(error))}"
    expected = nbformat.from_dict(target.notebook)
    if target.executed:
        # What only running gives is taken as it is stored.
        for ours, theirs in zip(expected.cells, stored.cells):
            if ours.cell_type == theirs.cell_type == "code":
                ours.outputs, ours.execution_count = theirs.outputs, theirs.execution_count
    if nbformat.writes(expected) + "\n" != text:
        for number, (ours, theirs) in enumerate(zip(expected.cells, stored.cells), start=1):
            if ours != theirs:
                return f"cell {number} differs ({first_line(ours.source)})"
        if len(expected.cells) != len(stored.cells):
            return f"{len(expected.cells)} cells are expected, {len(stored.cells)} stored"
        return "metadata or layout differs"
    faults = stored_faults(stored) if target.executed else []
    return faults[0] if faults else None


def orphans(root: Path, known: Iterable[Path]) -> list[Path]:
    """Notebooks where generated ones stand that no source makes any more."""
    patterns = ("chapters/*.ipynb", "exercises/*.ipynb", "exercises/sources/*/*.ipynb")
    found = {path for pattern in patterns for path in root.glob(pattern)}
    return sorted(found - set(known))


def build(paths: Sequence[Path]) -> list[str]:
    """Make and write the notebooks of these sources; return what went wrong, one line each.

    The notebooks of a source are written when all of them are complete, or not at all.
    """
    failures = []
    plans: list[tuple[Path, list[Target]]] = []
    for source in paths:
        try:
            plans.append((source, targets(source)))
        except ValueError as error:
            failures.append(str(error))
    total = sum(len(_code(t.notebook)) for _, made in plans for t in made if t.executed)
    with tqdm(total=total, unit="cell", disable=None) as bar:
        for source, made in plans:
            bar.set_description(source.parent.name if source.name == "exercise.md" else source.stem)
            try:
                for target in made:
                    if target.executed:
                        execute(target.notebook, target.path.parent, bar.update)
                        if faults := stored_faults(target.notebook):
                            raise ValueError(faults[0])
                        _require_lines_of_checks(target.notebook)
            except ValueError as error:
                failures.append(f"{source}: {error}")
                continue
            for target in made:
                write(target.path, nbformat.writes(target.notebook) + "\n")
                bar.write(f"made {os.path.relpath(target.path)}", file=sys.stdout)
    return failures


def check(paths: Sequence[Path], root: Path | None) -> list[str]:
    """What differs between these sources and the notebooks on disk, one line each.

    With `root`, notebooks below it that none of these sources makes are named too.
    """
    failures = []
    known = []
    for source in paths:
        try:
            made = targets(source)
        except ValueError as error:
            failures.append(str(error))
            continue
        known += [target.path for target in made]
        for target in made:
            if found := drift(target):
                failures.append(f"{target.path}: {found}")
    if root and not failures:
        failures += [f"{path}: no source makes this notebook" for path in orphans(root, known)]
    return failures


def points(root: Path) -> str:
    """The text of points.json: for the module of each exercise, the points of its checks.

    They are taken from the learner's notebooks below `root`, which are made from the sources. The points
    of an open question are not there: a person gives them.
    """
    found: dict[str, dict[str, int]] = {}
    for path in sorted(root.glob("exercises/[0-9][0-9]-*.ipynb")):
        code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        grades = [cell.metadata.get("nbgrader", {}) for cell in code]
        found[f"chapter{path.name[:2]}"] = {grade["grade_id"]: grade["points"] for grade in grades if grade.get("grade")}
    return json.dumps(found, indent=1) + "\n"


def write(path: Path, text: str) -> None:
    """Write `path` whole or not at all."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def first_line(text: str, width: int = 60) -> str:
    """The first line of `text` that says something, shortened to `width` characters."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "empty")
    return line if len(line) <= width else line[: width - 1] + "…"


def _read(source: Path) -> NotebookNode:
    """The notebook in a MyST source, as jupytext reads it, with the quiz, or what all exercises say, written out."""
    text = source.read_text(encoding="utf-8")
    if not text.startswith("---\n"):
        raise ValueError("a MyST notebook with a jupytext header is expected")
    try:
        notebook = jupytext.reads(text, fmt="md:myst")
    except Exception as error:  # jupytext's and yaml's own kinds, each with its message
        raise ValueError(f"jupytext cannot read it: {first_line(str(error), 200)}") from None
    if "kernelspec" not in notebook.metadata:
        raise ValueError("a kernelspec in the header is expected")
    if source.name == "exercise.md":
        return with_instructions(notebook, source.parent.name)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_exercises(with_dropdowns(cell.source, source), source.stem)
    return notebook


def _exercise(source: Path) -> list[Target]:
    """The reference and the learner's notebook of an exercise source."""
    name = source.parent.name
    reference = _read(source)
    _grade(reference)
    one_at_a_time(reference, name)
    learner = nbformat.from_dict(reference)
    for cell in _code(learner):
        cell.source = SOLUTION.sub(lambda match: match["indent"] + STUB, cell.source)
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata.tags = ["raises-exception"]  # "Run all" goes on after a check that fails
    sources_folder = source.parent.parent
    made = [
        Target(source.with_name("reference.ipynb"), reference, executed=True),
        Target(sources_folder.parent / f"{name}.ipynb", learner, executed=False),
    ]
    for target in made:
        _finish(target.notebook, source, target.path, {"conv2attn": {"exercise": name}})
    return made


def _grade(notebook: NotebookNode) -> None:
    """Turn the options `answer`, `check` and `points` of an exercise's cells into nbgrader's metadata.

    An answer in Markdown has points and no check: a person reads it, by its rubric.

    Raises:
        ValueError: ids that are not unique or not hyphenated, an answer without a solution or
            without a check, a check without points or without an answer before it.
    """
    answers: list[str] = []
    checked: Counter[str] = Counter()
    ids: set[str] = set()
    for cell in notebook.cells:
        answer, check = cell.metadata.pop("answer", None), cell.metadata.pop("check", None)
        points = cell.metadata.pop("points", None)
        cell.metadata.pop("also", None)  # for the page of solutions
        grade_id = answer or check
        if grade_id is None:
            if points is not None:
                raise ValueError(f"points without a check ({first_line(cell.source)})")
            if "### BEGIN SOLUTION" in cell.source:
                raise ValueError(f"a solution in a cell without :answer: ({first_line(cell.source)})")
            continue
        if answer and check:
            raise ValueError(f"a cell is an answer or a check, got both: {answer}, {check}")
        if not isinstance(grade_id, str) or not IDENTIFIER.fullmatch(grade_id) or len(grade_id) > 64:
            raise ValueError(f"{AN_ID} is expected, got {grade_id!r}")
        if grade_id in ids:
            raise ValueError(f"the id {grade_id} is given twice")
        ids.add(grade_id)
        cell.id = grade_id
        metadata = {"schema_version": 3, "grade_id": grade_id, "task": False, "cell_type": cell.cell_type}
        if cell.cell_type == "markdown":
            if check:
                raise ValueError(f"a code cell is expected for the check {check}, got Markdown")
            _require_points(points, f"answer {answer} in Markdown")
            cell.metadata.nbgrader = {**metadata, "points": points, "grade": True, "solution": True, "locked": False}
            cell.metadata.deletable = False
        elif answer:
            if points is not None:
                raise ValueError(f"points belong to checks, got them on the answer {answer}")
            marks = [cell.source.count(f"### {word} SOLUTION") for word in ("BEGIN", "END")]
            if not marks[0] == marks[1] == len(SOLUTION.findall(cell.source)) > 0:
                pairs = "lines ### BEGIN SOLUTION and ### END SOLUTION in pairs"
                raise ValueError(f"{pairs} are expected in the answer {answer}")
            answers.append(answer)
            cell.source = f"# answer: {answer}\n{cell.source}"
            cell.metadata.nbgrader = {**metadata, "grade": False, "solution": True, "locked": False}
            cell.metadata.deletable = False
        else:
            _require_points(points, f"check {check}")
            # An answer's id may begin another's: the longest one owns the check.
            owner = max((a for a in answers if check.startswith(a + "-")), key=len, default=None)
            if owner is None:
                raise ValueError(f"the check {check} belongs to no answer before it: {RULE}")
            checked[owner] += points
            cell.metadata.nbgrader = {**metadata, "points": points, "grade": True, "solution": False, "locked": True}
            cell.metadata.conv2attn = {"answer": owner}
            cell.metadata.update(deletable=False, editable=False)
    if not answers:
        raise ValueError("an exercise with at least one answer is expected, got none")
    if unchecked := [answer for answer in answers if not checked[answer]]:
        raise ValueError(f"every answer needs a check, got none for {', '.join(unchecked)}")


def _require_points(points: object, cell: str) -> None:
    """Raise ValueError unless `points` is a whole number, at least 1."""
    if type(points) is not int or points < 1:
        raise ValueError(f"a whole number of points is expected for the {cell}, got {points}")


def _finish(notebook: NotebookNode, source: Path, path: Path, metadata: Mapping[str, Any]) -> None:
    """Ids, plain Markdown and metadata of a notebook that is to stand at `path`, in place."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    names = label_names(texts)

    def link(target: str) -> str:
        return _relocated(target, source, path)

    for number, cell in enumerate(notebook.cells, start=1):
        if "nbgrader" not in cell.metadata:
            cell.id = f"c{number:02}"
        if cell.cell_type == "markdown":
            try:
                cell.source = plain(cell.source, names, link)
            except ValueError as error:
                raise ValueError(f"cell {number}: {error}") from None
    twice = [name for name, count in Counter(cell.id for cell in notebook.cells).items() if count > 1]
    if twice:
        raise ValueError(f"unique cell ids are expected, got {', '.join(twice)} twice")
    notebook.metadata = nbformat.from_dict({**METADATA, **metadata})
    notebook.nbformat, notebook.nbformat_minor = 4, 5


def _relocated(target: str, source: Path, path: Path) -> str:
    """A relative link in `source`, as it is written in the notebook at `path`: to notebooks, not sources."""
    file = target.partition("#")[0]
    to = source.parent / file
    if to.name == "exercise.md":
        to = to.parent.parent.parent / f"{to.parent.name}.ipynb"
    elif re.fullmatch(r"\d\d-.*\.md", to.name):
        to = to.with_suffix(".ipynb")
    else:
        return Path(os.path.relpath(to, path.parent)).as_posix() + target[len(file) :]
    return Path(os.path.relpath(to, path.parent)).as_posix()


def _require_lines_of_checks(notebook: NotebookNode) -> None:
    """Raise ValueError where a check prints nothing: nbval would have nothing to compare."""
    for cell in _code(notebook):
        if cell.metadata.get("nbgrader", {}).get("grade") and not cell.outputs:
            raise ValueError(f"the check {cell.id} prints nothing to compare with")


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _source(argument: str) -> Path:
    """The source that a command-line argument names: a .md file, or the folder of an exercise."""
    path = Path(argument)
    path = path / "exercise.md" if path.is_dir() else path
    if path.suffix != ".md" or not path.is_file():
        raise ValueError(f"{argument}: a chapter's .md or an exercise's folder is expected")
    return path


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="notebooks.py", description="Make the course's notebooks.")
    parser.add_argument("command", nargs="?", choices=("build", "check"), default="build")
    parser.add_argument("--check", action="store_true", help="the same as the command check")
    parser.add_argument("paths", nargs="*", help="sources; all of them when none is named")
    options = parser.parse_args(arguments)
    try:
        paths = [_source(path) for path in options.paths] or sources(root)
        if not paths:
            raise ValueError(f"{root}: no chapter and no exercise found")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    checking = options.check or options.command == "check"
    failures = check(paths, None if options.paths else root) if checking else build(paths)
    if not failures and (root / POINTS).parent.is_dir():
        if not checking:
            write(root / POINTS, points(root))
        elif not (root / POINTS).is_file() or (root / POINTS).read_text(encoding="utf-8") != points(root):
            failures.append(f"{root / POINTS}: other points than the exercises have; make notebooks writes it")
    for failure in failures:
        print(failure, file=sys.stderr)
    if checking and not failures:
        print(f"{len(paths)} sources, their notebooks up to date")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
