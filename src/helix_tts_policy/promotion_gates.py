"""Which gate a finding belongs to: every finding of every report reaches exactly one.

A report's findings go to the gate of its kind, but for the rules that are listed here. What is not listed, such as a rule
that is new, is told at the report's own gate, so that nothing is lost.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Kind(StrEnum):
    """Where a finding comes from."""

    RELEASE = "release"  # the release file, the policy
    MANIFEST = "manifest"
    TRAINING = "training"
    STATUS = "status"  # a status file that could not be read
    BUNDLE = "bundle"
    FORMAT = "format"  # what weights and artifacts are
    VERIFICATION = "verification"
    LEDGER = "ledger"
    PROMOTION = "promotion"  # what the pieces say together


_GATES: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.RELEASE: "release",
        Kind.MANIFEST: "weights-manifest",
        Kind.TRAINING: "lane-log",
        Kind.STATUS: "training",
        Kind.BUNDLE: "bundle",
        Kind.FORMAT: "artifacts",
        Kind.VERIFICATION: "verification",
        Kind.LEDGER: "ledger",
        Kind.PROMOTION: "release",
    }
)

_OTHER_GATES: Final[Mapping[tuple[Kind, str], str]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                (Kind.MANIFEST, rule)
                for rule in (
                    "weights-license-forbidden",
                    "weights-license-conditional",
                    "weights-license-unclear",
                    "commercial-use-denied",
                    "commercial-claim-contradicts-license",
                    "evidence-text-mismatch",
                    "evidence-conflicting",
                    "evidence-repeated",
                    "evidence-not-reviewed",
                    "evidence-stale",
                    "evidence-mutable",
                    "evidence-text-unchecked",
                    "license-deprecated",
                )
            ),
            "weights-license",
        ),
        **dict.fromkeys(
            (
                (Kind.MANIFEST, rule)
                for rule in ("code-license-forbidden", "code-license-conditional", "code-license-unclear")
            ),
            "code-license",
        ),
        **dict.fromkeys(
            (
                (Kind.MANIFEST, rule)
                for rule in (
                    "attribution-claim-contradicts-license",
                    "attribution-claim-exceeds-license",
                    "attribution-text-missing",
                )
            ),
            "attribution",
        ),
        **dict.fromkeys(
            (
                (Kind.MANIFEST, rule)
                for rule in (
                    "root-unusable",
                    "weights-file-ambiguous",
                    "file-missing",
                    "file-unlisted",
                    "file-not-regular",
                    "file-unreadable",
                    "file-changed",
                    "file-size-mismatch",
                    "file-digest-mismatch",
                    "bytes-not-checked",
                )
            ),
            "artifacts",
        ),
        (Kind.MANIFEST, "policy-entry-unused"): "release",
        **dict.fromkeys(
            (
                (Kind.TRAINING, rule)
                for rule in (
                    "loss-not-finite",
                    "loss-missing",
                    "stat-not-finite",
                    "run-blocked",
                    "run-not-completed",
                    "run-reason-unusable",
                    "dry-run",
                    "colab-report-failed",
                    "status-missing",
                    "status-contradicts-log",
                    "status-not-checked",
                    "no-training-steps",
                )
            ),
            "training",
        ),
        **dict.fromkeys(
            (
                (Kind.TRAINING, rule)
                for rule in ("lane-unknown", "lane-not-promotable", "lane-contradicts-status", "lane-not-stated")
            ),
            "lane",
        ),
        **dict.fromkeys(
            ((Kind.TRAINING, rule) for rule in ("artifact-missing", "artifacts-none", "artifacts-not-checked")),
            "artifacts",
        ),
        (Kind.PROMOTION, "bundle-not-of-weights"): "bundle",
        (Kind.PROMOTION, "bundle-license-disagrees"): "bundle",
        (Kind.PROMOTION, "bundle-commit-not-in-ledger"): "bundle",
        (Kind.PROMOTION, "run-not-of-weights"): "artifacts",
        (Kind.PROMOTION, "artifact-not-pinned"): "artifacts",
        (Kind.PROMOTION, "attribution-not-shipped"): "attribution",
        (Kind.PROMOTION, "prompt-not-done"): "ledger",
        (Kind.PROMOTION, "verification-not-certifying"): "verification",
        (Kind.PROMOTION, "verification-not-of-ledger"): "verification",
    }
)


def gate_of(kind: Kind, rule: str) -> str:
    """The name of the gate at which a finding is told."""
    return _OTHER_GATES.get((kind, rule), _GATES[kind])
