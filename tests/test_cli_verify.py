"""``verify`` as people, hooks and programs call it: exit codes, golden output, terminals, pipes and hostile text.

The files under ``golden/`` are what the command prints, run from the root of this repository with ``--now`` as below; a
change of the policy, the catalogue or the SPDX list changes the digests in them, and then they are printed anew.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from tests.command_line import NOW, REPOSITORY, VOICES, command, environment, run, run_on_terminal

from helix_tts_policy.cli import main
from helix_tts_policy.document import MAX_DOCUMENT_BYTES

GOLDEN = REPOSITORY / "tests" / "golden"
MEI = VOICES / "mei" / "weights-manifest.json"
GIB = 1024**3


@pytest.fixture(autouse=True)
def _from_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv("NO_COLOR", "")


def written(folder: Path, name: str = "weights-manifest.json", **changes: Any) -> Path:
    """The manifest of the Mei voice with some fields changed."""
    fields = json.loads((REPOSITORY / MEI).read_text())
    path = folder / name
    path.write_text(json.dumps(fields | changes))
    return path


@pytest.mark.parametrize("now", ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"])
def test_the_first_and_the_last_moment_are_times_like_others(now: str, tmp_path: Path) -> None:
    path = written(tmp_path, created_at="9999-12-31T23:59:59-13:00")
    assert main(["verify", str(path), "--now", now]) == 1


def only_line(text: str) -> str:
    assert text.count("\n") == 1
    return text.removesuffix("\n")


def golden(name: str) -> str:
    return (GOLDEN / name).read_text()


def test_a_clean_release_with_its_bytes_is_go(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(MEI), "--root", str(VOICES / "mei"), "--now", NOW]) == 0
    out, err = capsys.readouterr()
    assert out == golden("verify-mei.txt")
    assert err == ""


@pytest.mark.parametrize("voice", ["mei-swapped", "musicgen-like", "nemo-placeholder"])
def test_every_other_example_is_no_go(voice: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = VOICES / voice
    root = ["--root", str(folder)] if voice != "nemo-placeholder" else []
    assert main(["verify", str(folder / "weights-manifest.json"), *root, "--now", NOW]) == 1
    out, err = capsys.readouterr()
    assert out == golden(f"verify-{voice}.txt")
    assert err == ""


def test_every_example_has_a_golden_output() -> None:
    assert {path.stem for path in GOLDEN.glob("verify-*.txt")} == {
        f"verify-{folder.name}" for folder in VOICES.iterdir() if folder.is_dir()
    }


def test_a_real_process_gives_the_same_bytes_as_the_function() -> None:
    assert run("verify", str(MEI), "--root", str(VOICES / "mei"), "--now", NOW) == (0, golden("verify-mei.txt"), "")


def test_without_now_the_clock_is_read() -> None:
    outcome = run("verify", str(MEI), "--format", "json")
    taken = json.loads(outcome.out)["reports"][0]["pinned"]["now"]
    assert outcome.code in {0, 1}
    assert len(taken) == len("2026-11-24T00:00:00+00:00")
    assert taken.endswith("+00:00")


@pytest.mark.parametrize(
    ("make", "finding"),
    [
        (
            Path.absolute,
            [
                "error[input-unreadable] {path}",
                "cannot be opened: No such file or directory; expected a regular file",
                "name an existing, readable file",
            ],
        ),
        (
            lambda path: path.mkdir(),
            ["error[input-unreadable] {path}", "is a directory; expected a regular file", "name the document itself"],
        ),
        (
            os.mkfifo,
            ["error[input-unreadable] {path}", "is a FIFO; expected a regular file", "name the document itself"],
        ),
        (
            lambda path: path.symlink_to(path),
            [
                "error[input-unreadable] {path}",
                "cannot be opened: Too many levels of symbolic links; expected a regular file",
                "name an existing, readable file",
            ],
        ),
        (
            lambda path: os.truncate(path, 20 * GIB) if path.touch() is None else None,
            [
                "error[input-unreadable] {path}",
                "holds 21474836480 bytes; expected at most 4194304",
                "check that this is the document you meant",
            ],
        ),
        (
            lambda path: path.write_bytes(b'{"model_id":\n "\xff"}'),
            [
                "error[input-encoding] {path}:2:3",
                "byte 0xff at offset 15 is no UTF-8",
                "save the document as UTF-8 without a byte order mark",
            ],
        ),
        (
            lambda path: path.write_bytes(b"model_id: voice\n"),
            [
                "error[input-syntax] {path}:1:1",
                "is no JSON: expecting value",
                "write one JSON object, without comments or text behind it",
            ],
        ),
        (
            lambda path: path.write_bytes(b""),
            ["error[input-syntax] {path}", "is empty; expected one JSON object", "write the document"],
        ),
    ],
    ids=["missing", "directory", "fifo", "loop", "too-large", "bad-utf8", "not-json", "empty"],
)
def test_an_input_that_cannot_be_read_is_one_finding_and_two(
    make: Any, finding: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.json"
    make(path)
    assert main(["verify", str(path), "--now", NOW]) == 2
    out, err = capsys.readouterr()
    place, message, tip = finding
    assert out.split("\n\n")[:2] == [
        f"NO-GO  {path}",
        f"  {place.format(path=path)}\n    {message}\n    what to do: {tip}",
    ]
    assert out.endswith("\n\nNO-GO: 1 error\n")
    assert err == ""


def test_a_repeated_key_is_no_go(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m.json"
    path.write_text('{"weights_license": "CC-BY-NC-4.0",\n ' + (REPOSITORY / MEI).read_text().lstrip("{ \n"))
    assert main(["verify", str(path), "--now", NOW]) == 1
    out = capsys.readouterr().out
    finding = next(part for part in out.split("\n\n") if "input-duplicate-key" in part)
    assert finding == (
        f"  error[input-duplicate-key] {path}:6:3 /weights_license\n"
        "    the key stands twice in one object, first at 1:2; readers disagree which value counts\n"
        "    what to do: keep the one value that is true"
    )


def test_of_several_manifests_the_worst_gives_the_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = str(MEI), str(VOICES / "musicgen-like" / "weights-manifest.json")
    missing = str(tmp_path / "none.json")
    assert main(["verify", good, good, "--now", NOW]) == 0
    assert main(["verify", good, bad, "--now", NOW]) == 1
    assert main(["verify", bad, missing, good, "--now", NOW]) == 2
    capsys.readouterr()
    assert main(["verify", good, bad, missing, "--now", NOW]) == 2
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if line.startswith(("GO  ", "NO-GO  "))] == [
        f"GO  {good}",
        f"NO-GO  {bad}",
        f"NO-GO  {missing}",
    ]
    assert main(["verify", good, bad, missing, "--now", NOW, "--format", "json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"] == "NO-GO"
    assert [(report["source"], report["verdict"]) for report in document["reports"]] == [
        (good, "GO"),
        (bad, "NO-GO"),
        (missing, "NO-GO"),
    ]


def test_standard_input_is_a_manifest_like_any_other() -> None:
    text = (REPOSITORY / MEI).read_bytes()
    outcome = run("verify", "-", "--now", NOW, stdin=text)
    assert outcome.code == 0
    assert outcome.out.startswith("GO  <stdin>\n")
    assert outcome.out == run("verify", str(MEI), "--now", NOW).out.replace(str(MEI), "<stdin>")


def test_standard_input_is_bounded() -> None:
    outcome = run("verify", "-", "--now", NOW, stdin=b" " * (MAX_DOCUMENT_BYTES + 1))
    assert outcome.code == 2
    assert outcome.out.split("\n\n")[1] == (
        "  error[input-unreadable] <stdin>\n"
        "    holds more than 4194304 bytes; expected at most 4194304\n"
        "    what to do: check that this is the document you meant"
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["verify", "a.json", "b.json", "--root", "."],
            "--root: found several manifests; expected one, since every folder has a manifest of its own",
        ),
        (["verify", "a.json", "--now", "soon"], "--now: found 'soon'; expected a time such as 2026-11-23T10:30:00Z"),
        (
            ["verify", "a.json", "--now", "2026-11-23T10:30:00"],
            "--now: found '2026-11-23T10:30:00'; expected a time such as 2026-11-23T10:30:00Z",
        ),
        (["verify", "a.json", "--jobs", "0"], "--jobs: found 0; expected 1 or more"),
        (
            ["verify", "a.json", "--jobs", "two"],
            "helix-tts-policy verify: argument --jobs: invalid int value: 'two'; see helix-tts-policy verify --help",
        ),
        (
            ["verify"],
            "helix-tts-policy verify: the following arguments are required: MANIFEST; see helix-tts-policy verify --help",
        ),
        (
            ["verify", "a.json", "--wrong"],
            "helix-tts-policy: unrecognized arguments: --wrong; see helix-tts-policy --help",
        ),
        (
            ["verify", "a.json", "--f", "json"],
            "helix-tts-policy: unrecognized arguments: --f json; see helix-tts-policy --help",
        ),
        (
            ["verify", "a.json", "--\x1b[31m\n::error::x"],
            r"helix-tts-policy: unrecognized arguments: --\x1b[31m\n::error::x; see helix-tts-policy --help",
        ),
        ([], "helix-tts-policy: the following arguments are required: VERB; see helix-tts-policy --help"),
    ],
)
def test_a_wrong_call_is_one_line_and_two(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert only_line(err) == complaint


def test_an_unknown_verb_or_format_is_one_line_and_two(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, start in (
        (["approve", "a.json"], "helix-tts-policy: argument VERB: invalid choice: 'approve' (choose from "),
        (["verify", "a.json", "--format", "xml"], "helix-tts-policy verify: argument --format: invalid choice: 'xml'"),
    ):
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert only_line(err).startswith(start)


def test_json_is_one_document_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(MEI), "--root", str(VOICES / "mei"), "--now", NOW, "--format", "json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out == golden("verify-mei.json")
    assert json.loads(out)["schema"] == "helix-tts-policy/verify/1"


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_same_input_and_time_give_the_same_bytes_everywhere(form: str, tmp_path: Path) -> None:
    folder = REPOSITORY / VOICES / "mei-swapped"
    call = ["verify", str(folder / MEI.name), "--root", str(folder), "--now", NOW, "--format", form]
    first = run(*call, "--jobs", "1")
    assert first.code == 1
    assert first.out
    for cwd, jobs, env in (
        (tmp_path, "8", {"LC_ALL": "C"}),
        (Path("/"), "2", {"LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "1"}),
        (REPOSITORY, "8", {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "4242"}),
        (tmp_path, "1", {"PYTHONIOENCODING": "latin-1", "COLUMNS": "20", "PYTHONUTF8": "0", "LC_ALL": "POSIX"}),
    ):
        assert run(*call, "--jobs", jobs, cwd=cwd, env=env) == first


HOSTILE = "\x1b[31mred\x1b]0;owned\x07\n::error file=x::boo\u202e"


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_hostile_file_name_never_reaches_the_output_raw(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"{HOSTILE.replace('/', '')}.json"
    shutil.copy(REPOSITORY / MEI, path)
    missing = tmp_path / f"{HOSTILE}-not-there.json"
    for name, code in ((path, 0), (missing, 2)):
        outcome = run("verify", str(name), "--now", NOW, "--format", form)
        assert outcome.code == code
        assert outcome.err == ""
        assert_harmless(outcome.out)
        assert r"\u001b[31mred" in outcome.out or r"\x1b[31mred" in outcome.out


def test_a_file_name_that_is_no_utf8_is_shown_escaped(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\xff.json"
    Path(os.fsdecode(name)).write_bytes((REPOSITORY / MEI).read_bytes())
    outcome = run("verify", os.fsdecode(name), "--now", NOW, env={"LC_ALL": "C.UTF-8"})
    assert outcome.code == 0
    assert outcome.out.splitlines()[0] == rf"GO  {tmp_path}/\udcff.json"


@pytest.mark.parametrize("form", ["text", "json"])
def test_hostile_values_never_reach_the_output_raw(form: str, tmp_path: Path) -> None:
    plain = "::error file=x::boo"
    commands = f"{plain} ##[error]boo"
    path = written(
        tmp_path,
        model_id=commands,
        weights_license=commands,
        code_license=commands,
        source_url=commands,
        evidence_links=[commands],
        checksum=commands,
        created_at=commands,
        revision=commands,
        attribution=f"{plain}\n{commands}",
        components=[{"name": commands, "role": "vocoder", "weights_license": "MIT"}],
        evidence=[{"url": commands, "kind": "terms", "sha256": commands, "retrieved_on": commands}],
        files=[{"path": commands, "bytes": 1, "sha256": commands}],
    )
    outcome = run("verify", str(path), "--now", NOW, "--format", form)
    assert outcome.code == 1
    assert_harmless(outcome.out, commands=form == "text")
    escaped = written(tmp_path, "escaped.json", model_id=HOSTILE, **{HOSTILE: HOSTILE})
    outcome = run("verify", str(escaped), "--now", NOW, "--format", form)
    assert outcome.code == 1
    assert_harmless(outcome.out)


def assert_harmless(text: str, *, commands: bool = True) -> None:
    assert all(character.isprintable() or character == "\n" for character in text)
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert not commands or "##[" not in text


def test_files_under_the_root_with_hostile_names_are_told_escaped(tmp_path: Path) -> None:
    root = tmp_path / "weights"
    shutil.copytree(REPOSITORY / VOICES / "mei", root)
    (root / HOSTILE.replace("/", "")).write_bytes(b"x")
    outcome = run("verify", str(root / MEI.name), "--root", str(root), "--now", NOW)
    assert outcome.code == 1
    assert "file-unlisted" in outcome.out
    assert_harmless(outcome.out)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_reader_who_left_causes_no_traceback(form: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(  # noqa: S603
            command("verify", *[str(MEI)] * 50, "--now", NOW, "--format", form),
            cwd=REPOSITORY,
            env=environment(),
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (2, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_one_line_and_two() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(  # noqa: S603
            command("verify", str(MEI), "--now", NOW),
            cwd=REPOSITORY,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr.decode() == "helix-tts-policy: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    ("closed", "manifest", "code", "out", "err"),
    [
        ("<&-", "-", 2, "", "-: standard input is closed; expected a manifest there\n"),
        (">&-", str(MEI), 2, "", "helix-tts-policy: standard output is closed; expected one to write to\n"),
        ("2>&-", str(MEI), 0, golden("verify-mei-unchecked.out"), ""),
    ],
)
def test_closed_streams_are_told_or_done_without(closed: str, manifest: str, code: int, out: str, err: str) -> None:
    done = subprocess.run(  # noqa: S603
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command("verify", manifest, "--now", NOW)],  # noqa: S607
        cwd=REPOSITORY,
        env=environment(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (code, out, err)


def with_sparse_weights(folder: Path, size: int) -> Path:
    with (folder / "big.bin").open("wb") as file:
        file.truncate(size)
    return written(folder, files=[{"path": "big.bin", "bytes": size, "sha256": "ab" * 32}])


def test_an_interrupt_while_hashing_ends_without_a_traceback(tmp_path: Path) -> None:
    manifest = with_sparse_weights(tmp_path, 200 * GIB)
    with subprocess.Popen(  # noqa: S603
        command("verify", str(manifest), "--root", str(tmp_path), "--now", NOW),
        cwd=REPOSITORY,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        wait_until_open(process.pid, tmp_path / "big.bin")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"helix-tts-policy: interrupted\n")


def wait_until_open(pid: int, path: Path) -> None:
    descriptors = Path(f"/proc/{pid}/fd")
    if not descriptors.exists():
        time.sleep(3)
        return
    for _ in range(600):
        for descriptor in descriptors.iterdir():
            try:
                if descriptor.readlink() == path:
                    return
            except OSError:
                continue
        time.sleep(0.05)
    pytest.fail("the weights were never opened")


def test_a_size_that_differs_is_told_without_reading(tmp_path: Path) -> None:
    manifest = with_sparse_weights(tmp_path, 200 * GIB)
    os.truncate(tmp_path / "big.bin", 201 * GIB)
    started = time.monotonic()
    outcome = run("verify", str(manifest), "--root", str(tmp_path), "--now", NOW)
    assert outcome.code == 1
    assert "error[file-size-mismatch]" in outcome.out
    assert time.monotonic() - started < 30


def test_colours_stand_only_on_a_terminal() -> None:
    plain = run("verify", str(MEI), "--now", NOW).out
    assert "\x1b" not in plain
    on_screen = run_on_terminal("verify", str(MEI), "--now", NOW)
    assert on_screen.code == 0
    assert on_screen.screen.startswith("\x1b[1;32mGO\x1b[0m  ")
    assert on_screen.screen.replace("\x1b[1;32m", "").replace("\x1b[0m", "") == plain
    refused = run_on_terminal("verify", str(VOICES / "musicgen-like" / MEI.name), "--now", NOW)
    assert refused.code == 1
    assert refused.screen.startswith("\x1b[1;31mNO-GO\x1b[0m  ")


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_nobody_who_asked_for_plain_text_gets_colours(env: dict[str, str]) -> None:
    on_screen = run_on_terminal("verify", str(MEI), "--now", NOW, env=env)
    assert on_screen.screen == golden("verify-mei-unchecked.out")


def test_json_on_a_terminal_has_no_colours() -> None:
    on_screen = run_on_terminal("verify", str(MEI), "--now", NOW, "--format", "json")
    assert json.loads(on_screen.screen)["verdict"] == "GO"


def test_long_hashing_shows_a_bar_on_a_terminal_and_nothing_in_a_pipe(tmp_path: Path) -> None:
    manifest = with_sparse_weights(tmp_path, 3 * GIB)
    call = ["verify", str(manifest), "--root", str(tmp_path), "--now", NOW, "--format", "json"]
    on_screen = run_on_terminal(*call, streams=["stderr"])
    assert on_screen.code == 1
    assert "hashing: " in on_screen.screen
    assert "/3.22G [" in on_screen.screen
    piped = run(*call)
    assert (piped.code, piped.err) == (1, "")
    assert piped.out == on_screen.out


def test_a_quick_verification_shows_no_bar() -> None:
    on_screen = run_on_terminal("verify", str(MEI), "--root", str(VOICES / "mei"), "--now", NOW, streams=["stderr"])
    assert (on_screen.code, on_screen.screen) == (0, "")
