"""Blocked: says why, in the log and in the status file, and exits with 2."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from helix_tts_policy import LaneEmitter, write_train_status


def main() -> int:
    """This example brings no training with NeMo, only what a lane does that cannot train."""
    reason = "nemo_runtime_unavailable" if find_spec("nemo") is None else "managed_job_not_implemented"
    LaneEmitter().blocked(reason)
    write_train_status(
        "train_status.json",
        {"job_type": "tts_prod_train_nemo", "status": "blocked", "reason": reason, "artifacts": []},
    )
    return 2


if __name__ == "__main__":
    sys.exit(main())
