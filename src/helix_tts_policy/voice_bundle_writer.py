"""The writing side of voice bundles: a new one from files, and one that is served from one that was trained.

Rules kept here:

1. Only a bundle that is GO is put in place, and what is verified is the copy that is put in place.
2. The target is the old bundle or the new one, whole, at every moment (`whole_folder`); the old one goes when the new one stands.
3. Only a bundle is ever replaced, and only one whose every file its manifest lists: nothing else is deleted.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.check import time_of
from helix_tts_policy.check_bundle import verify_bundle
from helix_tts_policy.digest import FileChanged, NotARegularFile
from helix_tts_policy.document import read_bytes
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.voice_bundle import (
    ARTIFACT_DIGEST,
    MANIFEST_NAME,
    PRODUCTION_BUNDLE,
    VOICE_BUNDLE,
    ProductionBundle,
    VoiceBundle,
    artifact_digest,
    read_voice_bundle,
)
from helix_tts_policy.facts.weights_file import FileKind, observe_weights
from helix_tts_policy.finding import Verdict, shown
from helix_tts_policy.rules.file_entry import folded_path, folders_of, unsafe_path
from helix_tts_policy.whole_folder import copy_file, folder_in_the_making, put_in_place, write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from helix_tts_policy.bundle_report import BundleReport
    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.facts.voice_bundle import Bundle

    Paths = Mapping[str, str | os.PathLike[str]]

SOURCE_MANIFEST: Final = "source_manifest.json"
"""What the manifest of the source is called in a promoted bundle."""

COMPUTED: Final = frozenset({"files", ARTIFACT_DIGEST})
"""Fields of a manifest that nobody states: they follow from the files."""


class BundleRefused(Exception):  # noqa: N818 - it tells what became of the bundle
    """A bundle was not written, because it would be NO-GO, or its source is.

    Attributes:
        report: what was found.
    """

    def __init__(self, report: BundleReport) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        first = self.report.findings[0]
        more = f" (and {len(self.report.findings) - 1} more)" if len(self.report.findings) > 1 else ""
        return f"{self.report.source}: {first.rule}: {first.message}{more}"


def build_bundle(
    target: str | os.PathLike[str],
    files: Paths,
    facts: Mapping[str, Any],
    *,
    policy: LicensePolicy | None = None,
    now: datetime | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BundleReport:
    """Make a new bundle from files and from what its manifest states beside them.

    Args:
        target: the folder to make; its parent exists.
        files: by the path that it gets in the bundle, each file to copy there; links are followed, since the caller named them.
        facts: the fields of the manifest, ``bundle_version`` among them, without ``files`` and ``artifact_sha256``.
        policy: what is accepted of a licence; the built-in policy when None.
        now: the time of the verification, with offset; the clock is read once when None.
        progress: called with bytes done and bytes to do, while files are copied and then hashed.

    Returns:
        The report on the bundle at the target, which is GO.

    Raises:
        BundleRefused: the bundle would be NO-GO; nothing stands at the target.
        FileExistsError: something has that name.
        ValueError: there is no file, a path is none that a bundle may have, or the facts state what is computed.
        OSError: something cannot be read or written.
        FileChanged, NotARegularFile: of one of the files.
    """
    now, target = time_of(now), Path(target)
    if stated := sorted(COMPUTED & facts.keys()):
        raise ValueError(f"facts: found {', '.join(stated)}, which is computed from the files; leave it out")
    _check_paths(files)
    with folder_in_the_making(target) as new:
        if os.path.lexists(target):
            raise FileExistsError(f"{str(target)!a} exists; name a new folder, or remove the old one first")
        _copy_files(files, new, progress, follow_links=True)
        write_file(new / MANIFEST_NAME, _manifest(facts, new, tuple(files)))
        return _placed(new, target, policy, now, progress)


def promote_bundle(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    voice_profile_id: str | None = None,
    display_name: str | None = None,
    policy: LicensePolicy | None = None,
    now: datetime | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BundleReport:
    """Verify a bundle, and put a ``voice_bundle/1`` made from it in the place of the one that is served.

    A ``prod_tts_voice_bundle/1`` becomes one: its files, its manifest as ``source_manifest.json``, and a provenance that
    names all that its manifest states. A ``voice_bundle/1`` is copied as it is, with its manifest and its provenance.

    Args:
        source: the bundle to promote.
        target: the folder to put it; its parent exists. A bundle that stands there is replaced in one step.
        voice_profile_id: id by which the voice is asked for; by default that of the bundle that is replaced, else the last
            name of the target. Refused for a ``voice_bundle/1``, which states it.
        display_name: what people see; by default that of the bundle that is replaced, else the id. Refused as above.
        policy: what is accepted of a licence; the built-in policy when None.
        now: the time of the promotion, with offset; the clock is read once when None.
        progress: called with bytes done and bytes to do, first for the source, then for the copy.

    Returns:
        The report on the bundle at the target, which is GO.

    Raises:
        BundleRefused: the source is NO-GO, or the copy is; the target is as before.
        FileExistsError: the target is no bundle, or holds files that its manifest does not list.
        ValueError: a name is stated that the bundle states itself, or the target lies in the source or around it.
        OSError: something cannot be read or written, or another run works on the target (`BlockingIOError`).
        FileChanged, NotARegularFile: of one of the files.
    """
    now, source, target = time_of(now), Path(source), Path(target)
    _replaced(target, source)  # before hours of hashing, not after them
    report = verify_bundle(source, policy=policy, now=now, progress=progress)
    bundle = report.bundle
    if bundle is None or report.verdict is not Verdict.GO:
        raise BundleRefused(report)
    made = isinstance(bundle, ProductionBundle)
    if not made and (voice_profile_id is not None or display_name is not None):
        raise ValueError(f"found a name for a {VOICE_BUNDLE}, which states its own; leave it out")
    paths = tuple(file.path for file in bundle.files)
    _check_paths((*paths, SOURCE_MANIFEST) if made else paths)
    with folder_in_the_making(target) as new:
        old = _replaced(target, source)  # what a killed run had left has been put back by now
        _copy_files({path: source / path for path in paths}, new, progress, follow_links=False)
        data = report.data
        if made:
            write_file(new / SOURCE_MANIFEST, report.data)
            if voice_profile_id is None:
                voice_profile_id = old.voice_profile_id if isinstance(old, VoiceBundle) else target.absolute().name
            if display_name is None:
                display_name = old.display_name if isinstance(old, VoiceBundle) else voice_profile_id
            facts = {
                "bundle_version": VOICE_BUNDLE,
                "voice_profile_id": voice_profile_id,
                "display_name": display_name,
                "created_at": now.isoformat().replace("+00:00", "Z"),
                "provenance": _provenance(json.loads(report.data), report.pinned()["manifest"]["sha256"]),
            }
            data = _manifest(facts, new, (*paths, SOURCE_MANIFEST))
        write_file(new / MANIFEST_NAME, data)
        return _placed(new, target, policy, now, progress)


def _placed(
    new: Path,
    target: Path,
    policy: LicensePolicy | None,
    now: datetime,
    progress: Callable[[int, int], None] | None,
) -> BundleReport:
    """The report on a new folder that is GO, and has the target's name by now."""
    report = verify_bundle(new, policy=policy, now=now, name=os.fspath(target), progress=progress)
    if report.verdict is not Verdict.GO:
        raise BundleRefused(report)
    put_in_place(new, target)
    return report


def _check_paths(paths: Iterable[str]) -> None:
    """Make sure, before anything is copied, that the paths can be those of a bundle."""
    seen = {MANIFEST_NAME}
    folders: set[str] = set()
    for path in paths:
        if reason := "holds a NUL" if "\0" in path else unsafe_path(path):
            raise ValueError(f"files: found {shown(path)}, which {reason}; expected a path below the bundle")
        folded = folded_path(path)
        if folded in seen:
            raise ValueError(f"files: found {shown(path)}, which is taken; expected names that differ on every system")
        seen.add(folded)
        folders.update(folders_of(folded))
    if both := sorted(seen & folders):
        raise ValueError(f"files: found {shown(both[0])} as a file and as a folder; expected one of them")
    if len(seen) == 1:
        raise ValueError("files: found none; expected one at least")


def _replaced(target: Path, source: Path) -> Bundle | None:
    """The bundle that stands at the target and holds nothing else, so that nothing is lost with it; None where nothing does.

    Raises:
        FileExistsError: it is no bundle, or holds something that its manifest does not list.
        ValueError: it is the source, or lies in it, or the other way round.
    """
    here, there = Path(os.path.realpath(target)), Path(os.path.realpath(source))
    if here.is_relative_to(there) or there.is_relative_to(here):
        raise ValueError(f"found the target {str(target)!a} in the source or around it; expected another folder")
    if not os.path.lexists(target):
        return None
    what = f"{str(target)!a} exists and"
    if target.is_symlink() or not target.is_dir():
        raise FileExistsError(f"{what} is no folder; name the folder of a bundle, or a new one")
    try:
        bundle = read_voice_bundle(read_bytes(target / MANIFEST_NAME), MANIFEST_NAME)
    except MalformedInput:
        raise FileExistsError(f"{what} is no voice bundle that can be read; name a new folder, or remove it") from None
    listed = {MANIFEST_NAME, *(file.path for file in bundle.files)}
    other = [seen.path for seen in observe_weights(target, expected={}).files if seen.path not in listed]
    if other:
        raise FileExistsError(
            f"{what} holds {shown(other[0])}, which its manifest does not list; nothing but a bundle is replaced"
        )
    return bundle


def _copy_files(files: Paths, new: Path, progress: Callable[[int, int], None] | None, *, follow_links: bool) -> None:
    total = sum(Path(file).stat(follow_symlinks=follow_links).st_size for file in files.values())
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(min(done, total), total)

    for path, file in files.items():
        copy = new / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            copy_file(file, copy, follow_links=follow_links, progress=advance)
        except (FileChanged, NotARegularFile) as error:
            raise type(error)(f"{os.fspath(file)!a}: {error}") from None


def _manifest(facts: Mapping[str, Any], new: Path, paths: tuple[str, ...]) -> bytes:
    """The manifest of the files in a new folder, with the digests of what really lies there."""
    observed = observe_weights(new, expected=None)
    rows = []
    for path in sorted(paths):
        seen = observed.by_path(path)
        if seen is None or seen.kind is not FileKind.FILE or seen.hex is None:
            raise FileChanged(f"{path!a} changed after it was copied")
        rows.append({"path": path, "sha256": seen.hex, "bytes": seen.size})
    document: dict[str, Any] = {**facts, "files": rows}
    if facts.get("bundle_version") == PRODUCTION_BUNDLE:
        document[ARTIFACT_DIGEST] = artifact_digest(json.dumps(document).encode())
    return json.dumps(document, indent=2).encode() + b"\n"


def _provenance(manifest: dict[str, Any], digest: str) -> dict[str, Any]:
    """What a promoted bundle says of the one that it was made from."""
    return {
        "source_bundle_version": manifest["bundle_version"],
        "source_manifest_path": SOURCE_MANIFEST,
        "source_manifest_sha256": digest,
        "source_commit": manifest["commit"],
        "source_config_sha256": manifest["config_sha256"],
        "source_dataset_sha256": manifest["dataset_sha256"],
        "source_weights_refs": manifest["weights_refs"],
        "source_artifact_sha256": manifest[ARTIFACT_DIGEST],
        "source_files": manifest["files"],
    }
