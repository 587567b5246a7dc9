"""The skeleton of an exercise builds, and its bank passes as soon as it is filled.

In a copy of the package and the tools, so that its checks are a module of that package.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import new_exercise
import pytest

ROOT = Path(__file__).resolve().parents[1]
EVERYTHING = 'fails=["centre-rows-values", "centre-rows-edge"]'
# What an author would fill in: a misconception, or a style, an entry.
WRONG = {
    f'{EVERYTHING} says="each column"': "x - x.mean(0)",
    f'{EVERYTHING} says="whole table"': "x - x.mean()",
    f'{EVERYTHING} says="sum taken away"': "x - x.sum(1, keepdim=True)",
    f'{EVERYTHING} says="mean added"': "x + x.mean(1, keepdim=True)",
    f'{EVERYTHING} says="expected 2.5, got 2 "': "(x - x.mean(1, keepdim=True)).floor()",
    'fails=["centre-rows-edge"] says="left as it is"': "x - x.mean(1, keepdim=True) if x.shape[1] > 1 else x",
}
RIGHT = [
    "torch.stack([row - row.mean() for row in x])",
    "(x.T - x.mean(1)).T",
    "x @ (torch.eye(x.shape[1]) - 1 / x.shape[1]).double()",
]


def run(root: Path, *arguments: str) -> tuple[int, str]:
    """Exit status and output of a tool in the copy."""
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of one exercise, its skeleton, built. To be read, not changed."""
    root = tmp_path_factory.mktemp("project")
    for folder in ("conv2attn", "tools"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "_config.yml", root)  # the last hint leads to the solution on the site
    (root / "exercises/sources").mkdir(parents=True)
    status, said = run(root, "tools/new_exercise.py", "99-dictionary")
    assert status == 0 and "make variants NAME=99" in said
    status, said = run(root, "tools/notebooks.py", "build")
    assert status == 0, said
    return root


def test_an_empty_bank_is_told_entry_by_entry(made: Path) -> None:
    status, said = run(made, "tools/variants.py", "99")
    assert status == 1
    assert said.count("→ it is not written yet") == 6
    assert said.count("fails a right answer: ✗ centre_rows: not answered yet") == 3 * 2
    lacks = said.partition("9 variants, 9 marked ✗\n")[2].splitlines()
    assert lacks == [f"centre-rows-{check}: no wrong variant fails it" for check in ("values", "edge")]


def test_a_filled_bank_passes(made: Path) -> None:
    bank = made / "exercises/sources/99-dictionary/variants/centre-rows.py"
    skeleton = bank.read_text("utf-8")
    assert skeleton.count("# %% wrong=") == len(WRONG) and skeleton.count("# %% right=") == len(RIGHT)
    bodies, declared = iter([*WRONG.values(), *RIGHT]), iter(WRONG)
    text = re.sub(r"raise NotImplementedError\(.*\)", lambda match: f"return {next(bodies)}", skeleton)
    text = re.sub(r'fails=\[\] says=""', lambda match: next(declared), text)
    bank.write_text(text, "utf-8")
    try:
        status, said = run(made, "tools/variants.py", "99")
    finally:
        bank.write_text(skeleton, "utf-8")
    assert status == 0 and said.endswith("\n9 variants, 0 marked ✗\n"), said


def test_nothing_is_overwritten(made: Path) -> None:
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    for name in ("99-dictionary", "99-another"):
        assert run(made, "tools/new_exercise.py", name) == (
            1,
            "exercises/sources/99-dictionary exists and stays as it is: choose another number\n",
        )
    assert {path: path.read_bytes() for path in made.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["", "9-dictionary", "09", "09-Dictionary", "09-dictionary/..", "09_dictionary"])
def test_a_name_of_another_form_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a name such as 09-dictionary is expected"):
        new_exercise.skeleton(name, tmp_path)
