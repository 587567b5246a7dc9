"""A class that never was: submissions of one exercise, made from its banks, to try the grading of a class on.

    python tools/make_class.py 500 build/class --exercise 08-convolution-as-attention

Most students take a right or a wrong answer from the bank for each task; every tenth hands in
something that is hostile or broken. Beside the folder, expected.json tells who is who.
"""

import argparse
import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "exercises/sources"
Text = Callable[[str], str]

# What stands in place of one answer. The rest of the notebook is right or wrong as others' are.
HOSTILE = {
    "exits": "import os\nos._exit(0)",
    "loops": "while True:\n    pass",
    "loops and holds on": "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
    "sleeps": "import time\ntime.sleep(10**6)",
    "takes memory": "held = []\nwhile True:\n    held.append(bytearray(b'x' * 2**24))",
    "forks": "import os\nwhile True:\n    os.fork()",
    "kills": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos.kill(-1, signal.SIGKILL)\nos._exit(1)",
    "asks": "input()",
    "patches torch": "import torch\ntorch.allclose = torch.equal = torch.isclose = lambda *a, **k: True\nraise SystemExit",
    "patches the checks": "from conv2attn.checks import core\ncore.compare = core.fail = lambda *a, **k: None\nraise SystemExit",
    "fills the disk": "for number in range(10**6):\n    open(f'{number}', 'wb').write(bytes(2**24))",
}
# What becomes of the whole file.
BROKEN: dict[str, Text] = {
    "empty": lambda text: "",
    "cut off": lambda text: text[: len(text) // 2],
    "binary": lambda text: "\x89PNG\r\n\x1a\n\x00\x00",
    "a list": lambda text: "[]",
    "a conflict": lambda text: f"<<<<<<< HEAD\n{text}\n=======\n{text}\n>>>>>>> theirs\n",
}


def banks(exercise: str) -> dict[str, list[str]]:
    """Every variant of every answer of an exercise."""
    files = sorted((SOURCES / exercise / "variants").glob("*.py"))
    return {file.stem: [cell.source for cell in jupytext.read(file, fmt="py:percent").cells] for file in files}


def rights(exercise: str) -> dict[str, list[str]]:
    """The right ones among them."""
    files = sorted((SOURCES / exercise / "variants").glob("*.py"))
    return {
        file.stem: [cell.source for cell in jupytext.read(file, fmt="py:percent").cells if cell.metadata.get("right")]
        for file in files
    }


def make(number: int, folder: Path, exercise: str, seed: int = 0) -> dict[str, Any]:
    """Write `number` submissions into `folder`; student -> what kind of submission it is.

    Raises:
        ValueError: no students, or an exercise without a bank.
    """
    if number < 1:
        raise ValueError(f"at least one student is expected, got {number}")
    every, right = banks(exercise), rights(exercise)
    if not every:
        raise ValueError(f"an exercise with a bank is expected, got {exercise}")
    learner = nbformat.read(ROOT / "exercises" / f"{exercise}.ipynb", as_version=4)
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    kinds: dict[str, Any] = {}
    mischief = [*HOSTILE, *BROKEN]
    for n in range(number):
        student, kind = f"student-{n:03}", "honest"
        notebook: NotebookNode = nbformat.from_dict(learner)
        answers = {answer: draw.choice(right[answer] if draw.random() < 0.7 else every[answer]) for answer in every}
        if n % 10 == 9:
            kind = mischief[(n // 10) % len(mischief)]
            if kind in HOSTILE:
                answers[draw.choice(sorted(answers))] = HOSTILE[kind]
        for cell in notebook.cells:
            if cell.id in answers:
                cell.source = f"# answer: {cell.id}\n{answers[cell.id]}"
        text = nbformat.writes(notebook)
        (folder / f"{student}.ipynb").write_text(BROKEN[kind](text) if kind in BROKEN else text, encoding="utf-8")
        kinds[student] = kind
    (folder.parent / "expected.json").write_text(json.dumps(kinds, indent=1), encoding="utf-8")
    return kinds


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("number", type=int)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--exercise", default="08-convolution-as-attention")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    try:
        kinds = make(options.number, options.folder, options.exercise, options.seed)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(
        f"{len(kinds)} submissions in {options.folder}, {sum(kind != 'honest' for kind in kinds.values())} of them hostile or broken"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
