"""HTTP with SSE as a client reads it: the address, and what may come before and after it."""

import pytest

from reference_impl.protocol.legacy_sse import LegacySseError, LegacySseReader, endpoint_url
from reference_impl.protocol.sse import EventReader, OversizedEvent, encode_event

URL = "http://host.example/base/sse?a=1"


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("/messages?session=1", "http://host.example/messages?session=1"),
        ("messages", "http://host.example/base/messages"),
        ("?session=1", "http://host.example/base/sse?session=1"),
        ("http://host.example:80/m", "http://host.example/m"),
        ("http://HOST.example/m#part", "http://host.example/m"),
        (" /m ", "http://host.example/m"),
    ],
)
def test_the_endpoint_is_relative_to_the_stream(endpoint, url):
    assert endpoint_url(URL, endpoint) == url


def test_credentials_in_the_address_go_with_the_messages():
    assert endpoint_url("http://ann:secret@h:8000/sse", "http://h:8000/m") == "http://ann:secret@h:8000/m"


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://evil.example/m",
        "//evil.example/m",
        "https://host.example/m",
        "http://host.example:8080/m",
        "http://host.example@evil.example/m",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://[::1/m",
        "http://host.example:port/m",
    ],
)
def test_an_endpoint_on_another_origin_is_refused(endpoint):
    with pytest.raises(LegacySseError):
        endpoint_url(URL, endpoint)


def test_messages_follow_the_endpoint():
    reader = LegacySseReader(URL)
    assert reader.feed(b": hello\n\n" + encode_event(b"/m", event="endpoint")) == []
    assert reader.endpoint == "http://host.example/m"
    data = (
        encode_event(b"{}", event="message") + encode_event(b"[]") + encode_event(b"x", event="other") + b": ping\n\n"
    )
    assert reader.feed(data) == [b"{}", b"[]"]


def test_the_endpoint_cannot_be_changed_in_mid_stream():
    reader = LegacySseReader(URL)
    reader.feed(encode_event(b"/m", event="endpoint"))
    assert reader.feed(encode_event(b"/other", event="endpoint")) == []
    assert reader.endpoint == "http://host.example/m"


def test_a_stream_that_begins_with_a_message_is_another_transports():
    with pytest.raises(LegacySseError, match="names no endpoint"):
        LegacySseReader(URL).feed(encode_event(b"{}"))


@pytest.mark.parametrize("piece", [b"x" * 100, b"data: x\n", b"unknown: x\r\n", b"data: x\r"])
def test_an_endless_event_is_refused(piece):
    reader = EventReader(1000)

    def feed():
        for _ in range(1000):
            reader.feed(piece)

    with pytest.raises(OversizedEvent, match="longer than 1000 bytes"):
        feed()


@pytest.mark.parametrize("piece", [b": comment\n", b"data: " + b"x" * 900 + b"\n\n", b"x: y\n\n", b"\n"])
def test_many_small_events_and_comments_are_no_endless_event(piece):
    reader = EventReader(1000)
    for _ in range(1000):
        reader.feed(piece)
