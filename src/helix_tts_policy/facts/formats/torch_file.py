"""Checkpoints as torch writes them: a zip of storages around one pickle, or, before torch 1.6, pickles and storages in a row.

See torch/serialization.py, `_save` and `_legacy_save`.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from helix_tts_policy.facts.formats.byte_source import exactly
from helix_tts_policy.facts.formats.inspected import FileFormat, Flawed, FormatProblem, malformed, unsafe
from helix_tts_policy.facts.formats.pickle_machine import Built, PickleWalk
from helix_tts_policy.facts.formats.pickle_stream import MAX_PICKLE_BYTES
from helix_tts_policy.facts.formats.torch_pickle import Storage, check_layouts, storage_of
from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from helix_tts_policy.facts.formats.byte_source import ByteSource
    from helix_tts_policy.facts.formats.pickle_stream import PickleWalker
    from helix_tts_policy.facts.formats.zip_listing import ZipMember

LEGACY_MAGIC: Final = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
"""The first pickle of the older form: torch's magic number."""

_LEGACY_PICKLES = 5  # magic number, protocol, system, object, keys of the storages
_COUNT_BYTES = 8


class Checkpoint(NamedTuple):
    """The pickle of a checkpoint, walked through, and what is wrong with what lies around it; None where nothing is."""

    walk: PickleWalk
    flaw: FormatProblem | None = None


def zip_format(members: tuple[ZipMember, ...]) -> FileFormat:
    """What a zip is by the names in it; the first folder is called as ``torch.save`` was told."""
    names = {name.partition("/")[2] for name, _, _ in (member.entry for member in members)}
    if "data.pkl" not in names:
        return FileFormat.ZIP
    is_program = "constants.pkl" in names or any(name.startswith("code/") for name in names)
    return FileFormat.TORCHSCRIPT if is_program else FileFormat.TORCH


def read_torch_zip(source: ByteSource, members: tuple[ZipMember, ...], walker: PickleWalker) -> Checkpoint:
    """Walk through the pickle of a torch archive, and hold the storages it refers to against the archive.

    Raises:
        Flawed: the archive has no one pickle that every reader would find.
    """
    by_name = {member.entry.name: member for member in members}
    folder = members[0].entry.name.partition("/")[0]
    # torch looks for its members without regard to case.
    are_different = len({name.lower() for name in by_name}) == len(members)
    if not are_different or not folder or any(not name.startswith(f"{folder}/") for name in by_name):
        raise unsafe("has members twice, or outside of its one folder, so that readers differ in what they load")
    pickled = by_name[f"{folder}/data.pkl"]
    walk = walker.walk(_checked(source, pickled))
    _check_whole(walk, pickled.entry.size)
    try:
        _check_archive(source, {name.removeprefix(f"{folder}/"): member for name, member in by_name.items()}, walk)
    except Flawed as flaw:
        return Checkpoint(walk, flaw.problem)
    return Checkpoint(walk)


def read_torch_legacy(source: ByteSource, walker: PickleWalker) -> Checkpoint:
    """Walk through all the pickles of the older form, and hold the storages behind them against what they say."""
    data = source.read(0, MAX_PICKLE_BYTES)
    place = 0
    walks: list[PickleWalk] = []
    while len(walks) < _LEGACY_PICKLES:
        walks.append(walker.walk(data, place, whole=source.size))
        place += walks[-1].end
        if walks[-1].fault is not None:
            return Checkpoint(_joined(walks))
    whole = _joined(walks)
    try:
        _check_storages(source, place, walks[-1].value, _storages(whole))
        check_layouts(whole)
    except Flawed as flaw:
        return Checkpoint(whole, flaw.problem)
    return Checkpoint(whole)


def read_bare_pickle(source: ByteSource, walker: PickleWalker) -> Checkpoint:
    """Walk through a file that is one pickle."""
    walk = walker.walk(source.read(0, MAX_PICKLE_BYTES), whole=source.size)
    _check_whole(walk, source.size)
    # The pickle of a torch archive, taken out of it: the numbers are not here.
    outside = malformed("refers to storages that do not lie in it") if walk.stored else None
    return Checkpoint(walk, None if outside is None else outside.problem)


def _check_archive(source: ByteSource, members: Mapping[str, ZipMember], walk: PickleWalk) -> None:
    if "version" not in members and ".data/version" not in members:
        raise malformed('has no "version" among its members, which every torch archive has')
    order = members.get("byteorder")
    if order is not None and order.source(source).read(0, 16) != b"little":
        raise malformed("has its numbers in another byte order than little")
    for storage in _storages(walk):
        member = members.get(f"data/{storage.key}")
        size = storage.elements * storage.item
        if member is None or member.entry.size != size:
            found = "none" if member is None else f"{member.entry.size} bytes"
            raise malformed(f"has {found} in the storage {shown(storage.key)}", f"{size} bytes")
    check_layouts(walk)


def _check_whole(walk: PickleWalk, size: int) -> None:
    """A pickle with something behind it is no checkpoint, but what it names must be told all the same."""
    if walk.fault is None and walk.end != size:
        walk.fault = f"has {size - walk.end} bytes behind its end"


def _checked(source: ByteSource, member: ZipMember) -> bytes:
    name = shown(member.entry.name)
    if member.entry.size > MAX_PICKLE_BYTES:
        raise unsafe(f"has {member.entry.size} bytes in {name}", f"at most {MAX_PICKLE_BYTES}")
    data = exactly(member.source(source), 0, member.entry.size, name)
    if zlib.crc32(data) != member.crc:
        raise malformed(f"has {name} with another checksum than its directory lists")
    return data


def _storages(walk: PickleWalk) -> Iterable[Storage]:
    for stored in walk.stored:
        storage = storage_of(stored)
        if storage is None:
            raise malformed("refers to something outside of its pickle that is no storage of torch")
        yield storage


def _joined(walks: list[PickleWalk]) -> PickleWalk:
    """One walk for all pickles of a file; its value is that of the fourth, which is what was saved."""
    last = walks[-1]
    whole = PickleWalk(value=walks[3].value if last.fault is None else last.value, fault=last.fault)
    for walk in walks:
        whole.globals |= walk.globals
        whole.calls += walk.calls
        whole.states += walk.states
        whole.stored += walk.stored
    return whole


def _check_storages(source: ByteSource, place: int, keys: object, storages: Iterable[Storage]) -> None:
    by_key = {storage.key: storage for storage in storages}
    listed = keys.parts or [] if isinstance(keys, Built) and keys.by == "list" else None
    if listed is None or {*by_key} != {key for key in listed if isinstance(key, str)} or len(by_key) != len(listed):
        raise malformed("lists other storages at its end than its tensors are in")
    for key in listed:
        storage = by_key[str(key)]
        count = int.from_bytes(exactly(source, place, _COUNT_BYTES, "a storage"), "little")
        if count != storage.elements:
            raise malformed(f"has {count} elements in the storage {shown(storage.key)}", f"{storage.elements}")
        place += _COUNT_BYTES + count * storage.item
        if place > source.size:
            raise malformed("breaks off in a storage")
    if place != source.size:
        raise malformed(f"has {source.size - place} bytes behind its last storage", "none")
