"""``ledger``: audit an execution ledger, begin one, or append the report of a prompt."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from helix_tts_policy.cli import EXIT_GO, UsageError, output
from helix_tts_policy.cli.options import (
    STDIN_NAME,
    add_format,
    add_now,
    add_policy,
    exit_code,
    now_of,
    show,
    standard_input,
)
from helix_tts_policy.cli.policy import policy_of, remarks
from helix_tts_policy.cli.repository import add_repo, look_up_of
from helix_tts_policy.cli.whole_file import check_new, write_new, write_over

if TYPE_CHECKING:
    import argparse

    from helix_tts_policy.facts.verification_evidence import VerificationEvidence
    from helix_tts_policy.finding import Finding
    from helix_tts_policy.ledger_report import LedgerReport
    from helix_tts_policy.ledger_writer import PromptReport
    from helix_tts_policy.policy_report import PolicyReport

STATES = ("done", "partial-blocked", "blocked")
"""What a report may say; a prompt that is pending or in progress has none."""

LEFT_TO_PEOPLE = "ledger-checklist-unchecked"
"""The one error that the last report of a wave may bring: that the checklist holds is for a person to say."""

_LINES = re.compile(r"lines? [0-9]+(?:(?:, | and | to )[0-9]+)*")
"""How a finding tells of lines."""

MAX_TOLD = 3
"""Findings that one line of complaint tells; the rest are counted."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``ledger audit``, ``ledger new`` and ``ledger append``."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    audit = actions.add_parser(
        "audit",
        help="find every contradiction in execution ledgers",
        description="Find every contradiction in execution ledgers, each with its line and both values.",
        allow_abbrev=False,
    )
    audit.add_argument("files", nargs="+", metavar="FILE", help="execution ledger (Markdown); - for standard input")
    audit.add_argument(
        "--trace",
        metavar="FILE",
        help="export of the training trace (JSON lines), in which the trace ids are looked up",
    )
    add_repo(audit)
    add_policy(audit)
    add_format(audit)
    add_now(audit)
    audit.set_defaults(run=run_audit)

    new = actions.add_parser(
        "new",
        help="begin a ledger",
        description="Write a ledger in which every prompt is pending, with a template for the reports.",
        allow_abbrev=False,
    )
    new.add_argument("--output", metavar="FILE", help="where to write; standard output without it; never overwrites")
    new.add_argument("--title", required=True, metavar="TEXT", help="title of the ledger")
    new.add_argument(
        "--prompt",
        action="append",
        required=True,
        metavar="TEXT",
        dest="objectives",
        help="objective of the next prompt, from 0 on",
    )
    new.add_argument(
        "--baseline", default="", metavar="REF", help="what the work starts from, such as origin/main@dc2a2f13"
    )
    new.add_argument("--scope", action="append", default=[], metavar="TEXT", help="line of the scope lock")
    new.add_argument(
        "--checklist", action="append", default=[], metavar="TEXT", help="what has to hold when all prompts are done"
    )
    new.set_defaults(run=run_new)

    append = actions.add_parser(
        "append",
        help="append the report of a prompt",
        description=(
            "Append the report of a prompt and write its row, or add one where the table does not list it. Nothing is written "
            "where the ledger would contradict itself, or where the prompt has a report already. A ledger cannot name the "
            "commit that it is part of, so a prompt is reported one commit after its change."
        ),
        allow_abbrev=False,
    )
    append.add_argument("file", metavar="FILE", help="the ledger")
    append.add_argument("--prompt", required=True, metavar="ID", help="number of the prompt")
    append.add_argument("--status", required=True, choices=STATES, help="how it ended")
    append.add_argument("--commit", default="", metavar="HASH", help="commit that holds the change")
    append.add_argument(
        "--file", action="append", default=[], metavar="PATH", dest="changed", help="file that was changed"
    )
    append.add_argument("--delta", default="", metavar="TEXT", help="what is different now, in a sentence")
    append.add_argument(
        "--check",
        action="append",
        default=[],
        metavar="COMMAND",
        dest="checks",
        help="command that ran, the verifier's among them",
    )
    append.add_argument(
        "--verification", metavar="FILE", help="the verifier's answer, or console output around it; done needs it"
    )
    append.add_argument(
        "--reason", default="", metavar="CODE", help="why the prompt is blocked, as code or code:detail"
    )
    add_policy(append)
    add_now(append)
    append.set_defaults(run=run_append)


def run_audit(arguments: argparse.Namespace) -> int:
    """Audit every ledger; the worst outcome gives the exit code."""
    from helix_tts_policy.check_ledger import audit_ledger  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.facts.execution_ledger import MAX_LEDGER_BYTES  # noqa: PLC0415 - as above

    policy, about = policy_of(arguments, now_of(arguments))
    reports: list[LedgerReport | PolicyReport] = [*remarks(about)]
    if policy is not None:
        commits = look_up_of(arguments)
        for file in arguments.files:
            source = Path(file) if file != "-" else standard_input("ledger", MAX_LEDGER_BYTES)
            name = file if file != "-" else STDIN_NAME
            reports.append(audit_ledger(source, trace=arguments.trace, commits=commits, policy=policy, name=name))
    show(reports, arguments.format)
    return exit_code(reports)


def run_new(arguments: argparse.Namespace) -> int:
    """Write a ledger with nothing done."""
    from helix_tts_policy.ledger_writer import LedgerPlan, write_ledger  # noqa: PLC0415 - after the arguments are right

    target = None if arguments.output is None else Path(arguments.output)
    if target is not None:
        check_new(target)
    try:
        text = write_ledger(
            LedgerPlan(
                title=arguments.title,
                baseline=arguments.baseline,
                scope=tuple(arguments.scope),
                objectives=tuple(arguments.objectives),
                checklist=tuple(arguments.checklist),
            )
        )
    except ValueError as error:
        raise UsageError(f"ledger new: {error}") from None
    if target is None:
        output(text)
    else:
        write_new(target, text)
        print(f"wrote {arguments.output!a}", file=sys.stderr)
    return EXIT_GO


def run_append(arguments: argparse.Namespace) -> int:
    """Append a report, unless the ledger would contradict itself with it."""
    from helix_tts_policy.check_ledger import audit_ledger  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.ledger_writer import append_report  # noqa: PLC0415 - as above

    policy, _ = policy_of(arguments, now_of(arguments))
    if policy is None:
        raise UsageError("--policy: the policy cannot be used; helix-tts-policy policy check says why")
    path = Path(arguments.file)
    before = audit_ledger(path, policy=policy)
    if before.ledger is None:
        first = before.findings[0]
        raise UsageError(f"FILE: {arguments.file!a}: {first.message}; expected a ledger that can be read")
    try:
        text = append_report(before.data.decode("utf-8"), _report(arguments))
    except ValueError as error:
        raise UsageError(f"ledger append: {error}") from None
    after = audit_ledger(text.encode("utf-8"), policy=policy, name=arguments.file)
    known = {_without_lines(finding) for finding in before.findings}
    new = [each for each in after.findings if each.severity != "note" and _without_lines(each) not in known]
    if refused := [finding for finding in new if finding.severity == "error" and finding.rule != LEFT_TO_PEOPLE]:
        told = "; ".join(f"{finding.rule}: {finding.message}" for finding in refused[:MAX_TOLD])
        more = f" (and {len(refused) - MAX_TOLD} more)" if len(refused) > MAX_TOLD else ""
        raise UsageError(f"ledger append: {told}{more}; nothing was written")
    write_over(path, text, before.data, "FILE")
    print(f"wrote {arguments.file!a}", file=sys.stderr)
    for row in _rows_added(before, after):
        print(f"the table did not list prompt {row}, and has a row for it now", file=sys.stderr)
    for finding in new:
        print(f"{finding.severity.value}[{finding.rule}] line {finding.at.line}: {finding.message}", file=sys.stderr)
    print(f"verdict: {after.verdict.value}", file=sys.stderr)
    return EXIT_GO


def _rows_added(before: LedgerReport, after: LedgerReport) -> list[str]:
    listed, lists = ([row.prompt for row in report.ledger.rows] if report.ledger else [] for report in (before, after))
    return [row for row in lists if row not in listed]


def _without_lines(finding: Finding) -> tuple[str, str]:
    """What a finding says wherever it stands: a new row moves all lines below it."""
    return finding.rule, _LINES.sub("", finding.message)


def _report(arguments: argparse.Namespace) -> PromptReport:
    """The report that the arguments and the verifier's answer state.

    Raises:
        UsageError: done without an answer, or with one that does not certify.
    """
    from helix_tts_policy.blocker_record import BlockerState  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.ledger_writer import PromptReport  # noqa: PLC0415 - as above

    report = PromptReport(
        prompt_id=arguments.prompt,
        status=BlockerState(arguments.status),
        commit_sha=arguments.commit,
        files_changed=tuple(arguments.changed),
        behavior_delta=arguments.delta,
        tests_or_checks_run=tuple(arguments.checks),
        blocker_reason=arguments.reason,
    )
    evidence = None if arguments.verification is None else _verification(arguments.verification)
    if arguments.status == BlockerState.DONE:
        if evidence is None:
            raise UsageError("--verification: expected the verifier's answer, without which no prompt is done")
        if doubts := evidence.doubts:
            raise UsageError(f"--verification: {'; '.join(doubts)}; a prompt with such an answer is not done")
    if evidence is None:
        return report
    return replace(
        report,
        verdict=evidence.verdict or "",
        first_fail=evidence.failed_constraint or "",
        certificate_hash=evidence.certificate_hash or "",
        integrity_ok=evidence.integrity if isinstance(evidence.integrity, bool) else None,
        trace_id=evidence.trace_id or "",
        run_id=evidence.run_id or "",
    )


def _verification(file: str) -> VerificationEvidence:
    from helix_tts_policy.errors import MalformedInput  # noqa: PLC0415 - only with a verification
    from helix_tts_policy.facts.verification_evidence import read_verification  # noqa: PLC0415 - as above

    try:
        return read_verification(file)
    except MalformedInput as error:
        raise UsageError(f"--verification: {error}") from None
