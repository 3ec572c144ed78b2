"""Rules over a model card: what keeps its claims from being put to a person, and what the person has to look up besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.facts.license_catalog import default_catalog
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.card_subject import FAMILIES, HOMONYMS, OTHER, decision_on, is_blank, meanings_of, text_of
from helix_tts_policy.rules.rule import Complaint
from helix_tts_policy.rules.url import branch_in, url_defects
from helix_tts_policy.yaml_document import YamlList, YamlMapping, YamlMeaning, YamlScalar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.card_subject import CardSubject
    from helix_tts_policy.yaml_document import YamlNode

_READ_IT = "find the licence text of the weights, read it, and state what it is"


def card_license_missing(subject: CardSubject) -> Iterator[Complaint]:
    """What it checks:
        The front matter has a `license` that is not empty.

    Why it is NO-GO:
        Without it the card claims no licence, and what nobody licensed is not licensed.

    Example:
        A line `license:` with nothing behind it, as a template leaves it.

    Remedy:
        Find the licence text of the weights, read it, and state what it is.
    """
    if not is_blank(subject.card.license):
        return
    found = "no license" if subject.card.license is None else "an empty license"
    other = next((key for key in subject.card.others if key.casefold().strip() in {"license", "licence"}), None)
    beside = "" if other is None else f" beside the field {shown(other)}, which the hub does not read"
    yield Complaint("/license", f"found {found}{beside}; expected the key of a licence", _READ_IT)


def card_license_not_text(subject: CardSubject) -> Iterator[Complaint]:
    """What it checks:
        `license`, `license_name` and `license_link` are text to YAML 1.1 as well.

    Why it is NO-GO:
        `license: no` is false to one reader and the word "no" to the next; `2.0` is a number, and no licence.

    Example:
        `license: no`

    Remedy:
        Find the licence text of the weights, read it, and state what it is.
    """
    card = subject.card
    fields = (("license", card.license), ("license_name", card.license_name), ("license_link", card.license_link))
    for name, value in fields:
        strange = _strange(value)
        if strange is not None and not (name == "license" and isinstance(value, YamlList)):
            yield Complaint(f"/{name}", f"found {strange}; expected text", _READ_IT)


def card_license_list(subject: CardSubject) -> Iterator[Complaint]:
    """What it checks:
        `license` is one value, not a list.

    Why it is NO-GO:
        A list does not say whether all of its licences hold, one at choice, or each for another part. Even a list of one
        is read as a licence by some tools and as none by others.

    Example:
        `license: [mit, cc-by-nc-4.0]`

    Remedy:
        Find out what each licence is for, and state an expression with `AND` or `OR`.
    """
    value = subject.card.license
    if isinstance(value, YamlList):
        count = f"{len(value.items)} item{'' if len(value.items) == 1 else 's'}"
        tip = "find out what each is for, and state an expression with AND or OR"
        yield Complaint("/license", f"found a list of {count}; expected one licence", tip)


def card_license_family(subject: CardSubject) -> Iterator[Complaint]:
    """What it checks:
        `license` is no key that means a whole family: `bsd`, `cc`, `gfdl`, `gpl`, `lgpl`, `odbl`, `openrail`.

    Why it is NO-GO:
        `cc` is CC0-1.0 as well as CC-BY-NC-ND-4.0.

    Example:
        `license: cc`

    Remedy:
        Find the licence text of the weights, read it, and state what it is, with its version.
    """
    key = text_of(subject.card.license).lower()
    if key in FAMILIES:
        yield Complaint("/license", default_catalog().sentinels[key], _READ_IT)


def card_license_homonym(subject: CardSubject) -> Iterator[Complaint]:
    """What it checks:
        `license` is no key that two licences are known by.

    Why it is NO-GO:
        `bsl-1.0` is the Boost Software License to the hub and to SPDX. People also choose it for the Business Source
        License, which forbids production use and has the id BUSL-1.1.

    Example:
        `license: bsl-1.0`

    Remedy:
        Find the licence text of the weights, read it, and state the id of the one that it is.
    """
    key = text_of(subject.card.license).lower()
    if key in HOMONYMS:
        either = " or ".join(HOMONYMS[key])
        yield Complaint(
            "/license", f"found {shown(key)}, which people write for {either}; expected one licence", _READ_IT
        )


def card_license_unknown(subject: CardSubject) -> Iterator[Complaint]:
    """What it checks:
        The catalogue knows the licence that the card names: by `license`, or by `license_name` where that is `other`.

    Why it is NO-GO:
        Nothing is known of what it allows.

    Example:
        `license: unknown`

    Remedy:
        Find the licence text, read it, and clarify it in the policy.
    """
    card = subject.card
    license_text, name = text_of(card.license), text_of(card.license_name)
    if license_text.lower() == OTHER:
        yield from _unknown("/license_name", name)
    elif license_text.lower() not in FAMILIES:
        yield from _unknown("/license", license_text)


def _unknown(path: str, name: str) -> Iterator[Complaint]:
    for meant in meanings_of(name):
        decision = decision_on(meant)
        if not decision.expression or decision.unknown:
            message = f"{decision.reason}; expected a licence that the catalogue knows"
            yield Complaint(path, message, "find the licence text, read it, and clarify it in the policy")


def card_license_other_incomplete(subject: CardSubject) -> Iterator[Complaint]:
    """What it checks:
        A card with `license: other` has a `license_name` and a `license_link`.

    Why it is NO-GO:
        `other` says only that the licence is none of the hub's. Its name says which, and the link where its text stands.

    Example:
        `license: other` alone.

    Remedy:
        Find the licence text of the weights, read it, and state what it is.
    """
    card = subject.card
    if text_of(card.license).lower() != OTHER:
        return
    fields = (("license_name", card.license_name), ("license_link", card.license_link))
    lacking = [name for name, value in fields if is_blank(value) or text_of(value).lower() == OTHER]
    if lacking:
        message = f'found "{OTHER}" without {" and ".join(lacking)}; expected the name of the licence and where its text stands'
        yield Complaint("/license", message, _READ_IT)


def card_license_name_contradicts(subject: CardSubject) -> Iterator[Complaint]:
    """What it checks:
        A `license_name` beside a `license` other than `other` names the same licence.

    Why it is NO-GO:
        The hub shows one of the two, and its readers believe it.

    Example:
        `license: mit` beside `license_name: cc-by-nc-4.0`.

    Remedy:
        Find the licence text of the weights, read it, and state what it is.
    """
    license_text, name = text_of(subject.card.license), text_of(subject.card.license_name)
    meant = meanings_of(license_text)
    if not name or len(meant) != 1 or not (expression := decision_on(license_text).expression):
        return
    if decision_on(name).expression != expression:
        message = f"found {shown(name)} beside the license {shown(license_text)}; expected the same licence, or no name"
        yield Complaint("/license_name", message, _READ_IT)


def card_license_link_unusable(subject: CardSubject) -> Iterator[Complaint]:
    """What it checks:
        `license_link` leads to where others can look: an https URL, or a file beside the card.

    Why it is a warning:
        The text has to be found in another way, or it was never there.

    Example:
        `license_link: http://example.com/license`

    Remedy:
        Find the licence text of the weights, and name its real place as evidence.
    """
    link = text_of(subject.card.license_link)
    if is_address(link):
        for defect in url_defects(link):
            yield Complaint(
                "/license_link", defect.message, "find the licence text, and name its real place as evidence"
            )
    elif link.startswith("/") or "\\" in link or ".." in link.split("/"):
        message = f"found {shown(link)}; expected an https URL, or a file beside the card"
        yield Complaint("/license_link", message, "find the licence text, and name its real place as evidence")


def card_license_link_mutable(subject: CardSubject) -> Iterator[Complaint]:
    """What it checks:
        A `license_link` names no branch, such as `main`.

    Why it is a warning:
        The text behind it can be another tomorrow, so the link alone is no evidence.

    Example:
        `license_link: https://huggingface.co/acme/voice/blob/main/LICENSE`

    Remedy:
        Name the text with the commit that was read, and record the SHA-256 of your copy.
    """
    link = text_of(subject.card.license_link)
    if is_address(link) and (branch := branch_in(link)) is not None:
        message = f"found the branch {shown(branch)} in the link; expected an immutable commit"
        yield Complaint("/license_link", message, "name the commit that was read, and record the SHA-256 of your copy")


def is_address(link: str) -> bool:
    """Whether a link is meant as a URL; everything else is the path of a file beside the card."""
    return ":" in link or link.startswith("//")


def card_base_model_not_text(subject: CardSubject) -> Iterator[Complaint]:
    """What it checks:
        `base_model` is a text or a list of texts, none of them empty.

    Why it is a warning:
        What the weights derive from has a licence of its own, and cannot be looked up without its name.

    Example:
        `base_model:` with nothing behind it, as a template leaves it.

    Remedy:
        Find out what the weights derive from, and state each as a component with its own licence.
    """
    for path, value in subject.card.base_models:
        if (strange := _strange(value) or _empty(value)) is not None:
            tip = "find out what the weights derive from, and state each as a component"
            yield Complaint(path, f"found {strange}; expected the name of a model", tip)


def card_base_model_unstated(subject: CardSubject) -> Iterator[Complaint]:
    """What it checks:
        Every base model of the card is stated as a component, by the same name and with the role `base_model`.

    Why it is a warning:
        The card never says under which licence its base model stands, and the strictest licence wins. Without a statement
        it is unclear, and the weights are NO-GO.

    Example:
        `base_model: facebook/musicgen-small`, which is CC-BY-NC-4.0 whatever the card of the tuned model says.

    Remedy:
        Read the base model's licence, and state it as a component.
    """
    for path, name in subject.base_models:
        if name not in subject.stated:
            message = (
                f"found the base model {shown(name)} and nobody who states its licence; expected a component that does"
            )
            yield Complaint(path, message, "read its licence, and state it as a component with the role base_model")


def card_language_not_text(subject: CardSubject) -> Iterator[Complaint]:
    """What it checks:
        Every `language` is text to YAML 1.1 as well.

    Why it is a warning:
        `no`, the code for Norwegian, is false to many readers, so the voice has no language or a false one.

    Example:
        `language: no`

    Remedy:
        Write it in quotes, `"no"`, or the code of the written form: `nb` or `nn`.
    """
    for path, value in subject.card.languages:
        if (strange := _strange(value) or _empty(value)) is not None:
            yield Complaint(
                path, f"found {strange}; expected the code of a language", 'write it in quotes, such as "no"'
            )


def _strange(value: YamlNode | None) -> str | None:
    """What a value is, in words, where it says something and is no text."""
    if isinstance(value, YamlList):
        return "a list"
    if isinstance(value, YamlMapping):
        return "a mapping"
    if value is None or value.meaning in {YamlMeaning.TEXT, YamlMeaning.NULL}:
        return None
    return f"{shown(value.text)} without quotes, which YAML takes for {value.meaning.value}"


def _empty(value: YamlNode) -> str | None:
    return "nothing" if isinstance(value, YamlScalar) and is_blank(value) else None
