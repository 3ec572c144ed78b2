"""How bundles are made and put in place: what is refused, what is written, and what a killed process leaves behind."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.bundles import (
    COMMIT,
    CONFIG,
    DATASET,
    FILES,
    NOW,
    REFERENCE,
    digest,
    production,
    promoted,
    rows,
    safetensors,
    served,
    text_of,
    write,
)

from helix_tts_policy import Verdict, verify_bundle
from helix_tts_policy.digest import FileChanged, NotARegularFile
from helix_tts_policy.facts.voice_bundle import VoiceBundle
from helix_tts_policy.voice_bundle_writer import BundleRefused, build_bundle, promote_bundle
from helix_tts_policy.whole_folder import copy_file

if TYPE_CHECKING:
    from collections.abc import Callable

FACTS: dict[str, Any] = {
    "bundle_version": "prod_tts_voice_bundle/1",
    "commit": COMMIT,
    "config_sha256": CONFIG,
    "dataset_sha256": DATASET,
    "weights_refs": [REFERENCE],
}
SERVED = {
    "bundle_version": "voice_bundle/1",
    "voice_profile_id": "warm-voice",
    "display_name": "Warm voice",
    "created_at": "2026-11-23T18:00:00Z",
}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """The files of the small voice, somewhere else."""
    folder = tmp_path / "outputs"
    folder.mkdir()
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    return {name: folder / name for name in FILES}


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names(folder)}


# --- build ------------------------------------------------------------------------------------------------------------


def test_a_production_bundle_is_built(tmp_path: Path, files: dict[str, Path]) -> None:
    report = build_bundle(
        tmp_path / "b", {**files, "more/second.safetensors": files["voice.safetensors"]}, FACTS, now=NOW
    )

    assert (report.verdict, report.source) == (Verdict.GO, str(tmp_path / "b"))
    manifest = json.loads((tmp_path / "b" / "manifest.json").read_bytes())
    own = {**FILES, "more/second.safetensors": FILES["voice.safetensors"]}
    assert manifest == production(files=rows(dict(sorted(own.items()))))
    assert contents(tmp_path / "b") == {**own, "manifest.json": report.data}
    assert verify_bundle(tmp_path / "b", now=NOW).to_dict() == report.to_dict()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "outputs"]


def test_a_bundle_that_is_served_can_be_built(tmp_path: Path, files: dict[str, Path]) -> None:
    report = build_bundle(tmp_path / "b", files, SERVED, now=NOW)

    assert isinstance(report.bundle, VoiceBundle)
    assert json.loads(report.data) == served(dict(sorted(FILES.items())))


def test_files_may_be_links_to_files_since_the_caller_named_them(tmp_path: Path, files: dict[str, Path]) -> None:
    (tmp_path / "latest").symlink_to(files["voice.safetensors"])

    report = build_bundle(tmp_path / "b", {**files, "voice.safetensors": tmp_path / "latest"}, FACTS, now=NOW)

    assert report.verdict is Verdict.GO
    assert not (tmp_path / "b" / "voice.safetensors").is_symlink()


def test_progress_is_told_of_the_copy_and_of_the_hash(tmp_path: Path, files: dict[str, Path]) -> None:
    told: list[tuple[int, int]] = []
    build_bundle(tmp_path / "b", files, FACTS, now=NOW, progress=lambda done, total: told.append((done, total)))

    size = sum(map(len, FILES.values()))
    assert told.count((size, size)) == 2
    assert {total for _, total in told} == {size}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"weights_refs": [{**REFERENCE, "weights_license": "CC-BY-NC-4.0"}]}, "weights-license-forbidden"),
        ({"commit": "HEAD"}, "bundle-commit-mutable"),
        ({"weights_refs": []}, "bundle-shape"),
        ({"bundle_version": "other/1"}, "bundle-shape"),
        ({"config_sha256": None}, "bundle-shape"),
    ],
)
def test_a_bundle_that_would_be_no_go_is_not_written(
    changes: dict[str, Any], rule: str, tmp_path: Path, files: dict[str, Path]
) -> None:
    with pytest.raises(BundleRefused) as caught:
        build_bundle(tmp_path / "b", files, FACTS | changes, now=NOW)

    assert rule in {finding.rule for finding in caught.value.report.findings}
    assert str(caught.value).startswith(f"{tmp_path / 'b'}: {rule}: found ") or rule == "bundle-shape"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outputs"]


def test_a_refusal_counts_what_it_does_not_tell(tmp_path: Path, files: dict[str, Path]) -> None:
    with pytest.raises(BundleRefused, match=r": bundle-commit-mutable: .* \(and 1 more\)\Z"):
        build_bundle(tmp_path / "b", files, FACTS | {"commit": "HEAD", "dataset_sha256": "x"}, now=NOW)


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], "files: found none; expected one at least"),
        (["../x"], 'files: found "../x", which leaves the root through ..; expected a path below the bundle'),
        (["a\0b"], r'files: found "a\x00b", which holds a NUL; expected a path below the bundle'),
        (["A.bin", "a.bin"], 'files: found "a.bin", which is taken; expected names that differ on every system'),
        (["Manifest.JSON"], 'files: found "Manifest.JSON", which is taken; expected names that differ on every system'),
        (["a", "A/b"], 'files: found "a" as a file and as a folder; expected one of them'),
    ],
)
def test_paths_that_no_bundle_may_have(paths: list[str], message: str, tmp_path: Path, files: dict[str, Path]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        build_bundle(tmp_path / "b", dict.fromkeys(paths, files["sample.wav"]), FACTS, now=NOW)

    assert str(caught.value) == message
    assert not (tmp_path / "b").exists()


def test_what_is_computed_is_not_stated(tmp_path: Path, files: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match=r"^facts: found artifact_sha256, files, which is computed from the files"):
        build_bundle(tmp_path / "b", files, production(), now=NOW)


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("nowhere")])
def test_nothing_is_ever_built_over(make: Callable[[Path], object], tmp_path: Path, files: dict[str, Path]) -> None:
    make(tmp_path / "b")

    with pytest.raises(FileExistsError, match=r"exists; name a new folder, or remove the old one first$"):
        build_bundle(tmp_path / "b", files, FACTS, now=NOW)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "outputs"]


def test_files_that_cannot_be_copied(tmp_path: Path, files: dict[str, Path]) -> None:
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(NotARegularFile, match=r"fifo': not a regular file$"):
        build_bundle(tmp_path / "b", {**files, "x.bin": tmp_path / "fifo"}, FACTS, now=NOW)
    with pytest.raises(FileNotFoundError):
        build_bundle(tmp_path / "b", {**files, "x.bin": tmp_path / "none"}, FACTS, now=NOW)
    with pytest.raises(FileNotFoundError):
        build_bundle(tmp_path / "no" / "b", files, FACTS, now=NOW)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fifo", "outputs"]


def test_a_file_that_grows_or_is_written_to_while_it_is_copied(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 1_000_000)
    os.utime(source, (1, 1))
    once = [True]

    def touch(_: int) -> None:
        if once:
            once.pop()
            os.utime(source, (2, 2))

    def grow(_: int) -> None:
        with source.open("ab") as stream:
            stream.write(b"y" * 300_000)

    with pytest.raises(FileChanged, match=r"^it was written to, or its attributes were changed$|^it was written to$"):
        copy_file(source, tmp_path / "one", progress=touch)
    with pytest.raises(FileChanged, match=r"^it grew while it was copied$"):
        copy_file(source, tmp_path / "two", progress=grow)


def test_a_copy_that_is_taken_away_is_noticed(tmp_path: Path, files: dict[str, Path]) -> None:
    copy = tmp_path / ".b.helix-new" / "sample.wav"

    def take(done: int, total: int) -> None:
        if done == total:
            copy.unlink(missing_ok=True)

    with pytest.raises(FileChanged, match=r"^'sample.wav' changed after it was copied$"):
        build_bundle(tmp_path / "b", files, FACTS, now=NOW, progress=take)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outputs"]


# --- promote ----------------------------------------------------------------------------------------------------------


def test_a_production_bundle_is_promoted(tmp_path: Path) -> None:
    write(tmp_path / "b")

    report = promote_bundle(
        tmp_path / "b", tmp_path / "voice", voice_profile_id="warm-voice", display_name="Warm voice", now=NOW
    )

    manifest, own = promoted()
    expected = {**manifest, "created_at": "2026-11-25T00:00:00Z", "files": rows(dict(sorted(own.items())))}
    assert json.loads(report.data) == expected
    assert contents(tmp_path / "voice") == {**own, "manifest.json": report.data}
    assert (report.verdict, report.findings) == (Verdict.GO, ())
    assert verify_bundle(tmp_path / "voice", now=NOW).to_dict() == report.to_dict()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "voice"]


def test_names_come_from_the_bundle_that_is_replaced_and_else_from_the_target(tmp_path: Path) -> None:
    write(tmp_path / "b")

    def stated(voice_profile_id: str | None = None, display_name: str | None = None) -> tuple[str, str]:
        bundle = promote_bundle(
            tmp_path / "b", tmp_path / "mei", voice_profile_id=voice_profile_id, display_name=display_name, now=NOW
        ).bundle
        assert isinstance(bundle, VoiceBundle)
        return bundle.voice_profile_id, bundle.display_name

    assert stated() == ("mei", "mei")
    assert stated(voice_profile_id="mei-2") == ("mei-2", "mei")
    assert stated(display_name="Mei") == ("mei-2", "Mei")
    assert stated() == ("mei-2", "Mei")


def test_a_bundle_that_is_served_is_copied_as_it_is(tmp_path: Path) -> None:
    write(tmp_path / "staging", *promoted())

    report = promote_bundle(tmp_path / "staging", tmp_path / "live", now=NOW)

    assert report.verdict is Verdict.GO
    assert contents(tmp_path / "live") == contents(tmp_path / "staging")
    with pytest.raises(ValueError, match=r"^found a name for a voice_bundle/1, which states its own; leave it out$"):
        promote_bundle(tmp_path / "staging", tmp_path / "live", display_name="x", now=NOW)


def test_a_bundle_that_is_no_go_is_not_promoted_and_what_stands_stays(tmp_path: Path) -> None:
    good = write(tmp_path / "live", *promoted())
    before = contents(good)
    bad = write(tmp_path / "b")
    (bad / "voice.safetensors").write_bytes(safetensors(0.25, -1.5, 4.0))

    with pytest.raises(BundleRefused, match=r"b: file-digest-mismatch: "):
        promote_bundle(bad, good, now=NOW)
    with pytest.raises(BundleRefused, match=r"none: input-unreadable: does not exist"):
        promote_bundle(tmp_path / "none", good, now=NOW)
    assert contents(good) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "live"]


@pytest.mark.parametrize(
    ("manifest", "rule"), [(production(), "bundle-provenance-mismatch"), (served(), "file-digest-mismatch")]
)
def test_a_file_that_changes_between_the_look_and_the_copy(manifest: dict[str, Any], rule: str, tmp_path: Path) -> None:
    source = write(tmp_path / "b", manifest)
    target = write(tmp_path / "live", *promoted())
    before = contents(target)
    size = sum(map(len, FILES.values()))
    told: list[int] = []

    def spoil(done: int, _: int) -> None:
        # The source was hashed whole, and the first of its files is copied: the other is another one by now.
        if size in told and done == len(FILES["voice.safetensors"]):
            (source / "sample.wav").write_bytes(FILES["sample.wav"][:-1] + b"!")
        told.append(done)

    with pytest.raises(BundleRefused) as caught:
        promote_bundle(source, target, now=NOW, progress=spoil)
    assert rule in {finding.rule for finding in caught.value.report.findings}
    assert contents(target) == before


def test_nothing_but_a_bundle_is_replaced(tmp_path: Path) -> None:
    source = write(tmp_path / "b")
    for name in ("file", "folder", "link", "notes"):
        target = tmp_path / name
        if name == "file":
            target.touch()
        elif name == "folder":
            target.mkdir()
            (target / "thesis.txt").touch()
        elif name == "link":
            target.symlink_to("b")
        else:
            write(target, *promoted())
            (target / "notes.txt").touch()
    problems = {
        "file": "is no folder; name the folder of a bundle, or a new one",
        "folder": "is no voice bundle that can be read; name a new folder, or remove it",
        "notes": 'holds "notes.txt", which its manifest does not list; nothing but a bundle is replaced',
    }
    for name, message in problems.items():
        with pytest.raises(FileExistsError) as caught:
            promote_bundle(source, tmp_path / name, now=NOW)
        assert str(caught.value) == f"{str(tmp_path / name)!a} exists and {message}"
    (tmp_path / "other").symlink_to("notes")
    with pytest.raises(FileExistsError, match=r"is no folder"):
        promote_bundle(source, tmp_path / "other", now=NOW)
    for target in (source, source / "below", tmp_path / "link", tmp_path):
        with pytest.raises(ValueError, match=r"in the source or around it; expected another folder$"):
            promote_bundle(source, target, now=NOW)


def test_a_damaged_bundle_is_replaced(tmp_path: Path) -> None:
    source, target = write(tmp_path / "b"), write(tmp_path / "live", *promoted())
    (target / "voice.safetensors").unlink()

    assert promote_bundle(source, target, now=NOW).verdict is Verdict.GO


def test_a_file_that_has_the_name_of_the_sources_manifest(tmp_path: Path) -> None:
    files = {**FILES, "Source_Manifest.json": b"{}\n"}
    source = write(tmp_path / "b", production(files), files)

    with pytest.raises(ValueError, match=r'^files: found "source_manifest.json", which is taken'):
        promote_bundle(source, tmp_path / "live", now=NOW)


def test_a_folder_of_which_the_sources_manifest_is_digested_is_the_one_that_was_verified(tmp_path: Path) -> None:
    source = write(tmp_path / "b")
    report = promote_bundle(source, tmp_path / "live", now=NOW)

    assert isinstance(report.bundle, VoiceBundle)
    assert report.bundle.provenance is not None
    assert report.bundle.provenance.source_manifest_sha256 == digest(text_of(production()))
