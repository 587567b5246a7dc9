"""The banks of right and wrong answers, and what each check says of them.

    python tools/variants.py 08                 every variant of exercise 8: declared and actual
    python tools/variants.py 08 tap-logits      of one answer

The bank of an answer is exercises/sources/NN-slug/variants/<answer id>.py, in cells:

    # %% wrong="kernel-flipped" fails=["values-from-kernel-matrices"] says="flipped"
    # %% right="einsum"

Each cell is the whole answer cell. `fails` holds every check of the notebook that fails with it,
`says` is part of the line that the first of them gives.

The reference runs once, in a process that has torch imported. Each variant is a fork of it at its
answer: it runs what is left of the notebook and sends back what the checks say. So none can spoil
another, and one that dies or never ends costs itself alone. The checks of other answers run only
where the variant could reach them: see `stands_alone`.
"""

import argparse
import ast
import contextlib
import io
import json
import math
import multiprocessing
import os
import re
import resource
import signal
import symtable
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
WRONG, RIGHT = 6, 3  # the least number of each, for one answer
CPU_LIMIT, WALL_LIMIT = 60, 300  # seconds for one variant; the second is for one that sleeps
WARM = ["torch", "IPython.utils.capture", "jupytext", "nbformat", "tqdm"]  # what the processes would import anew
JOB_LIMITS = (3600, 3600, "forkserver")  # wide: each variant in a job has its own
PLACEHOLDER = "not answered yet"  # what `core.call` says of NotImplementedError
# What changes a setting for all, and what could do so by the name of it.
SETTER = re.compile(r"set_|seed$|manual_seed$|(setattr|delattr|globals|vars|exec|eval|__\w+__)$")

Answers = Mapping[str, str]  # answer -> the source of its cell
Outcome = dict[str, str]  # check -> "" where it passes, else the line it gives


@dataclass(frozen=True)
class Variant:
    """One answer of a bank."""

    exercise: str
    answer: str
    right: bool
    name: str
    fails: tuple[str, ...]
    says: str
    source: str

    def __str__(self) -> str:
        return f"{self.answer}-{'right' if self.right else 'wrong'}-{self.name}"


@dataclass(frozen=True)
class Cell:
    """A code cell of a reference notebook; of a check also the answer it belongs to and what it printed."""

    id: str
    source: str
    answers: bool = False  # is it an answer?
    checks: str = ""
    printed: str = ""


@dataclass(frozen=True)
class Job:
    """Submissions to one exercise, under one seed. None is the default, whose outputs are stored."""

    cells: Sequence[Cell]
    submissions: Sequence[Answers]
    seed: str | None = None


# --- what is on disk -------------------------------------------------------------------------


def exercises(sources: Path) -> list[Path]:
    """The folder of every exercise below the folder `sources`."""
    return sorted(path.parent for path in sources.glob("*/exercise.md"))


def read_cells(folder: Path) -> list[Cell]:
    """The code cells of the reference of the exercise in `folder`."""
    notebook = nbformat.read(folder / "reference.ipynb", as_version=4)
    return [_cell(cell) for cell in notebook.cells if cell.cell_type == "code"]


def _cell(cell: NotebookNode) -> Cell:
    grade = cell.metadata.get("nbgrader", {})
    if not grade.get("grade"):
        return Cell(cell.id, cell.source, answers=bool(grade.get("solution")))
    printed = "".join(output.get("text", "") for output in cell.outputs)
    return Cell(cell.id, cell.source, checks=cell.metadata.conv2attn.answer, printed=printed)


def read_bank(folder: Path) -> list[Variant]:
    """Every variant of the exercise in `folder`.

    Raises:
        ValueError: a cell's line is not what this module's docstring shows.
    """
    return [variant for path in sorted(folder.glob("variants/*.py")) for variant in _read_file(path)]


def _read_file(path: Path) -> list[Variant]:
    variants = []
    for number, cell in enumerate(jupytext.read(path, fmt="py:percent").cells, start=1):
        options = {key: value for key, value in cell.metadata.items() if key != "lines_to_next_cell"}
        right, wrong = options.pop("right", ""), options.pop("wrong", "")
        fails, says = options.pop("fails", []), options.pop("says", "")
        if cell.cell_type != "code" or bool(right) == bool(wrong) or options or (right and (fails or says)):
            wanted = "is expected to be wrong with fails and says, or right with neither"
            raise ValueError(f"{path}: cell {number} {wanted}")
        exercise = path.parent.parent.name
        variants.append(Variant(exercise, path.stem, bool(right), right or wrong, tuple(fails), says, cell.source))
    return variants


# --- what is wrong with them: one line each, none when all is well ---------------------------


def complaints(variant: Variant, outcome: Outcome) -> list[str]:
    """How the checks that fail, and what the first one says, differ from what `variant` declares."""
    failed = failing(outcome)
    if variant.right:
        return [f"{check} fails a right answer: {outcome[check]}" for check in failed]
    if not failed:
        return ["no check fails this wrong answer"]
    if PLACEHOLDER in outcome[failed[0]]:
        return ["it is not written yet"]
    found = []
    if set(failed) != set(variant.fails):
        found.append(f"fails={json.dumps(variant.fails)} is declared, fails={json.dumps(failed)} is found")
    if not variant.says or variant.says not in outcome[failed[0]]:
        says = json.dumps(variant.says, ensure_ascii=False)
        found.append(f"says={says} is declared, {failed[0]} says {outcome[failed[0]]}")
    return found


def gaps(cells: Sequence[Cell], variants: Sequence[Variant]) -> list[str]:
    """What the bank of one exercise lacks."""
    answers = [cell.id for cell in cells if cell.answers]
    checks = [cell.id for cell in cells if cell.checks]
    count = Counter((variant.answer, variant.right) for variant in variants)
    found = [
        f"{answer}: at least {WRONG} wrong and {RIGHT} right variants are expected, "
        f"got {count[answer, False]} and {count[answer, True]}"
        for answer in answers
        if count[answer, False] < WRONG or count[answer, True] < RIGHT
    ]
    found += [f"{answer}: there is no such answer" for answer in sorted({v.answer for v in variants} - set(answers))]
    found += [f"{name}: there are {n} of this name" for name, n in Counter(map(str, variants)).items() if n > 1]
    failed = {check for variant in variants for check in variant.fails}
    found += [f"{check}: there is no such check" for check in sorted(failed - set(checks))]
    return found + [f"{check}: no wrong variant fails it" for check in checks if check not in failed]


def failing(outcome: Outcome) -> list[str]:
    """The checks that did not pass, in the notebook's order."""
    return [check for check, says in outcome.items() if says]


# --- running them ----------------------------------------------------------------------------


def run_all(jobs: Sequence[Job], done: Callable[[int], Any] = lambda number: None) -> list[list[Outcome]]:
    """The outcomes of the submissions of each job, on all cores. `done` is called with numbers of submissions.

    Raises:
        ValueError: a reference fails one of its own checks.
    """
    multiprocessing.get_context("forkserver").set_forkserver_preload(WARM)
    cores = os.cpu_count() or 1
    parts = math.ceil(cores / max(len(jobs), 1))  # of each job, so that no core is idle
    with ThreadPoolExecutor(cores) as pool:
        # A thread only waits for its process. (A pool of processes that are used once can deadlock in Python 3.11.)
        futures = [
            [
                pool.submit(apart, partial(run, replace(job, submissions=job.submissions[part::parts])), *JOB_LIMITS)
                for part in range(parts)
            ]
            for job in jobs
        ]
        outcomes = []
        for job, pieces in zip(jobs, futures):
            merged: list[Outcome] = [{} for _ in job.submissions]
            for part, future in enumerate(pieces):
                merged[part::parts] = future.result()
                done(len(merged[part::parts]))
            outcomes.append(merged)
    return outcomes


def run(job: Job) -> list[Outcome]:
    """The outcomes of the submissions of one job, one after the other.

    To be called in a process of its own, for it runs the reference and sets the seed.

    Raises:
        ValueError: the reference fails one of its own checks.
    """
    import torch  # here, so that the tests can read the banks without it

    torch.set_num_threads(1)  # a process with more threads cannot fork, and the tensors are tiny
    if job.seed is not None:
        os.environ["CONV2ATTN_SEED"] = job.seed
    cells = rerun(job.cells)  # also so that torch loads here, not in every fork, what it loads at first use
    if job.seed is None:
        cells = list(job.cells)
    outcomes: list[Outcome] = [{cell.id: "" for cell in cells if cell.checks} for _ in job.submissions]
    waiting = set(range(len(job.submissions)))
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells):
        for index in [index for index in waiting if cell.id in job.submissions[index]]:
            waiting.remove(index)
            answers = job.submissions[index]
            outcomes[index] |= _outcome_apart(_to_run(cells[number:], answers), answers, namespace)
        if not cell.checks:
            execute(cell.id, cell.source, namespace)
    return outcomes


def _to_run(cells: Sequence[Cell], answers: Answers) -> list[Cell]:
    """Of the cells from the first answer on, those whose outcome is not known to be the reference's."""
    others = [cell.source for cell in cells if cell.id not in answers and cell.checks not in answers]
    if all(stands_alone(source, others) for source in answers.values()):
        return [cell for cell in cells if not cell.checks or cell.checks in answers]
    return list(cells)


def stands_alone(source: str, others: Sequence[str]) -> bool:
    """Whether the cell `source` shares nothing with the cells `others` but what they import.

    It binds no global name that they use and uses none that they bind, assigns no attribute (as
    of a module), and names nothing that sets something for all, or that could do so by a string.
    """
    try:
        binds, imports, uses = _global_names(source)
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return True  # it does not run at all
    if any(isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) for node in nodes):
        return False
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    if any(SETTER.match(name) for name in names):
        return False
    theirs = [_global_names(other) for other in others]
    return not any((binds | imports) & used or uses & bound for bound, _, used in theirs)


def _global_names(source: str) -> tuple[set[str], set[str], set[str]]:
    """The global names that a cell binds, those that it imports, and those that it uses."""
    binds: set[str] = set()
    imports: set[str] = set()
    uses: set[str] = set()
    tables = [symtable.symtable(source, "cell", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if table.get_type() == "module" or symbol.is_global():
                if symbol.is_assigned():
                    binds.add(symbol.get_name())
                if symbol.is_imported():
                    imports.add(symbol.get_name())
                if symbol.is_referenced():
                    uses.add(symbol.get_name())
    return binds, imports, uses


def rerun(cells: Sequence[Cell]) -> list[Cell]:
    """The cells of a reference with what its checks print now, as under another seed.

    Raises:
        ValueError: a cell fails.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    found = []
    for cell in cells:
        printed, says = execute(cell.id, cell.source, namespace)
        if says:
            raise ValueError(f"the reference fails at {cell.id}: {says}")
        found.append(replace(cell, printed=printed))
    return found


def execute(name: str, source: str, namespace: dict[str, Any]) -> tuple[str, str]:
    """What a cell prints, and the line that it gives where it fails."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            exec(compile(source, f"<{name}>", "exec"), namespace)
    except (Exception, SystemExit) as error:
        render = getattr(error, "_render_traceback_", lambda: [f"✗ {type(error).__name__}: {error}"])
        return printed.getvalue(), render()[0]
    return printed.getvalue(), ""


def _outcome(cells: Sequence[Cell], answers: Answers, namespace: dict[str, Any]) -> Outcome:
    """What the checks among these cells say."""
    outcome = {}
    for cell in cells:
        printed, says = execute(cell.id, answers.get(cell.id, cell.source), namespace)
        if cell.checks:
            differs = "" if printed == cell.printed else f"✗ prints {printed!r}, {cell.printed!r} is expected"
            outcome[cell.id] = says or differs
    return outcome


def _outcome_apart(cells: Sequence[Cell], answers: Answers, namespace: dict[str, Any]) -> Outcome:
    """As `_outcome`, in a fork of this process. Where that dies, every check says so."""
    try:
        return apart(lambda: _outcome(cells, answers, namespace))
    except ProcessLookupError as error:
        return {cell.id: f"✗ {error}" for cell in cells if cell.checks}


def apart(
    work: Callable[[], Any], cpu_limit: int = CPU_LIMIT, wall_limit: float = WALL_LIMIT, method: str = "fork"
) -> Any:
    """What `work` returns, which JSON can hold, from a process of its own: nothing else of it is left.

    `method` is multiprocessing's: "fork" of this process, or "forkserver" for a fork of the warm one.

    Raises:
        ProcessLookupError: the fork died, or was stopped at a limit (seconds).
        ValueError: `work` raised it.
    """
    context = multiprocessing.get_context(method)
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_send, args=(work, sender, cpu_limit))
    child.start()
    sender.close()
    try:
        if not receiver.poll(wall_limit):
            raise ProcessLookupError(f"the process was stopped after {wall_limit:g} s: does it wait for something?")
        result, error = json.loads(receiver.recv_bytes())
    except EOFError:
        child.join(wall_limit)
        stopped = child.exitcode == -signal.SIGXCPU
        why = f"was stopped after {cpu_limit} s of work: an endless loop?" if stopped else f"ended ({child.exitcode})"
        raise ProcessLookupError(f"the process {why}") from None
    finally:
        child.kill()
        child.join()
        receiver.close()
    if error is not None:
        raise ValueError(error)
    return result


def _send(work: Callable[[], Any], sender: Any, cpu_limit: int) -> None:
    """In the fork: send what `work` returns, or the message of its ValueError."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_limit, cpu_limit + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        answer = [work(), None]
    except ValueError as error:
        answer = [None, str(error)]
    sender.send_bytes(json.dumps(answer).encode())


# --- for authors -----------------------------------------------------------------------------


def show(variant: Variant, outcome: Outcome) -> str:
    """A variant in lines: what checks it fails, where that differs what it declares, and what the first one says."""
    failed = failing(outcome)
    wrong = complaints(variant, outcome)
    lines = [f"{'✗' if wrong else '✓'} {variant}"]
    if failed:
        lines += [f"    fails={json.dumps(failed)}", f"    {outcome[failed[0]]}"]
    return "\n".join(lines + [f"    → {line}" for line in wrong])


def main(arguments: Sequence[str] | None = None, sources: Path = ROOT / "exercises/sources") -> int:
    """The command line; returns the exit status: 0 when every variant does what it declares."""
    parser = argparse.ArgumentParser(prog="variants.py", description="Run the bank of an exercise.")
    parser.add_argument("exercise", help="its number, or the name of its folder")
    parser.add_argument("answer", nargs="?", help="only the variants of this answer")
    options = parser.parse_args(arguments)
    folders = [path for path in exercises(sources) if re.match(rf"{re.escape(options.exercise)}(-|$)", path.name)]
    try:
        if len(folders) != 1:
            known = ", ".join(path.name for path in exercises(sources))
            raise ValueError(f"the number or name of an exercise is expected ({known}), got {options.exercise}")
        cells, bank = read_cells(folders[0]), read_bank(folders[0])
        chosen = [variant for variant in bank if options.answer in (None, variant.answer)]
        with tqdm(total=len(chosen), unit="variant", disable=None, leave=False) as bar:
            (outcomes,) = run_all([Job(cells, [{v.answer: v.source} for v in chosen])], bar.update)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for variant, outcome in zip(chosen, outcomes):
        print(show(variant, outcome))
    wrong = sum(bool(complaints(variant, outcome)) for variant, outcome in zip(chosen, outcomes))
    lacks = [gap for gap in gaps(cells, bank) if options.answer is None or gap.startswith(options.answer)]
    print(f"{len(chosen)} variants, {wrong} marked ✗", *lacks, sep="\n")
    return 1 if wrong or lacks else 0


if __name__ == "__main__":
    sys.exit(main())
