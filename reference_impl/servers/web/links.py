"""The links of a page: where they lead, what they say, and how they are meant."""

from __future__ import annotations

from typing import Any

from reference_impl.servers.web.errors import Refused
from reference_impl.servers.web.markdown import base_of
from reference_impl.servers.web.tree import Tree
from reference_impl.servers.web.urls import WebUrl, joined
from reference_impl.servers.web.visible import is_hidden, visible_text

__all__ = ["links", "same_site"]

_LONGEST_TEXT = 300
_USUAL_PORTS = {80, 443}


def links(tree: Tree, url: str) -> list[dict[str, Any]]:
    """Return the links of a page found at `url` in the order of the page, each address once: `url`, `text`, and `rel`
    where it is said. Only those to web pages count, and only those that a reader sees."""
    base = base_of(tree, url)
    found: dict[str, dict[str, Any]] = {}
    pending = [tree.root]
    while pending:
        element = pending.pop()
        if is_hidden(element):
            continue
        pending += [child for child in reversed(element.children) if not isinstance(child, str)]
        if element.name != "a" or not element.attributes.get("href", "").strip():
            continue
        try:
            address = str(WebUrl.of(joined(base, element.attributes["href"])))
        except Refused:
            continue
        link = found.setdefault(address, {"url": address, "text": ""})
        text = visible_text(element) or element.attributes.get("aria-label", "")
        link["text"] = link["text"] or text[:_LONGEST_TEXT]
        relations = element.attributes.get("rel", "").lower().split()
        if relations:
            link["rel"] = relations[:20]
    return list(found.values())


def same_site(address: str, url: WebUrl) -> bool:
    """Tell whether an absolute URL leads to the same host, with `www.` or without, at the same port or the scheme's
    own."""
    try:
        other = WebUrl.of(address)
    except Refused:
        return False
    same_port = other.port == url.port or {other.port, url.port} == _USUAL_PORTS
    return same_port and other.host.removeprefix("www.") == url.host.removeprefix("www.")
