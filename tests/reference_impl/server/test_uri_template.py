"""URI templates: the examples of RFC 6570, and the way back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.server.uri_template import UriTemplate

VALUES = {
    "count": ["one", "two", "three"],
    "dom": ["example", "com"],
    "dub": "me/too",
    "hello": "Hello World!",
    "half": "50%",
    "var": "value",
    "who": "fred",
    "base": "http://example.com/home/",
    "path": "/foo/bar",
    "list": ["red", "green", "blue"],
    "keys": {"semi": ";", "dot": ".", "comma": ","},
    "v": "6",
    "x": "1024",
    "y": "768",
    "empty": "",
    "empty_keys": {},
}


@pytest.mark.parametrize(
    ("template", "uri"),
    [
        # level 1 and 2
        ("{var}", "value"),
        ("{hello}", "Hello%20World%21"),
        ("{+var}", "value"),
        ("{+hello}", "Hello%20World!"),
        ("{+path}/here", "/foo/bar/here"),
        ("here?ref={+path}", "here?ref=/foo/bar"),
        ("X{#hello}", "X#Hello%20World!"),
        # level 3
        ("map?{x,y}", "map?1024,768"),
        ("{x,hello,y}", "1024,Hello%20World%21,768"),
        ("{+path,x}/here", "/foo/bar,1024/here"),
        ("{#x,hello,y}", "#1024,Hello%20World!,768"),
        ("X{.x,y}", "X.1024.768"),
        ("{/var,x}/here", "/value/1024/here"),
        ("{;x,y,empty}", ";x=1024;y=768;empty"),
        ("{?x,y,empty}", "?x=1024&y=768&empty="),
        ("?fixed=yes{&x}", "?fixed=yes&x=1024"),
        # level 4
        ("{var:3}", "val"),
        ("{+path:6}here", "/foo/bhere"),
        ("{list}", "red,green,blue"),
        ("{list*}", "red,green,blue"),
        ("{keys}", "semi,%3B,dot,.,comma,%2C"),
        ("{keys*}", "semi=%3B,dot=.,comma=%2C"),
        ("{+keys*}", "semi=;,dot=.,comma=,"),
        ("X{.list*}", "X.red.green.blue"),
        ("{/list*,path:4}", "/red/green/blue/%2Ffoo"),
        ("{;keys*}", ";semi=%3B;dot=.;comma=%2C"),
        ("{?list*}", "?list=red&list=green&list=blue"),
        ("{&keys}", "&keys=semi,%3B,dot,.,comma,%2C"),
        # (3.2) undefined, and empty
        ("{?x,undef}", "?x=1024"),
        ("{?undef}", ""),
        ("X{.empty_keys}", "X"),
        ("{/var,empty}", "/value/"),
        ("{+half}{half}", "50%2550%25"),
    ],
)
def test_a_template_is_written_out_as_the_rfc_says(template, uri):
    assert UriTemplate(template).expand(VALUES) == uri


@pytest.mark.parametrize(
    ("template", "uri", "variables"),
    [
        ("x://{a}/{b}", "x://1/2", {"a": "1", "b": "2"}),
        ("x://{a}", "x://1/2", None),
        ("x://{a}", "x://", None),
        ("x://{+path}", "x://1/2", {"path": "1/2"}),
        ("x://{+path}/{name}", "x://1/2/3", {"path": "1/2", "name": "3"}),
        ("x://{a}", "x://%20%C3%A9", {"a": " é"}),
        ("x://a.b/{c}", "x://aXb/1", None),
        ("x://{a}", "x://1?q", None),
        ("x://{a,b}", "x://1,2", {"a": "1", "b": "2"}),
        ("x://{a}{.ext}", "x://1.txt", {"a": "1", "ext": "txt"}),
        ("x://h{/a,b}", "x://h/1/2", {"a": "1", "b": "2"}),
        ("x://h{?q,page}", "x://h?q=1&page=2", {"q": "1", "page": "2"}),
        ("x://h{?q,page}", "x://h?page=2", {"page": "2"}),
        ("x://h{?q,page}", "x://h", {}),
        ("x://h{?q,page}", "x://h?other=2", None),
        ("x://h{?q,page}", "x://h&page=2", None),
        ("x://h?k=1{&q}", "x://h?k=1&q=a%26b", {"q": "a&b"}),
        ("x://h{;v}", "x://h;v", {"v": ""}),
        ("x://h{;v}", "x://h;vw", None),
        ("x://h{#part}", "x://h#a/b", {"part": "a/b"}),
        ("x://{a}/{a}", "x://1/1", {"a": "1"}),
        ("x://{a}/{a}", "x://1/2", None),
        ("x://{a.b}", "x://1", {"a.b": "1"}),
    ],
)
def test_a_template_finds_its_variables(template, uri, variables):
    assert UriTemplate(template).match(uri) == variables


@given(a=st.text(min_size=1, max_size=20), b=st.text(min_size=1, max_size=20))
@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@pytest.mark.parametrize("template", ["x://{a}/{b}", "x://{a}{?b}", "x://h{/a,b}", "x://h{?a,b}", "x://{a,b}"])
def test_what_was_written_is_found_again(template, a, b):
    made = UriTemplate(template)
    assert made.match(made.expand({"a": a, "b": b})) == {"a": a, "b": b}


@pytest.mark.parametrize("template", ["x://{a", "x://a}", "{}", "{!a}", "{a b}", "{a:0}", "{a:10000}", "{{a}}", "{a,}"])
def test_what_is_no_template_is_refused(template):
    with pytest.raises(ValueError, match="URI template"):
        UriTemplate(template)


def test_a_uri_beyond_all_measure_is_not_looked_at():
    assert UriTemplate("x://{+a}-{+b}-{+c}").match("x://" + "-" * 100_000) is None
