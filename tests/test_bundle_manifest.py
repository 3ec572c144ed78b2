"""What the manifest of a voice bundle may not say, of itself and of the bundle that it was made from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.bundles import (
    FILES,
    REFERENCE,
    digest,
    production,
    promoted,
    provenance,
    rows,
    rules,
    sealed,
    served,
    text_of,
    told,
    verified,
    wav,
    write,
)

from helix_tts_policy import Severity, Verdict
from helix_tts_policy.document import MAX_DOCUMENT_BYTES
from helix_tts_policy.rules.bundle_registry import code_of

if TYPE_CHECKING:
    from pathlib import Path

# --- what the manifest says -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [key for key in production() if key not in {"bundle_version", "artifact_sha256"}])
def test_a_field_that_was_changed_afterwards(key: str, tmp_path: Path) -> None:
    other = {
        "commit": "a" + production()["commit"][1:],
        "config_sha256": digest(b"other"),
        "dataset_sha256": digest(b"other"),
        "weights_refs": [{**REFERENCE, "id": "acme/other"}],
        "files": [*reversed(rows(FILES))],
    }
    manifest = production() | {key: other[key]}

    report = verified(write(tmp_path, manifest))

    expected = sealed(manifest)["artifact_sha256"]
    message = f'found "{manifest["artifact_sha256"]}"; expected {expected}, the digest of the other fields'
    assert told(report) == [("bundle-artifact-mismatch", "/artifact_sha256", message)]


def test_an_artifact_digest_that_is_none_is_told_once(tmp_path: Path) -> None:
    report = verified(write(tmp_path, production() | {"artifact_sha256": "0" * 64}))

    assert [(rule, path) for rule, path, _ in told(report)] == [("digest-placeholder", "/artifact_sha256")]


def test_the_artifact_digest_does_not_depend_on_how_the_manifest_is_written(tmp_path: Path) -> None:
    manifest = production(weights_refs=[{**REFERENCE, "id": "acme/Stimme-\u00fc"}])
    text = json.dumps(dict(reversed(manifest.items())), ensure_ascii=False, separators=(",", ":")).encode()

    assert verified(write(tmp_path, text)).verdict is Verdict.GO


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"commit": "HEAD"}, [("bundle-commit-mutable", "/commit")]),
        ({"commit": "main"}, [("bundle-commit-mutable", "/commit")]),
        ({"commit": "7fd1a60"}, [("bundle-commit-mutable", "/commit")]),
        ({"commit": "0" * 40}, [("bundle-commit-mutable", "/commit")]),
        ({"config_sha256": "1" * 64}, [("digest-placeholder", "/config_sha256")]),
        ({"dataset_sha256": digest(b"")}, [("digest-placeholder", "/dataset_sha256")]),
        ({"dataset_sha256": digest(b"x").upper()}, [("digest-syntax", "/dataset_sha256")]),
        ({"config_sha256": digest(b"x") + "\n"}, [("digest-syntax", "/config_sha256")]),
        ({"files": rows({"sample.wav": FILES["sample.wav"]})}, [("bundle-weights-missing", "/files")]),
        (
            {"weights_refs": [{**REFERENCE, "weights_license": "CC-BY-NC-4.0"}]},
            [("weights-license-forbidden", "/weights_refs/0/weights_license")],
        ),
        (
            {"weights_refs": [REFERENCE, {**REFERENCE, "weights_license": "NVIDIA-Model-License"}]},
            [("weights-license-unclear", "/weights_refs/1/weights_license")],
        ),
        (
            {"weights_refs": {**REFERENCE, "weights_license": "CC-BY-SA-4.0"}},
            [("weights-license-conditional", "/weights_refs/weights_license")],
        ),
        (
            {"weights_refs": [{**REFERENCE, "code_license": "PolyForm-Noncommercial-1.0.0"}]},
            [("code-license-forbidden", "/weights_refs/0/code_license")],
        ),
        (
            {"weights_refs": [{**REFERENCE, "code_license": "Elastic-2.0"}]},
            [("code-license-conditional", "/weights_refs/0/code_license")],
        ),
        (
            {"weights_refs": [{**REFERENCE, "code_license": ""}]},
            [("code-license-unclear", "/weights_refs/0/code_license")],
        ),
        (
            {"weights_refs": [{**REFERENCE, "license_url": "http://creativecommons.org/licenses/by/4.0/"}]},
            [("url-not-https", "/weights_refs/0/license_url")],
        ),
        (
            {"weights_refs": [{**REFERENCE, "license_url": "https://hub@evil.dev/"}]},
            [("url-user-info", "/weights_refs/0/license_url")],
        ),
    ],
)
def test_what_a_production_bundle_may_not_say(
    changes: dict[str, Any], expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    files = {"sample.wav": FILES["sample.wav"]} if expected[0][0] == "bundle-weights-missing" else FILES
    report = verified(write(tmp_path, production(**changes), files))

    assert [(rule, path) for rule, path, _ in told(report)] == expected
    assert report.codes == (code_of(expected[0][0]),)


@pytest.mark.parametrize(
    ("created_at", "rule"),
    [
        ("2026-11-24", "date-malformed"),
        ("2026-11-24T10:00:00", "date-malformed"),
        ("2026-02-30T10:00:00Z", "date-malformed"),
        ("2199-01-01T00:00:00Z", "date-in-future"),
    ],
)
def test_when_a_bundle_was_not_made(created_at: str, rule: str, tmp_path: Path) -> None:
    assert rules(verified(write(tmp_path, served(created_at=created_at)))) == {rule}


@pytest.mark.parametrize(
    "changes",
    [
        {"voice_profile_id": " "},
        {"display_name": ""},
        {"files": []},
        {"files": [{"path": "a", "sha256": digest(b"x")}]},
        {"extra": 1},
        {"provenance": {"source_weights_refs": []}},
        {"provenance": {"source": "somewhere"}},
    ],
)
def test_shapes_that_no_bundle_has(changes: dict[str, Any], tmp_path: Path) -> None:
    report = verified(write(tmp_path, served(**changes)))

    assert rules(report) == {"bundle-shape"}
    assert all(finding.at.line for finding in report.findings)
    assert report.readable


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"[1]", "is no JSON object; expected one with a bundle_version"),
        (
            b"{}",
            "the required field bundle_version is missing; expected voice_bundle/1 or prod_tts_voice_bundle/1",
        ),
        (b'{"bundle_version": 1}', "found no string; expected voice_bundle/1 or prod_tts_voice_bundle/1"),
        (
            b'{"bundle_version": "voice_bundle/2"}',
            'found "voice_bundle/2"; expected voice_bundle/1 or prod_tts_voice_bundle/1',
        ),
    ],
)
def test_a_document_of_no_known_version(text: bytes, message: str, tmp_path: Path) -> None:
    assert [found for _, _, found in told(verified(write(tmp_path, text)))] == [message]


def test_a_repeated_key_is_refused(tmp_path: Path) -> None:
    text = text_of(production()).replace(
        b'"weights_license": "CC-BY-4.0"', b'"weights_license": "CC-BY-NC-4.0", "weights_license": "CC-BY-4.0"'
    )

    assert rules(verified(write(tmp_path, text))) == {"input-duplicate-key"}


# --- provenance -------------------------------------------------------------------------------------------------------

PROMOTED, PROMOTED_FILES = promoted()
AS_SOURCE = {
    "source_bundle_version": "voice_bundle/1",
    "source_manifest_sha256": digest(b"other"),
    "source_commit": "b" + production()["commit"][1:],
    "source_config_sha256": digest(b"other"),
    "source_dataset_sha256": digest(b"other"),
    "source_weights_refs": [{**REFERENCE, "weights_license": "Apache-2.0"}],
    "source_artifact_sha256": digest(b"other"),
    "source_files": [*reversed(rows(FILES))],
}
"""Each a value that is good by itself, and another one than the manifest of the source has."""


@pytest.mark.parametrize("field", AS_SOURCE)
def test_provenance_that_says_something_else_than_the_source(field: str, tmp_path: Path) -> None:
    for value in (AS_SOURCE[field], None):
        report = verified(write(tmp_path, *promoted(**{field: value})))
        assert [(rule, path) for rule, path, _ in told(report)] == [
            ("bundle-provenance-mismatch", f"/provenance/{field}")
        ]


def test_provenance_of_a_source_that_was_changed(tmp_path: Path) -> None:
    source = production() | {"weights_refs": [{**REFERENCE, "id": "acme/whitewashed"}]}
    files = {**FILES, "source_manifest.json": text_of(source)}

    report = verified(write(tmp_path, served(files, provenance=provenance(source)), files))

    assert told(report) == [
        (
            "bundle-provenance-mismatch",
            "/provenance/source_manifest_path",
            'the artifact_sha256 in "source_manifest.json" is not that of its fields; expected a manifest that nobody changed',
        )
    ]


def test_provenance_whose_manifest_is_none(tmp_path: Path) -> None:
    for text in (b'{"some": "object"}\n', b" " * (MAX_DOCUMENT_BYTES + 1)):
        files = {**FILES, "source_manifest.json": text}
        stated = provenance(production(), source_manifest_sha256=digest(text))
        report = verified(write(tmp_path, served(files, provenance=stated), files))
        assert ("bundle-provenance-mismatch", "/provenance/source_manifest_path") in [
            (rule, path) for rule, path, _ in told(report)
        ]


def test_provenance_without_the_manifest_is_told_as_unchecked(tmp_path: Path) -> None:
    stated = provenance(production(), source_manifest_path="runs/7/manifest.json")
    report = verified(write(tmp_path, served(provenance=stated)))

    assert report.verdict is Verdict.GO
    assert [(finding.rule, finding.severity) for finding in report.findings] == [
        ("bundle-provenance-unchecked", Severity.NOTE)
    ]
    assert 'source   "prod_tts_voice_bundle/1", its manifest not in the bundle' in report.summary


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"source_bundle_version": "other/1"}, ("bundle-provenance-mismatch", "/provenance/source_bundle_version")),
        (
            {"source_files": rows({**FILES, "sample.wav": wav(50)})},
            ("bundle-provenance-mismatch", "/provenance/source_files/1/path"),
        ),
        ({"source_commit": "main"}, ("bundle-commit-mutable", "/provenance/source_commit")),
        ({"source_config_sha256": "2" * 64}, ("digest-placeholder", "/provenance/source_config_sha256")),
        (
            {"source_files": [{"path": "a", "bytes": 1, "sha256": "short"}]},
            ("digest-syntax", "/provenance/source_files/0/sha256"),
        ),
        (
            {"source_weights_refs": [{**REFERENCE, "weights_license": "CC-BY-NC-4.0"}]},
            ("weights-license-forbidden", "/provenance/source_weights_refs/0/weights_license"),
        ),
    ],
)
def test_what_a_provenance_may_not_say_though_nothing_can_be_compared(
    changes: dict[str, Any], expected: tuple[str, str], tmp_path: Path
) -> None:
    stated = provenance(production(), source_manifest_path="runs/7/manifest.json", **changes)

    assert [(rule, path) for rule, path, _ in told(verified(write(tmp_path, served(provenance=stated))))] == [expected]
