"""What a whole log comes to: progress, figures, files, breaks of the order; the same from a file, a stream and pieces."""

from __future__ import annotations

import errno
import io
import json
import os
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy import Malformed, MalformedInput, MalformedReason, Progress, read_lane_log
from helix_tts_policy.facts import lane_tally
from helix_tts_policy.facts.lane_run import Break, BreakKind, LaneRun, Places
from helix_tts_policy.facts.lane_source import PIECE_BYTES, LaneReader

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGS = Path(__file__).parent / "data" / "logs"


def read(*lines: str) -> LaneRun:
    return read_lane_log(io.BytesIO("".join(f"{line}\n" for line in lines).encode()), places=True)


def breaks(*lines: str) -> list[tuple[str, int]]:
    return [(each.kind.value, each.line) for each in read(*lines).breaks]


def test_real_run() -> None:
    run = read_lane_log(LOGS / "nemo_lane_stdout.log", places=True)

    assert (run.progress, run.progress_count, run.stats_count) == (Progress(4, 4), 5, 6)
    assert run.is_complete
    assert (run.stats["event"], run.stats["step"], run.stats["val_loss"]) == ("val", 4, 38.78403854370117)
    assert run.artifacts == ("/srv/voice/o/fp_lane.nemo",)
    assert run.history["t_loss"] == (
        *((1, 49.27336120605469), (2, 43.45151138305664), (2, 43.45151138305664)),
        *((3, 43.91862487792969), (4, 41.07387161254883), (4, 41.07387161254883)),
    )
    assert (run.malformed, run.breaks, run.blocked_reason, run.report, run.notices) == ((), (), None, None, ())
    assert (run.phases, run.attempts, run.glued, run.first_glued, run.untold, run.utf16) == (1, 0, 0, None, 0, False)
    assert run.places == Places(
        progress=9, stats=11, artifacts={"/srv/voice/o/fp_lane.nemo": 12}, blocked=1, report=1, last=12
    )


@pytest.mark.parametrize("log", sorted(LOGS.iterdir()), ids=lambda log: log.name)
@pytest.mark.parametrize("places", [False, True])
def test_a_file_a_stream_and_pieces_say_the_same(log: Path, places: bool) -> None:  # noqa: FBT001 - a column
    data = log.read_bytes()
    run = read_lane_log(log, places=places)

    with log.open("rb") as stream:
        assert read_lane_log(stream, places=places) == run
    reader = LaneReader(places=places)
    for byte in data:
        reader.feed(bytes([byte]))
    assert reader.run() == run


LINES = st.sampled_from(
    [
        *("PROGRESS 0 3", "PROGRESS 1 3", "PROGRESS 3 3", "PROGRESS 2 4", "PROGRESS 4 3", 'STATS {"attempt": "a"}'),
        *('STATS {"attempt": "b"}', 'STATS {"phase": 2}', 'STATS {"loss": 0.5}', "STATS {", "ARTIFACT a", "ARTIFACT b"),
        *("[x] status=blocked reason=config_missing", "[x] status=ok", "=== COLAB TRAIN REPORT ===", "root_cause: z"),
        *("]PROGRESS 1 2", "text", "PROGRESS 1 2\rtext", "\rPROGRESS 1 3"),
    ]
)


@given(st.lists(LINES, max_size=30), st.booleans(), st.integers(1, 40))
def test_facts_do_not_depend_on_how_a_log_is_read(lines: list[str], ended: bool, size: int) -> None:  # noqa: FBT001
    data = "\n".join([*lines, ""] if ended else lines).encode()
    run = read_lane_log(io.BytesIO(data), places=True)
    reader = LaneReader()
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])

    assert reader.run() == run
    for line in (*(each.line for each in run.malformed), *(each.line for each in run.breaks)):
        assert line is not None
        assert 1 <= line <= len(lines)
    for path, line_number in run.places.artifacts.items() if run.places is not None else ():
        assert lines[line_number - 1] == f"ARTIFACT {path}"


def test_a_large_file_has_its_lines(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    filler = "x" * 99 + "\n"
    lines = 3 * PIECE_BYTES // 100
    log.write_text(f"PROGRESS 1 2\n{filler * lines}PROGRESS 0 2\n{filler * lines}STATS {{\n{filler}PROGRESS 2 2\nARTI")
    run = read_lane_log(log)

    assert run.breaks == (Break(BreakKind.REGRESSED, "PROGRESS 0 2", "PROGRESS 1 2", lines + 2),)
    assert [(each.reason, each.line) for each in run.malformed] == [
        (MalformedReason.STATS_SYNTAX, 2 * lines + 3),
        (MalformedReason.UNTERMINATED, 2 * lines + 6),
    ]
    assert run.places is None
    with log.open("rb") as stream:
        assert read_lane_log(stream) == run


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["PROGRESS 1 2", "PROGRESS 1 2", "PROGRESS 2 2"], []),
        (["PROGRESS 0 12", "PROGRESS 7 12"], []),
        (["PROGRESS 3 9", "PROGRESS 2 9", "PROGRESS 9 9"], [("regressed", 2)]),
        (["PROGRESS 9 9", "PROGRESS 8 9"], [("regressed", 2)]),
        (["PROGRESS 9 9", "PROGRESS 0 9", "PROGRESS 9 9"], []),
        (["PROGRESS 9 9", "PROGRESS 1 4", "PROGRESS 4 4"], []),
        (["PROGRESS 3 9", "PROGRESS 3 8"], [("total-changed", 2)]),
        (["PROGRESS 3 9", "PROGRESS 2 8"], [("total-changed", 2)]),
        (["PROGRESS 3 9", "PROGRESS 0 9", 'STATS {"attempt": 2}'], []),
        (["PROGRESS 3 9", "PROGRESS 0 9", 'STATS {"loss": 2}', 'STATS {"run_id": "x"}'], []),
        (["PROGRESS 3 9", "PROGRESS 0 9", "PROGRESS 1 9", 'STATS {"attempt": 2}'], [("regressed", 2)]),
        (["PROGRESS 3 9", 'STATS {"attempt_id": 2}', "PROGRESS 0 9"], []),
        (["PROGRESS 3 9", 'STATS {"attempt": 2}', "PROGRESS 4 9", "PROGRESS 0 9"], [("regressed", 4)]),
        (
            ["PROGRESS 3 9", 'STATS {"attempt": 2}', "PROGRESS 4 9", 'STATS {"attempt": 2}', "PROGRESS 0 9"],
            [("regressed", 5)],
        ),
        (["PROGRESS 3 9", 'STATS {"stage": "b"}', "PROGRESS 0 5"], [("phase-unfinished", 3)]),
        (["PROGRESS 3 9", "PROGRESS 0 5", 'STATS {"phase": "b"}'], [("phase-unfinished", 2)]),
        (["PROGRESS 3 9", "PROGRESS 0 5", 'STATS {"phase": "b", "attempt": "b"}'], []),
        (["PROGRESS 9 9", 'STATS {"phase": "b"}', "PROGRESS 0 5"], []),
        (["PROGRESS 1 1", "ARTIFACT a", "STATS {}"], [("out-of-order", 3)]),
        (["PROGRESS 1 1", "ARTIFACT a", 'STATS {"attempt": 2}'], []),
        (["PROGRESS 1 1", "ARTIFACT a", "PROGRESS 1 1", "STATS {}"], []),
        (["STATS {}", "ARTIFACT a", "PROGRESS 1 1"], [("out-of-order", 1), ("out-of-order", 2)]),
        (['STATS {"attempt": 1}', "PROGRESS 1 1"], []),
    ],
)
def test_breaks(lines: list[str], expected: list[tuple[str, int]]) -> None:
    assert breaks(*lines) == expected


def test_a_break_tells_both_lines() -> None:
    run = read("PROGRESS 3 9", "PROGRESS 2 9", "ARTIFACT a", "STATS {}")

    assert run.breaks == (
        Break(BreakKind.REGRESSED, "PROGRESS 2 9", "PROGRESS 3 9", 2),
        Break(BreakKind.OUT_OF_ORDER, "STATS", "ARTIFACT", 4),
    )
    assert run.break_counts == {BreakKind.REGRESSED: 1, BreakKind.OUT_OF_ORDER: 1}


def test_attempts_and_phases_are_counted() -> None:
    run = read(
        *("PROGRESS 0 3", 'STATS {"attempt": "a", "phase": "fastpitch"}', "PROGRESS 2 3", "PROGRESS 0 3"),
        *('STATS {"attempt": "b", "phase": "fastpitch"}', "PROGRESS 3 3", "PROGRESS 0 5", 'STATS {"phase": "hifigan"}'),
    )

    assert (run.attempts, run.phases, run.breaks) == (2, 3, ())


def test_figures_merge_and_the_last_value_counts() -> None:
    run = read("PROGRESS 1 2", 'STATS {"a": 1, "b": {"c": 1}}', 'STATS {"a": true, "d": null}', 'STATS {"b": [2]}')

    assert run.stats == {"a": True, "b": [2], "d": None}
    assert run.history == {"a": ((1, 1),)}


def test_artifacts_come_once_and_in_order() -> None:
    assert read("PROGRESS 1 1", "ARTIFACT b", "ARTIFACT a", "ARTIFACT b").artifacts == ("b", "a")


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([], None),
        (["[tts-prod] status=blocked reason=managed_job_not_implemented"], "managed_job_not_implemented"),
        (["[tts-prod] status=blocked"], ""),
        (["[tts-prod] status=blocked reason=a_b", "[tts-prod] status=ok"], None),
        (["[tts-prod] status=blocked reason=a_b", "[weights-manifest] status=ok"], "a_b"),
        (["[a] status=blocked reason=a_b", "[c] status=blocked reason=c_d"], "c_d"),
        (["PROGRESS 0 0", 'STATS {"status": "blocked", "reason": "a_b"}'], "a_b"),
        (["PROGRESS 0 0", 'STATS {"status": "blocked"}'], ""),
        (["PROGRESS 0 0", 'STATS {"status": "blocked"}', 'STATS {"status": "ok"}'], None),
        (["=== COLAB TRAIN REPORT ===", "objective_status: blocked", "root_cause: a_b"], "a_b"),
        (["=== COLAB TRAIN REPORT ===", "objective_status: blocked"], ""),
        (["=== COLAB TRAIN REPORT ===", "objective_status: failed", "root_cause: a_b"], None),
    ],
)
def test_blocked_reason(lines: list[str], reason: str | None) -> None:
    assert read(*lines).blocked_reason == reason


def test_the_last_report_counts() -> None:
    run = read(
        *("=== COLAB TRAIN REPORT ===", "objective_status: failed", "root_cause: a"),
        *("=== COLAB TRAIN REPORT ===", "objective_status: completed"),
    )

    assert run.report == {"objective_status": "completed"}
    assert read("=== COLAB TRAIN REPORT ===").report == {}


@pytest.mark.parametrize(
    ("progress", "complete"), [(None, False), ("0 0", False), ("1 2", False), ("2 2", True), ("0 2", False)]
)
def test_complete(progress: str | None, complete: bool) -> None:  # noqa: FBT001 - a column of the table
    assert read(*([] if progress is None else [f"PROGRESS {progress}"])).is_complete is complete


def test_what_a_log_cannot_keep_is_counted() -> None:
    many = 10_000
    run = read(
        "PROGRESS 0 9",
        *(f'STATS {{"lr_{number}": {number}}}' for number in range(lane_tally.MAX_KEYS + 7)),
        *(f"ARTIFACT out/{number}" for number in range(lane_tally.MAX_ARTIFACTS + 5)),
        *(f"[step] status=ok n={number}" for number in range(lane_tally.MAX_NOTICES + 3)),
        *["PROGRESS"[:8] + " x" for _ in range(many)],
        *["PROGRESS 1 9", "PROGRESS 0 9"] * 20,
    )

    assert len(run.stats) == lane_tally.MAX_KEYS
    assert len(run.artifacts) == lane_tally.MAX_ARTIFACTS
    assert len(run.notices) == lane_tally.MAX_NOTICES
    assert len(run.history) == lane_tally.MAX_SERIES
    assert run.untold == 7 + 5 + 3
    assert len(run.malformed) == lane_tally.MAX_TOLD
    assert run.malformed_counts == {MalformedReason.PROGRESS_FIELDS: many}
    assert len(run.breaks) == lane_tally.MAX_TOLD
    assert run.break_counts == {BreakKind.REGRESSED: 20}


def test_samples_are_thinned_evenly() -> None:
    def lines() -> Iterator[str]:
        for step in range(1, 20_001):
            yield f"PROGRESS {step} 20000"
            yield json.dumps({"loss": step / 2}).join(["STATS ", ""])
            yield json.dumps({"val_loss": step / 4}).join(["STATS ", ""])

    run = read(*lines())
    for key in ("loss", "val_loss"):
        steps = [step for step, _ in run.history[key]]
        assert 60 <= len(steps) <= lane_tally.MAX_SAMPLES
        assert max(second - first for first, second in zip([0, *steps], [*steps, 20_000], strict=True)) < 600
    assert run.history["val_loss"][-1] == (20_000, 5_000)
    assert len(run.samples) <= lane_tally.MAX_SAMPLES + 1


class Endless(io.RawIOBase):
    """A log that is longer than memory should be, made as it is read."""

    def __init__(self, line: bytes, size: int) -> None:
        super().__init__()
        self._block = line * (4_096 // len(line))
        self._left = size

    def read(self, _: int = -1) -> bytes:
        self._left -= len(self._block)
        return self._block if self._left > 0 else b""


@pytest.mark.parametrize(
    "line",
    [
        b"PROGRESS 1 2\n",
        b'STATS {"loss": 0.5, "name": "x"}\n',
        b"STATS {\n",
        b"x" * 64,
        b"\r",
        b"ARTIFACT a\n",
        b"[a] status=ok\n",
    ],
)
def test_memory_does_not_grow_with_the_log(line: bytes) -> None:
    def peak(size: int) -> int:
        tracemalloc.start()
        try:
            read_lane_log(Endless(line, size))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(30_000)
    assert peak(180_000) < 1.2 * peak(60_000) + 20_000


def test_a_log_goes_on_in_another_file() -> None:
    reader = LaneReader()
    reader.feed(b"PROGRESS 1 9\nPROGRESS 5 9\n]PROGRESS 6 9\nPROGRE")
    reader.begin_file()
    reader.feed(b"PROGRESS 0 9\nSTATS {\n")
    reader.begin_file()
    reader.feed(b"ARTIFACT a\n")
    run = reader.run()

    assert run.breaks == ()
    assert [(each.reason.value, each.line) for each in run.malformed] == [("unterminated", 4), ("stats-syntax", 6)]
    assert run.phases == 2
    assert (run.glued, run.first_glued) == (1, 3)
    assert run.places == Places(progress=5, stats=1, artifacts={"a": 7}, blocked=1, report=1, last=7)


def test_utf16_is_noticed() -> None:
    for encoding in ("utf-16-le", "utf-16-be"):
        data = "\ufeffPROGRESS 1 2\n".encode(encoding)
        assert read_lane_log(io.BytesIO(data)).utf16
        reader = LaneReader()
        for byte in data:
            reader.feed(bytes([byte]))
        assert reader.run().utf16
    assert not read_lane_log(io.BytesIO(b"\xff")).utf16


def test_what_cannot_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path, message in {
        tmp_path / "none.log": "cannot be opened: No such file or directory; expected a regular file",
        tmp_path: "is a directory; expected a regular file",
        tmp_path / "fifo": "is a FIFO; expected a regular file",
    }.items():
        with pytest.raises(MalformedInput) as caught:
            read_lane_log(path)
        assert [problem.message for problem in caught.value.problems] == [message]


def test_a_disk_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "run.log"
    log.write_text("PROGRESS 1 2\n")

    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "read", fail)
    with pytest.raises(MalformedInput, match="cannot be read: Input/output error"):
        read_lane_log(log)


def test_a_file_that_becomes_shorter_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "run.log"
    log.write_bytes(b"x\n" * 200_000 + b"PROGRESS 2 1\n")
    read = os.read

    def cut(descriptor: int, size: int) -> bytes:
        data = read(descriptor, size)
        if not data:
            os.truncate(log, 10)
        return data

    monkeypatch.setattr(os, "read", cut)
    (line,) = read_lane_log(log).malformed
    assert line.line == 6


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (None, "source: expected a path or a stream of bytes, found NoneType"),
        (b"PROGRESS 1 2\n", "source: expected a path or a stream of bytes, found bytes"),
        (io.StringIO("PROGRESS 1 2\n"), "source: expected a stream of bytes, found one of str"),
    ],
)
def test_misuse(source: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        read_lane_log(source)
    assert str(caught.value) == message


def test_a_malformed_line_tells_what_it_is() -> None:
    run = read("text", "PROGRESS 2 1")

    assert run.malformed == (Malformed(MalformedReason.PROGRESS_RANGE, "PROGRESS", "PROGRESS 2 1", 2),)
