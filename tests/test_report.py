"""What `verify_manifest` promises its callers: sources, misuse, order, bounds, components, roots and laws."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helix_tts_policy import (
    Finding,
    ManifestReport,
    PolicyError,
    Severity,
    Verdict,
    default_policy,
    evaluate_license,
    verify_manifest,
)
from helix_tts_policy.document import MAX_POINTER_LENGTH
from helix_tts_policy.facts.license_catalog import default_catalog
from helix_tts_policy.facts.weights_file import FileKind, ObservedFile, ObservedWeights
from helix_tts_policy.facts.weights_manifest import WeightsManifest
from helix_tts_policy.rules.digests import checksum_mismatch
from helix_tts_policy.rules.manifest_subject import LicensedPart, ManifestSubject
from helix_tts_policy.rules.registry import CLAIM_RULES
from helix_tts_policy.rules.rule import MAX_COMPLAINTS, complaints
from helix_tts_policy.rules.weights_bytes import file_digest_mismatch, root_unusable

NOW = datetime(2026, 11, 24, tzinfo=UTC)
EXAMPLES = Path(__file__).parent / "examples"
VOICES = Path(__file__).parents[1] / "examples" / "voices"
WEIGHTS = b"sixteen tones of one voice\n"
GOOD: dict[str, Any] = json.loads((EXAMPLES / "manifest-shape/accept/every-field.json").read_bytes())
NINE: dict[str, Any] = json.loads((EXAMPLES / "manifest-shape/accept/nine-fields.json").read_bytes())


def verify(document: object, **arguments: Any) -> ManifestReport:
    return verify_manifest(document, now=NOW, **arguments)  # type: ignore[arg-type]


def rules(report: ManifestReport, *severities: Severity) -> list[str]:
    wanted = severities or (Severity.ERROR,)
    return [finding.rule for finding in report.findings if finding.severity in wanted]


def messages(report: ManifestReport) -> list[tuple[str, str]]:
    return [(item.at.path, item.message) for item in report.findings if item.severity is Severity.ERROR]


# Sources and misuse.


def test_every_source_gives_the_same_answer(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(json.dumps(NINE | {"commercial_use_allowed": False}))

    reports = [verify(source) for source in (path, str(path), path.read_bytes(), json.loads(path.read_bytes()))]

    assert [report.source for report in reports] == [str(path), str(path), "<bytes>", "<mapping>"]
    assert {tuple(messages(report)) for report in reports} == {
        (("/commercial_use_allowed", "found false; expected true, since production use is commercial use"),)
    }
    assert [report.findings[0].at.line for report in reports] == [1, 1, 1, None]
    assert verify(path.read_bytes(), name="release 7").findings[0].at.source == "release 7"


@pytest.mark.parametrize(
    ("source", "arguments", "error", "message"),
    [
        (None, {}, TypeError, "source: expected a path, bytes or a mapping, found NoneType"),
        (7, {}, TypeError, "source: expected a path, bytes or a mapping, found int"),
        ([NINE], {}, TypeError, "source: expected a path, bytes or a mapping, found list"),
        (bytearray(b"{}"), {}, TypeError, "source: expected a path, bytes or a mapping, found bytearray"),
        (NINE, {"now": "2026-11-24"}, TypeError, "now: expected a datetime, found str"),
        (NINE, {"now": datetime(2026, 11, 24)}, ValueError, "now: expected a time with offset"),  # noqa: DTZ001
        (NINE, {"policy": "strict"}, TypeError, "policy: expected a LicensePolicy, found str"),
    ],
)
def test_misuse(source: Any, arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        verify_manifest(source, **{"now": NOW, **arguments})
    assert str(caught.value) == message


def test_path_of_bytes_is_misuse() -> None:
    class BytesPath:
        def __fspath__(self) -> bytes:
            return b"m.json"

    with pytest.raises(TypeError, match=r"^source: expected a path of text, found one of bytes$"):
        verify(BytesPath())


def test_report_needs_something_to_report() -> None:
    with pytest.raises(TypeError, match=r"^a report is about a manifest, or about why there is none$"):
        ManifestReport("m.json", b"", default_policy(), NOW)


def test_jobs_below_one_are_misuse(tmp_path: Path) -> None:
    (tmp_path / "voice.nemo").write_bytes(WEIGHTS)

    with pytest.raises(ValueError, match="jobs"):
        verify(NINE, root=tmp_path, jobs=0)


def test_clock_is_read_when_no_time_is_given() -> None:
    before = datetime.now(UTC)
    report = verify_manifest(NINE)

    assert before <= report.now <= datetime.now(UTC)


# What a report holds.


def test_report_of_a_good_manifest() -> None:
    report = verify(GOOD, policy=default_policy())

    assert report.verdict is Verdict.GO
    assert report.verdict == "GO"
    assert report.readable
    assert report.manifest is not None
    assert report.manifest.model_id == "acme/warm-voice-2"
    assert report.weights_license is not None
    assert (report.weights_license.expression, report.weights_license.state) == ("CC-BY-4.0", "allowed")
    assert report.code_license is not None
    assert (report.code_license.expression, report.code_license.state) == ("MIT", "allowed")
    assert {(part.gate, part.owner) for part, _ in report.obligations} >= {("weights", ""), ("code", "")}
    assert len(report.obligations) == len(set(report.obligations))
    assert rules(report, *Severity) == ["bytes-not-checked", "evidence-text-unchecked"]
    report.raise_for_verdict()


def test_report_of_no_manifest() -> None:
    report = verify(b"{")

    assert report.verdict is Verdict.NO_GO
    assert not report.readable
    assert (report.manifest, report.observed, report.weights_license, report.code_license) == (None,) * 4
    assert (report.licenses, report.obligations) == ((), ())
    machine = report.to_dict()
    assert (machine["model_id"], machine["licenses"], machine["attribution"]) == (None, [], None)
    assert (machine["pinned"]["checksum"], machine["pinned"]["bytes_checked"]) == (None, False)
    with pytest.raises(PolicyError) as caught:
        report.raise_for_verdict()
    assert str(caught.value) == (
        "NO-GO: <bytes>: input-syntax: is no JSON: expecting property name enclosed in double quotes"
    )


def test_refusal_counts_the_other_findings() -> None:
    with pytest.raises(PolicyError) as caught:
        verify(NINE | {"model_id": " x"}).raise_for_verdict()

    assert str(caught.value) == (
        'NO-GO: <mapping>: model-id-blank: found " x"; expected a name with a letter or digit, and no blanks around it (and 4 more)'
    )


def test_machine_form(tmp_path: Path) -> None:
    (tmp_path / "voice.nemo").write_bytes(WEIGHTS)
    data = json.dumps(GOOD).encode()
    report = verify(data, root=tmp_path)
    machine = report.to_dict()

    assert json.loads(json.dumps(machine)) == machine
    assert [*machine] == [
        "schema",
        "source",
        "verdict",
        "model_id",
        "findings",
        "licenses",
        "obligations",
        "attribution",
        "pinned",
    ]
    assert (machine["schema"], machine["verdict"]) == ("helix-tts-policy/manifest-report/1", "GO")
    assert [(row["path"], row["gate"], row["component"]) for row in machine["licenses"]] == [
        ("/weights_license", "weights", None),
        ("/code_license", "code", None),
        ("/components/0/weights_license", "weights", "hifigan"),
        ("/components/0/code_license", "code", "hifigan"),
    ]
    digits = hashlib.sha256(WEIGHTS).hexdigest()
    assert machine["pinned"]["manifest"] == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    assert machine["pinned"]["files"] == [{"path": "voice.nemo", "bytes": len(WEIGHTS), "sha256": digits}]
    assert machine["pinned"]["bytes_checked"] is True
    assert machine["pinned"]["now"] == "2026-11-24T00:00:00+00:00"
    assert machine["pinned"]["catalog"]["sha256"] == default_catalog().sha256
    assert verify(GOOD).to_dict()["pinned"]["manifest"] is None


def test_findings_stand_errors_first_then_as_the_manifest_reads() -> None:
    document = {"checksum": ""} | NINE | {"checksum": "sha256:abc", "model_id": " x", "created_at": "now"}
    report = verify(json.dumps(document, indent=1).encode())

    assert [(finding.rule, finding.at.line) for finding in report.findings] == [
        ("digest-syntax", 2),
        ("model-id-blank", 3),
        ("date-malformed", 13),
        ("revision-missing", 4),
        ("attribution-text-missing", 8),
        ("evidence-not-reviewed", 9),
        ("bytes-not-checked", 2),
    ]
    assert sorted(report.findings, key=Finding.sort_key) == [*report.findings]
    assert report.findings is report.findings


def test_two_processes_say_the_same_bytes() -> None:
    code = (
        "import json, sys, datetime; from helix_tts_policy import verify_manifest\n"
        "report = verify_manifest(sys.argv[1], now=datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC))\n"
        "print(json.dumps(report.to_dict()))"
    )
    source = str(VOICES / "nemo-placeholder/weights-manifest.json")
    outputs = {
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", code, source],
            env={"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"},
            capture_output=True,
            check=True,
        ).stdout
        for seed, zone in (("0", "UTC"), ("1", "Asia/Tokyo"))
    }

    assert outputs == {json.dumps(verify(source).to_dict()).encode() + b"\n"}


def test_same_moment_in_another_zone_decides_the_same() -> None:
    tokyo = NOW.astimezone(timezone(timedelta(hours=9)))

    assert verify_manifest(NINE, now=tokyo).findings == verify(NINE).findings


@pytest.mark.parametrize(
    ("voice", "expected"),
    [
        ("mei", []),
        ("mei-swapped", ["file-digest-mismatch"]),
        ("musicgen-like", ["weights-license-forbidden"]),
        ("nemo-placeholder", ["weights-license-unclear", "digest-placeholder", "weights-file-ambiguous"]),
    ],
)
def test_example_releases(voice: str, expected: list[str]) -> None:
    report = verify(VOICES / voice / "weights-manifest.json", root=VOICES / voice)

    assert rules(report) == expected
    assert (report.verdict is Verdict.GO) == (not expected)


# Components.


def component(**fields: object) -> dict[str, object]:
    return NINE | {"components": [{"name": "hifigan", "role": "vocoder"} | fields]}


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (component(weights_license="MIT"), []),
        (component(weights_license="MIT", code_license="MIT"), []),
        (component(role="g2p", code_license="MIT"), []),
        (
            component(role="g2p", code_license="unknown-1"),
            ["/components/0/code_license"],
        ),
        (component(), ["/components/0/weights_license"]),
        (component(weights_license="CC-BY-NC-4.0"), ["/components/0/weights_license"]),
    ],
)
def test_strictest_component_decides(document: dict[str, object], found: list[str]) -> None:
    report = verify(document)

    assert [path for path, _ in messages(report)] == found
    assert all(f'of the {document["components"][0]["role"]} "hifigan"' in text for _, text in messages(report))  # type: ignore[index]


def test_message_names_the_component_without_its_control_over_the_line() -> None:
    report = verify(component(name="\n::error " + "x" * 4000, weights_license="CC-BY-NC-4.0"))
    (message,) = [text for _, text in messages(report)]

    assert message.isprintable()
    assert len(message) < 600


def test_text_for_many_components_stays_short() -> None:
    parts = [{"name": f"part {number}", "role": "other", "weights_license": "CC-BY-4.0"} for number in range(1000)]
    report = verify(NINE | {"components": parts})
    (missing,) = [finding for finding in report.findings if finding.rule == "attribution-text-missing"]

    assert report.verdict is Verdict.GO
    assert missing.message == (
        'found no attribution text; expected one, since CC-BY-4.0, CC-BY-4.0 of the other "part 0", '
        'CC-BY-4.0 of the other "part 1" and 998 more asks for it'
    )
    assert len({part.owner for part, _ in report.obligations}) == 1001


# Roots.


def test_root_may_be_the_file_or_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "voice.nemo").write_bytes(WEIGHTS)
    manifest = folder / "weights-manifest.json"
    manifest.write_text(json.dumps(NINE))
    seen: list[tuple[int, int]] = []

    for root in (folder, folder / "voice.nemo", str(folder)):
        report = verify(manifest, root=root, jobs=1, progress=lambda done, total: seen.append((done, total)))
        assert rules(report) == []
        assert report.observed is not None
        assert report.observed.bytes_hashed == len(WEIGHTS)
    assert seen[-1] == (len(WEIGHTS), len(WEIGHTS))
    assert messages(verify(NINE, root=folder)) == [
        (
            "/checksum",
            'found 2 files in the root: "voice.nemo", "weights-manifest.json"; expected one, since the manifest lists none',
        )
    ]
    assert messages(verify(NINE, root=tmp_path / "none"))[0][0] == ""


def test_empty_root_and_many_files_are_ambiguous(tmp_path: Path) -> None:
    assert messages(verify(NINE, root=tmp_path)) == [
        ("/checksum", "found 0 files in the root; expected one, since the manifest lists none")
    ]
    for number in range(5):
        (tmp_path / f"{number}").write_bytes(WEIGHTS)
    assert messages(verify(NINE, root=tmp_path)) == [
        ("/checksum", 'found 5 files in the root: "0", "1", "2", …; expected one, since the manifest lists none')
    ]


def test_malformed_digest_beside_bytes_is_one_finding_more(tmp_path: Path) -> None:
    (tmp_path / "voice.nemo").write_bytes(WEIGHTS)

    assert rules(verify(NINE | {"checksum": "md5:" + "0" * 32}, root=tmp_path)) == ["digest-algorithm"]
    listed = [{"path": "voice.nemo", "bytes": len(WEIGHTS), "sha256": "x\x7f"[:1] * 4000}]
    report = verify(NINE | {"files": listed}, root=tmp_path)
    assert rules(report) == ["digest-syntax", "file-digest-mismatch"]
    assert all(len(text) < 400 for _, text in messages(report))


def test_root_with_too_many_levels_is_not_listed_to_the_end(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"a" * 34)
    deep.mkdir(parents=True)

    assert "file-unreadable" in rules(verify(NINE, root=tmp_path))


# Bounds.


def test_twenty_thousand_bad_files_stay_bounded() -> None:
    files = [{"path": f"../{number}", "bytes": 0, "sha256": "x"} for number in range(20_000)]
    report = verify(json.dumps(NINE | {"files": files}).encode())
    errors = [finding for finding in report.findings if finding.severity is Severity.ERROR]

    assert {rule: rules(report).count(rule) for rule in set(rules(report))} == {
        "digest-syntax": MAX_COMPLAINTS + 1,
        "file-path-unsafe": MAX_COMPLAINTS + 1,
        "file-empty": MAX_COMPLAINTS + 1,
    }
    assert [finding.message for finding in errors[-3:]] == ["19950 more of the same kind"] * 3
    assert len(json.dumps(report.to_dict())) < 100_000


def test_many_problems_of_a_document_stay_bounded() -> None:
    report = verify(json.dumps({f"{number}" + "k" * 4000: 1 for number in range(900)}).encode())

    assert len(report.findings) == 101
    assert max(len(finding.at.path) for finding in report.findings) <= MAX_POINTER_LENGTH
    assert len(json.dumps(report.to_dict())) < 200_000


def test_equal_problems_keep_their_own_places() -> None:
    report = verify(b'{"a": 1,\n "a": 2,\n "a": 3}')

    assert [(finding.at.path, finding.at.line) for finding in report.findings] == [("/a", 2), ("/a", 3)]


# Laws.

DEFECTS: list[dict[str, Any]] = [
    {"model_id": " "},
    {"source_url": "http://hub@localhost:x/tree/main"},
    {"weights_license": "CC-BY-NC-4.0"},
    {"weights_license": "unknown"},
    {"code_license": "Elastic-2.0"},
    {"commercial_use_allowed": False},
    {"attribution_required": False},
    {"evidence_links": ["https://example.com/"]},
    {"checksum": "sha256:" + "1" * 64},
    {"created_at": "2199-01-01T00:00:00Z"},
    {"revision": "main"},
    {"files": [{"path": "../a", "bytes": 0, "sha256": "b"}]},
    {"components": [{"name": "a", "role": "codec"}]},
    {"evidence": [{"url": "x", "kind": "terms", "retrieved_on": "today"}]},
    {"licence": "MIT"},
    {"model_id": None},
]


@pytest.mark.parametrize("defect", DEFECTS, ids=str)
def test_each_defect_alone_is_no_go(defect: dict[str, Any]) -> None:
    assert verify(GOOD).verdict is Verdict.GO
    assert verify(GOOD | defect).verdict is Verdict.NO_GO


@given(st.lists(st.sampled_from(DEFECTS), min_size=1, max_size=5), st.sampled_from([GOOD, NINE]))
def test_a_defect_more_never_turns_no_go_into_go(defects: list[dict[str, Any]], good: dict[str, Any]) -> None:
    document = copy.deepcopy(good)
    for defect in defects:
        document |= defect
        report = verify(json.dumps(document).encode())
        assert report.verdict is Verdict.NO_GO
        assert rules(report)
        assert report.verdict is verify(document).verdict


def test_verdict_is_what_the_findings_say_for_every_example() -> None:
    for case in EXAMPLES.glob("*/*/*.json"):
        report = verify(case)
        assert (report.verdict is Verdict.GO) == (Severity.ERROR not in {item.severity for item in report.findings})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*GOOD, "path", "bytes", "x"]) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(JSON, st.sampled_from([*GOOD]))
@settings(max_examples=200)
def test_nothing_that_json_can_hold_raises(value: Any, field: str) -> None:
    for document in (value, GOOD | {field: value}):
        for source in (json.dumps(document).encode(), document):
            if isinstance(source, bytes | dict):
                report = verify(source)
                assert json.dumps(report.to_dict())
                assert all(item.message.isprintable() for item in report.findings)


@given(st.text(), st.sampled_from([key for key, value in NINE.items() if isinstance(value, str)]))
@settings(max_examples=300)
def test_no_text_in_a_field_raises(text: str, field: str) -> None:
    report = verify(NINE | {field: text})

    assert all(item.message.isprintable() for item in report.findings)
    assert (report.verdict is Verdict.GO) == (rules(report) == [])


# Doors that are kept shut although nothing comes through them today.


def subject_of(document: dict[str, Any]) -> ManifestSubject:
    subject = verify(document)._subject
    assert subject is not None
    return subject


def test_licence_that_no_rule_speaks_of_is_no_go_all_the_same() -> None:
    own, forbidden = subject_of(GOOD), evaluate_license("CC-BY-NC-4.0")
    strange = LicensedPart("/components/0", "another gate", None, forbidden)
    subject = ManifestSubject(own.manifest, NOW, (*own.licenses, strange))
    report = ManifestReport("m.json", None, default_policy(), NOW, subject=subject)

    assert rules(report) == []
    assert report.verdict is Verdict.NO_GO


def test_rules_stand_still_before_facts_that_are_not_there() -> None:
    subject = subject_of(NINE)

    assert [*checksum_mismatch(subject)] == []
    with pytest.raises(TypeError, match=r"^rules over bytes run only when a root was looked at$"):
        [*root_unusable(subject)]


def test_evidence_without_a_day_is_no_odd_date() -> None:
    report = verify(NINE | {"created_at": "now", "evidence": [{"url": "https://acme.dev/", "kind": "terms"}]})

    assert messages(report) == [
        (
            "/created_at",
            'found "now"; expected a real date in the form YYYY-MM-DDThh:mm:ss with Z or an offset',
        )
    ]


def test_only_the_bad_one_of_several_digests_is_told() -> None:
    evidence = [
        {"url": "https://github.com/acme/voice", "kind": "terms"},
        {"url": "https://github.com/acme/voice", "kind": "weights_license", "sha256": "A" * 64},
    ]
    report = verify_manifest({**NINE, "evidence": evidence}, now=NOW)
    told = [(finding.rule, finding.at.path) for finding in report.findings if finding.rule.startswith("digest-")]
    assert told == [("digest-syntax", "/evidence/1/sha256")]


@pytest.mark.parametrize("components", [None, [], [{"name": "v", "role": "vocoder", "weights_license": "CC-BY-4.0"}]])
@pytest.mark.parametrize("license_", ["MIT-0", "CC-BY-4.0", "CC-BY-NC-4.0", "GPL-3.0-only", "unknown"])
@pytest.mark.parametrize("attribution", [True, False])
@pytest.mark.parametrize("commercial", [True, False])
@pytest.mark.parametrize("component_claim", [None, True, False])
def test_no_claim_is_passed_over_because_it_looks_in_order(
    commercial: bool,  # noqa: FBT001
    attribution: bool,  # noqa: FBT001
    license_: str,
    components: list[dict[str, Any]] | None,
    component_claim: bool | None,  # noqa: FBT001
) -> None:
    stated = {**NINE, "weights_license": license_}
    stated |= {"commercial_use_allowed": commercial, "attribution_required": attribution}
    if components is not None:
        stated["components"] = [{**part, "attribution_required": component_claim} for part in components]
    report = verify_manifest(stated, now=NOW)
    assert report.manifest is not None
    subject = ManifestSubject(report.manifest, NOW, report.licenses)
    due = {(rule, told.path) for rule, _, told in complaints(CLAIM_RULES, subject)}
    claims = {rule.id for rule in CLAIM_RULES}
    assert {(finding.rule, finding.at.path) for finding in report.findings if finding.rule in claims} == due


def test_jobs_below_one_is_misuse_also_where_nothing_is_hashed() -> None:
    with pytest.raises(ValueError, match=r"^jobs: expected 1 or more$"):
        verify_manifest(NINE, now=NOW, jobs=0)


def test_a_time_whose_zone_has_no_offset_is_misuse() -> None:
    class Nowhere(tzinfo):
        def utcoffset(self, _: datetime | None) -> None:
            return None

        dst = utcoffset

        def tzname(self, _: datetime | None) -> None:
            return None

    with pytest.raises(ValueError, match=r"^now: expected a time with offset$"):
        verify_manifest(NINE, now=datetime(2026, 11, 24, tzinfo=Nowhere()))


def test_a_root_that_is_a_link_to_itself_is_a_finding(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    (tmp_path / "weights-manifest.json").write_text(json.dumps(NINE))
    report = verify_manifest(tmp_path / "weights-manifest.json", root=loop, now=NOW)
    assert "root-unusable" in {finding.rule for finding in report.findings}
    assert report.verdict is Verdict.NO_GO


def test_a_file_that_was_not_hashed_matches_nothing() -> None:
    manifest = verify_manifest(GOOD, now=NOW).manifest
    assert manifest is not None
    assert manifest.files is not None
    for facts in (manifest, verify_manifest(NINE, now=NOW).manifest):
        assert facts is not None
        size = manifest.files[0].bytes
        seen = ObservedFile(path="voice.nemo", kind=FileKind.FILE, size=size)
        observed = ObservedWeights(root=Path("x"), root_kind=FileKind.FILE, algorithm="sha256", files=(seen,))
        told = [*file_digest_mismatch(ManifestSubject(facts, NOW, verify_manifest(NINE, now=NOW).licenses, observed))]
        assert len(told) == 1
        assert " none in " in told[0].message.replace("sha256:none", "sha256 none")


@pytest.mark.parametrize(
    "locale", [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"LC_ALL": "C.UTF-8"}]
)
def test_the_locale_does_not_decide_whether_the_root_file_is_hashed(tmp_path: Path, locale: dict[str, str]) -> None:
    weights = tmp_path / "v\u00f6ice.nemo"
    weights.write_bytes(b"EVIL!")
    good = hashlib.sha256(b"good!").hexdigest()
    checksum = hashlib.sha256(f"{good}  voice.nemo\n".encode()).hexdigest()
    stated = NINE | {"files": [{"path": "voice.nemo", "bytes": 5, "sha256": good}], "checksum": f"sha256:{checksum}"}
    (tmp_path / "m.json").write_text(json.dumps(stated))
    script = (
        "import os, sys; from pathlib import Path; from helix_tts_policy import verify_manifest;"
        "root = next(p for p in Path(os.fsdecode(sys.argv[1])).iterdir() if p.suffix == '.nemo');"
        "report = verify_manifest(sys.argv[1] + '/m.json', root=root);"
        "print(report.verdict.value, *[f.rule for f in report.findings if f.severity == 'error'])"
    )
    done = subprocess.run(  # noqa: S603 - this interpreter with a script of our own
        [sys.executable, "-c", script, str(tmp_path)],
        env={**os.environ, **locale},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "NO-GO file-digest-mismatch\n"


URL_PLACES: dict[str, dict[str, Any]] = {
    "/source_url": {"source_url": "http://a.dev"},
    "/evidence_links/0": {"evidence_links": ["http://a.dev"]},
    "/components/0/source_url": {
        "components": [{"name": "v", "role": "vocoder", "weights_license": "MIT", "source_url": "http://a.dev"}]
    },
    "/evidence/0/url": {"evidence": [{"url": "http://a.dev", "kind": "terms"}]},
}


DIGEST_PLACES: dict[str, dict[str, Any]] = {
    "/checksum": {"checksum": "sha256:A"},
    "/files/0/sha256": {"files": [{"path": "voice.nemo", "bytes": 1, "sha256": "A"}]},
    "/evidence/0/sha256": {"evidence": [{"url": "https://a.dev", "kind": "terms", "sha256": "A"}]},
}
DATE_PLACES: dict[str, dict[str, Any]] = {
    "/created_at": {"created_at": "today"},
    "/evidence/0/retrieved_on": {"evidence": [{"url": "https://a.dev", "kind": "terms", "retrieved_on": "today"}]},
}


@pytest.mark.parametrize(("rule", "places"), [("digest-syntax", DIGEST_PLACES), ("date-malformed", DATE_PLACES)])
def test_no_digest_and_no_date_of_the_schema_is_passed_over(rule: str, places: dict[str, dict[str, Any]]) -> None:
    schema = json.dumps(WeightsManifest.model_json_schema())
    assert schema.count('"format": "date') == len(DATE_PLACES)
    assert schema.count('"sha256": {') == len(DIGEST_PLACES) - 1
    for place, change in places.items():
        told = [finding.at.path for finding in verify_manifest(NINE | change, now=NOW).findings if finding.rule == rule]
        assert told == [place]


def test_no_url_of_the_schema_is_passed_over() -> None:
    schema = json.dumps(WeightsManifest.model_json_schema())
    assert schema.count('"format": "uri"') == len(URL_PLACES)
    for place, change in URL_PLACES.items():
        told = [
            finding.at.path
            for finding in verify_manifest(NINE | change, now=NOW).findings
            if finding.rule == "url-not-https"
        ]
        assert told == [place]
