"""nbval is the judge. This is the only module that touches its internals.

`judge` runs `pytest --nbval` on a merged notebook, in a process and a folder of their own,
with this module as a plugin. The plugin decides by the cells' metadata, never by their
names, which cells are compared, keeps going after a dead or stuck kernel, and writes one
line of JSON for each cell that has run.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from conv2attn.grading.merge import STUB, Check

KERNEL_START = 60.0  # seconds, nbval's own limit
NOT_ANSWERED = "✗ not answered yet"
CELL_FILE = re.compile(r"\(\d+\.py, line")  # what ipykernel calls a cell in a SyntaxError
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
LINE_WIDTH = 240


@dataclass(frozen=True)
class Verdict:
    """Whether a check passed, and if not, one line that says why."""

    check: Check
    passed: bool
    says: str


class GraderFailed(RuntimeError):
    """The grader itself failed: no verdict, which is not a zero."""


class KernelDied(RuntimeError):
    """The kernel ended while it ran a cell."""


def judge(
    notebook: NotebookNode,
    checks: Sequence[Check],
    cell_timeout: float,
    ran: Callable[[int, int], Any] = lambda cells, total: None,
) -> tuple[Verdict, ...]:
    """Run the merged `notebook` through pytest with nbval; one verdict for each check.

    Args:
        notebook: from `merge.merge`.
        checks: the checks in it.
        cell_timeout: seconds that a cell may run.
        ran: called with the number of cells that have run, and of all.

    Raises:
        GraderFailed: pytest or the kernel did not do its work, a set-up cell failed, or a
            check has no result.
    """
    total = sum(cell.cell_type == "code" for cell in notebook.cells)
    with tempfile.TemporaryDirectory(prefix="conv2attn-") as name:
        folder = Path(name)
        inner = folder / "submission"  # where the kernel runs, apart from the results
        inner.mkdir()
        nbformat.write(notebook, inner / "submission.ipynb")
        # pytest's settings are this file's alone, wherever the grader is called from.
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        results, log = folder / "results.jsonl", folder / "pytest.log"
        results.touch()
        command = [sys.executable, "-m", "pytest", "submission/submission.ipynb", "-c", "pytest.ini"]
        command += ["-p", "nbval.plugin", "-p", __name__, "-p", "no:cacheprovider", "--color=no"]
        command += ["--nbval", "--nbval-current-env", f"--nbval-cell-timeout={cell_timeout}"]
        command += [f"--judge-results={results}"]
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        for inherited in ("PYTEST_ADDOPTS", "CONV2ATTN_SEED"):  # the stored outputs are of the default seed
            environment.pop(inherited, None)
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            # Each cell may need a fresh kernel and its time in full; more than that is no grading.
            deadline = time.monotonic() + (total + 1) * (cell_timeout + KERNEL_START)
            try:
                while process.poll() is None and time.monotonic() < deadline:
                    ran(len(_lines(results)), total)
                    time.sleep(0.1)
            finally:
                process.kill()
                status = process.wait()
        records = [json.loads(line) for line in _lines(results)]
        ran(len(records), total)
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            last = (_lines(log) or ["no output"])[-1]
            raise GraderFailed(f"pytest ended with status {status}: {one_line(last)}")
    return _verdicts(records, notebook, checks)


def _verdicts(
    records: Sequence[dict[str, Any]], notebook: NotebookNode, checks: Sequence[Check]
) -> tuple[Verdict, ...]:
    """The verdicts in the lines that the plugin wrote.

    Raises:
        GraderFailed: a line is missing, or a cell failed that is neither learner's nor check.
    """
    found = {record["id"]: record for record in records}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        record = found.get(cell.id)
        if record is None:
            raise GraderFailed(f"the cell {cell.id} has no result")
        if _role(cell) == "set-up" and not record["passed"]:
            raise GraderFailed(f"the set-up cell {cell.id} fails: {record['says']}")
    return tuple(Verdict(check, found[check.id]["passed"], found[check.id]["says"]) for check in checks)


def _lines(path: Path) -> list[str]:
    """The complete lines of a file that may still be growing."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return text[: text.rfind("\n") + 1].splitlines()


def one_line(text: str) -> str:
    """`text` without colours, on one line."""
    words = " ".join(ANSI.sub("", text).split())
    return words if len(words) <= LINE_WIDTH else words[: LINE_WIDTH - 1] + "…"


def _role(cell: NotebookNode) -> str:
    """What a cell of a merged notebook is: check, answer, extra or set-up."""
    grade = cell.metadata.get("nbgrader", {})
    if grade.get("grade"):
        return "check"
    if grade.get("solution"):
        return "answer"
    return "extra" if cell.metadata.get("conv2attn", {}).get("extra") else "set-up"


# The plugin, in the process of pytest.


def pytest_addoption(parser: pytest.Parser) -> None:
    """pytest's hook: where the plugin writes its results."""
    parser.addoption("--judge-results", help="file for one line of JSON a cell")


def pytest_configure(config: pytest.Config) -> None:
    """pytest's hook: start judging when there is a file for the results."""
    if config.option.judge_results:
        config.pluginmanager.register(_Judge(Path(config.option.judge_results)))


class _Judge:
    """Runs the cells of one notebook as nbval's items, and says of each how it went."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self.replay: list[str] = []  # the cells to run again in a fresh kernel
        self.broken: dict[str, str] = {}  # answer -> why its cell failed
        self.lost: dict[str, str] = {}  # answer -> why no further check of it is run

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Compare the check cells, run the others; what a learner's comments or tags ask for is not heard."""
        for item in items:
            item.options = {"check": _role(item.cell) == "check", "skip": False, "check_exception": False}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: Any) -> Generator[None, Any, Any]:
        """Run one cell, in a living kernel, and write down how it went."""
        role, notebook = _role(item.cell), item.parent
        answer = item.cell.metadata.conv2attn.answer if role == "check" else item.cell.id
        passed, says = False, ""
        try:
            if role == "check" and answer in self.lost:
                raise KernelDied(self.lost[answer])
            if not notebook.kernel.is_alive():
                self._revive(notebook, item.config.option.nbval_cell_timeout)
            _watch(notebook.kernel)
            result = yield
            passed = True
            if role != "check":
                self.replay.append(item.cell.source)
            return result
        except Exception as error:
            stuck = isinstance(error, KernelDied) or notebook.timed_out
            says = self._says(item, answer, error)
            if role == "answer":
                missing = says.startswith(NOT_ANSWERED)
                self.broken[answer] = says if missing else f"✗ the answer cell fails: {says[2:]}"
            if role == "check" and stuck:
                self.lost[answer] = says
            raise
        finally:
            notebook.timed_out = False  # nbval would expect every later cell to fail
            record = {"id": item.cell.id, "passed": passed, "says": says}
            with self.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")

    def _revive(self, notebook: Any, timeout: float) -> None:
        """A fresh kernel, with everything in it that had run before. Without one, pytest ends."""
        try:
            notebook.setup()
            _watch(notebook.kernel)
            for source in self.replay:
                message = notebook.kernel.execute_cell_input(source, allow_stdin=False)
                notebook.kernel.await_reply(message, timeout=timeout)
        except (RuntimeError, Empty) as error:
            reason = one_line(str(error)) or "a cell that had run before is stuck"
            pytest.exit(f"no fresh kernel: {reason}", pytest.ExitCode.INTERNAL_ERROR)

    def _says(self, item: Any, answer: str, error: Exception) -> str:
        """One line about a cell that failed."""
        if isinstance(error, KernelDied):
            return str(error)
        if item.parent.timed_out:
            return f"✗ stopped after {item.config.option.nbval_cell_timeout:g} s: an endless loop?"
        raised = next((out for out in item.test_outputs or () if out.output_type == "error"), None)
        if raised is None:
            message = str(error)
            differs = message == "Cell outputs differ"
            return "✗ prints something other than its own line" if differs else f"✗ {one_line(message)}"
        if raised.ename == "NotImplementedError":
            return NOT_ANSWERED if raised.evalue in STUB else f"{NOT_ANSWERED}: {one_line(raised.evalue)}"
        rendered = one_line("\n".join(raised.traceback))
        if raised.ename == "NameError" and answer in self.broken:
            return self.broken[answer]
        if rendered.startswith("✗"):
            return rendered
        return "✗ " + CELL_FILE.sub("(line", one_line(f"{raised.ename}: {raised.evalue}"))


def _watch(kernel: Any) -> None:
    """Make a nbval kernel notice within a second that it died, instead of after the cell's time."""
    await_reply = type(kernel).await_reply

    def watched(message: str, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while True:
            try:
                return await_reply(kernel, message, timeout=1)
            except Empty:
                if not kernel.is_alive():
                    raise KernelDied("✗ the kernel ended: os._exit, a crash, or out of memory?") from None
                if time.monotonic() > deadline:
                    raise

    kernel.await_reply = watched
