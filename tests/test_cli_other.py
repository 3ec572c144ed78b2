"""The verbs beside ``verify`` and ``manifest``, the help of all, and the ways to start the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.command_line import REPOSITORY, VOICES, environment, run

import helix_tts_policy
from helix_tts_policy.cli import VERBS, build_parser, main
from helix_tts_policy.rules.all_rules import ALL_RULES


@pytest.mark.parametrize(
    ("arguments", "code", "state"),
    [
        (["MIT"], 0, "allowed"),
        (["CC-BY-3.0"], 0, "allowed"),
        (["MIT OR CC-BY-NC-4.0"], 0, "allowed"),
        (["CC-BY-NC-4.0"], 1, "forbidden"),
        (["MIT AND CC-BY-NC-4.0"], 1, "forbidden"),
        (["CC-BY-SA-4.0", "--gate", "weights"], 1, "conditional"),
        (["no such licence"], 1, "unclear"),
        ([""], 1, "unclear"),
    ],
)
def test_only_an_allowed_licence_is_zero(
    arguments: list[str], code: int, state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["license", *arguments]) == code
    out, err = capsys.readouterr()
    assert err == ""
    assert f"\nweights gate: {state}\n" in out
    assert out.endswith("\nNothing here is legal advice.\n")
    assert main(["license", *arguments, "--format", "json"]) == code
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert next(iter(document.items())) == ("schema", "helix-tts-policy/license/1")
    assert document["state"] == state


def test_the_gate_can_decide() -> None:
    weights, code = (
        json.loads(run("license", "GPL-3.0-only", "--gate", gate, "--format", "json").out)
        for gate in ("weights", "code")
    )
    assert (weights["gate"], code["gate"]) == ("weights", "code")
    both = json.loads(run("license", "GPL-3.0-only", "--format", "json").out)
    assert both["gates"] == {"weights": weights["gates"]["weights"], "code": code["gates"]["code"]}
    assert {key: both[key] for key in both if key != "gates"} == {
        key: weights[key] for key in weights if key != "gates"
    }


def test_an_unknown_gate_is_one_line_and_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["license", "MIT", "--gate", "speech"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("helix-tts-policy license: argument --gate: invalid choice: 'speech' (choose from ")
    assert err.count("\n") == 1


def test_an_explanation_is_printable_and_bounded_whatever_was_asked(capsys: pytest.CaptureFixture[str]) -> None:
    for hostile in ("\x1b[31m\n::error x", "A" * 100_000, "(" * 100_000, " AND ".join(["MIT"] * 9000), "\udcff"):
        main(["license", hostile])
        out, err = capsys.readouterr()
        assert err == ""
        assert len(out) < 10_000
        assert all(character.isprintable() or character == "\n" for character in out)
        assert not any(line.lstrip().startswith("::") for line in out.splitlines())


def test_every_rule_is_listed_with_its_severity(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    rows = [line.split(maxsplit=2) for line in out.splitlines()]
    assert [(row[0], row[1]) for row in rows] == [(rule.id, rule.severity.value) for rule in ALL_RULES]
    assert all(len(row) == 3 for row in rows)
    assert rows[0][2] == (
        "The document can be opened: it exists, is a regular file, may be read, and is no larger than 4 MiB (a policy or a model "
        "card 1 MiB, a ledger 16 MiB)"
    )


def test_one_rule_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "commercial-claim-contradicts-license"]) == 0
    assert capsys.readouterr().out == (
        "commercial-claim-contradicts-license (error)\n"
        "\n"
        "What it checks\n"
        "  `commercial_use_allowed: true` does not stand beside a weights licence that forbids commercial\n  use.\n"
        "\n"
        "Why it is NO-GO\n"
        "  One of the two statements is false, and people read the boolean.\n"
        "\n"
        "Example\n"
        '  `"weights_license": "CC-BY-NC-4.0", "commercial_use_allowed": true`\n'
        "\n"
        "Remedy\n"
        "  Correct the claim; the licence decides.\n"
    )


def test_an_unknown_rule_is_one_line_and_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "no-such\x1brule"]) == 2
    assert capsys.readouterr() == (
        "",
        "rules: found no rule 'no-such\\x1brule'; expected one that `helix-tts-policy rules` lists\n",
    )


def test_rules_as_json_are_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--format", "json"]) == 0
    everything = json.loads(capsys.readouterr().out)
    assert everything["schema"] == "helix-tts-policy/rules/1"
    assert [row["id"] for row in everything["rules"]] == [rule.id for rule in ALL_RULES]
    assert main(["rules", "model-id-blank", "--format", "json"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert one["rules"] == [row for row in everything["rules"] if row["id"] == "model-id-blank"]
    assert list(one["rules"][0]) == ["id", "severity", "What it checks", "Why it is NO-GO", "Example", "Remedy"]


def test_the_printed_schema_is_one_that_validates_manifests(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "weights-manifest"]) == 0
    schema = json.loads(capsys.readouterr().out)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == "urn:helix-tts-policy:schema:weights-manifest:1"
    manifest = json.loads((REPOSITORY / VOICES / "mei" / "weights-manifest.json").read_text())
    assert [error.message for error in Draft202012Validator(schema).iter_errors(manifest)] == []
    del manifest["model_id"]
    assert [error.message for error in Draft202012Validator(schema).iter_errors(manifest)] == [
        "'model_id' is a required property"
    ]


def test_an_unknown_schema_is_one_line_and_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "voice"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("helix-tts-policy schema: argument NAME: invalid choice: 'voice' (choose from ")


def test_the_version_is_the_packages() -> None:
    assert run("--version") == (0, f"helix-tts-policy {helix_tts_policy.__version__}\n", "")


def test_the_help_names_every_verb_and_the_exit_codes() -> None:
    outcome = run("--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert "Exit codes: 0 GO, 1 NO-GO or findings, 2 usage or unreadable input." in outcome.out
    for verb, summary in VERBS.items():
        assert f"    {verb}" in outcome.out
        assert summary in outcome.out


@pytest.mark.parametrize("words", [[verb] for verb in VERBS] + [["manifest", "new"], ["manifest", "digest"]])
def test_every_verb_has_help(words: list[str]) -> None:
    outcome = run(*words, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"usage: helix-tts-policy {' '.join(words)} ")


def test_the_parser_takes_the_arguments_of_every_verb() -> None:
    parser = build_parser()
    assert parser.parse_args(["verify", "a.json", "--jobs", "3"]).jobs == 3
    assert parser.parse_args(["license", "MIT", "--gate", "code"]).gate == "code"


def test_the_installed_command_and_the_module_are_one() -> None:
    installed = Path(sys.executable).with_name("helix-tts-policy")
    if not installed.exists():
        pytest.skip("the package is not installed beside this interpreter")
    done = subprocess.run(  # noqa: S603
        [installed, "rules"], capture_output=True, text=True, check=True, env=environment(), timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == run("rules")


def test_the_command_runs_no_plugin_of_the_validator(tmp_path: Path) -> None:
    # A plugin of pydantic may change what any record accepts. Whatever else is installed, the verdict is the same.
    package = tmp_path / "meddler-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: meddler\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text("[pydantic]\nmeddler = meddler:plugin\n")
    (tmp_path / "meddler.py").write_text("import sys\nsys.exit('the plugin ran')\n")
    path = os.pathsep.join([str(REPOSITORY / "src"), str(tmp_path)])
    outcome = run("verify", "nothing.json", env={"PYTHONPATH": path})
    assert (outcome.code, outcome.err) == (2, "")
