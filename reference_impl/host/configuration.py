"""`mcp.json`: the servers of a host, in the `mcpServers` format of desktop hosts and editors.

    {"mcpServers": {
        "files": {"command": "touchstone", "args": ["serve", "filesystem", "${HOME}/notes"]},
        "shop":  {"url": "https://shop.example/mcp", "headers": {"Authorization": "env:SHOP_TOKEN"},
                  "tls": {"ca": "ca.pem"}},
        "queue": {"url": "ws://127.0.0.1:8000/ws", "sealKeys": "keys.txt", "timeout": 10}
    }}

`${NAME}` and `${NAME:-otherwise}` stand for variables of the environment anywhere in a text, `env:NAME` for a whole
value of `env` and `headers`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from reference_impl.client import ClientSettings, ServerConfig, StdioCommand
from reference_impl.host.errors import ConfigurationError
from reference_impl.security.sealing import KeysError, SealKeys
from reference_impl.security.tls import TlsError, client_context
from reference_impl.transports.http_terms import shown

__all__ = ["HostConfiguration", "read_configuration"]

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SCHEMES = ("http", "https", "ws", "wss", "sse+http", "sse+https")
_LARGEST = 1024 * 1024
_SHORTEST_SECRET = 6

Text = str | int | float | bool


class _Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ca: str | None = None
    cert: str | None = None
    key: str | None = None


class _Entry(msgspec.Struct, frozen=True, rename={"seal_keys": "sealKeys", "inherit": "inheritEnvironment"}):
    """One server. Hosts add keys of their own: those that are not known here are passed over."""

    command: str | list[str] | None = None
    args: list[Text] = []
    env: dict[str, Text] = {}
    cwd: str | None = None
    inherit: bool = False
    url: str | None = None
    type: Any = None
    transport: Any = None
    headers: dict[str, Text] = {}
    tls: _Tls | None = None
    seal_keys: str | None = None
    proxy: str | None = None
    timeout: float | None = None
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class HostConfiguration:
    """The servers, each ready to be connected to, and every value that may be a secret."""

    servers: tuple[ServerConfig, ...]
    secrets: tuple[str, ...] = ()


def read_configuration(path: str | Path, environment: Mapping[str, str] = os.environ) -> HostConfiguration:
    """Read a file of servers; those that are `disabled` are left out. Raises `ConfigurationError`.

    A process gets a minimal environment and what `env` says, as the keys of this one are none of its business;
    `inheritEnvironment` gives it everything.
    """
    reader = _Reader(str(path), environment)
    servers = [reader.server(name, entry) for name, entry in _servers(Path(path)).items()]
    found = tuple(server for server in servers if server is not None)
    if not found:
        raise ConfigurationError(f"{path}: no server is in mcpServers, or all are disabled")
    return HostConfiguration(found, tuple(dict.fromkeys(reader.secrets)))


def _servers(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        table = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once)
    except OSError as error:
        raise ConfigurationError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path}: no JSON: {error}") from None
    servers = table.get("mcpServers", table.get("servers")) if isinstance(table, dict) else None
    if not isinstance(servers, dict):
        raise ConfigurationError(f'{path}: there is no object "mcpServers" in it')
    return servers


def _leads_somewhere(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that names a member twice: the first one would be lost without a word."""
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} stands there twice")
    return table


class _Reader:
    def __init__(self, path: str, environment: Mapping[str, str]) -> None:
        self._path, self._environment = path, environment
        self._where = path
        self.secrets: list[str] = []

    def server(self, name: str, entry: Any) -> ServerConfig | None:
        self._where = f"{self._path}: server {name!r}"
        if not _NAME.fullmatch(name):
            raise self._error("a name has letters, digits, '_', '.' and '-', 64 at most")
        try:
            found = msgspec.convert(entry, _Entry)
        except msgspec.ValidationError as error:
            raise self._error(str(error).replace("`", "'")) from None
        if found.disabled:
            return None
        if (found.url is None) is (found.command is None):
            raise self._error("it takes a command or a url, and not both")
        target = self._url(found) if found.url is not None else self._command(found)
        return ServerConfig(name, target, self._settings(found))

    def _command(self, entry: _Entry) -> StdioCommand:
        for key in ("headers", "tls", "proxy"):
            if getattr(entry, key):
                raise self._error(f"{key} goes with a url; a command takes its credentials from env")
        words = [entry.command] if isinstance(entry.command, str) else list(entry.command or ())
        argv = tuple(self._text(str(word)) for word in (*words, *entry.args))
        if not argv or not argv[0]:
            raise self._error("the command is empty")
        wrong = next((name for name in entry.env if not name or "=" in name), None)
        if wrong is not None:
            raise self._error(f"env: {wrong!r} is no name of a variable")
        cwd = None if entry.cwd is None else self._text(entry.cwd)
        return StdioCommand(argv, self._values(entry.env), cwd, "all" if entry.inherit else "minimal")

    def _url(self, entry: _Entry) -> str:
        if entry.env or entry.args or entry.cwd:
            raise self._error("env, args and cwd go with a command; a url takes its credentials from headers")
        url = self._text(str(entry.url))
        scheme, found, rest = url.partition("://")
        if not found or scheme.lower() not in _SCHEMES or not _leads_somewhere(f"http://{rest}"):
            raise self._error(f"{shown(url)!r} is no URL of a server: they begin with {', '.join(_SCHEMES)}")
        kind = next((kind for kind in (entry.type, entry.transport) if isinstance(kind, str)), "")
        return f"sse+{url}" if kind.lower() == "sse" and scheme.lower() in ("http", "https") else url

    def _settings(self, entry: _Entry) -> ClientSettings:
        headers = self._values(entry.headers)
        for name, value in headers.items():
            if not _HEADER.fullmatch(name) or any(character < " " and character != "\t" for character in value):
                raise self._error(f"the header {name!r} cannot be sent")
        if entry.timeout is not None and not 0 < entry.timeout <= 86_400:
            raise self._error("timeout is a number of seconds, more than 0 and at most a day")
        usual = ClientSettings()
        timeout = entry.timeout or usual.timeout
        try:
            context = None
            if entry.tls is not None:
                context = client_context(*map(self._optional, (entry.tls.ca, entry.tls.cert, entry.tls.key)))
            seal = None if entry.seal_keys is None else SealKeys.from_file(self._text(entry.seal_keys))
        except (TlsError, KeysError) as error:
            raise self._error(str(error)) from None
        return ClientSettings(
            headers=headers,
            timeout=timeout,
            maximum=max(timeout, usual.maximum),
            ssl_context=context,
            proxy=self._optional(entry.proxy),
            seal=seal,
        )

    def _optional(self, text: str | None) -> str | None:
        return None if text is None else self._text(text)

    def _values(self, table: Mapping[str, Text]) -> dict[str, str]:
        """Resolve the values of `env` and `headers`, each of which may be a secret."""
        values = {name: self._value(str(value)) for name, value in table.items()}
        self.secrets += [value for value in values.values() if len(value) >= _SHORTEST_SECRET]
        return values

    def _value(self, text: str) -> str:
        name = text.removeprefix("env:")
        return self._variable(name, None) if name != text else self._text(text)

    def _text(self, text: str) -> str:
        return _VARIABLE.sub(lambda found: self._variable(found[1], found[2]), text)

    def _variable(self, name: str, otherwise: str | None) -> str:
        value = self._environment.get(name, otherwise)
        if value is None:
            raise self._error(f"the environment has no {name}")
        return value

    def _error(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"{self._where}: {what}")
