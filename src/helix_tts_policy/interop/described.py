"""What every format tells of a promotion: its files, its licences, its identity and its time."""

from __future__ import annotations

import json
from datetime import UTC
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID, uuid5

from helix_tts_policy.decision_document import decision_digest
from helix_tts_policy.finding import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.facts.weights_manifest import WeightsManifest
    from helix_tts_policy.promotion import Promotion
    from helix_tts_policy.rules.manifest_subject import LicensedPart

EXTRA: Final = "helix-tts-policy[interop]"

_NAMESPACE: Final = UUID("ae35eab7-db12-41e1-b9ce-c62315d96cf2")
"""Of the ids that are made here; drawn once by chance."""


class NotExportable(ValueError):  # noqa: N818 - the decision is what it is; no error was made
    """What was decided cannot be told in the format; the message is one line that says why and what to do."""


class InteropMissing(Exception):  # noqa: N818 - nothing is wrong but what is installed
    """A module of the extra is not installed; the message is one line that says how to get it."""


class DescribedFile(NamedTuple):
    """A file whose bytes were hashed; its path is below the root of the weights, or below the bundle."""

    path: str
    bytes: int
    algorithm: str
    hex: str


def need(module: str) -> None:
    """Make sure that a module of the extra is there.

    Raises:
        InteropMissing: it is not.
    """
    if find_spec(module) is None:
        raise InteropMissing(f"found no {module}, which holds the document against its format; install {EXTRA}")


def refused(form: str, message: str) -> NotExportable:
    """That the library of a form does not take the document, which is what the manifest states in other words."""
    return NotExportable(
        f"what the manifest states makes no {form}: {shown(message)}; expected a document that its own library takes, "
        "so mend the manifest"
    )


def manifest_of(promotion: Promotion) -> WeightsManifest:
    """What the manifest states.

    Raises:
        NotExportable: no manifest could be read.
    """
    if promotion.manifest is None or promotion.manifest.manifest is None:
        raise NotExportable(
            "found no weights manifest that can be read, so that there is no model to describe; "
            "name one under [weights] of the release file"
        )
    return promotion.manifest.manifest


def version_of(promotion: Promotion) -> str | None:
    """The version of the model: its revision, or that of the release; None where neither is stated.

    Raises:
        NotExportable: no manifest could be read.
    """
    return manifest_of(promotion).revision or (None if promotion.release is None else promotion.release.version)


def weights_files(promotion: Promotion) -> tuple[DescribedFile, ...]:
    """The files of the weights that were hashed, sorted by path."""
    observed = None if promotion.manifest is None else promotion.manifest.observed
    if observed is None:
        return ()
    return tuple(
        DescribedFile(file.path, file.size, observed.algorithm, file.hex)
        for file in observed.files
        if file.hex is not None
    )


def own_license(promotion: Promotion, gate: str) -> LicensedPart | None:
    """The licence statement of the release itself at a gate."""
    licenses = () if promotion.manifest is None else promotion.manifest.licenses
    return next((part for part in licenses if part.gate == gate and part.component is None), None)


def expression_of(part: LicensedPart | None) -> str | None:
    """The licence as a canonical SPDX expression; None where what is stated is none."""
    return None if part is None else part.decision.expression or None


def figures(promotion: Promotion) -> Iterator[tuple[str, str]]:
    """The last value of every figure of the run that is a number."""
    run = None if promotion.training is None else promotion.training.run
    for name, value in sorted(({} if run is None else run.stats).items()):
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield name, json.dumps(value)


def identity(promotion: Promotion, form: str) -> UUID:
    """The id of the document of a form: another decision has another one."""
    return uuid5(_NAMESPACE, f"{form}:{decision_digest(promotion)}")


def moment(promotion: Promotion) -> str:
    """The time of the decision, in UTC and to the second."""
    return promotion.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def tool(promotion: Promotion) -> dict[str, Any]:
    """Name and version of the program that decided."""
    return dict(promotion.decision.pinned["tool"])
