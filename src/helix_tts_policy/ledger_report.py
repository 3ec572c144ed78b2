"""What an audit of a ledger says: its verdict, what the ledger proves in one glance, and every contradiction."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.blocker_record import BlockerState
from helix_tts_policy.facts.ledger_records import place_of
from helix_tts_policy.finding import Finding, Location, Severity
from helix_tts_policy.findings_report import FindingsReport
from helix_tts_policy.pinned import knowledge
from helix_tts_policy.placing import placed, reading_findings
from helix_tts_policy.rules.ledger_registry import LEDGER_READING_RULES, LEDGER_RULES
from helix_tts_policy.rules.rule import MAX_COMPLAINTS, complaints

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helix_tts_policy.errors import MalformedInput
    from helix_tts_policy.facts.commit_history import CommitHistory
    from helix_tts_policy.facts.ledger_records import ExecutionLedger
    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.rules.ledger_subject import LedgerSubject, Prompt
    from helix_tts_policy.rules.rule import RuleComplaint

LEDGER_REPORT_SCHEMA: Final = "helix-tts-policy/ledger-report/1"


class LedgerReport(FindingsReport):
    """The outcome of `audit_ledger`.

    Attributes:
        source: the ledger, as the caller named it.
        policy: whose blocker reasons were known.
        findings: everything that was found: errors first, then as the ledger reads.
    """

    __slots__ = ("_data", "_proven", "_subject", "policy")

    def __init__(
        self,
        source: str,
        data: bytes,
        policy: LicensePolicy,
        *,
        subject: LedgerSubject | None = None,
        malformed: MalformedInput | None = None,
    ) -> None:
        self.source = source
        self.policy = policy
        self._data = data
        self._subject = subject
        if subject is None and malformed is None:
            raise TypeError("a report is about a ledger, or about why there is none")
        findings = []
        if malformed is not None:
            # The trace may be what cannot be read; it is named then, and not the ledger.
            findings += reading_findings(LEDGER_READING_RULES, malformed, malformed.source)
        self._proven: frozenset[str] = frozenset()
        if subject is not None:
            found = complaints(LEDGER_RULES, subject)
            findings += placed(found, self._place)
            if len(found) > MAX_COMPLAINTS:  # some may be counted and not told
                found = complaints(LEDGER_RULES, subject, most=sys.maxsize)
            self._proven = _proven(subject, found)
        self.findings: tuple[Finding, ...] = tuple(sorted(findings, key=Finding.sort_key))

    def _place(self, path: str, _: str) -> Location:
        place = None if self.ledger is None else place_of(self.ledger, path)
        line, column = (1, 1) if place is None else place
        return Location(source=self.source, path=path, line=line, column=column)

    @property
    def data(self) -> bytes:
        """What was audited; empty where the ledger could not be opened."""
        return self._data

    @property
    def ledger(self) -> ExecutionLedger | None:
        """What the ledger says; None where it could not be read."""
        return None if self._subject is None else self._subject.ledger

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """Everything that the ledger says of each prompt, in its order; empty where it could not be read."""
        return () if self._subject is None else self._subject.prompts

    @property
    def history(self) -> CommitHistory | None:
        """What a repository says of the commits; None where none was asked."""
        return None if self._subject is None else self._subject.history

    @property
    def open_prompts(self) -> tuple[tuple[str, str], ...]:
        """The prompts that are not done by all that the ledger says, each with its blocker reason, or with nothing."""
        if self._subject is None:
            return ()
        return tuple(
            (prompt.name, prompt.value("blocker_reason") or "") for prompt in self._subject.prompts if prompt.is_open
        )

    @property
    def proven_prompts(self) -> tuple[str, ...]:
        """The prompts that are done with evidence of their own and a commit, and of which no rule found an error."""
        prompts = () if self._subject is None else self._subject.prompts
        return tuple(prompt.name for prompt in prompts if prompt.name in self._proven)

    @property
    def summary(self) -> tuple[str, ...]:
        """What the ledger really proves, in a few lines; empty where it could not be read."""
        if self._subject is None:
            return ()
        return (*_summary(self._subject, len(self.proven_prompts)), f"policy        {self.policy.name}")

    def pinned(self) -> dict[str, Any]:
        """What was audited, and what it was compared with."""
        subject = self._subject
        known = knowledge(self.policy)
        trace, history = None if subject is None else subject.trace, self.history
        return {
            "ledger": {"sha256": hashlib.sha256(self._data).hexdigest(), "bytes": len(self._data)}
            if self._data
            else None,
            "trace": None
            if trace is None
            else {"source": trace.source, "sha256": trace.sha256, "records": trace.records},
            "repository": None if history is None else {"source": history.repository, "head": history.head},
            "policy": known["policy"],
            "tool": known["tool"],
        }

    def to_dict(self) -> dict[str, Any]:
        """The versioned machine form: plain JSON values in a fixed order."""
        subject = self._subject
        return {
            "schema": LEDGER_REPORT_SCHEMA,
            "source": self.source,
            "verdict": self.verdict.value,
            "prompts": []
            if subject is None
            else [
                {
                    "prompt": prompt.name,
                    "states": sorted(prompt.states),
                    "proven": prompt.name in self._proven,
                    "commit": prompt.commit,
                    "blocker_reason": prompt.value("blocker_reason"),
                }
                for prompt in subject.prompts
            ],
            "summary": list(self.summary),
            "findings": [finding.to_dict() for finding in self.findings],
            "pinned": self.pinned(),
        }


def _proven(subject: LedgerSubject, found: Sequence[RuleComplaint]) -> frozenset[str]:
    """The names of the prompts that stand, after all that was found."""
    ledger = subject.ledger
    entries = {f"/rows/{index}": row for index, row in enumerate(ledger.rows)}
    entries |= {f"/blocks/{index}": block for index, block in enumerate(ledger.blocks)}
    owners = ("/".join(each.complaint.path.split("/")[:3]) for each in found if each.severity is Severity.ERROR)
    faulty = {entries[owner].prompt for owner in owners if owner in entries}
    return frozenset(prompt.name for prompt in subject.prompts if subject.is_proven(prompt)) - faulty


def _summary(subject: LedgerSubject, proven: int) -> Iterator[str]:
    prompts, ledger = subject.prompts, subject.ledger
    counts = {state: sum(state in prompt.states for prompt in prompts) for state in reversed(BlockerState)}
    states = ", ".join(f"{count} {state}" for state, count in counts.items() if count) or "none with a known status"
    yield f"prompts       {len(prompts)}: {states}"
    yield f"proven        {proven} of {counts[BlockerState.DONE]} that are done"
    rows = sum(bool(prompt.rows) for prompt in prompts)
    yield f"reported      {rows} in a table, {sum(bool(prompt.blocks) for prompt in prompts)} in a report block"
    stated = [prompt for prompt in prompts if prompt.claims("commit_sha")]
    agreed = [prompt for prompt in stated if prompt.commit and len(prompt.commits) == len(prompt.claims("commit_sha"))]
    yield f"commits       {len(agreed)} of {len(stated)} named by a hash wherever they are named"
    certified = [prompt for prompt in prompts if prompt.claim("casimir_certificateHash") is not None]
    own = len(certified) - len(subject.sharing)
    yield f"certificates  {own + len(subject.shared_certificates)} for {len(certified)} prompts"
    if ledger.checklist:
        checked = sum(item.checked for item in ledger.checklist)
        yield f"checklist     {checked} of {len(ledger.checklist)} items checked"
