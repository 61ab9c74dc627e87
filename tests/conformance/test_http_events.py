"""Marks of events: what each carried itself."""

from __future__ import annotations

from conformance.http_events import event_marks
from conformance.transcript import EventMark


def test_an_event_is_marked_with_its_own_id_and_whether_it_had_data() -> None:
    body = b"id: 1\ndata:\n\ndata: {}\n\nid: 2\ndata: {}\n\n"
    assert event_marks(body) == (EventMark("1"), EventMark(None, data=True), EventMark("2", data=True))


def test_every_line_end_of_the_event_stream_format_counts() -> None:
    assert event_marks(b"id: 1\r\ndata: x\r\n\r\nid: 2\rdata: x\r\r") == (
        EventMark("1", data=True),
        EventMark("2", data=True),
    )


def test_comments_and_an_event_that_was_cut_off_leave_no_mark() -> None:
    assert event_marks(b": hello\n\ndata: x\n\nid: 9\ndata: cut") == (EventMark(None, data=True),)


def test_retry_is_read_where_it_is_a_number() -> None:
    assert event_marks(b"retry: 250\n\nretry: soon\n\n") == (EventMark(retry=250), EventMark())


def test_an_id_with_a_null_character_is_none() -> None:
    assert event_marks(b"id: a\0b\ndata: x\n\n") == (EventMark(None, data=True),)
