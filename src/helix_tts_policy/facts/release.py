"""The release file: where the evidence of one release lies, for the promotion gate.

Only the shape is judged here. A piece of evidence that is not named is no defect of the file: the gate that asks for it is
MISSING then. Paths are relative to the folder of the release file, so that a release can be judged wherever it is copied to.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from helix_tts_policy.errors import ProblemKind
from helix_tts_policy.facts.model import Facts, validate
from helix_tts_policy.toml_document import read_toml, scan_toml

Words = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"\S")]
"""A text that says something: not blank."""


class WeightsSection(Facts):
    """Where the weights lie, and their manifest."""

    manifest: Words | None = Field(default=None, description="Path of the weights manifest.")
    root: Words | None = Field(
        default=None, description="Folder of the weights, or the one weights file; bytes are checked there."
    )


class TrainingSection(Facts):
    """Where the run left its evidence."""

    log: Words | None = Field(default=None, description="Path of the log of the lane.")
    status: Words | None = Field(default=None, description="Path of the status file, such as train_status.json.")
    root: Words | None = Field(default=None, description="Folder in which the artifacts of the run lie.")
    lane: Words | None = Field(
        default=None, description="Lane that made the run; what the status file states without it."
    )


class BundleSection(Facts):
    """Where the bundle lies."""

    directory: Words | None = Field(default=None, description="Folder of the voice bundle.")


class VerificationSection(Facts):
    """Where the verifier's word lies."""

    evidence: Words | None = Field(
        default=None, description="Path of the verifier's answer, of console output around it, or of its trace."
    )
    trace: Words | None = Field(
        default=None, description="Path of the exported training trace (JSON lines), which the ledger is held against."
    )


class LedgerSection(Facts):
    """Where the ledger lies."""

    file: Words | None = Field(default=None, description="Path of the execution ledger (Markdown).")


class Release(Facts):
    """Where the evidence of one release lies."""

    schema_version: Literal["release/1"] = Field(description="Version of this shape.")
    name: Words = Field(description="Name of the release: the `model_id` of its weights manifest.")
    version: Words | None = Field(default=None, description="Version of the release, for people.")
    policy: Words | None = Field(
        default=None, description="Path of the policy to decide under, unless the caller gives one."
    )
    weights: WeightsSection = Field(default=WeightsSection(), description="The weights and what is stated of them.")
    training: TrainingSection = Field(default=TrainingSection(), description="The run that made the weights.")
    bundle: BundleSection = Field(default=BundleSection(), description="What is shipped.")
    verification: VerificationSection = Field(default=VerificationSection(), description="What the verifier said.")
    ledger: LedgerSection = Field(default=LedgerSection(), description="What was done, prompt by prompt.")

    def paths(self) -> dict[str, str]:
        """Every path that is stated, by its JSON pointer, in the order of the file."""
        stated = {
            "/policy": self.policy,
            "/weights/manifest": self.weights.manifest,
            "/weights/root": self.weights.root,
            "/training/log": self.training.log,
            "/training/status": self.training.status,
            "/training/root": self.training.root,
            "/bundle/directory": self.bundle.directory,
            "/verification/evidence": self.verification.evidence,
            "/verification/trace": self.verification.trace,
            "/ledger/file": self.ledger.file,
        }
        return {pointer: path for pointer, path in stated.items() if path is not None}


def read_release(data: bytes, source: str) -> tuple[Release, str]:
    """What the bytes of a release file say, and their text, in which `scan_toml` finds the places.

    Raises:
        MalformedInput: with all problems, their lines and columns.
    """
    value, text = read_toml(data, source)
    return validate(Release, value, text, source, scan=scan_toml, kind=ProblemKind.RELEASE), text
