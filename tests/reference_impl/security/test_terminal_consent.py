"""Consent at a terminal; the tests are its keyboard and its screen."""

import os
import pty
import sys

import anyio
import pytest

from reference_impl.security.consent import Inquiry, Scope
from reference_impl.security.redaction import Redactor
from reference_impl.security.terminal_consent import TerminalConsent, shown

pytestmark = pytest.mark.anyio
INQUIRY = Inquiry("tools/call", "files/delete", context={"arguments": {"path": "a.txt"}})


class Terminal:
    """A pseudo-terminal: `typed` once a question stands on it."""

    def __init__(self):
        self.keyboard, self.line = pty.openpty()
        self.screen = ""

    def open(self):
        return os.dup(self.line)

    async def until(self, words):
        with anyio.fail_after(5):
            while words not in self.screen:
                await anyio.wait_readable(self.keyboard)
                self.screen += os.read(self.keyboard, 4096).decode()

    def type(self, text):
        os.write(self.keyboard, text)

    def close(self):
        os.close(self.keyboard)
        os.close(self.line)


@pytest.fixture
def terminal():
    found = Terminal()
    yield found
    found.close()


async def asked(terminal, typed, inquiry=INQUIRY, **more):
    answers = []

    async def ask():
        answers.append(await TerminalConsent(open_terminal=terminal.open, **more)(inquiry))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await terminal.until("session? ")
        terminal.type(typed)
    return answers[0]


@pytest.mark.parametrize(
    ("typed", "granted", "scope"),
    [
        (b"o\n", True, Scope.ONCE),
        (b"Session\n", True, Scope.SESSION),
        (b"always\n", True, Scope.ALWAYS),
        (b"n\n", False, Scope.ONCE),
        (b"\n", False, Scope.ONCE),
        (b"v\n", False, Scope.SESSION),
        (b"\x04", False, Scope.ONCE),
        (b"what?\nwho?\nwhy?\n", False, Scope.ONCE),
        (b"what?\ns\n", True, Scope.SESSION),
    ],
)
async def test_the_answer_is_what_was_typed_and_no_if_that_is_nothing(terminal, typed, granted, scope):
    consent = await asked(terminal, typed)
    assert (consent.granted, consent.scope) == (granted, scope)
    assert "Allow tools/call on files/delete?" in terminal.screen
    assert 'arguments: {"path": "a.txt"}' in terminal.screen


async def test_what_is_sensitive_says_so_and_cannot_be_allowed_for_always(terminal):
    inquiry = Inquiry("tools/call", "files/delete", sensitive=True, principal="ann", most=Scope.SESSION)
    consent = await asked(terminal, b"a\nalways\n\n", inquiry)
    assert not consent.granted
    assert "This operation is sensitive" in terminal.screen
    assert "on behalf of ann" in terminal.screen
    assert "[a]lways" not in terminal.screen


async def test_what_was_typed_before_the_question_does_not_answer_it(terminal):
    terminal.type(b"always\n")
    consent = await asked(terminal, b"\n")
    assert not consent.granted


async def test_without_a_terminal_nobody_answers():
    def missing():
        raise OSError("no such device")

    assert await TerminalConsent(open_terminal=missing)(INQUIRY) is None


async def test_what_is_no_terminal_cannot_answer(tmp_path):
    (tmp_path / "file").write_text("always\n", "utf-8")
    consent = TerminalConsent(open_terminal=lambda: os.open(tmp_path / "file", os.O_RDWR))
    assert await consent(INQUIRY) is None


async def test_no_answer_in_time_is_a_no(terminal):
    consent = await TerminalConsent(timeout=0, open_terminal=terminal.open)(INQUIRY)
    assert not consent.granted


async def test_what_others_wrote_cannot_play_with_the_terminal(terminal):
    evil = Inquiry("tools/call", "\x1b[2Jfiles/read\r\n\u202eAllow", context={"n\x07ame": "x" * 1000, "key": "s3cret!"})
    await asked(terminal, b"\n", evil, redactor=Redactor(["s3cret!"]))
    assert not any(character in terminal.screen for character in "\x1b\x07\u202e")
    assert "\\u001b[2Jfiles/read\\u000d\\u000a\\u202eAllow" in terminal.screen
    assert "(1000 characters)" in terminal.screen
    assert "s3cret!" not in terminal.screen


async def test_names_that_are_cut_or_hold_secrets_can_be_asked_about(terminal):
    context = {"s3cret!": "value", "x" * 3000: "long", "\x1b[2J\ud800": 1} | {str(n): n for n in range(20)}
    await asked(terminal, b"\n", Inquiry("o", "r", context=context), redactor=Redactor(["s3cret!"]))
    assert "[redacted]: value" in terminal.screen
    assert "s3cret!" not in terminal.screen
    assert terminal.screen.count("\n") < 30
    assert "(3 more are not shown)" in terminal.screen


async def test_no_argument_is_hidden_behind_another_that_is_long(terminal):
    arguments = {"content": "x" * 5000, "path": ".git/hooks/pre-commit"} | {str(n): n for n in range(30)}
    await asked(terminal, b"\n", Inquiry("tools/call", "write_file", context={"arguments": arguments}))
    assert "arguments.path: .git/hooks/pre-commit" in terminal.screen
    assert "arguments: 12 more are not shown" in terminal.screen
    assert len(terminal.screen) < 2000


BACKGROUND = """
import os, sys
import anyio
from reference_impl.security.consent import Inquiry
from reference_impl.security.terminal_consent import TerminalConsent

child = os.fork()
if not child:
    os.setpgid(0, 0)
    os._exit(anyio.run(TerminalConsent(), Inquiry("o", "r")) is not None)
_, status = os.waitpid(child, os.WUNTRACED)
if os.WIFSTOPPED(status):
    os.kill(child, 9)
os._exit(status != 0)
"""


def test_in_the_background_nobody_is_asked_and_the_process_goes_on():
    child, terminal = pty.fork()
    if not child:
        os.execv(sys.executable, [sys.executable, "-c", BACKGROUND])
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert status == 0


def test_plain_text_is_shown_as_it_is():
    assert shown("Zürich 東京 a-b_c") == "Zürich 東京 a-b_c"
