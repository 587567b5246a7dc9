"""`{quiz}`: the questions of `NN-slug.quiz.yml` beside the chapter, and `{quiz-answers}`: those of all chapters.

Without a script a quiz is a list of questions and options, and a link to the page of answers. With one
(assets/reader.js) the reader chooses, checks, and reads why: the explanations are in the page, hidden.
"""

import re
import sys
from pathlib import Path

from docutils import nodes
from elements import element
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

sys.path.append(str(Path(__file__).parents[2] / "tools"))
import quizzes  # noqa: E402 - the notebooks are made of the same files

TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
CHAPTERS = "chapters/[0-9][0-9]-*.md"

logger = logging.getLogger(__name__)


class QuizDirective(SphinxDirective):
    """What the two directives share."""

    def read(self, chapter):
        """The questions of a chapter; none, with a warning, if something is wrong with them."""
        path = quizzes.beside(chapter)
        self.env.note_dependency(str(path))
        try:
            return quizzes.read(path)
        except ValueError as error:
            logger.warning("%s", error, location=self.get_location(), type="quiz")
            return []


class Quiz(QuizDirective):
    """The quiz of the chapter that it stands in."""

    def run(self):
        chapter = Path(self.env.doc2path(self.env.docname))
        questions = self.read(chapter)
        if not questions:
            return []
        answers, _ = self.parse_inline(f"{{ref}}`Answers to the quizzes <{anchor(chapter)}>`")
        score = [
            element("output", {}, f"{len(questions)} questions."),
            element("button", {"type": "button"}, "Start again"),
        ]
        return [
            element(
                "div",
                {"class": "quiz"},
                *(self.form(number, question) for number, question in enumerate(questions, start=1)),
                element("div", {"class": "quiz-score pst-js-only"}, *score),
                nodes.paragraph("", "", *answers, nodes.Text(", each option with its reason"), classes=["quiz-elsewhere"]),
            )
        ]

    def form(self, number, question):
        """One question: options to choose from, a button, and the explanations, of which one at a time will be seen."""
        options = [
            element("li", {}, element("label", {}, radio(question, place), self.inline(option.text)))
            for place, option in enumerate(question.options)
        ]
        explanations = [
            element(
                "div",
                {"hidden": True, "data-right": option.right or None},
                *self.parse_text_to_nodes(option.explanation),
            )
            for option in question.options
        ]
        return element(
            "form",
            {"data-question": question.id},
            element(
                "fieldset",
                {},
                element("legend", {}, f"{number}. ", self.inline(question.question)),
                element("ol", {"type": "A"}, *options),
                element("button", {"type": "submit", "class": "pst-js-only"}, "Check"),
                element("div", {"role": "status"}, *explanations),
            ),
        )

    def inline(self, text):
        """A text of one line, which may hold formulas and references."""
        return nodes.inline("", "", *self.parse_inline(text)[0])


class QuizAnswers(QuizDirective):
    """The quizzes of all chapters of the book with every explanation, as plain text."""

    def run(self):
        found = []
        for chapter in sorted(Path(self.env.srcdir).glob(CHAPTERS)):
            docname = self.env.path2doc(str(chapter))
            if docname in self.env.found_docs and quizzes.beside(chapter).is_file():
                title = TITLE.search(chapter.read_text("utf-8"))[1]
                heading = f"({anchor(chapter)})=\n## {int(chapter.name[:2])}. {title}\n\nBack to {{doc}}`/{docname}`.\n\n"
                found.append(heading + quizzes.as_answers(self.read(chapter)))
        return self.parse_text_to_nodes("\n\n".join(found), allow_section_headings=True)


def anchor(chapter):
    """The label of a chapter's answers on the page of answers."""
    return f"answers-{chapter.stem}"


def radio(question, place):
    """The button that chooses one option."""
    return element(
        "input",
        {"type": "radio", "name": question.id, "value": place, "required": True, "class": "pst-js-only"},
    )


def setup(app):
    app.add_directive("quiz", Quiz)
    app.add_directive("quiz-answers", QuizAnswers)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
