"""Keys that seal: where they come from, how they are replaced, and what is refused."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from reference_impl.protocol.sealing import SealError
from reference_impl.security.sealing import KeysError, SealKeys, new_key


def private(path: Path, text: str) -> Path:
    path.touch(0o600)
    path.write_text(text, "utf-8")
    return path


def test_the_first_key_encrypts_and_all_of_them_decrypt() -> None:
    old, new = new_key(), new_key()
    before, during, after = SealKeys([old]), SealKeys([old, new]), SealKeys([new, old])
    assert during.decrypt(after.encrypt(b"x")) == after.decrypt(before.encrypt(b"x")) == b"x"
    assert Fernet(new).decrypt(after.encrypt(b"x")) == b"x"
    with pytest.raises(SealError):
        before.decrypt(after.encrypt(b"x"))


def test_an_old_token_is_refused() -> None:
    key = new_key()
    token = Fernet(key).encrypt_at_time(b"x", 1_000_000)
    with pytest.raises(SealError, match="too old"):
        SealKeys([key]).decrypt(token)


def test_keys_are_read_from_a_private_file_with_comments(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    keys = SealKeys.from_file(private(tmp_path / "keys", f"# newest first\n{new}\n\n{old}\n"))
    assert keys.decrypt(Fernet(old).encrypt(b"x")) == b"x"
    assert Fernet(new).decrypt(keys.encrypt(b"y")) == b"y"


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = private(tmp_path / "keys", new_key())
    path.chmod(0o640)
    with pytest.raises(KeysError, match="chmod 600"):
        SealKeys.from_file(path)


def test_keys_are_read_from_the_environment() -> None:
    old, new = new_key(), new_key()
    keys = SealKeys.from_environment({"TOUCHSTONE_SEAL_KEYS": f"{new}, {old}"})
    assert keys is not None
    assert keys.decrypt(Fernet(old).encrypt(b"x")) == b"x"
    assert SealKeys.from_environment({}) is None


@pytest.mark.parametrize("text", ["", "# nothing\n", "not a key\n", "c2hvcnQ=\n"])
def test_what_is_no_key_is_named_without_being_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(KeysError) as refusal:
        SealKeys.from_file(private(tmp_path / "keys", text))
    assert "key" in str(refusal.value)
    assert text.strip() == "" or text.strip() not in str(refusal.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="no such file"):
        SealKeys.from_file(tmp_path / "keys")


def test_keys_are_replaced_while_messages_go_to_and_fro(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, now = tmp_path / "keys", [0.0]
    old, new = new_key(), new_key()

    def write(*keys: str) -> None:
        path.unlink(missing_ok=True)
        path.touch(0o600)
        path.write_text("\n".join(keys), "utf-8")
        now[0] += 1

    write(old)
    keys = SealKeys.from_file(path, clock=lambda: now[0])
    write(new, old)
    assert SealKeys([new]).decrypt(keys.encrypt(b"m")) == b"m"
    assert keys.decrypt(SealKeys([old]).encrypt(b"m")) == b"m"
    write("rubbish")
    assert SealKeys([new]).decrypt(keys.encrypt(b"m")) == b"m"
    assert "the keys stay as they were" in caplog.text
    write(new)
    with pytest.raises(SealError):
        keys.decrypt(SealKeys([old]).encrypt(b"m"))
    path.unlink()
    now[0] += 1
    assert keys.encrypt(b"m")
