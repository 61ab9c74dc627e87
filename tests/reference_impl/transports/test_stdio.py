"""A child process as a channel, and every way in which one refuses to leave."""

import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest

from reference_impl.transports.stdio import (
    STDERR_TAIL,
    StdioCommand,
    StdioProcess,
    TargetNotStarted,
    open_process,
)

pytestmark = pytest.mark.anyio

ECHO = "import sys\nfor line in sys.stdin: sys.stdout.write(line); sys.stdout.flush()"
IGNORES_EOF = "import signal; print('up', flush=True); signal.pause()"
IGNORES_ALL = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\nwhile 1: signal.pause()"
)
GRANDCHILD = (
    "import subprocess, sys\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'], stdin=subprocess.DEVNULL)\n"
    "print(child.pid, flush=True)\n"
    "sys.stdin.read()"
)
FLOODS_STDERR = "import sys; sys.stderr.write('x' * 3_000_000 + 'end'); print('done', flush=True); sys.stdin.read()"
FLOODS_STDOUT = "import os\nwhile 1: os.write(1, b'y' * 65536)"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def start():
    async with AsyncExitStack() as stack:

        async def start(script: str, **options: object) -> StdioProcess:
            process = await open_process(StdioCommand((sys.executable, "-c", script), **options))
            stack.push_async_callback(process.stop, 0.05)
            return process

        yield start


async def read_line(process: StdioProcess) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        line += await process.receive()
    return line


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie that merely waits for its new parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


async def test_bytes_go_in_and_come_out(start):
    process = await start(ECHO)
    await process.send(b"hello\n")
    assert await read_line(process) == b"hello\n"


async def test_the_end_of_its_input_ends_an_orderly_process(start):
    process = await start(ECHO)
    stop = await process.stop()
    assert (stop.how, stop.stragglers, process.returncode) == ("eof", False, 0)


async def test_output_written_after_the_end_of_input_is_still_read(start):
    process = await start("import sys; sys.stdin.read(); print('goodbye')")
    process.close_stdin()
    assert await read_line(process) == b"goodbye\n"
    with pytest.raises(anyio.EndOfStream):
        await process.receive()
    assert await process.wait() == 0


async def test_a_process_that_ignores_the_end_of_its_input_is_terminated(start):
    process = await start(IGNORES_EOF)
    await read_line(process)
    assert (await process.stop(0.05)).how == "terminated"
    assert process.returncode == -signal.SIGTERM


async def test_a_process_that_ignores_sigterm_is_killed(start):
    process = await start(IGNORES_ALL)
    await read_line(process)
    assert (await process.stop(0.05)).how == "killed"
    assert process.returncode == -signal.SIGKILL


async def test_a_process_that_has_exited_needs_nothing(start):
    process = await start("raise SystemExit(3)")
    assert await process.wait() == 3
    assert (await process.stop()).how == "exited"


async def test_a_grandchild_does_not_outlive_the_group(start):
    process = await start(GRANDCHILD)
    grandchild = int(await read_line(process))
    stop = await process.stop()
    assert (stop.how, stop.stragglers) == ("eof", True)
    with anyio.fail_after(2):
        while alive(grandchild):
            await anyio.lowlevel.checkpoint()


async def test_a_second_stop_returns_the_first_answer(start):
    process = await start(ECHO)
    assert await process.stop() is await process.stop()


async def test_a_cancelled_caller_still_stops_the_process(start):
    process = await start(IGNORES_EOF)
    await read_line(process)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await process.stop(0.05)
    assert process.returncode == -signal.SIGTERM


async def test_kill_now_needs_no_event_loop(start):
    process = await start(IGNORES_ALL)
    process.kill_now()
    assert await process.wait() == -signal.SIGKILL


async def test_standard_error_is_drained_and_its_tail_kept(start):
    process = await start(FLOODS_STDERR)
    assert await read_line(process) == b"done\n"
    await process.stop()
    assert process.stderr_bytes == 3_000_003
    assert len(process.stderr_tail) == STDERR_TAIL
    assert process.stderr_tail.endswith("xend")


async def test_a_flood_on_standard_output_is_held_back_by_the_reader(start):
    process = await start(FLOODS_STDOUT)
    await process.receive()
    with anyio.move_on_after(0.2):
        await process.wait()
    assert len(await process.receive()) < 2 * 1024 * 1024


async def test_a_flooding_process_can_be_stopped(start):
    process = await start(FLOODS_STDOUT)
    await process.receive()
    assert (await process.stop(0.1)).how == "terminated"


async def test_writing_to_a_process_that_left_is_refused(start):
    process = await start("pass")
    await process.wait()
    with pytest.raises(anyio.EndOfStream):
        await process.receive()
    with pytest.raises((anyio.BrokenResourceError, anyio.ClosedResourceError)):
        await process.send(b"x")


async def test_writing_after_closing_is_refused(start):
    process = await start(ECHO)
    process.close_stdin()
    with pytest.raises((anyio.BrokenResourceError, anyio.ClosedResourceError)):
        await process.send(b"x")


async def test_a_sender_waits_for_a_process_that_does_not_read(start):
    process = await start("import time; time.sleep(60)")
    with anyio.move_on_after(0.1) as scope:
        await process.send(b"x" * 1_000_000)
    assert scope.cancelled_caught


async def test_the_environment_goes_over_the_inherited_one(start, monkeypatch):
    monkeypatch.setenv("INHERITED", "yes")
    monkeypatch.setenv("EXPORTED_FUNCTION", "() { echo; }")
    script = "import os; e = os.environ; print(e.get('INHERITED'), e.get('ADDED'), e.get('EXPORTED_FUNCTION'))"
    assert await read_line(await start(script, env={"ADDED": "1"})) == b"yes 1 None\n"
    assert await read_line(await start(script, inherit="minimal")) == b"None None None\n"


async def test_the_process_runs_in_the_directory_it_was_given(start, tmp_path):
    process = await start("import os; print(os.getcwd())", cwd=tmp_path)
    assert (await read_line(process)).decode().strip() == str(tmp_path.resolve())


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (StdioCommand(()), "the command is empty"),
        (StdioCommand(("no-such-program-anywhere",)), "no-such-program-anywhere: no such program"),
        (StdioCommand((sys.executable,), cwd="/no/such/place"), "the working directory /no/such/place does not exist"),
        (StdioCommand(("a\0b",)), "the command or its environment contains a null character"),
        (StdioCommand(("true",), env={"A": "a\0b"}), "the command or its environment contains a null character"),
    ],
)
async def test_a_command_that_cannot_start_says_why_in_one_line(command, reason):
    with pytest.raises(TargetNotStarted) as caught:
        await open_process(command)
    assert str(caught.value) == reason


async def test_a_file_that_is_not_executable_says_so(tmp_path):
    script = tmp_path / "server"
    script.write_text("#!/no/such/interpreter\n")
    with pytest.raises(TargetNotStarted, match="not executable"):
        await open_process(StdioCommand((str(script),)))
    script.chmod(0o755)
    with pytest.raises(TargetNotStarted, match="interpreter"):
        await open_process(StdioCommand((str(script),)))
