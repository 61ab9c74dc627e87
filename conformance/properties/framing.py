"""What goes over a stream of lines, byte by byte: sound lines in odd shapes, and lines that are not sound.

Each case is made for one sound request. Rules: `basic/transports/stdio` (UTF-8, one message a line, no embedded
newlines) and RFC 8259 for what is JSON. Where RFC 8259 leaves receivers a choice, any reaction is right but death.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.properties.expectation import Expectation
from conformance.properties.messages import with_meta

__all__ = ["Framing", "cut", "cut_lines", "encode", "framings", "kinds", "known", "together", "whole"]

_STDIO = "basic/transports/stdio#top"
_PLACE = "touchstone-place"
# Sizes around the limits that readers of lines and bodies come with: 64 KiB, 100 kB, 1 MiB.
_SIZES = (65_536 - 512, 65_536, 65_537, 98_304)
_HUGE_SIZES = (131_073, 1_048_577)
_DEPTHS = (128, 1024, 10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Framing:
    """Bytes to be written in one go for each of `chunks`, which end with a whole line.

    `requests` are the sound requests among them: what is to be answered where an answer is expected.
    """

    label: str
    chunks: tuple[bytes, ...]
    expectation: Expectation
    rule: str = _STDIO
    requests: tuple[dict[str, Any], ...] = ()

    @property
    def data(self) -> bytes:
        """All the bytes."""
        return b"".join(self.chunks)


def encode(message: Any) -> bytes:
    """Return a JSON value on one line, everything beyond ASCII as it is, and the line feed."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def whole(message: Mapping[str, Any]) -> SearchStrategy[Framing]:
    """Return the kinds that are about one JSON text, for transports on which a message is whole by itself."""
    made = kinds(message)
    return st.one_of([made[label] for label in _OF_ONE_TEXT])


def cut(data: bytes, *, most: int = 8) -> SearchStrategy[tuple[bytes, ...]]:
    """Return the data in up to `most` + 1 pieces, none empty, cut anywhere: within characters, before line feeds."""
    if len(data) < 2:
        return st.just((data,))
    places = st.lists(st.integers(1, len(data) - 1), max_size=most, unique=True).map(sorted)
    return places.map(lambda at: tuple(data[start:end] for start, end in zip([0, *at], [*at, len(data)], strict=True)))


def cut_lines(messages: Iterable[Mapping[str, Any]]) -> SearchStrategy[Framing]:
    """Return several sound requests in pieces that need not be lines."""
    sound = tuple(dict(message) for message in messages)
    pieces = cut(b"".join(encode(message) for message in sound))
    return pieces.map(lambda chunks: Framing("lines cut anywhere", chunks, Expectation.ANSWER, requests=sound))


def together(first: Mapping[str, Any], second: Mapping[str, Any]) -> SearchStrategy[Framing]:
    """Return sound messages that come in one write: two requests, or a notification and a request."""
    both = (dict(first), dict(second))
    unknown = encode({"jsonrpc": "2.0", "method": "notifications/touchstone"})
    lines = b"".join(encode(message) for message in both)
    two = Framing("two requests in one write", (lines,), Expectation.ANSWER, requests=both)
    told = (unknown + encode(both[0]),)
    behind = Framing("a request behind a notification in one write", told, Expectation.ANSWER, requests=both[:1])
    return st.sampled_from([two, behind])


def known(message: Mapping[str, Any]) -> list[Framing]:
    """Return sound lines that readers have stumbled over: characters that split lines elsewhere, and long ones."""
    sound = dict(message)
    long = encode(with_meta(sound, "a" * _SIZES[2]))
    return [
        *(_speaking(sound, character) for character in "\u2028\u2029\u0085"),
        Framing("long line", (long,), Expectation.ANSWER, requests=(json.loads(long),)),
    ]


def framings(message: Mapping[str, Any]) -> SearchStrategy[Framing]:
    """Return every kind of framing of a sound request."""
    return st.one_of(*kinds(message).values())


def kinds(message: Mapping[str, Any]) -> dict[str, SearchStrategy[Framing]]:
    """Return a strategy for each kind of framing of a sound request, by label."""
    sound = dict(message)
    made = {kind.label: kind.make(sound).map(_framed(kind)) for kind in _KINDS}
    characters = st.sampled_from("\u2028\u2029\u0085\u007f\ufeff\ufffe\u00e9\u4e2d\U0001f600")
    made["characters that some take for line ends"] = characters.map(lambda found: _speaking(sound, found))
    made["lines cut anywhere"] = cut_lines([sound])
    return made


@dataclass(frozen=True, slots=True)
class _Kind:
    label: str
    make: Callable[[dict[str, Any]], SearchStrategy[bytes]]
    expectation: Expectation = Expectation.ANYTHING_BUT_DEATH
    rule: str = _STDIO


def _framed(kind: _Kind) -> Callable[[bytes], Framing]:
    def framed(data: bytes) -> Framing:
        requests = (json.loads(data),) if kind.expectation is Expectation.ANSWER else ()
        return Framing(kind.label, (data,), kind.expectation, kind.rule, requests)

    return framed


def _speaking(sound: dict[str, Any], character: str) -> Framing:
    message = with_meta(sound, f"before{character}after")
    label = "characters that some take for line ends"
    return Framing(label, (encode(message),), Expectation.ANSWER, "RFC 8259 section 7", (message,))


def _edited(edit: Callable[[bytes], Iterable[bytes]]) -> Callable[[dict[str, Any]], SearchStrategy[bytes]]:
    """Return a maker of what `edit` makes of the request's line, without its line feed."""
    return lambda message: st.sampled_from([found + b"\n" for found in edit(encode(message)[:-1])])


def _placed(*values: bytes) -> Callable[[dict[str, Any]], SearchStrategy[bytes]]:
    """Return a maker of the request with raw bytes as a value in `_meta`."""
    place = json.dumps(_PLACE).encode()
    return lambda message: st.sampled_from(values).map(
        lambda value: encode(with_meta(message, _PLACE)).replace(place, value)
    )


def _padded(sizes: tuple[int, ...]) -> Callable[[dict[str, Any]], SearchStrategy[bytes]]:
    def pad(message: dict[str, Any], size: int) -> bytes:
        return encode(with_meta(message, "a" * max(0, size - len(encode(with_meta(message, ""))))))

    return lambda message: st.sampled_from(sizes).map(lambda size: pad(message, size))


def _truncated(message: dict[str, Any]) -> SearchStrategy[bytes]:
    line = encode(message)[:-1]
    return st.integers(1, len(line) - 1).map(lambda end: line[:end] + b"\n")


def _twice(line: bytes) -> Iterable[bytes]:
    inside = line[1:]
    return (b'{"jsonrpc":"2.0",' + inside, b'{"id":"other",' + inside, line[:-1] + b',"method":"touchstone"}')


def _over_lines(line: bytes) -> Iterable[bytes]:
    pretty = json.dumps(json.loads(line), ensure_ascii=False, indent=1).encode()
    return (pretty, pretty.replace(b"\n", b"\r"), pretty.replace(b"\n", b"\r\n"))


_RFC = "RFC 8259 section {}".format
_REFUSED = Expectation.ERROR_OR_SILENCE

_OF_ONE_TEXT = (
    *("white space around the message", "characters written as escapes", "characters that some take for line ends"),
    *(
        "long line",
        "deeply nested value",
        "lone surrogate escape",
        "escaped null character",
        "number beyond every type",
    ),
    "name given twice",
)

_KINDS: tuple[_Kind, ...] = (
    # Sound: white space around a JSON text is insignificant, a carriage return included.
    _Kind("carriage return before the line feed", _edited(lambda line: [line + b"\r"]), Expectation.ANSWER, _RFC(2)),
    _Kind(
        "white space around the message",
        _edited(lambda line: [b" " + line, line + b"\t ", b"\t" + line]),
        Expectation.ANSWER,
        _RFC(2),
    ),
    _Kind("long line", _padded(_SIZES), Expectation.ANSWER),
    _Kind(
        "characters written as escapes",
        lambda message: st.just(json.dumps(with_meta(message, "\u00e9\U0001f600")).encode() + b"\n"),
        Expectation.ANSWER,
        _RFC(7),
    ),
    # Not JSON, whoever reads it: there is nothing that could succeed.
    _Kind("truncated message", _truncated, _REFUSED, "JSON-RPC 2.0 section 5.1"),
    _Kind(
        "no JSON",
        lambda _: st.sampled_from([b"touchstone\n", b"{\n", b"}\n", b"\x00\n", b"'{}'\n", b"Content-Length: 2\n"]),
        _REFUSED,
        "JSON-RPC 2.0 section 5.1",
    ),
    _Kind(
        "JSON that is no message",
        lambda _: st.sampled_from([b"null\n", b"0\n", b"true\n", b'""\n', b"{}\n", b"[]\n", b"[null]\n"]),
        _REFUSED,
        "JSON-RPC 2.0 section 4",
    ),
    _Kind(
        "nothing but brackets",
        lambda _: st.sampled_from(_DEPTHS).map(lambda depth: b"[" * depth + b"]" * depth + b"\n"),
        _REFUSED,
        _RFC(9),
    ),
    # Wrong of the sender, or open to the receiver.
    _Kind(
        "blank lines",
        lambda message: st.sampled_from([b"\n", b"\r\n", b" \n", b"\n\n\n"]).map(lambda blank: blank + encode(message)),
    ),
    _Kind("huge line", _padded(_HUGE_SIZES)),
    _Kind("deeply nested value", _placed(*(b"[" * depth + b"]" * depth for depth in _DEPTHS)), rule=_RFC(9)),
    _Kind(
        "invalid UTF-8",
        _placed(b'"\xff"', b'"\xc3"', b'"\xc0\xaf"', b'"\xed\xa0\x80"', b'"\xf5\x80\x80\x80"'),
        rule="basic/transports#top",
    ),
    _Kind(
        "lone surrogate escape",
        _placed(rb'"\ud800"', rb'"\udc00"', rb'"\udc00\ud800"', rb'"a\ud83d"'),
        rule=_RFC("8.2"),
    ),
    _Kind("escaped null character", _placed(rb'"\u0000"', rb'"a\u0000b"'), rule=_RFC(7)),
    _Kind("raw control character", _placed(b'"\x00"', b'"\x0b"', b'"\x1c"', b'"\t"', b'"\x1b[0m"'), rule=_RFC(7)),
    _Kind(
        "number that is not JSON", _placed(b"NaN", b"Infinity", b"-Infinity", b"01", b"+1", b".5", b"0x1"), rule=_RFC(6)
    ),
    _Kind("number beyond every type", _placed(b"1e400", b"-1e400", b"1e-400", b"9" * 400, b"9" * 5000), rule=_RFC(6)),
    _Kind("name given twice", _edited(_twice), rule=_RFC(4)),
    _Kind("byte order mark", _edited(lambda line: [b"\xef\xbb\xbf" + line]), rule=_RFC("8.1")),
    _Kind("two messages on a line", _edited(lambda line: [line + line, line + b" " + line, line + b"," + line])),
    _Kind("message over several lines", _edited(_over_lines)),
    _Kind(
        "comment or trailing comma",
        _edited(lambda line: [b"/**/" + line, line + b"//", line[:-1] + b",}"]),
        rule=_RFC(2),
    ),
)
