"""robots.txt: what a site lets this robot fetch, and how often (RFC 9309).

Read here rather than by a library: of those that were tried, what a hostile file costs grows with the product of its
lines; here it grows with their sum.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

__all__ = ["ALLOW_ALL", "DISALLOW_ALL", "MOST_BYTES", "Rules", "parse_robots"]

MOST_BYTES = 500 * 1024
"""How much of a file is read (RFC 9309, 2.5: at least that)."""
_MOST_SITEMAPS = 100
_LINE = re.compile(r"[ \t]*([A-Za-z-]+)[ \t]*:[ \t]*([^#]*)")
_TOKEN = re.compile(r"[A-Za-z_-]*")


@dataclass(frozen=True, slots=True)
class _Rule:
    """One line. `parts` are what lies between the stars, `anchored` says that a `$` ends it."""

    allow: bool
    length: int
    parts: tuple[str, ...]
    anchored: bool

    @classmethod
    def of(cls, pattern: str, *, allow: bool) -> _Rule:
        written = _comparable(pattern)
        anchored = written.endswith("$")
        parts = tuple(_literal(part) for part in re.split(r"\*+", written.removesuffix("$")))
        return cls(allow, len(written), parts, anchored)

    def matches(self, target: str) -> bool:
        """Tell whether the rule speaks of a path. Each part is looked for once, from left to right."""
        first, *rest = self.parts
        if not target.startswith(first):
            return False
        if not rest:
            return not self.anchored or len(target) == len(first)
        *middle, last = rest
        at = len(first)
        for part in middle:
            found = target.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        return target.endswith(last, at) if self.anchored else target.find(last, at) >= 0


@dataclass(frozen=True, slots=True)
class Rules:
    """What one robots.txt says to one robot. `crawl_delay` is in seconds, `sitemaps` are URLs as they stand there."""

    rules: tuple[_Rule, ...] = ()
    crawl_delay: float | None = None
    sitemaps: tuple[str, ...] = ()

    def allows(self, target: str) -> bool:
        """Tell whether a path with its query may be fetched: the longest rule counts, and Allow where two are as long.
        The file itself always may (RFC 9309, 2.2.2)."""
        if target == "/robots.txt":
            return True
        target = _literal(_comparable(target))
        matching = [(rule.length, rule.allow) for rule in self.rules if rule.matches(target)]
        return max(matching, default=(0, True))[1]


def parse_robots(text: str, agent: str) -> Rules:
    """Return what a file says to `agent`: its own groups together, or else those of `*`. Anything else is passed
    over."""
    groups: dict[str, tuple[list[_Rule], list[float]]] = {"*": ([], []), agent.lower(): ([], [])}
    met: set[str] = set()
    sitemaps: list[str] = []
    current: set[str] = set()
    heading = False
    for key, value in _lines(text):
        if key == "user-agent":
            name = _agent(value)
            current = (current if heading else set()) | ({name} & groups.keys())
            met |= current
            heading = True
        elif key == "sitemap" and value and len(sitemaps) < _MOST_SITEMAPS:
            sitemaps.append(value)
        elif key in ("allow", "disallow", "crawl-delay"):
            heading = False
            for name in current:
                _add(groups[name], key, value)
    rules, delays = groups[agent.lower() if agent.lower() in met else "*"]
    return Rules(tuple(rules), max(delays, default=None), tuple(sitemaps))


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in re.split(r"[\r\n]+", text.removeprefix("\ufeff")):
        found = _LINE.match(line)
        if found:
            yield found[1].lower(), found[2].strip()


def _agent(value: str) -> str:
    """Return whom a line is for: `*`, or a product token, after which a version may stand."""
    found = _TOKEN.match(value)
    return "*" if value.startswith("*") else found[0].lower() if found else ""


def _add(group: tuple[list[_Rule], list[float]], key: str, value: str) -> None:
    rules, delays = group
    if key != "crawl-delay":
        if value.startswith(("/", "*", "$")):
            rules.append(_Rule.of(value, allow=key == "allow"))
        return
    try:
        seconds = float(value)
    except ValueError:
        return
    if math.isfinite(seconds) and seconds > 0:
        delays.append(seconds)


def _comparable(text: str) -> str:
    """Return a path or pattern with the same characters encoded in the same way (RFC 9309, 2.2.2): `%2F` stays apart
    from `/`, and an encoded star or dollar from the signs."""
    kept = re.split(r"(%2[4Aa]|%2[Ff]|%3[Ff]|%25)", text)
    return "".join(part.upper() if index % 2 else _plain(part) for index, part in enumerate(kept))


def _plain(text: str) -> str:
    return quote(unquote_to_bytes(text), safe="/?*$&=+,;:@!'()~")


def _literal(text: str) -> str:
    """Write a star or dollar that is no sign as a pattern has to (RFC 9309, 2.2.3)."""
    return text.replace("*", "%2A").replace("$", "%24")


ALLOW_ALL = Rules()
DISALLOW_ALL = Rules((_Rule.of("/", allow=False),))
