"""A step of a play: what is done next, as a value that can be drawn, shrunk, stored and repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conformance.expect import brief

__all__ = ["Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    `do` names the move in `conformance.properties.machines.play.MOVES`; `on` numbers the conversation that makes it,
    which is opened when it is first needed. `method` and `params` are those of a request, without metadata; `slot` says
    which of several: of the streams, of the walks through a list, of the ways to answer; `beside` are the requests that
    are made at the same time, or that show what a call has changed. A step that makes no sense where it stands does
    nothing.
    """

    do: str
    on: int = 0
    method: str = ""
    params: dict[str, Any] | None = None
    slot: int = 0
    beside: tuple[Step, ...] = ()

    def to_fields(self) -> dict[str, Any]:
        """Return the step as a JSON object."""
        fields: dict[str, Any] = {"do": self.do, "on": self.on}
        if self.method:
            fields["method"] = self.method
        if self.params is not None:
            fields["params"] = self.params
        if self.slot:
            fields["slot"] = self.slot
        if self.beside:
            fields["beside"] = [step.to_fields() for step in self.beside]
        return fields

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Step:
        """Read a step back. Raises `KeyError` or `AttributeError` for anything else."""
        beside = tuple(cls.from_fields(each) for each in fields.get("beside", ()))
        params, slot = fields.get("params"), fields.get("slot", 0)
        return cls(fields["do"], fields["on"], fields.get("method", ""), params, slot, beside)

    def describe(self) -> str:
        """Return the step in a line."""
        asked = " ".join([self.method, *([brief(self.params)] if self.params else [])]).strip()
        beside = " and ".join(f"{step.on + 1}: {step.method} {brief(step.params)}" for step in self.beside)
        slot = f" ({self.slot + 1})" if self.slot else ""
        return f"conversation {self.on + 1}: {self.do}{slot} {asked}{beside}".rstrip()
