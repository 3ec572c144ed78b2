"""What the rules over a ledger look at: everything that table and blocks say of one prompt, side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from helix_tts_policy.blocker_guards import doubts_of
from helix_tts_policy.blocker_record import BlockerState, Proof
from helix_tts_policy.facts.ledger_words import hash_digits, is_none, same_digits, state_word, without_remark
from helix_tts_policy.finding import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from helix_tts_policy.facts.commit_history import CommitHistory
    from helix_tts_policy.facts.ledger_markdown import Stated
    from helix_tts_policy.facts.ledger_records import ExecutionLedger, LedgerEntry
    from helix_tts_policy.facts.verification_statement import VerificationEvidence

STATES: Final[Mapping[str, BlockerState]] = MappingProxyType({state_word(state): state for state in BlockerState})
"""The vocabulary of statuses."""

PROVING: Final = ("casimir_verdict", "casimir_certificateHash", "casimir_integrityOk")
"""The fields that a done prompt rests on."""

SHORTEST_CERTIFICATE: Final = 16
"""Digits from which on a text without dots counts as the beginning of a certificate's hash."""

MAX_NAME_TOLD: Final = 40
"""Characters of a prompt's name that a message tells."""

MAX_TOLD: Final = 20
"""Lines or names that one message tells; the rest are counted."""

SHORTEST_ROW: Final = 3
"""Numbers in a row that are told as one: 32 to 34."""


def prompt_state(text: str) -> BlockerState | None:
    """The state that a status means, with or without a remark; None for a word outside of the vocabulary."""
    return STATES.get(state_word(text))


class Claim(NamedTuple):
    """One value that the ledger states of a prompt, with its pointer and where it was found."""

    path: str
    stated: Stated
    where: str

    @property
    def text(self) -> str:
        """The value as it is written."""
        return self.stated.text


@dataclass(frozen=True, slots=True)
class Source:
    """A row or a block, with its pointer."""

    path: str
    entry: LedgerEntry
    where: str


@dataclass(frozen=True)
class Prompt:
    """All that the ledger says of one prompt."""

    name: str
    rows: list[Source] = field(default_factory=list)
    blocks: list[Source] = field(default_factory=list)
    _claims: dict[str, Sequence[Claim]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def told(self) -> str:
        """The prompt in the words of a message."""
        return f"prompt {printable(self.name[:MAX_NAME_TOLD])}"

    @property
    def sources(self) -> Iterator[Source]:
        """Blocks before rows: a block is the report itself, the row its summary."""
        yield from self.blocks
        yield from self.rows

    @property
    def first(self) -> Source:
        """Where to point when nothing better is known."""
        return next(self.sources)

    def claims(self, name: str) -> Sequence[Claim]:
        """Every value of a field, the block's first."""
        found = self._claims.get(name)
        if found is None:
            found = self._claims[name] = [
                Claim(f"{source.path}/{name}", stated, source.where)
                for source in self.sources
                if (stated := source.entry.fields.get(name)) is not None
            ]
        return found

    def claim(self, name: str) -> Claim | None:
        """The first value of a field that says something."""
        return next((claim for claim in self.claims(name) if not is_none(claim.text)), None)

    def value(self, name: str) -> str | None:
        """The text of `claim`, without a remark."""
        claim = self.claim(name)
        return None if claim is None else without_remark(claim.text)

    @cached_property
    def states(self) -> frozenset[BlockerState]:
        """Every state that a row or a block gives the prompt."""
        states = (prompt_state(claim.text) for claim in self.claims("status"))
        return frozenset(state for state in states if state is not None)

    @property
    def is_done(self) -> bool:
        """Whether table or block say that it is done."""
        return BlockerState.DONE in self.states

    @property
    def is_open(self) -> bool:
        """Whether nothing says that it is done, or something that it is not."""
        return self.states != {BlockerState.DONE}

    @cached_property
    def proof(self) -> Proof:
        """The evidence that the ledger states, in the form in which the blocker machine looks at it."""
        integrity = self.value("casimir_integrityOk")
        stated = [digits for claim in self.claims("casimir_certificateHash") if (digits := certificate_of(claim.text))]
        return Proof(
            verdict=self.value("casimir_verdict"),
            certificate_hash=max(stated, key=len, default=self.value("casimir_certificateHash")),
            integrity=True if integrity == "true" else integrity,
        )

    @property
    def commits(self) -> list[str]:
        """The digits of every commit that is stated."""
        return [digits for claim in self.claims("commit_sha") if (digits := hash_digits(claim.text)) is not None]

    @property
    def commit(self) -> str | None:
        """The digits of the commit, the longest where several agree; None where none is stated, or they contradict."""
        longest = max(self.commits, key=len, default=None)
        if longest is None or not all(same_digits(longest, digits) for digits in self.commits):
            return None
        return longest


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceExport:
    """What an exported training trace says of the ids that a ledger names.

    Attributes:
        source: the export, as the caller named it.
        sha256: of all its bytes.
        records: how many it holds.
        unread: lines of it that are no records.
        by_id: the last record of every id that was asked for and found.
    """

    source: str
    sha256: str
    records: int
    unread: int
    by_id: Mapping[str, VerificationEvidence]


@dataclass(frozen=True)
class LedgerSubject:
    """A ledger with everything that it is compared with; what is None was not given."""

    ledger: ExecutionLedger
    reasons: Collection[str]
    trace: TraceExport | None = None
    history: CommitHistory | None = None

    @cached_property
    def prompts(self) -> tuple[Prompt, ...]:
        """Every prompt, in the order in which table and blocks first name it."""
        found: dict[str, Prompt] = {}
        for index, row in enumerate(self.ledger.rows):
            found.setdefault(row.prompt, Prompt(row.prompt)).rows.append(Source(f"/rows/{index}", row, "the table"))
        for index, block in enumerate(self.ledger.blocks):
            source = Source(f"/blocks/{index}", block, "the block")
            found.setdefault(block.prompt, Prompt(block.prompt)).blocks.append(source)
        return tuple(found.values())

    @cached_property
    def shared_certificates(self) -> tuple[tuple[Prompt, ...], ...]:
        """The prompts of each certificate hash that more than one of them states."""
        stated = sorted(
            (digits, index)
            for index, prompt in enumerate(self.prompts)
            if (digits := certificate_of(prompt.value("casimir_certificateHash") or "")) is not None
        )
        groups: list[tuple[str, list[int]]] = []
        for digits, index in stated:
            # Sorted, an abbreviation stands directly before what it abbreviates.
            if groups and digits.startswith(groups[-1][0]):
                groups[-1] = (digits, [*groups[-1][1], index])
            else:
                groups.append((digits, [index]))
        shared = sorted(sorted(members) for _, members in groups if len(members) > 1)
        return tuple(tuple(self.prompts[index] for index in members) for members in shared)

    @cached_property
    def same_run(self) -> frozenset[str]:
        """The names of the prompts whose trace or run is another one's too."""
        groups = (group for name in ("casimir_traceId", "casimir_runId") for group in repeated(self, name))
        return frozenset(prompt.name for group in groups for prompt, _ in group)

    @cached_property
    def sharing(self) -> frozenset[str]:
        """The names of the prompts whose certificate is another one's too."""
        return frozenset(prompt.name for group in self.shared_certificates for prompt in group)

    def is_proven(self, prompt: Prompt) -> bool:
        """Whether a prompt is done by all that the ledger says, with evidence of its own and a commit.

        What the rules find in its row or block beside that is for the report to look at.
        """
        return (
            not prompt.is_open
            and bool(prompt.blocks)
            and not doubts_of(prompt.proof)
            and prompt.name not in self.sharing | self.same_run
            and prompt.claim("blocker_reason") is None
            and prompt.commit is not None
            and len(prompt.commits) == len(prompt.claims("commit_sha"))
        )


def certificate_of(text: str) -> str | None:
    """The digits of a certificate's hash, whole or abbreviated; None for a text that is none."""
    return hash_digits(text, shortest=SHORTEST_CERTIFICATE)


def repeated(subject: LedgerSubject, name: str) -> Iterator[list[tuple[Prompt, Claim]]]:
    """The prompts of each value of a field that more than one of them states, in the order of the ledger."""
    found: dict[str, list[tuple[Prompt, Claim]]] = {}
    for prompt in subject.prompts:
        if (claim := prompt.claim(name)) is not None:
            found.setdefault(without_remark(claim.text), []).append((prompt, claim))
    return (group for group in found.values() if len(group) > 1)


def counted(number: int, what: str) -> str:
    """A number of things: ``1 record``, ``2 records``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def lines_told(lines: Iterable[int]) -> str:
    """Lines in the words of a message: ``line 7``, ``lines 72, 95 and 118``, ``lines 32 to 37``."""
    numbers = sorted(set(lines))
    return f"line{'' if len(numbers) == 1 else 's'} {_listed(_runs(numbers))}"


def names_told(names: Sequence[str]) -> str:
    """Names of prompts in the words of a message, each printable: ``0 to 7``, ``2, 5 and final``."""
    if all(name.isascii() and name.isdecimal() for name in names):
        return _listed(_runs(sorted(map(int, names))))
    return _listed([printable(name[:MAX_NAME_TOLD]) for name in names])


def _runs(numbers: Sequence[int]) -> list[str]:
    """Sorted numbers as texts, of which three or more in a row are one."""
    told: list[str] = []
    begin = 0
    for index, number in enumerate(numbers):
        if index + 1 < len(numbers) and numbers[index + 1] == number + 1:
            continue
        row = [str(each) for each in numbers[begin : index + 1]]
        told += row if len(row) < SHORTEST_ROW else [f"{row[0]} to {row[-1]}"]
        begin = index + 1
    return told


def _listed(told: Sequence[str]) -> str:
    if len(told) > MAX_TOLD:
        return f"{', '.join(told[:MAX_TOLD])} and {len(told) - MAX_TOLD} more"
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"
