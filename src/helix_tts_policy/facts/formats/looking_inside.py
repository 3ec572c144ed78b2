"""Who reads which format, and what is looked into within another one: checkpoints in archives, bytes in pickles.

A reader of a format is imported when a file of that format comes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from helix_tts_policy.facts.formats.byte_source import Held, Unpacked
from helix_tts_policy.facts.formats.first_bytes import HEAD_BYTES, format_by_mark, format_of, may_be_pickle
from helix_tts_policy.facts.formats.inspected import (
    FileFormat,
    Flawed,
    FormatProblem,
    FormatProblemKind,
    InspectedFile,
    MemberKind,
    NemoFacts,
    Tensor,
    unsafe,
)
from helix_tts_policy.facts.formats.nemo_archive import CHECKPOINT, CONFIG, NemoConfig, plain_name, read_config
from helix_tts_policy.facts.formats.pickle_stream import PickleWalker
from helix_tts_policy.facts.formats.tar_listing import is_tar, list_tar
from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from helix_tts_policy.facts.formats.byte_source import ByteSource
    from helix_tts_policy.facts.formats.tar_listing import TarMember
    from helix_tts_policy.facts.formats.torch_file import Checkpoint
    from helix_tts_policy.facts.formats.zip_listing import ZipMember

MAX_DEPTH: Final = 3
"""Things within things: an archive holds a checkpoint, and a pickle of tensors holds checkpoints as bytes."""

_EXECUTABLE = frozenset({FileFormat.PICKLE, FileFormat.TORCH_LEGACY, FileFormat.NPY})
_ARCHIVES = frozenset({FileFormat.ZIP, FileFormat.TAR, FileFormat.GZIP})
_CHECKPOINTS = frozenset({FileFormat.TORCH, FileFormat.TORCH_LEGACY})
_STATE_ALONE: Final = "save the tensors alone, as torch.save(model.state_dict(), FILE) does"


class Inspection:
    """The inspection of one file; what lies in it shares the bound of opcodes."""

    def __init__(self) -> None:
        self._walker = PickleWalker()
        self._depth = 0

    def inspect(self, source: ByteSource, name: str) -> InspectedFile:
        """What some bytes are; a reader that gives up becomes a problem."""
        found = format_of(source, self._walker)
        record = InspectedFile(name=name, size=source.size, format=found)
        read = _READERS.get(found)
        try:
            return record if read is None else read(self, source, record)
        except Flawed as flaw:
            return replace(record, problems=(flaw.problem,))

    def zip(self, source: ByteSource, record: InspectedFile) -> InspectedFile:
        """A torch archive, or another one with checkpoints or pickles in it."""
        from helix_tts_policy.facts.formats.torch_file import read_torch_zip, zip_format  # noqa: PLC0415
        from helix_tts_policy.facts.formats.zip_listing import list_zip  # noqa: PLC0415

        listed = list_zip(source)
        record = replace(record, format=zip_format(listed), members=tuple(member.entry for member in listed))
        if record.format is FileFormat.ZIP:
            return self._with_members(source, record, listed)
        try:
            return self._with_pickle(record, read_torch_zip(source, listed, self._walker))
        except Flawed as flaw:
            return replace(record, problems=(flaw.problem,))

    def legacy(self, source: ByteSource, record: InspectedFile) -> InspectedFile:
        """A checkpoint of torch before 1.6."""
        from helix_tts_policy.facts.formats.torch_file import read_torch_legacy  # noqa: PLC0415

        return self._with_pickle(record, read_torch_legacy(source, self._walker))

    def pickle(self, source: ByteSource, record: InspectedFile) -> InspectedFile:
        """A file that is one pickle."""
        from helix_tts_policy.facts.formats.torch_file import read_bare_pickle  # noqa: PLC0415

        return self._with_pickle(record, read_bare_pickle(source, self._walker))

    def npy(self, source: ByteSource, record: InspectedFile) -> InspectedFile:
        """An array, which can be one of pickled objects."""
        from helix_tts_policy.facts.formats.npy_file import read_npy  # noqa: PLC0415
        from helix_tts_policy.facts.formats.torch_file import read_bare_pickle  # noqa: PLC0415

        array = read_npy(source)
        if isinstance(array, Tensor):
            return replace(record, tensors=(array,))
        return self._with_pickle(record, read_bare_pickle(array, self._walker))

    def gzip(self, source: ByteSource, record: InspectedFile) -> InspectedFile:
        """What is packed as a whole: a tar, or a file that an unpickler could be given."""
        unpacked = Unpacked(source, gzip=True)
        head = unpacked.read(0, HEAD_BYTES)
        if is_tar(head):
            return self.tar(unpacked, replace(record, format=FileFormat.TAR_GZIP))
        if not self._is_worth_a_look(head, unpacked.size):
            return record
        seen = self._within(unpacked, record.name, format_by_mark(head))
        return replace(record, pickle_globals=seen.pickle_globals, problems=seen.problems)

    def tar(self, source: ByteSource, record: InspectedFile) -> InspectedFile:
        """NeMo's archive, or another one with checkpoints or pickles in it."""
        try:
            listed = list_tar(source)
        except Flawed as flaw:
            return replace(record, problems=(flaw.problem,))
        record = replace(record, members=tuple(member.entry for member in listed))
        return self._with_members(source, record, listed)

    def _with_members(
        self, archive: ByteSource, record: InspectedFile, listed: Sequence[TarMember | ZipMember]
    ) -> InspectedFile:
        """The record with what the members are that an unpickler could be given, and NeMo's two."""
        problems = list(record.problems)
        names: set[str] = set()
        config: NemoConfig | None = None
        checkpoint: InspectedFile | None = None
        for member in listed:
            name, kind, size = member.entry
            if kind is not MemberKind.FILE:
                continue
            plain = plain_name(name)
            is_nemo = record.format is not FileFormat.ZIP
            try:
                if is_nemo and plain == CONFIG:
                    config = NemoConfig()
                    config = read_config(member.source(archive))
                    continue
                head = member.head(archive, HEAD_BYTES)
                mark = format_by_mark(head)
                if self._is_worth_a_look(head, size):
                    seen = self._within(member.source(archive), name, mark)
                    problems += [
                        problem._replace(message=f"holds {shown(name)}, which {problem.message}")
                        for problem in seen.problems
                    ]
                    names.update(seen.pickle_globals)
                else:
                    seen = InspectedFile(name=name, size=size, format=mark)
            except Flawed as flaw:
                problems.append(flaw.problem)
                continue
            if is_nemo and plain == CHECKPOINT:
                checkpoint = seen
        record = replace(record, pickle_globals=tuple(sorted(names)), problems=tuple(problems))
        if config is None and checkpoint is None:
            return record
        nemo = NemoFacts(
            has_config=config is not None,
            target=None if config is None else config.target,
            version=None if config is None else config.version,
            checkpoint=None if checkpoint is None else checkpoint.format,
            calls=() if config is None else config.calls,
        )
        found = record.format if config is None or checkpoint is None else _NEMO[record.format]
        return replace(record, format=found, nemo=nemo, tensors=() if checkpoint is None else checkpoint.tensors)

    def _is_worth_a_look(self, head: bytes, size: int) -> bool:
        """Whether what begins so could be unpickled, or hold something that could."""
        return format_by_mark(head) in _EXECUTABLE | _ARCHIVES or may_be_pickle(head, size, self._walker)

    def _within(self, source: ByteSource, name: str, mark: FileFormat) -> InspectedFile:
        """What lies in another file; an archive only where it is a checkpoint."""
        record = InspectedFile(name=name, size=source.size, format=mark)
        if self._depth == MAX_DEPTH:
            return replace(record, problems=(_opaque(f"lies more than {MAX_DEPTH} deep in what it is packed in"),))
        closed = unsafe("is an archive within an archive, which is not looked into", "checkpoints and plain files")
        if mark in _ARCHIVES - {FileFormat.ZIP}:
            return replace(record, problems=(closed.problem,))
        self._depth += 1
        try:
            record = self.inspect(source, name)
        finally:
            self._depth -= 1
        if record.format is FileFormat.ZIP and not record.problems:
            return replace(record, problems=(closed.problem,))
        return record

    def _with_pickle(self, record: InspectedFile, checkpoint: Checkpoint) -> InspectedFile:
        """The record with what its pickle says, and with the checkpoints that the pickle holds as bytes."""
        from helix_tts_policy.facts.formats.torch_pickle import bytes_within, odd_state, tensors_of  # noqa: PLC0415

        walk = checkpoint.walk
        problems = [] if checkpoint.flaw is None else [checkpoint.flaw]
        names = {str(each) for each in walk.globals}
        if walk.fault is not None:
            problems.append(_opaque(f"holds a pickle that {walk.fault}"))
        if (state := odd_state(walk)) is not None:
            expected = "those of a state dict and of numpy's arrays alone"
            problems.append(_opaque(f"holds a pickle that {state}", expected))
        for data in bytes_within(walk):
            if data is None:
                problems.append(_opaque("holds a pickle that loads bytes which nobody can know before it runs"))
                continue
            seen = self._within(Held(data), record.name, format_by_mark(data[:HEAD_BYTES]))
            names.update(seen.pickle_globals)
            problems += seen.problems
            if seen.format not in _CHECKPOINTS:
                problems.append(_opaque(f"holds a pickle that loads bytes of the format {seen.format}"))
        tensors: tuple[Tensor, ...] = ()
        try:
            tensors = tensors_of(walk)
        except Flawed as flaw:
            problems.append(flaw.problem)
        return replace(record, pickle_globals=tuple(sorted(names)), tensors=tensors, problems=tuple(problems))


def _opaque(found: str, expected: str = "one that can be followed from its first opcode to its last") -> FormatProblem:
    return FormatProblem(FormatProblemKind.OPAQUE, f"{found}; expected {expected}", _STATE_ALONE)


def _safetensors(_: Inspection, source: ByteSource, record: InspectedFile) -> InspectedFile:
    from helix_tts_policy.facts.formats.tensor_file import read_safetensors  # noqa: PLC0415

    return replace(record, tensors=read_safetensors(source))


def _gguf(_: Inspection, source: ByteSource, record: InspectedFile) -> InspectedFile:
    from helix_tts_policy.facts.formats.tensor_file import read_gguf  # noqa: PLC0415

    read_gguf(source)
    return record


def _onnx(_: Inspection, source: ByteSource, record: InspectedFile) -> InspectedFile:
    from helix_tts_policy.facts.formats.onnx_file import read_onnx  # noqa: PLC0415

    return replace(record, external=read_onnx(source))


def _htsvoice(_: Inspection, source: ByteSource, record: InspectedFile) -> InspectedFile:
    from helix_tts_policy.facts.formats.htsvoice_file import read_htsvoice  # noqa: PLC0415

    read_htsvoice(source)
    return record


def _wave(_: Inspection, source: ByteSource, record: InspectedFile) -> InspectedFile:
    from helix_tts_policy.facts.formats.audio_header import read_wave  # noqa: PLC0415

    return replace(record, audio=read_wave(source))


def _flac(_: Inspection, source: ByteSource, record: InspectedFile) -> InspectedFile:
    from helix_tts_policy.facts.formats.audio_header import read_flac  # noqa: PLC0415

    return replace(record, audio=read_flac(source))


_NEMO: Final = {FileFormat.TAR: FileFormat.NEMO, FileFormat.TAR_GZIP: FileFormat.NEMO_GZIP}

_READERS: Final[dict[FileFormat, Callable[[Inspection, ByteSource, InspectedFile], InspectedFile]]] = {
    FileFormat.ZIP: Inspection.zip,
    FileFormat.TORCH_LEGACY: Inspection.legacy,
    FileFormat.PICKLE: Inspection.pickle,
    FileFormat.NPY: Inspection.npy,
    FileFormat.GZIP: Inspection.gzip,
    FileFormat.TAR: Inspection.tar,
    FileFormat.SAFETENSORS: _safetensors,
    FileFormat.GGUF: _gguf,
    FileFormat.ONNX: _onnx,
    FileFormat.HTSVOICE: _htsvoice,
    FileFormat.WAV: _wave,
    FileFormat.FLAC: _flac,
}
