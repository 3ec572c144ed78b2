"""The writing side: what is written is read back, nothing that breaks a line gets out, and nobody else's text gets in."""

from __future__ import annotations

import io
import threading
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helix_tts_policy import Artifact, LaneCallback, LaneEmitter, Notice, Progress, Stats, parse_signal, read_lane_log
from helix_tts_policy.facts.lane_log import LaneLogParser

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)


def events(data: bytes) -> list[Any]:
    parser = LaneLogParser()
    return [*parser.feed(data), *parser.close()]


@pytest.mark.parametrize("stream", [io.StringIO(), io.BytesIO()], ids=["text", "bytes"])
def test_one_line_for_each_signal(stream: io.StringIO | io.BytesIO) -> None:
    emitter = LaneEmitter(stream)
    emitter.progress(1, 2)
    emitter.stats({"loss": 0.5, "event": "train", "nested": {"a": [1, None, True]}})
    emitter.artifact(Path("out/voice.nemo"))
    emitter.blocked("audio_too_short:wavs/7.wav")
    written = stream.getvalue()

    assert (written if isinstance(written, str) else written.decode()).splitlines() == [
        "PROGRESS 1 2",
        'STATS {"event": "train", "loss": 0.5, "nested": {"a": [1, null, true]}}',
        "ARTIFACT out/voice.nemo",
        "[tts-prod] status=blocked reason=audio_too_short:wavs/7.wav",
    ]


@given(
    st.integers(0, 10**18),
    st.integers(0, 10**18),
    st.dictionaries(
        TEXT, st.none() | st.booleans() | TEXT | st.floats(allow_nan=False, allow_infinity=False), max_size=5
    ),
)
def test_what_is_written_is_read_back(first: int, second: int, values: dict[str, Any]) -> None:
    stream = io.BytesIO()
    emitter = LaneEmitter(stream)
    emitter.progress(*sorted((first, second)))
    emitter.stats(values)

    assert events(stream.getvalue()) == [Progress(*sorted((first, second))), Stats(values)]


class Tensor:
    """As trainers hand out figures: a number in a box."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __float__(self) -> float:
        return self.value

    def __index__(self) -> int:
        raise TypeError("only integer tensors can be an index")


class Whole:
    """As array libraries hand out step counts."""

    def __index__(self) -> int:
        return 7


def test_numbers_of_other_kinds() -> None:
    stream = io.BytesIO()
    emitter = LaneEmitter(stream)
    emitter.stats({"loss": Tensor(0.25), "share": Fraction(1, 4), "step": Whole(), "pair": (1, 2)})
    emitter.progress(Whole(), Whole())

    assert events(stream.getvalue()) == [
        Stats({"loss": 0.25, "pair": [1, 2], "share": 0.25, "step": 7}),
        Progress(7, 7),
    ]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda lane: lane.progress(3, 2), ValueError, "progress: found 3 of 2; expected 0 <= current <= total"),
        (lambda lane: lane.progress(-1, 2), ValueError, "progress: found -1 of 2; expected 0 <= current <= total"),
        (lambda lane: lane.progress(1.0, 2), TypeError, "'float' object cannot be interpreted as an integer"),
        (lambda lane: lane.progress(1, 10**19), ValueError, "line: found 'PROGRESS 1 10000000000000000000'; expected one that is read back as it is; it is read as malformed (number-too-long)"),
        (lambda lane: lane.stats({"loss": float("nan")}), ValueError, "stats: 'loss': found nan; expected a finite number"),
        (lambda lane: lane.stats({"a": {"b": [float("-inf")]}}), ValueError, "stats: 'a': 'b': found -inf; expected a finite number"),
        (lambda lane: lane.stats({"loss": Tensor(float("inf"))}), ValueError, "stats: 'loss': found inf; expected a finite number"),
        (lambda lane: lane.stats({1: 2}), TypeError, "stats: found a key of type int; expected text"),
        (lambda lane: lane.stats({"a": {1, 2}}), TypeError, "stats: 'a': found set; expected text, a number, true, false, null, or these nested"),
        (lambda lane: lane.stats([1]), TypeError, "stats: expected a mapping, found list"),
        (lambda lane: lane.stats({"a": 10**19}), ValueError, "line: found 'STATS {\"a\": 10000000000000000000}'; expected one that is read back as it is; it is read as malformed (number-too-long)"),
        (lambda lane: lane.stats({"a": "\ud800"}), ValueError, "line: found 'STATS {\"a\": \"\\\\ud800\"}'; expected one that is read back as it is; it is read as malformed (encoding)"),
        (lambda lane: lane.stats({"a": "x" * 4090}), ValueError, "line: found 4106 bytes; expected less than 4096"),
        (lambda lane: lane.artifact(""), ValueError, "line: found 'ARTIFACT '; expected one that is read back as it is; it is read as malformed (artifact-empty)"),
        (lambda lane: lane.artifact("a\nPROGRESS 1 2"), ValueError, "line: found 'ARTIFACT a\\nPROGRESS 1 2'; expected one that is read back as it is; it is read as malformed (line-break)"),
        (lambda lane: lane.artifact("a\rb"), ValueError, "line: found 'ARTIFACT a\\rb'; expected one that is read back as it is"),
        (lambda lane: lane.artifact(" a"), ValueError, "line: found 'ARTIFACT  a'; expected one that is read back as it is"),
        (lambda lane: lane.artifact("a\x1b[0mb"), ValueError, "line: found 'ARTIFACT a\\x1b[0mb'; expected one that is read back as it is"),
        (lambda lane: lane.artifact("\udcff"), ValueError, "line: found 'ARTIFACT \\udcff'; expected one that is read back as it is; it is read as malformed (encoding)"),
        (lambda lane: lane.artifact(b"a"), TypeError, "path: expected a path of text, found one of bytes"),
        (lambda lane: lane.blocked("No GPU"), ValueError, "reason: found 'No GPU'; expected lower_snake_case, or that with :detail"),
        (lambda lane: lane.blocked("a\nb"), ValueError, "reason: found 'a\\nb'; expected lower_snake_case, or that with :detail"),
        (lambda lane: LaneCallback(lane, every=0), ValueError, "every: found 0; expected 1 or more"),
    ],
)  # fmt: skip
def test_what_is_refused(call: Any, kind: type[Exception], message: str) -> None:
    stream = io.BytesIO()
    with pytest.raises(kind) as caught:
        call(LaneEmitter(stream))
    assert str(caught.value) == message
    assert stream.getvalue() == b""


def test_a_bar_on_the_same_stream_does_not_swallow_a_signal() -> None:
    for stream in (io.StringIO(), io.BytesIO()):
        emitter = LaneEmitter(stream)
        bar: Any = "\rEpoch 0:  50%|###  | 1/2" if isinstance(stream, io.StringIO) else b"\rEpoch 0:  50%|###  | 1/2"
        for step in range(5):
            stream.write(bar)
            emitter.progress(step, 5)
            emitter.stats({"step": step})
            stream.write(bar)
            emitter.artifact(f"out/{step}")
        written: Any = stream.getvalue()
        data = written.encode() if isinstance(written, str) else written

        assert [event for event in events(data) if isinstance(event, Progress)] == [
            Progress(step, 5) for step in range(5)
        ]
        assert [event.path for event in events(data) if isinstance(event, Artifact)] == [
            f"out/{step}" for step in range(5)
        ]
        assert read_lane_log(io.BytesIO(data)).glued == 0


def test_a_stream_that_was_begun_by_somebody_else() -> None:
    stream = io.StringIO("loading")
    stream.seek(0, io.SEEK_END)
    LaneEmitter(stream).progress(1, 2)

    assert stream.getvalue() == "loading\nPROGRESS 1 2\n"


class Sink:
    """A stream that tells neither a descriptor nor a position, as some loggers put in place of standard output."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, text: str) -> None:
        self.written.append(text)

    def flush(self) -> None:
        pass


def test_a_stream_that_tells_nothing_is_taken_for_shared() -> None:
    sink: Any = Sink()
    emitter = LaneEmitter(sink)
    emitter.progress(1, 2)
    emitter.progress(2, 2)
    emitter.close()
    LaneEmitter(sink, exclusive=True).progress(2, 2)

    assert sink.written == ["\nPROGRESS 1 2\n", "\nPROGRESS 2 2\n", "PROGRESS 2 2\n"]


class Crowded(io.BytesIO):
    """A stream to which a bar of another thread writes just before each signal."""

    def write(self, data: Any) -> int:
        super().write(b"\rEpoch 0:  50%")
        return super().write(data)


def test_somebody_who_writes_at_the_same_moment_does_not_swallow_a_signal() -> None:
    stream = Crowded()
    emitter = LaneEmitter(stream)
    for step in range(4):
        emitter.progress(step, 4)

    assert {event for event in events(stream.getvalue()) if isinstance(event, Progress)} == {
        Progress(step, 4) for step in range(4)
    }


@pytest.mark.parametrize("shared", [True, False])
def test_threads_and_a_bar_leave_every_signal_whole(shared: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a column
    with (tmp_path / "run.log").open("wb", buffering=0) as file:
        emitter = LaneEmitter(file, exclusive=not shared)
        done = threading.Event()

        def draw() -> None:
            while not done.is_set():
                file.write(b"\rEpoch 0:  50%|" + b"#" * 60)

        def speak(number: int) -> None:
            for step in range(200):
                emitter.progress(step, 200)
                emitter.stats({"thread": number, "step": step})

        bar = threading.Thread(target=draw)
        if shared:
            bar.start()
        speakers = [threading.Thread(target=speak, args=(number,)) for number in range(4)]
        for speaker in speakers:
            speaker.start()
        for speaker in speakers:
            speaker.join()
        done.set()
        if shared:
            bar.join()
    run_log = read_lane_log(tmp_path / "run.log")

    assert (run_log.progress_count, run_log.stats_count) == (800, 800)
    assert (run_log.malformed, run_log.glued) == ((), 0)


def test_the_tag_of_bracket_lines() -> None:
    stream = io.BytesIO()
    LaneEmitter(stream, tag="nemo").blocked("nemo_runtime_unavailable")

    assert events(stream.getvalue()) == [Notice("nemo", {"status": "blocked", "reason": "nemo_runtime_unavailable"})]


def test_every_line_is_what_one_line_states() -> None:
    stream = io.StringIO()
    LaneEmitter(stream).stats({"loss": 0.1})

    assert parse_signal(stream.getvalue()) == Stats({"loss": 0.1})
