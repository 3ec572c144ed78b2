"""The writing side in processes: pipes, descriptors, readers that leave, full disks and signal handlers."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from helix_tts_policy import LaneEmitter, read_lane_log

SOURCE = Path(__file__).resolve().parents[1] / "src"


def run(code: str, *, stdout: int = subprocess.PIPE) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"]},
        stdout=stdout,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )


def test_the_longest_line_is_one_write_of_4096_bytes() -> None:
    code = "from helix_tts_policy import LaneEmitter\nLaneEmitter().artifact('a' * 4085)\nLaneEmitter().artifact('b')"
    done = run(code)

    assert done.stdout == b"\nARTIFACT " + b"a" * 4085 + b"\n\nARTIFACT b\n"
    assert len(b"\nARTIFACT " + b"a" * 4085 + b"\n") == 4096


def test_processes_on_one_pipe_leave_every_signal_whole() -> None:
    code = (
        "import os\n"
        "from helix_tts_policy import LaneEmitter\n"
        "children = []\n"
        "for number in range(4):\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        emitter = LaneEmitter()\n"
        "        for step in range(100):\n"
        "            emitter.stats({'who': number, 'step': step, 'pad': 'x' * 3000})\n"
        "        os._exit(0)\n"
        "    children.append(child)\n"
        "for child in children: os.waitpid(child, 0)\n"
    )
    run_log = read_lane_log(io.BytesIO(run(code).stdout))

    assert (run_log.stats_count, run_log.malformed) == (400, ())


def test_what_was_printed_before_comes_before() -> None:
    done = run(
        "from helix_tts_policy import LaneEmitter\nprint('loading', end='')\nLaneEmitter().progress(1, 2)\nprint('done')"
    )

    assert done.stdout == b"loading\nPROGRESS 1 2\ndone\n"


def test_an_own_descriptor_keeps_everything_else_away() -> None:
    code = (
        "import os, sys, subprocess\n"
        "from helix_tts_policy import LaneEmitter\n"
        "print('before')\n"
        "lane = LaneEmitter.on_own_descriptor()\n"
        "print('printed', flush=True)\n"
        "os.write(1, b'written\\n')\n"
        "subprocess.run([sys.executable, '-c', 'print(\"child\")'])\n"
        "lane.progress(1, 2)\n"
        "lane.stats({'loss': 0.5})\n"
    )
    done = run(code)

    assert done.stdout == b'before\nPROGRESS 1 2\nSTATS {"loss": 0.5}\n'
    assert done.stderr == b"printed\nwritten\nchild\n"


def test_a_reader_that_left_is_no_reason_to_fail() -> None:
    code = (
        "import sys\n"
        "from helix_tts_policy import LaneEmitter\n"
        "emitter = LaneEmitter()\n"
        "sys.stdin.read()\n"
        "for step in range(3): emitter.progress(step, 3)\n"
        "print(emitter.reader_left, file=sys.stderr)\n"
    )
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SOURCE)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        _, told = process.communicate(timeout=60)

    assert (process.returncode, told) == (0, b"True\n")


def test_an_own_descriptor_in_this_process(capfd: pytest.CaptureFixture[str]) -> None:
    kept = os.dup(1)
    try:
        emitter = LaneEmitter.on_own_descriptor(tag="nemo")
        os.write(1, b"a bar")
        emitter.progress(1, 2)
        emitter.blocked("out_of_disk")
        emitter.close()
        emitter.close()
        with pytest.raises(ValueError, match=r"^the lane was closed; expected nothing more to be said$"):
            emitter.progress(2, 2)
    finally:
        os.dup2(kept, 1)
        os.close(kept)

    assert capfd.readouterr() == ("PROGRESS 1 2\n[nemo] status=blocked reason=out_of_disk\n", "a bar")


def test_a_pipe_whose_reader_leaves() -> None:
    end, begin = os.pipe()
    with os.fdopen(begin, "wb", buffering=0) as stream:
        emitter = LaneEmitter(stream)
        emitter.progress(1, 2)
        assert os.read(end, 100) == b"\nPROGRESS 1 2\n"
        assert not emitter.reader_left
        os.close(end)
        emitter.progress(2, 2)
        assert emitter.reader_left
        emitter.artifact("out/voice.nemo")


def test_standard_output_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(ValueError, match=r"^stream: standard output is closed; expected a stream to write to$"):
        LaneEmitter()


def test_a_full_disk_is_told() -> None:
    done = run(
        "from helix_tts_policy import LaneEmitter\nLaneEmitter().progress(1, 2)",
        stdout=os.open("/dev/full", os.O_WRONLY),
    )

    assert done.returncode == 1
    assert b"No space left on device" in done.stderr


def test_a_signal_handler_may_speak_while_the_emitter_does() -> None:
    code = (
        "import signal, sys\n"
        "from helix_tts_policy import LaneEmitter\n"
        "emitter = LaneEmitter()\n"
        "class Slow(dict):\n"
        "    pass\n"
        "def stop(*_):\n"
        "    emitter.blocked('terminated_by_signal')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGALRM, stop)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.05)\n"
        "while True: emitter.progress(1, 2)\n"
    )
    done = run(code)

    assert done.returncode == 0
    assert read_lane_log(io.BytesIO(done.stdout)).blocked_reason == "terminated_by_signal"


def test_an_emitter_loads_little() -> None:
    code = (
        "import io, sys\n"
        "from helix_tts_policy import LaneEmitter\n"
        "LaneEmitter(io.BytesIO()).stats({'loss': 0.5})\n"
        "raise SystemExit(repr({'pydantic', 'dataclasses', 'jsonschema', 'tqdm'} & set(sys.modules)))"
    )
    assert run(code).stderr == b"set()\n"
