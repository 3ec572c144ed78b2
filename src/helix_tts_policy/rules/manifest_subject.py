"""What the rules over a weights manifest look at: the facts of one verification, gathered before the first rule runs."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from helix_tts_policy.facts.license_catalog import CommercialState
from helix_tts_policy.facts.text_copy import stays_below
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.commit import commit_in
from helix_tts_policy.rules.digest_text import digest_defect, sha256_defect
from helix_tts_policy.rules.file_entry import odd_files
from helix_tts_policy.rules.moment import CLOCK_SKEW, date_time, start_of_day
from helix_tts_policy.rules.url import UrlDefect, url_defects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from helix_tts_policy.facts.text_copy import TextCopy
    from helix_tts_policy.facts.weights_file import ObservedWeights
    from helix_tts_policy.facts.weights_manifest import Component, ManifestFile, WeightsManifest
    from helix_tts_policy.license_decision import LicenseDecision

NO_COPIES: Mapping[int, TextCopy] = MappingProxyType({})
"""Of a manifest that is no file, or names none."""

MANIFEST_FOLDER = "the manifest's folder"
"""What messages call the folder that local copies of texts lie below."""


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
        return "" if self.component is None else f" of the {self.component.role} {shown(self.component.name)}"


class ManifestSubject:
    """The facts of one verification.

    Attributes:
        manifest: what the team states.
        now: the time of the verification, with offset.
        licenses: every licence statement, the release's own weights and code first.
        weights: the release's own weights licence.
        code: the release's own code licence.
        observed: what lies under the root; None when no root was given.
        copies: index of an entry of the evidence to what lies where its local copy should; empty for a manifest that is no
            file, since it has no folder.
        max_evidence_age_days: after how many days evidence that is not pinned is stale; None as built in.
        url_defects: pointer and defect of every URL that has one.
        digest_defects: pointer, text and defect of every digest that has one.
        odd_dates: pointer, text and moment of every date that is none (moment None) or lies in the future.
        odd_claims: whether a claim could be other than the licence is.
        odd_evidence: whether an entry of the evidence could contradict another one, its own URL or its local copy.
        odd_files: whether an entry of the files deserves a closer look.
    """

    __slots__ = (
        "code",
        "copies",
        "digest_defects",
        "licenses",
        "manifest",
        "max_evidence_age_days",
        "now",
        "observed",
        "odd_claims",
        "odd_dates",
        "odd_evidence",
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
        *,
        copies: Mapping[int, TextCopy] = NO_COPIES,
        max_evidence_age_days: int | None = None,
    ) -> None:
        self.manifest = manifest
        self.now = now
        self.licenses = licenses
        self.observed = observed
        self.copies = copies
        self.max_evidence_age_days = max_evidence_age_days
        self.weights, self.code = licenses[0], licenses[1]
        # Nearly always every value is in order, and then no pointer needs to be written.
        urls = [manifest.source_url, *manifest.evidence_links]
        sums: list[str] = []
        moments = [date_time(manifest.created_at)]
        self.odd_evidence = self.odd_files = False
        if manifest.evidence is not None:
            places = set()
            for item in manifest.evidence:
                url, digest, day = item.url, item.sha256, item.retrieved_on
                urls.append(url)
                places.add((url, item.kind))
                if digest is not None:
                    sums.append(digest)
                if day is not None:
                    moments.append(start_of_day(day))
                if item.text is not None and (digest is None or not stays_below(item.text)):
                    self.odd_evidence = True
                if item.revision is not None and commit_in(url) not in {None, item.revision}:
                    self.odd_evidence = True
            if len(places) != len(manifest.evidence):
                self.odd_evidence = True
            for index, copy in copies.items():
                if copy.sha256 != manifest.evidence[index].sha256:
                    self.odd_evidence = True
        if manifest.components is not None:
            urls += [part.source_url for part in manifest.components if part.source_url is not None]
        if manifest.files is not None:
            sums += [file.sha256 for file in manifest.files]
            self.odd_files = odd_files([(file.path, file.bytes) for file in manifest.files])
        # Two claims of "yes" beside an allowed licence, and no component with claims of its own: nothing can differ.
        self.odd_claims = not (
            manifest.commercial_use_allowed
            and manifest.attribution_required
            and manifest.components is None
            and self.weights.decision.state is CommercialState.ALLOWED
        )
        self.url_defects = self._find_url_defects() if any(map(url_defects, urls)) else []
        odd_digest = digest_defect(manifest.checksum) is not None or (sums != [] and any(map(sha256_defect, sums)))
        self.digest_defects = self._find_digest_defects() if odd_digest else []
        self.odd_dates: list[tuple[str, str, datetime | None]] = []
        for moment in moments:
            if moment is None or moment > now:
                self.odd_dates = self._find_odd_dates()
                break

    @property
    def files(self) -> tuple[ManifestFile, ...] | None:
        """Every file that the manifest lists; None where it lists none."""
        return self.manifest.files

    def _find_url_defects(self) -> list[tuple[str, UrlDefect]]:
        return [(path, defect) for path, url in self._urls() for defect in url_defects(url)]

    def _find_digest_defects(self) -> list[tuple[str, str, tuple[str, str]]]:
        return [(path, text, defect) for path, text in self._digests() if (defect := digest_defect(text)) is not None]

    def _find_odd_dates(self) -> list[tuple[str, str, datetime | None]]:
        # A difference always exists; the sum of the last moment there is and the skew does not.
        return [
            (path, text, moment)
            for path, text, moment in self._dates()
            if moment is None or moment - self.now > CLOCK_SKEW
        ]

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
