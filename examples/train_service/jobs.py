"""All jobs of the service: which may be started, which run, which wait, and how everything ends with the service."""

from __future__ import annotations

import signal
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import ExitStack
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, TypeAdapter

from .job import Job, JobState
from .outcome import STDERR_NAME, STDOUT_NAME, outcome_of
from .process import TrainingProcess

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

_LANES = TypeAdapter(dict[str, Annotated[list[str], Field(min_length=1)]])


class UnknownJobTypeError(Exception):
    """A job type that the lanes file does not have."""


class TooManyJobsError(Exception):
    """As many jobs as the service remembers wait or run already, or the service is ending."""


def read_lanes(path: Path) -> dict[str, list[str]]:
    """The command of each job type.

    In a command ``{python}`` stands for the interpreter of the service, and ``{here}`` for the folder of the file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no TOML, or not of that shape.
    """
    lanes = _LANES.validate_python(tomllib.loads(path.read_text("utf-8")), strict=True)
    here = str(path.resolve().parent)
    return {
        job_type: [word.replace("{python}", sys.executable).replace("{here}", here) for word in words]
        for job_type, words in lanes.items()
    }


class Jobs:
    """The jobs of one service; its methods may be called from any thread."""

    def __init__(
        self, lanes: Mapping[str, Sequence[str]], runs: Path, *, places: int, remembered: int, grace: float
    ) -> None:
        """No jobs yet.

        Args:
            lanes: the command of each job type.
            runs: the folder in which each job gets a folder.
            places: jobs that run at the same time.
            remembered: jobs that are remembered; of those that have ended the oldest is forgotten first.
            grace: seconds that scripts have to end themselves when the service ends.
        """
        self._lanes = lanes
        self._runs = runs
        self._remembered = remembered
        self._grace = grace
        self._lock = Lock()
        self._jobs: dict[str, Job] = {}
        self._processes: dict[str, TrainingProcess] = {}
        self._closing = False
        self._threads = ThreadPoolExecutor(places, thread_name_prefix="job")
        self._futures: set[Future[None]] = set()

    @property
    def types(self) -> list[str]:
        """The job types that can be started."""
        return sorted(self._lanes)

    def start(self, job_type: str) -> Job:
        """A new job, which runs as soon as there is a place for it.

        Raises:
            UnknownJobTypeError: there is no such job type.
            TooManyJobsError: too many wait already, or the service is ending.
        """
        if job_type not in self._lanes:
            raise UnknownJobTypeError
        job = Job(job_type)
        with self._lock:
            if self._closing:
                raise TooManyJobsError
            if len(self._jobs) >= self._remembered:
                over = next((old for old in self._jobs.values() if old.state.is_final), None)
                if over is None:
                    raise TooManyJobsError
                del self._jobs[over.id]
            self._jobs[job.id] = job
            future = self._threads.submit(self._run, job)
            self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        return job

    def get(self, job_id: str) -> Job | None:
        """The job of that id; None where there is none, or it was forgotten."""
        return self._jobs.get(job_id)

    def status(self) -> dict[str, Any]:
        """How all jobs stand, the last one first, without their logs."""
        with self._lock:
            jobs = list(reversed(self._jobs.values()))
        records = [job.to_dict(logs=False) for job in jobs]
        counts = {state.value: sum(record["state"] == state for record in records) for state in JobState}
        active = next((state.value for state in (JobState.RUNNING, JobState.PENDING) if counts[state]), None)
        return {"state": active or (records[0]["state"] if records else "idle"), "counts": counts, "jobs": records}

    def reset(self) -> None:
        """Forget the jobs that have ended; their folders stay, and so does what runs or waits."""
        with self._lock:
            self._jobs = {job.id: job for job in self._jobs.values() if not job.state.is_final}

    def close(self) -> None:
        """End everything: ask first, and kill what has not ended after the grace. Nothing can be started any more."""
        with self._lock:
            self._closing = True
            processes = list(self._processes.values())
        for process in processes:
            process.signal(signal.SIGTERM)
        self._threads.shutdown(wait=False, cancel_futures=True)
        wait_for(set(self._futures), timeout=self._grace)
        for process in processes:
            process.signal(signal.SIGKILL)
        self._threads.shutdown()

    def _run(self, job: Job) -> None:
        folder = self._runs / job.id
        try:
            with ExitStack() as opened:
                folder.mkdir(parents=True)
                logs = {
                    "stdout": opened.enter_context((folder / STDOUT_NAME).open("wb")),
                    "stderr": opened.enter_context((folder / STDERR_NAME).open("wb")),
                }
                with self._lock:
                    if self._closing:
                        job.end(JobState.ERROR, "never started: the service is ending")
                        return
                    process = TrainingProcess(self._lanes[job.type], folder)
                    self._processes[job.id] = process
                job.begin(process.pid)
                try:
                    for stream, data in process.pieces():
                        logs[stream].write(data)
                        logs[stream].flush()
                        job.take(stream, data)
                except BaseException:
                    process.signal(signal.SIGKILL)  # without its log, a run proves nothing
                    raise
                finally:
                    code = process.wait()
                    del self._processes[job.id]
            job.close()
            job.end(*outcome_of(folder, job.type, code))
        except OSError as error:
            job.end(JobState.ERROR, f"could not be run: {error.strerror or error}")
        finally:
            if not job.state.is_final:
                job.end(JobState.ERROR, "the service could not follow this job")
