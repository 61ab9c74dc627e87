"""`--baseline` and `--write-baseline`: the list of known failures that a run is held against, read and written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path

from door.catalogue import all_ids
from door.errors import Refusal
from door.official_list import read_official
from door.options import CheckingOptions, OutputOptions
from door.terminal import complain
from reference_impl.protocol.revisions import REVISIONS
from reports.baseline import Baseline, BaselineError, Known, parse_baseline, render_baseline, renew
from reports.digest import count_of
from reports.records import FailOn, Run, fails

__all__ = ["NONE", "Renewal", "baseline_of", "read_baseline"]

NONE = Path("-")
"""What `--baseline` takes for: none, whatever the settings file names."""
_TRANSPORTS = ("stdio", "http", "sse", "ws", "memory")
_YAML = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Renewal:
    """A baseline that is written when a run has come to its end."""

    path: Path

    def write(self, run: Run, fail_on: FailOn) -> Run:
        """Write what fails now and return the run held against that; one that was cut short leaves the file alone.

        Raises `Refusal` if it cannot be written.
        """
        if not run.complete:
            complain(f"{self.path} stays as it is: the run did not come to its end")
            return run
        before = run.baseline or Baseline(_today())
        failing = [judgement for judgement in run.judgements if fails(judgement, fail_on)]
        after = renew(before, run.judgements, failing)
        _write(self.path, render_baseline(after))
        unsaid = sum(not entry.reason for entry in after)
        listed = count_of(len(after), "known failure", "known failures")
        complain(f"{self.path} lists {listed}{f', {unsaid} of them without a reason' if unsaid else ''}")
        return replace(run, baseline=replace(before, known=after, excuses=()))


def baseline_of(output: OutputOptions, checking: CheckingOptions, of_settings: str | None = None) -> Baseline | None:
    """Return the baseline of a command: the one it names, else that of the settings file, else the one to be renewed.

    Raises `Refusal` for one that cannot be used.
    """
    path = output.baseline or (None if of_settings is None else Path(of_settings))
    if path == NONE:
        path = None
    if path is None and output.write_baseline is not None and output.write_baseline.exists():
        path = output.write_baseline
    if output.write_baseline is not None and output.write_baseline.suffix in _YAML:
        raise Refusal(f"{output.write_baseline}: a baseline is written as TOML; name it so")
    if path is None:
        return None
    return replace(read_baseline(path), only=bool(checking.only), revisions=bool(checking.revision))


def read_baseline(path: Path, day: date | None = None) -> Baseline:
    """Read a baseline in TOML, or the official suite's list in YAML. Raises `Refusal` for what is wrong with it."""
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise Refusal(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except UnicodeDecodeError:
        raise Refusal(f"{path}: no UTF-8") from None
    day = day or _today()
    if path.suffix in _YAML:
        excuses, lost = read_official(text, str(path), all_ids())
        if lost:
            complain(f"{path}: no check here judges what these do, so they excuse nothing: {', '.join(lost)}")
        return Baseline(day, excuses=excuses)
    try:
        known = parse_baseline(text)
    except BaselineError as error:
        raise Refusal(f"{path}: {error}") from None
    _need_sense(known, path)
    return Baseline(day, known)


def _need_sense(known: Iterable[Known], path: Path) -> None:
    ids = set(all_ids())
    fields = {"revision": [revision.name for revision in REVISIONS], "transport": list(_TRANSPORTS)}
    for entry in known:
        if entry.check not in ids:
            close = get_close_matches(entry.check, ids, 1)
            hint = f"did you mean {close[0]!r}?" if close else "`touchstone list` shows all"
            raise Refusal(f"{path}: no check is called {entry.check!r}; {hint}")
        for name, values in fields.items():
            value = getattr(entry, name)
            if value is not None and value not in values:
                raise Refusal(f"{path}: {entry.check}: {value!r} is no {name}; known are {', '.join(values)}")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise Refusal(f"{path}: {(error.strerror or 'cannot be written').lower()}") from None


def _today() -> date:
    return datetime.now(UTC).date()
