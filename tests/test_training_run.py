"""Training runs: what a report says, where its findings stand, and that bad input becomes findings."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy import PolicyError, Severity, TrainingRunReport, Verdict, check_training_run, read_lane_log
from helix_tts_policy.facts.lane_registry import LANES, Promotable, is_promotable, lane_named
from helix_tts_policy.facts.run_artifacts import ArtifactState, ObservedArtifact, observe_artifacts
from helix_tts_policy.render import json_v1, text
from helix_tts_policy.rules.training_subject import is_loss, losses, main_losses

LOGS = Path(__file__).parent / "data" / "logs"

GOOD = 'PROGRESS 1 2\nSTATS {"loss": 0.75}\nPROGRESS 2 2\nSTATS {"loss": 0.5}\nARTIFACT out/voice.nemo\n'
STATUS = {"job_type": "tts_prod_train_nemo", "status": "completed", "artifacts": ["out/voice.nemo"]}


def check(log: str, **arguments: Any) -> TrainingRunReport:
    return check_training_run(io.BytesIO(log.encode()), **arguments)


def errors(report: TrainingRunReport) -> list[str]:
    return [finding.rule for finding in report.findings if finding.severity is Severity.ERROR]


REAL = {
    "nemo_lane_stdout.log": [],
    "nemo_lane_shared_nl.stdout.log": [],
    "resume_stdout.log": [],
    "nemo_lane_shared_naive.stdout.log": [("progress-incomplete", 26), ("signal-glued", 27)],
    "nemo_merged_2to1.log": [("progress-incomplete", 35), ("signal-glued", 55)],
    "kill_stdout.log": [("progress-incomplete", 14)],
}
"""What is found in the real logs, without notes; those not named here have no signal at all."""


@pytest.mark.parametrize("log", sorted(LOGS.iterdir()), ids=lambda log: log.name)
def test_real_log(log: Path) -> None:
    report = check_training_run(log)
    found = [(each.rule, each.at.line) for each in report.findings if each.severity is not Severity.NOTE]

    nothing = [("progress-incomplete", log.read_bytes().count(b"\n"))]
    assert found == REAL.get(log.name, nothing)
    assert report.verdict is (Verdict.GO if found == [] else Verdict.NO_GO)
    assert (report.readable, report.blocked) == (True, False)


def test_a_run_with_all_of_its_evidence(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "voice.nemo").write_bytes(b"weights")
    (tmp_path / "run.log").write_text(GOOD)
    (tmp_path / "train_status.json").write_text(json.dumps(STATUS))
    report = check_training_run(tmp_path / "run.log", status=tmp_path / "train_status.json", root=tmp_path)

    assert (report.verdict, report.findings) == (Verdict.GO, ())
    assert report.run is not None
    assert report.run.is_complete
    assert report.status is not None
    assert report.status.lane == "tts_prod_train_nemo"
    report.raise_for_verdict()
    assert report.summary == (
        "lane       tts_prod_train_nemo",
        "status     status completed",
        "progress   2 of 2, all steps done",
        "figures    loss 0.5",
        "artifact   out/voice.nemo",
        "log        91 bytes: 2 PROGRESS, 2 STATS, 0 malformed",
    )
    document = report.to_dict()
    assert document["schema"] == "helix-tts-policy/training-run-report/1"
    assert document["log"]["history"] == {"loss": [[1, 0.75], [2, 0.5]]}
    assert document["artifacts"] == [{"path": "out/voice.nemo", "state": "present"}]
    assert document["pinned"] == {
        "log": {
            "name": str(tmp_path / "run.log"),
            "sha256": hashlib.sha256(GOOD.encode()).hexdigest(),
            "bytes": len(GOOD),
        },
        "status": {
            "name": str(tmp_path / "train_status.json"),
            "sha256": hashlib.sha256(json.dumps(STATUS).encode()).hexdigest(),
            "bytes": len(json.dumps(STATUS)),
        },
    }
    assert json.loads(json_v1.render([report]))["verdict"] == "GO"


def test_findings_of_a_status_file_stand_in_it() -> None:
    status = (
        b'{\n  "lane": "tts_voice_train",\n  "status": "completed",\n  "metrics": {"mcd": NaN, "val/loss": Infinity, "x": [NaN]},\n'
        b'  "stats": {"loss": 0.25},\n  "progress": {"current": 1, "total": 1},\n  "artifacts": ["a", "out/voice.nemo"]\n}\n'
    )
    report = check(GOOD, status=status, lane="tts_prod_train", root="/nonexistent")
    found = [(each.rule, each.at.source, each.at.path, each.at.line, each.at.column) for each in report.findings]

    assert found == [
        ("lane-contradicts-status", "<status>", "/lane", 2, 11),
        ("loss-not-finite", "<status>", "/metrics/val~1loss", 4, 39),
        ("artifact-missing", "<stream>", "/artifacts/0", 5, 1),
        ("status-contradicts-log", "<status>", "/stats/loss", 5, 21),
        ("status-contradicts-log", "<status>", "/progress", 6, 15),
        ("artifact-missing", "<status>", "/artifacts", 7, 16),
        ("status-contradicts-log", "<status>", "/artifacts/0", 7, 17),
        ("stat-not-finite", "<status>", "/metrics/mcd", 4, 22),
    ]
    assert report.to_dict()["status"]["stats"] == {"loss": 0.25, "mcd": "nan", "val/loss": "inf", "x": ["nan"]}


def test_findings_of_a_mapping_have_no_lines() -> None:
    report = check(GOOD, status={**STATUS, "dry_run": True}, root=None)
    (finding,) = [each for each in report.findings if each.severity is Severity.ERROR]

    assert (finding.rule, finding.at.source, finding.at.path, finding.at.line) == (
        "dry-run",
        "<status>",
        "/dry_run",
        None,
    )


def test_a_status_and_a_log_that_are_blocked_for_different_reasons() -> None:
    log = "[tts-prod] status=blocked reason=config_missing\n"
    report = check(log, status=b'{"status": "blocked", "reason": "out_of_disk:/srv"}')

    assert errors(report) == ["run-blocked", "status-contradicts-log"]
    assert [each.message for each in report.findings if each.rule == "status-contradicts-log"] == [
        "found the reason out_of_disk; expected config_missing, as in the log"
    ]
    assert report.blocked
    for reason in ('"config_missing:other"', "null", '"No config!"'):
        again = check(log, status=b'{"status": "blocked", "reason": %s}' % reason.encode())
        assert errors(again) == ["run-blocked"]


def test_a_completed_status_of_a_blocked_log_is_a_contradiction() -> None:
    report = check("[tts-prod] status=blocked\n", status={"status": "completed"})

    assert errors(report) == ["status-contradicts-log", "run-blocked"]  # what has no line stands first
    assert [each.message for each in report.findings][:2] == [
        "found a completed run; expected a blocked one, as in the log",
        "found the run blocked for no reason; expected a run that trained",
    ]


def test_a_blocked_status_without_a_reason() -> None:
    report = check("PROGRESS 0 2\n", status={"status": "blocked"})

    assert [each.rule for each in report.findings][:2] == ["run-blocked", "run-reason-unusable"]


def test_what_cannot_be_read_is_a_finding(tmp_path: Path) -> None:
    report = check_training_run(tmp_path / "none.log", status=b"{")

    assert [(each.rule, each.at.source) for each in report.findings] == [
        ("input-unreadable", str(tmp_path / "none.log")),
        ("input-syntax", "<status>"),
    ]
    assert (report.verdict, report.readable, report.run, report.status) == (Verdict.NO_GO, False, None, None)
    assert report.summary == ()
    assert report.to_dict()["log"] is None
    assert not report.blocked
    with pytest.raises(PolicyError, match=r"none\.log: input-unreadable: cannot be opened: .* \(and 1 more\)$"):
        report.raise_for_verdict()


def test_a_status_that_cannot_be_read_leaves_the_log_checked(tmp_path: Path) -> None:
    (tmp_path / "status").mkdir()
    report = check("PROGRESS 1 2\n", status=tmp_path / "status")

    assert errors(report) == ["input-unreadable", "progress-incomplete"]
    assert "status-not-checked" not in {each.rule for each in report.findings}
    report = check(GOOD, status={"status": 5})
    assert errors(report) == ["status-shape"]
    assert report.readable


def test_a_disk_that_fails_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "run.log"
    log.write_text(GOOD)
    descriptor = os.open(log, os.O_WRONLY)  # reading from it fails
    monkeypatch.setattr("helix_tts_policy.check_training.open_regular", lambda *_, **__: descriptor)

    report = check_training_run(log)

    assert [each.message for each in report.findings] == ["cannot be read: Bad file descriptor"]


def test_a_log_that_was_read_before(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text(GOOD)
    report = check_training_run(read_lane_log(log, places=True), name="run")

    assert (report.source, report.verdict) == ("run", Verdict.GO)
    assert report.pinned()["log"] == {"name": "run", "sha256": None, "bytes": 91}


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"log": None}, TypeError, "log: expected a path, a stream of bytes or a LaneRun, found NoneType"),
        ({"log": io.StringIO("a")}, TypeError, "source: expected a stream of bytes, found one of str"),
        ({"log": io.BytesIO(), "lane": 5}, TypeError, "lane: expected text, found int"),
        ({"log": io.BytesIO(), "nemo_blocked": True}, TypeError, "nemo_blocked: expected text, found bool"),
        ({"log": io.BytesIO(), "status": 5}, TypeError, "source: expected a path, bytes or a mapping, found int"),
        (
            {"log": read_lane_log(io.BytesIO())},
            ValueError,
            "log: found one that was read without its places; expected read_lane_log(..., places=True)",
        ),
    ],
)
def test_misuse(arguments: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        check_training_run(**arguments)
    assert str(caught.value) == message


def test_many_lines_are_told_in_few_words() -> None:
    report = check("PROGRESS x\n" * 20_000 + GOOD)
    told = [each for each in report.findings if each.rule == "signal-malformed"]

    assert len(told) == 10
    assert told[-1].message == (
        'found "PROGRESS x"; expected two whole numbers of ASCII digits (and 19990 more such lines)'
    )
    assert len(text.render([report])) < 5_000


def test_hostile_values_do_not_reach_the_screen() -> None:
    log = GOOD + 'STATS {"loss\\u001b[31m": 1}\nARTIFACT out/\u202ea\n[x] status=blocked reason=::error\n'
    shown = text.render([check(log, status=b'{"status": "done", "message": "a\\n::error b", "lane": "x\\ty"}')])

    assert all(character.isprintable() or character == "\n" for character in shown)
    assert not any(line.lstrip().startswith("::") for line in shown.splitlines())


@given(st.binary(max_size=80), st.binary(max_size=40) | st.sampled_from([json.dumps(STATUS).encode()]))
def test_no_input_raises(log: bytes, status: bytes) -> None:
    report = check_training_run(io.BytesIO(log), status=status)

    assert (report.verdict is Verdict.GO) == (errors(report) == [])
    assert json.loads(json_v1.render([report]))["verdict"] == report.verdict.value


def test_summary_of_a_long_run() -> None:
    report = check(
        "PROGRESS 0 9\nSTATS "
        + json.dumps({f"lr_{number}": number for number in range(20)} | {"name": "x", "val_loss": 0.25})
        + "\n"
        + "".join(f"ARTIFACT out/{number}\n" for number in range(12))
        + "[weights-manifest] status=ok\n=== COLAB TRAIN REPORT ===\nobjective_status: failed\n",
        status={"status": "error", "reason": "out_of_memory"},
    )

    assert report.summary[0] == "status     status error (out_of_memory)"
    assert report.summary[1] == "progress   0 of 9"
    assert report.summary[2].startswith("figures    val_loss 0.25, lr_0 0, lr_1 1, ")
    assert report.summary[2].endswith(", and 14 more")
    assert report.summary[-4:] == (
        "           and 4 more",
        "notice     [weights-manifest] status=ok",
        "report     objective failed",
        f"log        {report.run.size if report.run else 0} bytes: 1 PROGRESS, 1 STATS, 0 malformed",
    )


@pytest.mark.parametrize(
    ("name", "promotable", "blocked", "expected"),
    [
        ("dataset", Promotable.NO, None, False),
        ("train", Promotable.NO, None, False),
        ("tts_voice_train", Promotable.NO, "nemo_runtime_unavailable", False),
        ("tts_prod_train", Promotable.YES, None, True),
        ("tts_prod_train_nemo", Promotable.YES, None, True),
        ("tts_prod_train_espnet2", Promotable.AS_FALLBACK, None, False),
        ("tts_prod_train_espnet2", Promotable.AS_FALLBACK, "", False),
        ("ESPnet2", Promotable.AS_FALLBACK, "nemo_runtime_unavailable", True),
    ],
)
def test_lanes(name: str, promotable: Promotable, blocked: str | None, expected: bool) -> None:  # noqa: FBT001
    lane = lane_named(name)

    assert lane is not None
    assert lane.promotable is promotable
    assert is_promotable(lane, nemo_blocked=blocked) is expected
    assert (lane.why == "") is (promotable is Promotable.YES)


def test_lanes_have_names_of_their_own() -> None:
    names = [name for lane in LANES for name in (lane.job_type, *lane.aliases)]

    assert len(names) == len(set(names))
    assert lane_named("TTS_PROD_TRAIN") is None


@pytest.mark.parametrize(
    ("key", "loss"),
    [
        *[
            (key, True)
            for key in ("loss", "t_loss", "val/loss", "Loss", "g_loss_fm_mpd", "loss.mel", "LOSS", "train-loss")
        ],
        *[(key, False) for key in ("glossary", "lossless", "los", "mcd", "")],
    ],
)
def test_what_is_a_loss(key: str, loss: bool) -> None:  # noqa: FBT001 - a column of the table
    assert is_loss(key) is loss


def test_losses_of_nested_figures() -> None:
    stats = {"loss": {"mel": 1, "dur": None}, "val_loss": 2, "lr": 3}

    assert losses(stats) == {"loss/mel": 1, "loss/dur": None, "val_loss": 2}
    assert main_losses(stats) == ("val_loss",)
    assert main_losses({"x_loss": 1.0, "val_loss": 2.0}) == ("x_loss", "val_loss")
    assert main_losses({"x_loss": 1.0, "t_loss": 2.0, "loss": None}) == ("t_loss",)
    assert main_losses({}) == ()


def test_what_lies_at_a_path(tmp_path: Path) -> None:
    root, other = tmp_path / "run", tmp_path / "other"
    for folder in (root / "full", root / "empty", other):
        folder.mkdir(parents=True)
    (root / "full" / "a.nemo").write_bytes(b"x")
    (root / "zero").touch()
    (other / "secret").write_bytes(b"x")
    os.mkfifo(root / "fifo")
    (root / "best").symlink_to("full/a.nemo")
    (root / "away").symlink_to("../other/secret")
    (root / "loop").symlink_to("loop")
    states = {
        "full/a.nemo": "present",
        str(root / "full" / "a.nemo"): "present",
        "full": "present",
        "best": "present",
        "empty": "empty",
        "zero": "empty",
        "fifo": "not-a-file",
        "none": "missing",
        "zero/below": "missing",
        "away": "outside",
        "../other/secret": "outside",
        str(other / "secret"): "outside",
        ".": "outside",
        "loop": "unreadable",
        "a\0b": "unreadable",
    }

    found = observe_artifacts(root, [*states, "zero"])

    assert {each.path: each.state.value for each in found} == states
    assert len(found) == len(states)
    assert found[-2:] == (
        ObservedArtifact("loop", ArtifactState.UNREADABLE, "Too many levels of symbolic links"),
        ObservedArtifact("a\0b", ArtifactState.UNREADABLE, "no file can have such a name"),
    )
