"""URI templates of RFC 6570, as far as resources need them: `{name}` (one segment) and `{+path}` (any characters)."""

from __future__ import annotations

import re
from urllib.parse import unquote

__all__ = ["UriTemplate"]

_EXPRESSION = re.compile(r"\{(\+?)([A-Za-z_][A-Za-z0-9_]*)\}")


class UriTemplate:
    """Matches a URI and gives its variables, percent-decoded. Raises `ValueError` for expressions beyond the two."""

    __slots__ = ("_pattern", "names", "template")

    def __init__(self, template: str) -> None:
        self.template = template
        self.names = tuple(match[2] for match in _EXPRESSION.finditer(template))
        literals = _EXPRESSION.sub("", template)
        if "{" in literals or "}" in literals:
            raise ValueError(f"unsupported expression in URI template {template!r}")
        parts, last = [], 0
        for match in _EXPRESSION.finditer(template):
            parts.append(re.escape(template[last : match.start()]))
            parts.append(f"(?P<{match[2]}>{'.+' if match[1] else '[^/?#]+'})")
            last = match.end()
        self._pattern = re.compile("".join(parts) + re.escape(template[last:]))

    def match(self, uri: str) -> dict[str, str] | None:
        """Return the variables of `uri`, or None if it is not of this family."""
        match = self._pattern.fullmatch(uri)
        return None if match is None else {name: unquote(value) for name, value in match.groupdict().items()}
