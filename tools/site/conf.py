"""Sphinx's settings for the documentation site; ``python -m tools.site`` lays its sources and runs it."""

import sys
from pathlib import Path

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
    "ref.python",  # a type that is named in an annotation may be a name of two modules
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
