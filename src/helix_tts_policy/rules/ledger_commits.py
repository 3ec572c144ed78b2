"""Rules over the commits that a ledger names, by themselves and against a real repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from helix_tts_policy.blocker_record import BlockerState
from helix_tts_policy.facts.commit_history import CommitState
from helix_tts_policy.facts.ledger_words import hash_digits
from helix_tts_policy.finding import shown
from helix_tts_policy.rules.ledger_subject import lines_told, names_told
from helix_tts_policy.rules.rule import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.facts.commit_history import NamedCommit
    from helix_tts_policy.rules.ledger_subject import Claim, LedgerSubject, Prompt

_SHIPPED: Final = frozenset({BlockerState.DONE, BlockerState.PARTIAL_BLOCKED})
"""States in which something was committed."""

MAX_FILES_TOLD: Final = 5
"""Files that one message names; the rest are counted."""


def ledger_commit_placeholder(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        A prompt that is `done` or `partial-blocked` names its commit by hash, wherever it names one: at least seven
        hexadecimal digits, or fewer with dots behind them. `HEAD`, `pending`, `this_commit` and the like are none.

    Why it is NO-GO:
        A word means another commit tomorrow. Nobody can look up what was verified.

    Example:
        `commit_sha: HEAD (prompt-7 commit)`, while the table says `463434b`

    Remedy:
        Write the hash. A ledger cannot name the commit that it is part of, so report a prompt one commit later.
    """
    for prompt in subject.prompts:
        if not prompt.states & _SHIPPED:
            continue
        claims = prompt.claims("commit_sha")
        bad = [claim for claim in claims if not _is_hash(claim.text)]
        if claims and bad:
            others = [claim for claim in claims if claim is not bad[0]]
            told = "".join(f", {shown(other.text)} in {other.where} (line {other.stated.line})" for other in others)
            message = f"{prompt.told}: found the commit {shown(bad[0].text)} in {bad[0].where}{told}; expected a commit hash in each"
            yield Complaint(bad[0].path, message, "write the hash; report a prompt one commit later than its change")
        elif not claims:
            message = f"{prompt.told}: names no commit; expected the hash of the one that holds its change"
            yield Complaint(prompt.first.path, message, "write commit_sha with the hash")


def _is_hash(text: str) -> bool:
    digits = hash_digits(text)
    return digits is not None and len(set(digits)) > 1


def ledger_commit_repeated(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        No commit stands for two prompts.

    Why it is a warning:
        Two prompts may have been committed together, but then neither was verified without the other.

    Example:
        `1c2dfb5` for prompt 3 and for prompt 4

    Remedy:
        Look at what the commit holds, and correct the prompt that has another one.
    """
    found: dict[str, list[tuple[Prompt, Claim]]] = {}
    for prompt in subject.prompts:
        claim = next((claim for claim in prompt.claims("commit_sha") if _is_hash(claim.text)), None)
        if claim is not None:
            found.setdefault(hash_digits(claim.text) or "", []).append((prompt, claim))
    for digits, group in found.items():
        if len(group) > 1:
            names = names_told([prompt.name for prompt, _ in group])
            lines = lines_told(claim.stated.line for _, claim in group)
            message = f"one commit stands for {len(group)} prompts ({names}; {lines}): found {shown(digits)} in all; expected one for each"
            yield Complaint(group[1][1].path, message, "look at what the commit holds")


# --- against a repository ---------------------------------------------------------------------------------------------


def _named(subject: LedgerSubject) -> Iterator[tuple[str, str, str, NamedCommit]]:
    """Every commit that was looked up, each once: pointer, who names it, how, and what the repository says."""
    if subject.history is None:
        return
    commits = subject.history.commits
    baseline = baseline_commit(subject)
    if baseline is not None:
        yield "/baseline", "the baseline", baseline, commits[baseline]
    for prompt in subject.prompts:
        told = set()
        for claim in prompt.claims("commit_sha"):
            digits = hash_digits(claim.text)
            if digits is not None and digits not in told:
                told.add(digits)
                yield claim.path, prompt.told, digits, commits[digits]


def baseline_commit(subject: LedgerSubject) -> str | None:
    """The digits of the commit that the work started from: of ``origin/main@dc2a2f13`` what stands behind the ``@``."""
    baseline = subject.ledger.baseline
    return None if baseline is None else hash_digits(baseline.text.rpartition("@")[2])


def ledger_commits_unchecked(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        The commits of the ledger were looked up in a repository.

    Why it is a note:
        Any seven hexadecimal digits look like a commit.

    Example:
        `helix-tts-policy ledger audit ledger.md` without `--repo`

    Remedy:
        Audit with `--repo .` in a whole clone of the repository.
    """
    claims = (claim for prompt in subject.prompts for claim in prompt.claims("commit_sha"))
    first = next((claim for claim in claims if _is_hash(claim.text)), None)
    if subject.history is None and first is not None:
        message = "the commits were not looked up, since no repository is given; they are taken as stated"
        yield Complaint(first.path, message, "audit with --repo, in a whole clone")


def ledger_commit_missing(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        The repository has every commit that the ledger names, the baseline included.

    Why it is NO-GO:
        What does not exist was not verified. The hash was made up, mistyped, or its commit was thrown away.

    Example:
        `commit_sha: 1c2dfb5`, and `git cat-file -t 1c2dfb5` says that there is no such object.

    Remedy:
        Find the commit that holds the change, and write its hash.
    """
    for path, who, digits, named in _named(subject):
        if named.state is CommitState.MISSING:
            message = f"{who}: found the commit {shown(digits)}, which the repository does not have; expected one of its commits"
            yield Complaint(path, message, "find the commit that holds the change, and write its hash")


def ledger_commit_ambiguous(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        With an abbreviated hash begins one commit of the repository alone.

    Why it is NO-GO:
        Nobody knows which of the commits was verified.

    Example:
        `commit_sha: 1c2d...` in a repository with ten thousand commits

    Remedy:
        Write more digits; `git rev-parse` tells all of them.
    """
    for path, who, digits, named in _named(subject):
        if named.state is CommitState.AMBIGUOUS:
            message = f"{who}: found the commit {shown(digits)}, with which several commits begin; expected enough digits for one"
            yield Complaint(path, message, "write all digits of the commit")


def ledger_commit_not_in_history(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        Every commit that the ledger names is an ancestor of the commit that is checked out, or that commit itself.

    Why it is NO-GO:
        What was verified is not part of what will be promoted: it lies on another branch, or was rewritten since.

    Example:
        A commit that was squashed when its branch was merged.

    Remedy:
        Name the commit that arrived, verify it, and report that run. Or check out the branch that the ledger speaks of.
    """
    for path, who, digits, named in _named(subject):
        if named.state is CommitState.FOUND and not named.in_history and subject.history is not None:
            message = (
                f"{who}: found the commit {shown(digits)}, which is no ancestor of the head {subject.history.head[:12]}; "
                "expected one of its history"
            )
            yield Complaint(path, message, "name the commit that arrived, or check out the branch of the ledger")


def ledger_commit_untouched_files(subject: LedgerSubject) -> Iterator[Complaint]:
    """What it checks:
        The commit of a prompt touches every file that its report block says was changed.

    Why it is NO-GO:
        The change is in another commit, or was never committed; the one that is named says nothing of it.

    Example:
        `files_changed` lists `scripts/train.py`, and `git show --stat` of the commit does not.

    Remedy:
        Name the commit that holds the change, or correct the list.
    """
    if subject.history is None:
        return
    for prompt in subject.prompts:
        named = None if prompt.commit is None else subject.history.commits[prompt.commit]
        if named is None or named.paths is None:
            continue
        for block in prompt.blocks:
            files = block.entry.lists.get("files_changed", ())
            missed = [index for index, file in enumerate(files) if not _touches(named.paths, file.text)]
            if missed:
                told = ", ".join(shown(files[index].text) for index in missed[:MAX_FILES_TOLD])
                more = f" and {len(missed) - MAX_FILES_TOLD} more" if len(missed) > MAX_FILES_TOLD else ""
                message = (
                    f"{prompt.told}: its commit {shown(prompt.commit)} does not touch {told}{more}, {len(missed)} of "
                    f"{len(files)} files that the block names; expected the commit that changed them"
                )
                path = f"{block.path}/files_changed/{missed[0]}"
                yield Complaint(path, message, "name the commit that holds the change, or correct the list")


def _touches(paths: frozenset[str], named: str) -> bool:
    """Whether a file that a block names is one of the touched ones; a folder is touched with any file below it."""
    path = named.strip().removeprefix("./")
    if path.endswith("/"):
        return any(touched.startswith(path) for touched in paths)
    return path in paths
