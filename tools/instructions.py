"""What all chapters and exercises say in the same words: where the exercises are, how to answer, what a task asks for.

    :::{exercises}            in a chapter: where its exercises are
    :::

    :::{how-to-answer}        how many exercises and points there are, and what to do
    :::

    :::{effort}               a line below the heading of one exercise; its points are those of its checks
    :difficulty: 2
    :time: 5–10 minutes
    :::
"""

import re

from nbformat import NotebookNode

HOW_TO_ANSWER = """\
{number} exercises, {points} points.
Each exercise stands by itself: what you leave out in one costs nothing in another.

- Write your answer where the cell says `raise NotImplementedError`. Keep the function's name.
- Run the check cells below it. A line that begins with `✓` gives you the points of that cell, and below it stand your points so far. A line that begins with `✗` names the number that is wrong, and often the likely mistake.
- Stuck? Each exercise has three hints, from a nudge to nearly the answer. Each opens inside the one before it, and the third leads to the solution.
- Save, and have everything marked at once, from the course's folder: `make grade FILE=exercises/{name}.ipynb`. It says what to look at next, and writes a report to open in a browser: `exercises/graded/{name}.html`"""

EFFORT = "**Difficulty** {dots} ({difficulty} of 5) · **Time** {time} · **Points** {points}"

WHERE = "In the course's folder they are {file}. Each check cell marks your answer at once, and `make grade FILE=exercises/{name}.ipynb` marks them all."

EXERCISES = re.compile(r"^:::\{exercises\}\n:::$", re.MULTILINE)
HOW = re.compile(r"^:::\{how-to-answer\}\n:::$", re.MULTILINE)
TASK = re.compile(r"^:::\{effort\}\n:difficulty: (?P<difficulty>[1-5])\n:time: (?P<time>.+)\n:::$", re.MULTILINE)
NUMBERS = "no one two three four five six seven eight nine ten".split()


def where_exercises_are(name: str) -> str:
    """The sentence of a chapter's page that says where its exercises are; `name` is as "08-convolution-as-attention"."""
    return WHERE.format(file=f"`exercises/{name}.ipynb`", name=name)


def with_exercises(text: str, name: str) -> str:
    """The text of a chapter's notebook, that sentence written out where the directive stands, with a link."""
    return EXERCISES.sub(lambda _: WHERE.format(file=f"[exercises/{name}.ipynb](../exercises/{name}.ipynb)", name=name), text)


def with_instructions(exercise: NotebookNode, name: str) -> NotebookNode:
    """The notebook of an exercise's source, changed in place, with the two directives written out.

    Args:
        exercise: the source as jupytext reads it, its checks marked by `check` and `points`.
        name: what its file is called, as "08-convolution-as-attention".

    Raises:
        ValueError: a directive that is not written as this module shows, or an effort without a check after it.
    """
    points: list[int] = []  # of each exercise, in order
    for cell in exercise.cells:
        if cell.cell_type == "markdown":
            points += [0 for _ in TASK.finditer(cell.source)]
        elif points and isinstance(cell.metadata.get("points"), int):
            points[-1] += cell.metadata["points"]
    if 0 in points:
        raise ValueError(f"checks with points are expected below each effort, got none below number {points.index(0) + 1}")

    remaining = iter(points)

    def effort(match: re.Match[str]) -> str:
        difficulty = int(match["difficulty"])
        dots = "●" * difficulty + "○" * (5 - difficulty)
        return EFFORT.format(dots=dots, difficulty=difficulty, time=match["time"].strip(), points=next(remaining))

    how = HOW_TO_ANSWER.format(number=NUMBERS[len(points)].capitalize(), points=sum(points), name=name)
    for cell in exercise.cells:
        if cell.cell_type == "markdown":
            cell.source = TASK.sub(effort, HOW.sub(lambda match: how, cell.source))
            if left := re.search(r"^:::\{(how-to-answer|effort)\}", cell.source, re.MULTILINE):
                raise ValueError(f"{left[0]} is not written as tools/instructions.py shows")
    return exercise
