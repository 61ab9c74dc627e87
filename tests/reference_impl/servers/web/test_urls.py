"""Web addresses have one form, and no two readers can disagree about it."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.servers.web.errors import Refused
from reference_impl.servers.web.urls import WebUrl, joined


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("http://example.org:80/", "http://example.org/"),
        ("https://example.org:443?a", "https://example.org/?a"),
        ("http://example.org:443/", "http://example.org:443/"),
        ("http://example.org./x", "http://example.org/x"),
        ("http://example.org:/x", "http://example.org/x"),
        ("http://b\u00fccher.example/\u00fc?\u00fc#\u00fc", "http://xn--bcher-kva.example/%C3%BC?%C3%BC"),
        ("http://example.org/%7euser/%e2%82%ac", "http://example.org/~user/%E2%82%AC"),
        ("http://example.org/a/./b/../c", "http://example.org/a/c"),
        ("http://example.org/a/b/..", "http://example.org/a/"),
        ("http://example.org/../../x", "http://example.org/x"),
        ("http://example.org/a%2Fb%2e%2e/", "http://example.org/a%2Fb../"),
        ("http://example.org/100%", "http://example.org/100%25"),
        ("http://example.org//a//b", "http://example.org//a//b"),
        ("http://example.org/?q=a/../b", "http://example.org/?q=a/../b"),
        ("http://[2001:0DB8::0:1]:8080/", "http://[2001:db8::1]:8080/"),
        ("http://example.org/?", "http://example.org/?"),
    ],
)
def test_an_address_is_written_in_one_way(written, normal):
    assert str(WebUrl.of(written)) == normal


@given(st.text(st.sampled_from("ab.:/?#[]@%2eE\u00fc\uff0e\u3002-_0x7 \\"), max_size=30))
@settings(max_examples=300, derandomize=True, deadline=None)
def test_the_normal_form_is_its_own_and_reads_the_same_elsewhere(rest):
    try:
        url = WebUrl.of(f"http://{rest}")
    except Refused:
        return
    assert WebUrl.of(str(url)) == url
    parts = urlsplit(str(url))
    assert (parts.hostname, parts.port or 80, parts.username) == (url.host, url.port, None)
    assert str(url).isascii()
    assert not {"..", "."} & set(url.path.split("/"))


@given(st.text(max_size=40))
@settings(max_examples=100, derandomize=True, deadline=None)
def test_no_link_breaks_the_reader(reference):
    joined("http://example.org/a", reference)
