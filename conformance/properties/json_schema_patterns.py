"""Regular expressions of JSON Schema (ECMA-262) as Python understands them, and strings that match them.

Engines disagree beyond ASCII: `\\d`, `\\w`, `\\s`, `.` and `\\p{..}` name different sets in each. Strings that any
pattern judges are therefore printable ASCII, where all of them agree, and the translation is exact.
"""

import re
import warnings

from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from hypothesis.strategies import SearchStrategy

from conformance.properties.json_schema_model import Unsatisfiable

ASCII = st.characters(min_codepoint=0x20, max_codepoint=0x7E)

# Unicode properties (ECMA-262 section 22.2.2) cut down to ASCII, written as the inside of a character class.
_PROPERTIES = {
    "L": "A-Za-z",
    "Letter": "A-Za-z",
    "Alphabetic": "A-Za-z",
    "Alpha": "A-Za-z",
    "Script=Latin": "A-Za-z",
    "sc=Latin": "A-Za-z",
    "Lu": "A-Z",
    "Uppercase_Letter": "A-Z",
    "Ll": "a-z",
    "Lowercase_Letter": "a-z",
    "N": "0-9",
    "Nd": "0-9",
    "Number": "0-9",
    "P": r"!-#%-*,-/:;?@\[-\]_{}",
    "Punctuation": r"!-#%-*,-/:;?@\[-\]_{}",
    "S": r"$+<=>\^`|~",
    "Symbol": r"$+<=>\^`|~",
    "Z": " ",
    "Zs": " ",
}

_TOKEN = re.compile(
    r"\\u\{(?P<code>[0-9A-Fa-f]{1,6})\}"
    r"|\\(?P<sign>[pP])\{(?P<property>[^}]*)\}"
    r"|\\c(?P<control>[A-Za-z])"
    r"|\\k<(?P<back>\w+)>"
    r"|\(\?<(?P<group>[A-Za-z_]\w*)>"
    r"|(?P<other>\\.|.)",
    re.DOTALL,
)
_REPETITION = re.compile(r"\^(?P<atom>\[\^?(?:\\.|[^\\\]])+\]|\\[dws]|\.)(?P<times>[*+]|\{\d+(?:,\d*)?\})(?:\$|\\Z)")


def translate(pattern: str) -> str:
    """Write an ECMA-262 pattern for Python's `re`; exact for strings of printable ASCII.

    Raises Unsatisfiable where Python has no equal.
    """
    in_class = False
    pieces: list[str] = []
    for token in _TOKEN.finditer(pattern):
        other = token["other"]
        if other is None:
            pieces.append(_special(token, in_class=in_class))
        elif in_class:
            in_class = other != "]"
            pieces.append("\\" + other if other in "[&|~" else other)  # Python reserves these in classes
        else:
            in_class = other == "["
            # In Python `$` also matches before a last newline.
            pieces.append({"$": r"\Z", r"\z": r"\Z"}.get(other, other))
    translated = "".join(pieces)
    if not is_native(translated):
        raise Unsatisfiable(f"pattern {pattern!r} has no equal in Python")
    return translated


def _special(token: re.Match[str], *, in_class: bool) -> str:
    if token["code"]:
        return re.escape(chr(min(int(token["code"], 16), 0x10FFFF)))
    if token["control"]:
        return f"\\x{ord(token['control'].upper()) - 64:02x}"
    if token["back"]:
        return f"(?P={token['back']})"
    if token["group"]:
        return f"(?P<{token['group']}>"
    inside = _PROPERTIES.get(token["property"].removeprefix("General_Category=").removeprefix("gc="))
    negated = token["sign"] == "P"
    if inside is None or (negated and in_class):
        raise Unsatisfiable(f"pattern escape {token[0]!r} is not supported")
    return inside if in_class else f"[{'^' if negated else ''}{inside}]"


def is_native(pattern: str) -> bool:
    """Tell whether Python's `re` takes the pattern, without as much as a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            re.compile(pattern)
        except (re.error, Warning, OverflowError, RecursionError):
            return False
    return True


def matching(pattern: str, shortest: int = 0, longest: int | None = None) -> SearchStrategy[str]:
    """Return strings of `shortest` to `longest` characters in which a translated pattern matches."""
    expression = re.compile(_repeat_within(pattern, shortest, longest))
    try:
        strings = st.from_regex(expression, alphabet=ASCII)
        strings.validate()
    except InvalidArgument:
        if not re.search(r"[^\x00-\x7f]|\\[uU]", pattern):
            raise Unsatisfiable(f"pattern {pattern!r} matches no printable ASCII") from None
        strings = st.from_regex(expression)
    return strings.filter(lambda text: shortest <= len(text) and (longest is None or len(text) <= longest))


def _repeat_within(pattern: str, shortest: int, longest: int | None) -> str:
    """Move length bounds into a pattern that only repeats one character class: `^[a-z]+$` of 3 to 50 characters."""
    found = _REPETITION.fullmatch(pattern)
    if not found or (shortest == 0 and longest is None):
        return pattern
    low, high = {"*": (0, None), "+": (1, None)}.get(found["times"]) or _braces(found["times"])
    low = max(low, shortest)
    bounds = [bound for bound in (high, longest) if bound is not None]
    if bounds and min(bounds) < low:
        raise Unsatisfiable(f"pattern {pattern!r} and the length bounds exclude each other")
    return f"^{found['atom']}{{{low},{min(bounds) if bounds else ''}}}\\Z"


def _braces(times: str) -> tuple[int, int | None]:
    low, comma, high = times[1:-1].partition(",")
    return int(low), (int(high) if high else None) if comma else int(low)
