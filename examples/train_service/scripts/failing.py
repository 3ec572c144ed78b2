"""Fails, and says why in the status file, in the shape of the oldest lane."""

from __future__ import annotations

import sys

from helix_tts_policy import write_train_status


def main() -> int:
    """The reason stands in the status file alone; standard error has the trace."""
    sys.stderr.write("Traceback (most recent call last):\n  ...\nMemoryError\n")
    write_train_status(
        "train_status.json",
        {"status": "error", "message": "out of memory in batch 3", "timestamp": "2026-11-25T04:00:00Z"},
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
