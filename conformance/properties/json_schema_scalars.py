"""Numbers and strings from the flat keywords of a schema."""

import contextlib
import math
import re
import sys
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.properties.json_schema_formats import FORMATS, SPECIMENS, WIDTHS
from conformance.properties.json_schema_model import Unsatisfiable
from conformance.properties.json_schema_patterns import ASCII, matching

# What every JSON implementation holds exactly, RFC 8259 section 6.
SAFE = 2**53 - 1
# Longer strings are filled up with one letter: drawing every character would spend Hypothesis' whole budget.
_DRAWN = 64
# Where at least so much lies between the bounds, floats are rounded to six places.
_ROOM = 0.001
_LONGEST = 65_536
_PAD = "a"


def integers(flat: dict[str, Any]) -> SearchStrategy[int]:
    """Return integers within the bounds, multiples of `multipleOf`; beyond 2**53-1 only where the bounds demand it."""
    low, high = _bounds(flat)
    step = Fraction(str(flat.get("multipleOf", 1))).numerator  # p/q divides an integer n just if p does
    first, last = math.ceil(low / step), math.floor(high / step)
    if "exclusiveMinimum" in flat and first * step <= _fraction(flat["exclusiveMinimum"]):
        first += 1
    if "exclusiveMaximum" in flat and last * step >= _fraction(flat["exclusiveMaximum"]):
        last -= 1
    if first > last:
        raise Unsatisfiable("no integer lies within the bounds")
    return st.integers(first, last).map(lambda count: count * step) if step != 1 else st.integers(first, last)


def numbers(flat: dict[str, Any]) -> SearchStrategy[float]:
    """Return numbers within the bounds: whole ones first, then floats that every implementation holds."""
    choices: list[SearchStrategy[float]] = []
    with contextlib.suppress(Unsatisfiable):
        choices.append(integers(flat))
    low, high = _bounds(flat)
    if "multipleOf" in flat:
        step = Fraction(str(flat["multipleOf"]))
        first, last = math.ceil(low / step), math.floor(high / step)
        if step.denominator > 1 and first <= last:
            choices.append(st.integers(first, last).map(lambda count: float(count * step)))
    elif low < high or (low == high and not {"exclusiveMinimum", "exclusiveMaximum"} & flat.keys()):
        choices.append(_floats(flat, float(low), float(high)))
    if not choices:
        raise Unsatisfiable("no number lies within the bounds")
    return st.one_of(choices)


def _floats(flat: dict[str, Any], low: float, high: float) -> SearchStrategy[float]:
    above, below = flat.get("exclusiveMinimum", -math.inf), flat.get("exclusiveMaximum", math.inf)
    if high - low < _ROOM:
        tiny = 0 < abs(low) < sys.float_info.min or 0 < abs(high) < sys.float_info.min
        return st.floats(low, high, exclude_min=above == low, exclude_max=below == high, allow_subnormal=tiny)
    # Six places: a reader that keeps single precision sees the same side of the bounds. -0.0 becomes 0.0.
    rounded = st.floats(low, high, allow_subnormal=False).map(lambda number: round(number, 6) + 0.0)
    return rounded.filter(lambda number: low <= number <= high and above < number < below)


def _bounds(flat: dict[str, Any]) -> tuple[Fraction, Fraction]:
    """Return the closed bounds; open ones count as closed here, an absent one is the safe range's or just beyond."""
    narrow_low, narrow_high = WIDTHS.get(flat.get("format", ""), (-SAFE, SAFE))
    lows = [_fraction(flat[name]) for name in ("minimum", "exclusiveMinimum") if name in flat]
    highs = [_fraction(flat[name]) for name in ("maximum", "exclusiveMaximum") if name in flat]
    low, high = max([*lows, Fraction(narrow_low)]), min([*highs, Fraction(narrow_high)])
    if low <= high:
        return low, high
    if lows and not highs:
        return max(lows), max(lows) + 1000
    if highs and not lows:
        return min(highs) - 1000, min(highs)
    return max(lows, default=low), min(highs, default=high)


def _fraction(bound: float) -> Fraction:
    """Return the number that is written, 0.1 as a tenth; the largest double for what overflows."""
    return Fraction(str(max(min(bound, sys.float_info.max), -sys.float_info.max)))


def strings(flat: dict[str, Any], *, ascii_only: bool) -> SearchStrategy[str]:
    """Return strings for length, pattern and format; `ascii_only` where some other part has a pattern judge them."""
    shortest, longest = int(flat.get("minLength", 0)), flat.get("maxLength")
    if longest is not None and longest < shortest:
        raise Unsatisfiable("minLength exceeds maxLength")
    if shortest > _LONGEST:
        raise Unsatisfiable(f"minLength demands more than {_LONGEST} characters")
    format_ = flat.get("format") or flat.get("contentEncoding")
    pattern = flat.get("pattern")
    if format_ in FORMATS and (pattern is None or re.search(pattern, SPECIMENS[format_])):
        return FORMATS[format_].filter(lambda text: _fits(text, shortest, longest, pattern))
    if pattern is not None:
        found = re.compile(pattern)
        return matching(pattern, shortest, longest).filter(lambda text: found.search(text) is not None)
    return _texts(shortest, longest, ascii_only=ascii_only)


def _fits(text: str, shortest: int, longest: int | None, pattern: str | None) -> bool:
    long_enough = shortest <= len(text) and (longest is None or len(text) <= longest)
    return long_enough and (pattern is None or re.search(pattern, text) is not None)


def _texts(shortest: int, longest: int | None, *, ascii_only: bool) -> SearchStrategy[str]:
    # Where lengths count, one character is one code point and one UTF-16 unit: counting is not what is tested.
    counted = shortest > 0 or longest is not None
    last = 0xFFFF if counted else None
    alphabet = ASCII if ascii_only else st.characters(exclude_categories=["Cs"], max_codepoint=last)
    if shortest > _DRAWN:
        return st.text(alphabet, max_size=_DRAWN).map(lambda text: text + _PAD * (shortest - len(text)))
    texts = st.text(alphabet, min_size=shortest, max_size=longest)
    if longest is None or not shortest < longest <= _LONGEST:
        return texts
    return texts | st.just(_PAD * longest)
