"""The settings file that `init` writes is one that every command reads, whatever names a server gives its tools."""

from __future__ import annotations

import tomllib

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.target import HttpTarget, StdioTarget
from door.settings_file import File
from door.starter_file import Tried, Untouched, render_starter

_NAMES = st.text(min_size=1, max_size=12)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.floats(-1, 1) | _NAMES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_NAMES, inner, max_size=2),
    max_leaves=4,
)


def _read(text: str) -> File:
    return msgspec.convert(tomllib.loads(text), File)


def _without_comments(text: str) -> str:
    """Return the file as the reader would have it who takes the # from all that is offered as a setting."""
    lines = [line.replace("    # ", "    ", 1) if line.startswith("    # ") else line for line in text.split("\n")]
    return "\n".join(lines)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.tuples(_NAMES, _NAMES, st.booleans()), max_size=3), st.lists(_NAMES, min_size=1, max_size=3))
def test_tools_that_may_change_something_are_allowed_once_their_line_is_uncommented(
    tools: list[tuple[str, str, bool]], argv: list[str]
) -> None:
    untouched = [Untouched(name, description, destroys) for name, description, destroys in tools]
    text = render_starter(StdioTarget(tuple(argv)), {}, (), untouched)
    assert _read(text).tools.allow == []
    assert _read(_without_comments(text)).tools.allow == [each.name for each in untouched]
    assert _read(text).target.command == argv


@settings(derandomize=True, deadline=None, max_examples=60)
@given(_NAMES, st.dictionaries(_NAMES, _VALUES, max_size=3), _NAMES)
def test_samples_are_read_once_their_line_is_uncommented(name: str, arguments: dict[str, object], trouble: str) -> None:
    text = render_starter(StdioTarget(("server",)), {}, [Tried(name, arguments, trouble)], ())
    assert _read(text).tools.samples == {}
    *before, line = text.partition("\n[load]")[0].rstrip("\n").split("\n")
    samples = _read("\n".join((*before, line.removeprefix("# ")))).tools.samples
    assert samples == {name: _without_nulls(arguments)}


def _without_nulls(value: object) -> object:
    match value:
        case dict():
            return {key: _without_nulls(each) for key, each in value.items() if each is not None}
        case list():
            return [_without_nulls(each) for each in value if each is not None]
    return value


def test_a_secret_is_named_and_never_written() -> None:
    target = HttpTarget("http://127.0.0.1:1/mcp", {"X-Key": "hush-hush", "authorization": "Bearer hush-hush"})
    text = render_starter(target, {"X-Key": "env:X_KEY", "token": "env:TOKEN"}, (), ())
    assert "hush" not in text
    assert _read(text).target.headers == {"X-Key": "env:X_KEY"}
    assert _read(text).authorization.good == "env:TOKEN"


def test_an_address_of_the_older_transport_stays_one() -> None:
    from conformance.target import SseTarget

    text = render_starter(SseTarget("http://127.0.0.1:1/sse"), {}, (), ())
    assert _read(text).target.url == "sse+http://127.0.0.1:1/sse"
