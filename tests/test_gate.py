"""The pure decision: findings for each gate in, GO or NO-GO out, and the laws that hold of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sample_reports import FINDINGS, finding

from helix_tts_policy import Decision, Finding, GateState, Severity, Verdict, decide
from helix_tts_policy.gate import EVIDENCE_MISSING, GATES

NAMES = tuple(gate.name for gate in GATES)
ALL_PASSED: dict[str, list[Finding]] = {name: [] for name in NAMES}


def state(decision: Decision, name: str) -> GateState:
    return next(result.state for result in decision.gates if result.gate.name == name)


def test_no_evidence_is_no_go() -> None:
    decision = decide({})

    assert decision.verdict is Verdict.NO_GO
    assert [(result.gate.name, result.state) for result in decision.gates] == [
        (name, GateState.MISSING) for name in NAMES
    ]
    assert [blocking.gate for blocking in decision.blocking] == list(NAMES)
    assert [blocking.finding.message for blocking in decision.blocking if blocking.gate == "ledger"] == [
        "found no evidence for the gate ledger; expected an execution ledger, and the trace that it is held against"
    ]


def test_every_gate_passed_is_go() -> None:
    decision = decide(ALL_PASSED)

    assert decision.verdict is Verdict.GO
    assert (decision.blocking, decision.findings) == ((), ())


def test_a_warning_and_a_note_do_not_block() -> None:
    told = [finding(severity=Severity.WARNING), finding(severity=Severity.NOTE)]
    decision = decide({**ALL_PASSED, "ledger": told})

    assert decision.verdict is Verdict.GO
    assert decision.findings == tuple(told)


@pytest.mark.parametrize("name", NAMES)
def test_every_gate_can_be_passed_failed_and_missing(name: str) -> None:
    assert state(decide(ALL_PASSED), name) is GateState.PASS

    failed = decide({**ALL_PASSED, name: [finding()]})
    assert (state(failed, name), failed.verdict) == (GateState.FAIL, Verdict.NO_GO)
    assert [(blocking.gate, blocking.finding) for blocking in failed.blocking] == [(name, finding())]

    withouts: list[dict[str, list[Finding] | None]] = [
        {**ALL_PASSED, name: None},
        {each: [] for each in NAMES if each != name},
    ]
    for without in withouts:
        missing = decide(without)
        assert (state(missing, name), missing.verdict) == (GateState.MISSING, Verdict.NO_GO)
        assert [(blocking.gate, blocking.finding.rule) for blocking in missing.blocking] == [(name, EVIDENCE_MISSING)]


def test_a_gate_that_nobody_knows_is_misuse() -> None:
    with pytest.raises(ValueError, match=r"^findings: found gate 'licence'; expected one of artifacts, attribution, "):
        decide({"licence": []})


GATE_FINDINGS = st.dictionaries(st.sampled_from(NAMES), st.none() | st.lists(FINDINGS, max_size=3))


@given(GATE_FINDINGS, st.sampled_from(NAMES), FINDINGS)
def test_a_finding_more_never_turns_no_go_into_go(
    found: dict[str, list[Finding] | None], name: str, more: Finding
) -> None:
    before = decide(found)
    after = decide({**found, name: [*(found.get(name) or ()), more]} if found.get(name) is not None else found)

    assert not (before.verdict is Verdict.NO_GO and after.verdict is Verdict.GO)


@given(st.lists(FINDINGS.filter(lambda each: each.severity is not Severity.ERROR), max_size=3), st.sampled_from(NAMES))
def test_evidence_less_is_never_go(told: list[Finding], name: str) -> None:
    passed = {**ALL_PASSED, name: told}
    assert decide(passed).verdict is Verdict.GO

    assert decide({gate: found for gate, found in passed.items() if gate != name}).verdict is Verdict.NO_GO


@given(GATE_FINDINGS)
def test_a_decision_is_plain_json_and_the_same_twice(found: dict[str, list[Finding] | None]) -> None:
    decision = decide(found)

    assert json.dumps(decision.to_dict()) == json.dumps(decide(dict(reversed(found.items()))).to_dict())
    assert decision.to_dict()["verdict"] == decision.verdict
    assert {finding.severity for _, finding in ((each.gate, each.finding) for each in decision.blocking)} <= {
        Severity.ERROR
    }
