"""What an organisation accepts of a licence, by gate: code and weights are two gates, and both must pass.

A policy never changes what a licence says. It says which licences may pass at all, which of the conditions that a licence
asks are met by carrying an obligation, which of them somebody has attested, and what a text that the catalogue does not
know was found to say.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helix_tts_policy.facts.policy_file import Attestation, Clarification, Waiver

Gate: TypeAlias = Literal["weights", "code"]

GATES: tuple[Gate, ...] = ("weights", "code")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePolicy:
    """How one gate takes a licence and its conditions.

    Attributes:
        obligations: the kinds of condition (values of ``ConditionKind``) that this gate takes as an obligation of the
            release; every other kind makes a licence conditional.
        allow: the ids that may pass when their facts let them; None where every id may.
        deny: the ids that never pass.
    """

    obligations: frozenset[str]
    allow: frozenset[str] | None = None
    deny: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class LicensePolicy:
    """What an organisation accepts, with the name and the digest by which a decision refers to it.

    Made by `default_policy` and by ``load_policy``, which refuses a file with any error in it.

    Attributes:
        name: where it came from: ``built-in``, or the file as the caller named it.
        sha256: of its content.
        gates: the policy of each of `GATES`; a policy that leaves one out is refused with `ValueError`.
        clarifications: licences that the catalogue does not know, with what was found in their texts.
        attestations: conditions that somebody vouches for.
        waivers: findings that are accepted for one model and a time.
        errors: ids of the rules whose warnings and notes count as errors.
        max_evidence_age_days: after how many days evidence that is not pinned counts as stale; None as built in.
        text: of the file, in which findings about its entries find their places; empty for the built-in policy.
    """

    name: str
    sha256: str
    gates: Mapping[str, GatePolicy]
    clarifications: tuple[Clarification, ...] = ()
    attestations: tuple[Attestation, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    errors: frozenset[str] = frozenset()
    max_evidence_age_days: int | None = None
    text: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.gates.keys() != set(GATES):
            raise ValueError(f"a policy speaks of the gates {', '.join(GATES)}, not of {', '.join(sorted(self.gates))}")

    def __hash__(self) -> int:
        return hash(self.sha256)


BUILT_IN_OBLIGATIONS = {
    # The share-alike of a file, a library or a font ends at that thing: the weights keep it, and nothing else takes it.
    # Strong copyleft and CC's share-alike reach tuned and converted weights, and nobody has said what the "source" of
    # weights is, so that somebody has to decide.
    "weights": ("weak_copyleft",),
    # For code, copyleft has a settled meaning: the source goes along. A network copyleft is the exception, because what
    # is shipped here is a speech service, and its duty starts without any distribution.
    "code": ("share_alike", "weak_copyleft"),
}


@lru_cache(maxsize=1)
def default_policy() -> LicensePolicy:
    """The policy that holds when no file says otherwise."""
    content = json.dumps({"gates": BUILT_IN_OBLIGATIONS}, sort_keys=True, separators=(",", ":"))
    return LicensePolicy(
        name="built-in",
        sha256=hashlib.sha256(content.encode("ascii")).hexdigest(),
        gates=MappingProxyType(
            {gate: GatePolicy(obligations=frozenset(kinds)) for gate, kinds in BUILT_IN_OBLIGATIONS.items()}
        ),
    )
