"""Licence decisions in words: what was asked, what was matched, then gate by gate what decided, what to carry, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.facts.license_catalog import Basis, CommercialState, LicenseFacts, default_catalog
from helix_tts_policy.finding import printable, shown
from helix_tts_policy.license_assessment import cut
from helix_tts_policy.license_expression import is_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helix_tts_policy.license_decision import LicenseDecision

_LISTED = 12
"""Things of a kind that an explanation prints."""

_LINE = 1000
"""Characters of an expression that one line of an explanation holds."""

_ENTRIES = 3
"""Entries to write that are spelt out."""

_ATTESTATION = """\
[[attestations]]
gate = "{gate}"
license = "{license}"
condition = "{kind}"
models = ["<model id>"]
statement = "<what was made sure of>"
owner = "<who can be asked>"
attested_on = <YYYY-MM-DD>"""

_CLARIFICATION = """\
[[clarifications]]
license = "{license}"
commercial = "<allowed or forbidden>"
attribution = <true or false>
notices = ["<what has to be shipped>"]
clause = "<the words that decide>"
evidence_url = "<where the text stands>"
sha256 = "<from: helix-tts-policy evidence digest FILE>"
owner = "<who can be asked>"
reviewed_on = <YYYY-MM-DD>"""

_BASIS = {
    Basis.TEXT: "clause read in the text",
    Basis.APPROVAL: "approval looked up in the SPDX list",
    Basis.SURVEY: "taken from a survey, text not read again",
    Basis.POLICY: "text read by the policy's owner",
    Basis.NONE: "never verified at its source",
}


def explanation(decisions: Sequence[LicenseDecision]) -> str:
    """The decisions on one text at one gate or more, under one policy; several lines, printable, without a last line break.

    A text of the policy may hold what is not printable; it is escaped like everything else.
    """
    blocks = (_matched(decisions[0]), *map(_at_gate, decisions), _entries_to_write(decisions), _rests_on(decisions[0]))
    texts = ("\n".join(map(printable, block)) for block in blocks)
    return "\n\n".join(text for text in texts if text)


def _matched(decision: LicenseDecision) -> Iterator[str]:
    yield f"licence: {'none' if decision.input is None else shown(decision.input)}"
    if decision.expression:
        yield f"canonical: {cut(decision.expression, _LINE)}"
    for row in decision.facts[:_LISTED]:
        yield from _row_lines(row)
    if len(decision.facts) > _LISTED:
        yield f"and {len(decision.facts) - _LISTED} more licences"
    for name in decision.unknown[:_LISTED]:
        yield f"no facts: {cut(name, _LINE)}"
    for name in decision.deprecated[:_LISTED]:
        yield f"deprecated: {name} is a deprecated SPDX id"


def _row_lines(row: LicenseFacts) -> Iterator[str]:
    kinds = ", ".join(condition.kind.value for condition in row.conditions)
    yield f"facts: {row.id} ({row.name}), commercial use {row.commercial.value}{f' ({kinds})' if kinds else ''}"
    yield f"  clause: {row.clause}"
    digest = f", sha256 {row.evidence_sha256}" if row.evidence_sha256 else ""
    yield f"  evidence: {row.evidence_url or 'no address recorded'}{digest}"
    yield f"  basis: {_BASIS[row.basis]}{f' (looked at on {row.verified_on.isoformat()})' if row.verified_on else ''}"
    if row.notes:
        yield f"  note: {row.notes}"


def _at_gate(decision: LicenseDecision) -> Iterator[str]:
    yield f"{decision.gate} gate: {decision.state.value}"
    yield f"  why: {cut(decision.reason, _LINE)}"
    if decision.elected != decision.expression:
        yield f"  elected: {cut(decision.elected, _LINE)}"
    for pointer in decision.policy_entries[:_LISTED]:
        yield f"  by the policy's entry: {pointer}"
    for title, items in (("obligation", decision.obligations), ("condition", decision.conditions)):
        for item in items[:_LISTED]:
            yield f"  {title}: {item.license}, {item.kind}: {item.text}"
        if len(items) > _LISTED:
            yield f"  and {len(items) - _LISTED} more {title}s"
    for text in decision.attribution_texts[:_LISTED]:
        yield f"  text to ship: {text}"
    yield f"  to do: {decision.advice}"


def _entries_to_write(decisions: Sequence[LicenseDecision]) -> Iterator[str]:
    """What a policy file would have to hold, for somebody who has made sure of it and fills in the places in <>."""
    entries = [
        _ATTESTATION.format(gate=decision.gate, license=each.license, kind=each.kind)
        for decision in decisions
        for each in decision.conditions
        if decision.state is CommercialState.CONDITIONAL
    ]
    entries += [_CLARIFICATION.format(license=name) for name in decisions[0].unknown if is_reference(name)]
    if entries:
        yield "entries for the policy file, once somebody has made sure of them:"
    for entry in entries[:_ENTRIES]:
        yield from (f"  | {line}" for line in entry.splitlines())
    if len(entries) > _ENTRIES:
        yield f"  and {len(entries) - _ENTRIES} more of the kind"


def _rests_on(decision: LicenseDecision) -> Iterator[str]:
    catalog = default_catalog()
    yield f"policy: {decision.policy.name} (sha256 {decision.policy.sha256})"
    yield f"catalogue: {catalog.version} (sha256 {catalog.sha256}), SPDX list {catalog.spdx_list_version}"
    yield "Nothing here is legal advice."
