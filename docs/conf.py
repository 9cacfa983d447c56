"""How Sphinx builds the documentation: `make docs`, strictly and without the network."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from docutils import nodes

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import synthmammo  # noqa: E402
from tools.signatures import complete  # noqa: E402

project, author = "synthmammo", "The synthmammo authors"
project_copyright = "The synthmammo authors, Apache-2.0"
release = version = synthmammo.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
html_theme, html_title = "furo", f"synthmammo {release}"
html_show_sourcelink = False
html_static_path, html_css_files = ["_static"], ["wide.css"]
highlight_language = "none"
default_role = "code"

# The notebook holds no outputs: what it shows is made when the pages are.
nb_execution_mode, nb_execution_timeout, nb_execution_raise_on_error = "force", 300, True
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order, autodoc_typehints = "bysource", "description"
autodoc_typehints_description_target = "documented"
autodoc_class_signature = "mixed"
napoleon_numpy_docstring = False
# Other libraries' documentation is not asked for, as that would need the network: their types are named, not linked.
# The builtin `bytes` in a signature is taken for each attribute of that name.
suppress_warnings = ["ref.python"]
nitpick_ignore_regex = [
    (r"py:.*", r"(builtins|collections|datetime|enum|fractions|os|pathlib|typing|types)(\..*)?"),
    (r"py:.*", r"(numpy|np|numpy\.typing|torch|pydantic|click|huggingface_hub)(\..*)?"),
    ("py:class", "Role"),  # no class: another name for the words that `data.roles` of a training may have
]

DOCS = ROOT / "docs"
INCLUDE = re.compile(r"^```\{include\} (\S+)\n```$", re.MULTILINE)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)([^)]*)\)")


def _page_of(file: Path) -> Path:
    """The page that shows a Markdown file of the repository: the one that includes it, else the file itself."""
    stubs = {
        ROOT / "cards": DOCS / "reference" / "cards",
        ROOT / "synthmammo" / "models" / "shipped": DOCS / "reference" / "models",
    }
    page = DOCS / f"{file.stem.lower()}.md" if file.parent == ROOT else stubs.get(file.parent, file.parent) / file.name
    return page if page.is_file() else file


def _relinked(text: str, written_in: Path, shown_in: Path) -> str:
    """Markdown with its relative links changed from the folder it was written in to the one it is shown in."""

    def changed(link: re.Match[str]) -> str:
        page = _page_of(Path(os.path.normpath(written_in / link[1])))
        return f"]({os.path.relpath(page, shown_in)}{link[2]})"

    return LINK.sub(changed, text)


def _read(app: Any, name: str, source: list[str]) -> None:
    """Pages that show a file of the repository get its text; links to such files lead to their pages."""
    if not (page := DOCS / f"{name}.md").is_file():
        return

    def included(block: re.Match[str]) -> str:
        file = Path(os.path.normpath(page.parent / block[1]))
        app.env.note_dependency(str(file))
        return _relinked(file.read_text(encoding="utf-8"), file.parent, page.parent)

    text = _relinked(source[0], page.parent, page.parent)
    source[0] = INCLUDE.sub(included, text)


def _documented(app: Any, env: Any, node: Any, content: nodes.Element) -> nodes.Element | None:
    """A link to a documented name of this package, where a docstring calls it otherwise."""
    domain, word = env.get_domain("py"), str(node.get("reftarget", "")).rpartition(".")[2]
    names = [name for name in domain.objects if name.rpartition(".")[2] == word and name != node["reftarget"]]
    if node.get("refdomain") != "py" or len(names) != 1:
        return None
    link: nodes.Element | None = domain.resolve_xref(
        env, node.get("refdoc"), app.builder, "obj", names[0], node, content
    )
    return link


def _described(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """What is returned is text here, whose first words are no type even if a colon follows: types are annotated."""
    if what in ("attribute", "property") and lines:
        lines[0] = f": {lines[0]}"
    for number, line in enumerate(lines[:-1]):
        if line in ("Returns:", "Yields:"):
            first = lines[number + 1]
            lines[number + 1] = f"{first[: len(first) - len(first.lstrip())]}: {first.lstrip()}"


def _signed(app: Any, thing: Any, bound: bool) -> None:
    """Annotations may name what a module imports for them alone."""
    complete(thing)


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _described, priority=400)  # before napoleon
    app.connect("autodoc-before-process-signature", _signed)
    app.connect("source-read", _read)
    app.connect("missing-reference", _documented)
