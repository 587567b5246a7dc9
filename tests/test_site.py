"""The built site as files: complete, closed in itself, and made of what the sources say.

The site of _build/html must be there and up to date (`make book`); otherwise these tests fail.
"""

import base64
import copy
import io
import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import nbformat.v4 as nb
import pytest
import yaml
from fontTools.ttLib import TTFont

import book  # tools/book.py
import scratch_book

ROOT = Path(__file__).resolve().parents[1]
CHAPTER = "chapters/08-convolution-as-attention.html"


def test_every_entry_of_the_contents_has_a_page(pages) -> None:
    for entry in book.pages():
        assert entry.relative_to(book.SITE).as_posix() in pages


def test_nothing_is_asked_of_another_host(site: Path, pages) -> None:
    for name, page in pages.items():
        for tag in page.select("[src], link[href]:not([rel=canonical]), [data-src], [srcset], [poster]"):
            for attribute in ("src", "href", "data-src", "srcset", "poster"):
                assert not re.match(r"\s*(https?:)?//", tag.get(attribute, "")), f"{name}: {tag}"
        for script in page.select("script:not([src])"):
            assert not re.search(r"unpkg|cdn\.|cdnjs|jsdelivr", script.text), f"{name}: {script.text[:200]}"
    css = (site / "_static" / "styles" / "book.css").read_text("utf-8")
    assert "@import" not in css
    for address in re.findall(r"url\(([^)]*)\)", css):
        assert not re.match(r"""["']?(https?:)?//""", address), address


def katex_fonts(site: Path) -> list[bytes]:
    """The fonts that the style sheet names or holds; one that is named and missing is an error."""
    sheet = site / "_static" / "styles" / "book.css"
    addresses = re.findall(r"""url\(["']?([^)"']*)["']?\)""", sheet.read_text("utf-8"))
    held = "data:font/woff2;base64,"
    return [
        base64.b64decode(address.removeprefix(held)) if address.startswith(held) else (sheet.parent / address).read_bytes()
        for address in addresses
        if address.startswith(held) or "KaTeX" in address
    ]


def test_fonts_have_every_character_of_every_formula(site: Path, pages) -> None:
    fonts = [TTFont(io.BytesIO(font)) for font in katex_fonts(site)]
    assert len(fonts) == 20  # those of KaTeX
    drawn = {character for font in fonts for character in map(chr, font.getBestCmap())}
    used = {character for page in pages.values() for part in page.select(".katex-html") for character in part.text}
    assert len(used) > 50
    assert used - {"\u200b", "\xa0", " ", "\n"} <= drawn  # spaces take their room in the markup


def test_inner_links_lead_somewhere(site: Path, pages) -> None:
    base = book.base_url()
    for name, page in pages.items():
        for tag in page.select("[href], [src], form[action]"):
            address = tag.get("href") or tag.get("src") or tag.get("action")
            parts = urlsplit(urljoin(base + name, address))
            if not urlunsplit(parts).startswith(base):
                # A link that the reader follows, and nothing that the page loads.
                assert tag.name == "a" and parts.scheme == "https", f"{name}: {tag}"
                continue
            target = site / unquote(parts.path).removeprefix(urlsplit(base).path)
            assert target.is_file(), f"{name} links to {address}"
            anchor = unquote(parts.fragment)
            if anchor:
                page_there = pages[target.resolve().relative_to(site.resolve()).as_posix()]
                assert page_there.find(id=anchor), f"{name} links to {address}"


def test_only_the_404_page_begins_at_the_root_of_the_host(pages) -> None:
    """Every other page works in any folder."""
    for name, page in pages.items():
        for tag in page.select("[href], [src], form[action]"):
            address = tag.get("href") or tag.get("src") or tag.get("action")
            inner = not urlsplit(address).scheme and not address.startswith("#")
            assert not inner or address.startswith("/") == (name == "404.html"), f"{name}: {tag}"


def test_pictures_have_text_and_size(site: Path, pages) -> None:
    pictures = [(name, picture) for name, page in pages.items() for picture in page.select("img")]
    assert pictures
    for name, picture in pictures:
        assert picture.get("alt", "").strip(), f"{name}: {picture}"
        assert picture.get("width") and picture.get("height"), f"{name}: {picture}"
        assert ((site / name).parent / picture["src"]).is_file(), f"{name}: {picture}"


def test_configuration_took_effect(pages) -> None:
    chapter = pages[CHAPTER]
    # Numbers come from the file name.
    assert chapter.h1.get_text().startswith("8. ")
    assert chapter.select_one("div.theorem .caption-number").get_text().strip() == "Theorem 8.1"
    assert "(8.1)" in chapter.select_one(".eqno").get_text()
    # Formulas are set; no raw TeX is left for a script to find.
    assert chapter.select("span.katex > .katex-mathml") and chapter.select("span.katex > .katex-html")
    assert not re.search(r"\\\(|\\\[", chapter.select_one("article").get_text())
    # The widget is an island and nothing else.
    assert not chapter.select('script[type^="application/vnd.jupyter"]')


def test_each_island_has_its_picture_and_its_module_once(pages) -> None:
    for name, page in pages.items():
        islands = page.select(".c2a-island")
        used = {island["data-widget"] for island in islands}
        modules = [module["data-widget"] for module in page.select('script[type="text/x-conv2attn-widget"]')]
        assert sorted(modules) == sorted(used), name
        for island in islands:
            assert len(island.select("img")) == 1
            json.loads(island.select_one("script.c2a-state").string)


def test_site_holds_only_what_a_reader_needs(site: Path) -> None:
    kinds = {path.suffix for path in site.rglob("*") if path.is_file() and path.name not in (".buildinfo", ".nojekyll")}
    downloads = {".ipynb", ".whl", ".zip"}
    assert kinds == {".html", ".css", ".js", ".woff2", ".webp", ".png", ".svg", ".txt", ".xml", ".inv"} | downloads
    assert (site / "_static" / "katex" / "LICENSE.txt").is_file()


def test_sources_name_no_registry_and_no_static_folder() -> None:
    for folder in (ROOT / "book" / "assets", ROOT / "tests"):
        assert '"resolved"' not in (folder / "package-lock.json").read_text("utf-8")
    assert not list(ROOT.glob("_static")) and not list((ROOT / "book").glob("_static"))


# What must fail


def test_a_good_page_passes(scratch: Path) -> None:
    (scratch / "page.md").write_text("# Page\n\n$\\R^2$ and $\\one$\n\n" + "What this is about. " * 3, "utf-8")
    result = scratch_book.build(scratch)
    assert result.returncode == 0, result.stdout


def test_bad_tex_missing_text_and_dead_widgets_fail_the_build(scratch: Path) -> None:
    text = "# Page\n\nGood $x$, bad $\\frac{1}{$ here.\n\n$$\n\\unknowncommand\n$$\n\n![](picture.png)\n"
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "0"}}
    widget = nb.new_output("display_data", {"text/plain": "IntSlider()", **view})
    picture = nb.new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"})
    notebook = nb.new_notebook(cells=[nb.new_markdown_cell(text), nb.new_code_cell("1", outputs=[widget, picture])])
    (scratch / "page.ipynb").write_text(json.dumps(notebook), "utf-8")
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    config["execute"]["execute_notebooks"] = "off"  # the outputs are those above
    (scratch / "_config.yml").write_text(yaml.safe_dump(config), "utf-8")
    shutil.copy(ROOT / "tests" / "browser" / "conftest.py", scratch / "picture.png")  # any file; it is not drawn
    result = scratch_book.build(scratch)
    assert result.returncode != 0
    said = result.stdout
    assert said.count("bad TeX") == 2, said
    assert said.count("a picture without alternative text") == 2, said
    assert said.count("would be dead on the page") == 1, said


def test_a_failing_cell_fails_the_build(scratch: Path) -> None:
    (scratch / "page.md").write_text(
        scratch_book.HEADER + "# Page\n\n```{code-cell} python\n1 / 0\n```\n", "utf-8"
    )
    result = scratch_book.build(scratch)
    assert result.returncode != 0
    assert "ZeroDivisionError" in result.stdout


def test_missing_and_flawed_pages_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "SITE", tmp_path)
    with pytest.raises(book.BookError, match="made no book/index.html"):
        book.verify()
    pages = [*book.pages(), *book.solution_pages()]
    for page in pages:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("<p>whole</p>", "utf-8")
    assert book.verify() == len(pages)
    page.write_text('<div class="output traceback highlight">', "utf-8")
    with pytest.raises(book.BookError, match="holds a cell that failed"):
        book.verify()


def test_a_change_makes_the_site_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "ROOT", tmp_path)
    (tmp_path / "conv2attn").mkdir()
    (tmp_path / "conv2attn" / "a.py").write_text("1", "utf-8")
    before = book.digest(book.EXECUTION), book.digest(book.PAGES)
    (tmp_path / "_toc.yml").write_text("root: page", "utf-8")
    assert book.digest(book.EXECUTION) == before[0] and book.digest(book.PAGES) != before[1]
    (tmp_path / "conv2attn" / "a.py").write_text("2", "utf-8")
    assert book.digest(book.EXECUTION) != before[0]


def test_folds_are_named_by_what_they_show(pages) -> None:
    """A label of its own would hide the words; a formula alone is no name."""
    folds = [summary for page in pages.values() for summary in page.select("summary")]
    assert folds
    for summary in map(copy.copy, folds):  # the pages are other tests' too
        assert not summary.has_attr("aria-label"), summary
        for formula in summary.select(".math"):
            formula.replace_with("")
        assert re.search(r"\w", summary.text), summary


def test_the_bibliography_has_no_withdrawn_roles(pages) -> None:
    references = pages["book/references.html"]
    assert references.select(".citation")
    assert not references.select(".citation[role], .citation-list[role]")


def test_no_full_stop_can_stand_alone_after_a_formula(pages) -> None:
    assert pages[CHAPTER].select("span.nowrap > .math")
    for name, page in pages.items():
        for formula in page.select("article span.math"):
            assert not re.match(r"[.,;:!?)]", str(formula.next_sibling or "")) or "nowrap" in formula.parent["class"], name
