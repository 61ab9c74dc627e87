"""Under TLS and IPv6: certificates are verified, and calls go through."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import loadtest

ROOT = Path(loadtest.__file__).parent.parent


def local_host() -> str:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return "127.0.0.1"
    return "::1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: Any) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("certificates")
    command = [sys.executable, "-m", "touchstone", "serve", "everything", "--transport", "ws", "--port", "0"]
    command += ["--host", local_host(), "--tls-generate", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield next(found[1] for line in process.stdout if (found := re.search(r"wss://(\S+)/ws", line))), folder
        finally:
            process.kill()


def outcomes(address: str, **variables: str) -> Any:
    command = [sys.executable, str(Path(__file__).with_name("sealed.py")), address]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_calls_go_through_where_the_certificate_is_trusted(server: tuple[str, Path]) -> None:
    address, folder = server
    assert outcomes(address, SSL_CERT_FILE=str(folder / "ca.pem")) == ["ok", "ok"]


def test_a_certificate_that_nobody_vouches_for_is_refused(server: tuple[str, Path]) -> None:
    address, folder = server
    found = outcomes(address, SSL_CERT_FILE=str(folder / "client.pem"))
    assert all("certificate verify failed" in each.lower() for each in found)
