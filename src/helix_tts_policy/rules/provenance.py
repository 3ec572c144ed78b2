"""Rules over where the weights come from, and when the manifest says that it was made."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from helix_tts_policy.finding import shown
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.manifest_subject import ManifestSubject

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_ORDINARY = re.compile(r"https://([a-z0-9.-]+\.[a-z]{2,})(?:[/?#][!#-;=?-\[\]_a-z~]*)?")
"""A URL that needs no second look but at its host; all others are taken apart."""

_VISIBLE = re.compile(r"[!#-;=?-\[\]_a-z~]*")
"""The characters of RFC 3986, section 2, with the percent sign."""

PLACEHOLDER_SUFFIXES = ("example", "invalid", "localhost", "test")
"""Top-level names that never resolve (RFC 2606, RFC 6761)."""

PLACEHOLDER_HOSTS = ("example.com", "example.net", "example.org")
"""Names kept for documentation (RFC 2606, section 3)."""

_TYPED_BY_A_TEMPLATE = frozenset({"changeme", "placeholder", "todo", "yourcompany", "your-company", "yourdomain", "your-domain"})

_BRANCH_IN_URL = re.compile(
    r"/(?:tree|blob|resolve|raw|src|edit|branch)/(?:branch/|refs/heads/)?(main|master|head|latest|trunk|develop|dev)(?=[/?#]|\Z)"
    r"|/(refs/heads/[^/?#]+)",
    re.IGNORECASE,
)
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""A full Git commit: SHA-1 or SHA-256."""

_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

CLOCK_SKEW = timedelta(minutes=5)
"""How far the clocks of two machines may be apart before a time counts as the future."""


class UrlDefect(NamedTuple):
    """What is wrong with one URL, under the id of the rule that tells it."""

    rule: str
    message: str
    tip: str


@lru_cache(maxsize=4096)
def url_defects(url: str) -> tuple[UrlDefect, ...]:
    """Everything that keeps a URL from naming a place where others can look the statement up."""
    ordinary = _ORDINARY.fullmatch(url)
    host = ordinary[1] if ordinary and _HOST.fullmatch(ordinary[1]) else None
    return tuple(_host_defects(host)) if host is not None else tuple(_take_apart(url))


def _take_apart(url: str) -> Iterator[UrlDefect]:
    """The URL by hand, since `urllib` strips tabs and line breaks before anybody sees them."""
    scheme, colon, rest = url.partition(":")
    if scheme.lower() != "https" or not colon:
        message = f"found {shown(url)}; expected a URL that begins with https://"
        yield UrlDefect("url-not-https", message, "name the https address of the page")
        if not rest.startswith("//"):
            return
    if not _VISIBLE.fullmatch(url):
        stray = next(character for character in url if not _VISIBLE.fullmatch(character))
        message = f"found U+{ord(stray):04X} in {shown(url)}; expected only the characters of RFC 3986"
        yield UrlDefect("url-malformed", message, "percent-encode it, and write an international host in its xn-- form")
        return
    authority = re.split(r"[/?#]", rest.removeprefix("//"), maxsplit=1)[0] if rest.startswith("//") else ""
    user, at, address = authority.rpartition("@")
    if at:
        message = f"found user information {shown(user)} before the host {shown(address)}; expected none"
        yield UrlDefect("url-user-info", message, "remove everything up to the @, and check that the host is the one you mean")
    host, port = address, ""
    if not address.startswith("["):
        host, _, port = address.partition(":")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        yield UrlDefect("url-malformed", f"found the port {shown(port)}; expected a number below 65536", "correct the port")
    if not host:
        yield UrlDefect("url-malformed", f"found no host in {shown(url)}; expected https://<host>/…", "name the host")
    elif host.startswith("[") or _HOST.fullmatch(host):
        yield from _host_defects(host.lower().removesuffix("."))
    else:
        yield UrlDefect("url-malformed", f"found the host {shown(host)}; expected a DNS name", "correct the host")


def _host_defects(host: str) -> Iterator[UrlDefect]:
    labels = host.split(".")
    reason = None
    if host.startswith("[") or labels[-1].isdigit():
        reason = "an address instead of a name"
    elif labels[-1] in PLACEHOLDER_SUFFIXES or host in PLACEHOLDER_HOSTS or host.endswith(PLACEHOLDER_HOSTS_DOTTED):
        reason = "reserved for documentation and tests"
    elif len(labels) == 1:
        reason = "a name without a domain"
    elif not _TYPED_BY_A_TEMPLATE.isdisjoint(labels):
        reason = "left over from a template"
    if reason:
        message = f"found the host {shown(host)}, which is {reason}; expected a public host"
        yield UrlDefect("url-placeholder-host", message, "name the real place")


PLACEHOLDER_HOSTS_DOTTED = tuple(f".{host}" for host in PLACEHOLDER_HOSTS)


def _told(subject: ManifestSubject, rule: str) -> Iterator[Complaint]:
    for path, url in subject.urls:
        for defect in url_defects(url):
            if defect.rule == rule:
                yield Complaint(path, defect.message, defect.tip)


def url_not_https(subject: ManifestSubject) -> Iterator[Complaint]:
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


def url_malformed(subject: ManifestSubject) -> Iterator[Complaint]:
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


def url_user_info(subject: ManifestSubject) -> Iterator[Complaint]:
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


def url_placeholder_host(subject: ManifestSubject) -> Iterator[Complaint]:
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
        `model_id` begins and ends with a character that is no blank.

    Why it is NO-GO:
        A release that has no name of its own cannot be found in a registry, a waiver or a ledger.

    Example:
        `"model_id": " "`

    Remedy:
        Write the name that the registry knows.
    """
    model_id = subject.manifest.model_id
    if model_id != model_id.strip():
        yield Complaint("/model_id", f"found {shown(model_id)}; expected a name without blanks around it", "write the bare name")


def revision_mutable(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        A stated `revision` is a full commit (40 or 64 hexadecimal digits), and no `source_url` names a branch.

    Why it is NO-GO:
        A branch moves: Bark's weights were CC-BY-NC-4.0 until a commit of May 2023 and MIT behind it. Only a commit says
        which of the two was reviewed.

    Example:
        `"revision": "main"`

    Remedy:
        Write the full commit of the source that was reviewed.
    """
    tip = "write the full commit, 40 or 64 hexadecimal digits in lower case"
    for path, revision in subject.revisions():
        if not _COMMIT.fullmatch(revision):
            yield Complaint(path, f"found the revision {shown(revision)}; expected an immutable commit", tip)
    for path, url in subject.urls:
        if path.endswith("source_url") and (branch := _BRANCH_IN_URL.search(url)):
            name = branch[1] or branch[2]
            yield Complaint(path, f"found the branch {shown(name)} in the URL; expected an immutable commit", tip)


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
    if any(item.kind == "provenance" and item.sha256 is not None for item in manifest.evidence or ()):
        return
    message = "found no revision and no digest of a source archive; expected the commit that the weights came from"
    yield Complaint("/source_url", message, 'add "revision", the full commit of the source')


def _dates(subject: ManifestSubject) -> Iterator[tuple[str, str, datetime | None]]:
    created_at = subject.manifest.created_at
    yield "/created_at", created_at, date_time(created_at)
    for index, item in enumerate(subject.manifest.evidence or ()):
        if item.retrieved_on is not None:
            yield f"/evidence/{index}/retrieved_on", item.retrieved_on, _start_of_day(item.retrieved_on)


@lru_cache(maxsize=4096)
def date_time(text: str) -> datetime | None:
    """The time that an RFC 3339 text with offset states; None where it is no such text or no such time."""
    if not _DATE_TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _start_of_day(text: str) -> datetime | None:
    """The earliest moment at which a day begins anywhere, at UTC+14, so that no time zone makes today the future."""
    if not _DATE.fullmatch(text):
        return None
    try:
        date.fromisoformat(text)
        return datetime.fromisoformat(f"{text}T00:00:00+14:00")
    except ValueError:
        return None


def date_malformed(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        `created_at` is an RFC 3339 time with offset, `retrieved_on` a day YYYY-MM-DD, and both exist in the calendar.

    Why it is NO-GO:
        A time without offset means another moment in every time zone, and evidence that cannot be dated cannot be replayed.

    Example:
        `"created_at": "2026-02-30T00:00:00Z"`

    Remedy:
        Write it as in `2026-02-24T10:30:00Z`.
    """
    for path, text, moment in _dates(subject):
        if moment is None:
            form = "YYYY-MM-DDThh:mm:ss with Z or an offset" if path == "/created_at" else "YYYY-MM-DD"
            yield Complaint(path, f"found {shown(text)}; expected a real date in the form {form}", f"write {form}")


def date_in_future(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        No date lies after the moment of the check; five minutes are allowed for clocks that differ.

    Why it is NO-GO:
        Nothing was reviewed or made in the future, so the date was not written down when it happened.

    Example:
        `"created_at": "2199-01-01T00:00:00Z"`

    Remedy:
        Write the real date, and check the clock of the machine that made the manifest.
    """
    for path, text, moment in _dates(subject):
        if moment is not None and moment > subject.now + CLOCK_SKEW:
            now = subject.now.isoformat(timespec="seconds")
            yield Complaint(path, f"found {shown(text)}, after the check at {now}; expected the past", "write the real date")
