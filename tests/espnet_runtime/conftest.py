"""Real training with ESPnet, by the real command. These tests run where `HELIX_ESPNET_PYTHON` names an interpreter with it.

Runs are dear: each of them imports ESPnet twice. So the fixtures below make each once, for all tests.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from tests.training_lane import Trained, example_data, train

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = os.environ.get("HELIX_ESPNET_PYTHON")

if PYTHON is None:
    collect_ignore_glob = ["test_*.py"]

CONFIG = """
schema_version = "espnet-training/1"
preset = "smoke"
model = "{model}"
seed = 7
[espnet]
python = "{python}"
[data]
train = "{data}/train.jsonl"
validation = "{data}/validation.jsonl"
name = "harbour sentences"
license = "CC0-1.0"
attribution_required = false
[training]
steps = {steps}
batch_size = 2
checkpoint_every = 4
{training}
[hardware]
accelerator = "cpu"
[speak]
text = "The boat came back to the quiet harbour."
[release]
model_id = "acme/harbour-smoke"
source_url = "https://models.acme.dev/harbour-smoke"
evidence_links = ["https://creativecommons.org/publicdomain/zero/1.0/legalcode"]
weights_license = "CC0-1.0"
code_license = "Apache-2.0"
commercial_use_allowed = true
attribution_required = false
commit = "b7ba936c0a4e69bcecb5e8b68b8f17a872341164"
"""

POLICY = """
schema_version = "license-policy/1"
[nemo_blocked]
reason = "nemo_runtime_unavailable:its image has no driver for these machines"
owner = "speech@acme-voices.com"
expires_on = 2026-12-31
"""

NOW = "2026-11-25T12:00:00+00:00"
STEPS = 12


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight utterances of the example to train with, and two to validate with."""
    return example_data(tmp_path_factory.mktemp("data"))


def configured(folder: Path, data: Path, **values: Any) -> Path:
    """A configuration in a folder of its own, beside a policy that lets the lane train."""
    fields = {"model": "tacotron2", "steps": STEPS, "training": "", "python": PYTHON, "data": data}
    (folder / "policy.toml").write_text(POLICY)
    path = folder / "train.toml"
    path.write_text(CONFIG.format(**{**fields, **values}))
    return path


def trained(config: Path, *options: str, **ends: Any) -> Trained:
    """Run ``train espnet`` to its end."""
    policy = str(config.parent / "policy.toml")
    return train(config, "--policy", policy, "--now", NOW, *options, lane="espnet", **ends)


@pytest.fixture(scope="session")
def tacotron2(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A Tacotron2 from scratch."""
    return trained(configured(tmp_path_factory.mktemp("tacotron2"), data))


@pytest.fixture(scope="session")
def vits(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A VITS from scratch."""
    return trained(configured(tmp_path_factory.mktemp("vits"), data, model="vits"))


@pytest.fixture(scope="session")
def terminated(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Trained]:
    """The run of `tacotron2` elsewhere: ended by SIGTERM as if in the middle of a write, then run to its end."""
    config = configured(tmp_path_factory.mktemp("terminated"), data)
    first = trained(config, signal_at={5: signal.SIGTERM})
    torn = (first.folder / "checkpoints" / "train" / "kept.pth").read_bytes()[:1000]
    (first.folder / "checkpoints" / "train" / "checkpoint.pth").write_bytes(torn)
    return first, trained(config, "--resume")


@pytest.fixture(scope="session")
def killed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Trained]:
    """The run of `vits` elsewhere: killed, then run to its end."""
    config = configured(tmp_path_factory.mktemp("killed"), data, model="vits")
    first = trained(config, signal_at={9: signal.SIGKILL})
    return first, trained(config, "--resume")
