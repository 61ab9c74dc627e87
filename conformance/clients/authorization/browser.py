"""`python browser.py URL`: the user's browser, and a user who agrees to everything.

Clients open it by the variable BROWSER. What they show in it at the end is posted to the address in TOUCHSTONE_SHOWN,
if there is one: it is what the user would see. It stands alone, on the standard library, and does its work in a process
of its own: a client may wait for its browser before it looks whether the user is back.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request

__all__ = ["SHOWN", "main", "visit"]

SHOWN = "TOUCHSTONE_SHOWN"

_ATTEMPTS = 40
_PAUSE = 0.25
_PAGE = 64 * 1024
_NOW = "--now"
_DIRECT = urllib.request.ProxyHandler({})
_OPENER = urllib.request.build_opener(_DIRECT)


def main(words: list[str]) -> int:
    """Visit an address, in the background unless the first word is `--now`."""
    if not words:
        return 2
    if words[0] == _NOW:
        return visit(words[-1], os.environ.get(SHOWN))
    subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-S", __file__, _NOW, words[-1]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return 0


def visit(url: str, shown: str | None = None) -> int:
    """Go where the address leads; wait for who does not listen yet; tell at `shown` what there was to see. Only web
    addresses are followed."""
    if not url.lower().startswith(("http://", "https://")):
        return 2
    back = None
    for _ in range(_ATTEMPTS):
        try:
            back = back or _redirected(url)
            if back.lower().startswith(("http://", "https://")):
                _tell(shown, _page(back))
        except OSError:
            time.sleep(_PAUSE)
        else:
            return 0
    return 1


def _page(url: str) -> bytes:
    """Return what the client shows, also where it is an error: whoever listens there has the answer."""
    try:
        with _OPENER.open(url, timeout=10) as page:
            return bytes(page.read(_PAGE))
    except urllib.error.HTTPError as error:
        return bytes(error.read(_PAGE))


def _tell(shown: str | None, page: bytes) -> None:
    if shown is not None:
        request = urllib.request.Request(shown, page, {"Content-Type": "application/octet-stream"})  # noqa: S310 - ours
        _OPENER.open(request, timeout=10).close()


class _Stay(urllib.request.HTTPRedirectHandler):
    """Does not follow: an answer is given once, so it is fetched once."""

    def redirect_request(self, *_: object) -> None:
        """Stay here."""


def _redirected(url: str) -> str:
    """Return the address to which the authorization endpoint sends the user, or nowhere."""
    try:
        urllib.request.build_opener(_DIRECT, _Stay).open(url, timeout=10).close()
    except urllib.error.HTTPError as reply:
        return reply.headers.get("location") or ""
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
