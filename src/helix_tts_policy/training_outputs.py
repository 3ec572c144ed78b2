"""What a finished training leaves beside its weights: the data set's manifest, the weights manifest, and a voice bundle.

Rules kept here:

- No licence is invented. What the configuration states is written; what it does not state is inherited from the base
  weights; what nobody states is ``NOASSERTION``, which is unclear, so that the manifest is NO-GO and says why.
- Base weights and training data become components with their own licences, the components of the base weights too.
- A bundle is built only beside a weights manifest that is GO; one that an earlier attempt of the run left is removed first.
- Each file is the old one or the new one, whole, at every moment.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.check import time_of, verify_manifest
from helix_tts_policy.digest import hash_file, tree_checksum
from helix_tts_policy.facts.training_config import STAGES
from helix_tts_policy.facts.voice_bundle import PRODUCTION_BUNDLE
from helix_tts_policy.facts.weights_manifest import Component, ManifestFile, WeightsManifest
from helix_tts_policy.finding import Verdict
from helix_tts_policy.voice_bundle_writer import BundleRefused, build_bundle
from helix_tts_policy.whole_folder import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from helix_tts_policy.bundle_report import BundleReport
    from helix_tts_policy.dataset_report import DatasetReport
    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.facts.training_config import DataSection, ReleaseSection
    from helix_tts_policy.facts.training_presets import StageName
    from helix_tts_policy.facts.weights_manifest import Role
    from helix_tts_policy.report import ManifestReport

DATASET_NAME: Final = "dataset.jsonl"
MANIFEST_NAME: Final = "weights-manifest.json"
BUNDLE_NAME: Final = "bundle"

UNSTATED: Final = "NOASSERTION"
"""What SPDX calls a licence of which nobody said anything."""

_ROLES: Final[Mapping[StageName, Role]] = {"fastpitch": "base_model", "hifigan": "vocoder"}
"""What the weights that a stage went on from are to the voice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOutputs:
    """What was written.

    Attributes:
        dataset: the normalised manifest of the data set; its SHA-256 is the digest of the data set.
        manifest: the weights manifest; None where the configuration states no release.
        manifest_report: what a verification says of it, bytes included.
        bundle: the folder of the voice bundle; None where none was built.
        bundle_report: what a verification says of the bundle, or of the one that was refused.
        notes: what was not written and why, a line each.
    """

    dataset: Path
    manifest: Path | None = None
    manifest_report: ManifestReport | None = None
    bundle: Path | None = None
    bundle_report: BundleReport | None = None
    notes: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """Everything that was written."""
        return tuple(path for path in (self.dataset, self.manifest, self.bundle) if path is not None)


def write_training_outputs(
    report: DatasetReport,
    *,
    folder: Path,
    weights: Mapping[StageName, Path] | Mapping[str, Path],
    sample: Path,
    now: datetime | None = None,
    bases: Mapping[StageName, WeightsManifest] | None = None,
    policy: LicensePolicy | None = None,
) -> TrainingOutputs:
    """Write what belongs beside trained weights into the folder of the run.

    Args:
        report: on the configuration and its data, from `check_training_data`; it is GO.
        folder: of the run.
        weights: the file of each stage that was trained, or the files of the voice by their roles; all in one folder, in which nothing else lies.
        sample: the recording of the trained voice.
        now: the time, with offset, that the manifest states; the clock is read once when None.
        bases: what the manifests state, as they were verified, of the weights that stages went on from.
        policy: what is accepted of a licence; the built-in policy when None.

    Raises:
        ValueError: the report is not GO or on no configuration, or bases are not those of the configuration.
        OSError: a file cannot be read or written.
    """
    plan, data = report.plan, report.normalized
    if plan is None or data is None:
        raise ValueError("report: expected one of check_training_data that is GO")
    bases, now = bases or {}, time_of(now).replace(microsecond=0)
    begun = {stage.name for stage in plan.stages if stage.init is not None}
    if begun != bases.keys():
        raise ValueError(f"bases: found {sorted(bases)}; expected the manifests of {sorted(begun)}")
    root = _folder_of(weights)
    bundle = folder / BUNDLE_NAME
    if os.path.lexists(bundle):
        shutil.rmtree(bundle)
    dataset = folder / DATASET_NAME
    replace_file(dataset, data)
    release = plan.config.release
    if release is None:
        return TrainingOutputs(dataset=dataset, notes=("no weights manifest: the configuration has no table release",))
    manifest = folder / MANIFEST_NAME
    components = _components(plan.config.data, bases)
    replace_file(manifest, _manifest(release, components, weights, bases, now=now, policy=policy))
    judged = verify_manifest(manifest, policy=policy, root=root, now=now)
    written = TrainingOutputs(dataset=dataset, manifest=manifest, manifest_report=judged)
    if judged.verdict is not Verdict.GO or judged.manifest is None:
        first = judged.findings[0]
        note = f"no bundle: {MANIFEST_NAME} is NO-GO: {first.rule}: {first.message}"
        return replace(written, notes=(note,))
    if release.commit is None:
        return replace(written, notes=("no bundle: the table release states no commit",))
    files = {path.name: path for path in (*weights.values(), sample, manifest)}
    facts = {
        "bundle_version": PRODUCTION_BUNDLE,
        "commit": release.commit,
        "config_sha256": plan.sha256,
        "dataset_sha256": report.sha256,
        "weights_refs": _references(release, judged.manifest, bases),
    }
    try:
        found = build_bundle(bundle, files, facts, policy=policy, now=now)
    except BundleRefused as refused:
        return replace(written, bundle_report=refused.report, notes=(f"no bundle: {refused}",))
    return replace(written, bundle=bundle, bundle_report=found)


def _folder_of(weights: Mapping[StageName, Path] | Mapping[str, Path]) -> Path:
    folders = {path.parent for path in weights.values()}
    if len(folders) != 1:
        raise ValueError(f"weights: found files in {len(folders)} folders; expected one")
    return folders.pop()


def _manifest(
    release: ReleaseSection,
    components: Iterable[Component],
    weights: Mapping[StageName, Path] | Mapping[str, Path],
    bases: Mapping[StageName, WeightsManifest],
    *,
    now: datetime,
    policy: LicensePolicy | None,
) -> bytes:
    files = []
    for path in sorted(weights.values()):
        hashed = hash_file(path)
        files.append(ManifestFile(path=path.name, bytes=hashed.size, sha256=hashed.hex))
    known: dict[str, Any] = {
        "schema_version": "weights-manifest/1",
        "model_id": release.model_id,
        "source_url": release.source_url,
        "code_license": release.code_license or _inherited([base.code_license for base in bases.values()]),
        "weights_license": release.weights_license or _inherited([base.weights_license for base in bases.values()]),
        "commercial_use_allowed": bool(release.commercial_use_allowed),
        "attribution_required": bool(release.attribution_required),
        "evidence_links": list(release.evidence_links),
        "checksum": f"sha256:{tree_checksum((file.path, file.sha256) for file in files)}",
        "created_at": now.isoformat().replace("+00:00", "Z"),
        "revision": release.revision,
        "files": [file.model_dump() for file in files],
        "components": [component.model_dump(exclude_none=True) for component in components],
        "attribution": release.attribution,
    }
    stated = {name: value for name, value in known.items() if value is not None}
    if release.attribution_required is None:
        licenses = verify_manifest(stated, policy=policy, now=now).licenses
        stated["attribution_required"] = any(
            part.decision.attribution_required or (part.component is not None and part.component.attribution_required)
            for part in licenses
            if part.gate == "weights"
        )
    fields = {name: stated[name] for name in ("schema_version", *WeightsManifest.model_fields) if name in stated}
    return (json.dumps(fields, indent=2, ensure_ascii=False) + "\n").encode()


def _inherited(expressions: list[str]) -> str:
    """All licences together, each once; that of two different ones is both."""
    each = [*dict.fromkeys(expressions)]
    if len(each) > 1:
        return " AND ".join(f"({expression})" for expression in each)
    return each[0] if each else UNSTATED


def _components(data: DataSection, bases: Mapping[StageName, WeightsManifest]) -> tuple[Component, ...]:
    """Base weights with their own components, then the data; each once."""
    return tuple(dict.fromkeys(_every_component(data, bases)))


def _every_component(data: DataSection, bases: Mapping[StageName, WeightsManifest]) -> Iterator[Component]:
    for name in STAGES:
        if name in bases:
            base = bases[name]
            yield Component(
                name=base.model_id,
                role=_ROLES[name],
                source_url=base.source_url,
                revision=base.revision,
                code_license=base.code_license,
                weights_license=base.weights_license,
                attribution_required=base.attribution_required,
            )
            yield from base.components or ()
    yield Component(
        name=data.name,
        role="training_data",
        source_url=data.source_url,
        revision=data.revision,
        weights_license=data.license or UNSTATED,
        attribution_required=data.attribution_required,
    )


def _references(
    release: ReleaseSection, own: WeightsManifest, bases: Mapping[StageName, WeightsManifest]
) -> list[dict[str, str]]:
    """The voice itself, then the weights that it went on from, each once."""
    manifests = {manifest.model_id: manifest for manifest in (*bases.values(), own)}
    return [
        {
            "id": manifest.model_id,
            "weights_license": manifest.weights_license,
            "code_license": manifest.code_license,
            "license_url": (release.license_url if manifest is own else None) or manifest.evidence_links[0],
        }
        for manifest in reversed(manifests.values())
    ]
