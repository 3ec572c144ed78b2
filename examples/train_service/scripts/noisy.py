"""Writes megabytes of text, most of it in one line, with a signal at either end."""

from __future__ import annotations

import sys

from helix_tts_policy import LaneEmitter


def main() -> None:
    """More than a pipe holds, on both streams."""
    lane = LaneEmitter()
    lane.progress(1, 2)
    for stream in (sys.stderr, sys.stdout):
        stream.write("x" * 1_000_000 + "\n")
        stream.write("".join(f"line {number}\n" for number in range(20_000)))
    lane.progress(2, 2)


if __name__ == "__main__":
    main()
