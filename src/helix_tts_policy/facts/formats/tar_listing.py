"""What a tar archive lists, header by header. Nothing is unpacked here.

The headers are those of POSIX.1-2017 (pax, ustar) and of GNU tar, as far as Python's tarfile writes them.

Rules kept here:

- A header whose checksum is wrong, and a kind of header that moves or hides the bytes of others, ends the listing.
- Links and devices are listed as what they are; their targets are neither read nor told.
- Behind the end mark there are zeros, and not many.
"""

from __future__ import annotations

import re
import tarfile
from typing import TYPE_CHECKING, Final, NamedTuple

from helix_tts_policy.facts.formats.byte_source import Part, exactly
from helix_tts_policy.facts.formats.inspected import MAX_MEMBER_NAME, ArchiveMember, MemberKind, malformed, unsafe
from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from helix_tts_policy.facts.formats.byte_source import ByteSource

BLOCK: Final = 512

MAX_MEMBERS: Final = 32_768
"""Members of one archive; one of NeMo's holds two, and some tables of its text front end."""

MAX_LONG_HEADER: Final = 64 * 1024
"""Bytes of a header that holds a long name: sixteen of the longest paths of Linux."""

MAX_PADDING: Final = 1024 * 1024
"""Zeros behind the end: tar fills up to 10,240 bytes, tapes had blocks of up to a megabyte."""

_KINDS: Final = {
    b"0": MemberKind.FILE,
    b"\0": MemberKind.FILE,
    b"1": MemberKind.LINK,
    b"2": MemberKind.LINK,
    b"3": MemberKind.DEVICE,
    b"4": MemberKind.DEVICE,
    b"5": MemberKind.FOLDER,
    b"6": MemberKind.DEVICE,
}
_LONG_NAME, _PAX = b"L", b"x"
_PAX_RECORD = re.compile(rb"([1-9][0-9]{0,5}) ([^=\n]{1,64})=")
_PAX_KEYS = frozenset({"path", "size", "mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "comment"})
_OCTAL = re.compile(rb" *([0-7]*)[ \0]*")


class TarMember(NamedTuple):
    """A member: its entry, and where its bytes begin."""

    entry: ArchiveMember
    start: int

    def head(self, archive: ByteSource, count: int) -> bytes:
        """The first bytes of the member."""
        return self.source(archive).read(0, count)

    def source(self, archive: ByteSource) -> ByteSource:
        """The bytes of the member."""
        return Part(archive, self.start, self.entry.size)


def is_tar(head: bytes) -> bool:
    """Whether Python takes the first block of a file for a tar header, as it does with some that have no mark.

    So does torch, which tries its oldest form first, with whatever else the file may be.
    """
    try:
        tarfile.TarInfo.frombuf(head[:BLOCK], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def list_tar(source: ByteSource) -> tuple[TarMember, ...]:
    """Every member, in the order in which they stand.

    Raises:
        Flawed: the archive is cut off, damaged, or uses headers that weights have no need of.
    """
    members: list[TarMember] = []
    long_name: str | None = None
    overrides: dict[str, str] = {}
    place = 0
    while True:
        block = source.read(place, BLOCK)
        if not any(block):
            _check_end(source, place, begun=long_name is not None or bool(overrides))
            return tuple(members)
        if len(block) < BLOCK or not _checksum(block):
            raise malformed(f"has no tar header at byte {place}, where one is due")
        if len(members) == MAX_MEMBERS:
            raise unsafe(f"has more than {MAX_MEMBERS} members")
        size = _number(block[124:136])
        place += BLOCK
        flag = block[156:157]
        if flag in {_LONG_NAME, _PAX}:
            if long_name is not None or overrides:
                raise unsafe("has two long headers before one member")
            if size > MAX_LONG_HEADER:
                raise unsafe(f"has a header of {size} bytes before a member", f"at most {MAX_LONG_HEADER}")
            data = exactly(source, place, size, "a long header")
            if flag == _PAX:
                overrides = _pax(data)
            else:
                long_name = _text(data.rstrip(b"\0"))
        else:
            kind = _KINDS.get(flag)
            if kind is None:
                raise unsafe(f"has a header of the kind {shown(flag.decode('latin-1'))}, such as a sparse file has")
            size = _number_of(overrides.get("size")) if "size" in overrides else size
            name = overrides.get("path") or long_name or _name(block)
            if len(name) > MAX_MEMBER_NAME:
                raise unsafe(f"has a member with a name of {len(name)} characters", f"at most {MAX_MEMBER_NAME}")
            if kind is not MemberKind.FILE:
                size = 0
            elif name.endswith("/"):
                raise unsafe(f"has the file {shown(name)} under the name of a folder")
            members.append(TarMember(ArchiveMember(name, kind, size), place))
            long_name, overrides = None, {}
        if size > source.size - place:
            raise malformed(f"breaks off in its member {len(members)}")
        place += -(-size // BLOCK) * BLOCK


def _check_end(source: ByteSource, place: int, *, begun: bool) -> None:
    if begun or place > source.size:
        raise malformed("breaks off behind a header")
    if source.size == place:
        raise malformed("breaks off before its end mark")
    rest = source.size - place
    if rest > MAX_PADDING or any(source.read(place, rest)):
        raise unsafe(f"has {rest} bytes behind its last member", "an end mark and few zeros")


def _checksum(block: bytes) -> bool:
    stated = _OCTAL.fullmatch(block[148:156])
    return stated is not None and sum(block) - sum(block[148:156]) + 8 * 32 == int(stated[1] or b"0", 8)


def _number(field: bytes) -> int:
    if field[0] == 0x80:  # what GNU tar writes for 8 GiB and more
        return int.from_bytes(field[1:])
    octal = _OCTAL.fullmatch(field)
    if octal is None:
        raise malformed("has a header with a size that is no number")
    return int(octal[1] or b"0", 8)


def _number_of(text: str | None) -> int:
    if text is None or not re.fullmatch("[0-9]{1,19}", text):
        raise malformed("has a header with a size that is no number")
    return int(text)


def _name(block: bytes) -> str:
    name, prefix = (field.split(b"\0", 1)[0] for field in (block[:100], block[345:500]))
    # GNU tar keeps other things where ustar has the front of a long path.
    is_gnu = block[257:265] == b"ustar  \0"
    return _text(prefix + b"/" + name if prefix and not is_gnu else name)


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise malformed("lists a member whose name is not UTF-8") from None


def _pax(data: bytes) -> dict[str, str]:
    """The records of an extended header: ``length key=value`` and a line feed, the length counting the whole record."""
    found: dict[str, str] = {}
    place = 0
    while place < len(data):
        record = _PAX_RECORD.match(data, place)
        end = place + int(record[1]) if record else 0
        if record is None or not record.end() < end <= len(data) or data[end - 1 : end] != b"\n":
            raise malformed("has an extended header that is no list of records")
        key = _text(record[2])
        if key not in _PAX_KEYS or key in found:
            raise unsafe(f"has an extended header with {shown(key)}, which weights have no need of")
        found[key] = _text(data[record.end() : end - 1])
        place = end
    return found
