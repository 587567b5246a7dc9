"""Chapter NN-slug is chapter NN, whatever other chapters exist yet.

Sphinx counts the chapters of the contents list. Here the number in the file name is the number, so that
"Theorem 8.1" keeps its name while the book around it grows.
"""

import re

from docutils import nodes
from sphinx.environment.collectors.toctree import TocTreeCollector

CHAPTER = re.compile(r"chapters/(\d\d)-")


def number_chapters(app, env):
    """Replace the counted number by the one of the file name, and count figures and theorems again."""
    for docname, numbers in env.toc_secnumbers.items():
        match = CHAPTER.match(docname)
        if not match:
            continue
        chapter = int(match[1])
        for anchor, number in numbers.items():
            if number:
                numbers[anchor] = (chapter, *number[1:])
        for node in [env.titles[docname], *env.tocs[docname].findall(nodes.reference)]:
            if node.get("secnumber"):
                node["secnumber"] = [chapter, *node["secnumber"][1:]]
    return TocTreeCollector().assign_figure_numbers(env)


def setup(app):
    app.connect("env-get-updated", number_chapters, priority=600)  # after Sphinx has counted
    return {"parallel_read_safe": True, "parallel_write_safe": True}
