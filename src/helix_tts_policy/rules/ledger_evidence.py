"""Rules over the verifications that a ledger reports: each run is one run, and an export of the trace says the same."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from helix_tts_policy.blocker_guards import doubts_of
from helix_tts_policy.facts.ledger_words import hash_digits, is_none, same_digits, without_remark
from helix_tts_policy.finding import printable, shown
from helix_tts_policy.rules.ledger_subject import certificate_of, counted, lines_told, names_told, repeated
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from helix_tts_policy.facts.verification_statement import VerificationEvidence
    from helix_tts_policy.rules.ledger_subject import Claim, LedgerSubject, Prompt, TraceExport

VERIFIER: Final = "casimir"
"""What the command of the verifier is called by, as the fields of a report block are."""


def ledger_certificate_repeated(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        Every prompt has a certificate of its own: no certificate hash stands for two of them.

    Why it is NO-GO:
        A certificate speaks of one run on one state of the code. One that stands for eight prompts with eight traces and
        eight commits proves none of them: it was copied, or the verifier certifies something that the work does not change.

    Example:
        `casimir_certificateHash: 6e84f965...` in the blocks of the prompts 0 to 7

    Remedy:
        Verify every prompt on its own commit and copy what that run answers. Where the verifier gives the same hash again,
        find out what it certifies.
    """
    for group in subject.shared_certificates:
        claims = [claim for prompt in group if (claim := prompt.claim("casimir_certificateHash")) is not None]
        lines = lines_told(claim.stated.line for claim in claims)
        names = names_told([prompt.name for prompt in group])
        message = (
            f"one certificate hash stands for {len(group)} prompts ({names}; {lines}), so that it proves none of them: "
            f"found {shown(claims[0].text)} in all; expected one of its own for each run"
        )
        yield Complaint(
            claims[0].path, message, "verify every prompt on its own commit, and copy what that run answers"
        )


def ledger_trace_repeated(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        No trace id stands for two prompts.

    Why it is NO-GO:
        One run of the verifier looked at one state of the code; the other prompt was not verified.

    Example:
        `casimir_traceId: adapter:11c200a0-...` in the blocks of prompt 3 and prompt 4

    Remedy:
        Verify the prompt whose trace is another one's.
    """
    yield from _repeated(subject, "casimir_traceId", "trace id")


def ledger_run_repeated(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        No run id stands for two prompts.

    Why it is NO-GO:
        One run of the verifier looked at one state of the code; the other prompt was not verified.

    Example:
        `casimir_runId: 4` in the blocks of prompt 3 and prompt 4

    Remedy:
        Verify the prompt whose run is another one's.
    """
    yield from _repeated(subject, "casimir_runId", "run id")


def _repeated(subject: LedgerSubject, name: str, words: str) -> Iterator[Complaint]:
    for group in repeated(subject, name):
        names = names_told([prompt.name for prompt, _ in group])
        lines = lines_told(claim.stated.line for _, claim in group)
        message = f"one {words} stands for {len(group)} prompts ({names}; {lines}): found {shown(group[0][1].text)} in all; expected one for each"
        yield Complaint(group[1][1].path, message, "verify the prompts that share it, each on its own commit")


def ledger_run_order(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        Run ids that are numbers increase with the numbers of the prompts.

    Why it is a warning:
        A later prompt that was verified before an earlier one was verified without its change, or the ids were mixed up. It
        can also have been verified again.

    Example:
        Prompt 3 with run 9 and prompt 4 with run 5

    Remedy:
        Look at which commit each of the two runs saw.
    """
    runs = [
        (int(prompt.name), int(without_remark(claim.text)), prompt, claim)
        for prompt in subject.prompts
        if prompt.name.isdecimal()
        and (claim := prompt.claim("casimir_runId")) is not None
        and _is_number(without_remark(claim.text))
    ]
    runs.sort(key=lambda run: run[0])
    for (_, before, earlier, place), (_, after, later, claim) in pairwise(runs):
        if after < before:
            message = (
                f"{later.told}: found run {after}, which comes before run {before} of {earlier.told} "
                f"(line {place.stated.line}); expected run ids that increase"
            )
            yield Complaint(claim.path, message, "look at which commit each of the two runs saw")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def ledger_verifier_missing(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        Where a report block states a verdict, the command of the verifier (one that names `casimir`) is among the checks
        that ran.

    Why it is NO-GO:
        A verdict of a verifier that did not run is no verdict.

    Example:
        `casimir_verdict: PASS`, and `tests_or_checks_run` lists `npx vitest run` alone.

    Remedy:
        Run the verifier, and list its command with the other checks.
    """
    for prompt in subject.prompts:
        for block in prompt.blocks:
            verdict = block.entry.fields.get("casimir_verdict")
            if verdict is None or is_none(verdict.text):
                continue
            checks = block.entry.lists.get("tests_or_checks_run", ())
            if any(VERIFIER in check.text.casefold() for check in checks):
                continue
            message = (
                f"{prompt.told}: states the verdict {shown(verdict.text)} (line {verdict.line}), and the command of the "
                f"verifier is not among its {counted(len(checks), 'check')}; expected one that names {VERIFIER}"
            )
            name = "tests_or_checks_run/0" if checks else "casimir_verdict"
            yield Complaint(f"{block.path}/{name}", message, "run the verifier, and list its command with the checks")


# --- against an export of the trace -----------------------------------------------------------------------------------


def _traced(subject: LedgerSubject) -> Iterator[tuple[Prompt, Claim, VerificationEvidence | None]]:
    if subject.trace is not None:
        for prompt in subject.prompts:
            if (claim := prompt.claim("casimir_traceId")) is not None:
                yield prompt, claim, subject.trace.by_id.get(without_remark(claim.text))


def ledger_trace_unchecked(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        The trace ids of the ledger were looked up in an exported training trace.

    Why it is a note:
        Without the export nobody knows whether the verifier ever saw these runs. The ledger was compared with itself alone.

    Example:
        `helix-tts-policy ledger audit ledger.md` without `--trace`

    Remedy:
        Export the trace, and audit with `--trace artifacts/training-trace.jsonl`.
    """
    first = next((claim for prompt in subject.prompts if (claim := prompt.claim("casimir_traceId")) is not None), None)
    if subject.trace is None and first is not None:
        message = "the trace ids were not looked up, since no export of the trace is given; they are taken as stated"
        yield Complaint(first.path, message, "export the trace and audit with --trace")


def ledger_trace_missing(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        The exported trace that the ledger is audited against has a record for every trace id of the ledger, and for every
        prompt that is done there is such an id.

    Why it is NO-GO:
        A verification that its verifier knows nothing of did not happen, or happened elsewhere.

    Example:
        `casimir_traceId: adapter:11c200a0-...`, and no record of the export has that `traceId`.

    Remedy:
        Export more of the trace where it was cut off (`--trace-limit`); else verify the prompt again.
    """
    for prompt, claim, record in _traced(subject):
        if record is None and subject.trace is not None:
            message = f"{prompt.told}: found the trace id {shown(claim.text)}, which none of {_export(subject.trace)} has; expected a record of it"
            yield Complaint(claim.path, message, "export the whole trace, or verify the prompt again")
    if subject.trace is not None:
        for prompt in subject.prompts:
            if prompt.is_done and prompt.claim("casimir_traceId") is None:
                message = (
                    f"{prompt.told}: is done without a trace id; expected the id of one of {_export(subject.trace)}"
                )
                yield Complaint(prompt.first.path, message, "verify the prompt, and copy the trace id of that run")


def _export(trace: TraceExport) -> str:
    return f"the {trace.records} records of {printable(trace.source)}"


_FROM_EXPORT: Final[tuple[tuple[str, str, Callable[[VerificationEvidence], object]], ...]] = (
    ("casimir_verdict", "the verdict", lambda record: record.verdict),
    ("casimir_certificateHash", "the certificate hash", lambda record: record.certificate_hash),
    ("casimir_integrityOk", "integrity", lambda record: record.integrity),
    ("casimir_firstFail", "the first failure", lambda record: record.failed_constraint or "none"),
    ("casimir_runId", "the run", lambda record: record.run_id),
)
"""What a record of the trace says beside its id; not every verifier writes a run id into it."""


def ledger_trace_disagrees(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        Verdict, certificate hash, integrity, first failure and run id of a prompt are those of its record in the exported
        trace.

    Why it is NO-GO:
        The verifier wrote the record. What the ledger says otherwise was not what it found.

    Example:
        `casimir_verdict: PASS`, and the record with that trace id has `"pass": false`

    Remedy:
        Copy the values of the record, and let the status follow from them.
    """
    for prompt, _, record in _traced(subject):
        if record is None or subject.trace is None:
            continue
        for name, words, look in _FROM_EXPORT:
            found = look(record)
            told = str(found).lower() if isinstance(found, bool) else found
            claim = next(iter(prompt.claims(name)), None)
            if claim is None or found is None or _agrees(name, claim.text, str(told)):
                continue
            where = f"{printable(subject.trace.source)}:{record.line}"
            message = (
                f"{prompt.told}: found {words} {shown(claim.text)}, and {shown(str(told))} in the trace ({where}); "
                "expected what the verifier wrote"
            )
            yield Complaint(claim.path, message, "copy the values of the record, and let the status follow from them")


def _agrees(name: str, stated: str, found: str) -> bool:
    if name == "casimir_certificateHash":
        first, second = certificate_of(stated), hash_digits(found)
        return first is not None and second is not None and same_digits(first, second)
    if is_none(stated):
        return is_none(found) or name == "casimir_runId"
    return without_remark(stated) == found


def ledger_trace_uncertified(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        The record of a prompt that is `done` certifies: it passes, carries a certificate hash, its integrity is true, and
        neither its signal nor its source is a proxy.

    Why it is NO-GO:
        A ledger can copy a PASS that the verifier gave to a stand-in.

    Example:
        A record with `"source": {"proxy": true}`

    Remedy:
        Verify the prompt with the real signal.
    """
    for prompt, claim, record in _traced(subject):
        if record is not None and subject.trace is not None and prompt.is_done:
            for doubt in doubts_of(record):
                where = f"{printable(subject.trace.source)}:{record.line}"
                message = f"{prompt.told}: is done, and its record in the trace ({where}) does not certify: {doubt}"
                yield Complaint(claim.path, message, "verify the prompt with the real signal")


def ledger_trace_unread(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        Every line of the exported trace is a record of it.

    Why it is a warning:
        What could not be read may be a later record of the same run, which says otherwise.

    Example:
        A line that breaks off, since the export was copied while it was written.

    Remedy:
        Export the trace again.
    """
    if subject.trace is not None and subject.trace.unread:
        message = f"{counted(subject.trace.unread, 'line')} of {printable(subject.trace.source)} could not be read; expected records only"
        yield Complaint("/title", message, "export the trace again")
