"""Reading: lines, bytes and tails of texts within the limit; images, sounds and other bytes as what they are."""

from __future__ import annotations

import base64

import pytest
from msgspec import UNSET

from reference_impl.server import ToolError
from reference_impl.servers.filesystem.limits import Limits
from reference_impl.servers.filesystem.reading import ReadMedia, ReadText, read_media_file, read_text_file
from tests.reference_impl.servers.filesystem.world import PIXEL, errand, project


@pytest.fixture
def root(tmp_path):
    return project(tmp_path)


def read(root, limit=1000, **arguments):
    at = errand(root, limits=Limits(read_bytes=limit))
    return read_text_file(at, ReadText(path="file", **arguments)).result


def put(root, body):
    (root / "file").write_bytes(body if isinstance(body, bytes) else body.encode())


def test_lines_are_counted_from_one_and_the_last_is_included(root):
    put(root, "one\ntwo\nthree\nfour")
    found = read(root, first_line=2, last_line=3)
    assert (found.text, found.first_line, found.last_line, found.next_line) == ("two\nthree\n", 2, 3, 4)
    rest = read(root, first_line=4)
    assert (rest.text, rest.last_line) == ("four", 4)
    assert rest.next_line is UNSET


def test_a_range_that_ends_with_the_file_has_no_next_line(root):
    put(root, "one\ntwo\n")
    assert read(root, first_line=1, last_line=2).next_line is UNSET
    beyond = read(root, first_line=9)
    assert (beyond.text, beyond.first_line, beyond.last_line) == ("", 9, 8)


def test_only_a_newline_ends_a_line(root):
    put(root, "a\u2028b\x0bc\r\nd\u0085e\n")
    assert read(root, first_line=2).text == "d\u0085e\n"


@pytest.mark.parametrize("limit", [5, 7, 64, 1000])
def test_following_next_line_reads_every_line_once(root, limit):
    lines = [f"{number:03}\n" for number in range(200)]
    put(root, "".join(lines))
    gathered, at = "", 1
    for _ in range(200):
        found = read(root, limit=limit, first_line=at)
        assert len(found.text.encode()) <= limit
        gathered += found.text
        if not isinstance(found.next_line, int):
            break
        at = found.next_line
    assert gathered == "".join(lines)


def test_a_line_longer_than_the_limit_is_given_in_part_and_its_rest_by_bytes(root):
    put(root, "x" * 50 + "end\nnext\n")
    at = errand(root, limits=Limits(read_bytes=20))
    shown = read_text_file(at, ReadText(path="file"))
    assert (shown.result.text, shown.result.next_line) == ("x" * 20, 2)
    assert "offset and length" in shown.content[1]["text"]
    assert read(root, offset=50, length=3).text == "end"


@pytest.mark.parametrize("limit", [4, 5, 6, 7, 1000])
def test_following_next_offset_reads_every_character_once(root, limit):
    text = "aé€😀" * 20
    put(root, text)
    gathered, at = "", 0
    for _ in range(300):
        found = read(root, limit=limit, offset=at)
        assert found.offset == at
        gathered += found.text
        if not isinstance(found.next_offset, int):
            break
        at = found.next_offset
    assert gathered == text


def test_a_range_of_bytes_holds_whole_characters(root):
    put(root, "aé€😀z")
    found = read(root, offset=2, length=5)
    assert (found.text, found.offset, found.next_offset) == ("€", 3, 6)
    with pytest.raises(ToolError, match="too few"):
        read(root, offset=6, length=2)


def test_the_tail_is_the_last_lines(root):
    put(root, "".join(f"line {number}\n" for number in range(1000)))
    assert read(root, tail=2).text == "line 998\nline 999\n"
    assert read(root, limit=25, tail=100).text == "line 998\nline 999\n"
    put(root, "no newline")
    assert read(root, tail=3).text == "no newline"
    put(root, "")
    assert read(root, tail=3).text == ""


@pytest.mark.parametrize(
    ("encoding", "codec"), [("utf-16", "utf-16"), ("latin-1", "latin-1"), ("windows-1252", "cp1252")]
)
def test_other_encodings_are_read_when_they_are_named(root, encoding, codec):
    put(root, "ein Stück\nnoch eins\n".encode(codec))
    assert read(root, first_line=1, last_line=1, encoding=encoding).text == "ein Stück\n"


def test_bytes_that_are_no_text_are_told_with_their_place_or_shown_as_such(root):
    put(root, b"good\n" * 20_000 + b"ba\xffd\n")
    with pytest.raises(ToolError, match="byte 0xff at offset 100002"):
        read(root, first_line=20_000)
    found = read(root, tail=1, replace_errors=True)
    assert (found.text, found.replaced) == ("ba\ufffdd\n", 1)
    put(root, b"cut \xe2\x82")
    with pytest.raises(ToolError, match="offset 4"):
        read(root)
    with pytest.raises(ToolError, match="by lines alone"):
        read(root, encoding="utf-16", tail=1)


@pytest.mark.parametrize("offset", [4, 5, 2**62, 2**63 - 1, 2**63, 2**70])
def test_behind_the_end_there_is_nothing(root, offset):
    put(root, "text")
    assert (read(root, offset=offset).text, media(root, "file", offset=offset)[0].length) == ("", 0)


@pytest.mark.parametrize(
    "arguments",
    [
        {"first_line": 1, "offset": 1},
        {"tail": 1, "last_line": 2},
        {"first_line": 0},
        {"first_line": 3, "last_line": 2},
        {"offset": -1},
        {"length": 0},
        {"tail": 0},
    ],
)
def test_ranges_that_make_no_sense_are_refused(root, arguments):
    put(root, "text")
    with pytest.raises(ToolError):
        read(root, **arguments)


def test_what_is_not_there_or_no_file_is_told(root):
    for path, words in {"nowhere": "no such file", "src": "is a directory", "README.md/x": "not a directory"}.items():
        with pytest.raises(ToolError, match=words):
            read_text_file(errand(root), ReadText(path=path))


def media(root, name, limit=10_000, **arguments):
    shown = read_media_file(errand(root, limits=Limits(media_bytes=limit)), ReadMedia(path=name, **arguments))
    return shown.result, shown.content[0]


def test_images_and_sounds_are_known_by_their_bytes_not_by_their_names(root):
    (root / "picture.txt").write_bytes(PIXEL)
    (root / "sound").write_bytes(b"RIFF\0\0\0\0WAVEfmt ")
    (root / "no.png").write_bytes(b"not a picture")
    result, block = media(root, "picture.txt")
    assert (block["type"], block["mimeType"], result.mimeType) == ("image", "image/png", "image/png")
    assert base64.b64decode(block["data"]) == PIXEL
    assert media(root, "sound")[1]["type"] == "audio"
    assert media(root, "no.png")[1]["type"] == "resource"


def test_other_bytes_come_as_a_resource_in_parts(root):
    body = bytes(range(256)) * 4
    (root / "data.bin").write_bytes(body)
    gathered, at = b"", 0
    for _ in range(20):
        result, block = media(root, "data.bin", limit=100, offset=at)
        gathered += base64.b64decode(block["resource"]["blob"])
        if not isinstance(result.next_offset, int):
            break
        at = result.next_offset
    assert gathered == body
    assert block["resource"]["uri"] == f"file://{root}/data.bin"
    with pytest.raises(ToolError, match="from 1 to 100"):
        media(root, "data.bin", limit=100, length=101)
