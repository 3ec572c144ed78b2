"""What the rules over a weights manifest look at: the facts of one verification, gathered before the first rule runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from helix_tts_policy.facts.weights_file import ObservedWeights
    from helix_tts_policy.facts.weights_manifest import Component, WeightsManifest
    from helix_tts_policy.license_decision import LicenseDecision


class LicensedPart(NamedTuple):
    """One licence statement of a manifest with the decision on it.

    Attributes:
        path: JSON pointer to the statement.
        gate: "code" or "weights".
        component: the component that carries the licence; None for the release itself.
        decision: what the licence allows at that gate.
    """

    path: str
    gate: str
    component: Component | None
    decision: LicenseDecision

    @property
    def owner(self) -> str:
        """Who carries the licence, as a message names it."""
        return "" if self.component is None else f" of the {self.component.role} {self.component.name!a}"


@dataclass(slots=True, kw_only=True)
class ManifestSubject:
    """The facts of one verification.

    Attributes:
        manifest: what the team states.
        now: the time of the verification, with offset.
        licenses: every licence statement, the release's own first.
        observed: what lies under the root; None when no root was given.
        own_path: path of the manifest below the root, when it lies there.
    """

    manifest: WeightsManifest
    now: datetime
    licenses: tuple[LicensedPart, ...]
    observed: ObservedWeights | None = None
    urls: list[tuple[str, str]] = field(init=False)
    digests: list[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        manifest = self.manifest
        self.urls = [("/source_url", manifest.source_url)]
        self.urls += [(f"/evidence_links/{index}", url) for index, url in enumerate(manifest.evidence_links)]
        self.digests = [("/checksum", manifest.checksum)]
        if manifest.components:
            self.urls += [
                (f"/components/{index}/source_url", component.source_url)
                for index, component in enumerate(manifest.components)
                if component.source_url is not None
            ]
        if manifest.evidence:
            self.urls += [(f"/evidence/{index}/url", item.url) for index, item in enumerate(manifest.evidence)]
            self.digests += [
                (f"/evidence/{index}/sha256", f"sha256:{item.sha256}")
                for index, item in enumerate(manifest.evidence)
                if item.sha256 is not None
            ]
        if manifest.files:
            self.digests += [
                (f"/files/{index}/sha256", f"sha256:{file.sha256}") for index, file in enumerate(manifest.files)
            ]

    def revisions(self) -> Iterator[tuple[str, str]]:
        """Every revision that is stated, with its pointer."""
        if self.manifest.revision is not None:
            yield "/revision", self.manifest.revision
        for index, component in enumerate(self.manifest.components or ()):
            if component.revision is not None:
                yield f"/components/{index}/revision", component.revision
