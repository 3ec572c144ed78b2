"""What is told about a root of weights: real folders, hostile entries, threads, interruptions."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import helix_tts_policy.digest
from helix_tts_policy.digest import CHUNK_SIZE
from helix_tts_policy.facts.weights_file import (
    MAX_DEPTH,
    FileKind,
    FileProblem,
    ObservedFile,
    ObservedWeights,
    observe_weights,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(helix_tts_policy.digest.__file__).parents[1]
UNREAD = FileProblem.UNREADABLE


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def entry(path: str, data: bytes) -> ObservedFile:
    return ObservedFile(path=path, kind=FileKind.FILE, size=len(data), hex=digest(data))


def put(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())


def child(code: str, root: Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", code, str(root)],
        env={"PYTHONPATH": str(SOURCES), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# --- what is listed ------------------------------------------------------------------------------------------------


def test_a_folder_is_listed_whole_and_hashed_whole_when_nothing_certain_is_expected(tmp_path: Path) -> None:
    put(tmp_path, "model.nemo", "Model.nemo", "sub/deeper/weights.bin", "z.txt")
    (tmp_path / "empty.bin").touch()
    (tmp_path / "no entries").mkdir()
    assert observe_weights(tmp_path, expected=None) == ObservedWeights(
        root=tmp_path,
        root_kind=FileKind.FOLDER,
        algorithm="sha256",
        files=(
            entry("Model.nemo", b"Model.nemo"),
            entry("empty.bin", b""),
            entry("model.nemo", b"model.nemo"),
            entry("sub/deeper/weights.bin", b"sub/deeper/weights.bin"),
            entry("z.txt", b"z.txt"),
        ),
    )


def test_only_expected_files_of_the_expected_size_are_hashed(tmp_path: Path) -> None:
    put(tmp_path, "good", "longer", "extra")
    (tmp_path / "good").write_bytes(b"12345")
    (tmp_path / "longer").write_bytes(b"123456")
    observed = observe_weights(tmp_path, expected={"good": 5, "longer": 5, "missing": 5})
    assert observed.files == (
        ObservedFile(path="extra", kind=FileKind.FILE, size=5),
        entry("good", b"12345"),
        ObservedFile(
            path="longer",
            kind=FileKind.FILE,
            size=6,
            problem=FileProblem.SIZE_DIFFERS,
            detail="6 bytes found, expected 5",
        ),
    )
    assert observed.bytes_hashed == 5
    assert observed.by_path("good") == entry("good", b"12345")
    assert observed.by_path("missing") is None
    assert observed.by_path("a") is None


def test_a_sparse_file_of_20_gib_is_refused_by_its_size_alone(tmp_path: Path) -> None:
    (tmp_path / "sparse.bin").touch()
    os.truncate(tmp_path / "sparse.bin", 20 * 1024**3)
    calls: list[tuple[int, int]] = []
    observed = observe_weights(
        tmp_path, expected={"sparse.bin": 1024}, progress=lambda done, total: calls.append((done, total))
    )
    assert observed.files[0].detail == "21474836480 bytes found, expected 1024"
    assert (observed.files[0].problem, observed.bytes_hashed, calls) == (FileProblem.SIZE_DIFFERS, 0, [])


def test_ignored_paths_are_left_out_files_and_folders_alike_but_only_where_named(tmp_path: Path) -> None:
    put(tmp_path, "weights_manifest.json", "sub/weights_manifest.json", ".git/config", "model.nemo")
    observed = observe_weights(tmp_path, expected={}, ignore=frozenset({"weights_manifest.json", ".git"}))
    assert [file.path for file in observed.files] == ["model.nemo", "sub/weights_manifest.json"]


def test_names_that_differ_only_in_case_or_unicode_form_stand_apart(tmp_path: Path) -> None:
    names = [
        "VOICE.bin",
        "Voice.bin",
        "voice.bin",
        "a\u0308.bin",
        "\u00e4.bin",
        "\x1b[31m.bin",
        "line\nbreak",
        "back\\slash",
    ]
    put(tmp_path, *names)
    observed = observe_weights(tmp_path, expected=None)
    assert [file.path for file in observed.files] == sorted(names)
    assert all(observed.by_path(name) == entry(name, name.encode()) for name in names)


def test_a_name_that_is_not_utf8_is_told_and_not_hashed_nor_taken_for_its_look_alike(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path)
    Path(os.fsdecode(raw + b"/w\xff.bin")).write_bytes(b"stray")
    put(tmp_path, "w\\xff.bin", "x\\xfe/y")
    Path(os.fsdecode(raw + b"/x\xfe")).mkdir()
    Path(os.fsdecode(raw + b"/x\xfe/y")).write_bytes(b"stray")
    observed = observe_weights(tmp_path, expected=None, ignore=frozenset({"x\\xfe"}))
    stray = {"problem": FileProblem.NAME_NOT_UTF8, "detail": "its name is not UTF-8"}
    assert observed.files == (
        entry("w\\xff.bin", b"w\\xff.bin"),
        ObservedFile(path="w\\xff.bin", kind=FileKind.FILE, size=5, **stray),  # type: ignore[arg-type]
        ObservedFile(path="x\\xfe/y", kind=FileKind.FILE, size=5, **stray),  # type: ignore[arg-type]
    )
    assert observed.by_path("w\\xff.bin") == entry("w\\xff.bin", b"w\\xff.bin")
    assert observed.by_path("x\\xfe/y") is None
    assert all(file.path.isprintable() for file in observed.files)


def test_links_are_told_but_neither_followed_nor_quoted(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    put(root, "model.nemo")
    put(outside, "secret.bin")
    for name, target in {
        "passwd": "/etc/passwd",
        "loop": ".",
        "itself": "itself",
        "dangling": "nowhere",
        "inside": "model.nemo",
        "folder": "../outside",
    }.items():
        (root / name).symlink_to(target)
    links = ["dangling", "folder", "inside", "itself", "loop", "passwd"]
    expected = {"inside": 10, "passwd": Path("/etc/passwd").stat().st_size, "model.nemo": 10}
    for wanted in (None, expected):
        observed = observe_weights(root, expected=wanted)
        assert [file for file in observed.files if file.path != "model.nemo"] == [
            ObservedFile(path=link, kind=FileKind.LINK) for link in links
        ]
        assert observed.by_path("model.nemo") == entry("model.nemo", b"model.nemo")
        assert not any(told in repr(observed) for told in ("/etc", "outside", "nowhere", "secret"))


def test_fifos_and_sockets_do_not_hang_and_are_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    os.mknod(tmp_path / "socket", stat.S_IFSOCK | 0o600)
    assert observe_weights(tmp_path, expected={"fifo": 0, "socket": 0}).files == (
        ObservedFile(path="fifo", kind=FileKind.FIFO),
        ObservedFile(path="socket", kind=FileKind.SOCKET),
    )


def test_devices_are_told() -> None:
    assert observe_weights(Path("/dev"), expected={}).by_path("null") == ObservedFile(path="null", kind=FileKind.DEVICE)


def test_a_listing_that_stops_at_its_bound_says_so(tmp_path: Path) -> None:
    put(tmp_path, *(f"{number}" for number in range(6)))
    assert observe_weights(tmp_path, expected={}, max_entries=6).truncated is None
    observed = observe_weights(tmp_path, expected={}, max_entries=5)
    assert observed.truncated == "there are more than 5 entries"
    assert len(observed.files) == 5


def test_empty_folders_count_as_entries_too(tmp_path: Path) -> None:
    for number in range(1001):
        (tmp_path / str(number)).mkdir()
    observed = observe_weights(tmp_path, expected={}, max_entries=1000)
    assert (observed.truncated, observed.files) == ("there are more than 1,000 entries", ())


def test_folders_are_opened_down_to_the_bound_and_the_rest_is_told(tmp_path: Path) -> None:
    deepest = "/".join(["d"] * MAX_DEPTH)
    put(tmp_path, f"{deepest}/seen")
    assert observe_weights(tmp_path, expected={}).truncated is None
    put(tmp_path, f"{deepest}/d/unseen")
    observed = observe_weights(tmp_path, expected=None)
    assert observed.truncated == "there are folders more than 32 deep"
    detail = "it lies more than 32 folders deep and was not opened"
    assert observed.files == (
        ObservedFile(path=f"{deepest}/d", kind=FileKind.FOLDER, problem=FileProblem.TOO_DEEP, detail=detail),
        entry(f"{deepest}/seen", f"{deepest}/seen".encode()),
    )


def test_a_folder_whose_path_is_too_long_to_open_is_told(tmp_path: Path) -> None:
    above = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("n" * 250, dir_fd=above)
        below = os.open("n" * 250, os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = below
    os.close(above)
    (file,) = observe_weights(tmp_path, expected=None).files
    assert (file.kind, file.problem, file.detail) == (FileKind.FOLDER, UNREAD, "File name too long")
    assert set(file.path) == {"n", "/"}


# --- the root ------------------------------------------------------------------------------------------------------


def test_one_file_as_root_is_listed_under_its_own_name(tmp_path: Path) -> None:
    put(tmp_path, "model.nemo", "neighbour")
    root = tmp_path / "model.nemo"
    observed = observe_weights(root, expected=None, algorithm="sha512")
    file = ObservedFile(path="model.nemo", kind=FileKind.FILE, size=10, hex=hashlib.sha512(b"model.nemo").hexdigest())
    assert observed == ObservedWeights(root=root, root_kind=FileKind.FILE, algorithm="sha512", files=(file,))
    assert observe_weights(root, expected={"model.nemo": 9}).files[0].detail == "10 bytes found, expected 9"


def test_a_root_that_is_a_link_is_resolved_once_and_keeps_the_name_it_was_given(tmp_path: Path) -> None:
    put(tmp_path, "blobs/0a1b", "folder/model.nemo")
    (tmp_path / "model.nemo").symlink_to("blobs/0a1b")
    (tmp_path / "link").symlink_to("folder")
    assert observe_weights(tmp_path / "model.nemo", expected=None).files == (entry("model.nemo", b"blobs/0a1b"),)
    assert observe_weights(tmp_path / "link", expected=None).files == (entry("model.nemo", b"folder/model.nemo"),)


def test_a_root_file_whose_name_is_not_utf8_is_told(tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe4.nemo"))
    root.write_bytes(b"weights")
    (file,) = observe_weights(root, expected=None).files
    assert (file.path, file.problem, file.hex) == ("\\xe4.nemo", FileProblem.NAME_NOT_UTF8, None)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("missing", "No such file or directory"),
        ("file/below", "Not a directory"),
        ("dangling", "No such file or directory"),
        ("loop", "Too many levels of symbolic links"),
        ("fifo", "a fifo, expected a folder or a regular file"),
        ("n" * 300, "File name too long"),
    ],
)
def test_a_root_that_cannot_be_observed_is_a_fact(tmp_path: Path, name: str, problem: str) -> None:
    put(tmp_path, "file")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    root = tmp_path / name
    assert observe_weights(root, expected=None) == ObservedWeights(
        root=root, root_kind=FileKind.UNKNOWN, algorithm="sha256", root_problem=problem
    )


def test_a_device_as_root_is_not_read() -> None:
    problem = "a device, expected a folder or a regular file"
    assert observe_weights(Path("/dev/zero"), expected=None).root_problem == problem


def test_misuse_is_told_apart_from_bad_weights(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^algorithm: expected one of sha256, sha384, "):
        observe_weights(tmp_path, expected=None, algorithm="md5")
    with pytest.raises(ValueError, match=r"^jobs: expected 1 or more$"):
        observe_weights(tmp_path, expected=None, jobs=0)
    with pytest.raises(ValueError, match="embedded null"):
        observe_weights(Path("a\0b"), expected=None)


# --- what happens meanwhile ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("swap", "detail"),
    [
        ("rewrite", "it was written to"),
        ("fifo", "its path names another file now"),
    ],
)
def test_a_file_that_changes_while_it_is_hashed_has_no_digest(tmp_path: Path, swap: str, detail: str) -> None:
    root = tmp_path / "model.nemo"
    root.write_bytes(b"\x5a" * 2 * CHUNK_SIZE)
    time.sleep(0.05)  # more than one tick of the clock that stamps files

    def meddle(done: int, total: int) -> None:
        if done == total:
            return
        if swap == "fifo":
            root.unlink()
            os.mkfifo(root)
        else:
            root.write_bytes(b"\xa5" * 2 * CHUNK_SIZE)

    (file,) = observe_weights(root, expected={"model.nemo": 2 * CHUNK_SIZE}, progress=meddle).files
    assert file == ObservedFile(
        path="model.nemo", kind=FileKind.FILE, size=2 * CHUNK_SIZE, problem=FileProblem.CHANGED, detail=detail
    )


@pytest.mark.parametrize(
    ("fate", "problem", "detail"),
    [
        ("vanishes", UNREAD, "No such file or directory"),
        ("grows", FileProblem.CHANGED, "2 bytes found, expected 1"),
        ("becomes a fifo", FileProblem.CHANGED, "not a regular file"),
        ("becomes a link", UNREAD, "Too many levels of symbolic links"),
    ],
)
def test_what_happens_between_listing_and_hashing_is_a_problem_of_that_file_alone(
    tmp_path: Path, fate: str, problem: FileProblem, detail: str
) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(b"x")
    last_listed = os.listdir(tmp_path)[-1]  # noqa: PTH208 - one thread hashes in the order of the folder
    hashed: list[int] = []

    def meddle(done: int, total: int) -> None:
        assert total == 2
        hashed.append(done)
        other = tmp_path / last_listed
        if fate == "grows":
            other.write_bytes(b"xx")
            return
        other.unlink()
        if fate == "becomes a fifo":
            os.mkfifo(other)
        elif fate == "becomes a link":
            other.symlink_to("elsewhere")

    observed = observe_weights(tmp_path, expected=None, jobs=1, progress=meddle)
    assert hashed == [1]
    assert sorted((file.problem, file.detail, file.hex) for file in observed.files if file.problem) == [
        (problem, detail, None)
    ]
    assert [file.hex for file in observed.files if not file.problem] == [digest(b"x")]
    assert observed.bytes_hashed == 1


class VanishesWhenAsked(frozenset[str]):
    """A set of ignored paths that removes a file at the one moment between its name and a look at it."""

    root: Path

    def __contains__(self, path: object) -> bool:
        (self.root / str(path)).unlink()
        return False


def test_an_entry_that_vanishes_between_its_name_and_a_look_at_it_is_told(tmp_path: Path) -> None:
    put(tmp_path, "model.nemo")
    ignore = VanishesWhenAsked()
    ignore.root = tmp_path
    assert observe_weights(tmp_path, expected=None, ignore=ignore).files == (
        ObservedFile(path="model.nemo", kind=FileKind.UNKNOWN, problem=UNREAD, detail="No such file or directory"),
    )


@contextmanager
def without_privileges() -> Iterator[None]:
    """As anybody, because root is refused nothing."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_what_may_not_be_read_is_told_entry_by_entry() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        put(root, "closed/hidden", "file", "names only/seen", "open")
        for path, mode in {"closed": 0o000, "file": 0o000, "names only": 0o444, "open": 0o444}.items():
            (root / path).chmod(mode)
        with without_privileges():
            observed = observe_weights(root, expected=None)
            root_refused = observe_weights(root / "closed", expected=None)
        for path in ("closed", "names only"):
            (root / path).chmod(0o700)
    told = {"problem": UNREAD, "detail": "Permission denied"}
    assert observed.files == (
        ObservedFile(path="closed", kind=FileKind.FOLDER, **told),  # type: ignore[arg-type]
        ObservedFile(path="file", kind=FileKind.FILE, size=4, **told),  # type: ignore[arg-type]
        ObservedFile(path="names only/seen", kind=FileKind.UNKNOWN, **told),  # type: ignore[arg-type]
        entry("open", b"open"),
    )
    assert (root_refused.root_problem, root_refused.files) == ("Permission denied", ())


# --- threads -------------------------------------------------------------------------------------------------------


def test_the_same_folder_gives_the_same_facts_whatever_the_threads_did(tmp_path: Path) -> None:
    chance = random.Random(7)  # noqa: S311 - sizes, nothing secret
    for number in range(40):
        (tmp_path / f"{number}.bin").write_bytes(chance.randbytes(chance.randrange(3 * CHUNK_SIZE)))
    alone = observe_weights(tmp_path, expected=None, jobs=1)
    assert [file.path for file in alone.files] == sorted(f"{number}.bin" for number in range(40))
    assert all(file.hex == digest((tmp_path / file.path).read_bytes()) for file in alone.files)
    for jobs in (None, 2, 8, 100):
        assert observe_weights(tmp_path, expected=None, jobs=jobs) == alone


@pytest.mark.parametrize("jobs", [1, 8])
def test_progress_never_falls_and_ends_at_the_bytes_to_hash(tmp_path: Path, jobs: int) -> None:
    sizes = {f"{number}.bin": number * CHUNK_SIZE // 3 for number in range(20)}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / "extra").write_bytes(b"not hashed")
    calls: list[tuple[int, int]] = []
    inside = threading.Lock()

    def progress(done: int, total: int) -> None:
        assert inside.acquire(blocking=False)
        calls.append((done, total))
        inside.release()

    observed = observe_weights(tmp_path, expected=sizes, jobs=jobs, progress=progress)
    assert {total for _, total in calls} == {sum(sizes.values())}
    assert all(earlier < later for (earlier, _), (later, _) in pairwise(calls))
    assert calls[-1][0] == sum(sizes.values()) == observed.bytes_hashed


@pytest.mark.parametrize("error", [BrokenPipeError, KeyError])
def test_what_progress_raises_in_a_thread_ends_the_others_at_once(tmp_path: Path, error: type[Exception]) -> None:
    for number in range(4):
        (tmp_path / f"{number}.bin").touch()
        os.truncate(tmp_path / f"{number}.bin", 64 * 1024**3)
    threads: set[int] = set()

    def stop_when_two_are_reading(done: int, total: int) -> None:
        fewer = len(threads) < 2
        threads.add(threading.get_ident())
        if fewer and len(threads) == 2:
            raise error(done, total)

    start = time.monotonic()
    with pytest.raises(error):
        observe_weights(tmp_path, expected=None, jobs=2, progress=stop_when_two_are_reading)
    assert time.monotonic() - start < 10  # reading one of the files to its end takes longer
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("weights")]


INTERRUPTED = """
import sys
from pathlib import Path
from helix_tts_policy.facts.weights_file import observe_weights

def progress(done, total):
    if done == 262144:
        print("reading", flush=True)

observe_weights(Path(sys.argv[1]), expected=None, jobs=JOBS, progress=progress)
"""


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_stops_promptly(tmp_path: Path, jobs: int) -> None:
    for number in range(3):
        (tmp_path / f"{number}.bin").touch()
        os.truncate(tmp_path / f"{number}.bin", 64 * 1024**3)
    with child(INTERRUPTED.replace("JOBS", str(jobs)), tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=10)
    assert process.returncode == -signal.SIGINT
    assert complaint.endswith("KeyboardInterrupt\n")


LISTED = """
import sys
from pathlib import Path
from helix_tts_policy.facts.weights_file import observe_weights

print(sys.getfilesystemencoding())
for file in observe_weights(Path(sys.argv[1]), expected=None).files:
    print(ascii(file.path), file.hex)
"""


def test_a_name_is_the_same_whatever_encoding_the_locale_gives_to_names(tmp_path: Path) -> None:
    put(tmp_path, "stimme-\u00e4.bin", "\U0001f399.bin")
    answers = []
    for environment in ({"PYTHONUTF8": "1"}, {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}):
        with child(LISTED, tmp_path, **environment) as process:
            answer, complaint = process.communicate(timeout=60)
        assert complaint == ""
        answers.append(answer.splitlines())
    assert [answer[0] for answer in answers] == ["utf-8", "ascii"]
    assert answers[0][1:] == answers[1][1:]
    assert [line.split()[0] for line in answers[0][1:]] == [ascii("stimme-\u00e4.bin"), ascii("\U0001f399.bin")]
