"""Voice bundles for tests, written without the library: small files that are what their names say, and manifests of them; and
what is said of a bundle.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import wave
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from helix_tts_policy import Severity, verify_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from helix_tts_policy import BundleReport

NOW = datetime(2026, 11, 25, tzinfo=UTC)
COMMIT = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d"
CONFIG, DATASET = (hashlib.sha256(text).hexdigest() for text in (b"configuration\n", b"data set\n"))
REFERENCE = {
    "id": "acme/base-voice",
    "weights_license": "CC-BY-4.0",
    "code_license": "Apache-2.0",
    "license_url": "https://creativecommons.org/licenses/by/4.0/",
}


def safetensors(*values: float) -> bytes:
    """A file of one tensor."""
    data = struct.pack(f"<{len(values)}f", *values)
    header = {"voice": {"dtype": "F32", "shape": [len(values)], "data_offsets": [0, len(data)]}}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def wav(frames: int = 100) -> bytes:
    """A little noise at 22,050 Hz."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(22_050)
        file.writeframes(b"".join(struct.pack("<h", index * 7919 % 30_000 - 15_000) for index in range(frames)))
    return stream.getvalue()


FILES = {"voice.safetensors": safetensors(0.25, -1.5, 3.0), "sample.wav": wav()}
"""The files of a small voice, which is enough to look at."""


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def rows(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [{"path": path, "sha256": digest(data), "bytes": len(data)} for path, data in files.items()]


def sealed(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the artifact_sha256 that the design asks for."""
    bound = {key: value for key, value in document.items() if key != "artifact_sha256"}
    return {**bound, "artifact_sha256": digest(json.dumps(bound, sort_keys=True, indent=2).encode())}


def production(files: dict[str, bytes] = FILES, /, **changes: Any) -> dict[str, Any]:
    """A manifest of prod_tts_voice_bundle/1."""
    return sealed(
        {
            "bundle_version": "prod_tts_voice_bundle/1",
            "commit": COMMIT,
            "config_sha256": CONFIG,
            "dataset_sha256": DATASET,
            "weights_refs": [REFERENCE],
            "files": rows(files),
            **changes,
        }
    )


def served(files: dict[str, bytes] = FILES, /, **changes: Any) -> dict[str, Any]:
    """A manifest of voice_bundle/1 without provenance."""
    return {
        "bundle_version": "voice_bundle/1",
        "voice_profile_id": "warm-voice",
        "display_name": "Warm voice",
        "created_at": "2026-11-23T18:00:00Z",
        "files": rows(files),
        **changes,
    }


def text_of(manifest: dict[str, Any]) -> bytes:
    return json.dumps(manifest, indent=2).encode() + b"\n"


def provenance(source: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What a promoted bundle says of the production bundle that it was made from."""
    return {
        "source_bundle_version": source["bundle_version"],
        "source_manifest_path": "source_manifest.json",
        "source_manifest_sha256": digest(text_of(source)),
        "source_commit": source["commit"],
        "source_config_sha256": source["config_sha256"],
        "source_dataset_sha256": source["dataset_sha256"],
        "source_weights_refs": source["weights_refs"],
        "source_artifact_sha256": source["artifact_sha256"],
        "source_files": source["files"],
        **changes,
    }


def promoted(files: dict[str, bytes] = FILES, /, **changes: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A manifest of voice_bundle/1 that was made from a production bundle, and its files; changes are to the provenance."""
    source = production(files)
    own = {**files, "source_manifest.json": text_of(source)}
    return served(own, provenance=provenance(source, **changes)), own


def write(folder: Path, manifest: dict[str, Any] | bytes | None = None, files: dict[str, bytes] | None = None) -> Path:
    """A bundle on the disk: that of the small voice, unless said otherwise."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, data in (FILES if files is None else files).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    stated = production() if manifest is None else manifest
    (folder / "manifest.json").write_bytes(stated if isinstance(stated, bytes) else text_of(stated))
    return folder


# --- what is said of one ----------------------------------------------------------------------------------------------


def verified(folder: Path, **arguments: Any) -> BundleReport:
    return verify_bundle(folder, **{"now": NOW, "name": "bundle", **arguments})


def told(report: BundleReport) -> list[tuple[str, str, str]]:
    return [
        (finding.rule, finding.at.path, finding.message)
        for finding in report.findings
        if finding.severity is Severity.ERROR
    ]


def rules(report: BundleReport) -> set[str]:
    return {rule for rule, _, _ in told(report)}
