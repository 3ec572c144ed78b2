"""``python -m examples.train_service``: serves on 127.0.0.1, and says where."""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path

import uvicorn

from .app import create_app
from .jobs import Jobs, read_lanes

HERE = Path(__file__).parent
GRACE_SECONDS = 10.0


def main() -> None:
    """Serve until a signal ends it; the training scripts end first."""
    parser = argparse.ArgumentParser(prog="train_service", description="A small training service.")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    parser.add_argument("--lanes", type=Path, default=HERE / "lanes.toml", help="the command of each job type")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="the folder in which each job gets a folder")
    parser.add_argument("--voices", type=Path, help="the folder below which weights may be looked at")
    parser.add_argument("--places", type=int, default=2, help="jobs that run at the same time")
    parser.add_argument("--remembered", type=int, default=500, help="jobs whose records are kept in memory")
    parser.add_argument(
        "--grace", type=float, default=GRACE_SECONDS, help="seconds that scripts have to end themselves"
    )
    arguments = parser.parse_args()
    try:
        lanes = read_lanes(arguments.lanes)
    except (OSError, ValueError) as error:
        parser.error(f"{arguments.lanes}: {error}")
    jobs = Jobs(
        lanes,
        arguments.runs.resolve(),
        places=arguments.places,
        remembered=arguments.remembered,
        grace=arguments.grace,
    )
    # Bound here, so that the port is known, and a client may connect, before the first word is printed.
    with socket.create_server(("127.0.0.1", arguments.port)) as listening:
        sys.stdout.write(f"serving on http://127.0.0.1:{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        config = uvicorn.Config(
            create_app(jobs, arguments.voices), log_level="warning", timeout_graceful_shutdown=int(GRACE_SECONDS)
        )
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
