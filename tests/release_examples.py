"""The releases under ``examples``: one that is GO, made from the folder of a real training run, and what it takes to be NO-GO.

``python -m tests.release_examples RUN`` writes all of them anew from a run's folder, and without RUN the ones that are NO-GO
from the one that is GO. A test says that they stand as they would be written.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests import releases
from tests.command_line import REPOSITORY

from helix_tts_policy.blocker_record import BlockerState
from helix_tts_policy.ledger_writer import LedgerPlan, PromptReport, append_report, write_ledger

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = REPOSITORY / "examples"
GO = EXAMPLES / "release-go"
NO_GO = "release-no-go-"
README = "README.md"
LEFT_OUT = (".lock", "run.json", "stages", "train.log")
"""What a run leaves that is no evidence of it."""

HEAD = """\
# {why}
schema_version = "release/1"
name = "acme/harbour-smoke"
version = "1.0.0"
"""

SECTIONS = {
    "weights": {"manifest": "run/weights-manifest.json", "root": "run/weights"},
    "training": {"log": "run/lane.log", "status": "run/train_status.json", "root": "run"},
    "bundle": {"directory": "run/bundle"},
    "verification": {"evidence": "verification.json", "trace": "trace.jsonl"},
    "ledger": {"file": "ledger.md"},
}
WHY = "Where the evidence of the release lies; paths are relative to this file."

COMMITS = ("59e3d7f78ffbc8753bdee2474abd7ea52a75dce3", "b7ba936c0a4e69bcecb5e8b68b8f17a872341164")
TRACES = ("adapter:5b0c2d5e-8a52-4c39-9a3e-6f1d7a9c0e11", "adapter:0f6a3e9b-41d7-4b8a-8c55-2d90f7b1c322")
CHANGED = (
    ("src/helix_tts_policy/cli/options.py",),
    ("src/helix_tts_policy/check.py", "src/helix_tts_policy/errors.py"),
)
DELTAS = ("the command line that trains has one exit code", "the voice is trained with the preset smoke")


def certificate(number: int) -> dict[str, Any]:
    digest = releases.sha256(f"acme/harbour-smoke, prompt {number}".encode())
    return {**releases.certificate(number), "certificateHash": digest}


def answer(**changes: Any) -> dict[str, Any]:
    return releases.answer(**{"traceId": TRACES[1], "certificate": certificate(1), **changes})


def trace() -> bytes:
    records = (releases.record(number, traceId=TRACES[number], certificate=certificate(number)) for number in (0, 1))
    return "".join(f"{json.dumps(each)}\n" for each in records).encode()


def prompt(number: int) -> PromptReport:
    return releases.prompt(
        number,
        commit_sha=COMMITS[number],
        files_changed=CHANGED[number],
        behavior_delta=DELTAS[number],
        certificate_hash=certificate(number)["certificateHash"],
        trace_id=TRACES[number],
    )


def ledger(*, blocked: bool = False) -> bytes:
    plan = LedgerPlan(
        title="Harbour smoke voice",
        baseline="main@bd7edb8b68b1",
        scope=("A voice of twenty steps, as a proof of the lane.",),
        objectives=("The command line", "The voice", *(("The served bundle",) if blocked else ())),
        checklist=("Verifier PASS recorded per prompt with integrity true.",),
    )
    text = append_report(append_report(write_ledger(plan), prompt(0)), prompt(1))
    if blocked:
        report = PromptReport(
            prompt_id="2", status=BlockerState.BLOCKED, blocker_reason="nemo_runtime_unavailable:torch has no wheel"
        )
        return append_report(text, report).encode()
    return text.replace("- [ ]", "- [x]").encode()


def release_file(why: str = WHY, **changes: dict[str, str | None]) -> bytes:
    """A release file; what is not changed is that of the release that is GO, for the ones that are not."""
    text = HEAD.format(why=why)
    for section, keys in SECTIONS.items():
        shared = {key: path if why == WHY else f"../release-go/{path}" for key, path in keys.items()}
        stated = {key: path for key, path in {**shared, **changes.get(section, {})}.items() if path is not None}
        if stated:
            text += f"\n[{section}]\n" + "".join(f'{key} = "{path}"\n' for key, path in stated.items())
    return text.encode()


def go(run: Path) -> dict[str, bytes]:
    """The release that is GO, around the folder of a run."""
    files = {f"run/{path.relative_to(run)}": path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file()}
    return {
        **{path: data for path, data in files.items() if path.split("/")[1] not in LEFT_OUT},
        "release.toml": release_file(),
        "verification.json": releases.document(answer()),
        "trace.jsonl": trace(),
        "ledger.md": ledger(),
    }


# --- what is not GO ---------------------------------------------------------------------------------------------------


def _manifest(**changes: Any) -> bytes:
    return releases.document({**json.loads((GO / "run" / "weights-manifest.json").read_bytes()), **changes})


def _component(license: str, *, attribution: bool) -> list[dict[str, Any]]:  # noqa: A002 - as the field is called
    stated = json.loads((GO / "run" / "weights-manifest.json").read_bytes())
    more = {
        "name": "harbour base voice",
        "role": "base_model",
        "weights_license": license,
        "attribution_required": attribution,
    }
    return [*stated.get("components", []), more]


def _status(**changes: Any) -> bytes:
    return releases.document({**json.loads((GO / "run" / "train_status.json").read_bytes()), **changes})


def _log(change: Callable[[str], str]) -> bytes:
    was = (GO / "run" / "lane.log").read_text(encoding="utf-8")
    text = change(was)
    assert text != was
    return text.encode()


def noncommercial_weights() -> dict[str, bytes]:
    why = "The voice was tuned from one whose weights are not for commercial use."
    return {
        "release.toml": release_file(why, weights={"manifest": "weights-manifest.json"}),
        "weights-manifest.json": _manifest(components=_component("CC-BY-NC-4.0", attribution=True)),
    }


def unattributed() -> dict[str, bytes]:
    why = "A part of the voice asks for attribution, and the bundle carries none."
    text = "Harbour base voice by Acme Speech, https://models.acme.dev/harbour, CC BY 4.0, tuned."
    return {
        "release.toml": release_file(why, weights={"manifest": "weights-manifest.json"}),
        "weights-manifest.json": _manifest(
            components=_component("CC-BY-4.0", attribution=True), attribution_required=True, attribution=text
        ),
    }


def missing_ledger() -> dict[str, bytes]:
    return {"release.toml": release_file("Nobody says what was done.", ledger={"file": None})}


def open_blocker() -> dict[str, bytes]:
    why = "A prompt of the ledger is blocked."
    text = ledger(blocked=True)
    return {"release.toml": release_file(why, ledger={"file": "ledger.md"}), "ledger.md": text}


def failed_verification() -> dict[str, bytes]:
    fail = {"id": "voice.intelligibility", "severity": "HARD", "status": "fail", "value": 0.61, "limit": 0.9}
    said = answer(
        **{"verdict": "FAIL", "pass": False}, firstFail=fail, failReason="the voice is not understood often enough"
    )
    why = "The verifier says FAIL."
    return {
        "release.toml": release_file(why, verification={"evidence": "verification.json"}),
        "verification.json": releases.document(said),
    }


def proxy_evidence() -> dict[str, bytes]:
    why = "The verifier looked at a stand-in for the real signal."
    said = answer(signal={"kind": "ladder", "proxy": True})
    return {
        "release.toml": release_file(why, verification={"evidence": "verification.json"}),
        "verification.json": releases.document(said),
    }


def non_finite_loss() -> dict[str, bytes]:
    why = "One step of the run has a loss that is no number."
    log = _log(lambda text: re.sub(r'"t_loss": [0-9.]+', '"t_loss": NaN', text, count=1))
    return {"release.toml": release_file(why, training={"log": "lane.log"}), "lane.log": log}


def truncated_log() -> dict[str, bytes]:
    why = "The log ends in the middle of the run."

    def cut(text: str) -> str:
        artifacts = re.findall(r"^ARTIFACT .*\n", text, re.MULTILINE)
        return "".join([*text.splitlines(keepends=True)[:60], *artifacts])

    status = _status(progress=None, stats={})
    return {
        "release.toml": release_file(why, training={"log": "lane.log", "status": "train_status.json"}),
        "lane.log": _log(cut),
        "train_status.json": status,
    }


def dry_run() -> dict[str, bytes]:
    why = "The run was a dry one."
    return {
        "release.toml": release_file(why, training={"status": "train_status.json"}),
        "train_status.json": _status(dry_run=True),
    }


def experimental_lane() -> dict[str, bytes]:
    why = "The lane that trained is an experiment."
    return {
        "release.toml": release_file(why, training={"status": "train_status.json"}),
        "train_status.json": _status(job_type="tts_voice_train"),
    }


def other_bundle() -> dict[str, bytes]:
    """The bundle ships the voice of another release."""
    mei = EXAMPLES / "voices" / "mei"
    files = {name: (mei / name).read_bytes() for name in ("mei_normal.htsvoice", "LICENSE_mei_normal.htsvoice")}
    facts = {
        "bundle_version": "voice_bundle/1",
        "voice_profile_id": "mei",
        "display_name": "Mei",
        "created_at": "2026-11-25T09:00:00Z",
        "files": [{"path": name, "bytes": len(data), "sha256": releases.sha256(data)} for name, data in files.items()],
    }
    return {
        "release.toml": release_file("The bundle is of another voice.", bundle={"directory": "bundle"}),
        "bundle/manifest.json": releases.document(facts),
        **{f"bundle/{name}": data for name, data in files.items()},
    }


def _small(why: str, name: str, voice: bytes) -> dict[str, bytes]:
    """A release of its own with a weights file of some bytes, so that nothing large is copied to be broken."""
    files = releases.files_of(name, voice)
    return {**files, "release.toml": f"# {why}\n".encode() + files["release.toml"]}


def swapped_weights() -> dict[str, bytes]:
    """One bit of the weights is another one than that which was reviewed."""
    voice = releases.weights()
    files = _small("One bit of the weights is not as it was reviewed.", "voice.safetensors", voice)
    return {**files, "weights/voice.safetensors": voice[:-1] + bytes([voice[-1] ^ 1])}


def renamed_zip() -> dict[str, bytes]:
    """What is called .nemo is a zip that somebody renamed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name in ("model_config.yaml", "model_weights.ckpt"):
            file.writestr(zipfile.ZipInfo(name, date_time=(2026, 11, 25, 0, 0, 0)), b"target: voice\n")
    return _small("The weights are a zip that was renamed to .nemo.", "voice.nemo", stream.getvalue())


EXPECTED: dict[str, tuple[Callable[[], dict[str, bytes]], list[tuple[str, str]]]] = {
    "noncommercial-weights": (noncommercial_weights, [("weights-license", "weights-license-forbidden")]),
    "unattributed": (unattributed, [("attribution", "attribution-not-shipped")]),
    "missing-ledger": (missing_ledger, [("ledger", "evidence-missing")]),
    "open-blocker": (open_blocker, [("ledger", "prompt-not-done")]),
    "failed-verification": (failed_verification, [("verification", "verification-not-certifying")]),
    "proxy-evidence": (proxy_evidence, [("verification", "verification-not-certifying")]),
    "non-finite-loss": (non_finite_loss, [("training", "loss-not-finite")]),
    "truncated-log": (truncated_log, [("lane-log", "progress-incomplete")]),
    "dry-run": (dry_run, [("training", "dry-run")]),
    "experimental-lane": (experimental_lane, [("lane", "lane-not-promotable")]),
    "other-bundle": (other_bundle, [("bundle", "bundle-not-of-weights")]),
    "swapped-weights": (swapped_weights, [("artifacts", "file-digest-mismatch")]),
    "renamed-zip": (renamed_zip, [("artifacts", "file-format-mismatch"), ("bundle", "file-format-mismatch")]),
}
"""How each is made, and everything that stands between it and GO."""


def write(folder: Path, files: dict[str, bytes]) -> None:
    """The files, and nothing else but the words for people, in a folder."""
    about = folder / README
    files = {**files, **({README: about.read_bytes()} if about.is_file() else {})}
    shutil.rmtree(folder, ignore_errors=True)
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


if __name__ == "__main__":
    if sys.argv[1:]:
        write(GO, go(Path(sys.argv[1])))
    for name, (make, _) in EXPECTED.items():
        write(EXAMPLES / f"{NO_GO}{name}", make())
