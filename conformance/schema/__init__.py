"""Touchstone's own transcription of every message type of the protocol, judged by the `jsonschema` library.

The types are data (`pages/*.toml`, in the notation of `conformance.schema.notation`), so the judge owes nothing to
the codec of the reference implementation nor to the generated official schema. Where that schema has a known error, or
leaves out a rule that the pages state plainly, the types follow the pages; `tests/conformance/schema/errata.py` names
each such place.
"""

from conformance.schema.explain import Violation
from conformance.schema.judge import Message, definitions, document, has_revision, messages, ranked, violations

__all__ = ["Message", "Violation", "definitions", "document", "has_revision", "messages", "ranked", "violations"]
