"""What rules over a voice bundle look at: the facts of one verification, gathered before the first rule runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from helix_tts_policy.facts.voice_bundle import ProductionBundle, VoiceBundle, references
from helix_tts_policy.rules.digest_text import sha256_defect
from helix_tts_policy.rules.moment import CLOCK_SKEW, date_time
from helix_tts_policy.rules.url import url_defects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from helix_tts_policy.facts.file_format import InspectedFile
    from helix_tts_policy.facts.voice_bundle import Bundle, Provenance, WeightsReference
    from helix_tts_policy.facts.weights_file import ObservedWeights
    from helix_tts_policy.facts.weights_manifest import ManifestFile
    from helix_tts_policy.rules.manifest_subject import LicensedPart
    from helix_tts_policy.rules.url import UrlDefect


class SourceManifest(NamedTuple):
    """The manifest of the source bundle, where this bundle ships it.

    Attributes:
        file: the entry that lists it.
        bundle: what it states; None where it is no manifest of a bundle.
        artifact_sha256: what it should state as its own digest.
    """

    file: ManifestFile
    bundle: Bundle | None
    artifact_sha256: str | None


class BundleSubject:
    """The facts of one verification.

    Attributes:
        bundle: what the manifest states.
        now: the time of the verification.
        artifact_sha256: what a production bundle should state under that name.
        licenses: every licence statement with the decision on it.
        observed: what lies in the folder, without the manifest.
        inspected: what the bytes of listed files are, each with the pointer of its entry.
        manifest_change: how the manifest was another one after everything else had been read; empty where it was not.
        source: the manifest of the source bundle; None where the bundle does not ship it.
        digest_defects: pointer, text and defect of every digest that has one.
        url_defects: pointer and defect of every URL that has one.
        odd_dates: pointer, text and moment of a date that is none (moment None) or lies in the future.
    """

    __slots__ = (
        "artifact_sha256",
        "bundle",
        "digest_defects",
        "inspected",
        "licenses",
        "manifest_change",
        "now",
        "observed",
        "odd_dates",
        "source",
        "url_defects",
    )

    def __init__(
        self,
        bundle: Bundle,
        now: datetime,
        *,
        artifact_sha256: str,
        licenses: tuple[LicensedPart, ...],
        observed: ObservedWeights,
        inspected: tuple[tuple[str, InspectedFile], ...] = (),
        manifest_change: str = "",
        source: SourceManifest | None = None,
    ) -> None:
        self.bundle = bundle
        self.now = now
        self.artifact_sha256 = artifact_sha256
        self.licenses = licenses
        self.observed = observed
        self.inspected = inspected
        self.manifest_change = manifest_change
        self.source = source
        self.digest_defects: list[tuple[str, str, tuple[str, str]]] = [
            (path, f"sha256:{digits}", defect)
            for path, digits in self._digests()
            if (defect := sha256_defect(digits)) is not None
        ]
        self.url_defects: list[tuple[str, UrlDefect]] = [
            (f"{path}/license_url", defect)
            for path, reference in weights_references(bundle)
            for defect in url_defects(reference.license_url)
        ]
        self.odd_dates: list[tuple[str, str, datetime | None]] = []
        if isinstance(bundle, VoiceBundle):
            moment = date_time(bundle.created_at)
            if moment is None or moment - now > CLOCK_SKEW:
                self.odd_dates.append(("/created_at", bundle.created_at, moment))

    @property
    def files(self) -> tuple[ManifestFile, ...]:
        """Every file that the manifest lists."""
        return self.bundle.files

    @property
    def provenance(self) -> Provenance | None:
        """Where the bundle says that it comes from; None where it does not say."""
        return self.bundle.provenance if isinstance(self.bundle, VoiceBundle) else None

    @property
    def commits(self) -> Iterator[tuple[str, str]]:
        """Every commit with its pointer."""
        if isinstance(self.bundle, ProductionBundle):
            yield "/commit", self.bundle.commit
        elif self.provenance is not None and self.provenance.source_commit is not None:
            yield "/provenance/source_commit", self.provenance.source_commit

    def _digests(self) -> Iterator[tuple[str, str]]:
        bundle, provenance = self.bundle, self.provenance
        if isinstance(bundle, ProductionBundle):
            yield "/config_sha256", bundle.config_sha256
            yield "/dataset_sha256", bundle.dataset_sha256
            yield "/artifact_sha256", bundle.artifact_sha256
        for index, file in enumerate(bundle.files):
            yield f"/files/{index}/sha256", file.sha256
        if provenance is not None:
            for name in ("manifest", "config", "dataset", "artifact"):
                digits = getattr(provenance, f"source_{name}_sha256")
                if digits is not None:
                    yield f"/provenance/source_{name}_sha256", digits
            for index, file in enumerate(provenance.source_files or ()):
                yield f"/provenance/source_files/{index}/sha256", file.sha256


def weights_references(bundle: Bundle) -> tuple[tuple[str, WeightsReference], ...]:
    """The weights that the voice was made from, each with its pointer, as the bundle or its source names them."""
    if isinstance(bundle, ProductionBundle):
        return references(bundle.weights_refs, "/weights_refs")
    stated = None if bundle.provenance is None else bundle.provenance.source_weights_refs
    return references(stated, "/provenance/source_weights_refs")
