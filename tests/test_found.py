"""The site is found, shared and cited rightly, its HTML is valid, and nothing in it refers to what is not there.

The site of _build/html must be there and up to date (`make book`); otherwise these tests fail.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree

import imagesize
import pytest
import yaml
from bs4 import BeautifulSoup
from pybtex.database import parse_string

import book  # tools/book.py
import scratch_book

ROOT = Path(__file__).resolve().parents[1]
FRONT = "book/index.html"

# Errors of the Nu checker that are its own: the whole message, and why it stands.
ALLOWED = {
    "CSS: Unrecognized at-rule “@container”": "its CSS parser does not know container queries",
    "CSS: “container-type”: Property “container-type” doesn't exist.": "its CSS parser does not know container queries",
    "CSS: “height”: Parse Error.": "its CSS parser does not know the unit cqw",
}


@pytest.fixture(scope="module")
def listed(pages) -> dict[str, BeautifulSoup]:
    """The pages that search engines are to show."""
    unlisted = 'meta[name="robots"][content="noindex"], meta[http-equiv="refresh"]'
    return {name: page for name, page in pages.items() if not page.select(unlisted)}


def content(page: BeautifulSoup, name: str) -> str:
    """The content of the page's one <meta> of this name or property."""
    (tag,) = page.select(f'meta[name="{name}"], meta[property="{name}"]')
    return tag["content"]


def test_what_is_listed(pages, listed) -> None:
    unlisted = {"index.html", "search.html", "404.html", "book/answers.html"}
    unlisted |= {page.relative_to(book.SITE).as_posix() for page in book.solution_pages()}
    assert set(pages) - set(listed) == unlisted
    assert {entry.relative_to(book.SITE).as_posix() for entry in book.pages()} <= set(listed) | unlisted


def test_each_page_has_its_own_title_and_description(pages, listed) -> None:
    every = {name: page for name, page in pages.items() if name != "index.html"}  # sends the reader on at once
    titles = {name: page.title.string for name, page in every.items()}
    descriptions = {name: content(page, "description") for name, page in every.items()}
    assert len(set(titles.values())) == len(titles), titles
    assert len(set(descriptions.values())) == len(descriptions), descriptions
    for name, text in descriptions.items():
        assert 50 <= len(text) <= 200 and text == " ".join(text.split()), f"{name}: {text}"
        assert "\\" not in text and "$" not in text, f"{name}: {text}"


def test_canonical_addresses_and_cards(site: Path, pages, listed) -> None:
    base = book.base_url()
    assert len(pages["404.html"].select('link[rel="canonical"]')) == 0
    assert pages["index.html"].select_one('link[rel="canonical"]')["href"] == base + FRONT
    for name, page in listed.items():
        (canonical,) = page.select('link[rel="canonical"]')
        assert canonical["href"] == base + name
        assert content(page, "og:url") == base + name
        assert content(page, "og:description") == content(page, "description")
        assert content(page, "og:site_name") == "From Convolution to Attention"
        assert content(page, "og:title") and content(page, "og:image:alt")
        assert content(page, "twitter:card") == "summary_large_image"
        card = site / content(page, "og:image").removeprefix(base)
        size = content(page, "og:image:width"), content(page, "og:image:height")
        assert imagesize.get(card) == tuple(map(int, size)) == (1200, 630)


def test_sitemap_and_robots(site: Path, listed) -> None:
    base = book.base_url()
    tree = ElementTree.parse(site / "sitemap.xml")
    places = [loc.text for loc in tree.iter("{http://www.sitemaps.org/schemas/sitemap/0.9}loc")]
    assert sorted(places) == sorted(base + name for name in listed)
    assert "lastmod" not in (site / "sitemap.xml").read_text("utf-8")  # a date by git would need a whole clone
    assert f"Sitemap: {base}sitemap.xml" in (site / "robots.txt").read_text("utf-8").splitlines()
    assert (site / ".nojekyll").is_file()  # GitHub would leave out the folders that begin with a line


def test_every_page_names_the_icon(site: Path, pages) -> None:
    for name, page in pages.items():
        (icon,) = page.select('link[rel="icon"]')
        assert urljoin(f"/{name}", icon["href"]) == "/_static/favicon.svg"
    assert (site / "_static" / "favicon.svg").stat().st_size < 1500


def test_search_index_leads_somewhere(pages) -> None:
    text = (book.SITE / "searchindex.js").read_text("utf-8")
    index = json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))
    names = [f"{name}.html" for name in index["docnames"]]
    assert set(names) <= set(pages) and len(index["titles"]) == len(names)
    for title, places in index["alltitles"].items():
        for number, anchor in places:
            assert anchor is None or pages[names[number]].find(id=anchor), f"{title}: {names[number]}#{anchor}"


def test_ids_are_unique_and_referred_to_rightly(pages) -> None:
    references = "aria-controls", "aria-labelledby", "aria-describedby", "for", "list", "popovertarget", "form"
    for name, page in pages.items():
        ids = [tag["id"] for tag in page.select("[id]")]
        assert len(ids) == len(set(ids)), f"{name}: {sorted(id for id in set(ids) if ids.count(id) > 1)}"
        for attribute in references:
            for tag in page.select(f"[{attribute}]"):
                assert set(tag[attribute].split()) <= set(ids), f"{name}: {tag}"


def test_html_is_valid(site: Path, npm_packages: Path) -> None:
    """The Nu checker finds no error but its own."""
    java = shutil.which("java")
    assert java, "no Java found, which the Nu checker needs: `apt-get install default-jre-headless`"
    files = sorted(site.rglob("*.html"))
    jar = npm_packages / "vnu-jar" / "build" / "dist" / "vnu.jar"
    command = [java, "-jar", str(jar), "--errors-only", "--format", "json", "--exit-zero-always", *map(str, files)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    messages = json.loads(said.stderr)["messages"]
    faults = [
        f"{Path(urlsplit(m['url']).path).name}:{m.get('lastLine')}: {m['message']} [{m.get('extract', '').strip()}]"
        for m in messages
        if m["message"] not in ALLOWED
    ]
    assert not faults, "\n".join(faults)
    unused = set(ALLOWED) - {m["message"] for m in messages}
    assert not unused, f"no longer found, so no longer to be allowed: {unused}"


def test_bibtex_says_what_the_citation_file_says() -> None:
    text = (ROOT / "book" / "index.md").read_text("utf-8")
    (entry,) = parse_string(re.search(r"```bibtex\n(.*?)```", text, re.DOTALL)[1], "bibtex").entries.values()
    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert entry.type == cff["type"]
    assert [str(person) for person in entry.persons["author"]] == [f"{{{a['name']}}}" for a in cff["authors"]]
    assert dict(entry.fields) == {
        "title": cff["title"],
        "year": str(cff["date-released"].year),
        "version": cff["version"],
        "url": cff["url"],
        "license": ", ".join(cff["license"]),
    }
    assert f'version = "{cff["version"]}"' in (ROOT / "pyproject.toml").read_text("utf-8")


# What must fail


def configure(folder: Path, **values: str) -> None:
    """Change values of Sphinx in the configuration of a scratch book."""
    config = yaml.safe_load((folder / "_config.yml").read_text("utf-8"))
    config["sphinx"]["config"].update(values)
    (folder / "_config.yml").write_text(yaml.safe_dump(config), "utf-8")


def test_a_page_that_does_not_say_what_it_is_about_fails_the_build(scratch: Path) -> None:
    (scratch / "page.md").write_text("# Page\n\nShort.\n", "utf-8")
    result = scratch_book.build(scratch)
    assert result.returncode != 0 and "expected a description" in result.stdout


@pytest.mark.parametrize(
    "values", [{"html_baseurl": "https://example.org/course"}, {"repository_url": "https://example.org/a/b"}]
)
def test_a_bad_address_fails_the_build(scratch: Path, values: dict[str, str]) -> None:
    configure(scratch, **values)
    (scratch / "page.md").write_text("# Page\n", "utf-8")
    result = scratch_book.build(scratch)
    (address,) = values.values()
    assert result.returncode != 0 and f"not '{address}'" in result.stdout


def test_another_base_url_is_followed_and_hidden_pages_stay_hidden(scratch: Path) -> None:
    configure(scratch, html_baseurl="https://example.org/course/")
    (scratch / "_toc.yml").write_text("format: jb-book\nroot: page\nchapters:\n- file: hidden\n", "utf-8")
    text = "A page about one thing, in one sentence that is long enough for it.\n"
    (scratch / "page.md").write_text(f"# Page\n\nWith $x$ first.\n\n{text}", "utf-8")
    (scratch / "hidden.md").write_text(f"---\nnosearch: true\ndescription: Hidden. {text}---\n\n# Hidden\n", "utf-8")
    result = scratch_book.build(scratch)
    assert result.returncode == 0, result.stdout
    site = scratch / "_build" / "html"
    page, hidden, lost = (
        BeautifulSoup((site / f"{name}.html").read_text("utf-8"), "html.parser") for name in ("page", "hidden", "404")
    )
    assert page.select_one('link[rel="canonical"]')["href"] == "https://example.org/course/page.html"
    assert content(page, "description") == text.strip()
    assert content(hidden, "description") == f"Hidden. {text.strip()}" and content(hidden, "robots") == "noindex"
    assert "hidden" not in (site / "sitemap.xml").read_text("utf-8")
    assert "https://example.org/course/sitemap.xml" in (site / "robots.txt").read_text("utf-8")
    # A server shows this page at any depth.
    sheets = [sheet["href"] for sheet in lost.select('link[rel="stylesheet"]')]
    assert sheets == ["/course/_static/styles/book.css"]
    assert {link["href"] for link in lost.select("article a")} == {"/course/page.html", "/course/hidden.html"}
