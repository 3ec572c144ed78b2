"""From a training log, and what else there is of a run, to a report.

Bad input never raises out of the check, it becomes findings; misuse by the caller raises `TypeError`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from helix_tts_policy.document import open_regular, unreadable
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.lane_registry import lane_named
from helix_tts_policy.facts.lane_run import LaneRun
from helix_tts_policy.facts.lane_source import read_lane_log
from helix_tts_policy.facts.run_artifacts import observe_artifacts
from helix_tts_policy.facts.train_status import read_status_document, status_of
from helix_tts_policy.rules.training_subject import TrainingSubject
from helix_tts_policy.training_run_report import TrainingRunReport

if TYPE_CHECKING:
    from typing import TypeAlias

    from helix_tts_policy.facts.lane_source import ByteStream
    from helix_tts_policy.facts.train_status import StatusDocument, TrainStatus

    StatusSource: TypeAlias = str | os.PathLike[str] | bytes | Mapping[str, Any]


def check_training_run(
    log: str | os.PathLike[str] | ByteStream | LaneRun,
    *,
    status: StatusSource | None = None,
    lane: str | None = None,
    root: str | os.PathLike[str] | None = None,
    nemo_blocked: str | None = None,
    name: str | None = None,
) -> TrainingRunReport:
    """Check a training run: its log alone, or with its status file, its lane and its files.

    Args:
        log: a path; a stream of bytes, which is read to its end; or what was read of a log, with its places.
        status: the status file: a path, the JSON text as `bytes`, or a mapping. Without it the report has a note.
        lane: the lane that made the run; by default the one that the status file states.
        root: the folder in which the artifacts lie. Without it the report has a note.
        nemo_blocked: the recorded reason for which NeMo is blocked, where the run is one of the backup lane.
        name: what findings call the log; by default the path as given, or ``<stream>``.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: the log was read without its places.
    """
    for given, value in (("lane", lane), ("nemo_blocked", nemo_blocked)):
        if not isinstance(value, str | None):
            raise TypeError(f"{given}: expected text, found {type(value).__name__}")
    if isinstance(log, LaneRun) and log.places is None:
        raise ValueError("log: found one that was read without its places; expected read_lane_log(..., places=True)")
    name = name or (os.fspath(log) if isinstance(log, str | os.PathLike) else "<stream>")
    malformed: list[MalformedInput] = []
    run: LaneRun | None = None
    digest: str | None = None
    try:
        run, digest = (log, None) if isinstance(log, LaneRun) else _read_log(log, name)
    except MalformedInput as error:
        malformed.append(error)
    missing = status if isinstance(status, str | os.PathLike) and not os.path.lexists(status) else None
    document: StatusDocument | None = None
    stated: TrainStatus | None = None
    if status is not None and missing is None:
        try:
            if isinstance(status, Mapping):
                stated = status_of(dict(status), None, "<status>")
            else:
                document = read_status_document(status, name="<status>" if isinstance(status, bytes) else None)
                stated = status_of(document.fields, document.text, document.name)
        except MalformedInput as error:
            malformed.append(error)
    subject = None
    if run is not None and run.places is not None:
        own = None if stated is None or stated.lane is None else lane_named(stated.lane)
        lane_name = lane if lane is not None or stated is None else stated.lane
        files = None
        if root is not None:
            files = observe_artifacts(root, (*run.artifacts, *(() if stated is None else stated.artifacts)))
        subject = TrainingSubject(
            run=run,
            places=run.places,
            status=stated,
            status_asked=status is not None,
            status_missing=None if missing is None else os.fspath(missing),
            lane_name=lane_name,
            lane=None if lane_name is None else lane_named(lane_name),
            stated_lane=own,
            nemo_blocked=nemo_blocked,
            files=files,
        )
    return TrainingRunReport(name, subject=subject, digest=digest, document=document, malformed=tuple(malformed))


def _read_log(log: str | os.PathLike[str] | ByteStream, name: str) -> tuple[LaneRun, str]:
    """What the log says, and its digest, of one and the same reading."""
    if not isinstance(log, str | os.PathLike):
        if not callable(getattr(log, "read", None)):
            raise TypeError(f"log: expected a path, a stream of bytes or a LaneRun, found {type(log).__name__}")
        stream = _Digesting(log)
        return read_lane_log(stream, places=True), stream.digest.hexdigest()
    with os.fdopen(open_regular(log, source=name), "rb", buffering=0) as file:
        stream = _Digesting(file)
        try:
            return read_lane_log(stream, places=True), stream.digest.hexdigest()
        except OSError as error:
            raise unreadable(name, f"cannot be read: {error.strerror}", "name an existing, readable log") from None


class _Digesting:
    """A stream of bytes that knows the digest of what was read of it."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        if isinstance(data, bytes):
            self.digest.update(data)
        return data
