"""The colours of the pages can be told apart: WCAG 2.2, 1.4.3 (text, 4.5 to 1) and 1.4.11 (lines and marks, 3 to 1)."""

import re

import pytest

from reports.html import asset

TONES = ("red", "amber", "blue", "green", "violet")
TEXT = [
    *((text, ground) for text in ("ink", "soft") for ground in ("paper", "card", "tint", "code")),
    *((tone, ground) for tone in TONES for ground in (f"{tone}-tint", "card")),
    *(("ink", f"{tone}-tint") for tone in TONES),
    *(("blue", ground) for ground in ("paper", "tint")),
    *((tone, "code") for tone in ("first", "second")),
    *((text, "stone") for text in ("on-stone", "on-stone-soft")),
]
MARKS = [
    *((mark, "card") for mark in ("first", "second", "other", "red", "green", "violet")),
    # The outline of what has the focus, which may stand on any ground.
    *(("gold", ground) for ground in ("paper", "card", "tint", "stone")),
]


def palette() -> dict[str, tuple[str, str]]:
    """Each colour in light and dark."""
    declared = re.findall(r"--([\w-]+): (light-dark\([^)]*\)|#[0-9a-f]+);", asset("report.css"))
    found = {name: re.findall(r"#[0-9a-f]+", value) for name, value in declared}
    return {name: (colours[0], colours[-1]) for name, colours in found.items()}


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_black_on_white_is_the_most() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("pairs", "least"), [(TEXT, 4.5), (MARKS, 3.0)], ids=["text", "marks"])
def test_every_pair_differs_enough(pairs: list[tuple[str, str]], least: float, scheme: int) -> None:
    colours = palette()
    found = {(one, on): contrast(colours[one][scheme], colours[on][scheme]) for one, on in pairs}
    assert {pair: ratio for pair, ratio in found.items() if ratio < least} == {}


def test_no_text_is_faded() -> None:
    """Fading takes contrast away behind the back of the palette; only an area under a line may, and what is unseen."""
    faded = re.findall(r"([^{}]+)\{[^}]*\bopacity: \.\d", asset("report.css") + asset("matrix.css"))
    assert [rule.strip() for rule in faded] == [".hero::after", ".chart .area"]
