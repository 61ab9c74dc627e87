"""Finding something in a line: a literal text, or a regular expression that cannot take forever."""

from __future__ import annotations

from collections.abc import Callable

from reference_impl.server import ToolError

__all__ = ["Finder", "finder"]

Finder = Callable[[str], int | None]
"""Takes a text without line breaks and returns the index of the first match, or None."""
_MOST_MEMORY = 8 * 1024 * 1024


def finder(query: str, *, regex: bool, ignore_case: bool) -> Finder:
    """Return what finds `query`. Raises `ToolError` for what is no expression of RE2, and where RE2 is missing."""
    if "\n" in query:
        raise ToolError("The query is compared with one line at a time: it must not contain a line break")
    if regex:
        return _expression(query, ignore_case=ignore_case)
    if ignore_case:
        folded = _folded(query)
        return lambda text: _found(_folded(text), folded)
    return lambda text: _found(text, query)


def _found(text: str, query: str) -> int | None:
    return None if (at := text.find(query)) < 0 else at


def _folded(text: str) -> str:
    """Return a text of the same length with small letters for capital ones. `re.IGNORECASE` would take as long as text
    and query multiplied, and match without letting other threads run."""
    return text.replace("\u0130", "i").lower().replace("\u03c2", "\u03c3")


def _expression(query: str, *, ignore_case: bool) -> Finder:
    """Return what finds a regular expression. RE2 takes time linear in the text, whatever the expression: with `re`, a
    hostile one would stop the whole process, as it matches without letting other threads run."""
    try:
        import re2
    except ImportError:
        raise ToolError("Regular expressions need google-re2: install mcp-touchstone[servers]") from None
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    options.max_mem = _MOST_MEMORY
    try:
        compiled = re2.compile(query, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        words = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ToolError(f"The query is no regular expression of RE2: {words}") from None
    return lambda text: None if (match := compiled.search(text)) is None else int(match.start())
