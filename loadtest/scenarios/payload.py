"""Latency against size: the same call with more and more to carry, in both directions where the target lets us."""

from __future__ import annotations

import msgspec

from loadtest.scenario import Offer, Scenario, Sized, Unavailable, Wishes, with_argument
from loadtest.workload import MARKER, Operation, Workload

__all__ = ["PAYLOAD", "SIZES"]

SIZES = {"100 B": 100, "1 KiB": 1024, "10 KiB": 10 * 1024, "100 KiB": 100 * 1024, "1 MiB": 1024 * 1024}
"""Bytes of the text that is sent or asked for; what surrounds it comes on top."""
_MARKER_BYTES = 10
"""What `MARKER` becomes."""


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    named = {tool for tool, _ in wishes.tools}
    sent = offer.echo or next(iter(_among(offer.texts, named)), None)
    if named and sent is not None and _tool(sent) not in named:
        sent = None
    asked = next(iter(_among(offer.large, named)), None)
    operations = (*(_sent(sent, offer) if sent else ()), *(_asked(asked) if asked else ()))
    if not operations:
        raise Unavailable(
            "no tool that may be called takes a free text (text, message, input) or a size (size, bytes, length); "
            "--allow NAME lets one be called",
            asked=bool(named),
        )
    return Workload(name="payload sizes", operations=operations)


def _among(many: tuple[Sized, ...], named: set[str]) -> tuple[Sized, ...]:
    return tuple(each for each in many if not named or _tool(each) in named)


def _tool(sized: Sized) -> str:
    return str(sized.operation.params.get("name"))


def _sent(sized: Sized, offer: Offer) -> tuple[Operation, ...]:
    verb = "send and get" if offer.echo is sized else "send"
    return tuple(
        _named(with_argument(sized, MARKER + "x" * (size - _MARKER_BYTES)), f"{verb} {name}")
        for name, size in SIZES.items()
    )


def _asked(sized: Sized) -> tuple[Operation, ...]:
    return tuple(_named(with_argument(sized, size), f"get {name}") for name, size in SIZES.items())


def _named(operation: Operation, name: str) -> Operation:
    return msgspec.structs.replace(operation, name=f"{name} ({operation.params.get('name')})")


PAYLOAD = Scenario(
    "payload",
    "100 B to 1 MiB as arguments, and as answers where they can be asked for: latency against size",
    _workload,
    needs="a tool that takes a free text or a size",
)
