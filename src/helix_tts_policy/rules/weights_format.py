"""Rules over what the bytes of weights and audio are: held against the suffix, and against what a loader would do with them."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from helix_tts_policy.facts.formats.inspected import FileFormat, FormatProblemKind
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.format_names import ANY_WEIGHTS, CALLED, EXPECTED, TAR, UNLISTED, UNRECOGNISED, WEIGHTS
from helix_tts_policy.rules.format_subject import is_unlisted, suffix_of
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.format_subject import FormatSubject


def file_not_inspected(subject: FormatSubject) -> Iterator[Complaint]:
    """What it checks:
        Every file whose format matters is a regular file that can be opened and read. No link is followed.

    Why it is NO-GO:
        What cannot be read was not checked, and what a link leads to can change without a byte of the release changing.

    Example:
        `voice.nemo` is a FIFO.

    Remedy:
        Put a readable copy of the file itself in its place.
    """
    for pointer, file, problem in subject.problems(FormatProblemKind.UNREADABLE):
        yield Complaint(pointer, f"{shown(file.name)} {problem.message}", problem.tip)


def file_changed_while_inspected(subject: FormatSubject) -> Iterator[Complaint]:
    """What it checks:
        No file changes, grows, shrinks or is replaced between the first look at it and the last.

    Why it is NO-GO:
        What was found in its headers would speak of bytes that are no longer there.

    Example:
        A `voice.nemo` that is replaced by another one while its members are listed.

    Remedy:
        Wait until nothing writes to the folder, then check again.
    """
    for pointer, file, problem in subject.problems(FormatProblemKind.CHANGED):
        yield Complaint(pointer, f"{shown(file.name)} {problem.message}", problem.tip)


def file_is_lfs_pointer(subject: FormatSubject) -> Iterator[Complaint]:
    """What it checks:
        No file is a Git LFS pointer, whatever its name.

    Why it is NO-GO:
        A pointer is three lines of text that stand for a file; no model and no audio is in it. A clone without Git LFS has
        pointers where the weights should be, and every digest made from it is that of the pointer.

    Example:
        A `voice.nemo` of 134 bytes that begins with `version https://git-lfs.github.com/spec/v1`.

    Remedy:
        Fetch the real file with `git lfs pull`, and write a manifest of that.
    """
    for pointer, file in subject.read:
        if file.format is FileFormat.LFS_POINTER:
            message = f"found a Git LFS pointer of {file.size} bytes in {shown(file.name)}; expected the file itself"
            yield Complaint(pointer, message, "fetch it with git lfs pull")


def file_format_mismatch(subject: FormatSubject) -> Iterator[Complaint]:
    """What it checks:
        A file is by its bytes what its suffix says: a `.nemo` is NeMo's archive, a `.pt`, `.pth` or `.ckpt` is what torch
        saves, and so on for `.pkl`, `.joblib`, `.npy`, `.npz`, `.safetensors`, `.onnx`, `.gguf`, `.htsvoice`, `.wav`, `.flac`, `.ogg`. A
        `.bin` is no plain archive, no program and no audio. Other suffixes promise nothing, and a text called
        `LICENSE…` may have any.

    Why it is NO-GO:
        A loader goes by the bytes, a reviewer by the name. A zip that calls itself `.nemo` does not restore; a pickle that
        calls itself `.safetensors` was given a name that stands for safety.

    Example:
        A `voice.nemo` that `torch.save` wrote.

    Remedy:
        Export the file in the format that its name says, or give it the name of what it is.
    """
    for pointer, file in subject.read:
        suffix = suffix_of(file)
        expected = EXPECTED.get(suffix, ())
        if file.format is FileFormat.LFS_POINTER or (suffix == ".nemo" and file.format in TAR):
            continue  # covered by file-is-lfs-pointer and archive-incomplete
        if is_unlisted(file) and expected[:1] == UNLISTED[file.format][:1]:
            continue  # covered by file-malformed and archive-unsafe
        if suffix in ANY_WEIGHTS and file.format not in WEIGHTS | UNRECOGNISED:
            message = f"found {CALLED[file.format]} in {shown(file.name)}; expected weights"
        elif expected and file.format not in expected:
            message = f"found {CALLED[file.format]} in {shown(file.name)}; expected {CALLED[expected[0]]}"
        else:
            continue
        yield Complaint(pointer, message, "export it in the format of its name, or name it as what it is")


def file_format_unknown(subject: FormatSubject) -> Iterator[Complaint]:
    """What it checks:
        A `.bin`, which says nothing of its format, is of one that can be looked into.

    Why it is a warning:
        Weights that nobody can look into are vouched for by their digest alone. It is often not even weights: a web page that
        was saved in place of the download is text.

    Example:
        A `model.bin` that holds bare numbers without a header.

    Remedy:
        Ship the weights in a format that says what it holds, such as safetensors.
    """
    for pointer, file in subject.read:
        if suffix_of(file) in ANY_WEIGHTS and file.format in UNRECOGNISED:
            message = f"found {CALLED[file.format]} in {shown(file.name)}, so nobody looked into it; expected weights"
            yield Complaint(pointer, message, "ship it in a format with a header, such as safetensors")


def file_malformed(subject: FormatSubject) -> Iterator[Complaint]:
    """What it checks:
        A file is whole and agrees with its own header: nothing is cut off, no size, offset, count or checksum contradicts
        another, and every byte is accounted for. That goes for NeMo archives and torch checkpoints with their storages,
        safetensors, ONNX, GGUF, HTS voices, WAVE and FLAC.

    Why it is NO-GO:
        A cut-off file fails at the first user, at best. One that contradicts itself means one thing to one reader and
        another to the next.

    Example:
        A `model.safetensors` of which the last megabyte did not arrive.

    Remedy:
        Fetch or export the file again, and review that.
    """
    for pointer, file, problem in subject.problems(FormatProblemKind.MALFORMED):
        yield Complaint(pointer, f"{shown(file.name)} {problem.message}", problem.tip)


def external_data_missing(subject: FormatSubject) -> Iterator[Complaint]:
    """What it checks:
        Every file in which an ONNX model keeps tensors is one of the files that are checked with it.

    Why it is NO-GO:
        What lies outside of the release is not bound by its digests, and can be any file that the loader may read.

    Example:
        A `vocoder.onnx` whose tensors lie in `../shared/weights.data`.

    Remedy:
        List the file beside the model, or save the model with its tensors inside.
    """
    names = {file.name for _, file in subject.files}
    for pointer, file in subject.read:
        for location in file.external:
            if posixpath.join(posixpath.dirname(file.name), location) not in names:
                message = f"{shown(file.name)} keeps tensors in {shown(location)}; expected a file of the release"
                yield Complaint(pointer, message, "list that file, or save the model with its tensors inside")


def audio_empty(subject: FormatSubject) -> Iterator[Complaint]:
    """What it checks:
        Audio with a readable header has at least one frame.

    Why it is NO-GO:
        A sample that nobody can hear proves nothing of the voice.

    Example:
        A `sample.wav` of 44 bytes, which is a header alone.

    Remedy:
        Speak the sample again, and listen to it.
    """
    for pointer, file in subject.read:
        if file.audio is not None and not file.audio.frames:
            message = f"found no frames of audio in {shown(file.name)}; expected at least one"
            yield Complaint(pointer, message, "speak the sample again, and listen to it")
