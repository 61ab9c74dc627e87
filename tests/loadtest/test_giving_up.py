"""Who gives up a request says so to the target, in the way of the revision and the transport."""

import json
import os
import subprocess
import sys
from pathlib import Path

import loadtest

ROOT = Path(loadtest.__file__).parent.parent
CANCELLED = ["notifications/cancelled", 1]


def test_a_target_that_does_not_answer_in_time_is_told_that_the_answer_is_not_wanted_any_more() -> None:
    command = [sys.executable, "-m", "tests.loadtest.giving_up"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, timeout=300, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == {
        "channel": ["receive", ["tools/call", None], CANCELLED],
        "handshake": ["initialize", "receive"],  # that request is never taken back
        "legacy": ["receive", ["tools/call", None], CANCELLED, True],
        "modern": ["receive", ["tools/call", None], True],  # where a closed connection says it
    }
