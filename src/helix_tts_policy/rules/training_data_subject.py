"""What rules over training data look at: the manifests with every recording, and what the training asks of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from helix_tts_policy.facts.english_characters import symbols_of
from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.facts.english_characters import Symbols
    from helix_tts_policy.facts.training_data import DatasetManifest, Utterance

WINDOW: Final = 1024
"""Samples of the window of a spectrogram (`n_fft`); a recording has to fill one."""

HOP: Final = 256
"""Samples from one frame of a spectrogram to the next."""

SILENCE: Final = 0.001
"""Loudness, of full scale, below which a recording holds no speech: -60 dB; quiet speech has -40."""


class Split(NamedTuple):
    """One manifest with its recordings.

    Attributes:
        name: ``train`` or ``validation``.
        manifest: the manifest.
        utterances: its rows with what was found of the recordings, in the same order.
    """

    name: str
    manifest: DatasetManifest
    utterances: tuple[Utterance, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """An utterance of a split, with the pointer to its row."""

    split: Split
    index: int
    utterance: Utterance

    def pointer(self, field: str) -> str:
        """The pointer to a field of the row."""
        return f"/{self.split.name}/{self.index}/{field}"

    @property
    def recording(self) -> str:
        """The recording in the words of a message."""
        return shown(self.utterance.row.audio_filepath)

    @property
    def told(self) -> str:
        """The row in the words of a message about another one."""
        return f"line {self.utterance.row.line} of {shown(self.split.manifest.source)}"


class PlannedStage(NamedTuple):
    """What a stage asks of the data.

    Attributes:
        name: of the stage.
        steps: how many are planned.
        batch_size: utterances of one step on one device.
        processes: devices of all nodes.
    """

    name: str
    steps: int
    batch_size: int
    processes: int


@dataclass(frozen=True)
class TrainingDataSubject:
    """A data set with what a training asks of it.

    Pointers of complaints begin with ``/train``, ``/validation`` or ``/config``; row 0 is the first.

    Attributes:
        train: the training set.
        validation: the validation set; None where there is none.
        sample_rate: what every recording has to have.
        stages: the planned stages; empty where nobody plans a training.
        sentence: what the trained voice is to say; None where nobody asks.
    """

    train: Split
    validation: Split | None
    sample_rate: int
    stages: tuple[PlannedStage, ...] = ()
    sentence: str | None = None

    @property
    def splits(self) -> tuple[Split, ...]:
        """The manifests that there are."""
        return (self.train,) if self.validation is None else (self.train, self.validation)

    def places(self) -> Iterator[Place]:
        """Every utterance of every split."""
        for split in self.splits:
            for index, utterance in enumerate(split.utterances):
                yield Place(split, index, utterance)

    def readable(self) -> Iterator[Place]:
        """Every utterance whose recording could be read."""
        return (place for place in self.places() if place.utterance.observed.fault is None)

    @cached_property
    def symbols(self) -> dict[str, Symbols]:
        """The symbols of every text that is trained on."""
        return {place.utterance.row.spoken: symbols_of(place.utterance.row.spoken) for place in self.places()}

    @cached_property
    def by_audio(self) -> dict[str, list[Place]]:
        """The utterances of each recording, by the digest of its bytes."""
        found: dict[str, list[Place]] = {}
        for place in self.readable():
            found.setdefault(place.utterance.observed.sha256 or "", []).append(place)
        return found


def samples_needed(symbols: int) -> int:
    """Samples that a recording must have for a text of so many symbols: one window, and one frame for each symbol.

    The aligner gives every symbol, and the blank before and behind the text, at least one frame.
    """
    return max(WINDOW, (symbols + 2) * HOP)
