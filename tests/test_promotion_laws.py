"""What holds of every promotion: nothing changes unseen, a decision reads the same everywhere, and whatever lies there is told."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import releases
from tests.broken_releases import BROKEN, OTHER, VOICE, blockers, bundle_of, bundled, manifest, put, stated
from tests.ledgers import EXAMPLES as LEDGERS
from tests.ledgers import WAVE1, audited
from tests.releases import NOW

from helix_tts_policy import Verdict, default_policy
from helix_tts_policy.check_promotion import examine_release
from helix_tts_policy.check_training import check_training_run
from helix_tts_policy.decision_document import decision_content
from helix_tts_policy.facts.artifact_files import artifact_files, file_digest
from helix_tts_policy.facts.commit_history import CommitHistory, CommitState, NamedCommit
from helix_tts_policy.promotion import LISTED
from helix_tts_policy.promotion_case import Pieces, PromotionCase
from helix_tts_policy.promotion_files import artifacts_of, shipped_texts
from helix_tts_policy.promotion_pins import MAX_UNJUDGED_BYTES, pin_inputs
from helix_tts_policy.rules.promotion_subject import Content, HeldFile, weights_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return releases.write(tmp_path)


def pinned_or_decided(release: Path) -> tuple[Any, ...]:
    promotion = examine_release(release, now=NOW)
    pinned = promotion.pinned()
    return promotion.verdict, json.dumps(pinned["release"]), json.dumps(pinned["inputs"])


LARGE = 400
"""Bytes of a file up to which every single one is flipped; of a larger one some are."""


@pytest.mark.parametrize("path", [path for path, data in releases.files().items() if len(data) <= LARGE])
def test_no_byte_of_a_small_input_can_be_flipped_unseen(release: Path, path: str) -> None:
    before = pinned_or_decided(release)
    data = releases.files()[path]
    for index in range(len(data)):
        put(release, path, data[:index] + bytes([data[index] ^ 1]) + data[index + 1 :])
        assert pinned_or_decided(release) != before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.data())
def test_no_byte_of_any_input_can_be_flipped_unseen(release: Path, data: st.DataObject) -> None:
    files = releases.files()
    releases.write(release.parent, files)
    before = pinned_or_decided(release)
    path = data.draw(st.sampled_from([path for path in files if len(files[path]) > LARGE]))
    index = data.draw(st.integers(0, len(files[path]) - 1))
    bit = data.draw(st.integers(0, 7))
    was = files[path]

    put(release, path, was[:index] + bytes([was[index] ^ 1 << bit]) + was[index + 1 :])

    assert pinned_or_decided(release) != before


def test_the_same_release_is_the_same_decision_wherever_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        releases.write(tmp_path / name)
    monkeypatch.chdir(tmp_path / "two")

    contents = [
        decision_content(examine_release(path, now=NOW))
        for path in (tmp_path / "one" / "release.toml", "release.toml", "./release.toml", "../two/release.toml")
    ]

    assert all(content == contents[0] for content in contents)


def test_a_release_below_the_root_of_the_file_system_tells_its_places_as_it_states_them(release: Path) -> None:
    below = str(release.parent)[1:]
    text = releases.RELEASE
    for path in stated(release).paths().values():
        text = text.replace(f'"{path}"', f'"{below}/{path}"')
    put(release, "release.toml", text)
    put(release, "ledger.md", "")

    content = decision_content(examine_release(stated(release), now=NOW, folder="/"))

    sources = {finding["at"]["source"] for gate in content["gates"] for finding in gate["findings"]}
    assert sources == {f"{below}/ledger.md", f"{below}/weights-manifest.json"}


@pytest.mark.parametrize("name", BROKEN)
def test_a_no_go_reads_the_same_wherever_the_release_lies(tmp_path: Path, name: str) -> None:
    contents = []
    for folder in (tmp_path / "one", tmp_path / "another place"):
        release = releases.write(folder)
        for path, data in BROKEN[name][0].items():
            if data is None:
                (folder / path).unlink()
            else:
                put(release, path, data)
        contents.append(decision_content(examine_release(release, now=NOW)))

    assert contents[0] == contents[1]
    assert str(tmp_path) not in json.dumps(contents[0])


def test_evidence_that_is_no_file_does_not_block(release: Path) -> None:
    for path in ("ledger.md", "verification.json", "trace.jsonl", "run/lane.log", "run/train_status.json"):
        (release.parent / path).unlink()
        os.mkfifo(release.parent / path)

    promotion = examine_release(release, now=NOW)

    assert ("ledger", "input-unreadable") in blockers(promotion)
    assert ("verification", "input-unreadable") in blockers(promotion)
    assert ("lane-log", "input-unreadable") in blockers(promotion)
    not_read = [each["path"] for each in promotion.pinned()["inputs"] if each["sha256"] is None]
    assert not_read == ["run", "ledger.md", "trace.jsonl", "run/train_status.json", "run/lane.log", "verification.json"]


def test_folders_that_are_none(release: Path) -> None:
    for folder in ("weights", "run", "bundle"):
        shutil.rmtree(release.parent / folder)
        put(release, folder, b"no folder")

    promotion = examine_release(release, now=NOW)

    assert promotion.verdict is Verdict.NO_GO
    assert ("bundle", "input-unreadable") in blockers(promotion)


def test_one_weights_file_as_root_with_a_longer_digest(release: Path) -> None:
    data = releases.manifest({"voice.safetensors": VOICE}, checksum=f"sha512:{hashlib.sha512(VOICE).hexdigest()}")
    del data["files"]
    put(release, "weights-manifest.json", data)
    put(
        release,
        "release.toml",
        releases.RELEASE.replace('root = "weights"', 'root = "weights/voice.safetensors"'),
    )

    promotion = examine_release(release, now=NOW)

    assert blockers(promotion) == []
    weights = [each for each in promotion.pinned()["inputs"] if each["role"] == "weights"]
    assert [each["sha256"] for each in weights] == [releases.sha256(VOICE)]


def test_an_artifact_may_be_a_folder_and_be_named_twice(release: Path) -> None:
    put(release, "run/lane.log", releases.lane_log(artifact="out"))
    put(release, "run/train_status.json", releases.status(artifacts=["out"]))
    put(release, "run/out/notes/report.txt", "All went well.\n")

    promotion = examine_release(release, now=NOW)

    assert blockers(promotion) == []
    artifacts = [each["path"] for each in promotion.pinned()["inputs"] if each["role"] == "artifact"]
    assert artifacts == ["run/out/notes/report.txt", "run/out/voice.safetensors"]


def test_what_cannot_be_pinned_of_a_folder_of_artifacts_is_told(release: Path) -> None:
    put(release, "run/lane.log", releases.lane_log(artifact="out"))
    put(release, "run/train_status.json", releases.status(artifacts=["out"]))
    (release.parent / "run/out/link.nemo").symlink_to("voice.safetensors")

    promotion = examine_release(release, now=NOW)

    assert blockers(promotion) == [("artifacts", "artifact-not-pinned")]
    artifacts = [(each["path"], each["bytes"]) for each in promotion.pinned()["inputs"] if each["role"] == "artifact"]
    assert artifacts == [("run/out/link.nemo", None), ("run/out/voice.safetensors", len(VOICE))]


def test_a_folder_that_cannot_be_listed_to_its_end_is_told(tmp_path: Path) -> None:
    deep = tmp_path / "out" / "/".join("d" * 40)
    deep.mkdir(parents=True)
    (tmp_path / "out" / "voice.nemo").write_bytes(VOICE)

    listed = [(file.path, bool(file.sha256)) for file in artifact_files(tmp_path, ["out"], {})]

    assert listed[0] == ("out", False)
    assert listed[-1] == ("out/voice.nemo", True)


def test_what_is_no_file_has_no_digest(release: Path) -> None:
    for path in ("none", "\0", str(release.parent)):
        assert file_digest(path) is None


def test_artifacts_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helix_tts_policy.facts.artifact_files.MAX_FILES", 3)
    for name in "abcde":
        (tmp_path / name).write_text(name)

    assert [(file.path, bool(file.sha256)) for file in artifact_files(tmp_path, "abcde", {})] == [
        ("a", True),
        ("b", True),
        ("c", True),
        ("d", False),
    ]


def test_weights_of_which_nothing_is_known_are_weights_all_the_same() -> None:
    text, other = (HeldFile("a", 1, "aa", content) for content in (Content.HARMLESS, Content.UNKNOWN))

    assert weights_of([text, other]) == [other]
    assert weights_of([text]) == [text]


def test_a_bundle_tells_its_texts_whatever_they_hold(release: Path) -> None:
    files = {
        "deep.json": b"[" * 100_000,
        "half.json": b'{"attribution": ',
        "latin.txt": b"caf\xe9\r\n au lait",
        "more.json": b'{"a": {"attribution": "one\\ntwo"}}',
    }
    for name, data in files.items():
        put(release, f"bundle/{name}", data)
    case = PromotionCase("release.toml", str(release.parent), b"", stated(release), "")
    held = [HeldFile(name, len(files.get(name, b"")), "aa", Content.HARMLESS) for name in (*files, "gone.txt")]

    texts = shipped_texts(case, held)

    assert texts == [
        "[" * 100_000,
        '{"attribution":',
        "caf\ufffd au lait",
        '{"a": {"attribution": "one\\\\ntwo"}}'.replace("\\\\", "\\"),
        "one two",
    ]


def test_long_lists_are_cut_in_the_text_for_people(release: Path) -> None:
    names = [f"voice-{index}.txt" for index in range(LISTED)]
    put(release, "run/lane.log", releases.lane_log(artifact="out"))
    put(release, "run/train_status.json", releases.status(artifacts=["out"]))
    for name in names:
        put(release, f"run/out/{name}", name)
    parts = [{"name": f"part {index}", "role": "other", "weights_license": "CC-BY-4.0"} for index in range(LISTED)]
    put(release, "weights-manifest.json", manifest(components=parts))

    closing = examine_release(release, now=NOW).closing

    assert closing.count("  and 3 more") == 1
    assert closing.count(f"  and {len(examine_release(release, now=NOW).pinned()['inputs']) - LISTED} more") == 1


def test_evidence_in_another_folder_may_be_shared(release: Path) -> None:
    put(release, "releases/next/release.toml", releases.RELEASE.replace(' = "', ' = "../../').replace("../../", "", 3))

    promotion = examine_release(release.parent / "releases" / "next" / "release.toml", now=NOW)

    assert blockers(promotion) == []
    assert "../../ledger.md" in [each["path"] for each in promotion.pinned()["inputs"]]


def test_what_was_named_and_not_looked_at_is_pinned_as_such(release: Path) -> None:
    put(release, "release.toml", releases.RELEASE.replace("[weights]", 'policy = "policy.toml"\n\n[weights]'))
    put(release, "policy.toml", 'schema_version = "license-policy/2"\n')

    inputs = examine_release(release, now=NOW).pinned()["inputs"]

    told = {each["role"]: (each["path"], each["sha256"]) for each in inputs}
    text = (release.parent / "policy.toml").read_bytes()
    ledger = (release.parent / "ledger.md").read_bytes()
    assert {role: told[role] for role in ("bundle", "ledger", "policy", "weights")} == {
        "bundle": ("bundle", None),
        "ledger": ("ledger.md", releases.sha256(ledger)),
        "policy": ("policy.toml", releases.sha256(text)),
        "weights": ("weights", None),
    }

    put(release, "policy.toml", 'schema_version = "license-policy/1"\n')
    assert "policy" not in {each["role"] for each in examine_release(release, now=NOW).pinned()["inputs"]}


def test_what_nobody_can_read_is_not_hashed_however_long_it_is(release: Path) -> None:
    for path in ("ledger.md", "verification.json", "weights-manifest.json"):
        with (release.parent / path).open("r+b") as stream:
            stream.truncate(MAX_UNJUDGED_BYTES + 1)

    promotion = examine_release(release, now=NOW)

    told = {each["path"]: (each["sha256"], each["bytes"]) for each in promotion.pinned()["inputs"]}
    assert [told[path] for path in ("ledger.md", "verification.json", "weights-manifest.json")] == [(None, None)] * 3
    assert ("ledger", "input-unreadable") in blockers(promotion)


def test_a_document_that_changes_meanwhile_is_told(release: Path) -> None:
    was = (release.parent / "weights-manifest.json").read_bytes()
    after = releases.sha256(was + b"\n")

    def save(_done: int, _total: int) -> None:
        # The manifest has been read when the weights are hashed.
        put(release, "weights-manifest.json", was + b"\n")

    promotion = examine_release(release, now=NOW, progress=save)

    assert blockers(promotion) == [("weights-manifest", "evidence-changed")]
    assert [each.finding.message for each in promotion.decision.blocking] == [
        (
            f'found sha256 {after[:12]} at "weights-manifest.json"; '
            f"expected sha256 {releases.sha256(was)[:12]}, as it was judged"
        )
    ]

    def remove(_done: int, _total: int) -> None:
        (release.parent / "weights-manifest.json").unlink(missing_ok=True)

    put(release, "weights-manifest.json", was)
    gone = examine_release(release, now=NOW, progress=remove)

    assert gone.decision.blocking[0].finding.message == (
        f'found nothing that could be read at "weights-manifest.json"; expected sha256 {releases.sha256(was)[:12]}, as it was judged'
    )


def swapped(change: Callable[[], object]) -> Callable[[Collection[str]], CommitHistory]:
    """A repository that has every commit; when it is asked, the weights and the bundle are hashed and nothing is looked into."""

    def look_up(names: Collection[str]) -> CommitHistory:
        change()
        found = {name: NamedCommit(state=CommitState.FOUND, commit=name, in_history=True) for name in names}
        return CommitHistory(repository="somewhere", head="ab" * 20, commits=found)

    return look_up


@pytest.mark.parametrize(
    ("path", "gate", "pointer"),
    [
        ("weights/voice.safetensors", "artifacts", "/weights/root"),
        ("bundle/voice.safetensors", "bundle", "/bundle/directory"),
    ],
)
def test_a_file_that_is_swapped_between_hashing_and_looking_into_it_is_told(
    release: Path, path: str, gate: str, pointer: str
) -> None:
    file = release.parent / path

    def swap() -> None:
        # As good by all that its bytes show, and of the same size; only the digest would tell.
        other = file.with_name("other")
        other.write_bytes(OTHER)
        other.replace(file)

    promotion = examine_release(release, now=NOW, commits=swapped(swap))

    assert [(each.gate, each.finding.rule, each.finding.at.path) for each in promotion.decision.blocking] == [
        (gate, "evidence-changed", pointer)
    ]
    assert promotion.decision.blocking[0].finding.message == (
        f'found another file at "{path}"; expected the one that was hashed, as it was then'
    )


def test_a_file_that_is_written_to_or_taken_away_meanwhile_is_told(release: Path) -> None:
    weights, bundled = release.parent / "weights/voice.safetensors", release.parent / "bundle/voice.safetensors"

    def change() -> None:
        with weights.open("r+b") as stream:
            stream.write(OTHER)
        bundled.unlink()

    promotion = examine_release(release, now=NOW, commits=swapped(change))

    told = [each.finding.message for each in promotion.decision.blocking if each.finding.rule == "evidence-changed"]
    assert told == [
        'found a file that was written to at "weights/voice.safetensors"; expected the one that was hashed, as it was then',
        'found nothing at "bundle/voice.safetensors"; expected the one that was hashed, as it was then',
    ]


def test_an_artifact_that_is_another_one_than_was_hashed_is_told(release: Path) -> None:
    (release.parent / "run/out/notes.txt").write_text("as they were", encoding="utf-8")
    put(release, "run/lane.log", releases.lane_log(artifact="out"))
    case = PromotionCase("release.toml", str(release.parent), b"", stated(release), releases.RELEASE)
    training = check_training_run(release.parent / "run/lane.log", root=release.parent / "run")

    artifacts = artifacts_of(case, training, None, None)
    (release.parent / "run/out/notes.txt").write_text("as they are", encoding="utf-8")
    pin_inputs(case, Pieces(artifacts=artifacts), default_policy())

    told = [each.message for each in case.by_gate()["artifacts"] if each.rule == "evidence-changed"]
    assert told == [
        'found a file that was written to at "run/out/notes.txt"; expected the one that was hashed, as it was then'
    ]


def test_thousands_of_files_that_change_are_counted(release: Path) -> None:
    names = [f"part-{index:03}.txt" for index in range(60)]
    files = {**{name: name.encode() for name in names}, **bundled()}
    for path, data in bundle_of(files).items():
        put(release, path, data)

    def change() -> None:
        for name in names:
            put(release, f"bundle/{name}", "other")

    promotion = examine_release(release, now=NOW, commits=swapped(change))

    told = [each.finding for each in promotion.decision.blocking if each.finding.rule == "evidence-changed"]
    assert len(told) == 51
    assert "10 more of the same kind" in {each.message for each in told}


@pytest.mark.parametrize(
    "case", sorted(LEDGERS.glob("ledger-*/accept/*")), ids=lambda case: f"{case.parts[-3]}/{case.name}"
)
def test_a_ledger_without_contradiction_proves_what_is_done(case: Path) -> None:
    report = audited(case)

    assert report.verdict is Verdict.GO
    done = {row["prompt"] for row in report.to_dict()["prompts"]} - {name for name, _ in report.open_prompts}
    assert set(report.proven_prompts) == done


def test_every_finding_of_a_real_ledger_is_told(release: Path) -> None:
    put(release, "ledger.md", (WAVE1 / "ledger.md").read_bytes())

    promotion = examine_release(release, now=NOW)

    assert promotion.ledger is not None
    told = [(each.rule, each.at, each.tip) for each in promotion.findings]
    assert [each for each in promotion.ledger.findings if (each.rule, each.at, each.tip) not in told] == []
