"""``bundle verify``, ``bundle build`` and ``bundle promote``: exit codes, what is written, and what is said of it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
from tests import bundles
from tests.bundles import COMMIT, FILES, REFERENCE, production, promoted, write
from tests.command_line import NOW, REPOSITORY, run, run_on_terminal

from helix_tts_policy import verify_bundle
from helix_tts_policy.cli import main
from helix_tts_policy.rules.bundle_registry import BUNDLE_TABLES
from helix_tts_policy.whole_folder import folder_in_the_making

HERE = Path(__file__).parent
EXAMPLES = HERE / "examples"
PAGE = REPOSITORY / "docs/how-to/build-and-promote-a-bundle.md"


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with what a training leaves."""
    monkeypatch.chdir(tmp_path)
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "config.toml").write_bytes(b"configuration\n")
    (tmp_path / "dataset.jsonl").write_bytes(b"data set\n")
    return tmp_path


BUILD = [
    *("bundle", "build", "--output", "voice", "--file", "voice.safetensors", "--file", "sample.wav"),
    *("--commit", COMMIT, "--config", "config.toml", "--dataset", "dataset.jsonl"),
    *("--weights-ref", *REFERENCE.values(), "--now", NOW),
]


def test_build_verify_promote(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(BUILD) == 0
    out, err = capsys.readouterr()
    assert out.startswith("GO  voice\n")
    assert err == "wrote 'voice'\n"
    manifest = json.loads((work / "voice/manifest.json").read_bytes())
    assert manifest == production(dict(sorted(FILES.items())))

    assert main(["bundle", "verify", "voice", "--now", NOW]) == 0
    assert capsys.readouterr().out == out

    assert main(["bundle", "promote", "voice", "live", "--display-name", "Warm voice", "--now", NOW]) == 0
    assert capsys.readouterr().err == "wrote 'live'\n"
    served = json.loads((work / "live/manifest.json").read_bytes())
    assert (served["bundle_version"], served["voice_profile_id"]) == ("voice_bundle/1", "live")
    assert (served["display_name"], served["created_at"]) == ("Warm voice", "2026-11-24T00:00:00Z")

    assert main(["bundle", "verify", "live", "voice", "--jobs", "1", "--format", "json", "--now", NOW]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [report["schema"] for report in document["reports"]] == ["helix-tts-policy/bundle-report/1"] * 2
    assert document["verdict"] == "GO"


def test_exit_codes_of_verify(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = write(work / "good"), write(work / "bad")
    (bad / "sample.wav").unlink()
    shutil.copytree(good, work / "no-manifest")
    (work / "no-manifest/manifest.json").unlink()
    (write(work / "no-json") / "manifest.json").write_bytes(b"{")

    codes = {
        "good": 0,
        "bad": 1,
        "no-manifest": 1,
        "no-json": 2,
        "none": 2,
    }
    for name, code in codes.items():
        assert main(["bundle", "verify", name, "--now", NOW]) == code, name
        assert capsys.readouterr().err == ""
    assert main(["bundle", "verify", "good", "bad", "--now", NOW]) == 1
    assert main(["bundle", "verify", "good", "--jobs", "0"]) == 2
    assert capsys.readouterr().err == "--jobs: found 0; expected 1 or more\n"


def test_a_policy_decides_for_every_verb(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "helix-tts-policy.toml").write_text(
        'schema_version = "license-policy/1"\n[gates.weights]\ndeny = ["CC-BY-4.0"]\n'
    )
    assert main(BUILD) == 1
    out, err = capsys.readouterr()
    assert "error[weights-license-forbidden] voice/manifest.json:" in out
    assert "policy   helix-tts-policy.toml" in out
    assert err == "nothing was written to 'voice'\n"
    write(work / "b")
    assert main(["bundle", "promote", "b", "live", "--now", NOW]) == 1
    assert main(["bundle", "verify", "b", "--now", NOW]) == 1
    (work / "helix-tts-policy.toml").write_text("schema_version = 1\n")
    capsys.readouterr()
    for call in (BUILD, ["bundle", "promote", "b", "live", "--now", NOW], ["bundle", "verify", "b", "--now", NOW]):
        assert main(call) == 1
        assert "error[policy-shape]" in capsys.readouterr().out
    assert not (work / "voice").exists()
    assert not (work / "live").exists()


def test_facts_from_a_document(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "facts.json").write_text(json.dumps({"commit": COMMIT, "weights_refs": REFERENCE}))
    call = ["bundle", "build", "--file", "voice.safetensors", "--file", "sample.wav", "--now", NOW]
    digests = ["--config", "config.toml", "--dataset", "dataset.jsonl"]
    assert main([*call, *digests, "--output", "one", "--facts", "facts.json", "--commit", COMMIT]) == 0
    assert json.loads((work / "one/manifest.json").read_bytes())["weights_refs"] == REFERENCE

    (work / "facts.toml").write_text(
        'voice_profile_id = "mei"\ndisplay_name = "Mei"\ncreated_at = 2026-11-23T10:00:00Z\n'
    )
    assert main([*call, "--output", "two", "--facts", "facts.toml"]) == 0
    assert json.loads((work / "two/manifest.json").read_bytes())["created_at"] == "2026-11-23T10:00:00+00:00"

    assert main([*call, "--output", "three", "--voice-profile-id", "mei", "--display-name", "Mei"]) == 0
    assert json.loads((work / "three/manifest.json").read_bytes())["created_at"] == "2026-11-24T00:00:00Z"
    capsys.readouterr()

    (work / "list.json").write_text("[1]")
    (work / "computed.json").write_text('{"files": []}')
    problems = {
        ("facts.json", "--commit", COMMIT[::-1]): (
            "--facts: 'facts.json' states another commit than the option does; state it once"
        ),
        ("none.json",): "--facts: none.json: cannot be opened: No such file or directory; expected a regular file",
        ("list.json",): "--facts: 'list.json' holds no JSON object; expected one with fields of the manifest",
        ("computed.json",): "--facts: 'computed.json' states files; leave out what is computed from the files",
        ("config.toml",): "--facts: config.toml:1:14: is no TOML: expected '=' after a key in a key/value pair",
    }
    for (file, *more), message in problems.items():
        assert main([*call, "--output", "four", "--facts", file, *more]) == 2
        assert capsys.readouterr().err == f"{message}\n"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            ["--file", "sample.wav"],
            "--file: found 'sample.wav' twice; expected a name of its own for each, as NAME=PATH",
        ),
        (["--file", "x=none"], "bundle build: 'none': No such file or directory; nothing was written"),
        (
            ["--file", "../x=sample.wav"],
            'bundle build: files: found "../x", which leaves the root through ..; expected a path below the bundle',
        ),
        (["--file", "fifo"], "bundle build: 'fifo': not a regular file"),
        (
            ["--output", "config.toml"],
            "bundle build: 'config.toml' exists; name a new folder, or remove the old one first",
        ),
        (
            ["--output", "none/voice"],
            "bundle build: 'none': No such file or directory; nothing was written",
        ),
        (["--config", "none"], "--config: 'none' cannot be read: No such file or directory"),
        (["--output", "busy"], "bundle build: another run works on 'busy'; wait for it, and try again"),
    ],
)
def test_calls_that_write_nothing(
    changes: list[str], message: str, work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo("fifo")
    with folder_in_the_making(work / "busy"):
        assert main([*BUILD, *changes]) == 2
    assert capsys.readouterr() == ("", f"{message}\n")
    assert not (work / "voice").exists()


def test_a_promotion_that_is_refused_says_why(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = write(work / "b")
    (bad / "sample.wav").write_bytes(b"x")
    write(work / "live", *promoted())

    assert main(["bundle", "promote", "b", "live", "--now", NOW]) == 1
    out, err = capsys.readouterr()
    assert "error[file-size-mismatch] b/manifest.json:" in out
    assert err == "nothing was written to 'live'\n"
    assert main(["bundle", "promote", "none", "live", "--now", NOW]) == 2
    assert "nothing was written to 'live'" in capsys.readouterr().err
    assert main(["bundle", "promote", "live", "b", "--display-name", "x", "--now", NOW]) == 2
    assert "found a name for a voice_bundle/1, which states its own; leave it out" in capsys.readouterr().err


def test_a_large_copy_shows_a_bar_on_a_terminal(tmp_path: Path) -> None:
    big = tmp_path / "big.bin"
    with big.open("wb") as stream:
        stream.write(b"\0" * 400_000_000)
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "config.toml").write_bytes(b"configuration\n")
    (tmp_path / "dataset.jsonl").write_bytes(b"data set\n")

    outcome = run_on_terminal(*BUILD, "--file", "big.bin", cwd=tmp_path, streams=("stderr",))

    assert outcome.code == 0
    assert "hashing" in outcome.screen
    big.unlink()
    shutil.rmtree(tmp_path / "voice")


def test_what_every_bad_example_is_told() -> None:
    lines = []
    rules = {rule.id for table in BUNDLE_TABLES for rule in table}
    for case in sorted(case for rule in rules for case in (EXAMPLES / rule / "reject").glob("*")):
        report = verify_bundle(case, now=bundles.NOW, name=case.name)
        lines += [str(case.relative_to(EXAMPLES)), f"  {report.verdict} {' '.join(report.codes)}".rstrip()]
        for finding in report.findings:
            at = finding.at
            place = f"{at.source.rpartition('/')[2]}:{at.line}:{at.column} {at.path}"
            lines.append(f"  {place} {finding.severity.value} {finding.rule}: {finding.message}; {finding.tip}")

    assert "\n".join(lines) + "\n" == (HERE / "golden" / "bundle-findings.txt").read_text(encoding="utf-8")


def test_the_commands_of_the_guide_work_in_their_order(tmp_path: Path) -> None:
    commands = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(commands) >= 3
    shutil.copytree(REPOSITORY / "examples" / "voices" / "mei", tmp_path / "examples" / "voices" / "mei")
    (tmp_path / "sample.wav").write_bytes(FILES["sample.wav"])
    (tmp_path / "train.toml").write_bytes(b"configuration\n")
    (tmp_path / "dataset.jsonl").write_bytes(b"data set\n")

    for command in commands:
        words = shlex.split(command.replace("\\\n", " "))
        assert words[:2] == ["helix-tts-policy", "bundle"]
        outcome = run(*words[1:], cwd=tmp_path)
        assert outcome.code == 0, outcome
    assert (tmp_path / "served" / "source_manifest.json").is_file()
