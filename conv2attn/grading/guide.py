"""Where a learner finds what a grade speaks of: the titles, the headings and the hints of an exercise."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from nbformat import NotebookNode

HEADING = re.compile(r"^(#{1,2}) +(.+?)\s*$", re.MULTILINE)
HINT = re.compile(r"<summary>\s*Hint (\d+)")


@dataclass(frozen=True)
class Task:
    """What one answer belongs to: the heading above it, and how many hints stand below that heading."""

    heading: str
    hints: int


@dataclass(frozen=True)
class Guide:
    """An exercise as its learner knows it.

    Attributes:
        title: of the notebook.
        tasks: answer -> its task.
        points: of all its checks.
        chapter: the address of the chapter's page, where there is one.
    """

    title: str
    tasks: Mapping[str, Task] = field(default_factory=dict)
    points: int = 0
    chapter: str | None = None

    def heading(self, answer: str) -> str:
        """The heading of the task of `answer`; of an unknown one its id."""
        return self.tasks[answer].heading if answer in self.tasks else answer


def guide(reference: NotebookNode, name: str, chapter: str | None = None) -> Guide:
    """The guide to the exercise called `name`, read from its reference (or its learner's) notebook."""
    title, heading, points = name, name, 0
    headings: dict[str, str] = {}  # answer -> heading
    hints: dict[str, int] = {}  # heading -> the number of its last hint
    for cell in reference.cells:
        if cell.cell_type == "markdown":
            for part in re.split(r"(?=^#{1,2} )", cell.source, flags=re.MULTILINE):
                if match := HEADING.match(part):
                    heading = match[2]
                    title = heading if match[1] == "#" else title
                hints[heading] = max([hints.get(heading, 0), *map(int, HINT.findall(part))])
        elif grade := cell.metadata.get("nbgrader"):
            points += grade.get("points", 0)
            if grade.get("solution"):
                headings[grade["grade_id"]] = heading
    tasks = {answer: Task(above, hints.get(above, 0)) for answer, above in headings.items()}
    return Guide(title, tasks, points, chapter)
