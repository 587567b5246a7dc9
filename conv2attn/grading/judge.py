"""nbval is the judge. This is the only module that touches its internals.

`judge` runs `pytest --nbval` on merged notebooks, in a process and a folder of their own, with
this module as a plugin. nbval's kernel runs the checks; the learners' cells become calls to
`remote`, which runs them elsewhere. The plugin decides by the cells' metadata, never by their
names, which cells are compared, and writes one line of JSON for each cell that has run.
"""

import contextlib
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
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from conv2attn.grading import keeper
from conv2attn.grading.merge import MISSING, STUB, Check

CELL_TIMEOUT = 600.0  # seconds, for nbval: a learner's process is ended long before
START_TIMEOUT = 180.0  # seconds, for pytest and its kernel on a busy machine
NOT_ANSWERED = "✗ not answered yet"
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
LINE_WIDTH = 240
BEGIN = "from conv2attn.grading import remote\nlearner = remote.begin(globals())"


@dataclass(frozen=True)
class Verdict:
    """Whether a check passed, and if not, one line that says why."""

    check: Check
    passed: bool
    says: str


class GraderFailed(RuntimeError):
    """The grader itself failed: no verdict, which is not a zero."""


def judge(
    merged: Sequence[NotebookNode],
    checks: Sequence[Sequence[Check]],
    learners: keeper.Limits | Path,
    seed: str | None = None,
    ran: Callable[[int, int], Any] = lambda cells, total: None,
) -> list[tuple[Verdict, ...]]:
    """Run merged notebooks through pytest with nbval, one after the other in one kernel; their verdicts, one a check.

    Args:
        merged: from `merge.merge`.
        checks: the checks in each of them.
        learners: what a learner's process may take, or the socket of a keeper that runs already.
        seed: that of the stored outputs, where it is not the default.
        ran: called with the number of cells that have run, and of all.

    Raises:
        GraderFailed: pytest, the kernel or the keeper did not do its work, a set-up cell
            failed, or a check has no result.
        SandboxMissing: a sandbox is wanted and there is none.
    """
    notebook = _one(merged)
    total = len(notebook.cells)
    keeping = contextlib.nullcontext(learners) if isinstance(learners, Path) else keeper.running(learners)
    with tempfile.TemporaryDirectory(prefix="conv2attn-") as name, keeping as address:
        folder = Path(name)
        inner = folder / "submission"  # where the kernel runs, apart from the results
        inner.mkdir()
        nbformat.write(notebook, inner / "submission.ipynb")
        # pytest's settings are this file's alone, wherever the grader is called from.
        (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        # The kernel's too; and nobody asks for its history.
        profile = folder / "ipython" / "profile_default"
        profile.mkdir(parents=True)
        (profile / "ipython_kernel_config.py").write_text("c.HistoryManager.enabled = False\n", encoding="utf-8")
        results, log = folder / "results.jsonl", folder / "pytest.log"
        results.touch()
        command = [sys.executable, "-m", "pytest", "submission/submission.ipynb", "-c", "pytest.ini"]
        command += ["-p", "nbval.plugin", "-p", __name__, "--color=no", "-q", "--capture=no"]
        for unused in ("cacheprovider", "logging", "warnings"):
            command += ["-p", f"no:{unused}"]
        command += ["--nbval", "--nbval-current-env", f"--nbval-cell-timeout={CELL_TIMEOUT}"]
        command += [f"--judge-results={results}"]
        environment = {
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "CONV2ATTN_JUDGE": "1",
            "OMP_NUM_THREADS": "1",
            "IPYTHONDIR": str(folder / "ipython"),
        }
        for inherited in ("PYTEST_ADDOPTS", "CONV2ATTN_SEED"):  # the stored outputs are of the seed that is given
            environment.pop(inherited, None)
        environment |= {"CONV2ATTN_KEEPER": str(address)} | ({"CONV2ATTN_SEED": seed} if seed else {})
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            try:
                last, known = time.monotonic(), 0
                while process.poll() is None and time.monotonic() - last < CELL_TIMEOUT + START_TIMEOUT:
                    if (cells := _count(results)) > known:
                        last, known = time.monotonic(), cells
                        ran(cells, total)
                    time.sleep(0.05)
            finally:
                process.kill()
                status = process.wait()
        records = [json.loads(line) for line in _lines(results)]
        ran(len(records), total)
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            last_line = (_lines(log) or ["no output"])[-1]
            raise GraderFailed(f"pytest ended with status {status}: {one_line(last_line)}")
    found = {record["id"]: record for record in records}
    for cell in notebook.cells:
        record = found.get(cell.id)
        if record is None:
            raise GraderFailed(f"the cell {_id(cell)} has no result")
        if _role(cell) == "set-up" and not record["passed"]:
            raise GraderFailed(f"the set-up cell {_id(cell)} fails: {record['says']}")
    return [
        tuple(
            Verdict(check, found[f"{number}-{check.id}"]["passed"], found[f"{number}-{check.id}"]["says"])
            for check in checks_of_one
        )
        for number, checks_of_one in enumerate(checks)
    ]


def _one(merged: Sequence[NotebookNode]) -> NotebookNode:
    """One notebook for nbval out of several merged ones: code only, learners' cells as calls to `remote`."""
    cells = []
    for number, notebook in enumerate(merged):
        cells.append(nbformat.v4.new_code_cell(BEGIN, id=f"{number}-begin"))
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell = nbformat.from_dict({**cell, "id": f"{number}-{cell.id}", "source": _as_run(cell)})
                cell.metadata.submission = number
                cells.append(cell)
    return nbformat.v4.new_notebook(cells=cells)


def _id(cell: NotebookNode) -> str:
    """The id of a cell as it was before the notebooks were put together."""
    return cell.id.partition("-")[2]


def _as_run(cell: NotebookNode) -> str:
    """What the judge's kernel runs for a cell of a merged notebook. Of a learner's cell it sees a text."""
    role = _role(cell)
    if role == "check":
        return cell.source
    if role == "answer":
        return f"learner.answers({cell.id!r}, {cell.metadata.conv2attn.names!r}, {cell.source!r})"
    has = f"learner.has({role!r}, {cell.source!r})"
    return has if role == "extra" else f"{has}\n{cell.source}"


def _count(path: Path) -> int:
    return path.read_bytes().count(b"\n")


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
        import nbval.kernel  # here: whoever imports this module for its other half needs none

        nbval.kernel.pformat = repr  # it takes its time over every message, for a log that nobody reads
        config.pluginmanager.register(_Judge(Path(config.option.judge_results)))


class _Judge:
    """Runs the cells as nbval's items, and says of each how it went."""

    def __init__(self, results: Path) -> None:
        self.results = results.open("a", encoding="utf-8", buffering=1)
        self.broken: dict[tuple[int, str], str] = {}  # submission and answer -> why its cell failed
        self.lost: dict[tuple[int, str], str] = {}  # submission and answer -> why no further check of it is run
        self.alone: set[tuple[int, str]] = set()  # answers that have a process of their own
        self.begun: set[tuple[int, str]] = set()  # answers whose cell has run
        self.unanswered: set[tuple[int, str]] = set()  # those of them that are still the stub, or missing

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Compare the check cells, run the others; what a learner's comments or tags ask for is not heard."""
        for item in items:
            item.options = {"check": _role(item.cell) == "check", "skip": False, "check_exception": False}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: Any) -> Generator[None, Any, Any]:
        """Run one cell, and write down how it went. Without a living kernel there is no verdict: pytest ends."""
        role, metadata = _role(item.cell), item.cell.metadata
        key = (metadata.get("submission", 0), metadata.get("conv2attn", {}).get("answer", item.cell.id))
        passed, says = False, ""
        if role == "answer":
            self.begun.add(key)
            if STUB in item.cell.source or MISSING in item.cell.source:
                self.unanswered.add(key)
        try:
            if role == "check" and key in self.lost:
                raise _Lost(self.lost[key])
            try:
                result = yield
            except Exception as error:
                self._must_live(item, error)
                if role != "check" or key in self.alone | self.broken.keys() or not self._company_can_be_why(item, key):
                    raise
                # Another answer may be why. What it does in a process of its own counts.
                self.alone.add(key)
                item.cell.source = f"learner.alone({key[1]!r})\n{item.cell.source}"
                result = item.runtest()
            passed = True
            return result
        except Exception as error:
            self._must_live(item, error)
            says = self._says(item, key, error)
            if role == "answer":
                missing = says.startswith(NOT_ANSWERED)
                self.broken[key] = says if missing else f"✗ the answer cell fails: {says[2:]}"
            raise
        finally:
            self.results.write(json.dumps({"id": item.cell.id, "passed": passed, "says": says}) + "\n")

    def _company_can_be_why(self, item: Any, key: tuple[int, str]) -> bool:
        """Whether a check may pass once its answer has a process of its own."""
        if key in self.unanswered:
            return False
        error = _error_of(item)
        company = any(submission == key[0] for submission, _ in self.begun - {key})
        return company or error is None or error.ename != "CheckFailed"

    def _must_live(self, item: Any, error: Exception) -> None:
        """End pytest where the kernel is stuck or dead, or has no learner's process: then there is no verdict."""
        if item.parent.timed_out or not item.parent.kernel.is_alive():
            pytest.exit(
                f"the judge's kernel is stuck or dead: {one_line(str(error))}", pytest.ExitCode.INTERNAL_ERROR
            )
        if (raised := _error_of(item)) and raised.ename == "NoLearner":
            pytest.exit(f"no learner's process: {one_line(raised.evalue)}", pytest.ExitCode.INTERNAL_ERROR)

    def _says(self, item: Any, key: tuple[int, str], error: Exception) -> str:
        """One line about a cell that failed."""
        if isinstance(error, _Lost):
            return str(error)
        raised = _error_of(item)
        if raised is None:
            message = str(error)
            differs = message == "Cell outputs differ"
            return "✗ prints something other than its own line" if differs else f"✗ {one_line(message)}"
        if raised.ename == "Ended":
            if _role(item.cell) == "check":
                self.lost[key] = one_line(raised.evalue)
            return one_line(raised.evalue)
        if raised.ename == "NotImplementedError":
            return NOT_ANSWERED if raised.evalue in STUB else f"{NOT_ANSWERED}: {one_line(raised.evalue)}"
        rendered = one_line("\n".join(raised.traceback))
        if raised.ename == "NameError" and key in self.broken:
            return self.broken[key]
        if rendered.startswith("✗"):
            return rendered
        return f"✗ {one_line(f'{raised.ename}: {raised.evalue}')}"


def _error_of(item: Any) -> NotebookNode | None:
    """The error that a cell's run ended with."""
    return next((out for out in item.test_outputs or () if out.output_type == "error"), None)


class _Lost(Exception):
    """A check that is not run, since an earlier one of its answer was the end of its process."""
