"""GO or NO-GO, with proof, before text-to-speech model weights ship.

The names of ``__all__`` are the API. Each is imported when it is first asked for (PEP 562), so that a training loop that
needs `parse_progress` alone does not load pydantic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helix_tts_policy.blocker import IllegalTransition, advance, replay
    from helix_tts_policy.blocker_record import (
        BlockerEvent,
        BlockerRecord,
        BlockerState,
        BlockerStep,
        Constraint,
        Hardness,
    )
    from helix_tts_policy.bundle_report import BundleReport
    from helix_tts_policy.check import verify_manifest
    from helix_tts_policy.check_bundle import verify_bundle
    from helix_tts_policy.check_data import check_dataset, check_training_data
    from helix_tts_policy.check_ledger import audit_ledger
    from helix_tts_policy.check_policy import load_policy, verify_policy
    from helix_tts_policy.check_promotion import decide_promotion
    from helix_tts_policy.check_training import check_training_run
    from helix_tts_policy.dataset_report import DatasetReport
    from helix_tts_policy.errors import MalformedInput, PolicyError
    from helix_tts_policy.facts.lane import (
        Artifact,
        Malformed,
        MalformedReason,
        Progress,
        Stats,
        parse_progress,
        parse_signal,
    )
    from helix_tts_policy.facts.lane_log import LaneLogParser, Notice, ReportLine, ReportStart
    from helix_tts_policy.facts.lane_run import LaneRun
    from helix_tts_policy.facts.lane_source import read_lane_log
    from helix_tts_policy.facts.license_policy import LicensePolicy, default_policy
    from helix_tts_policy.facts.release import Release
    from helix_tts_policy.facts.train_status import TrainState, TrainStatus, read_train_status
    from helix_tts_policy.facts.verification_evidence import VerificationEvidence, read_verification
    from helix_tts_policy.facts.weights_manifest import WeightsManifest
    from helix_tts_policy.finding import Finding, Location, Severity, Verdict
    from helix_tts_policy.gate import Decision, GateState, decide
    from helix_tts_policy.lane_emitter import LaneCallback, LaneEmitter
    from helix_tts_policy.ledger_report import LedgerReport
    from helix_tts_policy.license_decision import LicenseDecision, evaluate_license
    from helix_tts_policy.policy_report import PolicyReport
    from helix_tts_policy.report import ManifestReport
    from helix_tts_policy.train_status_writer import write_train_status
    from helix_tts_policy.training_run_report import TrainingRunReport
    from helix_tts_policy.voice_bundle_writer import BundleRefused, build_bundle, promote_bundle

__version__ = "0.1.0"

__all__ = [
    "Artifact",
    "BlockerEvent",
    "BlockerRecord",
    "BlockerState",
    "BlockerStep",
    "BundleRefused",
    "BundleReport",
    "Constraint",
    "DatasetReport",
    "Decision",
    "Finding",
    "GateState",
    "Hardness",
    "IllegalTransition",
    "LaneCallback",
    "LaneEmitter",
    "LaneLogParser",
    "LaneRun",
    "LedgerReport",
    "LicenseDecision",
    "LicensePolicy",
    "Location",
    "Malformed",
    "MalformedInput",
    "MalformedReason",
    "ManifestReport",
    "Notice",
    "PolicyError",
    "PolicyReport",
    "Progress",
    "Release",
    "ReportLine",
    "ReportStart",
    "Severity",
    "Stats",
    "TrainState",
    "TrainStatus",
    "TrainingRunReport",
    "Verdict",
    "VerificationEvidence",
    "WeightsManifest",
    "advance",
    "audit_ledger",
    "build_bundle",
    "check_dataset",
    "check_training_data",
    "check_training_run",
    "decide",
    "decide_promotion",
    "default_policy",
    "evaluate_license",
    "load_policy",
    "parse_progress",
    "parse_signal",
    "promote_bundle",
    "read_lane_log",
    "read_train_status",
    "read_verification",
    "replay",
    "verify_bundle",
    "verify_manifest",
    "verify_policy",
    "write_train_status",
]

_HOME = {
    "Artifact": "facts.lane",
    "BlockerEvent": "blocker_record",
    "BlockerRecord": "blocker_record",
    "BlockerState": "blocker_record",
    "BlockerStep": "blocker_record",
    "BundleRefused": "voice_bundle_writer",
    "BundleReport": "bundle_report",
    "Constraint": "blocker_record",
    "DatasetReport": "dataset_report",
    "Decision": "gate",
    "Finding": "finding",
    "GateState": "gate",
    "Hardness": "blocker_record",
    "IllegalTransition": "blocker",
    "LaneCallback": "lane_emitter",
    "LaneEmitter": "lane_emitter",
    "LaneLogParser": "facts.lane_log",
    "LaneRun": "facts.lane_run",
    "LedgerReport": "ledger_report",
    "LicenseDecision": "license_decision",
    "LicensePolicy": "facts.license_policy",
    "Location": "finding",
    "Malformed": "facts.lane",
    "MalformedInput": "errors",
    "MalformedReason": "facts.lane",
    "ManifestReport": "report",
    "Notice": "facts.lane_log",
    "PolicyError": "errors",
    "PolicyReport": "policy_report",
    "Progress": "facts.lane",
    "Release": "facts.release",
    "ReportLine": "facts.lane_log",
    "ReportStart": "facts.lane_log",
    "Severity": "finding",
    "Stats": "facts.lane",
    "TrainState": "facts.train_status",
    "TrainStatus": "facts.train_status",
    "TrainingRunReport": "training_run_report",
    "Verdict": "finding",
    "VerificationEvidence": "facts.verification_evidence",
    "WeightsManifest": "facts.weights_manifest",
    "advance": "blocker",
    "audit_ledger": "check_ledger",
    "build_bundle": "voice_bundle_writer",
    "check_dataset": "check_data",
    "check_training_data": "check_data",
    "check_training_run": "check_training",
    "decide": "gate",
    "decide_promotion": "check_promotion",
    "default_policy": "facts.license_policy",
    "evaluate_license": "license_decision",
    "load_policy": "check_policy",
    "parse_progress": "facts.lane",
    "parse_signal": "facts.lane",
    "promote_bundle": "voice_bundle_writer",
    "read_lane_log": "facts.lane_source",
    "read_train_status": "facts.train_status",
    "read_verification": "facts.verification_evidence",
    "replay": "blocker",
    "verify_bundle": "check_bundle",
    "verify_manifest": "check",
    "verify_policy": "check_policy",
    "write_train_status": "train_status_writer",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - an import of the package alone should cost nothing

    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
