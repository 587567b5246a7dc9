"""Write the skeleton of an exercise: it builds, and says what is left to do.

    python tools/new_exercise.py 09-dictionary

Three files: the exercise with one worked answer, its checks, the bank of that answer. Nothing
that exists is overwritten. Replace the worked answer by your own, piece by piece, and keep it running.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from variants import RIGHT, ROOT, WRONG

NAME = re.compile(r"(?P<number>\d\d)-[a-z0-9]+(-[a-z0-9]+)*")

EXERCISE = '''\
---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# Exercise {n}: TODO, what it is about

TODO: what you build, in two sentences.

It takes you about TODO minutes.

:::{{how-to-answer}}
:::

```{{code-cell}} python
import torch

from conv2attn.checks import chapter{number} as check
```

## 1. Rows without their mean

:::{{effort}}
:difficulty: 1
:time: about 5 minutes
:::

Complete `centre_rows(x)`, which returns `x` with the mean of each row taken away.

- `x` has shape `(N, C)` and dtype float64. The result has the same.

In the example the means are 2 and 5.

```{{code-cell}} python
:answer: centre-rows

def centre_rows(x: torch.Tensor) -> torch.Tensor:
    """The rows of `x` (N, C), each without its mean: (N, C).

    >>> centre_rows(torch.tensor([[1.0, 3.0], [5.0, 5.0]]))
    tensor([[-1.,  1.],
            [ 0.,  0.]])
    """
    ### BEGIN SOLUTION
    return x - x.mean(dim=1, keepdim=True)
    ### END SOLUTION
```

```{{code-cell}} python
:check: centre-rows-values
:points: 2

check.centre_rows_values(centre_rows)
```

```{{code-cell}} python
:check: centre-rows-edge
:points: 1

check.centre_rows_edge(centre_rows)
```

:::{{dropdown}} Hint 1
A nudge. How many means are there for `N` rows?
:::

:::{{dropdown}} Hint 2
The tool. `mean` takes the axis that disappears as `dim`.
:::

:::{{dropdown}} Hint 3
Nearly the answer. With `keepdim=True` the means have shape `(N, 1)`, so that they can be subtracted from `x`.
:::

+++

## An open question

No points, and no check. TODO: a question that a friend might ask. Answer in three to five sentences, in a cell of your own, before you open the rubric.

:::{{dropdown}} Rubric: what a good answer says
- TODO: one idea a line, three or four of them.

All of them: you could explain it to your friend. Half or fewer: read TODO in the chapter once more.
:::

+++

## What you now know

- TODO: one sentence for each answer.
'''

CHECKS = '''\
"""The checks of exercise {number}: TODO, what it is about.

One function a check cell, in the order of the notebook. The references lean on torch alone.
Inputs are drawn, have more than one shape, and are not square.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from conv2attn.checks import core

# --- 1: rows without their mean --------------------------------------------------------------


def centre_rows_values(centre_rows: Callable[..., Any]) -> None:
    """The mean of each row is taken away, on tables of several shapes."""
    name, gen = "centre_rows", core.generator("centre-rows-values")
    for rows, columns in [(3, 4), (5, 2), (1, 3)]:
        x = core.integers(gen, rows, columns)
        want = x - x.mean(dim=1, keepdim=True)
        got = core.call(name, centre_rows, x)
        core.compare(f"{{name}}, x of shape ({{rows}}, {{columns}})", got, want, _mistakes(x))
    core.passed(name, f"the last row is {{core.numbers(want[-1])}}")


def _mistakes(x: Tensor) -> dict[str, Tensor]:
    """Name of a mistake -> what an answer with it returns."""
    return {{
        "the mean of each column, not of each row": x - x.mean(dim=0, keepdim=True),
        "the mean of the whole table, not of each row": x - x.mean(),
        "the sum taken away, not the mean": x - x.sum(dim=1, keepdim=True),
        "the mean added": x + x.mean(dim=1, keepdim=True),
    }}


def centre_rows_edge(centre_rows: Callable[..., Any]) -> None:
    """One row alone, and rows of one number, which become 0."""
    name, gen = "centre_rows", core.generator("centre-rows-edge")
    for rows, columns in [(4, 1), (1, 5)]:
        x = core.integers(gen, rows, columns)
        want = x - x.mean(dim=1, keepdim=True)
        got = core.call(name, centre_rows, x)
        mistakes = {{"left as it is": x, **_mistakes(x)}}
        core.compare(f"{{name}}, x of shape ({{rows}}, {{columns}})", got, want, mistakes)
    core.passed(name, f"one row alone is {{core.numbers(want)}}")
'''

BANK_ENTRY = '''\
# %% {kind}="todo-{n}"{declares}
def centre_rows(x):
    raise NotImplementedError("TODO: {todo}")
'''


def skeleton(name: str, root: Path) -> dict[Path, str]:
    """The files of a new exercise `name`, as "09-dictionary", in the project's folder `root`, with their texts.

    Raises:
        ValueError: the name is not of this form, or its number is taken.
    """
    match = NAME.fullmatch(name)
    if not match:
        raise ValueError(f"a name such as 09-dictionary is expected: two digits, words, hyphens; got {name!r}")
    number = match["number"]
    sources = root / "exercises/sources"
    checks = root / f"conv2attn/checks/chapter{number}.py"
    if taken := [path for path in (*sources.glob(f"{number}-*"), checks) if path.exists()]:
        raise ValueError(f"{taken[0].relative_to(root)} exists and stays as it is: choose another number")
    wrong, right = (
        [BANK_ENTRY.format(kind=kind, n=n, declares=declares, todo=todo) for n in range(1, number_of + 1)]
        for kind, number_of, declares, todo in (
            ("wrong", WRONG, ' fails=[] says=""', "the whole answer with one misconception"),
            ("right", RIGHT, "", "a right answer in another style"),
        )
    )
    return {
        sources / name / "exercise.md": EXERCISE.format(n=int(number), number=number),
        checks: CHECKS.format(number=number),
        sources / name / "variants/centre-rows.py": "\n\n".join(wrong + right),
    }


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="new_exercise.py", description="Write the skeleton of an exercise.")
    parser.add_argument("name", help="two digits, a hyphen and words: 09-dictionary")
    options = parser.parse_args(arguments)
    try:
        files = skeleton(options.name, root)
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
            print(f"made {path.relative_to(root)}")
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    number = options.name[:2]
    print(
        "next: make notebooks, which runs the worked answer;",
        f"      make variants NAME={number}, which says what is left to fill in;",
        '      and "An exercise" in CONTRIBUTING.md, which is the recipe',
        sep="\n",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
