"""Finding something in a line: a literal text, or a regular expression that cannot take forever."""

from __future__ import annotations

import re
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
    if not ignore_case:
        return lambda text: None if (at := text.find(query)) < 0 else at
    literal = re.compile(re.escape(query), re.IGNORECASE)
    return lambda text: None if (match := literal.search(text)) is None else match.start()


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
