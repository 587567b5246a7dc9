"""One test for each thing that the judge takes for granted of nbval. An upgrade that breaks one of them fails here.

The notebooks are those that `merge` makes, with something in the judge's own cells that must
come out in one way and no other.
"""

import pprint
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import nbformat
import nbval.kernel
import nbval.plugin
import pytest
from conv2attn.grading import judge, merge
from conv2attn.grading.judge import GraderFailed, Verdict
from conv2attn.grading.keeper import Limits

TOY = "90-toy"


@pytest.fixture
def reference(built_toy: Path) -> nbformat.NotebookNode:
    return nbformat.read(built_toy / f"exercises/sources/{TOY}/reference.ipynb", as_version=4)


def judged(
    reference: nbformat.NotebookNode, built_toy: Path, change: Callable[[dict[str, nbformat.NotebookNode]], None]
) -> dict[str, Verdict]:
    """Verdicts for the right answers, after `change` of the merged notebook's cells."""
    merged = merge.merge(reference, merge.read_submission(built_toy / f"exercises/sources/{TOY}/reference.ipynb"))
    change({cell.id: cell for cell in merged.cells})
    (verdicts,) = judge.judge([merged], [merge.checks(reference)], Limits())
    return {verdict.check.id: verdict for verdict in verdicts}


def test_the_version_is_pinned() -> None:
    assert f"nbval=={version('nbval')} " in (Path(__file__).parents[1] / "requirements.txt").read_text()


def test_items_have_what_the_plugin_reads() -> None:
    """A cell's item has the cell with its metadata, options, outputs; a notebook's has a kernel and `timed_out`."""
    source = Path(nbval.plugin.__file__).read_text()
    for attribute in (
        "self.cell = cell",
        "self.test_outputs = ",
        "self.options = options",
        "self.timed_out = False",
        "self.kernel = RunningKernel(",
    ):
        assert attribute in source
    assert callable(nbval.kernel.RunningKernel.is_alive)


def test_an_output_is_compared_character_by_character(reference: nbformat.NotebookNode, built_toy: Path) -> None:
    """And cells go on after one that failed; so two cells are changed here, and the others pass."""

    def change(cells: dict[str, nbformat.NotebookNode]) -> None:
        cells["double-small"].outputs[0].text = cells["double-small"].outputs[0].text.rstrip("\n") + " \n"
        cells["add-one-value"].outputs = []

    verdicts = judged(reference, built_toy, change)
    says = "✗ prints something other than its own line"
    assert {name: verdict.says for name, verdict in verdicts.items()} == {
        "double-small": says, "double-large": "", "add-one-value": says, "add-one-double-value": ""
    }  # fmt: skip


def test_options_are_read_when_a_cell_runs(reference: nbformat.NotebookNode, built_toy: Path) -> None:
    """Comments and tags that nbval obeys when it collects have no effect."""

    def change(cells: dict[str, nbformat.NotebookNode]) -> None:
        for number, comment in enumerate(("# NBVAL_SKIP", "# NBVAL_IGNORE_OUTPUT", "# NBVAL_RAISES_EXCEPTION")):
            cell = cells[("double-small", "double-large", "add-one-value")[number]]
            cell.source = f"{comment}\nprint('something else')"
        cells["add-one-double-value"].metadata.tags = ["nbval-skip", "raises-exception"]
        cells["add-one-double-value"].source = "print('something else')"

    assert not any(verdict.passed for verdict in judged(reference, built_toy, change).values())


def test_the_error_of_a_cell_is_read(reference: nbformat.NotebookNode, built_toy: Path) -> None:
    def change(cells: dict[str, nbformat.NotebookNode]) -> None:
        cells["double-small"].source = "raise CheckFailed('double: one line\\nand another')"
        cells["double-large"].source = "{}['key']"

    verdicts = judged(reference, built_toy, change)
    assert verdicts["double-small"].says == "✗ double: one line and another"
    assert verdicts["double-large"].says == "✗ KeyError: 'key'"


def test_a_cell_that_failed_runs_a_second_time(reference: nbformat.NotebookNode, built_toy: Path) -> None:
    """So a check is asked again where another answer may be why it failed; and what it says then counts."""

    def change(cells: dict[str, nbformat.NotebookNode]) -> None:
        cells["double"].source += "\nimport math\nmath.spoilt = 1"
        cells["add-one"].source = "import math\ndef add_one(x):\n    return x + 1 + getattr(math, 'spoilt', 0)"

    assert judged(reference, built_toy, change)["add-one-value"].passed


@pytest.mark.parametrize(("check", "runs"), [("double-small", 1), ("add-one-value", 2), ("add-one-double-value", 1)])
def test_a_check_is_asked_again_only_where_another_answer_may_be_why(
    reference: nbformat.NotebookNode, built_toy: Path, tmp_path: Path, check: str, runs: int
) -> None:
    """Not the first answer's, which had no company; nor one of an answer that is still the stub."""
    count = tmp_path / "count"

    def change(cells: dict[str, nbformat.NotebookNode]) -> None:
        cells["add-one-double"].source = f"def add_one_double(x):\n    {merge.STUB}"
        cells[check].source = f"open({str(count)!r}, 'a').write('x')\nraise CheckFailed('toy: wrong')"

    assert judged(reference, built_toy, change)[check].says == "✗ toy: wrong"
    assert count.read_text() == "x" * runs


def test_messages_are_printed_for_the_log_by_a_name_that_can_be_replaced() -> None:
    assert nbval.kernel.pformat is pprint.pformat


def test_a_cell_that_never_ran_is_not_compared_by_nbval_and_so_refused_by_us(reference: nbformat.NotebookNode) -> None:
    cell = next(cell for cell in reference.cells if cell.id == "double-small")
    cell.outputs, cell.execution_count = [], None
    with pytest.raises(ValueError, match="the reference of the check double-small has no stored output"):
        merge.checks(reference)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os\nos._exit(1)", "the judge's kernel is stuck or dead|pytest ended"),
        ("import time\ntime.sleep(100)", "the judge's kernel is stuck or dead"),
        ("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)", "pytest ended with status -9"),
    ],
    ids=["dies", "hangs", "kills pytest"],
)
def test_a_kernel_of_the_judges_that_fails_is_no_verdict(
    reference: nbformat.NotebookNode, built_toy: Path, monkeypatch: pytest.MonkeyPatch, source: str, reason: str
) -> None:
    """Never a zero; and within the time that a cell has, not nbval's half hour."""
    monkeypatch.setattr(judge, "CELL_TIMEOUT", 10.0)  # the first cell imports torch, on a busy machine

    def change(cells: dict[str, nbformat.NotebookNode]) -> None:
        cells["double-small"].source = source

    with pytest.raises(GraderFailed, match=reason):
        judged(reference, built_toy, change)


def test_a_keeper_that_fails_is_no_verdict(reference: nbformat.NotebookNode, built_toy: Path) -> None:
    def change(cells: dict[str, nbformat.NotebookNode]) -> None:
        cells[
            "c02"
        ].source += "\nimport os\nos.environ['CONV2ATTN_KEEPER'] = '/nowhere'\nlearner.address = learner.shared.address = '/nowhere'\nremote.keeper.connect.__defaults__ = (0.1,)"

    with pytest.raises(GraderFailed, match="no learner's process: no keeper of learners' processes answers"):
        judged(reference, built_toy, change)


def test_a_cell_without_a_result_is_no_verdict(
    reference: nbformat.NotebookNode, built_toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "_lines", lambda path: [])
    with pytest.raises(GraderFailed, match="the cell begin has no result"):
        judged(reference, built_toy, lambda cells: None)
