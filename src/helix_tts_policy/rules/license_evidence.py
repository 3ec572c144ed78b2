"""Rules over the evidence that a manifest cites for its licences.

An entry of the evidence is pinned to a state of its place by a commit: its `revision`, or one that its URL names. A digest
pins the text that was read, not what stands there today.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from helix_tts_policy.facts.text_copy import stays_below
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.commit import COMMIT_TIP, commit_fault, commit_in
from helix_tts_policy.rules.manifest_subject import MANIFEST_FOLDER
from helix_tts_policy.rules.moment import start_of_day
from helix_tts_policy.rules.rule import Complaint
from helix_tts_policy.rules.url import branch_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.facts.weights_manifest import Evidence
    from helix_tts_policy.rules.manifest_subject import ManifestSubject

MAX_AGE_DAYS = 365
"""Days after which evidence that is not pinned is stale where the policy says nothing: texts are read again once a year."""


def evidence_text_mismatch(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        The local copy that an `evidence` entry names as its `text` lies below the manifest's folder, can be read, and has the
        `sha256` that the entry records.

    Why it is NO-GO:
        The text that lies there is not the one that was read, so nobody has judged what it says.

    Example:
        `"text": "LICENSE.txt"`, whose SHA-256 is no longer the `sha256` beside it.

    Remedy:
        Review the new text, then write its digest, which `helix-tts-policy evidence digest FILE` computes, and the day.
    """
    for index, item in enumerate(subject.manifest.evidence or ()):
        if item.text is None:
            continue
        path, copy = f"/evidence/{index}", subject.copies.get(index)
        problem = "" if copy is None else copy.problem
        if not stays_below(item.text):
            problem = f"it is no path below {MANIFEST_FOLDER}"
        if problem:
            message = f"found {shown(item.text)}: {problem}; expected the text that was read"
            tip = f"put the text that was read below {MANIFEST_FOLDER}, or remove the field"
            yield Complaint(f"{path}/text", message, tip)
        elif item.sha256 is None:
            message = f"found the copy {shown(item.text)} and no digest; expected the SHA-256 of the text that was read"
            yield Complaint(f"{path}/text", message, "compute it with: helix-tts-policy evidence digest FILE")
        elif copy is not None and copy.sha256 != item.sha256:
            message = f"the text {shown(item.text)} has the SHA-256 {copy.sha256}; expected {shown(item.sha256)}, that of the text that was read"
            tip = "review the new text, then write its digest and the day"
            yield Complaint(f"{path}/sha256", message, tip)


def evidence_conflicting(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        No two `evidence` entries of one kind record different texts for the same URL and commit, and no entry states another
        commit than its URL names.

    Why it is NO-GO:
        One of the two was not read there, or has been replaced since, and nobody can tell which of them holds.

    Example:
        Two entries of kind `weights_license` for one URL, with the digests of the licence before and after it was changed.

    Remedy:
        Keep the record of the text that holds. Where both are needed, state the `revision` of each, or the URL of each file.
    """
    first: dict[tuple[str, str, str | None], tuple[str, int]] = {}
    for index, item in enumerate(subject.manifest.evidence or ()):
        named = commit_in(item.url)
        if item.revision is not None and named not in {None, item.revision}:
            message = f"found the revision {shown(item.revision)}, and {named} in the URL; expected one commit"
            yield Complaint(f"/evidence/{index}/revision", message, "state the commit at which the text was read")
        if item.sha256 is None:
            continue
        digest, earlier = first.setdefault((item.url, item.kind, item.revision or named), (item.sha256, index))
        if digest != item.sha256:
            message = (
                f"found {shown(item.sha256)}, and {shown(digest)} at /evidence/{earlier} for the same place; "
                "expected the digest of one text"
            )
            tip = "keep the record of the text that holds, or state the revision or the URL of each"
            yield Complaint(f"/evidence/{index}/sha256", message, tip)


def evidence_stale(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        An `evidence` entry that no commit pins was read no longer ago than a year, or than the policy's
        `max_evidence_age_days`, and says when. The digest of an archive, as kind `provenance`, needs no second look.

    Why it is a warning:
        The text that was read is still known by its digest, but the page may say something else today.

    Example:
        `"retrieved_on": "2024-05-01"`, without `revision`

    Remedy:
        Read the page again and write the day; where the text has changed, review it and write its digest too. A `revision`
        ends this for good.
    """
    most = MAX_AGE_DAYS if subject.max_evidence_age_days is None else subject.max_evidence_age_days
    tip = 'read it again and write the day as "retrieved_on", or pin it with "revision"'
    for index, item in enumerate(subject.manifest.evidence or ()):
        if _commit_of(item) is not None or (item.kind == "provenance" and item.sha256 is not None):
            continue
        if item.retrieved_on is None:
            message = "found neither revision nor retrieved_on; expected the day on which the text was read"
            yield Complaint(f"/evidence/{index}", message, tip)
        elif (day := start_of_day(item.retrieved_on)) is not None:
            # A difference always exists; the moment in another zone does not, at both ends of the calendar.
            age = (subject.now - day.replace(tzinfo=UTC)).days
            if age > most:
                message = f"found {shown(item.retrieved_on)}, {age} days before the check; expected at most {most}"
                yield Complaint(f"/evidence/{index}/retrieved_on", message, tip)


def evidence_mutable(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        The `revision` of an `evidence` entry is a full commit, and where a URL of the evidence names one of the usual
        branches, such as `main`, an entry for it records the `revision` or the `sha256` of the text.

    Why it is a warning:
        What stands on a branch tomorrow is not what was read, and nothing recorded tells the two apart.

    Example:
        `"url": "https://huggingface.co/acme/voice/blob/main/LICENSE"`, without `revision` and `sha256`

    Remedy:
        Name the commit at which the text was read, or record the digest of the text.
    """
    manifest = subject.manifest
    entries = manifest.evidence or ()
    told = {item.url for item in entries}
    for index, item in enumerate(entries):
        if item.revision is not None:
            if (fault := commit_fault(item.revision)) is not None:
                yield Complaint(f"/evidence/{index}/revision", fault, COMMIT_TIP)
        elif item.sha256 is None:
            yield from _on_a_branch(f"/evidence/{index}/url", item.url)
    for index, link in enumerate(manifest.evidence_links):
        if link not in told:
            yield from _on_a_branch(f"/evidence_links/{index}", link)


def evidence_text_unchecked(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        The local copies that `evidence` entries name were looked at.

    Why it is a note:
        A manifest that comes from standard input, as bytes or as a mapping has no folder in which a copy could lie.

    Example:
        `helix-tts-policy verify -`, with `"text": "LICENSE.txt"` in the manifest.

    Remedy:
        Verify the manifest as a file, beside its copies.
    """
    for index, item in enumerate(subject.manifest.evidence or ()):
        if item.text is not None and index not in subject.copies:
            message = f"the copy {shown(item.text)} was not looked at, since a manifest that is no file has no folder"
            yield Complaint(f"/evidence/{index}/text", message, "verify the manifest as a file, beside its copies")


def _commit_of(item: Evidence) -> str | None:
    """The commit that pins an entry."""
    if item.revision is not None and commit_fault(item.revision) is None:
        return item.revision
    return commit_in(item.url)


def _on_a_branch(path: str, url: str) -> Iterator[Complaint]:
    if (branch := branch_in(url)) is not None:
        message = (
            f"found the branch {shown(branch)} in the URL, and no commit or digest; expected one that pins the text"
        )
        yield Complaint(path, message, 'name the commit, or record "revision" or "sha256" in an "evidence" entry')


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
