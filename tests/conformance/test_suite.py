"""What binds at a revision over a transport."""

from __future__ import annotations

from conformance.peer import Peer
from conformance.suite import declared
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, REVISIONS

from .scripted import make_check, make_monitor, make_suite, nothing_wrong


async def _body(peer: Peer) -> None:
    pass


def _names(*items: object, revision: object = LATEST_LEGACY, transport: str = "memory", wanted: str = "") -> list[str]:
    suite = make_suite(*items).binding(revision, transport, lambda name: wanted in name)  # type: ignore[arg-type] # as given
    return [item.id for item in (*suite.checks, *suite.monitors)]


def test_windows_transports_and_wishes_choose() -> None:
    items = [
        make_check(_body, "any"),
        make_check(_body, "http", "wire"),
        make_check(_body, "new", "news"),
        make_check(_body, "both", "news", "rule"),
        make_monitor(nothing_wrong, "watch", "wire"),
    ]
    assert _names(*items) == ["any", "both"]
    assert _names(*items, transport="http") == ["any", "http", "both", "watch"]
    assert _names(*items, revision=LATEST) == ["any", "new", "both"]
    assert _names(*items, wanted="bo") == ["both"]


def test_all_that_is_declared_stands_on_rows_of_the_catalogue_and_binds_somewhere() -> None:
    suite = declared()
    bound = {
        item.id
        for revision in REVISIONS
        for transport in ("stdio", "http", "sse", "ws")
        for part in [suite.binding(revision, transport, lambda _: True)]
        for item in (*part.checks, *part.monitors)
    }
    assert bound == {item.id for item in (*suite.checks, *suite.monitors)}
