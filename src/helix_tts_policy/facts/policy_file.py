"""The policy file ``helix-tts-policy.toml``: what an organisation accepts, has clarified, attests and waives.

Only the shape is judged here; what the entries may say is a matter of `rules/policy_file.py`. What is not written holds as
in the built-in policy, and nothing is allowed by leaving it out.
"""

from __future__ import annotations

import datetime as dt  # noqa: TC003 - pydantic needs the type when the class is made
from typing import Annotated, Literal

from pydantic import Field, Strict, StringConstraints

from helix_tts_policy.errors import ProblemKind
from helix_tts_policy.facts.model import Facts, validate
from helix_tts_policy.toml_document import read_toml, scan_toml

MAX_ENTRIES = 1000
"""Clarifications, attestations or waivers of one policy; a person has to review them all."""

Words = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"\S")]
"""A text that says something: not blank."""

Ids = Annotated[tuple[Words, ...], Strict(False), Field(max_length=MAX_ENTRIES)]
Models = Annotated[tuple[Words, ...], Strict(False), Field(min_length=1, max_length=MAX_ENTRIES)]

_GATE = "Gate that it speaks of: `weights` or `code`."
_MODELS = 'Model ids that it holds for, as manifests write them; `["*"]` for all.'
_OWNER = "Who answers for it: a person or a team that can be asked."


class GateSection(Facts):
    """What one gate accepts."""

    allow: Annotated[Ids, Field(min_length=1)] | None = Field(
        default=None,
        description="Licence ids that may pass, if their facts let them; all others are refused. Every id may without it.",
    )
    deny: Ids = Field(default=(), description="Licence ids that never pass.")
    obligations: Ids | None = Field(
        default=None,
        description="Kinds of condition that the release meets by what it carries, so that nobody need attest them; as built in without it.",
    )


class GateSections(Facts):
    """The two gates."""

    weights: GateSection = Field(default=GateSection(), description="The gate of the weights.")
    code: GateSection = Field(default=GateSection(), description="The gate of the code.")


class ClarifiedCondition(Facts):
    """One thing that a clarified licence asks."""

    kind: Words = Field(description="Kind of condition, as the catalogue names it.")
    text: Words = Field(description="What it asks, in words that a reviewer can attest.")


Commercial = Literal["allowed", "forbidden"]


class Clarification(Facts):
    """What somebody found in the text of a licence that the catalogue does not know."""

    license: Words = Field(description="Id that expressions use: a `LicenseRef-`, or an SPDX id that nobody verified.")
    names: Ids = Field(default=(), description="Names that manifests and model cards give this licence, whole texts.")
    same_as: Words | None = Field(
        default=None, description="Licence of the catalogue whose text it is word for word, so that its facts hold."
    )
    commercial: Commercial | None = Field(
        default=None, description="What the text says of commercial use; needed without `same_as`."
    )
    conditions: Annotated[tuple[ClarifiedCondition, ...], Strict(False), Field(max_length=32)] = Field(
        default=(), description="What commercial use is bound to, or what forbids it."
    )
    attribution: bool | None = Field(
        default=None, description="Whether copies must carry a notice; needed without `same_as`."
    )
    notices: Annotated[Ids, Field(max_length=32)] = Field(default=(), description="What has to be shipped or shown.")
    clause: Words | None = Field(
        default=None, description="The words of the text that decide; needed without `same_as`."
    )
    evidence_url: Words = Field(description="Where the text stands, an https URL.")
    sha256: Words = Field(description="SHA-256 of the text that was reviewed.")
    text: Words | None = Field(
        default=None, description="Local copy of the text, below the policy's folder; checked against `sha256`."
    )
    owner: Words = Field(description=_OWNER)
    reviewed_on: dt.date = Field(description="Day of the review.")


class Attestation(Facts):
    """Somebody's word that a condition of a licence holds."""

    gate: Literal["weights", "code"] = Field(default="weights", description=_GATE)
    license: Words = Field(description="Licence that asks the condition.")
    condition: Words = Field(description="Kind of the condition, as the catalogue names it.")
    models: Models = Field(description=_MODELS)
    statement: Words = Field(description="What is attested, in a sentence.")
    owner: Words = Field(description=_OWNER)
    attested_on: dt.date = Field(description="Day on which it was attested.")
    expires_on: dt.date | None = Field(default=None, description="Last day (UTC) on which it holds.")


class Waiver(Facts):
    """A finding that an organisation accepts for one model, for a time."""

    model: Words = Field(description="Model id, as the manifest writes it.")
    rule: Words = Field(description="Rule whose finding is waived.")
    reason: Words = Field(description="Why it may be.")
    owner: Words = Field(description=_OWNER)
    expires_on: dt.date = Field(description="Last day (UTC) on which it holds.")


class AddedReason(Facts):
    """A reason of this team's own for which work can be blocked."""

    code: Words = Field(description="Code in lower_snake_case that is not built in.")
    meaning: Words = Field(description="What is the matter, in a sentence.")
    remedy: Words = Field(description="How to unblock, in a sentence.")
    owner: Words = Field(description=_OWNER)


class BlockedNemo(Facts):
    """That NeMo cannot train for now, so that the backup lane may."""

    reason: Words = Field(description="Why, as `code` or `code:detail`, with a code that is built in or added here.")
    owner: Words = Field(description=_OWNER)
    expires_on: dt.date = Field(description="Last day (UTC) on which it holds.")


class PolicyFile(Facts):
    """What an organisation accepts of licences and manifests."""

    schema_version: Literal["license-policy/1"] = Field(description="Version of this shape.")
    gates: GateSections = Field(default=GateSections(), description="What each gate accepts.")
    clarifications: Annotated[tuple[Clarification, ...], Strict(False), Field(max_length=MAX_ENTRIES)] = Field(
        default=(), description="Licences that the catalogue does not know, with what was found in their texts."
    )
    attestations: Annotated[tuple[Attestation, ...], Strict(False), Field(max_length=MAX_ENTRIES)] = Field(
        default=(), description="Conditions that somebody vouches for."
    )
    waivers: Annotated[tuple[Waiver, ...], Strict(False), Field(max_length=MAX_ENTRIES)] = Field(
        default=(), description="Findings that are accepted for a time. Weights licences cannot be waived."
    )
    blocker_reasons: Annotated[tuple[AddedReason, ...], Strict(False), Field(max_length=MAX_ENTRIES)] = Field(
        default=(), description="Reasons for which work can be blocked, beside those that are built in."
    )
    nemo_blocked: BlockedNemo | None = Field(
        default=None, description="Why the backup lane may make voices for production; it may not without it."
    )
    errors: Ids = Field(default=(), description="Rules whose warnings and notes count as errors.")
    max_evidence_age_days: Annotated[int, Field(ge=1, le=36_500)] | None = Field(
        default=None,
        description="Days after which evidence that is not pinned counts as stale; as built in without it.",
    )


def read_policy_file(data: bytes, source: str) -> tuple[PolicyFile, str]:
    """What the bytes of a policy file say, and their text, in which `scan_toml` finds the places.

    Raises:
        MalformedInput: with all problems, their lines and columns.
    """
    value, text = read_toml(data, source)
    return validate(PolicyFile, value, text, source, scan=scan_toml, kind=ProblemKind.POLICY), text
