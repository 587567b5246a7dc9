"""The notebooks that the site offers run where the package is missing, and install nothing where it is not.

A chapter's notebook is run by another environment, which has all that the course needs but its package.
"""

import functools
import http.server
import os
import re
import shutil
import subprocess
import sysconfig
import threading
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from bs4 import BeautifulSoup

import book  # tools/
import downloads

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
EXERCISES = sorted((ROOT / "exercises").glob("*.ipynb"))
OFFERED = [(path, folder) for folder, paths in (("notebooks", CHAPTERS), ("exercises", EXERCISES)) for path in paths]

RUN = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], as_version=4)
nbclient.NotebookClient(notebook, timeout=120).execute()
nbformat.write(notebook, sys.argv[1])
"""
WHERE = "import conv2attn; print(conv2attn.__file__)"


class Shop(http.server.ThreadingHTTPServer):
    """Serves a folder to this machine, and keeps what it was asked for."""

    def __init__(self, folder: Path) -> None:
        asked = self.asked = []
        self.folder = folder

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *args: object) -> None:
                asked.append(self.path)

        super().__init__(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
        self.address = f"http://127.0.0.1:{self.server_port}/course/"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """What the site offers for download, made for the local address at which it is served."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "course").mkdir()
    server = Shop(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    downloads.write_notebooks(folder / "course", server.address)
    downloads.build_wheel(folder / "course")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """The Python of an environment with every package of this one, except the course's own."""
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=False, symlinks=True)
    scheme = {"base": str(folder), "platbase": str(folder)}
    target = Path(sysconfig.get_path("purelib", "venv", scheme))
    for source in map(Path, {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}):
        for entry in source.iterdir():
            if "conv2attn" not in entry.name and not (target / entry.name).exists():
                (target / entry.name).symlink_to(entry)
    return folder / "bin" / "python"


def environment(folder: Path) -> dict[str, str]:
    """Environment variables under which neither this project nor the user's own settings are seen."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_", "JUPYTER"))}
    paths = {name: str(folder / name) for name in ("JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR")}
    # No index is reached: all that is installed is the wheel that the notebook names.
    return {**kept, **paths, "OMP_NUM_THREADS": "1", "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}


def run(python: Path, notebook: Path) -> nbformat.NotebookNode:
    """Run a notebook in its folder with the kernel of `python`; a cell that fails fails the test."""
    command = [str(python), "-c", RUN, notebook.name]
    done = subprocess.run(
        command, cwd=notebook.parent, env=environment(notebook.parent), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return nbformat.read(notebook, as_version=4)


def test_notebook_installs_the_package_once_and_runs(shop: Shop, elsewhere: Path, tmp_path: Path) -> None:
    """One chapter and its exercises stand for all: their first cell is the same, and nbval runs the others as they are."""
    folder = tmp_path / "downloads"
    folder.mkdir()
    missing = subprocess.run([elsewhere, "-c", WHERE], cwd=folder, env=environment(folder), capture_output=True)
    assert b"No module named 'conv2attn'" in missing.stderr
    name = CHAPTERS[0].name
    shutil.copy(shop.folder / "course" / "notebooks" / name, folder)
    shutil.copy(shop.folder / "course" / "exercises" / EXERCISES[0].name, folder / "exercises.ipynb")
    shop.asked.clear()

    ran = run(elsewhere, folder / name)
    assert all(cell.execution_count for cell in ran.cells if cell.cell_type == "code")
    assert urlsplit(shop.address).path + downloads.wheel_name() in shop.asked
    there = subprocess.run([elsewhere, "-c", WHERE], cwd=folder, env=environment(folder), capture_output=True, text=True)
    assert Path(there.stdout.strip()).is_relative_to(elsewhere.parents[1])

    # The checks come with the package: each says at once that its answer is missing.
    cells = [cell for cell in run(elsewhere, folder / "exercises.ipynb").cells if cell.cell_type == "code"]
    checks = [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert checks
    for cell in checks:
        (output,) = cell.outputs
        assert output.output_type == "error" and output.ename == "CheckFailed", output

    # The package is there now.
    shop.asked.clear()
    ran.cells = ran.cells[:1]
    nbformat.write(ran, folder / name)
    (cell,) = run(elsewhere, folder / name).cells
    assert not cell.outputs and not shop.asked


def test_the_cell_follows_the_base_url() -> None:
    wheel = downloads.wheel_name()
    assert f"%pip install --quiet https://example.org/course/{wheel}" in downloads.install_cell("https://example.org/course/")
    with pytest.raises(ValueError, match="ends in '/', got 'https://example.org/course'"):
        downloads.install_cell("https://example.org/course")


def test_site_offers_each_notebook_as_it_is_committed(site: Path) -> None:
    for folder in ("notebooks", "exercises"):
        assert sorted((site / folder).iterdir()) == [site / folder / path.name for path, there in OFFERED if there == folder]
    for path, folder in OFFERED:
        offered = nbformat.read(site / folder / path.name, as_version=4)
        nbformat.validate(offered)
        assert offered.cells.pop(0).source == downloads.install_cell(book.base_url())
        committed = nbformat.read(path, as_version=4)
        for cell in committed.cells:
            if cell.cell_type == "markdown":
                cell.source = downloads.on_the_site(cell.source, book.base_url(), path.parent.name)
        assert offered == committed


def test_links_of_a_notebook_lead_to_the_site(site: Path) -> None:
    text = "[a](../book/references.md) [b](09-how-exact.md#why) [c](https://example.org/x.md) [d](../exercises/09-how.ipynb) `f(x.md)`"
    base = "https://host/course/"
    assert downloads.on_the_site(text, base, "chapters") == (
        f"[a]({base}book/references.html) [b]({base}chapters/09-how-exact.html#why) [c](https://example.org/x.md) "
        f"[d]({base}exercises/09-how.ipynb) `f(x.md)`"
    )
    assert downloads.on_the_site("[e](../chapters/09-how.ipynb)", base, "exercises") == f"[e]({base}chapters/09-how.html)"
    for path, folder in OFFERED:
        for cell in nbformat.read(site / folder / path.name, as_version=4).cells:
            if cell.cell_type == "markdown":
                for target in re.findall(r"\]\(([^()\s]+)\)", cell.source):
                    assert target.startswith(("https://", "#")), f"{path.name}: {target}"
                    if target.startswith(book.base_url()):
                        assert (site / urlsplit(target.removeprefix(book.base_url())).path).is_file(), f"{path.name}: {target}"


def test_site_offers_the_package(site: Path) -> None:
    with zipfile.ZipFile(site / downloads.wheel_name()) as wheel:
        packed = {name for name in wheel.namelist() if name.startswith("conv2attn/")}
    suffixes = {".py", ".js", ".css", ".json", ".html"}
    sources = {path for path in (ROOT / "conv2attn").rglob("*") if path.suffix in suffixes}
    assert packed == {path.relative_to(ROOT).as_posix() for path in sources}


def ways(published: str, committed: str) -> list[str]:
    """Where a notebook in `published` on the site is opened: downloaded, in Colab, in Binder."""
    config = book.settings()
    repository = config["repository_url"].removeprefix("https://github.com/")
    return [
        f"../{published}",
        f"https://colab.research.google.com/github/{repository}/blob/{config['site_branch']}/{published}",
        f"https://mybinder.org/v2/gh/{repository}/{config['repository_branch']}?urlpath=lab/tree/{committed}",
    ]


def test_each_chapter_leads_to_its_notebooks_and_each_page_to_its_source(site: Path) -> None:
    config = book.settings()
    for path in [*book.pages(), *book.solution_pages()]:
        page = BeautifulSoup(path.read_text("utf-8"), "html.parser")
        row, *others = page.select("ul.launch")
        links = {link.text: link["href"] for link in row.select("a")}
        name = path.relative_to(site).with_suffix("").as_posix()
        source = name.replace("solutions/", "exercises/sources/") + "/exercise.md" if name.startswith("solutions/") else f"{name}.md"
        start = f"{config['repository_url']}/edit/{config['repository_branch']}/"
        assert links.pop("Edit this page") == start + source and (ROOT / source).is_file()
        if not name.startswith("chapters/"):
            assert not links and not others
            continue
        file = path.stem + ".ipynb"
        assert list(links) == ["Download the notebook", "Open in Colab", "Open in Binder"]
        assert list(links.values()) == ways(f"notebooks/{file}", f"chapters/{file}")
        (exercises,) = others
        assert [link["href"] for link in exercises.select("a")] == ways(f"exercises/{file}", f"exercises/{file}")
        assert exercises.find_parent("section")["id"] == "exercises"
        assert f"make grade FILE=exercises/{file}" in exercises.find_parent("section").get_text()


def test_binder_gets_the_environment_of_the_course() -> None:
    binder = ROOT / ".binder"
    (line,) = (binder / "requirements.txt").read_text("utf-8").split("\n")[:-1]
    assert (binder / line.removeprefix("-r ")).resolve() == ROOT / "requirements.txt"
    version = tuple(map(int, (binder / "runtime.txt").read_text("utf-8").strip().removeprefix("python-").split(".")))
    assert (3, 11) <= version <= (3, 13)


def test_downloads_depend_on_the_sources_alone(site: Path, tmp_path: Path) -> None:
    """To the byte: what is built again is what was published."""
    assert downloads.build_wheel(tmp_path).read_bytes() == (site / downloads.wheel_name()).read_bytes()
    copy = shutil.copytree(site, tmp_path / "copy")
    assert downloads.pack(copy).read_bytes() == (site / downloads.ARCHIVE).read_bytes()
