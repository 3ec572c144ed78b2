"""Killed in the middle, as by a kernel that is out of memory: no status file, no last word."""

from __future__ import annotations

import os
import signal

from helix_tts_policy import LaneEmitter


def main() -> None:
    """Half of the steps."""
    LaneEmitter().progress(5, 10)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
