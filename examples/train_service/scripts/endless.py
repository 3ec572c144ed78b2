"""Goes on for ever together with a process that it started, and listens to no request to end.

Both hold a lock on ``alive``, which is free again only when both are gone.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from pathlib import Path

from helix_tts_policy import LaneEmitter


def main() -> None:
    """One step, then nothing."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with Path("alive").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.fork() != 0:
            LaneEmitter().progress(1, 3)
        while True:
            time.sleep(60)


if __name__ == "__main__":
    main()
