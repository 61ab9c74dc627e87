"""`PermissionManager`: may this operation be done with this resource?

A policy may say so, somebody may have said so before, or somebody is asked; where nobody can answer, the answer is no.
Every decision is written to the audit log before it counts.

    manager = PermissionManager(ask=TerminalConsent(), audit=AuditLog("audit.jsonl"))
    if not await manager.request_permission("tools/call", "files/delete", {"arguments": {"path": "a.txt"}}):
        raise PermissionError("files/delete")

Operations are named as the specification's methods are; resources are `server/tool`, `server/uri`, or what the user of
this class agrees on.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import anyio
import anyio.to_thread

from reference_impl.security.audit import Audit, AuditError, MemoryAudit
from reference_impl.security.consent import Ask, Consent, Inquiry, Scope, ask_callback
from reference_impl.security.grants import Grant, Grants, GrantsError
from reference_impl.security.patterns import exactly
from reference_impl.security.policy import Policy, Ruling

__all__ = ["Decision", "PermissionManager"]

_logger = logging.getLogger("reference_impl.security")


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and in words why."""

    granted: bool
    why: str


class PermissionManager:
    """Decides, remembers and writes down.

    `ask` asks for consent (`consent.Ask`; `TerminalConsent` is one); without it whatever would have to be asked is
    denied. `store` is the file for answers that hold always; without it they hold as long as this object. Where the
    audit log cannot be written, operations are denied, unless `audit_failure` is `allow`. `clock` gives Unix seconds.
    Meant for one event loop.
    """

    def __init__(
        self,
        policy: Policy | None = None,
        ask: Ask | None = None,
        audit: Audit | None = None,
        *,
        store: str | Path | None = None,
        audit_failure: Literal["deny", "allow"] = "deny",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.policy = policy or Policy()
        self.audit: Audit = audit if audit is not None else MemoryAudit(clock=clock)
        self._ask = ask
        self._grants = Grants(store)
        self._audit_failure = audit_failure
        self._clock = clock
        self._asking: dict[tuple[str | None, str, str], _Queue] = {}

    async def request_permission(self, operation: str, resource: str, context: Mapping[str, Any] | None = None) -> bool:
        """Tell whether `operation` may be done with `resource` now, asking for consent where that is needed.

        `context` is shown to whoever is asked and written to the audit log, redacted. Its `sensitive` marks what
        matters, its `principal` is on whose behalf. The same thing requested many times at once is asked for once.
        """
        inquiry = _inquiry(operation, resource, context)
        try:
            decision = await self._decide(inquiry)
        except GrantsError as error:
            _logger.warning("%s", error)
            decision = _denied("the remembered answers cannot be read")
        return await self._written(inquiry, decision)

    async def check_permission(
        self, server_name: str, tool_name: str, arguments: Mapping[str, Any] | None = None, *, sensitive: bool = False
    ) -> bool:
        """Tell whether a tool of a server may be called with these arguments: `tools/call` on `server/tool`."""
        context = {"arguments": dict(arguments or {}), "sensitive": sensitive}
        return await self.request_permission("tools/call", f"{server_name}/{tool_name}", context)

    async def prompt_user_consent(
        self, operation: str, resource: str, context: Mapping[str, Any] | None = None
    ) -> bool:
        """Ask, whatever the policy allows and was answered before, and remember the answer as it says. A denial by the
        policy stands."""
        inquiry = _inquiry(operation, resource, context)
        ruling = self.policy.rule(inquiry, self._clock())
        decision = _denied(ruling.why) if ruling.action == "deny" else await self._asked(inquiry, ruling)
        return await self._written(inquiry, decision)

    def revoke_permission(self, operation: str, resource: str, principal: str | None = None) -> int:
        """Forget every remembered answer that covers this, wider ones included, so that it is asked for again; return
        how many those were. What a policy allows stays allowed. Raises `GrantsError` if the file keeps them."""
        inquiry, now = Inquiry(operation, resource, principal=principal), self._clock()
        gone = self._grants.forget(lambda grant: grant.about(inquiry, now))
        self._append({"event": "revoked", "operation": operation, "resource": resource, "answers": gone})
        return gone

    def remembered(self) -> list[Grant]:
        """Return the answers that hold now, the oldest first."""
        return self._grants.all(self._clock())

    def end_session(self) -> None:
        """Forget what was answered for the session."""
        self._grants.end_session()

    def get_audit_log(self, since: float | None = None) -> list[dict[str, Any]]:
        """Return the audit log's entries from a time on (Unix seconds), oldest first."""
        return self.audit.entries(since)

    # How it is decided ---------------------------------------------------------------------------

    async def _decide(self, inquiry: Inquiry) -> Decision:
        found = self._known(inquiry)
        if isinstance(found, Decision):
            return found
        with self._queued(inquiry) as queue:
            turn, shown = queue.turn(), _shown(inquiry)
            async with queue.lock:
                decision, covered = queue.answers.get(shown, (None, 0))
                if decision is not None and turn <= covered:  # the very same was asked while this waited
                    return decision
                found = self._known(inquiry)
                if isinstance(found, Decision):
                    return found
                decision = await self._asked(inquiry, found)
                queue.answers[shown] = decision, queue.turns
                return decision

    def _known(self, inquiry: Inquiry) -> Decision | Ruling:
        """Return what is decided without asking, or the ruling that demands to ask."""
        now = self._clock()
        ruling = self.policy.rule(inquiry, now)
        if ruling.action != "ask":
            return Decision(ruling.action == "allow", ruling.why)
        grant = self._grants.find(inquiry, now, lambda grant: _counts(grant, inquiry, ruling, now))
        return ruling if grant is None else Decision(grant.granted, f"answered before, for {grant.scope}")

    @contextmanager
    def _queued(self, inquiry: Inquiry) -> Iterator[_Queue]:
        """Wait for one's turn together with all who request the same now."""
        key = (inquiry.principal, inquiry.operation, inquiry.resource)
        queue = self._asking.setdefault(key, _Queue())
        queue.waiting += 1
        try:
            yield queue
        finally:
            queue.waiting -= 1
            if not queue.waiting:
                del self._asking[key]

    async def _asked(self, inquiry: Inquiry, ruling: Ruling) -> Decision:
        if self._ask is None:
            return _denied(f"{ruling.why}, and nobody can be asked")
        asked = replace(inquiry, sensitive=ruling.sensitive, most=_most(ruling))
        try:
            consent = await ask_callback(self._ask, asked)
        except Exception as error:  # the user's code; whatever goes wrong in it is no consent
            _logger.warning("consent could not be asked for", exc_info=error)
            return _denied("asked, and the asking failed")
        if consent is None:
            return _denied(f"{ruling.why}, and nobody answered")
        scope = self._remember(asked, consent, ruling)
        return Decision(consent.granted, consent.why or f"asked, and answered for {scope}")

    def _remember(self, inquiry: Inquiry, consent: Consent, ruling: Ruling) -> Scope:
        """Remember an answer within the bounds of the ruling; a no may hold for always even so. Return its scope."""
        bounds = [consent.scope, inquiry.most] if consent.granted else [consent.scope]
        scope = min(bounds, key=lambda one: one.rank)
        wide = not (consent.granted and inquiry.sensitive)  # a yes to what is sensitive is one to that alone
        seconds = [each for each in (consent.seconds, ruling.seconds if consent.granted else None) if each is not None]
        now = self._clock()
        grant = Grant(
            operation=(consent.operation if wide else None) or exactly(inquiry.operation),
            resource=(consent.resource if wide else None) or exactly(inquiry.resource),
            granted=consent.granted,
            scope=scope,
            principal=inquiry.principal,
            since=now,
            expires=now + min(seconds) if seconds else None,
        )
        try:
            self._grants.remember(grant)
        except GrantsError as error:
            _logger.warning("%s; it holds for this session", error)
            return Scope.SESSION
        return scope

    # How it is written down ----------------------------------------------------------------------

    async def _written(self, inquiry: Inquiry, decision: Decision) -> bool:
        """Write a decision to the audit log, and return what comes of it: what cannot be written down is denied."""
        context = {name: value for name, value in inquiry.context.items() if name not in ("sensitive", "principal")}
        event = {
            "operation": inquiry.operation,
            "resource": inquiry.resource,
            "granted": decision.granted,
            "why": decision.why,
            "sensitive": inquiry.sensitive,
            **({} if inquiry.principal is None else {"principal": inquiry.principal}),
            "context": context,
        }
        if isinstance(self.audit, MemoryAudit):
            return self._append(event) and decision.granted
        return await anyio.to_thread.run_sync(self._append, event) and decision.granted  # it may wait for the disk

    def _append(self, event: dict[str, Any]) -> bool:
        """Write an entry, and tell whether to go on."""
        try:
            self.audit.append(event)
        except AuditError as error:
            _logger.error("%s", error)  # noqa: TRY400 - one line says it all
            return self._audit_failure == "allow"
        return True


def _most(ruling: Ruling) -> Scope:
    """Return the longest that a yes may hold."""
    longest = Scope.SESSION if ruling.sensitive else Scope.ALWAYS
    return min(ruling.scope, longest, key=lambda scope: scope.rank)


def _counts(grant: Grant, inquiry: Inquiry, ruling: Ruling, now: float) -> bool:
    """Tell whether an earlier answer answers this: a no does, a yes within the bounds that hold for this here and now,
    which may be closer than those of what it was given for."""
    if not grant.granted:
        return True
    if grant.scope.rank > _most(ruling).rank or (ruling.seconds is not None and now >= grant.since + ruling.seconds):
        return False
    alone = (exactly(inquiry.operation), exactly(inquiry.resource))
    return not ruling.sensitive or (grant.operation, grant.resource) == alone


def _denied(why: str) -> Decision:
    return Decision(granted=False, why=why)


@dataclass(slots=True, eq=False)
class _Queue:
    """Those who request the same at the same time, and what the first of them were answered, each answer with the last
    turn that it is for: who comes later was not there when it was asked."""

    lock: anyio.Lock = field(default_factory=anyio.Lock)
    answers: dict[str, tuple[Decision, int]] = field(default_factory=dict)
    turns: int = 0
    waiting: int = 0

    def turn(self) -> int:
        """Return the next turn."""
        self.turns += 1
        return self.turns


def _inquiry(operation: str, resource: str, context: Mapping[str, Any] | None) -> Inquiry:
    given = dict(context or {})
    principal = given.get("principal")
    named = principal if isinstance(principal, str) else None
    return Inquiry(operation, resource, given.get("sensitive") is True, named, given)


def _shown(inquiry: Inquiry) -> str:
    """Return what tells two requests apart for whoever is asked; what cannot be written as JSON is like no other."""
    try:
        return json.dumps([inquiry.sensitive, inquiry.context], sort_keys=True, default=repr)
    except (TypeError, ValueError, RecursionError):
        return uuid4().hex
