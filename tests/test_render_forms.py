"""What holds for every form that a CI system reads: exit codes, one document and nothing else, harmless, bounded."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from tests.command_line import NOW, REPOSITORY, VOICES, run
from tests.sample_reports import EXAMPLES, MANY, MEI, NAME, manifest

from helix_tts_policy import verify_manifest
from helix_tts_policy.cli import main
from helix_tts_policy.cli.options import FORMATS, PLAIN_FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

MACHINE_FORMS = ("sarif", "github", "junit")
HOSTILE = "\x1b[31mred\x1b]0;owned\x07\n::error file=x::boo\u202e##[error]boo"
MOST = 250_000
"""Bytes of a report on 20,000 problems: far below what CI systems take, and quickly read."""


def counted(form: str, text: str) -> int:
    """How many findings of any severity a document tells, read as its readers do."""
    if form == "sarif":
        return len(json.loads(text)["runs"][0]["results"])
    if form == "github":
        return sum(line.startswith(("::error ", "::warning ", "::notice ")) for line in text.splitlines())
    return "".join(ET.fromstring(text).itertext()).count("  what to do: ")  # noqa: S314 - our own output


def verdict_of(form: str, text: str) -> str:
    if form == "sarif":
        return str(json.loads(text)["runs"][0]["properties"]["verdict"])
    if form == "github":
        verdicts = [line.partition("  ")[0] for line in text.splitlines() if not line.startswith("::")]
    else:
        verdicts = [failure.get("type", "") for failure in ET.fromstring(text).iterfind("*/*[@name='verdict']/failure")]  # noqa: S314 - as above
    return "NO-GO" if "NO-GO" in verdicts else "GO"


CALLS = {
    "go": (["verify", f"{VOICES}/mei/{NAME}", "--root", f"{VOICES}/mei"], 0, 0),
    "swapped": (["verify", f"{VOICES}/mei-swapped/{NAME}", "--root", f"{VOICES}/mei-swapped"], 1, 1),
    "non-commercial": (["verify", f"{VOICES}/musicgen-like/{NAME}", "--root", f"{VOICES}/musicgen-like"], 1, 3),
    "placeholder": (["verify", f"{VOICES}/nemo-placeholder/{NAME}"], 1, 5),
    "several": (["verify", f"{VOICES}/mei/{NAME}", f"{VOICES}/nemo-placeholder/{NAME}"], 1, 6),
    "missing": (["verify", f"{VOICES}/mei/{NAME}", "no/such.json"], 2, 2),
    "no-policy": (["verify", f"{VOICES}/mei/{NAME}", "--policy", "no/such.toml"], 2, 1),
    "allowed": (["license", "MIT OR GPL-3.0-only"], 0, 0),
    "refused": (["license", "CC-BY-NC-4.0"], 1, 2),
    "refused-weights": (["license", "CC-BY-NC-4.0", "--gate", "weights"], 1, 1),
    "license-no-policy": (["license", "MIT", "--policy", "no/such.toml"], 2, 1),
    "policy": (["policy", "check", f"{EXAMPLES}/policy-shape/accept/no-more-than-the-version.toml"], 0, 0),
    "policy-refused": (["policy", "check", f"{EXAMPLES}/policy-license-unknown/reject/expression.toml"], 1, 1),
    "policy-missing": (["policy", "check", "no/such.toml"], 2, 1),
    "bundle": (["bundle", "verify", f"{EXAMPLES}/bundle-shape/accept/promoted-bundle"], 0, 0),
    "bundle-refused": (["bundle", "verify", f"{EXAMPLES}/bundle-shape/reject/no-references"], 1, 1),
    "bundle-missing": (["bundle", "verify", "no/such"], 2, 1),
}
"""Calls with their exit code and how many findings they tell."""


@pytest.mark.parametrize("name", CALLS)
def test_no_form_changes_an_exit_code_or_loses_a_finding(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPOSITORY)
    arguments, code, findings = CALLS[name]
    assert main([*arguments, "--now", NOW]) == code
    capsys.readouterr()
    for form in MACHINE_FORMS:
        assert main([*arguments, "--now", NOW, "--format", form]) == code
        out, err = capsys.readouterr()
        assert err == ""
        assert counted(form, out) == findings
        assert verdict_of(form, out) == ("GO" if code == 0 else "NO-GO")


@pytest.mark.parametrize("form", MACHINE_FORMS)
@pytest.mark.parametrize("name", ["go", "non-commercial", "refused", "policy-refused", "policy-missing"])
def test_a_real_process_gives_the_same_bytes_as_the_function(
    name: str, form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(REPOSITORY)
    arguments = [*CALLS[name][0], "--now", NOW, "--format", form]
    code = main(arguments)
    assert run(*arguments) == (code, capsys.readouterr().out, "")


def test_reports_have_every_form_and_tables_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert {*PLAIN_FORMATS, *MACHINE_FORMS} == set(FORMATS)
    (tmp_path / "weights.bin").write_bytes(b"x")
    for arguments in (["rules"], ["manifest", "digest", str(tmp_path / "weights.bin")]):
        for form in FORMATS:
            assert main([*arguments, "--format", form]) == (0 if form in PLAIN_FORMATS else 2)
            assert ("invalid choice" in capsys.readouterr().err) == (form not in PLAIN_FORMATS)


@pytest.mark.parametrize("form", MACHINE_FORMS)
def test_standard_input_is_no_file(form: str) -> None:
    data = (REPOSITORY / VOICES / "musicgen-like" / NAME).read_bytes()
    outcome = run("verify", "-", "--now", NOW, "--format", form, stdin=data)
    assert (outcome.code, outcome.err) == (1, "")
    assert counted(form, outcome.out) == 4
    assert "file=" not in outcome.out
    assert "artifactLocation" not in outcome.out


@pytest.mark.parametrize("form", MACHINE_FORMS)
def test_the_same_input_and_time_give_the_same_bytes_everywhere(form: str, tmp_path: Path) -> None:
    folder = REPOSITORY / VOICES / "nemo-placeholder"
    call = ["verify", str(folder / NAME), str(EXAMPLES / "no-such-file.json"), "--now", NOW, "--format", form]
    first = run(*call)
    assert first.code == 2
    for cwd, env in (
        (tmp_path, {"LC_ALL": "C", "PYTHONHASHSEED": "1"}),
        (Path("/"), {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "4242"}),
        (tmp_path, {"PYTHONIOENCODING": "latin-1", "COLUMNS": "20", "PYTHONUTF8": "0", "LC_ALL": "POSIX"}),
        (REPOSITORY, {"TERM": "xterm", "GITHUB_ACTIONS": "true", "CI": "true", "FORCE_COLOR": "1"}),
    ):
        assert run(*call, cwd=cwd, env=env) == first


def assert_harmless(text: str) -> None:
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "##[" not in text
    commands = [line for line in text.splitlines() if line.lstrip().startswith("::")]
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in commands)


@pytest.mark.parametrize("form", MACHINE_FORMS)
def test_hostile_names_and_values_reach_no_log_raw(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"{HOSTILE.replace('/', '')}.json"
    shutil.copy(REPOSITORY / VOICES / "nemo-placeholder" / NAME, path)
    values = tmp_path / "values.json"
    said = HOSTILE.replace("\n", "").replace("\x1b", "").replace("\x07", "").replace("\u202e", "")
    fields = ("model_id", "weights_license", "code_license", "source_url", "checksum", "created_at", "revision")
    files = [{"path": said, "bytes": 1, "sha256": said}]
    values.write_text(json.dumps({**MEI, **dict.fromkeys(fields, said), "files": files, said: said}))
    shape = tmp_path / "shape.json"
    shape.write_text(json.dumps({**MEI, HOSTILE: HOSTILE, "model_id": HOSTILE}))
    for document, code in ((path, 1), (values, 1), (shape, 1), (tmp_path / f"{HOSTILE}-not-there.json", 2)):
        outcome = run("verify", str(document), "--now", NOW, "--format", form)
        assert (outcome.code, outcome.err) == (code, "")
        assert_harmless(outcome.out)
        counted(form, outcome.out)
    outcome = run("license", said, "--format", form)
    assert outcome.code == 1
    assert_harmless(outcome.out)


def bad_files() -> bytes:
    files = [{"path": f"../{number}/{'x' * 50}", "bytes": 0, "sha256": "no digest"} for number in range(MANY)]
    return json.dumps({**MEI, "files": files}).encode()


def bad_shapes() -> bytes:
    files = [{"path": 7, "sha256": None, f"unknown{number}": 1} for number in range(MANY // 4)]
    return json.dumps({**MEI, "files": files}).encode()


def bad_components() -> bytes:
    components = [
        {"name": f"{number}{'n' * 3000}", "role": "other", "source_url": f"http://{'u' * 4000}", "weights_license": "L"}
        for number in range(300)
    ]
    return json.dumps({**MEI, "components": components}).encode()


@pytest.mark.parametrize("make", [bad_files, bad_shapes, bad_components])
@pytest.mark.parametrize("form", MACHINE_FORMS)
def test_thousands_of_problems_stay_bounded(form: str, make: Callable[[], bytes]) -> None:
    rendered = import_module(f"helix_tts_policy.render.{form}").render([manifest(make())])
    assert 50 < counted(form, rendered) < 1000
    assert len(rendered.encode()) < MOST


@pytest.mark.parametrize("form", MACHINE_FORMS)
def test_thousands_of_files_that_are_not_listed_stay_bounded(form: str, tmp_path: Path) -> None:
    for number in range(2000):
        (tmp_path / f"{number}.bin").touch()
    report = verify_manifest(MEI, root=tmp_path, now=datetime.fromisoformat(NOW))
    rendered = import_module(f"helix_tts_policy.render.{form}").render([report])
    assert 50 < counted(form, rendered) < 1000
    assert len(rendered.encode()) < MOST
