"""From an execution ledger to every contradiction in it, and to what a trace and a repository say of it."""

from __future__ import annotations

import hashlib
import os
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from helix_tts_policy.document import read_bytes
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.execution_ledger import MAX_LEDGER_BYTES, read_execution_ledger
from helix_tts_policy.facts.ledger_words import hash_digits, without_remark
from helix_tts_policy.facts.license_policy import LicensePolicy, default_policy
from helix_tts_policy.facts.verification_evidence import UnreadLine, read_trace
from helix_tts_policy.ledger_report import LedgerReport
from helix_tts_policy.rules.ledger_commits import baseline_commit
from helix_tts_policy.rules.ledger_subject import LedgerSubject, TraceExport

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from helix_tts_policy.facts.commit_history import CommitHistory
    from helix_tts_policy.facts.verification_statement import VerificationEvidence

    LookUp: TypeAlias = Callable[[Collection[str]], CommitHistory]

LedgerSource: TypeAlias = str | os.PathLike[str] | bytes


def audit_ledger(
    source: LedgerSource,
    *,
    trace: str | os.PathLike[str] | bytes | None = None,
    commits: LookUp | None = None,
    policy: LicensePolicy | None = None,
    name: str | None = None,
) -> LedgerReport:
    """Audit an execution ledger: find every contradiction in it, with its line and both values.

    Args:
        source: a path, or the ledger's text. A `str` is a text where it holds a line break, and else a path.
        trace: an export of the training trace (JSON lines), a path or its bytes, with which ids and results are compared.
        commits: asks a repository for the commits that the ledger names, such as the ``look_up`` of a
            ``GitRepository``; called once, with their hexadecimal digits in lower case.
        policy: whose blocker reasons count as known beside the built-in ones; the built-in policy when None.
        name: what findings call the source; by default the path as given, or ``<text>``.

    Raises:
        TypeError: the source is neither a path nor a text, or the policy is none.
    """
    if policy is None:
        policy = default_policy()
    elif not isinstance(policy, LicensePolicy):
        raise TypeError(f"policy: expected a LicensePolicy, found {type(policy).__name__}")
    path, data = _opened(source)
    name = name or path or "<text>"
    try:
        if path is not None:
            data = read_bytes(path, source=name, limit=MAX_LEDGER_BYTES)
        ledger = read_execution_ledger(data, name)
    except MalformedInput as error:
        return LedgerReport(name, data, policy, malformed=error)
    subject = LedgerSubject(ledger, policy.reasons)
    export, unreadable = None, None
    if trace is not None:
        try:
            export = _look_into(trace, subject)
        except MalformedInput as error:
            unreadable = error
    history = None if commits is None else commits(_commits_of(subject))
    compared = LedgerSubject(ledger, policy.reasons, export, history)
    return LedgerReport(name, data, policy, subject=compared, malformed=unreadable)


def _opened(source: LedgerSource) -> tuple[str | None, bytes]:
    if isinstance(source, bytes):
        return None, source
    if isinstance(source, str) and "\n" in source:
        return None, source.encode("utf-8", "surrogatepass")
    if not isinstance(source, str | os.PathLike):
        raise TypeError(f"source: expected a path or a text, found {type(source).__name__}")
    path = os.fspath(source)
    if not isinstance(path, str):
        raise TypeError("source: expected a path of text, found one of bytes")
    return path, b""


def _look_into(trace: str | os.PathLike[str] | bytes, subject: LedgerSubject) -> TraceExport:
    """The records of the trace that the ledger names; of several with one id the last."""
    claims = (prompt.claim("casimir_traceId") for prompt in subject.prompts)
    wanted = {without_remark(claim.text) for claim in claims if claim is not None}
    found: dict[str, VerificationEvidence] = {}
    hashed = hashlib.sha256()
    records = unread = 0
    for line in read_trace(trace, hashed=hashed):
        if isinstance(line, UnreadLine):
            unread += 1
            continue
        records += 1
        if line.trace_id in wanted:
            earlier = found.get(line.trace_id)
            if earlier is None or (line.seq or 0) >= (earlier.seq or 0):
                found[line.trace_id] = line
    source = "<bytes>" if isinstance(trace, bytes) else os.fspath(trace)
    digest = hashed.hexdigest()
    return TraceExport(source=source, sha256=digest, records=records, unread=unread, by_id=MappingProxyType(found))


def _commits_of(subject: LedgerSubject) -> list[str]:
    stated = [
        digits
        for prompt in subject.prompts
        for claim in prompt.claims("commit_sha")
        if (digits := hash_digits(claim.text)) is not None
    ]
    baseline = baseline_commit(subject)
    return sorted({*stated, *(() if baseline is None else (baseline,))})
