"""Children of a training lane, as real processes: what they print, the lane they speak, and every way in which they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import pytest

from helix_tts_policy import training_process
from helix_tts_policy.training_process import (
    ChildEnd,
    SignalWatch,
    Terminated,
    TimeLimit,
    die_with,
    memory_kills,
    run_child,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Heard:
    """What a child said."""

    def __init__(self) -> None:
        self.output = b""
        self.lane: list[bytes] = []

    def run(
        self,
        script: str,
        watch: SignalWatch,
        *,
        spoken: bool = False,
        limit: TimeLimit | None = None,
        environment: dict[str, str | None] | None = None,
    ) -> ChildEnd:
        return run_child(
            [sys.executable, "-c", textwrap.dedent(script)],
            output=self.take,
            watch=watch,
            lane=self.lane.append if spoken else None,
            environment=environment,
            limit=limit,
        )

    def take(self, data: bytes) -> None:
        self.output += data


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def watch() -> Iterator[SignalWatch]:
    with SignalWatch() as entered:
        yield entered


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ended_within(pid: int, seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return not is_alive(pid)


def test_what_a_child_prints_and_its_exit_code(heard: Heard, watch: SignalWatch) -> None:
    end = heard.run("import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(3)", watch)

    assert end == ChildEnd(code=3, signal=None, timed_out=False, out_of_memory=False, tail="out\nerr\n")
    assert heard.output == b"out\nerr\n"


SPEAKS = """
import os, time
lane = int(os.environ["HELIX_TTS_POLICY_LANE"])
for piece in (b"PROGRESS 1", b" 2\\nSTATS {}\\nARTI", b"FACT x\\nPROGRESS 2 2"):
    os.write(lane, piece)
    time.sleep(0.05)
print("and this is no lane")
"""


def test_a_lane_comes_by_its_own_descriptor_in_whole_lines(heard: Heard, watch: SignalWatch) -> None:
    end = heard.run(SPEAKS, watch, spoken=True)

    assert (end.code, heard.output) == (0, b"and this is no lane\n")
    assert heard.lane == [b"PROGRESS 1 2", b"STATS {}", b"ARTIFACT x"]


def test_a_child_without_a_lane_has_none(heard: Heard, watch: SignalWatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIX_TTS_POLICY_LANE", "7")
    heard.run("import os; print(os.environ.get('HELIX_TTS_POLICY_LANE'))", watch)

    assert heard.output == b"None\n"


def test_variables_are_set_and_unset(heard: Heard, watch: SignalWatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "3")
    changed: dict[str, str | None] = {"RANK": None, "COLOUR": "red"}
    heard.run("import os; print(os.environ.get('RANK'), os.environ['COLOUR'])", watch, environment=changed)

    assert heard.output == b"None red\n"


def test_a_program_that_is_not_there(heard: Heard, watch: SignalWatch) -> None:
    with pytest.raises(FileNotFoundError):
        run_child(["/no/such/program"], output=heard.take, watch=watch)

    assert not watch.held


def test_a_child_that_takes_too_long_is_killed_with_all_that_it_started(heard: Heard, watch: SignalWatch) -> None:
    script = """
    import subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print(child.pid, flush=True)
    time.sleep(60)
    """
    end = heard.run(script, watch, limit=TimeLimit(2.0))

    assert (end.code, end.signal, end.timed_out) == (None, signal.SIGKILL, True)
    assert ended_within(int(heard.output))


def test_a_limit_can_be_lifted(watch: SignalWatch) -> None:
    limit = TimeLimit(0.5)
    script = (
        "import os, time; os.write(int(os.environ['HELIX_TTS_POLICY_LANE']), b'READY\\n'); time.sleep(1); print('done')"
    )
    end = run_child(
        [sys.executable, "-c", script],
        output=lambda _: None,
        watch=watch,
        lane=lambda _: limit.lift(),
        limit=limit,
    )

    assert (end.code, end.timed_out, end.tail) == (0, False, "done\n")


CLOSES = """
import os, time
os.close(1); os.close(2)
time.sleep({seconds})
os._exit({code})
"""


def test_a_child_that_closes_its_pipes_is_waited_for(heard: Heard, watch: SignalWatch) -> None:
    assert heard.run(CLOSES.format(seconds=0.4, code=5), watch).code == 5


def test_a_child_that_closes_its_pipes_can_take_too_long(heard: Heard, watch: SignalWatch) -> None:
    end = heard.run(CLOSES.format(seconds=60, code=0), watch, limit=TimeLimit(0.5))

    assert (end.signal, end.timed_out) == (signal.SIGKILL, True)


def test_what_a_child_leaves_running_keeps_nobody_waiting(heard: Heard, watch: SignalWatch) -> None:
    script = """
    import subprocess, sys
    print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
    """
    start = time.monotonic()
    end = heard.run(script, watch)

    assert end.code == 0
    assert time.monotonic() - start < 30
    assert ended_within(int(heard.output))


def test_a_signal_ends_the_child_first(heard: Heard, watch: SignalWatch) -> None:
    script = """
    import os, signal, sys, time
    signal.signal(signal.SIGTERM, lambda *_: (print("ending well"), sys.exit(0)))
    print("up", flush=True)
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(60)
    """
    with pytest.raises(Terminated, match=r"^SIGTERM$") as raised:
        heard.run(script, watch)

    assert raised.value.number == signal.SIGTERM
    assert heard.output == b"up\nending well\n"
    assert not watch.held


def test_a_child_that_does_not_mind_a_signal_is_killed(
    heard: Heard, watch: SignalWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_process, "GRACE_SECONDS", 0.3)
    script = """
    import os, signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.kill(os.getppid(), signal.SIGTERM)
    time.sleep(60)
    """
    with pytest.raises(Terminated):
        heard.run(script, watch)


def test_a_child_that_closed_its_pipes_is_killed_by_a_signal(heard: Heard, watch: SignalWatch) -> None:
    script = """
    import os, signal, time
    os.close(1); os.close(2)
    time.sleep(0.5)
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(60)
    """
    with pytest.raises(Terminated, match=r"^SIGINT$"):
        heard.run(script, watch)


def test_a_signal_between_children_is_raised_at_once(watch: SignalWatch) -> None:
    with pytest.raises(Terminated, match=r"^SIGHUP$"):
        os.kill(os.getpid(), signal.SIGHUP)

    os.kill(os.getpid(), signal.SIGTERM)  # the run ends already
    assert watch.received == signal.SIGHUP


def test_what_takes_the_output_can_end_the_child(watch: SignalWatch) -> None:
    class FullError(Exception):
        pass

    pids = []

    def full(data: bytes) -> None:
        pids.append(int(data))
        raise FullError

    with pytest.raises(FullError):
        run_child(
            [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"],
            output=full,
            watch=watch,
        )

    assert not is_alive(pids[0])


PARENT = """
import sys
from helix_tts_policy.training_process import SignalWatch, run_child
script = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
run_child([sys.executable, "-c", script], output=lambda data: (print(data.decode(), flush=True)), watch=SignalWatch())
"""


def test_a_child_ends_with_a_parent_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:  # noqa: S603
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_alive(child)
        parent.kill()

    assert ended_within(child)


def test_a_child_whose_parent_is_gone_already_ends() -> None:
    script = "from helix_tts_policy.training_process import die_with; die_with(1); print('goes on')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)  # noqa: S603

    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"")


def test_a_process_whose_parent_is_gone_kills_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    killed = []
    monkeypatch.setattr(os, "kill", lambda *arguments: killed.append(arguments))
    die_with(os.getppid())
    die_with(1)

    assert killed == [(os.getpid(), signal.SIGKILL)]


OOM = "low 0\nhigh 0\nmax 3\noom 2\noom_kill {}\n"


def test_kills_for_want_of_memory_are_counted(tmp_path: Path) -> None:
    own, mounted = tmp_path / "cgroup", tmp_path / "mounted"
    (mounted / "job").mkdir(parents=True)
    (mounted / "memory.events").write_text(OOM.format(7))
    (mounted / "job" / "memory.events").write_text(OOM.format(2))

    own.write_text("1:name=systemd:/other\n0::/job\n")
    assert memory_kills(str(own), str(mounted)) == 2
    own.write_text("0::/../elsewhere\n")
    assert memory_kills(str(own), str(mounted)) == 7
    own.write_text("5:memory:/version-1\n")
    assert memory_kills(str(own), str(mounted)) == 7
    own.unlink()
    assert memory_kills(str(own), str(tmp_path / "nothing")) == 0
    assert memory_kills() >= 0
