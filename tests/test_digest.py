"""Digest texts, tree checksums against coreutils, and files that change while they are read."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy.digest import (
    ALGORITHMS,
    CHUNK_SIZE,
    PLACEHOLDER_PERIOD,
    WEAK_ALGORITHMS,
    Digest,
    DigestFault,
    DigestSyntaxError,
    FileChanged,
    HashedFile,
    NotARegularFile,
    SizeDiffers,
    hash_file,
    is_placeholder,
    parse_digest,
    tree_checksum,
)

if TYPE_CHECKING:
    from collections.abc import Callable

REAL = hashlib.sha256(b"weights").hexdigest()
EMPTY = hashlib.sha256().hexdigest()
KNOWN = "sha256, sha384, sha512, sha3-256, sha3-384, sha3-512, blake2s, blake2b"
SHA256_DIGITS = "expected 64 of 0-9 and a-f for sha256"
NO_NAME = "no algorithm name in lower-case ASCII found before the colon, expected one such as sha256"
ARABIC_ZEROS = "\u0660" * 64
NO_COLON = "no colon found, expected <algorithm>:<hexadecimal digits>"


# --- texts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_digest_of_every_accepted_algorithm_is_read_and_written_back(algorithm: str) -> None:
    text = f"{algorithm}:{hashlib.new(algorithm.replace('-', '_'), b'weights').hexdigest()}"
    digest = parse_digest(text)
    assert str(digest) == text
    assert digest == Digest(algorithm, text.partition(":")[2])


def test_no_accepted_algorithm_is_shorter_than_sha256_or_also_weak() -> None:
    assert min(ALGORITHMS.values()) == 64
    assert not WEAK_ALGORITHMS & set(ALGORITHMS)


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("", DigestFault.SYNTAX, NO_COLON),
        (REAL, DigestFault.SYNTAX, NO_COLON),
        (f":{REAL}", DigestFault.SYNTAX, NO_NAME),
        (f"SHA256:{REAL}", DigestFault.SYNTAX, NO_NAME),
        (f" sha256:{REAL}", DigestFault.SYNTAX, NO_NAME),
        (f"sha256 :{REAL}", DigestFault.SYNTAX, NO_NAME),
        (f"\u017fha256:{REAL}", DigestFault.SYNTAX, NO_NAME),
        (f"sha²56:{REAL}", DigestFault.SYNTAX, NO_NAME),
        (f"\x1b[2Jsha256:{REAL}", DigestFault.SYNTAX, NO_NAME),
        (f"sha256\n:{REAL}", DigestFault.SYNTAX, NO_NAME),
        (f"{'a' * 33}:{REAL}", DigestFault.SYNTAX, NO_NAME),
        ("md5:d41d8cd98f00b204e9800998ecf8427e", DigestFault.WEAK, "md5 is too weak, expected sha256 or stronger"),
        ("sha1:not even hex", DigestFault.WEAK, "sha1 is too weak, expected sha256 or stronger"),
        ("crc32:00000000", DigestFault.WEAK, "crc32 is too weak, expected sha256 or stronger"),
        (f"sha-256:{REAL}", DigestFault.UNKNOWN, f"sha-256 is not a known algorithm, expected one of {KNOWN}"),
        (f"sha3_256:{REAL}", DigestFault.UNKNOWN, f"sha3_256 is not a known algorithm, expected one of {KNOWN}"),
        (f"shake_128:{REAL}", DigestFault.UNKNOWN, f"shake_128 is not a known algorithm, expected one of {KNOWN}"),
        (f"sha256:{REAL}\n", DigestFault.SYNTAX, f"white space found around the digits, {SHA256_DIGITS}"),
        (f"sha256:{REAL}\x85", DigestFault.SYNTAX, f"white space found around the digits, {SHA256_DIGITS}"),
        (f"sha256: {REAL}", DigestFault.SYNTAX, f"white space found around the digits, {SHA256_DIGITS}"),
        (f"sha256:{REAL.upper()}", DigestFault.SYNTAX, f"upper-case digits found, {SHA256_DIGITS}"),
        ("sha256:", DigestFault.SYNTAX, f"0 digits found, {SHA256_DIGITS}"),
        (f"sha256:{REAL[:-1]}", DigestFault.SYNTAX, f"63 digits found, {SHA256_DIGITS}"),
        (f"sha256:{REAL}0", DigestFault.SYNTAX, f"65 digits found, {SHA256_DIGITS}"),
        (f"sha512:{REAL}", DigestFault.SYNTAX, "64 digits found, expected 128 of 0-9 and a-f for sha512"),
        (
            f"sha256:0x{REAL[2:]}",
            DigestFault.SYNTAX,
            f"a character found that is no hexadecimal digit, {SHA256_DIGITS}",
        ),
        (
            f"sha256:{ARABIC_ZEROS}",
            DigestFault.SYNTAX,
            f"a character found that is no hexadecimal digit, {SHA256_DIGITS}",
        ),
        (
            f"sha256:{REAL[:32]}\x00{REAL[33:]}",
            DigestFault.SYNTAX,
            f"a character found that is no hexadecimal digit, {SHA256_DIGITS}",
        ),
        (
            f"sha256:sha256:{REAL}",
            DigestFault.SYNTAX,
            f"a character found that is no hexadecimal digit, {SHA256_DIGITS}",
        ),
    ],
)
def test_a_text_that_is_no_digest_is_refused_with_its_reason(text: str, kind: DigestFault, reason: str) -> None:
    with pytest.raises(DigestSyntaxError) as caught:
        parse_digest(text)
    assert (caught.value.kind, caught.value.reason) == (kind, reason)
    assert str(caught.value) == reason


@given(st.text() | st.from_regex(r"[a-z0-9-]{1,8}:[0-9a-f]*\s?"))
def test_any_text_is_a_digest_that_writes_itself_or_is_refused_in_one_printable_line(text: str) -> None:
    try:
        written = str(parse_digest(text))
    except DigestSyntaxError as refusal:
        written, text = refusal.reason, "".join(filter(str.isprintable, refusal.reason))
    assert written == text


@given(st.binary())
def test_every_sha256_that_hashlib_makes_is_read_and_only_that_of_nothing_is_a_placeholder(data: bytes) -> None:
    digest = parse_digest(f"sha256:{hashlib.sha256(data).hexdigest()}")
    assert is_placeholder(digest) == (None if data else "it is the sha256 of the empty input")


# --- placeholders --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_digest_of_nothing_is_a_placeholder_in_every_algorithm(algorithm: str) -> None:
    nothing = hashlib.new(algorithm.replace("-", "_")).hexdigest()
    assert is_placeholder(Digest(algorithm, nothing)) == f"it is the {algorithm} of the empty input"


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("0", "it is the digit 0 repeated"),
        ("f", "it is the digit f repeated"),
        ("ab", "it is the pattern ab repeated"),
        ("deadbeef", "it is the pattern deadbeef repeated"),
        ("cafebabe", "it is the pattern cafebabe repeated"),
        ("0123456789", "it is the pattern 0123456789 repeated"),
        ("0123456789abcdef", "it is the pattern 0123456789abcdef repeated"),
        ("fedcba9876543210", "it is the pattern fedcba9876543210 repeated"),
        ("0123456789abcdef0", None),
        (REAL, None),
    ],
)
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_digits_that_repeat_a_short_pattern_are_a_placeholder(algorithm: str, pattern: str, reason: str | None) -> None:
    digits = (pattern * 128)[: ALGORITHMS[algorithm]]
    assert is_placeholder(Digest(algorithm, digits)) == reason


@given(st.text("0123456789abcdef", min_size=1, max_size=PLACEHOLDER_PERIOD))
def test_whatever_short_pattern_fills_a_digest_is_named_in_its_shortest_form(pattern: str) -> None:
    reason = is_placeholder(Digest("sha256", (pattern * 64)[:64]))
    assert reason is not None
    assert len(reason.split()[-2]) <= len(pattern)


def test_one_digit_that_breaks_the_pattern_makes_it_no_placeholder() -> None:
    assert is_placeholder(Digest("sha256", "0" * 63 + "1")) is None


# --- trees ---------------------------------------------------------------------------------------------------------

# What may stand in a path without sha256sum escaping it, at planes where UTF-16 order and code-point order part ways.
NAME = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\\n\r\0") | st.sampled_from("aA ~\uffff\U00010000"),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in {".", ".."} and len(name.encode()) < 200)
PATH = st.lists(NAME, min_size=1, max_size=3).map("/".join)
SHA256_HEX = st.binary(max_size=4).map(lambda data: hashlib.sha256(data).hexdigest())
TREE = st.dictionaries(PATH, SHA256_HEX, max_size=6)

COREUTILS = 'cd "$1" && find . -type f -printf "%P\\0" | xargs -0 sha256sum -- | LC_ALL=C sort -k 2 | sha256sum'


def checksum_by_coreutils(root: Path) -> str:
    shell = ["bash", "-o", "pipefail", "-c", COREUTILS, "bash", str(root)]
    return subprocess.run(shell, check=True, capture_output=True, text=True, timeout=60).stdout.split()[0]  # noqa: S603


def test_a_tree_checksum_is_what_coreutils_print(tmp_path: Path) -> None:
    names = [
        *("model.nemo", "Model.nemo", "a0", "a b", " leading", "a.b", "a/b", "a-b/c", "z/ä.bin", "z/a\u0308.bin"),
        *(
            "tab\there",
            "-n",
            "*star",
            "\uffff",
            "\U00010000",
            "emoji 🎙/voice.bin",
            "empty",
            "\x1b[31mred",
            "\u202etxt.bin",
        ),
    ]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "empty" else name.encode() * 3)
    pairs = [(name, hash_file(tmp_path / name).hex) for name in names]
    assert tree_checksum(pairs) == checksum_by_coreutils(tmp_path)


def test_the_tree_checksum_of_one_file_is_the_digest_of_its_line() -> None:
    line = f"{REAL}  model.nemo\n".encode()
    assert tree_checksum([("model.nemo", REAL)]) == hashlib.sha256(line).hexdigest()


def test_a_tree_without_files_has_a_checksum_that_counts_as_placeholder() -> None:
    assert tree_checksum([]) == EMPTY
    assert is_placeholder(Digest("sha256", tree_checksum([]))) == "it is the sha256 of the empty input"


@given(TREE, st.randoms(use_true_random=False))
def test_a_tree_checksum_does_not_depend_on_the_order_of_the_pairs(tree: dict[str, str], chance: random.Random) -> None:
    pairs = list(tree.items())
    chance.shuffle(pairs)
    assert tree_checksum(pairs) == tree_checksum(tree.items())


@given(TREE)
def test_a_tree_checksum_sorts_by_the_bytes_of_the_paths(tree: dict[str, str]) -> None:
    lines = sorted((path.encode(), digits.encode()) for path, digits in tree.items())
    text = b"".join(digits + b"  " + path + b"\n" for path, digits in lines)
    assert tree_checksum(tree.items()) == hashlib.sha256(text).hexdigest()


@given(TREE, TREE)
def test_two_trees_share_a_checksum_only_if_they_share_names_and_digests(
    one: dict[str, str], other: dict[str, str]
) -> None:
    assert (tree_checksum(one.items()) == tree_checksum(other.items())) == (one == other)


def test_a_tree_checksum_binds_the_names_to_their_bytes() -> None:
    a, b = hashlib.sha256(b"a").hexdigest(), hashlib.sha256(b"b").hexdigest()
    assert tree_checksum([("x", a), ("y", b)]) != tree_checksum([("x", b), ("y", a)])


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("a", REAL), ("a", REAL)], "a path stands twice in the tree"),
        ([("a", REAL), ("a", EMPTY)], "a path stands twice in the tree"),
        (
            [("a\nb", REAL)],
            "a digest of the tree is not 64 of 0-9 and a-f, or a path holds a backslash, a line break or NUL",
        ),
        (
            [("a\rb", REAL)],
            "a digest of the tree is not 64 of 0-9 and a-f, or a path holds a backslash, a line break or NUL",
        ),
        (
            [("a\\b", REAL)],
            "a digest of the tree is not 64 of 0-9 and a-f, or a path holds a backslash, a line break or NUL",
        ),
        (
            [("a\0b", REAL)],
            "a digest of the tree is not 64 of 0-9 and a-f, or a path holds a backslash, a line break or NUL",
        ),
        (
            [("a", REAL.upper())],
            "a digest of the tree is not 64 of 0-9 and a-f, or a path holds a backslash, a line break or NUL",
        ),
        (
            [("a", REAL + "\n")],
            "a digest of the tree is not 64 of 0-9 and a-f, or a path holds a backslash, a line break or NUL",
        ),
        (
            [("a", REAL * 2)],
            "a digest of the tree is not 64 of 0-9 and a-f, or a path holds a backslash, a line break or NUL",
        ),
        (
            [("a", "")],
            "a digest of the tree is not 64 of 0-9 and a-f, or a path holds a backslash, a line break or NUL",
        ),
    ],
)
def test_a_tree_that_coreutils_would_write_otherwise_is_refused(pairs: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        tree_checksum(pairs)


def test_a_path_without_utf8_form_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        tree_checksum([("w\udcff.bin", REAL)])


# --- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(
    "size", [0, 1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 2 * CHUNK_SIZE, 3 * CHUNK_SIZE + 7], ids=str
)
def test_a_file_of_any_size_around_the_chunk_hashes_as_hashlib_hashes_it(
    tmp_path: Path, algorithm: str, size: int
) -> None:
    data = random.Random(size).randbytes(size)  # noqa: S311 - bytes to hash, nothing secret
    path = tmp_path / "weights.bin"
    path.write_bytes(data)
    steps: list[int] = []
    found = hash_file(path, algorithm=algorithm, expected_size=size, progress=steps.append)
    assert found == HashedFile(size, hashlib.new(algorithm.replace("-", "_"), data).hexdigest())
    assert sum(steps) == size
    assert all(0 < step <= CHUNK_SIZE for step in steps)


@given(st.integers(-3, 3), st.integers(0, 3))
def test_the_chunks_leave_no_mark_on_the_digest(
    tmp_path_factory: pytest.TempPathFactory, offset: int, chunks: int
) -> None:
    data = b"\x5a" * max(0, chunks * CHUNK_SIZE + offset)
    path = tmp_path_factory.getbasetemp() / "chunks.bin"
    path.write_bytes(data)
    assert hash_file(str(path)).hex == hashlib.sha256(data).hexdigest()


def test_an_unknown_algorithm_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^expected one of {KNOWN}$"):
        hash_file(tmp_path / "never-opened", algorithm="md5")


def test_a_sparse_file_of_20_gib_is_refused_before_its_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "sparse.bin"
    path.touch()
    os.truncate(path, 20 * 1024**3)
    steps: list[int] = []
    with pytest.raises(SizeDiffers) as caught:
        hash_file(path, expected_size=1024, progress=steps.append)
    assert str(caught.value) == "21474836480 bytes found, expected 1024"
    assert (caught.value.expected, caught.value.found) == (1024, 21474836480)
    assert steps == []


def test_what_progress_raises_ends_the_reading_and_leaves_no_open_file(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"x")

    def stop(count: int) -> None:
        raise InterruptedError(count)

    open_before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(InterruptedError):
        hash_file(path, progress=stop)
    assert len(list(Path("/proc/self/fd").iterdir())) == open_before


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", "/"])
def test_a_device_or_a_folder_is_not_read(path: str) -> None:
    with pytest.raises(NotARegularFile, match=r"^not a regular file$"):
        hash_file(path)


def test_a_fifo_nobody_writes_to_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(NotARegularFile, match=r"^not a regular file$"):
        hash_file(tmp_path / "fifo")


def test_a_link_is_refused_unless_it_may_be_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"weights")
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(OSError, match="Too many levels of symbolic links") as caught:
        hash_file(tmp_path / "link")
    assert caught.value.errno == errno.ELOOP
    assert hash_file(tmp_path / "link", follow_links=True) == HashedFile(7, REAL)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        hash_file(tmp_path / "nothing")


# --- files that change ---------------------------------------------------------------------------------------------

SIZE = 3 * CHUNK_SIZE


def _replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"\xff" * SIZE)
    other.rename(path)


def _replace_by_link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _truncate(path: Path) -> None:
    os.truncate(path, CHUNK_SIZE + 10)


def _rewrite_with_time_restored(path: Path) -> None:
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(2 * CHUNK_SIZE)
        file.write(b"swapped")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _rewrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"swapped")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (_replace, "its path names another file now"),
        (_replace_by_link, "its path names another file now"),
        (Path.unlink, "its path names nothing any more"),
        (_append, "it grew while it was read"),
        (_truncate, f"its size went from {SIZE} to {CHUNK_SIZE + 10} bytes"),
        (_rewrite, "it was written to"),
        (_rewrite_with_time_restored, "it was written to, or its attributes were changed"),
    ],
)
@pytest.mark.parametrize("expected_size", [None, SIZE])
def test_a_file_swapped_while_it_is_read_has_no_digest(
    tmp_path: Path, change: Callable[[Path], None], what: str, expected_size: int | None
) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"\x5a" * SIZE)
    time.sleep(0.05)  # more than one tick of the clock that stamps files
    steps: list[int] = []

    def meddle(count: int) -> None:
        if not steps:
            change(path)
        steps.append(count)

    with pytest.raises(FileChanged) as caught:
        hash_file(path, expected_size=expected_size, progress=meddle)
    assert caught.value.what == what
    assert str(caught.value) == what


def test_a_change_at_the_last_chunk_is_seen_too(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"\x5a" * SIZE)
    time.sleep(0.05)
    seen = 0

    def meddle(count: int) -> None:
        nonlocal seen
        seen += count
        if seen == SIZE:
            _rewrite_with_time_restored(path)

    with pytest.raises(FileChanged, match=r"^it was written to, or its attributes were changed$"):
        hash_file(path, progress=meddle)


def test_a_file_that_is_only_read_by_others_has_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"\x5a" * SIZE)
    read: list[bytes] = []
    found = hash_file(path, progress=lambda _count: read.append(path.read_bytes()))
    assert read == [b"\x5a" * SIZE] * 3
    assert found.hex == hashlib.sha256(b"\x5a" * SIZE).hexdigest()


def test_a_file_that_grows_for_ever_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x")
    steps: list[int] = []

    def follow(count: int) -> None:
        steps.append(count)
        _append(path)

    with pytest.raises(FileChanged, match=r"^it grew while it was read$"):
        hash_file(path, progress=follow)
    assert steps == [1]


def test_a_file_that_claims_more_bytes_than_it_gives_has_no_digest() -> None:
    claimed = Path("/sys/devices/system/cpu/online")  # every file in sysfs claims a page
    if not claimed.exists():
        pytest.skip("no sysfs here")
    size, given = claimed.stat().st_size, len(claimed.read_bytes())
    with pytest.raises(FileChanged, match=f"^{given} bytes could be read of {size}$"):
        hash_file(claimed)
