"""What every check is made of: seeded inputs, a safe call, a comparison that names the mistake.

A check draws its inputs from `generator`, computes the reference first, runs the learner's
function with `call`, compares with `compare` and ends with `passed`. Whatever goes wrong
becomes a `CheckFailed`, which a notebook shows as one readable line:

    ✗ tap_logits: expected shape (9, 9), got (3, 3): axes swapped?

Take the facts that `passed` prints from the reference, never from the answer: the line is
stored and compared character by character, and a right answer that sums in another order
must print the same.
"""

import copy
import functools
import hashlib
import math
import os
import textwrap
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn, ParamSpec

import torch
from IPython import get_ipython
from IPython.display import display
from IPython.utils.capture import capture_output
from torch import Tensor

from conv2attn.checks.score import Score, points

# Name of a likely mistake -> what an answer with that mistake returns. Where that takes time it is
# a function: a right answer never asks.
Mistakes = Mapping[str, Tensor] | Callable[[], Mapping[str, Tensor]]
NO_MISTAKES: Mapping[str, Tensor] = MappingProxyType({})
JUDGE = "CONV2ATTN_JUDGE"  # the environment variable that is "1" where outputs are compared

P = ParamSpec("P")
_score = Score()  # of this kernel


class CheckFailed(Exception):
    """A check did not pass. Its rendering in a notebook is one line, without a traceback."""

    def __init__(self, name: str, reason: str) -> None:
        """Keep `name` (the learner's function) and `reason`, squeezed into one short line."""
        super().__init__(f"{name}: {one_line(reason)}")

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: the lines that stand in place of a traceback."""
        return [f"✗ {self}"]


def check(function: Callable[P, None]) -> Callable[P, None]:
    """Make `function` a check: in a notebook, the points so far stand below the line of each check that passes.

    The check's id is the function's name with hyphens, as in points.json. A check that fails
    shows its one line and nothing else. Nothing is shown where outputs are compared with stored
    ones: the same check would show other points in another order.
    """
    module, name = function.__module__.rpartition(".")[2], function.__name__.replace("_", "-")

    @functools.wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        _score.record(module, name, False)
        function(*args, **kwargs)
        _score.record(module, name, True)
        if get_ipython() and os.environ.get(JUDGE) != "1" and (so_far := _score.so_far(module, points())):
            display(so_far)

    return checked


def one_line(text: str, width: int = 240) -> str:
    """`text` on one line of at most `width` characters."""
    return textwrap.shorten(text, width, placeholder=" …")


def generator(name: str) -> torch.Generator:
    """A random generator for the check `name`.

    The seed comes from `name` and the environment variable CONV2ATTN_SEED (default "0"), so
    that checks are independent of each other and of their order, and an instructor can
    change every input at once.
    """
    text = f"{name}/{os.environ.get('CONV2ATTN_SEED', '0')}"
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big")
    return torch.Generator().manual_seed(seed)


def integers(gen: torch.Generator, *shape: int) -> Tensor:
    """Whole numbers from -9 to 9 in float64, never 0, the first one negative and the last one positive.

    Sums of their products are exact in every order, and none of them hides a mistake by being 0.
    """
    values = torch.randint(1, 10, shape, generator=gen) * (2 * torch.randint(2, shape, generator=gen) - 1)
    flat = values.flatten().double()
    flat[0], flat[-1] = -flat[0].abs(), flat[-1].abs()
    return flat.reshape(shape)


def pick(gen: torch.Generator, choices: Sequence[Any]) -> Any:
    """One of `choices`."""
    return choices[int(torch.randint(len(choices), (), generator=gen))]


def call(name: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Run the learner's `function` on copies of the arguments and return what it returns.

    The copies make views and in-place changes harmless. What the function prints, displays
    or warns about is dropped: the check cell's output is compared with a stored one. Try the
    function in a cell of your own to see its prints.

    Raises:
        CheckFailed: `function` cannot be called, is not answered yet, or raises.
    """
    if not callable(function):
        fail(name, f"expected a function, got {describe(function)}")
    args = tuple(_copy(value) for value in args)
    kwargs = {key: _copy(value) for key, value in kwargs.items()}
    try:
        with capture_output():
            return function(*args, **kwargs)
    except NotImplementedError:
        raise CheckFailed(name, "not answered yet") from None
    except (Exception, SystemExit) as error:  # sys.exit() in an answer is an answer's error too
        where = _line_of(error, function)
        raise CheckFailed(name, f"your code raises {type(error).__name__}{where}: {error}") from None


def fail(name: str, reason: str) -> NoReturn:
    """Raise CheckFailed for the learner's function `name`."""
    raise CheckFailed(name, reason)


def expect_tensor(name: str, got: Any) -> Tensor:
    """`got` without its gradient history, when it is a tensor of real numbers; else CheckFailed."""
    if got is None:
        fail(name, "expected a tensor, got None: did you forget to return?")
    if not isinstance(got, Tensor):
        fail(name, f"expected a tensor, got {describe(got)}")
    if got.is_complex():
        fail(name, f"expected real numbers, got {describe(got)}")
    return got.detach()


def expect_number(name: str, got: Any) -> float:
    """`got` as a float, when it is one number in any form; else CheckFailed."""
    if got is None:
        fail(name, "expected a number, got None: did you forget to return?")
    try:
        return float(got)
    except (TypeError, ValueError, RuntimeError):
        fail(name, f"expected a number, got {describe(got)}")


def expect_shape(
    name: str, got: Any, shape: Sequence[int], mistakes: Mistakes = NO_MISTAKES
) -> None:
    """Raise CheckFailed unless `got` is a tensor of this `shape`.

    `mistakes` maps the name of a likely mistake to what it would return, as in `compare`.
    """
    tensor = expect_tensor(name, got)
    if tensor.shape != torch.Size(shape):
        likely = _likely(tensor, mistakes, 1e-5, 1e-5)
        fail(name, f"expected shape {tuple(shape)}, got {tuple(tensor.shape)}{likely}")


def expect_dtype(name: str, got: Any, dtype: torch.dtype) -> None:
    """Raise CheckFailed unless `got` is a tensor of this `dtype`.

    Only for exercises about precision: `compare` accepts every real dtype.
    """
    tensor = expect_tensor(name, got)
    if tensor.dtype != dtype:
        fail(name, f"expected dtype {dtype}, got {tensor.dtype}")


def farthest(distance: Tensor) -> tuple[int, ...]:
    """The place of the largest value, of any shape; the first of several.

    torch.unravel_index would say it too, and import all of SymPy: half a second in a learner's kernel.
    """
    return tuple((distance == distance.max()).nonzero()[0].tolist())


def compare(
    name: str,
    got: Any,
    want: Tensor | float,
    mistakes: Mistakes = NO_MISTAKES,
    *,
    atol: float = 1e-5,
    rtol: float = 1e-5,
) -> None:
    """Raise CheckFailed unless `got` equals `want` within |got - want| <= atol + rtol·|want|.

    Args:
        name: the learner's function, as it is called in the exercise.
        got: what it returned. Any real dtype; where `want` has no axes, a number will do.
        want: the reference, a tensor or a number; NaN and infinities must stand where it has them.
        mistakes: name of a likely mistake -> what an answer with that mistake returns, or a
            function that works it out. The first one that matches `got` ends the line, as a
            question: "kernel flipped?".
        atol, rtol: tolerances; 0 and 0 ask for equality. The default lets float32 pass.

    The line names the shape that differs, or where the largest difference is, both numbers
    there, and how many values differ.
    """
    want = torch.as_tensor(want, dtype=torch.float64).detach()
    if want.dim() == 0 and isinstance(got, (int, float)):
        got = torch.tensor(got, dtype=torch.float64)
    expect_shape(name, got, want.shape, mistakes)
    answer = got.detach().to(torch.float64)

    wrong = ~torch.isclose(answer, want, rtol=rtol, atol=atol, equal_nan=True)
    if not wrong.any():
        return
    # A value that is NaN or infinite on one side only counts as infinitely far.
    distance = (answer - want).abs().nan_to_num(nan=math.inf).where(wrong, torch.tensor(-1.0))
    place = farthest(distance)
    at = f"at {place if len(place) > 1 else place[0]} " if place else ""
    expected, given = number(want[place]), number(answer[place])
    if expected == given:
        expected, given = number(want[place], digits=17), number(answer[place], digits=17)
    several = f" ({int(wrong.sum())} of {want.numel()} values differ)" if place else ""
    fail(name, f"{at}expected {expected}, got {given}{several}{_likely(answer, mistakes, atol, rtol)}")


def passed(name: str, *facts: str) -> None:
    """Print the line of a passed check, `✓ name: fact, fact`. Facts come from the reference."""
    print(f"✓ {name}" + (": " + ", ".join(facts) if facts else ""))


def number(value: Tensor | float, digits: int = 6) -> str:
    """One number with at most `digits` significant digits."""
    return f"{float(value):.{digits}g}"


def numbers(values: Tensor | Sequence[float], decimals: int = 3) -> str:
    """A row of rounded numbers for the line of `passed`: `[0.25, -1.5, 0]`. Flattens.

    Decimals, not digits, and no negative zero: a rounding error around 0 must not show.
    """
    row = torch.as_tensor(values).flatten().tolist()
    return "[" + ", ".join(f"{round(value, decimals) + 0.0:.12g}" for value in row) + "]"


def describe(value: Any) -> str:
    """What `value` is, in a few words: its type and, for a tensor, dtype and shape."""
    if isinstance(value, Tensor):
        return f"a tensor of {value.dtype} and shape {tuple(value.shape)}"
    return "None" if value is None else type(value).__name__


def _copy(value: Any) -> Any:
    """A deep copy; tensors lose their history and keep `requires_grad`."""
    if isinstance(value, Tensor):
        return value.detach().clone().requires_grad_(value.requires_grad)
    return copy.deepcopy(value)


def _likely(got: Tensor, mistakes: Mistakes, atol: float, rtol: float) -> str:
    """`: name?` for the first mistake whose output is `got`, or nothing."""
    for mistake, output in (mistakes() if callable(mistakes) else mistakes).items():
        same_shape = got.shape == output.shape
        if same_shape and torch.allclose(got.double(), output.detach().double(), rtol, atol, equal_nan=True):
            return f": {mistake}?"
    return ""


def _line_of(error: BaseException, function: Callable[..., Any]) -> str:
    """` in line 3` of the cell that defines `function`, as far as it can be told."""
    if line := getattr(error, "line_of_answer", None):  # it was raised in another process
        return f" in line {line}"
    code = getattr(function, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f.lineno for f in frames if code and f.filename == code.co_filename]
    return f" in line {lines[-1]}" if lines else ""
