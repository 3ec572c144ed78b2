"""What lies in the folder of a voice bundle: hostile names, links, devices, files that change and files that are something else."""

from __future__ import annotations

import io
import json
import os
import stat
import tarfile
import zipfile
from typing import TYPE_CHECKING, Literal

import pytest
from tests import format_files
from tests.bundles import (
    FILES,
    digest,
    production,
    rows,
    rules,
    text_of,
    told,
    verified,
    wav,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


# --- paths and what lies there ----------------------------------------------------------------------------------------

UNSAFE = {
    "../escape.safetensors": "leaves the root through ..",
    "/etc/passwd": "is absolute",
    "a\\b.safetensors": "holds a backslash",
    "C:voice.safetensors": "holds a colon, which names a drive or a stream on Windows",
    "a//b": "has an empty part or a dot as a part",
    "./a": "has an empty part or a dot as a part",
    "voice.": "has a part that ends in a dot or a blank, which Windows drops",
}


@pytest.mark.parametrize("path", UNSAFE)
def test_a_path_that_leads_out_is_neither_followed_nor_read(path: str, tmp_path: Path) -> None:
    outside = FILES["voice.safetensors"]
    (tmp_path / "escape.safetensors").write_bytes(outside)
    manifest = production(files=[*rows(FILES), {"path": path, "sha256": digest(outside), "bytes": len(outside)}])

    report = verified(write(tmp_path / "b", manifest))

    message = f'found "{path}", which {UNSAFE[path]}; expected a path below the root'
    assert told(report) == [("file-path-unsafe", "/files/2/path", message)]
    assert report.observed is not None
    assert {file.path for file in report.observed.files if file.hex} == set(FILES)


def test_a_path_with_a_nul_is_no_text(tmp_path: Path) -> None:
    manifest = production(files=[*rows(FILES), {"path": "a\0b", "sha256": digest(b"x"), "bytes": 1}])

    assert rules(verified(write(tmp_path, manifest))) == {"input-unsafe-text"}


@pytest.mark.parametrize(
    ("paths", "rule"),
    [
        (("Voice.bin", "voice.bin"), "file-path-collision"),
        (("voi\u00e7e.bin", "voic\u0327e.bin"), "file-path-collision"),
        (("voice.bin", "voice.bin"), "file-path-collision"),
        (("voice.bin", "voice.bin/model.bin"), "file-path-collision"),
        (("Manifest.json",), "bundle-manifest-listed"),
    ],
)
def test_names_that_are_one_file_somewhere(paths: tuple[str, ...], rule: str, tmp_path: Path) -> None:
    more = [{"path": path, "sha256": digest(b"x"), "bytes": 1} for path in paths]

    report = verified(write(tmp_path, production(files=[*rows(FILES), *more])))

    assert rule in rules(report)
    assert rules(report) <= {rule, "file-missing"}


def test_a_manifest_that_lists_itself_is_no_match(tmp_path: Path) -> None:
    own = {"path": "manifest.json", "sha256": digest(b"x"), "bytes": 1}

    report = verified(write(tmp_path, production(files=[*rows(FILES), own])))

    assert rules(report) == {"bundle-manifest-listed", "file-size-mismatch"}


def link(path: Path) -> None:
    path.symlink_to("/srv/secret/place")


def device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (link, "link"),
        (os.mkfifo, "fifo"),
        pytest.param(device, "device", marks=pytest.mark.skipif("os.geteuid() != 0")),
    ],
)
@pytest.mark.parametrize("listed", [True, False])
def test_what_is_no_file_is_refused_without_being_read(
    make: Callable[[Path], object],
    kind: str,
    listed: bool,  # noqa: FBT001 - a column of the table
    tmp_path: Path,
) -> None:
    write(tmp_path)
    name = "sample.wav" if listed else "extra.wav"
    (tmp_path / name).unlink(missing_ok=True)
    make(tmp_path / name)

    report = verified(tmp_path)

    pointer = "/files/1/path" if listed else "/files"
    assert told(report) == [
        ("file-not-regular", pointer, f'found "{name}", which is a {kind}; expected a regular file')
    ]
    assert "secret" not in json.dumps(report.to_dict())


def test_a_folder_behind_a_link_is_not_entered(tmp_path: Path) -> None:
    files = {"sub/voice.safetensors": FILES["voice.safetensors"]}
    write(tmp_path / "b", production(files), files)
    (tmp_path / "b" / "sub").rename(tmp_path / "elsewhere")
    (tmp_path / "b" / "sub").symlink_to("../elsewhere")

    assert rules(verified(tmp_path / "b")) == {"file-not-regular", "file-missing"}


def test_extra_and_empty_files_are_told(tmp_path: Path) -> None:
    files = {**FILES, "notes.txt": b""}
    write(tmp_path, production(files), files)
    (tmp_path / "speaker_encoder.pt").write_bytes(b"left here")
    (tmp_path / ".hidden").write_bytes(b"x")

    assert sorted(told(verified(tmp_path))) == [
        (
            "digest-placeholder",
            "/files/2/sha256",
            f'found "{digest(b"")}": it is the sha256 of the empty input',
        ),
        ("file-empty", "/files/2/bytes", 'found "notes.txt" with 0 bytes; expected content'),
        ("file-unlisted", "/files", 'found ".hidden" (1 bytes) under the root; expected only listed files'),
        ("file-unlisted", "/files", 'found "speaker_encoder.pt" (9 bytes) under the root; expected only listed files'),
    ]


def test_a_sparse_giant_is_refused_before_it_is_read(tmp_path: Path) -> None:
    write(tmp_path)
    with (tmp_path / "voice.safetensors").open("r+b") as stream:
        stream.truncate(20 * 2**30)
    hashed = []

    report = verified(tmp_path, progress=lambda done, total: hashed.append((done, total)))

    assert rules(report) == {"file-size-mismatch"}
    assert all(total == len(FILES["sample.wav"]) for _, total in hashed)


# --- what changes meanwhile -------------------------------------------------------------------------------------------


def test_a_file_that_is_swapped_while_it_is_hashed(tmp_path: Path) -> None:
    write(tmp_path / "b")
    (tmp_path / "other").write_bytes(FILES["sample.wav"])

    def swap(done: int, total: int) -> None:
        if done == total and (tmp_path / "other").exists():
            (tmp_path / "other").replace(tmp_path / "b" / "sample.wav")

    report = verified(tmp_path / "b", jobs=1, progress=swap)

    assert rules(report) == {"file-changed"}
    assert report.codes == ("checksum_mismatch",)


def test_a_file_that_is_swapped_after_it_was_hashed(tmp_path: Path) -> None:
    write(tmp_path / "b")
    hashed: list[str] = []

    def swap(done: int, total: int) -> None:
        if not hashed:  # each file is read in one step, so the first to be reported is known by its size
            hashed.append(next(path for path, data in FILES.items() if len(data) == done))
        elif done == total:
            (tmp_path / "other").write_bytes(FILES[hashed[0]])
            (tmp_path / "other").replace(tmp_path / "b" / hashed[0])

    report = verified(tmp_path / "b", jobs=1, progress=swap)

    assert told(report) == [
        (
            "file-changed",
            f"/files/{[*FILES].index(hashed[0])}/path",
            f'"{hashed[0]}" changed while it was read: its path names another file now; expected a file that holds still',
        )
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda path: path.write_bytes(text_of(production())), "it was written to"),
        (lambda path: path.unlink(), "its path names nothing any more"),
        (lambda path: (path.parent.parent / "other").replace(path), "its path names another file now"),
    ],
)
def test_bundle_manifest_changed(change: Callable[[Path], object], words: str, tmp_path: Path) -> None:
    write(tmp_path / "b")
    (tmp_path / "other").write_bytes(text_of(production()))
    os.utime(tmp_path / "b" / "manifest.json", (1, 1))
    once = [change]

    def act(_: int, __: int) -> None:
        if once:
            once.pop()(tmp_path / "b" / "manifest.json")

    report = verified(tmp_path / "b", progress=act)

    message = f"manifest.json changed while the bundle was read: {words}; expected one that holds still"
    assert told(report) == [("bundle-manifest-changed", "", message)]


# --- what the bytes are -----------------------------------------------------------------------------------------------


def tar(mode: Literal["w", "w:gz"], members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def renamed_zip() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
        archive.writestr("archive/version", b"3\n")
    return stream.getvalue()


CONFIG = b"target: nemo.collections.tts.models.fastpitch.FastPitchModel\n"
FORGED = {
    "file-format-mismatch": ("voice.nemo", renamed_zip()),
    "file-is-lfs-pointer": (
        "model.safetensors",
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + digest(b"x").encode() + b"\nsize 12345\n",
    ),
    "pickle-global-refused": ("weights.pkl", b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00idq\x00\x85R."),
    "archive-unsafe": (
        "bomb.nemo",
        tar("w:gz", {"model_config.yaml": CONFIG, "model_weights.ckpt": b"\0" * 50_000_000}),
    ),
    "archive-incomplete": ("empty.nemo", tar("w", {"model_config.yaml": CONFIG})),
    "archive-target-refused": (
        "hooked.nemo",
        format_files.nemo(config=format_files.CONFIG + b"decoder: {_target_: os.system, command: echo gotcha}\n"),
    ),
    "audio-empty": ("silence.wav", wav(0)),
}


@pytest.mark.parametrize("rule", FORGED)
def test_a_file_is_what_its_name_says(rule: str, tmp_path: Path) -> None:
    name, data = FORGED[rule]
    files = {**FILES, name: data}

    report = verified(write(tmp_path, production(files), files))

    assert [(found, path) for found, path, _ in told(report)] == [(rule, "/files/2/path")]
    assert report.codes == ("required_file_missing",)


NO_WEIGHTS = {
    "a licence that is called like weights": ("LICENSE.nemo", b"The weights are elsewhere.\n"),
    "a text that is called like any weights": ("README.bin", b"The weights are elsewhere.\n"),
    "tensors without tensors": ("voice.safetensors", (2).to_bytes(8, "little") + b"{}"),
    "a checkpoint without tensors": ("voice.pt", format_files.torch_zip(format_files.state_dict(), storages={})),
}


@pytest.mark.parametrize(("name", "data"), NO_WEIGHTS.values(), ids=NO_WEIGHTS)
def test_what_holds_no_weights_is_none(name: str, data: bytes, tmp_path: Path) -> None:
    files = {"sample.wav": FILES["sample.wav"], name: data}

    report = verified(write(tmp_path, production(files), files))

    assert [(found, path) for found, path, _ in told(report)] == [("bundle-weights-missing", "/files")]


def test_an_archive_that_climbs_is_not_unpacked(tmp_path: Path) -> None:
    climbing = tar("w", {"../escaped.yaml": CONFIG, "model_config.yaml": CONFIG, "model_weights.ckpt": b"x"})
    files = {**FILES, "voice.nemo": climbing}

    report = verified(write(tmp_path / "b", production(files), files))

    assert "archive-unsafe" in rules(report)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]
