"""Status files: every shape in use is read, what is none is told with its place, and a killed writer tears nothing."""

from __future__ import annotations

import contextlib
import fcntl
import json
import math
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy import MalformedInput, Progress, TrainState, read_train_status, write_train_status
from helix_tts_policy.facts.train_status import STATUS_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

SOURCE = Path(__file__).resolve().parents[1] / "src"

NEMO = {"job_type": "tts_prod_train_nemo", "status": "completed", "reason": None, "artifacts": ["o/voice.nemo"]}
PRODUCTION = {
    "job_type": "tts_prod_train",
    "state": "done",
    "progress": {"current": 12, "total": 12},
    "stats": {"loss": 0.5},
    "artifacts": [{"path": "o/a.ckpt", "kind": "checkpoint"}],
}
LEGACY = {"status": "error", "message": "CUDA out of memory", "timestamp": "2026-11-22T16:15:02Z"}
BUNDLE = {
    "lane": "tts_prod_train",
    "objective_status": "blocked",
    "root_cause": "gpu_required_for_colab_smoke_lane",
    "gpu_available": False,
    "dry_run": True,
    "status": "completed",
    "selected_weights_id": None,
    "config_sha256": "0" * 64,
    "dataset_sha256": None,
    "metrics": {"val_loss": 0.25},
    "artifacts": {"model": "o/b.nemo", "sample": None},
}


NO_PROGRESS = (
    "found something else; expected an object with current and total, whole numbers of which 0 <= current <= total"
)


def facts(document: Mapping[str, Any]) -> dict[str, Any]:
    status = read_train_status(json.dumps(document).encode())
    assert read_train_status(document) == status
    return {
        name: getattr(status, name)
        for name in ("state", "lane", "reason", "message", "progress", "stats", "artifacts", "dry_run")
    }


def test_nemo_lane() -> None:
    assert facts(NEMO) == {
        "state": TrainState.COMPLETED,
        "lane": "tts_prod_train_nemo",
        "reason": None,
        "message": None,
        "progress": None,
        "stats": {},
        "artifacts": ("o/voice.nemo",),
        "dry_run": None,
    }


def test_production_lane() -> None:
    assert facts(PRODUCTION) == {
        "state": TrainState.COMPLETED,
        "lane": "tts_prod_train",
        "reason": None,
        "message": None,
        "progress": Progress(12, 12),
        "stats": {"loss": 0.5},
        "artifacts": ("o/a.ckpt",),
        "dry_run": None,
    }


def test_legacy_lane() -> None:
    found = facts(LEGACY)

    assert (found["state"], found["message"], found["artifacts"]) == (TrainState.ERROR, "CUDA out of memory", ())


def test_bundle_lane_of_which_the_gravest_word_counts() -> None:
    found = facts(BUNDLE)

    assert (found["state"], found["lane"], found["dry_run"]) == (TrainState.BLOCKED, "tts_prod_train", True)
    assert found["reason"] == "gpu_required_for_colab_smoke_lane"
    assert (found["stats"], found["artifacts"]) == ({"val_loss": 0.25}, ("o/b.nemo",))


@pytest.mark.parametrize(
    ("words", "state", "final"),
    [
        ({"status": "completed"}, "completed", True),
        ({"state": "done"}, "completed", True),
        ({"objective_status": "ready_for_bundle"}, "completed", True),
        ({"status": "pending"}, "pending", False),
        ({"status": "running"}, "running", False),
        ({"status": "blocked"}, "blocked", True),
        ({"status": "error"}, "error", True),
        ({"objective_status": "failed"}, "error", True),
        ({"status": "Completed"}, "unknown", False),
        ({"status": "finished"}, "unknown", False),
        ({"status": "completed", "state": "running"}, "running", False),
        ({"status": "completed", "objective_status": "blocked"}, "blocked", True),
        ({"status": "error", "objective_status": "blocked"}, "error", True),
        ({"status": "completed", "state": "finished"}, "unknown", False),
        ({"status": None, "state": "done"}, "completed", True),
    ],
)
def test_state(words: dict[str, str | None], state: str, final: bool) -> None:  # noqa: FBT001 - a column of the table
    status = read_train_status(words)

    assert status.state == state
    assert status.state.is_final is final


def test_numbers_that_are_none_are_read() -> None:
    status = read_train_status(b'{"status": "completed", "stats": {"a": NaN, "b": "NaN", "c": [-Infinity, 1e999]}}')

    assert math.isnan(status.stats["a"])
    assert status.stats["b"] == "NaN"
    assert status.stats["c"] == [-math.inf, math.inf]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (b"", ["is empty; expected one JSON object"]),
        (b"[]", ["1:1: found an array; expected an object"]),
        (b"NaN", ["1:1: found a number; expected an object"]),
        (b'{"status": "done", "status": "error"}', ["1:20 /status: the key stands twice in one object, first at 1:2; readers disagree which value counts"]),
        (b'{"status": "d\\u202eone"}', ["1:12 /status: holds U+202E, which makes the text look other than it is; expected visible characters"]),
        (b'{"status": nan}', ["1:12: is no JSON: expecting value"]),
        (b"{}", ["1:1: found none of status, state, objective_status; expected one that says how the run stands"]),
        (b'{"status": null}', ["1:1: found none of status, state, objective_status; expected one that says how the run stands"]),
        (b'{"status": true}', ["1:12 /status: found true or false; expected a string or null"]),
        (
            b'{"status": "done",\n "dry_run": "no",\n "stats": [1],\n "metrics": 1,\n "lane": 5}',
            [
                "5:10 /lane: found a number; expected a string or null",
                "3:11 /stats: found an array; expected an object or null",
                "4:13 /metrics: found a number; expected an object or null",
                "2:13 /dry_run: found a string; expected true, false or null",
            ],
        ),
        *[
            (
                b'{"status": "done", "progress": %s}' % progress,
                [f"1:32 /progress: {NO_PROGRESS}"],
            )
            for progress in (b"5", b"{}", b'{"current": 3, "total": 2}', b'{"current": true, "total": 2}', b'{"current": 1.0, "total": 2}')
        ],
        (b'{"status": "done", "artifacts": 1}', ["1:33 /artifacts: found a number; expected a list of paths, a list of objects with a path, or an object of paths"]),
        (b'{"status": "done", "artifacts": ["a", {"file": "b"}]}', ["1:39 /artifacts/1: found an object; expected a list of paths, a list of objects with a path, or an object of paths"]),
        (b'{"status": "done", "artifacts": {"a": 1}}', ['1:33 /artifacts: found a number for "a"; expected a list of paths, a list of objects with a path, or an object of paths']),
    ],
)  # fmt: skip
def test_what_is_no_status(text: bytes, problems: list[str]) -> None:
    with pytest.raises(MalformedInput) as caught:
        read_train_status(text)
    told = [
        f"{'' if problem.line is None else f'{problem.line}:{problem.column}'}"
        f"{f' {problem.path}' if problem.path else ''}{'' if problem.line is None else ': '}{problem.message}"
        for problem in caught.value.problems
    ]
    assert told == problems
    assert all(problem.tip for problem in caught.value.problems)


def test_a_mapping_has_no_places() -> None:
    with pytest.raises(MalformedInput) as caught:
        read_train_status({"status": 5})
    assert str(caught.value) == "<mapping>: found a number; expected a string or null"


def test_a_path_is_read(tmp_path: Path) -> None:
    path = tmp_path / STATUS_NAME
    with pytest.raises(MalformedInput, match="cannot be opened: No such file or directory"):
        read_train_status(path)
    path.write_text(json.dumps(NEMO))
    assert read_train_status(path) == read_train_status(str(path)) == read_train_status(NEMO)


def test_misuse_of_the_reader() -> None:
    with pytest.raises(TypeError, match=r"^source: expected a path, bytes or a mapping, found int$"):
        read_train_status(5)  # type: ignore[arg-type]


@given(
    st.dictionaries(
        st.sampled_from(["status", "state", "progress", "stats", "artifacts", "dry_run", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
            max_leaves=5,
        ),
    )
)
def test_no_document_raises_anything_else(document: dict[str, Any]) -> None:
    with contextlib.suppress(MalformedInput):
        assert read_train_status(json.dumps(document).encode()).words


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / STATUS_NAME
    for document in (NEMO, PRODUCTION, LEGACY, BUNDLE):
        write_train_status(path, document)
        assert json.loads(path.read_bytes()) == document
        assert path.read_bytes().endswith(b"}\n")
    assert [entry.name for entry in tmp_path.iterdir()] == [STATUS_NAME]


def test_a_relative_path_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_train_status(STATUS_NAME, NEMO)
    assert read_train_status(STATUS_NAME).lane == "tts_prod_train_nemo"


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        ([], TypeError, "status: expected a mapping, found list"),
        ({"status": "done", "x": {1, 2}}, TypeError, "Object of type set is not JSON serializable"),
        ({"status": "done", "stats": {"a/b": [0.5, math.nan]}}, ValueError, "status: found nan at /stats/a~1b/1; expected a finite number"),
        ({"status": "done", "stats": {"loss": math.inf}}, ValueError, "status: found inf at /stats/loss; expected a finite number"),
        ({"state": 5}, ValueError, "status: /state: found a number; expected a string or null"),
        ({}, ValueError, "status: found none of status, state, objective_status; expected one that says how the run stands"),
        ({"status": "done", "x": "a" * 5_000_000}, ValueError, "status: found 5000034 bytes; expected at most 4194304"),
    ],
)  # fmt: skip
def test_what_is_not_written(tmp_path: Path, status: Any, kind: type[Exception], message: str) -> None:
    path = tmp_path / STATUS_NAME
    write_train_status(path, NEMO)
    with pytest.raises(kind) as caught:
        write_train_status(path, status)
    assert str(caught.value) == message
    assert read_train_status(path) == read_train_status(NEMO)


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_train_status(tmp_path / "none" / STATUS_NAME, NEMO)
    (tmp_path / STATUS_NAME).mkdir()
    with pytest.raises(IsADirectoryError):
        write_train_status(tmp_path / STATUS_NAME, NEMO)
    assert [entry.name for entry in tmp_path.iterdir()] == [STATUS_NAME]


def test_a_writer_waits_for_no_other(tmp_path: Path) -> None:
    path = tmp_path / STATUS_NAME
    temporary = tmp_path / f".{STATUS_NAME}.tmp"
    with temporary.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        write_train_status(path, NEMO)
        assert read_train_status(path) == read_train_status(NEMO)
        assert temporary.stat().st_size == 0
    assert {entry.name for entry in tmp_path.iterdir()} == {STATUS_NAME, temporary.name}


def test_a_temporary_file_that_another_writer_made_the_target_is_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / STATUS_NAME
    lock = fcntl.flock

    def lock_late(descriptor: int, operation: int) -> None:
        (tmp_path / f".{STATUS_NAME}.tmp").replace(path)
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    before = path.with_name("before")
    write_train_status(path, NEMO)
    path.rename(before)
    write_train_status(path, LEGACY)

    assert read_train_status(before) == read_train_status(NEMO)
    assert read_train_status(path) == read_train_status(LEGACY)


def test_writers_in_threads_leave_one_whole_document(tmp_path: Path) -> None:
    path = tmp_path / STATUS_NAME

    def write(number: int) -> None:
        for turn in range(20):
            write_train_status(path, {"status": "running", "who": number, "turn": turn, "pad": "x" * 5000})
            assert len(read_train_status(path).fields["pad"]) == 5000

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_train_status(path).fields["turn"] == 19
    assert {entry.name for entry in tmp_path.iterdir()} <= {STATUS_NAME, f".{STATUS_NAME}.tmp"}


KILLER = """
import json, os, random, signal, sys, time
from helix_tts_policy import read_train_status, write_train_status

path, kills = sys.argv[1], int(sys.argv[2])
random.seed(7)
write_train_status(path, {"status": "running", "n": -1, "pad": "end"})
seen = set()
for kill in range(kills):
    child = os.fork()
    if child == 0:
        for n in range(10**9):
            size = random.randrange(20_000)
            write_train_status(path, {"status": "running", "n": kill * 10**6 + n, "size": size, "pad": "x" * size + "end"})
    time.sleep(random.random() * 0.006)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    fields = read_train_status(path).fields
    assert len(fields["pad"]) == fields.get("size", 0) + 3 and fields["pad"].endswith("end"), fields
    seen.add(fields["n"])
print(json.dumps([len(seen), sorted(os.listdir(os.path.dirname(path)))]))
"""


def test_a_writer_that_is_killed_500_times_tears_nothing(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", KILLER, str(tmp_path / STATUS_NAME), "500"],
        env={"PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.stderr == ""
    different, left = json.loads(done.stdout)
    assert different > 1
    assert set(left) <= {STATUS_NAME, f".{STATUS_NAME}.tmp"}
