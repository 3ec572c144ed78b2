"""What an organisation accepts of a licence, by gate: code and weights are two gates, and both must pass.

A policy never changes what a licence says. It says which of the conditions that a licence asks are met by carrying an
obligation, and which need somebody's attestation first.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Gate: TypeAlias = Literal["weights", "code"]

GATES: tuple[Gate, ...] = ("weights", "code")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatePolicy:
    """How one gate takes the conditions of a licence.

    Attributes:
        obligations: the kinds of condition (values of ``ConditionKind``) that this gate takes as an obligation of the
            release; every other kind makes a licence conditional.
    """

    obligations: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LicensePolicy:
    """The policy of every gate, with the name and the digest by which a decision refers to it.

    Attributes:
        name: where it came from: ``built-in``, or the file as the caller named it.
        sha256: of its content; two policies are equal when name, digest and gates are.
        gates: the policy of each of `GATES`; a policy that leaves one out is refused with `ValueError`.
    """

    name: str
    sha256: str
    gates: Mapping[str, GatePolicy]

    def __post_init__(self) -> None:
        if self.gates.keys() != set(GATES):
            raise ValueError(f"a policy speaks of the gates {', '.join(GATES)}, not of {', '.join(sorted(self.gates))}")

    def __hash__(self) -> int:
        return hash(self.sha256)


_BUILT_IN = {
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
    content = json.dumps({"gates": _BUILT_IN}, sort_keys=True, separators=(",", ":"))
    return LicensePolicy(
        name="built-in",
        sha256=hashlib.sha256(content.encode("ascii")).hexdigest(),
        gates=MappingProxyType({gate: GatePolicy(obligations=frozenset(kinds)) for gate, kinds in _BUILT_IN.items()}),
    )
