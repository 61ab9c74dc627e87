"""Marks of server-sent events: what each carried itself."""

from __future__ import annotations

import pytest

from conformance.http_events import event_marks
from conformance.transcript import EventMark


@pytest.mark.parametrize(
    ("body", "marks"),
    [
        (b"", ()),
        (b": a comment\n\n", ()),
        (b"data: x\n\n", (EventMark(None, data=True, retry=None),)),
        (
            b"id: 1\ndata:\n\ndata: x\n\n",
            (EventMark("1", data=False, retry=None), EventMark(None, data=True, retry=None)),
        ),
        (b"id: 1\r\nretry: 20\r\n\r\n", (EventMark("1", data=False, retry=20),)),
        (b"id: 1\rdata: x\r\r", (EventMark("1", data=True, retry=None),)),
        (b"\xef\xbb\xbfid\ndata: x\n\n", (EventMark("", data=True, retry=None),)),
        (b"id: a\0b\ndata: x\n\n", (EventMark(None, data=True, retry=None),)),
        (b"retry: soon\ndata: x\n\n", (EventMark(None, data=True, retry=None),)),
        (b"retry: " + b"9" * 5000 + b"\n\n", (EventMark(None, data=False, retry=None),)),
        (b"data: x\n\ndata: cut off", (EventMark(None, data=True, retry=None),)),
        (b"data: x\ndata: \n\n", (EventMark(None, data=True, retry=None),)),
    ],
)
def test_each_complete_event_has_its_own_mark(body: bytes, marks: tuple[EventMark, ...]) -> None:
    assert event_marks(body) == marks
