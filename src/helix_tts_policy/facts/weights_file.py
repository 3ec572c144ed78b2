"""What lies under a root of weights: every entry, and the digests asked for. Whether it is good is not said here.

Rules kept here:

- The listing is complete or says that it is not: nothing under the root is passed over in silence.
- No link below the root is followed, and what it points to is neither read nor told.
- The size comes before the digest: a file that is not as long as expected is not read at all.
- What the file system does (a file vanishes, a folder refuses) is a fact among others, never an exception.
- The same tree gives the same facts, whatever the threads did.
"""

from __future__ import annotations

import os
import stat
from bisect import bisect_left
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from threading import Event, Lock
from typing import TYPE_CHECKING, Final, NamedTuple

from helix_tts_policy.digest import ALGORITHMS, FileChanged, FileIdentity, NotARegularFile, SizeDiffers, hash_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

MAX_ENTRIES: Final = 100_000
"""Entries listed below one root. The largest model repositories hold some hundreds; this many facts fit in 64 MiB."""

MAX_DEPTH: Final = 32
"""Folders within folders that are opened. A path of so many names is near Linux' limit of 4,096 bytes."""

MAX_JOBS: Final = 8
"""Files hashed at once unless the caller asks for more: SHA-256 on eight cores outruns the disks weights lie on."""


class FileKind(StrEnum):
    """What an entry is, without following it. A folder that could be listed has no entry of its own."""

    FILE = "file"
    LINK = "link"
    FOLDER = "folder"
    FIFO = "fifo"
    SOCKET = "socket"
    DEVICE = "device"
    UNKNOWN = "unknown"


_KINDS: Final = {
    stat.S_IFREG: FileKind.FILE,
    stat.S_IFLNK: FileKind.LINK,
    stat.S_IFDIR: FileKind.FOLDER,
    stat.S_IFIFO: FileKind.FIFO,
    stat.S_IFSOCK: FileKind.SOCKET,
    stat.S_IFBLK: FileKind.DEVICE,
    stat.S_IFCHR: FileKind.DEVICE,
}


class FileProblem(StrEnum):
    """Why an entry has no digest, or a folder no entries, although it was asked for."""

    SIZE_DIFFERS = "size-differs"
    CHANGED = "changed-while-reading"
    UNREADABLE = "unreadable"
    TOO_DEEP = "too-deep"
    NAME_NOT_UTF8 = "name-not-utf8"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedFile:
    r"""One entry below the root.

    Attributes:
        path: relative to the root, with ``/`` between names, as the file system spells it: case, Unicode form and control
            characters are kept. A name that is no UTF-8 stands with ``\xff`` for each stray byte.
        kind: what the entry is.
        size: in bytes; 0 for everything but a regular file.
        hex: the digest; None when it was not asked for, or when there is a problem.
        problem: what stood in the way.
        detail: one line about the problem, without the path; empty without a problem.
        identity: which file it was when it was listed, before its first byte was read; None for everything but a regular file.
            Two equal trees differ in it.
    """

    path: str
    kind: FileKind
    size: int = 0
    hex: str | None = None
    problem: FileProblem | None = None
    detail: str = ""
    identity: FileIdentity | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedWeights:
    """Everything that was found below one root.

    Attributes:
        root: as the caller named it.
        root_kind: FILE or FOLDER; UNKNOWN when there is a root problem.
        root_problem: why nothing could be observed, in one line; None when something was.
        algorithm: the algorithm of every digest in here.
        files: every entry, sorted by path.
        truncated: why the listing is not complete, in one line; None when it is. With too many entries, which of them are
            listed is up to the file system.
    """

    root: Path
    root_kind: FileKind
    algorithm: str
    files: tuple[ObservedFile, ...] = ()
    root_problem: str | None = None
    truncated: str | None = None

    @property
    def bytes_hashed(self) -> int:
        """Size of all files that have a digest."""
        return sum(file.size for file in self.files if file.hex is not None)

    def by_path(self, path: str) -> ObservedFile | None:
        """The entry of exactly that name; never one that only looks so because its name is no UTF-8."""
        at = bisect_left(self.files, (path, False), key=_order)
        found = self.files[at] if at < len(self.files) else None
        return found if found is not None and _order(found) == (path, False) else None


def observe_weights(
    root: Path,
    *,
    expected: Mapping[str, int] | None,
    ignore: frozenset[str] = frozenset(),
    algorithm: str = "sha256",
    jobs: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    max_entries: int = MAX_ENTRIES,
) -> ObservedWeights:
    """List a folder of weights, or look at one weights file, and hash what is worth hashing.

    The root itself may be a link, because the caller chose it; it is resolved once. One file as root is listed under the
    last name of the path given, not under that of the file a link leads to.

    Args:
        root: a folder or a regular file.
        expected: sizes in bytes by path; a root that is one file is the one expected file, whatever its name. Of these files, those that are as long as expected are hashed; all others are
            listed. None hashes every regular file.
        ignore: paths that are left out; a folder with everything below it.
        algorithm: one of `ALGORITHMS`.
        jobs: files hashed at once; by default one for each core this process may use, at most `MAX_JOBS`.
        progress: called with the bytes read and the bytes to read, one call at a time but from any thread. The first
            never falls; it stays below the second when a file cannot be read. What it raises ends the observation.
        max_entries: where the listing stops.

    Raises:
        ValueError: the algorithm is not one of `ALGORITHMS`, jobs is less than 1, or root holds a NUL.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"algorithm: expected one of {', '.join(ALGORITHMS)}")
    if jobs is not None and jobs < 1:
        raise ValueError("jobs: expected 1 or more")
    try:
        resolved = os.path.realpath(root, strict=True)
        look = os.lstat(resolved)
        root_kind = _kind_of(look)
        if root_kind is FileKind.FILE:
            only = _described(_named(root.name), look)
            listing = _Listing([_Entry(resolved, only)], None)
            if expected is not None and len(expected) == 1:
                # Whatever the file is called here, and however this locale spells that.
                expected = dict.fromkeys([only.path], next(iter(expected.values())))
        elif root_kind is FileKind.FOLDER:
            listing = _list_folder(resolved, ignore, max_entries)
        else:
            return _nothing_observed(root, algorithm, f"a {root_kind}, expected a folder or a regular file")
    except OSError as error:
        return _nothing_observed(root, algorithm, _words_of(error))
    finished, wanted = _sort_out(listing.entries, expected)
    total = sum(entry.file.size for entry in wanted)
    finished += _hash_all(wanted, algorithm, jobs, _Progress(total, progress))
    return ObservedWeights(
        root=root,
        root_kind=root_kind,
        algorithm=algorithm,
        files=tuple(sorted(finished, key=_order)),
        truncated=listing.truncated,
    )


class _Entry(NamedTuple):
    opened_as: str
    file: ObservedFile


class _Listing(NamedTuple):
    entries: list[_Entry]
    truncated: str | None


def _nothing_observed(root: Path, algorithm: str, problem: str) -> ObservedWeights:
    return ObservedWeights(root=root, root_kind=FileKind.UNKNOWN, algorithm=algorithm, root_problem=problem)


def _order(file: ObservedFile) -> tuple[str, bool]:
    return (file.path, file.problem is FileProblem.NAME_NOT_UTF8)


def _words_of(error: OSError) -> str:
    return error.strerror or "input/output error"


def _kind_of(look: os.stat_result) -> FileKind:
    return _KINDS.get(stat.S_IFMT(look.st_mode), FileKind.UNKNOWN)


def _named(name: str) -> ObservedFile:
    raw = os.fsencode(name)  # not every locale makes UTF-8 of file names; their bytes are the same in all
    try:
        return ObservedFile(path=raw.decode(), kind=FileKind.UNKNOWN)
    except UnicodeDecodeError:
        spelling = raw.decode(errors="backslashreplace")
        problem = FileProblem.NAME_NOT_UTF8
        return ObservedFile(path=spelling, kind=FileKind.UNKNOWN, problem=problem, detail="its name is not UTF-8")


def _described(file: ObservedFile, look: os.stat_result) -> ObservedFile:
    kind = _kind_of(look)
    if kind is not FileKind.FILE:
        return replace(file, kind=kind)
    return replace(file, kind=kind, size=look.st_size, identity=FileIdentity.of(look))


def _refused(file: ObservedFile, problem: FileProblem, detail: str) -> ObservedFile:
    # A name that is not UTF-8 stays the problem: by it `by_path` tells the file from one that is really spelt so.
    return file if file.problem is not None else replace(file, problem=problem, detail=detail)


def _list_folder(root: str, ignore: frozenset[str], max_entries: int) -> _Listing:
    entries: list[_Entry] = []
    truncated: str | None = None
    seen = 0
    pending = [("", 0)]
    while pending:
        folder, depth = pending.pop()
        try:
            with _scanned(f"{root}/{folder}") as children:
                for child in children:
                    native = f"{folder}/{child.name}" if folder else child.name
                    file = _named(native)
                    if file.problem is None and file.path in ignore:
                        continue
                    if seen == max_entries:
                        return _Listing(entries, f"there are more than {max_entries:,} entries")
                    seen += 1
                    file = _looked_at(child, file)
                    if file.kind is not FileKind.FOLDER:
                        entries.append(_Entry(f"{root}/{native}", file))
                    elif depth < MAX_DEPTH:
                        pending.append((native, depth + 1))
                    else:
                        truncated = f"there are folders more than {MAX_DEPTH} deep"
                        detail = f"it lies more than {MAX_DEPTH} folders deep and was not opened"
                        entries.append(_Entry(f"{root}/{native}", _refused(file, FileProblem.TOO_DEEP, detail)))
        except OSError as error:
            if not folder:
                raise
            file = replace(_named(folder), kind=FileKind.FOLDER)
            refused = _refused(file, FileProblem.UNREADABLE, _words_of(error))
            entries.append(_Entry(f"{root}/{folder}", refused))
    return _Listing(entries, truncated)


@contextmanager
def _scanned(folder: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with os.scandir(descriptor) as children:
            yield children
    finally:
        os.close(descriptor)


def _looked_at(child: os.DirEntry[str], file: ObservedFile) -> ObservedFile:
    try:
        return _described(file, child.stat(follow_symlinks=False))
    except OSError as error:
        return _refused(file, FileProblem.UNREADABLE, _words_of(error))


def _sort_out(entries: list[_Entry], expected: Mapping[str, int] | None) -> tuple[list[ObservedFile], list[_Entry]]:
    finished: list[ObservedFile] = []
    wanted: list[_Entry] = []
    for entry in entries:
        file = entry.file
        if file.kind is not FileKind.FILE or file.problem is not None:
            finished.append(file)
        elif expected is None or expected.get(file.path) == file.size:
            wanted.append(entry)
        elif file.path in expected:
            detail = str(SizeDiffers(expected[file.path], file.size))
            finished.append(_refused(file, FileProblem.SIZE_DIFFERS, detail))
        else:
            finished.append(file)
    return finished, wanted


class _Stopped(Exception):  # noqa: N818 - nobody but the thread that gives its file up ever sees it
    """The observation ended before this file was read."""


class _Progress:
    """Tells the caller how far all threads together are, one thread at a time, and tells the threads to stop."""

    def __init__(self, total: int, tell: Callable[[int, int], None] | None) -> None:
        self.stopped = Event()
        self.failure: OSError | None = None
        self._tell = tell
        self._lock = Lock()
        self._done = 0
        self._total = total

    def advance(self, count: int) -> None:
        if self.stopped.is_set():
            raise _Stopped
        if self._tell is None:
            return
        with self._lock:
            self._done += count
            try:
                self._tell(self._done, self._total)
            except OSError as error:  # such as a closed pipe: the caller's trouble, not that of the file being read
                self.failure = error
                raise


def _hash_all(wanted: list[_Entry], algorithm: str, jobs: int | None, progress: _Progress) -> list[ObservedFile]:
    threads = min(jobs or min(MAX_JOBS, _usable_cores()), len(wanted))
    if threads <= 1:
        return [_hashed(entry, algorithm, progress) for entry in wanted]
    from concurrent.futures import ThreadPoolExecutor, as_completed  # noqa: PLC0415 - costs more than hashing a small file

    pool = ThreadPoolExecutor(threads, thread_name_prefix="weights")
    try:
        # The longest first, so that no core is left alone with it at the end.
        longest_first = sorted(wanted, key=lambda entry: -entry.file.size)
        futures = [pool.submit(_hashed, entry, algorithm, progress) for entry in longest_first]
        return [future.result() for future in as_completed(futures)]
    finally:
        progress.stopped.set()  # after Ctrl-C the files being read are given up at their next chunk
        pool.shutdown(cancel_futures=True)


def _hashed(entry: _Entry, algorithm: str, progress: _Progress) -> ObservedFile:
    file = entry.file
    try:
        done = hash_file(entry.opened_as, algorithm=algorithm, expected_size=file.size, progress=progress.advance)
    except FileChanged as change:
        return _refused(file, FileProblem.CHANGED, change.what)
    except (SizeDiffers, NotARegularFile) as change:  # it was a file of that size when it was listed
        return _refused(file, FileProblem.CHANGED, str(change))
    except OSError as error:
        if error is progress.failure:
            raise
        return _refused(file, FileProblem.UNREADABLE, _words_of(error))
    return replace(file, hex=done.hex)


def _usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
