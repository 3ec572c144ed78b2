"""What an operator types next: commands that decide, replay, look closer and promote, quoted for a POSIX shell.

Rules kept here:

1. A path is one word of the command, whatever it is made of, and no option.
2. A command is printable: what Unicode calls unprintable stands as an escape in ``$'...'`` (POSIX.1-2024; bash, zsh, ksh).
3. What promotes or attests is told for GO only.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from helix_tts_policy.finding import Verdict
from helix_tts_policy.render.summary import file_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.promotion import Promotion
    from helix_tts_policy.training_run_report import TrainingRunReport

TOOL: Final = "helix-tts-policy"


class Command(NamedTuple):
    """One command with what it is for."""

    purpose: str
    line: str


def commands(promotion: Promotion) -> tuple[Command, ...]:
    """The commands for a decision, in the order in which somebody needs them."""
    return tuple(Command(purpose, " ".join(map(quoted, words))) for purpose, words in _commands(promotion))


def _commands(promotion: Promotion) -> Iterator[tuple[str, list[str]]]:
    decision = promotion.decision
    release = as_path(decision.source)
    policy, alone = _policies(promotion)
    history = None if promotion.ledger is None else promotion.ledger.history
    repository = [] if history is None else ["--repo", as_path(history.repository)]
    given = [*policy, *repository]
    now = ["--now", promotion.now.isoformat()]
    go = decision.verdict is Verdict.GO
    again = "Decide again, from the same files and at the same time"
    yield again, [TOOL, "gate", release, *given, *now]
    yield "Write the decision document, to keep", [TOOL, "gate", release, *given, *now, "--output", "decision.json"]
    yield (
        "Make it again a year later, and see whether it is the same",
        [TOOL, "gate", release, *given, "--replay", "decision.json"],
    )
    if promotion.manifest is not None:
        observed = promotion.manifest.observed
        root = [] if observed is None else ["--root", as_path(str(observed.root))]
        manifest = as_path(promotion.manifest.source)
        yield "Verify the weights manifest alone", [TOOL, "verify", manifest, *root, *alone, *now]
    if promotion.training is not None:
        yield "Check the training run alone", [TOOL, "lane", "parse", *_training(promotion.training, promotion), *alone]
    if promotion.ledger is not None:
        trace = promotion.ledger.pinned()["trace"]
        traced = [] if trace is None else ["--trace", as_path(trace["source"])]
        ledger = as_path(promotion.ledger.source)
        yield "Audit the ledger alone", [TOOL, "ledger", "audit", ledger, *traced, *repository, *alone, *now]
    if promotion.bundle is not None:
        bundle = as_path(promotion.bundle.source)
        yield "Verify the bundle alone", [TOOL, "bundle", "verify", bundle, *alone, *now]
        if go:
            target = "PRODUCTION-FOLDER"
            yield (
                "Promote the bundle; everything is verified once more",
                [TOOL, "bundle", "promote", bundle, target, *alone],
            )
    if go:
        export = [TOOL, "export", "in-toto", release, *given, *now, "--output", "statement.json"]
        yield "Write the statement to sign", export
    else:
        report = ["--report", "closure.html"]
        yield "After the remedies, decide anew", [TOOL, "gate", release, *given, *report]


def _training(report: TrainingRunReport, promotion: Promotion) -> Iterator[str]:
    yield as_path(report.source)
    document = report.pinned()["status"]
    if document is not None and file_of(document["name"]) is not None:
        yield from ("--status", as_path(document["name"]))
    if promotion.release is None:
        return
    stated = promotion.release.training
    if stated.root is not None:
        yield from ("--root", as_path(posixpath.join(promotion.folder, stated.root)))
    if stated.lane is not None:
        yield f"--lane={stated.lane}"


def _policies(promotion: Promotion) -> tuple[list[str], list[str]]:
    """The option that names the policy to ``gate``, which finds the one of the release itself, and to the other verbs."""
    policy = promotion.decision.pinned.get("policy")
    report = promotion.manifest or promotion.ledger
    if policy is None or report is None or policy["from"] == "built-in":
        return [], []
    option = ["--policy", as_path(report.policy.name)]
    return option if policy["from"] == "caller" else [], option


def as_path(text: str) -> str:
    """A path that no command takes for an option."""
    return f"./{text}" if text.startswith("-") else text


_PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+", re.ASCII)
"""What no shell gives a meaning, as in `shlex`."""


def quoted(text: str) -> str:
    """A text as one word of a POSIX shell, printable."""
    if _PLAIN.fullmatch(text):
        return text
    if text.isprintable():
        return "'" + text.replace("'", "'\"'\"'") + "'"
    return "$'" + "".join(map(_escaped, text)) + "'"


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    # In bytes of three octal digits, which mean the same in every locale, whatever follows.
    errors = "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass"
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", errors))
