"""The system's browser, and the port that it comes back to."""

from urllib.parse import quote, urlsplit

import anyio
import pytest

from reference_impl.client.auth.user_agent import Browser
from reference_impl.client.errors import AuthorizationFailed

pytestmark = pytest.mark.anyio


async def visit(url: str, method: str = "GET") -> bytes:
    parts = urlsplit(url)
    async with await anyio.connect_tcp(parts.hostname, parts.port) as stream:
        await stream.send(f"{method} {parts.path}?{parts.query} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        answer = b""
        try:
            while True:
                answer += await stream.receive()
        except anyio.EndOfStream:
            return answer


async def linger(url: str) -> None:
    """Open a connection as browsers do in advance, and say nothing until it is closed."""
    async with await anyio.connect_tcp(urlsplit(url).hostname, urlsplit(url).port) as stream:
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await stream.receive()


class Opened:
    """A browser that notes what it is to open, and lets the test act."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.there = anyio.Event()

    def __call__(self, url: str) -> bool:
        self.urls.append(url)
        anyio.from_thread.run_sync(self.there.set)
        return True


async def test_the_browser_comes_back_with_the_answer():
    show = Opened()
    browser = Browser(show=show)
    redirect = browser.redirect_uri
    assert urlsplit(redirect).hostname == "127.0.0.1"
    answers, pages = [], []

    async def ask() -> None:
        answers.append(await browser.authorize(f"https://auth.example/authorize?state=s1&x={quote(redirect)}"))

    async with anyio.create_task_group() as tasks, anyio.create_task_group() as idle:
        tasks.start_soon(ask)
        await show.there.wait()
        idle.start_soon(linger, redirect)
        strays = ("/favicon.ico?", "/callback?state=other&code=evil", "/callback?code=evil")
        pages += [await visit(redirect.replace("/callback", "") + stray) for stray in strays]
        pages.append(await visit(f"{redirect}?state=s1&code=evil", "POST"))
        pages.append(await visit(f"{redirect}?state=s1&code=c1&iss=https%3A%2F%2Fauth.example"))
    assert answers == [f"{redirect}?state=s1&code=c1&iss=https%3A%2F%2Fauth.example"]
    assert [page.split(b" ")[1] for page in pages] == [b"404"] * 4 + [b"200"]
    assert b"no-store" in pages[-1]
    assert b"c1" not in pages[-1]
    assert browser.redirect_uri == redirect  # the same port again: it has been registered
    await browser.aclose()


async def test_a_user_who_never_comes_back_is_waited_for_in_bounded_time():
    browser = Browser(patience=0.01, show=lambda _: True)
    with pytest.raises(AuthorizationFailed, match="no answer within"):
        await browser.authorize("https://auth.example/?state=s")


async def test_a_browser_that_cannot_be_opened_is_told_at_once():
    browser = Browser(show=lambda _: False)
    with pytest.raises(AuthorizationFailed, match="no browser"):
        await browser.authorize("https://auth.example/?state=s")


async def test_a_port_that_is_taken_is_told():
    first = Browser()
    port = urlsplit(first.redirect_uri).port
    with pytest.raises(AuthorizationFailed, match="no port to come back to"):
        _ = Browser(port).redirect_uri
    await first.aclose()
