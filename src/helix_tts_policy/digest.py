"""Digests: how they are written, which are good enough, and how bytes become one.

Rules kept here:

- A digest text is taken whole or not at all: a trailing line break, an upper-case digit or a missing digit is refused.
- A weak algorithm, an unknown algorithm and bad syntax are different failures, because they have different remedies.
- Bytes are hashed only from a regular file, never through a blocking open, and never past the size that was expected.
- A file that changed while it was read has no digest: the answer would describe bytes that never stood there together.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

ALGORITHMS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "sha256": 64,
        "sha384": 96,
        "sha512": 128,
        "sha3-256": 64,
        "sha3-384": 96,
        "sha3-512": 128,
        "blake2s": 64,
        "blake2b": 128,
    }
)
"""The algorithms accepted, SHA-256 or stronger, each with the number of hexadecimal digits of its digest."""

WEAK_ALGORITHMS: Final = frozenset(
    {
        *("adler32", "crc32", "crc32c", "crc64", "xxh32", "xxh64", "xxh128"),  # checksums against accidents only
        *("md2", "md4", "md5", "sha1", "sha-1", "ripemd160"),  # collisions are known or in reach
        *("sha224", "sha3-224", "sha512-224"),  # sound, but shorter than SHA-256
    }
)
"""Names that are recognised in order to be refused with the right reason."""

CHUNK_SIZE: Final = 256 * 1024
"""Bytes read at once: what `hashlib.file_digest` reads, and little enough to stay in a core's own cache."""

PLACEHOLDER_PERIOD: Final = 16
"""The longest pattern taken for a placeholder when it fills a digest: all sixteen digits in a row.

A real 256-bit digest repeats one of that length with a chance of 2**-192.
"""

_ALGORITHM_NAME = re.compile(r"[a-z0-9][a-z0-9_./-]{0,31}")
_HEX = re.compile(r"[0-9a-f]*")
_HEX_OF_ANY_CASE = re.compile(r"[0-9a-fA-F]*")
_TREE_LINES = re.compile(r"(?:[0-9a-f]{64}  [^\\\n\r\0]+\n)*")
"""What ``sha256sum`` prints for files whose names it need not escape."""


class Digest(NamedTuple):
    """A digest with the algorithm that made it; ``str()`` gives ``algorithm:hex``, the form that `parse_digest` reads."""

    algorithm: str
    hex: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


class DigestFault(StrEnum):
    """Why a digest text was refused."""

    SYNTAX = "syntax"
    WEAK = "weak"
    UNKNOWN = "unknown"


class DigestSyntaxError(ValueError):
    """A text that is no acceptable digest.

    Attributes:
        kind: bad syntax, a weak algorithm or an unknown one.
        reason: one printable line, which quotes nothing of the text but a name in plain ASCII.
    """

    def __init__(self, kind: DigestFault, reason: str) -> None:
        super().__init__(kind, reason)
        self.kind = kind
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


def parse_digest(text: str) -> Digest:
    """The digest that stands in a text of the form ``algorithm:hex``.

    The algorithm is judged before its digits, so ``md5:`` with anything behind it is weak rather than misspelt.

    Raises:
        DigestSyntaxError: the text is not such a digest, or not one that proves enough.
    """
    name, colon, digits = text.partition(":")
    if not colon:
        raise DigestSyntaxError(DigestFault.SYNTAX, "no colon found, expected <algorithm>:<hexadecimal digits>")
    if not _ALGORITHM_NAME.fullmatch(name):
        reason = "no algorithm name in lower-case ASCII found before the colon, expected one such as sha256"
        raise DigestSyntaxError(DigestFault.SYNTAX, reason)
    if name in WEAK_ALGORITHMS:
        raise DigestSyntaxError(DigestFault.WEAK, f"{name} is too weak, expected sha256 or stronger")
    if name not in ALGORITHMS:
        reason = f"{name} is not a known algorithm, expected one of {', '.join(ALGORITHMS)}"
        raise DigestSyntaxError(DigestFault.UNKNOWN, reason)
    if fault := _fault_of_digits(digits, ALGORITHMS[name]):
        raise DigestSyntaxError(DigestFault.SYNTAX, f"{fault}, expected {ALGORITHMS[name]} of 0-9 and a-f for {name}")
    return Digest(name, digits)


def _fault_of_digits(digits: str, length: int) -> str | None:
    if digits != digits.strip():
        return "white space found around the digits"
    if not _HEX_OF_ANY_CASE.fullmatch(digits):
        return "a character found that is no hexadecimal digit"
    if not _HEX.fullmatch(digits):
        return "upper-case digits found"
    if len(digits) != length:
        return f"{len(digits)} digits found"
    return None


def is_placeholder(digest: Digest) -> str | None:
    """Why the digest cannot be that of any weights, as one line; None where it looks real.

    Found are the digest of no bytes at all and digits that somebody typed: one short pattern over and over.
    """
    if digest.hex == _new_hash(digest.algorithm).hexdigest():
        return f"it is the {digest.algorithm} of the empty input"
    return repetition(digest.hex)


def repetition(digits: str) -> str | None:
    """What digits repeat that somebody typed, in words; None where no pattern of up to `PLACEHOLDER_PERIOD` does."""
    for period in range(1, PLACEHOLDER_PERIOD + 1):
        if digits[period:] == digits[:-period]:
            pattern = digits[:period]
            return f"it is the digit {pattern} repeated" if period == 1 else f"it is the pattern {pattern} repeated"
    return None


def tree_checksum(pairs: Iterable[tuple[str, str]]) -> str:
    r"""One SHA-256, in hexadecimal, over many files given as (path, SHA-256 hex); it binds names as well as bytes.

    It is the digest of the lines ``<hex>  <path>\n`` sorted by path: the ``dirHash1`` of in-toto's digest set
    (golang.org/x/mod/sumdb/dirhash, Hash1), written in hexadecimal. ``sha256sum FILES | LC_ALL=C sort -k 2 | sha256sum``
    prints the same. The order of the pairs does not matter. No pairs give the digest of the empty input, which
    `is_placeholder` knows.

    Raises:
        ValueError: a path is given twice, has no UTF-8 form, or holds a character that ``sha256sum`` escapes (backslash,
            line feed, carriage return) or no file name can hold (NUL); or a digest is not 64 lower-case digits.
    """
    tree = sorted(pairs)  # by code point, which for UTF-8 is the order of the bytes
    lines = "".join([f"{digits}  {path}\n" for path, digits in tree])
    if not _TREE_LINES.fullmatch(lines) or lines.count("\n") != len(tree):
        raise ValueError(
            "a digest of the tree is not 64 of 0-9 and a-f, or a path holds a backslash, a line break or NUL"
        )
    if len(dict(tree)) != len(tree):
        raise ValueError("a path stands twice in the tree")
    return hashlib.sha256(lines.encode()).hexdigest()


class HashedFile(NamedTuple):
    """What was read of one file: its size in bytes and the digest of all of them, in hexadecimal."""

    size: int
    hex: str


class FileIdentity(NamedTuple):
    """Which file it was, and when it was last written to: two looks at a file that held still are equal."""

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, look: os.stat_result) -> FileIdentity:
        """The identity that a look at a file tells."""
        return cls(look.st_dev, look.st_ino, look.st_size, look.st_mtime_ns, look.st_ctime_ns)


class FileChanged(Exception):  # noqa: N818 - it tells what happened to the file, not what went wrong with the program
    """A file did not stay what it was while it was read; ``what`` says in one line what changed."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class SizeDiffers(Exception):  # noqa: N818 - as FileChanged
    """A file is not as long as expected, in bytes; it was not read."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(expected, found)
        self.expected = expected
        self.found = found

    def __str__(self) -> str:
        return f"{self.found} bytes found, expected {self.expected}"


class NotARegularFile(Exception):  # noqa: N818 - as FileChanged
    """A FIFO, a device or another thing whose bytes do not lie still; it was not read."""


def hash_file(
    path: str | os.PathLike[str],
    *,
    algorithm: str = "sha256",
    expected_size: int | None = None,
    progress: Callable[[int], None] | None = None,
    follow_links: bool = False,
) -> HashedFile:
    """Hash one regular file that holds still.

    Three looks say that it did: the open file before and after reading, and the path afterwards. A change within one
    clock tick of the kernel (4 ms, before Linux 6.13) of the file's last change shows in none of them, unless the size
    or the inode changed too.

    Args:
        path: the file.
        algorithm: one of `ALGORITHMS`.
        expected_size: size in bytes; a file of another size is refused before its first byte is read.
        progress: called after each chunk with the number of bytes in it; what it raises ends the reading.
        follow_links: whether the last part of the path may be a symbolic link.

    Raises:
        OSError: the file cannot be opened or read; ``ELOOP`` for a link that may not be followed.
        NotARegularFile: the path names something else than a regular file.
        SizeDiffers: the file is not as long as expected.
        FileChanged: the file or the path changed meanwhile.
        ValueError: the algorithm is not one of `ALGORITHMS`.
    """
    digest = _new_hash(algorithm)
    with still_file(path, follow_links=follow_links) as (descriptor, before):
        if expected_size is not None and before.st_size != expected_size:
            raise SizeDiffers(expected_size, before.st_size)
        size = 0
        buffer = memoryview(bytearray(CHUNK_SIZE))
        while count := os.readv(descriptor, [buffer]):
            size += count
            if size > before.st_size:  # somebody appends; without this look a reader could follow for ever
                raise FileChanged("it grew while it was read")
            digest.update(buffer[:count])
            if progress is not None:
                progress(count)
    if size != before.st_size:
        raise FileChanged(f"{size} bytes could be read of {before.st_size}")
    return HashedFile(size, digest.hexdigest())


@contextmanager
def still_file(path: str | os.PathLike[str], *, follow_links: bool = False) -> Iterator[tuple[int, os.stat_result]]:
    """A descriptor of one regular file, to be read, and what the first look at it said; the end takes the other two looks.

    An exception from within ends it without them.

    Raises:
        OSError: the file cannot be opened; ``ELOOP`` for a link that may not be followed.
        NotARegularFile: the path names something else than a regular file.
        FileChanged: the file or the path changed meanwhile.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | (0 if follow_links else os.O_NOFOLLOW)
    descriptor = os.open(path, flags)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise NotARegularFile("not a regular file")
        yield descriptor, before
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    _require_unchanged(before, after, _stat_or_none(path, follow_links=follow_links))


def _new_hash(algorithm: str) -> hashlib._Hash:
    if algorithm not in ALGORITHMS:
        raise ValueError(f"expected one of {', '.join(ALGORITHMS)}")
    return hashlib.new(algorithm.replace("-", "_"))


def _stat_or_none(path: str | os.PathLike[str], *, follow_links: bool) -> os.stat_result | None:
    try:
        return Path(path).stat(follow_symlinks=follow_links)
    except OSError:
        return None


def _require_unchanged(before: os.stat_result, after: os.stat_result, at_path: os.stat_result | None) -> None:
    if at_path is None:
        raise FileChanged("its path names nothing any more")
    if (at_path.st_dev, at_path.st_ino) != (before.st_dev, before.st_ino):
        raise FileChanged("its path names another file now")
    for look in (after, at_path):
        if look.st_size != before.st_size:
            raise FileChanged(f"its size went from {before.st_size} to {look.st_size} bytes")
        if look.st_mtime_ns != before.st_mtime_ns:
            raise FileChanged("it was written to")
        if look.st_ctime_ns != before.st_ctime_ns:
            raise FileChanged("it was written to, or its attributes were changed")
