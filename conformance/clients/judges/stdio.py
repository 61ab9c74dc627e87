"""Judges of how a client ends and restarts the server that it started, and of what it makes of standard error."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from conformance.clients.declare import Twins, compared, judge
from conformance.clients.said import GIVEN_UP, ended, said
from conformance.clients.scenario import PLAIN
from conformance.clients.stdio_stage import AT_WORK, CLOSED, KILLED, signalled
from conformance.expect import Blocked, Mismatch
from conformance.transcript import Conversation, Direction, Entry

_STAYS = "stays"
_TERMINATED = signalled(15)
_A_WHILE = 0.05
"""Seconds that are no time at all for a server to leave in."""


def _processes(conversation: Conversation) -> Iterator[list[Entry]]:
    """What became of each process that the client put to work: what it did to it, in order, until we ended the client.

    One that was asked only what it is, so as to find out its era, is no server that a conversation is ended with.
    """
    processes: dict[int, list[Entry]] = {}
    for entry in takewhile(lambda entry: entry.data != GIVEN_UP, conversation.entries):
        if entry.direction is Direction.PROCESS and entry.exchange:
            processes.setdefault(entry.exchange, []).append(entry)
    yield from (process for process in processes.values() if any(entry.data == AT_WORK for entry in process))


def _harsh(entry: Entry) -> bool:
    """Whether something is a signal to the server."""
    return entry.data == KILLED or entry.data.startswith(signalled(0)[:-1])


@judge(
    "client.shutdown-input", "lifecycle.shutdown.input-closed", "stdio.shutdown.closes-input", scenario=(PLAIN, _STAYS)
)
def shutdown_input(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client ends its server by closing the server's standard input before it sends any signal."""
    for process in _processes(conversation) if ended(conversation) is not None else ():
        # Who is killed in the same moment has no time to tell that its input ended.
        first = next((entry for entry in process if entry.data == CLOSED or _harsh(entry)), None)
        first = None if first is not None and first.data == KILLED else first
        if first is not None:
            fine = first.data == CLOSED
            evidence = [process[0].index, first.index]
            yield None if fine else Mismatch("the end of standard input first", first.data.decode(), evidence)


def _after_input(conversation: Conversation) -> tuple[Entry, list[Entry]]:
    """The end of the input of a server that stays, and what the client did to it then. Raises `Blocked`."""
    if not any(True for _ in said(conversation)):
        raise Blocked("the client said nothing to the server")
    process = next(_processes(conversation), [])
    closed = next((entry for entry in process if entry.data in (CLOSED, KILLED)), None)
    if closed is None:
        raise Blocked("the client did not close the server's standard input")
    return closed, [entry for entry in process if entry.index > closed.index or entry.data == KILLED]


@judge("client.shutdown-waits", "stdio.shutdown.waits", scenario=_STAYS)
def shutdown_waits(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client that has closed the server's input gives it time to leave by itself."""
    closed, later = _after_input(conversation)
    harsh = next(filter(_harsh, later), None)
    waited = harsh.at - closed.at if harsh is not None else _A_WHILE
    actual = f"{harsh.data.decode()} after {waited * 1000:.0f} ms" if harsh is not None else ""
    evidence = [closed.index, *([harsh.index] if harsh is not None else [])]
    yield None if waited >= _A_WHILE else Mismatch("some time for the server to leave", actual, evidence)


@judge("client.shutdown-terminates", "lifecycle.shutdown.terminated", scenario=_STAYS)
def shutdown_terminates(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client sends SIGTERM to a server that stays after the end of its input, having waited for a while."""
    closed, later = _after_input(conversation)
    harsh = next(filter(_harsh, later), None)
    if harsh is None:
        raise Blocked("the client sent the server no signal at all")
    fine = harsh.data == _TERMINATED and harsh.at - closed.at >= _A_WHILE
    actual = f"{harsh.data.decode()} after {(harsh.at - closed.at) * 1000:.0f} ms"
    yield None if fine else Mismatch("SIGTERM after a while", actual, [closed.index, harsh.index])


@judge(
    "client.shutdown-kills",
    "lifecycle.shutdown.killed",
    "stdio.shutdown.kills",
    "lifecycle.error.shutdown-timeout",
    scenario=_STAYS,
)
def shutdown_kills(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A client kills a server that nothing else moves, so that no process is left behind."""
    closed, later = _after_input(conversation)
    fine = any(entry.data == KILLED for entry in later)
    hung = ended(conversation) is None
    actual = "the client hung at its own end" if hung else "the server was left behind"
    mismatch = Mismatch("SIGKILL in the end", actual, [closed.index, *(entry.index for entry in later[-1:])])
    mismatch.breaks = "lifecycle.error.shutdown-timeout" if hung else None
    yield None if fine else mismatch


@compared("client.stderr", "stdio.stderr.no-error", scenarios=(PLAIN, _STAYS))
def stderr(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client works on when the server writes to standard error, whatever it writes."""
    asked = [item for item in said(conversation) if item.is_request]
    if sum(item.is_request for item in said(twins[PLAIN][0])) < 2:
        raise Blocked("the client makes one request and no more")
    if asked:
        last = [asked[-1].entry.index, *([asked[-1].answer.index] if asked[-1].answer else [])]
        actual = f"nothing more after {asked[-1].method}"
        wanted = "a client that goes on, as with a quiet server"
        yield None if len(asked) > 1 else Mismatch(wanted, actual, last)


@compared("client.restart", "stdio.restart", scenarios=(PLAIN, "dies"))
def restart(conversation: Conversation, twins: Twins) -> Iterator[Mismatch | None]:
    """A client starts a server again that has died under it."""
    died = next((entry for entry in conversation.entries if entry.data.startswith(b"the server exited")), None)
    if died is None:
        return
    again = any(process[0].index > died.index for process in _processes(conversation))
    if not again and ended(conversation) is not None:
        raise Blocked("the client ended when its server had died")
    if not again and ended(twins[PLAIN][0]) is None:
        raise Blocked("the client stays whatever happens, and had no more use for its server")
    actual = "a client that lived on without a server"
    yield None if again else Mismatch("another start of the server", actual, [died.index])
