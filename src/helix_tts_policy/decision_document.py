"""The decision document: what was decided, on what, in a form that can be digested, signed, and made again.

Rules kept here:

1. The document is canonical JSON (RFC 8785): the same decision is the same bytes, wherever and by whatever it is written.
2. What is digested depends on the evidence, the policy, the time of the decision and this program, and on nothing else: paths
   are relative to the release file, and the time at which the document was written stands outside.
3. A document is taken only whole: its digest has to be that of its content.
"""

from __future__ import annotations

import hashlib
import json
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from helix_tts_policy.document import UNSAFE_TEXT, bounded, check_json
from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.promotion import Promotion

DECISION_SCHEMA: Final = "helix-tts-policy/decision/1"
"""Name and version of the document; a change that breaks a reader gets a new number."""

MAX_DECISION_BYTES: Final = 32 * 1024 * 1024
"""Bound of one document: three lists of 20,000 files, of some 250 bytes each, are half of it."""

_KEYS: Final = frozenset({"schema", "created_at", "sha256", "content"})
_TIP: Final = "get the document as helix-tts-policy gate --output wrote it"


class RecordedDecision(NamedTuple):
    """A decision document as it was read, with the text in which `scan` finds places."""

    text: str
    sha256: str
    content: dict[str, Any]
    now: datetime


def decision_document(promotion: Promotion, *, created_at: datetime) -> bytes:
    """The document of a promotion, without a line break at its end.

    Raises:
        ValueError: the time has no offset.
    """
    if created_at.utcoffset() is None:
        raise ValueError("created_at: expected a time with offset")
    content = decision_content(promotion)
    document = {
        "schema": DECISION_SCHEMA,
        "created_at": created_at.isoformat(),
        "sha256": hashlib.sha256(canonical(content)).hexdigest(),
        "content": content,
    }
    return canonical(document)


def decision_digest(promotion: Promotion) -> str:
    """SHA-256 of what of a decision is digested, in hexadecimal: by it other documents name the decision."""
    return hashlib.sha256(canonical(decision_content(promotion))).hexdigest()


def decision_content(promotion: Promotion) -> dict[str, Any]:
    """What of a decision is digested."""
    content = promotion.decision.to_dict()
    content["source"] = _relative(promotion.source, promotion)
    for gate in content["gates"]:
        for finding in gate["findings"]:
            finding["at"]["source"] = _relative(finding["at"]["source"], promotion)
    whole: dict[str, Any] = _encodable(content)
    return whole


def canonical(value: Any) -> bytes:
    """The value as RFC 8785 writes it.

    Raises:
        ValueError: it holds a number that JavaScript cannot hold.
    """
    import rfc8785  # noqa: PLC0415 - only where a decision is written or read

    return rfc8785.dumps(value)


def _relative(source: str, promotion: Promotion) -> str:
    """A source as it stands in the release file; of what lies elsewhere, such as a caller's policy, the last name alone."""
    folder = f"{promotion.folder.rstrip('/')}/" if promotion.folder else ""
    if source != promotion.source and source.startswith(folder) and not _is_callers(source, promotion):
        return source.removeprefix(folder)
    return os.path.basename(source)  # noqa: PTH119 - the last name as it is written


def _is_callers(source: str, promotion: Promotion) -> bool:
    policy = promotion.decision.pinned.get("policy")
    given = promotion.manifest is not None and source == promotion.manifest.policy.name
    return given and policy is not None and policy["from"] == "caller"


def _encodable(value: Any) -> Any:
    """The value with every character as an escape that a reader would refuse, lone surrogates among them."""
    if isinstance(value, dict):
        return {key: _encodable(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_encodable(member) for member in value]
    if isinstance(value, str):
        return UNSAFE_TEXT.sub(lambda unsafe: unsafe[0].encode("unicode_escape").decode(), value)
    return value


def read_decision(data: bytes, source: str) -> RecordedDecision:
    """What the bytes of a decision document say.

    Raises:
        MalformedInput: they are no such document, or it was changed after it was written.
    """
    text = check_json(bounded(data, source=source, limit=MAX_DECISION_BYTES), source)
    document = json.loads(text)
    problems = [*_shape_problems(document)] or [*_digest_problems(document)]
    if problems:
        told = (Problem(kind=ProblemKind.DECISION, message=each, tip=_TIP, line=1, column=1) for each in problems)
        raise MalformedInput(source, tuple(told))
    content = document["content"]
    return RecordedDecision(text, document["sha256"], content, _moment(content["pinned"]["now"]))


def _shape_problems(document: Any) -> Iterator[str]:
    if not isinstance(document, dict) or document.keys() != _KEYS:
        yield f"found other keys; expected {', '.join(sorted(_KEYS))}"
        return
    if document["schema"] != DECISION_SCHEMA:
        yield f"found another schema; expected {DECISION_SCHEMA}"
        return
    if not _is_moment(document["created_at"]):
        yield "found no time at which it was written; expected one with offset under /created_at"
    content = document["content"]
    pinned = content.get("pinned") if isinstance(content, dict) else None
    if not _is_moment(pinned.get("now") if isinstance(pinned, dict) else None):
        yield "found no time of the decision; expected one with offset under /content/pinned/now"


def _digest_problems(document: dict[str, Any]) -> Iterator[str]:
    try:
        digest = hashlib.sha256(canonical(document["content"])).hexdigest()
    except ValueError:
        yield "found a number that canonical JSON cannot hold; expected whole numbers below 2**53"
        return
    if document["sha256"] != digest:
        yield f"found content whose digest is {digest}; expected the one that the document states"


def _is_moment(value: Any) -> bool:
    try:
        _moment(value)
    except (TypeError, ValueError):
        return False
    return True


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() is None:
        raise ValueError(text)
    return moment
