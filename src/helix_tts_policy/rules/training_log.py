"""Rules over the lines of a training log: signals that are none, and lines that break the order of the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from helix_tts_policy.facts.lane import MAX_DEPTH, MAX_DIGITS, MAX_LINE_BYTES, MalformedReason
from helix_tts_policy.facts.lane_run import BreakKind
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.rule import Complaint
from helix_tts_policy.rules.training_subject import and_more

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from helix_tts_policy.facts.lane import Malformed
    from helix_tts_policy.rules.training_subject import TrainingSubject

EXPECTED: Final[Mapping[MalformedReason, str]] = {
    MalformedReason.PROGRESS_FIELDS: "two whole numbers of ASCII digits",
    MalformedReason.PROGRESS_RANGE: "no more steps done than there are",
    MalformedReason.NUMBER_TOO_LONG: f"whole numbers of at most {MAX_DIGITS} digits",
    MalformedReason.STATS_SYNTAX: "one JSON object",
    MalformedReason.STATS_NOT_OBJECT: "a JSON object",
    MalformedReason.STATS_DUPLICATE_KEY: "each key once",
    MalformedReason.STATS_NOT_FINITE: "finite numbers",
    MalformedReason.STATS_DEPTH: f"at most {MAX_DEPTH} levels",
    MalformedReason.ARTIFACT_EMPTY: "a path",
    MalformedReason.ARTIFACT_CONTROL: "a path without control characters",
    MalformedReason.ENCODING: "UTF-8",
    MalformedReason.LINE_BREAK: "one line",
    MalformedReason.LINE_TOO_LONG: f"at most {MAX_LINE_BYTES} bytes",
    MalformedReason.UNTERMINATED: "an end of the line, since this may be the beginning of a longer one",
}
"""What is said to be expected of a line, by what is wrong with it."""

_WRITE = "write signals with LaneEmitter, which refuses what cannot be read back"


def log_encoding(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        The log is bytes in which ASCII stands as such: it does not begin with the byte order mark of UTF-16.

    Why it is NO-GO:
        No signal can be found in it, so the log says nothing about the run.

    Example:
        `python train.py > run.log` in an older Windows shell writes UTF-16.

    Remedy:
        Write the log as UTF-8, or convert it.
    """
    if subject.run.utf16:
        yield Complaint("/log", "begins as UTF-16 does; expected UTF-8", "write the log as UTF-8, or convert it")


def signal_malformed(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        Every line that begins with `PROGRESS` or `ARTIFACT` and a blank is such a signal. A last line without its end is
        none, since it may be the beginning of a longer one.

    Why it is NO-GO:
        What the run meant to say is lost: how far it came, or where its files are.

    Example:
        `PROGRESS 5/10`

    Remedy:
        Write signals with `LaneEmitter`, which refuses what cannot be read back. A last line without its end tells of a
        writer that was stopped: look for why, and train again.
    """
    return _malformed(subject, lambda line: line.keyword != "STATS" or line.reason is MalformedReason.UNTERMINATED)


def stats_malformed(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        Every line that begins with `STATS` and a blank is followed by one JSON object: no repeated keys, whole numbers of
        at most 19 digits, at most 64 levels, at most 4096 bytes. Numbers that are not finite have a rule of their own.

    Why it is NO-GO:
        Figures of the run are lost, the loss among them.

    Example:
        `STATS {'loss': 0.5}` is Python's way to print a dictionary and no JSON.

    Remedy:
        Write figures with `LaneEmitter.stats`, or as `json.dumps` writes them.
    """
    apart = {MalformedReason.STATS_NOT_FINITE, MalformedReason.UNTERMINATED}
    return _malformed(subject, lambda line: line.keyword == "STATS" and line.reason not in apart)


def _malformed(subject: TrainingSubject, wanted: Callable[[Malformed], bool]) -> Iterator[Complaint]:
    for pointer, line, more in subject.malformed(wanted):
        yield Complaint(pointer, f"found {shown(line.text)}; expected {EXPECTED[line.reason]}{and_more(more)}", _WRITE)


def progress_regressed(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        Within an attempt and a phase, progress does not go back. A new attempt announces itself in STATS by another
        `attempt`, `attempt_id` or `run_id`, a new phase by another `phase` or `stage`; after a phase that is complete, the
        next one may begin at 0 or 1 without a word.

    Why it is NO-GO:
        Two runs write into one log, or one started over without saying so; then no line tells which weights it is about.

    Example:
        `PROGRESS 7 12`, then `PROGRESS 3 12`.

    Remedy:
        Give each run a log of its own, or let a resumed one announce itself, as `LaneCallback` does.
    """
    for pointer, each, more in subject.breaks(BreakKind.REGRESSED):
        yield Complaint(
            pointer,
            f"found {each.found} after {each.before}; expected no step back{and_more(more)}",
            'give each run a log of its own, or announce a new attempt with STATS {"attempt": ...}',
        )


def progress_total_changed(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        Within an attempt and a phase, the number of all steps stays the same.

    Why it is NO-GO:
        The plan of the run changed while it ran, so that its last line does not tell whether all of it was done.

    Example:
        `PROGRESS 3 12`, then `PROGRESS 4 10`.

    Remedy:
        State all steps from the beginning. Where training has several parts, announce each with `STATS {"phase": ...}`.
    """
    for pointer, each, more in subject.breaks(BreakKind.TOTAL_CHANGED):
        yield Complaint(
            pointer,
            f"found {each.found} after {each.before}; expected the same total{and_more(more)}",
            'state all steps from the beginning, or announce a new part with STATS {"phase": ...}',
        )


def order_broken(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        Each tick is PROGRESS, then STATS, then ARTIFACT: no figures and no file before the first PROGRESS, and no figures
        after a file before the next PROGRESS.

    Why it is NO-GO:
        Figures are read as those of the progress before them. Out of order they may be of another step, or of another run.

    Example:
        `PROGRESS 5 10`, `ARTIFACT out/5.ckpt`, `STATS {"loss": 0.5}`

    Remedy:
        Write the three in their order, or let `LaneCallback` do it. Of several processes let only one write.
    """
    for pointer, each, more in subject.breaks(BreakKind.OUT_OF_ORDER):
        before = f"after {each.before}" if each.before else "before the first PROGRESS"
        yield Complaint(
            pointer,
            f"found {each.found} {before}; expected PROGRESS, then STATS, then ARTIFACT{and_more(more)}",
            "write each tick in this order, from one process",
        )


def progress_incomplete(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        The log has progress, and the last of each phase has all steps done. A run that says itself that it did not
        complete is told by `run-blocked` and `run-not-completed`.

    Why it is NO-GO:
        Training ended early, whatever its exit code was: after SIGTERM in the middle of training NeMo exits with 0.

    Example:
        A log that ends with `PROGRESS 7 12`.

    Remedy:
        Find out why training ended, and resume it, or train again.
    """
    run = subject.run
    tip = "find out why training ended, and resume it or train again"
    for pointer, each, more in subject.breaks(BreakKind.PHASE_UNFINISHED):
        yield Complaint(
            pointer, f"found {each.found} after {each.before}; expected a complete phase{and_more(more)}", tip
        )
    if subject.says_that_it_failed or run.utf16:
        return
    if run.progress is None:
        yield Complaint(
            "/log", "found no PROGRESS; expected all steps done", "name the log of the run, from its beginning"
        )
    elif run.progress.current < run.progress.total:
        yield Complaint("/log/progress", f"found {run.progress} as the last progress; expected all steps done", tip)


def no_training_steps(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        There was at least one step to do.

    Why it is NO-GO:
        Nothing was trained. A framework that is told to do no steps saves its untrained weights and exits with 0.

    Example:
        A log whose last progress is `PROGRESS 0 0`.

    Remedy:
        Look at the number of steps in the configuration, and whether a batch is larger than the data.
    """
    progress = subject.run.progress
    if progress is not None and progress.total == 0 and not subject.says_that_it_failed:
        yield Complaint(
            "/log/progress",
            f"found {progress} as the last progress; expected steps to do",
            "look at max_steps, and whether a batch is larger than the data",
        )


def signal_glued(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        No signal stands behind other text in its line. The first two megabytes of the log are looked at.

    Why it is a warning:
        Such a signal is lost, because a keyword counts only where a line begins. Mostly a progress bar on the same stream
        left the line open.

    Example:
        `Epoch 0:  50%| 1/2 [00:00<00:00, 5.93it/s]PROGRESS 2 6`

    Remedy:
        Write signals with `LaneEmitter`, which begins a new line where it is not alone on its stream, or give the lane a
        descriptor of its own.
    """
    if subject.run.glued:
        lines = "1 line" if subject.run.glued == 1 else f"{subject.run.glued} lines"
        yield Complaint(
            "/log/first_glued",
            f"found signals behind other text in {lines} of the log's beginning; expected them where a line begins",
            "write signals with LaneEmitter, or on a descriptor of their own",
        )


def log_beyond_bounds(subject: TrainingSubject) -> Iterator[Complaint]:
    """What it checks:
        All figures, artifacts and bracket lines of the log were kept: up to 256 keys of STATS, 1000 artifacts and 50 lines.

    Why it is a note:
        What is beyond these bounds was not looked at.

    Example:
        A script that puts the step into the keys, as in `STATS {"loss_step_120": 0.5}`.

    Remedy:
        Write figures under names that stay the same.
    """
    if subject.run.untold:
        yield Complaint(
            "/log",
            f"found more figures, artifacts or bracket lines than are kept, {subject.run.untold} in all; expected fewer",
            "write figures under names that stay the same, and name only files that matter",
        )
