"""What a verifier said: in its answer, in what a console caught of it, in the trace that it exports."""

from __future__ import annotations

import hashlib
import json
import os
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy import MalformedInput, VerificationEvidence, read_verification
from helix_tts_policy.facts.captured_output import MAX_CAPTURE_BYTES
from helix_tts_policy.facts.training_trace import MAX_LINE_CHARACTERS, trace_lines
from helix_tts_policy.facts.verification_evidence import (
    MAX_UNREAD,
    EvidenceForm,
    FirstFail,
    UnreadLine,
    read_trace,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
FOLDER = HERE / "conformance" / "verification"
INDEX: list[dict[str, Any]] = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
READ = [row for row in INDEX if "refused" not in row]
REFUSED = [row for row in INDEX if "refused" in row]
ANSWER = (FOLDER / "answer" / "pass.json").read_bytes()
FAILURE = (FOLDER / "answer" / "fail-hard.json").read_bytes()
TRACE = (FOLDER / "trace" / "passes.jsonl").read_bytes()


def refusal(source: str | Path | bytes) -> list[str]:
    with pytest.raises(MalformedInput) as caught:
        read_verification(source)
    return [
        f"{problem.line}:{problem.column} {problem.path} {problem.kind.value}: {problem.message}; {problem.tip}"
        for problem in caught.value.problems
    ]


def name_of(row: dict[str, Any]) -> str:
    return str(row["file"])


# --- files ------------------------------------------------------------------------------------------------------------


def test_the_index_lists_every_file_once() -> None:
    files = sorted(str(file.relative_to(FOLDER)) for file in FOLDER.glob("*/*"))

    assert sorted(row["file"] for row in INDEX) == files
    assert {row["form"] for row in READ} == set(EvidenceForm)
    assert len({row["about"] for row in INDEX}) > len(INDEX) - 5


@pytest.mark.parametrize("row", READ, ids=name_of)
def test_read(row: dict[str, Any]) -> None:
    evidence = read_verification(FOLDER / row["file"])

    assert (evidence.form, evidence.line, evidence.verdict) == (row["form"], row["line"], row["verdict"])
    assert evidence.certifies is row["certifies"]
    assert evidence.certifies is (evidence.doubts == ())
    if evidence.form is EvidenceForm.TRACE:
        assert (evidence.seq, evidence.records) == (row["seq"], row["records"])
        assert [line.line for line in evidence.unread] == row["unread"]


@pytest.mark.parametrize("row", REFUSED, ids=name_of)
def test_refused(row: dict[str, Any]) -> None:
    with pytest.raises(MalformedInput) as caught:
        read_verification(str(FOLDER / row["file"]))

    assert [{"kind": problem.kind, "path": problem.path} for problem in caught.value.problems] == row["refused"]
    assert caught.value.source == str(FOLDER / row["file"])


def test_everything_that_is_said_of_them() -> None:
    lines = []
    for row in INDEX:
        data = (FOLDER / row["file"]).read_bytes()
        lines.append(row["file"])
        if "refused" in row:
            lines += [f"  {line}" for line in refusal(data)]
            continue
        evidence = read_verification(data)
        lines += [f"  {doubt}" for doubt in evidence.doubts or ("certifies",)]
        lines += [f"  line {line.line}: {line.message}: {line.text}" for line in evidence.unread]

    assert "\n".join(lines) + "\n" == (HERE / "golden" / "verification.txt").read_text(encoding="utf-8")


# --- what is read -----------------------------------------------------------------------------------------------------


def test_an_answer_is_read_whole() -> None:
    evidence = read_verification(FAILURE)
    stated = json.loads(FAILURE)

    assert evidence == VerificationEvidence(
        source="<bytes>",
        line=1,
        verdict="FAIL",
        first_fail=FirstFail(id="repo-tests-pass", severity="HARD", status="fail", value=3, limit="= 0"),
        fail_reason="CONSTRAINT_FAIL:repo-tests-pass",
        certificate_hash="6e84f965957f63aad452981d2ede72e62f706d32e0a5b6b469899884e12a4e45",
        certificate_id="constraint-pack:repo-convergence",
        certificate_status="GREEN",
        integrity=True,
        trace_id="adapter:11c200a0-2f7d-425f-a350-26fbb3fc96da",
        run_id="1",
        sha256=hashlib.sha256(FAILURE).hexdigest(),
        stated=stated,
    )
    assert evidence.failed_constraint == "repo-tests-pass"
    assert isinstance(hash(evidence), int)


def test_a_record_of_a_trace_is_read_whole() -> None:
    evidence = read_verification(TRACE)

    assert (evidence.record_id, evidence.seq, evidence.ts) == ("0003-c1", 3, "2026-02-24T10:03:00.000Z")
    assert evidence.trace_id == "adapter:11c200a0-2f7d-425f-a350-000000000003"
    assert evidence.run_id is None
    assert evidence.sha256 == hashlib.sha256(TRACE).hexdigest()
    assert evidence.stated["notes"] == ["mode=constraint-pack"]


def test_a_number_of_a_run_is_text() -> None:
    assert read_verification(FOLDER / "answer" / "run-id-number.json").run_id == "17"


def test_fields_that_nobody_here_knows_are_kept() -> None:
    evidence = read_verification(FOLDER / "answer" / "more-fields.json")
    stated: Any = evidence.stated

    assert evidence.stated["pack"] == {"id": "repo-convergence", "version": 1}
    with pytest.raises(TypeError):
        stated["pack"] = None


def test_a_trace_is_read_line_by_line() -> None:
    lines = list(read_trace(FOLDER / "trace" / "bad-lines.jsonl"))

    assert [line.line for line in lines] == list(range(1, 24))
    read = [line for line in lines if isinstance(line, VerificationEvidence)]
    assert [line.seq for line in read] == [1, 18]
    assert [line.sha256 for line in read] == ["", ""]


def test_of_many_unread_lines_the_first_are_kept_and_all_are_counted() -> None:
    evidence = read_verification(TRACE.splitlines(keepends=True)[0] + b"?\n" * 250)

    assert (len(evidence.unread), evidence.unread_count, evidence.records) == (MAX_UNREAD, 250, 1)
    assert evidence.doubts == ("250 lines of the trace could not be read, the first is 2; expected records only",)


def test_what_a_run_found_does_not_depend_on_its_name_its_place_or_its_time() -> None:
    answer, record = json.loads(FAILURE), json.loads(TRACE.splitlines()[0])

    def substance(stated: dict[str, Any]) -> str:
        return read_verification(json.dumps(stated).encode()).substance

    assert substance(answer | {"traceId": "adapter:2", "runId": "9", "artifacts": []}) == substance(answer)
    assert substance(record | {"id": "2", "seq": 9, "ts": "later", "traceId": "t", "notes": []}) == substance(record)
    assert substance(dict(reversed(answer.items()))) == substance(answer)
    for key in ("deltas", "firstFail", "failReason", "certificate"):
        assert substance(answer | {key: None}) != substance(answer)
    assert substance(record | {"metrics": {"entropy": 0.5}}) != substance(record)
    assert VerificationEvidence(source="a ledger", verdict="FAIL").substance == ""


def test_evidence_from_elsewhere_is_judged_alike() -> None:
    evidence = VerificationEvidence(source="a ledger", verdict="PASS", certificate_hash="6e84f...", integrity="true")

    assert evidence.doubts == (
        'the certificate hash is "6e84f..."; expected 64 to 128 hexadecimal digits of a digest',
        'integrity is "true"; expected exactly true',
    )


# --- sources ----------------------------------------------------------------------------------------------------------


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    mend = "name an existing, readable file"

    assert refusal(tmp_path / "fifo") == [
        "None:None  input-unreadable: is a FIFO; expected a regular file; name the document itself"
    ]
    assert refusal(tmp_path) == [
        "None:None  input-unreadable: is a directory; expected a regular file; name the document itself"
    ]
    assert refusal(tmp_path / "none") == [
        f"None:None  input-unreadable: cannot be opened: No such file or directory; expected a regular file; {mend}"
    ]
    assert refusal("a\0b") == [
        f"None:None  input-unreadable: cannot be opened: no file can have such a name; expected a regular file; {mend}"
    ]
    with pytest.raises(MalformedInput):
        next(iter(read_trace(tmp_path / "none")))


def test_a_file_that_cannot_be_read_is_told() -> None:
    # A process's own memory is a regular file that says at its beginning that there is nothing to read.
    assert refusal("/proc/self/mem") == [
        "None:None  input-unreadable: cannot be read: Input/output error; name an existing, readable file"
    ]


def test_captured_output_is_bounded(tmp_path: Path) -> None:
    with (tmp_path / "console.txt").open("wb") as stream:
        stream.write(ANSWER)
        stream.truncate(MAX_CAPTURE_BYTES + 1)

    meant = "check that this is the document you meant"
    nothing = "holds more than 8388608 bytes and no training trace; expected the verifier's answer"
    assert refusal(tmp_path / "console.txt") == [f"None:None  input-unreadable: {nothing}; {meant}"]
    noise = b"-" * (MAX_CAPTURE_BYTES - len(ANSWER))
    assert read_verification(ANSWER + noise).certifies
    large = ANSWER.replace(b'"artifacts": [', b'"notes": "' + b"-" * 4 * 1024 * 1024 + b'", "artifacts": [')
    too_much = "holds more than 4194304 bytes; expected at most 4194304"
    assert refusal(large) == [f"None:None  input-unreadable: {too_much}; {meant}"]


@pytest.mark.parametrize("source", [None, 7, {"verdict": "PASS"}, bytearray(ANSWER)])
def test_misuse(source: Any) -> None:
    with pytest.raises(TypeError):
        read_verification(source)
    with pytest.raises(TypeError):
        next(iter(read_trace(source)))


def test_a_path_of_bytes_is_misuse() -> None:
    class OddPath:
        def __fspath__(self) -> bytes:
            return b"answer.json"

    path: Any = OddPath()
    with pytest.raises(TypeError, match=r"^source: expected a path of text or bytes, found OddPath$"):
        read_verification(path)


# --- memory and time --------------------------------------------------------------------------------------------------


def peak_of(path: Path) -> tuple[int, VerificationEvidence]:
    tracemalloc.start()
    try:
        evidence = read_verification(path)
        return tracemalloc.get_traced_memory()[1], evidence
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_a_trace(tmp_path: Path) -> None:
    line = TRACE.splitlines(keepends=True)[0]
    peaks = []
    for count in (4_000, 12_000):
        file = tmp_path / f"{count}.jsonl"
        with file.open("wb") as stream:
            for number in range(count):
                stream.write(line.replace(b'"seq":1', b'"seq":%d' % number) if number % 100 else b"?\n")
        peak, evidence = peak_of(file)
        peaks.append(peak)
        assert (evidence.seq, evidence.records, evidence.unread_count) == (count - 1, count * 99 // 100, count // 100)

    assert peaks[1] < peaks[0] * 1.1
    assert peaks[1] < 8 * 1024 * 1024  # the look for a record takes 1 MiB of bytes, as text and as lines


def test_memory_does_not_grow_with_a_line(tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    with file.open("wb") as stream:
        stream.write(TRACE)
        stream.write(b"{" + b" " * 24 * 1024 * 1024 + b"\n")
        stream.write(TRACE.replace(b'"seq":3', b'"seq":9'))
        stream.write(b"[" * (MAX_LINE_CHARACTERS + 1))
    peak, evidence = peak_of(file)

    long = f"is longer than {MAX_LINE_CHARACTERS} characters; expected one record to a line"
    assert [(line.line, line.message) for line in evidence.unread] == [(4, long), (8, long)]
    assert [len(line.text) for line in evidence.unread] == [120, 120]
    assert (evidence.seq, evidence.line, evidence.records) == (9, 7, 6)
    assert peak < 12 * 1024 * 1024


@pytest.mark.parametrize(
    "unit", [b"{", b'{"', b'{"a":', b'{"verdict":', b'{"verdict":"', b'{" ', b'{"a\\', b'{"a":[', b"{ \n"]
)
def test_hostile_noise_takes_time_in_proportion(unit: bytes) -> None:
    # Quadratic work over 4 MB would take hours.
    assert refusal(unit * (4_000_000 // len(unit)))


# --- laws -------------------------------------------------------------------------------------------------------------

PIECES = [
    *(b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"\n", b"\r", b" ", b"\0", b"\xff", b"\xfe", b"\xef\xbb\xbf"),
    *(
        b'"verdict"',
        b'"PASS"',
        b'{"verdict":"PASS"}',
        b'"kind":"training-trace"',
        b"NaN",
        b"1e999",
        b"9" * 20,
        b"9" * 5000,
    ),
    *(
        b'"\\ud800"',
        b"\xed\xa0\x80",
        "\u202e".encode(),
        b"[" * 2000,
        ANSWER,
        TRACE,
        b'"seq":1',
        b"\xff\xfe",
        ANSWER[:90],
    ),
]
SOUP = st.lists(st.sampled_from(PIECES) | st.binary(max_size=4), max_size=12).map(b"".join)
FILES = [(FOLDER / row["file"]).read_bytes() for row in INDEX]
PLAIN = [data for data in FILES if b"\0" not in data]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data: bytes = draw(st.sampled_from(FILES))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 5)))
        data = data[:start] + draw(SOUP | st.binary(max_size=3)) + data[end:]
    return data


def said_of(data: bytes) -> list[str]:
    try:
        evidence = read_verification(data)
    except MalformedInput as error:
        return [text for problem in error.problems for text in (problem.message, problem.tip)]
    return [*evidence.doubts, *(text for line in evidence.unread for text in (line.message, line.text))]


@given(st.binary() | SOUP | SOUP.map(lambda data: data.decode("latin-1").encode("utf-16")) | damaged())
def test_nothing_but_malformed_input_is_raised_for_any_bytes(data: bytes) -> None:
    told = [text for line in read_trace(data) if isinstance(line, UnreadLine) for text in (line.message, line.text)]
    told += said_of(data)

    assert told == [text for text in told if text.isprintable()]


@given(
    before=st.text(st.characters(exclude_characters='{"', exclude_categories=["Cs"])),
    after=st.text(st.characters(exclude_characters='{"', exclude_categories=["Cs"])),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be-mark"]),
    stated=st.sampled_from([row["file"] for row in READ if row["form"] == "answer"]),
)
def test_noise_around_an_answer_changes_nothing(before: str, after: str, encoding: str, stated: str) -> None:
    alone = read_verification(FOLDER / stated)
    text = before + (FOLDER / stated).read_text(encoding="utf-8") + after
    data = b"\xfe\xff" + text.encode("utf-16-be") if encoding == "utf-16-be-mark" else text.encode(encoding)
    found = read_verification(data)

    assert (found.doubts, found.substance, found.stated) == (alone.doubts, alone.substance, alone.stated)
    assert found.line == 1 + before.count("\n")


@given(st.data())
def test_lines_do_not_depend_on_where_the_pieces_were_cut(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from(FILES) | st.lists(st.sampled_from(PLAIN), max_size=3).map(b"".join))
    first = min(64, len(whole))  # these decide the encoding
    cuts = sorted(data.draw(st.lists(st.integers(first, len(whole)), max_size=8)))

    def pieces() -> Iterator[bytes]:
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            yield whole[start:end]

    assert list(trace_lines(pieces(), "t")) == list(trace_lines([whole], "t"))
