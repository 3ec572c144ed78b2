"""Every rule by example: committed files that it must find or leave alone, and real situations that no file can show."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests import bundles, releases
from tests.ledgers import audited

import helix_tts_policy
from helix_tts_policy import (
    ManifestReport,
    PolicyReport,
    Severity,
    Verdict,
    load_policy,
    verify_bundle,
    verify_manifest,
    verify_policy,
)
from helix_tts_policy.check_data import check_dataset, check_training_data
from helix_tts_policy.check_decision import replay_decision
from helix_tts_policy.check_model_card import check_model_card
from helix_tts_policy.check_promotion import examine_release
from helix_tts_policy.check_training import check_training_run
from helix_tts_policy.decision_document import decision_document
from helix_tts_policy.document import MAX_DOCUMENT_BYTES
from helix_tts_policy.facts.file_format import inspect_file
from helix_tts_policy.model_card_report import ModelCardReport
from helix_tts_policy.rules.all_rules import ALL_RULES
from helix_tts_policy.rules.bundle_registry import BUNDLE_TABLES
from helix_tts_policy.rules.format_registry import FORMAT_RULES
from helix_tts_policy.rules.format_subject import FormatSubject
from helix_tts_policy.rules.registry import (
    ADVICE_RULES,
    BYTES_RULES,
    CLAIM_RULES,
    DATE_RULES,
    DIGEST_RULES,
    EVIDENCE_RULES,
    FILE_RULES,
    LICENSE_RULES,
    MANIFEST_RULES,
    MANIFEST_TABLES,
    PATH_RULES,
    READING_RULES,
    UNREADABLE_RULES,
    URL_RULES,
)
from helix_tts_policy.rules.rule import complaints

if TYPE_CHECKING:
    from typing import Any, TypeAlias

    from helix_tts_policy.bundle_report import BundleReport
    from helix_tts_policy.dataset_report import DatasetReport
    from helix_tts_policy.ledger_report import LedgerReport
    from helix_tts_policy.promotion import Promotion
    from helix_tts_policy.replay_report import ReplayReport
    from helix_tts_policy.rules.rule import Rule
    from helix_tts_policy.training_run_report import TrainingRunReport

    AnyReport: TypeAlias = (
        ManifestReport
        | PolicyReport
        | ModelCardReport
        | TrainingRunReport
        | LedgerReport
        | DatasetReport
        | BundleReport
        | Promotion
        | ReplayReport
    )

EXAMPLES = Path(__file__).parent / "examples"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
RULES = {rule.id: rule for rule in ALL_RULES}

LIVE = {
    "input-unreadable": "test_input_unreadable",
    "file-changed": "test_file_changed",
    "file-unreadable": "test_file_unreadable",
    "evidence-text-unchecked": "test_evidence_text_unchecked",
    "bundle-manifest-changed": "test_bundle_manifest_changed",
    "artifact-not-pinned": "test_artifact_not_pinned",
    "evidence-changed": "test_evidence_changed",
    "file-changed-while-inspected": "test_file_changed_while_inspected",
}
"""Rules whose defect no committed file can have, with the test that builds the real situation."""

NO_TEXT = {"bundle-manifest-missing"}
"""Rules over a text that is not there, so that it has no lines."""

COMES_WITH = {
    "commercial-claim-contradicts-license": {"weights-license-forbidden"},
    "release-path-unsafe": {"evidence-missing"},
    "release-shape": {"evidence-missing"},
}
"""Errors that cannot be had without another one: the claim contradicts a licence that is refused anyway, and what a release
does not name well is not looked at.
"""


BUNDLES = {rule.id for table in BUNDLE_TABLES for rule in table}
"""Rules whose examples are voice bundles."""

ELSEWHERE = {rule.id for rule in FORMAT_RULES}
"""Rules whose examples are walked in `test_format_examples`: their findings stand in the document of somebody else."""


def cases(side: str) -> list[str]:
    """Every file and folder but the texts, of which a manifest beside them says that it rests on a copy."""
    rules = (rule for rule in EXAMPLES.iterdir() if rule.name not in ELSEWHERE)
    found = (case for rule in rules for case in (rule / side).glob("*") if case.suffix != ".txt")
    return sorted(str(case.relative_to(EXAMPLES)) for case in found)


def verified(case: Path) -> AnyReport:
    """What the tool says of an example: a manifest, alone, with its root or under its policy; a policy; a model card; a run."""
    if (case / "after").is_dir():
        return decided_again(case)
    if (case / "release.toml").is_file():
        given = case / "given.toml"
        policy_given = load_policy(given) if given.is_file() else None
        return examine_release(case / "release.toml", policy=policy_given, now=NOW)
    if case.parent.parent.name.startswith("ledger-"):
        return audited(case)
    if case.parent.parent.name in BUNDLES:
        return verify_bundle(case, now=NOW)
    if case.suffix == ".md":
        return check_model_card(case)
    if (case / "lane.log").is_file():
        return checked_run(case)
    if (case / "training.toml").is_file():
        return check_training_data(case / "training.toml")
    if (case / "train.jsonl").is_file():
        validation = case / "validation.jsonl"
        return check_dataset(case / "train.jsonl", validation if validation.is_file() else None)
    policy = case / "helix-tts-policy.toml" if case.is_dir() else case
    if policy.suffix == ".toml" and policy.is_file():
        if not (case / "weights-manifest.json").is_file():
            return verify_policy(policy, now=NOW)
        return verify_manifest(case / "weights-manifest.json", policy=load_policy(policy), now=NOW)
    if case.is_dir():
        return verify_manifest(case / "weights-manifest.json", root=case / "root", now=NOW)
    return verify_manifest(case, now=NOW)


def decided_again(case: Path) -> ReplayReport:
    """What is said of a decision on the release of one folder that is made again on that of another."""
    recorded = case / "decision.json"
    if recorded.is_file():
        return replay_decision(recorded, case / "after" / "release.toml")
    before = examine_release(case / "before" / "release.toml", now=NOW)
    return replay_decision(decision_document(before, created_at=NOW), case / "after" / "release.toml")


def checked_run(case: Path) -> TrainingRunReport:
    """What is said of a training run: its log, and what lies beside it; ``run.json`` has the other arguments."""
    extra = case / "run.json"
    arguments = json.loads(extra.read_bytes()) if extra.is_file() else {}
    if (case / "train_status.json").is_file():
        arguments["status"] = "train_status.json"
    if "status" in arguments:
        arguments["status"] = case / arguments["status"]
    if (case / "root").is_dir():
        arguments["root"] = case / "root"
    return check_training_run(case / "lane.log", **arguments)


def errors(report: AnyReport) -> set[str]:
    return {finding.rule for finding in report.findings if finding.severity is Severity.ERROR}


def passes(report: AnyReport) -> bool:
    """Whether it is GO, or a card, of which none is ever GO, whose claims are clear."""
    return report.clear if isinstance(report, ModelCardReport) else report.verdict is Verdict.GO


def test_every_rule_has_examples_and_every_example_a_rule() -> None:
    assert {folder.name for folder in EXAMPLES.iterdir()} == set(RULES)
    assert set(LIVE) <= set(RULES)
    assert set(LIVE.values()) <= set(globals())
    without = {
        f"{rule}/{side}"
        for rule in RULES
        for side in ("accept", "reject")
        if not any((EXAMPLES / rule / side).glob("*")) and not (side == "reject" and rule in LIVE)
    }
    assert without == set()
    assert {entry.name for folder in EXAMPLES.iterdir() for entry in folder.iterdir()} == {"accept", "reject"}


@pytest.mark.parametrize("case", cases("accept"))
def test_accept(case: str) -> None:
    report = verified(EXAMPLES / case)

    assert case.split("/", maxsplit=1)[0] not in {finding.rule for finding in report.findings}
    assert errors(report) == set()
    assert passes(report)


@pytest.mark.parametrize("case", cases("reject"))
def test_reject(case: str) -> None:
    rule = RULES[case.split("/", maxsplit=1)[0]]
    report = verified(EXAMPLES / case)

    found = [finding for finding in report.findings if finding.rule == rule.id]
    assert {finding.severity for finding in found} == {rule.severity}
    if rule.severity is Severity.ERROR:
        assert not passes(report)
        assert errors(report) == {rule.id} | COMES_WITH.get(rule.id, set())
    else:
        assert passes(report)
    for finding in found:
        assert finding.message.isprintable()
        assert finding.tip
        assert finding.at.line is not None or rule.id in UNREADABLE_RULES | NO_TEXT


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.id)
def test_docstring_tells_what_why_an_example_and_the_remedy(rule: Rule[Any]) -> None:
    weight = {Severity.ERROR: "NO-GO", Severity.WARNING: "a warning", Severity.NOTE: "a note"}[rule.severity]

    assert list(rule.sections) == ["What it checks", f"Why it is {weight}", "Example", "Remedy"]
    assert all(rule.sections.values())


def test_sections_are_empty_without_docstrings() -> None:
    code = (
        "from helix_tts_policy.rules.all_rules import ALL_RULES\n"
        "raise SystemExit(any(rule.sections for rule in ALL_RULES))"
    )

    assert subprocess.run([sys.executable, "-OO", "-c", code], check=False).returncode == 0  # noqa: S603


def test_tables_that_decide_hold_errors_and_advice_holds_none() -> None:
    decisive: tuple[Rule[Any], ...] = (
        *READING_RULES,
        *URL_RULES,
        *DATE_RULES,
        *DIGEST_RULES,
        *MANIFEST_RULES,
        *CLAIM_RULES,
        *LICENSE_RULES,
        *EVIDENCE_RULES,
        *FILE_RULES,
        *PATH_RULES,
        *BYTES_RULES,
    )

    manifest_rules: tuple[Rule[Any], ...] = tuple(rule for table in MANIFEST_TABLES for rule in table)
    assert (*decisive, *ADVICE_RULES) == manifest_rules == ALL_RULES[: len(manifest_rules)]
    assert {rule.severity for rule in decisive} == {Severity.ERROR}
    assert Severity.ERROR not in {rule.severity for rule in ADVICE_RULES}


def test_ids_are_kebab_case_and_unique() -> None:
    ids = [rule.id for rule in ALL_RULES]

    assert len(ids) == len(set(ids))
    assert all(part.islower() and part.isalpha() for name in ids for part in name.split("-"))
    assert set(ids) > UNREADABLE_RULES


# What no committed file can show.

WEIGHTS = b"sixteen tones of one voice\n" * 200_000


def manifest(**fields: object) -> dict[str, object]:
    return {
        "model_id": "acme/warm-voice-2",
        "source_url": "https://github.com/r9y9/pyopenjtalk",
        "code_license": "MIT",
        "weights_license": "CC-BY-4.0",
        "commercial_use_allowed": True,
        "attribution_required": True,
        "evidence_links": ["https://github.com/r9y9/pyopenjtalk"],
        "checksum": f"sha256:{hashlib.sha256(WEIGHTS).hexdigest()}",
        "created_at": "2026-11-23T18:00:00Z",
    } | fields


def listed(path: str, size: int) -> dict[str, object]:
    digits = hashlib.sha256(WEIGHTS).hexdigest()
    lines = f"{digits}  {path}\n".encode()
    files = [{"path": path, "bytes": size, "sha256": digits}]
    return {"files": files, "checksum": f"sha256:{hashlib.sha256(lines).hexdigest()}"}


def told(report: ManifestReport) -> list[tuple[str, str, str]]:
    return [
        (finding.rule, finding.at.path, finding.message)
        for finding in report.findings
        if finding.severity is Severity.ERROR
    ]


def test_input_unreadable(tmp_path: Path) -> None:
    fifo, large, loop = tmp_path / "fifo", tmp_path / "large.json", tmp_path / "loop"
    os.mkfifo(fifo)
    with large.open("wb") as stream:
        stream.truncate(MAX_DOCUMENT_BYTES + 1)
    loop.symlink_to(loop)
    problems = {
        fifo: "is a FIFO; expected a regular file",
        large: "holds 4194305 bytes; expected at most 4194304",
        loop: "cannot be opened: Too many levels of symbolic links; expected a regular file",
        tmp_path: "is a directory; expected a regular file",
        tmp_path / "none.json": "cannot be opened: No such file or directory; expected a regular file",
    }

    for path, message in problems.items():
        report = verify_manifest(path, now=NOW)
        assert told(report) == [("input-unreadable", "", message)]
        assert not report.readable


def test_file_changed(tmp_path: Path) -> None:
    weights, other = tmp_path / "voice.nemo", tmp_path / "other"
    weights.write_bytes(WEIGHTS)
    other.write_bytes(WEIGHTS)

    def swap(done: int, _: int) -> None:
        if done and other.exists():
            other.replace(weights)

    report = verify_manifest(manifest(), root=weights, now=NOW, progress=swap)

    assert told(report) == [
        (
            "file-changed",
            "/checksum",
            '"voice.nemo" changed while it was read: its path names another file now; expected a file that holds still',
        )
    ]


def test_file_changed_under_its_listed_name(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "voice.nemo").write_bytes(WEIGHTS)
    fields = listed("voice.nemo", len(WEIGHTS))

    def grow(done: int, _: int) -> None:
        if done:
            with (root / "voice.nemo").open("ab") as stream:
                stream.write(b"!")

    report = verify_manifest(manifest(**fields), root=root, now=NOW, progress=grow)

    assert [(rule, path) for rule, path, _ in told(report)] == [("file-changed", "/files/0/path")]


def test_bundle_manifest_changed(tmp_path: Path) -> None:
    bundle = bundles.write(tmp_path / "bundle")
    os.utime(bundle / "manifest.json", (1, 1))

    def swap(_: int, __: int) -> None:
        (bundle / "manifest.json").unlink(missing_ok=True)

    report = verify_bundle(bundle, now=NOW, progress=swap)

    assert [(finding.rule, finding.severity) for finding in report.findings] == [
        ("bundle-manifest-changed", Severity.ERROR)
    ]


def test_file_changed_while_inspected(tmp_path: Path) -> None:
    weights = tmp_path / "voice.safetensors"
    weights.write_bytes(b"x")

    class Swapped(os.PathLike[str]):
        """A path that is asked for the last time when the file was read."""

        asked = 0

        def __fspath__(self) -> str:
            self.asked += 1
            if self.asked == 4:
                weights.unlink()
            return str(weights)

    inspected = inspect_file(Swapped(), name="voice.safetensors")
    gone = '"voice.safetensors" changed while it was inspected: its path names nothing any more'

    found = complaints(FORMAT_RULES, FormatSubject(files=(("/files/0/path", inspected),)))
    assert [(each.rule, each.severity, each.complaint.path, each.complaint.message) for each in found] == [
        (
            "file-changed-while-inspected",
            Severity.ERROR,
            "/files/0/path",
            f"{gone}; expected a file that holds still",
        )
    ]


def test_artifact_not_pinned(tmp_path: Path) -> None:
    release = releases.write(tmp_path)
    (tmp_path / "run/out/last.ckpt").symlink_to("voice.safetensors")
    (tmp_path / "run/lane.log").write_text(releases.lane_log(artifact="out"))
    (tmp_path / "run/train_status.json").write_bytes(releases.document(releases.status(artifacts=["out"])))

    promotion = examine_release(release, now=NOW)

    assert errors(promotion) == {"artifact-not-pinned"}
    assert not passes(promotion)


def test_evidence_changed(tmp_path: Path) -> None:
    release = releases.write(tmp_path)

    def save(_: int, __: int) -> None:  # the manifest has been read when the weights are hashed
        with (tmp_path / "weights-manifest.json").open("ab") as stream:
            stream.write(b"\n")

    promotion = examine_release(release, now=NOW, progress=save)

    assert errors(promotion) == {"evidence-changed"}
    assert not passes(promotion)


def test_file_unreadable(tmp_path: Path) -> None:
    (tmp_path / "voice.nemo").write_bytes(WEIGHTS)
    (tmp_path / os.fsdecode(b"v\xf6ice.nemo")).write_bytes(b"x")
    fields = listed("voice.nemo", len(WEIGHTS))

    report = verify_manifest(manifest(**fields), root=tmp_path, now=NOW)

    assert {rule for rule, _, _ in told(report)} == {"file-unreadable", "file-unlisted"}


def test_file_of_another_account_is_unreadable(tmp_path: Path) -> None:
    weights = tmp_path / "voice.nemo"
    weights.write_bytes(WEIGHTS)
    weights.chmod(0)
    if os.geteuid() != 0:
        report = verify_manifest(manifest(), root=weights, now=NOW)
        assert [rule for rule, _, _ in told(report)] == ["file-unreadable"]
        return
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    code = (
        "import os, sys, json, datetime\n"
        "from helix_tts_policy import verify_manifest\n"
        "data, root = sys.stdin.buffer.read(), sys.argv[1]\n"
        "now = datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC)\n"
        "verify_manifest(data, now=now)\n"
        "os.setuid(65534)\n"
        "print([finding.rule for finding in verify_manifest(data, root=root, now=now).findings][:1])"
    )
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code, str(weights)],
        input=json.dumps(manifest()),
        env={"PYTHONPATH": str(Path(helix_tts_policy.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "['file-unreadable']\n"


def test_evidence_text_unchecked() -> None:
    entry = {"url": "https://github.com/r9y9/pyopenjtalk", "kind": "weights_license", "text": "LICENSE.txt"}
    entry |= {"sha256": hashlib.sha256(WEIGHTS).hexdigest(), "retrieved_on": "2026-11-20"}

    report = verify_manifest(manifest(evidence=[entry]), now=NOW)

    assert report.verdict is Verdict.GO
    assert [
        (finding.severity, finding.at.path, finding.message, finding.tip)
        for finding in report.findings
        if finding.rule == "evidence-text-unchecked"
    ] == [
        (
            Severity.NOTE,
            "/evidence/0/text",
            'the copy "LICENSE.txt" was not looked at, since a manifest that is no file has no folder',
            "verify the manifest as a file, beside its copies",
        )
    ]


def test_fifo_and_socket_are_not_regular_and_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    fields = listed("fifo", 5)

    report = verify_manifest(manifest(**fields), root=tmp_path, now=NOW)

    assert told(report) == [
        ("file-not-regular", "/files/0/path", 'found "fifo", which is a fifo; expected a regular file')
    ]


def test_message_of_a_link_does_not_tell_its_target(tmp_path: Path) -> None:
    (tmp_path / "voice.nemo").symlink_to("/srv/secret/place")

    report = verify_manifest(manifest(), root=tmp_path, now=NOW)

    assert told(report) == [
        ("file-not-regular", "/checksum", 'found "voice.nemo", which is a link; expected a regular file')
    ]
    assert "secret" not in str(report.to_dict())


def test_root_unusable(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")

    for root in (tmp_path / "fifo", tmp_path / "none"):
        assert [rule for rule, _, _ in told(verify_manifest(manifest(), root=root, now=NOW))] == ["root-unusable"]
