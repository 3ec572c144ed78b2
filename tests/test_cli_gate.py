"""``gate`` as people and CI run it: every form, the exit codes, the documents that it writes, and replay."""

from __future__ import annotations

import json
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests import releases
from tests.command_line import REPOSITORY, run
from tests.repositories import Repository

from helix_tts_policy.cli import main
from helix_tts_policy.decision_document import canonical

NOW = "2026-11-25T12:00:00Z"
GOLDEN = Path(__file__).parent / "golden"
EXAMPLES = "examples/release-no-go-"
MEI = 'schema_version = "license-policy/1"\n\n[gates.weights]\nallow = ["MIT"]\n'


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    releases.write(tmp_path)
    return Path("release.toml")


def gate(*arguments: str) -> int:
    return main(["gate", "release.toml", *arguments])


def said(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.mark.parametrize("name", ["go", "no-go-missing-ledger"])
def test_the_text_for_people(name: str, release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if name != "go":
        release.write_bytes(releases.without("/ledger/file"))
    code = gate("--now", NOW)

    out = said(capsys)
    assert code == (0 if name == "go" else 1)
    assert out == (GOLDEN / f"gate-{name}.txt").read_text(encoding="utf-8")


def test_every_form_says_the_same(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    release.write_bytes(releases.without("/ledger/file"))
    outs = {}
    for form in ("text", "json", "sarif", "github", "junit"):
        assert gate("--format", form, "--now", NOW) == 1
        outs[form] = said(capsys)

    report = json.loads(outs["json"])["reports"][0]
    assert report["schema"] == "helix-tts-policy/promotion-report/1"
    assert [each["state"] for each in report["gates"] if each["gate"] == "ledger"] == ["MISSING"]
    results = json.loads(outs["sarif"])["runs"][0]["results"]
    assert [each["ruleId"] for each in results if each["level"] == "error"] == ["evidence-missing"]
    assert (
        "::error file=release.toml,line=21,col=1,title=evidence-missing::found no ledger.file for the gate ledger;"
        in (outs["github"])
    )
    suite = ET.fromstring(outs["junit"])  # noqa: S314 - we wrote it
    assert [case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None] == [
        "verdict",
        "evidence-missing",
    ]


def test_exit_codes(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate() == 0
    (release.parent / "ledger.md").unlink()
    assert gate() == 1
    release.write_text("name = 7\n")
    assert gate() == 1
    release.write_text("name = \n")
    assert gate() == 2
    release.unlink()
    assert gate() == 2
    capsys.readouterr()


def test_a_policy_comes_from_the_option_or_the_working_directory_or_the_release(
    release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("ours.toml").write_text('schema_version = "license-policy/1"\n')
    release.write_text(f'policy = "ours.toml"\n{releases.RELEASE}')
    assert gate() == 0
    assert "  ours.toml, as the release says\n" in said(capsys)

    Path("strict.toml").write_text(MEI)
    assert gate("--policy", "strict.toml") == 1
    assert "  strict.toml, as the caller says\n" in said(capsys)

    Path("helix-tts-policy.toml").write_text(MEI)
    assert gate() == 1
    assert "  helix-tts-policy.toml, as the caller says\n" in said(capsys)

    assert gate("--policy", "none.toml") == 2
    assert "input-unreadable" in said(capsys)


def test_a_policy_with_something_to_say_is_told_first(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("helix-tts-policy.toml").write_text(
        'schema_version = "license-policy/1"\n\n[gates.weights]\nallow = ["CC-BY-4.0", "CC-BY-NC-4.0"]\n'
    )

    assert gate("--format", "json") == 0
    reports = json.loads(said(capsys))["reports"]
    assert [report["source"] for report in reports] == ["helix-tts-policy.toml", str(release)]


def test_the_decision_document_is_written_and_replayed(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate("--output", "decision.json", "--now", NOW) == 0
    said(capsys)
    document = Path("decision.json").read_bytes()

    assert document == canonical(json.loads(document))
    assert gate("--replay", "decision.json") == 0
    assert "  now       GO, the same to the byte\n" in said(capsys)

    Path("ledger.md").unlink()
    assert gate("--replay", "decision.json", "--format", "json") == 1
    report = json.loads(said(capsys))["reports"][0]
    assert (report["identical"], report["verdict"]) == (False, "NO-GO")
    assert {
        (
            'found nothing that can be read as the ledger "ledger.md"; expected sha256 '
            f"{releases.sha256(releases.files()['ledger.md'])[:12]} ({len(releases.files()['ledger.md'])} bytes)"
        ),
        'found the verdict "NO-GO"; expected "GO"',
    } < {finding["message"] for finding in report["findings"]}

    release.unlink()
    assert gate("--replay", "decision.json") == 2
    assert gate("--replay", "none.json") == 2
    assert gate("--replay", "decision.json", "--policy", "none.toml") == 2
    said(capsys)


def test_commits_are_looked_up_where_a_repository_is_given(
    release: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "repository")
    baseline, *commits = [repository.commit(scripts__voice__step_dot_py=str(number)) for number in range(3)]
    reports = (releases.prompt(n, commit_sha=commits[n], files_changed=("scripts/voice/step.py",)) for n in (0, 1))
    Path("ledger.md").write_text(releases.ledger(*reports).replace("8ba8496a", baseline[:8]), encoding="utf-8")
    given = ("--repo", "repository")

    assert gate(*given, "--output", "decision.json", "--now", NOW) == 0
    text = said(capsys)
    assert "ledger-commits-unchecked" not in text
    assert "3 looked up in a repository\n" in text
    assert json.loads(Path("decision.json").read_bytes())["content"]["pinned"]["commits"] == [
        {"stated": stated, "found": found, "in_history": True}
        for stated, found in sorted([(baseline[:8], baseline), *((commit, commit) for commit in commits)])
    ]

    repository.commit("the repository grows")
    assert gate(*given, "--replay", "decision.json") == 0
    assert "the same to the byte" in said(capsys)

    assert gate("--replay", "decision.json") == 1
    without = said(capsys)
    assert (
        "found the commits of the ledger taken as stated; expected looked up in a repository, with answers of"
        in without
    )
    assert "what to do: give the repository of then with --repo, or none where none was given" in without

    Path("ledger.md").write_bytes(releases.files()["ledger.md"])
    assert gate(*given, "--now", NOW) == 1
    assert "error[ledger-commit-missing]" in said(capsys)


def test_a_folder_that_is_no_repository_is_told_before_any_work(
    release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release.unlink()
    for arguments in ((), ("--replay", "none.json")):
        assert gate("--repo", "bundle", *arguments) == 2
        assert capsys.readouterr() == (
            "",
            "--repo: bundle is no Git repository; expected its top folder, in which .git lies\n",
        )


def test_nothing_is_written_over_and_nothing_beside_a_replay(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("decision.json").write_text("mine")
    for arguments, message in (
        (
            ["--output", "decision.json"],
            "--output: 'decision.json' exists; name a new file, or remove the old one first",
        ),
        (["--report", "report.pdf"], "--report: found 'report.pdf'; expected a name that ends in .md or .html"),
        (["--now", "today"], "--now: found 'today'; expected a time such as 2026-11-23T10:30:00Z"),
        *(
            (
                ["--replay", "decision.json", f"--{option}", value],
                f"--{option}: found it beside --replay, which takes the recorded time and writes nothing",
            )
            for option, value in (("now", NOW), ("output", "other.json"), ("report", "report.md"))
        ),
    ):
        assert gate(*arguments) == 2
        out, err = capsys.readouterr()
        assert (out, err) == ("", f"{message}\n")
    assert Path("decision.json").read_text() == "mine"


def test_the_report_for_people_is_written_beside_the_decision(
    release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("jinja2")
    Path("ledger.md").unlink()

    assert gate("--report", "report.md", "--now", NOW) == 1

    said(capsys)
    assert "NO-GO" in Path("report.md").read_text(encoding="utf-8")


def test_the_installed_command_says_the_same(tmp_path: Path) -> None:
    done = run("gate", f"{EXAMPLES}missing-ledger/release.toml", "--now", NOW, cwd=REPOSITORY)

    assert (done.code, done.err) == (1, "")
    assert "  MISSING  ledger            The ledger has no contradiction and no open blocker\n" in done.out


def test_what_a_release_says_cannot_move_a_terminal_or_start_a_command(
    release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    release.write_text(
        releases.RELEASE.replace('"ledger.md"', r'"x\n::error ::boo"').replace('"2.0.0"', '"##[error]boo"'),
        encoding="utf-8",
    )
    odd = os.fsdecode(b"rel\xff\x1b[31m.toml")
    Path(odd).write_bytes(release.read_bytes())

    for form in ("text", "json", "sarif", "github", "junit"):
        assert main(["gate", odd, "--format", form, "--now", NOW]) == 1
        out = said(capsys)
        assert "\x1b" not in out
        assert not any(line.lstrip().startswith("::error ::boo") for line in out.splitlines())
        assert form == "json" or "##[" not in out
