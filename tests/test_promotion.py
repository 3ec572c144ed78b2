"""The promotion gate over whole releases: one that is GO, and everything that makes it NO-GO, told at its own gate."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from tests import releases
from tests.broken_releases import BROKEN, NAMES, blockers, manifest, put, stated, states
from tests.releases import NOW
from tools.promotion_page import TABLES

from helix_tts_policy import GateState, Release, Severity, Verdict, decide_promotion, load_policy
from helix_tts_policy.check_promotion import examine_release
from helix_tts_policy.promotion_case import NEEDS
from helix_tts_policy.promotion_gates import _GATES, _OTHER_GATES, Kind, gate_of
from helix_tts_policy.rules.all_rules import ALL_RULES
from helix_tts_policy.rules.card_registry import MODEL_CARD_TABLES
from helix_tts_policy.rules.dataset_registry import DATASET_TABLES
from helix_tts_policy.rules.promotion_registry import REPLAY_TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return releases.write(tmp_path)


def test_a_whole_release_is_go(release: Path) -> None:
    promotion = examine_release(release, now=NOW)

    assert blockers(promotion) == []
    assert promotion.verdict is Verdict.GO
    assert states(promotion) == dict.fromkeys(NAMES, GateState.PASS)
    assert promotion.decision.attribution == releases.ATTRIBUTION
    assert {(duty.kind, duty.part, duty.license) for duty in promotion.decision.obligations} == {
        ("attribution", "weights", "CC-BY-4.0"),
        ("attribution", "code", "Apache-2.0"),
    }
    promotion.raise_for_verdict()


def test_everything_that_was_looked_at_is_pinned(release: Path) -> None:
    pinned = examine_release(release, now=NOW).pinned()

    files = releases.files()
    stated = {
        "bundle-manifest": ["bundle/manifest.json"],
        "artifact": ["run/out/voice.safetensors"],
        "bundle": ["bundle/ATTRIBUTION.txt", "bundle/sample.wav", "bundle/voice.safetensors"],
        "ledger": ["ledger.md"],
        "trace": ["trace.jsonl"],
        "train-status": ["run/train_status.json"],
        "training-log": ["run/lane.log"],
        "verification": ["verification.json"],
        "weights": ["weights/voice.safetensors"],
        "weights-manifest": ["weights-manifest.json"],
    }
    assert pinned["inputs"] == [
        {"role": role, "path": path, "sha256": releases.sha256(files[path]), "bytes": len(files[path])}
        for role, paths in sorted(stated.items())
        for path in paths
    ]
    text = files["release.toml"]
    assert pinned["release"] == {
        "path": "release.toml",
        "name": "acme/warm-voice-2",
        "version": "2.0.0",
        "sha256": releases.sha256(text),
        "bytes": len(text),
    }
    assert pinned["now"] == "2026-11-25T12:00:00+00:00"
    assert pinned["policy"]["from"] == "built-in"


@pytest.mark.parametrize("name", BROKEN)
def test_one_broken_thing_is_no_go_at_its_own_gate(release: Path, name: str) -> None:
    changes, expected = BROKEN[name]
    for path, data in changes.items():
        if data is None:
            (release.parent / path).unlink()
        else:
            put(release, path, data)

    promotion = examine_release(release, now=NOW)

    assert promotion.verdict is Verdict.NO_GO
    assert blockers(promotion) == expected
    for each in promotion.decision.blocking:
        assert each.finding.message.isprintable()
        assert each.finding.tip
    assert promotion.readable is (name not in {"no release file", "policy that is not there"})


def test_every_gate_fails_for_something_above() -> None:
    failing = {gate for _, expected in BROKEN.values() for gate, rule in expected if rule != "evidence-missing"}
    missing = {gate for _, expected in BROKEN.values() for gate, rule in expected if rule == "evidence-missing"}

    assert failing == set(NAMES)
    assert missing | {"release", "lane-log", "verification"} == set(NAMES)  # the last two in the test below


@pytest.mark.parametrize("pointer", releases.KEYS)
def test_evidence_that_is_not_named_any_more_is_missing(release: Path, pointer: str) -> None:
    put(release, "release.toml", releases.without(pointer))

    promotion = examine_release(release, now=NOW)

    missing = {name for name, state in states(promotion).items() if state is GateState.MISSING}
    asking = {
        gate
        for gate, needs in NEEDS.items()
        if pointer in {need.pointer for need in needs} or (gate == "lane" and pointer == "/training/status")
    }
    assert promotion.verdict is Verdict.NO_GO
    assert missing == asking
    assert {rule for _, rule in blockers(promotion)} == {"evidence-missing"}
    assert {each.finding.at.source for each in promotion.decision.blocking} == {str(release)}
    assert all(each.finding.at.line for each in promotion.decision.blocking)


def test_evidence_that_is_missing_in_part_is_told_by_its_key(release: Path) -> None:
    lines = releases.without("/weights/root").decode().splitlines()
    put(release, "release.toml", "".join(f"{line}\n" for line in lines if line != 'root = "run"').encode())

    promotion = examine_release(release, now=NOW)

    (blocking,) = promotion.decision.blocking
    assert blocking.finding.message == (
        "found no weights.root and no training.root for the gate artifacts; "
        "expected the folder of the weights and that of the run"
    )


def test_gates_that_were_not_decided_for_one_reason_are_told_in_one(release: Path) -> None:
    (release.parent / "weights-manifest.json").unlink()

    promotion = examine_release(release, now=NOW)

    assert len(promotion.told) == len(promotion.findings) - 3
    (undecided,) = [each for each in promotion.told if each.rule == "evidence-missing"]
    assert undecided.message == (
        "the gate weights-license was not decided, since the weights manifest cannot be used; expected a readable "
        "weights manifest; so too 3 more gates: code-license, artifacts, attribution"
    )


def test_a_bundle_under_the_licence_of_a_component_alone_is_told_with_both_licences(release: Path) -> None:
    data = {"name": "harbour sentences", "role": "training_data", "weights_license": "CC-BY-4.0"}
    put(release, "weights-manifest.json", manifest(weights_license="MIT", components=[data]))

    told = [each.finding for each in examine_release(release, now=NOW).decision.blocking]

    assert [each.message for each in told if each.rule == "bundle-license-disagrees"] == [
        'found "CC-BY-4.0" as licence of the weights in the bundle; expected "MIT", as in the manifest'
    ]


def test_the_release_names_every_key_that_a_gate_asks_for() -> None:
    asked = {need.pointer for needs in NEEDS.values() for need in needs} - {"/policy", "/training/lane"}

    assert set(releases.KEYS) == asked


# --- every rule has a gate --------------------------------------------------------------------------------------------


def rules_of(kind: Kind) -> Iterator[str]:
    return (rule.id for rules in TABLES[kind] for rule in rules)


@pytest.mark.parametrize("kind", Kind)
def test_every_rule_has_a_gate(kind: Kind) -> None:
    assert {gate_of(kind, rule) for rule in rules_of(kind)} <= set(NAMES)
    assert gate_of(kind, "a-rule-that-is-new") == _GATES[kind]


def test_every_rule_of_every_registry_reaches_a_gate_or_has_none_to_reach() -> None:
    of_other_questions = {
        rule.id for tables in (MODEL_CARD_TABLES, DATASET_TABLES, REPLAY_TABLES) for rules in tables for rule in rules
    }
    told = {rule for kind in Kind for rule in rules_of(kind)}

    assert {rule.id for rule in ALL_RULES} - of_other_questions == told


def test_every_rule_that_has_a_gate_of_its_own_exists() -> None:
    known = {(kind, rule) for kind in Kind for rule in rules_of(kind)}
    known |= {(Kind.MANIFEST, rule) for rule in rules_of(Kind.RELEASE)}  # what a manifest made of the policy

    assert set(_OTHER_GATES) <= known
    assert set(_OTHER_GATES.values()) <= set(NAMES)


# --- policies ---------------------------------------------------------------------------------------------------------

STRICT = """schema_version = "license-policy/1"

[gates.weights]
allow = ["MIT"]
"""
EASY = """schema_version = "license-policy/1"

[gates.weights]
allow = ["CC-BY-4.0"]
"""


def test_the_policy_that_the_release_names_counts(release: Path) -> None:
    put(release, "strict.toml", STRICT)
    put(release, "release.toml", f'policy = "strict.toml"\n{releases.RELEASE}')

    promotion = examine_release(release, now=NOW)

    assert ("weights-license", "weights-license-forbidden") in blockers(promotion)
    assert promotion.pinned()["policy"] == {
        "from": "release",
        "name": "strict.toml",
        "sha256": releases.sha256(STRICT.encode()),
    }


def test_the_policy_of_whoever_decides_counts_before_it(release: Path, tmp_path: Path) -> None:
    put(release, "strict.toml", STRICT)
    put(release, "easy.toml", EASY)
    put(release, "release.toml", f'policy = "strict.toml"\n{releases.RELEASE}')

    promotion = examine_release(release, policy=load_policy(tmp_path / "easy.toml"), now=NOW)

    assert blockers(promotion) == []
    assert promotion.pinned()["policy"]["from"] == "caller"
    assert promotion.pinned()["policy"]["name"] == "easy.toml"
    told = [each for each in promotion.findings if each.rule == "release-policy-overridden"]
    assert [(each.severity, each.at.path, each.at.line) for each in told] == [(Severity.NOTE, "/policy", 1)]
    assert told[0].message.startswith('found "strict.toml", and decided under "')


BACKUP = """schema_version = "license-policy/1"

[nemo_blocked]
reason = "nemo_runtime_unavailable"
owner = "speech@acme-voices.com"
expires_on = 2026-11-25
"""


def test_the_backup_lane_is_promotable_for_as_long_as_the_policy_records_nemo_as_blocked(release: Path) -> None:
    put(release, "run/train_status.json", releases.status(job_type="tts_prod_train_espnet2"))
    assert blockers(examine_release(release, now=NOW)) == [("lane", "lane-not-promotable")]

    put(release, "ours.toml", BACKUP)
    put(release, "release.toml", f'policy = "ours.toml"\n{releases.RELEASE}')

    assert blockers(examine_release(release, now=NOW)) == []
    assert blockers(examine_release(release, now=NOW + timedelta(days=1))) == [("lane", "lane-not-promotable")]


# --- a Release without a file, and misuse -----------------------------------------------------------------------------


def test_a_release_needs_no_file(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_folder = decide_promotion(stated(release), folder=release.parent, now=NOW)
    monkeypatch.chdir(release.parent)
    here = decide_promotion(stated(release), now=NOW)

    assert in_folder.verdict is here.verdict is Verdict.GO
    assert in_folder.source == "<release>"
    assert here.pinned["release"]["path"] is None
    assert len(here.pinned["release"]["sha256"]) == 64
    assert decide_promotion(Release(schema_version="release/1", name="acme/warm-voice-2"), now=NOW).verdict is (
        Verdict.NO_GO
    )


def test_misuse_raises(release: Path) -> None:
    for arguments, error in (
        ({"release": 7}, TypeError),
        ({"release": os.fsencode(release)}, TypeError),
        ({"release": release, "folder": b"folder"}, TypeError),
        ({"release": release, "policy": "policy.toml"}, TypeError),
        ({"release": release, "now": "today"}, TypeError),
        ({"release": release, "now": datetime(2026, 11, 25)}, ValueError),  # noqa: DTZ001 - that is the misuse
    ):
        with pytest.raises(error):
            decide_promotion(**arguments)


def test_a_path_of_bytes_is_misuse(release: Path) -> None:
    with os.scandir(os.fsencode(release.parent)) as entries:
        entry: Any = next(entries)

    with pytest.raises(TypeError, match=r"^release: expected a path of text, found one of bytes$"):
        examine_release(entry, now=NOW)


def test_the_release_may_state_the_lane(release: Path) -> None:
    put(release, "run/train_status.json", {key: value for key, value in releases.status().items() if key != "job_type"})
    for lane, expected in (
        ("tts_prod_train_nemo", []),
        ("tts_voice_train", [("lane", "lane-not-promotable")]),
        ("none", [("lane", "lane-unknown")]),
    ):
        put(release, "release.toml", releases.RELEASE.replace("[training]", f'[training]\nlane = "{lane}"'))
        assert blockers(examine_release(release, now=NOW)) == expected


def test_the_clock_is_read_where_no_time_is_given(release: Path) -> None:
    promotion = examine_release(release)

    assert promotion.now.utcoffset() == timedelta(0)
    elsewhere = examine_release(release, now=promotion.now.astimezone(timezone(timedelta(hours=2))))
    assert elsewhere.verdict is promotion.verdict
