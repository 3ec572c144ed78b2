"""Rules over the recordings of a data set: that they are there, can be read, and are what the model takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from helix_tts_policy.facts.wave_audio import AudioFault
from helix_tts_policy.rules.rule import Complaint
from helix_tts_policy.rules.training_data_subject import SILENCE, samples_needed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.training_data_subject import TrainingDataSubject

_AUDIO: Final = "audio_filepath"


def audio_missing(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        Every recording that a manifest names is there. A relative path begins at the folder of the manifest.

    Why it is NO-GO:
        NeMo finds out in the middle of a training, and names the cause only deep in its traceback.

    Example:
        `{"audio_filepath": "wavs/0017.wav", "text": "good morning"}` without such a file beside the manifest

    Remedy:
        Put the recording there, or take its row out of the manifest.
    """
    for place in subject.places():
        if place.utterance.observed.fault is AudioFault.MISSING:
            yield Complaint(
                place.pointer(_AUDIO),
                f"{place.recording} is not there; expected a recording",
                "put it there, or take its row out of the manifest",
            )


def audio_unreadable(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        Every recording is a regular RIFF/WAVE file that holds as many samples as its header says, and no more than
        512 MiB.

    Why it is NO-GO:
        NeMo reads a recording that was cut off as a shorter one, whose text then goes on without it.

    Example:
        A file whose copying was interrupted, or an MP3 file that was named `.wav`.

    Remedy:
        Copy or convert the recording again, and listen to its end.
    """
    for place in subject.places():
        observed = place.utterance.observed
        if observed.fault is AudioFault.UNREADABLE:
            yield Complaint(
                place.pointer(_AUDIO),
                f"{place.recording} {observed.detail}",
                "replace it by a whole WAV file, or take its row out of the manifest",
            )


def audio_encoding(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        The samples of every recording are 16-bit PCM.

    Why it is NO-GO:
        Nothing was looked at in other samples: not their length, nor whether they are silent.

    Example:
        32-bit floating point, as sound editors write it.

    Remedy:
        Convert it: `sox in.wav -b 16 -e signed-integer out.wav`
    """
    for place in subject.places():
        observed = place.utterance.observed
        if observed.fault is AudioFault.ENCODING:
            yield Complaint(
                place.pointer(_AUDIO),
                f"{place.recording}: {observed.detail}",
                "convert it: sox in.wav -b 16 -e signed-integer out.wav",
            )


def audio_sample_rate(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        Every recording has the sample rate of the configuration, 22,050 Hz unless it says otherwise.

    Why it is NO-GO:
        NeMo resamples without a word. A recording of 16,000 Hz has nothing above 8,000, and the voice learns to be dull.

    Example:
        Recordings of 16,000 Hz, made for speech recognition.

    Remedy:
        Take the original recordings, or resample knowingly: `sox in.wav -r 22050 out.wav`
    """
    for place in subject.readable():
        rate = place.utterance.observed.rate
        if rate != subject.sample_rate:
            yield Complaint(
                place.pointer(_AUDIO),
                f"{place.recording} has {rate} samples a second; expected {subject.sample_rate}",
                f"resample it: sox in.wav -r {subject.sample_rate} out.wav",
            )


def audio_not_mono(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        Every recording has one channel.

    Why it is NO-GO:
        NeMo fails on the second channel with an error about padding that names no file.

    Example:
        A stereo recording, also where both channels are the same.

    Remedy:
        Mix it down: `sox in.wav -c 1 out.wav`
    """
    for place in subject.readable():
        channels = place.utterance.observed.channels
        if channels != 1:
            yield Complaint(
                place.pointer(_AUDIO),
                f"{place.recording} has {channels} channels; expected one",
                "mix it down: sox in.wav -c 1 out.wav",
            )


def audio_too_short(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        Every recording fills one window of the spectrogram (1,024 samples), and has a frame of it (256 samples) for each
        symbol of its text and for the blanks around it.

    Why it is NO-GO:
        The model gives every symbol at least one frame. Where there are fewer it fails with an error that names no file, or
        learns an alignment that is none.

    Example:
        A recording of 0.3 seconds with a text of two sentences: one of them belongs to another row.

    Remedy:
        Compare the recording with its text; leave the row out, or join it with its neighbour.
    """
    for place in subject.readable():
        observed = place.utterance.observed
        symbols = len(subject.symbols[place.utterance.row.spoken].known)
        needed = samples_needed(symbols)
        if observed.frames < needed:
            yield Complaint(
                place.pointer(_AUDIO),
                f"{place.recording} has {observed.frames} samples for {symbols} symbols of text; expected at least {needed}",
                "compare it with its text; leave the row out, or join it with its neighbour",
            )


def audio_silent(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        No recording is silent: its loudness (root mean square around the mean) is at least -60 dB of full scale.

    Why it is NO-GO:
        A model that is trained on silence learns to say nothing, and its training ends without an error.

    Example:
        A recording of zeros, or of a constant: the microphone was muted.

    Remedy:
        Replace the recording, or take its row out of the manifest.
    """
    for place in subject.readable():
        observed = place.utterance.observed
        if observed.frames and observed.loudness < SILENCE:
            yield Complaint(
                place.pointer(_AUDIO),
                f"{place.recording} is silent: {observed.seconds:.2f} s of nothing above -60 dB; expected speech",
                "replace it, or take its row out of the manifest",
            )


DURATION_TOLERANCE: Final = 0.1
"""Seconds that a stated length may be wrong by: tools round it, and some count the silence that they cut off."""


def audio_duration(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        A stated `duration` is that of the recording, to a tenth of a second.

    Why it is a warning:
        The recording is not the one that the manifest was made of, or it was changed since.

    Example:
        `"duration": 4.2` beside a recording of 2.9 seconds

    Remedy:
        Make the manifest again of the recordings that are there, and compare some of them with their texts.
    """
    for place in subject.readable():
        stated, observed = place.utterance.row.duration, place.utterance.observed
        if stated is not None and observed.rate and abs(stated - observed.seconds) > DURATION_TOLERANCE:
            yield Complaint(
                place.pointer("duration"),
                f"{place.recording} has {observed.seconds:.2f} s; the manifest says {stated:.2f}",
                "make the manifest again of the recordings that are there",
            )
