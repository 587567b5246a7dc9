"""Print the whole book: one PDF, to read on paper.

    python tools/print_book.py [--paper letter]

The pages are those of the site, built once more in _build/print with the exercises and their solutions
beside them. They are joined into one page in reading order, every link leading to its place there, and
Chromium prints it (book/templates/print.html, book/assets/print.css). The chapters are not run again.
"""

import argparse
import json
import logging
import posixpath
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import jinja2
import pypdf
import yaml
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

from book import BUILD, CACHE, ROOT, BookError, run_jupyter_book, what_is_stale
from browser import launch_chromium
from exercise_pages import hints_and_solutions, statement

PDF = BUILD / "from-convolution-to-attention.pdf"
FOLDER = BUILD / "print"
PAGES = FOLDER / "_build" / "html"  # where Jupyter Book puts them
FRONT_TITLE = "About this course"
ANSWERS = "book/answers"  # to the quizzes: they go to the back, if there are any
ON_SCREEN = "book/contents"  # this page's place is taken by the contents with page numbers

# Chromium's files say that they hold one object less than they do; it is read all the same.
logging.getLogger("pypdf").setLevel(logging.ERROR)

# Width in CSS pixels of the text: that of the paper, less twice the margin of print.css.
TEXT_WIDTH = {"a4": (210 - 2 * 23) * 96 / 25.4, "letter": (215.9 - 2 * 23) * 96 / 25.4}

QUESTION = re.compile(r"\*\*([^*]+\?)\*\*")

# What is of use on a screen only.
SCREEN_ONLY = (
    "script, style, button, input, [hidden], .launch, .headerlink, .pst-js-only, .sd-summary-icon, .sd-summary-state-marker, "
    ".cell details.hide > summary"
)

# Formulas and tables that are wider than the text are set smaller; what is still too wide is reported.
FIT = """() => {
  for (const box of document.querySelectorAll(".katex-display, .pst-scrollable-table-container")) {
    if (box.scrollWidth > box.clientWidth) box.style.fontSize = `${0.98 * box.clientWidth / box.scrollWidth}em`;
  }
  const edge = document.querySelector("main").getBoundingClientRect().right + 1;
  return [...document.querySelectorAll("main :is(h1, h2, h3, h4, p, li, pre, table, img, .base)")]
    .filter(box => box.getBoundingClientRect().right > edge)
    .map(box => box.alt || box.textContent.trim().slice(0, 60));
}"""


@dataclass(frozen=True)
class Leaf:
    """A page of the site as a chapter of the printed book."""

    name: str  # its place and the name of its pages
    part: str | None  # the title of the part that it opens
    title: str  # as text
    body: Tag
    headings: list[Tag]  # its title and those of its sections, for the contents


def arrange(contents: dict[str, Any], exercises: Iterable[str]) -> dict[str, Any]:
    """The contents of _toc.yml as those of the printed book.

    The parts with chapters come first, then the exercises, the back matter, and in the end all answers. Before
    them stands the page ON_SCREEN, if there is one.
    """
    parts, exercises = contents["parts"], list(exercises)
    course = [part for part in parts if any(page["file"].startswith("chapters/") for page in part["chapters"])]
    others = [part for part in parts if part not in course]
    files = [page["file"].removesuffix(".md") for part in others for page in part["chapters"]]
    back = [
        ("Exercises", [f"{folder}/exercise" for folder in exercises]),
        ("Back matter", [file for file in files if file not in (ANSWERS, ON_SCREEN)]),
        ("Solutions", [file for file in files if file == ANSWERS] + [f"{folder}/solutions" for folder in exercises]),
    ]
    back_parts = [{"caption": title, "chapters": [{"file": file} for file in files]} for title, files in back if files]
    # Set like every page, so that links to it are known; `leaves` leaves it out.
    screen = [{"chapters": [{"file": ON_SCREEN}]}] if ON_SCREEN in files else []
    return {**contents, "parts": screen + course + back_parts}


def stage() -> dict[str, Any]:
    """Lay the sources of the printed book into FOLDER; return its contents."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for path in ROOT.iterdir():
        if path.is_dir() and path.name != "exercises" and path.name[0] not in "._":
            (FOLDER / path.name).symlink_to(path, target_is_directory=True)
    folders = sorted(path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("exercises/sources/*/exercise.md"))
    for folder in folders:
        (FOLDER / folder).mkdir(parents=True)
        (FOLDER / folder / "exercise.md").write_text(statement(ROOT / folder), "utf-8")
        (FOLDER / folder / "solutions.md").write_text(hints_and_solutions(ROOT / folder), "utf-8")
    contents = arrange(yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8")), folders)
    (FOLDER / "_toc.yml").write_text(yaml.safe_dump(contents, sort_keys=False), "utf-8")
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    config["exclude_patterns"].remove("exercises")
    config["sphinx"]["config"]["extensions"].remove("solutions")  # here they are pages like all others
    config["execute"]["cache"] = str(CACHE)
    (FOLDER / "_config.yml").write_text(yaml.safe_dump(config), "utf-8")
    return contents


def slug(page: str, anchor: str = "") -> str:
    """The id in the joined page of a page, or of an anchor in it."""
    return "--".join(filter(None, [page.replace("/", "-"), anchor]))


def destination(page: str, address: str, pages: Iterable[str]) -> str | None:
    """Where a link in `page` leads in the joined page: None if to nothing that is in the book."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return address
    target = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(parts.path))) if parts.path else page
    target = target.removesuffix(".html")
    return f"#{slug(target, unquote(parts.fragment))}" if target in pages else None


def read_page(name: str, pages: Sequence[str], depth: int) -> Tag:
    """The text of a page of the site, ready to stand among others: its headings `depth` levels lower."""
    body = BeautifulSoup((PAGES / f"{name}.html").read_text("utf-8"), "html.parser").select_one("article.bd-article")
    for useless in body.select(SCREEN_ONLY):
        useless.decompose()
    # What is folded away on the screen is open on paper.
    for fold in body.select("details"):
        fold.name = "div"
    for title in body.select("summary"):
        title.name = "p"
    # Chromium tags a picture with its text, and MathML not at all: a formula is read out as its TeX.
    for formula in body.select(".katex"):
        formula["role"], formula["aria-label"] = "img", " ".join(formula.annotation.get_text().split())
        formula.select_one(".katex-mathml").decompose()
        del formula.select_one(".katex-html")["aria-hidden"]
    for picture in body.select("img"):
        del picture["loading"]  # all of them, now
        picture["src"] = posixpath.normpath(posixpath.join(posixpath.dirname(name), picture["src"]))
    for link in body.select("a[href]"):
        if address := destination(name, link["href"], pages):
            link["href"] = address
            if not address.startswith("#") and link.get_text() not in address:
                link["class"] = [*link.get("class", []), "outside"]
        else:
            link.unwrap()
    for tag in body.select("[id]"):
        tag["id"] = slug(name, tag["id"])
    if depth == 0:  # it has the title of the book
        body.h1.string = FRONT_TITLE
    for heading in body.select("h1, h2, h3, h4, h5"):
        heading.name = f"h{int(heading.name[1]) + depth}"
    return body


def leaves(contents: dict[str, Any]) -> list[Leaf]:
    """Every page of the book in reading order, its links leading to places in the joined page.

    Raises:
        BookError: a link leads nowhere.
    """
    entries = [(contents["root"], None, 0)]
    for part in contents["parts"]:
        captions = [part.get("caption"), *[None] * len(part["chapters"])]
        entries += [(page["file"].removesuffix(".md"), caption, 1) for page, caption in zip(part["chapters"], captions)]
    entries = [entry for entry in entries if entry[0] != ON_SCREEN]
    names = [name for name, _, _ in entries]
    bodies = [read_page(name, names, depth) for name, _, depth in entries]
    targets = {link["href"][1:] for body in bodies for link in body.select('a[href^="#"]')}
    ids = {tag["id"] for body in bodies for tag in body.select("[id]")} | {slug(name) for name in names}
    if missing := sorted(targets - ids):
        raise BookError(f"a link leads to nothing in the printed book: {missing[0]}")
    made = []
    for body, (name, part, depth) in zip(bodies, entries):
        headings = body.select(f"section > h{depth + 1}, section > h{depth + 2}")
        made.append(Leaf(slug(name), part, plain_text(headings[0]), body, headings))
    return made


def plain_text(heading: Tag) -> str:
    """A heading without markup; a formula as its TeX."""
    copy = BeautifulSoup(str(heading), "html.parser")
    for formula in copy.select(".katex"):
        formula.replace_with(formula["aria-label"])
    return copy.get_text().strip()


def about() -> dict[str, Any]:
    """What the title page and the PDF's metadata say of the book."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    question = QUESTION.search((ROOT / "book" / "index.md").read_text("utf-8"))
    if not question:
        raise BookError("book/index.md: the question of the book is expected in bold, for the title page")
    return {
        "title": config["title"],
        "full_title": citation["title"],
        "question": question[1],
        "authors": config["author"],
        "version": citation["version"],
        "date": citation["date-released"],
        "rights": config["copyright"],
        "url": citation.get("url") or citation.get("repository-code"),
        "keywords": citation["keywords"],
        "language": config["sphinx"]["config"]["language"],
    }


def join(facts: dict[str, Any], pages: list[Leaf], paper: str, numbers: dict[str, int]) -> str:
    """The whole book as one page of HTML, its contents with the page numbers `numbers` of the anchors."""
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(ROOT / "book" / "templates"), autoescape=True)
    environment.filters["css_string"] = lambda text: json.dumps(text, ensure_ascii=False)
    style = (ROOT / "book" / "assets" / "print.css").read_text("utf-8")
    template = environment.get_template("print.html")
    return template.render(about=facts, leaves=pages, style=style, paper=paper, numbers=numbers)


def print_pdf(document: str, paper: str, path: Path) -> None:
    """Print the page `document` as a PDF at `path`, with metadata, bookmarks and tags for screen readers.

    Raises:
        BookError: no Chromium, a page that asks for other files than those of the book, or one that
            holds something wider than the paper.
    """
    source = PAGES / "print.html"
    source.write_text(document, "utf-8")
    refused: list[str] = []
    try:
        with sync_playwright() as playwright:
            chromium = launch_chromium(playwright)
            page = chromium.new_page(viewport={"width": int(TEXT_WIDTH[paper]), "height": 1000})
            page.on("requestfailed", lambda request: refused.append(request.url))
            page.route(lambda url: not url.startswith(("file:", "data:")), lambda route: route.abort())
            page.emulate_media(media="print", color_scheme="light")
            page.goto(source.as_uri())
            too_wide = page.evaluate(FIT)
            page.pdf(path=path, prefer_css_page_size=True, print_background=True, outline=True, tagged=True)
            chromium.close()
    except FileNotFoundError as error:
        raise BookError(str(error)) from None
    except PlaywrightError as error:
        raise BookError(f"Chromium failed: {error.message.splitlines()[0]}") from None
    if refused:
        raise BookError(f"the book asks for what it does not hold: {refused[0]}")
    if too_wide:
        raise BookError(f"wider than the paper: {too_wide[0]!r}")


def page_numbers(path: Path) -> dict[str, int]:
    """The page of each place that a link leads to, counted from 1."""
    reader = pypdf.PdfReader(path)
    places = reader.named_destinations
    return {name.removeprefix("/"): reader.get_destination_page_number(place) + 1 for name, place in places.items()}


def describe(path: Path, facts: dict[str, Any]) -> int:
    """Write what the book is into the PDF; return the number of its pages."""
    writer = pypdf.PdfWriter(clone_from=path)
    writer.add_metadata(
        {
            "/Title": facts["title"],
            "/Author": facts["authors"],
            "/Subject": facts["question"],
            "/Keywords": ", ".join(facts["keywords"]),
        }
    )
    writer.create_viewer_preferences().display_doctitle = True
    writer.write(path)
    return len(writer.pages)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paper", choices=TEXT_WIDTH, default="a4")
    paper = parser.parse_args(arguments).paper
    PDF.unlink(missing_ok=True)
    draft = FOLDER / PDF.name
    try:
        if reason := what_is_stale():  # then the stored outputs of the chapters may be old too
            raise BookError(reason)
        print("Setting the pages, with the exercises and solutions", flush=True)
        contents = stage()
        run_jupyter_book(FOLDER, "-W")
        print("Joining the pages", flush=True)
        facts = about()
        pages = leaves(contents)
        # Chromium cannot write page numbers into the contents: they are read from a first print.
        print("Printing, to find the page of each section", flush=True)
        print_pdf(join(facts, pages, paper, {}), paper, draft)
        numbers = page_numbers(draft)
        print("Printing, with the page numbers in the contents", flush=True)
        print_pdf(join(facts, pages, paper, numbers), paper, draft)
        if page_numbers(draft) != numbers:
            raise BookError("the page numbers in the contents moved the pages")
        count = describe(draft, facts)
        draft.replace(PDF)
    except BookError as error:
        print(f"print: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("print: interrupted", file=sys.stderr)
        return 130
    print(f"\nThe book is printed: {count} pages, {PDF.stat().st_size / 1e6:.1f} MB. Open {PDF.as_uri()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
