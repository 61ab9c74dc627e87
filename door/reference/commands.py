"""Every command with its arguments and options, read from the command line's own description of itself."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any

import typer

from door.reference.markdown import escaped, table

__all__ = ["commands", "render_commands"]

_PLAIN = "Options"
_RAW = "\b\n"
"""Begins a paragraph whose lines stay as they are: in our help, command lines."""


# `Any`: typer gives no name to the commands that it makes.
def commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every command below a group, with the words that it is typed with."""
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")


def render_commands() -> str:
    """Return a section for each command."""
    import touchstone

    group = typer.main.get_command(touchstone.app)
    return "\n".join(_section(path, command) for path, command in commands(group, "touchstone"))


def _section(path: str, command: Any) -> str:
    parts = [f"## {path}\n", *_told(command.help or "")]
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and not each.hidden]
    if arguments:
        parts.append(table(("argument", "is"), [_argument(each) for each in arguments]))
    panels = dict.fromkeys(each.rich_help_panel or _PLAIN for each in options)
    for panel in sorted(panels, key=lambda name: name != _PLAIN):
        rows = [_option(each) for each in options if (each.rich_help_panel or _PLAIN) == panel]
        parts.append(table((panel.lower(), "takes", "does"), rows))
    return "\n".join(parts)


def _told(text: str) -> Iterator[str]:
    for paragraph in text.strip().split("\n\n"):
        if paragraph.startswith(_RAW):
            yield f"```sh\n{paragraph.removeprefix(_RAW)}\n```\n"
        else:
            yield f"{_words(paragraph)}\n"


def _argument(each: Any) -> tuple[str, str]:
    return f"`{_value(each)}`", _words(each.help or "")


def _option(each: Any) -> tuple[str, str, str]:
    names = ", ".join(f"`{name}`" for name in (*each.opts, *each.secondary_opts))
    value = "" if each.is_flag else " or ".join(f"`{choice}`" for choice in _value(each).split("|"))
    default = "" if each.default in (None, False, ()) else f" Default: `{_default(each.default)}`."
    again = " Can be given several times." if each.multiple else ""
    return names, value, f"{_words(each.help or '')}{default}{again}"


def _value(each: Any) -> str:
    """Return what stands for a value: the name that we gave it, its choices, or the name of the parameter."""
    if each.metavar:
        return str(each.metavar)
    # Typer keeps the type of a parameter in one place or another, as it is with or without a click beside it.
    descriptor = getattr(each, "type_descriptor", None)
    annotation = getattr(descriptor, "annotation", None)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "|".join(str(choice.value) for choice in annotation)
    choices = getattr(getattr(each, "type", None), "choices", ())
    return "|".join(map(_default, choices)) or str(each.name).upper()


def _default(value: Any) -> str:
    return str(getattr(value, "value", value))


def _words(help_: str) -> str:
    # Brackets are escaped once already, for the terminal.
    return escaped(" ".join(help_.replace("\\[", "[").split()))
