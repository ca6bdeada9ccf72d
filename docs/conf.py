"""The documentation as a site: `python -m sphinx docs site`."""

from importlib.metadata import version as installed

project = "gan_inversion"
copyright = "2026, The gan_inversion authors"
html_use_index = False
version = release = installed("gan_inversion")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 2
html_theme = "furo"
html_static_path = html_css_files = ["site.css"]
html_title = "gan_inversion"
html_copy_source = False
default_role = "code"  # `x` in docstrings
autodoc_typehints = "signature"  # shapes and ranges stand in the docstrings' words
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 80
autodoc_member_order = "bysource"
napoleon_include_init_with_doc = False
