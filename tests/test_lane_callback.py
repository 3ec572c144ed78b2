"""The hooks for training loops speak in the order of the protocol."""

from __future__ import annotations

import io
import json

import pytest

from helix_tts_policy import LaneCallback, LaneEmitter, LaneLogParser, read_lane_log


def told(stream: io.BytesIO) -> list[str]:
    return [str(event) for event in LaneLogParser().feed(stream.getvalue())]


def test_callback_keeps_the_order_of_the_protocol() -> None:
    stream = io.BytesIO()
    callback = LaneCallback(LaneEmitter(stream), attempt="b")
    callback.on_train_start(3, step=1)
    callback.on_step_end(2, {"loss": 0.5})
    callback.on_artifact("out/2.ckpt")
    callback.on_validation_end({"val_loss": 0.75})
    callback.on_validation_end({"val_loss": 0.5})
    callback.on_step_end(3)
    callback.on_artifact("out/voice.nemo")

    assert told(stream) == [
        "PROGRESS 1 3",
        'STATS {"attempt": "b"}',
        "PROGRESS 2 3",
        'STATS {"loss": 0.5}',
        "ARTIFACT out/2.ckpt",
        "PROGRESS 2 3",
        'STATS {"val_loss": 0.75}',
        'STATS {"val_loss": 0.5}',
        "PROGRESS 3 3",
        "ARTIFACT out/voice.nemo",
    ]
    assert read_lane_log(io.BytesIO(stream.getvalue())).breaks == ()


def test_callback_tells_now_and_then_and_the_end() -> None:
    stream = io.BytesIO()
    callback = LaneCallback(LaneEmitter(stream), every=10)
    callback.on_train_start(25)
    for step in range(1, 26):
        callback.on_step_end(step, {"step": step})

    assert [line for line in told(stream) if line.startswith("PROGRESS")] == [
        f"PROGRESS {step} 25" for step in (0, 10, 20, 25)
    ]
    with pytest.raises(ValueError, match=r"^step: found 24 after 25; expected no step back$"):
        callback.on_step_end(24)


def test_two_attempts_in_one_log_are_no_break() -> None:
    stream = io.BytesIO()
    for attempt, steps in (("a", range(1, 4)), ("b", range(3, 7))):
        callback = LaneCallback(LaneEmitter(stream), attempt=attempt)
        callback.on_train_start(6, step=steps[0] - 1)
        for step in steps:
            callback.on_step_end(step, {"loss": 1 / step})
    run_log = read_lane_log(io.BytesIO(stream.getvalue()))

    assert (run_log.breaks, run_log.attempts, run_log.is_complete) == ((), 2, True)
    assert json.loads(json.dumps(run_log.stats)) == {"attempt": "b", "loss": 1 / 6}
