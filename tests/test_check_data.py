"""What is said of a data set: every defect with file and row, and the one reason for which a training is blocked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.recordings import RATE, tone, wav, write_dataset

from helix_tts_policy import DatasetReport, PolicyError, Verdict, check_dataset, check_training_data
from helix_tts_policy.blocker_reasons import BUILT_IN_REASONS, parse_reason
from helix_tts_policy.errors import ProblemKind
from helix_tts_policy.facts.training_config import load_training_plan
from helix_tts_policy.finding import Severity
from helix_tts_policy.rules.dataset_registry import DATASET_READING_RULES, DATASET_RULES, REASONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from helix_tts_policy.rules.rule import Rule

TEXTS = ["Good morning.", "Good night.", "Come in."]


def told(report: DatasetReport) -> list[tuple[str, str, int | None, int | None, str]]:
    return [(each.rule, each.at.source, each.at.line, each.at.column, each.message) for each in report.findings]


def configured(folder: Path, more: str = "", stages: str = "") -> Path:
    config = folder / "training.toml"
    config.write_text(
        f'schema_version = "nemo-training/1"\npreset = "smoke"\n{stages}[data]\ntrain = "train.jsonl"\nname = "tones"\n'
        + more
    )
    return config


def test_a_good_data_set_is_go(tmp_path: Path) -> None:
    train = write_dataset(tmp_path, "train", TEXTS)
    validation = write_dataset(tmp_path, "validation", ["See you."], pitch=900.0)
    calls: list[tuple[int, int]] = []

    report = check_dataset(train, validation, progress=lambda done, total: calls.append((done, total)))

    assert (report.verdict, report.findings, report.reason, report.blocked_reason) == (Verdict.GO, (), None, None)
    assert report.readable
    report.raise_for_verdict()
    assert [utterance.row.text for utterance in report.train] == TEXTS
    assert [utterance.row.text for utterance in report.validation] == ["See you."]
    assert report.seconds == pytest.approx(sum(1024 + 256 * (len(text) + 2) for text in TEXTS) / RATE)
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert report.summary == (
        f"utterances  3, {report.seconds:.1f} s at 22050 Hz",
        "validation  1, 0.2 s",
        f"digest      {report.sha256}",
    )
    machine = report.to_dict()
    assert json.loads(json.dumps(machine)) == machine
    assert list(machine) == [
        "schema", "source", "verdict", "reason", "utterances", "validation_utterances", "seconds", "summary",
        "findings", "pinned",
    ]  # fmt: skip
    assert machine["pinned"]["train"] == {"name": str(train), "sha256": machine["pinned"]["train"]["sha256"], "rows": 3}
    assert machine["pinned"]["config"] is None
    assert machine["pinned"]["dataset_sha256"] == report.sha256


def test_every_defect_is_told_with_its_file_and_row(tmp_path: Path) -> None:
    train = write_dataset(tmp_path, "train", [*TEXTS, "No.", "Yes.", "Why?", "At 7."])
    validation = write_dataset(tmp_path, "validation", ["See you."], pitch=900.0)
    (tmp_path / "train-0.wav").write_bytes(wav(tone(9000), rate=16_000))
    (tmp_path / "train-1.wav").write_bytes(wav(tone(9000, channels=2), channels=2))
    (tmp_path / "train-2.wav").write_bytes(wav(bytes(18_000)))
    (tmp_path / "train-3.wav").write_bytes(wav(tone(900)))
    (tmp_path / "train-4.wav").unlink()
    (tmp_path / "train-5.wav").write_bytes(wav(tone(5000))[:5000])
    (tmp_path / "validation-0.wav").write_bytes((tmp_path / "train-6.wav").read_bytes())

    report = check_dataset(train, validation)

    errors = [each for each in told(report) if each[0] != "audio-duration"]
    t, v = str(train), str(validation)
    assert errors == [
        ("audio-sample-rate", t, 1, 20, '"train-0.wav" has 16000 samples a second; expected 22050'),
        ("audio-not-mono", t, 2, 20, '"train-1.wav" has 2 channels; expected one'),
        ("audio-silent", t, 3, 20, '"train-2.wav" is silent: 0.41 s of nothing above -60 dB; expected speech'),
        (
            "audio-too-short",
            t,
            4,
            20,
            '"train-3.wav" has 900 samples for 3 symbols of text; expected at least 1280',
        ),
        ("audio-missing", t, 5, 20, '"train-4.wav" is not there; expected a recording'),
        (
            "audio-unreadable",
            t,
            6,
            20,
            '"train-5.wav" holds 4956 bytes of samples; its header says 10000',
        ),
        (
            "text-out-of-vocabulary",
            t,
            7,
            43,
            'found "7" (U+0037) in "At 7."; expected only symbols that the model knows',
        ),
        (
            "audio-text-conflict",
            v,
            1,
            20,
            f'"validation-0.wav" says "See you." here and "At 7." at line 7 of "{t}"; expected one text',
        ),
        (
            "validation-leak",
            v,
            1,
            20,
            f'"validation-0.wav" is trained on, at line 7 of "{t}"; expected a recording of its own',
        ),
    ]
    assert report.reason == "audio_missing"
    assert report.blocked_reason == f"audio_missing:{t}:5"
    assert (report.sha256, report.normalized) == (None, None)
    assert report.summary[-1] == "digest      none, since the data set has errors"
    with pytest.raises(PolicyError, match=r"audio-sample-rate: .*\(and "):
        report.raise_for_verdict()


def every(data: bytes) -> Callable[[Path], object]:
    return lambda folder: [path.write_bytes(data) for path in folder.glob("*.wav")]


def mixed(folder: Path) -> None:
    (folder / "train-0.wav").write_bytes(wav(bytes(9000)))
    (folder / "train-1.wav").write_bytes(wav(tone(9000), rate=16_000))
    (folder / "train-2.wav").unlink()


@pytest.mark.parametrize(
    ("change", "reason", "line"),
    [
        (lambda folder: (folder / "train.jsonl").unlink(), "manifest_missing", None),
        (lambda folder: (folder / "train.jsonl").write_bytes(b"\xff"), "manifest_invalid", 1),
        (lambda folder: (folder / "train.jsonl").write_bytes(b"7"), "manifest_invalid", 1),
        (lambda folder: (folder / "train.jsonl").write_bytes(b""), "dataset_empty", 1),
        (lambda folder: (folder / "train-1.wav").unlink(), "audio_missing", 2),
        (every(b"ID3"), "audio_unreadable", 1),
        (every(wav(tone(9000), rate=16_000)), "audio_sample_rate_mismatch", 1),
        (every(wav(tone(9000, channels=2), channels=2)), "audio_not_mono", 1),
        (every(wav(tone(500))), "audio_too_short", 1),
        (every(wav(bytes(18_000))), "audio_silent", 1),
        (mixed, "dataset_no_valid_audio", 3),
        (lambda folder: write_dataset(folder, "train", [*TEXTS, "7"]), "text_out_of_vocabulary", 4),
        (lambda folder: write_dataset(folder, "train", [*TEXTS, ""]), "text_out_of_vocabulary", 4),
        (lambda folder: (folder / "train-1.wav").write_bytes((folder / "train-0.wav").read_bytes()), "manifest_invalid", 2),
        (lambda folder: configured(folder, "[fastpitch]\nsteps = 0\n"), "no_training_steps", 7),
        (lambda folder: configured(folder, "[fastpitch]\nbatch_size = 1\n[hifigan]\nbatch_size = 4\n"), "no_training_steps", 9),
        (lambda folder: configured(folder, "[fastpitch]\nbatch_size = 2\n[hardware]\nnum_nodes = 2\n[hifigan]\nbatch_size = 1\n"), "no_training_steps", 7),
        (lambda folder: configured(folder, '[speak]\ntext = "?"\n'), "text_out_of_vocabulary", 7),
    ],
)  # fmt: skip
def test_a_blocked_training_has_one_reason(
    tmp_path: Path, change: Callable[[Path], object], reason: str, line: int | None
) -> None:
    write_dataset(tmp_path, "train", TEXTS)
    configured(tmp_path, "[fastpitch]\nbatch_size = 3\n")
    assert check_training_data(tmp_path / "training.toml").verdict is Verdict.GO
    change(tmp_path)

    report = check_training_data(tmp_path / "training.toml")

    assert report.verdict is Verdict.NO_GO
    assert report.reason == reason
    place = "" if line is None else f":{line}"
    assert report.blocked_reason is not None
    assert report.blocked_reason.startswith(f"{reason}:{tmp_path}/")
    assert report.blocked_reason.endswith(f"{place}")
    written = parse_reason(report.blocked_reason)
    assert written is not None
    assert written.code in BUILT_IN_REASONS
    assert report.to_dict()["reason"] == reason


def test_a_broken_configuration_blocks_nothing_and_is_told(tmp_path: Path) -> None:
    config = configured(tmp_path, "[fastpitch]\nstep = 4\n")

    report = check_training_data(config)
    missing = check_training_data(tmp_path / "none.toml")

    assert [(each.rule, each.at.line) for each in report.findings] == [("training-config-shape", 7)]
    assert (report.verdict, report.plan, report.reason, report.blocked_reason) == (Verdict.NO_GO, None, None, None)
    assert (report.readable, missing.readable) == (True, False)
    assert (report.train, report.validation, report.seconds, report.summary) == ((), (), 0, ())
    assert report.pinned() == {"config": None, "train": None, "validation": None, "dataset_sha256": None}


def test_both_manifests_are_read_before_anything_is_said(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("7\n")

    report = check_dataset(tmp_path / "train.jsonl", tmp_path / "none.jsonl")

    assert [each.rule for each in report.findings] == ["dataset-row-shape", "input-unreadable"]
    assert report.reason == "manifest_missing"


def test_a_plan_is_as_good_as_its_file(tmp_path: Path) -> None:
    write_dataset(tmp_path, "train", [*TEXTS, "Go on."])
    write_dataset(tmp_path, "validation", ["See you."], pitch=900.0)
    config = configured(tmp_path, 'validation = "validation.jsonl"\n')

    plan = load_training_plan(config)
    report = check_training_data(plan)

    assert report.to_dict() == check_training_data(config).to_dict()
    assert report.plan is plan
    assert len(report.validation) == 1
    assert report.pinned()["config"] == {"name": str(config), "sha256": plan.sha256}


def test_a_stage_that_is_left_out_asks_nothing(tmp_path: Path) -> None:
    write_dataset(tmp_path, "train", TEXTS)
    config = configured(tmp_path, "[fastpitch]\nsteps = 0\n", 'stages = ["hifigan"]\n')

    assert check_training_data(config).verdict is Verdict.GO


def test_a_recording_that_stands_often_is_read_once(tmp_path: Path) -> None:
    train = write_dataset(tmp_path, "train", TEXTS[:1])
    train.write_text(train.read_text() * 3)

    report = check_dataset(train)

    assert {id(utterance.observed) for utterance in report.train} == {id(report.train[0].observed)}
    assert [each.rule for each in report.findings] == ["utterance-repeated"] * 2
    assert report.verdict is Verdict.GO


@pytest.mark.parametrize(
    "call",
    [
        lambda: check_dataset(None),  # type: ignore[arg-type]  # the misuse that is tested
        lambda: check_dataset("a", 7),  # type: ignore[arg-type]  # as above
        lambda: check_training_data(7),  # type: ignore[arg-type]  # as above
        lambda: DatasetReport("x"),
    ],
)
def test_misuse_is_told(call: Callable[[], Any]) -> None:
    with pytest.raises(TypeError):
        call()


def test_no_recording_has_no_samples_in_a_second(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^sample_rate: found 0; expected 1 or more$"):
        check_dataset(tmp_path / "train.jsonl", sample_rate=0)


def test_every_error_has_a_reason_and_every_reason_is_known() -> None:
    rules: tuple[Rule[Any], ...] = (*DATASET_READING_RULES, *DATASET_RULES)
    errors = {rule.id for rule in rules if rule.severity is Severity.ERROR}

    assert set(REASONS) == errors - {ProblemKind.TRAINING_CONFIG}
    assert set(REASONS.values()) <= set(BUILT_IN_REASONS)


def test_a_reason_can_be_parsed_whatever_the_manifest_is_called(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 150) / ("y" * 48 + " ")
    train = write_dataset(folder, "  \x1b[31m", ["At 7."])

    report = check_dataset(train)

    assert report.blocked_reason is not None
    assert parse_reason(report.blocked_reason) is not None
    assert len(report.blocked_reason) < 300
