"""What a decision rests on, by digest, so that it can be made again and compared."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.facts.artifact_files import file_digest, file_identity
from helix_tts_policy.facts.license_policy import default_policy
from helix_tts_policy.facts.voice_bundle import MANIFEST_NAME
from helix_tts_policy.gate import Duty
from helix_tts_policy.pinned import knowledge
from helix_tts_policy.promotion_case import Input
from helix_tts_policy.promotion_gates import Kind
from helix_tts_policy.rules.promotion import SHOWN_DIGITS
from helix_tts_policy.rules.promotion_registry import CHANGE_RULES
from helix_tts_policy.rules.promotion_subject import ChangedInput
from helix_tts_policy.rules.rule import complaints

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from helix_tts_policy.digest import HashedFile
    from helix_tts_policy.facts.commit_history import CommitHistory
    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.promotion_case import Look, Pieces, PromotionCase
    from helix_tts_policy.report import ManifestReport
    from helix_tts_policy.rules.promotion_subject import HeldFile


MAX_UNJUDGED_BYTES: Final = 64 * 1024 * 1024
"""What is hashed of a document that nobody could read: the longest that some reader takes, and not what somebody made to be long."""


def pin_inputs(case: PromotionCase, pieces: Pieces, policy: LicensePolicy | None) -> None:
    """Note the digest of everything that was looked at; what is something else by now is told."""
    for role, pointer, kind, judged in _documents(pieces):
        path = case.path(pointer)
        if path is None:
            continue
        last = file_digest(path) if judged is not None else _unjudged(path)
        case.inputs.append(Input(role, case.stated[pointer], last and last.hex, last and last.size))
        if judged is not None and (last is None or last.hex != judged):
            found = "nothing that could be read" if last is None else f"sha256 {last.hex[:SHOWN_DIGITS]}"
            expected = f"sha256 {judged[:SHOWN_DIGITS]}, as it was judged"
            _tell_changed(case, kind, [ChangedInput(pointer, case.stated[pointer], found, expected)])
    for pointer, kind in (
        ("/weights/root", Kind.FORMAT),
        ("/training/root", Kind.FORMAT),
        ("/bundle/directory", Kind.BUNDLE),
    ):
        _tell_changed(case, kind, [*_changed_files(look for look in case.looks if look.pointer == pointer)])
    if policy is None and (path := case.path("/policy")) is not None:
        last = _unjudged(path)
        case.inputs.append(Input("policy", case.stated["/policy"], last and last.hex, last and last.size))
    _pin_files(case, "weights", "/weights/root", pieces.weights)
    _pin_files(case, "artifact", "/training/root", pieces.artifacts)
    _pin_files(case, "bundle", "/bundle/directory", pieces.bundled)
    manifest = None if pieces.bundle is None else pieces.bundle.pinned()["manifest"]
    if manifest is not None:
        path = os.path.normpath(os.path.join(case.stated["/bundle/directory"], MANIFEST_NAME))  # noqa: PTH118 - with its ..
        case.inputs.append(Input("bundle-manifest", path, manifest["sha256"], manifest["bytes"]))
    case.inputs.sort(key=lambda each: (each.role, each.path))


def _unjudged(path: str) -> HashedFile | None:
    """Size and digest of a document that could not be used, unless it is too long for one."""
    look = file_identity(path)
    return file_digest(path) if look is not None and look.size <= MAX_UNJUDGED_BYTES else None


def _changed_files(looks: Iterable[Look]) -> Iterator[ChangedInput]:
    """The files that are not what they were before they were hashed."""
    for look in looks:
        last = file_identity(look.place)
        if last != look.identity:
            same = last is not None and (last.device, last.inode) == (look.identity.device, look.identity.inode)
            found = "nothing" if last is None else "a file that was written to" if same else "another file"
            yield ChangedInput(look.pointer, look.path, found, "the one that was hashed, as it was then")


def _tell_changed(case: PromotionCase, kind: Kind, changed: Sequence[ChangedInput]) -> None:
    case.tell(kind, case.in_release(complaints(CHANGE_RULES, changed)))


def _documents(pieces: Pieces) -> Iterator[tuple[str, str, Kind, str | None]]:
    """Role, pointer, kind and the digest as it was judged; None where nothing was."""
    manifest = None if pieces.manifest is None else pieces.manifest.pinned()["manifest"]
    run: dict[str, Any] = {} if pieces.training is None else pieces.training.pinned()
    ledger: dict[str, Any] = {} if pieces.ledger is None else pieces.ledger.pinned()
    evidence = None if pieces.evidence is None else pieces.evidence.sha256
    yield "weights-manifest", "/weights/manifest", Kind.MANIFEST, _digest(manifest)
    yield "training-log", "/training/log", Kind.TRAINING, _digest(run.get("log"))
    yield "train-status", "/training/status", Kind.STATUS, _digest(run.get("status"))
    yield "verification", "/verification/evidence", Kind.VERIFICATION, evidence
    yield "trace", "/verification/trace", Kind.LEDGER, _digest(ledger.get("trace"))
    yield "ledger", "/ledger/file", Kind.LEDGER, _digest(ledger.get("ledger"))


def _digest(pin: dict[str, Any] | None) -> str | None:
    return None if pin is None else pin["sha256"]


def _pin_files(case: PromotionCase, role: str, pointer: str, files: Sequence[HeldFile] | None) -> None:
    if files is None and pointer in case.stated:
        case.inputs.append(Input(role, case.stated[pointer], None, None))
    for file in files or ():
        path = os.path.normpath(os.path.join(case.stated[pointer], file.path))  # noqa: PTH118 - with its ..
        case.inputs.append(Input(role, path, file.sha256 or None, file.size if file.sha256 else None))


def pinned(
    case: PromotionCase, now: datetime, policy: LicensePolicy | None, history: CommitHistory | None
) -> dict[str, Any]:
    """Everything that a decision rests on, as plain JSON values.

    Of a repository it is the answers, and not where its head is: they stay the same while it grows.
    """
    release = case.release
    known = knowledge(policy or default_policy())
    data = case.data
    if not data and release is not None:
        data = json.dumps(release.model_dump(), sort_keys=True, separators=(",", ":")).encode()
    return {
        "now": now.isoformat(),
        "release": {
            "path": os.path.basename(case.source) if case.data else None,  # noqa: PTH119 - the name alone
            "name": None if release is None else release.name,
            "version": None if release is None else release.version,
            "sha256": hashlib.sha256(data).hexdigest() if data else None,
            "bytes": len(data) if data else None,
        },
        "inputs": [
            {"role": each.role, "path": each.path, "sha256": each.sha256, "bytes": each.size} for each in case.inputs
        ],
        "commits": None if history is None else [*_commit_pins(history)],
        **known,
        "policy": None if policy is None else _policy_pin(case, policy),
    }


def _commit_pins(history: CommitHistory) -> Iterator[dict[str, Any]]:
    for stated, named in sorted(history.commits.items()):
        yield {"stated": stated, "found": named.commit or None, "in_history": named.in_history}


def _policy_pin(case: PromotionCase, policy: LicensePolicy) -> dict[str, Any]:
    """The policy with who chose it; of a caller's only the last name, since nobody else has it at the same place."""
    name = case.stated["/policy"] if case.policy_from == "release" else os.path.basename(policy.name)  # noqa: PTH119 - as above
    return {"from": case.policy_from, "name": name, "sha256": policy.sha256}


def duties(manifest: ManifestReport | None) -> list[Duty]:
    """What the licences of the manifest ask for."""
    return [
        Duty(kind=obligation.kind, part=f"{part.gate}{part.owner}", license=obligation.license, text=obligation.text)
        for part, obligation in ([] if manifest is None else manifest.obligations)
    ]
