"""Following a training run: look at its log, show it, notice its end.

The end is what says so: the run is blocked, its report or its status file tells the outcome, its process is gone, its pipe
is closed, or the log has not grown for as long as the caller said. All steps done is not the end.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

from helix_tts_policy.check_training import check_training_run
from helix_tts_policy.cli import UsageError
from helix_tts_policy.cli.lane_tail import FileTail, PipeTail
from helix_tts_policy.cli.lane_view import BarView, LineView
from helix_tts_policy.cli.options import STDIN_NAME, is_terminal
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.lane import Artifact, Malformed
from helix_tts_policy.facts.lane_log import Notice
from helix_tts_policy.facts.lane_source import LaneReader
from helix_tts_policy.facts.train_status import STATUS_NAME, read_train_status

if TYPE_CHECKING:
    import argparse

    from helix_tts_policy.cli.lane_view import View
    from helix_tts_policy.facts.lane_log import LaneEvent
    from helix_tts_policy.training_run_report import TrainingRunReport

FRESH_SECONDS = 5.0
"""How much older than the log a status file may be: it is written before the last lines, and never long before.

One that is older was left by another run, and says nothing about this one.
"""

MAX_SPOKEN = 1000
"""Artifacts, bracket lines and malformed lines that are told as they come: more than a run has that is well."""


def follow(arguments: argparse.Namespace) -> TrainingRunReport | None:
    """Follow a log to its end; the report on the run where the caller waits for it, else None.

    Raises:
        UsageError: the log is no regular file, or there is nothing to read from.
    """
    if arguments.log == "-" and sys.stdin is None:
        raise UsageError("-: standard input is closed; expected a log there")
    tail = PipeTail(sys.stdin.fileno()) if arguments.log == "-" else FileTail(arguments.log)
    view: View = BarView() if is_terminal(sys.stderr) else LineView(arguments.interval)
    reader = LaneReader()
    try:
        with closing(tail), closing(view):
            _watch(arguments, tail, reader, view)
    except MalformedInput as error:
        raise UsageError(str(error)) from None
    except BrokenPipeError:
        raise  # it is our own output that nobody reads any more
    except OSError as error:
        what = "-: standard input" if arguments.log == "-" else arguments.log
        raise UsageError(f"{what} cannot be read: {error.strerror}; expected a log there") from None
    if not arguments.until_done:
        return None
    status = _status_path(arguments)
    return check_training_run(
        reader.run(),
        status=status if arguments.status is not None or (status is not None and os.path.lexists(status)) else None,
        lane=arguments.lane,
        root=arguments.root,
        nemo_blocked=arguments.nemo_blocked,
        name=STDIN_NAME if arguments.log == "-" else arguments.log,
    )


def _watch(arguments: argparse.Namespace, tail: FileTail | PipeTail, reader: LaneReader, view: View) -> None:
    grown_at = time.monotonic()
    waiting = False
    spoken = 0
    while True:
        # Asked before the look: what a process wrote before its end is read by the look after it.
        is_gone = arguments.pid is not None and not _is_alive(arguments.pid)
        grown = False
        for piece in tail.look():
            grown = True
            if piece is None:
                reader.begin_file()
                view.say("the log begins anew")
                continue
            for event in reader.feed(piece):
                said = _said(event)
                if said is not None and spoken < MAX_SPOKEN:
                    spoken += 1
                    view.say(said if spoken < MAX_SPOKEN else "and more, which is not told one by one any more")
        now = time.monotonic()
        view.update(reader.tally.progress, reader.tally.stats, now)
        if grown:
            grown_at = now
            continue
        if tail.ended:
            return
        if arguments.until_done and (is_gone or _is_done(arguments, tail, reader)):
            return
        if arguments.idle is not None and now - grown_at >= arguments.idle:
            view.say(f"the log has not grown for {arguments.idle:g} s")
            return
        if not waiting and isinstance(tail, FileTail) and tail.changed_at() is None:
            waiting = True
            view.say(f"waiting for {arguments.log}")
        tail.wait()


def _said(event: LaneEvent) -> str | None:
    if isinstance(event, Artifact):
        return f"artifact {event.path}"
    if isinstance(event, Notice):
        return str(event)
    if isinstance(event, Malformed):
        return f"malformed ({event.reason}): {event.text}"
    return None


def _is_done(arguments: argparse.Namespace, tail: FileTail | PipeTail, reader: LaneReader) -> bool:
    tally = reader.tally
    if tally.blocked_reason is not None or "objective_status" in (tally.report or {}):
        return True
    path = _status_path(arguments)
    if path is None:
        return False
    try:
        written_at = os.stat(path).st_mtime  # noqa: PTH116 - a path as it was given
        state = read_train_status(path).state
    except (OSError, MalformedInput):
        return False  # not there yet, or not written as one piece; the report at the end says what is wrong with it
    changed_at = tail.changed_at()
    return state.is_final and (changed_at is None or written_at >= changed_at - FRESH_SECONDS)


def _status_path(arguments: argparse.Namespace) -> str | None:
    if arguments.status is not None or arguments.log == "-":
        path: str | None = arguments.status
        return path
    return os.path.join(os.path.dirname(arguments.log), STATUS_NAME)  # noqa: PTH118, PTH120 - as above


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
