"""A run of a training lane: its folder, its lane, its status file and its outcome.

Rules kept here:

- ``train_status.json`` tells the truth at every moment: ``running`` from the beginning, and at the end what happened. A run
  that was killed leaves ``running`` behind, which is no outcome.
- A folder holds one run. One that completed is not touched again; one that broke off goes on only where that was asked for.
- Whatever ends a run ends it with a reason, an exit code and a status file; a full disk, too, for which room is kept.
- Every lane line goes to standard output and into ``lane.log``. Where nobody reads the lane any more, the run ends as a
  program ends that writes into a closed pipe.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import sys
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.blocker_reasons import parse_reason, remedy_of
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.lane import Artifact, Progress, Stats, parse_signal
from helix_tts_policy.facts.train_status import STATUS_NAME, TrainState, read_train_status
from helix_tts_policy.finding import printable
from helix_tts_policy.lane_emitter import LaneEmitter
from helix_tts_policy.train_status_writer import write_train_status
from helix_tts_policy.training_process import DISK_FULL, SignalWatch, Terminated, run_child
from helix_tts_policy.whole_folder import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helix_tts_policy.training_process import ChildEnd, TimeLimit

EXIT_DONE, EXIT_FAILED, EXIT_BLOCKED = 0, 1, 2

LANE_LOG: Final = "lane.log"
TRAIN_LOG: Final = "train.log"
RECORD_NAME: Final = "run.json"
CHECKPOINTS: Final = "checkpoints"
"""Folder of the checkpoints; a run that has some is gone on with, or left alone."""

_LOCK_NAME, _RESERVE_NAME = ".lock", ".reserve"

RESERVE_BYTES: Final = 128 * 1024
"""Room kept for the status file and the last lines of the logs of a run whose disk is full."""

_MAX_MESSAGE = 2000


class FolderRefused(Exception):  # noqa: N818 - it says what is the matter
    """The folder cannot hold this run, or holds another one, which is left as it is; the message is one line."""


class RunEnded(Exception):  # noqa: N818 - what happened
    """The run ends here, for a reason.

    Attributes:
        reason: a code, or ``code:detail``.
        message: what is to be said to people.
        details: fields for the status file.
    """

    def __init__(self, reason: str, message: str, **details: Any) -> None:
        super().__init__(reason, message)
        self.reason = reason if parse_reason(reason) is not None else reason.partition(":")[0]
        self.message = message
        self.details = details


class RunBlocked(RunEnded):
    """Nothing was trained, for a reason that somebody has to take away first."""


class RunFailed(RunEnded):
    """The run went wrong, or what it made does not stand up to a second look."""


class _ReaderLeft(Exception):  # noqa: N818 - what happened
    """Nobody reads the lane any more."""


class TrainingRun:
    """A run in its folder.

    Attributes:
        folder: where everything of the run lies.
        attempt: id of this attempt.
        resumed: whether an earlier attempt is gone on with.
        progress: steps done, of how many, of all stages together.
        stats: of every key of STATS the last value.
        artifacts: paths of the files that were told, below the folder.
        watch: knows of signals.
    """

    def __init__(
        self, folder: str | os.PathLike[str], *, job_type: str, total: int, record: Mapping[str, Any], resume: bool
    ) -> None:
        """Take a folder for a run.

        Args:
            folder: made where it is missing.
            job_type: the lane.
            total: steps of all stages.
            record: what defines the run; a run is gone on with only under an equal one.
            resume: whether a run that broke off is to go on.

        Raises:
            FolderRefused: there is another run, or something else, or nothing to go on with.
            OSError: the folder cannot be made or written to.
        """
        self.folder = Path(os.path.abspath(folder))  # noqa: PTH100 - links stay as they are named
        self.attempt = secrets.token_hex(6)
        self.progress = Progress(0, total)
        self.stats: dict[str, Any] = {}
        self.artifacts: list[str] = []
        self.watch = SignalWatch()
        self._reserve = self.folder / _RESERVE_NAME
        self._job_type = job_type
        self._started = datetime.now(UTC)
        self._lane: LaneEmitter | None = LaneEmitter(exclusive=True)
        self._told = False
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.folder / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.resumed = self._claim(dict(record), resume=resume)
        except BlockingIOError:
            os.close(self._lock)
            raise FolderRefused(
                f"{printable(str(folder))}: a run is going on there; expected a folder of its own"
            ) from None
        except BaseException:
            os.close(self._lock)
            raise
        self._lane_log = open(self.folder / LANE_LOG, "ab", buffering=0)  # noqa: SIM115, PTH123 - open as long as the run
        self._log = open(self.folder / TRAIN_LOG, "ab", buffering=0)  # noqa: SIM115, PTH123 - as above
        self._lane_copy = LaneEmitter(self._lane_log, exclusive=True)

    def _claim(self, record: dict[str, Any], *, resume: bool) -> bool:
        name = printable(str(self.folder))
        kept = self.folder / RECORD_NAME
        state = None
        with suppress(MalformedInput):
            state = read_train_status(self.folder / STATUS_NAME).state
        if state is TrainState.COMPLETED:
            raise FolderRefused(f"{name}: found a completed run; expected a folder of its own for each run")
        if state is None or (state is TrainState.BLOCKED and not any((self.folder / CHECKPOINTS).glob("*"))):
            strange = {entry.name for entry in self.folder.iterdir()} - _OWN_NAMES
            if state is None and strange:
                raise FolderRefused(f"{name}: found {printable(min(strange))}; expected an empty folder for a new run")
            if resume:
                raise FolderRefused(
                    f"{name}: found no run to go on with; expected one that broke off; a new one takes no --resume"
                )
            for log in (LANE_LOG, TRAIN_LOG):
                (self.folder / log).unlink(missing_ok=True)
            replace_file(kept, json.dumps(record, indent=2).encode() + b"\n")
            return False
        if not resume:
            raise FolderRefused(f"{name}: found a run that broke off; resume it with --resume, or name another folder")
        try:
            same = json.loads(kept.read_bytes()) == json.loads(json.dumps(record))
        except (OSError, ValueError):
            same = False
        if not same:
            raise FolderRefused(
                f"{name}: found a run under another configuration or data; expected the one that broke off"
            )
        return True

    def say(self, text: str) -> None:
        """Tell people something: on standard error, and in the log."""
        self.take_output(f"{printable(text)}\n".encode())

    def take_output(self, data: bytes) -> None:
        """Hand on what a child prints: to standard error, and into the log.

        Raises:
            OSError: the log cannot be written.
        """
        self._log.write(data)
        with suppress(OSError, ValueError):  # who reads standard error may be gone, and the log has it
            sys.stderr.buffer.write(data)
            sys.stderr.buffer.flush()

    def take_lane(self, line: bytes) -> None:
        """Hand on a line of a child's lane; what is no line of the lane goes into the log."""
        event = parse_signal(line)
        if isinstance(event, Progress):
            self.tell_progress(event.current)
        elif isinstance(event, Stats):
            self.tell_stats(event.values)
        elif isinstance(event, Artifact):
            self.tell_artifact(event.path)
        elif line:
            self.take_output(line + b"\n")

    def tell_progress(self, current: int) -> None:
        """So many steps of all stages are done."""
        self.progress = Progress(current, self.progress.total)
        self._told = True
        self._speak(lambda lane: lane.progress(*self.progress))

    def tell_stats(self, values: Mapping[str, Any]) -> None:
        """Figures of the run; before any progress was told, that is told first."""
        if not self._told:
            self.tell_progress(self.progress.current)
        self.stats.update(values)
        self._speak(lambda lane: lane.stats(values))

    def tell_artifact(self, path: str | os.PathLike[str]) -> None:
        """A file of the run is complete; told by its path below the folder."""
        name = os.path.relpath(os.path.join(self.folder, path), self.folder)  # noqa: PTH118 - absolute or not
        if name not in self.artifacts:
            self.artifacts.append(name)
        self._speak(lambda lane: lane.artifact(name))

    def _speak(self, say: Callable[[LaneEmitter], None]) -> None:
        say(self._lane_copy)
        if self._lane is not None:
            say(self._lane)
            if self._lane.reader_left:
                self._lane = None
                raise _ReaderLeft

    def run(
        self,
        command: Sequence[str],
        *,
        lane: Callable[[bytes], None] | None = None,
        environment: Mapping[str, str | None] | None = None,
        limit: TimeLimit | None = None,
    ) -> ChildEnd:
        """Run a child of this run to its end; what it prints goes to standard error and into the log.

        Args:
            command: program and arguments.
            lane: takes the lines of its lane, `take_lane` mostly; without it the child has none.
            environment: variables that differ; None for one that is to be unset.
            limit: when it is killed.

        Raises:
            OSError: it cannot be started, or the log cannot be written.
        """
        return run_child(
            command,
            output=self.take_output,
            watch=self.watch,
            lane=lane,
            environment=environment,
            limit=limit,
        )

    def _end(self, state: str, reason: str | None, message: str | None, details: Mapping[str, Any]) -> None:
        """Tell the outcome, in the status file first, whatever else can still be told."""
        self.watch.held = True
        self._reserve.unlink(missing_ok=True)
        self._write_status(state, reason, None if message is None else message[:_MAX_MESSAGE], details)
        with suppress(_ReaderLeft, OSError):
            self.tell_progress(self.progress.current)
            self.tell_stats({"status": state} if reason is None else {"status": state, "reason": reason})
            if state == "blocked":
                self._speak(lambda lane: lane.blocked(str(reason)))
            self.tell_artifact(STATUS_NAME)
        with suppress(OSError):
            self.say(f"{self._job_type}: {state}" + (f" ({reason}): {message}" if reason else ""))
            if state == "blocked":
                self.say(f"what to do: {remedy_of(reason)}")

    def _write_status(self, state: str, reason: str | None, message: str | None, details: Mapping[str, Any]) -> None:
        ended = None if state == "running" else datetime.now(UTC)
        write_train_status(
            self.folder / STATUS_NAME,
            {
                "job_type": self._job_type,
                "status": state,
                "reason": reason,
                "message": message,
                "attempt": self.attempt,
                "resumed": self.resumed,
                "started_at": self._started.isoformat(timespec="seconds"),
                "ended_at": None if ended is None else ended.isoformat(timespec="seconds"),
                "progress": {"current": self.progress.current, "total": self.progress.total},
                "stats": {key: value for key, value in self.stats.items() if key not in {"status", "reason"}},
                "artifacts": self.artifacts if ended is None else [*dict.fromkeys([*self.artifacts, STATUS_NAME])],
                **details,
            },
        )

    def supervise(self, body: Callable[[TrainingRun], Mapping[str, Any]], *, passing: Sequence[str] = ()) -> int:
        """Do the work of a run, and tell its outcome whatever it is.

        Args:
            body: does the work, and returns fields for the status file of the completed run. It raises `RunBlocked`,
                `RunFailed` or `OSError` where it cannot.
            passing: folders of the run that nobody needs once it is completed; they are removed then.

        Returns:
            The exit code: 0 completed, 2 blocked, 1 failed, 128 and the number of the signal that ended it.
        """
        with self.watch, closing(self):
            try:
                self._begin()
                self._end("completed", None, None, body(self))
            except RunBlocked as end:
                self._end("blocked", end.reason, end.message, end.details)
                return EXIT_BLOCKED
            except RunFailed as end:
                self._end("error", end.reason, end.message, end.details)
                return EXIT_FAILED
            except Terminated as end:
                name = signal.Signals(end.number).name
                self._end("error", f"terminated_by_signal:{name}", f"{name} ended the run; resume it with --resume", {})
                return 128 + end.number
            except _ReaderLeft:
                message = "nobody reads the lane any more; have it read or written to a file, and use --resume"
                self._end("error", "terminated_by_signal:SIGPIPE", message, {})
                return 128 + signal.SIGPIPE
            except BaseException as error:
                if isinstance(error, OSError) and error.errno in DISK_FULL:
                    self._end("error", "out_of_disk", str(error), {})
                    return EXIT_FAILED
                self._end("error", "internal_error", f"{type(error).__name__}: {error}", {})
                raise
            for name in passing:
                shutil.rmtree(self.folder / name, ignore_errors=True)
        return EXIT_DONE

    def _begin(self) -> None:
        with self._reserve.open("wb") as file:
            file.write(bytes(RESERVE_BYTES))
            os.fsync(file.fileno())
        self._write_status("running", None, None, {})

    def close(self) -> None:
        """Let go of the folder."""
        self._reserve.unlink(missing_ok=True)
        self._lane_log.close()
        self._log.close()
        os.close(self._lock)


_OWN_NAMES = frozenset(
    {
        LANE_LOG,
        TRAIN_LOG,
        RECORD_NAME,
        f".{RECORD_NAME}.new",
        STATUS_NAME,
        f".{STATUS_NAME}.tmp",
        _LOCK_NAME,
        _RESERVE_NAME,
    }
)
"""What a run that trained nothing leaves in its folder."""
