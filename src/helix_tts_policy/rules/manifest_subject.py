"""What the rules over a weights manifest look at: the facts of one verification, gathered before the first rule runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from helix_tts_policy.rules.digest_text import digest_defect, sha256_defect
from helix_tts_policy.rules.file_entry import odd_files
from helix_tts_policy.rules.moment import CLOCK_SKEW, date_time, start_of_day
from helix_tts_policy.rules.url import url_defects

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


class ManifestSubject:
    """The facts of one verification.

    Attributes:
        manifest: what the team states.
        now: the time of the verification, with offset.
        licenses: every licence statement, the release's own weights and code first.
        weights: the release's own weights licence.
        code: the release's own code licence.
        observed: what lies under the root; None when no root was given.
        url_defects: pointer and defect of every URL that has one.
        digest_defects: pointer, text and defect of every digest that has one.
        odd_dates: pointer, text and moment of every date that is none (moment None) or lies in the future.
        odd_files: whether an entry of the files deserves a closer look.
    """

    __slots__ = (
        "code",
        "digest_defects",
        "licenses",
        "manifest",
        "now",
        "observed",
        "odd_dates",
        "odd_files",
        "url_defects",
        "weights",
    )

    def __init__(
        self,
        manifest: WeightsManifest,
        now: datetime,
        licenses: tuple[LicensedPart, ...],
        observed: ObservedWeights | None = None,
    ) -> None:
        self.manifest = manifest
        self.now = now
        self.licenses = licenses
        self.observed = observed
        self.weights, self.code = licenses[0], licenses[1]
        # Nearly always every value is in order, and then no pointer needs to be written.
        evidence, files = manifest.evidence or (), manifest.files or ()
        urls = [manifest.source_url, *manifest.evidence_links, *[item.url for item in evidence]]
        urls += [part.source_url for part in manifest.components or () if part.source_url is not None]
        self.url_defects = (
            [(path, defect) for path, url in self._urls() for defect in url_defects(url)]
            if any(map(url_defects, urls))
            else []
        )
        sums = [file.sha256 for file in files] + [item.sha256 for item in evidence if item.sha256 is not None]
        self.digest_defects = (
            [(path, text, defect) for path, text in self._digests() if (defect := digest_defect(text)) is not None]
            if digest_defect(manifest.checksum) or any(map(sha256_defect, sums))
            else []
        )
        latest = now + CLOCK_SKEW
        moments = [date_time(manifest.created_at)]
        moments += [start_of_day(item.retrieved_on) for item in evidence if item.retrieved_on is not None]
        self.odd_dates = (
            [(path, text, moment) for path, text, moment in self._dates() if moment is None or moment > latest]
            if _some_odd(moments, latest)
            else []
        )
        self.odd_files = bool(files) and odd_files([(file.path, file.bytes) for file in files])

    def _urls(self) -> Iterator[tuple[str, str]]:
        """Every URL of the manifest, with its pointer."""
        manifest = self.manifest
        yield "/source_url", manifest.source_url
        for index, url in enumerate(manifest.evidence_links):
            yield f"/evidence_links/{index}", url
        for index, component in enumerate(manifest.components or ()):
            if component.source_url is not None:
                yield f"/components/{index}/source_url", component.source_url
        for index, item in enumerate(manifest.evidence or ()):
            yield f"/evidence/{index}/url", item.url

    def _digests(self) -> Iterator[tuple[str, str]]:
        manifest = self.manifest
        yield "/checksum", manifest.checksum
        for index, item in enumerate(manifest.evidence or ()):
            if item.sha256 is not None:
                yield f"/evidence/{index}/sha256", f"sha256:{item.sha256}"
        for index, file in enumerate(manifest.files or ()):
            yield f"/files/{index}/sha256", f"sha256:{file.sha256}"

    def _dates(self) -> Iterator[tuple[str, str, datetime | None]]:
        created_at = self.manifest.created_at
        yield "/created_at", created_at, date_time(created_at)
        for index, item in enumerate(self.manifest.evidence or ()):
            if item.retrieved_on is not None:
                yield f"/evidence/{index}/retrieved_on", item.retrieved_on, start_of_day(item.retrieved_on)


def _some_odd(moments: list[datetime | None], latest: datetime) -> bool:
    for moment in moments:  # noqa: SIM110 - half the time of any() over so few
        if moment is None or moment > latest:
            return True
    return False
