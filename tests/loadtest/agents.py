"""A locustfile as anybody would write it, run by `test_users.py`."""

from typing import ClassVar

from locust import constant

from loadtest.shapes import Stages
from loadtest.stages import Stage
from loadtest.users import McpHttpUser
from loadtest.workload import Operation


class Agent(McpHttpUser):
    revision = "2025-11-25"
    wait_time = constant(0.05)
    operations: ClassVar = (
        Operation(
            name="echo",
            method="tools/call",
            params={"name": "echo", "arguments": {"text": "hello {n}"}},
            echoes=True,
        ),
    )


class Shape(Stages):
    abstract = False
    stages = (Stage(users=2, seconds=1.5),)
