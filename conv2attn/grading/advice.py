"""What to look at next, and how a grade compares with the last one."""

from collections.abc import Sequence
from dataclasses import dataclass

from conv2attn.grading.engine import Grade
from conv2attn.grading.guide import Guide
from conv2attn.grading.judge import Verdict


@dataclass(frozen=True)
class Advice:
    """The check to look at next.

    Attributes:
        verdict: of that check.
        heading: of its task.
        begun: whether there is an answer to the task.
        hint: the number of the hint to open, where there is one to open now.
        hints: how many there are.
    """

    verdict: Verdict
    heading: str
    begun: bool
    hint: int | None
    hints: int

    @property
    def step(self) -> str:
        """What to do, in a sentence."""
        if not self.begun:
            return "Read the task and write a first answer. A wrong one teaches more than none."
        if self.hint is None:
            return "Find out where your answer first differs from what the line expects."
        return f"Try once more with the line in mind, then open hint {self.hint} of {self.hints}."


def advice(grade: Grade, guide: Guide, earlier: Sequence[Grade] = ()) -> Advice | None:
    """What to look at next: the first check that fails of what has been answered, else the first task to begin.

    The first time that a check fails it is hint 1 that helps, the next time hint 2, and so on.

    Args:
        grade: the grade.
        guide: to its exercise.
        earlier: the grades of the runs before, oldest first.
    """
    failing = [verdict for verdict in grade.verdicts if not verdict.passed]
    if not failing:
        return None
    verdict = next(filter(begun, failing), failing[0])
    answer = verdict.check.answer
    hints = guide.tasks[answer].hints if answer in guide.tasks else 0
    tries = 1
    for before in reversed(earlier):
        if not any(one.check.id == verdict.check.id and not one.passed and begun(one) for one in before.verdicts):
            break
        tries += 1
    hint = min(tries, hints) if hints and begun(verdict) else None
    return Advice(verdict, guide.heading(answer), begun(verdict), hint, hints)


def begun(verdict: Verdict) -> bool:
    """Whether there was an answer that this check could call."""
    return "not answered yet" not in verdict.says


def difference(grade: Grade, earlier: Sequence[Grade]) -> str:
    """How many points more than last time: "3 more than last time"; empty the first time."""
    if not earlier:
        return ""
    more = grade.earned - earlier[-1].earned
    amount = "as many as" if not more else f"{more} more than" if more > 0 else f"{-more} fewer than"
    return f"{amount} last time"
