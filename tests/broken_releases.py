"""Releases that are not GO, one broken thing in each, and what tests say of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests import releases

from helix_tts_policy.blocker_record import BlockerState
from helix_tts_policy.facts.release import read_release
from helix_tts_policy.gate import GATES

if TYPE_CHECKING:
    from pathlib import Path

    from helix_tts_policy import GateState, Release
    from helix_tts_policy.promotion import Promotion

NAMES = [gate.name for gate in GATES]
VOICE = releases.weights()
OTHER = releases.weights(seed=1)


def put(release: Path, path: str, data: bytes | str | Any) -> None:
    file = release.parent / path
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(data, str):
        data = data.encode()
    file.write_bytes(data if isinstance(data, bytes) else releases.document(data))


def blockers(promotion: Promotion) -> list[tuple[str, str]]:
    """Gate and rule of everything that stands between the release and GO, each once."""
    return [*dict.fromkeys((each.gate, each.finding.rule) for each in promotion.decision.blocking)]


def states(promotion: Promotion) -> dict[str, GateState]:
    return {result.gate.name: result.state for result in promotion.decision.gates}


def stated(release: Path) -> Release:
    return read_release(release.read_bytes(), "release.toml")[0]


def bundled(**changes: bytes) -> dict[str, bytes]:
    files = {path.removeprefix("bundle/"): data for path, data in releases.files().items() if path[:7] == "bundle/"}
    del files["manifest.json"]
    return {**files, **{name.replace("__", "."): data for name, data in changes.items()}}


def bundle_of(files: dict[str, bytes], **facts: Any) -> dict[str, bytes]:
    return {
        **{f"bundle/{path}": data for path, data in files.items()},
        "bundle/manifest.json": releases.bundle(files, **facts),
    }


def manifest(**changes: Any) -> bytes:
    return releases.document(releases.manifest({"voice.safetensors": VOICE}, **changes))


def other_license() -> dict[str, bytes]:
    ref = {
        "id": "acme/warm-voice-2",
        "weights_license": "Apache-2.0",
        "code_license": "Apache-2.0",
        "license_url": "https://creativecommons.org/licenses/by/4.0/legalcode",
    }
    return bundle_of(bundled(), weights_refs=[ref])


BROKEN: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "non-commercial weights": (
        {
            "weights-manifest.json": manifest(weights_license="CC-BY-NC-4.0", commercial_use_allowed=False),
            "bundle/manifest.json": releases.bundle(bundled()),
        },
        [
            ("weights-license", "weights-license-forbidden"),
            ("bundle", "bundle-license-disagrees"),
        ],
    ),
    "unclear licence of the code": (
        {
            "weights-manifest.json": manifest(code_license="LicenseRef-ours"),
        },
        [("code-license", "code-license-unclear"), ("bundle", "bundle-license-disagrees")],
    ),
    "another name": (
        {"release.toml": releases.RELEASE.replace("voice-2", "voice-3")},
        [("release", "release-name-mismatch")],
    ),
    "experimental lane": (
        {"run/train_status.json": releases.status(job_type="tts_voice_train")},
        [("lane", "lane-not-promotable")],
    ),
    "no lane": (
        {"run/train_status.json": {key: value for key, value in releases.status().items() if key != "job_type"}},
        [("lane", "evidence-missing")],
    ),
    "dry run": ({"run/train_status.json": releases.status(dry_run=True)}, [("training", "dry-run")]),
    "failed run": (
        {"run/train_status.json": releases.status(status="error", message="CUDA out of memory")},
        [("training", "run-not-completed")],
    ),
    "loss that is no number": (
        {
            "run/lane.log": releases.lane_log(losses=("0.75", "NaN")),
            "run/train_status.json": releases.status(stats={"loss": 0.75}),
        },
        [("training", "loss-not-finite")],
    ),
    "log that was cut": (
        {"run/lane.log": "PROGRESS 0 2\nPROGRESS 1 2\nARTIFACT out/voice.safetensors\n"},
        [("training", "status-contradicts-log"), ("lane-log", "progress-incomplete")],
    ),
    "status that is not there": (
        {"run/train_status.json": None},
        [("lane", "evidence-missing"), ("training", "status-missing")],
    ),
    "status that is no status": (
        {"run/train_status.json": {"job_type": "tts_prod_train_nemo"}},
        [("lane", "evidence-missing"), ("training", "status-shape")],
    ),
    "log that is not there": (
        {"run/lane.log": None},
        [
            ("lane", "evidence-missing"),
            ("training", "evidence-missing"),
            ("lane-log", "input-unreadable"),
            ("artifacts", "evidence-missing"),
        ],
    ),
    "swapped weights": (
        {"weights/voice.safetensors": bytes([*VOICE[:-1], VOICE[-1] ^ 1])},
        [
            ("artifacts", "file-digest-mismatch"),
        ],
    ),
    "weights of another run": (
        {"run/out/voice.safetensors": OTHER},
        [("artifacts", "run-not-of-weights")],
    ),
    "artifact that is not there": (
        {"run/out/voice.safetensors": None},
        [("artifacts", "artifact-missing"), ("artifacts", "run-not-of-weights")],
    ),
    "manifest that is not there": (
        {"weights-manifest.json": None},
        [
            ("weights-manifest", "input-unreadable"),
            ("weights-license", "evidence-missing"),
            ("code-license", "evidence-missing"),
            ("artifacts", "evidence-missing"),
            ("attribution", "evidence-missing"),
        ],
    ),
    "bundle of other weights": (
        bundle_of(bundled(voice__safetensors=OTHER)),
        [("bundle", "bundle-not-of-weights")],
    ),
    "bundle with weights that nobody lists": (
        bundle_of(bundled(more__safetensors=OTHER)),
        [("bundle", "bundle-not-of-weights")],
    ),
    "bundle with another licence": (other_license(), [("bundle", "bundle-license-disagrees")]),
    "bundle without attribution": (
        bundle_of({path: data for path, data in bundled().items() if path != "ATTRIBUTION.txt"})
        | {"bundle/ATTRIBUTION.txt": None},
        [("attribution", "attribution-not-shipped")],
    ),
    "no attribution at all": (
        {"weights-manifest.json": manifest(attribution=None)},
        [("attribution", "attribution-not-shipped")],
    ),
    "verification that fails": (
        {
            "verification.json": releases.answer(
                **{"verdict": "FAIL", "pass": False},
                firstFail={"id": "lint.hard", "severity": "HARD", "status": "fail", "value": 3, "limit": 0},
            )
        },
        [("verification", "verification-not-certifying")],
    ),
    "integrity in quotes": (
        {"verification.json": releases.answer(certificate={**releases.certificate(1), "integrityOk": "true"})},
        [("verification", "verification-not-certifying")],
    ),
    "verification by proxy": (
        {"verification.json": releases.answer(source={"system": "helix", "proxy": True})},
        [("verification", "verification-not-certifying")],
    ),
    "verification of another certificate": (
        {"verification.json": releases.answer(certificate=releases.certificate(0))},
        [("verification", "verification-not-of-ledger")],
    ),
    "verification of another trace and run": (
        {"verification.json": releases.answer(traceId=releases.TRACES[0], runId=1)},
        [("verification", "verification-not-of-ledger")],
    ),
    "verification that is none": (
        {"verification.json": {"verdict": "PASS", "certificate": "6e84f965"}},
        [("verification", "verification-shape")],
    ),
    "open blocker": (
        {
            "ledger.md": releases.ledger(
                releases.prompt(0),
                releases.prompt(1, status=BlockerState.PARTIAL_BLOCKED, blocker_reason="nemo_runtime_unavailable"),
            )
        },
        [("verification", "verification-not-of-ledger"), ("ledger", "prompt-not-done")],
    ),
    "prompt without a report": (
        {"ledger.md": releases.ledger(releases.prompt(0))},
        [("verification", "verification-not-of-ledger"), ("ledger", "prompt-not-done")],
    ),
    "contradiction in the ledger": (
        {"ledger.md": releases.ledger().replace("| done |", "| blocked |", 1)},
        [
            ("ledger", "ledger-status-disagrees"),
            ("ledger", "prompt-not-done"),
            ("ledger", "ledger-blocked-without-reason"),
        ],
    ),
    "empty ledger": (
        {"ledger.md": "# Nothing was done\n"},
        [("ledger", "ledger-empty")],
    ),
    "trace of other prompts": (
        {"trace.jsonl": json.dumps(releases.record(0)) + "\n"},
        [("ledger", "ledger-trace-missing")],
    ),
    "trace that is not there": ({"trace.jsonl": None}, [("ledger", "input-unreadable")]),
    "policy that is not there": (
        {"release.toml": f'policy = "policy.toml"\n{releases.RELEASE}'},
        [
            ("release", "input-unreadable"),
            *(
                (gate, "evidence-missing")
                for gate in (
                    "weights-manifest",
                    "weights-license",
                    "code-license",
                    "artifacts",
                    "bundle",
                    "ledger",
                    "attribution",
                )
            ),
        ],
    ),
    "path of this machine": (
        {"release.toml": releases.RELEASE.replace('"ledger.md"', '"/srv/ledger.md"')},
        [("release", "release-path-unsafe"), ("ledger", "evidence-missing")],
    ),
    "release file with a slip": (
        {"release.toml": releases.RELEASE.replace("[ledger]", "[ledgr]")},
        [("release", "release-shape"), *((gate, "evidence-missing") for gate in NAMES[1:])],
    ),
    "no release file": (
        {"release.toml": None},
        [("release", "input-unreadable"), *((gate, "evidence-missing") for gate in NAMES[1:])],
    ),
}
"""What is changed in the release, and exactly what is told of it."""
