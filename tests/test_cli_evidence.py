"""``evidence digest``: what it prints, what it warns of, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.command_line import REPOSITORY, VOICES, command, environment, run

from helix_tts_policy.cli import main

if TYPE_CHECKING:
    from pathlib import Path

TEXT = b"You may use the weights in any product.\r\n"
DIGITS = hashlib.sha256(TEXT).hexdigest()
EMPTY = hashlib.sha256().hexdigest()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "LICENSE.txt").write_bytes(TEXT)
    (tmp_path / "terms.txt").write_bytes(b"terms")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recorded(name: str, digits: str) -> str:
    return (
        f'to record "{name}", once it has been read:\n'
        f'  in the evidence of a manifest:   "sha256": "{digits}"\n'
        f'  in a clarification of a policy:  sha256 = "{digits}"\n'
    )


def test_it_prints_what_sha256sum_prints_and_says_how_to_record_it(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["LICENSE.txt", "./terms.txt"]
    assert main(["evidence", "digest", *names]) == 0
    out, err = capsys.readouterr()
    assert out == subprocess.run(["sha256sum", *names], capture_output=True, text=True, check=True).stdout  # noqa: S603, S607
    assert err == recorded("LICENSE.txt", DIGITS) + recorded("./terms.txt", hashlib.sha256(b"terms").hexdigest())


def test_as_json_it_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evidence", "digest", "--format", "json", "LICENSE.txt"]) == 0
    out, err = capsys.readouterr()
    assert (json.loads(out), err) == (
        {
            "schema": "helix-tts-policy/evidence-digest/1",
            "files": [{"path": "LICENSE.txt", "bytes": len(TEXT), "sha256": DIGITS}],
        },
        "",
    )


def test_what_it_prints_is_what_the_manifest_of_a_real_voice_records() -> None:
    voice = REPOSITORY / VOICES / "mei"
    evidence = json.loads((voice / "weights-manifest.json").read_bytes())["evidence"]
    outcome = run("evidence", "digest", str(voice / "LICENSE_mei_normal.htsvoice"))

    assert outcome.code == 0
    assert outcome.out.split()[0] == evidence[0]["sha256"]


def test_standard_input_is_a_text_like_any_other(folder: Path) -> None:
    large = b"x" * 1_000_000
    outcome = run("evidence", "digest", "-", "LICENSE.txt", stdin=large, cwd=folder)

    digits = hashlib.sha256(large).hexdigest()
    assert (outcome.code, outcome.out) == (0, f"{digits}  -\n{DIGITS}  LICENSE.txt\n")
    assert outcome.err == recorded("-", digits) + recorded("LICENSE.txt", DIGITS)


@pytest.mark.parametrize(
    ("data", "doubt"),
    [
        (b"", "is empty; expected the text that was read"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935\nsize 12345\n",
            "is a Git LFS pointer instead of the text; fetch it with: git lfs pull",
        ),
        (b"<!DOCTYPE html>\n<title>Licence</title>", "html"),
        (b"\xef\xbb\xbf \n<HTML lang=en>", "html"),
        (b'<?xml version="1.0"?>\n<!-- x -->\n<html xmlns="http://www.w3.org/1999/xhtml">', "html"),
        (b"# Licence\n\nSee <https://acme-voices.com/license>.\n", None),
        (b"<terms>\n", None),
        (b"A text that names the tag " + b"." * 1024 + b"<html> late.\n", None),
    ],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_what_is_hardly_the_text_is_told_and_hashed_all_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str], data: bytes, doubt: str | None, form: str
) -> None:
    (folder / "page").write_bytes(data)
    if doubt == "html":
        doubt = "looks like an HTML page, whose bytes can differ at every visit; save the plain text where there is one"

    assert main(["evidence", "digest", "page", "--format", form]) == 0
    out, err = capsys.readouterr()
    assert hashlib.sha256(data).hexdigest() in out
    assert [line for line in err.splitlines() if line.startswith("warning")] == (
        [] if doubt is None else [f'warning: "page" {doubt}']
    )


def test_a_file_that_cannot_be_read_is_two_and_no_digest_is_printed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(folder / "fifo")
    assert main(["evidence", "digest", "LICENSE.txt", "none.txt", "fifo", ".", "a\0b"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "evidence digest: 'none.txt' cannot be read: No such file or directory; 'fifo': not a regular file; "
        "'.': not a regular file; 'a\\x00b' cannot be read: no file can have such a name; "
        "expected files that hold still\n"
    )


def test_a_link_to_a_text_is_followed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "link").symlink_to("LICENSE.txt")

    assert main(["evidence", "digest", "link"]) == 0
    assert capsys.readouterr().out == f"{DIGITS}  link\n"


def test_a_hostile_file_name_never_reaches_the_output_raw(folder: Path) -> None:
    name = "\x1b[31mred\n::error x"
    (folder / name).write_bytes(b"")
    for form in ("text", "json"):
        outcome = run("evidence", "digest", name, "--format", form, cwd=folder)
        assert outcome.code == 0
        assert "\x1b" not in outcome.out + outcome.err
        assert not any(line.startswith("::") for line in (outcome.out + outcome.err).splitlines())


def test_standard_input_that_is_closed_is_two(folder: Path) -> None:
    closed = subprocess.run(  # noqa: S602
        f"{' '.join(command('evidence', 'digest', '-'))} <&-",
        shell=True,
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (closed.returncode, closed.stdout) == (2, "")
    assert closed.stderr == "-: standard input is closed; expected a text there\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evidence"], "helix-tts-policy evidence: the following arguments are required: ACTION; see helix-tts-policy evidence --help\n"),
        (["evidence", "digest"], "helix-tts-policy evidence digest: the following arguments are required: FILE; see helix-tts-policy evidence digest --help\n"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_one_line_and_two(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr() == ("", message)
