"""A release for the tests, built from real files: small weights in safetensors, what trained them, ships them and verifies them.

``python -m tests.releases`` writes it into ``tests/data/release``, where the examples of the rules find it, and what is said
of it into ``tests/golden``.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import struct
import tempfile
import tomllib
import wave
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.command_line import run

from helix_tts_policy.blocker_record import BlockerState
from helix_tts_policy.ledger_writer import LedgerPlan, PromptReport, append_report, write_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DATA = Path(__file__).parent / "data" / "release"

ATTRIBUTION = "Warm Voice 2 by Acme Speech, https://github.com/acme-speech/warm-voice\nLicensed under CC BY 4.0"
TRACES = ("adapter:be94b770-0000-4000-8000-ad92e0757ece", "adapter:c0136524-0000-4000-8000-7ea02244d8ac")
COMMITS = ("077a459b4772c2dd2d0e8a5d2b7a3f9d1c6e5b40", "e600c0cb4a6e4f61a7bb1f07d0f3a98e2c5d7b19")

RELEASE = """\
schema_version = "release/1"
name = "acme/warm-voice-2"
version = "2.0.0"

[weights]
manifest = "weights-manifest.json"
root = "weights"

[training]
log = "run/lane.log"
status = "run/train_status.json"
root = "run"

[bundle]
directory = "bundle"

[verification]
evidence = "verification.json"
trace = "trace.jsonl"

[ledger]
file = "ledger.md"
"""

KEYS = (
    "/weights/manifest",
    "/weights/root",
    "/training/log",
    "/training/status",
    "/training/root",
    "/bundle/directory",
    "/verification/evidence",
    "/verification/trace",
    "/ledger/file",
)
"""Every key of the release file that names evidence."""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def document(value: Any) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


def weights(seed: int = 0) -> bytes:
    """Two small tensors, as safetensors has them."""
    numbers = struct.pack("<24f", *(math.sin(index + seed) for index in range(24)))
    header: dict[str, Any] = {
        "encoder.weight": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]},
        "encoder.bias": {"dtype": "F32", "shape": [8], "data_offsets": [64, 96]},
    }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + numbers


def sound() -> bytes:
    """A tenth of a second of A."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(
            b"".join(struct.pack("<h", int(9000 * math.sin(440 * math.tau * n / 16_000))) for n in range(1600))
        )
    return stream.getvalue()


def manifest(files: dict[str, bytes], **changes: Any) -> dict[str, Any]:
    listed = [{"path": path, "bytes": len(data), "sha256": sha256(data)} for path, data in sorted(files.items())]
    lines = "".join(f"{each['sha256']}  {each['path']}\n" for each in listed)
    return {
        "schema_version": "weights-manifest/1",
        "model_id": "acme/warm-voice-2",
        "source_url": "https://github.com/acme-speech/warm-voice",
        "revision": "e600c0cb4a6e4f61a7bb1f07d0f3a98e2c5d7b19",
        "code_license": "Apache-2.0",
        "weights_license": "CC-BY-4.0",
        "commercial_use_allowed": True,
        "attribution_required": True,
        "evidence_links": ["https://creativecommons.org/licenses/by/4.0/legalcode"],
        "checksum": f"sha256:{sha256(lines.encode())}",
        "created_at": "2026-11-23T18:00:00Z",
        "files": listed,
        "attribution": ATTRIBUTION,
        **changes,
    }


def bundle(files: dict[str, bytes], **changes: Any) -> bytes:
    """The manifest of a production bundle."""
    facts: dict[str, Any] = {
        "bundle_version": "prod_tts_voice_bundle/1",
        "commit": COMMITS[1],
        "config_sha256": sha256(b"the configuration"),
        "dataset_sha256": sha256(b"the training data"),
        "weights_refs": [
            {
                "id": "acme/warm-voice-2",
                "weights_license": "CC-BY-4.0",
                "code_license": "Apache-2.0",
                "license_url": "https://creativecommons.org/licenses/by/4.0/legalcode",
            }
        ],
        "files": [{"path": path, "bytes": len(data), "sha256": sha256(data)} for path, data in sorted(files.items())],
        **changes,
    }
    digest = sha256(json.dumps(facts, indent=2, sort_keys=True).encode())
    return document({**facts, "artifact_sha256": digest})


def lane_log(*, losses: tuple[str, ...] = ("0.75", "0.5"), artifact: str = "out/voice.safetensors") -> str:
    steps = len(losses)
    lines = [f"PROGRESS 0 {steps}"]
    for step, loss in enumerate(losses, 1):
        lines += [f"PROGRESS {step} {steps}", f'STATS {{"loss": {loss}}}']
    return "".join(f"{line}\n" for line in (*lines, f"ARTIFACT {artifact}"))


def status(**changes: Any) -> dict[str, Any]:
    return {
        "job_type": "tts_prod_train_nemo",
        "status": "completed",
        "reason": None,
        "dry_run": False,
        "progress": {"current": 2, "total": 2},
        "stats": {"loss": 0.5},
        "artifacts": ["out/voice.safetensors"],
        **changes,
    }


def certificate(number: int) -> dict[str, Any]:
    return {
        "certificateHash": sha256(f"certificate {number}".encode()),
        "certificateId": f"cert-{number}",
        "integrityOk": True,
        "status": "GREEN",
    }


def record(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "training-trace",
        "version": 1,
        "id": f"record-{number}",
        "seq": number + 1,
        "ts": f"2026-11-24T1{number}:00:00.000Z",
        "traceId": TRACES[number],
        "source": {"system": "helix", "component": "adapter", "tool": "casimir.verify", "proxy": False},
        "pass": True,
        "signal": {
            "kind": "ladder",
            "proxy": False,
            "ladder": {"tier": "certified", "policy": "adapter", "policyVersion": "1"},
        },
        "deltas": [],
        "metrics": {},
        "firstFail": None,
        "certificate": certificate(number),
        "notes": [],
        **changes,
    }


def answer(**changes: Any) -> dict[str, Any]:
    return {
        "traceId": TRACES[1],
        "runId": 2,
        "verdict": "PASS",
        "pass": True,
        "firstFail": None,
        "failReason": None,
        "deltas": [],
        "certificate": certificate(1),
        "artifacts": [],
        **changes,
    }


def prompt(number: int, **changes: Any) -> PromptReport:
    values: dict[str, Any] = {
        "prompt_id": str(number),
        "status": BlockerState.DONE,
        "commit_sha": COMMITS[number],
        "files_changed": (f"scripts/voice/step_{number}.py",),
        "behavior_delta": "the trainer writes its artifacts",
        "tests_or_checks_run": ("npm run casimir:verify -- --url http://127.0.0.1:5173/api/agi/adapter/run --ci",),
        "verdict": "PASS",
        "certificate_hash": certificate(number)["certificateHash"],
        "integrity_ok": True,
        "trace_id": TRACES[number],
        "run_id": str(number + 1),
        **changes,
    }
    return PromptReport(**values)


def ledger(*reports: PromptReport) -> str:
    text = write_ledger(
        LedgerPlan(
            title="Warm Voice 2",
            objectives=("The ledger", "The trainer"),
            baseline="origin/main@8ba8496a",
            scope=("Additive edits only.",),
            checklist=("Verifier PASS recorded per prompt with integrity true.",),
        )
    )
    for report in reports or (prompt(0), prompt(1)):
        text = append_report(text, report)
    return text.replace("- [ ]", "- [x]")


def files() -> dict[str, bytes]:
    """Every file of the release by its path."""
    return files_of("voice.safetensors", weights())


def files_of(name: str, voice: bytes) -> dict[str, bytes]:
    """Every file of a release of these weights."""
    bundled = {name: voice, "sample.wav": sound(), "ATTRIBUTION.txt": f"{ATTRIBUTION}\n".encode()}
    return {
        "release.toml": RELEASE.encode(),
        "weights-manifest.json": document(manifest({name: voice})),
        f"weights/{name}": voice,
        "run/lane.log": lane_log(artifact=f"out/{name}").encode(),
        "run/train_status.json": document(status(artifacts=[f"out/{name}"])),
        f"run/out/{name}": voice,
        **{f"bundle/{path}": data for path, data in bundled.items()},
        "bundle/manifest.json": bundle(bundled),
        "verification.json": document(answer()),
        "trace.jsonl": "".join(f"{json.dumps(record(number))}\n" for number in (0, 1)).encode(),
        "ledger.md": ledger().encode(),
    }


def write(folder: Path, content: dict[str, bytes] | None = None) -> Path:
    """The release file of a release that is written into a folder."""
    for path, data in (files() if content is None else content).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder / "release.toml"


def without(pointer: str) -> bytes:
    """The release file without one of its keys, such as ``/ledger/file``."""
    lines = RELEASE.splitlines()
    *table, key = pointer.split("/")[1:]
    current: list[str] = []
    kept = []
    for line in lines:
        current = [line[1:-1]] if line.startswith("[") else current
        if current != table or not line.startswith(f"{key} ="):
            kept.append(line)
    text = "".join(f"{line}\n" for line in kept)
    assert tomllib.loads(text) != tomllib.loads(RELEASE)
    return text.encode()


def goldens() -> Iterator[tuple[str, str]]:
    """What ``gate`` says in words of the release, and of it without its ledger."""
    for name, text in (("go", RELEASE.encode()), ("no-go-missing-ledger", without("/ledger/file"))):
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder)).write_bytes(text)
            yield name, run("gate", "release.toml", "--now", NOW.isoformat(), cwd=Path(folder)).out


if __name__ == "__main__":
    write(DATA)
    for golden, words in goldens():
        (Path(__file__).parent / "golden" / f"gate-{golden}.txt").write_text(words, encoding="utf-8")
