"""What a page says about itself: title, description, language, canonical address, Open Graph, JSON-LD."""

from __future__ import annotations

import json
from typing import Any

from reference_impl.servers.web.markdown import base_of
from reference_impl.servers.web.tokens import without_invisible
from reference_impl.servers.web.tree import Element, Tree
from reference_impl.servers.web.urls import joined

__all__ = ["follows_links", "metadata", "title_of"]

_MOST_PROPERTIES = 100
_LONGEST = 2000
_MOST_JSON_LD = 10
_LONGEST_JSON_LD = 50_000
_NAMES = ("author", "keywords", "robots", "generator", "date")
"""What of a page's `meta` is told under its own name."""
_FEEDS = ("application/rss+xml", "application/atom+xml", "application/feed+json")


def title_of(tree: Tree) -> str:
    """Return a page's title, or else its first heading."""
    for name in ("title", "h1"):
        element = tree.first(name)
        if element is not None and element.words():
            return element.words()[:_LONGEST]
    return ""


def metadata(tree: Tree, url: str) -> dict[str, Any]:
    """Return what a page found at `url` says about itself, as JSON; what it does not say is absent."""
    elements = list(tree.root.elements())
    named, properties = _named(elements)
    html = tree.first("html")
    found: dict[str, Any] = {
        "title": title_of(tree),
        "description": named.get("description") or properties.get("og:description"),
        "language": html.attributes.get("lang", "").strip()[:40] if html else None,
        **{name: named.get(name) for name in _NAMES},
        **_links(elements, base_of(tree, url)),
        "openGraph": {name[3:]: value for name, value in properties.items() if name.startswith("og:")},
        "jsonLd": _json_ld(elements),
    }
    return {key: value for key, value in found.items() if value}


def follows_links(tree: Tree) -> bool:
    """Tell whether a page lets robots follow its links."""
    named, _ = _named(list(tree.root.elements()))
    return not {"nofollow", "none"} & {word.strip() for word in named.get("robots", "").lower().split(",")}


def _named(elements: list[Element]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the page's `meta` by name and by property; the first of each counts."""
    named: dict[str, str] = {}
    properties: dict[str, str] = {}
    for element in elements:
        if element.name == "meta":
            value = " ".join(element.attributes.get("content", "").split())[:_LONGEST]
            for key, into in (("name", named), ("property", properties)):
                name = element.attributes.get(key, "").strip().lower()[:100]
                if name and value and len(into) < _MOST_PROPERTIES:
                    into.setdefault(name, value)
    return named, properties


def _links(elements: list[Element], base: str) -> dict[str, Any]:
    """Return where the page says it is at home, its versions in other languages, and its feeds."""
    canonical, alternates, feeds = None, [], []
    for element in elements:
        if element.name != "link":
            continue
        relations = element.attributes.get("rel", "").lower().split()
        url = joined(base, element.attributes.get("href", ""))
        if not url.startswith(("http://", "https://")):
            continue
        if "canonical" in relations:
            canonical = canonical or url
        elif "alternate" in relations and element.attributes.get("type", "").lower() in _FEEDS:
            feeds.append(url)
        elif "alternate" in relations and "hreflang" in element.attributes:
            alternates.append({"language": element.attributes["hreflang"][:40], "url": url})
    return {"canonical": canonical, "alternates": alternates[:_MOST_PROPERTIES], "feeds": feeds[:_MOST_PROPERTIES]}


def _json_ld(elements: list[Element]) -> list[Any]:
    found: list[Any] = []
    for element in elements:
        kind = element.attributes.get("type", "").strip().lower() if element.name == "script" else ""
        if kind == "application/ld+json" and len(found) < _MOST_JSON_LD:
            value = _json(element.text())
            if isinstance(value, dict | list):
                found.append(value)
    return found


def _json(text: str) -> Any:
    """Return the value that a text stands for, or None if it is no JSON, or too much of it."""
    if len(text) > _LONGEST_JSON_LD:
        return None
    try:
        clean = without_invisible(json.dumps(json.loads(text, parse_constant=_refuse), ensure_ascii=False))
        clean.encode()
        return json.loads(clean)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> Any:
    raise ValueError(constant)  # NaN and its kin are no JSON
