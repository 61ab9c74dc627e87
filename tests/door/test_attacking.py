"""`--active` and `--sandbox` of `touchstone fuzz`."""

from __future__ import annotations

from pathlib import Path

import pytest

from door.commands import run_fuzz
from door.errors import Refusal
from door.options import CheckingOptions, FuzzingOptions, OutputOptions, TargetOptions

PROBES = CheckingOptions(only=["security.paths"])


@pytest.mark.parametrize(
    ("fuzzing", "told"),
    [
        (FuzzingOptions(), "no property is called 'security.paths'"),
        (FuzzingOptions(sandbox=Path()), "--sandbox goes with --active"),
        (FuzzingOptions(active=True, sandbox=Path("no-such-directory")), "is no directory"),
        (FuzzingOptions(active=True), "no target"),
    ],
)
def test_nothing_is_attacked_that_was_not_asked_for(
    fuzzing: FuzzingOptions, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refusal, match=told):
        run_fuzz(TargetOptions(), OutputOptions(), PROBES, fuzzing)
