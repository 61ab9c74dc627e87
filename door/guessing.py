"""What was probably meant: by a name that nothing has, and by a TARGET that is no program."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from shutil import which

from conformance.target import StdioTarget, Target
from door.errors import Refusal

__all__ = ["meant", "meant_choice", "need_program"]

_RUN_BY = {".py": "python", ".js": "node", ".mjs": "node", ".cjs": "node", ".ts": "npx tsx", ".jar": "java -jar"}
"""What runs a file with such an ending."""
_HALF_A_URL = re.compile(r"(?:https?|wss?)(?::|//?|:/)(?=[A-Za-z0-9.\[-])", re.IGNORECASE)
_NO_CHOICE = re.compile(r"(?:Value error, )?'([^']*)' is not one of ('[^']*'(?:, '[^']*')*)")
_HOST_AND_PATH = re.compile(r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?:/\S*)")


def meant(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Return what follows a refusal of `name`: the one that is closest, or `otherwise`."""
    names = list(known)
    group = f"{name}.*"
    # Who wrote a pattern meant many.
    groups = sorted({f"{each.rsplit('.', dots)[0]}.*" for each in names for dots in range(1, each.count(".") + 1)})
    near = groups if name.endswith("*") else names
    close = [group] if any(each.startswith(f"{name}.") for each in names) else get_close_matches(name, near, 1)
    return f"; did you mean {close[0]!r}?" if close else otherwise


def meant_choice(complaint: str) -> str:
    """Return what a wrong value of an option is answered with, and the closest of those that it may have."""
    found = _NO_CHOICE.search(complaint)
    if found is None:
        return complaint
    close = get_close_matches(found[1], re.findall(r"'([^']+)'", found[2]), 1)
    guess = f"; did you mean {close[0]!r}?" if close else ""
    return complaint[: found.start()] + found[0].removeprefix("Value error, ") + guess + complaint[found.end() :]


def need_program(target: Target | None, cwd: str | None = None) -> None:
    """Raise `Refusal` for a command that is one word and looks like something else: a file of a language, a folder, an
    address without its scheme. With a `cwd` of its own, what its words name is not for us to look up."""
    if cwd is not None or not isinstance(target, StdioTarget) or len(target.argv) != 1:
        return
    (word,) = target.argv
    if which(word) is not None:
        return
    path, program = Path(word), _RUN_BY.get(Path(word).suffix.lower())
    if path.is_dir():
        raise Refusal(f"{word} is a folder; give the command that starts the server, such as -- python server.py")
    if program is not None and not path.exists():
        raise Refusal(f"{word}: no such file; give the command that starts the server: -- {program} FILE")
    if program is not None:
        raise Refusal(f"{word} is a file that a program runs: write -- {program} {word}")
    if path.exists():
        return
    if word.isdecimal():
        raise Refusal(f"{word} is no program; for a port of this machine, write http://127.0.0.1:{word}/mcp")
    half = _HALF_A_URL.match(word)
    if half is not None or _HOST_AND_PATH.fullmatch(word):
        scheme = "http" if half is None else re.split("[:/]", half[0])[0].lower()
        raise Refusal(f"{word} is no program; did you mean {scheme}://{word[half.end() if half else 0 :]}?")
