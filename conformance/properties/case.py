"""One generated case: what is said to the target, and what it may answer. A value that can be stored and repeated."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from conformance.properties.expectation import Expectation

__all__ = ["Case"]


@dataclass(frozen=True, slots=True)
class Case:
    """What one example of a property does.

    Either `message` is sent as JSON, or `chunks` are written as they are, one after the other; `requests` are the
    sound ones among the chunks, which are to be answered. `label` names what is special about the case, `expectation`
    says which answers are right; with `exact_id` only one with the very id is. (Where every case of every property
    minded it, a target that spoils ids would be found guilty of that by each.)
    """

    label: str
    expectation: Expectation
    message: Any = None
    chunks: tuple[bytes, ...] = ()
    requests: tuple[dict[str, Any], ...] = ()
    exact_id: bool = False

    @property
    def asks(self) -> bool:
        """Whether an answer with a readable id is due."""
        return isinstance(self.message, dict) and "id" in self.message and readable(self.message["id"])

    def to_json(self) -> str:
        """Return the case as one line of JSON."""
        fields: dict[str, Any] = {"label": self.label, "expectation": self.expectation.name}
        if self.chunks:
            fields["chunks"] = [base64.b64encode(chunk).decode() for chunk in self.chunks]
            fields["requests"] = list(self.requests)
        else:
            fields["message"] = self.message
        if self.exact_id:
            fields["exact_id"] = True
        return json.dumps(fields)

    @classmethod
    def from_json(cls, text: str) -> Case:
        """Read a case back. Raises `ValueError` for anything else."""
        fields = json.loads(text)
        try:
            chunks = tuple(base64.b64decode(chunk) for chunk in fields.get("chunks", ()))
            requests = tuple(fields.get("requests", ()))
            known = Expectation[fields["expectation"]]
            exact = fields.get("exact_id") is True
            return cls(fields["label"], known, fields.get("message"), chunks, requests, exact)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no case: {error}") from None


def readable(identifier: object) -> bool:
    """Whether a request id is one that the target can echo."""
    return isinstance(identifier, str | int) and not isinstance(identifier, bool)
