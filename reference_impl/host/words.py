"""Words of a request and of tools, made comparable; and requests cut into the steps that they ask for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["QUOTED", "STATEMENT", "VERBS", "Clause", "clauses", "stem", "words"]

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
QUOTED = re.compile(r"\"[^\"\n]*\"|`[^`\n]*`|(?<!\w)'[^'\n]*'(?!\w)")
STATEMENT = re.compile(
    r"\b(?:SELECT\b(?=.+\bFROM\b)|SELECT(?=\s+[\d(*])|WITH(?=\s+\w+\s+AS\s*\()|INSERT(?=\s+INTO\b)|UPDATE(?=\s+\w+\s+SET\b)"
    r"|DELETE(?=\s+FROM\b)|(?i:select\b(?=.+\bfrom\b))).*?(?=;|\n|[.!?](?:\s|$)|,?\s+(?:and\s+)?then\b|$)"
)
"""SQL in the middle of a request, to the end of its sentence; THEN belongs to it, 'then' does not."""
_STOP_WORDS = """
a an and are as at be by can could do does for from give had has have here how i if in into is it its just let like me
my now of on or our please so tell that the their them then there these this those to up us want was we were what when
where which who will with would you your
"""
_STOP = frozenset(_STOP_WORDS.split())
_ENDINGS = (("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("ing", ""), ("ed", ""))
_SAME = {
    "folder": "directory",
    "dir": "directory",
    "directories": "directory",
    "repo": "repository",
    "find": "search",
    "show": "show",
    "display": "show",
    "print": "show",
    "remove": "delete",
    "erase": "delete",
    "make": "create",
    "run": "execute",
    "latest": "last",
    "newest": "last",
    "recent": "last",
    "sql": "query",
    "page": "page",
    "history": "log",
    "sum": "add",
    "plus": "add",
}
"""Words that mean the same where tools are concerned."""
_VERB_WORDS = """
add call check commit compare count create delete describe diff echo edit execute explain fetch find get give insert
list look move open print query read rename run save search send set show stat summarise tell update write
"""
VERBS = frozenset(_VERB_WORDS.split())
"""Words that a step begins with, whatever tools there are."""
_BREAK = re.compile(r"\s*(?:;|\n|[.!?](?=\s|$)|,?\s+(?:and\s+)?(then|afterwards|after that)\b,?)\s*", re.IGNORECASE)
_AND = re.compile(r"\s*(?:,\s*(?:and\s+)?|\s+and\s+)", re.IGNORECASE)


def stem(word: str) -> str:
    """Return the form of a word that it shares with its relatives: no plural, no participle."""
    word = word.lower()
    word = _SAME.get(word, word)
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + instead
            break
    else:
        if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3:
            word = word[:-1]
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]  # committing, stopped
    word = word.removesuffix("e") if len(word) > 4 else word
    return _SAME.get(word, word)


def words(text: str) -> list[str]:
    """Return the words that tell something, each in its common form; `readFile` and `read_file` are two words."""
    found = _WORD.findall(_HUMP.sub(" ", text).replace("_", " ").replace("'s", ""))
    return [stem(word) for word in found if word.lower() not in _STOP]


@dataclass(frozen=True, slots=True)
class Clause:
    """One step of a request in words; `follows` says that it comes after the one before."""

    text: str
    follows: bool = False


def clauses(request: str, begins: Callable[[str], bool]) -> list[Clause]:
    """Cut a request where a sentence ends and at 'then'; at 'and' and commas only if what follows `begins` a step.

    What stands in quotes is never cut.
    """
    masked = QUOTED.sub(lambda found: "\0" * len(found[0]), request)
    masked = STATEMENT.sub(lambda found: "\0" * len(found[0]), masked)
    found: list[Clause] = []
    start, follows = 0, False
    for cut in [*_BREAK.finditer(masked), None]:
        end = len(request) if cut is None else cut.start()
        found += _parts(request[start:end], masked[start:end], follows, begins)
        start, follows = (end, False) if cut is None else (cut.end(), cut[1] is not None)
    return [clause for clause in found if clause.text]


def _parts(text: str, masked: str, follows: bool, begins: Callable[[str], bool]) -> list[Clause]:
    parts: list[Clause] = []
    start = 0
    for cut in _AND.finditer(masked):
        first = _WORD.match(masked, cut.end())
        if first is not None and text[start : cut.start()].strip() and begins(first[0]):
            parts.append(Clause(text[start : cut.start()].strip(), follows))
            start, follows = cut.end(), False
    return [*parts, Clause(text[start:].strip(), follows)]
