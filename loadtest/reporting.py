"""What the Locust process tells its parent: one JSON object a line on standard output, told apart by `type`."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from loadtest.recorder import RecorderState

__all__ = ["Fault", "Measurement", "Phase", "Progress", "Report", "Started", "decode_report", "encode_report"]

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

    `seconds` is how long the measurement lasted, `lag_p99` how late the generator's own timers were (seconds),
    `held_up` how many seconds they lost to lags of more than 5 ms, `busy_seconds` the time its users spent on
    operations, `late` the arrivals that found no idle user, `given_up` those of them never sent. `calibration_rate` is
    what the generator did against a null server (operations a second).
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


class Fault(Struct, frozen=True, kw_only=True, tag="fault"):
    """Why there is no measurement: the target's doing, or our own."""

    whose: Literal["target", "generator"]
    message: str


Report = Progress | Started | Measurement | Fault

_decoder: msgspec.json.Decoder[Report] = msgspec.json.Decoder(Report)


def encode_report(report: Report) -> bytes:
    """Write a report as one line."""
    return msgspec.json.encode(report) + b"\n"


def decode_report(line: bytes) -> Report:
    """Read a report back. Raises `msgspec.DecodeError` if the line is none."""
    return _decoder.decode(line)
