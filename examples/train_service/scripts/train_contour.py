"""Trains for real, if little: the base frequency of a voice over the length of a sentence, as a line through measurements.

This is how a lane is meant to be: signals through `LaneCallback`, the model complete before it is named, a status file at the end.
"""

from __future__ import annotations

import json
from pathlib import Path

from helix_tts_policy import LaneCallback, LaneEmitter, write_train_status

MEASURED = ((0.0, 5.41), (0.25, 5.34), (0.5, 5.31), (0.75, 5.22), (1.0, 5.18))
"""Position in the sentence, and the logarithm of the base frequency there."""

EPOCHS = 40
RATE = 0.4


def main() -> None:
    """Gradient descent on the squared error."""
    lane = LaneCallback(LaneEmitter(), every=10)
    lane.on_train_start(EPOCHS)
    slope, level, loss = 0.0, 0.0, 0.0
    for epoch in range(1, EPOCHS + 1):
        errors = [(slope * at + level - measured, at) for at, measured in MEASURED]
        slope -= RATE * 2 * sum(error * at for error, at in errors) / len(errors)
        level -= RATE * 2 * sum(error for error, _ in errors) / len(errors)
        loss = sum((slope * at + level - measured) ** 2 for at, measured in MEASURED) / len(MEASURED)
        lane.on_step_end(epoch, {"epoch": epoch, "loss": loss})
    model = Path("out", "contour.json")
    model.parent.mkdir()
    model.write_text(json.dumps({"slope": slope, "level": level}) + "\n", encoding="utf-8")
    lane.on_artifact(model)
    write_train_status(
        "train_status.json",
        {
            "job_type": "tts_prod_train",
            "state": "completed",
            "progress": {"current": EPOCHS, "total": EPOCHS},
            "stats": {"loss": loss},
            "artifacts": [str(model)],
        },
    )


if __name__ == "__main__":
    main()
