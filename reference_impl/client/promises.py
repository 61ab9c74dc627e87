"""What tools promise of their results by an output schema, and whether they keep it (`server/tools#output-schema`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_impl.client.errors import InvalidAnswer
from reference_impl.client.settings import JsonObject, Judge

__all__ = ["Promises"]


class Promises:
    """The output schemas of the tools of one server; each is compiled when the first result is held against it.

    `compile_schema` raises `ValueError` for a schema that cannot be judged by, as one of an unknown dialect or with a
    reference that leads outside: no result is good by it (`basic/index#ref-resolution`). Without a compiler nothing is
    judged.
    """

    def __init__(self, compile_schema: Callable[[JsonObject], Judge] | None) -> None:
        self._compile = compile_schema
        self._schemas: dict[str, Any] = {}
        self._judges: dict[str, Judge | None] = {}

    def take(self, schemas: dict[str, Any]) -> None:
        """Take the schemas of all tools (None or no object where a tool promises nothing), in place of the last."""
        unchanged = {name for name, schema in schemas.items() if name in self._judges and schema == self._schemas[name]}
        self._judges = {name: judge for name, judge in self._judges.items() if name in unchanged}
        self._schemas = schemas

    def check(self, name: str, result: JsonObject) -> None:
        """Hold a result against its tool's promise. Raises `InvalidAnswer`; an error is held to no schema."""
        judge = None if result.get("isError") is True else self._judge(name)
        if judge is None:
            return
        if "structuredContent" not in result:
            raise InvalidAnswer(f"{name}: the result lacks the structured content that its output schema promises")
        fault = judge(result["structuredContent"])
        if fault is not None:
            raise InvalidAnswer(f"{name}: the structured content breaks the tool's output schema: {fault}")

    def _judge(self, name: str) -> Judge | None:
        if name not in self._judges and name in self._schemas:
            self._judges[name] = self._compiled(name, self._schemas[name])
        return self._judges.get(name)

    def _compiled(self, name: str, schema: Any) -> Judge | None:
        if self._compile is None or not isinstance(schema, dict):
            return None
        try:
            return self._compile(schema)
        except ValueError as error:
            raise InvalidAnswer(f"{name}: nothing fits the tool's output schema: {error}") from error
