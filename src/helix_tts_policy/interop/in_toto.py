"""The decision as an in-toto Statement v1 with a simple verification result, for GO only.

https://github.com/in-toto/attestation/blob/main/spec/predicates/svr.md: there is no verification result of what was not
verified, so NO-GO has no statement. It is not signed here; tools for that exist.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.decision_document import decision_digest
from helix_tts_policy.finding import Verdict
from helix_tts_policy.interop.described import (
    NotExportable,
    moment,
    need,
    tool,
    weights_files,
)
from helix_tts_policy.render.json_v1 import document as as_json

if TYPE_CHECKING:
    from helix_tts_policy.promotion import Promotion

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PREDICATE: Final = "https://in-toto.io/attestation/svr/v0.1"

MODULE: Final = "in_toto_attestation"


def document(promotion: Promotion) -> str:
    """The statement as JSON.

    Raises:
        InteropMissing: the library that it is held against is not installed.
        NotExportable: the decision is NO-GO.
    """
    need(MODULE)
    told = statement(promotion)
    text = as_json(told)
    _accepted(text)
    return text


def statement(promotion: Promotion) -> dict[str, Any]:
    """The statement as plain JSON values.

    Raises:
        NotExportable: the decision is NO-GO.
    """
    decision = promotion.decision
    if decision.verdict is not Verdict.GO:
        raise NotExportable(
            "the decision is NO-GO; a verification result is stated of a release that is GO, and of no other"
        )
    passed = [f"helix-tts-policy:gate:{result.gate.name}:PASS" for result in decision.gates]
    program = tool(promotion)
    return {
        "_type": STATEMENT,
        "subject": _subjects(promotion),
        "predicateType": PREDICATE,
        "predicate": {
            "verifier": {"id": f"pkg:pypi/{program['name']}@{program['version']}"},
            "timeCreated": moment(promotion),
            "properties": [
                "helix-tts-policy:GO",
                *passed,
                f"helix-tts-policy:decision:sha256:{decision_digest(promotion)}",
                f"helix-tts-policy:policy:sha256:{decision.pinned['policy']['sha256']}",
            ],
        },
    }


def _subjects(promotion: Promotion) -> list[dict[str, Any]]:
    """The weights file by file, and the bundle's manifest, which binds what the bundle holds."""
    subjects = [
        # https://github.com/in-toto/attestation/blob/main/spec/v1/digest_set.md has sha3_256, with an underscore.
        {"name": file.path, "digest": {file.algorithm.replace("-", "_"): file.hex}}
        for file in weights_files(promotion)
    ]
    if promotion.bundle is not None and promotion.bundle.data:
        digest = hashlib.sha256(promotion.bundle.data).hexdigest()
        subjects.append({"name": "bundle/manifest.json", "digest": {"sha256": digest}})
    return subjects


def _accepted(text: str) -> None:
    from google.protobuf import json_format  # noqa: PLC0415 - comes with the extra
    from in_toto_attestation.v1 import statement_pb2  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra
    from in_toto_attestation.v1.statement import Statement  # type: ignore[import-untyped]  # noqa: PLC0415 - as above

    Statement.copy_from_pb(json_format.Parse(text, statement_pb2.Statement())).validate()
