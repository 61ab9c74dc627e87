"""How Sphinx makes the site. `python docs/build.py FOLDER` runs it, on a copy whose reference pages are complete."""

from docutils import nodes
from sphinx.application import Sphinx

project = "Touchstone"
project_copyright = "the authors of Touchstone"
extensions = ["myst_parser"]
exclude_patterns = ["examples"]
myst_heading_anchors = 4
myst_enable_extensions = ["deflist"]
nitpicky = True
smartquotes = False  # two dashes are two dashes: they begin options
html_theme = "furo"
html_title = "Touchstone"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
# Excerpts of what was found are fetched page by page, which browsers refuse to a site that is opened from a disk.
html_show_search_summary = False
# Furo alone: fonts are those of the system, and no page asks the network for anything (tests/docs/test_site.py).
html_theme_options = {"navigation_with_keys": True, "top_of_page_buttons": []}


def keep_ids(app: Sphinx, document: nodes.document) -> None:
    """Give the section of a check or a requirement its id, dots and all, as the first of its addresses."""
    if not app.env.docname.startswith(("reference/checks/", "reference/requirements/")):
        return
    for section in document.findall(nodes.section):
        title = section[0]
        if len(title.children) == 1 and isinstance(title[0], nodes.literal):
            section["ids"].insert(0, title.astext())


def setup(app: Sphinx) -> None:
    """Join in before the table of contents is made, which takes the first address of each section."""
    app.connect("doctree-read", keep_ids, priority=100)
