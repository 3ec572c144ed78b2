"""The facts of a new manifest that no file of weights can tell: from options, a file, and the answers at a terminal.

Nothing is guessed, a licence least of all: what is neither given nor answered is a usage error that names all of it.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from helix_tts_policy.cli import UsageError
from helix_tts_policy.cli.claims import Claims, to_confirm
from helix_tts_policy.cli.options import file_digest

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from helix_tts_policy.cli.claims import Offer

BOOLEANS = {"yes": True, "true": True, "no": False, "false": False}
BOOLEAN_FIELDS = frozenset({"commercial_use_allowed", "attribution_required"})

QUESTIONS = {
    "model_id": "Name of the release",
    "source_url": "https URL that the weights come from",
    "code_license": "SPDX expression of the code's licence",
    "weights_license": "SPDX expression of the weights' licence",
    "commercial_use_allowed": "Is commercial use of the weights allowed? yes or no",
    "attribution_required": "Does the weights' licence ask for attribution? yes or no",
    "evidence_links": "https URL of the text that proves the licence",
}
"""The required facts that no file can tell, in the order of the manifest."""


def stated_facts(arguments: argparse.Namespace) -> dict[str, Any]:
    """The facts from the file, with them those from the options, and at a terminal the answers to what is left."""
    from helix_tts_policy.facts.weights_manifest import WeightsManifest  # noqa: PLC0415 - after the arguments are right

    stated = _facts_file(arguments.facts) if arguments.facts is not None else {}
    options = {name: getattr(arguments, name, None) for name in WeightsManifest.model_fields}
    chosen = {
        name: BOOLEANS.get(value, value) if isinstance(value, str) and name in BOOLEAN_FIELDS else value
        for name, value in options.items()
        if value is not None and name != "evidence"
    }
    for name, value in chosen.items():
        if stated.get(name, value) != value:
            raise UsageError(
                f"--facts: {arguments.facts!a} states another {name} than the option does; state it once, after finding out which is true"
            )
    stated |= chosen
    if arguments.retrieved_on is not None and not arguments.evidence:
        raise UsageError("--retrieved-on: found no --evidence beside it; name the texts that were read on that day")
    if arguments.evidence:
        earlier = stated.get("evidence", [])
        if not isinstance(earlier, list):
            raise UsageError(f"--facts: {arguments.facts!a} states evidence that is no array; expected one to add to")
        day = {} if arguments.retrieved_on is None else {"retrieved_on": arguments.retrieved_on}
        stated["evidence"] = [*earlier, *(_evidence(words) | day for words in arguments.evidence)]
    claims = None if arguments.from_model_card is None else Claims(arguments.from_model_card, stated)
    if claims is not None:
        if complaint := claims.against(stated.get("weights_license")):
            raise UsageError(complaint)
        if claims.components:
            stated["components"] = claims.components
    missing = [name for name in QUESTIONS if name not in stated]
    offers = {} if claims is None else claims.offers()
    if missing and not (sys.stdin is not None and sys.stdin.isatty()):
        flags = ", ".join(map(_flag, missing))
        confirm = "".join(f"; {to_confirm(_flag(name), offers[name])}" for name in missing if name in offers)
        raise UsageError(f"manifest new: missing {flags}; state each, since no file can tell it{confirm}")
    for name in missing:
        answer = _ask(name, offers.get(name))
        while name == "weights_license" and claims is not None and (complaint := claims.against(answer)):
            print(complaint, file=sys.stderr)
            answer = _ask(name, offers.get(name))
        stated[name] = [answer] if name == "evidence_links" else answer
    return stated


def _flag(name: str) -> str:
    return "--" + name.removesuffix("s" if name == "evidence_links" else "").replace("_", "-")


def _facts_file(path: str) -> dict[str, Any]:
    from helix_tts_policy.document import check_json, read_bytes  # noqa: PLC0415 - only when there is such a file
    from helix_tts_policy.errors import MalformedInput  # noqa: PLC0415 - as above

    try:
        facts = json.loads(check_json(read_bytes(path), path))
    except MalformedInput as error:
        raise UsageError(f"--facts: {error}") from None
    if not isinstance(facts, dict):
        raise UsageError(f"--facts: {path!a} holds no JSON object; expected one with fields of the manifest")
    computed = sorted(facts.keys() & {"files", "checksum", "created_at"})
    if computed:
        raise UsageError(f"--facts: {path!a} states {', '.join(computed)}; leave out what is computed from the files")
    return facts


def _evidence(words: Sequence[str]) -> dict[str, str]:
    kind, url, copy = words
    return {"url": url, "kind": kind, "sha256": file_digest("--evidence", copy)}


def _ask(name: str, offer: Offer | None = None) -> str | bool:
    """The answer to one question; it is asked again until there is one that can be one, and only a word takes an offer."""
    if offer is not None:
        print(
            f"The card {offer.claim}. It proves nothing: read the text, then type yes, or what is true.",
            file=sys.stderr,
        )
    while True:
        print(f"{QUESTIONS[name]}: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise UsageError(f"manifest new: the input ended before {name} was answered")
        answer = line.strip()
        if name in BOOLEAN_FIELDS:
            if answer.lower() in BOOLEANS:
                return BOOLEANS[answer.lower()]
        elif offer is not None and answer.lower() in BOOLEANS:
            if BOOLEANS[answer.lower()]:
                return offer.value
        elif answer:
            return answer
