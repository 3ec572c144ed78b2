"""Folders that are put in place whole or not at all: killed at any moment, several at once, no room on the disk."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

import pytest
from tests.bundles import (
    FILES,
    NOW,
    REFERENCE,
    production,
    promoted,
    safetensors,
    wav,
    write,
)
from tests.command_line import environment

from helix_tts_policy import Verdict, verify_bundle
from helix_tts_policy.facts.voice_bundle import VoiceBundle
from helix_tts_policy.voice_bundle_writer import promote_bundle
from helix_tts_policy.whole_folder import copy_file, folder_in_the_making, put_in_place


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_one_run_works_on_a_target_at_a_time(tmp_path: Path) -> None:
    source = write(tmp_path / "b")
    with folder_in_the_making(tmp_path / "live"), pytest.raises(BlockingIOError):
        promote_bundle(source, tmp_path / "live", now=NOW)
    assert promote_bundle(source, tmp_path / "live", now=NOW).verdict is Verdict.GO


def test_many_at_once_leave_one_whole_bundle(tmp_path: Path) -> None:
    sources = [
        write(tmp_path / f"b{index}", production(weights_refs=[{**REFERENCE, "id": f"acme/{index}"}]))
        for index in range(4)
    ]
    target = tmp_path / "live"
    busy = []

    def work(source: Path) -> None:
        for _ in range(10):
            try:
                promote_bundle(source, target, now=NOW)
            except BlockingIOError:
                busy.append(source)

    threads = [threading.Thread(target=work, args=(source,)) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert verify_bundle(target, now=NOW).verdict is Verdict.GO
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b0", "b1", "b2", "b3", "live"]


def test_what_a_killed_run_left_is_removed_or_put_back(tmp_path: Path) -> None:
    source = write(tmp_path / "b")
    new, old, lock = (tmp_path / f".live.helix-{ending}" for ending in ("new", "old", "lock"))
    # Killed while it copied.
    new.mkdir()
    (new / "half").write_bytes(b"x")
    lock.touch()
    promote_bundle(source, tmp_path / "live", now=NOW)
    # Killed between the two renames, where names cannot be exchanged.
    (tmp_path / "live").rename(old)
    report = promote_bundle(source, tmp_path / "live", voice_profile_id="put-back", now=NOW)
    assert isinstance(report.bundle, VoiceBundle)
    assert report.bundle.display_name == "live"  # that of the one that was put back
    # Killed behind them.
    write(old, *promoted())
    with folder_in_the_making(tmp_path / "live"):
        assert not old.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "live"]


NO_EXCHANGE = "import ctypes\nctypes.CDLL = lambda *_, **__: object()\n"
"""A C library that has no call to exchange two names, as that of macOS."""

PROMOTE = (
    "import sys\n"
    "from pathlib import Path\n"
    "from helix_tts_policy.voice_bundle_writer import promote_bundle\n"
    "number = 0\n"
    "while True:\n"
    "    for source in sys.argv[2:]:\n"
    "        promote_bundle(source, sys.argv[1])\n"
    "        number += 1\n"
    "        print(number, flush=True)\n"
)


@pytest.mark.parametrize("prelude", ["", NO_EXCHANGE], ids=["exchange", "two renames"])
def test_killed_at_any_moment(prelude: str, tmp_path: Path) -> None:
    big = {**FILES, "big.safetensors": safetensors(*range(50_000))}
    one = write(tmp_path / "one", production(big), big)
    two = write(tmp_path / "two", production({**big, "sample.wav": wav(3000)}), {**big, "sample.wav": wav(3000)})
    target = tmp_path / "live"
    promote_bundle(one, target)
    chance = random.Random(20_261_125)  # noqa: S311 - any moment will do
    absent = 0
    for _ in range(15):
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", prelude + PROMOTE, str(target), str(one), str(two)],
            env=environment(),
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.readline()  # it is at work
        time.sleep(chance.uniform(0, 0.08))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if prelude and not target.exists():
            absent += 1
            assert verify_bundle(target.with_name(".live.helix-old")).verdict is Verdict.GO
        else:
            assert verify_bundle(target).verdict is Verdict.GO
    report = promote_bundle(one, target)
    assert report.verdict is Verdict.GO
    assert sorted(path.name for path in tmp_path.iterdir()) == ["live", "one", "two"]


WATCH = (
    "import os, sys\n"
    "gone = 0\n"
    "while True:\n"
    "    try:\n"
    "        os.stat(sys.argv[1] + '/manifest.json')\n"
    "    except FileNotFoundError:\n"
    "        print('gone', flush=True)\n"
)


def test_where_names_can_be_exchanged_the_target_is_never_gone(tmp_path: Path) -> None:
    one, target = write(tmp_path / "one"), tmp_path / "live"
    promote_bundle(one, target, now=NOW)
    with folder_in_the_making(target) as new:
        write(new, *promoted())
        inode = new.stat().st_ino
        put_in_place(new, target)
        if not new.exists():
            pytest.skip("this file system cannot exchange names")
        assert target.stat().st_ino == inode
    watcher = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", WATCH, str(target)], stdout=subprocess.PIPE
    )
    for _ in range(100):
        promote_bundle(one, target, now=NOW)
    watcher.terminate()
    assert watcher.communicate()[0] == b""


def test_a_copy_needs_nobody_who_watches(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"bytes")
    steps: list[int] = []

    copy_file(tmp_path / "one", tmp_path / "two")
    copy_file(tmp_path / "one", tmp_path / "three", progress=steps.append)

    assert contents(tmp_path) == {"one": b"bytes", "two": b"bytes", "three": b"bytes"}
    assert steps == [5]


class KernelWithoutExchange:
    """A C library that has the call, over a kernel or a file system that has not."""

    @staticmethod
    def renameat2(*_: object) -> int:
        ctypes.set_errno(errno.ENOSYS)
        return -1


@pytest.fixture(params=[object, KernelWithoutExchange], ids=["no call", "no kernel"])
def two_renames(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system whose names cannot be exchanged in one step."""
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: request.param())


@pytest.mark.usefixtures("two_renames")
def test_where_names_cannot_be_exchanged_the_old_folder_goes_when_the_new_one_stands(tmp_path: Path) -> None:
    target = write(tmp_path / "live", *promoted())

    with folder_in_the_making(target) as new:
        (new / "file").write_bytes(b"new")
        put_in_place(new, target)

    assert contents(target) == {"file": b"new"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["live"]


class NeverRenamed(type(Path())):  # type: ignore[misc]  # the class of paths differs from system to system
    def rename(self, target: object) -> NoReturn:  # noqa: ARG002 - the name that callers may give it by
        raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.usefixtures("two_renames")
def test_a_rename_that_fails_is_taken_back(tmp_path: Path) -> None:
    target = write(tmp_path / "live", *promoted())
    before = contents(target)

    with folder_in_the_making(target) as new, pytest.raises(OSError, match=r"^\[Errno 5\] Input/output error$"):
        put_in_place(NeverRenamed(new), target)

    assert contents(target) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["live"]


def test_a_lock_whose_file_was_removed_meanwhile_is_taken_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, really = tmp_path / ".live.helix-lock", fcntl.flock
    taken: list[int] = []

    def flock(descriptor: int, operation: int) -> None:
        really(descriptor, operation)
        taken.append(descriptor)
        if len(taken) == 1:
            lock.unlink()  # by its last holder, between the two calls

    monkeypatch.setattr(fcntl, "flock", flock)

    with folder_in_the_making(tmp_path / "live"):
        assert lock.exists()
    assert len(taken) == 2


def test_an_exchange_that_fails_changes_nothing(tmp_path: Path) -> None:
    target = write(tmp_path / "live", *promoted())
    before = contents(target)

    with folder_in_the_making(target) as new, pytest.raises(OSError) as caught:  # noqa: PT011 - the number is looked at
        put_in_place(new / "none", target)

    assert caught.value.errno == errno.ENOENT
    assert contents(target) == before


def test_a_disk_that_is_full_leaves_everything_as_it_was(tmp_path: Path) -> None:
    big = {**FILES, "big.safetensors": safetensors(*range(100_000))}
    source, target = write(tmp_path / "b", production(big), big), write(tmp_path / "live", *promoted())
    before = contents(target)
    code = (
        "import resource, signal, sys\n"
        "from helix_tts_policy.voice_bundle_writer import promote_bundle\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "try:\n"
        "    promote_bundle(sys.argv[1], sys.argv[2])\n"
        "except OSError as error:\n"
        "    print(error.strerror)\n"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code, str(source), str(target)],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "File too large\n"
    assert contents(target) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "live"]


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="mounts a small file system")
def test_a_file_system_without_room(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(  # noqa: S603
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(small)],  # noqa: S607
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("this account may not mount")
    try:
        target = write(small / "live", *promoted())
        before = contents(target)
        big = {**FILES, "big.safetensors": safetensors(*range(100_000))}
        with pytest.raises(OSError) as caught:  # noqa: PT011 - the number is looked at
            promote_bundle(write(tmp_path / "b", production(big), big), target, now=NOW)
        assert caught.value.errno == errno.ENOSPC
        assert contents(target) == before
        assert [path.name for path in small.iterdir()] == ["live"]
        promote_bundle(write(tmp_path / "fits"), target, now=NOW)
    finally:
        subprocess.run(["umount", str(small)], check=True)  # noqa: S603, S607
