"""Answers that agree, for a person to look at. They change no points.

Two answers agree when their syntax does, whatever their layout, comments, docstrings, and the
names that they give to their own variables. Short answers agree by chance, and an answer that a
large part of the class has is no sign of anything: both are left out. So is what everybody was
given, and what equals the published solution is told apart.
"""

import ast
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

FEWEST_NODES = 60  # a line or two of torch have about 30
LARGEST_GROUP = 5  # more students than that who agree have read the same thing


@dataclass(frozen=True)
class Pair:
    """Two students whose answers agree."""

    students: tuple[str, str]
    exercise: str
    answers: tuple[str, ...]
    wrong: tuple[str, ...]  # those of them that fail a check


def pairs(
    answers: Mapping[tuple[str, str], Mapping[str, str]],
    failed: Mapping[tuple[str, str], Sequence[str]],
    solutions: Mapping[str, Mapping[str, str]],
) -> tuple[list[Pair], Counter[str]]:
    """The pairs whose answers agree; and how many answers of each student equal the published solution.

    Args:
        answers: (exercise, student) -> answer -> source.
        failed: (exercise, student) -> the answers that fail a check.
        solutions: exercise -> answer -> the published source.
    """
    published = {
        (exercise, answer): shape(source)
        for exercise, sources in solutions.items()
        for answer, source in sources.items()
    }
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    of_the_book: Counter[str] = Counter()
    for (exercise, student), sources in sorted(answers.items()):
        for answer, source in sources.items():
            form = shape(source)
            if not form:
                continue
            if form == published.get((exercise, answer)):
                of_the_book[student] += 1
            else:
                groups[exercise, answer, form].append(student)
    agree: dict[tuple[str, tuple[str, str]], list[str]] = defaultdict(list)
    for (exercise, answer, _), students in groups.items():
        if 2 <= len(students) <= LARGEST_GROUP:
            for one, other in combinations(sorted(students), 2):
                agree[exercise, (one, other)].append(answer)
    found = [
        Pair(both, exercise, tuple(names), tuple(name for name in names if name in failed.get((exercise, both[0]), ())))
        for (exercise, both), names in agree.items()
    ]
    return sorted(
        found, key=lambda pair: (-len(pair.wrong), -len(pair.answers), pair.exercise, pair.students)
    ), of_the_book


def shape(source: str) -> str:
    """The syntax of an answer without what is easily changed; empty for what is too short, or no Python."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    if sum(1 for _ in ast.walk(tree)) < FEWEST_NODES:
        return ""
    own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)):
            if node.body and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant):
                node.body = node.body[1:]  # the docstring
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            node.returns = None
        if isinstance(node, ast.arg):
            node.arg = names.setdefault(node.arg, f"v{len(names)}")
            node.annotation = None
        elif isinstance(node, ast.Name) and node.id in own:
            node.id = names.setdefault(node.id, f"v{len(names)}")
    try:
        return ast.dump(tree)
    except RecursionError:
        return ""
