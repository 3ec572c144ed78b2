"""GO or NO-GO, with proof, before text-to-speech model weights ship.

The names of ``__all__`` are the API. Each is imported when it is first asked for (PEP 562), so that a training loop that
needs `parse_progress` alone does not load pydantic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helix_tts_policy.check import verify_manifest
    from helix_tts_policy.check_policy import load_policy, verify_policy
    from helix_tts_policy.errors import MalformedInput, PolicyError
    from helix_tts_policy.facts.lane import Progress, parse_progress
    from helix_tts_policy.facts.license_policy import LicensePolicy, default_policy
    from helix_tts_policy.facts.weights_manifest import WeightsManifest
    from helix_tts_policy.finding import Finding, Location, Severity, Verdict
    from helix_tts_policy.license_decision import LicenseDecision, evaluate_license
    from helix_tts_policy.policy_report import PolicyReport
    from helix_tts_policy.report import ManifestReport

__version__ = "0.1.0"

__all__ = [
    "Finding",
    "LicenseDecision",
    "LicensePolicy",
    "Location",
    "MalformedInput",
    "ManifestReport",
    "PolicyError",
    "PolicyReport",
    "Progress",
    "Severity",
    "Verdict",
    "WeightsManifest",
    "default_policy",
    "evaluate_license",
    "load_policy",
    "parse_progress",
    "verify_manifest",
    "verify_policy",
]

_HOME = {
    "Finding": "finding",
    "LicenseDecision": "license_decision",
    "LicensePolicy": "facts.license_policy",
    "Location": "finding",
    "MalformedInput": "errors",
    "ManifestReport": "report",
    "PolicyError": "errors",
    "PolicyReport": "policy_report",
    "Progress": "facts.lane",
    "Severity": "finding",
    "Verdict": "finding",
    "WeightsManifest": "facts.weights_manifest",
    "verify_policy": "check_policy",
    "default_policy": "facts.license_policy",
    "evaluate_license": "license_decision",
    "load_policy": "check_policy",
    "parse_progress": "facts.lane",
    "verify_manifest": "check",
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
