"""Quizzes: what is wrong in a file is named, and the marked options are those that the code finds."""

import time
from pathlib import Path

import pytest
import quizzes  # tools/quizzes.py
import scratch_book
import yaml

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(ROOT.glob("chapters/*.quiz.yml"))
COMPUTED = [
    pytest.param(question, id=f"{path.stem}:{question.id}")
    for path in FILES
    for question in quizzes.read(path)
    if question.compute
]


@pytest.mark.parametrize("question", COMPUTED)
def test_the_marked_option_is_the_one_that_the_code_gives(question: quizzes.Question) -> None:
    import torch  # noqa: F401 - its loading is no part of the time

    start = time.process_time()
    value = quizzes.computed(question)
    assert time.process_time() - start < 2, "a reader's question, not a benchmark"
    assert [option.text for option in question.options if option.value == value] == [
        option.text for option in question.options if option.right
    ], f"the code gives {value!r}"


def test_every_quiz_is_shown_and_every_chapter_has_the_quiz_it_shows() -> None:
    assert FILES
    for chapter in ROOT.glob("chapters/[0-9][0-9]-*.md"):
        shown = len(quizzes.DIRECTIVE.findall(chapter.read_text("utf-8")))
        assert shown == quizzes.beside(chapter).is_file(), chapter.name
    for path in FILES:
        assert path.with_name(path.name.replace(".quiz.yml", ".md")).is_file(), path.name


def good() -> list[dict]:
    """A quiz with nothing wrong in it: one question with a computed key, one without."""
    return [
        {
            "id": "sum",
            "question": "What is $1 + 1$?",
            "compute": "one = 1\none + one",
            "options": [
                {"text": "2", "value": 2, "right": True, "because": "Count."},
                {"text": "3", "value": 3, "because": "That is\n\n$1 + 2$."},
            ],
        },
        {
            "id": "colour",
            "question": "Which?",
            "options": [{"text": "Red", "because": "No."}, {"text": "Blue", "because": "Yes.", "right": True}],
        },
    ]


def write(folder: Path, data: object) -> Path:
    path = folder / "01-toy.quiz.yml"
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data, allow_unicode=True), "utf-8")
    return path


def test_a_good_quiz_is_read(tmp_path: Path) -> None:
    first, second = quizzes.read(write(tmp_path, good()))
    assert quizzes.computed(first) == 2
    assert [option.verdict for option in second.options] == ["Not this one.", "Right."]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda q: q[0]["options"][0].pop("right"), "sum: expected one option with `right: true`, got none"),
        (lambda q: q[0]["options"][1].update(right=True), "sum: expected one option with `right: true`, got A and B"),
        (lambda q: q[0]["options"][1].update(right=False), "sum: option B: expected `right: true` or nothing, got False"),
        (lambda q: q[0]["options"][1].pop("because"), "sum: option B: expected because, text, value, got no because"),
        (lambda q: q[0]["options"][1].update(because=" "), "sum: option B: expected an explanation in `because`, got ' '"),
        (lambda q: q[1].update(id="sum"), "sum: expected an id of its own, got one that another question has"),
        (lambda q: q[1].update(id="The Colour"), "The Colour: expected an id of lower-case words joined by hyphens"),
        (lambda q: q[1].update(answer="Red"), "colour: expected no key but compute, id, options, question, got answer"),
        (lambda q: q[1]["options"][0].update(value=1), "colour: option A: expected no key but because, right, text, got value"),
        (lambda q: q[0]["options"].pop(), "sum: expected 2 to 8 options, got 1"),
        (lambda q: q[0].update(options="2"), "sum: expected 2 to 8 options, got '2'"),
        (lambda q: q[0]["options"][0].update(text=2), "sum: option A: expected text in `text` (a number in quotes), got 2"),
        (lambda q: q[0].update(question="One.\n\nTwo."), "sum: expected one paragraph in `question`, got several"),
        (lambda q: q[0]["options"][1].update(value=2), "sum: expected a different value for each option, got [2, 2]"),
        (lambda q: q[0].update(compute="x = 1"), "sum: expected code in `compute` whose last line is the value"),
        (lambda q: q[0].update(compute="1 +"), "sum: expected Python in `compute`, got invalid syntax"),
        (lambda q: q.append("Which?"), "3: expected a mapping with id, options, question, got 'Which?'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, spoil, says: str) -> None:
    data = good()
    spoil(data)
    with pytest.raises(ValueError) as raised:
        quizzes.read(write(tmp_path, data))
    assert str(raised.value).startswith(f"01-toy.quiz.yml, question {says}")
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_quiz_is_named(tmp_path: Path) -> None:
    for text, says in [("a: b", "expected a list of questions"), ("- [", "expected YAML"), ("", "expected a list of questions, got None")]:
        with pytest.raises(ValueError, match=f"01-toy.quiz.yml: {says}"):
            quizzes.read(write(tmp_path, text))
    with pytest.raises(ValueError, match="01-toy.quiz.yml: expected beside the chapter, there is none"):
        quizzes.read(tmp_path / "missing" / "01-toy.quiz.yml")


CHAPTER = """
# Toy

:::{predict}
:label: twice

The output of the next cell is not hidden. Is it 1?
:::

```{code-cell} python
1
```

:::{predict}
:label: twice

Text follows. Is it 1?
:::

Text.

:::{predict}
And without a label?
:::

:::{quiz}
:::
"""


def test_wrong_quizzes_predictions_and_plans_fail_the_build(tmp_path: Path) -> None:
    scratch_book.prepare(tmp_path, "root: page\nchapters: [{file: chapters/01-toy}]")
    (tmp_path / "page.md").write_text("# Page\n\n:::{chapters}\n2: Another\n:::\n\n:::{chapters}\n- 3\n:::\n", "utf-8")
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters" / "01-toy.md").write_text(scratch_book.HEADER + CHAPTER, "utf-8")
    data = good()
    data[0]["options"][0].pop("right")
    write(tmp_path / "chapters", data)
    result = scratch_book.build(tmp_path)
    said = result.stdout
    assert result.returncode != 0
    for problem in (
        "01-toy.quiz.yml, question sum: expected one option with `right: true`, got none",
        "expected a code cell tagged hide-output after the prediction, got one without",
        "expected a code cell tagged hide-output after the prediction, got paragraph",
        "expected a label of its own, got twice twice",
        "expected a label of lower-case words joined by hyphens, got ''",
        "expected lines `8: Title`, got [3]",
        "expected every chapter in the plan, got none for [1]",
    ):
        assert problem in said, said
