import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import find, settings

from conformance.properties.expectation import Expectation
from conformance.properties.framing import Framing, cut, cut_lines, encode, framings, kinds
from conformance.properties.messages import request
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY

Draw = Callable[..., list[Any]]

SOUND = request(LATEST, "tools/list", request_id="\u00e9")
KINDS = pytest.mark.parametrize("label", kinds(SOUND))
MINIMAL = settings(database=None, derandomize=True, max_examples=200, deadline=None)


def rejected(line: bytes) -> bool:
    """Whether a line is no JSON object by the letter of RFC 8259."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        return not isinstance(json.loads(line.decode("utf-8"), parse_constant=refuse), dict)
    except (ValueError, RecursionError):
        return True


@KINDS
def test_every_kind_ends_its_last_line_and_says_what_it_is(label: str, drawn: Draw) -> None:
    for framing in drawn(kinds(SOUND)[label], 10):
        assert framing.label == label
        assert framing.rule
        assert framing.data.endswith(b"\n")
        assert all(framing.chunks)


@KINDS
def test_an_answer_is_expected_just_where_a_sound_request_stands_on_its_line(label: str, drawn: Draw) -> None:
    for framing in drawn(kinds(SOUND)[label], 10):
        answerable = framing.expectation is Expectation.ANSWER
        assert bool(framing.requests) is answerable
        if answerable:
            lines = framing.data.split(b"\n")[:-1]
            assert [json.loads(line) for line in lines] == list(framing.requests)
            assert [found["id"] for found in framing.requests] == [SOUND["id"]]


@KINDS
def test_a_refusal_is_expected_just_of_what_no_parser_takes_for_a_request(label: str, drawn: Draw) -> None:
    for framing in drawn(kinds(SOUND)[label], 30):
        if framing.expectation is Expectation.ERROR_OR_SILENCE:
            assert rejected(framing.data) or json.loads(framing.data) == {}


def test_cuts_lose_and_change_nothing(drawn: Draw) -> None:
    data = encode(SOUND)
    found = drawn(cut(data), 50)
    assert all(b"".join(chunks) == data and all(chunks) for chunks in found)
    assert {len(chunks) for chunks in found} > {1, 2, 3}
    assert any(any(0x80 <= chunk[0] < 0xC0 for chunk in chunks) for chunks in drawn(cut("\u00e9\u4e2d".encode())))


def test_what_is_too_short_is_not_cut(drawn: Draw) -> None:
    assert drawn(cut(b"\n"), 3) == [(b"\n",)]


def test_several_lines_are_cut_together(drawn: Draw) -> None:
    messages = [request(LATEST_LEGACY, "ping", request_id=number) for number in (1, 2, 3)]
    for framing in drawn(cut_lines(messages)):
        assert [json.loads(line) for line in framing.data.splitlines()] == messages == list(framing.requests)


def test_line_ends_of_other_alphabets_stay_unescaped(drawn: Draw) -> None:
    found = drawn(kinds(SOUND)["characters that some take for line ends"], 60)
    assert {"\u2028".encode(), "\u2029".encode(), "\u0085".encode()} <= {
        framing.data.partition(b"before")[2].partition(b"after")[0] for framing in found
    }


def test_long_lines_have_the_size_they_aim_at(drawn: Draw) -> None:
    assert {65_536, 65_537} <= {len(framing.data) for framing in drawn(kinds(SOUND)["long line"])}


def test_the_simplest_framing_is_written_in_one_piece() -> None:
    found = find(framings(SOUND), lambda framing: framing.label == "lines cut anywhere", settings=MINIMAL)
    assert found == Framing("lines cut anywhere", (encode(SOUND),), Expectation.ANSWER, requests=(SOUND,))
