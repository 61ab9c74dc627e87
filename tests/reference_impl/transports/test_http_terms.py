"""Addresses of HTTP: whom they name, how much of them may be shown, and why they cannot be reached."""

import ssl

import pytest

from reference_impl.transports.http_terms import Origin, shown, why_not_connected


@pytest.mark.parametrize(
    ("url", "authority", "port"),
    [
        ("http://Server.example/x", "server.example", 80),
        ("https://server.example:443", "server.example", 443),
        ("https://server.example:80", "server.example:80", 80),
        ("http://server.example:0/", "server.example:0", 0),
        ("http://[::1]:8000/", "[::1]:8000", 8000),
        ("http://b\u00fccher.example/", "xn--bcher-kva.example", 80),
    ],
)
def test_an_address_names_a_host_and_a_port(url, authority, port):
    origin = Origin.of(url)
    assert (origin.authority, origin.port) == (authority, port)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://ada:secret@host/",
        "ada:secret@host",
        "http://ada:secret@host:99999/",
        "http://ada:secret@host:x/?key=secret",
        "http://ada:secret@[::1/",
        "http://ada:secret@/",
        "http://ada:secret@\u00fc..x/",
    ],
)
def test_an_address_that_is_none_is_refused_in_words_without_its_credentials(url):
    with pytest.raises(ValueError, match="URL") as caught:
        Origin.of(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("https://ada:secret@host:1/a@b?key=secret#secret", "https://host:1/a@b"),
        ("ws://host?secret", "ws://host"),
        ("host/path", "host/path"),
        ("", ""),
    ],
)
def test_what_is_shown_of_an_address_holds_no_secret(url, seen):
    assert shown(url) == seen


@pytest.mark.parametrize(("code", "hint"), [(20, True), (18, True), (62, False), (10, False)])
def test_more_trust_is_advised_only_where_nobody_vouches_for_a_certificate(code, hint):
    refused = ssl.SSLCertVerificationError(1, "no")
    refused.verify_code, refused.verify_message = code, "no."
    assert ("SSL_CERT_FILE" in why_not_connected(refused)) is hint
    assert "no.)" not in why_not_connected(refused)
