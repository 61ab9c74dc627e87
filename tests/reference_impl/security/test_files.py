"""Files that hold secrets."""

import stat

import pytest

from reference_impl.security.files import replace_file


@pytest.mark.parametrize(("private", "mode"), [(True, 0o600), (False, 0o644)])
def test_a_file_is_replaced_whole_with_a_mode_of_its_own(tmp_path, private, mode):
    path = tmp_path / "key"
    path.write_bytes(b"the old one")
    path.chmod(0o666)
    replace_file(path, b"new", private=private)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", mode)


def test_what_cannot_be_replaced_leaves_nothing_behind(tmp_path):
    (tmp_path / "key").mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(tmp_path / "key", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
