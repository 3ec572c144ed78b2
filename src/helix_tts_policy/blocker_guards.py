"""What the transitions of `blocker` need: each guard says what it needs, and what is wrong where a step does not have it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from helix_tts_policy.blocker_reasons import parse_reason
from helix_tts_policy.finding import printable, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from helix_tts_policy.blocker_record import BlockerRecord, BlockerStep, Evidence

_HASH = re.compile(r"[0-9a-f]{64,128}")
"""A digest of SHA-256 or stronger, whole: an abbreviated one names no certificate for certain."""


class Guard(NamedTuple):
    """What a transition needs, in words, and the look that tells what is wrong; no complaint where it holds."""

    needs: str
    complaint: Callable[[BlockerRecord, BlockerStep, Collection[str]], str | None]


# --- evidence ---------------------------------------------------------------------------------------------------------


def _verdict(evidence: Evidence) -> str | None:
    return None if evidence.verdict == "PASS" else f"the verdict is {_told(evidence.verdict)}; expected PASS"


def _certificate(evidence: Evidence) -> str | None:
    found = evidence.certificate_hash
    if isinstance(found, str) and _HASH.fullmatch(found) and len(set(found)) > 1:
        return None
    return f"the certificate hash is {_told(found)}; expected 64 to 128 hexadecimal digits of a digest"


def _integrity(evidence: Evidence) -> str | None:
    return None if evidence.integrity is True else f"integrity is {_told(evidence.integrity)}; expected exactly true"


def _no_proxy(evidence: Evidence) -> str | None:
    proxies = " and ".join(map(printable, evidence.proxies))
    return f"the {proxies} may be a proxy; expected the real thing" if proxies else None


def _no_reservation(evidence: Evidence) -> str | None:
    return "; ".join(map(printable, evidence.reservations)) or None


_CERTIFYING = (
    ("the verdict PASS", _verdict),
    ("a certificate hash", _certificate),
    ("integrity that is exactly `true`", _integrity),
    ("neither signal nor source that is a proxy", _no_proxy),
    ("evidence that does not contradict itself", _no_reservation),
)


def doubts_of(evidence: Evidence) -> tuple[str, ...]:
    """Why evidence does not certify, in sentences; empty where it does.

    It certifies only when it passes, carries a certificate hash, its integrity is exactly true, and neither signal nor source
    is a proxy.
    """
    return tuple(doubt for _, look in _CERTIFYING if (doubt := look(evidence)))


def _of_evidence(needs: str, look: Callable[[Evidence], str | None]) -> Guard:
    return Guard(needs, lambda _record, step, _reasons: None if step.evidence is None else look(step.evidence))


EVIDENCE_GIVEN = Guard(
    "evidence",
    lambda _record, step, _reasons: (
        "no evidence is given; expected the verifier's word" if step.evidence is None else None
    ),
)

CERTIFYING = (EVIDENCE_GIVEN, *(_of_evidence(needs, look) for needs, look in _CERTIFYING))

FAILING = _of_evidence(
    "the verdict FAIL",
    lambda evidence: None if evidence.verdict == "FAIL" else f"the verdict is {_told(evidence.verdict)}; expected FAIL",
)


# --- constraints ------------------------------------------------------------------------------------------------------


def _all_ran(record: BlockerRecord, step: BlockerStep, _: Collection[str]) -> str | None:
    return _order_complaint(record, step, len(record.constraints))


def _ran_to_failure(record: BlockerRecord, step: BlockerStep, _: Collection[str]) -> str | None:
    if not record.constraints or step.evidence is None:
        return None
    failed = step.evidence.failed_constraint
    if failed not in record.run_order:
        return f"the constraint that failed first is {_told(failed)}; expected one of {_listed(record.run_order)}"
    return _order_complaint(record, step, max(record.run_order.index(failed) + 1, len(step.ran or ())))


def _order_complaint(record: BlockerRecord, step: BlockerStep, length: int) -> str | None:
    expected = record.run_order[:length]
    if not record.constraints or step.ran == expected:
        return None
    found = "none is told" if step.ran is None else f"{_listed(step.ran)} ran"
    return f"of the constraints {found}; expected {_listed(expected)}, in this order"


ALL_RAN = Guard("a run of every declared constraint, HARD before SOFT", _all_ran)
RAN_TO_FAILURE = Guard("a run of the declared constraints, HARD before SOFT, to the one that failed", _ran_to_failure)


def _is_stalled(record: BlockerRecord, step: BlockerStep) -> bool:
    proof = step.evidence
    return (
        proof is not None
        and bool(proof.substance)
        and any(
            earlier.evidence is not None
            and earlier.event is step.event
            and (earlier.evidence.failed_constraint, earlier.evidence.substance)
            == (proof.failed_constraint, proof.substance)
            for earlier in (attempt.step for attempt in record.attempts)
        )
    )


STALLED = Guard(
    "the same constraint and the same evidence as in an earlier failure",
    lambda record, step, _: None if _is_stalled(record, step) else "it differs from every earlier failure",
)
PROGRESSED = Guard(
    "another constraint or other evidence than in every earlier failure",
    lambda record, step, _: "it is the same as an earlier failure" if _is_stalled(record, step) else None,
)


# --- reasons ----------------------------------------------------------------------------------------------------------


def _known(_: BlockerRecord, step: BlockerStep, reasons: Collection[str]) -> str | None:
    if step.reason is None:
        return "no reason is given; expected one whose code the catalogue knows"
    written = parse_reason(step.reason)
    if written is None:
        return f"the reason is {shown(step.reason)}; expected a code in lower_snake_case, or code:detail"
    if written.code not in reasons:
        return f"the reason is {shown(step.reason)}, whose code the catalogue does not know; expected a known one"
    return None


def _known_or_open(record: BlockerRecord, step: BlockerStep, reasons: Collection[str]) -> str | None:
    return None if step.reason is None and record.open_reasons else _known(record, step, reasons)


def _new(record: BlockerRecord, step: BlockerStep, _: Collection[str]) -> str | None:
    return (
        f"the reason {shown(step.reason)} is open already; expected another"
        if step.reason in record.open_reasons
        else None
    )


def _open(record: BlockerRecord, step: BlockerStep, _: Collection[str]) -> str | None:
    if step.reason in record.open_reasons:
        return None
    found = "no reason is given" if step.reason is None else f"the reason {shown(step.reason)} is not open"
    return f"{found}; expected one of {_listed(record.open_reasons)}"


REASON_KNOWN = Guard("a reason whose code the catalogue knows", _known)
REASON_KNOWN_OR_OPEN = Guard("an open reason, or a new one whose code the catalogue knows", _known_or_open)
REASON_NEW = Guard("a reason that is not open already", _new)
REASON_OPEN = Guard("a reason that is open", _open)

RESOLUTION_SAID = Guard(
    "what resolved it, in words",
    lambda _record, step, _reasons: (
        None
        if step.resolution is not None and step.resolution.strip()
        else "no resolution is given; expected what was done, in words"
    ),
)

NO_REASON_GIVEN = Guard(
    "no reason with it",
    lambda _record, step, _reasons: (
        None if step.reason is None else f"the reason {shown(step.reason)} is given; expected none"
    ),
)
NO_REASON_OPEN = Guard(
    "no open reason",
    lambda record, _step, _reasons: (
        f"open reasons are {_listed(record.open_reasons)}; expected none" if record.open_reasons else None
    ),
)
OTHERS_OPEN = Guard(
    "another reason that stays open",
    lambda record, step, _reasons: None if set(record.open_reasons) - {step.reason} else "no other reason is open",
)
LAST_OPEN = Guard(
    "no other open reason",
    lambda record, step, _reasons: (
        f"{_listed(others)} stay open"
        if (others := [reason for reason in record.open_reasons if reason != step.reason])
        else None
    ),
)


# --- words ------------------------------------------------------------------------------------------------------------


_KINDS = {int: "a number", float: "a number", list: "an array", dict: "an object"}


def _told(value: object) -> str:
    return "null" if value is None else _KINDS.get(type(value)) or shown(value)


def _listed(names: Collection[str]) -> str:
    return ", ".join(map(shown, names)) or "none"
