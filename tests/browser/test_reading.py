"""Quizzes, predictions and progress as a reader uses them: by keyboard, without a script, and coming back."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import quizzes  # tools/quizzes.py
from playwright.sync_api import Locator, Page, expect

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = "chapters/08-convolution-as-attention.html"
PAGE = CHAPTER.removesuffix(".html")
CONTENTS = "book/contents.html"
QUESTIONS = quizzes.read(ROOT / f"{PAGE}.quiz.yml")
KEY = "conv2attn-progress"
LINE, CHOICE = "predict-darkest-cell", "predict-agreeing-pixels"


def stored(page: Page) -> dict:
    """What the browser keeps."""
    return json.loads(page.evaluate(f"localStorage.getItem('{KEY}')"))


def keep(progress: dict | str) -> str:
    """A script that puts `progress` where the page will look for it, once."""
    text = json.dumps(progress if isinstance(progress, str) else json.dumps(progress))
    return f"if (!sessionStorage.kept) {{ localStorage.setItem('{KEY}', {text}); sessionStorage.kept = 1; }}"


def progress(**kinds: dict) -> dict:
    """Progress in the chapter, in the form that is kept."""
    return {"version": 1, **{kind: {PAGE: kinds.get(kind, {})} for kind in ("read", "quiz", "predictions")}}


def form(page: Page, number: int) -> Locator:
    """One question of the quiz, counted from 0."""
    return page.locator(".quiz form").nth(number)


def place(number: int, right: bool) -> int:
    """Where the first right or wrong option of a question is."""
    return next(place for place, option in enumerate(QUESTIONS[number].options) if option.right == right)


def answer(page: Page, number: int, right: bool) -> None:
    """Choose an option and check it, with keys alone."""
    options = form(page, number).get_by_role("radio")
    form(page, number).get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    for _ in range(place(number, right)):
        page.keyboard.press("ArrowDown")
    expect(options.nth(place(number, right))).to_be_checked()
    page.keyboard.press("Tab")
    expect(form(page, number).get_by_role("button", name="Check")).to_be_focused()
    page.keyboard.press("Enter")


# Quizzes


def test_every_option_tells_right_from_wrong_and_why(visit: Callable[..., Page]) -> None:
    page = visit(CHAPTER)
    for number, question in enumerate(QUESTIONS):
        group = form(page, number).get_by_role("group")
        expect(group).to_have_accessible_name(re.compile(f"^{number + 1}\\. "))
        for choice, option in enumerate(question.options):
            form(page, number).get_by_role("radio").nth(choice).check()
            form(page, number).get_by_role("button", name="Check").click()
            seen = form(page, number).get_by_role("status").locator("> div:visible")
            expect(seen).to_have_count(1)
            expect(seen).to_contain_text(option.verdict)
            reason = re.split(r"[$`{]", option.because)  # plain words, not formulas and roles
            assert max(reason, key=len).strip() in " ".join(seen.inner_text().split())


def test_a_quiz_by_keyboard_alone(visit: Callable[..., Page]) -> None:
    page = visit(CHAPTER)
    score = page.locator(".quiz output")
    expect(score).to_have_text("5 questions.")
    answer(page, 0, right=False)
    expect(form(page, 0).get_by_role("status")).to_contain_text("Not this one.")
    expect(score).to_have_text("1 of 5 answered, 0 right at the first try.")
    answer(page, 0, right=True)
    seen = form(page, 0).get_by_role("status").locator("> div:visible")
    expect(seen).to_have_count(1)
    expect(seen).to_contain_text("Right.")
    expect(score).to_have_text("1 of 5 answered, 0 right at the first try.")  # the second try does not count
    for number in range(1, 5):
        answer(page, number, right=True)
    expect(score).to_have_text("4 of 5 right at the first try.")
    assert stored(page)["quiz"][PAGE] == {question.id: number > 0 for number, question in enumerate(QUESTIONS)}

    page.reload()
    expect(page.locator(".quiz output")).to_have_text("4 of 5 right at the first try.")
    page.get_by_role("button", name="Start again").click()
    expect(page.locator(".quiz output")).to_have_text("5 questions.")
    assert stored(page)["quiz"][PAGE] == {}


@pytest.mark.parametrize("width", [1280, 390])
def test_the_score_is_seen_whole(visit: Callable[..., Page], width: int) -> None:
    page = visit(CHAPTER, width=width)
    answer(page, 0, right=True)
    shown, needed = page.locator(".quiz output").evaluate("(el) => [el.clientHeight, el.scrollHeight]")
    assert shown >= needed > 10


def test_nothing_is_checked_before_an_option_is_chosen(visit: Callable[..., Page]) -> None:
    page = visit(CHAPTER)
    form(page, 0).get_by_role("button", name="Check").click()
    expect(page.locator(".quiz output")).to_have_text("5 questions.")
    expect(form(page, 0).get_by_role("status").locator("> div:visible")).to_have_count(0)


def test_a_quiz_without_javascript_is_a_list_with_answers_elsewhere(visit: Callable[..., Page]) -> None:
    page = visit(CHAPTER, javascript=False)
    quiz = page.locator(".quiz")
    assert quiz.locator("li:visible").count() == sum(len(question.options) for question in QUESTIONS)
    for hidden in ("input", "button", "output"):
        expect(quiz.locator(f"{hidden}:visible")).to_have_count(0)
    expect(quiz.locator("[role=status] > div:visible")).to_have_count(0)
    quiz.get_by_role("link", name="Answers to the quizzes").click()
    expect(page.locator("h1")).to_contain_text("Answers to the quizzes")
    answers = page.locator("article dd")
    every = [question for path in ROOT.glob("chapters/*.quiz.yml") for question in quizzes.read(path)]
    expect(answers).to_have_count(sum(len(question.options) for question in every))
    expect(answers.get_by_text("Right.", exact=True)).to_have_count(len(every))
    page.get_by_role("link", name="Convolution as attention").first.click()
    expect(page.locator("h1")).to_contain_text("Convolution as attention")


def test_answers_are_not_found_by_searching(site: Path) -> None:
    index = json.loads((site / "searchindex.js").read_text("utf-8").removeprefix("Search.setIndex(").removesuffix(")"))
    page = index["docnames"].index("book/answers")
    assert index["titles"][page] == ""
    for kind in ("terms", "titleterms"):
        assert not [word for word, pages in index[kind].items() if page in (pages if isinstance(pages, list) else [pages])]


# Predictions


def test_a_written_prediction_opens_the_output_and_is_kept(visit: Callable[..., Page]) -> None:
    page = visit(CHAPTER)
    note = page.locator(f"#{LINE}")
    fold = page.locator(f"#{LINE} + .cell details")
    expect(fold).not_to_have_attribute("open", "")
    note.get_by_role("textbox", name="Your prediction").focus()
    page.keyboard.type("one to the <b>right</b>")
    page.keyboard.press("Enter")
    expect(fold).to_have_attribute("open", "")
    expect(fold.locator(".predicted")).to_have_text("You predicted: one to the <b>right</b>")
    expect(note.get_by_role("status")).to_have_text("Kept. The output is open below.")

    page.reload()
    expect(fold).not_to_have_attribute("open", "")
    expect(note.get_by_role("textbox")).to_have_value("one to the <b>right</b>")
    expect(note.get_by_role("status")).to_have_text("Kept from before.")
    note.get_by_role("textbox").fill("above")
    note.get_by_role("button", name="Keep my prediction and show").click()
    expect(fold.locator(".predicted")).to_have_text("You predicted: above")
    expect(fold.locator(".predicted")).to_have_count(1)


def test_a_chosen_prediction_is_kept(visit: Callable[..., Page]) -> None:
    page = visit(CHAPTER)
    note = page.locator(f"#{CHOICE}")
    note.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    chosen = "all but those at the border"
    predicted = page.locator(f"#{CHOICE} + .cell details[open] .predicted")
    expect(predicted).to_have_text(f"You predicted: {chosen}")
    page.reload()
    expect(note.get_by_role("radio", name=chosen)).to_be_checked()


def test_no_prediction_keeps_the_output_folded(visit: Callable[..., Page]) -> None:
    page = visit(CHAPTER)
    page.locator(f"#{LINE}").get_by_role("button").click()
    expect(page.locator(f"#{LINE} + .cell details")).not_to_have_attribute("open", "")
    assert page.evaluate(f"localStorage.getItem('{KEY}')") is None


def test_a_prediction_without_javascript_is_a_note_above_a_fold(visit: Callable[..., Page]) -> None:
    page = visit(CHAPTER, javascript=False)
    for label in (LINE, CHOICE):
        note = page.locator(f"#{label}")
        expect(note).to_contain_text("Predict, then run")
        expect(note.locator(":is(input, button):visible")).to_have_count(0)
    expect(page.locator(f"#{CHOICE} li:visible")).to_have_count(3)
    page.locator(f"#{CHOICE} + .cell summary").click()
    expect(page.locator(f"#{CHOICE} + .cell details .output")).to_be_visible()


# Progress


def contents_line(page: Page, kind: str) -> Locator:
    return page.locator(f"[data-chapter='{PAGE}'] [data-shown='{kind}']")


@pytest.mark.parametrize("from_disk", [False, True])
def test_sections_are_read_by_scrolling_to_their_end(visit: Callable[..., Page], from_disk: bool) -> None:
    page = visit(CHAPTER, from_disk=from_disk)
    sections = page.evaluate("[...document.querySelectorAll('article h2')].map((h) => h.parentElement.id)")
    page.wait_for_timeout(100)
    assert page.evaluate(f"localStorage.getItem('{KEY}')") is None
    # A jump to the third section reads none.
    page.evaluate(f"location.hash = '{sections[2]}'")
    page.wait_for_timeout(300)
    assert page.evaluate(f"localStorage.getItem('{KEY}')") is None
    # Down to where the second begins: the first is read, and only it.
    page.evaluate(f"document.getElementById('{sections[1]}').scrollIntoView(); scrollBy(0, -700)")
    page.wait_for_function(f"localStorage.getItem('{KEY}') !== null")
    assert stored(page)["read"][PAGE] == {sections[0]: True}
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_function(f"localStorage.getItem('{KEY}').includes('\"{sections[-1]}\"')")
    page.goto(page.url.partition("chapters/")[0] + CONTENTS)
    expect(contents_line(page, "read")).to_have_text(f"{len(stored(page)['read'][PAGE])} of {len(sections)} sections read.")


def test_contents_tell_what_is_written_and_what_is_planned(visit: Callable[..., Page]) -> None:
    page = visit(CONTENTS, javascript=False)
    lines = page.locator(".chapters > li")
    assert [int(line.get_attribute("value")) for line in lines.all()] == list(range(1, 17))
    for line in lines.all():
        number = int(line.get_attribute("value"))
        written = list((ROOT / "chapters").glob(f"{number:02}-*.md"))
        expect(line.get_by_role("link")).to_have_count(len(written))
        expect(line.get_by_text("planned")).to_have_count(1 - len(written))
        for chapter in written:  # what is computed here is what the chapter says
            said = re.search(r"^Reading: (\d+) minutes\.", chapter.read_text("utf-8"), re.MULTILINE)[1]
            expect(line).to_contain_text(f"About {said} minutes to read.")
    expect(page.locator(":is([data-shown], .progress-tools):visible")).to_have_count(0)


def test_contents_show_progress_of_what_exists(visit: Callable[..., Page]) -> None:
    page = visit(CONTENTS)
    sections = page.locator(f"[data-chapter='{PAGE}']").get_attribute("data-sections").split()
    page = visit(CONTENTS, before=keep(progress(read={**dict.fromkeys(sections, True), "gone": True}, quiz={"gone": True})))
    expect(contents_line(page, "read")).to_have_text(f"Read, all {len(sections)} sections.")
    expect(contents_line(page, "quiz")).to_have_text("Quiz: 5 questions.")


def choose_file(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Load it from a file").click()
    chooser.value.set_files(path)


@pytest.mark.parametrize("from_disk", [False, True])
def test_progress_is_saved_erased_and_loaded(visit: Callable[..., Page], tmp_path: Path, from_disk: bool) -> None:
    first = QUESTIONS[0].id
    mine = progress(read={"the-theorem": True}, quiz={first: False}, predictions={LINE: "above"})
    page = visit(CONTENTS, from_disk=from_disk, before=keep(mine))
    expect(contents_line(page, "read")).to_contain_text("1 of ")
    expect(page.locator(f"[data-chapter='{PAGE}'] progress")).to_have_js_property("value", 1)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save my progress to a file").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.suffix == ".json" and json.loads(file.read_text("utf-8")) == mine

    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Erase it").click()
    expect(page.locator(".progress-tools [role=status]")).to_have_text("Nothing is erased.")
    assert stored(page) == mine
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Erase it").click()
    expect(page.locator(".progress-tools [role=status]")).to_have_text("Erased.")
    assert page.evaluate(f"localStorage.getItem('{KEY}')") is None
    expect(contents_line(page, "read")).to_contain_text("0 of ")
    expect(contents_line(page, "quiz")).to_have_text("Quiz: 5 questions.")

    # What was done since then stays.
    page.evaluate(f"reader.keep('read', '{PAGE}', {{ 'break-it': true }})")
    choose_file(page, file)
    expect(page.locator(".progress-tools [role=status]")).to_have_text("Loaded.")
    expect(contents_line(page, "read")).to_contain_text("2 of ")
    expect(contents_line(page, "quiz")).to_have_text("Quiz: 1 of 5 answered, 0 right at the first try.")
    assert stored(page) == {**mine, "read": {PAGE: {"the-theorem": True, "break-it": True}}}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no json", "It is not JSON."),
        ("null", "Progress of version 1 is expected, this is none."),
        ('{"version": 2}', "Progress of version 1 is expected, this is version 2."),
    ],
)
def test_a_file_that_is_something_else_changes_nothing(visit, tmp_path: Path, text: str, says: str) -> None:
    mine = progress(read={"the-theorem": True})
    page = visit(CONTENTS, before=keep(mine))
    file = tmp_path / "wrong.json"
    file.write_text(text, "utf-8")
    choose_file(page, file)
    expect(page.locator(".progress-tools [role=status]")).to_have_text(f"This file is not loaded. {says}")
    assert stored(page) == mine


def test_what_does_not_belong_into_progress_is_left_out(visit: Callable[..., Page]) -> None:
    page = visit(CONTENTS)
    text = '{"version": 1, "more": 1, "read": {"a": {"s": true, "t": "yes"}, "b": 3, "__proto__": {"x": true}}, "quiz": []}'
    parsed = page.evaluate("text => JSON.stringify(reader.parse(text))", text)
    assert json.loads(parsed) == {
        "version": 1,
        "read": {"a": {"s": True}, "b": {}, "__proto__": {"x": True}},
        "quiz": {},
        "predictions": {},
    }
    assert page.evaluate("({}).x") is None


@pytest.mark.parametrize("kept", ["{broken", "[]", "17", '{"version": 1, "read": 5, "quiz": {"a": null}}'])
@pytest.mark.parametrize("path", [CHAPTER, CONTENTS])
def test_broken_progress_is_as_none(visit: Callable[..., Page], path: str, kept: str) -> None:
    page = visit(path, before=keep(kept))
    if path == CHAPTER:
        answer(page, 0, right=True)
        expect(page.locator(".quiz output")).to_have_text("1 of 5 answered, 1 right at the first try.")
        assert stored(page)["quiz"][PAGE] == {QUESTIONS[0].id: True}
    else:
        expect(contents_line(page, "read")).to_contain_text("0 of ")


FORBIDDEN = """for (const name of ['localStorage', 'sessionStorage']) {
  Object.defineProperty(window, name, { configurable: true, get() { throw new DOMException('no', 'SecurityError'); } });
}"""
FULL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };"


@pytest.mark.parametrize("storage", [FORBIDDEN, FULL], ids=["forbidden", "full"])
def test_without_storage_the_page_works_and_says_so(visit: Callable[..., Page], storage: str) -> None:
    page = visit(CHAPTER, before=storage)
    answer(page, 0, right=True)
    answer(page, 1, right=False)
    expect(page.locator(".quiz output")).to_have_text("2 of 5 answered, 1 right at the first try.")
    note = page.locator(f"#{LINE}")
    note.get_by_role("textbox").fill("above")
    note.get_by_role("button").click()
    expect(page.locator(f"#{LINE} + .cell .predicted")).to_have_text("You predicted: above")
    expect(note.get_by_role("status")).to_have_text("This browser keeps nothing for this page: it lasts until you leave.")
    page.goto(page.url.partition("chapters/")[0] + CONTENTS)
    expect(contents_line(page, "quiz")).to_have_text("Quiz: 5 questions.")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Erase it").click()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(("path", "seen"), [(CHAPTER, ".quiz"), (CHAPTER, f"#{LINE}"), (CONTENTS, ".chapters >> nth=2")])
def test_nothing_moves_when_the_script_fills_in_what_was_done(visit, path: str, seen: str, width: int) -> None:
    done = progress(
        read={"the-theorem": True},
        quiz={question.id: False for question in QUESTIONS[:3]},
        predictions={LINE: "a long prediction " * 8, CHOICE: "none"},
    )
    page, fresh = visit(path, width=width, before=keep(done)), visit(path, width=width)
    sizes = [(box["width"], box["height"]) for box in (page.locator(seen).bounding_box(), fresh.locator(seen).bounding_box())]
    assert sizes[0] == sizes[1]
