"""What the Locust process tells its parent: one JSON object a line on standard output, told apart by `type`."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from loadtest.totals import RecorderState

__all__ = [
    "Delta",
    "Fault",
    "Finished",
    "Measurement",
    "Notice",
    "Phase",
    "Progress",
    "Report",
    "Started",
    "WorkerEnd",
    "decode_report",
    "encode_report",
]

Phase = Literal["opening", "calibrating", "warming up", "measuring", "finishing"]


class Progress(Struct, frozen=True, kw_only=True, tag="progress"):
    """How the run stands, about once a second.

    `elapsed` and `remaining` are seconds of the measurement; `rate`, `p50` and `p99` (seconds, corrected) are those of
    the last full second. `completed` and `failed` count since the measurement began.
    """

    phase: Phase
    elapsed: float = 0.0
    remaining: float = 0.0
    completed: int = 0
    failed: int = 0
    rate: float = 0.0
    p50: float | None = None
    p99: float | None = None


class Started(Struct, frozen=True, kw_only=True, tag="started"):
    """The measurement begins or ends; `target_pids` are the processes that this run started."""

    measuring: bool
    target_pids: tuple[int, ...] = ()


class Measurement(Struct, frozen=True, kw_only=True, tag="measurement"):
    """The end of a run: all that was recorded, and how the generator fared.

    `seconds` is how long the measurement lasted, `lag_p99` and `lag_p99_9` how late the generator's own timers were,
    `held_up` how many seconds they lost to lags of more than 5 ms, `busy_seconds` the time its users spent on
    operations, `late` the arrivals that found no idle user, `given_up` those of them never sent. `calibration_rate` is
    what the generator did against a null server (operations a second). `ended` says why it was over early, `in_flight`
    how many requests were given up then, and are counted nowhere else, `held_back` how many waited
    for the rate cap. `cpu_percent` is what the generator used of its core. `silence` is for how many seconds, up to the
    end, nothing that was asked was answered, where that is longer than the plan allows.
    """

    state: RecorderState
    seconds: float
    lag_p99: float
    held_up: float
    busy_seconds: float
    late: int
    given_up: int
    calibration_rate: float | None
    complete: bool
    lag_p99_9: float = 0.0
    ended: str = ""
    in_flight: int = 0
    held_back: int = 0
    cpu_percent: float | None = None
    silence: float = 0.0


class Delta(Struct, frozen=True, kw_only=True, tag="delta"):
    """What one worker recorded since its report before, so that its work is known whatever becomes of it.

    `until` is when that was, in seconds of the measurement; `in_flight` and `lag` (seconds, the worst since the report
    before) are as they were then.
    """

    until: float
    state: RecorderState
    worker: int = 0
    in_flight: int = 0
    lag: float = 0.0


class WorkerEnd(Struct, frozen=True, kw_only=True, tag="worker-end"):
    """The end of one worker of several: its `measurement`, whose state is what no delta told, or how it was `lost`.

    The clock's offset is that of the worker's wall clock against the master's, with what it may be off by; `late` is
    how much later than agreed the load began. All in seconds.
    """

    worker: int
    host: str
    measurement: Measurement | None = None
    lost: str = ""
    clock_offset: float = 0.0
    clock_uncertainty: float = 0.0
    late: float = 0.0


class Notice(Struct, frozen=True, kw_only=True, tag="notice"):
    """Something for whoever watches: a worker has come, or is gone."""

    text: str


class Finished(Struct, frozen=True, kw_only=True, tag="finished"):
    """All workers have ended, and all they did was told."""


class Fault(Struct, frozen=True, kw_only=True, tag="fault"):
    """Why there is no measurement: the target's doing, our own, or that of how we were set up."""

    whose: Literal["target", "generator", "setup"]
    message: str


Report = Progress | Started | Measurement | Fault | Delta | WorkerEnd | Notice | Finished

_decoder: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)


def encode_report(report: Report) -> bytes:
    """Write a report as one line."""
    return msgspec.json.encode(report) + b"\n"


def decode_report(line: bytes) -> Report:
    """Read a report back. Raises `msgspec.DecodeError` if the line is none."""
    return _decoder.decode(line)
