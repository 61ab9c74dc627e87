"""JSON Schema: one validator a schema, compiled once, never fetching anything (`basic/index#json-schema-usage`).

`jsonschema-rs` where it is installed, `jsonschema` otherwise. Dialects: 2020-12 (the default), 2019-09, draft-07, -06
and -04, as `$schema` names them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_impl.schema_bounds import OutOfBoundsError, depth, explosive_patterns, most_depth

__all__ = ["SchemaError", "Validator", "compile_schema"]

Validator = Callable[[Any], "str | None"]
"""Takes a JSON value; returns None, or one sentence that says what is wrong and where."""


_TOO_DEEP = "it is nested too deeply"
_MOST_BACKTRACKING = 100_000
"""Steps of a pattern that cannot be searched for in linear time; a string that takes more does not match."""


class SchemaError(ValueError):
    """A schema that is invalid in its dialect, of an unknown dialect, or refers outside itself."""


def compile_schema(schema: dict[str, Any]) -> Validator:
    """Return the validator of `schema`. Raises `SchemaError` if it is none, or if judging by it could take for ever."""
    try:
        deepest = most_depth(schema)
    except OutOfBoundsError as error:
        raise SchemaError(str(error)) from None
    try:
        import jsonschema_rs  # noqa: F401 - to learn whether it is there
    except ImportError:
        judge = _compile_python(schema)
    else:
        judge = _compile_rust(schema)
    return judge if deepest is None else _bounded(judge, deepest)


def _bounded(judge: Validator, deepest: int) -> Validator:
    def bounded(value: Any) -> str | None:
        if depth(value) > deepest:
            return f"nested more than {deepest} deep, which is more than this schema can be held against"
        return judge(value)

    return bounded


def _patterns() -> Any:
    """Return how patterns are searched for: in linear time, and those that look around within so many steps."""
    import jsonschema_rs

    return jsonschema_rs.FancyRegexOptions(backtrack_limit=_MOST_BACKTRACKING)


def _refuse(uri: str) -> Any:
    raise SchemaError(f"{uri} is outside the schema, and nothing is fetched")


def _compile_rust(schema: dict[str, Any]) -> Validator:
    import jsonschema_rs

    try:
        # Judges the schema too. `meta.validate` must not: it goes to the network for an unknown dialect.
        validator = jsonschema_rs.validator_for(schema, retriever=_refuse, pattern_options=_patterns())
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise SchemaError(str(error).partition("\n")[0]) from None
    is_valid, iterate = validator.is_valid, validator.iter_errors

    def judge(value: Any) -> str | None:
        try:
            error = None if is_valid(value) else next(iterate(value))
        except ValueError:  # its way to say that it looks no deeper
            return _TOO_DEEP
        return None if error is None else _sentence(error.message, error.instance_path)

    return judge


def _compile_python(schema: dict[str, Any]) -> Validator:
    import jsonschema
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    dialect: Any = jsonschema.Draft202012Validator
    if "$schema" in schema:
        dialect = jsonschema.validators.validator_for(schema, default=None)  # type: ignore[arg-type] # None is allowed
    if dialect is None:
        raise SchemaError(f"unknown dialect {schema['$schema']!r}")
    try:
        dialect.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise SchemaError(error.message) from None
    explosive = explosive_patterns(schema)
    if explosive:
        raise SchemaError(f"the pattern {explosive[0]!r} is safe to search for only where jsonschema-rs is installed")
    validator = dialect(schema, registry=Registry())

    def judge(value: Any) -> str | None:
        try:
            error = next(validator.iter_errors(value), None)
        except Unresolvable as unresolved:
            return f"the schema refers to {unresolved}, which is not part of it"
        except RecursionError:
            return _TOO_DEEP
        return None if error is None else _sentence(error.message, list(error.absolute_path))

    return judge


def _sentence(message: str, path: list[Any]) -> str:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
    return f"{where}: {message}" if where else message
