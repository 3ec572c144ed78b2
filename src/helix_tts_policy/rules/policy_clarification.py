"""Rules over the clarifications of a policy file: whose word it is, about which text, and against what it may not speak."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.facts.license_catalog import default_catalog
from helix_tts_policy.finding import shown
from helix_tts_policy.license_assessment import NAME_LENGTH
from helix_tts_policy.rules.digest_text import sha256_defect
from helix_tts_policy.rules.policy_subject import is_expression, known_text, settled, shape_faults, titles
from helix_tts_policy.rules.rule import Complaint
from helix_tts_policy.rules.url import url_defects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.policy_subject import PolicySubject


def policy_name_unusable(subject: PolicySubject) -> Iterator[Complaint]:
    """What it checks:
        The names that a clarification gives a licence are plain ASCII, no licence expressions, in nobody else's use, and no
        licence is clarified twice.

    Why it is NO-GO:
        A name that means two licences means none, and one that the catalogue uses already would change what others mean.

    Example:
        `names = ["Apache License 2.0"]`, which the catalogue has as a name of Apache-2.0.

    Remedy:
        Use the licence's own full title, and one clarification for each text.
    """
    catalog = default_catalog()
    owners: dict[str, str] = {}
    licenses: dict[str, int] = {}
    for index, item in enumerate(subject.file.clarifications):
        first = licenses.setdefault(item.license, index)
        if first != index:
            message = f"found {shown(item.license)} clarified again, first at /clarifications/{first}; expected one"
            yield Complaint(f"/clarifications/{index}/license", message, "keep the one that is true")
        for place, name in enumerate(item.names):
            key = name.lower()
            if not name.isascii() or name != name.strip() or len(name) > NAME_LENGTH:
                fault = f"expected at most {NAME_LENGTH} ASCII characters without blanks around them"
            elif is_expression(name):
                fault = "it is an id or an expression, and can mean nothing else; expected a title"
            elif key in catalog.sentinels:
                fault = "it names no licence; expected a title"
            elif (other := titles().get(key, item.license)) != item.license:
                fault = f"it is the title or the id of {other} in the catalogue; expected one that is free"
            elif key in catalog.aliases:
                fault = f"the catalogue has it as a name of {catalog.aliases[key]}; expected one that is free"
            elif key in owners:
                fault = f"{owners[key]} has it already; expected one that is free"
            else:
                owners[key] = f"/clarifications/{index}"
                continue
            path = f"/clarifications/{index}/names/{place}"
            yield Complaint(path, f"found the name {shown(name)}: {fault}", "use the licence's own full title")


def policy_clarification_refused(subject: PolicySubject) -> Iterator[Complaint]:
    """What it checks:
        A clarification speaks of a licence and a text that the catalogue has not verified, says everything that a decision
        needs, and does not contradict itself.

    Why it is NO-GO:
        A policy cannot make CC-BY-NC-4.0 commercial: what was verified at the source is not overruled by a file.

    Example:
        `license = "CC-BY-NC-4.0"` with `commercial = "allowed"`.

    Remedy:
        Remove it. If the catalogue is wrong, report that with the text that proves it.
    """
    for index, item in enumerate(subject.file.clarifications):
        path = f"/clarifications/{index}"
        facts = settled(item.license)
        if facts is not None:
            message = (
                f"found {shown(item.license)}, which the catalogue has verified as {facts.commercial.value}; "
                "expected a licence that it does not know"
            )
            yield Complaint(f"{path}/license", message, "remove the clarification; verified facts cannot be overruled")
        twin = titles().get(item.license.lower(), item.license)
        if twin.lower() == item.license.lower() and twin != item.license:
            message = (
                f"found {shown(item.license)}, which differs from the catalogue's {twin} in case alone; expected {twin}"
            )
            yield Complaint(f"{path}/license", message, f"write {twin}, or an id that nobody takes for it")
        text = known_text(item.sha256)
        if text is not None and item.same_as != text.id:
            message = (
                f"found the SHA-256 of the text of {text.id}, which the catalogue has verified as {text.commercial.value}; "
                "expected same_as, or another text"
            )
            yield Complaint(f"{path}/sha256", message, f'write same_as = "{text.id}" instead of what the text says')
        for key, message, tip in shape_faults(item):
            yield Complaint(f"{path}/{key}" if key else path, message, tip)


def policy_evidence_malformed(subject: PolicySubject) -> Iterator[Complaint]:
    """What it checks:
        The `sha256` of a clarification is a real SHA-256, and its `evidence_url` leads to where others can look.

    Why it is NO-GO:
        A clarification is somebody's word about one text; without its digest and its place nobody can check it.

    Example:
        `sha256 = "0000000000000000000000000000000000000000000000000000000000000000"`

    Remedy:
        Compute the digest with `helix-tts-policy evidence digest FILE`, and name the page that was read.
    """
    for index, item in enumerate(subject.file.clarifications):
        if (defect := sha256_defect(item.sha256)) is not None:
            message = f"found {shown(item.sha256)}: {defect[1]}"
            yield Complaint(
                f"/clarifications/{index}/sha256", message, "compute it with: helix-tts-policy evidence digest FILE"
            )
        for url_defect in url_defects(item.evidence_url):
            yield Complaint(f"/clarifications/{index}/evidence_url", url_defect.message, url_defect.tip)


def policy_clarification_stale(subject: PolicySubject) -> Iterator[Complaint]:
    """What it checks:
        The local copy that a clarification names lies in the policy's folder, can be read, and has the digest of the text
        that was reviewed.

    Why it is NO-GO:
        The text has changed since the review, so nobody has read the one that holds now.

    Example:
        `text = "licenses/acme.txt"`, whose SHA-256 is no longer the `sha256` beside it.

    Remedy:
        Review the new text, then write its digest and the day of the review.
    """
    for index, copy in subject.copies.items():
        item = subject.file.clarifications[index]
        if copy.sha256 is None:
            message = f"found {shown(item.text)}: {copy.problem}; expected the text that was reviewed"
            yield Complaint(f"/clarifications/{index}/text", message, "put the reviewed text there, or remove the key")
        elif copy.sha256 != item.sha256:
            message = f"the text {shown(item.text)} has the SHA-256 {copy.sha256}; expected {shown(item.sha256)}, that of the review"
            yield Complaint(f"/clarifications/{index}/sha256", message, "review the new text, then write its digest")
