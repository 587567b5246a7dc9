"""What editors do to a notebook on the way: each way of saving a file is imitated, and graded as the file untouched is.

The imitations do to the JSON what the editor's own writer does to it, as seen in files that it has saved.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import NotebookExporter

from conv2attn.grading import merge
from conv2attn.grading.engine import grade

EXERCISE = "08-convolution-as-attention"
EXERCISES = Path(__file__).parents[1] / "exercises"
SOURCES = EXERCISES / "sources"

Notebook = dict[str, Any]
HELPER = "def double(x):\n    return 2 * x"  # a cell of the learner's own


@pytest.fixture(scope="module")
def reference() -> nbformat.NotebookNode:
    return nbformat.read(SOURCES / EXERCISE / "reference.ipynb", as_version=4)


@pytest.fixture(scope="module")
def solved(reference: nbformat.NotebookNode) -> str:
    """The learner's notebook with the right answers and a cell of their own, as its file holds it."""
    notebook = json.loads((EXERCISES / f"{EXERCISE}.ipynb").read_text(encoding="utf-8"))
    answers = {cell.id: cell.source for cell in reference.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    for cell in notebook["cells"]:
        if cell["id"] in answers:
            cell["source"] = answers[cell["id"]].splitlines(keepends=True)
    own = {"cell_type": "code", "id": "mine", "metadata": {}, "outputs": [], "execution_count": None, "source": [HELPER]}
    notebook["cells"].insert(4, own)
    return json.dumps(notebook, ensure_ascii=False, indent=1) + "\n"


def code(notebook: Notebook) -> Iterator[tuple[int, dict[str, Any]]]:
    """The code cells of a notebook, numbered as a kernel numbers them."""
    return enumerate((cell for cell in notebook["cells"] if cell["cell_type"] == "code"), start=1)


def ran(notebook: Notebook) -> None:
    """Every code cell has run and shows something."""
    for number, cell in code(notebook):
        cell["execution_count"] = number
        html = {"text/plain": ["Points so far: 2 of 15"], "text/html": ["<div>Points so far: 2 of 15</div>"]}
        cell["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": ["✓ something\n"]},
            {"output_type": "display_data", "data": html, "metadata": {}},
        ]


def jupyterlab(notebook: Notebook) -> bytes:
    """Ids kept; outputs, counts, what is trusted and when cells ran, the language in full."""
    ran(notebook)
    for _, cell in code(notebook):
        cell["metadata"] |= {"trusted": True, "execution": {"iopub.execute_input": "2026-01-01T10:00:00.000000Z"}}
    notebook["metadata"]["language_info"] |= {"version": "3.12.4", "file_extension": ".py", "nbconvert_exporter": "python"}
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    return json.dumps(notebook, ensure_ascii=False, indent=1).encode() + b"\n"


def vs_code(notebook: Notebook) -> bytes:
    """New ids for cells, the source as one string, metadata of its own; cells may be deleted and edited as one likes."""
    ran(notebook)
    for cell in notebook["cells"]:
        cell["id"] = uuid.uuid4().hex[:8]
        cell["source"] = "".join(cell["source"])
        cell["metadata"] |= {"vscode": {"languageId": "python"}}
        for key in ("deletable", "editable"):
            cell["metadata"].pop(key, None)
    return json.dumps(notebook, ensure_ascii=False, indent=2).encode()


def vs_code_without_metadata(notebook: Notebook) -> bytes:
    """As it is after cells were copied there, one by one, into a new notebook."""
    notebook = json.loads(vs_code(notebook))
    for cell in notebook["cells"]:
        cell["metadata"] = {"vscode": {"languageId": "python"}}
    notebook["metadata"] = {"language_info": {"name": "python"}}
    return json.dumps(notebook, ensure_ascii=False, indent=2).encode()


def colab(notebook: Notebook) -> bytes:
    """nbformat 4.0: no ids of cells, metadata of its own in place of ours, a base URI in each output."""
    ran(notebook)
    for cell in notebook["cells"]:
        del cell["id"]
        cell["metadata"] = {"id": uuid.uuid4().hex[:12]}
    for _, cell in code(notebook):
        uri = {"base_uri": "https://localhost:8080/"}
        cell["metadata"] |= {"colab": uri, "outputId": "2f4a1c6e-0d0b-4f7e-a7f7-2b1d5b4b9c11"}
    kernel = {"name": "python3", "display_name": "Python 3"}
    notebook["metadata"] = {"colab": {"provenance": []}, "kernelspec": kernel, "language_info": {"name": "python"}}
    notebook |= {"nbformat": 4, "nbformat_minor": 0}
    return json.dumps(notebook, ensure_ascii=True, separators=(",", ":")).encode()


def nbconvert(notebook: Notebook) -> bytes:
    """Through `jupyter nbconvert --to notebook`."""
    ran(notebook)
    text, _ = NotebookExporter().from_notebook_node(nbformat.from_dict(nbformat.reads(json.dumps(notebook), as_version=4)))
    return text.encode()


def windows(notebook: Notebook) -> bytes:
    """A byte order mark, and lines of the file that end in CR and LF."""
    return b"\xef\xbb\xbf" + json.dumps(notebook, ensure_ascii=False, indent=1).replace("\n", "\r\n").encode()


def windows_in_cells(notebook: Notebook) -> bytes:
    """The same, and the lines of the cells end so too; nothing but the marker comments says what they are."""
    for cell in notebook["cells"]:
        cell["source"] = [line.replace("\n", "\r\n") for line in cell["source"]]
        cell["metadata"] = {}
        del cell["id"]
    notebook |= {"metadata": {}, "nbformat_minor": 4}
    return windows(notebook)


def stripped(notebook: Notebook) -> bytes:
    """As a cleaning filter for git leaves it: no outputs, no counts, ids in a row, only named metadata of cells kept."""
    ran(notebook)
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = str(number)
        cell["metadata"] = {}
    for _, cell in code(notebook):
        cell["outputs"], cell["execution_count"] = [], None
    notebook["metadata"] = {"language_info": {"name": "python"}}
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def classic(notebook: Notebook) -> bytes:
    """An old Jupyter Notebook: nbformat 4.4 without ids of cells, the metadata kept."""
    ran(notebook)
    for cell in notebook["cells"]:
        del cell["id"]
    notebook["nbformat_minor"] = 4
    return json.dumps(notebook, ensure_ascii=False, indent=1).encode() + b"\n"


EDITORS = [
    (jupyterlab, f"{EXERCISE}.ipynb"),
    (classic, f"{EXERCISE}.ipynb"),
    (vs_code, f"{EXERCISE}.ipynb"),
    (vs_code_without_metadata, "Untitled-1.ipynb"),
    (colab, f"Copy of {EXERCISE}.ipynb"),
    (nbconvert, f"{EXERCISE}.nbconvert.ipynb"),
    (windows, f"{EXERCISE} (1).ipynb"),
    (windows_in_cells, f"{EXERCISE} (1).ipynb"),
    (stripped, f"{EXERCISE}.ipynb"),
]


def saved(editor: Callable[[Notebook], bytes], name: str, solved: str, folder: Path) -> Path:
    """The notebook as this editor saves it."""
    path = folder / name
    path.write_bytes(editor(json.loads(solved)))
    return path


def merged(path: Path, reference: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """What the judge gets of a file, if it is known for what it is."""
    submission = merge.read_submission(path)
    known = {name.parent.name: merge.answer_ids(nbformat.read(name, as_version=4)) for name in SOURCES.glob("*/reference.ipynb")}
    assert merge.identify(submission, known) == EXERCISE
    return merge.merge(reference, submission)


@pytest.fixture(scope="module")
def untouched(reference: nbformat.NotebookNode, solved: str, tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    path = tmp_path_factory.mktemp("untouched") / f"{EXERCISE}.ipynb"
    path.write_text(solved, encoding="utf-8")
    return merged(path, reference)


def test_the_untouched_file_holds_the_answers_and_the_own_cell(
    untouched: nbformat.NotebookNode, reference: nbformat.NotebookNode
) -> None:
    sources = [cell.source for cell in untouched.cells if cell.cell_type == "code"]
    assert sources.count(HELPER) == 1
    assert [source for source in sources if source != HELPER] == [
        cell.source for cell in reference.cells if cell.cell_type == "code"
    ]


@pytest.mark.parametrize(("editor", "name"), EDITORS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_judge_gets_the_same_from_every_editor(
    editor: Callable[[Notebook], bytes],
    name: str,
    solved: str,
    untouched: nbformat.NotebookNode,
    reference: nbformat.NotebookNode,
    tmp_path: Path,
) -> None:
    path = saved(editor, name, solved, tmp_path)
    assert path.read_bytes() != solved.encode()
    assert nbformat.writes(merged(path, reference)) == nbformat.writes(untouched)


def test_colab_s_file_gets_full_marks(solved: str, tmp_path: Path) -> None:
    """The one of them that keeps least, through the whole grader."""
    result = grade(saved(colab, f"Copy of {EXERCISE}.ipynb", solved, tmp_path), SOURCES)
    assert (result.exercise, result.earned, result.points) == (EXERCISE, 15, 15)
