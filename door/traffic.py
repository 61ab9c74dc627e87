"""HTTP traffic on its way into the records, for a run that was asked to keep it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from conformance.transcript import owner
from reference_impl.transports.http_witness import KEPT, Witness, watching
from reports.records import Exchange, HttpMessage, Timings

__all__ = ["watched"]


@contextmanager
def watched(record: Callable[[Exchange], None]) -> Iterator[None]:
    """For the time of the block, record each HTTP exchange of the checks as it ends; not those of load, which another
    process makes."""
    offset = time.time() - time.perf_counter()
    token = watching.set(lambda witness: record(exchange_of(witness, offset)))
    try:
        yield
    finally:
        watching.reset(token)


def exchange_of(witness: Witness, offset: float) -> Exchange:
    """Return the row of an exchange; `offset` is what the clock of the witness lacks of the time of day."""
    answered = witness.replied is not None
    return Exchange(
        started=datetime.fromtimestamp(witness.began + offset, UTC),
        url=witness.url,
        request=_message(witness.start, witness.headers, witness.body, len(witness.body)),
        response=_message(witness.reply_start, witness.reply_headers, bytes(witness.reply_body), witness.size)
        if answered
        else None,
        timings=_timings(witness),
        owner=owner.get() or "",
        note=_note(witness),
    )


def _message(start: str, headers: tuple[tuple[str, str], ...], body: bytes, size: int) -> HttpMessage:
    # As text, never as base64: a secret is found in text alone, wherever it begins.
    text = body[:KEPT].decode("utf-8", "backslashreplace")
    return HttpMessage(start=start, headers=headers, body=text, size=size, truncated=max(0, size - KEPT))


def _timings(witness: Witness) -> Timings:
    """Return the parts of the time between the beginning and the end, none of it twice and none left out."""
    connected = witness.connected or witness.began
    sent = witness.sent or connected
    replied = witness.replied or witness.ended
    return Timings(
        connect=None if witness.connected is None else _milliseconds(connected - witness.began),
        send=_milliseconds(sent - connected),
        wait=_milliseconds(replied - sent),
        receive=_milliseconds(witness.ended - replied),
    )


def _milliseconds(seconds: float) -> float:
    return round(max(seconds, 0.0) * 1000, 3)


def _note(witness: Witness) -> str:
    if witness.replied is None:
        return f"no response: {witness.error or 'nobody waited for it any longer'}"
    return "" if witness.whole else "left before the end of the body, or cut short"
