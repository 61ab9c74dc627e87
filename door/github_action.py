"""The step of the GitHub action: its inputs as one command of Touchstone, its outcome as outputs of the step.

`action.yml` hands the inputs over as variables `TOUCHSTONE_...`, so that none is ever part of a shell's text. The step
itself succeeds: what comes after it keeps the reports, and the last step of the action fails the job.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from door.errors import Exit
from door.hosts_file import is_entry
from door.terminal import complain
from reports.records import RecordsError, count_severities, read

__all__ = ["command_line", "main"]

FOLDER = Path(".touchstone")
_RECORDS = FOLDER / "records.jsonl"
_REPORTS = {"html": "report.html", "junit": "junit.xml", "sarif": "report.sarif", "markdown": "summary.md"}
_COMMANDS = ("check", "fuzz", "load", "run")
_JUDGE_NOTHING = ("load",)
"""Commands without known failures."""


def command_line(inputs: Mapping[str, str]) -> list[str]:
    """Return the words after `touchstone`. Raises ValueError, with what to do, for inputs that make no command."""
    command = inputs.get("TOUCHSTONE_COMMAND") or "check"
    if command not in _COMMANDS:
        raise ValueError(f"command: {command!r} is none of {', '.join(_COMMANDS)}")
    target, start = inputs.get("TOUCHSTONE_TARGET", "").strip(), inputs.get("TOUCHSTONE_START", "").strip()
    words = [command, "--records", str(_RECORDS), "--github-annotations"]
    words += [word for name, file in _REPORTS.items() for word in (f"--{name}", str(FOLDER / file))]
    words += ["--fail-on", inputs.get("TOUCHSTONE_FAIL_ON") or "must"]
    if (baseline := inputs.get("TOUCHSTONE_BASELINE", "")) and command not in _JUDGE_NOTHING:
        words += ["--baseline", baseline]
    words += ["--start", start] if start else []
    words += _split("arguments", inputs.get("TOUCHSTONE_ARGUMENTS", ""))
    if "://" in target.split(" ", 1)[0] or is_entry(target):
        return [*words, target]
    return [*words, "--", *_split("target", target)] if target else words


def _split(name: str, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise ValueError(f"{name}: {str(error).lower()} in {text!r}") from None


def main() -> int:
    """Run the command that the environment describes, and write the outputs of the step."""
    try:
        words = command_line(os.environ)
    except ValueError as error:
        complain(str(error))
        return _put({"exit-code": str(int(Exit.USAGE))})
    code = subprocess.run([sys.executable, "-P", "-m", "touchstone", *words], check=False).returncode  # noqa: S603 - ourselves
    found = _found()
    if "summary" in found and (job := os.environ.get("GITHUB_STEP_SUMMARY")):
        with Path(job).open("a", encoding="utf-8") as place:
            place.write(Path(found["summary"]).read_text("utf-8"))
    return _put({"exit-code": str(code), **found})


def _found() -> dict[str, str]:
    """Return the outputs that tell of the records and the reports, as far as there are any."""
    outputs = {"folder": FOLDER, "records": _RECORDS, "report": FOLDER / _REPORTS["html"]}
    outputs |= {"sarif": FOLDER / _REPORTS["sarif"], "summary": FOLDER / _REPORTS["markdown"]}
    found = {name: str(path.resolve()) for name, path in outputs.items() if path.exists()}
    try:
        counts = count_severities(read(_RECORDS).judgements)
    except (OSError, RecordsError):
        return found
    return found | {f"{name}s": str(counts.get(name, 0)) for name in ("violation", "warning")}


def _put(outputs: Mapping[str, str]) -> int:
    text = "".join(f"{name}={value}\n" for name, value in outputs.items())
    if file := os.environ.get("GITHUB_OUTPUT"):
        with Path(file).open("a", encoding="utf-8") as place:
            place.write(text)
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
