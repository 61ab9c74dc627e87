"""The package offers what it promises, and nothing heavy to those who only write records."""

import subprocess
import sys
from pathlib import Path

import reports
from reports import RENDERERS
from reports.formats import FORMATS
from reports.records import Run

ROOT = Path(reports.__file__).parent.parent


def test_every_renderer_turns_a_run_into_text(sample_run: Run, clean_run: Run) -> None:
    assert set(RENDERERS) == {"console", *FORMATS}
    for name, render in RENDERERS.items():
        for run in (sample_run, clean_run, Run(header=sample_run.header)):
            assert "touchstone" in render(run).lower() or (name == "github-annotations" and run is clean_run), name


def test_every_name_that_is_promised_is_there() -> None:
    assert all(hasattr(reports, name) for name in reports.__all__)


def test_writing_records_imports_no_template_engine_and_no_terminal() -> None:
    code = "import sys, reports.records; print(sorted({'jinja2', 'rich'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=True, timeout=30)
    assert found.stdout.strip() == b"[]"
