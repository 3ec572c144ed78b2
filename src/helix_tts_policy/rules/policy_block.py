"""A rule over what a policy records of lanes that are blocked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.blocker_reasons import BUILT_IN_REASONS, parse_reason
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.policy_subject import PolicySubject


def policy_block_unexplained(subject: PolicySubject) -> Iterator[Complaint]:
    """What it checks:
        The reason for which the policy records NeMo as blocked is a code, with or without a detail, which is built in or
        which the policy adds.

    Why it is NO-GO:
        The record lets the backup lane make voices for production. A reason that nobody knows is none.

    Example:
        `reason = "NeMo is broken"`

    Remedy:
        Write a code that the reference of blocker states lists, or add one to `[[blocker_reasons]]`.
    """
    record = subject.file.nemo_blocked
    if record is None:
        return
    written = parse_reason(record.reason)
    added = {item.code for item in subject.file.blocker_reasons}
    if written is None:
        message = (
            f"found {shown(record.reason)}; expected a reason as code or code:detail, such as nemo_runtime_unavailable"
        )
        yield Complaint(
            "/nemo_blocked/reason", message, "write the code of the reason, and what there is to add after a colon"
        )
    elif written.code not in BUILT_IN_REASONS and written.code not in added:
        message = f"found {shown(written.code)}, which is no known reason; expected one that is built in or added here"
        yield Complaint(
            "/nemo_blocked/reason", message, "write a built-in code, or add this one to [[blocker_reasons]]"
        )
