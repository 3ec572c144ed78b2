"""Laws of licence decisions that hold under every policy, whatever it allows, denies, clarifies or attests."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy import LicenseDecision, evaluate_license
from helix_tts_policy.facts.license_catalog import CommercialState, ConditionKind, default_catalog
from helix_tts_policy.facts.license_policy import GATES, Gate, GatePolicy, LicensePolicy
from helix_tts_policy.facts.policy_file import Attestation, Clarification, ClarifiedCondition

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
REVIEWED_ON = dt.date(2026, 11, 1)
RANK = {state: rank for rank, state in enumerate(CommercialState)}
KINDS = [kind.value for kind in ConditionKind]
REVIEWED, SWAPPED = "5f" * 32, "a0" * 32
CLARIFIED = ["LicenseRef-a", "LicenseRef-b", "LicenseRef-c"]
LICENSES = [
    *("MIT", "Apache-2.0", "CC0-1.0", "CC-BY-4.0", "MPL-2.0", "GPL-3.0-only", "AGPL-3.0-only", "CC-BY-SA-4.0"),
    *("CC-BY-ND-4.0", "Elastic-2.0", "BUSL-1.1", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "any-OSI", "CC-PDM-1.0", "MIT+"),
    *(
        "LicenseRef-scancode-llama-3.1-license-2024",
        "LicenseRef-scancode-gemma-tou-2025-03-24",
        "LicenseRef-CPML-1.0.0",
    ),
    *("Apache-2.0 WITH LLVM-exception", "MIT WITH Classpath-exception-2.0", "LicenseRef-nobody-knows", *CLARIFIED),
]
"""Licences of every state, and three references that a policy may clarify."""


def some(values: Iterable[str]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(sorted(values)))


def clarification(license_: str, commercial: str, kinds: frozenset[str], digest: str) -> Clarification:
    return Clarification.model_validate(
        {
            "license": license_,
            "commercial": commercial,
            "conditions": [ClarifiedCondition(kind=kind, text=f"It asks {kind}.") for kind in sorted(kinds)],
            "attribution": False,
            "clause": "as it was read",
            "evidence_url": "https://acme-voices.com/license",
            "sha256": digest,
            "owner": "legal",
            "reviewed_on": REVIEWED_ON,
        }
    )


def attestation(gate: Gate, license_: str, condition: str, model: str) -> Attestation:
    return Attestation(
        gate=gate,
        license=license_,
        condition=condition,
        models=(model,),
        statement="It holds.",
        owner="product",
        attested_on=REVIEWED_ON,
    )


texts = st.recursive(
    st.sampled_from(LICENSES),
    lambda parts: st.builds(
        lambda operands, joint: f"({joint.join(operands)})",
        st.lists(parts, min_size=1, max_size=4),
        st.sampled_from([" AND ", " OR "]),
    ),
    max_leaves=8,
)
gates: st.SearchStrategy[Gate] = st.sampled_from(GATES)
gate_policies = st.builds(GatePolicy, obligations=some(KINDS), allow=st.none() | some(LICENSES), deny=some(LICENSES))
clarifications = st.lists(
    st.builds(
        clarification,
        st.sampled_from(CLARIFIED),
        st.sampled_from(["allowed", "forbidden"]),
        some(KINDS),
        st.sampled_from([REVIEWED, SWAPPED]),
    ),
    max_size=3,
    unique_by=lambda item: item.license,
).map(tuple)
attestations = st.lists(
    st.builds(
        attestation,
        gates,
        st.sampled_from(LICENSES),
        st.sampled_from(KINDS),
        st.sampled_from(["*", "acme/a", "acme/b"]),
    ),
    max_size=6,
).map(tuple)
policies = st.builds(
    LicensePolicy,
    name=st.just("policy.toml"),
    sha256=st.integers(0, 2**256 - 1).map("{:064x}".format),
    gates=st.fixed_dictionaries(dict.fromkeys(GATES, gate_policies)),
    clarifications=clarifications,
    attestations=attestations,
)


@st.composite
def wider(draw: st.DrawFn, policy: LicensePolicy) -> LicensePolicy:
    """A policy that allows at least what the other does."""

    def gate(narrow: GatePolicy) -> GatePolicy:
        allow = None if narrow.allow is None or draw(st.booleans()) else narrow.allow | draw(some(LICENSES))
        return GatePolicy(
            obligations=narrow.obligations | draw(some(KINDS)), allow=allow, deny=narrow.deny & draw(some(LICENSES))
        )

    known = {item.license for item in policy.clarifications}
    more = [item for item in draw(clarifications) if item.license not in known]
    return dataclasses.replace(
        policy,
        gates={name: gate(policy.gates[name]) for name in GATES},
        clarifications=(*policy.clarifications, *more),
        attestations=(*policy.attestations, *draw(attestations)),
    )


def decided(text: str, gate: Gate, policy: LicensePolicy) -> LicenseDecision:
    return evaluate_license(text, gate=gate, policy=policy, model_id="acme/a", texts=[REVIEWED], now=NOW)


def rank(text: str, gate: Gate, policy: LicensePolicy) -> int:
    return RANK[decided(text, gate, policy).state]


@given(texts, gates, policies, st.data())
def test_allowing_more_never_refuses_more(text: str, gate: Gate, policy: LicensePolicy, data: st.DataObject) -> None:
    assert rank(text, gate, data.draw(wider(policy))) <= rank(text, gate, policy)


@given(st.lists(texts, min_size=1, max_size=4), gates, policies)
def test_a_conjunction_is_as_bad_as_its_worst_operand(operands: list[str], gate: Gate, policy: LicensePolicy) -> None:
    assert rank(" AND ".join(operands), gate, policy) == max(rank(operand, gate, policy) for operand in operands)


@given(st.lists(texts, min_size=1, max_size=4), gates, policies)
def test_a_choice_is_as_good_as_its_best_operand(operands: list[str], gate: Gate, policy: LicensePolicy) -> None:
    assert rank(" OR ".join(operands), gate, policy) == min(rank(operand, gate, policy) for operand in operands)


@given(texts, gates, policies)
def test_the_elected_branch_alone_gives_the_same_answer(text: str, gate: Gate, policy: LicensePolicy) -> None:
    whole = decided(text, gate, policy)
    alone = decided(whole.elected, gate, policy)

    assert " OR " not in whole.elected
    assert (alone.expression, alone.elected) == (whole.elected, whole.elected)
    told = ("state", "reason", "advice", "obligations", "conditions", "attribution_required", "policy_entries")
    assert [getattr(alone, name) for name in told] == [getattr(whole, name) for name in told]


@given(st.lists(texts, min_size=2, max_size=4), st.sampled_from([" AND ", " OR "]), gates, policies)
def test_the_order_of_writing_never_matters(operands: list[str], joint: str, gate: Gate, policy: LicensePolicy) -> None:
    def told(written: Iterable[str]) -> dict[str, Any]:
        return decided(joint.join(written), gate, policy).to_dict() | {"input": ""}

    assert told(reversed(operands)) == told(operands)


@given(st.sampled_from(LICENSES), gates, policies)
def test_no_policy_overrules_a_licence_or_speaks_for_an_unread_one(
    text: str, gate: Gate, policy: LicensePolicy
) -> None:
    decision = decided(text, gate, policy)
    row = default_catalog().find(text)
    read = {item.license: item for item in policy.clarifications if item.sha256 == REVIEWED}

    if row is not None and row.commercial in {"forbidden", "unclear"}:
        assert decision.state == row.commercial
    if text in CLARIFIED and text not in read:
        assert decision.state == "unclear"
    if text in read and read[text].commercial == "forbidden":
        assert decision.state == "forbidden"
    if decision.state == "allowed":
        accepts = policy.gates[gate]
        bare = text.partition(" WITH ")[0]
        assert bare not in accepts.deny
        assert accepts.allow is None or bare in accepts.allow
