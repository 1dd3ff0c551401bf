# SPDX-License-Identifier: MIT
#
# The documents as HTML: `make docs`. Sphinx reads the Markdown files as they are,
# from the root of the tree; what it wants to know beside them is here, so that
# they read well without it.
import glob
import os
import re
import shutil
import subprocess

from pygments.lexer import RegexLexer, bygroups
from pygments.lexers.special import TextLexer
from pygments.token import Generic, Keyword, Text

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
# Debian's furo has light pages only: no dark blocks in them.
pygments_dark_style = "tango"
myst_heading_anchors = 4
highlight_language = "text"


class ConsoleLexer(RegexLexer):
    """Commands and what they print; of the lab, states before and after."""

    tokens = {"root": [
        (r"^(\$ )(.*\n(?:> .*\n)*)", bygroups(Generic.Prompt, Keyword)),
        (r"^  - .*\n", Generic.Deleted),
        (r"^  \+ .*\n", Generic.Inserted),
        (r".*\n", Text),
    ]}


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


def unlink_directories(app, docname, source):
    """A directory of the sources is no page of the site."""
    here = os.path.join(ROOT, os.path.dirname(docname))
    source[0] = re.sub(
        r"\[([^\]]*)\]\(([^)#:]+)\)",
        lambda m: m[1] if os.path.isdir(os.path.join(here, m[2])) else m[0],
        source[0])


def link_manual(app, docname, source):
    """Manual pages are HTML on the site: those that write_manual() makes."""
    source[0] = re.sub(
        r"\[([^\]]*)\]\(([^)]*man/\w+\.[1-9])\)",
        lambda m: f'<a class="reference internal" href="{m[2]}.html">{m[1]}</a>',
        source[0])


def write_manual(app, exception):
    """The manual pages, beside the others."""
    out = os.path.join(app.outdir, "Documentation", "man")
    if exception:
        return
    os.makedirs(out, exist_ok=True)
    pages = glob.glob(os.path.join(ROOT, "Documentation", "man", "*.[1-9]"))
    names = [os.path.basename(page) + ".html" for page in pages]
    for page, name in zip(pages, names):
        html = subprocess.run(
            ["mandoc", "-T", "html", "-O",
             "man=%N.%S.html,style=../../_static/man.css", page],
            stdout=subprocess.PIPE, text=True, check=True).stdout
        # Pages of the system are not here.
        html = re.sub(r'<a class="Xr" href="([^"]*)">([^<]*)</a>',
                      lambda m: m[0] if m[1] in names else m[2], html)
        with open(os.path.join(out, name), "w", encoding="utf-8") as file:
            file.write(html)


def write_index(app, exception):
    """The first page under the name that browsers and servers look for."""
    if not exception:
        shutil.copy(os.path.join(app.outdir, root_doc + ".html"),
                    os.path.join(app.outdir, "index.html"))


def setup(app):
    app.add_lexer("console", ConsoleLexer)
    app.add_lexer("output", TextLexer)
    app.connect("source-read", add_toctree)
    app.connect("source-read", unlink_directories)
    app.connect("source-read", link_manual)
    app.connect("build-finished", write_manual)
    app.connect("build-finished", write_index)
