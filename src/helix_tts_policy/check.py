"""From evidence to a report: read, look, decide on licences, run the rules.

The rules that are kept here: bad input never raises out of a check, it becomes findings; misuse by the caller raises
`TypeError` or `ValueError`; time enters once; no module but this and its siblings `check_…` turns
`MalformedInput` into findings.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from helix_tts_policy.digest import parse_digest
from helix_tts_policy.document import bounded, read_bytes
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.license_policy import Gate, LicensePolicy, default_policy
from helix_tts_policy.facts.text_copy import TextCopy, find_copy
from helix_tts_policy.facts.weights_file import FileKind, ObservedWeights, observe_weights
from helix_tts_policy.facts.weights_manifest import Evidence, WeightsManifest, read_weights_manifest
from helix_tts_policy.license_decision import REMEMBERED_LENGTH, decide_license, utc_day
from helix_tts_policy.license_standing import NOTHING, Standing, standing_of
from helix_tts_policy.report import ManifestReport
from helix_tts_policy.rules.digest_text import digest_defect
from helix_tts_policy.rules.manifest_subject import MANIFEST_FOLDER, NO_COPIES, LicensedPart, ManifestSubject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ManifestSource: TypeAlias = str | os.PathLike[str] | bytes | Mapping[str, Any]

NO_REVIEWED_TEXT = ""
"""Stands where the digest of a text would: it is that of none, and still keeps the policy's own copy from speaking for it."""


def verify_manifest(
    source: ManifestSource,
    *,
    policy: LicensePolicy | None = None,
    root: str | os.PathLike[str] | None = None,
    now: datetime | None = None,
    name: str | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ManifestReport:
    """Verify one weights manifest: its shape, provenance, digests, licences and, with a root, the bytes of the weights.

    Args:
        source: a path (`str` or path object), the JSON text as `bytes`, or the manifest as a mapping. Local copies of the
            texts of its evidence are looked at below the folder of the path; without one the report has a note of each.
        policy: what is accepted of a licence; the built-in policy when None.
        root: the folder in which the weights lie, or the one weights file. Without it the report has the note
            ``bytes-not-checked``. The manifest itself may lie in the folder.
        now: the time of the check, with offset; the clock is read once when None.
        name: what findings call the source; by default the path as given, ``<bytes>`` or ``<mapping>``.
        jobs: files hashed at once; by default one for each usable core, at most 8.
        progress: called while hashing with bytes read and bytes to read, from any thread, one call at a time.

    Raises:
        TypeError: the source is none of these, or another argument is of the wrong type.
        ValueError: ``now`` has no offset, or ``jobs`` is less than 1.
    """
    now = time_of(now)
    if jobs is not None and jobs < 1:
        raise ValueError("jobs: expected 1 or more")
    if policy is None:
        policy = default_policy()
    elif not isinstance(policy, LicensePolicy):
        raise TypeError(f"policy: expected a LicensePolicy, found {type(policy).__name__}")
    path: str | None = None
    data: bytes | None = None
    mapping: Mapping[str, Any] = {}
    observed = None
    if isinstance(source, bytes):
        data, name = source, name or "<bytes>"
    elif isinstance(source, str | os.PathLike):
        path = os.fspath(source)
        if not isinstance(path, str):
            raise TypeError("source: expected a path of text, found one of bytes")
        name = name or path
    elif isinstance(source, Mapping):
        mapping, name = source, name or "<mapping>"
    else:
        raise TypeError(f"source: expected a path, bytes or a mapping, found {type(source).__name__}")

    try:
        if path is not None:
            data = read_bytes(path, source=name)
        elif data is not None:
            bounded(data, source=name)
        manifest = read_weights_manifest(mapping if data is None else data, name)
    except MalformedInput as error:
        return ManifestReport(name, data, policy, now, malformed=error)
    if root is not None:
        observed = _look(manifest, Path(root), path, jobs, progress)
    copies = NO_COPIES
    if path is not None and manifest.evidence is not None:
        copies = _copies(manifest.evidence, Path(path).parent)
    parts = _decide(manifest, policy, now, copies)
    subject = ManifestSubject(
        manifest, now, parts, observed, copies=copies, max_evidence_age_days=policy.max_evidence_age_days
    )
    return ManifestReport(name, data, policy, now, subject=subject)


def time_of(now: datetime | None) -> datetime:
    """The time of a check: the one given, or the clock's.

    Raises:
        TypeError: it is no time.
        ValueError: it has no offset.
    """
    if now is None:
        return datetime.now(UTC)
    if not isinstance(now, datetime):
        raise TypeError(f"now: expected a datetime, found {type(now).__name__}")
    if now.utcoffset() is None:
        raise ValueError("now: expected a time with offset")
    return now


def _own(gate: Gate, expression: str, policy: LicensePolicy, standing: Standing) -> LicensedPart:
    return LicensedPart(f"/{gate}_license", gate, None, decide_license(expression, gate, policy, standing))


_remembered_own = lru_cache(maxsize=4096)(_own)


def _decide(
    manifest: WeightsManifest, policy: LicensePolicy, now: datetime, copies: Mapping[int, TextCopy]
) -> tuple[LicensedPart, ...]:
    for_weights = for_code = NOTHING
    if policy.clarifications or policy.attestations:
        for_weights = _standing("weights", manifest, policy, now, copies)
        for_code = _standing("code", manifest, policy, now, copies)
    weights, code = manifest.weights_license, manifest.code_license
    decide = _remembered_own if len(weights) + len(code) <= REMEMBERED_LENGTH else _own
    own = (decide("weights", weights, policy, for_weights), decide("code", code, policy, for_code))
    if not manifest.components:
        return own
    parts = list(own)
    for index, component in enumerate(manifest.components):
        # Only a G2P can be code alone. Everything else brings weights or data, and is unclear when it does not say under what licence.
        if component.weights_license is not None or component.code_license is None or component.role != "g2p":
            decision = decide_license(component.weights_license, "weights", policy, for_weights)
            parts.append(LicensedPart(f"/components/{index}/weights_license", "weights", component, decision))
        if component.code_license is not None:
            decision = decide_license(component.code_license, "code", policy, for_code)
            parts.append(LicensedPart(f"/components/{index}/code_license", "code", component, decision))
    return tuple(parts)


def _standing(
    gate: Gate, manifest: WeightsManifest, policy: LicensePolicy, now: datetime, copies: Mapping[int, TextCopy]
) -> Standing:
    """What of the policy holds for this release: its model id, and the licence texts that its evidence records.

    A record whose local copy is another text, or cannot be looked at, stands for a text that nobody has reviewed.
    """
    kind = f"{gate}_license"
    texts = set()
    for index, item in enumerate(manifest.evidence or ()):
        if item.kind == kind and index in copies and copies[index].sha256 != item.sha256:
            texts.add(NO_REVIEWED_TEXT)
        elif item.kind == kind and item.sha256 is not None:
            texts.add(item.sha256)
    return standing_of(policy, gate, model_id=manifest.model_id, texts=texts, today=utc_day(now))


def _copies(evidence: Iterable[Evidence], folder: Path) -> dict[int, TextCopy]:
    """What lies where entries of the evidence say that copies of their texts do; each path is looked at once."""
    found: dict[str, TextCopy] = {}
    copies = {}
    for index, item in enumerate(evidence):
        if item.text is not None:
            if item.text not in found:
                found[item.text] = find_copy(folder, item.text, owner=MANIFEST_FOLDER)
            copies[index] = found[item.text]
    return copies


def _look(
    manifest: WeightsManifest,
    root: Path,
    manifest_path: str | None,
    jobs: int | None,
    progress: Callable[[int, int], None] | None,
) -> ObservedWeights:
    own = _path_below(root, manifest_path)
    ignore = frozenset((own,)) if own is not None else frozenset[str]()
    if manifest.files is not None:
        expected = {file.path: file.bytes for file in manifest.files}
        return observe_weights(root, expected=expected, ignore=ignore, jobs=jobs, progress=progress)
    algorithm = "sha256" if digest_defect(manifest.checksum) is not None else parse_digest(manifest.checksum).algorithm
    listed = observe_weights(root, expected={}, ignore=ignore)
    if listed.root_problem is not None or listed.truncated is not None:
        return listed
    if listed.root_kind is FileKind.FOLDER and len(listed.files) != 1:
        return listed
    return observe_weights(root, expected=None, ignore=ignore, algorithm=algorithm, jobs=jobs, progress=progress)


def _path_below(root: Path, path: str | None) -> str | None:
    """The manifest's own path below the root, for it is the one file there that it cannot list."""
    if path is None:
        return None
    try:
        # Not Path.resolve, which raises RuntimeError for a link that leads to itself before Python 3.13.
        below = Path(os.path.realpath(path, strict=True)).relative_to(os.path.realpath(root, strict=True))
    except (OSError, ValueError):
        return None
    return below.as_posix()
