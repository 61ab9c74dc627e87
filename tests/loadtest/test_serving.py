"""What a run started again is gone with all that it started, whatever session that is in."""

from __future__ import annotations

import socket
import sys

import psutil

from loadtest.serving import Served, Serving, listening

_SERVER = """
import http.server, sys
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.BaseHTTPRequestHandler).serve_forever()
"""
# A launcher whose server has a session of its own, as process managers do it.
_LAUNCHER = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {_SERVER!r}, sys.argv[1]], start_new_session=True)
"""


def test_a_server_behind_a_launcher_is_killed_too() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serving = Serving(argv=(sys.executable, "-c", _LAUNCHER, str(port)), url=f"http://127.0.0.1:{port}/mcp")
    served = Served(serving.parameters())
    assert served.start()
    server = psutil.Process(listening(port) or 0)
    served.kill()
    psutil.wait_procs([server], timeout=30)
    assert not server.is_running() or server.status() == psutil.STATUS_ZOMBIE
    assert listening(port) is None
