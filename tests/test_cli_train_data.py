"""``train data`` as it is called: what it prints, and with what it exits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.command_line import run
from tests.recordings import write_dataset

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = 'schema_version = "nemo-training/1"\npreset = "smoke"\n[data]\ntrain = "train.jsonl"\nname = "tones"\n'


def test_good_data_is_go(tmp_path: Path) -> None:
    write_dataset(tmp_path, "train", ["Good morning.", "Good night."])
    write_dataset(tmp_path, "validation", ["See you."], pitch=900.0)

    done = run("train", "data", "--train", "train.jsonl", "--validation", "validation.jsonl", cwd=tmp_path)

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(
        "GO  train.jsonl\n\n  utterances  2, 0.4 s at 22050 Hz\n  validation  1, 0.2 s\n  digest      "
    )
    assert done.out.endswith("\nGO: nothing to complain about\n")


def test_findings_exit_with_1_and_name_file_and_row(tmp_path: Path) -> None:
    write_dataset(tmp_path, "train", ["Good morning.", "At 7."])
    (tmp_path / "c.toml").write_text(CONFIG + "[fastpitch]\nbatch_size = 2\nsteps = 0\n")

    done = run("train", "data", "c.toml", cwd=tmp_path)
    machine = run("train", "data", "c.toml", "--format", "json", cwd=tmp_path)

    assert done.code == machine.code == 1
    assert "  error[steps-none-planned] c.toml:8:9 /fastpitch/steps\n" in done.out
    assert "  error[text-out-of-vocabulary] train.jsonl:2:43 /1/text\n" in done.out
    (report,) = json.loads(machine.out)["reports"]
    assert report["reason"] == "text_out_of_vocabulary"


@pytest.mark.parametrize("form", ["sarif", "github", "junit"])
def test_every_form_takes_such_a_report(tmp_path: Path, form: str) -> None:
    write_dataset(tmp_path, "train", ["At 7."])

    done = run("train", "data", "--train", "train.jsonl", "--format", form, cwd=tmp_path)

    assert (done.code, done.err) == (1, "")
    assert "text-out-of-vocabulary" in done.out


def test_what_cannot_be_read_exits_with_2(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(CONFIG)

    assert run("train", "data", "none.toml", cwd=tmp_path).code == 2
    assert run("train", "data", "c.toml", cwd=tmp_path).code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "train data: name either a CONFIG or, with --train, the manifest of a training set\n"),
        (
            ("c.toml", "--train", "t.jsonl"),
            "train data: name either a CONFIG or, with --train, the manifest of a training set\n",
        ),
        (
            ("c.toml", "--sample-rate", "16000"),
            "train data: --validation and --sample-rate stand beside --train; a CONFIG states its own\n",
        ),
        (("--train", "t.jsonl", "--sample-rate", "0"), "--sample-rate: found 0; expected 1 or more\n"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run("train", "data", *arguments, cwd=tmp_path)

    assert (done.code, done.out, done.err) == (2, "", message)
