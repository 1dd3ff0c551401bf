# SPDX-License-Identifier: MIT
#
# The documents as HTML: `make docs`. Sphinx reads the Markdown files as they are,
# from the root of the tree; what it wants to know beside them is here, so that
# they read well without it.
import os
import re
import shutil

from pygments.lexers.special import TextLexer

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

project = "libkmm"
author = "the authors of libkmm"
html_title = "libkmm"
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = ["README.md", "Documentation/**.md"]
html_theme = "furo"
html_static_path = ["html"]
html_css_files = ["kmm.css"]
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
pygments_style = "tango"
myst_heading_anchors = 4
# What a command prints is no program: Pygments may fail to make sense of it.
suppress_warnings = ["misc.highlighting_failure"]


def links(path):
    """The Markdown files that @path links to, in its order, without ".md"."""
    with open(os.path.join(ROOT, path + ".md"), encoding="utf-8") as file:
        found = re.findall(r"\]\(([^)#\s]+)\.md(?:#[^)]*)?\)", file.read())
    here = os.path.dirname(path)
    return list(dict.fromkeys(os.path.normpath(os.path.join(here, name))
                              for name in found))


def parts():
    """The pages of the site, as the indexes have them: (caption, pages)."""
    book = "Documentation/book/"
    rooms = "Documentation/rooms/"
    labs = "Documentation/labs/"
    pages = links("Documentation/README")
    return [
        ("The book", [book + "README"] +
         [page for page in links(book + "README") if page.startswith(book)]),
        ("Guides", ["Documentation/README"] +
         [page for page in pages
          if page != "README" and not page.startswith((book, rooms, labs))]),
        ("Rooms", [page for page in pages if page.startswith(rooms)]),
        ("Exercises", [labs + "README"] +
         [page for page in links(labs + "README") if page.startswith(labs)]),
    ]


def add_toctree(app, docname, source):
    """The order of the site, at the end of its first page."""
    if docname != root_doc:
        return
    for caption, pages in parts():
        source[0] += "\n".join(["", "```{toctree}", ":hidden:",
                                f":caption: {caption}", ""] + pages +
                               ["```", ""])


def read_again(app, env, added, changed, removed):
    """The order may be another one though the first page is the same."""
    return [root_doc]


def unlink_directories(app, docname, source):
    """A directory of the sources is no page of the site."""
    here = os.path.join(ROOT, os.path.dirname(docname))
    source[0] = re.sub(
        r"\[([^\]]*)\]\(([^)#:]+)\)",
        lambda m: m[1] if os.path.isdir(os.path.join(here, m[2])) else m[0],
        source[0])


def write_index(app, exception):
    """The first page under the name that browsers and servers look for."""
    if not exception and app.builder.name == "html":
        shutil.copy(os.path.join(app.outdir, root_doc + ".html"),
                    os.path.join(app.outdir, "index.html"))


def setup(app):
    app.add_lexer("output", TextLexer)
    app.connect("env-get-outdated", read_again)
    app.connect("source-read", add_toctree)
    app.connect("source-read", unlink_directories)
    app.connect("build-finished", write_index)
