"""The example service as its clients see it: a real server process, real training scripts, a real HTTP client.

Only 127.0.0.1 can be connected to, which pytest-socket sees to.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from examples.train_service.scripts import awkward
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.command_line import LIMIT_SECONDS, REPOSITORY, environment

from helix_tts_policy import read_lane_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.allow_hosts(["127.0.0.1"])

VOICES = REPOSITORY / "examples" / "voices"
MANIFEST = (VOICES / "mei" / "weights-manifest.json").read_bytes()
NEMO = "nemo_runtime_unavailable" if find_spec("nemo") is None else "managed_job_not_implemented"
FIELDS = ["id", "type", "state", "message", "progress", "metadata", "artifactRefs", "logs", "startedAt", "endedAt"]


class Service:
    """A server process and a client of it."""

    def __init__(self, url: str, process: subprocess.Popen[bytes], runs: Path) -> None:
        self.client = httpx.Client(base_url=url, trust_env=False, timeout=LIMIT_SECONDS)
        self.process = process
        self.runs = runs
        self.pids: set[int] = set()

    def start(self, job_type: str) -> str:
        answer = self.client.post("/api/train/start", json={"jobType": job_type})
        assert answer.status_code == 202, answer.text
        job_id = answer.json()["id"]
        assert isinstance(job_id, str)
        return job_id

    def job(self, job_id: str) -> dict[str, Any]:
        record: dict[str, Any] = self.client.get(f"/api/train/job/{job_id}").json()
        assert list(record) == FIELDS
        if "pid" in record["metadata"]:
            self.pids.add(record["metadata"]["pid"])
        return record

    def wait(self, job_id: str, until: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        give_up = time.monotonic() + LIMIT_SECONDS
        while not until(record := self.job(job_id)):
            assert time.monotonic() < give_up, record
            time.sleep(0.02)
        return record

    def run(self, job_type: str) -> dict[str, Any]:
        return self.wait(self.start(job_type), lambda record: record["state"] in {"done", "error"})

    def verify(self, body: bytes, **query: str) -> httpx.Response:
        return self.client.post("/api/voice/verify-manifest", content=body, params=query)


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Service]:
    """A server that is gone afterwards with all that it started, and that had nothing to complain about itself."""
    errors = folder / "stderr.txt"
    runs = folder / "runs"
    with errors.open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "examples.train_service", "--port", "0", "--runs", str(runs), *arguments],
            cwd=REPOSITORY,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    service = None
    try:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], LIMIT_SECONDS)[0], "the server says nothing"
        said = process.stdout.readline().decode()
        assert said.startswith("serving on http://127.0.0.1:"), errors.read_text()
        service = Service(said.split()[-1], process, runs)
        yield service
        process.terminate()
        process.wait(LIMIT_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        if service is not None:
            service.client.close()
            for pid in service.pids:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
    assert errors.read_text() == ""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    voices = folder / "voices"
    for name in ("mei", "mei-swapped"):
        shutil.copytree(VOICES / name, voices / name, ignore=shutil.ignore_patterns("weights-manifest.json"))
    (voices / "link").symlink_to(VOICES / "mei")
    (voices / "file").touch()
    with serving(folder, "--voices", str(voices), "--places", "4", "--grace", "0.2") as running:
        yield running


def rules(record: dict[str, Any]) -> set[str]:
    return {finding["rule"] for finding in record["findings"]}


def test_a_run_that_trained_is_done_and_its_evidence_bears_it_out(service: Service) -> None:
    job = service.run("tts_prod_train")

    assert (job["type"], job["state"]) == ("tts_prod_train", "done")
    assert job["message"] == "exit code 0, and the evidence bears it out: GO"
    assert job["progress"] == {"current": 40, "total": 40}
    assert job["artifactRefs"] == ["out/contour.json"]
    assert 0 < job["metadata"]["stats"]["loss"] < 0.01
    assert job["metadata"]["exitCode"] == 0
    assert (job["metadata"]["verdict"], job["metadata"]["findings"]) == ("GO", [])
    assert job["startedAt"] < job["endedAt"]
    assert "PROGRESS 40 40" in job["logs"]


def test_signals_in_awkward_pieces_are_all_read(service: Service) -> None:
    job = service.run("awkward")
    log = service.runs / job["id"] / "stdout.log"
    run = read_lane_log(log)

    assert log.read_bytes() == b"".join(awkward.PIECES)
    assert job["progress"] == {"current": 100, "total": 100}
    assert job["metadata"]["stats"] == {"loss": 0.25, "note": "ä", "lr": 0.001}
    assert job["artifactRefs"] == ["out/voice-€.json", "out/second.json"]
    assert job["metadata"]["malformed"] == {
        "count": 4,
        "first": [
            {"reason": "progress-fields", "keyword": "PROGRESS", "text": "PROGRESS 60", "line": 9},
            {"reason": "stats-not-finite", "keyword": "STATS", "text": 'STATS {"loss": NaN}', "line": 10},
            {"reason": "stats-not-object", "keyword": "STATS", "text": "STATS [1]", "line": 11},
            {"reason": "unterminated", "keyword": "PROGRESS", "text": "PROGRESS 10", "line": 17},
        ],
    }
    assert run.progress == (100, 100)
    assert (dict(run.stats), list(run.artifacts)) == (job["metadata"]["stats"], job["artifactRefs"])
    assert job["state"] == "done"
    assert job["message"].startswith("exit code 0, but NO-GO: ")
    assert {"signal-malformed", "stats-malformed", "loss-not-finite", "status-missing"} <= rules(job["metadata"])


@pytest.mark.parametrize(
    ("job_type", "state", "message", "facts"),
    [
        (
            "killed",
            "error",
            "killed by signal 9 (SIGKILL)",
            {"exitCode": None, "signal": "SIGKILL", "blockedReason": None},
        ),
        (
            "tts_prod_train_nemo",
            "error",
            f"blocked: {NEMO} (exit code 2)",
            {"exitCode": 2, "signal": None, "blockedReason": NEMO},
        ),
        (
            "failing",
            "error",
            "exit code 1: out of memory in batch 3",
            {"exitCode": 1, "signal": None, "blockedReason": None},
        ),
        ("not_installed", "error", "could not be run: No such file or directory", {}),
    ],
)
def test_a_run_that_failed_says_why(
    job_type: str, state: str, message: str, facts: dict[str, Any], service: Service
) -> None:
    job = service.run(job_type)

    assert (job["state"], job["message"]) == (state, message)
    assert {key: job["metadata"].get(key, "not stated") for key in facts} == facts
    assert job["metadata"].get("verdict") != "GO"


def test_what_a_killed_run_had_done_stays(service: Service) -> None:
    job = service.run("killed")

    assert job["progress"] == {"current": 5, "total": 10}
    assert {"status-missing", "progress-incomplete"} <= rules(job["metadata"])


def test_a_status_file_that_contradicts_the_log_is_told_though_the_exit_code_is_0(service: Service) -> None:
    job = service.run("contradicting")

    assert job["state"] == "done"
    assert job["message"].startswith(
        "exit code 0, but NO-GO: progress-incomplete: found PROGRESS 7 12 as the last progress; expected all steps done (and "
    )
    assert job["progress"] == {"current": 7, "total": 12}
    assert job["metadata"]["verdict"] == "NO-GO"
    assert {"status-contradicts-log", "artifact-missing"} <= rules(job["metadata"])


@pytest.mark.parametrize("job_type", ["leaving", "escaping"])
def test_what_a_script_leaves_running_keeps_nobody_waiting(job_type: str, service: Service) -> None:
    job = service.run(job_type)

    assert (job["state"], job["progress"]) == ("done", {"current": 1, "total": 1})
    assert "still here" in job["logs"]


def test_a_record_is_bounded_whatever_a_script_writes(service: Service) -> None:
    job = service.run("noisy")
    log = service.runs / job["id"] / "stderr.log"

    assert job["progress"] == {"current": 2, "total": 2}
    assert len(job["logs"]) == 200
    assert max(map(len, job["logs"])) <= 400
    assert "line 19999" in job["logs"]
    assert log.stat().st_size > 1_000_000


def test_jobs_run_side_by_side_wait_for_a_place_and_end_with_the_server(tmp_path: Path) -> None:
    with serving(tmp_path, "--places", "2", "--remembered", "3", "--grace", "0.2") as service:
        forgotten = service.run("killed")["id"]
        ids = [service.start("endless") for _ in range(3)]
        over = service.client.post("/api/train/start", json={"jobType": "killed"})
        gone = service.client.get(f"/api/train/job/{forgotten}")
        first, second = (
            service.wait(job_id, lambda record: record["progress"] == {"current": 1, "total": 3}) for job_id in ids[:2]
        )
        third = service.job(ids[2])
        status = service.client.get("/api/train/status").json()
        kept = service.client.post("/api/train/status/reset").json()
        locks = [service.runs / job_id / "alive" for job_id in ids[:2]]
        held = [is_locked(lock) for lock in locks]

    assert (over.status_code, gone.status_code) == (503, 404)
    assert over.json() == {"error": "the service takes no more jobs now; try again when some have ended"}
    assert first["state"] == second["state"] == "running"
    assert first["endedAt"] is second["endedAt"] is None
    assert first["metadata"]["pid"] != second["metadata"]["pid"]
    assert (third["state"], third["startedAt"], third["message"]) == ("pending", None, "waiting for a free place")
    assert status["state"] == "running"
    assert status["counts"] == {"pending": 1, "running": 2, "done": 0, "error": 0}
    assert [job["id"] for job in status["jobs"]] == [job["id"] for job in kept["jobs"]] == ids[::-1]
    assert held == [True, True]
    assert service.process.returncode == -signal.SIGTERM
    assert [is_locked(lock) for lock in locks] == [False, False]
    assert not (service.runs / ids[2]).exists()


def is_locked(path: Path) -> bool:
    """Whether the script, or the process that it started, is alive."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_reset_forgets_what_has_ended(service: Service) -> None:
    job = service.run("killed")
    before = service.client.get("/api/train/status").json()
    after = service.client.post("/api/train/status/reset").json()

    assert before["jobs"][0] == job | {"logs": []}
    assert before["state"] == "error"
    assert after == {
        "state": "idle",
        "counts": {"pending": 0, "running": 0, "done": 0, "error": 0},
        "jobs": [],
    }
    assert service.client.get(f"/api/train/job/{job['id']}").status_code == 404
    assert (service.runs / job["id"] / "stdout.log").exists()


TOO_LARGE = "found a body of more than 4194304 bytes; expected at most so many"


@pytest.mark.parametrize(
    ("route", "body", "status", "error"),
    [
        ("POST start", b'{"jobType": "train; id"}', 400, 'jobType: found "train; id"; expected one of awkward, '),
        ("POST start", b"", 422, "body: Field required"),
        ("POST start", b"{}", 422, "body.jobType: Field required"),
        ("POST start", b'{"jobType": 1}', 422, "body.jobType: Input should be a valid string"),
        ("POST start", b'{"jobType": ""}', 422, "body.jobType: String should have at least 1 character"),
        ("POST start", b'{"jobType": "killed", "\\u001b": 1}', 422, "body.\\u001b: Extra inputs are not permitted"),
        ("POST start", b" " * 5_000_000, 413, TOO_LARGE),
        ("GET job/nobody", b"", 404, 'found no job "nobody"; expected the id of one that is remembered'),
        ("GET job/%1b", b"", 404, 'found no job "\\u001b"; expected the id of one that is remembered'),
        ("GET job/..%2f..%2fetc", b"", 404, "Not Found"),
        ("GET start", b"", 405, "Method Not Allowed"),
        ("GET no-such-route", b"", 404, "Not Found"),
    ],
)
def test_a_wrong_request_gets_its_reason_as_json(
    route: str, body: bytes, status: int, error: str, service: Service
) -> None:
    method, path = route.split()
    headers = {"content-type": "application/json"}
    answer = service.client.request(method, f"/api/train/{path}", content=body, headers=headers)

    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert answer.json()["error"].startswith(error)
    assert answer.content.isascii()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"jobType": "\\ud800"}', "application/json"),
        (b'{"jobType": "killed"}', "text/plain"),  # what a page of another site may send without being asked
    ],
)
def test_what_is_no_request_starts_nothing(body: bytes, kind: str, service: Service) -> None:
    before = service.client.get("/api/train/status").json()
    answer = service.client.post("/api/train/start", content=body, headers={"content-type": kind})

    assert answer.status_code in {400, 422}
    assert answer.json()["error"]
    assert service.client.get("/api/train/status").json() == before


def test_a_manifest_with_its_weights_is_go(service: Service) -> None:
    report = service.verify(MANIFEST, root="mei").json()

    assert report["verdict"] == "GO"
    assert report["pinned"]["bytes_checked"] is True


def test_a_manifest_alone_is_judged_and_says_that_no_byte_was_checked(service: Service) -> None:
    report = service.verify(MANIFEST).json()

    assert report["verdict"] == "GO"
    assert report["pinned"]["bytes_checked"] is False
    assert rules(report) == {"bytes-not-checked"}


def test_swapped_weights_are_no_go(service: Service) -> None:
    answer = service.verify(MANIFEST, root="mei-swapped")

    assert (answer.status_code, answer.json()["verdict"]) == (200, "NO-GO")
    assert rules(answer.json()) == {"file-digest-mismatch"}


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (
            MANIFEST.replace(b'"weights_license": ', b'"weights_license": "MIT", "weights_license": '),
            "input-duplicate-key",
        ),
        (MANIFEST.replace(b'"model_id"', b'"\\ud800": 1, "\\ud800": 2, "model_id"'), "input-duplicate-key"),
        (MANIFEST.replace(b'"bytes": 2870', b'"bytes": NaN'), "input-syntax"),
        (MANIFEST.replace(b'"bytes": 2870', b'"bytes": ' + b"9" * 5000), "input-syntax"),
        (MANIFEST + MANIFEST, "input-syntax"),
        (MANIFEST.decode().encode("utf-16"), "input-encoding"),
        (b"", "input-syntax"),
        (b"[]", "manifest-shape"),
        (b"[" * 100_000, "input-syntax"),
        (b'{"a":' * 100 + b"1" + b"}" * 100, "input-syntax"),
        (b"\x00\x1b[2J", "input-syntax"),
    ],
)
def test_a_hostile_manifest_is_no_go_and_no_error_of_the_server(body: bytes, rule: str, service: Service) -> None:
    answer = service.verify(body)

    assert (answer.status_code, answer.json()["verdict"]) == (200, "NO-GO")
    assert rule in rules(answer.json())
    assert answer.content.isascii()


@settings(max_examples=40)
@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5).map(
        lambda value: json.dumps(value).encode()
    )
    | st.tuples(st.integers(0, len(MANIFEST) - 1), st.integers(1, 255)).map(
        lambda flip: bytes(byte ^ flip[1] if at == flip[0] else byte for at, byte in enumerate(MANIFEST))
    )
)
def test_any_bytes_get_a_report(service: Service, body: bytes) -> None:
    answer = service.verify(body)

    assert answer.status_code == 200
    assert answer.json()["verdict"] in {"GO", "NO-GO"}


@pytest.mark.parametrize("path", ["/api/voice/verify-manifest", "/api/train/start"])
def test_a_client_that_hangs_up_is_no_error_of_the_server(path: str, service: Service) -> None:
    # That the server writes no traceback is looked at when it has ended.
    url = service.client.base_url
    with socket.create_connection((url.host, url.port), timeout=LIMIT_SECONDS) as connection:
        head = (
            f"POST {path} HTTP/1.1\r\nhost: {url.host}\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n"
        )
        connection.sendall(f"{head}{{".encode())

    assert service.client.get("/api/train/status").status_code == 200


@pytest.mark.parametrize("announced", [True, False])
def test_a_manifest_that_is_too_large_is_refused(announced: bool, service: Service) -> None:  # noqa: FBT001
    pieces = [b" " * 1_000_000] * 5
    answer = service.client.post("/api/voice/verify-manifest", content=b"".join(pieces) if announced else iter(pieces))

    assert answer.status_code == 413
    assert answer.json() == {"error": TOO_LARGE}


@pytest.mark.parametrize(
    ("root", "status"),
    [
        ("..", 400),
        ("../../../etc", 400),
        ("mei/../..", 400),
        ("/etc", 400),
        ("link", 400),
        (".", 400),
        ("", 400),
        ("mei\x00", 400),
        ("../no-such-folder", 400),
        ("no-such-folder", 404),
        ("file", 404),
        ("x" * 5000, 404),
    ],
)
def test_a_root_stays_below_the_folder_of_voices(root: str, status: int, service: Service) -> None:
    answer = service.verify(MANIFEST, root=root)

    assert answer.status_code == status
    assert answer.json()["error"].startswith("root: found ")


def test_a_wrong_lanes_file_is_told_at_the_start(tmp_path: Path) -> None:
    lanes = tmp_path / "lanes.toml"
    lanes.write_text('train = "rm -rf /"\n', encoding="utf-8")
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "examples.train_service", "--port", "0", "--lanes", str(lanes)],
        cwd=REPOSITORY,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )

    assert done.returncode == 2
    assert "Input should be a valid list" in done.stderr
