"""Rules over a policy file: an entry that cannot be understood, trusted or used is told, and never dropped silently."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.blocker_reasons import BUILT_IN_REASONS, MAX_CODE_LENGTH, is_code
from helix_tts_policy.facts.license_catalog import CommercialState, default_catalog
from helix_tts_policy.facts.license_policy import BUILT_IN_OBLIGATIONS
from helix_tts_policy.finding import shown
from helix_tts_policy.license_standing import ALL_MODELS, in_time
from helix_tts_policy.rules.policy_subject import KINDS, spelling_of
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from helix_tts_policy.rules.policy_subject import PolicySubject

CARRIED = {
    "weights": frozenset({"weak_copyleft", "branding"}),
    "code": frozenset({"weak_copyleft", "branding", "share_alike", "network_share_alike"}),
}
"""The kinds of condition that a release can meet by what it carries; every other kind is a fact about who uses it."""


def policy_license_unknown(subject: PolicySubject) -> Iterator[Complaint]:
    """What it checks:
        Every licence that the policy names is one id, in the spelling of the SPDX list or a `LicenseRef-`, and the
        catalogue or a clarification of this policy knows it.

    Why it is NO-GO:
        An entry for a licence that nobody else calls by this name never takes effect, and its author believes it does.

    Example:
        `allow = ["Apache 2.0"]`

    Remedy:
        Write the id, for example `Apache-2.0`; an expression has no place here.
    """
    clarified = {item.license for item in subject.file.clarifications}
    for path, name in subject.licenses():
        spelling = spelling_of(name)
        if spelling is None:
            message = f"found {shown(name)}; expected one licence id, such as Apache-2.0 or a LicenseRef-"
            yield Complaint(path, message, "write one id; an expression or a title has no place here")
        elif spelling != name:
            yield Complaint(path, f"found {shown(name)}; expected the spelling {spelling}", f"write {spelling}")
        elif name not in clarified and default_catalog().find(name) is None:
            message = f"found {shown(name)}, of which neither the catalogue nor this policy has facts; expected a known licence"
            yield Complaint(path, message, "clarify it in this policy, or correct the id")


def policy_kind_refused(subject: PolicySubject) -> Iterator[Complaint]:
    """What it checks:
        Every kind of condition is one of the catalogue's, and a gate takes as obligations only kinds that a release meets
        by what it carries: `weak_copyleft` and `branding`, for code also `share_alike` and `network_share_alike`.

    Why it is NO-GO:
        A cap on users or a list of forbidden uses is met by nobody's notice file. It takes somebody's dated word: an
        attestation.

    Example:
        `obligations = ["user_cap"]`

    Remedy:
        Attest the condition for the model that needs it.
    """
    file = subject.file
    known = f"expected one of {', '.join(sorted(KINDS))}"
    for gate, section in (("weights", file.gates.weights), ("code", file.gates.code)):
        for index, kind in enumerate(section.obligations or ()):
            path = f"/gates/{gate}/obligations/{index}"
            if kind not in CARRIED[gate]:
                message = f"found {shown(kind)}; expected one of {', '.join(sorted(CARRIED[gate]))}"
                yield Complaint(path, message, "attest the condition for the models that need it")
    for index, item in enumerate(file.clarifications):
        for place, condition in enumerate(item.conditions):
            if condition.kind not in KINDS:
                path = f"/clarifications/{index}/conditions/{place}/kind"
                yield Complaint(path, f"found {shown(condition.kind)}; {known}", "write the kind that fits")
    for index, attestation in enumerate(file.attestations):
        if attestation.condition not in KINDS:
            path = f"/attestations/{index}/condition"
            yield Complaint(path, f"found {shown(attestation.condition)}; {known}", "write the kind that is attested")


def policy_rule_unknown(subject: PolicySubject) -> Iterator[Complaint]:
    """What it checks:
        Every rule that a waiver or `errors` names exists.

    Why it is NO-GO:
        The entry would never take effect, and its author believes it does.

    Example:
        `errors = ["evidence-too-old"]`

    Remedy:
        Write an id that `helix-tts-policy rules` lists.
    """
    named = [(f"/errors/{index}", rule) for index, rule in enumerate(subject.file.errors)]
    named += [(f"/waivers/{index}/rule", waiver.rule) for index, waiver in enumerate(subject.file.waivers)]
    for path, rule in named:
        if rule not in subject.rules:
            message = (
                f"found the rule {shown(rule)}, which does not exist; expected one that `helix-tts-policy rules` lists"
            )
            yield Complaint(path, message, "correct the id")


def policy_waiver_refused(subject: PolicySubject) -> Iterator[Complaint]:
    """What it checks:
        A waiver names a rule that can be waived, and one model, not all.

    Why it is NO-GO:
        Weights whose licence is non-commercial, conditional or unclear cannot be waived, and neither can bytes that are not
        those that were stated: what is left would be no proof. The attempt is a finding of its own.

    Example:
        `rule = "weights-license-forbidden"`

    Remedy:
        For a conditional licence attest the condition; for an unclear one clarify its text; else use other weights.
    """
    for index, waiver in enumerate(subject.file.waivers):
        path = f"/waivers/{index}"
        if ALL_MODELS in waiver.model:
            message = f"found {shown(waiver.model)}, which is no model; expected the id of one model"
            yield Complaint(f"{path}/model", message, "write a waiver for each model that needs it")
        if waiver.rule in subject.rules and waiver.rule not in subject.waivable:
            message = f"found the rule {shown(waiver.rule)}, which cannot be waived"
            if waiver.rule.startswith("weights-license"):
                message += ": weights need a licence that allows the use"
            yield Complaint(
                f"{path}/rule", f"{message}; expected one that can", "remove the waiver, and mend what it was to hide"
            )


def policy_attestation_refused(subject: PolicySubject) -> Iterator[Complaint]:
    """What it checks:
        An attestation speaks of a condition that the licence asks, and of a licence that allows commercial use under it;
        its models are whole ids, or `*` for all.

    Why it is NO-GO:
        Nobody's word turns a non-commercial or unclear licence into another one.

    Example:
        `license = "CC-BY-NC-4.0"`, `condition = "noncommercial"`

    Remedy:
        Remove it, or name the condition as `helix-tts-policy license ID` prints it.
    """
    for index, item in enumerate(subject.file.attestations):
        path = f"/attestations/{index}"
        for place, model in enumerate(item.models):
            if ALL_MODELS in model and model != ALL_MODELS:
                message = f'found {shown(model)}, which is no pattern; expected whole model ids, or "*" for all'
                yield Complaint(f"{path}/models/{place}", message, "name each model")
        facts = subject.facts(item.license)
        if facts is None or item.condition not in KINDS:
            continue
        asked = sorted({each.kind.value for each in facts.conditions})
        if facts.commercial in {CommercialState.FORBIDDEN, CommercialState.UNCLEAR}:
            message = f"found {shown(item.license)}, which is {facts.commercial.value}; expected a conditional licence"
            yield Complaint(f"{path}/license", message, "remove it; nobody's word changes what the licence says")
        elif item.condition not in asked:
            conditions = ", ".join(asked) if asked else "none"
            message = (
                f"found {shown(item.condition)}, which {item.license} does not ask; its conditions are: {conditions}"
            )
            yield Complaint(f"{path}/condition", message, "attest a condition of the licence, or remove it")


def policy_reason_refused(subject: PolicySubject) -> Iterator[Complaint]:
    """What it checks:
        A reason that the policy adds has a code in lower_snake_case which is not built in, and stands there once.

    Why it is NO-GO:
        Equal facts give equal codes, wherever they are read. A code that meant one thing under one policy and another
        elsewhere would say nothing.

    Example:
        `code = "out_of_disk"`

    Remedy:
        Use the built-in code as it is, or give your own reason a name of its own.
    """
    seen: dict[str, int] = {}
    for index, item in enumerate(subject.file.blocker_reasons):
        path = f"/blocker_reasons/{index}/code"
        first = seen.setdefault(item.code, index)
        if not is_code(item.code):
            message = f"found {shown(item.code)}; expected lower_snake_case of at most {MAX_CODE_LENGTH} characters"
            yield Complaint(path, message, "write words of ASCII letters and digits, joined by single underscores")
        elif item.code in BUILT_IN_REASONS:
            message = f"found {shown(item.code)}, which is built in; expected a code of your own"
            yield Complaint(path, message, "use the built-in code as it is, or name yours differently")
        elif first != index:
            message = f"found {shown(item.code)} again, first at /blocker_reasons/{first}; expected each code once"
            yield Complaint(path, message, "keep the one that is true")


def policy_date_impossible(subject: PolicySubject) -> Iterator[Complaint]:
    """What it checks:
        No review and no attestation is dated after today, and none expires before it begins.

    Why it is NO-GO:
        Nothing was reviewed in the future, so the date was not written down when it happened.

    Example:
        `reviewed_on = 2199-01-01`

    Remedy:
        Write the real date.
    """
    file = subject.file
    dated = [
        (f"/clarifications/{index}/reviewed_on", item.reviewed_on) for index, item in enumerate(file.clarifications)
    ]
    dated += [(f"/attestations/{index}/attested_on", item.attested_on) for index, item in enumerate(file.attestations)]
    for path, day in dated:
        if subject.today is not None and not in_time(day, None, subject.today):
            message = f"found {day.isoformat()}, after the check on {subject.today.isoformat()}; expected the past"
            yield Complaint(path, message, "write the real date")
    for index, item in enumerate(file.attestations):
        if item.expires_on is not None and item.expires_on < item.attested_on:
            message = f"found {item.expires_on.isoformat()}, before {item.attested_on.isoformat()}, the day of the attestation; expected a later day"
            yield Complaint(f"/attestations/{index}/expires_on", message, "write the day up to which it holds")


def policy_allowance_unused(subject: PolicySubject) -> Iterator[Complaint]:
    """What it checks:
        No id in `allow` is one that the gate refuses all the same: denied, repeated, forbidden or unclear; no kind in
        `obligations` is listed twice; no rule in `errors` is one whose findings are errors anyway, or are not about manifests.

    Why it is a warning:
        The entry does nothing, and its author believes that it does.

    Example:
        `allow = ["CC-BY-NC-4.0"]`

    Remedy:
        Remove it.
    """
    for gate, section in (("weights", subject.file.gates.weights), ("code", subject.file.gates.code)):
        for index, name in enumerate(section.allow or ()):
            facts = subject.facts(name)
            state = facts.commercial if facts is not None else CommercialState.UNCLEAR
            if name in (section.allow or ())[:index]:
                reason = "it stands here twice"
            elif name in section.deny:
                reason = "the same gate denies it"
            elif facts is not None and state in {CommercialState.FORBIDDEN, CommercialState.UNCLEAR}:
                reason = f"its facts say {state.value}, which no list changes"
            else:
                continue
            message = f"found {shown(name)}, which has no effect: {reason}; expected a licence that can pass"
            yield Complaint(f"/gates/{gate}/allow/{index}", message, "remove it")
        kinds = section.obligations or ()
        for index, kind in enumerate(kinds):
            if kind in kinds[:index]:
                message = f"found {shown(kind)}, which stands here twice; expected each kind once"
                yield Complaint(f"/gates/{gate}/obligations/{index}", message, "remove it")
    for index, rule in enumerate(subject.file.errors):
        if rule in subject.rules and rule not in subject.advice:
            message = (
                f"found the rule {shown(rule)}, which has no effect here; "
                f"expected one of {', '.join(sorted(subject.advice))}"
            )
            yield Complaint(f"/errors/{index}", message, "remove it")


def policy_attestation_idle(subject: PolicySubject) -> Iterator[Complaint]:
    """What it checks:
        No attestation is of a condition that its gate takes as an obligation anyway, or that another one attests already
        for the same models.

    Why it is a warning:
        The entry does nothing, and its author believes that it does.

    Example:
        `condition = "weak_copyleft"` for weights, which the built-in policy takes as an obligation.

    Remedy:
        Remove it.
    """
    seen: dict[tuple[str, str, str, tuple[str, ...]], int] = {}
    for index, item in enumerate(subject.file.attestations):
        section = subject.file.gates.weights if item.gate == "weights" else subject.file.gates.code
        taken = BUILT_IN_OBLIGATIONS[item.gate] if section.obligations is None else section.obligations
        first = seen.setdefault((item.gate, item.license, item.condition, item.models), index)
        if item.condition in taken:
            reason = f"the {item.gate} gate takes it as an obligation already"
        elif first != index:
            reason = f"/attestations/{first} attests it already"
        else:
            continue
        message = (
            f"found {shown(item.condition)}, attested without effect: {reason}; expected an entry that does something"
        )
        yield Complaint(f"/attestations/{index}/condition", message, "remove it")


def policy_entry_expired(subject: PolicySubject) -> Iterator[Complaint]:
    """What it checks:
        No attestation, no waiver and no record that NeMo is blocked has expired.

    Why it is a warning:
        It no longer holds, and what it held up is told again as what it is.

    Example:
        `expires_on = 2025-12-31`, a year later.

    Remedy:
        Review it once more and write a new date, or remove it.
    """
    file = subject.file
    ends: list[tuple[str, dt.date | None]] = [
        (f"/attestations/{index}/expires_on", item.expires_on) for index, item in enumerate(file.attestations)
    ]
    ends += [(f"/waivers/{index}/expires_on", item.expires_on) for index, item in enumerate(file.waivers)]
    if file.nemo_blocked is not None:
        ends.append(("/nemo_blocked/expires_on", file.nemo_blocked.expires_on))
    for path, day in ends:
        if subject.today is not None and day is not None and day < subject.today:
            message = f"found {day.isoformat()}, which is past on {subject.today.isoformat()}; expected an entry that still holds"
            yield Complaint(path, message, "review it once more and write a new date, or remove it")
