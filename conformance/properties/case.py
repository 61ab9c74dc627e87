"""One generated case: what is said to the target, and what it may answer. A value that can be stored and repeated."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from conformance.properties.expectation import Expectation
from conformance.properties.machines.steps import Step

__all__ = ["Case", "Kin", "Promise"]

_PLAIN = ("exact_id", "relation", "first", "cut", "headers", "row", "way")
"""Fields that are JSON values, and stored where they say something."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What a tool's definition says of a call: whether its arguments fit (`fits`), and the `output` schema or None."""

    fits: bool
    output: Any = None


def _nobody(*_: Any) -> Iterator[Case]:
    return iter(())


@dataclass(frozen=True, slots=True)
class Kin:
    """The cases near one: `relatives` by chance, as much worth a try, most of them asking; `smaller` ones, the smallest
    first. `holds` makes sure that the case is what its label says, where it was not looked at closely before."""

    relatives: Callable[[Random], Iterator[Case]] = _nobody
    smaller: Callable[[], Iterator[Case]] = _nobody
    holds: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True)
class Case:
    """What one example of a property does.

    Either `message` is sent as JSON, or `chunks` are written as they are, one after the other; `requests` are the
    sound ones among the chunks, which are to be answered; or `steps` are played (`conformance.properties.machines`).
    `label` names what is special about the case, `expectation` says which answers are right; with `exact_id` only one
    with the very id is. (Where every case of every property minded it, a target that spoils ids would be found guilty
    of that by each.)

    With a `relation` there is another request, `first`, and the answers to the two are compared
    (`conformance.properties.relations`); `cut` is where the bytes of `message` are cut. `headers` replace those that go
    with the message over HTTP, None leaves one away. `promise` is what the target's own schema says of a call.

    `way` names the one way in which the message is wrong (`conformance.properties.ways`), empty where it is sound.
    `row` is the requirement that a wrong answer breaks, where the property stands on several.

    `kin` says what other cases there are near this one; it is not stored.
    """

    label: str
    expectation: Expectation
    message: Any = None
    chunks: tuple[bytes, ...] = ()
    requests: tuple[dict[str, Any], ...] = ()
    exact_id: bool = False
    relation: str = ""
    first: Any = None
    cut: int = 0
    headers: dict[str, str | None] | None = None
    promise: Promise | None = None
    steps: tuple[Step, ...] = ()
    row: str = ""
    way: str = ""
    kin: Kin | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        """Return the label: what is sent can be long, and Hypothesis writes out each case that it is given."""
        return f"<{self.label}>"

    def _repr_pretty_(self, printer: Any, _: bool) -> None:  # what Hypothesis asks for before `repr`
        printer.text(repr(self))

    @property
    def asks(self) -> bool:
        """Whether an answer with a readable id is due."""
        return isinstance(self.message, dict) and "id" in self.message and readable(self.message["id"])

    def to_json(self) -> str:
        """Return the case as one line of JSON."""
        fields: dict[str, Any] = {"label": self.label, "expectation": self.expectation.name}
        if self.steps:
            fields["steps"] = [step.to_fields() for step in self.steps]
        elif self.chunks:
            fields["chunks"] = [base64.b64encode(chunk).decode() for chunk in self.chunks]
            fields["requests"] = list(self.requests)
        else:
            fields["message"] = self.message
        fields |= {name: value for name in _PLAIN if (value := getattr(self, name))}
        if self.promise is not None:
            fields["promise"] = {"fits": self.promise.fits, "output": self.promise.output}
        return json.dumps(fields)

    @classmethod
    def from_json(cls, text: str) -> Case:
        """Read a case back. Raises `ValueError` for anything else."""
        fields = json.loads(text)
        try:
            chunks = tuple(base64.b64decode(chunk) for chunk in fields.get("chunks", ()))
            requests = tuple(fields.get("requests", ()))
            known = Expectation[fields["expectation"]]
            more = {name: fields[name] for name in _PLAIN if name in fields}
            promise = Promise(**fields["promise"]) if "promise" in fields else None
            more["steps"] = tuple(Step.from_fields(step) for step in fields.get("steps", ()))
            return cls(fields["label"], known, fields.get("message"), chunks, requests, promise=promise, **more)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no case: {error}") from None


def readable(identifier: object) -> bool:
    """Whether a request id is one that the target can echo."""
    return isinstance(identifier, str | int) and not isinstance(identifier, bool)
