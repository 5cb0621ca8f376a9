"""Sphinx settings. Pages of modules, chips and zoo networks are generated from the package."""

from __future__ import annotations

import sys
from importlib.metadata import version as _version
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import generate  # noqa: E402 - it lies beside this file

project = "mossy"
author = "The mossy developers"
copyright = "The mossy developers, Apache-2.0"
version = release = _version("mossy")

extensions = ["sphinx.ext.autodoc", "myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "README.md"]
nitpicky = (
    False  # annotations name NumPy types that no inventory is fetched for: builds stay offline
)

html_theme = "furo"
html_title = f"mossy {release}"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#3d5a40", "color-brand-content": "#3d5a40"},
    "dark_css_variables": {"color-brand-primary": "#a9c79b", "color-brand-content": "#a9c79b"},
}

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {"ArrayLike": "ArrayLike"}
autodoc_default_options = {"members": True, "show-inheritance": True}


def setup(app: object) -> None:
    """Write the generated pages, and show docstrings as the plain text that they are."""
    generate.write(HERE / "reference" / "generated")
    app.connect("autodoc-process-docstring", generate.plain_docstring)  # type: ignore[attr-defined]
