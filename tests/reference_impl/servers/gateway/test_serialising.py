"""Parameters in a request: the styles of OpenAPI, and values that try to get out of their place."""

from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.server import ToolError
from reference_impl.servers.gateway.credentials import Applied
from reference_impl.servers.gateway.operations import Operation, Parameter
from reference_impl.servers.gateway.origins import Base
from reference_impl.servers.gateway.requests import Endpoint, Prepared, finished
from reference_impl.servers.gateway.serialising import cookie, header, path_part, query_pairs

LIST = ["blue", "black", "brown"]
RECORD = {"R": 100, "G": 200}


def made(place, style, explode=0, reserved=0):
    more = {"explode": bool(explode), "reserved": bool(reserved), "content": False, "description": ""}
    return Parameter("color", place, {}, required=True, style=style, **more)


@pytest.mark.parametrize(
    ("style", "explode", "value", "expected"),
    [
        ("simple", False, "blue", "blue"),
        ("simple", False, LIST, "blue,black,brown"),
        ("simple", True, LIST, "blue,black,brown"),
        ("simple", False, RECORD, "R,100,G,200"),
        ("simple", True, RECORD, "R=100,G=200"),
        ("label", False, "blue", ".blue"),
        ("label", False, LIST, ".blue,black,brown"),
        ("label", True, LIST, ".blue.black.brown"),
        ("label", True, RECORD, ".R=100.G=200"),
        ("matrix", False, "blue", ";color=blue"),
        ("matrix", False, LIST, ";color=blue,black,brown"),
        ("matrix", True, LIST, ";color=blue;color=black;color=brown"),
        ("matrix", False, RECORD, ";color=R,100,G,200"),
        ("matrix", True, RECORD, ";R=100;G=200"),
        ("simple", False, "a b/c?d#e%2F", "a%20b%2Fc%3Fd%23e%252F"),
        ("simple", False, ["a,b", "ü"], "a%2Cb,%C3%BC"),
        ("simple", False, 5.0, "5"),
        ("simple", False, True, "true"),
    ],
)
def test_values_in_a_path_are_written_in_their_style(style, explode, value, expected):
    assert path_part(made("path", style, explode), value) == expected


@pytest.mark.parametrize(
    ("style", "explode", "value", "expected"),
    [
        ("form", True, "blue", "color=blue"),
        ("form", True, "", "color="),
        ("form", True, LIST, "color=blue&color=black&color=brown"),
        ("form", False, LIST, "color=blue,black,brown"),
        ("form", False, RECORD, "color=R,100,G,200"),
        ("form", True, RECORD, "R=100&G=200"),
        ("form", True, [], ""),
        ("form", False, [], ""),
        ("spaceDelimited", False, LIST, "color=blue%20black%20brown"),
        ("pipeDelimited", False, LIST, "color=blue%7Cblack%7Cbrown"),
        ("pipeDelimited", False, RECORD, "color=R%7C100%7CG%7C200"),
        ("deepObject", True, RECORD, "color%5BR%5D=100&color%5BG%5D=200"),
        ("deepObject", True, {"a": {"b": [1, 2]}}, "color%5Ba%5D%5Bb%5D=1&color%5Ba%5D%5Bb%5D=2"),
        ("form", True, "a&b=c#d+e", "color=a%26b%3Dc%23d%2Be"),
        ("form", True, [None, "x"], "color=x"),
    ],
)
def test_values_in_a_query_are_written_in_their_style(style, explode, value, expected):
    pairs = query_pairs(made("query", style, explode), value)
    assert "&".join(f"{name}={text}" for name, text in pairs) == expected


def test_reserved_characters_stay_where_they_are_allowed_and_end_nothing():
    [(_, text)] = query_pairs(made("query", "form", 1, reserved=1), "/a:b?c&d=e#f;g+h[i]%")
    assert text == "/a:b?c%26d%3De%23f%3Bg%2Bh%5Bi%5D%25"


@pytest.mark.parametrize("style", ["simple", "label", "matrix"])
@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        "../admin",
        "a/../b",
        "..\\..\\windows",
        "%2e%2e",
        "%2e%2e%2fadmin",
        "%252e%252e%252f",
        "..;/manager",
        "a/.",
        "a\r\nb",
        "a\0",
        "a%0d%0ab",
        "%2525252e%2525252e",
        "%" + "25" * 20 + "2e",
        ["", ""],
        {"x": None},
        [],
        None,
    ],
)
def test_what_could_name_another_path_is_refused(style, value):
    with pytest.raises(ToolError):
        path_part(made("path", style), value)


def test_a_delimiter_in_a_value_is_refused_where_nothing_tells_the_two_apart():
    with pytest.raises(ToolError, match="stands between them"):
        query_pairs(made("query", "pipeDelimited"), ["a|b"])
    with pytest.raises(ToolError, match="stands between them"):
        query_pairs(made("query", "spaceDelimited"), ["a b"])


@pytest.mark.parametrize(
    "value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "é", "\u2028", ["a", "b\r\n"], {"k\n": "v"}]
)
def test_a_header_ends_where_its_value_does(value):
    with pytest.raises(ToolError, match="printable ASCII"):
        header(made("header", "simple"), value)


def test_headers_and_cookies_are_written_in_their_style():
    assert header(made("header", "simple"), LIST) == "blue,black,brown"
    assert header(made("header", "simple", 1), RECORD) == "R=100,G=200"
    assert cookie(made("cookie", "form", 1), "a; b=c\r\n") == [("color", "a%3B%20b%3Dc%0D%0A")]
    assert cookie(made("cookie", "form", 0), LIST) == [("color", "blue,black,brown")]
    with pytest.raises(ToolError, match="name of a cookie"):
        cookie(made("cookie", "form", 1), {"a=b; c": "d"})


def test_half_a_character_is_refused():
    with pytest.raises(ToolError, match="surrogate"):
        query_pairs(made("query", "form"), "\ud800")


def test_a_path_that_came_out_as_another_is_not_sent():
    operation = Operation("GET", "/a/{id}", None, "", "", (), False, (), None, {}, (), ())  # noqa: FBT003 - a plain one
    endpoint = Endpoint(operation, Base("http://h", "/v1"), {}, {}, {}, "*/*")
    assert finished(endpoint, Prepared(path={"id": "..."}), Applied()).url == "http://h/v1/a/..."
    for part in ("..", ".", "%2e%2E", ".%2e"):
        with pytest.raises(ToolError, match="would name something else"):
            finished(endpoint, Prepared(path={"id": part}), Applied())
    with pytest.raises(ToolError, match="more than 8000 characters"):
        finished(endpoint, Prepared(path={"id": "x" * 8000}), Applied())


ANYTHING = st.text(max_size=30) | st.sampled_from(
    ["..", "a/../b", "%2e%2e/", "?x=1", "#f", "&y=2", "\r\nHost: evil", "//e"]
)
TEXTS = ANYTHING.filter(lambda text: not any("\ud800" <= one <= "\udfff" for one in text))


@settings(derandomize=True, deadline=None, max_examples=300)
@given(TEXTS)
def test_a_value_in_a_path_stays_one_segment_and_comes_back_whole(text):
    try:
        part = path_part(made("path", "simple"), text)
    except ToolError:
        return
    assert unquote(part) == text
    assert part.isascii()
    assert not set(part) & set("/?#\\;\r\n \0")
    assert part not in (".", "..", "")


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.lists(TEXTS, max_size=4), st.booleans())
def test_a_list_in_a_query_comes_back_whole(texts, explode):
    pairs = query_pairs(made("query", "form", explode), texts)
    for name, value in pairs:
        assert name == "color"
        assert not set(value) & set("&=#+;\r\n \0")
    found = [unquote(value) for _, value in pairs]
    whole = [unquote(item) for _, value in pairs for item in value.split(",")]
    assert (found if explode else whole) == texts
