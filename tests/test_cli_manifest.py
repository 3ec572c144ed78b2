"""``manifest new`` and ``manifest digest``: real files in, a manifest out, and no fact that nobody stated."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from tests.command_line import NOW, REPOSITORY, VOICES, environment, run, run_on_terminal

from helix_tts_policy.cli import main

if TYPE_CHECKING:
    from pathlib import Path

LICENSE_TEXT = REPOSITORY / VOICES / "mei" / "LICENSE_mei_normal.htsvoice"
FACTS: dict[str, Any] = {
    "model_id": "mmdagent/mei_normal",
    "source_url": "https://github.com/r9y9/pyopenjtalk",
    "code_license": "MIT",
    "weights_license": "CC-BY-3.0",
    "commercial_use_allowed": True,
    "attribution_required": True,
    "evidence_links": ["https://creativecommons.org/licenses/by/3.0/legalcode"],
    "revision": "5a3f0c1e9d7b8a6f4c2e1d0b9a8f7e6d5c4b3a29",
    "attribution": "Mei",
}
OPTIONS = [
    *("--model-id", "mmdagent/mei_normal"),
    *("--source-url", "https://github.com/r9y9/pyopenjtalk"),
    *("--code-license", "MIT"),
    *("--weights-license", "CC-BY-3.0"),
    *("--commercial-use-allowed", "yes"),
    *("--attribution-required", "yes"),
    *("--evidence-link", "https://creativecommons.org/licenses/by/3.0/legalcode"),
]
TELL_ALL = [*OPTIONS, "--now", NOW]


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder with three files, one of them in a folder and one with a name beyond ASCII."""
    folder = tmp_path / "weights"
    (folder / "ja").mkdir(parents=True)
    (folder / "mei.htsvoice").write_bytes(b"voice" * 1000)
    (folder / "ja" / "dictionary.bin").write_bytes(bytes(range(256)))
    (folder / "ja" / "声 音.bin").write_bytes(b"")
    (folder / "ja" / "声 音.bin").write_bytes(b"sound")
    return folder


def facts_file(folder: Path, **changes: Any) -> str:
    path = folder / "facts.json"
    path.write_text(json.dumps(FACTS | changes))
    return str(path)


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on standard error of a call that is refused."""
    assert main(["manifest", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err.removesuffix("\n")


def test_a_new_manifest_of_real_files_is_go_with_their_bytes(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = weights / "weights-manifest.json"
    evidence = ["--evidence", "weights_license", "https://creativecommons.org/licenses/by/3.0/", str(LICENSE_TEXT)]
    evidence += ["--retrieved-on", "2026-11-24"]
    told = [*TELL_ALL, *evidence, "--revision", str(FACTS["revision"]), "--attribution", "Mei, CC BY 3.0"]
    assert main(["manifest", "new", str(weights), "--output", str(target), *told]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        f"wrote {str(target)!a}\n"
        "note[bytes-not-checked] /checksum "
        "found no root to look in, so sizes and digests were not checked against the bytes\n"
        "verdict: GO\n"
    )
    manifest = json.loads(target.read_text())
    assert list(manifest) == [
        *("schema_version", "model_id", "source_url", "code_license", "weights_license", "commercial_use_allowed"),
        *("attribution_required", "evidence_links", "checksum", "created_at", "revision", "files", "evidence"),
        "attribution",
    ]
    assert manifest["created_at"] == "2026-11-24T00:00:00Z"
    assert [(file["path"], file["bytes"]) for file in manifest["files"]] == [
        ("ja/dictionary.bin", 256),
        ("ja/声 音.bin", 5),
        ("mei.htsvoice", 5000),
    ]
    assert manifest["files"][2]["sha256"] == hashlib.sha256(b"voice" * 1000).hexdigest()
    assert manifest["evidence"] == [
        {
            "url": "https://creativecommons.org/licenses/by/3.0/",
            "kind": "weights_license",
            "sha256": hashlib.sha256(LICENSE_TEXT.read_bytes()).hexdigest(),
            "retrieved_on": "2026-11-24",
        }
    ]
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert sorted(path.name for path in weights.iterdir()) == ["ja", "mei.htsvoice", "weights-manifest.json"]
    assert main(["verify", str(target), "--root", str(weights), "--now", NOW]) == 0
    assert "\nGO: nothing to complain about\n" in capsys.readouterr().out
    (weights / "mei.htsvoice").write_bytes(b"Voice" * 1000)
    assert main(["verify", str(target), "--root", str(weights), "--now", NOW]) == 1


def test_a_day_on_which_nobody_says_that_a_text_was_read_is_not_made_up(
    weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evidence = ["--evidence", "weights_license", "https://creativecommons.org/licenses/by/3.0/", str(LICENSE_TEXT)]
    assert main(["manifest", "new", str(weights), *TELL_ALL, *evidence]) == 0
    out, err = capsys.readouterr()
    assert "retrieved_on" not in out
    assert (
        "warning[evidence-stale] /evidence/0 found neither revision nor retrieved_on; "
        "expected the day on which the text was read\n"
    ) in err


def test_a_day_without_a_text_is_one_line_and_two(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["manifest", "new", str(weights), *TELL_ALL, "--retrieved-on", "2026-11-24"]) == 2
    assert capsys.readouterr() == (
        "",
        "--retrieved-on: found no --evidence beside it; name the texts that were read on that day\n",
    )


def test_without_output_the_manifest_alone_stands_on_standard_output(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["manifest", "new", str(weights), "--facts", facts_file(tmp_path), "--now", NOW]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["model_id"] == "mmdagent/mei_normal"
    assert err.endswith("verdict: GO\n")


def test_a_manifest_that_is_no_go_is_written_and_its_verdict_told(
    weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = [word if word != "CC-BY-3.0" else "CC-BY-NC-4.0" for word in TELL_ALL]
    assert main(["manifest", "new", str(weights), *told]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["weights_license"] == "CC-BY-NC-4.0"
    assert "error[weights-license-forbidden] /weights_license found" in err
    assert err.endswith("\nverdict: NO-GO\n")


def test_options_stand_beside_the_facts_file(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = facts_file(tmp_path, components=[{"name": "vocoder", "role": "vocoder", "weights_license": "MIT"}])
    path = tmp_path / "facts.json"
    path.write_text(
        json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != "revision"})
    )
    told = ["--facts", facts, "--revision", "5a3f0c1e9d7b8a6f4c2e1d0b9a8f7e6d5c4b3a29", "--now", NOW]
    assert main(["manifest", "new", str(weights), *told]) == 0
    manifest = json.loads(capsys.readouterr().out)
    assert manifest["revision"] == "5a3f0c1e9d7b8a6f4c2e1d0b9a8f7e6d5c4b3a29"
    assert manifest["components"] == [{"name": "vocoder", "role": "vocoder", "weights_license": "MIT"}]


def test_an_option_that_contradicts_the_facts_file_is_refused(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = facts_file(tmp_path, weights_license="CC-BY-NC-4.0")
    assert complaint(capsys, "new", str(weights), "--facts", facts, "--weights-license", "MIT") == (
        f"--facts: {facts!a} states another weights_license than the option does; "
        "state it once, after finding out which is true"
    )


def test_everything_that_nobody_stated_is_named_at_once(weights: Path) -> None:
    assert run("manifest", "new", str(weights)) == (
        2,
        "",
        (
            "manifest new: missing --model-id, --source-url, --code-license, --weights-license, "
            "--commercial-use-allowed, --attribution-required, --evidence-link; state each, since no file can tell it\n"
        ),
    )
    assert run("manifest", "new", str(weights), *OPTIONS[:6], *OPTIONS[8:]) == (
        2,
        "",
        "manifest new: missing --weights-license; state each, since no file can tell it\n",
    )


def test_a_terminal_is_asked_what_is_missing_and_no_answer_is_made_up(weights: Path, tmp_path: Path) -> None:
    target = tmp_path / "m.json"
    answers = [
        ("Name of the release: ", ""),
        ("Name of the release: ", "  mmdagent/mei_normal "),
        ("https URL that the weights come from: ", "https://github.com/r9y9/pyopenjtalk"),
        ("SPDX expression of the code's licence: ", "MIT"),
        ("SPDX expression of the weights' licence: ", ""),
        ("SPDX expression of the weights' licence: ", "   "),
        ("SPDX expression of the weights' licence: ", "CC-BY-3.0"),
        ("Is commercial use of the weights allowed? yes or no: ", "perhaps"),
        ("Is commercial use of the weights allowed? yes or no: ", ""),
        ("Is commercial use of the weights allowed? yes or no: ", "Yes"),
        ("Does the weights' licence ask for attribution? yes or no: ", "yes"),
        ("https URL of the text that proves the licence: ", "https://creativecommons.org/licenses/by/3.0/legalcode"),
    ]
    call = ["manifest", "new", str(weights), "--output", str(target), "--now", NOW]
    on_screen = run_on_terminal(*call, answers=answers)
    assert on_screen.code == 0
    assert on_screen.screen.count("SPDX expression of the weights' licence: ") == 3
    assert on_screen.screen.count("Is commercial use of the weights allowed? yes or no: ") == 3
    assert on_screen.screen.endswith("verdict: GO\n")
    manifest = json.loads(target.read_text())
    assert {name: manifest[name] for name in FACTS if name in manifest} == {
        name: value for name, value in FACTS.items() if name not in {"revision", "attribution"}
    }


def test_an_interrupt_at_a_question_ends_without_a_manifest(weights: Path, tmp_path: Path) -> None:
    target = tmp_path / "m.json"
    on_screen = run_on_terminal(
        "manifest", "new", str(weights), "--output", str(target), answers=[("Name of the release: ", "\x04")]
    )
    assert on_screen.code == 2
    assert "Traceback" not in on_screen.screen
    assert on_screen.screen.endswith("manifest new: the input ended before model_id was answered\n")
    assert not target.exists()


def test_nothing_is_overwritten(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "m.json"
    target.write_text("mine")
    link = tmp_path / "l.json"
    link.symlink_to(tmp_path / "nowhere")
    for path in (target, link):
        told = complaint(capsys, "new", str(weights), "--output", str(path), *TELL_ALL)
        assert told == f"--output: {str(path)!a} exists; name a new file, or remove the old one first"
    assert target.read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_cannot_be_written_to_is_told(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = tmp_path / "no" / "m.json"
    told = complaint(capsys, "new", str(weights), "--output", str(nowhere), *TELL_ALL)
    assert told == f"--output: {str(nowhere.parent)!a} is no folder; name a file in one that exists"
    long = tmp_path / f"{'n' * 300}.json"
    told = complaint(capsys, "new", str(weights), "--output", str(long), *TELL_ALL)
    assert told == f"--output: {str(long)!a} cannot be written: File name too long"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_told(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    told = complaint(capsys, "new", str(weights), "--output", str(locked / "m.json"), *TELL_ALL)
    assert told == f"--output: {str(locked / 'm.json')!a} cannot be written: Permission denied"


def test_a_file_system_that_takes_no_files_is_told(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = complaint(capsys, "new", str(weights), "--output", "/proc/m.json", *TELL_ALL)
    assert told == "--output: '/proc/m.json' cannot be written: No such file or directory"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"model_id" "a"}', "--facts: {path}:1:13: is no JSON: expecting ':' delimiter"),
        (
            '{"model_id": "a", "model_id": "b"}',
            "--facts: {path}:1:19: the key stands twice in one object, first at 1:2; readers disagree which value counts",
        ),
        ("[]", "--facts: {path!a} holds no JSON object; expected one with fields of the manifest"),
        (
            '{"checksum": "sha256:00", "files": []}',
            "--facts: {path!a} states checksum, files; leave out what is computed from the files",
        ),
        (
            '{"evidence": 7}',
            "--facts: {path!a} states evidence that is no array; expected one to add to",
        ),
    ],
)
def test_facts_that_cannot_be_taken_are_told(
    text: str, told: str, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "facts.json"
    path.write_text(text)
    evidence = ["--evidence", "terms", "https://github.com/", str(LICENSE_TEXT)]
    assert complaint(capsys, "new", str(weights), "--facts", str(path), *evidence) == told.format(path=str(path))


def test_facts_that_are_not_there_are_told(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none.json"
    assert complaint(capsys, "new", str(weights), "--facts", str(path)) == (
        f"--facts: {path}: cannot be opened: No such file or directory; expected a regular file"
    )


def test_facts_of_the_wrong_shape_are_told_all_at_once_before_anything_is_hashed(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.truncate(weights / "mei.htsvoice", 1 << 40)
    facts = facts_file(tmp_path, commercial_use_allowed="yes", licence="MIT")
    assert complaint(capsys, "new", str(weights), "--facts", facts, "--now", NOW) == (
        'manifest new: /commercial_use_allowed found the string "yes"; expected true or false; '
        '/licence found the unknown field "licence"; expected only known fields'
    )


def test_a_licence_is_never_read_out_of_the_files(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (weights / "LICENSE").write_text((REPOSITORY / "LICENSE").read_text())
    (weights / "README.md").write_text("---\nlicense: mit\n---\n")
    told = [word for pair in zip(OPTIONS[::2], OPTIONS[1::2], strict=True) if "license" not in pair[0] for word in pair]
    assert complaint(capsys, "new", str(weights), *told) == (
        "manifest new: missing --code-license, --weights-license; state each, since no file can tell it"
    )


@pytest.mark.parametrize("what", ["missing", "folder"])
def test_evidence_that_cannot_be_read_is_told(
    what: str, weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "none.txt" if what == "missing" else tmp_path
    told = complaint(capsys, "new", str(weights), *TELL_ALL, "--evidence", "terms", "https://github.com/", str(copy))
    assert told.startswith(f"--evidence: {str(copy)!a}")
    if what == "missing":
        assert told == f"--evidence: {str(copy)!a} cannot be read: No such file or directory"


def test_paths_are_relative_to_the_root(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = str(weights / "ja" / "dictionary.bin")
    for words, paths in (
        ([one], ["dictionary.bin"]),
        ([one, "--root", str(weights)], ["ja/dictionary.bin"]),
        ([one, str(weights / "mei.htsvoice")], ["ja/dictionary.bin", "mei.htsvoice"]),
        ([str(weights / "ja"), "--root", str(weights)], ["ja/dictionary.bin", "ja/声 音.bin"]),
        ([str(weights), one, "--root", str(weights)], ["ja/dictionary.bin", "ja/声 音.bin", "mei.htsvoice"]),
    ):
        assert main(["manifest", "new", *words, *TELL_ALL]) == 0
        assert [file["path"] for file in json.loads(capsys.readouterr().out)["files"]] == paths


def test_weights_that_are_not_there_are_told_before_anything_is_asked(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for words, told in (
        (["none.bin"], "WEIGHTS: 'none.bin' does not exist; name files or folders of weights"),
        (["empty", *OPTIONS], "WEIGHTS: found no file there; name files or folders of weights"),
        (
            ["weights", "--root", "weights/ja", *OPTIONS],
            "WEIGHTS: 'weights' does not lie below 'weights/ja'; expected weights below --root",
        ),
        (
            ["weights", "--root", "weights/mei.htsvoice"],
            "--root: 'weights/mei.htsvoice' is no folder; expected the one that all weights lie in",
        ),
    ):
        assert complaint(capsys, "new", *words) == told


def test_links_and_special_files_are_refused(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = weights.parent / "secret"
    secret.write_text("do not read")
    link = weights / "link.bin"
    link.symlink_to(secret)
    told = complaint(capsys, "new", str(weights), *TELL_ALL)
    assert told == 'WEIGHTS: "link.bin" was not hashed: it is a link; expected regular files only'
    link.unlink()
    os.mkfifo(weights / "pipe.bin")
    told = complaint(capsys, "digest", str(weights))
    assert told == 'WEIGHTS: "pipe.bin" was not hashed: it is a fifo; expected regular files only'


@pytest.mark.parametrize("action", [["new", *TELL_ALL], ["digest"]])
def test_a_name_that_sha256sum_would_escape_is_refused(
    action: list[str], weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (weights / "a\n::error b").write_text("x")
    told = complaint(capsys, action[0], str(weights), *action[1:])
    assert told == (r'WEIGHTS: "a\n::error b" holds a backslash or a line break; expected a name that needs no escape')


def coreutils(script: str, folder: Path) -> str:
    done = subprocess.run(  # noqa: S603
        ["sh", "-c", script],  # noqa: S607
        cwd=folder,
        env=environment(LC_ALL="C"),
        capture_output=True,
        check=True,
        timeout=60,
    )
    return done.stdout.decode()


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="coreutils are not installed")
def test_digest_prints_what_coreutils_print(weights: Path) -> None:
    outcome = run("manifest", "digest", str(weights), env={"LC_ALL": "C"})
    listed = coreutils("find . -type f -printf '%P\\0' | sort -z | xargs -0 sha256sum", weights)
    assert (outcome.code, outcome.out) == (0, listed)
    piped = coreutils("find . -type f -printf '%P\\0' | xargs -0 sha256sum | sort -k 2 | sha256sum", weights)
    assert outcome.err == f'checksum of a manifest that lists these under "files": sha256:{piped.split()[0]}\n'
    new = run("manifest", "new", str(weights), *TELL_ALL)
    assert json.loads(new.out)["checksum"] == f"sha256:{piped.split()[0]}"


def test_digest_of_one_file_tells_the_checksum_of_either_kind_of_manifest(
    weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["manifest", "digest", str(weights / "mei.htsvoice")]) == 0
    out, err = capsys.readouterr()
    hex_digits = hashlib.sha256(b"voice" * 1000).hexdigest()
    line = f"{hex_digits}  mei.htsvoice\n"
    assert out == line
    assert err == (
        f'checksum of a manifest that lists these under "files": sha256:{hashlib.sha256(line.encode()).hexdigest()}\n'
        f'checksum of a manifest without "files": sha256:{hex_digits}\n'
    )


def test_digest_as_json_is_one_document(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["manifest", "digest", str(weights / "ja"), "--format", "json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert list(document) == ["schema", "files", "checksum"]
    assert document["schema"] == "helix-tts-policy/digest/1"
    assert document["files"][1] == {
        "path": "声 音.bin",
        "bytes": 5,
        "sha256": hashlib.sha256(b"sound").hexdigest(),
    }
    lines = "".join(f"{file['sha256']}  {file['path']}\n" for file in document["files"])
    assert document["checksum"] == f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def test_an_action_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    assert complaint(capsys) == (
        "helix-tts-policy manifest: the following arguments are required: ACTION; see helix-tts-policy manifest --help"
    )
