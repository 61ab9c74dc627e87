"""What docs/load-scale.md says is so: its example deploys what the command line takes, its table names what is."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

import touchstone
from loadtest.crew import Crew
from loadtest.fleet import PORT
from loadtest.live import Figures, families
from loadtest.live_otlp import _COUNTERS, _GAUGES
from reports.records import read

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "load-scale.md"
MANIFEST = ROOT / "docs" / "examples" / "load" / "kubernetes.yaml"


def _manifests() -> dict[tuple[str, str], dict[str, Any]]:
    yaml = pytest.importorskip("yaml")
    documents = list(yaml.safe_load_all(MANIFEST.read_text("utf-8")))
    return {(each["kind"], each["metadata"]["name"]): each for each in documents}


def _container(job: dict[str, Any]) -> dict[str, Any]:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    return dict(container)


@pytest.mark.parametrize("name", ["touchstone-master", "touchstone-worker"])
def test_the_jobs_start_what_the_command_line_takes(name: str) -> None:
    container = _container(_manifests()["Job", name])
    assert container["command"] == ["touchstone"]
    group: Any = typer.main.get_command(touchstone.app)
    context = group.commands[container["args"][0]].make_context("load", list(container["args"][1:]))
    assert context.params["master"] is (name == "touchstone-master")
    assert context.params["worker"] is (name == "touchstone-worker")
    assert container["resources"]["requests"] == container["resources"]["limits"]


def test_the_workers_find_the_master_and_nobody_else_does() -> None:
    manifests = _manifests()
    master, worker = manifests["Job", "touchstone-master"], manifests["Job", "touchstone-worker"]
    service, policy = manifests["Service", "touchstone-master"], manifests["NetworkPolicy", "touchstone-master"]
    labels = master["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == policy["spec"]["podSelector"]["matchLabels"] == labels
    (rule,) = policy["spec"]["ingress"]
    assert rule["from"][0]["podSelector"]["matchLabels"] == worker["spec"]["template"]["metadata"]["labels"]
    assert rule["ports"][0]["port"] == service["spec"]["ports"][0]["port"] == PORT
    assert f"--master-host={service['metadata']['name']}" in _container(worker)["args"]
    expected = f"--expect-workers={worker['spec']['parallelism']}"
    assert worker["spec"]["parallelism"] == worker["spec"]["completions"]
    assert expected in _container(master)["args"]


def test_the_table_of_live_figures_is_complete() -> None:
    text = PAGE.read_text("utf-8")
    for family in families(Figures.of(Crew())):
        assert f"`{family.name}`" in text
    for name, _, _ in (*_COUNTERS, *_GAUGES):
        assert f"`touchstone.load.{name}`" in text
    assert not set(re.findall(r"`(touchstone_load_\w+)`", text)) - {each.name for each in families(Figures())}


def test_several_processes_are_one_record_for_whoever_types_the_command(tmp_path: Path) -> None:
    server = [sys.executable, "-m", "touchstone", "serve", "everything"]
    words = ["load", "--processes", "2", "--users", "4", "--duration", "1", "--live-prometheus", "0"]
    # A revision with a handshake: its users begin when the server is up, however long that takes.
    words += ["--revision", "2025-11-25"]
    done = subprocess.run(
        [sys.executable, "-m", "touchstone", *words, "--records", str(tmp_path / "records.jsonl"), "--", *server],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode in (0, 3), done.stderr  # 3: a machine so busy that the run is no result
    assert "figures: http://127.0.0.1:" in done.stderr
    run = read(tmp_path / "records.jsonl")
    whole = run.loads[0]
    assert len(whole.workers) == 2
    assert whole.counts.total == sum(each.counts.total for each in whole.workers) > 0
    assert whole.target is not None
    assert whole.target.cpu_seconds_per_thousand
    assert "workers" in done.stdout
    assert "of processor for 1,000 requests" in done.stdout


def test_a_public_host_is_refused_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "touchstone", "load", "http://192.0.2.1/mcp"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--i-may-load-this-host 192.0.2.1" in done.stderr
