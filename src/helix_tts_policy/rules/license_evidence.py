"""Rules over the evidence that a manifest cites for its licences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.finding import shown
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.manifest_subject import ManifestSubject


def evidence_repeated(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        No link stands twice in `evidence_links`.

    Why it is a warning:
        Two links that are one prove what one proves.

    Example:
        The same licence page, once for the code and once for the weights.

    Remedy:
        Remove one, or name the page that the second statement was really read from.
    """
    links = subject.manifest.evidence_links
    if len(links) == len(set(links)):
        return
    seen: dict[str, int] = {}
    for index, link in enumerate(links):
        first = seen.setdefault(link, index)
        if first != index:
            message = f"found {shown(link)} again, first at /evidence_links/{first}; expected different pages"
            yield Complaint(f"/evidence_links/{index}", message, "remove it, or name the page that was really read")


def evidence_not_reviewed(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        An `evidence` entry of kind `weights_license` records the SHA-256 of the text that somebody read.

    Why it is a warning:
        A link alone shows where a text stood, not which text it was when the licence was judged.

    Example:
        A manifest with `evidence_links` and no `evidence`.

    Remedy:
        Add an entry with `url`, `kind`, `sha256`, the deciding `quote` and `retrieved_on`.
    """
    for item in subject.manifest.evidence or ():
        if item.kind == "weights_license" and item.sha256 is not None:
            return
    message = "found links and no digest of a weights licence text; expected a record of the text that was read"
    tip = 'add an "evidence" entry of kind weights_license with sha256, quote and retrieved_on'
    yield Complaint("/evidence_links", message, tip)
