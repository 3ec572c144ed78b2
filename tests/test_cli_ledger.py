"""The verb ``ledger``: audits with their exit codes and forms, and ledgers that are begun and continued."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.command_line import NOW, REPOSITORY, Outcome, run
from tests.repositories import Repository, imported

from helix_tts_policy import audit_ledger, read_verification
from helix_tts_policy.cli import UsageError, main
from helix_tts_policy.cli.whole_file import write_new, write_over

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Run: TypeAlias = Callable[..., "Outcome"]

WAVE1 = "tests/data/wave1/ledger.md"
LANE = "tests/data/wave1/tts-prod-lane-ledger.md"
EXAMPLES = REPOSITORY / "tests" / "examples"
GOOD = EXAMPLES / "ledger-empty" / "accept" / "two-prompts.md"
ANSWERS = REPOSITORY / "tests" / "conformance" / "verification"
PASS = ANSWERS / "answer" / "pass.json"
VERIFY = "npm run casimir:verify -- --ci"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ledger(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the verb in this process."""

    def run_here(*arguments: str) -> Outcome:
        code = main(["ledger", *arguments])
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return run_here


# --- audit ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "golden"), [(WAVE1, "ledger-wave1.txt"), (LANE, "ledger-tts-prod-lane.txt")])
def test_the_real_ledgers_are_no_go(file: str, golden: str) -> None:
    done = run("ledger", "audit", file)

    assert (done.code, done.err) == (1, "")
    assert done.out == (REPOSITORY / "tests" / "golden" / golden).read_text(encoding="utf-8")


def test_a_ledger_without_contradictions_is_go() -> None:
    done = run("ledger", "audit", str(GOOD))

    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"GO  {GOOD}\n\n  prompts       2: 2 done\n  proven        2 of 2 that are done\n")
    assert done.out.endswith("\n\nGO: 2 notes\n")


def test_the_worst_of_several_ledgers_gives_the_exit_code(tmp_path: Path) -> None:
    assert run("ledger", "audit", str(GOOD), WAVE1).code == 1
    done = run("ledger", "audit", str(GOOD), WAVE1, str(tmp_path / "none.md"))
    assert done.code == 2
    assert "error[input-unreadable]" in done.out


def test_a_ledger_can_come_from_standard_input() -> None:
    done = run("ledger", "audit", "-", stdin=(REPOSITORY / WAVE1).read_bytes())
    assert done.code == 1
    assert "error[ledger-done-blocked] <stdin>:247:17 /blocks/7/blocker_reason\n" in done.out


def test_every_form_of_output() -> None:
    as_json = json.loads(run("ledger", "audit", WAVE1, "--format", "json").out)
    assert (as_json["verdict"], as_json["reports"][0]["schema"]) == ("NO-GO", "helix-tts-policy/ledger-report/1")
    sarif = json.loads(run("ledger", "audit", WAVE1, "--format", "sarif").out)
    results = sarif["runs"][0]["results"]
    assert ("ledger-done-blocked", 247) in {
        (result["ruleId"], result["locations"][0]["physicalLocation"]["region"]["startLine"]) for result in results
    }
    github = run("ledger", "audit", WAVE1, "--format", "github").out
    assert (
        f"::error file={WAVE1},line=72,col=26,title=ledger-certificate-repeated::one certificate hash stands" in github
    )
    assert github.endswith(f"NO-GO  {WAVE1}: 11 errors, 2 notes\n")
    assert 'name="ledger-done-blocked' in run("ledger", "audit", WAVE1, "--format", "junit").out


def test_trace_and_repository_are_compared_with(tmp_path: Path) -> None:
    case = EXAMPLES / "ledger-commit-missing" / "accept" / "all-there"
    repository = imported(case / "repository.fast-import", tmp_path / "repository.git")
    trace = EXAMPLES / "ledger-trace-missing" / "accept" / "both-records" / "trace.jsonl"

    done = run("ledger", "audit", str(case / "ledger.md"), "--repo", str(repository), "--trace", str(trace))
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("\n\nGO: nothing to complain about\n")

    done = run("ledger", "audit", WAVE1, "--repo", str(repository), "--trace", str(trace), "--format", "json")
    report = json.loads(done.out)["reports"][0]
    rules = {finding["rule"] for finding in report["findings"]}
    assert done.code == 1
    assert {"ledger-commit-missing", "ledger-trace-missing"} <= rules
    assert report["pinned"]["repository"]["source"] == str(repository)
    digest = hashlib.sha256(trace.read_bytes()).hexdigest()
    assert report["pinned"]["trace"] == {"source": str(trace), "sha256": digest, "records": 2}


def test_a_trace_or_repository_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    done = run("ledger", "audit", WAVE1, "--repo", str(tmp_path))
    assert (done.code, done.out) == (2, "")
    assert done.err == f"--repo: {tmp_path} is no Git repository; expected its top folder, in which .git lies\n"
    done = run("ledger", "audit", WAVE1, "--trace", str(tmp_path / "none.jsonl"))
    assert done.code == 2
    assert f"error[input-unreadable] {tmp_path / 'none.jsonl'}\n" in done.out
    assert "error[ledger-certificate-repeated]" in done.out


def test_the_policy_knows_reasons_of_its_own(folder: Path, ledger: Run) -> None:
    text = (EXAMPLES / "ledger-reason-unknown" / "reject" / "free-text.md").read_text(encoding="utf-8")
    Path("ledger.md").write_text(text.replace("waiting for the GPU", "gpu_quota_used_up"), encoding="utf-8")
    assert "warning[ledger-reason-unknown]" in ledger("audit", "ledger.md").out

    Path("helix-tts-policy.toml").write_text(
        'schema_version = "license-policy/1"\n[[blocker_reasons]]\ncode = "gpu_quota_used_up"\n'
        'meaning = "The quota of GPUs is used up."\nremedy = "Ask for more, or wait."\nowner = "ops@acme-voices.com"\n'
    )
    told = ledger("audit", "ledger.md")
    assert told.code == 0
    assert "ledger-reason-unknown" not in told.out


def test_a_policy_that_cannot_be_used_stops_the_audit(folder: Path, ledger: Run) -> None:
    Path("helix-tts-policy.toml").write_text("nonsense")
    told = ledger("audit", str(GOOD))
    assert told.code == 2
    assert told.out.startswith("NO-GO  helix-tts-policy.toml\n")
    assert str(GOOD) not in told.out


# --- new --------------------------------------------------------------------------------------------------------------

NEW = ("new", "--title", "Wave 2", "--prompt", "Ledger | scope", "--prompt", "The `trainer`")
PLAN = (
    *NEW,
    "--baseline",
    "origin/main@dc2a2f13",
    "--scope",
    "Additive edits only.",
    "--checklist",
    "Every prompt has PASS.",
)


def test_a_new_ledger_on_standard_output_and_in_a_file(tmp_path: Path) -> None:
    expected = (REPOSITORY / "tests" / "golden" / "ledger-new.md").read_text(encoding="utf-8")
    assert run("ledger", *PLAN) == (0, expected, "")
    path = tmp_path / "ledger.md"
    assert run("ledger", *PLAN, "--output", str(path)) == (0, "", f"wrote {str(path)!a}\n")
    assert path.read_text(encoding="utf-8") == expected
    assert path.stat().st_mode & 0o777 == 0o644
    assert run("ledger", "audit", str(path)).code == 0


def test_a_new_ledger_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "ledger.md"
    path.write_text("mine")
    done = run("ledger", *NEW, "--output", str(path))
    assert done == (2, "", f"--output: {str(path)!a} exists; name a new file, or remove the old one first\n")
    assert path.read_text() == "mine"
    assert run("ledger", *NEW, "--output", str(tmp_path / "none" / "ledger.md")).code == 2
    assert [*tmp_path.iterdir()] == [path]


def test_a_new_ledger_that_cannot_be_written_as_asked() -> None:
    done = run("ledger", "new", "--title", " ", "--prompt", "a")
    assert done == (2, "", 'ledger new: title: found " "; expected a text of one line\n')


# --- append -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def begun(folder: Path, ledger: Run) -> Path:
    path = Path("ledger.md")
    assert ledger(*PLAN, "--output", str(path)).code == 0
    return path


COMMITTED = (
    "append",
    "ledger.md",
    "--prompt",
    "0",
    "--status",
    "done",
    "--commit",
    "463434b",
    "--file",
    "reports/ledger.md",
)
DONE = (*COMMITTED, "--delta", "began the ledger", "--check", VERIFY, "--verification", str(PASS))


OTHER = {"traceId": "adapter:2", "runId": 9, "certificate": {"certificateHash": "ab" * 31 + "cd", "integrityOk": True}}


def answer(path: Path, **changes: object) -> str:
    stated = json.loads(PASS.read_bytes()) | changes
    path.write_text(json.dumps(stated))
    return str(path)


def test_a_report_is_appended_with_the_verifiers_words(begun: Path, ledger: Run) -> None:
    told = ledger(*DONE)

    assert (told.code, told.out, told.err) == (0, "", "wrote 'ledger.md'\nverdict: GO\n")
    read = audit_ledger(begun)
    evidence = read_verification(PASS)
    assert read.proven_prompts == ("0",)
    assert read.ledger is not None
    stated = read.ledger.blocks[0].fields
    assert stated["casimir_certificateHash"].text == evidence.certificate_hash
    assert stated["casimir_traceId"].text == evidence.trace_id
    assert stated["casimir_runId"].text == evidence.run_id
    assert [*Path().iterdir()] == [begun]


def test_the_last_report_asks_for_the_checklist(begun: Path, ledger: Run, tmp_path: Path) -> None:
    ledger(*DONE)
    second = answer(tmp_path / "answer.json", **OTHER)
    options = ("--commit", "7337f42", "--check", VERIFY, "--verification", second)
    told = ledger("append", "ledger.md", "--prompt", "prompt-1", "--status", "done", *options)

    assert told.code == 0
    assert told.err == (
        "wrote 'ledger.md'\n"
        "error[ledger-checklist-unchecked] line 24: found 1 of 1 checklist items unchecked (line 24), although every prompt is "
        "done; expected each item checked\n"
        "verdict: NO-GO\n"
    )
    assert audit_ledger(begun).proven_prompts == ("0", "1")


def test_a_blocked_prompt_needs_a_reason_and_no_verification(begun: Path, ledger: Run) -> None:
    blocked = ("append", "ledger.md", "--prompt", "1", "--status", "blocked")
    refused = ledger(*blocked)
    assert refused.code == 2
    assert refused.err == (
        'ledger append: ledger-blocked-without-reason: prompt 1: is blocked, and of the blocker reason found "none"; '
        "expected code or code:detail; nothing was written\n"
    )
    told = ledger(*blocked, "--reason", "out_of_disk")
    assert told.code == 0
    assert told.err == (
        "wrote 'ledger.md'\n"
        'warning[ledger-prompt-open] line 62: prompt 1: is "blocked" for the reason "out_of_disk"; expected done before '
        "anything is promoted\n"
        "verdict: GO\n"
    )
    assert audit_ledger(begun).open_prompts == (("0", ""), ("1", "out_of_disk"))


def test_done_needs_an_answer_that_certifies(begun: Path, ledger: Run, tmp_path: Path) -> None:
    before = begun.read_bytes()
    expected = {
        DONE[:-2]: "--verification: expected the verifier's answer, without which no prompt is done",
        (
            *DONE[:-1],
            str(ANSWERS / "answer" / "fail-hard.json"),
        ): '--verification: the verdict is "FAIL"; expected PASS',
        (*DONE[:-1], str(tmp_path / "none.json")): f"--verification: {tmp_path / 'none.json'}: cannot be opened",
    }
    for arguments, beginning in expected.items():
        told = ledger(*arguments)
        assert told.code == 2
        assert told.err.startswith(beginning)
        assert told.err.count("\n") == 1
    assert begun.read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (
            {"--commit": "HEAD"},
            'ledger-commit-placeholder: prompt 0: found the commit "HEAD" in the block, "HEAD" in the table',
        ),
        ({"--check": "npx vitest run"}, 'ledger-verifier-missing: prompt 0: states the verdict "PASS"'),
        ({"--prompt": " "}, 'prompt_id: found " "; expected the number of a prompt'),
        (
            {"--delta": "a\u202eb"},
            'behavior_delta: found U+202E in "a\\u202eb"; expected characters that everybody sees',
        ),
    ],
)
def test_what_would_contradict_itself_is_not_written(
    begun: Path, ledger: Run, changes: dict[str, str], complaint: str
) -> None:
    before = begun.read_bytes()
    arguments = [*DONE]
    for option, value in changes.items():
        arguments[arguments.index(option) + 1] = value
    told = ledger(*arguments)

    assert told.code == 2
    assert told.err.startswith(f"ledger append: {complaint}")
    assert begun.read_bytes() == before
    assert [*Path().iterdir()] == [begun]


def test_many_contradictions_are_one_line(begun: Path, ledger: Run) -> None:
    told = ledger(
        "append",
        "ledger.md",
        "--prompt",
        "0",
        "--status",
        "done",
        "--reason",
        "out_of_disk",
        "--verification",
        str(PASS),
    )
    assert told.err.count("ledger-") == 3
    assert told.err.count("\n") == 1
    assert told.err.endswith("; nothing was written\n")


def test_a_certificate_of_another_prompt_is_not_written(begun: Path, ledger: Run) -> None:
    ledger(*DONE)
    again = [*DONE]
    again[again.index("--prompt") + 1] = "1"
    again[again.index("--commit") + 1] = "7337f42"
    told = ledger(*again)
    assert told.code == 2
    assert told.err.startswith(
        "ledger append: ledger-certificate-repeated: one certificate hash stands for 2 prompts (0 and 1;"
    )


def test_a_report_is_never_changed(begun: Path, ledger: Run) -> None:
    ledger(*DONE)
    before = begun.read_bytes()
    told = ledger(*DONE)
    assert (told.code, begun.read_bytes()) == (2, before)
    assert told.err == "ledger append: prompt 0 has a report block in line 51; reports are never changed\n"


def test_old_contradictions_do_not_keep_a_new_report_away(folder: Path, ledger: Run) -> None:
    shutil.copy(REPOSITORY / WAVE1, "ledger.md")
    arguments = [*DONE]
    arguments[arguments.index("--prompt") + 1] = "8"
    told = ledger(*arguments)
    assert told.err.startswith("ledger append: ledger-certificate-repeated: one certificate hash stands for 9 prompts")

    arguments[-1] = answer(folder / "answer.json", **OTHER)
    told = ledger(*arguments)
    assert told.code == 0
    assert told.err == (
        "wrote 'ledger.md'\n"
        "the table did not list prompt 8, and has a row for it now\n"
        "warning[ledger-commit-repeated] line 266: one commit stands for 2 prompts (0 and 8; lines 14 and 266): found "
        '"463434b" in all; expected one for each\n'
        "verdict: NO-GO\n"
    )


def test_what_is_no_ledger_gets_no_report(folder: Path, ledger: Run) -> None:
    Path("ledger.md").write_bytes(b"\xff\xfe#\x00")
    told = ledger(*DONE)
    assert told.code == 2
    assert (
        told.err == "FILE: 'ledger.md': is UTF-16 or UTF-32; expected plain UTF-8; expected a ledger that can be read\n"
    )
    Path("helix-tts-policy.toml").write_text("nonsense")
    told = ledger(*DONE)
    assert told.err == "--policy: the policy cannot be used; helix-tts-policy policy check says why\n"


def test_mode_link_and_line_ends_of_a_ledger_stay(begun: Path, ledger: Run) -> None:
    real = Path("real.md")
    real.write_bytes(begun.read_bytes().replace(b"\n", b"\r\n"))
    real.chmod(0o600)
    begun.unlink()
    begun.symlink_to(real)

    assert ledger(*DONE).code == 0
    assert begun.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o600
    data = real.read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n")
    assert b"status: done\r\n" in data


# --- whole files ------------------------------------------------------------------------------------------------------


def test_a_file_that_changed_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger.md"
    path.write_text("somebody else's")
    with pytest.raises(UsageError, match="changed while it was worked on; nothing was written, run it again"):
        write_over(path, "mine", b"what was read", "FILE")
    assert path.read_text() == "somebody else's"
    path.unlink()
    with pytest.raises(UsageError, match="cannot be read: No such file or directory"):
        write_over(path, "mine", b"", "FILE")


def test_a_name_that_was_taken_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger.md"
    path.write_text("somebody else's")
    with pytest.raises(UsageError, match="cannot be written: File exists"):
        write_new(path, "mine")
    assert path.read_text() == "somebody else's"
    assert [*tmp_path.iterdir()] == [path]


def test_readers_see_the_old_ledger_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.md"
    texts = [f"{letter}" * 200_000 for letter in "ab"]
    path.write_text(texts[0])
    seen: set[str] = set()
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.add(path.read_text())

    watcher = threading.Thread(target=watch)
    watcher.start()
    for turn in range(20):
        write_over(path, texts[(turn + 1) % 2], texts[turn % 2].encode(), "FILE")
        time.sleep(0.001)
    stop.set()
    watcher.join()
    assert seen <= set(texts)
    assert [*tmp_path.iterdir()] == [path]


def test_a_ledger_is_kept_beside_real_commits(folder: Path, ledger: Run) -> None:
    """The whole way: begin a ledger, commit a change, report it one commit later, and audit against the repository."""
    repository = Repository(folder)
    base = repository.commit(README_dot_md="voices\n")
    assert (
        ledger(
            "new",
            "--title",
            "Wave 2",
            "--prompt",
            "The trainer",
            "--baseline",
            f"main@{base[:8]}",
            "--output",
            "ledger.md",
        ).code
        == 0
    )
    change = repository.commit(scripts__train_dot_py="1\n")
    told = ledger(
        *("append", "ledger.md", "--prompt", "0", "--status", "done", "--commit", change, "--file", "scripts/train.py"),
        *("--check", VERIFY, "--verification", str(PASS)),
    )
    assert told.code == 0, told.err
    repository.commit()

    told = ledger("audit", "ledger.md", "--repo", ".", "--now", NOW)
    assert told.code == 0
    assert told.out.endswith("\nGO: 1 note\n")
    assert "ledger-commits-unchecked" not in told.out
