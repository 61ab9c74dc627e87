"""Shapes for a locustfile of one's own, as Locust asks them: in a process of its own, as Locust wants it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

PROGRAM = """
from loadtest.shapes import Shaped

class Noon(Shaped):
    abstract = False
    shape = "steps 2,7 each 10s"

at = 0.0
noon = Noon()
noon.get_run_time = lambda: at
told = []
for at in (0.0, 9.9, 10.0, 20.0):
    told.append(noon.tick())
print(told)
"""


def test_a_shape_says_how_many_users_there_are_until_it_ends() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.stdout.strip() == "[(2, 2.0), (2, 2.0), (7, 7.0), None]", ran.stderr
