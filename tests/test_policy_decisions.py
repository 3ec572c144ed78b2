"""Decisions under a policy file: what a clarification, an attestation, a waiver and a list change, and what nothing changes."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.command_line import REPOSITORY, VOICES

from helix_tts_policy import (
    LicenseDecision,
    LicensePolicy,
    Severity,
    Verdict,
    evaluate_license,
    load_policy,
    verify_manifest,
)
from helix_tts_policy.facts.license_catalog import Basis
from helix_tts_policy.facts.license_policy import GATES, GatePolicy

if TYPE_CHECKING:
    from pathlib import Path

    from helix_tts_policy import ManifestReport
    from helix_tts_policy.facts.license_policy import Gate

NOW = datetime(2026, 11, 24, tzinfo=UTC)
TEXT = b"You may use the weights in any product, and say that the voice is by Acme.\n"
REVIEWED = hashlib.sha256(TEXT).hexdigest()
OTHER = hashlib.sha256(b"You may not.\n").hexdigest()
LLAMA = "LicenseRef-scancode-llama-3.1-license-2024"
HEAD = 'schema_version = "license-policy/1"\n'
MEI = json.loads((REPOSITORY / VOICES / "mei" / "weights-manifest.json").read_text(encoding="utf-8"))
MODEL = MEI["model_id"]


def policy(tmp_path: Path, text: str) -> LicensePolicy:
    file = tmp_path / "helix-tts-policy.toml"
    file.write_text(HEAD + text, encoding="utf-8")
    return load_policy(file)


def clarified(extra: str = "", **facts: str) -> str:
    said = facts or {
        "commercial": '"allowed"',
        "attribution": "true",
        "notices": '["Say that the voice is by Acme."]',
        "clause": '"You may use the weights in any product"',
    }
    entry = {
        "license": '"LicenseRef-Unknown"',
        "names": '["Acme Voice License"]',
        "evidence_url": '"https://acme-voices.com/license"',
        "sha256": f'"{REVIEWED}"',
        "owner": '"legal"',
        "reviewed_on": "2026-11-01",
    }
    lines = "".join(f"{key} = {value}\n" for key, value in {**entry, **said}.items())
    return f"[[clarifications]]\n{lines}{extra}"


def attested(
    condition: str, models: str = '"*"', extra: str = "", license_: str = LLAMA, gate: Gate = "weights"
) -> str:
    return (
        f'[[attestations]]\ngate = "{gate}"\nlicense = "{license_}"\ncondition = "{condition}"\nmodels = [{models}]\n'
        f'statement = "It holds."\nowner = "product"\nattested_on = 2026-11-01\n{extra}'
    )


def waiver(rule: str, model: str = MODEL, until: str = "2027-01-31") -> str:
    return (
        f'[[waivers]]\nmodel = "{model}"\nrule = "{rule}"\nreason = "Known."\nowner = "release"\nexpires_on = {until}\n'
    )


def verified(under: LicensePolicy, now: datetime = NOW, **changes: Any) -> ManifestReport:
    return verify_manifest({**MEI, **changes}, policy=under, now=now)


def found(report: ManifestReport, severity: Severity = Severity.ERROR) -> list[tuple[str, str]]:
    return [(finding.rule, finding.message) for finding in report.findings if finding.severity is severity]


# --- clarifications ---------------------------------------------------------------------------------------------------


def test_a_clarification_holds_for_the_text_that_was_reviewed_and_for_no_other(tmp_path: Path) -> None:
    under = policy(tmp_path, clarified())
    name = f"{tmp_path}/helix-tts-policy.toml"

    def state_and_reason(*texts: str) -> tuple[str, str]:
        decision = evaluate_license("LicenseRef-Unknown", policy=under, texts=texts, now=NOW)
        return decision.state, decision.reason

    doubt = f"LicenseRef-Unknown is unclear for weights: {name} clarifies it for the text with the SHA-256 {REVIEWED[:12]}..."
    assert evaluate_license("LicenseRef-Unknown").state == "unclear"
    assert state_and_reason() == ("unclear", f"{doubt}, and no copy of that text was given")
    assert state_and_reason(OTHER) == ("unclear", f"{doubt}, and the evidence of this release records another text")
    assert state_and_reason(OTHER, REVIEWED) == (
        "allowed",
        "LicenseRef-Unknown is allowed for weights: You may use the weights in any product",
    )


def test_the_copy_beside_the_policy_is_the_text_where_the_release_brings_none(tmp_path: Path) -> None:
    (tmp_path / "acme.txt").write_bytes(TEXT)
    under = policy(tmp_path, clarified('text = "acme.txt"\n'))

    assert evaluate_license("LicenseRef-Unknown", policy=under, now=NOW).state == "allowed"
    assert evaluate_license("LicenseRef-Unknown", policy=under, texts=[OTHER], now=NOW).state == "unclear"


def test_a_clarification_says_where_its_facts_come_from(tmp_path: Path) -> None:
    decision = evaluate_license("LicenseRef-Unknown", policy=policy(tmp_path, clarified()), texts=[REVIEWED], now=NOW)
    (row,) = decision.facts

    assert (row.basis, row.evidence_url, row.evidence_sha256) == (
        Basis.POLICY,
        "https://acme-voices.com/license",
        REVIEWED,
    )
    assert row.notes == "Clarified by legal."
    assert decision.policy_entries == ("/clarifications/0",)
    assert "  by the policy's entry: /clarifications/0" in decision.explain().splitlines()
    assert [obligation.text for obligation in decision.obligations] == ["Say that the voice is by Acme."]


def test_a_name_in_the_wild_leads_to_its_clarification(tmp_path: Path) -> None:
    under = policy(tmp_path, clarified())

    assert evaluate_license("acme voice LICENSE", policy=under, texts=[REVIEWED], now=NOW).elected == (
        "LicenseRef-Unknown"
    )
    assert evaluate_license("acme voice LICENSE", policy=under, now=NOW).state == "unclear"
    assert evaluate_license("acme voice", policy=under, texts=[REVIEWED], now=NOW).state == "unclear"
    assert evaluate_license("acme voice LICENSE", texts=[REVIEWED]).state == "unclear"


def test_a_licence_may_be_said_to_be_the_text_of_a_known_one(tmp_path: Path) -> None:
    under = policy(tmp_path, clarified(same_as='"CC-BY-NC-4.0"'))
    decision = evaluate_license("LicenseRef-Unknown", policy=under, texts=[REVIEWED], now=NOW)

    assert decision.state == "forbidden"
    assert decision.facts[0].notes == "Clarified by legal: the text is that of CC-BY-NC-4.0."


def test_a_clarification_with_a_condition_is_conditional_until_somebody_attests(tmp_path: Path) -> None:
    facts = {
        "commercial": '"allowed"',
        "attribution": "false",
        "clause": '"up to a million users"',
        "conditions": '[{ kind = "user_cap", text = "At most a million users." }]',
    }
    alone = policy(tmp_path, clarified(**facts))
    both = policy(tmp_path, clarified(**facts) + attested("user_cap", license_="LicenseRef-Unknown"))

    def decided(under: LicensePolicy) -> LicenseDecision:
        return evaluate_license("LicenseRef-Unknown", policy=under, texts=[REVIEWED], now=NOW)

    assert (decided(alone).state, decided(both).state) == ("conditional", "allowed")
    assert decided(both).policy_entries == ("/clarifications/0", "/attestations/0")


def test_a_review_of_tomorrow_does_not_hold_today(tmp_path: Path) -> None:
    under = policy(tmp_path, clarified())
    early = datetime(2026, 10, 30, tzinfo=UTC)
    decision = evaluate_license("LicenseRef-Unknown", policy=under, texts=[REVIEWED], now=early)

    assert decision.state == "unclear"
    assert decision.reason.endswith("and its review is dated 2026-11-01, in the future")
    assert evaluate_license(
        "LicenseRef-Unknown", policy=under, texts=[REVIEWED], now=early + timedelta(days=1)
    ).state == ("allowed")


def test_a_manifest_shows_the_text_by_its_evidence(tmp_path: Path) -> None:
    under = policy(tmp_path, clarified())

    def report(sha256: str, kind: str = "weights_license") -> ManifestReport:
        evidence = [{"url": "https://acme-voices.com/license", "kind": kind, "sha256": sha256, "quote": "any product"}]
        return verified(under, weights_license="LicenseRef-Unknown", evidence=evidence)

    assert report(REVIEWED).verdict is Verdict.GO
    assert [rule for rule, _ in found(report(OTHER))] == ["weights-license-unclear"]
    assert [rule for rule, _ in found(report(REVIEWED, kind="code_license"))] == ["weights-license-unclear"]


# --- attestations -----------------------------------------------------------------------------------------------------


def llama(under: LicensePolicy, model_id: str | None = None, now: datetime | None = NOW) -> LicenseDecision:
    return evaluate_license(LLAMA, policy=under, model_id=model_id, now=now)


def test_every_condition_needs_its_own_attestation(tmp_path: Path) -> None:
    entries = [attested("user_cap"), attested("use_restrictions"), attested("branding")]
    one, all_three = policy(tmp_path, entries[0]), policy(tmp_path, "".join(entries))

    assert llama(one).state == "conditional"
    assert [condition.kind for condition in llama(one).conditions] == ["use_restrictions", "branding"]
    assert llama(all_three).state == "allowed"
    assert llama(all_three).policy_entries == ("/attestations/0", "/attestations/1", "/attestations/2")
    assert llama(all_three).obligations[-3].text.endswith(" Attested on 2026-11-01 by product: It holds.")


def test_an_attestation_holds_for_the_models_and_the_days_that_it_names(tmp_path: Path) -> None:
    entries = [attested("use_restrictions"), attested("branding")]
    scoped = policy(tmp_path, "".join(entries) + attested("user_cap", models='"acme/a", "acme/b"'))
    ending = policy(tmp_path, "".join(entries) + attested("user_cap", extra="expires_on = 2026-11-24\n"))

    assert [llama(scoped, model).state for model in ("acme/a", "acme/b", "acme/A", "acme", None)] == [
        "allowed",
        "allowed",
        "conditional",
        "conditional",
        "conditional",
    ]
    days = (datetime(2026, 10, 30, tzinfo=UTC), NOW, NOW + timedelta(days=1), None)
    assert [llama(ending, now=day).state for day in days] == ["conditional", "allowed", "conditional", "conditional"]


def test_an_attestation_for_one_gate_says_nothing_of_the_other(tmp_path: Path) -> None:
    under = policy(tmp_path, attested("network_share_alike", license_="AGPL-3.0-only", gate="code"))

    assert evaluate_license("AGPL-3.0-only", gate="code", policy=under, now=NOW).state == "allowed"
    assert evaluate_license("AGPL-3.0-only", gate="weights", policy=under, now=NOW).state == "conditional"


# --- lists ------------------------------------------------------------------------------------------------------------


def test_a_list_refuses_what_is_not_on_it_and_allows_nothing_by_itself(tmp_path: Path) -> None:
    under = policy(
        tmp_path, '[gates.weights]\nallow = ["Apache-2.0", "CC-BY-NC-4.0", "CC-BY-SA-4.0"]\ndeny = ["MIT"]\n'
    )

    assert {
        text: evaluate_license(text, policy=under, now=NOW).state
        for text in ("Apache-2.0", "MIT", "CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-SA-4.0", "MIT OR Apache-2.0", "Zed")
    } == {
        "Apache-2.0": "allowed",
        "MIT": "forbidden",
        "CC-BY-4.0": "forbidden",
        "CC-BY-NC-4.0": "forbidden",
        "CC-BY-SA-4.0": "conditional",
        "MIT OR Apache-2.0": "allowed",
        "Zed": "unclear",
    }
    assert evaluate_license("MIT", policy=under, now=NOW).reason == (
        "MIT is forbidden for weights: the policy denies it to the weights gate"
    )
    assert evaluate_license("CC-BY-4.0", policy=under, now=NOW).reason == (
        "CC-BY-4.0 is forbidden for weights: it is not among the licences that the policy allows to the weights gate"
    )
    assert evaluate_license("MIT", gate="code", policy=under, now=NOW).state == "allowed"


@pytest.mark.parametrize("denied", ["GPL-3.0-only", "GPL-3.0"])
def test_what_is_denied_is_denied_by_every_id_that_it_has(tmp_path: Path, denied: str) -> None:
    under = policy(tmp_path, f'[gates.code]\ndeny = ["{denied}"]\n')
    states = {
        text: evaluate_license(text, gate="code", policy=under, now=NOW).state
        for text in ("GPL-3.0", "GPL-3.0-only", "GPL-3.0-with-GCC-exception", "GPL-3.0-or-later", "GPL-3.0+", "GPL-2.0")
    }

    assert states == {
        "GPL-3.0": "forbidden",
        "GPL-3.0-only": "forbidden",
        "GPL-3.0-with-GCC-exception": "forbidden",
        "GPL-3.0-or-later": "allowed",
        "GPL-3.0+": "allowed",
        "GPL-2.0": "allowed",
    }


def test_a_clarification_does_not_lead_around_a_denied_licence(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(TEXT)
    denied = '[gates.weights]\ndeny = ["CC-BY-4.0"]\n'
    under = policy(tmp_path, denied + clarified('text = "a.txt"\n', same_as='"CC-BY-4.0"'))

    assert evaluate_license("LicenseRef-Unknown", policy=under, now=NOW).state == "forbidden"
    assert evaluate_license("LicenseRef-Unknown", gate="code", policy=under, now=NOW).state == "allowed"


def test_every_id_of_one_text_is_denied_with_it(tmp_path: Path) -> None:
    under = policy(tmp_path, '[gates.weights]\ndeny = ["OpenMDW-1.0"]\n')

    assert evaluate_license("LicenseRef-scancode-openmdw-1.0", policy=under, now=NOW).state == "forbidden"


def test_a_gate_may_take_a_notice_for_a_condition(tmp_path: Path) -> None:
    taken = policy(tmp_path, '[gates.code]\nobligations = ["network_share_alike", "share_alike"]\n')
    none = policy(tmp_path, "[gates.code]\nobligations = []\n")

    assert evaluate_license("AGPL-3.0-only", gate="code", policy=taken, now=NOW).state == "allowed"
    assert evaluate_license("GPL-3.0-only", gate="code", policy=none, now=NOW).state == "conditional"


# --- waivers and severities -------------------------------------------------------------------------------------------


def test_a_waived_finding_is_told_as_a_warning_with_who_and_until_when(tmp_path: Path) -> None:
    under = policy(tmp_path, waiver("revision-mutable"))
    report = verified(under, revision="main")

    assert report.verdict is Verdict.GO
    assert [message for rule, message in found(report, Severity.WARNING) if rule == "revision-mutable"] == [
        'found the revision "main"; expected an immutable commit; waived by release until 2027-01-31: Known.'
    ]


def test_a_waiver_holds_for_its_model_its_rule_and_its_days(tmp_path: Path) -> None:
    for text, now in (
        (waiver("revision-mutable", model="another/model"), NOW),
        (waiver("url-not-https"), NOW),
        (waiver("revision-mutable", until="2026-11-23"), NOW),
    ):
        report = verified(policy(tmp_path, text), now, revision="main")
        assert [rule for rule, _ in found(report)] == ["revision-mutable"]
        assert report.verdict is Verdict.NO_GO


def test_a_waiver_may_set_the_code_gate_aside_and_never_the_weights_gate(tmp_path: Path) -> None:
    under = policy(tmp_path, waiver("code-license-conditional"))
    components = [{"name": "g2p", "role": "g2p", "code_license": "Elastic-2.0"}]

    assert verified(under, code_license="Elastic-2.0").verdict is Verdict.GO
    assert verified(under, components=components).verdict is Verdict.GO
    assert verified(under, code_license="Elastic-2.0", weights_license="CC-BY-SA-4.0").verdict is Verdict.NO_GO
    assert verified(under, code_license="unknown").verdict is Verdict.NO_GO


def test_a_policy_may_count_advice_as_errors_and_waive_it_for_one_model(tmp_path: Path) -> None:
    strict = policy(tmp_path, 'errors = ["revision-missing", "bytes-not-checked"]\n')
    lenient = policy(tmp_path, f'errors = ["revision-missing"]\n{waiver("revision-missing")}')
    without = {**MEI, "source_url": "https://acme-voices.com/voice", "revision": None, "evidence": None}

    report = verify_manifest(without, policy=strict, now=NOW)
    assert report.verdict is Verdict.NO_GO
    assert {rule for rule, _ in found(report)} == {"revision-missing", "bytes-not-checked"}
    assert [finding.rule for finding in report.findings].count("revision-missing") == 1
    assert verify_manifest(without, policy=lenient, now=NOW).verdict is Verdict.GO


def test_what_a_policy_holds_and_a_release_does_not_need_is_told_at_its_line(tmp_path: Path) -> None:
    unused = waiver("url-not-https") + attested("user_cap", models=f'"{MODEL}"')
    report = verified(policy(tmp_path, unused))

    assert [
        (finding.rule, finding.at.source, finding.at.path, finding.at.line)
        for finding in report.findings
        if finding.rule == "policy-entry-unused"
    ] == [
        ("policy-entry-unused", f"{tmp_path}/helix-tts-policy.toml", "/waivers/0", 2),
        ("policy-entry-unused", f"{tmp_path}/helix-tts-policy.toml", "/attestations/0", 8),
    ]
    assert report.verdict is Verdict.GO


def test_a_document_that_cannot_be_read_says_nothing_of_the_policy(tmp_path: Path) -> None:
    report = verify_manifest(b"{", policy=policy(tmp_path, waiver("url-not-https")), now=NOW)

    assert [finding.rule for finding in report.findings] == ["input-syntax"]


# --- copies -----------------------------------------------------------------------------------------------------------


def test_a_policy_can_be_copied_and_sent_to_another_process(tmp_path: Path) -> None:
    under = policy(tmp_path, "[gates.code]\ndeny = ['MIT']\n" + attested("user_cap"))
    for other in (copy.deepcopy(under), pickle.loads(pickle.dumps(under))):  # noqa: S301 - our own bytes
        assert (other.sha256, other.gates, other.attestations) == (under.sha256, under.gates, under.attestations)
        assert evaluate_license("MIT", gate="code", policy=other, now=NOW).state == "forbidden"


def test_a_policy_keeps_the_gates_that_it_was_made_with() -> None:
    strict = GatePolicy(obligations=frozenset(), deny=frozenset({"MIT"}))
    gates: dict[str, GatePolicy] = {gate: GatePolicy(obligations=frozenset()) for gate in GATES}
    under = LicensePolicy(name="mine", sha256="0" * 64, gates=gates)
    other = LicensePolicy(name="mine", sha256="0" * 64, gates={**gates, "weights": strict})
    gates["weights"] = strict

    assert evaluate_license("MIT", policy=under).state == "allowed"
    assert evaluate_license("MIT", policy=other).state == "forbidden"


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("license_", ["CC-BY-NC-4.0", "Zed", "unknown", "LicenseRef-scancode-llama-license-2023"])
def test_no_policy_makes_non_commercial_or_unclear_weights_go(tmp_path: Path, license_: str) -> None:
    rules = sorted({rule for rule in _waivable() if rule.startswith(("code-", "attribution-", "revision-", "url-"))})
    text = '[gates.weights]\nobligations = ["weak_copyleft", "branding"]\n' + "".join(map(waiver, rules))

    assert verified(policy(tmp_path, text), weights_license=license_).verdict is Verdict.NO_GO


def _waivable() -> frozenset[str]:
    from helix_tts_policy.rules.policy_registry import WAIVABLE_RULES  # noqa: PLC0415 - for one test

    return WAIVABLE_RULES


def test_the_same_policy_gives_the_same_decision_from_another_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = policy(tmp_path / "a", attested("user_cap")), policy(tmp_path / "b", attested("user_cap"))

    assert one.sha256 == other.sha256
    first, second = llama(one).to_dict(), llama(other).to_dict()
    assert {**first, "policy": ""} == {**second, "policy": ""}


# --- the entries that an explanation offers ---------------------------------------------------------------------------

FILLED = {
    "<model id>": "*",
    "<what was made sure of>": "It holds.",
    "<who can be asked>": "legal",
    "<YYYY-MM-DD>": "2026-11-01",
    '"<allowed or forbidden>"': '"allowed"',
    "<true or false>": "true",
    "<what has to be shipped>": "Name Acme.",
    "<the words that decide>": "any product",
    "<where the text stands>": "https://acme-voices.com/license",
    "<from: helix-tts-policy evidence digest FILE>": REVIEWED,
}


@pytest.mark.parametrize("license_", [LLAMA, "CC-BY-SA-4.0", "LicenseRef-Foo"])
def test_the_entries_that_an_explanation_offers_make_it_allowed_once_they_are_filled_in(
    tmp_path: Path, license_: str
) -> None:
    offered = [line for line in evaluate_license(license_).explain().splitlines() if line.startswith("  | ")]
    text = "\n".join(line.removeprefix("  | ") for line in offered)
    for place, value in FILLED.items():
        text = text.replace(place, value)

    decision = evaluate_license(license_, policy=policy(tmp_path, text), texts=[REVIEWED], now=NOW)
    assert evaluate_license(license_).state == ("unclear" if "Foo" in license_ else "conditional")
    assert decision.state == "allowed"


def test_of_many_entries_three_are_spelt_out() -> None:
    explained = evaluate_license(" AND ".join(f"LicenseRef-{number}" for number in range(9))).explain()

    assert explained.count("  | [[clarifications]]") == 3
    assert "  and 6 more of the kind" in explained.splitlines()
