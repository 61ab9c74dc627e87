"""Judges of how clients go through lists: where they go on, where they stop, and what they make of cursors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.clients.declare import judge
from conformance.clients.said import Said, ended_well, initializes, modern, said
from conformance.clients.scenario import PLAIN
from conformance.clients.scenarios.pages import SECOND_PAGE
from conformance.expect import Blocked, Mismatch, literal
from conformance.transcript import Conversation
from reference_impl.protocol.methods import PAGINATED

_OVER_AND_OVER = 3
_TOOLS = "tools/list"


def _asked(conversation: Conversation, method: str) -> list[Said]:
    return [item for item in said(conversation) if item.is_request and item.method == method]


def _names(pages: list[Said], member: str) -> set[Any]:
    return {item["name"] for page in pages for item in (page.result or {}).get(member, ())}


def _used(conversation: Conversation, method: str) -> set[Any]:
    names = (item.params.get("name") for item in _asked(conversation, method))
    return {name for name in names if isinstance(name, str)}


@judge("client.last-page", "pagination.last-page")
def last_page(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A page without nextCursor is the last one that a client asks for."""
    for method in PAGINATED:
        pages = [item for item in _asked(conversation, method) if item.result]
        for number, page in enumerate(pages):
            if "nextCursor" in (page.result or {}) or "cursor" not in page.params:
                continue
            # Once is no mistake: a page whose time is over may be fetched anew.
            same = [item for item in pages[number : number + _OVER_AND_OVER] if item.params.get("cursor") == _at(page)]
            # Whoever goes through the list several times, side by side, comes to its end as often.
            begun = sum("cursor" not in item.params for item in pages[: number + _OVER_AND_OVER])
            evidence = [item.entry.index for item in same]
            actual = f"cursor {literal(_at(page))} again and again"
            over = len(same) == _OVER_AND_OVER > begun
            yield Mismatch("no further page", actual, evidence) if over else None


def _at(page: Said) -> Any:
    return page.params.get("cursor")


@judge("client.both-flows", "pagination.both-flows", scenario=PLAIN)
def both_flows(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that uses every tool it finds finds those on later pages too."""
    pages = _asked(conversation, _TOOLS)
    found = _names([page for page in pages if "cursor" not in page.params], "tools")
    if any("cursor" in page.params for page in pages):
        yield None
    elif not found:
        raise Blocked("the client lists no tools")
    elif found <= _used(conversation, "tools/call"):
        evidence = [pages[0].entry.index]
        yield Mismatch("a request for the next page", "the tools of the first page called, and no others", evidence)
    else:
        raise Blocked("the client lists one page of tools, and does not call all that stand there")


@judge("client.prompts-followed", "prompts.list.followed", scenario="features")
def prompts_followed(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that gets every prompt it finds asks for the next page of them."""
    pages = _asked(conversation, "prompts/list")
    if any("cursor" in page.params for page in pages):
        yield None
    elif pages and _names(pages, "prompts") <= _used(conversation, "prompts/get"):
        actual = "the prompts of the first page got, and no others"
        yield Mismatch("a request for the next page", actual, [pages[0].entry.index])
    else:
        raise Blocked("the client lists one page of prompts at most, and does not get all that stand there")


@judge("client.cursor-empty", "pagination.cursor.empty", scenario="empty-cursor")
def cursor_empty(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A cursor that is an empty string leads to the next page."""
    pages = _asked(conversation, _TOOLS)
    seconds = [page for page in pages if page.params.get("cursor") == SECOND_PAGE and page.answer is not None]
    if not seconds:
        raise Blocked("the client asked for no second page")
    if any(page.params.get("cursor") == "" for page in pages):
        yield None
        return
    later = any(item.is_request and item.entry.index > seconds[0].entry.index for item in said(conversation))
    if not later and not ended_well(conversation):
        raise Blocked("the client did not go on after the second page")
    yield Mismatch('a request with cursor ""', "none, though nextCursor was there", [seconds[0].entry.index])


@judge("client.cursor-session", "pagination.cursor.one-session", scenario="lost-between-pages")
def cursor_session(conversation: Conversation) -> Iterator[Mismatch | None]:
    """In a new session a client begins a list with its first page."""
    openings = [item.entry.index for item in initializes(conversation)]
    pages = _asked(conversation, _TOOLS)
    if not any("cursor" in page.params for page in pages):
        raise Blocked("the client asked for no second page")
    if len(openings) == 1:
        raise Blocked("the client ended when its session was lost; one that goes on can be judged")
    first = next((page for page in pages if page.entry.index > openings[-1]), None)
    if first is None:
        raise Blocked("the client listed no tools in its new session")
    fine = "cursor" not in first.params
    evidence = [openings[-1], first.entry.index]
    yield None if fine else Mismatch("no cursor", f"cursor {literal(_at(first))} of the session before", evidence)


@judge("client.cursor-invalid", "caching.cursor.invalid", scenario="refused-cursor")
def cursor_invalid(conversation: Conversation) -> Iterator[Mismatch | None]:
    """When a cursor is no longer taken, a client begins the list anew."""
    pages = _asked(conversation, _TOOLS) if modern(conversation) else []
    refused = next((page for page in pages if "cursor" in page.params and page.result is None), None)
    if refused is None:
        raise Blocked("the client asked for no second page")
    following = next((page for page in pages if page.entry.index > refused.entry.index), None)
    if following is None:
        raise Blocked("the client did not list again after its cursor was refused")
    fine = "cursor" not in following.params
    evidence = [refused.entry.index, following.entry.index]
    yield None if fine else Mismatch("the first page", f"cursor {literal(_at(following))}", evidence)
