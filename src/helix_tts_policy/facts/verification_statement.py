"""One statement of a verifier, from its answer or from one record of its trace, and whether it certifies.

The four values that decide are taken as they stand and judged afterwards, since an integrity of ``"true"`` or ``null`` is a
statement to report and not a document to refuse. Everything else has to be of its kind. Fields that are not known here
stay in `VerificationEvidence.stated`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from helix_tts_policy.blocker_guards import doubts_of
from helix_tts_policy.errors import Problem, ProblemKind
from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

TRACE_KIND: Final = "training-trace"
TRACE_VERSION: Final = 1

_SUBSTANCE = ("verdict", "pass", "firstFail", "failReason", "deltas", "metrics", "certificate")
"""What of a statement says what was found; its ids, its place in the trace and its time differ from run to run."""

_KINDS: Mapping[type, str] = {type(None): "null", list: "an array", dict: "an object"}


class EvidenceForm(StrEnum):
    """In which form the verifier's word came."""

    ANSWER = "answer"  # its JSON answer and nothing else
    CAPTURED = "captured"  # its answer somewhere in console output
    TRACE = "trace"  # records of a training trace, one to a line


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstFail:
    """The first constraint that failed, as the verifier states it."""

    id: str
    severity: str | None = None
    status: str | None = None
    value: object = None
    limit: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadLine:
    """A line of a trace that is no record of it.

    Attributes:
        line: its number, from 1.
        message: what was found and what was expected.
        text: its beginning, printable.
    """

    line: int
    message: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationEvidence:
    """What one verification said.

    Attributes:
        source: where it was read, as the caller named it.
        form: in which form it came.
        line: where the statement begins, from 1; None where it was not read from a text.
        verdict: ``PASS``, ``FAIL`` or what else is stated; of a trace, which states none, what its ``pass`` means.
        first_fail: the first constraint that failed.
        fail_reason: why, in the verifier's words.
        certificate_hash: digest of the certificate.
        certificate_id: its name.
        certificate_status: what it says of itself.
        integrity: whether the verifier vouches for it, as stated; only ``True`` is a yes.
        proxies: what is, or may be, a stand-in for the real thing: ``signal``, ``source``.
        reservations: what else keeps it from certifying: it contradicts itself, or lines of the trace could not be read.
        trace_id: where the verifier keeps its trace.
        run_id: its number for the run, as text.
        record_id: id of a record of a trace.
        seq: place of the record in the trace.
        ts: time of the record, as stated.
        records: how many records the trace holds.
        unread: the first lines of the trace that are none.
        unread_count: how many such lines there are.
        sha256: of all bytes that were read; empty for one record of a trace.
        stated: the whole statement.
    """

    source: str
    form: EvidenceForm = EvidenceForm.ANSWER
    line: int | None = None
    verdict: str | None = None
    first_fail: FirstFail | None = None
    fail_reason: str | None = None
    certificate_hash: str | None = None
    certificate_id: str | None = None
    certificate_status: str | None = None
    integrity: object = None
    proxies: tuple[str, ...] = ()
    reservations: tuple[str, ...] = ()
    trace_id: str | None = None
    run_id: str | None = None
    record_id: str | None = None
    seq: int | None = None
    ts: str | None = None
    records: int = 1
    unread: tuple[UnreadLine, ...] = ()
    unread_count: int = 0
    sha256: str = ""
    stated: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), repr=False, hash=False)

    @property
    def certifies(self) -> bool:
        """Whether it passes, carries a certificate hash, has integrity, and neither signal nor source is a proxy."""
        return not self.doubts

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why it does not certify, in sentences; empty where it does."""
        return doubts_of(self)

    @property
    def failed_constraint(self) -> str | None:
        """The id of the first constraint that failed."""
        return None if self.first_fail is None else self.first_fail.id

    @property
    def substance(self) -> str:
        """A digest of what was found, equal for runs that found the same; empty where nothing is stated."""
        found = {key: self.stated[key] for key in _SUBSTANCE if key in self.stated}
        text = json.dumps(found, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("ascii")).hexdigest() if found else ""


class Misshapen(Exception):  # noqa: N818 - raised and caught in this package only
    """An object that is no statement of a verifier, with all problems; their paths begin at the object."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)
        self.problems = problems


def misshapen(message: str) -> Misshapen:
    """The error of something that is no statement at all."""
    tip = "run the verifier again"
    return Misshapen((Problem(kind=ProblemKind.VERIFICATION, message=message, tip=tip),))


def read_answer(stated: Mapping[str, Any], *, source: str, form: EvidenceForm, line: int) -> VerificationEvidence:
    """The statement of an answer.

    Raises:
        Misshapen: a value is of another kind than its name says.
    """
    fields = _Fields(stated, [])
    verdict = fields.text("verdict")
    contradictions = []
    passed = stated.get("pass", _UNSTATED)
    if (verdict == "PASS" and passed is not True and passed is not _UNSTATED) or (verdict == "FAIL" and passed is True):
        contradictions.append(f"the verdict {verdict} stands beside the pass {_told(passed)}; expected them to agree")
    return _statement(fields, verdict, contradictions, {"source": source, "form": form, "line": line})


def read_record(stated: Mapping[str, Any], *, source: str, line: int) -> VerificationEvidence:
    """The statement of one record of a trace.

    Raises:
        Misshapen: it is no such record, or a value is of another kind than its name says.
    """
    fields = _Fields(stated, [])
    for key, expected in (("kind", TRACE_KIND), ("version", TRACE_VERSION)):
        found = stated.get(key)
        if type(found) is not type(expected) or found != expected:
            fields.refuse(key, str(expected))
    if fields.problems:
        raise Misshapen(tuple(fields.problems))
    if type(stated.get("seq")) is not int:
        fields.refuse("seq", "a whole number")
    passed = stated.get("pass")
    verdict = ("PASS" if passed else "FAIL") if isinstance(passed, bool) else None
    unclear = [] if verdict else [f"the pass of the record is {_told(passed)}; expected true"]
    own = {
        "source": source,
        "form": EvidenceForm.TRACE,
        "line": line,
        "record_id": fields.text("id"),
        "seq": stated.get("seq"),
        "ts": fields.text("ts"),
    }
    return _statement(fields, verdict, unclear, own)


_UNSTATED = object()


class _Fields(NamedTuple):
    """The values of an object, each of the kind that is asked for; the others are problems."""

    stated: Mapping[str, Any]
    problems: list[Problem]
    path: str = ""

    def text(self, key: str) -> str | None:
        found = self.stated.get(key)
        if found is None or isinstance(found, str):
            return found
        self.refuse(key, "a string")
        return None

    def inner(self, key: str) -> _Fields | None:
        found = self.stated.get(key)
        if isinstance(found, dict):
            return _Fields(found, self.problems, f"{self.path}/{key}")
        if found is not None:
            self.refuse(key, "an object")
        return None

    def refuse(self, key: str, expected: str) -> None:
        message = f"{key} is {_told(self.stated.get(key))}; expected {expected}"
        tip = f"run the verifier again; it writes {key} as {expected}"
        path = f"{self.path}/{key}"
        self.problems.append(Problem(kind=ProblemKind.VERIFICATION, message=message, tip=tip, path=path))


def _statement(
    fields: _Fields, verdict: str | None, contradictions: list[str], own: Mapping[str, Any]
) -> VerificationEvidence:
    certificate = fields.inner("certificate") or _Fields({}, [])
    first_fail = _first_fail(fields.inner("firstFail"))
    if verdict == "PASS" and first_fail is not None and first_fail.severity != "SOFT":
        contradictions.append(
            f"PASS stands beside the failed constraint {shown(first_fail.id)} of severity {_told(first_fail.severity)}; "
            "expected none that is not SOFT"
        )
    run_id = fields.stated.get("runId")
    evidence = VerificationEvidence(
        **own,
        verdict=verdict,
        first_fail=first_fail,
        fail_reason=fields.text("failReason"),
        certificate_hash=certificate.text("certificateHash"),
        certificate_id=certificate.text("certificateId"),
        certificate_status=certificate.text("status"),
        integrity=certificate.stated.get("integrityOk"),
        proxies=tuple(name for name in ("signal", "source") if _may_be_proxy(fields.inner(name))),
        reservations=tuple(contradictions),
        trace_id=fields.text("traceId"),
        run_id=str(run_id) if type(run_id) is int else fields.text("runId"),
        stated=MappingProxyType(fields.stated),
    )
    if fields.problems:
        raise Misshapen(tuple(fields.problems))
    return evidence


def _first_fail(fields: _Fields | None) -> FirstFail | None:
    if fields is None:
        return None
    name = fields.text("id")
    if name is None and fields.stated.get("id") is None:
        fields.refuse("id", "a string")
    return FirstFail(
        id=name or "",
        severity=fields.text("severity"),
        status=fields.text("status"),
        value=fields.stated.get("value"),
        limit=fields.stated.get("limit"),
    )


def _may_be_proxy(fields: _Fields | None) -> bool:
    return fields is not None and fields.stated.get("proxy", False) is not False


def _told(value: object) -> str:
    if isinstance(value, str | bool):
        return shown(value)
    return str(_KINDS.get(type(value), value))
