"""References under another seed: an instructor's secret, so that nobody knows the checks' inputs.

A check draws its inputs from a seed, and its stored output shows numbers that depend on it. So
for a secret seed each reference is run once more, by the instructor's own machine.
"""

import os
import shutil
from collections.abc import Container
from pathlib import Path

import nbformat
from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from nbformat import NotebookNode

from conv2attn.grading.judge import GraderFailed

CELL_TIMEOUT = 600  # seconds


class ThisPython(KernelSpecManager):
    """Knows one kernel: the Python that runs this program."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """It, whatever the name."""
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())


def seeded(sources: Path, seed: str, folder: Path, only: Container[str] | None = None) -> Path:
    """Copy the references in `sources` to `folder`, their checks' outputs as they are under `seed`; return `folder`.

    Args:
        sources: the folder of the exercises' sources, each with its reference.ipynb.
        seed: what CONV2ATTN_SEED is to be; not empty.
        folder: where the copies go; it is made, and a copy that is there already is kept.
        only: the names of the exercises that are wanted; all of them where it is left out.

    Raises:
        ValueError: the seed is empty.
        GraderFailed: a reference does not run, or there is none.
    """
    if not seed:
        raise ValueError("a seed is expected, got an empty text")
    references = [
        path for path in sorted(sources.glob("*/reference.ipynb")) if only is None or path.parent.name in only
    ]
    if not references:
        raise GraderFailed(f"{sources} holds no exercise with a reference notebook")
    for path in references:
        copy = folder / path.parent.name / path.name
        if copy.exists():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        notebook = nbformat.read(path, as_version=4)
        _run(notebook, path, seed)
        shutil.copy(path.with_name("exercise.md"), copy.parent)
        partial = copy.with_suffix(".tmp")
        nbformat.write(notebook, partial)
        os.replace(partial, copy)
    return folder


def _run(notebook: NotebookNode, path: Path, seed: str) -> None:
    """Run a reference under `seed`, in place; only what its checks print is kept."""
    environment = {**os.environ, "CONV2ATTN_SEED": seed, "CONV2ATTN_JUDGE": "1", "OMP_NUM_THREADS": "1"}
    kernels = AsyncKernelManager(kernel_spec_manager=ThisPython(), transport_encryption="auto")
    client = NotebookClient(
        notebook, km=kernels, timeout=CELL_TIMEOUT, coalesce_streams=True, store_widget_state=False,
        resources={"metadata": {"path": str(path.parent)}},
    )  # fmt: skip
    try:
        client.execute(env=environment, cleanup_kc=True)
    except (CellControlSignal, DeadKernelError) as error:
        raise GraderFailed(f"{path} does not run under this seed: {str(error).strip().splitlines()[-1]}") from None
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count = 1
            cell.metadata.pop("execution", None)
