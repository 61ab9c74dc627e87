"""Consent asked at the terminal of the process, whatever its standard streams are used for.

What is shown comes from others, a model and a server: it cannot move the cursor, colour the text or run on for pages.
What was typed before the question stood there does not answer it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from itertools import islice
from unicodedata import category

import anyio

from reference_impl.security.consent import Consent, Inquiry, Scope
from reference_impl.security.redaction import Redactor

__all__ = ["TerminalConsent", "shown"]

_LONGEST = 300
_LONGEST_ANSWER = 100
_MOST_MEMBERS = 20

_CHOICES: dict[str, tuple[str, Consent]] = {
    "o": ("[o]nce", Consent(granted=True)),
    "s": ("this [s]ession", Consent(granted=True, scope=Scope.SESSION)),
    "a": ("[a]lways", Consent(granted=True, scope=Scope.ALWAYS)),
    "n": ("[N]o", Consent(granted=False)),
    "v": ("ne[v]er in this session", Consent(granted=False, scope=Scope.SESSION)),
}
_WORDS = {"once": "o", "yes": "o", "y": "o", "session": "s", "always": "a", "no": "n", "never": "v", "": "n"}


def shown(text: str, longest: int = _LONGEST) -> str:
    """Return a text as a terminal may show it: in one line, cut, and without what a terminal or a reader obeys."""
    visible = "".join(
        character if category(character)[0] not in "CZ" or character == " " else f"\\u{ord(character):04x}"
        for character in text[:longest]
    )
    return visible if len(text) <= longest else f"{visible}... ({len(text)} characters)"


class TerminalConsent:
    """Asks one question at a time; no answer within `timeout` seconds is a no.

    `open_terminal` returns a file descriptor to read from and write to, or raises `OSError` where there is none; then
    nobody can answer.
    """

    def __init__(
        self,
        timeout: float = 120,
        redactor: Redactor | None = None,
        open_terminal: Callable[[], int] | None = None,
    ) -> None:
        self._timeout = timeout
        self._redactor = redactor or Redactor()
        self._open = open_terminal or _terminal
        self._lock = anyio.Lock()

    async def __call__(self, inquiry: Inquiry) -> Consent | None:
        """Show the question, and return the answer; None if there is no terminal."""
        async with self._lock:
            try:
                handle = self._open()
            except OSError:
                return None
            try:
                with anyio.move_on_after(self._timeout):
                    return await self._asked(handle, inquiry)
                _write(handle, "\nNo answer: denied.\n")
                return Consent(granted=False)
            except OSError:
                return None
            finally:
                os.close(handle)

    async def _asked(self, handle: int, inquiry: Inquiry) -> Consent:
        choices = {
            key: words
            for key, (words, consent) in _CHOICES.items()
            if not consent.granted or consent.scope.rank <= inquiry.most.rank
        }
        _forget_input(handle)
        _write(handle, self._question(inquiry) + f"  {', '.join(choices.values())}? ")
        for _ in range(3):
            answer = (await _line(handle)).strip().lower()
            key = _WORDS.get(answer, answer)
            if key in choices:
                return _CHOICES[key][1]
            _write(handle, f"  One of {', '.join(choices.values())}: ")
        return Consent(granted=False)

    def _question(self, inquiry: Inquiry) -> str:
        lines = [f"\nAllow {shown(inquiry.operation)} on {shown(self._redactor.text(inquiry.resource))}?"]
        if inquiry.principal is not None:
            lines.append(f"  on behalf of {shown(inquiry.principal)}")
        if inquiry.sensitive:
            lines.append("  This operation is sensitive: it may change, remove or disclose what matters.")
        context = {name: value for name, value in inquiry.context.items() if name not in ("sensitive", "principal")}
        members = islice(self._redactor.clean(context).items(), _MOST_MEMBERS)
        lines += [line for name, value in members for line in _lines(name, value)]
        if len(context) > _MOST_MEMBERS:
            lines.append(f"  ({len(context) - _MOST_MEMBERS} more are not shown)")
        return "\n".join(lines) + "\n"


def _lines(name: str, value: object) -> list[str]:
    """Return what is shown of one thing to know. An object that does not fit a line is shown member by member, lest one
    be hidden behind another that is long."""
    if not isinstance(value, dict) or len(_told(value)) <= _LONGEST:
        return [f"  {shown(name, 40)}: {shown(_told(value))}"]
    lines = [
        f"  {shown(name, 40)}.{shown(member, 40)}: {shown(_told(each))}"
        for member, each in islice(value.items(), _MOST_MEMBERS)
    ]
    more = len(value) - _MOST_MEMBERS
    return [*lines, f"  {shown(name, 40)}: {more} more are not shown"] if more > 0 else lines


def _told(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _terminal() -> int:
    """Open the terminal. Raises `OSError` if there is none, or in the background: the system would stop the process."""
    handle = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    if os.tcgetpgrp(handle) == os.getpgrp():
        return handle
    os.close(handle)
    raise OSError("in the background, nobody is asked")


def _forget_input(handle: int) -> None:
    import termios

    try:
        termios.tcflush(handle, termios.TCIFLUSH)
    except termios.error as error:
        raise OSError(str(error)) from None


def _write(handle: int, text: str) -> None:
    os.write(handle, text.encode("utf-8", "backslashreplace"))


async def _line(handle: int) -> str:
    """Read a line; an end of the input, or a line that is far too long, is a no."""
    data = b""
    while not data.endswith((b"\n", b"\r")):
        await anyio.wait_readable(handle)
        piece = os.read(handle, _LONGEST_ANSWER)
        data += piece
        if not piece or len(data) > _LONGEST_ANSWER:
            return ""
    return data.decode("utf-8", "replace")
