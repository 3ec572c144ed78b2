"""The example of a training: its sentences, its configurations, and the data set that its script makes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from examples.training import make_data

from helix_tts_policy import Verdict, check_training_data, evaluate_license
from helix_tts_policy.facts.english_characters import symbols_of
from helix_tts_policy.facts.training_config import load_training_plan

FOLDER = Path(make_data.__file__).parent
CONFIGURATIONS = ("from-scratch", "fine-tune")
SCRIPT = [sys.executable, "-I", make_data.__file__]


def test_sentences_are_in_words_and_stand_once() -> None:
    sentences = [*make_data.TRAIN, *make_data.VALIDATION]

    assert (len(make_data.TRAIN), len(make_data.VALIDATION)) == (20, 4)
    assert {symbols_of(sentence).unknown for sentence in sentences} == {()}
    assert len({symbols_of(sentence).known for sentence in sentences}) == len(sentences)


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_is_whole_and_its_licences_pass(name: str) -> None:
    plan = load_training_plan(FOLDER / f"{name}.toml")

    release, data = plan.config.release, plan.config.data
    assert release is not None
    stated = [expression for expression in (data.license, release.weights_license) if expression is not None]
    assert {evaluate_license(expression).state for expression in stated} == {"allowed"}
    assert max(stage.batch_size for stage in plan.stages) <= len(make_data.TRAIN)
    assert symbols_of(plan.config.speak.text).unknown == ()


def test_fine_tuning_goes_on_from_what_the_first_run_leaves() -> None:
    first, second = (load_training_plan(FOLDER / f"{name}.toml") for name in CONFIGURATIONS)

    for stage in second.stages:
        assert stage.init is not None
        assert stage.init.artifact == first.output / "weights" / f"{stage.name}.nemo"
        assert stage.init.manifest == first.output / "weights-manifest.json"
    assert second.output != first.output
    assert second.config.release is not None
    assert second.config.release.weights_license is None  # inherited


def test_a_missing_program_is_one_line_with_its_reason(tmp_path: Path) -> None:
    done = subprocess.run([*SCRIPT, tmp_path], env={"PATH": ""}, capture_output=True, text=True, check=False)  # noqa: S603

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "runtime_dependency_missing: espeak-ng and sox not found; apt-get install espeak-ng sox\n"


@pytest.mark.skipif(
    shutil.which("espeak-ng") is None or shutil.which("sox") is None, reason="espeak-ng and sox make the data set"
)
def test_the_data_set_is_the_same_twice_and_go_for_both_configurations(tmp_path: Path) -> None:
    reports = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        done = subprocess.run([*SCRIPT, folder / "data"], capture_output=True, text=True, check=True)  # noqa: S603
        assert done.stdout == f"20 utterances to train with, 4 to validate with, in {folder / 'data'}\n"
        for name in CONFIGURATIONS:
            shutil.copy(FOLDER / f"{name}.toml", folder)
            reports.append(check_training_data(folder / f"{name}.toml"))

    assert {(report.verdict, report.findings) for report in reports} == {(Verdict.GO, ())}
    assert len({report.sha256 for report in reports}) == 1


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    programs = tmp_path / "bin"
    programs.mkdir()
    for program in ("espeak-ng", "sox"):
        (programs / program).write_text("#!/bin/sh\nexit 1\n")
        (programs / program).chmod(0o755)

    refused = subprocess.run(  # noqa: S603
        [*SCRIPT, tmp_path / "file" / "data"], env={"PATH": str(programs)}, capture_output=True, text=True, check=False
    )
    failing = subprocess.run(  # noqa: S603
        [*SCRIPT, tmp_path / "data"], env={"PATH": str(programs)}, capture_output=True, text=True, check=False
    )

    assert (refused.returncode, refused.stderr) == (1, f"make_data: {tmp_path}/file/data/wavs: Not a directory\n")
    assert (failing.returncode, failing.stderr) == (1, "make_data: espeak-ng failed: 1\n")
