"""The documentation as a site: `python -m sphinx docs site`."""

from importlib.metadata import version as installed

project = "gan_inversion"
version = release = installed("gan_inversion")
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "gan_inversion"
html_copy_source = False
