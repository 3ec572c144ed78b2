"""Model cards: what is found in them, what each key of the hub comes to, and that no bytes do more than be refused."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy.check_model_card import check_model_card
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.license_catalog import default_catalog
from helix_tts_policy.facts.model_card import FIELDS, MAX_CARD_BYTES, ModelCard, read_model_card
from helix_tts_policy.model_card_report import ModelCardReport
from helix_tts_policy.rules.card_registry import CARD_READING_RULES, MODEL_CARD_RULES
from helix_tts_policy.rules.card_subject import FAMILIES, HOMONYMS, UNNAMED, CardSubject
from helix_tts_policy.rules.registry import READING_RULES
from helix_tts_policy.yaml_document import MAX_YAML_LENGTH, YamlScalar

HERE = Path(__file__).parent
EXAMPLES = HERE / "examples"


def told(report: ModelCardReport) -> list[str]:
    return [
        f"{finding.at.line}:{finding.at.column} {finding.at.path} {finding.severity.value} {finding.rule}: "
        f"{finding.message}; {finding.tip}"
        for finding in report.findings
    ]


def checked(tmp_path: Path, front: str, **options: Any) -> ModelCardReport:
    file = tmp_path / "README.md"
    file.write_bytes(f"---\n{front}\n---\n# A voice\n".encode("utf-8", "surrogatepass"))
    return check_model_card(file, **options)


def test_every_finding_says_where_what_was_found_what_was_expected_and_what_to_do() -> None:
    lines = []
    for file in sorted({*EXAMPLES.glob("*/reject/*.md")} - {*EXAMPLES.glob("ledger-*/reject/*.md")}):
        lines += [str(file.relative_to(EXAMPLES)), *(f"  {line}" for line in told(check_model_card(file)))]

    assert "\n".join(lines) + "\n" == (HERE / "golden" / "card-findings.txt").read_text(encoding="utf-8")


# What a key of the hub comes to.

SPDX_KEYS = [
    "Apache-2.0", "MIT", "AFL-3.0", "Artistic-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD-3-Clause-Clear", "CC0-1.0",
    "CC-BY-2.0", "CC-BY-2.5", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-2.0",
    "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0", "CC-BY-NC-ND-3.0", "CC-BY-NC-ND-4.0", "CC-BY-NC-SA-2.0",
    "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", "CDLA-Sharing-1.0", "CDLA-Permissive-1.0", "CDLA-Permissive-2.0", "WTFPL",
    "ECL-2.0", "EPL-1.0", "EPL-2.0", "etalab-2.0", "EUPL-1.1", "EUPL-1.2", "AGPL-3.0", "GPL-2.0", "GPL-3.0",
    "LGPL-2.1", "LGPL-3.0", "ISC", "LPPL-1.3c", "MS-PL", "MPL-2.0", "OpenMDW-1.0", "OSL-3.0", "PostgreSQL",
    "OFL-1.1", "NCSA", "Unlicense", "Zlib",
]  # fmt: skip
"""The keys that are SPDX ids in small letters."""

OTHER_KEYS = {
    "bigscience-openrail-m": "LicenseRef-scancode-bigscience-open-rail-m",
    "creativeml-openrail-m": "LicenseRef-CreativeML-OpenRAIL-M",
    "bigscience-bloom-rail-1.0": "LicenseRef-scancode-bigscience-rail-1.0",
    "bigcode-openrail-m": "LicenseRef-scancode-bigcode-open-rail-m-v1",
    "h-research": "LicenseRef-H-Research",
    "intel-research": "LicenseRef-Intel-Research",
    "apple-ascl": "LicenseRef-Apple-ASCL",
    "apple-amlr": "LicenseRef-Apple-AMLR",
    "odc-by": "ODC-By-1.0",
    "c-uda": "C-UDA-1.0",
    "openmdw-1.1": "LicenseRef-OpenMDW-1.1",
    "openrail++": "LicenseRef-scancode-bigscience-open-rail-m2",
    "pddl": "PDDL-1.0",
    "lgpl-lr": "LGPLLR",
    "deepfloyd-if-license": "LicenseRef-DeepFloyd-IF",
    "fair-noncommercial-research-license": "LicenseRef-FAIR-Noncommercial-Research",
    "llama2": "LicenseRef-scancode-llama-2-license-2023",
    "llama3": "LicenseRef-Llama-3",
    "llama3.1": "LicenseRef-scancode-llama-3.1-license-2024",
    "llama3.2": "LicenseRef-scancode-llama-3.2-license-2024",
    "llama3.3": "LicenseRef-scancode-llama-3.3-license-2024",
    "llama4": "LicenseRef-scancode-llama-4-cla-2025",
    "grok2-community": "LicenseRef-Grok-2-Community",
    "gemma": "LicenseRef-scancode-gemma-tou-2025-03-24",
}
"""The keys that mean one licence and are no SPDX ids."""

UNCLEAR_KEYS = {
    "bsl-1.0": "card-license-homonym",
    "bsd": "card-license-family",
    "cc": "card-license-family",
    "gfdl": "card-license-family",
    "gpl": "card-license-family",
    "lgpl": "card-license-family",
    "odbl": "card-license-family",
    "openrail": "card-license-family",
    "unknown": "card-license-unknown",
    "other": "card-license-other-incomplete",
}
"""The keys that mean no licence, or more than one, and the rule that says so."""


def test_these_are_the_keys_of_the_hub() -> None:
    assert len({*map(str.lower, SPDX_KEYS)} | OTHER_KEYS.keys() | UNCLEAR_KEYS.keys()) == 83
    assert len(OTHER_KEYS) + len(UNCLEAR_KEYS) - len({"bsl-1.0"}) == 33


@pytest.mark.parametrize(("key", "meant"), [*((meant.lower(), meant) for meant in SPDX_KEYS), *OTHER_KEYS.items()])
def test_a_key_that_means_one_licence_is_a_claim(key: str, meant: str, tmp_path: Path) -> None:
    report = checked(tmp_path, f"license: {key}")

    assert told(report) == []
    assert report.license is not None
    assert (report.license.path, report.license.written, report.license.expression) == ("/license", key, meant)


@pytest.mark.parametrize(("key", "rule"), UNCLEAR_KEYS.items())
def test_a_key_that_does_not_is_none(key: str, rule: str, tmp_path: Path) -> None:
    report = checked(tmp_path, f"license: {key}")

    assert [finding.rule for finding in report.findings] == [rule]
    assert report.license is None


def test_families_and_homonyms_are_what_the_catalogue_says() -> None:
    assert default_catalog().sentinels.keys() >= FAMILIES
    assert {meant for both in HOMONYMS.values() for meant in both} <= default_catalog().rows.keys()


# What a card claims.


def claim(name: str) -> str | None:
    report = check_model_card(EXAMPLES / name)
    return None if report.license is None else str(report.license)


def test_real_cards_claim_what_they_claim() -> None:
    assert claim("card-shape/accept/musicgen-like.md") == '"cc-by-nc-4.0" (CC-BY-NC-4.0, forbidden)'
    assert claim("card-shape/accept/bark-like-with-crlf.md") == '"mit" (MIT, allowed)'
    assert claim("card-license-missing/accept/kokoro-like.md") == '"apache-2.0" (Apache-2.0, allowed)'
    assert claim("card-license-unknown/accept/xtts-like.md") == (
        '"coqui-public-model-license" (LicenseRef-CPML-1.0.0, forbidden)'
    )
    assert claim("card-license-other-incomplete/accept/nvidia-like.md") == (
        '"nvidia-open-model-license" (LicenseRef-scancode-nvidia-open-model-2025-04-28, conditional)'
    )
    assert claim("card-license-list/reject/one.md") is None
    assert claim("input-syntax/reject/card-tag.md") is None


def test_a_card_says_what_is_written_in_it() -> None:
    card = check_model_card(EXAMPLES / "card-shape" / "accept" / "bark-like-with-crlf.md").card

    assert card is not None
    assert isinstance(card.license, YamlScalar)
    assert card.license.text == "mit"
    assert card.base_model is None
    assert [(path, value.text) for path, value in card.languages if isinstance(value, YamlScalar)] == [
        ("/language/0", "en"),
        ("/language/1", "de"),
        ("/language/2", "zh"),
    ]
    assert card.others == ("thumbnail", "library", "tags", "pipeline_tag", "inference")


@pytest.mark.parametrize(
    ("front", "stated", "at_odds"),
    [
        ("license: cc-by-nc-4.0", "MIT", ['"cc-by-nc-4.0" (CC-BY-NC-4.0, forbidden)']),
        ("license: cc-by-nc-4.0", "cc-by-nc-4.0", []),
        ("license: [mit, cc-by-nc-4.0]", "CC-BY-NC-4.0 AND MIT", []),
        ("license: cc-by-nc-4.0\nlicense_name: mit", "MIT", ['"cc-by-nc-4.0" (CC-BY-NC-4.0, forbidden)']),
        ("license: mit", "MIT OR Apache-2.0", ['"mit" (MIT, allowed)']),
        ("license: mit or apache-2.0", "Apache-2.0 OR MIT", []),
        ("license: apache-2.0", "Apache License 2.0", []),
        ("license: mit", "", ['"mit" (MIT, allowed)']),
        ("license: mit", "other", ['"mit" (MIT, allowed)']),
        ("license: gpl-3.0", "GPL-3.0-or-later", []),
        ("license: gpl-3.0", "GPL-3.0-only", []),
        ("license: gpl-3.0", "GPL-2.0-only", ['"gpl-3.0" (GPL-3.0, conditional)']),
        ("license: mpl-2.0", "MPL-2.0-only", ['"mpl-2.0" (MPL-2.0, allowed)']),
        ("license: [mit, cc-by-nc-4.0]", "MIT", ['"cc-by-nc-4.0" (CC-BY-NC-4.0, forbidden)']),
        (
            "license: [mit, cc-by-nc-4.0]",
            "Apache-2.0",
            ['"mit" (MIT, allowed)', '"cc-by-nc-4.0" (CC-BY-NC-4.0, forbidden)'],
        ),
        ("license: bsl-1.0", "BUSL-1.1", []),
        ("license: bsl-1.0", "BSL-1.0", []),
        (
            "license: bsl-1.0",
            "MIT",
            ['"bsl-1.0" (BSL-1.0, allowed)', '"bsl-1.0" (BUSL-1.1, conditional)'],
        ),
        ("license: other\nlicense_name: cpml", "MIT", ['"cpml" (LicenseRef-CPML-1.0.0, forbidden)']),
        ("license_name: cc-by-nc-4.0", "MIT", ['"cc-by-nc-4.0" (CC-BY-NC-4.0, forbidden)']),
        ("license: no", "MIT", []),
        ("license: gpl", "MIT", []),
    ],
)
def test_what_is_stated_is_held_against_what_the_card_names(
    front: str, stated: str, at_odds: list[str], tmp_path: Path
) -> None:
    assert [*map(str, checked(tmp_path, front).at_odds_with(stated))] == at_odds


@pytest.mark.parametrize(
    ("link", "evidence"),
    [
        ("https://coqui.ai/cpml", True),
        ("https://huggingface.co/acme/voice/blob/5a3f0c1e9d7b8a6f4c2e1d0b9a8f7e6d5c4b3a29/LICENSE", True),
        ("https://huggingface.co/acme/voice/blob/main/LICENSE", False),
        ("http://coqui.ai/cpml", False),
        ("javascript:alert(1)", False),
        ("//coqui.ai/cpml", False),
        ("LICENSE", False),
        ("docs/LICENSE.txt", False),
        ("/LICENSE", False),
        ("'docs\\LICENSE'", False),
        ("docs/../../LICENSE", False),
        ("[https://coqui.ai/cpml]", False),
        ("", False),
    ],
)
def test_a_link_can_be_evidence_where_it_leads_to_one_place(link: str, evidence: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a column
    report = checked(tmp_path, f"license: mit\nlicense_link: {link}")

    assert report.license_link == (link if evidence else None)
    files = {"LICENSE", "docs/LICENSE.txt", ""}
    assert (report.findings == ()) is (evidence or link in files)


@pytest.mark.parametrize(
    ("front", "unstated"),
    [
        ("base_model: acme/base", ["acme/base"]),
        ("base_model: [acme/base, acme/stated, acme/base, ' acme/base ']", ["acme/base"]),
        ("base_model: Acme/Stated", ["Acme/Stated"]),
        ("base_model: [no, 7]", ["no", "7"]),
        ("base_model: {name: acme/base}", [UNNAMED]),
        ("base_model: [[acme/base], [acme/more]]", [UNNAMED]),
        ("base_model: [null, '', ~]", []),
        ("base_model: []", []),
        ("base_model:", []),
        ("base_model: acme/stated", []),
    ],
)
def test_a_base_model_is_stated_or_told(front: str, unstated: list[str], tmp_path: Path) -> None:
    report = checked(tmp_path, front, base_models=["acme/stated"])

    assert [*report.base_models_unstated] == unstated
    found = [finding for finding in report.findings if finding.rule == "card-base-model-unstated"]
    assert len(found) == len(unstated)


# What cannot be read.

HEAD = b"---\nlicense: mit\n"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"", "None:None  error input-syntax: is empty; expected one model card; write the document"),
        (b"\xff\xfe-\x00", "1:1  error input-encoding: is UTF-16 or UTF-32; expected plain UTF-8; save the document as UTF-8 without a byte order mark"),
        (b"---\nlicense: mit\n---\n\ncaf\xe9", "5:4  error input-encoding: byte 0xe9 at offset 25 is no UTF-8; save the document as UTF-8 without a byte order mark"),
        ("---\nlicense: mit\n---\n".encode("utf-16-le"), '1:1  error card-shape: begins with the line "-\\x00-\\x00-\\x00"; expected a line of three hyphens alone, and the front matter below; put the front matter first, between two lines of three hyphens'),
        (b"---", "1:4  error card-shape: the front matter has no end; expected a line of three hyphens alone below it; write the line below the last field"),
        (b"----\nlicense: mit\n---\n", '1:1  error card-shape: begins with the line "----"; expected a line of three hyphens alone, and the front matter below; put the front matter first, between two lines of three hyphens'),
        (b"---\rlicense: mit\r---\r", '1:1  error card-shape: begins with the line "---\\rlicense: mit\\r---"; expected a line of three hyphens alone, and the front matter below; put the front matter first, between two lines of three hyphens'),
        (HEAD + b"a: " + b"x" * MAX_YAML_LENGTH + b"\n---\n", "2:1  error input-syntax: holds 131089 characters of YAML; expected at most 131072; check that this is the document you meant"),
        (HEAD + b"a: " + b"[" * 10_000 + b"\n---\n", f"3:67 /a{'/0' * 63} error input-syntax: nests deeper than 64 levels; check that this is the document you meant"),
        (HEAD + b"--- # two\n---\n", "3:1  error input-syntax: a second document begins; expected one; keep the one that is meant"),
        (HEAD + b"%TAG ! a\n---\n", "4:1  error input-syntax: is no YAML: expected '<document start>', but found '<stream end>'; check the text against https://yaml.org/spec/1.1/"),
    ],
    ids=range(11),
)  # fmt: skip
def test_a_card_that_cannot_be_read_is_told_with_its_place(tmp_path: Path, data: bytes, line: str) -> None:
    (tmp_path / "README.md").write_bytes(data)
    report = check_model_card(tmp_path / "README.md")

    assert told(report) == [line]
    assert (report.card, report.license, report.license_link) == (None, None, None)
    assert (report.licenses, report.base_models_unstated, report.clear) == ((), (), False)


def test_an_alias_bomb_in_a_card_is_refused(tmp_path: Path) -> None:
    levels = [f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 9)}]" for level in range(1, 12)]
    report = checked(tmp_path, "\n".join(["license: mit", "l0: &l0 [lol]", *levels]))

    assert {finding.rule for finding in report.findings} == {"input-syntax"}
    assert len(report.findings) == 101
    assert report.card is None


def test_what_is_no_file_of_a_card_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with (tmp_path / "large.md").open("wb") as stream:
        stream.write(HEAD + b"---\n")
        stream.truncate(50_000_000)
    problems = {
        "fifo": "is a FIFO; expected a regular file; name the document itself",
        "large.md": f"holds 50000000 bytes; expected at most {MAX_CARD_BYTES}; check that this is the document you meant",
        "none.md": "cannot be opened: No such file or directory; expected a regular file; name an existing, readable file",
        ".": "is a directory; expected a regular file; name the document itself",
    }

    for name, problem in problems.items():
        assert told(check_model_card(tmp_path / name)) == [f"None:None  error input-unreadable: {problem}"]


def test_a_body_may_hold_what_front_matter_may_not(tmp_path: Path) -> None:
    body = "\u200f שלום \u200f\n---\nlicense: cc-by-nc-4.0\n---\n\t- *x\r\n"
    (tmp_path / "README.md").write_bytes(HEAD + b"---\n" + body.encode())
    report = check_model_card(str(tmp_path / "README.md"))

    assert (told(report), str(report.license)) == ([], '"mit" (MIT, allowed)')


def test_misuse_is_told_apart_from_bad_input(tmp_path: Path) -> None:
    path: Any = bytes(tmp_path)
    with pytest.raises(TypeError, match=r"^path: expected a path of text, found one of bytes$"):
        check_model_card(path)
    with pytest.raises(TypeError, match=r"^a report is about a card, or about why there is none$"):
        ModelCardReport("README.md")


def test_the_tables_say_what_runs() -> None:
    assert [rule.id for rule in CARD_READING_RULES[:-1]] == [rule.id for rule in READING_RULES[:-1]]
    assert all(rule.id.startswith("card-") for rule in MODEL_CARD_RULES)


# Laws.

LINES = st.lists(
    st.sampled_from(
        [*(f"{name}:" for name in FIELDS), "---", "--- ", "...", " no", " mit", " [", "]", "- x", " {a: b}", " &a", " *a",
         "<<: ", "\n", "\r\n", "\r", "  ", "\t", "\u202e", "\ufeff", "# ", '"', "'", "!t ", " other", " bsl-1.0", "\x00"]
    ),
    max_size=25,
).map(lambda pieces: "".join(pieces).encode())  # fmt: skip


@given(st.binary(max_size=200) | LINES)
def test_no_bytes_do_more_than_be_refused(data: bytes) -> None:
    for card in (data, b"---\n" + data + b"\n---\n", b"---\nlicense: " + data + b"\n---\n"):
        with contextlib.suppress(MalformedInput):
            assert read_model_card(card, "README.md")[1] == card.decode()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates()
    | st.sampled_from(["other", "mit", "cc-by-nc-4.0", "bsl-1.0", "gpl", "unknown", "https://a", "//", "..", "NOASSERTION"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_any_card_that_can_be_read_can_be_judged(
    tmp_path_factory: pytest.TempPathFactory, front: dict[str, Any]
) -> None:
    report = checked(tmp_path_factory.getbasetemp(), yaml.safe_dump(front))

    for finding in report.findings:
        assert (finding.message + finding.tip).isprintable()
        assert finding.at.line
    if report.clear:
        assert report.license is not None
        assert {each.expression for each in report.licenses} == {report.license.expression}
        assert report.at_odds_with(report.license.expression) == ()


def test_a_subject_needs_no_file() -> None:
    assert CardSubject(ModelCard()).claims == ()
