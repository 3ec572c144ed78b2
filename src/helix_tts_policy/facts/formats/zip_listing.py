"""What a zip archive lists: its directory, held against what stands before each member. Nothing is unpacked here.

Rules kept here:

- Every byte of the file belongs to a member, to the directory or to the end record: nothing stands before, between or behind.
- The directory and the header before a member say the same, so that no two readers see two archives.
- Only what weights are packed with is taken: no encryption, no parts, no method but "stored" and "deflated".
"""

from __future__ import annotations

import stat
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from helix_tts_policy.facts.formats.byte_source import Part, Unpacked, beginning, exactly
from helix_tts_policy.facts.formats.inspected import MAX_MEMBER_NAME, ArchiveMember, MemberKind, malformed, unsafe
from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from helix_tts_policy.facts.formats.byte_source import ByteSource

MAX_MEMBERS: Final = 32_768
"""Members of one archive: a torch archive has one for each tensor, and the largest voices have some thousands."""

MAX_DIRECTORY_BYTES: Final = 256 * MAX_MEMBERS
"""Bytes of a directory: 46 for a member, and its name."""

STORED: Final = 0
DEFLATED: Final = 8

# PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 4.3.16 (end records).
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_END_MARK, _END_64_MARK, _LOCATOR_64_MARK = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_ENTRY_MARK, _LOCAL_MARK, _DESCRIPTOR_MARK = b"PK\x01\x02", b"PK\x03\x04", b"PK\x07\x08"
_LONG = 0xFFFF_FFFF
_SHORT = 0xFFFF
_EXTRA_64 = 1
_SIZES_BEHIND = 0x0008
_UTF8 = 0x0800
_ALLOWED_FLAGS = _SIZES_BEHIND | _UTF8 | 0x0006  # the last two say how hard the packer tried
_MADE_BY_UNIX = 3
_LONGEST_COMMENT = 0xFFFF


class ZipMember(NamedTuple):
    """A member: its entry, how and into how many bytes it is packed, the checksum, and where its bytes begin."""

    entry: ArchiveMember
    method: int
    packed: int
    crc: int
    start: int

    def head(self, archive: ByteSource, count: int) -> bytes:
        """The first bytes of the member, of which no more are unpacked."""
        part = Part(archive, self.start, self.packed)
        return part.read(0, count) if self.method == STORED else beginning(part, count)

    def source(self, archive: ByteSource) -> ByteSource:
        """The bytes of the member.

        Raises:
            Flawed: they are packed, and cannot be unpacked within bounds or to the size that is listed.
        """
        part = Part(archive, self.start, self.packed)
        if self.method == STORED:
            return part
        unpacked = Unpacked(part, gzip=False, most=self.entry.size)
        if unpacked.size != self.entry.size:
            raise malformed(
                f"lists {self.entry.size} bytes for {shown(self.entry.name)} and unpacks to {unpacked.size}"
            )
        return unpacked


class _Listed(NamedTuple):
    entry: ArchiveMember
    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    offset: int


def list_zip(source: ByteSource) -> tuple[ZipMember, ...]:
    """Every member, in the order in which their bytes stand.

    Raises:
        Flawed: the archive is cut off, contradicts itself, or has more than the bounds allow.
    """
    count, start, end = _directory(source)
    listed = _entries(exactly(source, start, end - start, "its directory"), count)
    listed.sort(key=lambda each: each.offset)
    first = listed[0].offset if listed else start
    if first:
        raise unsafe(f"has {first} bytes before what its directory lists", "none")
    ends = [each.offset for each in listed] + [start]
    return tuple(_member(source, each, following) for each, following in zip(listed, ends[1:], strict=True))


def _directory(source: ByteSource) -> tuple[int, int, int]:
    """How many entries the directory has, and where it begins and ends."""
    at = source.size - _END.size
    record = source.read(max(at, 0), _END.size)
    if at < 0 or not record.startswith(_END_MARK) or record[-2:] != b"\0\0":
        tail = source.read(max(0, at - _LONGEST_COMMENT), _LONGEST_COMMENT + _END.size)
        found = tail.rfind(_END_MARK)
        behind = len(tail) - found - _END.size
        if found < 0 or behind < 0:
            raise malformed("has no zip directory at its end")
        raise unsafe(f"has {behind} bytes behind its end record", "none")
    _, disk, first_disk, here, count, size, start, _ = _END.unpack(record)
    end = at
    locator = source.read(at - _LOCATOR_64.size, _LOCATOR_64.size) if at >= _LOCATOR_64.size else b""
    if locator.startswith(_LOCATOR_64_MARK):
        _, disk_64, end, disks = _LOCATOR_64.unpack(locator)
        if end + _END_64.size + _LOCATOR_64.size != at or disk_64 or disks > 1:
            raise unsafe("has an end record that does not stand right behind the other one")
        fields = _END_64.unpack(exactly(source, end, _END_64.size, "its end record"))
        short = (disk, first_disk, here, count, size, start)
        mark, _, _, _, *long = fields
        for value, larger, full in zip(short, long, (_SHORT,) * 4 + (_LONG,) * 2, strict=True):
            if mark != _END_64_MARK or value not in (larger, full):
                raise unsafe("has two end records that contradict each other")
        disk, first_disk, here, count, size, start = long
    if disk or first_disk or here != count or start + size != end:
        raise unsafe("has a directory that is not where, or not as long as, its end record says")
    if count > MAX_MEMBERS or size > MAX_DIRECTORY_BYTES:
        raise unsafe(f"has {count} members in a directory of {size} bytes", f"at most {MAX_MEMBERS} members")
    return count, start, end


def _entries(directory: bytes, count: int) -> list[_Listed]:
    found = []
    place = 0
    for _ in range(count):
        if len(directory) - place < _ENTRY.size or directory[place : place + 4] != _ENTRY_MARK:
            raise malformed("has fewer entries in its directory than its end record says")
        fields = _ENTRY.unpack_from(directory, place)
        _, made_by, _, flags, method, _, _, crc, packed, size, name_length, extra_length, comment, disk = fields[:14]
        *_, mode, offset = fields
        place += _ENTRY.size
        name = directory[place : place + name_length]
        extra = directory[place + name_length : place + name_length + extra_length]
        place += name_length + extra_length + comment
        told = _name(name, flags)
        if len(told) > MAX_MEMBER_NAME:
            raise unsafe(f"has a member with a name of {len(told)} characters", f"at most {MAX_MEMBER_NAME}")
        if flags & ~_ALLOWED_FLAGS or method not in {STORED, DEFLATED} or disk:
            raise unsafe(f"holds {shown(told)} encrypted, in parts, or packed by another method than DEFLATE")
        size, packed, offset = _long_values(extra, size, packed, offset)
        if method == STORED and size != packed:
            raise malformed(f"lists {size} bytes for {shown(told)}, which is stored in {packed}")
        kind = _kind(told, mode >> 16 if made_by >> 8 == _MADE_BY_UNIX else 0)
        found.append(_Listed(ArchiveMember(told, kind, size), name, flags, method, crc, packed, offset))
    if place != len(directory):
        raise unsafe("has more bytes in its directory than its entries need")
    return found


def _name(name: bytes, flags: int) -> str:
    try:
        return name.decode("utf-8" if flags & _UTF8 else "ascii")
    except UnicodeDecodeError:
        raise malformed("lists a member whose name is not UTF-8") from None


def _kind(name: str, mode: int) -> MemberKind:
    if name.endswith("/"):
        return MemberKind.FOLDER
    # 0 is what archives say that know no modes.
    kinds = {0: MemberKind.FILE, stat.S_IFREG: MemberKind.FILE, stat.S_IFLNK: MemberKind.LINK}
    return kinds.get(stat.S_IFMT(mode), MemberKind.OTHER)


def _long_values(extra: bytes, *values: int) -> tuple[int, ...]:
    """The values of an entry, those that did not fit from the field that was made for them."""
    wanted = [index for index, value in enumerate(values) if value == _LONG]
    place = 0
    while wanted and len(extra) - place >= 4:
        tag, length = struct.unpack_from("<2H", extra, place)
        place += 4
        if tag == _EXTRA_64 and len(wanted) * 8 <= length <= len(extra) - place:
            larger = dict(zip(wanted, struct.unpack_from(f"<{len(wanted)}Q", extra, place), strict=True))
            return tuple(larger.get(index, value) for index, value in enumerate(values))
        place += length
    return values


def _member(source: ByteSource, listed: _Listed, following: int) -> ZipMember:
    """The member, with its local header read; the bytes up to the next one are all accounted for."""
    name = shown(listed.entry.name)
    header = exactly(source, listed.offset, _LOCAL.size + len(listed.name), f"the header of {name}")
    mark, _, flags, method, _, _, crc, packed, size, name_length, extra_length = _LOCAL.unpack_from(header)
    behind = bool(flags & _SIZES_BEHIND)
    zeros = {0, _LONG} if behind else {_LONG}
    if (
        mark != _LOCAL_MARK
        or (flags, method, name_length) != (listed.flags, listed.method, len(listed.name))
        or header[_LOCAL.size :] != listed.name
        or (crc != listed.crc and not (behind and crc == 0))
        or (packed != listed.packed and packed not in zeros)
        or (size != listed.entry.size and size not in zeros)
    ):
        raise unsafe(f"has another header before {name} than its directory says")
    start = listed.offset + len(header) + extra_length
    end = start + listed.packed
    if end > following:
        raise unsafe(f"holds {name} across the bytes of what follows it")
    if end < following and not (behind and _describes(exactly(source, end, min(following - end, 32), name), listed)):
        raise unsafe(f"has bytes that belong to no member behind {name}")
    return ZipMember(listed.entry, listed.method, listed.packed, listed.crc, start)


def _describes(descriptor: bytes, listed: _Listed) -> bool:
    """Whether the bytes behind a member are its descriptor, in one of the four forms there are (section 4.3.9)."""
    values = (listed.crc, listed.packed, listed.entry.size)
    plain = descriptor.removeprefix(_DESCRIPTOR_MARK)
    forms = {struct.calcsize(form): form for form in ("<3L", "<L2Q")}
    return len(plain) in forms and struct.unpack(forms[len(plain)], plain) == values
