"""Headless Chromium, driven as a reader would: real keys, any width, light or dark, on paper. No driver to install.

One browser serves all pages of a test module. It is spoken to through a pipe (`--remote-debugging-pipe`: JSON, ended
by a zero byte), so there is no port to race for; every answer is waited for, nothing sleeps.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-quic"),
    *("--hide-scrollbars", "--allow-file-access-from-files", "--remote-debugging-pipe"),
    # A page that asks the network for anything meets an error, which it logs.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
PATIENCE = 120.0
"""Seconds in which the browser answers, on a machine that is busy with all other tests."""

KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39, " ": 32}


class Page:
    """A page that is open. `complaints` are its errors and whatever its policy or the network refused it."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self.complaints: list[str] = []

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol and return its result. Raises AssertionError if it is refused."""
        return self._browser.call(method, params, self._session)

    def open(self, file: Path) -> Page:
        """Load a file and wait until it is there, script and all."""
        seen = len(self._browser.events)
        self.call("Page.navigate", url=file.as_uri())
        self._browser.wait_for("Page.loadEventFired", self._session, since=seen)
        return self

    def look(self, width: int, height: int = 1000, *, dark: bool = False, paper: bool = False) -> Page:
        """Show it at a width, in a colour scheme, on a screen or on paper."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="print" if paper else "", features=[scheme])
        return self

    def run(self, expression: str) -> Any:
        """Return what an expression of JavaScript comes to, which may be a promise; the page's policy holds it not."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key as a hand would."""
        text = {"Enter": "\r", " ": " "}.get(key)
        named = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": KEYS[key]}
        held = {**named, "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown", **held, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **held)

    def picture(self, file: Path, *, whole: bool = False) -> bytes:
        """Write a picture of what is shown, or of the whole page, as PNG, and return it."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(shot["data"]))
        return file.read_bytes()

    def printed(self) -> bytes:
        """Return the page as PDF, on A4."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True}
        return base64.b64decode(self.call("Page.printToPDF", **paper)["data"])


class Browser:
    """A browser that runs. Its events are kept in the order in which they came."""

    def __init__(self, profile: Path) -> None:
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        # The browser reads from descriptor 3 and writes to 4: what goes there is first moved out of the way.
        high = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 20) for each in (theirs_in, theirs_out)]
        command = [str(BROWSER), *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        actions: Sequence[Any] = [
            (os.POSIX_SPAWN_DUP2, high[0], 3),
            (os.POSIX_SPAWN_DUP2, high[1], 4),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ]
        self._pid = os.posix_spawn(command[0], command, os.environ, file_actions=actions, setpgroup=0)
        for each in (theirs_in, theirs_out, *high):
            os.close(each)
        self._in, self._out = ours_in, ours_out
        self._buffer = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []
        self.pages: dict[str, Page] = {}

    def page(self) -> Page:
        """Open an empty page."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        page = self.pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log"):
            page.call(f"{domain}.enable")
        return page

    def call(self, method: str, params: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        """Send a command and wait for its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        whole = json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0"
        while whole:
            whole = whole[os.write(self._out, whole) :]
        while (told := self._next()).get("id") != self._number:
            self._take(told)
        assert "error" not in told, f"{method}: {told['error']}"
        return told["result"]

    def wait_for(self, event: str, session: str, since: int) -> None:
        """Wait for an event that came, or comes, behind the first `since`."""
        while not any((e["method"], e.get("sessionId")) == (event, session) for e in self.events[since:]):
            self._take(self._next())

    def _take(self, told: dict[str, Any]) -> None:
        if "method" not in told:
            return
        self.events.append(told)
        page = self.pages.get(told.get("sessionId", ""))
        params = told.get("params", {})
        if page is None:
            return
        if told["method"] == "Runtime.exceptionThrown":
            page.complaints.append(json.dumps(params["exceptionDetails"]))
        elif told["method"] == "Log.entryAdded":
            page.complaints.append(params["entry"]["text"])
        elif told["method"] == "Runtime.consoleAPICalled":
            page.complaints.append(json.dumps(params["args"]))

    def _next(self) -> dict[str, Any]:
        os.set_blocking(self._in, False)
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            left = until - time.monotonic()
            assert select.select([self._in], [], [], max(0, left))[0], "the browser does not answer"
            more = os.read(self._in, 1 << 20)
            assert more, "the browser is gone"
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(line)

    def close(self) -> None:
        """End it, and all that it started."""
        os.close(self._in)
        os.close(self._out)
        os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


@contextmanager
def started(profile: Path) -> Iterator[Browser]:
    """A browser for the time of the block."""
    browser = Browser(profile)
    try:
        yield browser
    finally:
        browser.close()
