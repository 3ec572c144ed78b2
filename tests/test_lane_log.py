"""Logs in pieces: the shared cases, the law that cuts do not matter, real logs, and memory that does not grow."""

from __future__ import annotations

import base64
import json
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy import (
    Artifact,
    LaneLogParser,
    Malformed,
    MalformedReason,
    Notice,
    Progress,
    ReportLine,
    ReportStart,
    Stats,
    parse_signal,
)
from helix_tts_policy.facts.lane_log import GLUED_LOOK_BYTES, REPORT_KEYS, LaneScanner
from helix_tts_policy.facts.lane_registry import LANES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

CASES = sorted((Path(__file__).parent / "conformance" / "lane").glob("*.json"))
LOGS = Path(__file__).parent / "data" / "logs"

PIECES = [
    *(b"PROGRESS", b"STATS", b"ARTIFACT", b" ", b"\t", b"\n", b"\r", b"\r\n", b"\x1b[", b"\x1b[0m", b"\x1b[A", b"m"),
    *(b"1 2", b"12345678901234567890", b"{", b"}", b'{"a": 1}', b'"a": ', b"NaN", b"1e999", b"[", b"]", b'"\\ud800"'),
    *(b"[tts-prod] status=", b"ok", b" reason=", b"=== COLAB TRAIN REPORT ===", b"root_cause: ", b"audio_path:"),
    *(b"PROGRESS 1 2\n", b'STATS {"loss": 0.5}\n', b"ARTIFACT a\n", b"\xff", b"\xc3", b"\xa4", b"x", b"\x00"),
    *(b"a" * 4090, b"\x1b[0m" * 4100, b"\x1b[0m" * 4093),
]
LOG = st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join) | st.binary(max_size=60)


def events_of(chunks: Iterable[bytes]) -> list[Any]:
    parser = LaneLogParser()
    return [event for chunk in chunks for event in parser.feed(chunk)] + [*parser.close()]


def plain(event: Any) -> dict[str, Any]:
    match event:
        case Progress(current, total):
            return {"type": "progress", "current": current, "total": total}
        case Stats(values):
            return {"type": "stats", "values": values}
        case Malformed(reason, keyword, _, line):
            return {"type": "malformed", "reason": reason.value, "keyword": keyword, "line": line}
        case Notice(tag, fields):
            return {"type": "notice", "tag": tag, "fields": fields}
        case ReportLine(key, value):
            return {"type": "report-line", "key": key, "value": value}
        case ReportStart():
            return {"type": "report-start"}
        case Artifact(path):
            return {"type": "artifact", "path": path}
    raise AssertionError(event)


def cut(log: bytes, size: int) -> list[bytes]:
    return [log[start : start + size] for start in range(0, len(log), size)]


def test_there_are_cases() -> None:
    assert len(CASES) > 60


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_case(case: Path) -> None:
    stated = json.loads(case.read_bytes())
    chunks = [
        chunk.encode() if isinstance(chunk, str) else base64.b64decode(chunk["base64"]) for chunk in stated["chunks"]
    ]
    log = b"".join(chunks)

    assert set(stated) == {"description", "chunks", "events"}
    for pieces in (chunks, [log], cut(log, 1), cut(log, 7)):
        assert [plain(event) for event in events_of(pieces)] == stated["events"]


@given(LOG, st.data())
def test_events_do_not_depend_on_cuts(log: bytes, data: st.DataObject) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, len(log)), max_size=6)))
    pieces = [log[start:end] for start, end in zip([0, *places], [*places, len(log)], strict=True)]

    assert events_of(pieces) == events_of([log]) == events_of(cut(log, 1))


@given(LOG)
def test_events_are_those_of_the_complete_lines_one_by_one(log: bytes) -> None:
    lines = log.split(b"\n")[:-1]
    expected = [
        signal._replace(line=number) if isinstance(signal, Malformed) else signal
        for number, line in enumerate(lines, 1)
        if (signal := parse_signal(line)) is not None
    ]
    found = [event for event in events_of([log]) if isinstance(event, Progress | Stats | Artifact | Malformed)]
    last = found[-1] if found else None
    if isinstance(last, Malformed) and last.reason is MalformedReason.UNTERMINATED:
        assert last.line == len(lines) + 1
        found.pop()

    assert found == expected


@given(LOG)
def test_what_an_event_states_is_found_again(log: bytes) -> None:
    stated = [event for event in events_of([log]) if not isinstance(event, Malformed)]

    assert events_of([f"{event}\n".encode() for event in stated]) == stated


COUNTS = {
    "nemo_lane_stdout.log": (5, 6, 1),
    "nemo_lane_shared_naive.stdout.log": (1, 6, 1),
    "nemo_lane_shared_nl.stdout.log": (7, 9, 1),
    "nemo_merged_2to1.log": (1, 6, 1),
    "kill_stdout.log": (8, 6, 0),
    "resume_stdout.log": (7, 6, 1),
}
"""PROGRESS, STATS and ARTIFACT lines of each real log that has any."""


@pytest.mark.parametrize("log", sorted(LOGS.iterdir()), ids=lambda log: log.name)
def test_real_log(log: Path) -> None:
    data = log.read_bytes()
    events = events_of([data])
    counts = Counter(type(event) for event in events)

    assert (counts[Progress], counts[Stats], counts[Artifact]) == COUNTS.get(log.name, (0, 0, 0))
    assert set(counts) <= {Progress, Stats, Artifact}
    for size in (1, 2, 3, 997):
        assert events_of(cut(data, size)) == events


@pytest.mark.parametrize(
    ("log", "glued", "first"),
    [
        ("nemo_lane_shared_naive.stdout.log", 9, 27),
        ("nemo_merged_2to1.log", 9, 55),
        ("nemo_lane_shared_nl.stdout.log", 0, None),
        ("nemo_lane_stdout.log", 0, None),
        ("espnet_vits_stderr.log", 0, None),
    ],
)
def test_signals_behind_other_text_are_counted(log: str, glued: int, first: int | None) -> None:
    data = (LOGS / log).read_bytes()
    for pieces in ([data], cut(data, 1), cut(data, 100)):
        scanner = LaneScanner()
        for piece in pieces:
            scanner.feed(piece)
        assert scanner.glued == glued
        if first is not None and scanner.first_glued is not None:
            assert data.count(b"\n", 0, scanner.first_glued) + 1 == first


@pytest.mark.parametrize(
    ("line", "glued"),
    [
        (b"it/s]PROGRESS 2 6", 1),
        (b"donePROGRESS 2 6\t", 1),
        (b'it/s]\x1b[ASTATS {"a": 1}', 1),
        (b"]ARTIFACT out/a", 1),
        (b"]PROGRESS 1 2]PROGRESS 2 2", 1),
        (b"PROGRESS 1 2PROGRESS 2 2", 0),
        (b"it/s]PROGRESS 2 6\rdone", 0),
        (b"it/s]PROGRESS 2 6 steps", 0),
        (b"wrote STATS {", 0),
        (b"saved ARTIFACT out/a", 0),
        (b"MYARTIFACT out/a", 0),
        (b"x" * 20_000 + b"PROGRESS 2 6", 0),
    ],
)
def test_what_is_glued(line: bytes, glued: int) -> None:
    scanner = LaneScanner()
    scanner.feed(b"a\n" + line + b"\r\n")

    assert scanner.glued == glued


def test_only_the_beginning_is_searched_for_glued_signals() -> None:
    part = b"it/s]PROGRESS 2 6\n" + b"x" * (GLUED_LOOK_BYTES // 2) + b"\n"
    for pieces in ([part, part, part], [part * 3], cut(part * 3, 100_000)):
        scanner = LaneScanner()
        for piece in pieces:
            scanner.feed(piece)
        assert (scanner.glued, scanner.first_glued) == (2, 0)


def test_memory_does_not_grow_with_a_line() -> None:
    parser = LaneLogParser()
    chunk = b"a" * 65_536
    tracemalloc.start()
    try:
        parser.feed(b"STATS ")
        for _ in range(500):
            assert parser.feed(chunk) == []
        assert parser.feed(b"\rPROGRESS 1 2\r") == []
        assert parser.feed(b"\n") == [Progress(1, 2)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_lines_are_counted() -> None:
    parser = LaneLogParser()

    parser.feed(b"a\nPROGRESS 5\nb")
    assert parser.lines == 2
    assert parser.feed(b"c\n\nSTATS [\n") == [Malformed(MalformedReason.STATS_SYNTAX, "STATS", "STATS [", 5)]
    assert parser.lines == 5


def test_misuse() -> None:
    parser = LaneLogParser()
    with pytest.raises(TypeError, match=r"^data: expected bytes, found str$"):
        parser.feed("PROGRESS 1 2\n")  # type: ignore[arg-type]
    parser.close()
    assert parser.close() == []
    with pytest.raises(ValueError, match=r"^the log was closed; expected no more of it$"):
        parser.feed(b"PROGRESS 1 2\n")


def test_bytes_of_other_types_are_taken() -> None:
    assert LaneLogParser().feed(bytearray(b"PROGRESS 1 2\n")) == [Progress(1, 2)]
    assert LaneLogParser().feed(memoryview(b"PROGRESS 1 2\n")) == [Progress(1, 2)]


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Progress(1, 2), "PROGRESS 1 2"),
        (Stats({"b": 1, "a": [True]}), 'STATS {"a": [true], "b": 1}'),
        (Artifact("out/a"), "ARTIFACT out/a"),
        (Notice("tts-prod", {"status": "ok", "n": "1"}), "[tts-prod] status=ok n=1"),
        (ReportStart(), "=== COLAB TRAIN REPORT ==="),
        (ReportLine("root_cause", "none"), "root_cause: none"),
    ],
)
def test_an_event_is_its_line(event: Any, line: str) -> None:
    assert str(event) == line


def test_the_reference_names_every_reason_and_key_and_lane() -> None:
    page = (Path(__file__).parents[1] / "docs" / "reference" / "lanes.md").read_text("utf-8")

    assert [reason for reason in MalformedReason if f"`{reason.value}`" not in page] == []
    assert [key for key in REPORT_KEYS if key not in page] == []
    assert [name for lane in LANES for name in (lane.job_type, *lane.aliases[:2]) if f"`{name}`" not in page] == []
