"""Arguments that a program started by the target takes for options, or a shell for commands.

Evidence is a file of ours that exists afterwards, or a request that reached our listener: never time that passed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from conformance.security.aims import Aim
from conformance.security.probe import Attempt, Probe, Scene, aimed, need_near

__all__ = ["OPTIONS", "SHELL"]

_COMMANDS = re.compile(r"(^|[_-])(command|cmd|script|code|shell|bash|program|expression|argv?|args)$")
"""Arguments that are there to be run."""

_AS_OPTION: dict[str, Callable[[Path], str]] = {
    "--output=FILE": lambda file: f"--output={file}",
    "-oFILE": lambda file: f"-o{file}",
    "--upload-pack=COMMAND": lambda file: f"--upload-pack=touch {file};",
    "--open-files-in-pager=COMMAND": lambda file: f"--open-files-in-pager=touch {file};",
    "--exec=COMMAND": lambda file: f"--exec=touch {file};",
}

_AS_SHELL: dict[str, str] = {
    "; COMMAND": "a; {} #",
    "$(COMMAND)": "$({})",
    "`COMMAND`": "`{}`",
    "| COMMAND": "a | {} #",
    "&& COMMAND": "a && {} #",
    "|| COMMAND": "|| {} #",
    "a line of its own": "a\n{}\n",
    "' ; COMMAND": "a'; {} #",
    '" ; COMMAND': 'a"; {} #',
}


async def option_attempts(scene: Scene) -> Sequence[Attempt]:
    """Attack each argument that takes any text."""
    need_near(scene)
    return [
        Attempt(str(aim), partial(_as_option, aim, name))
        for aim in aimed(scene, None, "tools/call")
        if not _COMMANDS.search(aim.argument.lower())
        for name in _AS_OPTION
    ]


async def shell_attempts(scene: Scene) -> Sequence[Attempt]:
    """Attack each argument that takes any text; where one takes commands, see first whether it takes any."""
    need_near(scene)
    found = aimed(scene, None, "tools/call")
    return [
        *(Attempt(str(aim), partial(_plainly, aim)) for aim in found),
        *(Attempt(str(aim), partial(_as_shell, aim, name)) for aim in found for name in _AS_SHELL),
        *(Attempt(str(aim), partial(_by_network, aim, name)) for aim in found for name in ("; COMMAND", "$(COMMAND)")),
    ]


async def _as_option(aim: Aim, name: str, scene: Scene) -> None:
    file = scene.traps.fresh()
    await scene.begin()
    await scene.call(aim, _AS_OPTION[name](file))
    if file.exists():
        expected = f"{aim} to take {name} for what it is called, and to write no file by it"
        raise scene.caught(expected, f"{file} exists now", _before(file), _AFTER)


async def _plainly(aim: Aim, scene: Scene) -> None:
    """See whether running commands is what the argument is for: then that it does is no defect."""
    if _COMMANDS.search(aim.argument.lower()):
        file = scene.traps.fresh()
        await scene.begin()
        await scene.call(aim, f"touch {file}")
        if file.exists():
            scene.notes.append(f"{aim} runs any command, as its name says")
            scene.mute.add(str(aim))


async def _as_shell(aim: Aim, name: str, scene: Scene) -> None:
    file = scene.traps.fresh()
    await scene.begin()
    await scene.call(aim, _AS_SHELL[name].format(f"touch {file}"))
    if file.exists():
        expected = f"{aim} to take {name} for text, and to run nothing"
        raise scene.caught(expected, f"the command was run: {file} exists now", _before(file), _AFTER)


async def _by_network(aim: Aim, name: str, scene: Scene) -> None:
    """The same where a file of ours cannot be written: the command asks our listener for something."""
    listener, word = scene.listeners[0], scene.traps.fresh().name
    url = listener.url(word)
    command = f"(curl -s {url} || wget -qO- {url} || python3 -c 'import urllib.request as r;r.urlopen(\"{url}\")')"
    await scene.begin()
    await scene.call(aim, _AS_SHELL[name].format(command))
    if listener.reached(word):
        raise scene.caught(
            f"{aim} to take {name} for text, and to run nothing", f"the command was run: it asked for {url}"
        )


def _before(file: Path) -> str:
    return (
        f"import pathlib\ncanary = pathlib.Path({str(file)!r})\n"
        "canary.parent.mkdir(parents=True, exist_ok=True)\ncanary.unlink(missing_ok=True)\n"
    )


_AFTER = "print('the canary exists' if canary.exists() else 'no canary')\n"

OPTIONS = Probe(
    "security.options",
    ("security.inputs.checked",),
    "No argument of a tool becomes an option of a program that the target runs.",
    option_attempts,
)
SHELL = Probe(
    "security.shell",
    ("security.inputs.checked",),
    "No argument of a tool is run by a shell.",
    shell_attempts,
)
