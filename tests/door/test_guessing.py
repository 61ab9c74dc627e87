"""A mistyped name or TARGET is answered with what was probably meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conformance.target import StdioTarget, Target, TargetError, parse_target
from door.errors import Refusal
from door.guessing import meant, meant_choice, need_program

KNOWN = ("tools.call.unknown", "tools.list", "base.id")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("tools.call.unknwon", "; did you mean 'tools.call.unknown'?"),
        ("tools", "; did you mean 'tools.*'?"),
        ("something.else", "; see there"),
    ],
)
def test_a_name_is_answered_with_the_closest_one(name: str, said: str) -> None:
    assert meant(name, KNOWN, "; see there") == said


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("server.py", "write -- python server.py"),
        ("server.mjs", "write -- node server.mjs"),
        ("plain.py", "write -- python plain.py"),
        ("build/index.js", "no such file; give the command that starts the server: -- node FILE"),
        ("folder", "is a folder"),
        ("3000", "http://127.0.0.1:3000/mcp"),
        ("http//127.0.0.1:3000/mcp", "did you mean http://127.0.0.1:3000/mcp?"),
        ("https:/example.test/mcp", "did you mean https://example.test/mcp?"),
        ("example.test/mcp", "did you mean http://example.test/mcp?"),
    ],
)
def test_a_target_that_is_no_program_is_answered_with_one_that_may_be_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("server.py", "server.mjs"):
        (tmp_path / name).write_text("", "utf-8")
    (tmp_path / "plain.py").write_text("#!/usr/bin/env python\n", "utf-8")
    with pytest.raises(Refusal, match=re.escape(said)):
        need_program(parse_target([word]))


def _is_refused(target: Target | None) -> bool:
    try:
        need_program(target)
    except Refusal:
        return True
    return False


def test_programs_are_left_alone(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text("#!/usr/bin/env python\n", "utf-8")
    for mode, refused in ((0o644, True), (0o755, False)):
        script.chmod(mode)
        assert _is_refused(StdioTarget((str(script),))) is refused
    programs = [("node",), ("mcp-server-git",), ("python3.11",), ("python", "server.py")]
    assert [argv for argv in programs if _is_refused(StdioTarget(argv))] == []
    assert _is_refused(StdioTarget(("server.py",)))
    assert not _is_refused(None)
    assert not _is_refused(parse_target(["http://127.0.0.1:1/mcp"]))


def test_a_scheme_with_a_slip_is_answered_with_the_closest_one() -> None:
    with pytest.raises(TargetError, match=r"htp:// is not .* did you mean http://\?"):
        parse_target(["htp://127.0.0.1:1/mcp"])


def test_a_pattern_is_answered_with_the_closest_group() -> None:
    assert meant("tool.*", ["tools.call.unknown", "tools.list", "http.head"]) == "; did you mean 'tools.*'?"


def test_a_wrong_choice_is_answered_with_the_closest_one() -> None:
    said = "Invalid value for '--profile': Value error, 'quik' is not one of 'quick', 'full', 'soak'"
    guess = "Invalid value for '--profile': 'quik' is not one of 'quick', 'full', 'soak'; did you mean 'quick'?"
    assert meant_choice(said) == guess
    assert meant_choice("Missing argument 'FILE'") == "Missing argument 'FILE'"
