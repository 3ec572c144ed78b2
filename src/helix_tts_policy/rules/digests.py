"""Rules over the digests and paths that a manifest states, before any byte is read."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

from helix_tts_policy.digest import DigestFault, DigestSyntaxError, is_placeholder, parse_digest, tree_checksum
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.manifest_subject import ManifestSubject

_DRIVE = re.compile(r"[A-Za-z]:")


@lru_cache(maxsize=4096)
def digest_defect(text: str) -> tuple[str, str] | None:
    """The rule that a digest breaks, and how; None for a digest that can be one."""
    try:
        digest = parse_digest(text)
    except DigestSyntaxError as error:
        return ("digest-syntax" if error.kind is DigestFault.SYNTAX else "digest-algorithm"), error.reason
    reason = is_placeholder(digest)
    return None if reason is None else ("digest-placeholder", reason)


def _told(subject: ManifestSubject, rule: str, tip: str) -> Iterator[Complaint]:
    for path, text in subject.digests:
        defect = digest_defect(text)
        if defect is not None and defect[0] == rule:
            stated = text if path == "/checksum" else text.removeprefix("sha256:")
            yield Complaint(path, f"found {shown(stated)}: {defect[1]}", tip)


def digest_syntax(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        `checksum` reads `<algorithm>:<hex>`, every `sha256` is 64 lower-case hexadecimal digits; nothing stands around it.

    Why it is NO-GO:
        A digest that does not parse can never be compared with bytes.

    Example:
        `"checksum": "sha256:abc"`

    Remedy:
        Copy what `sha256sum FILE` prints, or let `helix-tts-policy manifest digest FILE` write it.
    """
    return _told(subject, "digest-syntax", "compute it with: helix-tts-policy manifest digest FILE")


def digest_algorithm(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        The algorithm of `checksum` is SHA-256 or stronger.

    Why it is NO-GO:
        Two different files with one MD5 or SHA-1 can be made on a laptop.

    Example:
        `"checksum": "md5:9e107d9d372bb6826bd81d3542a419d6"`

    Remedy:
        Compute the SHA-256 of the same bytes.
    """
    return _told(subject, "digest-algorithm", "compute it with: helix-tts-policy manifest digest FILE")


def digest_placeholder(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        No digest is one digit or a short pattern repeated, or the digest of the empty input.

    Why it is NO-GO:
        Somebody typed it: it is not the digest of any weights. The first manifest of this project carried 64 ones.

    Example:
        `"checksum": "sha256:1111111111111111111111111111111111111111111111111111111111111111"`

    Remedy:
        Compute the digest of the real file.
    """
    return _told(subject, "digest-placeholder", "compute the real one with: helix-tts-policy manifest digest FILE")


def checksum_mismatch(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        With `files`, `checksum` is the SHA-256 of their lines `<hex>  <path>`, sorted by path: in-toto's dirHash1 in
        hexadecimal, which `sha256sum FILE… | LC_ALL=C sort -k 2 | sha256sum` prints too.

    Why it is NO-GO:
        The list of files was changed after the checksum was taken, or the other way round.

    Example:
        A file was added to `files` and `checksum` stayed.

    Remedy:
        Find out which of the two is right. `helix-tts-policy manifest digest` prints both for real files.
    """
    manifest = subject.manifest
    if manifest.files is None:
        return
    tip = "compute both from the real files with: helix-tts-policy manifest digest FILE…"
    algorithm, _, stated = manifest.checksum.partition(":")
    try:
        expected = tree_checksum((file.path, file.sha256) for file in manifest.files)
    except ValueError:
        return  # a path or digest that digest-syntax, file-path-unsafe or file-path-collision tells
    if digest_defect(manifest.checksum) is not None:
        return
    if algorithm != "sha256":
        message = f"found {algorithm} beside a list of files; expected the sha256 of the list, sha256:{expected}"
        yield Complaint("/checksum", message, tip)
    elif stated != expected:
        message = f"found sha256:{stated}; expected sha256:{expected}, the checksum of the listed files"
        yield Complaint("/checksum", message, tip)


def file_path_unsafe(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        Every path of `files` is relative, uses `/`, and has no empty, `.` or `..` part, no backslash, drive or colon trick.

    Why it is NO-GO:
        A manifest must not reach out of the folder that it speaks of.

    Example:
        `"path": "../other-voice/model.nemo"`

    Remedy:
        Write the path below the root of the release.
    """
    for index, file in enumerate(subject.manifest.files or ()):
        if reason := unsafe_path(file.path):
            yield Complaint(
                f"/files/{index}/path",
                f"found {shown(file.path)}, which {reason}; expected a path below the root",
                "write it relative to the root of the release, with /",
            )


def unsafe_path(path: str) -> str | None:
    """Why a path of a manifest may not be followed; None for a plain path below the root."""
    if path.startswith("/"):
        return "is absolute"
    if "\\" in path:
        return "holds a backslash"
    if _DRIVE.match(path):
        return "names a drive"
    if "\n" in path or "\r" in path or "\t" in path:
        return "holds a line break or a tab"
    parts = path.split("/")
    if ".." in parts:
        return "leaves the root through .."
    if "" in parts or "." in parts:
        return "has an empty part or a dot as a part"
    return None


def file_path_collision(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        No two paths of `files` are equal, also not when case and Unicode form are ignored.

    Why it is NO-GO:
        On macOS and Windows the two are one file, so one of the two digests speaks of bytes that are not there.

    Example:
        `Voice.nemo` beside `voice.nemo`

    Remedy:
        Rename one of the files.
    """
    seen: dict[str, str] = {}
    for index, file in enumerate(subject.manifest.files or ()):
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", file.path).casefold())
        first = seen.setdefault(folded, f"/files/{index}/path")
        if first != f"/files/{index}/path":
            message = f"found {shown(file.path)}, the same file as {first} on some systems; expected different names"
            yield Complaint(f"/files/{index}/path", message, "list each file once, or rename one")


def file_empty(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        No file of `files` has zero bytes.

    Why it is NO-GO:
        An empty file is what a failed download or a full disk leaves behind.

    Example:
        `{"path": "voice.nemo", "bytes": 0, "sha256": "…"}`

    Remedy:
        Fetch or write the file again, or take it out of the release.
    """
    for index, file in enumerate(subject.manifest.files or ()):
        if file.bytes == 0:
            message = f"found {shown(file.path)} with 0 bytes; expected content"
            yield Complaint(f"/files/{index}/bytes", message, "fetch the file again, or take it out of the release")
