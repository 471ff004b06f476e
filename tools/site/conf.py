"""Sphinx's settings for the documentation site; ``python -m tools.site`` lays its sources and runs it."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "layers" / "de_classes"))

from de_classes.version import VERSION

project = "de-classes"
release = VERSION
project_copyright = "the authors of de-classes, MIT licence"
root_doc = "index"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
include_patterns = ["*.md", "docs/**", "examples/**", "reference/**"]
suppress_warnings = [
    "misc.highlighting_failure",  # DuckDB's SQL and Mermaid's pictures are shown as they are written
    "myst.header",  # what a benchmark writes down begins two levels below its page's title
]

html_theme = "furo"
html_title = f"de-classes {VERSION}"
html_show_sphinx = False

myst_heading_anchors = 4  # links name headings as a repository's pages do

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_class_signature = "separated"
napoleon_numpy_docstring = False
napoleon_use_ivar = True


def shown_as_written(
    _app: object, what: str, _name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    """In a module's docstring an indented block is a drawing or a form: shown letter for letter."""
    if what != "module":
        return
    begins = [n for n in range(1, len(lines)) if lines[n].startswith("    ") and not lines[n - 1]]
    for n in reversed([n for n in begins if not lines[n - 2].startswith("    ")]):
        lines[n:n] = ["::", ""]


def setup(app: Any) -> None:  # noqa: ANN401 - Sphinx is in an environment of its own
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", shown_as_written)
