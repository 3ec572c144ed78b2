"""The routes of the service. They answer JSON, whatever they are asked.

A manifest is passed on as the bytes that came: once it is parsed, a key that stood twice is gone.
"""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from helix_tts_policy import verify_manifest

from .jobs import Jobs, TooManyJobsError, UnknownJobTypeError

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Bytes of a request: as many as the library takes for one document."""

MAX_DRAINED_BYTES = 64 * 1024 * 1024
"""Bytes of a larger request that are still read, and dropped: a client that is cut off while it sends may miss the answer."""


class StartRequest(BaseModel):
    """What starts a job."""

    model_config = ConfigDict(extra="forbid", strict=True)

    jobType: Annotated[str, Field(min_length=1, max_length=100)]  # noqa: N815 - the first service's name


class PlainJSON(JSONResponse):
    """JSON in ASCII, so that a lone surrogate in somebody's text is an escape and no error."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return json.dumps(content, allow_nan=False).encode()


class BodyLimit:
    """Refuses requests that are too large, before they are held in memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its body as it is read."""
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size <= MAX_BODY_BYTES:
                return message
            while message.get("more_body") and size <= MAX_DRAINED_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
            raise HTTPException(413, f"found a body of more than {MAX_BODY_BYTES} bytes; expected at most so many")

        await self._app(scope, counted, send)


def create_app(jobs: Jobs, voices: Path | None) -> FastAPI:
    """The service.

    Args:
        jobs: the jobs that it starts and tells of; they end with it.
        voices: the folder below which the weights of manifests may lie; None where no bytes are to be looked at.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(jobs.close)

    # The pages with the API's documentation would load scripts from elsewhere; /openapi.json is there.
    app = FastAPI(title="Training service", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(BodyLimit)

    @app.exception_handler(StarletteHTTPException)
    async def refused(_: Request, error: StarletteHTTPException) -> PlainJSON:
        return PlainJSON({"error": error.detail}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def misshapen(_: Request, error: RequestValidationError) -> PlainJSON:
        problems = [f"{_place(problem['loc'])}: {problem['msg']}" for problem in error.errors()]
        return PlainJSON({"error": "; ".join(problems)[:1000]}, 422)

    @app.post("/api/train/start", status_code=202)
    async def start(request: StartRequest) -> PlainJSON:
        try:
            job = jobs.start(request.jobType)
        except UnknownJobTypeError:
            known = ", ".join(jobs.types)
            raise HTTPException(400, f"jobType: found {json.dumps(request.jobType)}; expected one of {known}") from None
        except TooManyJobsError:
            raise HTTPException(503, "the service takes no more jobs now; try again when some have ended") from None
        return PlainJSON(job.to_dict(), 202)

    @app.get("/api/train/job/{job_id}")
    async def job(job_id: str) -> PlainJSON:
        found = jobs.get(job_id)
        if found is None:
            raise HTTPException(
                404, f"found no job {json.dumps(job_id[:100])}; expected the id of one that is remembered"
            )
        return PlainJSON(found.to_dict())

    @app.get("/api/train/status")
    async def status() -> PlainJSON:
        return PlainJSON(jobs.status())

    @app.post("/api/train/status/reset")
    async def reset() -> PlainJSON:
        jobs.reset()
        return PlainJSON(jobs.status())

    @app.post("/api/voice/verify-manifest")
    async def verify(request: Request, root: str | None = None) -> PlainJSON:
        weights = None if root is None else _below(voices, root)
        try:
            body = await request.body()
        except ClientDisconnect:
            raise HTTPException(400, "the request broke off") from None  # nobody hears it, and it is no error of ours
        report = await run_in_threadpool(verify_manifest, body, root=weights, name="<request>")
        return PlainJSON(report.to_dict())

    return app


def _place(steps: tuple[int | str, ...]) -> str:
    """Where a request is wrong; a key of the client's own choosing comes back short and in ASCII."""
    return json.dumps(".".join(str(step)[:100] for step in steps))[1:-1]


def _below(voices: Path | None, root: str) -> str:
    """The real path of a folder below that of the voices.

    Whether something exists elsewhere is not told: a path that leads out is refused before anybody looks.
    """
    if voices is None:
        raise HTTPException(400, "root: this service has no folder of voices; expected none")
    base = os.path.realpath(voices)
    found = json.dumps(root[:100])
    try:
        path = os.path.realpath(os.path.join(base, root))  # noqa: PTH118 - an absolute root stays one, and is refused
    except ValueError:  # a NUL
        path = base
    if path == base or os.path.commonpath((path, base)) != base:
        raise HTTPException(400, f"root: found {found}; expected a folder below that of the voices")
    if not os.path.isdir(path):  # noqa: PTH112 - as above
        raise HTTPException(404, f"root: found no folder {found}; expected one")
    return path
