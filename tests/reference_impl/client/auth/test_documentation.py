"""What `docs/client-authorization.md` shows is so."""

import re
from pathlib import Path

import pytest

import reference_impl.client.auth as package
from reference_impl.client import auth, endpoint
from reference_impl.client.auth import Browser, OAuth, fetching

PAGE = (Path(__file__).parents[4] / "docs" / "client-authorization.md").read_text("utf-8")


def test_the_snippets_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for snippet in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        exec(compile(snippet, "docs/client-authorization.md", "exec"), names)
    assert isinstance(names["machine"].authorizer, OAuth)


@pytest.mark.parametrize("name", ["Callback", "EnterpriseManaged", "FileStore", "MemoryStore", "WorkloadIdentity"])
def test_the_names_exist(name):
    assert f"`{name}" in PAGE
    assert name in package.__all__
    assert hasattr(auth, name)


def test_the_bounds_are_the_real_ones():
    assert (fetching._DEADLINE, fetching._BODY_LIMIT, endpoint.ATTEMPTS) == (15, 1024 * 1024, 5)
    assert Browser()._patience == 5 * 60
