"""The builder of the notebooks, and nbval's strictness about what it makes."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import notebooks
import pytest
from instructions import with_instructions
from plain_markdown import label_names, plain

ROOT = Path(__file__).parents[1]


# --- plain Markdown --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("myst", "markdown"),
    [
        ("a\n\nb", "a\n\nb"),
        ("(here)=\n# Title", "# Title"),
        ("% a comment\ntext", "text"),
        (":::{dropdown} Hint 1\n:open:\n\nTry.\n:::", "<details>\n<summary>Hint 1</summary>\n\nTry.\n\n</details>"),
        (":::{note}\nMind.\n\nTwice.\n:::", "> **Note**\n>\n> Mind.\n>\n> Twice."),
        ("```{tip} Look\nHere.\n```", "> **Look**\n>\n> Here."),
        (":::{prf:theorem} Little Gauss\n:label: gauss\n\nIt is so.\n:::", "**Theorem (Little Gauss).**\n\nIt is so."),
        (":::{prf:proof}\nBy {eq}`a`.\n:::", "**Proof.**\n\nBy (a)."),
        ("::::{card} Quiz\n:::{dropdown} A\nNo.\n:::\n::::", "**Quiz**\n\n<details>\n<summary>A</summary>\n\nNo.\n\n</details>"),
        ("```{math}\n:label: law\na = b\n```", "$$\na = b\n\\tag{law}\n$$"),
        (":::{dropdown} `mask`, $x$\nYes.\n:::", "<details>\n<summary><code>mask</code>, $x$</summary>\n\nYes.\n\n</details>"),
        ("{eq}`eq-law`:\n$$a = b$$ (eq-law)", "(law):\n$$a = b \\tag{law}$$"),
        ("$$\na = b\n$$ (law)", "$$\na = b \\tag{law}$$"),
        ("$$ a = b $$ as (said)", "$$ a = b $$ as (said)"),
        (":::{predict}\n:label: a-b\n\nHow many?\n\n- all\n- $n$\n:::", "> **Predict, then run**\n>\n> How many?\n>\n> - all\n> - $n$"),
        (":::{figure} a.png\n:alt: A cat\nIts caption.\n:::", "![A cat](a.png)\n\nIts caption."),
        (":::{bibliography}\n:::\nend", "end"),
        ("```python\nx = {a}  # {eq}`kept`\n% kept\n```", "```python\nx = {a}  # {eq}`kept`\n% kept\n```"),
        ("see {cite:p}`cordonnier2020,vaswani-2017`", "see [Cordonnier 2020; Vaswani 2017]"),
        ("{cite:t}`cordonnier2020` show", "Cordonnier 2020 show"),
        ("{ref}`this part <numbers>` and {doc}`other`", "this part and other"),
        ("{math}`x^2`, {term}`head`", "$x^2$, head"),
        ("[there](#law), [web](https://a.b/c)", "there, [web](https://a.b/c)"),
        ("`:::` and ```` ``` ````", "`:::` and ```` ``` ````"),
    ],
)
def test_plain(myst: str, markdown: str) -> None:
    assert plain(myst) == markdown


def test_plain_calls_labels_by_their_names() -> None:
    cells = ["(numbers)=\n\n## On numbers", ":::{prf:lemma} Small\n:nonumber:\n:label: small\nSo.\n:::", "```{prf:remark}\n:label: bare\n```"]
    names = label_names(cells)
    assert names == {"numbers": "On numbers", "small": "Lemma (Small)", "bare": "Remark"}
    assert plain("{ref}`numbers`, {prf:ref}`small`, [](#bare), {prf:ref}`not-here`", names) == (
        "On numbers, Lemma (Small), Remark, not here"
    )


def test_plain_asks_for_the_closing_fence() -> None:
    with pytest.raises(ValueError, match="closing fence ::: for the line ':::{note}' is expected"):
        plain("text\n\n:::{note}\nnever closed")


# --- what all exercises say ------------------------------------------------------------------


TWO_TASKS = """
:::{how-to-answer}
:::

```{code-cell} python
1
```

## One

:::{effort}
:difficulty: 2
:time: 5–10 minutes
:::

```{code-cell} python
:check: one-a
:points: 2
```

```{code-cell} python
:check: one-b
:points: 1
```

## Two

:::{effort}
:difficulty: 5
:time: an hour
:::

```{code-cell} python
:check: two-a
:points: 4
```
"""


def instructed(text: str) -> str:
    """The Markdown of a source, with the instructions written out."""
    cells = with_instructions(jupytext.reads(text, fmt="md:myst"), "90-toy").cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_instructions_count_exercises_and_points() -> None:
    text = instructed(TWO_TASKS)
    assert text.startswith("Two exercises, 7 points.\n") and "`make grade FILE=exercises/90-toy.ipynb`" in text
    assert "**Difficulty** ●●○○○ (2 of 5) · **Time** 5–10 minutes · **Points** 3\n" in text
    assert text.endswith("**Difficulty** ●●●●● (5 of 5) · **Time** an hour · **Points** 4")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (":difficulty: 5", ":difficulty: 6", ":::{effort} is not written as"),
        (":time: an hour\n", "", ":::{effort} is not written as"),
        (":check: two-a\n:points: 4\n", "", "checks with points are expected below each effort, got none below number 2"),
    ],
)
def test_instructions_that_are_wrong_are_named(old: str, new: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        instructed(TWO_TASKS.replace(old, new))


# --- building --------------------------------------------------------------------------------


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def test_a_chapter_is_built_with_text_outputs_only(built_toy: Path) -> None:
    notebook = read(built_toy / "chapters/01-toy.ipynb")
    nbformat.validate(notebook)
    assert [cell.id for cell in notebook.cells] == [f"c{n:02}" for n in range(1, len(notebook.cells) + 1)]
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 1, 1]
    assert [cell.outputs[0].get("text") for cell in code] == ["the sum is 45\n", None, None]
    assert code[1].outputs[0] == {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": "90"}}
    assert code[2].outputs[0] == {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "a pixel"}}
    assert notebook.metadata == notebooks.METADATA
    assert notebook.cells[2].source.endswith(
        "**1. What is `10 * 10`?**\n\n"
        "<details>\n<summary>A. $10^2$</summary>\n\n**Right.** It is (gauss) no more.\n\n</details>\n\n"
        "<details>\n<summary>B. 90</summary>\n\n**Not this one.** That is `9 * 10`.\n\n</details>"
    )
    assert "[here](../exercises/90-toy.ipynb)" in notebook.cells[0].source
    assert "Theorem (Little Gauss) and (gauss) say" in notebook.cells[2].source
    assert notebooks.stored_faults(notebook) == []


def test_an_exercise_is_built_for_learner_and_grader(built_toy: Path) -> None:
    reference = read(built_toy / "exercises/sources/90-toy/reference.ipynb")
    learner = read(built_toy / "exercises/90-toy.ipynb")
    for notebook in (reference, learner):
        nbformat.validate(notebook)
        assert notebook.metadata.conv2attn.exercise == "90-toy"
    assert [cell.id for cell in reference.cells] == [cell.id for cell in learner.cells]

    solved, stub = (next(cell for cell in nb.cells if cell.id == "add-one-double") for nb in (reference, learner))
    assert solved.source.startswith("# answer: add-one-double\ndef add_one_double(x):\n    ### BEGIN SOLUTION\n")
    assert stub.source == '# answer: add-one-double\ndef add_one_double(x):\n    raise NotImplementedError("your answer here")'
    assert solved.metadata.nbgrader == {
        "schema_version": 3, "grade_id": "add-one-double", "grade": False,
        "solution": True, "locked": False, "task": False, "cell_type": "code",
    }  # fmt: skip
    check = next(cell for cell in reference.cells if cell.id == "add-one-double-value")
    assert check.metadata.nbgrader == {
        "schema_version": 3, "grade_id": "add-one-double-value", "grade": True, "points": 2,
        "solution": False, "locked": True, "task": False, "cell_type": "code",
    }  # fmt: skip
    assert check.metadata.conv2attn.answer == "add-one-double"  # not add-one: the longest id owns it
    given = next(cell for cell in learner.cells if cell.id == check.id)
    assert given.source == check.source
    assert given.metadata.tags == ["raises-exception"] and "tags" not in check.metadata  # "Run all" goes on
    assert notebooks.stored_faults(reference) == []
    assert all(cell.execution_count is None and not cell.outputs for cell in learner.cells if cell.cell_type == "code")
    assert "SOLUTION" not in nbformat.writes(learner)


def test_building_again_gives_the_same_bytes(built_toy: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests/toy", tmp_path, dirs_exist_ok=True)
    assert notebooks.build(notebooks.sources(tmp_path)) == []
    for path in built_toy.glob("**/*.ipynb"):
        assert (tmp_path / path.relative_to(built_toy)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("1 / 0", "cell 2 (1 / 0) fails: ZeroDivisionError: division by zero"),
        ("import os\nos._exit(1)", "cell 2 (import os) fails: Kernel died"),
        ("import sys\nprint('oh', file=sys.stderr)", "code cell 1 (import sys) writes to stderr: oh"),
        ("1  # NBVAL_SKIP", "code cell 1 (1  # NBVAL_SKIP): NBVAL_SKIP would hide it from nbval"),
    ],
)
def test_a_cell_that_fails_leaves_what_was_there(toy: Path, code: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    source = toy / "chapters/01-toy.md"
    before = source.with_suffix(".ipynb").read_bytes()
    header = "---\n" + source.read_text().split("---\n")[1] + "---\n"
    source.write_text(f"{header}\n# Title\n\n```{{code-cell}} python\n{code}\n```\n")
    assert notebooks.main(["build", str(source)], toy) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"{source}: {says}")
    assert source.with_suffix(".ipynb").read_bytes() == before
    assert not list(toy.glob("**/*.tmp"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (":check: add-one-value", ":check: double-small", "the id double-small is given twice"),
        (":check: add-one-value", ":check: plus-one-value", "plus-one-value belongs to no answer before it"),
        (":points: 1\n\ncompare(\"add", "compare(\"add", "a whole number of points is expected for the check add-one-value, got None"),
        (":points: 2\n\ncompare(\"add", ":points: 0\n\ncompare(\"add", "a whole number of points is expected for the check add-one-double-value, got 0"),
        (":answer: double", ":answer: Double it", "an id of lower-case words joined by hyphens (64 characters at most) is expected, got 'Double it'"),
        (":answer: double\n", ":answer: double\n:points: 3\n", "points belong to checks, got them on the answer double"),
        (":answer: double\n", "", "a solution in a cell without :answer:"),
        ("    ### END SOLUTION\n```\n\n```{code-cell} python\n:check: add-one-value", "```\n\n```{code-cell} python\n:check: add-one-value",
         "lines ### BEGIN SOLUTION and ### END SOLUTION in pairs are expected in the answer add-one"),
        (":check: add-one-value\n:points: 1", "", "every answer needs a check, got none for add-one"),
        (":answer: add-one\n", ":answer: c02\n", "unique cell ids are expected, got c02 twice"),
        (":::{dropdown} Hint 1", '+++ {"answer": "why"}\n\nBecause.\n\n+++\n\n:::{dropdown} Hint 1',
         "a whole number of points is expected for the answer why in Markdown, got None"),
        (":::{dropdown} Hint 1", '+++ {"check": "why", "points": 1}\n\nBecause.\n\n+++\n\n:::{dropdown} Hint 1',
         "a code cell is expected for the check why, got Markdown"),
        ("Return twice", ":::{note}\nReturn twice", "cell 3: a closing fence ::: for the line ':::{note}' is expected"),
        (":::{dropdown} Hint 1", "::::{dropdown} Hint 1", "Hint 1, Hint 2, Hint 3, in one cell below the answer double, are expected, got Hint 2, Hint 3"),
        ("Hint 3\nIt is two", "Hint 4\nIt is two", "in one cell below the answer double, are expected, got Hint 1, Hint 2, Hint 4"),
        ("Hint 3\nDouble", "Rubric\nDouble", "in one cell below the answer add-one-double, are expected, got Hint 1, Hint 2"),
        (":::{dropdown} Hint 2\nWhat comes", "Now\n\n:::{dropdown} Hint 2\nWhat comes", "nothing between the hints of the answer add-one is expected"),
        ("## Double", ":::{dropdown} Hint 1\nEarly.\n:::\n\n## Double", "an answer before its hints is expected, got none before Hint 1"),
        ("---\njupytext", "jupytext", "a MyST notebook with a jupytext header is expected"),
    ],
)  # fmt: skip
def test_a_source_that_is_wrong_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    shutil.copytree(ROOT / "tests/toy", tmp_path, dirs_exist_ok=True)
    source = tmp_path / "exercises/sources/90-toy/exercise.md"
    text = source.read_text()
    assert old in text
    source.write_text(text.replace(old, new, 1).replace("add-one-value", "c02-value" if "c02" in new else "add-one-value"))
    with pytest.raises(ValueError) as raised:
        notebooks.targets(source)
    assert str(raised.value).startswith(f"{source}: ") and says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_paths_on_the_command_line(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert notebooks.main(["check", str(toy / "exercises/sources/90-toy")], toy) == 0
    assert notebooks.main(["--check"], toy) == 0
    assert "2 sources, their notebooks up to date" in capsys.readouterr().out
    for wrong in ("nowhere.md", str(toy / "chapters/01-toy.ipynb"), str(toy)):
        assert notebooks.main(["build", wrong], toy) == 1
        assert capsys.readouterr().err == f"{wrong}: a chapter's .md or an exercise's folder is expected\n"
    assert notebooks.main(["check"], toy / "chapters") == 1
    assert "no chapter and no exercise found" in capsys.readouterr().err


# --- drift -----------------------------------------------------------------------------------


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


CHAPTER, NOTEBOOK, QUIZ = "chapters/01-toy.md", "chapters/01-toy.ipynb", "chapters/01-toy.quiz.yml"
EXERCISE, LEARNER = "exercises/sources/90-toy/exercise.md", "exercises/90-toy.ipynb"
PICTURE = '"text/plain": [\n       "a pixel'


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (CHAPTER, "# Numbers", "# Sums", "01-toy.ipynb: cell 1 differs (# Sums)"),
        (CHAPTER, "9 * 10", "9 * 11", "01-toy.ipynb: cell 4 differs (9 * 11)"),
        (CHAPTER, "9 * 10\n```", "9 * 10\n```\n+++\nmore", "cell 5 differs (more)"),
        (QUIZ, "That is", "It is", "01-toy.ipynb: cell 3 differs"),
        (QUIZ, "      right: true\n", "", "01-toy.md: 01-toy.quiz.yml, question next-square: expected one option with `right: true`, got none"),
        (NOTEBOOK, "range(10)", "range(11)", "cell 2 differs"),
        (NOTEBOOK, '"name": "python3"', '"name": "mine"', "metadata or layout differs"),
        (NOTEBOOK, '\n "cells"', '\n  "cells"', "metadata or layout differs"),
        (NOTEBOOK, '"execution_count": 1', '"execution_count": null', "execution_count 1 is expected, got None"),
        (NOTEBOOK, PICTURE, f'"image/png": "iVBO",\n      {PICTURE}', "a picture, a widget view or metadata is stored"),
        (EXERCISE, ":points: 1", ":points: 3", "reference.ipynb: cell 5 differs"),
        (LEARNER, '"execution_count": null', '"execution_count": 7', "90-toy.ipynb: cell 2 differs"),
        (LEARNER, "{", "", "90-toy.ipynb: not a notebook"),
    ],
)
def test_drift_is_found(
    toy: Path, file: str, old: str, new: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(toy / file, old, new)
    assert notebooks.main(["check"], toy) == 1
    assert says in capsys.readouterr().err.splitlines()[0]


def test_missing_notebooks_and_orphans_are_found(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (toy / LEARNER).rename(toy / "exercises/91-old.ipynb")
    assert notebooks.main(["check"], toy) == 1
    assert capsys.readouterr().err == f"{toy / LEARNER}: missing\n"
    shutil.copy(toy / "exercises/91-old.ipynb", toy / LEARNER)
    assert notebooks.main(["check"], toy) == 1
    assert capsys.readouterr().err == f"{toy / 'exercises/91-old.ipynb'}: no source makes this notebook\n"


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (nbformat.v4.new_output("error", ename="E", evalue="", traceback=[]), "an error is stored"),
        (nbformat.v4.new_output("display_data", {"image/png": "iVBO"}), "a picture, a widget view or metadata is stored"),
        (nbformat.v4.new_output("display_data", {"text/plain": "1"}, metadata={"a": 1}), "a picture, a widget view or metadata is stored"),
    ],
)
def test_what_may_not_be_stored(output: nbformat.NotebookNode, says: str) -> None:
    cell = nbformat.v4.new_code_cell("1", execution_count=1, outputs=[output])
    faults = notebooks.stored_faults(nbformat.v4.new_notebook(cells=[cell]))
    assert faults and faults[0] == f"code cell 1 (1): {says}"


def test_the_course_is_up_to_date() -> None:
    assert notebooks.check(notebooks.sources(ROOT), ROOT) == []


def test_checking_needs_no_torch() -> None:
    code = "import sys, notebooks; notebooks.main(['check']); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / "tools", check=True, capture_output=True)


# --- nbval is strict -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def nbval_report(built_toy: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """pytest's short report on copies of the toy chapter, each with something else wrong."""
    folder = tmp_path_factory.mktemp("strict")
    shutil.copy(ROOT / "conftest.py", folder)
    for name in ("right", "number", "never-ran", "skipped", "tagged"):
        shutil.copy(built_toy / NOTEBOOK, folder / f"{name}.ipynb")
    for name in ("number", "skipped"):
        edit(folder / f"{name}.ipynb", "the sum is 45", "the sum is 46")
    edit(folder / "skipped.ipynb", '"total = sum', '"# NBVAL_SKIP\\n",\n    "total = sum')
    edit(folder / "tagged.ipynb", '"hide-input"', '"nbval-ignore-output"')
    edit(folder / "tagged.ipynb", '"90"', '"91"')
    never_ran = read(folder / "never-ran.ipynb")
    never_ran.cells[1].update(execution_count=None, outputs=[])
    nbformat.write(never_ran, folder / "never-ran.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env"]
    command += ["-q", "-rA", "--color=no", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tools")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.stdout


@pytest.mark.parametrize(
    ("notebook", "red"),
    [
        ("right", []),
        ("number", ["Cell 0"]),
        ("never-ran", ["stored outputs"]),
        ("skipped", ["stored outputs"]),
        ("tagged", ["stored outputs"]),
    ],
)
def test_nbval_can_fail(nbval_report: str, notebook: str, red: list[str]) -> None:
    lines = [line for line in nbval_report.splitlines() if line.startswith(("PASSED", "FAILED")) and f"{notebook}.ipynb::" in line]
    failed = [line.partition("::")[2].partition(" - ")[0] for line in lines if line.startswith("FAILED")]
    assert failed == red, nbval_report
    assert len(lines) + (notebook == "skipped") == 4  # three cells and the notebook; one cell may be skipped
