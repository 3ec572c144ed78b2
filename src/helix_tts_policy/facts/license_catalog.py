"""What each licence says: one row of facts for every SPDX id and for the model licences that have none.

The rows are data, reviewed one by one in ``tools/catalog/`` and built into ``data/license-catalog.json``; this module
reads that file and judges nothing. A row is made into a record when somebody first asks for it, because a process that
decides one licence should not pay for eight hundred. Nothing here is legal advice.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class CommercialState(StrEnum):
    """May the work be used commercially? From best to worst, in the order of definition."""

    ALLOWED = "allowed"
    CONDITIONAL = "conditional"
    FORBIDDEN = "forbidden"
    UNCLEAR = "unclear"


class ConditionKind(StrEnum):
    """What a licence asks of commercial use beyond a notice; a policy decides, by kind and gate, what must be attested."""

    NONCOMMERCIAL = "noncommercial"  # no commercial use at all
    NONPROFIT = "nonprofit"  # only an organisation without revenue may do it
    PURPOSE_LIMIT = "purpose_limit"  # only for the purposes that the licence names
    INTERNAL_USE = "internal_use"  # not to be passed on against payment
    PRODUCTION_GRANT = "production_grant"  # production use only by a grant that each work states for itself
    USER_CAP = "user_cap"
    REVENUE_CAP = "revenue_cap"
    HOSTED_SERVICE = "hosted_service"  # a service over a network needs more than the licence gives
    NON_COMPETE = "non_compete"
    USE_RESTRICTIONS = "use_restrictions"  # forbidden uses, mostly to be passed on to every user
    OUTPUT_SCOPE = "output_scope"  # the terms follow the model's outputs, such as a ban on training with them
    BRANDING = "branding"  # a name to display in the product
    REGION = "region"
    UNILATERAL_CHANGE = "unilateral_change"  # the licensor may change or restrict the terms afterwards
    NO_SHARED_DERIVATIVES = "no_shared_derivatives"  # converted, tuned or quantised weights may not be passed on
    SHARE_ALIKE = "share_alike"  # works based on it, tuned weights among them, go out under the same licence
    NETWORK_SHARE_ALIKE = "network_share_alike"  # so do works that are only offered over a network
    WEAK_COPYLEFT = "weak_copyleft"  # share-alike that ends at the licensed files, library or font
    PER_WORK = "per_work"  # the terms differ from item to item and must be read for this one
    UNREVIEWED = "unreviewed"  # commercial use is granted, but another term was never reviewed


class Basis(StrEnum):
    """What a row stands on."""

    TEXT = "text"  # the deciding clause was read in the text whose SHA-256 the row records
    APPROVAL = "approval"  # the SPDX list records the approval of the OSI or the FSF, which excludes field limits
    SURVEY = "survey"  # facts that others collected; the licence itself was not read, so that the row can only forbid
    POLICY = "policy"  # somebody read the text and says so in the policy
    NONE = "none"  # nobody verified it: such a row is never better than unclear


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One thing that a licence asks, in words that a reviewer can attest."""

    kind: ConditionKind
    text: str


_SHARE_ALIKE = {ConditionKind.SHARE_ALIKE, ConditionKind.NETWORK_SHARE_ALIKE}


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseFacts:
    """One licence, as its text or the bodies that read it say.

    Attributes:
        id: the SPDX id or ``LicenseRef-`` that an expression names it by.
        name: the licence's title.
        commercial: what the licence itself says of commercial use. Copyleft licences are *allowed* with conditions; which
            of these need an attestation depends on what is licensed, and the policy's gates say so.
        conditions: what commercial use is bound to; for a forbidden licence, what forbids it.
        attribution: whether copies must name the licensor or carry a notice; None where nobody found out.
        notices: what has to be shipped or shown.
        reaches_outputs: whether terms follow what the model generates; None where nobody found out.
        clause: the deciding words, quoted where they were read, `` [...] `` between two pieces; else the reason for the state.
        basis: what the row stands on.
        evidence_url: where the text stands; None where only a secondary survey names the licence.
        evidence_sha256: of the reviewed text, where its bytes were at hand.
        verified_on: the day on which the basis was looked at: only with the basis ``text`` was the licence itself read.
            None for a row that nobody verified.
        or_later: the clause, word for word, by which ``+`` means something for this licence; empty where it means nothing.
        deprecated: whether SPDX lists the id as deprecated.
        notes: what else a reviewer should know.
    """

    id: str
    name: str
    commercial: CommercialState
    conditions: tuple[Condition, ...] = ()
    attribution: bool | None = None
    notices: tuple[str, ...] = ()
    reaches_outputs: bool | None = None
    clause: str
    basis: Basis
    evidence_url: str | None = None
    evidence_sha256: str | None = None
    verified_on: dt.date | None = None
    or_later: str = ""
    deprecated: bool = False
    notes: str = ""

    @property
    def share_alike(self) -> bool | None:
        """Whether tuned or converted weights would go out under the same licence; None where that is not known."""
        return self._asks(_SHARE_ALIKE)

    @property
    def no_derivatives(self) -> bool | None:
        """Whether changed copies may not be passed on; None where that is not known."""
        return self._asks({ConditionKind.NO_SHARED_DERIVATIVES})

    @property
    def use_restrictions(self) -> bool | None:
        """Whether some uses are forbidden; None where that is not known."""
        return self._asks({ConditionKind.USE_RESTRICTIONS})

    def _asks(self, kinds: set[ConditionKind]) -> bool | None:
        if self.commercial is CommercialState.UNCLEAR:
            return None
        return any(condition.kind in kinds for condition in self.conditions)

    def to_dict(self) -> dict[str, object]:
        """The row as plain JSON values."""
        return {
            "id": self.id,
            "name": self.name,
            "commercial": self.commercial.value,
            "conditions": [{"kind": condition.kind.value, "text": condition.text} for condition in self.conditions],
            "attribution": self.attribution,
            "notices": list(self.notices),
            "share_alike": self.share_alike,
            "no_derivatives": self.no_derivatives,
            "use_restrictions": self.use_restrictions,
            "reaches_outputs": self.reaches_outputs,
            "clause": self.clause,
            "basis": self.basis.value,
            "evidence_url": self.evidence_url,
            "evidence_sha256": self.evidence_sha256,
            "verified_on": self.verified_on.isoformat() if self.verified_on else None,
            "or_later": self.or_later,
            "deprecated": self.deprecated,
            "notes": self.notes,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LicenseCatalog:
    """The rows, and the names that lead to them.

    Attributes:
        version: of the catalogue, the day of its last review.
        spdx_list_version: the SPDX list that the rows cover completely.
        sha256: of the file's bytes, by which a decision can name the facts it was made from.
        rows: id to the row as the file has it; `find` makes the record.
        aliases: names in the wild, in small letters, to the id meant; only ever compared with a whole text.
        sentinels: texts that name no licence, in small letters, to what is to be said of them.
        exceptions: exception id to the licence ids that it is written for.
    """

    version: str
    spdx_list_version: str
    sha256: str
    rows: Mapping[str, Mapping[str, Any]]
    aliases: Mapping[str, str]
    sentinels: Mapping[str, str]
    exceptions: Mapping[str, frozenset[str]]
    _records: dict[str, LicenseFacts] = field(default_factory=dict, init=False, repr=False)

    def find(self, identifier: str) -> LicenseFacts | None:
        """The facts of an id in its canonical spelling, or None where the catalogue has no row."""
        record = self._records.get(identifier)
        if record is None and identifier in self.rows:
            record = self._records[identifier] = _record(identifier, self.rows[identifier])
        return record

    def resolve(self, name: str) -> LicenseFacts | None:
        """The facts that a name in the wild means, compared whole and without regard to ASCII case."""
        return self.find(self.aliases.get(name.lower(), "")) if name.isascii() else None

    def __iter__(self) -> Iterator[LicenseFacts]:
        return (_record(identifier, row) for identifier, row in self.rows.items())

    def __len__(self) -> int:
        return len(self.rows)


def _record(identifier: str, row: Mapping[str, Any]) -> LicenseFacts:
    verified_on = row.get("verified_on")
    return LicenseFacts(
        id=identifier,
        name=row["name"],
        commercial=CommercialState(row["commercial"]),
        conditions=tuple(Condition(kind=ConditionKind(kind), text=text) for kind, text in row.get("conditions", ())),
        attribution=row.get("attribution"),
        notices=tuple(row.get("notices", ())),
        reaches_outputs=row.get("reaches_outputs"),
        clause=row["clause"],
        basis=Basis(row["basis"]),
        evidence_url=row.get("evidence_url"),
        evidence_sha256=row.get("evidence_sha256"),
        verified_on=dt.date.fromisoformat(verified_on) if verified_on else None,
        or_later=row.get("or_later", ""),
        deprecated=row.get("deprecated", False),
        notes=row.get("notes", ""),
    )


def read_catalog(raw: bytes) -> LicenseCatalog:
    """The catalogue in the bytes of a file that ``tools/build_catalog.py`` wrote; they are ours and trusted in shape."""
    document = json.loads(raw)
    return LicenseCatalog(
        version=document["version"],
        spdx_list_version=document["spdx_list_version"],
        sha256=hashlib.sha256(raw).hexdigest(),
        rows=document["rows"],
        aliases=document["aliases"],
        sentinels=document["sentinels"],
        exceptions={name: frozenset(licenses) for name, licenses in document["exceptions"].items()},
    )


@lru_cache(maxsize=1)
def default_catalog() -> LicenseCatalog:
    """The catalogue that the package ships, read once."""
    # importlib.resources would do the same, and its import costs three times as much as reading the catalogue.
    from pkgutil import get_data  # noqa: PLC0415 - only a process that decides a licence pays for it

    return read_catalog(cast("bytes", get_data("helix_tts_policy", "data/license-catalog.json")))
