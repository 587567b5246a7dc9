"""The points so far: every check knows its points, and a notebook shows them below the line of a check that passes."""

import importlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import nbformat
import notebooks  # tools/
import pytest
from conv2attn.checks import score
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
EXERCISES = sorted(path.parent.name for path in ROOT.glob("exercises/sources/*/exercise.md"))


def checks(exercise: str) -> dict[str, nbformat.NotebookNode]:
    """The check cells of a learner's notebook, by id."""
    cells = nbformat.read(ROOT / f"exercises/{exercise}.ipynb", as_version=4).cells
    return {cell.id: cell for cell in cells if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade")}


def public(module: object) -> dict[str, Callable[..., None]]:
    """The public functions that a module of checks defines."""
    mine = {name: value for name, value in vars(module).items() if callable(value) and not name.startswith("_")}
    return {name: value for name, value in mine.items() if value.__module__ == module.__name__}


@pytest.mark.parametrize("exercise", EXERCISES)
def test_every_check_is_known_by_its_name_and_has_its_points(exercise: str) -> None:
    cells, module = checks(exercise), importlib.import_module(f"conv2attn.checks.chapter{exercise[:2]}")
    called = {name: re.match(r"check\.(\w+)\(", cell.source)[1] for name, cell in cells.items()}
    assert called == {name: name.replace("-", "_") for name in cells}
    assert set(public(module)) == set(called.values())
    assert all(hasattr(function, "__wrapped__") for function in public(module).values()), "@core.check is missing"
    stored = score.points()[f"chapter{exercise[:2]}"]
    assert stored == {name: cell.metadata.nbgrader.points for name, cell in cells.items()}


def test_points_of_no_other_exercise_are_stored() -> None:
    assert len(score.points()) == len(EXERCISES)


def test_a_check_that_fails_again_takes_its_points_back() -> None:
    mine, worth = score.Score(), {"chapter90": {"a": 1, "b": 2}}
    mine.record("chapter90", "a", True)
    mine.record("chapter90", "b", True)
    mine.record("chapter90", "b", True)
    mine.record("chapter91", "a", True)
    assert repr(mine.so_far("chapter90", worth)) == "Points so far: 3 of 3, all of them"
    mine.record("chapter90", "b", False)
    mine.record("chapter90", "b", False)
    so_far = mine.so_far("chapter90", worth)
    assert repr(so_far) == "Points so far: 1 of 3"
    assert "width:33%" in so_far._repr_html_() and "Points so far: 1 of 3</div>" in so_far._repr_html_()
    assert mine.so_far("chapter91", worth) is None


def run(sources: Sequence[str], monkeypatch: pytest.MonkeyPatch, judge: str | None) -> list[list[nbformat.NotebookNode]]:
    """The outputs of these cells in one kernel, as a learner's is where `judge` is None."""
    monkeypatch.setenv("CONV2ATTN_JUDGE", judge) if judge else monkeypatch.delenv("CONV2ATTN_JUDGE", raising=False)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    NotebookClient(notebook, allow_errors=True, timeout=120, coalesce_streams=True).execute()
    return [cell.outputs for cell in notebook.cells]


def test_a_notebook_shows_them_and_the_judge_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    exercise = "08-convolution-as-attention"
    cells = nbformat.read(ROOT / f"exercises/sources/{exercise}/reference.ipynb", as_version=4).cells
    source = {cell.id: cell.source for cell in cells}
    steps = ["c02", "tap-logits", "tap-logits-values", "tap-logits-aim", "tap-logits-values"]
    right = [source[name] for name in steps]
    wrong = ["def tap_logits(size, shift, alpha):\n    return None", source["tap-logits-aim"], source["tap-logits"]]
    outputs = run([*right, *wrong, source["tap-logits-values"]], monkeypatch, None)

    def said(outputs: Sequence[nbformat.NotebookNode]) -> list[str]:
        return [output.data["text/plain"] for output in outputs if output.output_type == "display_data"]

    lines = [said(cell) for cell in outputs]
    assert lines[2:5] == [["Points so far: 2 of 15"], ["Points so far: 3 of 15"], ["Points so far: 3 of 15"]]
    assert [output.output_type for output in outputs[2]] == ["stream", "display_data"]
    assert outputs[2][0].text.startswith("✓ tap_logits: ") and outputs[2][0].text.count("\n") == 1
    assert outputs[2][1].data["text/html"].endswith("Points so far: 2 of 15</div>")
    (failed,) = outputs[6]
    (line,) = failed.traceback
    assert re.fullmatch(r"✗ tap_logits.*: expected a tensor, got None: did you forget to return\?", line)
    assert lines[8] == ["Points so far: 2 of 15"]

    judged = run(right, monkeypatch, "1")
    stored = {cell.id: cell.outputs for cell in cells if cell.cell_type == "code"}
    assert judged[2:] == [stored[name] for name in steps[2:]]


def test_other_points_than_stored_are_drift(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = toy / notebooks.POINTS
    stored.parent.mkdir(parents=True)
    assert notebooks.main(["check"], toy) == 1
    assert "points.json: other points than the exercises have" in capsys.readouterr().err
    source = toy / "exercises/sources/90-toy/exercise.md"
    assert notebooks.main(["build", str(source)], toy) == 0
    wanted = {"double-small": 1, "double-large": 2, "add-one-value": 1, "add-one-double-value": 2}
    assert json.loads(stored.read_text())["chapter90"] == wanted
    assert notebooks.main(["check"], toy) == 0
    stored.write_text(stored.read_text().replace("2", "3"))
    assert notebooks.main(["check"], toy) == 1
