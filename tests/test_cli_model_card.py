"""``manifest new --from-model-card``: claims are shown, compared and offered, and enter a manifest only by a person's word."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.command_line import NOW, REPOSITORY, run_on_terminal

from helix_tts_policy.cli import main

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = REPOSITORY / "tests" / "examples"
MUSICGEN = EXAMPLES / "card-shape" / "accept" / "musicgen-like.md"
NVIDIA = EXAMPLES / "card-license-other-incomplete" / "accept" / "nvidia-like.md"
TUNED = EXAMPLES / "card-base-model-unstated" / "reject" / "one.md"
NVIDIA_LINK = "https://www.nvidia.com/en-us/agreements/enterprise-software/nvidia-open-model-license/"
STATED = {
    "--model-id": "acme/voice",
    "--source-url": "https://huggingface.co/acme/voice",
    "--code-license": "MIT",
    "--weights-license": "MIT",
    "--commercial-use-allowed": "yes",
    "--attribution-required": "yes",
    "--evidence-link": "https://huggingface.co/acme/voice",
}


@pytest.fixture
def weights(tmp_path: Path) -> str:
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "voice.safetensors").write_bytes(b"voice")
    return str(folder)


def call(weights: str, card: Path, *more: str, **changes: str | None) -> list[str]:
    options = STATED | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    words = [word for name, value in options.items() if value is not None for word in (name, value)]
    return ["manifest", "new", weights, "--from-model-card", str(card), "--now", NOW, *words, *more]


def new(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> tuple[int, dict[str, Any] | None, list[str]]:
    """The exit code, the manifest and the lines on standard error of a call."""
    code = main(arguments)
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err.splitlines()


def test_what_is_stated_and_claimed_alike_is_written(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, manifest, err = new(capsys, call(weights, MUSICGEN, weights_license="cc-by-nc-4.0"))

    assert (code, err[-1]) == (0, "verdict: NO-GO")
    assert manifest is not None
    assert manifest["weights_license"] == "cc-by-nc-4.0"
    assert "components" not in manifest
    assert not [line for line in err if "[card-" in line]


def test_another_licence_than_the_card_claims_is_refused(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = (
        f'--from-model-card: {str(MUSICGEN)!a} claims "cc-by-nc-4.0" (CC-BY-NC-4.0, forbidden), but "MIT" is stated; '
        "find out which is true, and leave the card out if it is wrong"
    )
    assert new(capsys, call(weights, MUSICGEN)) == (2, None, [refused])

    facts = tmp_path / "facts.json"
    facts.write_text('{"weights_license": "MIT"}')
    assert new(capsys, call(weights, MUSICGEN, "--facts", str(facts), weights_license=None)) == (2, None, [refused])


def test_a_list_is_refused_where_none_of_it_is_stated(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    card = EXAMPLES / "card-license-list" / "reject" / "two.md"
    code, manifest, err = new(capsys, call(weights, card, weights_license="Apache-2.0"))

    assert (code, manifest) == (2, None)
    assert err[-1] == (
        f'--from-model-card: {str(card)!a} claims "mit" (MIT, allowed) and "cc-by-nc-4.0" (CC-BY-NC-4.0, forbidden), '
        'but "Apache-2.0" is stated; find out which is true, and leave the card out if it is wrong'
    )


def test_a_claim_that_nobody_confirmed_is_no_statement(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = call(weights, NVIDIA, weights_license=None, evidence_link=None, model_id=None)
    missing = (
        "manifest new: missing --model-id, --weights-license, --evidence-link; state each, since no file can tell it; "
        'the card claims "nvidia-open-model-license" (LicenseRef-scancode-nvidia-open-model-2025-04-28, conditional); '
        "confirm it with --weights-license LicenseRef-scancode-nvidia-open-model-2025-04-28 after reading the licence; "
        f'the card links "{NVIDIA_LINK}" as the text of its licence; '
        f"confirm it with --evidence-link {NVIDIA_LINK} after reading the licence"
    )

    assert new(capsys, told) == (2, None, [missing])


def test_an_expression_to_confirm_is_quoted_for_the_shell(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    card = EXAMPLES / "card-license-list" / "accept" / "expression.md"
    _, _, err = new(capsys, call(weights, card, weights_license=None))

    assert err[0].endswith("confirm it with --weights-license 'CC-BY-4.0 AND MIT' after reading the licence")


def test_a_claim_that_is_unclear_is_told_and_not_offered(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    card = EXAMPLES / "card-license-not-text" / "reject" / "no.md"
    found = (
        f'error[card-license-not-text] {card}:2:10 found "no" without quotes, which YAML takes for false; expected text; '
        "find the licence text of the weights, read it, and state what it is"
    )

    assert new(capsys, call(weights, card, weights_license=None)) == (
        2,
        None,
        [found, "manifest new: missing --weights-license; state each, since no file can tell it"],
    )
    code, manifest, err = new(capsys, call(weights, card))
    assert (code, err[0], err[-1]) == (0, found, "verdict: GO")
    assert manifest is not None
    assert manifest["weights_license"] == "MIT"


def test_a_base_model_is_a_component_without_a_licence_until_somebody_states_one(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, manifest, err = new(capsys, call(weights, TUNED))

    assert (code, err[-1]) == (0, "verdict: NO-GO")
    assert manifest is not None
    assert manifest["components"] == [{"name": "facebook/musicgen-small", "role": "base_model"}]
    assert err[0] == (
        f'warning[card-base-model-unstated] {TUNED}:3:13 found the base model "facebook/musicgen-small" and nobody who '
        "states its licence; expected a component that does; read its licence, and state it as a component with the role "
        "base_model"
    )

    stated = {"name": "facebook/musicgen-small", "role": "base_model", "weights_license": "CC-BY-4.0"}
    for components, verdict in (
        ([stated], "GO"),
        ([stated | {"role": "vocoder"}], "NO-GO"),
        ([{"name": "acme/codec", "role": "codec", "weights_license": "MIT"}], "NO-GO"),
    ):
        facts = tmp_path / "facts.json"
        facts.write_text(json.dumps({"components": components}))
        code, manifest, err = new(capsys, call(weights, TUNED, "--facts", str(facts)))
        assert (code, err[-1]) == (0, f"verdict: {verdict}")
        assert manifest is not None
        assert manifest["components"][:1] == components
        assert len(manifest["components"]) == (1 if verdict == "GO" else 2)


@pytest.mark.parametrize(
    ("components", "told"),
    [
        ('{"name": "x"}', "--facts: states components that are no array; expected one to add base models to"),
        ("[7]", "manifest new: /components/0 found a whole number; expected an object"),
        ('[{"role": "base_model"}]', 'manifest new: /components/0/name the required field "name" is missing'),
        (
            '[{"role": "base_model", "name": 7}]',
            "manifest new: /components/0/name found a whole number; expected a string",
        ),
    ],
)
def test_facts_of_the_wrong_shape_are_told_as_without_a_card(
    components: str, told: str, weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(f'{{"components": {components}}}')

    code, manifest, err = new(capsys, call(weights, MUSICGEN, "--facts", str(facts), weights_license="CC-BY-NC-4.0"))
    assert (code, manifest, err) == (2, None, [told])


def test_a_licence_of_the_wrong_shape_is_told_as_without_a_card(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text('{"weights_license": 7}')

    assert new(capsys, call(weights, MUSICGEN, "--facts", str(facts), weights_license=None)) == (
        2,
        None,
        ["manifest new: /weights_license found a whole number; expected a string"],
    )


def test_a_card_that_cannot_be_read_is_told_with_all_its_problems(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = EXAMPLES / "input-syntax" / "reject" / "card-alias.md"
    found = [
        f'error[input-syntax] {card}:2:10 found the anchor "l"; expected a plain value; write the value without the anchor',
        f'error[input-syntax] {card}:3:15 found the alias "l"; expected a value; write the value itself',
    ]
    told = f"--from-model-card: {str(card)!a} is no model card that can be read"
    assert new(capsys, call(weights, card)) == (2, None, [*found, told])

    none = tmp_path / "none.md"
    problem = "cannot be opened: No such file or directory; expected a regular file; name an existing, readable file"
    told = f"--from-model-card: {str(none)!a} is no model card that can be read"
    assert new(capsys, call(weights, none)) == (2, None, [f"error[input-unreadable] {none} {problem}", told])


def test_what_a_card_says_moves_no_cursor(weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = tmp_path / "a\x1b[2Jb.md"
    card.write_bytes('---\nlicense: MIT\u00a0\u3000\nbase_model: "a\u2003\\n::error ::b"\n---\n'.encode())
    _, _, err = new(capsys, call(weights, card))

    assert all(line.isprintable() for line in err)
    assert len([line for line in err if "[card-" in line]) == 2


def test_the_card_is_evidence_of_what_was_read(weights: str, capsys: pytest.CaptureFixture[str]) -> None:
    url = "https://huggingface.co/acme/voice/blob/5a3f0c1e9d7b8a6f4c2e1d0b9a8f7e6d5c4b3a29/README.md"
    told = call(weights, MUSICGEN, "--evidence", "model_card", url, str(MUSICGEN), weights_license="CC-BY-NC-4.0")
    _, manifest, _ = new(capsys, told)

    assert manifest is not None
    assert manifest["evidence"] == [
        {"url": url, "kind": "model_card", "sha256": hashlib.sha256(MUSICGEN.read_bytes()).hexdigest()}
    ]


# At a terminal.

LICENSE = "SPDX expression of the weights' licence: "
EVIDENCE = "https URL of the text that proves the licence: "


def test_a_claim_is_taken_with_a_word_and_not_with_enter(weights: str, tmp_path: Path) -> None:
    target = tmp_path / "m.json"
    told = call(weights, MUSICGEN, "--output", str(target), weights_license=None)
    on_screen = run_on_terminal(*told, answers=[(LICENSE, ""), (LICENSE, "  "), (LICENSE, "no"), (LICENSE, "Yes")])

    assert on_screen.code == 0
    assert on_screen.screen.count(LICENSE) == 4
    offered = (
        'The card claims "cc-by-nc-4.0" (CC-BY-NC-4.0, forbidden). It proves nothing: read the text, then type yes, or what '
        "is true.\n"
    )
    assert on_screen.screen.count(offered) == 1
    assert on_screen.screen.endswith("verdict: NO-GO\n")
    assert json.loads(target.read_text())["weights_license"] == "CC-BY-NC-4.0"


def test_an_answer_is_held_against_the_claim(weights: str, tmp_path: Path) -> None:
    target = tmp_path / "m.json"
    told = call(weights, MUSICGEN, "--output", str(target), weights_license=None)
    on_screen = run_on_terminal(*told, answers=[(LICENSE, "MIT"), (LICENSE, "cc-by-nc-4.0")])

    assert on_screen.code == 0
    assert (
        f'--from-model-card: {str(MUSICGEN)!a} claims "cc-by-nc-4.0" (CC-BY-NC-4.0, forbidden), but "MIT" is stated; '
        "find out which is true, and leave the card out if it is wrong\n"
    ) in on_screen.screen
    assert json.loads(target.read_text())["weights_license"] == "cc-by-nc-4.0"


def test_a_link_is_taken_with_a_word(weights: str, tmp_path: Path) -> None:
    target = tmp_path / "m.json"
    told = call(weights, NVIDIA, "--output", str(target), weights_license=None, evidence_link=None)
    on_screen = run_on_terminal(*told, answers=[(LICENSE, "yes"), (EVIDENCE, "no"), (EVIDENCE, "yes")])

    manifest = json.loads(target.read_text())
    assert on_screen.code == 0
    assert manifest["weights_license"] == "LicenseRef-scancode-nvidia-open-model-2025-04-28"
    assert manifest["evidence_links"] == [NVIDIA_LINK]


def test_without_a_clear_claim_nothing_is_offered(weights: str, tmp_path: Path) -> None:
    target = tmp_path / "m.json"
    card = EXAMPLES / "card-license-family" / "reject" / "gpl.md"
    told = call(weights, card, "--output", str(target), weights_license=None)
    on_screen = run_on_terminal(*told, answers=[(LICENSE, "GPL-3.0-or-later")])

    assert on_screen.code == 0
    assert "error[card-license-family]" in on_screen.screen
    assert "The card claims" not in on_screen.screen
    assert json.loads(target.read_text())["weights_license"] == "GPL-3.0-or-later"
