"""What a policy does to the findings of one verification, and rules over what it left undone.

A waived finding stays a finding: it is told as a warning, with who waived it, until when and why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from helix_tts_policy.finding import Severity, shown
from helix_tts_policy.license_standing import in_time
from helix_tts_policy.rules.rule import Complaint, RuleComplaint

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from helix_tts_policy.facts.license_policy import LicensePolicy


class PolicyUse(NamedTuple):
    """What one verification made of a policy.

    Attributes:
        policy: the policy.
        model_id: the release that was verified.
        today: the day of the verification, in UTC.
        waived: ids of the rules of which a finding was waived.
        entries: JSON pointers to the attestations and clarifications that a decision rests on.
    """

    policy: LicensePolicy
    model_id: str
    today: dt.date
    waived: AbstractSet[str]
    entries: AbstractSet[str]


def escalated(complaints: Iterable[RuleComplaint], errors: AbstractSet[str]) -> list[RuleComplaint]:
    """The complaints, with those of the rules that the policy counts as errors made so."""
    return [each._replace(severity=Severity.ERROR) if each.rule in errors else each for each in complaints]


def waived(
    complaints: Iterable[RuleComplaint], policy: LicensePolicy, model_id: str, today: dt.date
) -> tuple[list[RuleComplaint], list[RuleComplaint]]:
    """The complaints that stand, and those that a waiver of the policy makes a warning."""
    waivers = {
        item.rule: item
        for item in reversed(policy.waivers)
        if item.model == model_id and in_time(today, item.expires_on, today)
    }
    standing, set_aside = [], []
    for each in complaints:
        waiver = waivers.get(each.rule)
        if waiver is None or each.severity is not Severity.ERROR:
            standing.append(each)
            continue
        path, message, _ = each.complaint
        said = f"{message}; waived by {waiver.owner} until {waiver.expires_on.isoformat()}: {waiver.reason}"
        tip = "mend it before the waiver ends"
        set_aside.append(RuleComplaint(each.rule, Severity.WARNING, Complaint(path, said, tip)))
    return standing, set_aside


def policy_entry_unused(use: PolicyUse) -> Iterator[Complaint]:
    """What it checks:
        Every waiver and every attestation that names this model and still holds was needed for it.

    Why it is a warning:
        What it allowed is no longer there, so it should not stand ready for something else.

    Example:
        A waiver of `revision-mutable` for a model whose source is pinned by now.

    Remedy:
        Remove it from the policy.
    """
    policy = use.policy
    for index, waiver in enumerate(policy.waivers):
        if (
            waiver.model == use.model_id
            and in_time(use.today, waiver.expires_on, use.today)
            and waiver.rule not in use.waived
        ):
            message = f"found a waiver of {waiver.rule} for {shown(use.model_id)}, which has no such error; expected one that is needed"
            yield Complaint(f"/waivers/{index}", message, "remove it")
    for index, item in enumerate(policy.attestations):
        pointer = f"/attestations/{index}"
        if (
            use.model_id in item.models
            and in_time(item.attested_on, item.expires_on, use.today)
            and pointer not in use.entries
        ):
            message = (
                f"found an attestation of {item.condition} of {item.license} for {shown(use.model_id)}, "
                "on which no decision rests; expected one that is needed"
            )
            yield Complaint(pointer, message, "remove it, or take the model out of its list")
