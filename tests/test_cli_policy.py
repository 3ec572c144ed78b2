"""The policy on the command line: which file decides, what is told of it, and what stops without it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest
from tests.command_line import NOW, REPOSITORY, VOICES, run

from helix_tts_policy.cli import main

if TYPE_CHECKING:
    from pathlib import Path

MEI = str(REPOSITORY / VOICES / "mei" / "weights-manifest.json")
HEAD = 'schema_version = "license-policy/1"\n'
DENIED = HEAD + '[gates.weights]\ndeny = ["CC-BY-3.0"]\n'
UNUSED = HEAD + '[gates.weights]\nallow = ["CC-BY-3.0", "CC-BY-NC-4.0"]\n'
BROKEN = HEAD + 'errors = ["no-such-rule"]\n'
LLAMA = "LicenseRef-scancode-llama-3.1-license-2024"


def attested(*conditions: str, models: str = "*") -> str:
    return HEAD + "".join(
        f'[[attestations]]\nlicense = "{LLAMA}"\ncondition = "{condition}"\nmodels = ["{models}"]\n'
        'statement = "It holds."\nowner = "product"\nattested_on = 2026-11-01\n'
        for condition in conditions
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main([*arguments, "--now", NOW])
    out, err = capsys.readouterr()
    assert err == ""
    return code, out


def test_the_file_in_the_working_directory_decides_and_the_output_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, before = told(capsys, "verify", MEI)
    assert code == 0
    assert "    policy    built-in sha256:" in before

    (folder / "helix-tts-policy.toml").write_text(DENIED)
    code, after = told(capsys, "verify", MEI)
    digest = hashlib.sha256(DENIED.encode()).hexdigest()
    assert code == 1
    assert "CC-BY-3.0 is forbidden for weights: the policy denies it to the weights gate" in after
    assert f"    policy    helix-tts-policy.toml sha256:{digest}\n" in after


def test_a_policy_that_is_named_goes_before_the_one_that_lies_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "helix-tts-policy.toml").write_text(DENIED)
    (folder / "other.toml").write_text(HEAD)

    code, out = told(capsys, "verify", MEI, "--policy", "other.toml")
    assert code == 0
    assert "    policy    other.toml sha256:" in out


def test_a_policy_with_an_error_decides_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "helix-tts-policy.toml").write_text(BROKEN)
    error = (
        "NO-GO  helix-tts-policy.toml\n\n"
        "  error[policy-rule-unknown] helix-tts-policy.toml:2:11 /errors/0\n"
        '    found the rule "no-such-rule", which does not exist; expected one that `helix-tts-policy rules` lists\n'
        "    what to do: correct the id\n\n"
        "NO-GO: 1 error\n"
    )

    assert told(capsys, "verify", MEI) == (1, error)
    assert told(capsys, "license", "MIT") == (1, error)
    assert told(capsys, "policy", "check") == (1, error)


@pytest.mark.parametrize("verb", [["verify", MEI], ["license", "MIT"]])
def test_a_policy_that_cannot_be_read_is_two(verb: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = told(capsys, *verb, "--policy", "none.toml")
    assert code == 2
    assert "  error[input-unreadable] none.toml\n" in out

    (folder / "helix-tts-policy.toml").symlink_to("nowhere")
    code, out = told(capsys, *verb)
    assert code == 2
    assert "  error[input-unreadable] helix-tts-policy.toml\n" in out


def test_what_is_unused_in_a_policy_is_told_before_the_manifests(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "helix-tts-policy.toml").write_text(UNUSED)

    code, out = told(capsys, "verify", MEI)
    assert code == 0
    assert out.startswith(
        "GO  helix-tts-policy.toml\n\n  warning[policy-allowance-unused] helix-tts-policy.toml:3:23 /gates/weights/allow/1\n"
    )
    assert f"\nGO  {MEI}\n" in out
    code, out = told(capsys, "license", "CC-BY-3.0", "--gate", "weights")
    assert code == 0
    assert out.startswith('licence: "CC-BY-3.0"\n')
    assert "\n\nGO  helix-tts-policy.toml\n\n  warning[policy-allowance-unused]" in out
    code, out = told(capsys, "license", "CC-BY-3.0", "--format", "json")
    (finding,) = json.loads(out)["policy_report"]["findings"]
    assert (code, finding["rule"]) == (0, "policy-allowance-unused")


def test_a_policy_without_fault_is_go(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.toml").write_text(HEAD)

    assert told(capsys, "policy", "check", "mine.toml") == (0, "GO  mine.toml\n\nGO: nothing to complain about\n")
    code, out = told(capsys, "policy", "check", "mine.toml", "--format", "json")
    assert (code, json.loads(out)["reports"][0]["schema"]) == (0, "helix-tts-policy/policy-report/1")


def test_a_licence_is_explained_under_the_policy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "helix-tts-policy.toml").write_text(
        attested("user_cap", "use_restrictions", "branding", models="acme/warm-voice-2")
    )
    question = ("license", "llama3.1", "--gate", "weights")

    assert told(capsys, *question)[0] == 1
    code, out = told(capsys, *question, "--model", "acme/warm-voice-2")
    assert code == 0
    assert "  by the policy's entry: /attestations/2\n" in out
    assert "policy: helix-tts-policy.toml (sha256 " in out


def test_the_text_that_came_with_a_release_is_compared_with_the_reviewed_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "LICENSE").write_bytes(b"the reviewed text")
    (folder / "OTHER").write_bytes(b"another text")
    (folder / "helix-tts-policy.toml").write_text(
        HEAD
        + '[[clarifications]]\nlicense = "LicenseRef-A"\nsame_as = "MIT"\nowner = "legal"\nreviewed_on = 2026-11-01\n'
        f'evidence_url = "https://a-voices.com/a"\nsha256 = "{hashlib.sha256(b"the reviewed text").hexdigest()}"\n'
    )
    question = ("license", "LicenseRef-A", "--gate", "weights")

    assert told(capsys, *question)[0] == 1
    assert told(capsys, *question, "--text", "OTHER")[0] == 1
    assert told(capsys, *question, "--text", "OTHER", "--text", "LICENSE")[0] == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("none", "--text: 'none' cannot be read: No such file or directory; expected a licence text\n"),
        (".", "--text: '.': not a regular file; expected a licence text that holds still\n"),
    ],
)
def test_a_text_that_cannot_be_read_is_one_line_and_two(
    text: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["license", "MIT", "--text", text]) == 2
    assert capsys.readouterr() == ("", message)


def test_a_decision_under_a_policy_replays_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "helix-tts-policy.toml").write_text(attested("user_cap", "use_restrictions", "branding"))
    call = ("license", f"{LLAMA} OR CC-BY-NC-4.0", "--format", "json", "--now", NOW)
    first = run(*call, cwd=tmp_path)

    document = json.loads(first.out)
    assert document["gates"]["weights"]["policy_entries"] == ["/attestations/0", "/attestations/1", "/attestations/2"]
    assert (document["pinned"]["now"], document["pinned"]["policy"]["name"]) == (NOW, "helix-tts-policy.toml")
    for env in ({"PYTHONHASHSEED": "1", "LC_ALL": "C"}, {"PYTHONHASHSEED": "4242", "TZ": "Pacific/Kiritimati"}):
        assert run(*call, cwd=tmp_path, env=env) == first


FACTS = (
    *("--model-id", "acme/warm-voice-2", "--source-url", "https://github.com/acme/voice", "--code-license", "MIT"),
    *("--weights-license", "CC-BY-3.0", "--commercial-use-allowed", "yes", "--attribution-required", "yes"),
    *("--evidence-link", "https://github.com/acme/voice/blob/main/LICENSE", "--now", NOW),
)


def test_a_new_manifest_is_judged_under_the_policy_that_lies_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "voice.bin").write_bytes(b"weights")
    assert main(["manifest", "new", "voice.bin", *FACTS]) == 0
    assert capsys.readouterr().err.endswith("\nverdict: GO\n")

    (folder / "helix-tts-policy.toml").write_text(DENIED)
    assert main(["manifest", "new", "voice.bin", *FACTS]) == 0
    assert capsys.readouterr().err.endswith("\nverdict: NO-GO under 'helix-tts-policy.toml'\n")

    (folder / "helix-tts-policy.toml").write_text(BROKEN)
    assert main(["manifest", "new", "voice.bin", "--output", "m.json", *FACTS]) == 2
    assert capsys.readouterr().err == (
        "--policy: 'helix-tts-policy.toml' cannot be used: policy-rule-unknown: found the rule \"no-such-rule\", which does "
        "not exist; expected one that `helix-tts-policy rules` lists; see: helix-tts-policy policy check helix-tts-policy.toml\n"
    )
    assert not (folder / "m.json").exists()


def test_advice_that_the_policy_makes_an_error_refuses_a_licence_too(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question = ("license", "GPL-3.0", "--gate", "code", "--format", "json")
    assert told(capsys, *question)[0] == 0

    (folder / "helix-tts-policy.toml").write_text(HEAD + 'errors = ["license-deprecated"]\n')
    code, out = told(capsys, *question)
    assert (code, json.loads(out)["verdict"], json.loads(out)["state"]) == (1, "NO-GO", "allowed")
