"""The users under Locust's own command, as anybody's locustfile would run them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from loadtest import null_server
from loadtest.workload import ClosedModel, LoadPlan, Operation, Workload, encode_plan

HERE = Path(__file__).parent
ROOT = Path(null_server.__file__).parent.parent


def locust(*arguments: str, **variables: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "locust", "--headless", "--json", "--skip-log", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60, cwd=HERE, check=False)
    assert done.returncode == 0, done.stderr.decode()
    (row,) = json.loads(done.stdout)
    assert isinstance(row, dict)
    return row


def test_a_locustfile_may_use_the_users_and_the_shapes(make_target: Any) -> None:
    row = locust("-f", str(HERE / "agents.py"), "--host", make_target("http", "").url)
    assert (row["name"], row["method"], row["num_failures"]) == ("echo", "MCP", 0)
    assert row["num_requests"] >= 1


def test_a_plan_may_be_run_by_locust_itself(make_target: Any, tmp_path: Path) -> None:
    params = {"name": "echo", "arguments": {"text": "{n}"}}
    plan = LoadPlan(
        target=make_target("stdio", ""),
        revision="2026-07-28",
        workload=Workload(name="w", operations=(Operation(name="echo", method="tools/call", params=params),)),
        model=ClosedModel(users=1, think=0.05),
        duration=1.0,
    )
    (tmp_path / "plan.json").write_bytes(encode_plan(plan))
    row = locust(
        *("-f", str(ROOT / "loadtest" / "locustfile.py"), "-u", "2", "-r", "2", "-t", "4s"),
        TOUCHSTONE_LOAD_PLAN=str(tmp_path / "plan.json"),
    )
    assert (row["name"], row["num_failures"]) == ("echo", 0)
    assert row["num_requests"] >= 1
