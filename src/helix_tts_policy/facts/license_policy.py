"""What an organisation accepts of a licence, by gate: code and weights are two gates, and both must pass.

A policy never changes what a licence says. It says which licences may pass at all, which of the conditions that a licence
asks are met by carrying an obligation, which of them somebody has attested, and what a text that the catalogue does not
know was found to say.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, fields
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from helix_tts_policy.blocker_reasons import BlockerReason
    from helix_tts_policy.facts.policy_file import AddedReason, Attestation, BlockedNemo, Clarification, Waiver

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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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
        blocker_reasons: what the team adds to the reasons for which work can be blocked.
        nemo_blocked: the record that NeMo cannot train for now; None where there is none.
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
    blocker_reasons: tuple[AddedReason, ...] = ()
    nemo_blocked: BlockedNemo | None = None
    errors: frozenset[str] = frozenset()
    max_evidence_age_days: int | None = None
    text: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.gates.keys() != set(GATES):
            raise ValueError(f"a policy speaks of the gates {', '.join(GATES)}, not of {', '.join(sorted(self.gates))}")
        object.__setattr__(self, "gates", MappingProxyType(dict(self.gates)))

    @property
    def reasons(self) -> Mapping[str, BlockerReason]:
        """Every reason that holds under this policy, by its code; somebody has to act on those that the team adds."""
        from helix_tts_policy.blocker_reasons import (  # noqa: PLC0415 - a verification of a manifest asks for none
            BUILT_IN_REASONS,
            BlockerReason,
            ReasonKind,
        )

        added = {
            item.code: BlockerReason(
                code=item.code,
                kind=ReasonKind.OPERATOR,
                meaning=item.meaning,
                remedy=item.remedy,
                owner=item.owner,
            )
            for item in self.blocker_reasons
        }
        return MappingProxyType(added | dict(BUILT_IN_REASONS))

    def nemo_blocked_on(self, day: dt.date) -> str | None:
        """The recorded reason for which NeMo is blocked on a day (UTC); None where none holds then."""
        record = self.nemo_blocked
        return record.reason if record is not None and day <= record.expires_on else None

    def __reduce__(self) -> tuple[object, ...]:
        # A read-only mapping cannot be copied or sent to another process; what it is made from can.
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return _policy_of, (values | {"gates": dict(self.gates)},)


def _policy_of(values: dict[str, Any]) -> LicensePolicy:
    return LicensePolicy(**values)


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
