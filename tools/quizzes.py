"""Quizzes: questions as data beside the chapter, in `chapters/NN-slug.quiz.yml`.

The file is a list of questions. Where the key can be computed, `compute` holds the code and every option
the value that would make it right; `right: true` marks the key all the same, so that nothing has to run
to show a page, and tests/test_quiz.py runs the code and holds the mark to it.

    - id: heads-of-a-3-by-3
      question: How many heads write a 3 × 3 convolution?
      compute: |
        import torch, conv2attn
        conv2attn.from_conv(torch.nn.Conv2d(1, 1, 3)).num_heads
      options:
        - text: "9"
          value: 9
          right: true
          because: One head for each tap.
        - text: "1"
          value: 1
          because: A single head reads a single pixel here.

Read for the pages by book/extensions/quiz.py and for the notebooks by notebooks.py. Texts are MyST.
"""

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

IDENTIFIER = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
DIRECTIVE = re.compile(r"^(:{3,})\{quiz\}[ \t]*\n\1[ \t]*$", re.MULTILINE)
LETTERS = "ABCDEFGH"


@dataclass(frozen=True)
class Option:
    """One answer to a question, and why it is right or wrong; `value` is what the code would have to give."""

    text: str
    because: str
    right: bool = False
    value: Any = None

    @property
    def verdict(self) -> str:
        """The words before the explanation: right or wrong is never told by a colour alone."""
        return "Right." if self.right else "Not this one."

    @property
    def explanation(self) -> str:
        """The verdict and the reason, as MyST."""
        return f"**{self.verdict}** {self.because}"


@dataclass(frozen=True)
class Question:
    """A question with its options, in the order in which they are shown, and the code that computes its key."""

    id: str
    question: str
    options: tuple[Option, ...]
    compute: str | None = None


def beside(chapter: Path) -> Path:
    """Where the quiz of a chapter is, if it has one."""
    return chapter.with_suffix(".quiz.yml")


def read(path: Path) -> list[Question]:
    """The questions of a quiz file, checked.

    Raises:
        ValueError: the file is not what it should be; the message names file, question, what is expected
            and what is given.
    """
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path.name}: expected beside the chapter, there is none") from None
    except yaml.YAMLError as error:
        raise ValueError(f"{path.name}: expected YAML: {' '.join(str(error).split())}") from None
    if not isinstance(data, list) or not data:
        raise ValueError(f"{path.name}: expected a list of questions, got {data!r:.60}")
    questions: list[Question] = []
    for number, entry in enumerate(data, start=1):
        name = entry["id"] if isinstance(entry, dict) and isinstance(entry.get("id"), str) else number
        try:
            question = _question(entry)
            if question.id in [other.id for other in questions]:
                raise ValueError("expected an id of its own, got one that another question has")
        except ValueError as error:
            raise ValueError(f"{path.name}, question {name}: {error}") from None
        questions.append(question)
    return questions


def computed(question: Question) -> Any:
    """Run the code of a question and return the value of its last expression."""
    *statements, last = ast.parse(question.compute).body
    names: dict[str, Any] = {}
    exec(compile(ast.Module(statements, []), question.id, "exec"), names)
    return eval(compile(ast.Expression(last.value), question.id, "eval"), names)


def as_dropdowns(questions: Sequence[Question]) -> str:
    """The quiz as MyST without a script: each option folds its explanation. The notebooks show this."""
    return "\n\n".join(_dropdowns(questions))


def as_answers(questions: Sequence[Question]) -> str:
    """The quiz as MyST with every explanation in the open: each option a term, its explanation the definition."""
    return "\n\n".join(_answers(questions))


def with_dropdowns(text: str, chapter: Path) -> str:
    """The text of a chapter with its `{quiz}` directive written out."""
    return DIRECTIVE.sub(lambda _: as_dropdowns(read(beside(chapter))), text)


def _dropdowns(questions: Sequence[Question]) -> Iterator[str]:
    for number, question in enumerate(questions, start=1):
        yield f"**{number}. {question.question}**"
        for letter, option in zip(LETTERS, question.options):
            yield f":::::{{dropdown}} {letter}. {option.text}\n{option.explanation}\n:::::"


def _answers(questions: Sequence[Question]) -> Iterator[str]:
    for number, question in enumerate(questions, start=1):
        yield f"**{number}. {question.question}**"
        for letter, option in zip(LETTERS, question.options):
            yield f"{letter}. {option.text}\n: {textwrap.indent(option.explanation, '  ').strip()}"


def _question(entry: Any) -> Question:
    """One entry of the list, checked."""
    given = _mapping(entry, needed={"id", "question", "options"}, allowed={"compute"})
    if not isinstance(given["id"], str) or not IDENTIFIER.fullmatch(given["id"]):
        raise ValueError(f"expected an id of lower-case words joined by hyphens, got {given['id']!r}")
    computes = "compute" in given
    if computes:
        _expect_code(given["compute"])
    if not isinstance(given["options"], list) or not 2 <= len(given["options"]) <= len(LETTERS):
        count = len(given["options"]) if isinstance(given["options"], list) else repr(given["options"])
        raise ValueError(f"expected 2 to {len(LETTERS)} options, got {count}")
    options = []
    for letter, option in zip(LETTERS, given["options"]):
        try:
            options.append(_option(option, computes))
        except ValueError as error:
            raise ValueError(f"option {letter}: {error}") from None
    right = [letter for letter, option in zip(LETTERS, options) if option.right]
    if len(right) != 1:
        raise ValueError(f"expected one option with `right: true`, got {' and '.join(right) or 'none'}")
    values = [option.value for option in options]
    if computes and any(value in values[:number] for number, value in enumerate(values)):
        raise ValueError(f"expected a different value for each option, got {values}")
    return Question(given["id"], _line(given, "question"), tuple(options), given.get("compute"))


def _option(entry: Any, computes: bool) -> Option:
    """One option, checked; with a value exactly where the question computes its key."""
    given = _mapping(entry, {"text", "because"} | ({"value"} if computes else set()), allowed={"right"})
    if given.get("right", True) is not True:
        raise ValueError(f"expected `right: true` or nothing, got {given['right']!r}")
    because = given["because"]
    if not isinstance(because, str) or not because.strip():
        raise ValueError(f"expected an explanation in `because`, got {because!r}")
    return Option(_line(given, "text"), because.strip(), "right" in given, given.get("value"))


def _mapping(entry: Any, needed: set[str], allowed: set[str]) -> dict[str, Any]:
    """`entry`, if it is a mapping with all the `needed` keys and no more than the `allowed` ones beside them."""
    if not isinstance(entry, dict):
        raise ValueError(f"expected a mapping with {_listed(needed)}, got {entry!r:.60}")
    if missing := needed - entry.keys():
        raise ValueError(f"expected {_listed(needed)}, got no {_listed(missing)}")
    if unknown := {str(key) for key in entry} - needed - allowed:
        raise ValueError(f"expected no key but {_listed(needed | allowed)}, got {_listed(unknown)}")
    return entry


def _line(given: dict[str, Any], key: str) -> str:
    """The text under `key`, which stands in one line of the page."""
    text = given[key]
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"expected text in `{key}` (a number in quotes), got {text!r}")
    if "\n\n" in text.strip():
        raise ValueError(f"expected one paragraph in `{key}`, got several")
    return " ".join(text.split())


def _expect_code(code: Any) -> None:
    """Raise ValueError unless `code` is Python that ends with an expression."""
    try:
        body = ast.parse(code).body if isinstance(code, str) else []
    except SyntaxError as error:
        raise ValueError(f"expected Python in `compute`, got {error}") from None
    if not body or not isinstance(body[-1], ast.Expr):
        raise ValueError("expected code in `compute` whose last line is the value")


def _listed(keys: set[str]) -> str:
    return ", ".join(sorted(keys))
