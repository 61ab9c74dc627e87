"""Server-side request forgery: URLs that make the target ask this very machine for something.

A listener of ours on loopback is asked under many spellings of its address, and by way of a redirect. A target that
says it is for addresses of this machine does what it says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from conformance.security.aims import Aim, Role
from conformance.security.evidence import Listener, token
from conformance.security.probe import Attempt, Caught, Probe, Scene, aimed, need_near

__all__ = ["PROBE", "REDIRECTS"]

ROLE = Role(
    re.compile(r"(^|[_-])(urls?|uris?|href|links?|endpoint|website|webpage|webhook|feed)$"),
    frozenset({"uri", "url", "uri-reference", "iri"}),
    re.compile(r"\bURLs?\b"),
)
_LOCAL = re.compile(
    r"\blocalhost\b|\bloopback\b|127\.0\.0\.1|\bintranet\b|\blocal (server|service|network|development)"
)
_SPELLINGS = (
    *("127.0.0.1", "localhost", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "0.0.0.0", "[::1]"),  # noqa: S104 - asked for, not bound
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "LOCALHOST", "a@127.0.0.1"),
)
"""None of them is a name that anybody else's resolver would be asked for."""


async def attempts(scene: Scene) -> Sequence[Attempt]:
    """Attack each argument that takes a URL."""
    need_near(scene)
    found = aimed(scene, ROLE)
    for aim in found:
        if _LOCAL.search(aim.promise):
            scene.notes.append(f"{aim} says that it is for this machine too, and is not asked to stay away from it")
    chosen = [aim for aim in found if not _LOCAL.search(aim.promise)]
    return [Attempt(str(aim), partial(_direct, aim, spelling)) for aim in chosen for spelling in _SPELLINGS]


async def redirect_attempts(scene: Scene) -> Sequence[Attempt]:
    """Attack each argument that takes a URL with one that leads on to where it does not go by itself."""
    need_near(scene)
    return [
        Attempt(str(aim), partial(_redirected, aim, spelling))
        for aim in aimed(scene, ROLE)
        for spelling in _SPELLINGS[:2]
    ]


async def _direct(aim: Aim, spelling: str, scene: Scene) -> None:
    listener, word = scene.listeners[0], token()
    await scene.begin()
    await scene.call(aim, listener.url(word, spelling))
    if listener.reached(word):
        raise _caught(aim, scene, listener, f"http://{spelling}")


async def _redirected(aim: Aim, spelling: str, scene: Scene) -> None:
    first, second = scene.listeners
    straight, start, end = token(), token(), token()
    await scene.begin()
    await scene.call(aim, second.url(straight))
    if second.reached(straight):
        scene.mute.add(str(aim))  # It goes there anyhow, which another probe tells.
        return
    first.redirects[start] = second.url(end)
    await scene.begin()
    await scene.call(aim, first.url(start, spelling))
    if second.reached(end):
        raise _caught(aim, scene, second, f"a redirect from http://{spelling}, though by itself it is refused")


def _caught(aim: Aim, scene: Scene, listener: Listener, name: str) -> Caught:
    expected = f"{aim} to ask nothing of the machine that it runs on, by {name}"
    before = (
        "import http.server, threading\n"
        f"listener = http.server.HTTPServer(({'127.0.0.1'!r}, {listener.port}), http.server.SimpleHTTPRequestHandler)\n"
        "threading.Thread(target=listener.serve_forever, daemon=True).start()  # it prints what reaches it\n"
    )
    return scene.caught(expected, f"our listener was asked: {listener.paths[-1].strip()}", before)


PROBE = Probe(
    "security.requests",
    ("security.requests.confined",),
    "No URL makes the target ask the machine on which it runs for something.",
    attempts,
)
REDIRECTS = Probe(
    "security.requests.redirects",
    ("security.requests.confined",),
    "No redirect leads the target where it does not go by itself.",
    redirect_attempts,
)
