"""The forms of WWW-Authenticate that HTTP allows and servers use (RFC 9110 section 11.6.1, RFC 6750 section 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

__all__ = ["FORMS", "challenge"]

_Parameters = Mapping[str, str]


def _quoted(parameters: _Parameters) -> str:
    return ", ".join(f'{name}="{value}"' for name, value in parameters.items())


def _named(parameters: _Parameters) -> tuple[str, ...]:
    return (f"Bearer {_quoted(parameters)}",)


def _bare(parameters: _Parameters) -> tuple[str, ...]:
    told = {name: value for name, value in parameters.items() if name != "resource_metadata"}
    return (f"Bearer {_quoted({'realm': 'notes', **told})}",)


def _two_fields(parameters: _Parameters) -> tuple[str, ...]:
    """Two header fields, the first of another scheme; a comma and escaped quotation marks in a value."""
    told = f'realm="Notes, \\"private\\" ones", {_quoted(parameters)}'
    return ('Basic realm="notes"', f"Bearer {told}")


def _second_scheme(parameters: _Parameters) -> tuple[str, ...]:
    """Two challenges in one field; the scheme in lower case, a value without quotation marks."""
    return (f'Basic realm="notes", charset="UTF-8", bearer realm=notes, {_quoted(parameters)}',)


FORMS: dict[str, Callable[[_Parameters], tuple[str, ...]]] = {
    "named": _named,
    "bare": _bare,
    "two-fields": _two_fields,
    "second-scheme": _second_scheme,
}


def challenge(form: str, parameters: Mapping[str, str | None]) -> tuple[tuple[str, str], ...]:
    """Return the header fields of a challenge; parameters without a value are left out."""
    told = {name: value for name, value in parameters.items() if value is not None}
    return tuple(("www-authenticate", field) for field in FORMS[form](told))
