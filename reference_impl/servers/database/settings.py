"""How a database is served: what is allowed, and the bounds of what one call may cost."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DatabaseSettings"]


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """`write` offers the tool that changes data. `connections` is how many statements run at once; further ones wait,
    for `wait` seconds at the most. A statement gets `timeout` seconds. Of a result, `max_rows` rows, `max_bytes` bytes
    as JSON, and `max_value` characters of one value are given; `max_changes` is how many rows one statement may change.
    """

    write: bool = False
    connections: int = 4
    wait: float = 5
    timeout: float = 30
    max_rows: int = 1000
    max_bytes: int = 1_000_000
    max_value: int = 20_000
    max_changes: int = 10_000

    def __post_init__(self) -> None:
        """Check the bounds. Raises `SetupError`."""
        for name in ("connections", "wait", "timeout", "max_rows", "max_bytes", "max_value", "max_changes"):
            if not getattr(self, name) > 0:
                from reference_impl.server.errors import SetupError  # not needed where this is only read

                raise SetupError(f"{name} must be more than 0")
