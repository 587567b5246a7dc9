"""The page of solutions of each exercise: solutions/NN-slug, made from exercises/sources/NN-slug/exercise.md.

No file of such a page lies anywhere. Sphinx reads the exercise's source under the page's name, and what it reads is
replaced by the page. The page's front matter keeps it from the contents, the search and the sitemap.
"""

import re
import sys
from pathlib import Path

from sphinx.errors import ExtensionError

sys.path.append(str(Path(__file__).parents[2] / "tools"))
from exercise_pages import solutions  # noqa: E402 - the printed book is made by the same recipe
from hints import solution_page  # noqa: E402 - and the links that lead here

SOURCES = "exercises/sources/*/exercise.md"
PAGE = re.compile(r"solutions/[^/]+")


def add_pages(app, env, docnames):
    """Have Sphinx read a page of solutions for each exercise."""
    for source in sorted(Path(app.srcdir).glob(SOURCES)):
        name = solution_page(source.parent.name)
        # Sphinx has no public way to say that a page comes from a file of another name.
        env.project._docname_to_path[name] = source.relative_to(app.srcdir).as_posix()
        env.project.docnames.add(name)
        docnames.append(name)


def write_page(app, docname, content):
    """Put the page in the place of the exercise's source."""
    if not PAGE.fullmatch(docname):
        return
    folder = Path(app.env.doc2path(docname)).parent
    for path in [folder / "reference.ipynb", *folder.glob("variants/*.py")]:
        app.env.note_dependency(str(path))
    try:
        content[0] = solutions(folder)
    except ValueError as error:
        raise ExtensionError(str(error)) from None


def setup(app):
    app.connect("env-before-read-docs", add_pages)
    app.connect("source-read", write_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
