"""The settings of a run: command line over `touchstone.toml` over defaults; a TARGET may also name an `mcp.json`.

```toml
baseline = "known.toml"                # known failures (docs/baselines.md)
rules = "2026.11"                      # judged as that release did: an upgrade turns no gate red (docs/gate.md)

[target]
command = ["node", "build/index.js"]   # or: url = "http://127.0.0.1:3000/mcp", with start = "node server.js" if it is
                                       # to be started first
env = { API_KEY = "env:API_KEY" }      # values as env:NAME are read from the environment
headers = { Authorization = "env:TOKEN" }
cwd = "."

[authorization]                        # a protected server: tokens (docs/authorization.md), env:NAME too
good = "env:TOKEN"                     # goes with every request; the others are tried by checks
second = "env:OTHERS_TOKEN"            # also: expired, foreign, narrow; or issuer, whose tokens Touchstone makes

[tools]
allow = ["search"]                     # tools that may be called although they do not say readOnlyHint
asks = ["book"]                        # such that ask the client, for a form, a sample or its roots

[tools.samples]
search = { query = "touchstone" }      # arguments to call a tool with

[load]
objectives = ["p99<100ms", "search: p99<50ms"]   # or a table: [load.objectives] with overall = "p99<100ms"

[[load.mix]]                           # requests of a load test, instead of calls of one tool (docs/load.md)
tool = "search"
arguments = { query = "tea {n}" }      # {n} is another number each time
weight = 3
```
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.identities import Identities
from conformance.surface import Permission
from conformance.target import (
    AUTHORIZATION,
    HttpTarget,
    SseTarget,
    StdioTarget,
    Target,
    TargetError,
    UrlTarget,
    WebSocketTarget,
    bears_credentials,
    parse_target,
    with_token,
)
from door.errors import Refusal
from door.guessing import need_program
from door.hosts_file import is_entry, read_entry
from door.secrets import Secrets
from door.settings_file import DEFAULT_FILE, TOKENS, Authorization, File, Given, Value, read_file
from door.starting import LOG, Start
from loadtest.mixing import Mixed

if TYPE_CHECKING:
    from door.issuing import Issuer

__all__ = ["DEFAULT_FILE", "Settings", "read_settings"]

_KEY = Path(".touchstone") / "issuer-key.json"
_OTHERS = tuple(name for name in TOKENS if name != "good")


@dataclass(frozen=True, slots=True)
class Settings:
    """What to test and how. `target` is None where none was given; `secrets` are values that no record may show;
    `issuer` makes tokens for it, if asked to; `baseline` is the file of known failures; `rules` the
    set of rules to judge by; `start` serves the target's URL, where that is ours to do."""

    target: Target | None = None
    permission: Permission = field(default_factory=Permission)
    objectives: tuple[str, ...] = ()
    mix: tuple[Mixed, ...] = ()
    secrets: tuple[str, ...] = ()
    issuer: Issuer | None = None
    baseline: str | None = None
    rules: str | None = None
    start: Start | None = None

    @contextmanager
    def ready(self, log: Path = LOG) -> Iterator[None]:
        """Enter this while the target is spoken to: the server that is ours to start runs, and so does the issuer.

        What the server prints goes to `log`. Raises `Refusal` for a server that does not come to answer.
        """
        with ExitStack() as stack:
            if self.issuer is not None:
                stack.enter_context(self.issuer)
            if self.start is not None:
                stack.enter_context(replace(self.start, secrets=self.secrets).running(log))
            yield


def read_settings(  # noqa: PLR0913 - one for each option of the command line
    words: Sequence[str],
    *,
    file: str | File | None = None,
    headers: Sequence[str] = (),
    token: str | None = None,
    env: Sequence[str] = (),
    allow: Sequence[str] = (),
    start: str | None = None,
) -> Settings:
    """Read the settings of one command. Raises `Refusal` for anything wrong with them, in one line."""
    table = file if isinstance(file, File) else read_file(file)
    secrets = Secrets()
    own = Given(headers=secrets.pairs_of_headers(headers), env=secrets.pairs_of_variables(env), start=start)
    if token is not None and any(name.lower() == AUTHORIZATION for name in own.headers):
        raise Refusal("--token and --header 'Authorization: ...' say the same thing: give one")
    found, started = _target(list(words), table.target, own, secrets)
    target = _bearing(found, token, secrets)
    issuer = None
    if table.authorization != Authorization() and _is_of_the_file(target, table):
        target, issuer = _identified(target, table.authorization, secrets)
    return Settings(
        target=target,
        permission=Permission(
            frozenset([*table.tools.allow, *table.tools.asks, *allow]), table.tools.samples, frozenset(table.tools.asks)
        ),
        objectives=table.load.expected(),
        mix=tuple(table.load.mix),
        secrets=secrets.found(target),
        issuer=issuer,
        baseline=table.baseline,
        rules=table.rules,
        start=started,
    )


def _bearing(target: Target | None, token: str | None, secrets: Secrets) -> Target | None:
    """Return the target with the token of the command line."""
    if token is None or target is None:
        return target
    if not isinstance(target, UrlTarget):
        raise Refusal("--token goes with a URL; a command takes its credentials from --env")
    return replace(target, headers=with_token(target.headers, _tokens({"--token": token}, secrets)["--token"]))


def _tokens(given: Mapping[str, Value], secrets: Secrets) -> dict[str, str]:
    tokens = secrets.resolved(given)
    for name, token in tokens.items():
        if not token or not token.isascii() or any(character <= " " for character in token):
            raise Refusal(f"{name}: a token is one word, without 'Bearer' before it")
    return tokens


def _is_of_the_file(target: Target | None, table: File) -> bool:
    """Whether the target is the file's own, for which its tokens are. Raises `Refusal` if the file has none."""
    own = _parsed(table.target.words())
    if own is None:
        raise Refusal("[authorization] is for the [target] of the same file, which has none")
    if not isinstance(own, UrlTarget):
        raise Refusal("[authorization] goes with a url; a command takes its credentials from env")
    return isinstance(target, UrlTarget) and target.url == own.url


def _identified(target: Target | None, given: Authorization, secrets: Secrets) -> tuple[Target, Issuer | None]:
    """Return the target with the tokens of the file, or with those that our issuer makes, and that issuer."""
    assert isinstance(target, UrlTarget)
    tokens = _tokens(given.tokens, secrets)
    made, issuer = Identities(), None
    if given.issuer is not None:
        from door.issuing import Issuer, Wanted

        issuer = Issuer(Wanted(given.issuer, given.resource or target.url, tuple(given.scopes), _KEY))
        made = issuer.identities()
        tokens = {"good": issuer.good(), **tokens}
    good = tokens.pop("good", None)
    for url in given.readable:
        if not url.startswith(("http://", "https://")) or _parsed([url]) is None:
            raise Refusal(f"[authorization] readable: {url!r} is no URL; it begins with https://")
    readable = tuple(given.readable)
    identities = replace(made, readable=readable, **tokens)  # type: ignore[arg-type] # none is that of the callable
    secrets.keep(filter(None, [good, *(getattr(identities, name) for name in _OTHERS)]))
    # What was typed counts more than what the file says.
    if good is not None and not bears_credentials(target):
        target = replace(target, headers=with_token(target.headers, good))
    # Over the other transports nobody tries the gate.
    return (replace(target, identities=identities) if isinstance(target, HttpTarget) else target), issuer


def _target(words: list[str], given: Given, own: Given, secrets: Secrets) -> tuple[Target | None, Start | None]:
    if len(words) == 1 and is_entry(words[0]):
        given = read_entry(words[0])
        words = given.words()
    elif len(words) == 1 and words[0].endswith(".json"):
        raise Refusal(f"{words[0]} is no program; {words[0]}#NAME is a server in its mcpServers")
    elif not words:
        words = given.words()
    elif _parsed(words) != _parsed(given.words()):
        # The headers and variables of the file are for the file's own target, and for no other to see.
        given = Given()
    target = _parsed(words)
    need_program(target, given.cwd)
    headers = secrets.resolved(given.headers) | secrets.resolved(own.headers)
    env = secrets.resolved(given.env) | secrets.resolved(own.env)
    start = _command(own.start or given.start)
    match target:
        case StdioTarget() if headers:
            raise Refusal("--header goes with a URL; a command takes its credentials from --env")
        case StdioTarget() if start:
            raise Refusal("--start goes with a URL, which it serves; a command is a target by itself")
        case HttpTarget() | SseTarget() | WebSocketTarget() if env and not start:
            raise Refusal("--env goes with a command; a URL takes its credentials from --header")
        case StdioTarget():
            return replace(target, env=env, cwd=given.cwd), None
        case HttpTarget() | SseTarget() | WebSocketTarget():
            return replace(target, headers=headers), Start(start, target.url, env, given.cwd) if start else None
    return target, None


def _command(words: str | list[str] | None) -> tuple[str, ...]:
    """Return what `start` says as the words of a command line."""
    try:
        return tuple(shlex.split(words) if isinstance(words, str) else words or ())
    except ValueError as error:
        raise Refusal(f"--start: {str(error).lower()} in {words!r}") from None


def _parsed(words: list[str]) -> Target | None:
    try:
        return parse_target(words) if words else None
    except TargetError as error:
        raise Refusal(str(error)) from None
