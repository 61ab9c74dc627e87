"""What passes between a master and its workers, and between each of them and whoever started it. Values only.

Locust carries the messages (`MasterRunner`, `WorkerRunner`); each has a body of JSON, told apart by Locust's type.
"""

from __future__ import annotations

import functools
import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from loadtest.workload import LoadPlan

__all__ = [
    "PATIENCE",
    "PORT",
    "Acknowledged",
    "Alone",
    "Assignment",
    "Fleet",
    "Go",
    "Hello",
    "Master",
    "Parcel",
    "Ping",
    "Pong",
    "Ready",
    "Refused",
    "Share",
    "Stop",
    "Worker",
    "address",
    "build",
    "decode",
    "encode",
    "type_of",
]

PORT = 5557
"""Where Locust's masters listen."""
PATIENCE = 120.0
"""Seconds for workers from elsewhere to come, where nobody says."""


class Fleet(Struct, frozen=True, kw_only=True):
    """Several generators: `local` are started here, `remote` come by themselves, within `patience` seconds.

    The master listens at `host` and `port`; 0 is any port, for a master that has local workers alone.
    """

    local: int = 0
    remote: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    patience: float = PATIENCE

    @property
    def workers(self) -> int:
        """How many generators there are."""
        return self.local + self.remote


class Alone(Struct, frozen=True, tag="alone"):
    """The one generator of a run."""


class Master(Struct, frozen=True, kw_only=True, tag="master"):
    """No generator, but the one that several listen to."""

    fleet: Fleet


class Worker(Struct, frozen=True, kw_only=True, tag="worker"):
    """One of several generators. `name` is set for one that the master itself started: it may start commands."""

    host: str
    port: int
    name: str = ""


class Assignment(Struct, frozen=True, kw_only=True):
    """What a process of Locust is told first; a worker gets its plan from its master."""

    role: Alone | Master | Worker
    plan: LoadPlan | None = None


class Hello(Struct, frozen=True, kw_only=True):
    """A worker presents itself."""

    build: str
    host: str
    pid: int
    name: str = ""


class Refused(Struct, frozen=True, kw_only=True):
    """A worker is not wanted."""

    why: str


class Ping(Struct, frozen=True, kw_only=True):
    """What time is it there?"""

    number: int


class Pong(Struct, frozen=True, kw_only=True):
    """`perf` is what starts are agreed upon by (`time.perf_counter`), `wall` the time of day (Unix)."""

    number: int
    perf: float
    wall: float


class Share(Struct, frozen=True, kw_only=True):
    """The plan of the whole run, and which part of it a worker has."""

    plan: LoadPlan
    worker: int
    workers: int


class Ready(Struct, frozen=True, kw_only=True):
    """All users of a worker are connected; `pids` are the processes that they started on this machine."""

    pids: tuple[int, ...] = ()


class Go(Struct, frozen=True, kw_only=True):
    """The load begins at `begin`, by the worker's own `time.perf_counter`."""

    begin: float


class Parcel(Struct, frozen=True, kw_only=True):
    """One report of a worker: a delta, its measurement or its fault, with how late it began.

    `number` counts them from 1. What is not acknowledged is sent again, and what came already is not taken twice.
    """

    number: int
    report: msgspec.Raw
    late: float = 0.0


class Acknowledged(Struct, frozen=True, kw_only=True):
    """All parts up to this number have come."""

    number: int


class Stop(Struct, frozen=True, kw_only=True):
    """Come to an end, early."""

    why: str


Message = Hello | Refused | Ping | Pong | Share | Ready | Go | Parcel | Acknowledged | Stop
M = TypeVar("M", Hello, Refused, Ping, Pong, Share, Ready, Go, Parcel, Acknowledged, Stop)


def type_of(kind: type) -> str:
    """Return the name under which Locust carries messages of a kind."""
    return f"touchstone.{kind.__name__.lower()}"


def encode(value: Message | Assignment) -> bytes:
    """Write a value as one line of JSON."""
    return msgspec.json.encode(value)


def decode(body: bytes, kind: type[M]) -> M:
    """Read a message back. Raises `msgspec.DecodeError` if it is none of this kind."""
    return msgspec.json.decode(body, type=kind)


def address(text: str, port: int = PORT) -> tuple[str, int]:
    """Read `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`. Raises ValueError for anything else."""
    host, colon, number = text.rpartition(":")
    if text.count(":") > 1 and not host.endswith("]"):
        host, colon = "", ""  # an IPv6 address alone
    if not colon:
        host, number = text, str(port)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not number.isascii() or not number.isdigit() or int(number) > 65535:
        raise ValueError(f"{text!r} is no HOST:PORT")
    return host, int(number)


@functools.cache
def build() -> str:
    """Return the version of this program and a digest of the load suite's sources: those who work together share it."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    try:
        number = version("mcp-touchstone")
    except PackageNotFoundError:
        number = "unknown"
    return f"{number} ({digest.hexdigest()[:8]})"
