"""Rules over voice bundles alone. What a bundle has in common with a weights manifest is judged by the same rules as there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.facts.file_format import FileFormat
from helix_tts_policy.facts.voice_bundle import MANIFEST_NAME, VERSIONS, ProductionBundle, VoiceBundle
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.commit import COMMIT_TIP, commit_fault
from helix_tts_policy.rules.file_entry import folded_path
from helix_tts_policy.rules.format_subject import suffix_of
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from helix_tts_policy.facts.voice_bundle import Provenance
    from helix_tts_policy.rules.bundle_subject import BundleSubject, SourceManifest

WEIGHTS = (".nemo", ".safetensors", ".onnx", ".gguf", ".htsvoice", ".bin", ".pt", ".pth", ".ckpt")
"""How the names of weights end."""

WEIGHTS_FORMATS = frozenset(
    {
        *(FileFormat.NEMO, FileFormat.NEMO_GZIP, FileFormat.TORCH, FileFormat.TORCH_LEGACY, FileFormat.TORCHSCRIPT),
        *(FileFormat.SAFETENSORS, FileFormat.ONNX, FileFormat.GGUF, FileFormat.HTSVOICE),
    }
)

_TENSORS = frozenset({FileFormat.TORCH, FileFormat.TORCH_LEGACY, FileFormat.SAFETENSORS})
"""Formats of tensors whose headers tell each of them."""

AUDIO = (".wav", ".flac", ".ogg")
"""How the names of samples end."""

AUDIO_FORMATS = frozenset({FileFormat.WAV, FileFormat.FLAC, FileFormat.OGG})

_REBUILD = "build the bundle again with: helix-tts-policy bundle build"


def bundle_manifest_listed(subject: BundleSubject) -> Iterator[Complaint]:
    """What it checks:
        `files` does not list `manifest.json`, in whatever case.

    Why it is NO-GO:
        No file can hold its own digest, and on macOS and Windows another case is the same file.

    Example:
        `"files": [{"path": "manifest.json", …}]`

    Remedy:
        List every file but the manifest.
    """
    for index, file in enumerate(subject.files):
        if folded_path(file.path) == MANIFEST_NAME:
            message = f"found {shown(file.path)} among the files; expected every file but the manifest itself"
            yield Complaint(f"/files/{index}/path", message, "take it out of the list")


def bundle_manifest_changed(subject: BundleSubject) -> Iterator[Complaint]:
    """What it checks:
        `manifest.json` is the same file with the same bytes after everything else was read.

    Why it is NO-GO:
        What was checked was the bundle of another manifest.

    Example:
        A bundle that is built anew in its place while it is verified.

    Remedy:
        Wait until nothing writes to the folder, then check again.
    """
    if subject.manifest_change:
        message = f"{MANIFEST_NAME} changed while the bundle was read: {subject.manifest_change}; expected one that holds still"
        yield Complaint("", message, "wait until nothing writes to the folder, then check again")


def bundle_artifact_mismatch(subject: BundleSubject) -> Iterator[Complaint]:
    """What it checks:
        `artifact_sha256` is the SHA-256 of the manifest without that key, as JSON in ASCII with sorted keys and an indent of
        two blanks, without a line break behind it: what Python's `json.dumps(document, sort_keys=True, indent=2)` writes.

    Why it is NO-GO:
        A field was changed after the training had written the manifest.

    Example:
        `weights_license` was corrected by hand, and `artifact_sha256` stayed.

    Remedy:
        Find out what was changed, by whom and why, and build the bundle again.
    """
    bundle = subject.bundle
    if isinstance(bundle, ProductionBundle) and bundle.artifact_sha256 != subject.artifact_sha256:
        if any(path == "/artifact_sha256" for path, _, _ in subject.digest_defects):
            return  # told as a digest that is none
        message = (
            f"found {shown(bundle.artifact_sha256)}; expected {subject.artifact_sha256}, the digest of the other fields"
        )
        yield Complaint("/artifact_sha256", message, f"find out which field was changed, then {_REBUILD}")


def bundle_commit_mutable(subject: BundleSubject) -> Iterator[Complaint]:
    """What it checks:
        `commit`, or the `source_commit` of the provenance, is a full commit: 40 or 64 hexadecimal digits, and not one
        pattern repeated.

    Why it is NO-GO:
        A branch moves, and an abbreviation can come to mean another commit: nobody could train this voice again.

    Example:
        `"commit": "HEAD"`

    Remedy:
        Write what `git rev-parse HEAD` prints.
    """
    for path, commit in subject.commits:
        if (fault := commit_fault(commit)) is not None:
            yield Complaint(path, fault, COMMIT_TIP)


def bundle_weights_missing(subject: BundleSubject) -> Iterator[Complaint]:
    """What it checks:
        At least one listed file holds weights, by its name or by its bytes. A text called `LICENSE…` holds none, and a file of
        tensors without tensors neither.

    Why it is NO-GO:
        A bundle without a model cannot speak: the export wrote everything but that.

    Example:
        `files` lists `sample.wav` alone.

    Remedy:
        Build the bundle again, with the model.
    """
    if not _has(subject, WEIGHTS, WEIGHTS_FORMATS):
        yield Complaint("/files", "found no file that holds weights; expected one such as voice.nemo", _REBUILD)


def bundle_sample_missing(subject: BundleSubject) -> Iterator[Complaint]:
    """What it checks:
        At least one listed file is a sample of the voice, by its name or by its bytes.

    Why it is a warning:
        The bundle can be served without, but nobody can hear what was promoted.

    Example:
        `files` lists `voice.nemo` alone.

    Remedy:
        Let the voice speak a sentence, and add it as `sample.wav`.
    """
    if not _has(subject, AUDIO, AUDIO_FORMATS):
        yield Complaint(
            "/files", "found no sample of the voice; expected one such as sample.wav", "let it speak, and add it"
        )


def _has(subject: BundleSubject, suffixes: tuple[str, ...], formats: Collection[FileFormat]) -> bool:
    inspected = {each.name: each for _, each in subject.inspected}
    for each in inspected.values():
        is_empty = each.format in _TENSORS and not each.tensors and not each.problems
        if not is_empty and (each.format in formats or suffix_of(each) in suffixes):
            return True
    # What could not be looked into is told by other rules.
    return any(file.path.lower().endswith(suffixes) for file in subject.files if file.path not in inspected)


def bundle_provenance_missing(subject: BundleSubject) -> Iterator[Complaint]:
    """What it checks:
        A `voice_bundle/1` has a `provenance` that names the weights it was made from and the manifest of its source.

    Why it is a warning:
        Nothing in the bundle says then under which licences the voice may be used. The weights manifest of the release has
        to say it.

    Example:
        A bundle that an earlier exporter wrote.

    Remedy:
        Promote it from the bundle of its training: `helix-tts-policy bundle promote`.
    """
    if not isinstance(subject.bundle, VoiceBundle):
        return
    provenance = subject.provenance
    missing = [
        name
        for name in ("source_manifest_sha256", "source_weights_refs")
        if provenance is None or getattr(provenance, name) is None
    ]
    if missing:
        message = f"found no {' and no '.join(missing)}; expected a provenance that says where the voice comes from"
        yield Complaint("/provenance", message, "promote it from its source with: helix-tts-policy bundle promote")


def bundle_provenance_unchecked(subject: BundleSubject) -> Iterator[Complaint]:
    """What it checks:
        Whether the manifest that the provenance speaks of is in the bundle, so that the two can be compared.

    Why it is a note:
        What the provenance says cannot be checked without it.

    Example:
        `"source_manifest_path": "runs/7/voice_bundle/manifest.json"`, which is no file of the bundle.

    Remedy:
        `helix-tts-policy bundle promote` puts it there.
    """
    if subject.provenance is not None and subject.source is None:
        message = "found no manifest of the source in the bundle, so what the provenance says was not checked"
        yield Complaint("/provenance", message, "promote it from its source with: helix-tts-policy bundle promote")


def bundle_provenance_mismatch(subject: BundleSubject) -> Iterator[Complaint]:
    """What it checks:
        The provenance does not contradict the bundle: `source_bundle_version` is a known format; a file that stands in
        `source_files` and in `files` has one digest; and where the bundle ships the manifest that `source_manifest_path`
        names, its digest and every field of it are what the provenance says.

    Why it is NO-GO:
        One of the two is about another voice, or a licence was changed on the way.

    Example:
        `"source_weights_refs"` says Apache-2.0 where the manifest of the source said CC-BY-NC-4.0.

    Remedy:
        Promote the bundle again from its source.
    """
    provenance = subject.provenance
    if provenance is None:
        return
    tip = "promote the bundle again from its source with: helix-tts-policy bundle promote"
    version = provenance.source_bundle_version
    if version is not None and version not in VERSIONS:
        message = f"found {shown(version)}; expected {' or '.join(VERSIONS)}"
        yield Complaint("/provenance/source_bundle_version", message, tip)
    own = {file.path: file for file in subject.files}
    for index, file in enumerate(provenance.source_files or ()):
        here = own.get(file.path)
        if here is not None and (here.sha256, here.bytes) != (file.sha256, file.bytes):
            message = f"found another {shown(file.path)} than files lists: {file.bytes} bytes; expected {here.bytes} bytes with the digest that stands there"
            yield Complaint(f"/provenance/source_files/{index}/path", message, tip)
    if subject.source is not None:
        for path, message in _against(subject.source, provenance):
            yield Complaint(path, message, tip)


def _against(source: SourceManifest, provenance: Provenance) -> Iterator[tuple[str, str]]:
    """Where the provenance says something else than the manifest of the source."""
    name = shown(source.file.path)
    if provenance.source_manifest_sha256 != source.file.sha256:
        found = "nothing" if provenance.source_manifest_sha256 is None else shown(provenance.source_manifest_sha256)
        yield (
            "/provenance/source_manifest_sha256",
            f"found {found}; expected {shown(source.file.sha256)}, as {name} has",
        )
    if source.bundle is None:
        yield (
            "/provenance/source_manifest_path",
            f"{name} is no manifest of a voice bundle; expected that of the source",
        )
        return
    if isinstance(source.bundle, ProductionBundle) and source.bundle.artifact_sha256 != source.artifact_sha256:
        message = f"the artifact_sha256 in {name} is not that of its fields; expected a manifest that nobody changed"
        yield "/provenance/source_manifest_path", message
    for field, stated in source.bundle:
        own = "source_bundle_version" if field == "bundle_version" else f"source_{field}"
        if own in type(provenance).model_fields and getattr(provenance, own) != stated:
            found = "nothing" if getattr(provenance, own) is None else "something else"
            yield f"/provenance/{own}", f"found {found}; expected the {field} of {name}"
