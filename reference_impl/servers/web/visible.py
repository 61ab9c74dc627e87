"""What of a page a reader would see, and which part of that is the page's own matter."""

from __future__ import annotations

import re

from reference_impl.servers.web.tree import Element, Tree

__all__ = ["is_hidden", "main_part", "visible_text"]

_NEVER_SHOWN = frozenset(
    {"applet", "area", "audio", "base", "canvas", "datalist", "embed", "frameset", "iframe", "input", "link", "map"}
    | {"math", "meta", "noembed", "noframes", "object", "param", "script", "select", "source", "style", "svg"}
    | {"template", "title", "track", "video"}
)
_HIDING = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|opacity:0(?:\.0*)?(?:;|$|!)|font-size:0(?:\.0*)?(?:px|em|rem|pt|%)?(?:;|$|!)"
    r"|text-indent:-\d{3,}|(?:left|top):-\d{4,}|clip:rect\(0"
)
_AROUND = frozenset({"nav", "header", "footer", "aside", "form", "search", "button", "dialog"})
_ROLES_AROUND = frozenset({"navigation", "banner", "contentinfo", "complementary", "search", "dialog", "menu", "alert"})
_MAIN_SHARE = 0.25
"""How much of the page's text an element must hold to be what the page is about."""
_SHORT = 200
"""Characters of text below which a page is taken whole: there is nothing to choose from."""


def is_hidden(element: Element) -> bool:
    """Tell whether a reader sees nothing of an element, as far as the page itself says so. Style sheets are not
    read."""
    attributes = element.attributes
    if element.name in _NEVER_SHOWN or "hidden" in attributes or attributes.get("aria-hidden") == "true":
        return True
    if element.name == "dialog" and "open" not in attributes:
        return True
    style = attributes.get("style", "")
    return bool(style) and _HIDING.search(re.sub(r"/\*.*?\*/|\s+", "", style[:2000].lower())) is not None


def is_around(element: Element) -> bool:
    """Tell whether an element is the frame of a page rather than its matter: menus, banners, forms."""
    return element.name in _AROUND or element.attributes.get("role", "").lower() in _ROLES_AROUND


def visible_text(element: Element, *, inner: bool = False) -> str:
    """Return the words of an element that a reader sees, on one line; with `inner`, without the frame."""
    parts: list[str] = []
    pending: list[Element | str] = [element]
    while pending:
        node = pending.pop()
        if isinstance(node, str):
            parts.append(node)
        elif not is_hidden(node) and not (inner and is_around(node)):
            parts.append(" ")
            pending += reversed(node.children)
    return " ".join("".join(parts).split())


def main_part(tree: Tree) -> Element | None:
    """Return the element that holds what the page is about, or None if no element stands out: then the page is to be
    read without its frame."""
    whole = len(visible_text(tree.root, inner=True))
    if whole < _SHORT:
        return None
    for wanted in (_is_main, _is_article):
        found = [element for element in _shown(tree.root) if wanted(element)]
        if len(found) == 1 and len(visible_text(found[0], inner=True)) >= whole * _MAIN_SHARE:
            return found[0]
    return None


def _shown(root: Element) -> list[Element]:
    """Return all elements that are not hidden, in the order of the page."""
    shown: list[Element] = []
    pending = [root]
    while pending:
        element = pending.pop()
        if not is_hidden(element):
            shown.append(element)
            pending += [child for child in reversed(element.children) if not isinstance(child, str)]
    return shown


def _is_main(element: Element) -> bool:
    return element.name == "main" or element.attributes.get("role") == "main"


def _is_article(element: Element) -> bool:
    return element.name == "article" or element.attributes.get("role") == "article"
