"""The files of a release side by side: what the manifest lists, what the run made, what the bundle ships, and what each is."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Final

from helix_tts_policy.digest import HashedFile
from helix_tts_policy.document import read_bytes
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.artifact_files import artifact_files, file_digest
from helix_tts_policy.facts.file_format import FileFormat, inspect_file
from helix_tts_policy.facts.weights_file import FileKind
from helix_tts_policy.finding import Location
from helix_tts_policy.placing import placed
from helix_tts_policy.promotion_case import Look
from helix_tts_policy.promotion_gates import Kind
from helix_tts_policy.rules.format_registry import FORMAT_RULES
from helix_tts_policy.rules.format_subject import FormatSubject
from helix_tts_policy.rules.promotion_subject import Content, HeldFile, in_one_line
from helix_tts_policy.rules.rule import complaints

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helix_tts_policy.bundle_report import BundleReport
    from helix_tts_policy.digest import FileIdentity
    from helix_tts_policy.facts.file_format import InspectedFile
    from helix_tts_policy.facts.weights_file import ObservedFile, ObservedWeights
    from helix_tts_policy.promotion_case import PromotionCase
    from helix_tts_policy.report import ManifestReport
    from helix_tts_policy.training_run_report import TrainingRunReport

_WEIGHTS: Final = frozenset(
    {
        FileFormat.NEMO,
        FileFormat.NEMO_GZIP,
        FileFormat.TORCH,
        FileFormat.TORCH_LEGACY,
        FileFormat.TORCHSCRIPT,
        FileFormat.PICKLE,
        FileFormat.SAFETENSORS,
        FileFormat.ONNX,
        FileFormat.GGUF,
        FileFormat.HTSVOICE,
    }
)
_HARMLESS: Final = frozenset(
    {FileFormat.TEXT, FileFormat.JSON, FileFormat.WAV, FileFormat.FLAC, FileFormat.OGG, FileFormat.EMPTY}
)

MAX_TEXT_BYTES: Final = 1024 * 1024
MAX_TEXTS: Final = 100
"""Text files of a bundle in which the attribution is looked for, and how long each may be; a licence has some 30 KB."""


def weights_files(case: PromotionCase, report: ManifestReport | None) -> list[HeldFile] | None:
    """The files of the manifest as they lie under the root, looked into; None where none could be looked at."""
    root = case.path("/weights/root")
    observed = None if report is None else report.observed
    if root is None or observed is None or observed.root_problem is not None:
        return None
    listed = [file for file in observed.files if file.hex is not None]
    looked = [(_place(root, observed, file), file.path) for file in listed]
    for file, (place, _) in zip(listed, looked, strict=True):
        _note(case, "/weights/root", file.path, place, file.identity)
    inspected = _inspected(case, looked)
    facts = None if report is None else report.manifest
    stated = {} if facts is None else {file.path: file.sha256 for file in facts.files or ()}
    held = [
        HeldFile(file.path, file.size, _sha256(observed, file, place), _content(each), stated.pop(file.path, ""))
        for file, (place, _), each in zip(listed, looked, inspected, strict=True)
    ]
    # What is not there, or has another size, is of the release all the same.
    return held + [HeldFile(path, 0, "", Content.UNKNOWN, digest) for path, digest in stated.items()]


def artifacts_of(
    case: PromotionCase,
    report: TrainingRunReport | None,
    weights: Sequence[HeldFile] | None,
    bundled: Sequence[HeldFile] | None,
) -> list[HeldFile] | None:
    """The files that the run made; weights and bundle are not hashed again, and the bytes of weights not looked into again."""
    root = case.path("/training/root")
    if root is None or report is None or report.run is None:
        return None
    stated = () if report.status is None else report.status.artifacts
    known = {
        os.path.realpath(place): HashedFile(file.size, file.sha256)
        for pointer, held in (("/weights/root", weights), ("/bundle/directory", bundled))
        for place, file in _places(case.path(pointer) or "", held or ())
        if file.sha256
    }
    files = artifact_files(root, (*report.run.artifacts, *stated), known)
    for file in files:
        _note(case, "/training/root", file.path, file.real, file.identity)
    contents = {file.sha256: file.content for file in weights or () if file.sha256}
    unknown = [file for file in files if file.sha256 and file.sha256 not in contents]
    inspected = _inspected(case, [(file.real, file.path) for file in unknown], root)
    looked = {file.real: _content(each) for file, each in zip(unknown, inspected, strict=True)}
    return [
        HeldFile(file.path, file.size, file.sha256, contents.get(file.sha256) or looked.get(file.real, Content.UNKNOWN))
        for file in files
    ]


def bundled_files(case: PromotionCase, report: BundleReport | None) -> list[HeldFile] | None:
    """The files of the bundle; what is wrong with them is for its own check to tell."""
    root = case.path("/bundle/directory")
    if root is None or report is None or report.observed is None or report.bundle is None:
        return None
    stated = {file.path: file.sha256 for file in report.bundle.files}
    held = []
    for file in report.observed.files:
        if file.hex is not None and file.path in stated:
            place = _below(root, file)
            _note(case, "/bundle/directory", file.path, place, file.identity)
            content = _content(inspect_file(place, name=file.path))
            held.append(HeldFile(file.path, file.size, file.hex, content, stated[file.path]))
    return held


def shipped_texts(case: PromotionCase, files: Sequence[HeldFile] | None) -> list[str] | None:
    """The text files of the bundle and the strings of its JSON documents, each in one line; None without a bundle."""
    root = case.path("/bundle/directory")
    if root is None or files is None:
        return None
    texts = []
    for file in [file for file in files if file.content is Content.HARMLESS and file.size <= MAX_TEXT_BYTES][
        :MAX_TEXTS
    ]:
        try:
            data = read_bytes(f"{root}/{file.path}", limit=MAX_TEXT_BYTES)
        except MalformedInput:
            continue  # gone since it was hashed
        text = data.decode("utf-8", "replace")
        texts += [in_one_line(text), *map(in_one_line, _strings_in(text))]
    return texts


def _strings_in(text: str) -> Iterator[str]:
    """The strings of a JSON document, such as the manifest of the weights; none of what is no JSON."""
    if text.lstrip().startswith(("{", "[")):
        found: list[str] = []
        try:
            json.loads(text, object_hook=lambda each: found.extend(v for v in each.values() if isinstance(v, str)))
        except (ValueError, RecursionError):
            return
        yield from found


def _note(case: PromotionCase, pointer: str, path: str, place: str, identity: FileIdentity | None) -> None:
    """Keep which file it was when it was listed; one that nobody hashed was looked into by nobody either."""
    if identity is not None:
        whole = os.path.normpath(os.path.join(case.stated[pointer], path))  # noqa: PTH118 - with its ..
        case.looks.append(Look(pointer, whole, place, identity))


def _inspected(case: PromotionCase, files: Sequence[tuple[str, str]], root: str = "") -> list[InspectedFile]:
    """What the files are, by path and name; what is wrong with them is told."""
    inspected = [inspect_file(place, name=name) for place, name in files]
    subject = FormatSubject(files=tuple((f"/{index}", each) for index, each in enumerate(inspected)))
    shown = [os.path.join(root, name) if root else place for place, name in files]  # noqa: PTH118 - as it is named

    def place_of(pointer: str, _: str) -> Location:
        return Location(source=shown[int(pointer.split("/")[1])])

    case.tell(Kind.FORMAT, placed(complaints(FORMAT_RULES, subject), place_of))
    return inspected


def _content(file: InspectedFile) -> Content:
    if file.format in _WEIGHTS:
        return Content.WEIGHTS
    return Content.HARMLESS if file.format in _HARMLESS else Content.UNKNOWN


def _places(root: str, files: Sequence[HeldFile]) -> Iterator[tuple[str, HeldFile]]:
    """Where each file of the weights lies; a root that is no folder is the one file."""
    for file in files:
        yield (os.path.join(root, file.path) if os.path.isdir(root) else root), file  # noqa: PTH112, PTH118 - as above


def _place(root: str, observed: ObservedWeights, file: ObservedFile) -> str:
    return root if observed.root_kind is FileKind.FILE else _below(root, file)


def _below(root: str, file: ObservedFile) -> str:
    return os.path.join(root, file.path)  # noqa: PTH118 - as it is shown


def _sha256(observed: ObservedWeights, file: ObservedFile, place: str) -> str:
    """The digest that all files of a release are compared by; empty where it cannot be had."""
    if observed.algorithm == "sha256":
        return file.hex or ""
    again = file_digest(place)
    return "" if again is None else again.hex
