"""Real training with NeMo, by the real command. These tests run where NeMo is installed; several look at one run.

Runs are dear: each of them imports NeMo twice. So each is made once, for all tests, and two are under way at a time, each on
one core.
"""

from __future__ import annotations

import os
import random
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import pytest
from tests.training_lane import Trained, example_data, left_running, train

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

try:
    version("nemo_toolkit")
except PackageNotFoundError:
    collect_ignore_glob = ["test_*.py"]

CONFIG = """
schema_version = "nemo-training/1"
preset = "smoke"
seed = {seed}
output = "run"
stages = {stages}
[data]
train = "{data}/train.jsonl"
validation = "{data}/validation.jsonl"
name = "harbour sentences"
license = "CC0-1.0"
attribution_required = false
[fastpitch]
steps = 6
batch_size = 2
validate_every = {validate}
checkpoint_every = {every}
{fastpitch}
[hifigan]
steps = 4
batch_size = 2
validate_every = 2
checkpoint_every = {every}
{hifigan}
[hardware]
accelerator = "{accelerator}"
devices = {devices}
[speak]
text = "The boat came back to the quiet harbour."
[release]
model_id = "acme/harbour-smoke"
source_url = "https://models.acme.dev/harbour-smoke"
evidence_links = ["https://creativecommons.org/publicdomain/zero/1.0/legalcode"]
commercial_use_allowed = true
commit = "b7ba936c0a4e69bcecb5e8b68b8f17a872341164"
{release}
"""

LICENSES = 'weights_license = "CC0-1.0"\ncode_license = "Apache-2.0"\nattribution_required = false'
STEPS = 10


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight utterances of the example to train with, and two to validate with."""
    return example_data(tmp_path_factory.mktemp("data"))


class Runs:
    """Every run that the tests look at, each in a folder of its own."""

    def __init__(self, folder: Path, data: Path, pool: ThreadPoolExecutor) -> None:
        self._folder, self._data, self._pool = folder, data, pool
        self.killed_at = random.SystemRandom().randint(4, STEPS - 1)
        fastpitch = {"stages": '["fastpitch"]'}
        self.scratch = self._start("scratch")
        self.again = self._start("again", every=0)
        self.broken_off = pool.submit(self._break_off)
        self.tuned = pool.submit(self._tune)
        self.infinite = self._start("infinite", **fastpitch, fastpitch="learning_rate = 1e30", validate=0)
        self.without_gpu = self._start("without-gpu", **fastpitch, accelerator="gpu", devices=4)
        self.idle = self._start("idle", stages='["hifigan"]', hifigan="learning_rate = 0.0")
        self.full = self._start("full", **fastpitch, train={"file_limit": 1_000_000})
        self.unread = self._start("unread", **fastpitch, train={"close_at": 2})
        self.pairs = {
            stage: self._start(f"pair-{stage}", stages=f'["{stage}"]', devices=2) for stage in ("fastpitch", "hifigan")
        }

    def _start(self, name: str, **values: Any) -> Future[Trained]:
        return self._pool.submit(self._train, self._configured(name, **values), **values.pop("train", {}))

    def _configured(self, name: str, **values: Any) -> Path:
        fields = {
            "seed": 7,
            "stages": '["fastpitch", "hifigan"]',
            "every": 2,
            "devices": 1,
            "fastpitch": "",
            "hifigan": "",
            "validate": 3,
            "accelerator": "cpu",
        }
        path = self._folder / name / "train.toml"
        path.parent.mkdir()
        path.write_text(CONFIG.format(**{**fields, "data": self._data, "release": LICENSES, **values}))
        return path

    def _train(self, config: Path, *options: str, **how: Any) -> Trained:
        return train(config, *options, variables={"OMP_NUM_THREADS": "1"}, **how)

    def _tune(self) -> Trained:
        """Both stages, from what was trained from scratch; the licences are inherited."""
        base = self.scratch.result().folder
        inits = {
            stage: f'init = {{ artifact = "{base}/weights/{stage}.nemo", manifest = "{base}/weights-manifest.json" }}'
            for stage in ("fastpitch", "hifigan")
        }
        return self._train(self._configured("tuned", seed=11, release="", **inits))

    def _break_off(self) -> tuple[Trained, Trained, Trained]:
        """The run of `scratch`, first ended by SIGTERM, then killed at a random step, then run to its end."""
        config = self._configured("broken-off")
        first = self._train(config, signal_at={3: signal.SIGTERM})
        second = self._train(config, "--resume", signal_at={self.killed_at: signal.SIGKILL})
        return first, second, self._train(config, "--resume")


@pytest.fixture(scope="session")
def runs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    folder = tmp_path_factory.mktemp("runs")
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        yield Runs(folder, data, pool)
    assert left_running(folder) == []


@pytest.fixture(scope="session")
def scratch(runs: Runs) -> Trained:
    return runs.scratch.result()


@pytest.fixture(scope="session")
def tuned(runs: Runs) -> Trained:
    return runs.tuned.result()
