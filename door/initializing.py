"""`init`: look at a server, write the settings file that it needs, and say what more would let be tested."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.abc

from conformance.bench import Bench
from conformance.eras import Eras
from conformance.expect import Mismatch, brief
from conformance.links import Answer
from conformance.patience import Patience
from conformance.peer import Peer
from conformance.readers import beside_readers
from conformance.runner import Plan, run_checks
from conformance.scout import Scouted, Unreachable, scout
from conformance.surface import Surface, ToolCall
from conformance.target import MemoryTarget, Target, shown
from door.config import Settings
from door.errors import Exit, Refusal
from door.options import TargetOptions
from door.progress import Live
from door.settings_file import DEFAULT_FILE
from door.starter_file import Tried, Untouched, render_starter
from door.terminal import Terminal, complain
from reference_impl.transports.stdio import TargetNotStarted
from reports.records import Verdict
from reports.text import visible

__all__ = ["initialize"]

_NO_TARGET = "no target: touchstone init takes a URL, a command after --, or FILE.json#NAME, to look at"
_NOTHING_SAID = "nothing of the kind was said, so there was nothing to judge"
"""Why most checks that watch are blocked: not for want of settings."""
_TRIED = 16
"""Tools that are called once."""
_SHOWN = 8
_NAMED = 6


@dataclass(slots=True)
class _Seen:
    """What one look at a target found."""

    scouted: Scouted
    surface: Surface
    tried: list[Tried]
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def untouched(self) -> list[Untouched]:
        """The tools that may not be called."""
        tools = [tool for tool in self.surface.tools if isinstance(tool.get("name"), str)]
        return [_untouched(tool) for tool in tools if not self.surface.permission.grants(tool)]


def initialize(options: TargetOptions, path: Path, *, force: bool = False, quiet: bool = False) -> int:
    """Write `path` for a target. Raises `Refusal` if it is there already, or if the target cannot be looked at."""
    from door.commands import settings_of
    from door.settings_file import File

    if path.exists() and not force:
        raise Refusal(f"{path} is there already: edit it, or write it anew with --force")
    # What another file says is not for a new one to repeat.
    settings = settings_of(options, File())
    if settings.target is None or isinstance(settings.target, MemoryTarget):
        raise Refusal(_NO_TARGET)
    with Live(quiet=quiet) as live:
        seen = _look(live, settings, settings.target)
    text = render_starter(settings.target, _variables(options, settings.target), seen.tried, seen.untouched)
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise Refusal(f"{path}: {(error.strerror or 'cannot be written').lower()}") from None
    _tell(seen, settings.target, path)
    return Exit.PASSED


def _look(live: Live, settings: Settings, target: Target) -> _Seen:
    stage = live.stage("looking at what the target offers")
    patience = Patience()
    try:
        scouted = anyio.run(scout, target, patience, settings.permission)
        revision = scouted.eras.revisions[-1].name
        surface = scouted.surfaces[revision]
        tried = anyio.run(_try_tools, target, scouted, patience)
        seen = _Seen(scouted, surface, tried)

        def started(_: object, count: int) -> None:
            nonlocal stage
            stage = live.stage("trying the checks", count)

        def emit(verdict: Verdict) -> None:
            seen.verdicts.append(verdict)
            stage.step(verdict.check, outcome=verdict.outcome)

        plan = Plan(target, emit, started=started, revisions=(revision,), permission=settings.permission)
        anyio.run(run_checks, plan)
    except Unreachable as error:
        raise Refusal(str(error), Exit.UNREACHABLE) from None
    return seen


async def _try_tools(target: Target, scouted: Scouted, patience: Patience) -> list[Tried]:
    """Call each tool that may be called once, with the simplest arguments."""
    revision = scouted.eras.revisions[-1]
    calls = list(scouted.surfaces[revision.name].calls())[:_TRIED]

    async def work(readers: anyio.abc.TaskGroup) -> list[Tried]:
        bench = Bench(target, revision, patience, readers)
        async with bench.opened("init") as peer:
            return [await _try(peer, call) for call in calls]

    try:
        return await beside_readers(work)
    except (Mismatch, TargetNotStarted) as error:
        raise Unreachable(f"the handshake worked once, and then failed: {error}") from None


async def _try(peer: Peer, call: ToolCall) -> Tried:
    try:
        answer = await peer.request("tools/call", call.params)
    except Mismatch as mismatch:
        return Tried(call.tool["name"], call.arguments, mismatch.actual)
    return Tried(call.tool["name"], call.arguments, _trouble(answer))


def _trouble(answer: Answer) -> str | None:
    if not isinstance(answer.result, dict):
        return answer.describe()
    if answer.result.get("isError") is not True:
        return None
    content = answer.result.get("content")
    texts = [part.get("text") for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    said = " ".join(text for text in texts if isinstance(text, str))
    return said or brief(answer.result)


def _untouched(tool: Mapping[str, object]) -> Untouched:
    annotations = tool.get("annotations")
    destroys = isinstance(annotations, dict) and annotations.get("destructiveHint") is True
    return Untouched(str(tool["name"]), str(tool.get("description") or ""), destroys)


def _variables(options: TargetOptions, target: Target) -> dict[str, str]:
    """Return the reference that stands for each value in the file: no secret is written into it."""
    typed = {name.strip(): value.strip() for name, _, value in (text.partition(":") for text in options.header or [])}
    typed |= {name.strip(): value for name, _, value in (text.partition("=") for text in options.env or [])}
    given: Iterable[str] = getattr(target, "env", None) or typed
    names = {name: typed.get(name, "") for name in given}
    variables = {name: value if value.startswith("env:") else f"env:{_variable(name)}" for name, value in names.items()}
    if options.token is not None:
        variables["token"] = options.token if options.token.startswith("env:") else "env:TOKEN"
    return variables


def _variable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").upper() if "-" in name else name


def _tell(seen: _Seen, target: Target, path: Path) -> None:
    console = Terminal(highlight=False)

    def say(text: str) -> None:
        console.print(visible(text), markup=False, soft_wrap=True)

    eras: Eras = seen.scouted.eras
    spoken = " and ".join(revision.name for revision in eras.revisions)
    say(
        f"{path} is written, for {eras.implementation or shown(target)}, which speaks {spoken} over {target.transport}."
    )
    say("")
    for line in (*_of_tools(seen), *_of_checks(seen.verdicts)):
        say(line)
    command = "touchstone check" if str(path) == DEFAULT_FILE else f"touchstone check --config {path}"
    say(f"\nNow: {command}")
    if any(word in str(getattr(target, "url", "")) for word in ("token=", "key=", "secret=")):
        complain(f"the URL in {path} seems to hold a secret: keep the file to yourself, or use --header")


def _of_tools(seen: _Seen) -> Iterable[str]:
    waiting = [each.name for each in seen.untouched]
    troubled = [each.name for each in seen.tried if each.trouble is not None]
    if not seen.surface.tools:
        yield "It lists no tools."
        return
    count = len(seen.surface.tools)
    tools = "tool" if count == 1 else "tools"
    yield f"{count} {tools}; {count - len(waiting)} may be called without your word."
    if waiting:
        yield f"  [tools] allow: {len(waiting)} may change something, and wait there: {_few(waiting)}"
    if troubled:
        yield f"  [tools.samples]: {len(troubled)} do not succeed with the simplest arguments: {_few(troubled)}"


def _of_checks(verdicts: Sequence[Verdict]) -> Iterable[str]:
    counts = Counter(verdict.outcome for verdict in verdicts)
    yield f"\nOf {len(verdicts)} checks {counts['passed']} pass and {counts['failed']} fail as it stands."
    reasons = Counter(each.summary for each in verdicts if each.outcome == "blocked" and each.summary != _NOTHING_SAID)
    if reasons:
        yield f"{reasons.total()} more wait for something that a setting may unlock:"
        yield from (f"  {times:3}  {reason}" for reason, times in reasons.most_common(_SHOWN))


def _few(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
