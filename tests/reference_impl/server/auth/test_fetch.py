"""Fetching documents from addresses that strangers may have chosen."""

import pytest

from reference_impl.server.auth.fetch import Fetcher, FetchError

pytestmark = pytest.mark.anyio
STRICT = Fetcher(public=True, loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/x",
        "ftp://example.com/x",
        "file:///etc/passwd",
        "https:///x",
        "https://user@example.com/x",
        "https://example.com/x#y",
        "https://example.com:99999/x",
        "https://[::1/x",
        "http://127.0.0.1/x",
        "https://127.0.0.1/x",
        "https://10.0.0.1/x",
        "https://169.254.169.254/latest",
        "https://[::1]/x",
        "https://[::ffff:10.0.0.1]/x",
        "https://[fd00::1]/x",
        "https://[64:ff9b::a00:1]/x",
        "https://[2002:a00:1::]/x",
        "https://0.0.0.0/x",
        "https://224.0.0.1/x",
        "https://localhost/x",
        "https://2130706433/x",
        "https://0x7f.1/x",
    ],
)
async def test_addresses_that_lead_elsewhere_than_the_public_internet_are_not_fetched(url):
    with pytest.raises(FetchError):
        await STRICT.get(url)


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1"])
async def test_public_addresses_are_admitted(address):
    assert STRICT.admits(address)


async def test_this_machine_is_fetched_from_only_when_told_so(origin):
    origin.documents["/x"] = {"a": 1}
    assert (await Fetcher(public=True).get(f"{origin.url}/x")).document == {"a": 1}
    with pytest.raises(FetchError):
        await STRICT.get(f"{origin.url}/x")
    assert origin.seen == ["/x"]


async def test_a_name_that_leads_to_this_machine_is_not_even_connected_to(origin):
    for name in ("localhost", "localhost.localdomain"):
        with pytest.raises(FetchError):
            await STRICT.get(origin.url.replace("http://127.0.0.1", f"https://{name}") + "/x")
    assert origin.tasks == set()


async def test_a_document_has_a_size_and_is_an_object(origin):
    for body, why in ((b'{"a": "' + b"x" * 300_000 + b'"}', "too large"), (b"[]", "object"), (b"{", "not JSON")):
        origin.documents["/x"] = body
        with pytest.raises(FetchError, match=why):
            await Fetcher().get(f"{origin.url}/x")


async def test_a_redirect_is_not_followed(origin):
    async def redirect(writer):
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    origin.documents |= {"/from": redirect, "/x": {"a": 1}}
    with pytest.raises(FetchError, match="302"):
        await Fetcher().get(f"{origin.url}/from")
    assert origin.seen == ["/from"]


async def test_nobody_there_is_an_error_without_details():
    with pytest.raises(FetchError, match="no answer"):
        await Fetcher().get("http://127.0.0.1:1/x")
