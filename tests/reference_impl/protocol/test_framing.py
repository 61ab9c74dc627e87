"""Lines and server-sent events, however the bytes are cut."""

import pytest

from reference_impl.protocol.calls import Calls
from reference_impl.protocol.errors import LocalProtocolError
from reference_impl.protocol.lines import LineReader, Overlong, frame
from reference_impl.protocol.sse import EventReader, encode_event

STREAM = (
    "id: 1\nevent: message\ndata: a\ndata: é\n\n:comment\r\nretry: 5\r\ndata:b\r\n\r\ndata: c\r\rid\ndata\n\n".encode()
)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 1000])
def test_lines_come_whole_whatever_the_pieces(size):
    data = "one\r\n\ntwo\u2028\u0085é\nrest".encode()
    reader = LineReader()
    lines = [line for start in range(0, len(data), size) for line in reader.feed(data[start : start + size])]
    assert lines == [b"one", b"", "two\u2028\u0085é".encode()]
    assert reader.rest == b"rest"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_line_over_the_limit_is_dropped_and_the_next_is_kept(size):
    data = b"x" * 30 + b"\nok\n" + b"y" * 11 + b"\n"
    reader = LineReader(limit=10)
    lines = [line for start in range(0, len(data), size) for line in reader.feed(data[start : start + size])]
    assert [type(line) for line in lines] == [Overlong, bytes, Overlong]
    assert (lines[0].size, lines[1], lines[2].size) == (30, b"ok", 11)


def test_a_frame_is_one_line():
    assert frame(b"{}") == b"{}\n"
    with pytest.raises(LocalProtocolError):
        frame(b"{\n}")


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_events_come_whole_whatever_the_pieces_and_line_ends(size):
    reader = EventReader()
    events = [event for start in range(0, len(STREAM), size) for event in reader.feed(STREAM[start : start + size])]
    assert [event.data for event in events] == ["a\né", "b", "c", ""]
    assert [event.id for event in events] == ["1", "1", "1", ""]
    assert events[1].retry == 5
    assert reader.comments == 1


def test_a_byte_order_mark_is_no_part_of_the_first_field():
    assert EventReader().feed(b"\xef\xbb\xbfdata: x\n\n")[0].data == "x"


@pytest.mark.parametrize("pieces", [[b"\xef", b"\xbb\xbfdata: x\n\n"], [b"\xef\xbb\xbf", b"data: x\n\n"]])
def test_a_byte_order_mark_may_come_in_pieces(pieces):
    reader = EventReader()
    assert [event.data for piece in pieces for event in reader.feed(piece)] == ["x"]


def test_a_byte_order_mark_behind_the_first_line_belongs_to_its_field():
    reader = EventReader()
    assert reader.feed(b"\n") + reader.feed(b"\xef\xbb\xbfdata: x\n\n") == []


def test_a_retry_of_thousands_of_digits_is_passed_over():
    (event,) = EventReader().feed(b"retry: " + b"9" * 5000 + b"\ndata: x\n\n")
    assert (event.data, event.retry) == ("x", None)


def test_what_is_written_as_an_event_is_read_as_one():
    (event,) = EventReader().feed(encode_event(b'{"a":1}', "3-1", "message", 250))
    assert (event.data, event.id, event.event, event.retry) == ('{"a":1}', "3-1", "message", 250)


def test_calls_are_told_apart_by_value_and_type():
    calls = Calls()
    calls.open(1, "integer")
    calls.open("1", "string")
    with pytest.raises(LocalProtocolError):
        calls.open(1, "again")
    assert calls.close("1") == "string"
    assert calls.close("1") is None
    assert calls.close(None) is None
    assert calls.drain() == ["integer"]
    assert len(calls) == 0


def test_new_ids_are_new():
    calls = Calls(first=10)
    assert [calls.new_id() for _ in range(3)] == [10, 11, 12]
