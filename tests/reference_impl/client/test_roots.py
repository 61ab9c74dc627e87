"""The directories that a server may work in."""

import pytest

from reference_impl.client.roots import directory_roots, root_fault

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_only_directories_that_are_there_are_named(tmp_path):
    (tmp_path / "a b").mkdir()
    (tmp_path / "file").touch()
    handler = directory_roots(lambda: [tmp_path / "a b", tmp_path / "file", tmp_path / "gone"])
    answer = await handler({})
    assert answer == {"roots": [{"uri": (tmp_path / "a b").resolve().as_uri(), "name": "a b"}]}
    assert root_fault(answer["roots"]) is None
    (tmp_path / "a b").rmdir()
    assert await handler({}) == {"roots": []}


@pytest.mark.parametrize(
    "roots",
    [None, ["x"], [{}], [{"uri": "https://a/"}], [{"uri": "file:///a/../b"}], [{"uri": "file:///a/%2e%2e/b"}]],
)
async def test_what_must_not_be_shown_to_a_server_is_named(roots):
    assert root_fault(roots) is not None
