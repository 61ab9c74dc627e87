"""One request as it happened: the value between the users, who send, and the recorder, who counts."""

from __future__ import annotations

from msgspec import Struct

from reference_impl.metrics import ErrorClass

__all__ = ["Failure", "Sample"]


class Failure(Struct, frozen=True):
    """Why an operation failed: the class, a code within it (a status, -32602, `connect`), and what was said."""

    error_class: ErrorClass
    code: str = ""
    message: str = ""


class Sample(Struct, frozen=True, gc=False):
    """All times are seconds of one monotonic clock.

    `intended` is when the request should have started, `sent` when it did, `first_byte` when the answer began (`done`
    if none came), `done` when it was complete or given up. `size` counts the bytes of the answer. `first_progress` is
    when the first notification of its progress came, None where none did.
    """

    operation: str
    intended: float
    sent: float
    first_byte: float
    done: float
    size: int = 0
    failure: Failure | None = None
    first_progress: float | None = None

    @property
    def corrected(self) -> float:
        """Seconds from the intended start: what somebody who came then waited, whoever kept them waiting."""
        return max(0.0, self.done - self.intended)

    @property
    def uncorrected(self) -> float:
        """Seconds from the moment of sending: blind to whatever kept the request from being sent."""
        return max(0.0, self.done - self.sent)
