"""Rules over where the weights come from, and when the manifest says that it was made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from helix_tts_policy.finding import shown
from helix_tts_policy.rules.commit import COMMIT_TIP, commit_fault
from helix_tts_policy.rules.rule import Complaint
from helix_tts_policy.rules.url import branch_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.manifest_subject import ManifestSubject
    from helix_tts_policy.rules.rule import StatesDates, StatesUrls

_LETTER_OR_DIGIT = re.compile(r"[^\W_]")


def _told(subject: StatesUrls, rule: str) -> Iterator[Complaint]:
    for path, defect in subject.url_defects:
        if defect.rule == rule:
            yield Complaint(path, defect.message, defect.tip)


def url_not_https(subject: StatesUrls) -> Iterator[Complaint]:
    """What it checks:
        Every URL of the manifest begins with `https://`.

    Why it is NO-GO:
        What came over an unprotected line, or from a local file, proves nothing about its origin.

    Example:
        `"source_url": "http://models.acme.dev/voice"`

    Remedy:
        Name the https address. Where a site has none, archive the page at a host that has.
    """
    return _told(subject, "url-not-https")


def url_malformed(subject: StatesUrls) -> Iterator[Complaint]:
    """What it checks:
        Every URL has a host that is a DNS name, a port that is one, and only characters of RFC 3986.

    Why it is NO-GO:
        Browsers and libraries read a backslash, a space or a letter of another alphabet differently, so the page that
        was reviewed need not be the page that a program finds.

    Example:
        `"source_url": "https:///nvidia/tts_en_fastpitch"` has no host.

    Remedy:
        Copy the address from the browser once more. International hosts are written in their `xn--` form.
    """
    return _told(subject, "url-malformed")


def url_user_info(subject: StatesUrls) -> Iterator[Complaint]:
    """What it checks:
        No URL has user information before its host.

    Why it is NO-GO:
        `https://huggingface.co@evil.dev/` looks like one host and leads to another; a real password does not belong in a
        manifest.

    Example:
        `"source_url": "https://huggingface.co@evil.dev/voice"`

    Remedy:
        Remove everything up to the `@`, and look twice at the host behind it.
    """
    return _told(subject, "url-user-info")


def url_placeholder_host(subject: StatesUrls) -> Iterator[Complaint]:
    """What it checks:
        No URL points to a documentation name (RFC 2606), a bare host, an address or a name left over from a template.

    Why it is NO-GO:
        Nobody can look anything up there.

    Example:
        `"evidence_links": ["https://example.com/license"]`

    Remedy:
        Name the page that was really read.
    """
    return _told(subject, "url-placeholder-host")


def model_id_blank(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        `model_id` has a letter or digit, and begins and ends with a character that is no blank.

    Why it is NO-GO:
        A release that has no name of its own cannot be found in a registry, a waiver or a ledger.

    Example:
        `"model_id": " "`

    Remedy:
        Write the name that the registry knows.
    """
    model_id = subject.manifest.model_id
    if model_id[0].isalnum() and model_id[-1].isalnum():
        return
    if model_id != model_id.strip() or not _LETTER_OR_DIGIT.search(model_id):
        yield Complaint(
            "/model_id",
            f"found {shown(model_id)}; expected a name with a letter or digit, and no blanks around it",
            "write the bare name",
        )


def revision_mutable(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        A stated `revision` is a full commit (40 or 64 hexadecimal digits, and not one pattern repeated), and no `source_url` names one of the usual branches,
        such as `main`, where a code host or model hub writes it.

    Why it is NO-GO:
        A branch moves: Bark's weights were CC-BY-NC-4.0 until a commit of May 2023 and MIT behind it. Only a commit says
        which of the two was reviewed.

    Example:
        `"revision": "main"`

    Remedy:
        Write the full commit of the source that was reviewed.
    """
    manifest = subject.manifest
    if manifest.revision is not None or branch_in(manifest.source_url) is not None:
        yield from _moving("", manifest.source_url, manifest.revision)
    for index, component in enumerate(manifest.components or ()):
        yield from _moving(f"/components/{index}", component.source_url, component.revision)


def _moving(path: str, source_url: str | None, revision: str | None) -> Iterator[Complaint]:
    if revision is not None and (fault := commit_fault(revision)) is not None:
        yield Complaint(f"{path}/revision", fault, COMMIT_TIP)
    if source_url is not None and (branch := branch_in(source_url)) is not None:
        message = f"found the branch {shown(branch)} in the URL; expected an immutable commit"
        yield Complaint(f"{path}/source_url", message, COMMIT_TIP)


def revision_missing(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        The source is pinned: by a `revision`, or by an `evidence` entry of kind `provenance` with the SHA-256 of the
        archive that the weights were taken from.

    Why it is a warning:
        The checksum binds the bytes all the same, but nobody can tell later which state of the source they came from.

    Example:
        A manifest with `source_url` and no `revision`.

    Remedy:
        Add the commit of the source as `revision`.
    """
    manifest = subject.manifest
    if manifest.revision is not None:
        return
    for item in manifest.evidence or ():
        if item.kind == "provenance" and item.sha256 is not None:
            return
    message = "found no revision and no digest of a source archive; expected the commit that the weights came from"
    yield Complaint("/source_url", message, 'add "revision", the full commit of the source')


def date_malformed(subject: StatesDates) -> Iterator[Complaint]:
    """What it checks:
        `created_at` is an RFC 3339 time with offset, `retrieved_on` a day YYYY-MM-DD, and both exist in the calendar.

    Why it is NO-GO:
        A time without offset means another moment in every time zone, and evidence that cannot be dated cannot be replayed.

    Example:
        `"created_at": "2026-02-30T00:00:00Z"`

    Remedy:
        Write it as in `2026-02-24T10:30:00Z`.
    """
    for path, text, moment in subject.odd_dates:
        if moment is None:
            form = "YYYY-MM-DDThh:mm:ss with Z or an offset" if path == "/created_at" else "YYYY-MM-DD"
            yield Complaint(path, f"found {shown(text)}; expected a real date in the form {form}", f"write {form}")


def date_in_future(subject: StatesDates) -> Iterator[Complaint]:
    """What it checks:
        No date lies after the moment of the check; five minutes are allowed for clocks that differ.

    Why it is NO-GO:
        Nothing was reviewed or made in the future, so the date was not written down when it happened.

    Example:
        `"created_at": "2199-01-01T00:00:00Z"`

    Remedy:
        Write the real date, and check the clock of the machine that made the manifest.
    """
    for path, text, moment in subject.odd_dates:
        if moment is not None:
            now = subject.now.isoformat(timespec="seconds")
            yield Complaint(
                path, f"found {shown(text)}, after the check at {now}; expected the past", "write the real date"
            )
