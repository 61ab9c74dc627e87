"""`cost-exporter`: tell another machine, or another container, what a server costs while it is under load."""

from __future__ import annotations

import threading

import psutil

from door.errors import Exit, Refusal
from door.safety import is_near
from door.terminal import complain
from loadtest.cost_page import CostPage, listener
from loadtest.fleet import address
from loadtest.live import serve_page

__all__ = ["export_cost"]

_PORT = 9464


def export_cost(pid: int | None, port: int | None, at: str) -> int:
    """Serve the cost of a process until Ctrl-C. Raises `Refusal` for a process that cannot be seen."""
    if (pid is None) == (port is None):
        raise Refusal("whose cost? --pid PID, or --port PORT for the process that listens there")
    try:
        host, taken = address(at, _PORT)
        if not is_near(host):
            raise Refusal(f"--address {at}: the page is for this machine and private networks, not for everybody")
    except ValueError as problem:
        raise Refusal(f"--address: {problem}") from None
    page = _page(pid, port)
    try:
        with serve_page(page, host, taken) as chosen:
            complain(f"the cost of {page.shown}: http://{f'[{host}]' if ':' in host else host}:{chosen}/metrics")
            threading.Event().wait()
    except OSError as problem:
        raise Refusal(f"--address {at}: {problem.strerror}") from None
    except KeyboardInterrupt:
        pass
    return Exit.PASSED


def _page(pid: int | None, port: int | None) -> CostPage:
    found = listener(port) if pid is None and port is not None else pid
    if found is None:
        raise Refusal(f"no process is seen to listen at port {port}; it may be somebody else's", Exit.UNREACHABLE)
    try:
        return CostPage(found)
    except psutil.Error:
        raise Refusal(f"there is no process {found}, or it is somebody else's", Exit.UNREACHABLE) from None
