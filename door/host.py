"""`touchstone host`: the reference AI application over the servers of an `mcp.json`."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import anyio

from door.errors import Exit, Refusal
from door.host_consent import PlanConsent
from door.host_options import HostingOptions
from door.host_terminal import Lines, Shown, TerminalForm
from door.terminal import complain, write
from reference_impl.host import (
    ConfigurationError,
    Execution,
    FixedPlanner,
    Host,
    HostConfiguration,
    HostError,
    HostOptions,
    MatchingPlanner,
    Model,
    ModelError,
    ModelPlanner,
    ModelSettings,
    Outcome,
    Plan,
    PlanError,
    Planner,
    Questions,
    read_configuration,
    read_plan,
)
from reference_impl.security.audit import AuditError, AuditLog
from reference_impl.security.consent import Consent, Inquiry
from reference_impl.security.permissions import PermissionManager
from reference_impl.security.policy import Policy, PolicyError
from reference_impl.security.redaction import Redactor, secrets_of_environment
from reference_impl.security.terminal_consent import TerminalConsent

__all__ = ["run_host"]

_HELP = """/tools            the tools of all servers
/health           how the servers are
/plan REQUEST     what would be done, without doing it
/quit             leave
anything else is a request
"""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a host is made of, read and checked."""

    configuration: HostConfiguration
    planner: Planner
    gate: PermissionManager
    consent: PlanConsent
    questions: Questions
    shown: Shown
    as_json: bool
    deaf: bool
    """Whether there is nobody who could be asked."""


def run_host(file: Path, request: str | None, options: HostingOptions) -> int:
    """Carry out one request, or what is typed. Raises `Refusal` for wrong options and files, and where no server can
    be started."""
    if options.plan is not None and request is not None:
        raise Refusal("a plan says what to do: leave out REQUEST, or --plan")
    if request is not None and not request.strip():
        raise Refusal("REQUEST is empty")
    if request is None and options.plan is None and sys.stdin is None:
        raise Refusal("there is no standard input to read requests from: give REQUEST, or --plan")
    with ExitStack() as stack:
        parts = _parts(file, options, stack)
        return anyio.run(_hosted, parts, request if options.plan is None else str(options.plan))


def _parts(file: Path, options: HostingOptions, stack: ExitStack) -> _Parts:
    try:
        model = _model(options)
        planner: Planner = MatchingPlanner() if model is None else ModelPlanner(model)
        if options.plan is not None:
            planner = FixedPlanner(read_plan(options.plan))
        configuration = read_configuration(file)
        policy = Policy() if options.policy is None else Policy.from_file(options.policy)
        secrets = [*configuration.secrets, *secrets_of_environment()]
        redactor = Redactor(secrets)
        if model is not None:
            model.secrets.keep(secrets)
        audit = None if options.audit is None else stack.enter_context(AuditLog(options.audit, redactor=redactor))
    except (ConfigurationError, PlanError, PolicyError, AuditError, ModelError) as error:
        raise Refusal(str(error)) from None
    missing = [root for root in options.root or [] if not root.is_dir()]
    if missing:
        raise Refusal(f"--root {missing[0]}: no such directory")
    consent = PlanConsent(_agree if options.yes else TerminalConsent(redactor=redactor))
    gate = PermissionManager(policy, consent, audit, store=options.remember)
    terminal = _has_terminal()
    elicit = TerminalForm(_terminal, redactor) if terminal else None
    questions = Questions(gate, model, elicit, options.root or ())
    deaf = not (terminal or options.yes)
    return _Parts(configuration, planner, gate, consent, questions, Shown(redactor), options.as_json, deaf)


def _model(options: HostingOptions) -> Model | None:
    if options.model is None and (options.model_url or options.model_api):
        raise Refusal("--model-url and --model-api go with --model")
    settings = ModelSettings.from_environment(options.model, options.model_api, options.model_url)
    return None if settings is None else Model(settings)


async def _agree(_: Inquiry) -> Consent:
    return Consent(granted=True, why="not asked: --yes consents")


def _terminal() -> int:
    return os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)


def _has_terminal() -> bool:
    try:
        os.close(_terminal())
    except OSError:
        return False
    return True


async def _hosted(parts: _Parts, request: str | None) -> int:
    options = HostOptions(questions=parts.questions, approve=_approver(parts), told=_teller(parts))
    async with Host(parts.configuration, parts.planner, parts.gate, options) as host:
        try:
            await host.initialize_system()
        except HostError as error:
            raise Refusal(parts.shown.line(str(error), 1000), Exit.UNREACHABLE) from None
        for name, why in host.failures.items():
            complain(f"{name} could not be started: {parts.shown.line(why, 500)}")
        if request is None:
            return await _Prompt(host, parts).run()
        return await _carried_out(host, parts, request)


def _approver(parts: _Parts) -> Callable[[Plan], Awaitable[bool]]:
    async def approve(plan: Plan) -> bool:
        parts.consent.begin(plan)
        _say(parts, parts.shown.plan(plan))
        return True

    return approve


def _teller(parts: _Parts) -> Callable[[Outcome], None]:
    return lambda outcome: _say(parts, parts.shown.outcome(outcome))


def _say(parts: _Parts, text: str) -> None:
    """Tell the user; beside JSON on standard output, on standard error."""
    if parts.as_json:
        sys.stderr.write(text)
    else:
        write(text)


async def _carried_out(host: Host, parts: _Parts, request: str) -> int:
    try:
        execution = await host.execute_ai_request(request)
    except ModelError as error:
        raise Refusal(parts.shown.line(str(error), 1000), Exit.UNREACHABLE) from None
    except PlanError as error:
        raise Refusal(parts.shown.line(str(error), 1000)) from None
    except HostError as error:
        raise Refusal(f"{parts.shown.line(str(error), 1000)}; nothing was done", Exit.FAILED) from None
    if parts.as_json:
        write(parts.shown.json(execution) + "\n")
    else:
        _conclude(parts, execution)
    if parts.deaf and any(outcome.status == "denied" for outcome in execution.outcomes):
        complain("there is no terminal to ask at: --yes consents to everything, --policy FILE says to what")
    return Exit.PASSED if execution.succeeded else Exit.FAILED


def _conclude(parts: _Parts, execution: Execution) -> None:
    write(f"\n{parts.shown.text(execution.answer)}\n")
    write(f"\n{_counted(len(execution.outcomes), 'step')} in {execution.seconds:.2f} s\n")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


class _Prompt:
    """The interactive mode: requests and a few commands, a line each."""

    def __init__(self, host: Host, parts: _Parts) -> None:
        self._host, self._parts = host, parts

    async def run(self) -> int:
        """Serve lines until `/quit` or the end of the input; return the exit code."""
        lines = Lines(sys.stdin.fileno())
        there = len(self._host.client.sessions)
        tools = len(self._host.client.tool_registry)
        write(f"{_counted(there, 'server')}, {_counted(tools, 'tool')}; /help\n")
        while True:
            write("host> ")
            line = await lines.next()
            if line is None or line.strip() == "/quit":
                write("\n" if line is None else "")
                return Exit.PASSED
            if line.strip():
                await self._line(line.strip())

    async def _line(self, line: str) -> None:
        command, _, rest = line.partition(" ")
        table = {"/tools": self._tools, "/health": self._health, "/help": self._help}
        try:
            if command in table:
                await table[command]()
            elif command == "/plan" and rest.strip():
                write(self._parts.shown.plan(await self._host.analyze_request(rest.strip())))
            elif command.startswith("/"):
                write(f"There is no {self._parts.shown.line(command)}.\n{_HELP}")
            else:
                await _carried_out(self._host, self._parts, line)
        except (HostError, Refusal) as error:
            complain(self._parts.shown.line(str(error), 1000))

    async def _help(self) -> None:
        write(_HELP)

    async def _tools(self) -> None:
        for name, tool in self._host.client.tool_registry.items():
            about = str(tool.definition.get("description") or "")
            write(f"  {self._parts.shown.line(name)}: {self._parts.shown.line(about)}\n")

    async def _health(self) -> None:
        for name, health in (await self._host.client.health_check()).items():
            up = "" if health.uptime is None else f", connected for {health.uptime:.0f} s"
            wrong = "" if health.last_error is None else f"; last error: {self._parts.shown.line(health.last_error)}"
            write(f"  {name}: {health.status}{up}{wrong}\n")
        for name, why in self._host.failures.items():
            write(f"  {name}: not started: {self._parts.shown.line(why)}\n")
