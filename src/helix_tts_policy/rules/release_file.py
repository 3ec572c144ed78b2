"""Rules over the release file: whether its paths may be followed, and whether it is of the release that it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.finding import shown
from helix_tts_policy.rules.file_entry import unsafe_path
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.rules.promotion_subject import PromotionSubject


def release_path_unsafe(subject: PromotionSubject) -> Iterator[Complaint]:
    """What it checks:
        Every path of a release file is relative to its folder and uses `/`. It may begin with `..`, since a ledger or a policy
        is shared by releases, but has no empty, `.` or `..` part behind that, no backslash and no colon. `.` alone is the
        folder itself.

    Why it is NO-GO:
        An absolute path names other evidence on every machine, so that nobody else can decide the same. What is named so
        is not looked at.

    Example:
        `manifest = "/home/me/weights-manifest.json"`

    Remedy:
        Write the path relative to the folder of the release file.
    """
    for pointer, path in subject.release.paths().items():
        if reason := unsafe_release_path(path):
            yield Complaint(
                pointer,
                f"found {shown(path)}, which {reason}; expected a path relative to the release file's folder",
                "write it relative to the folder of the release file, with /",
            )


def unsafe_release_path(path: str) -> str | None:
    """Why a path of a release file may not be followed; None where it may."""
    parts = path.split("/")
    while parts and parts[0] == "..":
        parts.pop(0)
    return unsafe_path("/".join(parts)) if parts and path != "." else None


def release_name_mismatch(subject: PromotionSubject) -> Iterator[Complaint]:
    """What it checks:
        The release is called what the manifest calls its model.

    Why it is NO-GO:
        One of the two is of another release, and the policy's entries hold by that name.

    Example:
        `name = "acme/warm-voice-3"` beside `"model_id": "acme/warm-voice-2"`.

    Remedy:
        Name the manifest of this release, or write the name as it stands there.
    """
    if subject.manifest is not None and subject.manifest.model_id != subject.release.name:
        yield Complaint(
            "/name",
            f"found {shown(subject.release.name)}; expected {shown(subject.manifest.model_id)}, as in the manifest",
            "name the manifest of this release, or write the name as it stands there",
        )


def release_policy_overridden(subject: PromotionSubject) -> Iterator[Complaint]:
    """What it checks:
        Whoever decides gives no other policy than the release file names.

    Why it is a note:
        The policy of whoever decides counts, since a release must not choose the rules that it is judged by. An auditor has to
        see that there were two.

    Example:
        `helix-tts-policy gate release.toml --policy strict.toml` where the release file says `policy = "ours.toml"`.

    Remedy:
        None is needed. Take the policy out of the release file where it is not meant to count.
    """
    if subject.overridden is not None:
        own, given = subject.overridden
        yield Complaint(
            "/policy",
            f"found {shown(own)}, and decided under {shown(given)}, which the caller gave",
            "take it out of the release file where it is not meant to count",
        )
