"""From a recorded decision and a release to a second decision at the time of the first, and to everything that is different."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from helix_tts_policy.check_promotion import examine_release
from helix_tts_policy.decision_document import MAX_DECISION_BYTES, canonical, decision_content, read_decision
from helix_tts_policy.document import pointer_token, read_bytes
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.finding import shown
from helix_tts_policy.replay_report import ReplayReport
from helix_tts_policy.rules.decision_replay import Difference, ReplaySubject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.check_ledger import LookUp
    from helix_tts_policy.facts.license_policy import LicensePolicy
    from helix_tts_policy.facts.release import Release

_GET = "get what the decision was about, by its digest; or decide anew"
_REPOSITORY = "give the repository of then with --repo, or none where none was given"
_DECIDE = "find out what changed, and decide anew"


def replay_decision(
    decision: str | os.PathLike[str] | bytes,
    release: str | os.PathLike[str] | Release,
    *,
    policy: LicensePolicy | None = None,
    folder: str | os.PathLike[str] | None = None,
    commits: LookUp | None = None,
) -> ReplayReport:
    """Make a recorded decision again at its own time: GO where it is the same to the byte, whichever way it went.

    Args:
        decision: the document, a path or its bytes.
        release: what was decided on; as for `examine_release`, like the other arguments.
        policy: the policy of whoever decided, where there was one.
        folder: what the paths of the release are relative to.
        commits: asks a repository for the commits of the ledger, where that was done then.

    Raises:
        TypeError: an argument is of the wrong type.
    """
    name = "<bytes>" if isinstance(decision, bytes) else os.fspath(decision)
    if not isinstance(name, str):
        raise TypeError("decision: expected a path of text or the document's bytes, found a path of bytes")
    try:
        data = decision if isinstance(decision, bytes) else read_bytes(name, limit=MAX_DECISION_BYTES)
        recorded = read_decision(data, name)
    except MalformedInput as error:
        return ReplayReport(name, malformed=error)
    promotion = examine_release(release, policy=policy, now=recorded.now, folder=folder, commits=commits)
    content = decision_content(promotion)
    differences: tuple[Difference, ...] = ()
    if canonical(content) != canonical(recorded.content):
        differences = tuple(_differences(recorded.content, content))
        if not differences:
            whole = Difference("/content", "the recorded content", "other content", _DECIDE)
            differences = (whole,)
    return ReplayReport(name, recorded=recorded, subject=ReplaySubject(differences), promotion=promotion)


def _differences(was: dict[str, Any], now: dict[str, Any]) -> Iterator[Difference]:
    """What changed: first what there is one of, so that no crowd of inputs or findings hides it."""
    old, new = was["pinned"], now["pinned"]
    yield from _changed("/content/verdict", "the verdict", was.get("verdict"), now.get("verdict"), _DECIDE)
    for key, what, tip in (
        ("policy", "the policy", "decide under the policy of that digest"),
        ("catalog", "the licence catalogue", "use the version of the program that decided"),
        ("spdx_license_list", "the SPDX list", "use the version of the program that decided"),
        ("tool", "the program", "use the version of the program that decided"),
    ):
        yield from _changed(f"/content/pinned/{key}", what, old.get(key), new.get(key), tip)
    yield from _changed("/content/pinned/release", "the release file", old.get("release"), new.get("release"), _GET)
    if (was_asked := old.get("commits")) != (is_asked := new.get("commits")):
        told = f"the commits of the ledger {_commits_told(is_asked)}"
        yield Difference("/content/pinned/commits", _commits_told(was_asked), told, _REPOSITORY)
    for key in ("obligations", "attribution"):
        yield from _changed(f"/content/{key}", f"the {key}", was.get(key), now.get(key), _DECIDE)
    yield from _inputs(old.get("inputs"), new.get("inputs"))
    yield from _gates(was.get("gates"), now.get("gates"))


def _changed(pointer: str, what: str, was: Any, now: Any, tip: str) -> Iterator[Difference]:
    if was != now:
        yield Difference(pointer, _told(was), f"{what} {_told(now)}", tip)


def _told(value: Any) -> str:
    if isinstance(value, dict):
        version = value.get("version") or value.get("name") or value.get("path")
        digest = value.get("sha256")
        words = [shown(version)] * bool(version) + [f"sha256 {str(digest)[:12]}"] * bool(digest)
        return " of ".join(words) or "one without a digest"
    if value is None or isinstance(value, str):
        return "none" if value is None else shown(value)
    return f"those of sha256 {hashlib.sha256(canonical(value)).hexdigest()[:12]}"


def _commits_told(pinned: Any) -> str:
    if pinned is None:
        return "taken as stated"
    return f"looked up in a repository, with answers of sha256 {hashlib.sha256(canonical(pinned)).hexdigest()[:12]}"


def _inputs(was: Any, now: Any) -> Iterator[Difference]:
    old, new = _by_place(was), _by_place(now)
    for index, (place, each) in enumerate(old.items()):
        if place not in new or new[place] != each:
            found = "nothing" if place not in new else _bytes_told(new[place])
            told = f"{found} as the {place[0]} {shown(place[1])}"
            yield Difference(f"/content/pinned/inputs/{index}", _bytes_told(each), told, _GET)
    for place, each in new.items():
        if place not in old:
            told = f"{_bytes_told(each)} as the {place[0]} {shown(place[1])}"
            yield Difference("/content/pinned/inputs", "nothing there", told, _GET)


def _by_place(inputs: Any) -> dict[tuple[str, str], dict[str, Any]]:
    return {(str(each.get("role")), str(each.get("path"))): each for each in _listed(inputs) if isinstance(each, dict)}


def _bytes_told(each: dict[str, Any]) -> str:
    digest = each.get("sha256")
    return "nothing that can be read" if digest is None else f"sha256 {str(digest)[:12]} ({each.get('bytes')} bytes)"


def _gates(was: Any, now: Any) -> Iterator[Difference]:
    old, new = _findings_by_gate(was), _findings_by_gate(now)
    places = {gate: f"/content/gates/{index}" for index, gate in enumerate(old)}
    for gate in dict.fromkeys((*old, *new)):
        pointer = places.get(gate, "/content/gates")
        found, there = old.get(gate, {}), new.get(gate, {})
        for key in [key for key in found if key not in there]:
            told = f"no such finding at the gate {shown(gate)}"
            yield Difference(f"{pointer}/findings/{pointer_token(found[key])}", _finding_told(key), told, _DECIDE)
        for key in [key for key in there if key not in found]:
            told = f"{_finding_told(key)} at the gate {shown(gate)}"
            yield Difference(f"{pointer}/findings", "no such finding", told, _DECIDE)


def _findings_by_gate(gates: Any) -> dict[str, dict[tuple[str, str], int]]:
    return {
        str(gate.get("gate")): {
            (str(each.get("rule")), str(each.get("message"))): index
            for index, each in enumerate(_listed(gate.get("findings")))
            if isinstance(each, dict)
        }
        for gate in _listed(gates)
        if isinstance(gate, dict)
    }


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _finding_told(key: tuple[str, str]) -> str:
    return f"{shown(key[0])}: {shown(key[1])}"
