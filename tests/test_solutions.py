"""Solutions are on their own pages and nowhere else; the hints lead there, one at a time.

The site of _build/html must be there and up to date (`make book`); otherwise these tests fail. What is looked for is
what the sources hold between `### BEGIN SOLUTION` and `### END SOLUTION`: each body, and each of its longer lines.
"""

import html
import io
import json
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import downloads
import exercise_pages
import hints
import jupytext
import nbformat
import pytest
import scratch_book
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from notebooks import SOLUTION

import book  # tools/
from conv2attn.grading.engine import grade

ROOT = Path(__file__).resolve().parents[1]
EXERCISES = sorted(path.parent for path in ROOT.glob("exercises/sources/*/exercise.md"))
NAMES = [folder.name for folder in EXERCISES]

# A shorter line, such as `return None`, is nobody's.
DISTINCTIVE = 30
# Pictures, fonts, and the names of the places that other books may refer to.
NO_TEXT = {".png", ".webp", ".woff2", ".inv"}


def squeezed(text: str) -> str:
    """`text` without white space: how it is laid out does not matter."""
    return re.sub(r"\s+", "", text)


@cache
def bodies() -> dict[tuple[str, str], list[str]]:
    """What stands between the marks in each answer's cell, by exercise and answer."""
    found = {}
    for folder in EXERCISES:
        for cell in jupytext.read(folder / "exercise.md", fmt="md:myst").cells:
            if matches := list(SOLUTION.finditer(cell.source)):
                found[folder.name, cell.metadata["answer"]] = ["\n".join(match[0].splitlines()[1:-1]) for match in matches]
    return found


def without_comments(body: str) -> str:
    """The code alone, which is what a copy would keep."""
    return re.sub(r"(^|\s)#.*", "", body)


@cache
def pieces() -> tuple[tuple[str, frozenset[str], frozenset[str]], ...]:
    """Name, bodies and longer lines of each solution, squeezed; comments are left out."""
    found = []
    for (_, answer), texts in bodies().items():
        code = [without_comments(text) for text in texts]
        lines = {squeezed(line) for text in code for line in text.splitlines()}
        found.append((answer, frozenset(map(squeezed, code)), frozenset(line for line in lines if len(line) >= DISTINCTIVE)))
    return tuple(found)


def strings(value: Any) -> Iterator[str]:
    """Every string in a JSON value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def readings(name: str, data: bytes) -> list[str]:
    """The texts that a file holds: as it stands, and as what shows it would read it."""
    text = data.decode("utf-8")
    if name.endswith(".ipynb"):
        return ["".join(strings(json.loads(text)))]
    texts = [text, html.unescape(text)]
    if name.endswith(".html"):
        texts.append(BeautifulSoup(text, "html.parser").get_text())  # without the tags of the highlighting
    # Comments go, as they do in what is looked for; a line break and a quotation mark may be escaped in a script.
    texts += [without_comments(reading) for reading in texts]
    return [*texts, *(reading.replace("\\n", "\n").replace('\\"', '"') for reading in texts)]


def leaks(name: str, data: bytes) -> list[str]:
    """The answers that a file gives away.

    A page may hold no longer line of a solution. A learner's notebook may: a hint quotes one, or the code that it
    gives has it. The package does the same as the solutions, so there it is whole bodies that are looked for.
    """
    texts = [squeezed(text) for text in readings(name, data)]
    allowed = {".ipynb": 1, ".py": 1000}.get(Path(name).suffix, 0)

    def given_away(body_texts: frozenset[str], lines: frozenset[str]) -> bool:
        return any(
            any(body in text for body in body_texts) or sum(line in text for line in lines) > allowed for text in texts
        )

    return [answer for answer, body_texts, lines in pieces() if given_away(body_texts, lines)]


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file that has a text below a folder, and in the archives there."""

    def unpacked(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
        if name.endswith((".zip", ".whl")):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for member in archive.namelist():
                    yield from unpacked(f"{name}/{member}", archive.read(member))
        elif Path(name).suffix not in NO_TEXT:
            yield name, data

    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield from unpacked(path.relative_to(folder).as_posix(), path.read_bytes())


def solution_page(name: str) -> str | None:
    """The exercise whose page of solutions a file of the site, or of the archive, is."""
    match = re.fullmatch(rf"(?:{re.escape(downloads.ARCHIVE)}/[^/]+/)?solutions/([^/]+)\.html", name)
    return match[1] if match else None


# Nowhere else


def test_no_file_of_the_site_gives_a_solution_away_but_its_page(site: Path) -> None:
    own = {exercise: {answer for name, answer in bodies() if name == exercise} for exercise in NAMES}
    seen = 0
    for name, data in files(site):
        if exercise := solution_page(name):
            assert set(leaks(name, data)) >= own[exercise], name
            seen += 1
        else:
            assert leaks(name, data) == [], name
    assert seen == 2 * len(EXERCISES)  # on the site, and in the archive of the site


def test_no_learners_notebook_no_chapter_and_no_module_gives_a_solution_away() -> None:
    paths = [*ROOT.glob("exercises/*.ipynb"), *ROOT.glob("chapters/*"), *ROOT.glob("book/*.md"), *ROOT.rglob("conv2attn/**/*.py")]
    assert len(paths) > 40
    for path in paths:
        assert leaks(path.name, path.read_bytes()) == [], path


def test_the_site_serves_no_sources(site: Path) -> None:
    assert not list(site.rglob("_sources")) and not list(site.rglob("*.md")) and not list(site.rglob("*.md.txt"))
    assert not list(site.rglob("reference.ipynb"))


def test_the_search_does_not_know_the_solutions(site: Path) -> None:
    index = json.loads((site / "searchindex.js").read_text("utf-8").removeprefix("Search.setIndex(").removesuffix(")"))
    hidden = {number for number, name in enumerate(index["docnames"]) if name.startswith("solutions/")}
    assert len(hidden) == len(EXERCISES)
    for terms in (index["terms"], index["titleterms"]):
        for term, where in terms.items():
            assert not hidden & set(where if isinstance(where, list) else [where]), term
    assert all(number not in hidden for places in index["alltitles"].values() for number, _ in places)
    assert {index["titles"][number] for number in hidden} == {""}


def test_only_hints_lead_to_the_solutions(site: Path, pages) -> None:
    assert "solutions/" not in (site / "sitemap.xml").read_text("utf-8")
    for name, page in pages.items():
        if not solution_page(name):
            assert not page.select('[href*="solutions/"]'), name


# The pages


@pytest.mark.parametrize("folder", EXERCISES, ids=NAMES)
def test_page_has_every_solution_and_says_that_it_is_for_after_the_hints(pages, folder: Path) -> None:
    page = pages[f"solutions/{folder.name}.html"]
    assert page.select_one("meta[name=robots]")["content"] == "noindex"
    assert "for after the hints" in page.select_one("h1 ~ .admonition").get_text()
    back = page.select_one("h1 ~ p a.reference")
    assert back["href"] == f"../chapters/{folder.name}.html#exercises-{folder.name}"
    for (exercise, answer), texts in bodies().items():
        if exercise == folder.name:
            section = page.find(id=hints.solution_anchor(answer))
            shown = squeezed(section.get_text())
            assert all(squeezed(text) in shown for text in texts), answer
            assert "Another way" in section.get_text(), answer
            assert "SOLUTION" not in shown
    assert not page.select(".prev-next-area a, .toctree-l1.current")


def test_another_way_must_be_in_the_bank(toy: Path) -> None:
    source = toy / "exercises/sources/90-toy/exercise.md"
    source.write_text(source.read_text("utf-8").replace(":answer: double\n", ":answer: double\n:also: [twice]\n"), "utf-8")
    with pytest.raises(ValueError, match="90-toy: a right answer of the bank double is expected, got 'twice'"):
        exercise_pages.solutions(source.parent)
    (source.parent / "variants").mkdir()
    (source.parent / "variants" / "double.py").write_text('# %% right="twice"\ndef double(x):\n    return x * 2\n', "utf-8")
    assert "**Another way: twice**\n\n```python\ndef double(x):\n    return x * 2\n```" in exercise_pages.solutions(source.parent)


# The hints


def folds(markdown: str) -> Iterator[tuple[list[str], str]]:
    """Each fold in a cell, as editors show it: the titles of the folds that it is in, its own last, and its HTML."""
    page = BeautifulSoup(MarkdownIt().render(markdown), "html.parser")
    for fold in page.select("details"):
        around = [fold, *fold.find_parents("details")]
        yield [outer.summary.get_text() for outer in reversed(around)], str(fold)


@pytest.mark.parametrize("name", NAMES)
def test_hints_open_one_at_a_time_and_lead_to_the_solution(site: Path, pages, name: str) -> None:
    for path in (ROOT / f"exercises/{name}.ipynb", site / f"exercises/{name}.ipynb"):
        leads = []
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown" and "Hint" in cell.source:
                titles = [titles for titles, _ in folds(cell.source) if titles[0].startswith("Hint")]
                assert titles in ([], [["Hint 1"], ["Hint 1", "Hint 2"], ["Hint 1", "Hint 2", "Hint 3"]]), cell.source
                for titles, fold in folds(cell.source):
                    links = [link["href"] for link in BeautifulSoup(fold, "html.parser").select("a") if "/solutions/" in link["href"]]
                    assert len(links) == titles[0].startswith("Hint"), titles
                    leads += links if titles[-1] == "Hint 3" else []
        answers = [answer for exercise, answer in bodies() if exercise == name]
        page = f"solutions/{name}.html"
        assert leads == [f"{book.base_url()}{page}#{hints.solution_anchor(answer)}" for answer in answers]
        assert all(pages[page].find(id=link.partition("#")[2]) for link in leads)


# What the site offers can be handed in


def test_the_notebook_that_the_site_offers_is_graded_like_the_committed_one(site: Path, tmp_path: Path) -> None:
    name = NAMES[-1]
    offered = nbformat.read(site / f"exercises/{name}.ipynb", as_version=4)
    reference = nbformat.read(ROOT / f"exercises/sources/{name}/reference.ipynb", as_version=4)
    answers = {cell.id: cell.source for cell in reference.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    for cell in offered.cells:
        cell.source = answers.get(cell.id, cell.source)
    nbformat.write(offered, tmp_path / "handed-in.ipynb")
    verdicts = grade(tmp_path / "handed-in.ipynb", ROOT / "exercises/sources").verdicts
    assert len(verdicts) >= len(answers) and all(verdict.passed for verdict in verdicts)


# What must fail


A_BODY = next(text for (_, answer), texts in bodies().items() if answer == "tap-logits" for text in texts)
A_LINE = max(without_comments(A_BODY).splitlines(), key=len).strip()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.html", f"<div hidden><pre>{html.escape(A_BODY)}</pre></div>"),
        ("page.html", "<pre>" + re.sub(r"(\w+)", r"<span>\1</span>", html.escape(A_LINE)) + "</pre>"),
        ("page.html", f'<p data-text="{html.escape(A_LINE)}">'),
        ("page.html", f"<script>const state = {json.dumps(A_BODY)};</script>"),
        ("searchindex.js", f"Search.setIndex({json.dumps({'titles': [A_LINE]})})"),
        ("_sources/page.md.txt", A_LINE),
        ("08-chapter.md", f":::{{dropdown}} The answer\n{A_LINE}\n:::"),
        ("notebook.ipynb", nbformat.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"<details>\n{A_BODY}")]))),
        ("checks.py", f"def right(position, shift, alpha):\n{A_BODY}\n"),
    ],
)  # fmt: skip
def test_a_solution_put_back_is_found(name: str, text: str) -> None:
    assert "tap-logits" in leaks(name, text.encode())


def test_a_solution_in_an_archive_is_found(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "package.whl", "w") as archive:
        archive.writestr("conv2attn/checks.py", f"def right(position, shift, alpha):\n{A_BODY}\n")
    ((name, data),) = files(tmp_path)
    assert name == "package.whl/conv2attn/checks.py" and "tap-logits" in leaks(name, data)


def test_a_solution_in_a_dropdown_of_a_page_is_found_in_what_is_built(scratch: Path) -> None:
    text = "# Page\n\n" + "What this is about. " * 3 + f"\n\n:::{{dropdown}} The answer\n```python\n{A_BODY}\n```\n:::\n"
    (scratch / "page.md").write_text(text, "utf-8")
    result = scratch_book.build(scratch)
    assert result.returncode == 0, result.stdout
    built = scratch / "_build" / "html"
    found = {name for name, data in files(built) if leaks(name, data)}
    assert found == {"page.html"}
