"""Reports as one JSON document, version 1: for programs, and the same bytes for the same input, policy and time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.render.summary import verdict_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helix_tts_policy.render.summary import Report

SCHEMA: Final = "helix-tts-policy/verify/1"


def render(reports: Sequence[Report]) -> str:
    """All reports in one document; its verdict is GO only if every report's is, and there is one."""
    return document(
        {
            "schema": SCHEMA,
            "verdict": verdict_of(reports).value,
            "reports": [report.to_dict() for report in reports],
        }
    )


def document(value: dict[str, Any]) -> str:
    """One JSON document in plain ASCII, so that no locale and no terminal can change it."""
    return json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False) + "\n"
