"""Exits with 0 and a status file that says completed, although its log stops in the middle."""

from __future__ import annotations

from helix_tts_policy import LaneEmitter, write_train_status


def main() -> None:
    """Seven of twelve steps, and a claim of twelve."""
    lane = LaneEmitter()
    lane.progress(7, 12)
    lane.stats({"loss": 0.5})
    write_train_status(
        "train_status.json",
        {
            "job_type": "tts_prod_train",
            "state": "completed",
            "progress": {"current": 12, "total": 12},
            "stats": {"loss": 0.125},
            "artifacts": ["out/voice.json"],
        },
    )


if __name__ == "__main__":
    main()
