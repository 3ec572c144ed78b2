"""Rules over the texts of a data set, over what stands in it twice, and over what the training asks of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.facts.english_characters import symbols_of
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.training_data_subject import TrainingDataSubject

_NORMALIZE = 'write the text in words, or give the words in "normalized_text"'


def dataset_empty(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        A manifest has rows.

    Why it is NO-GO:
        There is nothing to learn from, and a validation without utterances finds nothing wrong.

    Example:
        A file of 0 bytes, left by a script that found no recordings.

    Remedy:
        Build the data set from recordings with their texts; leave a validation set out that you do not have.
    """
    for split in subject.splits:
        if not split.utterances:
            yield Complaint(f"/{split.name}", "holds no utterances; expected at least one", "build the data set first")


def text_empty(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        Every text holds at least one letter that the model knows (a to z, whatever its case or accent).

    Why it is NO-GO:
        The model would learn that a recording of speech means nothing at all.

    Example:
        `"text": ""`, or `"text": "..."`

    Remedy:
        Write down what is said, or take the row out of the manifest.
    """
    for place in subject.places():
        row = place.utterance.row
        symbols = subject.symbols[row.spoken]
        if not symbols.says_something and not symbols.unknown:
            yield Complaint(
                place.pointer(row.spoken_field),
                f"found {shown(row.spoken)}; expected a text with letters",
                "write down what is said, or take the row out of the manifest",
            )


def text_out_of_vocabulary(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        Every symbol of a text is one that the model knows: the letters a to z, whatever their case or accent, the blank,
        the apostrophe and the punctuation `, . ! ? - : ; / " ( ) [ ] { }`. Digits are none of them.

    Why it is NO-GO:
        NeMo drops other symbols with a warning among thousands of lines. What is spoken there is learnt as part of the
        words beside it.

    Example:
        `"text": "at 7 o'clock"` is learnt as "at o'clock".

    Remedy:
        Write numbers and signs in words, or give the words in `normalized_text`, which is what is trained on then.
    """
    for place in subject.places():
        row = place.utterance.row
        if unknown := subject.symbols[row.spoken].unknown:
            yield Complaint(place.pointer(row.spoken_field), _unknown(row.spoken, unknown), _NORMALIZE)


def sample_text_unusable(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        The sentence that the trained voice is to say, `text` under `[speak]`, holds letters, and only symbols that the model
        knows.

    Why it is NO-GO:
        A model makes sound of an empty text, too. That it speaks has to be shown with words.

    Example:
        `text = "..."`

    Remedy:
        Write a sentence in words.
    """
    if subject.sentence is None:
        return
    symbols = symbols_of(subject.sentence)
    if symbols.unknown:
        yield Complaint(
            "/config/speak/text", _unknown(subject.sentence, symbols.unknown), "write the sentence in words"
        )
    elif not symbols.says_something:
        message = f"found {shown(subject.sentence)}; expected a text with letters"
        yield Complaint("/config/speak/text", message, "write a sentence in words")


def _unknown(text: str, unknown: tuple[str, ...]) -> str:
    told = ", ".join(f"{shown(each)} (U+{ord(each):04X})" for each in unknown[:8])
    more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
    return f"found {told}{more} in {shown(text)}; expected only symbols that the model knows"


def utterance_repeated(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        No utterance stands twice in one manifest: the same bytes with the same text.

    Why it is a warning:
        It counts twice in the training.

    Example:
        Two manifests that were joined with `cat`, one of which holds the other.

    Remedy:
        Take one of the rows out, unless it is meant to count twice.
    """
    for places in subject.by_audio.values():
        seen: dict[tuple[str, str], str] = {}
        for place in places:
            key = (place.split.name, place.utterance.row.spoken)
            first = seen.setdefault(key, place.told)
            if first != place.told:
                message = f"{place.recording} with its text stands at {first} already; expected it once"
                yield Complaint(place.pointer("audio_filepath"), message, "take one of the rows out")


def audio_text_conflict(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        No recording stands in the manifests with two different texts; recordings are compared by their bytes.

    Why it is NO-GO:
        One of the texts is wrong, and the model learns it.

    Example:
        A row that was copied, and whose path nobody changed.

    Remedy:
        Listen to the recording, and keep the row that tells what is said.
    """
    for places in subject.by_audio.values():
        first = places[0]
        for place in places[1:]:
            if place.utterance.row.spoken != first.utterance.row.spoken:
                message = (
                    f"{place.recording} says {shown(place.utterance.row.spoken)} here and"
                    f" {shown(first.utterance.row.spoken)} at {first.told}; expected one text"
                )
                yield Complaint(place.pointer("audio_filepath"), message, "listen to it, and keep the row that is true")


def validation_leak(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        No recording of the validation set stands in the training set, too; recordings are compared by their bytes.

    Why it is NO-GO:
        A model is asked what it was taught: its validation loss falls whatever it learnt.

    Example:
        A validation set that was copied out of the training set, and not cut out of it.

    Remedy:
        Take the recording out of one of both.
    """
    for places in subject.by_audio.values():
        trained = next((place for place in places if place.split.name == "train"), None)
        for place in places:
            if trained is not None and place.split.name != "train":
                message = f"{place.recording} is trained on, at {trained.told}; expected a recording of its own"
                yield Complaint(place.pointer("audio_filepath"), message, "take it out of one of the manifests")


def validation_text_repeated(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        No sentence of the validation set stands in the training set with another recording.

    Why it is a warning:
        The model has seen the words, and only their recording is new to it.

    Example:
        One speaker who read the same sentence twice.

    Remedy:
        Validate with sentences of their own.
    """
    if subject.validation is None:
        return
    trained = {
        subject.symbols[place.utterance.row.spoken].known: place
        for place in subject.places()
        if place.split is subject.train
    }
    digests = {place.utterance.observed.sha256 for place in subject.readable() if place.split is subject.train}
    for place in subject.places():
        if place.split is subject.train or place.utterance.observed.sha256 in digests:
            continue  # the same recording is another rule's business
        first = trained.get(subject.symbols[place.utterance.row.spoken].known)
        if first is not None:
            message = f"found {shown(place.utterance.row.spoken)}, which is trained on, at {first.told}"
            pointer = place.pointer(place.utterance.row.spoken_field)
            yield Complaint(pointer, message, "validate with sentences of their own")


def speakers_mixed(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        All rows that state a `speaker` state the same one.

    Why it is a warning:
        One voice is trained, and it becomes a mixture of all who speak.

    Example:
        The rows of two readers in one manifest.

    Remedy:
        Make a manifest of one speaker.
    """
    first = None
    for place in subject.places():
        speaker = place.utterance.row.speaker
        if speaker is None:
            continue
        first = first or place
        if speaker != first.utterance.row.speaker:
            message = (
                f"found the speakers {shown(str(first.utterance.row.speaker))} and {shown(str(speaker))}; expected one"
            )
            yield Complaint(place.pointer("speaker"), message, "make a manifest of one speaker")
            return


def batch_exceeds_data(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        The batches of all devices together are no larger than the training set.

    Why it is NO-GO:
        An incomplete batch is dropped, so that there is none at all: the training ends at once, without a step and without
        an error.

    Example:
        `batch_size = 32` with 16 utterances

    Remedy:
        Make the batch smaller, use fewer devices, or record more.
    """
    count = len(subject.train.utterances)
    for stage in subject.stages:
        needed = stage.batch_size * stage.processes
        if count and needed > count:
            devices = f" on each of {stage.processes} devices" if stage.processes > 1 else ""
            yield Complaint(
                f"/config/{stage.name}/batch_size",
                f"found batches of {stage.batch_size} utterances{devices} for {count} in the training set; expected no more than there are",
                "make the batch smaller, or record more",
            )


def steps_none_planned(subject: TrainingDataSubject) -> Iterator[Complaint]:
    """What it checks:
        Every stage that is to be trained has at least one step.

    Why it is NO-GO:
        NeMo saves a model of no steps like any other, and ends without an error.

    Example:
        `steps = 0` under `[fastpitch]`

    Remedy:
        Plan at least one step, or leave the stage out of `stages`.
    """
    for stage in subject.stages:
        if not stage.steps:
            message = f"found no steps for {stage.name}; expected at least one"
            yield Complaint(f"/config/{stage.name}/steps", message, "plan a step, or leave the stage out")
