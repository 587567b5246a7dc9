"""What every check is made of: the seed, the safe call, the comparison, the one line."""

import math
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from conv2attn.checks import core
from conv2attn.checks.core import CheckFailed

WANT = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)


def line(check: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """The line that a failing check shows."""
    with pytest.raises(CheckFailed) as raised:
        check(*args, **kwargs)
    (rendered,) = raised.value._render_traceback_()
    assert "\n" not in rendered
    return rendered


def test_a_failure_is_one_short_line() -> None:
    rendered = CheckFailed("f", "a\nb\t" + "long " * 100)._render_traceback_()
    assert len(rendered) == 1 and rendered[0].startswith("✗ f: a b long long") and len(rendered[0]) < 260


def test_the_seed_depends_on_name_and_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(name: str) -> list[int]:
        return torch.randint(1000, (5,), generator=core.generator(name)).tolist()

    first = draw("a")
    assert draw("a") == first != draw("b")
    monkeypatch.setenv("CONV2ATTN_SEED", "0")
    assert draw("a") == first
    monkeypatch.setenv("CONV2ATTN_SEED", "secret")
    assert draw("a") != first


def test_a_call_works_on_copies() -> None:
    x, rows = torch.ones(3, requires_grad=True), [torch.zeros(2)]

    def greedy(x: torch.Tensor, rows: list[torch.Tensor], *, scale: torch.Tensor) -> torch.Tensor:
        assert x.requires_grad
        rows[0].fill_(7)
        scale.zero_()
        return x.detach().add_(5)

    scale = torch.ones(1)
    assert core.call("f", greedy, x, rows, scale=scale).tolist() == [6, 6, 6]
    assert (x.tolist(), rows[0].tolist(), scale.tolist()) == ([1, 1, 1], [0, 0], [1])


def test_a_view_of_the_input_is_of_the_copy() -> None:
    x = torch.zeros(2)
    view = core.call("f", lambda x: x[:], x)
    view += 1
    assert x.tolist() == [0, 0]


def test_prints_of_the_answer_are_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    def noisy() -> int:
        print("debug")
        print("debug", file=sys.stderr)
        return 1

    assert core.call("f", noisy) == 1
    assert capsys.readouterr() == ("", "")


def _raises(error: BaseException) -> Callable[[], None]:
    def f() -> None:
        raise error

    return f


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (_raises(NotImplementedError("your answer here")), "✗ f: not answered yet"),
        (_raises(ValueError("no\nway")), r"✗ f: your code raises ValueError in line \d+: no way"),
        (_raises(SystemExit(3)), r"✗ f: your code raises SystemExit in line \d+: 3"),
        (lambda x: x, r"✗ f: your code raises TypeError: .*missing 1 required positional argument: 'x'"),
        (None, "✗ f: expected a function, got None"),
        (torch.ones(2), r"✗ f: expected a function, got a tensor of torch.float32 and shape \(2,\)"),
    ],
)
def test_a_call_that_fails(function: Any, says: str) -> None:
    assert re.fullmatch(says, line(core.call, "f", function))


def test_an_interrupt_is_not_the_answers_error() -> None:
    with pytest.raises(KeyboardInterrupt):
        core.call("f", _raises(KeyboardInterrupt()))


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (WANT, WANT),
        (WANT.float(), WANT),
        (WANT.int(), WANT),
        (WANT.clone().requires_grad_(), WANT),
        (WANT + 1e-6, WANT),
        (3, 3.0),
        (torch.tensor(3), 3.0),
        (torch.tensor([math.nan, math.inf, -math.inf]), torch.tensor([math.nan, math.inf, -math.inf])),
        (torch.ones(0, 2), torch.ones(0, 2)),
    ],
)
def test_compare_accepts(got: Any, want: Any) -> None:
    core.compare("f", got, want)


@pytest.mark.parametrize(
    ("got", "want", "says"),
    [
        (None, WANT, "✗ f: expected a tensor, got None: did you forget to return?"),
        (WANT.tolist(), WANT, "✗ f: expected a tensor, got list"),
        (WANT.numpy(), WANT, "✗ f: expected a tensor, got ndarray"),
        (WANT + 0j, WANT, "✗ f: expected real numbers, got a tensor of torch.complex128 and shape (2, 2)"),
        (WANT[0], WANT, "✗ f: expected shape (2, 2), got (2,)"),
        (WANT.T, WANT, "✗ f: at (0, 1) expected 2, got 3 (2 of 4 values differ): axes swapped?"),
        (WANT.mT.flatten(), WANT, "✗ f: expected shape (2, 2), got (4,): swapped and flattened?"),
        (WANT + 2**-10, WANT, "✗ f: at (0, 0) expected 1, got 1.00098 (4 of 4 values differ)"),
        (WANT / torch.tensor([1, 0]), WANT, "✗ f: at (0, 1) expected 2, got inf (2 of 4 values differ)"),
        (torch.tensor([1, math.nan]), torch.tensor([5.0, 2]), "✗ f: at 1 expected 2, got nan (2 of 2 values differ)"),
        (torch.tensor([-math.inf]), torch.tensor([math.inf]), "✗ f: at 0 expected inf, got -inf (1 of 1 values differ)"),
        (2, 3.0, "✗ f: expected 3, got 2"),
        (math.nan, 3.0, "✗ f: expected 3, got nan"),
    ],
)
def test_compare_says_what_differs_where_and_why(got: Any, want: Any, says: str) -> None:
    mistakes = {"negated": -WANT, "axes swapped": WANT.T, "swapped and flattened": WANT.mT.flatten()}
    assert line(core.compare, "f", got, want, mistakes) == says


def test_compare_shows_a_difference_in_the_last_digits() -> None:
    got, want = torch.tensor(1.0000000001, dtype=torch.float64), 1.0
    assert line(core.compare, "f", got, want, atol=0, rtol=0) == "✗ f: expected 1, got 1.0000000001"


def test_a_failure_imports_nothing() -> None:
    """A learner would wait for it, and a grader once for each submission."""
    code = """
import sys, torch
from conv2attn.checks import core

before = set(sys.modules)
try:
    core.compare("scores", torch.zeros(2, 3), torch.ones(2, 3))
except core.CheckFailed:
    print(*set(sys.modules) - before, file=sys.stderr)
else:
    sys.exit("it passed")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == ""


def test_the_farthest_place_is_the_first_of_several() -> None:
    assert core.farthest(torch.tensor([[1.0, math.inf], [math.inf, 2.0]])) == (0, 1)
    assert core.farthest(torch.tensor(3.0)) == ()


def test_compare_keeps_to_its_tolerances() -> None:
    core.compare("f", WANT * 1.01, WANT, rtol=0.02, atol=0)
    line(core.compare, "f", WANT * 1.01, WANT, rtol=0.005, atol=0)
    core.compare("f", WANT + 0.01, WANT, rtol=0, atol=0.02)
    line(core.compare, "f", WANT + 0.01, WANT, rtol=0, atol=0.005)


def test_shape_and_dtype() -> None:
    core.expect_shape("f", WANT, (2, 2))
    core.expect_dtype("f", WANT, torch.float64)
    assert line(core.expect_dtype, "f", WANT.float(), torch.float64) == "✗ f: expected dtype torch.float64, got torch.float32"
    assert line(core.expect_dtype, "f", None, torch.float64).endswith("did you forget to return?")


def test_passed_prints_facts_that_rounding_cannot_change(capsys: pytest.CaptureFixture[str]) -> None:
    core.passed("f")
    core.passed("f", "row " + core.numbers([-1e-17, 0.12349999999, -2, 1e6]), "sum 3")
    assert capsys.readouterr().out == "✓ f\n✓ f: row [0, 0.123, -2, 1000000], sum 3\n"
