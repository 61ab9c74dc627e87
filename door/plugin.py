"""The pytest plugin: `pytest --mcp-target TARGET` makes every check and property a test.

Nothing of ours is imported before a target is named, by the option, by `mcp_target` in the settings of pytest, or by a
`pytest_mcp_target` hook in a `conftest.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

__all__ = ["Hooks", "pytest_addhooks", "pytest_addoption", "pytest_collection_modifyitems", "pytest_report_header"]

_ONE: dict[str, tuple[str, str]] = {
    "target": ("TARGET", "a URL, a quoted command, FILE.json#NAME, or MODULE:NAME of a server in this process"),
    "path": ("PATH", "where an ASGI application in this process has its endpoint [/mcp]"),
    "config": ("FILE", "settings, instead of touchstone.toml"),
    "token": ("TOKEN", "the bearer token of a protected URL; env:NAME reads one"),
    "fail-on": ("LEVEL", "the weakest level whose violation fails a test: must, should, advice or never [must]"),
    "baseline": ("FILE", "known failures, which are xfailed; - for none at all"),
    "records": ("FILE", "where the records go [.touchstone/records.jsonl]"),
    "examples": ("N", "cases of each property [50]"),
    "seed": ("N", "repeat the random choices of an earlier run"),
    "patience": ("SECONDS", "the longest wait for one answer [15]"),
    "deadline": ("SECONDS", "the longest that the checks of a revision take [600]"),
}
"""Options that take one value: what it is called in the help, and what it is for."""
_MANY: dict[str, tuple[str, str]] = {
    "header": ("'NAME: VALUE'", "sent with every request; env:NAME reads one"),
    "env": ("NAME=VALUE", "set for the command; env:NAME copies one"),
    "allow": ("TOOL", "may be called although it does not say readOnlyHint"),
    "revision": ("DATE", "test at these revisions alone"),
}
"""Options that may be given several times; one a line in the settings of pytest."""


class Hooks:
    """What a `conftest.py` may define."""

    @pytest.hookspec(firstresult=True)
    def pytest_mcp_target(self, config: pytest.Config) -> Any:
        """Return the server to test: an ASGI application, an async function of the two streams of one conversation,
        TARGET as a text, or a context manager around one of them."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Make the hook known."""
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--mcp-...`, and the same with underscores to the settings of pytest."""
    group = parser.getgroup("mcp", "Model Context Protocol (Touchstone)")
    for name, (value, text) in _ONE.items():
        group.addoption(f"--mcp-{name}", metavar=value, default=None, help=text)
        parser.addini(_key(name), text, default="")
    for name, (value, text) in _MANY.items():
        group.addoption(f"--mcp-{name}", metavar=value, action="append", default=None, help=text)
        parser.addini(_key(name), text, type="linelist", default=[])


def _key(name: str) -> str:
    return f"mcp_{name.replace('-', '_')}"


def _given(config: pytest.Config, name: str) -> Any:
    """Return what an option was given: on the command line, else in the settings; None or nothing where neither did."""
    typed = config.getoption(_key(name))
    return typed if typed is not None else config.getini(_key(name)) or None


def _wanted(config: pytest.Config) -> bool:
    """Whether there is a target, and the tests that were asked for are not single files and tests of another kind."""
    if config.getoption("mcp_target"):
        return True
    if not config.getini("mcp_target") and not config.hook.pytest_mcp_target.get_hookimpls():
        return False
    typed = config.args_source is pytest.Config.ArgsSource.ARGS
    return not typed or any(Path(argument).is_dir() for argument in config.args)


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say what is tested."""
    return f"mcp target: {_given(config, 'target') or 'of conftest.py'}" if _wanted(config) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the checks and properties, so that -k and -m choose among them too."""
    if _wanted(config):
        from door.pytest_items import collect

        given = {name.replace("-", "_"): _given(config, name) for name in (*_ONE, *_MANY)}
        items += collect(session, given)
