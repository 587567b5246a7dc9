"""Strict nbval, for every folder of the project.

nbval compares nothing in a cell that never ran, and leaves out what a comment or tag tells it
to. Beside nbval's items, each notebook gets one more, which fails where something of it would
pass unseen. It stands here, not in tests/, so that it also holds for chapters/ and exercises/.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

# The kernels that nbval starts show no points so far: they are no part of the stored outputs.
os.environ["CONV2ATTN_JUDGE"] = "1"


class NotHeld(Exception):
    """Cells of a notebook that nbval could not hold to their outputs."""


class StoredOutputs(pytest.Item):
    """Every code cell of one notebook ran, and hides nothing from nbval."""

    def runtest(self) -> None:
        """Fail with one line a fault."""
        from notebooks import stored_faults  # tools/, needed only where notebooks are tested

        if faults := stored_faults(nbformat.read(self.path, as_version=4)):
            raise NotHeld("\n".join(faults))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:
        """The faults alone; a traceback would say nothing."""
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Path, None, str]:
        """What pytest calls this item."""
        return self.path, None, f"{self.path.name}: stored outputs"


class Notebook(pytest.File):
    """A notebook, beside nbval's own view of it."""

    def collect(self) -> Iterator[pytest.Item]:
        """One item for the whole notebook."""
        yield StoredOutputs.from_parent(self, name="stored outputs")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """pytest's hook: a notebook that nbval collects is collected here too."""
    if file_path.suffix == ".ipynb" and parent.config.getoption("nbval", False):
        return Notebook.from_parent(parent, path=file_path)
    return None
