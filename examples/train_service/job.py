"""What is known of one training job, while it runs and after.

Rules kept here:

- Standard output goes to `LaneLogParser` as it comes, in pieces of any size; standard error is only shown.
- Whatever a script writes, the record has a bound: the files in the run's folder have everything.
- A record is written by the thread that runs the job, and read by those that answer requests, under one lock.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from enum import StrEnum
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from helix_tts_policy import Artifact, LaneLogParser, Malformed, Progress, Stats

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_LOG_LINES = 200
"""Lines that the record shows; a client that wants more reads the files."""

MAX_LINE_CHARACTERS = 400
"""Characters of a line that are shown."""

MAX_STATS = 256
MAX_ARTIFACTS = 1000
"""What the record keeps of each; the library's own summary has the same bounds, and tells what is beyond them."""

MAX_MALFORMED = 10
"""Malformed lines that are shown; the rest are counted."""


class JobState(StrEnum):
    """How a job stands: exit code 0 is done, anything else is error."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    ERROR = "error"

    @property
    def is_final(self) -> bool:
        """Whether nothing more is to come."""
        return self in {JobState.DONE, JobState.ERROR}


class Job:
    """One job.

    Attributes:
        id: its name, and that of the folder in which it runs.
        type: the job type, which is the lane.
        state: how it stands.
    """

    def __init__(self, job_type: str) -> None:
        self.id = uuid4().hex
        self.type = job_type
        self.state = JobState.PENDING
        self._lock = Lock()
        self._message = "waiting for a free place"
        self._started_at: datetime | None = None
        self._ended_at: datetime | None = None
        self._parser = LaneLogParser()
        self._progress = Progress(0, 0)
        self._stats: dict[str, Any] = {}
        self._artifacts: dict[str, None] = {}
        self._malformed_count = 0
        self._malformed: list[Malformed] = []
        self._outcome: dict[str, Any] = {}
        self._tail: deque[str] = deque(maxlen=MAX_LOG_LINES)
        self._lines = {"stdout": _Lines(), "stderr": _Lines()}

    def begin(self, pid: int) -> None:
        """Its process runs."""
        with self._lock:
            self.state = JobState.RUNNING
            self._message = "running"
            self._started_at = datetime.now(UTC)
            self._outcome = {"pid": pid}

    def take(self, stream: str, data: bytes) -> None:
        """Its process wrote something."""
        with self._lock:
            self._tail.extend(self._lines[stream].feed(data))
            if stream == "stdout":
                self._take_events(self._parser.feed(data))

    def close(self) -> None:
        """Its process writes nothing more."""
        with self._lock:
            self._take_events(self._parser.close())
            for lines in self._lines.values():
                self._tail.extend(lines.close())

    def end(self, state: JobState, message: str, outcome: Mapping[str, Any] | None = None) -> None:
        """It is over."""
        with self._lock:
            self.state = state
            self._message = message
            self._ended_at = datetime.now(UTC)
            self._outcome |= outcome or {}

    def to_dict(self, *, logs: bool = True) -> dict[str, Any]:
        """The record, in the shape that the first service gave it."""
        with self._lock:
            record: dict[str, Any] = {
                "id": self.id,
                "type": self.type,
                "state": self.state.value,
                "message": self._message,
                "progress": self._progress._asdict(),
                "metadata": {
                    "stats": dict(self._stats),
                    "malformed": {
                        "count": self._malformed_count,
                        "first": [line._asdict() for line in self._malformed],
                    },
                    **self._outcome,
                },
                "artifactRefs": list(self._artifacts),
                "logs": list(self._tail) if logs else [],
                "startedAt": _told(self._started_at),
                "endedAt": _told(self._ended_at),
            }
        return record

    def _take_events(self, events: Iterable[object]) -> None:
        for event in events:
            match event:
                case Progress():
                    self._progress = event
                case Stats(values):
                    for key, value in values.items():
                        if key in self._stats or len(self._stats) < MAX_STATS:
                            self._stats[key] = value
                case Artifact(path):
                    if len(self._artifacts) < MAX_ARTIFACTS:
                        self._artifacts[path] = None
                case Malformed():
                    self._malformed_count += 1
                    if len(self._malformed) < MAX_MALFORMED:
                        self._malformed.append(event)


class _Lines:
    """Cuts a stream into the lines that a terminal would show; only for people, signals are the parser's business."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-4 * MAX_LINE_CHARACTERS :]  # UTF-8 has at most four bytes for a character
        return [_shown(line) for line in lines]

    def close(self) -> list[str]:
        return [_shown(self._rest)] if self._rest else []


def _shown(line: bytes) -> str:
    visible = line.removesuffix(b"\r").rpartition(b"\r")[2]
    return visible[: 4 * MAX_LINE_CHARACTERS].decode("utf-8", "replace")[:MAX_LINE_CHARACTERS]


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="milliseconds")
