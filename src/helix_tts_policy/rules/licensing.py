"""Rules over licences: what the code and the weights may be used for, and what the manifest claims about it.

The code licence and the weights licence are two gates. A component's licence passes the same gates as the release's own,
and the message names the component.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.facts.license_catalog import CommercialState
from helix_tts_policy.finding import SHOWN_LENGTH, printable, shown
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.manifest_subject import LicensedPart, ManifestSubject
    from helix_tts_policy.rules.rule import StatesLicenses


def _told(subject: StatesLicenses, gate: str, state: CommercialState, tip: str) -> Iterator[Complaint]:
    for part in subject.licenses:
        if part.gate == gate and part.decision.state == state:
            message = f"found {_stated(part)} as {gate} licence{part.owner}: {part.decision.reason}; expected one that is allowed"
            yield Complaint(part.path, message, part.decision.advice or tip)


def _stated(part: LicensedPart) -> str:
    return shown(part.decision.input) if part.decision.input is not None else "nothing"


def weights_license_forbidden(subject: StatesLicenses) -> Iterator[Complaint]:
    """What it checks:
        The licence of the weights, and of the weights of every component, does not forbid commercial use.

    Why it is NO-GO:
        MusicGen's code is MIT and its weights are CC-BY-NC-4.0: a permissive code licence gives no right to the weights.
        This rule cannot be waived.

    Example:
        `"weights_license": "CC-BY-NC-4.0"`

    Remedy:
        Use other weights, or get a commercial licence from their owner and record it.
    """
    tip = "use other weights, or get a commercial licence from their owner; this cannot be waived"
    return _told(subject, "weights", CommercialState.FORBIDDEN, tip)


def weights_license_conditional(subject: StatesLicenses) -> Iterator[Complaint]:
    """What it checks:
        The licence of the weights allows commercial use without a condition that somebody would have to attest: a user or
        revenue cap, share-alike, use restrictions, no shared derivatives, a hosted-service clause, a region.

    Why it is NO-GO:
        The licence allows the use only as long as the condition holds, and nobody has attested that it does.

    Example:
        `"weights_license": "CC-BY-SA-4.0"`

    Remedy:
        Read the condition that the message names with counsel, or use weights without one.
    """
    tip = "have the condition reviewed, or use weights whose licence has none"
    return _told(subject, "weights", CommercialState.CONDITIONAL, tip)


def weights_license_unclear(subject: StatesLicenses) -> Iterator[Complaint]:
    """What it checks:
        The licence of the weights is a valid SPDX expression or a catalogued model licence whose terms were verified.

    Why it is NO-GO:
        Unknown is never allowed: `NOASSERTION`, `other`, a family name such as `openrail` or a title that fixes no text
        prove nothing. This rule cannot be waived.

    Example:
        `"weights_license": "NVIDIA-Model-License"`

    Remedy:
        Find the text at the source and write its SPDX id, or its `LicenseRef-` id from the catalogue.
    """
    tip = "find the licence text at the source, and write its SPDX id or its LicenseRef id of the catalogue"
    return _told(subject, "weights", CommercialState.UNCLEAR, tip)


def code_license_forbidden(subject: StatesLicenses) -> Iterator[Complaint]:
    """What it checks:
        The licence of the code, and of the code of every component, does not forbid commercial use.

    Why it is NO-GO:
        Weights that cannot be run commercially cannot be shipped, whatever their own licence says.

    Example:
        `"code_license": "PolyForm-Noncommercial-1.0.0"`

    Remedy:
        Run the weights with other code, or get a commercial licence for this code.
    """
    return _told(
        subject,
        "code",
        CommercialState.FORBIDDEN,
        "run the weights with other code, or get a commercial licence for this code",
    )


def code_license_conditional(subject: StatesLicenses) -> Iterator[Complaint]:
    """What it checks:
        The licence of the code allows commercial use without a condition that somebody would have to attest.

    Why it is NO-GO:
        A hosted-service clause or a revenue cap hits a speech service directly, and nobody has attested that it does not.

    Example:
        `"code_license": "Elastic-2.0"`

    Remedy:
        Read the condition that the message names with counsel, or run the weights with other code.
    """
    tip = "have the condition reviewed, or run the weights with other code"
    return _told(subject, "code", CommercialState.CONDITIONAL, tip)


def code_license_unclear(subject: StatesLicenses) -> Iterator[Complaint]:
    """What it checks:
        The licence of the code is a valid SPDX expression whose terms were verified.

    Why it is NO-GO:
        Unknown is never allowed.

    Example:
        `"code_license": "unknown"`

    Remedy:
        Find the licence file at the source and write its SPDX id.
    """
    return _told(subject, "code", CommercialState.UNCLEAR, "find the licence file at the source, and write its SPDX id")


def license_deprecated(subject: StatesLicenses) -> Iterator[Complaint]:
    """What it checks:
        No licence id is deprecated in the SPDX list.

    Why it is a warning:
        `GPL-2.0` does not say whether later versions are allowed; the list has `GPL-2.0-only` and `GPL-2.0-or-later`. The
        text is judged as it stands and never rewritten.

    Example:
        `"code_license": "GPL-2.0"`

    Remedy:
        Write the id that says what the source says.
    """
    for part in subject.licenses:
        if part.decision.deprecated:
            ids = ", ".join(part.decision.deprecated)
            message = (
                f"found {ids}, deprecated in the SPDX list, as {part.gate} licence{part.owner}; expected a current id"
            )
            yield Complaint(part.path, message, "write the current id, for example -only or -or-later")


def commercial_use_denied(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        `commercial_use_allowed` is true. Where the licence forbids commercial use itself, that is told instead: the claim
        is right then, and one reason is told once.

    Why it is NO-GO:
        The team itself states that the weights may not be used commercially.

    Example:
        `"commercial_use_allowed": false`

    Remedy:
        Do not promote these weights. If the statement is wrong, find out why somebody made it, then correct it.
    """
    if not subject.manifest.commercial_use_allowed and subject.weights.decision.state != CommercialState.FORBIDDEN:
        message = "found false; expected true, since production use is commercial use"
        yield Complaint(
            "/commercial_use_allowed", message, "do not promote these weights, or correct the statement with evidence"
        )


def commercial_claim_contradicts_license(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        `commercial_use_allowed: true` does not stand beside a weights licence that forbids commercial use.

    Why it is NO-GO:
        One of the two statements is false, and people read the boolean.

    Example:
        `"weights_license": "CC-BY-NC-4.0", "commercial_use_allowed": true`

    Remedy:
        Correct the claim; the licence decides.
    """
    own = subject.weights
    if subject.manifest.commercial_use_allowed and own.decision.state == CommercialState.FORBIDDEN:
        message = f"found true beside the weights licence {_stated(own)}, which forbids commercial use; expected false"
        yield Complaint("/commercial_use_allowed", message, "correct the claim; the licence decides")


def attribution_claim_contradicts_license(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        `attribution_required: false` does not stand beside a weights licence that asks for attribution, for the release and
        for every component that states it.

    Why it is NO-GO:
        The release would ship without the text that gives the right to ship it.

    Example:
        `"weights_license": "CC-BY-4.0", "attribution_required": false`

    Remedy:
        Write `true`, and add the `attribution` text.
    """
    if subject.manifest.attribution_required and not subject.manifest.components:
        return
    for path, claim, part in _attribution_claims(subject):
        if claim is False and part.decision.attribution_required:
            message = f"found false beside the weights licence {_stated(part)}{part.owner}, which asks for attribution; expected true"
            yield Complaint(path, message, "write true, and ship the attribution text")


def attribution_claim_exceeds_license(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        `attribution_required: true` stands beside a weights licence that asks for attribution.

    Why it is a note:
        Giving credit that is not due does no harm, but the claim and the licence tell different stories.

    Example:
        `"weights_license": "CC0-1.0", "attribution_required": true`

    Remedy:
        Check that the licence is the one that the source states.
    """
    for path, claim, part in _attribution_claims(subject):
        if claim is True and part.decision.attribution_required is False:
            message = f"found true beside the weights licence {_stated(part)}{part.owner}, which asks for no attribution; expected false"
            yield Complaint(path, message, "check that the licence is the one that the source states")


def _attribution_claims(subject: ManifestSubject) -> Iterator[tuple[str, bool | None, LicensedPart]]:
    for part in subject.licenses:
        if part.gate == "weights":
            if part.component is None:
                yield "/attribution_required", subject.manifest.attribution_required, part
            else:
                path = part.path.removesuffix("weights_license") + "attribution_required"
                yield path, part.component.attribution_required, part


def attribution_text_missing(subject: ManifestSubject) -> Iterator[Complaint]:
    """What it checks:
        Where the licence of the weights or of a component asks for attribution, the manifest carries the text to ship.

    Why it is a warning:
        The weights may be used, but the release owes a text that nobody has written yet.

    Example:
        `"weights_license": "CC-BY-4.0"` without `attribution`.

    Remedy:
        Add `attribution`: title, author, source, licence with its link, and what was changed.
    """
    if subject.manifest.attribution is not None and subject.manifest.attribution.strip():
        return
    owing = [part for part in subject.licenses if part.gate == "weights" and part.decision.attribution_required]
    if owing and all(part.decision.state != CommercialState.UNCLEAR for part in owing):
        stated = [
            *dict.fromkeys(f"{printable(str(part.decision.expression)[:SHOWN_LENGTH])}{part.owner}" for part in owing)
        ]
        names = ", ".join(stated[:3]) + (f" and {len(stated) - 3} more" if len(stated) > 3 else "")
        message = f"found no attribution text; expected one, since {names} asks for it"
        yield Complaint(
            "/attribution_required", message, 'add "attribution": title, author, source, licence and its link, changes'
        )
