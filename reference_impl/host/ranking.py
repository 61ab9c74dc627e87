"""Which tool is meant: Okapi BM25 over the words of names, titles, descriptions and parameters.

Names count more than descriptions. Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and
Beyond" (2009), with fields weighted before the saturation (BM25F).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reference_impl.client.registry import RegisteredTool
from reference_impl.host.words import VERBS, words

__all__ = ["Match", "Ranking"]

_SATURATION = 1.2
_LENGTH = 0.5
_NAME, _TITLE, _SERVER, _DESCRIPTION, _PARAMETER, _HELP = 4.0, 2.0, 2.0, 1.0, 1.0, 0.4

_GENERAL = frozenset({"show", "get", "tell", "give", "look", "open", "print"})
"""Words that ask for anything: what they ask for tells more."""
_FAINT = 0.3


@dataclass(frozen=True, slots=True)
class Match:
    """How well a tool fits some words: `score`, the words that it shares with them, and the share of all that they
    weigh (0 to 1)."""

    tool: RegisteredTool
    score: float
    shared: tuple[str, ...]
    covered: float
    named: bool
    """Whether one of the words is in the tool's own name or title."""


class Ranking:
    """The tools that there are, ready to be searched."""

    def __init__(self, tools: Iterable[RegisteredTool]) -> None:
        self._rows = [(tool, _weights(tool)) for tool in tools]
        lengths = [sum(weights.values()) for _, weights in self._rows]
        self._average = sum(lengths) / len(lengths) if lengths else 1.0
        self._spread = Counter(word for _, weights in self._rows for word in weights)
        self._names = {word for tool, _ in self._rows for word in words(tool.tool)[:1]}

    def begins(self, word: str) -> bool:
        """Tell whether a word is how the name of some tool begins, as a verb does."""
        return word.lower() in VERBS or bool(self._names.intersection(words(word)))

    def matches(self, text: str) -> list[Match]:
        """Return the tools that share a word with a text, the best first; equals by name."""
        wanted = list(dict.fromkeys(words(text)))
        total = sum(self._rarity(word) for word in wanted) or 1.0
        found = [self._match(tool, weights, wanted, total) for tool, weights in self._rows]
        return sorted((match for match in found if match.shared), key=lambda match: (-match.score, match.tool.name))

    def _match(self, tool: RegisteredTool, weights: Counter[str], wanted: Sequence[str], total: float) -> Match:
        shared = tuple(word for word in wanted if word in weights)
        length = 1 - _LENGTH + _LENGTH * sum(weights.values()) / self._average
        score = sum(
            self._rarity(word) * weights[word] * (_SATURATION + 1) / (weights[word] + _SATURATION * length)
            for word in shared
        )
        own = {*words(tool.tool), *words(str(tool.definition.get("title") or ""))}
        covered = sum(self._rarity(word) for word in shared) / total
        return Match(tool, score, shared, covered, not own.isdisjoint(shared))

    def _rarity(self, word: str) -> float:
        return self._spread_rarity(word) * (_FAINT if word in _GENERAL else 1.0)

    def _spread_rarity(self, word: str) -> float:
        # A word that no tool knows tells as much as one that a third of them know: it may be anything.
        spread = self._spread.get(word, len(self._rows) / 3)
        return math.log(1 + (len(self._rows) - spread + 0.5) / (spread + 0.5))


def _weights(tool: RegisteredTool) -> Counter[str]:
    definition = tool.definition
    schema = definition.get("inputSchema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    fields = [
        (_NAME, tool.tool),
        (_TITLE, str(definition.get("title") or "")),
        (_SERVER, tool.server),
        (_DESCRIPTION, str(definition.get("description") or "")),
    ]
    for name, value in (properties if isinstance(properties, dict) else {}).items():
        fields.append((_PARAMETER, str(name)))
        fields.append((_HELP, str(value.get("description") or "") if isinstance(value, dict) else ""))
    weights: Counter[str] = Counter()
    for weight, text in fields:
        for word in set(words(text)):
            weights[word] += weight  # type: ignore[assignment] # a counter of weights
    return weights
