"""The printed book: whole, its links and page numbers right, readable by a screen reader, solutions at the end.

The site of _build/html must be there and up to date (`make book`). The PDF is made once, where `make pdf` makes it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import pypdf
import pytest
from bs4 import BeautifulSoup

import book
import browser
import print_book
from notebooks import SOLUTION

ROOT = Path(__file__).resolve().parents[1]
EXERCISES = sorted(ROOT.glob("exercises/sources/*/exercise.md"))

# A shorter line, such as `return None`, is nobody's.
DISTINCTIVE = 30


def squeezed(text: str) -> str:
    """`text` without white space: how a line was broken does not matter."""
    return re.sub(r"\s+", "", text)


@pytest.fixture(scope="module")
def pdf(site: Path) -> pypdf.PdfReader:
    """The printed book, made anew, with the site left as it was."""

    def state() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in site.rglob("*")}

    before = state()
    assert print_book.main([]) == 0
    assert state() == before, "printing changed the site"
    return pypdf.PdfReader(print_book.PDF)


@pytest.fixture(scope="module")
def texts(pdf: pypdf.PdfReader) -> list[str]:
    """The text of each page, without white space."""
    return [squeezed(page.extract_text()) for page in pdf.pages]


@pytest.fixture(scope="module")
def outline(pdf: pypdf.PdfReader) -> list[tuple[str, int]]:
    """Every bookmark: title and index of its page."""

    def flat(items: list[Any]) -> Iterator[tuple[str, int]]:
        for item in items:
            if isinstance(item, list):
                yield from flat(item)
            else:
                yield item.title, pdf.get_destination_page_number(item)

    return list(flat(pdf.outline))


@pytest.fixture(scope="module")
def elements(pdf: pypdf.PdfReader) -> list[tuple[str, str]]:
    """Type and alternative text of every element of the structure that a screen reader reads."""

    def below(node: Any) -> Iterator[tuple[str, str]]:
        node = node.get_object()
        if isinstance(node, pypdf.generic.ArrayObject):
            for child in node:
                yield from below(child)
        elif isinstance(node, pypdf.generic.DictionaryObject):
            if "/S" in node:
                yield node["/S"], str(node.get("/Alt", ""))
            if "/K" in node:
                yield from below(node["/K"])

    return list(below(pdf.trailer["/Root"]["/StructTreeRoot"]))


@pytest.fixture(scope="module")
def articles(site: Path) -> dict[str, BeautifulSoup]:
    """The text of each page of the site that is in the book."""
    found = {}
    for path in book.pages():
        name = path.relative_to(site).with_suffix("").as_posix()
        if name != print_book.ON_SCREEN:
            found[name] = BeautifulSoup(path.read_text("utf-8"), "html.parser").select_one("article")
    return found


def first_page_of_solutions(outline: list[tuple[str, int]]) -> int:
    return next(page for title, page in outline if title == "Solutions")


def test_pages_are_a4_and_none_is_empty(pdf: pypdf.PdfReader, texts: list[str], outline) -> None:
    contents = range(dict(reversed(outline))["Contents"], dict(reversed(outline))[print_book.FRONT_TITLE])
    chapters = len(list(ROOT.glob("chapters/[0-9][0-9]-*.md")))  # each with its exercise and solutions
    assert 20 * chapters <= len(pdf.pages) <= 45 * chapters
    assert print_book.PDF.stat().st_size < 2e6 * chapters
    for number, (page, text) in enumerate(zip(pdf.pages, texts), start=1):
        assert [round(float(side)) for side in page.mediabox[2:]] in ([595, 842], [596, 842]), number
        assert len(text) > 120 or page.images or number - 1 in contents, f"page {number} is almost empty"


def test_metadata(pdf: pypdf.PdfReader) -> None:
    root, data = pdf.trailer["/Root"], pdf.metadata
    assert data.title == "From Convolution to Attention"
    assert data.author == "The conv2attn authors"
    assert data.subject.endswith("a special case of self-attention?")
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]


def test_title_page(texts: list[str]) -> None:
    question = "special case of self-attention?"
    for text in ("From Convolution to Attention", question, "The conv2attn authors", "Version", "CC BY", "How to cite"):
        assert squeezed(text) in texts[0]


def test_bookmarks_are_all_titles_and_lead_to_their_pages(outline, texts, articles) -> None:
    bookmarks = [squeezed(title) for title, _ in outline]
    for name, article in articles.items():
        for link in article.select(".headerlink"):
            link.decompose()
        for heading in article.select("h1, h2, h3"):
            if not heading.select(".katex") and not (name == "book/index" and heading.name == "h1"):
                assert squeezed(heading.get_text()) in bookmarks, heading
    for part in ("Exercises", "Solutions"):
        assert part in bookmarks
    for title, page in outline:
        assert squeezed(title) in texts[page], f"{title} is not on page {page + 1}"


def test_contents_tell_the_right_pages(pdf, outline, texts) -> None:
    first = dict(reversed(outline))["Contents"]
    last = dict(reversed(outline))[print_book.FRONT_TITLE]
    contents = "".join(texts[first:last])
    document = BeautifulSoup((print_book.PAGES / "print.html").read_text("utf-8"), "html.parser")
    entries = document.select(".book-contents a")
    assert len(entries) > 20
    for entry in entries:
        title, number = (squeezed(span.get_text()) for span in entry.select(":scope > span"))
        assert title + number in contents
        place = pdf.named_destinations["/" + entry["href"][1:]]
        assert pdf.get_destination_page_number(place) + 1 == int(number), title
        assert title in texts[int(number) - 1], title


def test_links_lead_somewhere(pdf: pypdf.PdfReader) -> None:
    inner = outer = 0
    for page in pdf.pages:
        for annotation in page.get("/Annots") or []:
            link = annotation.get_object()
            if "/Dest" in link:
                assert link["/Dest"] in pdf.named_destinations, link["/Dest"]
                inner += 1
            else:
                assert re.match(r"https?://", link["/A"]["/URI"]), link["/A"]
                outer += 1
    assert inner > 40 and outer >= 5


def test_formulas_are_drawn_with_fonts_inside_the_file(pdf: pypdf.PdfReader) -> None:
    fonts = {}
    for page in pdf.pages:
        for font in (page["/Resources"].get("/Font") or {}).values():
            font = font.get_object()
            inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
            fonts[font["/BaseFont"]] = inner.get("/FontDescriptor", {})
    for family in ("KaTeX_Main", "KaTeX_Math", "KaTeX_Size"):
        assert any(family in name for name in fonts), family
    for name, descriptor in fonts.items():
        assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor) or "/CharProcs" in descriptor, name


def test_pictures_and_formulas_are_there_and_said(pdf, elements, articles) -> None:
    said = [text for kind, text in elements if kind == "/Figure"]
    pictures = [picture for article in articles.values() for picture in article.select("img")]
    islands = [island for article in articles.values() for island in article.select(".c2a-island img")]
    assert len(pictures) >= 4 and islands
    for picture in pictures:
        assert said.count(picture["alt"]) == 1, picture["alt"]
    assert sum(len(page.images) for page in pdf.pages) >= len({picture["src"] for picture in pictures})
    formulas = [tex for article in articles.values() for tex in article.select(".katex annotation")]
    seen = [formula for formula in formulas if not formula.find_parent(hidden=True)]  # the answers of a quiz are
    assert len(seen) > 100
    for formula in seen:
        assert " ".join(formula.get_text().split()) in said
    kinds = {kind for kind, _ in elements}
    assert {"/H1", "/H2", "/H3", "/P", "/L", "/LI", "/Table", "/TH", "/Link", "/Code"} <= kinds


def test_numbers_are_those_of_the_site(texts: list[str]) -> None:
    book_text = "".join(texts)
    for text in ("8. Convolution as attention", "Theorem 8.1 (", "Theorem 8.2 (", "Definition 8.1 (", "(8.2)"):
        assert squeezed(text) in book_text
    assert "??" not in book_text


def test_exercises_come_before_and_solutions_only_at_the_end(outline, texts) -> None:
    start = first_page_of_solutions(outline)
    before, after = "".join(texts[:start]), "".join(texts[start:])
    assert EXERCISES
    for path in EXERCISES:
        source = jupytext.read(path, fmt="md:myst")
        bodies = [match[0] for cell in source.cells for match in SOLUTION.finditer(cell.source)]
        longest = [max(body.splitlines()[1:-1], key=len) for body in bodies]
        lines = [squeezed(line.strip().partition("  #")[0]) for line in longest]
        assert len(lines) >= 5
        for line in lines:
            assert line in after, line
            assert line not in before or len(line) < DISTINCTIVE, line
        assert "Hint1" in after and "Hint1" not in before
        assert before.count("raiseNotImplementedError(") >= len(bodies) and "raiseNotImplementedError(" not in after
    assert all(page <= start for title, page in outline if title in ("Exercises", "Back matter", "References"))
    assert "BEGINSOLUTION" not in before + after


# The order of the parts, and where links lead


def test_answers_go_to_the_back_and_the_contents_of_the_site_stay_there() -> None:
    def part(caption: str, *files: str) -> dict[str, Any]:
        return {"caption": caption, "chapters": [{"file": file} for file in files]}

    site_contents = {
        "root": "book/index",
        "parts": [
            part("Start", "book/contents.md"),
            {**part("One", "chapters/01-a.md"), "numbered": 1},
            part("Back matter", "book/references.md", "book/answers.md"),
        ],
    }
    arranged = print_book.arrange(site_contents, ["exercises/sources/01-a"])
    assert arranged["parts"] == [
        {"chapters": [{"file": "book/contents"}]},  # for the links to it; `leaves` leaves it out
        {**part("One", "chapters/01-a.md"), "numbered": 1},
        part("Exercises", "exercises/sources/01-a/exercise"),
        part("Back matter", "book/references"),
        part("Solutions", "book/answers", "exercises/sources/01-a/solutions"),
    ]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("#here", "#chapters-08-a--here"),
        ("../book/references.html#id2", "#book-references--id2"),
        ("../book/references.html", "#book-references"),
        ("https://example.org/a.html", "https://example.org/a.html"),
        ("../notebooks/08-a.ipynb", None),
        ("../genindex.html", None),
    ],
)
def test_where_links_lead(address: str, expected: str | None) -> None:
    assert print_book.destination("chapters/08-a", address, ["chapters/08-a", "book/references"]) == expected


# What must fail


def test_a_link_to_nothing_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(print_book, "PAGES", tmp_path)
    page = '<article class="bd-article"><section id="a"><h1>A</h1><a href="#{}">there</a></section></article>'
    (tmp_path / "index.html").write_text(page.format("a"), "utf-8")
    assert print_book.leaves({"root": "index", "parts": []})[0].title == print_book.FRONT_TITLE
    (tmp_path / "index.html").write_text(page.format("b"), "utf-8")
    with pytest.raises(book.BookError, match="index--b"):
        print_book.leaves({"root": "index", "parts": []})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('<p>text</p><img alt="far" src="https://example.org/a.png">', "https://example.org/a.png"),
        ('<p>text</p><img alt="lost" src="lost.png">', "lost.png"),
        ('<pre style="width: 2000px">broad</pre>', "wider than the paper: 'broad'"),
    ],
)
def test_what_cannot_be_printed_is_said(
    body: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(print_book, "PAGES", tmp_path)
    with pytest.raises(book.BookError, match=re.escape(message)):
        print_book.print_pdf(f"<!DOCTYPE html><main>{body}</main>", "a4", tmp_path / "a.pdf")


def test_a_wide_formula_is_made_to_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(print_book, "PAGES", tmp_path)
    base = '<span class="base" style="display: inline-block; white-space: nowrap">' + "x + " * 60 + "x</span>"
    body = f'<main style="font-size: 20px"><div class="katex-display" style="overflow: auto">{base}</div></main>'
    print_book.print_pdf(f"<!DOCTYPE html>{body}", "a4", tmp_path / "a.pdf")
    with pytest.raises(book.BookError, match="wider than the paper"):
        print_book.print_pdf(f"<!DOCTYPE html>{body.replace('katex-display', '')}", "a4", tmp_path / "a.pdf")


@pytest.mark.parametrize("lack", ["site", "chromium"])
def test_a_failure_is_one_line_and_leaves_no_pdf(
    lack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("PDF", "FOLDER", "PAGES"):
        monkeypatch.setattr(print_book, name, tmp_path / name)
    print_book.PDF.write_text("an old one", "utf-8")
    print_book.PAGES.mkdir()
    if lack == "site":
        monkeypatch.setattr(print_book, "what_is_stale", lambda: "the site is not built")
    else:
        monkeypatch.setattr(print_book, "what_is_stale", lambda: None)
        monkeypatch.setattr(print_book, "stage", dict)
        monkeypatch.setattr(print_book, "run_jupyter_book", lambda folder, *options: None)
        monkeypatch.setattr(print_book, "leaves", lambda contents: [])
        monkeypatch.delenv("CHROMIUM", raising=False)
        monkeypatch.setattr(browser.shutil, "which", lambda name: None)
        monkeypatch.setattr(browser.os, "access", lambda path, mode: False)
    assert print_book.main([]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].startswith("print: ")
    if lack == "chromium":
        assert "apt-get install chromium" in said[0]
    assert not print_book.PDF.exists()
