"""What is said of voice bundles: good ones, folders that are none, and what holds for all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bundles import (
    FILES,
    NOW,
    REFERENCE,
    digest,
    production,
    promoted,
    rules,
    safetensors,
    served,
    text_of,
    told,
    verified,
    wav,
    write,
)
from tests.command_line import REPOSITORY, VOICES

import helix_tts_policy
from helix_tts_policy import BundleReport, PolicyError, Severity, Verdict, default_policy, load_policy, verify_bundle
from helix_tts_policy.document import MAX_DOCUMENT_BYTES
from helix_tts_policy.facts.voice_bundle import ProductionBundle, VoiceBundle
from helix_tts_policy.rules.bundle_registry import BUNDLE_READING_RULES, BUNDLE_RULES, CODES, code_of
from helix_tts_policy.rules.format_registry import FORMAT_RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from helix_tts_policy.rules.rule import Rule

LEGACY = {"manifest_missing", "manifest_invalid", "required_file_missing", "checksum_mismatch", "bytes_mismatch"}


# --- good ones --------------------------------------------------------------------------------------------------------


def test_a_production_bundle_is_go(tmp_path: Path) -> None:
    report = verified(write(tmp_path / "b"))

    assert (report.verdict, report.findings, report.codes) == (Verdict.GO, (), ())
    assert isinstance(report.bundle, ProductionBundle)
    assert [file.path for file in report.bundle.files] == [*FILES]
    assert [(part.path, part.decision.state) for part in report.licenses] == [
        ("/weights_refs/0/weights_license", "allowed"),
        ("/weights_refs/0/code_license", "allowed"),
    ]
    assert report.pinned()["files"] == [
        {"path": path, "bytes": len(FILES[path]), "sha256": digest(FILES[path])} for path in sorted(FILES)
    ]
    assert report.pinned()["artifact_sha256"] == production()["artifact_sha256"]
    assert report.pinned()["manifest"] == {
        "sha256": digest(text_of(production())),
        "bytes": len(text_of(production())),
    }
    report.raise_for_verdict()


def test_one_reference_needs_no_array(tmp_path: Path) -> None:
    report = verified(write(tmp_path, production(weights_refs=REFERENCE)))

    assert report.verdict is Verdict.GO
    assert [part.path for part in report.licenses] == ["/weights_refs/weights_license", "/weights_refs/code_license"]


def test_a_bundle_that_is_served_is_go_and_says_what_it_lacks(tmp_path: Path) -> None:
    report = verified(write(tmp_path, served()))

    assert report.verdict is Verdict.GO
    assert isinstance(report.bundle, VoiceBundle)
    assert [(finding.rule, finding.severity, finding.message) for finding in report.findings] == [
        (
            "bundle-provenance-missing",
            Severity.WARNING,
            "found no source_manifest_sha256 and no source_weights_refs; expected a provenance that says where the voice comes from",
        )
    ]


def test_a_promoted_bundle_has_nothing_to_complain_about(tmp_path: Path) -> None:
    report = verified(write(tmp_path, *promoted()))

    assert (report.verdict, report.findings) == (Verdict.GO, ())
    assert report.summary == (
        "format   voice_bundle/1",
        'voice    "warm-voice", "Warm voice", of "2026-11-23T18:00:00Z"',
        'source   "prod_tts_voice_bundle/1", its manifest in the bundle',
        f"files    3 listed; 3 hashed, {sum(map(len, promoted()[1].values()))} bytes",
        'licence  allowed: "CC-BY-4.0" of the weights of the base_model "acme/base-voice"',
        'licence  allowed: "Apache-2.0" of the code of the base_model "acme/base-voice"',
        "policy   built-in",
    )


def test_the_real_voice_is_go_and_the_folder_may_be_a_link(tmp_path: Path) -> None:
    files = {"mei/voice.htsvoice": (REPOSITORY / VOICES / "mei/mei_normal.htsvoice").read_bytes(), "s.wav": wav()}
    write(tmp_path / "real", production(files), files)
    (tmp_path / "link").symlink_to("real")

    assert verified(tmp_path / "link").verdict is Verdict.GO


def test_the_summary_of_many_references_is_short(tmp_path: Path) -> None:
    references = [{**REFERENCE, "id": f"acme/{index}"} for index in range(30)]
    report = verified(write(tmp_path, production(weights_refs=references)))

    assert report.verdict is Verdict.GO
    assert report.summary[-2:] == ("licence  40 more", "policy   built-in")


# --- codes ------------------------------------------------------------------------------------------------------------


def test_every_error_has_one_of_the_five_codes() -> None:
    every: tuple[Rule[Any], ...] = (*BUNDLE_READING_RULES, *BUNDLE_RULES, *FORMAT_RULES)

    assert {code_of(rule.id) for rule in every if rule.severity is Severity.ERROR} == LEGACY
    assert CODES.keys() <= {rule.id for rule in every}


def changed(folder: Path, path: str, data: bytes) -> None:
    (folder / path).write_bytes(data)


FLIPPED = bytes([FILES["voice.safetensors"][0]]) + FILES["voice.safetensors"][1:-1] + b"\x7f"

BROKEN: dict[str, tuple[Callable[[Path], object], list[str], list[str]]] = {
    "no manifest": (
        lambda folder: (folder / "manifest.json").unlink(),
        ["bundle-manifest-missing"],
        ["manifest_missing"],
    ),
    "no JSON": (lambda folder: changed(folder, "manifest.json", b"{"), ["input-syntax"], ["manifest_invalid"]),
    "another version": (
        lambda folder: write(folder, production(bundle_version="voice_bundle/9")),
        ["bundle-shape"],
        ["manifest_invalid"],
    ),
    "a field is missing": (
        lambda folder: write(folder, {key: value for key, value in served().items() if key != "created_at"}),
        ["bundle-shape"],
        ["manifest_invalid"],
    ),
    "a file is missing": (
        lambda folder: (folder / "sample.wav").unlink(),
        ["file-missing"],
        ["required_file_missing"],
    ),
    "other bytes": (
        lambda folder: changed(folder, "voice.safetensors", FLIPPED),
        ["file-digest-mismatch"],
        ["checksum_mismatch"],
    ),
    "one byte more": (
        lambda folder: changed(folder, "sample.wav", FILES["sample.wav"] + b"x"),
        ["file-size-mismatch"],
        ["bytes_mismatch"],
    ),
    "two things": (
        lambda folder: (folder / "sample.wav").rename(folder / "voice.safetensors"),
        ["file-missing", "file-size-mismatch"],
        ["required_file_missing", "bytes_mismatch"],
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_codes_that_callers_know(case: str, tmp_path: Path) -> None:
    spoil, expected, codes = BROKEN[case]
    spoil(write(tmp_path))

    report = verified(tmp_path)

    assert report.verdict is Verdict.NO_GO
    assert sorted({rule for rule, _, _ in told(report)}) == sorted(expected)
    assert sorted(report.codes) == sorted(codes)
    assert report.to_dict()["codes"] == list(report.codes)
    assert {finding["code"] for finding in report.to_dict()["findings"]} - {None} == set(codes)
    with pytest.raises(PolicyError, match=r"^NO-GO: bundle: "):
        report.raise_for_verdict()


# --- what is not a bundle ---------------------------------------------------------------------------------------------


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    problems = {
        "none": "does not exist; expected the folder of a voice bundle",
        "file": "is no folder; expected the folder of a voice bundle",
        "fifo": "is no folder; expected the folder of a voice bundle",
        "nul\0": "cannot be opened: no file can have such a name; expected the folder of a voice bundle",
        "x" * 300: "cannot be opened: File name too long; expected the folder of a voice bundle",
    }
    for name, message in problems.items():
        report = verified(tmp_path / name)
        assert told(report) == [("input-unreadable", "", message)], name
        assert not report.readable
        assert report.findings[0].at.source == "bundle"
    assert not verified(tmp_path / "loop").readable


def test_no_path_at_all_is_not_the_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(write(tmp_path))

    assert verify_bundle(".", now=NOW).verdict is Verdict.GO
    assert told(verify_bundle("", now=NOW)) == [
        ("input-unreadable", "", "is an empty path; expected the folder of a voice bundle")
    ]


def test_a_manifest_that_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    link, fifo, folder, large = (write(tmp_path / name) for name in ("link", "fifo", "folder", "large"))
    (tmp_path / "secret").write_bytes(text_of(production()))
    for bundle in (link, fifo, folder):
        (bundle / "manifest.json").unlink()
    (link / "manifest.json").symlink_to("../secret")
    os.mkfifo(fifo / "manifest.json")
    (folder / "manifest.json").mkdir()
    with (large / "manifest.json").open("r+b") as stream:
        stream.truncate(MAX_DOCUMENT_BYTES + 1)
    problems = {
        link: "is a link; expected a regular file",
        fifo: "is no regular file; expected one",
        folder: "is no regular file; expected one",
        large: f"holds more than {MAX_DOCUMENT_BYTES} bytes; expected at most {MAX_DOCUMENT_BYTES}",
    }
    for bundle, message in problems.items():
        report = verified(bundle)
        assert told(report) == [("input-unreadable", "", message)]
        assert report.findings[0].at.source == "bundle/manifest.json"
        assert (report.bundle, report.observed, report.licenses, report.summary) == (None, None, (), ())
        assert report.pinned()["manifest"] is None
        assert "secret" not in json.dumps(report.to_dict())


def test_a_manifest_of_another_account_is_told(tmp_path: Path) -> None:
    write(tmp_path / "b")
    (tmp_path / "b" / "manifest.json").chmod(0)
    code = (
        "import sys, os\nfrom helix_tts_policy import verify_bundle\nverify_bundle('.')\n"
        "os.getuid() or os.setuid(65534)\n"
        "print(*[finding.message for finding in verify_bundle(sys.argv[1]).findings])"
    )
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code, str(tmp_path / "b")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "cannot be opened: Permission denied; expected the folder of a voice bundle\n"


def test_misuse_is_the_callers(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"^directory: expected a path, found int$"):
        verify_bundle(7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^directory: expected a path of text, found one of bytes$"):
        verify_bundle(PathOfBytes())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^policy: expected a LicensePolicy, found dict$"):
        verify_bundle(tmp_path, policy={})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^jobs: expected 1 or more$"):
        verify_bundle(tmp_path, jobs=0)
    with pytest.raises(ValueError, match=r"^now: expected a time with offset$"):
        verify_bundle(tmp_path, now=NOW.replace(tzinfo=None))
    with pytest.raises(TypeError, match=r"^a report is about a bundle, or about why there is none$"):
        BundleReport("b", "b/manifest.json", b"", default_policy(), NOW)


class PathOfBytes:
    def __fspath__(self) -> bytes:
        return b"bundle"


def test_the_clock_is_read_where_no_time_is_given(tmp_path: Path) -> None:
    assert verify_bundle(write(tmp_path, production())).now.utcoffset() is not None


# --- policy -----------------------------------------------------------------------------------------------------------


def policy_file(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(f'schema_version = "license-policy/1"\n{text}', encoding="utf-8")
    return path


def test_a_waiver_of_a_code_licence_holds_for_its_weights_alone(tmp_path: Path) -> None:
    waiver = (
        '[[waivers]]\nmodel = "acme/base-voice"\nrule = "code-license-conditional"\n'
        'reason = "reviewed"\nowner = "legal"\nexpires_on = 2027-01-01\n'
    )
    policy = load_policy(policy_file(tmp_path, waiver))
    reference = {**REFERENCE, "code_license": "Elastic-2.0"}
    own = verified(write(tmp_path / "own", production(weights_refs=[reference])), policy=policy)
    other = verified(
        write(tmp_path / "other", production(weights_refs=[{**reference, "id": "acme/other"}])), policy=policy
    )

    assert own.verdict is Verdict.GO
    assert [(finding.rule, finding.severity) for finding in own.findings] == [
        ("code-license-conditional", Severity.WARNING)
    ]
    assert rules(other) == {"code-license-conditional"}


def test_what_the_policy_counts_as_an_error_is_one(tmp_path: Path) -> None:
    policy = replace(default_policy(), errors=frozenset({"license-deprecated"}))
    reference = {**REFERENCE, "code_license": "Apache-1.0 OR eCos-2.0 OR MIT AND Nunit"}
    bundle = write(tmp_path, production(weights_refs=[reference]))

    before, after = rules(verified(bundle)), rules(verified(bundle, policy=policy))
    assert "license-deprecated" not in before
    assert "license-deprecated" in after


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["production", "promoted"])
def test_any_other_byte_of_any_file_is_no_go_or_another_manifest(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    manifest, files = (production(), FILES) if kind == "production" else promoted()
    folder = write(tmp_path_factory.mktemp("bundle"), manifest, files)
    good = verified(folder)
    assert good.verdict is Verdict.GO
    everything = {**files, "manifest.json": text_of(manifest)}

    @given(st.data())
    def law(data: st.DataObject) -> None:
        path = data.draw(st.sampled_from([*everything]))
        content = bytearray(everything[path])
        position = data.draw(st.integers(0, len(content) - 1))
        content[position] ^= data.draw(st.integers(1, 255))
        (folder / path).write_bytes(content)
        report = verified(folder)
        (folder / path).write_bytes(everything[path])
        if path != "manifest.json":
            assert report.verdict is Verdict.NO_GO
            assert report.codes
        else:  # a manifest may say another name or date, and nobody can know; its digest does
            assert report.verdict is Verdict.NO_GO or report.pinned()["manifest"] != good.pinned()["manifest"]
            assert (
                report.verdict is Verdict.NO_GO
                or report.bundle != good.bundle
                or bytes(content).split() == (everything[path].split())
            )

    law()
    assert verified(folder).to_dict() == good.to_dict()


@given(st.sampled_from([*production()]), st.recursive(st.none() | st.booleans() | st.text(max_size=5), st.lists))
def test_no_value_of_a_field_makes_it_raise(field: str, value: object) -> None:
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - a folder for each example

    with TemporaryDirectory() as folder:
        report = verified(write(Path(folder), production() | {field: value}))
        assert report.verdict is Verdict.NO_GO
        assert report.codes


@given(st.binary(max_size=200))
def test_no_bytes_of_a_manifest_make_it_raise(data: bytes) -> None:
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - as above

    with TemporaryDirectory() as folder:
        assert verified(write(Path(folder), data)).verdict is Verdict.NO_GO


def test_hostile_text_reaches_no_output_raw(tmp_path: Path) -> None:
    hostile = "::error ##[group]x"
    report = verified(write(tmp_path, served(display_name=hostile, voice_profile_id=hostile, created_at=hostile)))

    assert all(line.isprintable() for line in report.summary)
    assert all(finding.message.isprintable() for finding in report.findings)


def test_the_same_bundle_gives_the_same_report(tmp_path: Path) -> None:
    write(tmp_path, *promoted())
    reports = {json.dumps(verified(tmp_path, jobs=jobs).to_dict()) for jobs in (1, 2, 8)}

    assert len(reports) == 1
    assert helix_tts_policy.verify_bundle is verify_bundle


def test_weights_may_have_any_known_name_or_be_known_by_their_bytes(tmp_path: Path) -> None:
    files = {"model.of.the.voice": safetensors(1.0), "sample.wav": wav()}

    assert verified(write(tmp_path, production(files), files)).verdict is Verdict.GO


def test_a_sample_is_advised(tmp_path: Path) -> None:
    files = {"voice.safetensors": FILES["voice.safetensors"]}
    report = verified(write(tmp_path, production(files), files))

    assert report.verdict is Verdict.GO
    assert [finding.message for finding in report.findings] == [
        "found no sample of the voice; expected one such as sample.wav"
    ]
