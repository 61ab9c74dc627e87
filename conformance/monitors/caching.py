"""Monitors of `server/utilities/caching`: what may be kept, how long, and for whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.check import monitor
from conformance.expect import Mismatch, brief
from conformance.monitors.traffic import Asked, requests, revision_of
from conformance.transcript import Conversation
from reference_impl.protocol.methods import METHODS, PAGINATED

_CACHED = frozenset(row.name for row in METHODS if row.caches)
_SCOPES = ("public", "private")


@monitor("caching.hints", "caching.hints", "caching.ttl", "caching.scope")
def hints(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every complete result that may be cached says how long and for whom."""
    for asked, result in _cached(conversation):
        if result.get("resultType") != "input_required":
            wrong = _wrong(result)
            entries = [asked.entry.index, asked.answer.index if asked.answer else asked.entry.index]
            expected = f"ttlMs (an integer of at least 0) and cacheScope in the result of {asked.message['method']}"
            yield None if wrong is None else Mismatch(expected, wrong, entries)


@monitor("caching.scope-of-pages", "caching.scope.pages")
def scope_of_pages(conversation: Conversation) -> Iterator[Mismatch | None]:
    """All pages of a list have the same cacheScope."""
    led_here: dict[tuple[str, str], tuple[str, int]] = {}
    for asked, result in _cached(conversation):
        method, cursor, scope = asked.message["method"], asked.params.get("cursor"), result.get("cacheScope")
        if method not in PAGINATED or scope not in _SCOPES or asked.answer is None:
            continue
        if isinstance(cursor, str) and (method, cursor) in led_here:
            before, entry = led_here[method, cursor]
            evidence = [entry, asked.entry.index, asked.answer.index]
            expected = f"cacheScope {before} on this page of {method}, as on the one before"
            yield None if scope == before else Mismatch(expected, scope, evidence)
        if isinstance(result.get("nextCursor"), str):
            led_here[method, result["nextCursor"]] = (scope, asked.answer.index)


@monitor("caching.interim", "caching.interim")
def interim(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A result that asks for input carries no caching hints."""
    for asked, result in _cached(conversation):
        if result.get("resultType") == "input_required":
            found = sorted({"ttlMs", "cacheScope"} & result.keys())
            entries = [asked.entry.index, asked.answer.index if asked.answer else asked.entry.index]
            yield Mismatch("no caching hints beside a question", ", ".join(found), entries) if found else None


def _cached(conversation: Conversation) -> Iterator[tuple[Asked, dict[str, Any]]]:
    """The requests that may be cached, with their results, at a revision that has caching."""
    revision = revision_of(conversation)
    if revision is None or not revision.modern:
        return
    for asked in requests(conversation):
        result = asked.answer.value.get("result") if asked.answer and asked.answer.is_message else None
        if asked.message["method"] in _CACHED and isinstance(result, dict):
            yield asked, result


def _wrong(result: dict[str, Any]) -> str | None:
    missing = [member for member in ("ttlMs", "cacheScope") if member not in result]
    if missing:
        return f"no {' and no '.join(missing)}"
    ttl, scope = result["ttlMs"], result["cacheScope"]
    if isinstance(ttl, bool) or not isinstance(ttl, int | float) or ttl < 0 or ttl != int(ttl):
        return f"ttlMs {brief(ttl)}"
    return None if scope in _SCOPES else f"cacheScope {brief(scope)}"
