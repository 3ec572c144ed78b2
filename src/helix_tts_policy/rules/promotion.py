"""Rules over what the pieces of evidence of one release say together: whether they are of one and the same thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.facts.license_catalog import CommercialState
from helix_tts_policy.finding import printable, shown
from helix_tts_policy.rules.promotion_subject import Content, in_one_line, weights_of
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helix_tts_policy.rules.manifest_subject import LicensedPart
    from helix_tts_policy.rules.promotion_subject import Absent, ChangedInput, HeldFile, PromotionSubject

_SHIPPABLE = frozenset({CommercialState.ALLOWED, CommercialState.CONDITIONAL})
"""Licences under which something may be shipped at all; of the others their own gate tells."""

SHOWN_DIGITS = 12
"""Digits of a digest that a message tells."""


def evidence_missing(absent: Absent) -> Iterator[Complaint]:
    """What it checks:
        Every gate has the evidence that it asks for.

    Why it is NO-GO:
        What nobody has shown does not hold. A gate without evidence is MISSING, never passed.

    Example:
        A release file without `[ledger]`.

    Remedy:
        Name the evidence in the release file; where there is none, make it first.
    """
    yield Complaint(*absent)


def evidence_changed(changed: Sequence[ChangedInput]) -> Iterator[Complaint]:
    """What it checks:
        Everything that was looked at is at the end of the decision what it was when it was judged: every document by its
        digest, and every file of the weights, the run and the bundle by its inode, its size and its times.

    Why it is NO-GO:
        The decision would pin what nobody judged, or judge what is not there any more.

    Example:
        A ledger that somebody saves while the decision is made, or weights that are swapped between hashing them and looking
        into them.

    Remedy:
        Let the evidence lie still, and decide again.
    """
    for pointer, path, found, expected in changed:
        message = f"found {found} at {shown(path)}; expected {expected}"
        yield Complaint(pointer, message, "let the evidence lie still, and decide again")


def bundle_not_of_weights(subject: PromotionSubject) -> Iterator[Complaint]:
    """What it checks:
        The bundle ships the weights that the manifest lists, with the same digests, and no others: every file of the manifest
        that holds weights is in the bundle, and every file of the bundle that may hold weights is in the manifest. Names may
        differ.

    Why it is NO-GO:
        The licence, the training and the verification are those of other weights than what is shipped.

    Example:
        A bundle whose `voice.nemo` was trained again after the manifest was written.

    Remedy:
        Build the bundle from the files that the manifest lists.
    """
    if subject.weights is None or subject.bundled is None:
        return
    known = {file.digest for file in subject.weights}
    shipped = {file.digest for file in subject.bundled}
    tip = "build the bundle from the files that the manifest lists"
    for file in weights_of(subject.weights):
        if file.digest not in shipped:
            message = (
                f"found no file with the bytes of {_told(file)} in the bundle; expected the weights of the manifest"
            )
            yield Complaint("/bundle/directory", message, tip)
    for file in subject.bundled:
        if file.digest not in known and file.content is not Content.HARMLESS:
            message = f"found {_told(file)} in the bundle, which the manifest does not list; expected its weights only"
            yield Complaint("/bundle/directory", message, tip)


def bundle_license_disagrees(subject: PromotionSubject) -> Iterator[Complaint]:
    """What it checks:
        The bundle states the licences of the manifest, for the weights and for the code, and those of its components at most.

    Why it is NO-GO:
        One of the two statements is wrong, and whoever gets the bundle reads only its own.

    Example:
        `"weights_license": "Apache-2.0"` in the bundle, CC-BY-4.0 in the manifest.

    Remedy:
        Find out which licence holds, and state it in both.
    """
    if not subject.bundle_licenses or not subject.licenses:
        return
    for gate in ("weights", "code"):
        stated = [_expression(part) for part in subject.licenses if part.gate == gate]
        bundled = [_expression(part) for part in subject.bundle_licenses if part.gate == gate]
        own = next(_expression(part) for part in subject.licenses if part.gate == gate and part.component is None)
        others = [each for each in dict.fromkeys(bundled) if each not in stated]
        if others or own not in bundled:
            found = shown(next(iter(others or bundled), "none"))
            yield Complaint(
                "/bundle/directory",
                f"found {found} as licence of the {gate} in the bundle; expected {shown(own)}, as in the manifest",
                "find out which licence holds, and state it in both",
            )


def bundle_commit_not_in_ledger(subject: PromotionSubject) -> Iterator[Complaint]:
    """What it checks:
        The commit that the bundle states, as that of the code that trained or of its source bundle, is one that a done prompt of
        the ledger names.

    Why it is a warning:
        Nothing else ties the work that was verified to what is shipped: ledger and verification may be those of another voice.
        But code may also be trained from a commit behind the last one that the ledger can name.

    Example:
        `"commit": "e600c0cb4a6e..."` in the bundle beside a ledger whose prompts name other commits.

    Remedy:
        Build the bundle from a run of the commit that was verified, or report that commit in the ledger.
    """
    stated = subject.bundle_commit
    if stated is None or subject.prompts is None:
        return
    named = [prompt.commit for prompt in subject.prompts if prompt.is_done and prompt.commit is not None]
    # A ledger may abbreviate a commit, and a bundle may not.
    if not any(stated.casefold().startswith(commit) for commit in named):
        yield Complaint(
            "/bundle/directory",
            f"found the commit {shown(stated)} in the bundle, which no prompt of the ledger names as done; expected one of those",
            "build the bundle from the commit that was verified, or report that commit in the ledger",
        )


def _expression(part: LicensedPart) -> str:
    return part.decision.expression or part.decision.input or ""


def run_not_of_weights(subject: PromotionSubject) -> Iterator[Complaint]:
    """What it checks:
        Every file of the manifest that holds weights is an artifact of the run, with the same digest. Names may differ.

    Why it is NO-GO:
        Log and status file tell how other weights were trained; nothing tells it of these.

    Example:
        A manifest of `voice.nemo` beside the folder of the run before.

    Remedy:
        Name the run that made the weights, or write the manifest anew from its artifacts.
    """
    if subject.weights is None or subject.artifacts is None:
        return
    made = {file.digest for file in subject.artifacts}
    for file in weights_of(subject.weights):
        if file.digest not in made:
            yield Complaint(
                "/training/root",
                f"found no artifact of the run with the bytes of {_told(file)}; expected the run that made the weights",
                "name the run that made the weights, or write the manifest anew from its artifacts",
            )


def artifact_not_pinned(subject: PromotionSubject) -> Iterator[Complaint]:
    """What it checks:
        Every file that the run names as an artifact, alone or in a folder, is a regular file that holds still, and there are no
        more than 20,000 of them.

    Why it is NO-GO:
        The decision could not pin it, so that nobody could tell later what it was.

    Example:
        `ARTIFACT checkpoints` where `last.ckpt` in that folder is a link.

    Remedy:
        Name the files themselves, and not the folder around them.
    """
    for file in subject.artifacts or ():
        if not file.sha256:
            yield Complaint(
                "/training/root",
                f"found no digest of the artifact {shown(file.path)}; expected a regular file that holds still, one of 20,000",
                "name the files themselves as artifacts, and let them lie still",
            )


def attribution_not_shipped(subject: PromotionSubject) -> Iterator[Complaint]:
    """What it checks:
        Where the licence of the weights or of a component asks for attribution, the manifest has the text, and a text file of
        the bundle carries it. Line breaks and blanks may differ.

    Why it is NO-GO:
        The licence allows nothing to whoever does not attribute. A text that stays with the manifest reaches nobody.

    Example:
        Weights under CC-BY-4.0 in a bundle of `voice.nemo` and `sample.wav`.

    Remedy:
        Put the attribution text into the bundle, as `ATTRIBUTION.txt` for example.
    """
    owing = [
        part
        for part in subject.licenses
        if part.gate == "weights" and part.decision.attribution_required and part.decision.state in _SHIPPABLE
    ]
    if not owing or subject.manifest is None:
        return
    names = ", ".join(dict.fromkeys(f"{printable(_expression(part)[:60])}{part.owner}" for part in owing[:3]))
    text = in_one_line(subject.manifest.attribution or "")
    if not text:
        yield Complaint(
            "/weights/manifest",
            f"found no attribution text in the manifest; expected one, since {names} asks for it",
            "write the attribution into the manifest, and put it into the bundle",
        )
    elif subject.shipped is not None and not any(text in shipped for shipped in subject.shipped):
        yield Complaint(
            "/bundle/directory",
            f"found the attribution text in no text file of the bundle; expected it there, since {names} asks for it",
            "put it into the bundle, as ATTRIBUTION.txt for example",
        )


def prompt_not_done(subject: PromotionSubject) -> Iterator[Complaint]:
    """What it checks:
        Every prompt of the ledger is done. One that is `partial-blocked` is not. That what is done is proven is what the rules
        over the ledger check.

    Why it is NO-GO:
        An open prompt is an open blocker: of what it was to do nothing, or a part only, has been verified.

    Example:
        `| 3 | The trainer | partial-blocked | e600c0cb4a6e |`

    Remedy:
        Resolve the reason, and finish the prompt.
    """
    for prompt in subject.prompts or ():
        if prompt.is_open:
            reason = prompt.value("blocker_reason")
            states = " and ".join(sorted(prompt.states)) or "of no known status"
            because = f" for the reason {shown(reason)}" if reason else ""
            claim = next(iter(prompt.claims("status")), None)
            yield Complaint(
                prompt.first.path if claim is None else claim.path,
                f"{prompt.told}: is {states}{because}; expected done",
                "resolve what stands in its way, and finish the prompt",
            )


def verification_not_certifying(subject: PromotionSubject) -> Iterator[Complaint]:
    """What it checks:
        The verifier says PASS, its certificate has a hash, its integrity is exactly true, neither its signal nor its source
        is a proxy, and it does not contradict itself.

    Why it is NO-GO:
        Evidence of which one of these does not hold certifies nothing.

    Example:
        `{"verdict": "PASS", "certificate": {"certificateHash": "6e84…", "integrityOk": "true"}}`

    Remedy:
        Mend the first failing HARD constraint, and let the verifier run again.
    """
    if subject.evidence is not None:
        for doubt in subject.evidence.doubts:
            yield Complaint("/verification/evidence", doubt, "mend what fails, and let the verifier run again")


def verification_not_of_ledger(subject: PromotionSubject) -> Iterator[Complaint]:
    """What it checks:
        The verification is the one that the last done prompt of the ledger rests on: the same certificate, and the same trace
        and run where both are stated.

    Why it is NO-GO:
        The verifier's word is about another state of the work than the one that is to be promoted.

    Example:
        A verification from before the last prompt.

    Remedy:
        Give the verifier's answer to the last prompt, or report its prompt in the ledger.
    """
    evidence = subject.evidence
    last = next((prompt for prompt in reversed(subject.prompts or ()) if prompt.is_done), None)
    if evidence is None or last is None:
        return
    for what, found, expected, needed in (
        ("certificate", evidence.certificate_hash, last.proof.certificate_hash, True),
        ("trace", evidence.trace_id, last.value("casimir_traceId"), False),
        ("run", evidence.run_id, last.value("casimir_runId"), False),
    ):
        if found == expected or (not needed and (found is None or expected is None)):
            continue
        told = "none" if found is None else shown(found)
        wanted = "one in the ledger" if expected is None else shown(expected)
        yield Complaint(
            "/verification/evidence",
            f"found the {what} {told}; expected {wanted}, as {last.told}, the last that is done, states",
            "give the verifier's answer to the last prompt, or report its prompt in the ledger",
        )


def _told(file: HeldFile) -> str:
    digits = f"sha256 {file.digest[:SHOWN_DIGITS]}" if file.digest else "unreadable"
    return f"{shown(file.path)} ({digits})"
