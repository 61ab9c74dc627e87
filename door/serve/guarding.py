"""What stands around every call of a server that is served: limits, permissions, the audit log, logs and metrics."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from door.errors import Refusal

if TYPE_CHECKING:
    from door.serve.listening import ServingOptions
    from reference_impl.security.audit import AuditLog
    from reference_impl.security.permissions import PermissionManager
    from reference_impl.server import AdvancedMCPServer

__all__ = ["guarded"]


@contextmanager
def guarded(server: AdvancedMCPServer, serving: ServingOptions) -> Iterator[None]:
    """Put around the handlers of a server what the options want, for the length of a block.

    Raises `Refusal` for a policy, an audit log or a number that cannot be used.
    """
    from reference_impl.security.redaction import secrets_of_environment
    from reference_impl.server.middleware import Standard, standard

    server.secrets.keep(secrets_of_environment())
    _check(serving)
    _count(server, serving)
    with ExitStack() as stack:
        permissions = _permissions(serving, stack)
        wanted = Standard(
            log=serving.log_calls is not None,
            rate=serving.call_rate,
            burst=serving.call_burst,
            permissions=permissions,
            cache=serving.call_cache,
            timeout=serving.call_timeout,
        )
        if serving.log_calls is not None:
            stack.enter_context(_logging(serving.log_calls.value))
        for middleware in standard(wanted):
            server.add_middleware(middleware)
        yield


def _check(serving: ServingOptions) -> None:
    for name in ("call_rate", "call_burst", "call_timeout", "call_cache"):
        value = getattr(serving, name)
        if value is not None and not 0 < value < 1e9:
            raise Refusal(f"--{name.replace('_', '-')} must be more than 0")
    if serving.call_burst is not None and serving.call_rate is None:
        raise Refusal("--call-burst needs --call-rate")
    if serving.audit_key is not None and serving.audit is None:
        raise Refusal("--audit-key needs --audit")


def _count(server: AdvancedMCPServer, serving: ServingOptions) -> None:
    if not serving.metrics:
        return
    if serving.transport.value == "stdio":
        raise Refusal("--metrics shows a page over HTTP: add --transport http, sse or ws")
    from door.serve.listening import need
    from reference_impl.metrics import ServerMetrics

    need("prometheus_client")
    server.metrics = server.metrics or ServerMetrics()


def _permissions(serving: ServingOptions, stack: ExitStack) -> PermissionManager | None:
    if serving.policy is None and serving.audit is None and not serving.consent:
        return None
    from reference_impl.security.permissions import PermissionManager
    from reference_impl.security.policy import Policy, PolicyError
    from reference_impl.security.terminal_consent import TerminalConsent

    try:
        policy = (
            Policy.from_file(serving.policy)
            if serving.policy
            else Policy(default="ask" if serving.consent else "allow")
        )
    except PolicyError as error:
        raise Refusal(str(error)) from None
    log = _audit(serving)
    if log is not None:
        stack.enter_context(log)
    return PermissionManager(policy, TerminalConsent() if serving.consent else None, log)


def _audit(serving: ServingOptions) -> AuditLog | None:
    if serving.audit is None:
        return None
    from reference_impl.security.audit import AuditError, AuditLog, AuditOptions, read_audit_key
    from reference_impl.security.redaction import Redactor, secrets_of_environment

    try:
        key = read_audit_key(serving.audit_key) if serving.audit_key else None
        return AuditLog(serving.audit, AuditOptions(key=key), Redactor(secrets_of_environment()))
    except AuditError as error:
        raise Refusal(str(error)) from None


@contextmanager
def _logging(form: str) -> Iterator[None]:
    """Write what the server logs to standard error; standard output is the protocol's."""
    from reference_impl.server.middleware.logging import JsonLines

    handler = logging.StreamHandler()
    plain = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    handler.setFormatter(JsonLines() if form == "json" else plain)
    logger = logging.getLogger("reference_impl")
    level, propagates = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates
