"""Ends at once, and leaves a process behind that holds its pipes open and writes on.

With ``--escape`` that process leaves the group of the script first; it ends when nobody reads its pipe any more.
"""

from __future__ import annotations

import os
import sys
import time

from helix_tts_policy import LaneEmitter


def main() -> None:
    """The one that stays is a copy of this process."""
    if os.fork() == 0:
        if "--escape" in sys.argv:
            os.setsid()
        while True:
            os.write(2, b"still here\n")
            time.sleep(0.01)
    time.sleep(0.1)
    LaneEmitter().progress(1, 1)


if __name__ == "__main__":
    main()
