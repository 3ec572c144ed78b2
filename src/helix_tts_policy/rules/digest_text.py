"""What keeps the text of a digest from being one."""

from __future__ import annotations

from functools import lru_cache

from helix_tts_policy.digest import DigestFault, DigestSyntaxError, is_placeholder, parse_digest


@lru_cache(maxsize=4096)
def digest_defect(text: str) -> tuple[str, str] | None:
    """The rule that a digest breaks, and how; None for a digest that can be one."""
    try:
        digest = parse_digest(text)
    except DigestSyntaxError as error:
        return ("digest-syntax" if error.kind is DigestFault.SYNTAX else "digest-algorithm"), error.reason
    reason = is_placeholder(digest)
    return None if reason is None else ("digest-placeholder", reason)


@lru_cache(maxsize=4096)
def sha256_defect(digits: str) -> tuple[str, str] | None:
    """As `digest_defect`, of the bare digits of a SHA-256."""
    return digest_defect(f"sha256:{digits}")
