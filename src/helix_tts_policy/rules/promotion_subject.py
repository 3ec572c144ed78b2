"""What rules over a promotion look at: what each piece of evidence says, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helix_tts_policy.facts.release import Release
    from helix_tts_policy.facts.verification_statement import VerificationEvidence
    from helix_tts_policy.facts.weights_manifest import WeightsManifest
    from helix_tts_policy.rules.ledger_subject import Prompt
    from helix_tts_policy.rules.manifest_subject import LicensedPart


class Content(StrEnum):
    """What the bytes of a file are, as far as a promotion asks."""

    WEIGHTS = "weights"
    HARMLESS = "harmless"  # text, sound: certainly no weights
    UNKNOWN = "unknown"


class HeldFile(NamedTuple):
    """A file of the evidence.

    Attributes:
        path: below the folder that it belongs to.
        size: in bytes.
        sha256: of its bytes; empty where they could not be read.
        content: what they are.
        stated: the digest that its manifest states. That the bytes have another one is told by the manifest's own check.
    """

    path: str
    size: int
    sha256: str
    content: Content
    stated: str = ""

    @property
    def digest(self) -> str:
        """What it is compared with other files by."""
        return self.stated or self.sha256


class Absent(NamedTuple):
    """Evidence that a gate asks for and that is not there, with where it would be named and the words that tell it."""

    pointer: str
    message: str
    tip: str


class ChangedInput(NamedTuple):
    """An input that did not hold still: what lies there at the end, and what it should be, in words."""

    pointer: str
    path: str
    found: str
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionSubject:
    """A release with all of its evidence; what is None was not named, or could not be read.

    Pointers of complaints lead into the release file, but for those about prompts, which lead into the ledger.

    Attributes:
        release: what the release file states.
        overridden: the policies that the release names and that the caller gave instead.
        manifest: of the weights.
        licenses: every licence statement of the manifest.
        weights: the files of the manifest as they lie under the root.
        artifacts: the files of the run.
        bundled: the files of the bundle.
        bundle_licenses: every licence statement of the bundle; empty for a bundle without any.
        bundle_commit: the commit that the bundle or its provenance states.
        shipped: the texts of the bundle, each in one line; None without a bundle.
        evidence: the verifier's word.
        prompts: of the ledger.
    """

    release: Release
    overridden: tuple[str, str] | None = None
    manifest: WeightsManifest | None = None
    licenses: Sequence[LicensedPart] = ()
    weights: Sequence[HeldFile] | None = None
    artifacts: Sequence[HeldFile] | None = None
    bundled: Sequence[HeldFile] | None = None
    bundle_licenses: Sequence[LicensedPart] = ()
    bundle_commit: str | None = None
    shipped: Sequence[str] | None = None
    evidence: VerificationEvidence | None = None
    prompts: Sequence[Prompt] | None = None


def weights_of(files: Sequence[HeldFile]) -> list[HeldFile]:
    """The files that hold weights; where none is known to, those of which nothing is known, and else all of them."""
    for content in (Content.WEIGHTS, Content.UNKNOWN):
        if found := [file for file in files if file.content is content]:
            return found
    return [*files]


def in_one_line(text: str) -> str:
    """A text without the line breaks and blanks that a layout brings."""
    return " ".join(text.split())
