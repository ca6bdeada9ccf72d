"""The documentation as a site: `python -m sphinx docs site`."""

from importlib.metadata import version as installed

project = "gan_inversion"
version = release = installed("gan_inversion")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 2
html_theme = "furo"
html_title = "gan_inversion"
html_copy_source = False
default_role = "code"  # `x` in docstrings
autodoc_typehints = "none"  # shapes and types stand in the docstrings' words
autodoc_member_order = "bysource"
napoleon_include_init_with_doc = False
