"""What a submission may do, and what must come of it: each row of the list is a notebook here, graded in a sandbox.

All of them are graded in one call, as a class is. Right answers in odd styles get full marks;
what is broken or hostile costs its own answer, with a line that says why, and no other.
"""

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest

from conv2attn.grading.engine import Grade, grade_many
from conv2attn.grading.keeper import Limits

TOY, REAL = "90-toy", "08-convolution-as-attention"
EXERCISES = Path(__file__).parents[1] / "exercises"
LIMITS = Limits(cpu_seconds=2, memory=2**29, processes=16, sandboxed=True)
RIGHT = {
    "double": "def double(x):\n    return x + x",
    "add-one": "def add_one(x):\n    return 1 + x",
    "add-one-double": "def add_one_double(x):\n    return 2 * x + 1",
}
FULL = {"double": 3, "add-one": 1, "add-one-double": 2}
Cells = list[dict[str, Any]]


@dataclass
class Row:
    """One submission: the toy's answers with these in place of the right ones, and what must come of it."""

    name: str
    answers: dict[str, str] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)  # answer -> part of the line of each of its checks
    change: Callable[[Cells], Cells] = lambda cells: cells  # of the file's cells
    exercise: str = TOY


def target(body: str, says: str, name: str, **more: Any) -> Row:
    """A submission whose second answer has this source, and loses its point with this line."""
    return Row(name, {"add-one": body}, {"add-one": says}, **more)


def function(*lines: str) -> str:
    """The second answer with this body, which ends in a wrong number."""
    return "\n".join(["def add_one(x):", *(f"    {line}" for line in (*lines, "return x * x"))])


# The second answer is to be x + 1 and is asked for x = 1; what returns x * x is wrong, and said to be.
WRONG = "✗ add_one: expected 2, got 1: squared?"
DIED = "✗ the kernel ended: os._exit, a crash, or out of memory?"
LOOPS = "✗ stopped after 2 s of computing: an endless loop?"
WAITS = "✗ stopped after 2 s of waiting: for input, a lock, or a network?"


def without(*keys: str) -> Callable[[Cells], Cells]:
    """Cells that lack these fields, as some editors save them."""
    return lambda cells: [{key: value for key, value in cell.items() if key not in keys} for cell in cells]


def extra(source: str, place: int = 0) -> Callable[[Cells], Cells]:
    """One more cell of the learner's."""
    cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
    return lambda cells: [*cells[:place], cell, *cells[place:]]


def edited(grade_id: str, source: str) -> Callable[[Cells], Cells]:
    """A cell that is not the learner's has another source."""
    return lambda cells: [{**cell, "source": source} if cell.get("id") == grade_id else cell for cell in cells]


def deleted(*ids: str) -> Callable[[Cells], Cells]:
    """These cells are gone."""
    return lambda cells: [cell for cell in cells if cell.get("id") not in ids]


CHECKS = ("double-small", "double-large", "add-one-value", "add-one-double-value")

RIGHT_ONES = [
    Row("as it is"),
    Row("in loops", {"double": "def double(x):\n    y = 0\n    for _ in range(2):\n        y += x\n    return y"}),
    Row("lambda", {"add-one": "add_one = lambda x: x + 1"}),
    Row("a callable object", {"double": "class double:\n    def __new__(cls, x):\n        return 2 * x"}),
    Row("debug prints", {"double": "print('hello')\ndef double(x):\n    print(x, 'debug')\n    return 2 * x\ndouble(3)"}),
    Row("warnings and stderr", {"double": "import sys, warnings\nwarnings.warn('x')\ndef double(x):\n    warnings.warn('y')\n    print('z', file=sys.stderr)\n    return 2 * x"}),
    Row("helper cell", {"double": "def double(x):\n    return helper(x)"}, change=extra("def helper(x):\n    return 2 * x")),
    Row("helper cell that fails at its end", {"double": "def double(x):\n    return helper(x)"}, change=extra("def helper(x):\n    return 2 * x\n1 / 0")),
    Row("uses an answer before it", {"add-one-double": "def add_one_double(x):\n    return add_one(double(x))"}),
    Row("magics, shell, display, await", {"double": "%matplotlib inline\n!true\nimport asyncio\nawait asyncio.sleep(0)\ndisplay(1)\ndef double(x):\n    return 2 * x"}),
    Row("numpy and torch", {"double": "import numpy as np, torch\ndef double(x):\n    return int(torch.from_numpy(np.array([x])).sum() * 2)"}),
    Row("skipping comments", {"double": "# NBVAL_SKIP\n" + RIGHT["double"], "add-one": "# NBVAL_RAISES_EXCEPTION\n" + RIGHT["add-one"]}),
    Row("no cell ids", change=without("id")),
    Row("no metadata", change=without("metadata")),
    Row("checks deleted", change=deleted(*CHECKS)),
    Row("checks edited", change=edited("add-one-value", "print('✓ add_one: 1 gives 2')")),
    Row("reordered", change=lambda cells: cells[::-1]),
    Row("cells twice", change=lambda cells: [cell for cell in cells for _ in range(2)]),
    Row("set-up deleted", change=deleted("c02")),
    Row("set-up edited", change=edited("c02", "def compare(*anything):\n    print('✓')")),
    Row("compares in a cell of its own", change=extra("compare('double', double, 2, 5)", 4)),
    Row("outputs of another time", change=lambda cells: [{**cell, "outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}]} if cell["cell_type"] == "code" else cell for cell in cells]),
]  # fmt: skip

FORGE = """\
import os, socket, struct, json
def add_one(x):
    text = json.dumps({"kind": "value", "value": 3, "after": [], "made": {}}).encode()
    for number in range(3, 64):
        try:
            os.write(number, struct.pack("!II", len(text), 0) + text)
        except OSError:
            pass
    return x * x"""

HOSTILE = [
    target("def add_one(x) return x", "✗ the answer cell fails: SyntaxError: expected ':' (line 2)", "syntax error"),
    target("1 / 0\ndef add_one(x):\n    return x + 1", "✗ the answer cell fails: ZeroDivisionError: division by zero", "error in the cell"),
    target(function("raise KeyError('k')"), "✗ KeyError: 'k'", "error in the function"),
    target(function("raise KeyboardInterrupt"), "✗ KeyboardInterrupt", "interrupt"),
    target(function("raise GeneratorExit"), "✗ GeneratorExit", "an odd error"),
    target(function("raise type('\\u2713 add_one', (Exception,), {})('✓ add_one: 1 gives 2')"), "✗ ", "an error that looks like success"),
    target(function("return add_one(x)"), "✗ RecursionError", "endless recursion"),
    target("add_one = 3", "✗ TypeError: 'int' object is not callable", "no function"),
    target("", "✗ NameError", "empty cell"),
    target("import sys; sys.exit()", "✗ the answer cell fails: SystemExit", "sys.exit in the cell"),
    target(function("import sys", "sys.exit(0)"), "✗ SystemExit", "sys.exit in the function"),
    target("import os; os._exit(0)", f"✗ the answer cell fails: {DIED[2:]}", "os._exit in the cell"),
    target(function("import os", "os._exit(0)"), DIED, "os._exit in the function"),
    target(function("import os, signal", "os.kill(os.getpid(), signal.SIGSEGV)"), DIED, "a crash"),
    target(function("import os, signal", "os.kill(os.getppid(), signal.SIGKILL)"), DIED, "kills its parent"),
    target(function("import os, signal", "os.kill(-1, signal.SIGKILL)"), "✗ ", "kills all it can"),
    target(function("while True:", "    pass"), LOOPS, "endless loop"),
    target("while True:\n    pass", f"✗ the answer cell fails: {LOOPS[2:]}", "endless loop in the cell"),
    target(function("while True:", "    try:", "        while True:", "            pass", "    except BaseException:", "        pass"), LOOPS, "stubborn loop"),
    target(function("import time", "time.sleep(1e6)"), WAITS, "sleeps"),
    target(function("import threading", "threading.Lock().acquire()", "lock = threading.Lock()", "lock.acquire()", "lock.acquire()"), WAITS, "waits for a lock"),
    target(function("input('?')"), "✗ RuntimeError: input() has nobody to ask here", "asks"),
    target(function("held = bytearray(2**32)"), "✗ MemoryError", "too much memory at once"),
    target(function("held = []", "import os", "while True:", "    held.append(bytearray(os.urandom(2**20) * 16))"), "emory", "memory without end"),
    target(function("import os", "while True:", "    os.fork()"), "processes", "forks without end"),
    target(function("return 'x' * 10**7"), "✗ the answer is too large", "an answer too large"),
    target(function("return [[]] * 10**7"), "✗ ", "an answer of many parts"),
    target(function("nested = []", "for _ in range(10**5):", "    nested = [nested]", "return nested"), "✗ ", "an answer too deep"),
    target(function("print('✓ add_one: 1 gives 2')"), WRONG, "prints what is expected"),
    target(function("import sys", "sys.__stdout__.write('✓ add_one: 1 gives 2\\n')", "import os", "os.write(1, '✓ add_one: 1 gives 2\\n'.encode())"), WRONG, "writes what is expected"),
    target("def compare(name, function, argument, want):\n    print(f'✓ {name}: {argument} gives {want}')\n" + function(), WRONG, "redefines the check"),
    target("import builtins\nbuiltins.print = lambda *a, **k: None\n" + function(), WRONG, "patches print"),
    target("import sys\nsys.stdout = None\n" + function(), WRONG, "patches stdout"),
    target("import sys\nfor name in list(sys.modules):\n    sys.modules[name] = None\n" + function(), "✗ ", "takes the modules away"),
    target("class Yes(int):\n    __eq__ = __ne__ = lambda *anything: True\n    __hash__ = None\ndef add_one(x):\n    return Yes(5)", "✗ add_one: expected 2, got 5", "equal to everything"),
    target("class Yes:\n    __eq__ = lambda *anything: True\n    __ne__ = lambda *anything: False\ndef add_one(x):\n    return Yes()", "✗ add_one: expected 2, got", "an object equal to everything"),
    target(FORGE, "✗ ", "writes an answer of its own into every file"),
    target("import gc\nfor thing in gc.get_objects():\n    if isinstance(thing, dict) and 'compare' in thing:\n        thing['compare'] = print\n" + function(), WRONG, "looks for the check in memory"),
    target(function("import os", "for number in range(3, 64):", "    try:", "        os.close(number)", "    except OSError:", "        pass"), "✗ ", "closes every file"),
    target("import threading\ndef spin():\n    while True:\n        pass\nthreading.Thread(target=spin, daemon=True).start()\n" + function(), WRONG, "a thread that computes"),
    target("import threading, os\nthreading.Timer(0.3, os._exit, [0]).start()\nimport time\ntime.sleep(1)\n" + function(), f"✗ the answer cell fails: {DIED[2:]}", "a thread that ends it later"),
    target("!kill -9 -1\n" + function(), DIED[2:], "kills by the shell"),
    Row("answer deleted", lost={"add-one": "✗ not answered yet: no cell with this answer was found"}, change=deleted("add-one")),
    Row("not answered", {"add-one": 'def add_one(x):\n    raise NotImplementedError("your answer here")'}, {"add-one": "✗ add_one: not answered yet"}),
    Row(
        "a name that is missing, after an answer that loops",
        {"double": "while True:\n    pass", "add-one": "def add_one(x):\n    return helper(x)"},
        {
            "double": f"✗ the answer cell fails: {LOOPS[2:]}",
            "add-one": "✗ NameError: name 'helper' is not defined",
        },
    ),
    # Before every answer: where it ends the process, the answers are asked without it.
    Row("an extra cell that exits", change=extra("import os\nos._exit(0)")),
    Row("an extra cell that loops", change=extra("while True:\n    pass")),
]  # fmt: skip

PATCHES = {
    "patches allclose and equal": "import torch\ntorch.allclose = torch.equal = torch.isclose = lambda *a, **k: True\ntorch.Tensor.equal = torch.Tensor.__eq__ = torch.Tensor.any = lambda *a, **k: True",
    "patches F": "import torch.nn.functional as F\nfor name in dir(F):\n    if not name.startswith('_'):\n        setattr(F, name, lambda *a, **k: 0)",
    "patches the checks": "from conv2attn.checks import core\ncore.compare = core.fail = core.expect_shape = lambda *a, **k: None\nfor name in dir(check):\n    if name.startswith('sharp'):\n        setattr(check, name, lambda *a: print('✓'))",
    "patches the seed": "import os\nos.environ['CONV2ATTN_SEED'] = '1'\nimport torch\ntorch.manual_seed = torch.Generator = None",
    "patches what sends answers": "from conv2attn.grading import wire, frames\nwire.Writer.write = lambda self, value: True\nframes.MAX_JSON = 2**40",
}  # fmt: skip
ON_TORCH = [
    Row(name, {"sharp-enough": patch + "\ndef sharp_enough(weight, x_max, tolerance):\n    return 3.0"}, {"sharp-enough": "✗ "}, exercise=REAL)
    for name, patch in PATCHES.items()
]  # fmt: skip
ROWS = [*RIGHT_ONES, *HOSTILE, *ON_TORCH]

BROKEN = {
    "empty": b"",
    "binary": b"\x89PNG\r\n\x1a\n\xff\xfe",
    "truncated": b'{"cells": [{"cell_ty',
    "list": b"[]",
    "conflict": b"<<<<<<< HEAD\n{}\n=======\n",
    "deep": b"[" * 100_000,
}


def written(row: Row, sources: Path, path: Path) -> Path:
    """The submission of a row, as a file."""
    reference = nbformat.read(sources / row.exercise / "reference.ipynb", as_version=4)
    notebook = json.loads(nbformat.writes(reference))
    answers = {**(RIGHT if row.exercise == TOY else {}), **row.answers}
    for cell in notebook["cells"]:
        if cell.get("id") in answers:
            cell["source"] = f"# answer: {cell['id']}\n" + answers[cell["id"]]
    notebook["cells"] = row.change(copy.deepcopy(notebook["cells"]))
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def results(built_toy: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Row -> its grade, or the error in its place; all graded in one call, with files between them that are none."""
    folder = tmp_path_factory.mktemp("class")
    sources = folder / "sources"
    sources.mkdir()
    (sources / TOY).symlink_to(built_toy / "exercises/sources" / TOY)
    (sources / REAL).symlink_to(EXERCISES / "sources" / REAL)
    files = {row.name: written(row, sources, folder / f"{number}.ipynb") for number, row in enumerate(ROWS)}
    for name, content in BROKEN.items():
        files[name] = folder / f"{name}.ipynb"
        files[name].write_bytes(content)
    order: Sequence[str] = sorted(files)  # the broken ones stand between the others
    return dict(zip(order, grade_many([files[name] for name in order], sources, LIMITS), strict=True))


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_submission(results: dict[str, Any], row: Row) -> None:
    grade: Grade = results[row.name]
    said: dict[str, list[str]] = {}
    for verdict in grade.verdicts:
        assert verdict.passed == (not verdict.says)
        said.setdefault(verdict.check.answer, []).append(verdict.says)
    for answer, lines in said.items():
        if answer in row.lost:
            assert all(row.lost[answer] in line and line.startswith("✗ ") and "\n" not in line for line in lines), lines
        else:
            assert not any(lines), (answer, lines)


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_no_submission_costs_nobody_else(results: dict[str, Any], name: str) -> None:
    assert isinstance(results[name], ValueError)
    assert f"{name}.ipynb: a notebook" in str(results[name])


def test_every_answer_of_a_row_is_one_of_the_exercise(built_toy: Path) -> None:
    """A misspelt id would test nothing."""
    known = {TOY: set(RIGHT), REAL: {"sharp-enough"}}
    assert all({*row.answers, *row.lost} <= known[row.exercise] for row in ROWS)
    assert len({row.name for row in ROWS}) == len(ROWS)
