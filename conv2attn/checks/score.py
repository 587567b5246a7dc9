"""The points so far: what the checks that passed in this kernel are worth, exercise by exercise.

A kernel does not know which notebook it serves. So tools/notebooks.py writes points.json from
the exercises' sources: for the module of each exercise, its checks and their points.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources

Points = Mapping[str, Mapping[str, int]]  # module of the checks -> check -> points


class Score:
    """Which checks have passed in this kernel."""

    def __init__(self) -> None:
        """Begin with none."""
        self._passed: dict[str, set[str]] = {}

    def record(self, module: str, check: str, passed: bool) -> None:
        """A check of `module` has passed, or has failed and loses the points that it had."""
        mine = self._passed.setdefault(module, set())
        mine.add(check) if passed else mine.discard(check)

    def so_far(self, module: str, points: Points) -> "SoFar | None":
        """The points of one module's checks; None where points.json does not know it."""
        known = points.get(module)
        if not known:
            return None
        return SoFar(sum(known.get(check, 0) for check in self._passed.get(module, ())), sum(known.values()))


class SoFar:
    """Points earned, of how many, as a notebook displays them."""

    def __init__(self, earned: int, points: int) -> None:
        """`earned` of `points`."""
        self.earned, self.points = earned, points

    def __repr__(self) -> str:
        """The line of text: all that an editor without HTML shows."""
        return f"Points so far: {self.earned} of {self.points}" + (", all of them" if self.earned == self.points else "")

    def _repr_html_(self) -> str:
        """The same line with a bar, in the colours that the notebook has."""
        share = f"width:{100 * self.earned / self.points:.0f}%;height:100%;background:currentColor"
        frame = "display:inline-block;width:8em;height:.5em;margin-right:.6em;border:1px solid currentColor;border-radius:3px"
        return f'<div><span aria-hidden="true" style="{frame}"><span style="display:block;{share}"></span></span>{self!r}</div>'


@cache
def points() -> Points:
    """What points.json holds."""
    text = resources.files(__package__).joinpath("points.json").read_text(encoding="utf-8")
    return {module: dict(checks) for module, checks in json.loads(text).items()}
