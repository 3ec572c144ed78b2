"""Rules over the digests that a manifest states, before any byte is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.digest import tree_checksum
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.digest_text import digest_defect
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.manifest_subject import ManifestSubject
    from helix_tts_policy.rules.rule import StatesDigests


def _told(subject: StatesDigests, rule: str, tip: str) -> Iterator[Complaint]:
    for path, text, defect in subject.digest_defects:
        if defect[0] == rule:
            stated = text if path == "/checksum" else text.removeprefix("sha256:")
            yield Complaint(path, f"found {shown(stated)}: {defect[1]}", tip)


def digest_syntax(subject: StatesDigests) -> Iterator[Complaint]:
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


def digest_algorithm(subject: StatesDigests) -> Iterator[Complaint]:
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


def digest_placeholder(subject: StatesDigests) -> Iterator[Complaint]:
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
        expected = tree_checksum([(file.path, file.sha256) for file in manifest.files])
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
