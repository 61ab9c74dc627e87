"""Paths that lead out of where a target is meant to stay: up, from the root, beside, through a link, in disguise.

That a tool reads any file at all is a defect only where something bounds it: the user says so (`--sandbox`), the target
does (a tool that lists its directories), or it refuses the plain path and yet opens the disguised one.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path

from conformance.expect import Blocked
from conformance.links import Answer
from conformance.security.aims import Aim, Role
from conformance.security.evidence import Canary
from conformance.security.probe import Attempt, Caught, Probe, Scene, aimed, need_near

__all__ = ["PROBE"]

ROLE = Role(
    re.compile(r"(^|[_-])(paths?|files?|filenames?|filepaths?|dir|directory|folder|document|note|source|destination)$"),
    frozenset({"path", "file-path"}),
    re.compile(r"\b(file ?name|file path|path to|path of|name of the (file|note|document))\b", re.IGNORECASE),
    of_files=True,
)
_UP = 24
_LISTING = re.compile(r"(list|get|show)_?(allowed|accessible)_?(dirs|directories|roots|paths)")
_ABSOLUTE = re.compile(r"(?<![\w:/])/[\w./-]+")

Disguise = Callable[[str], str]
_Way = Callable[[Path, Canary], AbstractContextManager[tuple[str, Canary, str]]]
"""Takes the sandbox and a canary outside; gives a path, the canary that it would reach, and a name for it."""

_DISGUISES: dict[str, Disguise] = {
    "its name after many ../": lambda path: "../" * _UP + path[1:],
    "its name after ./ and many ../": lambda path: "./a/" + "../" * _UP + path[1:],
    "many ../ with encoded dots": lambda path: "%2e%2e/" * _UP + path[1:],
    "many ../ with encoded slashes": lambda path: "..%2f" * _UP + path[1:].replace("/", "%2f"),
    "many ../ encoded twice": lambda path: "%252e%252e%252f" * _UP + path[1:].replace("/", "%252f"),
    "many ..\\": lambda path: "..\\" * _UP + path[1:].replace("/", "\\"),
    "many ....//": lambda path: "....//" * _UP + path[1:],
    "its name, a NUL and an extension": lambda path: path + "\0.txt",
    "a file URL": lambda path: f"file://{path}",
    "a file URL on localhost": lambda path: f"file://localhost{path}",
    "slashes doubled": lambda path: "/" + path.replace("/", "//"),
    "an encoded first slash": lambda path: "%2f" + path[1:],
}


async def attempts(scene: Scene) -> Sequence[Attempt]:
    """Attack each argument that takes a path."""
    need_near(scene)
    found = aimed(scene, ROLE)
    bounds = [scene.sandbox] if scene.sandbox is not None else await _declared(scene)
    if any(scene.traps.folder.is_relative_to(bound) for bound in bounds):
        raise Blocked(f"the canaries would lie within what the target may touch: {bounds[0]}")
    made: list[Attempt] = []
    for aim in found:
        made.append(Attempt(str(aim), partial(_plainly, aim, bounded=bool(bounds))))
        made += [Attempt(str(aim), partial(_disguised, aim, name)) for name in _DISGUISES]
        if scene.sandbox is not None:
            inside = partial(_from_within, aim, scene.sandbox)
            made += [Attempt(str(aim), partial(inside, way)) for way in (_beside, _climbing, _linked, _linked_folder)]
    return made


async def _declared(scene: Scene) -> list[Path]:
    """Return the directories to which the target says that it keeps."""
    for tool in scene.bench.surface.tools:
        name = str(tool.get("name"))
        if _LISTING.fullmatch(name.lower().replace("-", "_")) and scene.bench.surface.permission.grants(tool):
            answer = await scene.ask("tools/call", {"name": name, "arguments": {}})
            return [path for word in _words(answer) if (path := Path(word)).is_dir() and path != Path("/")]
    return []


def _words(answer: Answer | None) -> list[str]:
    return [] if answer is None else _ABSOLUTE.findall(json.dumps(answer.result).replace("\\n", "\n"))


async def _plainly(aim: Aim, scene: Scene, *, bounded: bool) -> None:
    canary = scene.traps.canary()
    if not await _sung(aim, scene, canary, str(canary.path)):
        return
    if bounded:
        raise _caught(aim, scene, canary, "its plain path")
    scene.notes.append(f"{aim} opens any file, and nothing says that it must not (--sandbox DIR would)")
    scene.mute.add(str(aim))


async def _disguised(aim: Aim, name: str, scene: Scene) -> None:
    canary = scene.traps.canary()
    if await _sung(aim, scene, canary, _DISGUISES[name](str(canary.path))):
        raise _caught(aim, scene, canary, name)


async def _from_within(aim: Aim, sandbox: Path, way: _Way, scene: Scene) -> None:
    with suppress(OSError):
        canary = scene.traps.canary()
        with way(sandbox, canary) as (path, seen, name):
            for spelt in (path, str(Path(path).relative_to(sandbox)) if Path(path).is_relative_to(sandbox) else path):
                if await _sung(aim, scene, seen, spelt):
                    raise _caught(aim, scene, seen, name)


async def _sung(aim: Aim, scene: Scene, canary: Canary, path: str) -> bool:
    """Whether a path brings the canary back, or moves it."""
    await scene.begin()
    text = await scene.call(aim, path)
    return canary.sung(text) or canary.moved() is not None


_AFTER = """\
if not canary.exists() or canary.read_text() != content:
    print("the canary was touched")
else:
    print("the canary is as it was; it was read if the answer above holds", content)
"""


def _caught(aim: Aim, scene: Scene, canary: Canary, name: str) -> Caught:
    path = str(canary.path)
    before = f"import pathlib\ncanary = pathlib.Path({path!r})\ncanary.parent.mkdir(parents=True, exist_ok=True)\n"
    return scene.caught(
        f"{aim} to leave alone what lies outside, reached by {name}",
        canary.moved() or f"the content of {path} came back",
        f"{before}content = {canary.content!r}\ncanary.write_text(content)\n",
        _AFTER,
    )


@contextmanager
def _beside(sandbox: Path, canary: Canary) -> Iterator[tuple[str, Canary, str]]:
    """A folder beside the sandbox whose name begins with the sandbox's."""
    folder = sandbox.with_name(f"{sandbox.name}-{secrets.token_hex(4)}")
    folder.mkdir()
    try:
        seen = Canary(folder / canary.path.name, canary.content)
        seen.path.write_text(seen.content, "utf-8")
        yield str(seen.path), seen, "a folder beside the sandbox whose name begins as its own does"
    finally:
        shutil.rmtree(folder)


@contextmanager
def _climbing(sandbox: Path, canary: Canary) -> Iterator[tuple[str, Canary, str]]:
    yield f"{sandbox}/{'../' * _UP}{str(canary.path)[1:]}", canary, "the sandbox's own path and many ../"


@contextmanager
def _linked(sandbox: Path, canary: Canary) -> Iterator[tuple[str, Canary, str]]:
    link = sandbox / f"touchstone-{secrets.token_hex(4)}.txt"
    link.symlink_to(canary.path)
    try:
        yield str(link), canary, "a symbolic link in the sandbox"
    finally:
        link.unlink(missing_ok=True)


@contextmanager
def _linked_folder(sandbox: Path, canary: Canary) -> Iterator[tuple[str, Canary, str]]:
    link = sandbox / f"touchstone-{secrets.token_hex(4)}"
    link.symlink_to(canary.path.parent)
    try:
        yield f"{link}/{canary.path.name}", canary, "a symbolic link to a folder in the sandbox"
    finally:
        link.unlink(missing_ok=True)


PROBE = Probe(
    "security.paths",
    ("security.inputs.checked",),
    "No path, however it is written, leads out of where the target keeps to.",
    attempts,
)
