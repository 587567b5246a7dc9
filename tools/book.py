"""Build the site, and say how to open it.

    python tools/book.py build     if anything changed: run the chapters that did, build all pages; warnings are errors
    python tools/book.py serve     build, then serve the site on this machine and open it
    python tools/book.py check     does the site that stands in _build/html belong to the files as they are?
    python tools/book.py links     ask every other host that the text links to, and list the links that lead nowhere

The site is in _build/html. It is there only if the last build succeeded: what a failed one left is in
_build/failed.
"""

import argparse
import functools
import hashlib
import http.server
import json
import re
import shutil
import subprocess
import sys
import webbrowser
from collections.abc import Iterable
from pathlib import Path

import yaml

import downloads
import npm

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "_build"
SITE = BUILD / "html"
FAILED = BUILD / "failed"
LINKS = BUILD / "links"
CACHE = BUILD / ".jupyter_cache"  # jupyter-cache: outputs of the chapters, by their code cells
NOTE = BUILD / "site.json"  # what the site was made of
ASSETS = ROOT / "book" / "assets"

# What the outputs of a chapter depend on beside its own cells, and what the pages depend on.
EXECUTION = ["requirements.txt", "conv2attn/*.py", "conv2attn/widgets/*.py"]
PAGES = [
    *EXECUTION,
    "_config.yml",
    "_toc.yml",
    "chapters/*.md",
    "chapters/*.quiz.yml",
    "chapters/*.ipynb",
    "exercises/*.ipynb",
    "exercises/sources/*/*.md",
    "exercises/sources/*/*.ipynb",
    "exercises/sources/*/variants/*.py",
    "book/*",
    "book/assets/*",
    "book/extensions/*.py",
    "book/templates/*",
    *(f"conv2attn/**/*.{kind}" for kind in ("py", "js", "css", "html", "json")),  # the site offers the package
    "tools/book.py",
    "tools/exercise_pages.py",
    "tools/hints.py",
    "tools/instructions.py",
    "tools/notebooks.py",
    "tools/quizzes.py",
    "tools/downloads.py",
    "tools/npm.py",
    *downloads.PACKAGE,
]

FLAWS = {
    '<script type="application/vnd.jupyter.widget-view+json"': "a widget that needs a kernel",
    'class="output traceback': "a cell that failed",
    'class="katex-error"': "a formula that could not be set",
}

# Jupyter Book's own command, less the traceback of its own that it adds to errors that Sphinx has explained.
JUPYTER_BOOK = """
import sys
from jupyter_book.cli.main import main
try:
    main()
except RuntimeError:
    sys.exit(1)
"""

ANSI = re.compile(r"\x1b\[[0-9;]*m")
PROBLEM = re.compile(r"\b(WARNING|ERROR|CRITICAL|SEVERE): ")
EXCEPTION = re.compile(r"[A-Z]\w*(Error|Exception|Interrupt)\b: ")  # the kernel's own line, not nbclient's: that one is dotted


class BookError(Exception):
    """A build that went wrong; the message is the one line that the author reads last."""


def digest(patterns: Iterable[str]) -> str:
    """A hash of the names and contents of the files of the project that match `patterns`."""
    total = hashlib.sha256(sys.version.encode())
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}):
        total.update(f"{path.relative_to(ROOT).as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
    return total.hexdigest()


def read_note() -> dict[str, str]:
    """What the last build wrote down, empty if there was none."""
    return json.loads(NOTE.read_text("utf-8")) if NOTE.is_file() else {}


def pages() -> list[Path]:
    """The page of each entry of _toc.yml, below the site."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    entries = [contents["root"], *(chapter["file"] for part in contents["parts"] for chapter in part["chapters"])]
    return [SITE / re.sub(r"(\.md)?$", ".html", entry, count=1) for entry in entries]


def solution_pages() -> list[Path]:
    """The page with the solutions of each exercise, below the site."""
    return [SITE / f"solutions/{path.parent.name}.html" for path in sorted(ROOT.glob("exercises/sources/*/exercise.md"))]


def run_jupyter_book(folder: Path, *options: str) -> None:
    """Run Jupyter Book over the whole book in `folder`, showing what it says; with "-W" every warning is an error."""
    command = [sys.executable, "-c", JUPYTER_BOOK, "build", str(folder), "--all", "-n", "--keep-going", *options]
    lines = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(ANSI.sub("", line).strip())
    if process.returncode:
        raise BookError(first_problem(lines))


def first_problem(lines: list[str]) -> str:
    """The first warning or error among Jupyter Book's lines; of a cell that failed, with its exception."""
    problems = [number for number, line in enumerate(lines) if PROBLEM.search(line)]
    if not problems:
        return "Jupyter Book failed; what it said last is above"
    first = problems[0]
    said = lines[first].replace(f"{ROOT}/", "")
    if "Executing notebook failed" in said:
        after = lines[first : problems[1] if len(problems) > 1 else None]
        said += "".join(f": {line}" for line in after if EXCEPTION.match(line))
    more = f" (and {len(problems) - 1} more above)" if len(problems) > 1 else ""
    return said + more


def verify() -> int:
    """Check that every page is there and whole; return their number."""
    expected = [*pages(), *solution_pages()]
    missing = [page.relative_to(SITE).as_posix() for page in expected if not page.is_file()]
    if missing:
        raise BookError(f"the build ended well but made no {', '.join(missing)}")
    for page in expected:
        text = page.read_text("utf-8")
        for mark, flaw in FLAWS.items():
            if mark in text:
                raise BookError(f"{page.relative_to(SITE).as_posix()} holds {flaw}")
    return len(expected)


def build() -> None:
    """Build the site into _build/html, or leave nothing there. A site that is up to date stays as it is."""
    if not what_is_stale():
        print(f"The book is up to date. Open {(SITE / 'index.html').as_uri()}")
        return
    execution, sources = digest(EXECUTION), digest(PAGES)
    if read_note().get("execution") != execution:
        shutil.rmtree(CACHE, ignore_errors=True)
    for leftover in (SITE, FAILED, BUILD / ".doctrees", BUILD / "jupyter_execute"):
        shutil.rmtree(leftover, ignore_errors=True)
    BUILD.mkdir(exist_ok=True)
    # Chapters that run from here on are run with the package as it is now.
    NOTE.write_text(json.dumps({"execution": execution}), "utf-8")
    try:
        npm.install(ASSETS)
        run_jupyter_book(ROOT, "-W")
        downloads.add(SITE, base_url())
        count = verify()
    except BaseException:
        if SITE.is_dir():
            SITE.rename(FAILED)
        raise
    NOTE.write_text(json.dumps({"execution": execution, "sources": sources}), "utf-8")
    print(f"\nThe book is built: {count} pages. Open {(SITE / 'index.html').as_uri()}")


def settings() -> dict[str, object]:
    """What _config.yml tells Sphinx; the extensions check it."""
    return yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["sphinx"]["config"]


def base_url() -> str:
    """Where the site is published."""
    return settings()["html_baseurl"]


def check_links() -> int:
    """Ask other hosts for everything that the text links to; print what does not answer, return the exit status."""
    npm.install(ASSETS)
    shutil.rmtree(LINKS, ignore_errors=True)
    try:
        run_jupyter_book(ROOT, "--builder", "linkcheck", "--path-output", str(LINKS))
    except BookError as error:
        if not list(LINKS.rglob("output.json")):  # not the links: the book itself
            raise error
    lines = next(LINKS.rglob("output.json")).read_text("utf-8").splitlines()
    answers = [answer for answer in map(json.loads, lines) if answer["status"] not in ("unchecked", "local")]
    bad = [answer for answer in answers if answer["status"] in ("broken", "timeout")]
    for answer in bad:
        print(f"{answer['filename']}:{answer['lineno']}: {answer['uri']}: {answer['info'][:200]}")
    print(f"{len(answers) - len(bad)} outside links answer, {len(bad)} do not")
    return 1 if bad else 0


def what_is_stale() -> str | None:
    """Why _build/html is not the site of the files as they are now; None if it is."""
    if not (SITE / "index.html").is_file():
        return "the site is not built: run `make book`"
    if read_note().get("sources") != digest(PAGES):
        return "the site is older than its sources: run `make book`"
    return None


def serve() -> None:
    """Serve the site to this machine alone until interrupted, and open it in the browser."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(SITE))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 8000), handler)
    except OSError:  # taken
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    url = f"http://127.0.0.1:{server.server_port}/"
    print(f"Serving {url} (end with Ctrl+C)", flush=True)
    webbrowser.open(url)
    with server:
        server.serve_forever()


def main() -> int:
    """Read the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["build", "serve", "check", "links"])
    command = parser.parse_args().command
    try:
        if command == "links":
            return check_links()
        if command != "check":
            build()
        elif reason := what_is_stale():
            raise BookError(reason)
        if command == "serve":
            serve()
    except (BookError, npm.NpmError) as error:
        print(f"book: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("book: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
