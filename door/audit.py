"""`audit`: what an audit log says, and whether it is whole."""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from door.errors import Exit, Refusal

__all__ = ["show_audit"]

_OWN = ("sequence", "timestamp", "previous", "hash")
"""Members that every entry has."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def show_audit(
    file: Path, since: str | None, key: Path | None, known: str | None, *, verifies: bool, as_json: bool
) -> int:
    """Print the entries since a time, or verify all of the log, against a key and a hash noted elsewhere if they are
    given. Raises `Refusal` for what cannot be read."""
    from reference_impl.security.audit import AuditError, read_audit_key
    from reference_impl.security.audit_files import each_entry, verify

    if not verifies and (key is not None or known is not None):
        raise Refusal("--key and --known are for --verify")
    if verifies and since is not None:
        raise Refusal("--since is for showing entries; --verify checks all of them")
    try:
        if verifies:
            return _judged(asdict(verify(file, read_audit_key(key) if key else None, known)), as_json)
        for entry in each_entry(file, None if since is None else _time(since)):
            sys.stdout.write((json.dumps(entry) if as_json else _line(entry)) + "\n")
    except AuditError as error:
        raise Refusal(str(error)) from None
    return Exit.PASSED


def _judged(found: dict[str, Any], as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        lines = [*found["problems"], *(f"note: {note}" for note in found["notes"])]
        verdict = "TAMPERED WITH" if found["problems"] else "whole"
        counted = "1 entry" if found["entries"] == 1 else f"{found['entries']} entries"
        lines.append(f"{verdict}: {counted}, {found['first']} to {found['last']}")
        if not found["problems"] and found["entries"]:
            lines.append(f"keep elsewhere, to find an older state put in this one's place: {found['hash']}")
        sys.stdout.write("\n".join(lines) + "\n")
    return Exit.FAILED if found["problems"] else Exit.PASSED


def _time(text: str) -> float:
    """Read a time: a date (2026-01-31), a date and time, or how long ago (90m, 24h, 7d). Raises `Refusal`."""
    ago = re.fullmatch(r"(\d{1,9})([smhd])", text)
    if ago:
        return time.time() - int(ago[1]) * _UNITS[ago[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise Refusal("--since takes a date, a date and time, or how long ago: 90m, 24h, 7d") from None


def _told(timestamp: float) -> str:
    try:
        return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):  # somebody wrote it who was not the log
        return f"{timestamp:20.0f}"[:20]


def _line(entry: dict[str, Any]) -> str:
    from reference_impl.security.terminal_consent import shown

    at = _told(entry["timestamp"])
    if "granted" not in entry:
        facts = " ".join(f"{name}={value}" for name, value in entry.items() if name not in _OWN)
        return f"{at}  {'':7} {shown(facts)}"
    word = "allowed" if entry["granted"] else "denied"
    whose = f"  for {entry['principal']}" if "principal" in entry else ""
    what = shown(f"{entry.get('operation')} {entry.get('resource')}{whose}")
    return f"{at}  {word:7} {what}  ({shown(str(entry.get('why', '')))})"
