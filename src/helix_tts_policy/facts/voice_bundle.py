"""The manifest of a voice bundle, in its two formats: the one that a training writes, and the one that is served.

A bundle is a folder with ``manifest.json``, which lists every other file in it. Only the shape is judged here, the meaning
in `rules/`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import Discriminator, Field, Strict, StringConstraints, Tag

from helix_tts_policy.document import check_json, line_and_column, scan
from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind
from helix_tts_policy.facts.model import MANY, ONE, Facts, read_json
from helix_tts_policy.facts.weights_manifest import MAX_FILES, License, ManifestFile, Text, Url
from helix_tts_policy.finding import shown

MANIFEST_NAME: Final = "manifest.json"
"""What the manifest of a bundle is called, in the top folder of it."""

VOICE_BUNDLE: Final = "voice_bundle/1"
PRODUCTION_BUNDLE: Final = "prod_tts_voice_bundle/1"
VERSIONS: Final = (VOICE_BUNDLE, PRODUCTION_BUNDLE)
"""What ``bundle_version`` may say."""

ARTIFACT_DIGEST: Final = "artifact_sha256"
"""The field that binds all others of a production bundle."""

MAX_WEIGHTS = 1000
"""Weights that one voice was made from; as many as a weights manifest may have components."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=4096, pattern=r"\S")]
"""A text that says something: not blank."""

Files = Annotated[tuple[ManifestFile, ...], Strict(False), Field(min_length=1, max_length=MAX_FILES)]


class WeightsReference(Facts):
    """Weights that the voice was made from, with their licences."""

    id: Name = Field(description="What the weights are called, as their manifest or the allow-list knows them.")
    weights_license: License = Field(description="SPDX expression of the weights.")
    code_license: License = Field(description="SPDX expression of the code that made or runs them.")
    license_url: Url = Field(description="Where the licence of the weights stands, an https URL.")


def _one_or_many(value: object) -> str:
    return MANY if isinstance(value, list | tuple) else ONE


WeightsReferences = Annotated[
    Annotated[WeightsReference, Tag(ONE)]
    | Annotated[tuple[WeightsReference, ...], Strict(False), Field(min_length=1, max_length=MAX_WEIGHTS), Tag(MANY)],
    Discriminator(_one_or_many),
]
"""One reference, or an array of them: both are in use."""


class Provenance(Facts):
    """The bundle from which this one was made; what is not known is left out or null."""

    source_bundle_version: Name | None = Field(default=None, description="Format of the source bundle.")
    source_manifest_path: Text | None = Field(
        default=None,
        description="Where the manifest of the source bundle lies; a file that this bundle lists is compared with the rest.",
    )
    source_manifest_sha256: Text | None = Field(default=None, description="SHA-256 of that manifest.")
    source_commit: Text | None = Field(default=None, description="Commit that the source bundle names.")
    source_config_sha256: Text | None = Field(
        default=None, description="SHA-256 of the training's configuration that the source bundle names."
    )
    source_dataset_sha256: Text | None = Field(
        default=None, description="SHA-256 of the training data that the source bundle names."
    )
    source_weights_refs: WeightsReferences | None = Field(
        default=None, description="Weights that the source bundle names, with their licences: one object, or an array."
    )
    source_artifact_sha256: Text | None = Field(default=None, description="The `artifact_sha256` of the source bundle.")
    source_files: Annotated[tuple[ManifestFile, ...], Strict(False), Field(max_length=MAX_FILES)] | None = Field(
        default=None, description="Every file of the source bundle."
    )


class VoiceBundle(Facts):
    """A voice as it is served."""

    bundle_version: Literal["voice_bundle/1"] = Field(description="Name and version of this format.")
    voice_profile_id: Name = Field(description="Id by which the voice is asked for.")
    display_name: Name = Field(description="What people see.")
    created_at: Annotated[Text, Field(json_schema_extra={"format": "date-time"})] = Field(
        description="When the bundle was made, RFC 3339 with offset."
    )
    files: Files = Field(description="Every file of the bundle but the manifest itself.")
    provenance: Provenance | None = Field(default=None, description="Where the bundle comes from.")


class ProductionBundle(Facts):
    """A voice as a training leaves it."""

    bundle_version: Literal["prod_tts_voice_bundle/1"] = Field(description="Name and version of this format.")
    commit: Text = Field(description="Commit of the code that trained, full hexadecimal digits.")
    config_sha256: Text = Field(description="SHA-256 of the training's configuration.")
    dataset_sha256: Text = Field(description="SHA-256 of the training data's list.")
    weights_refs: WeightsReferences = Field(
        description="The weights that the voice was made from, with their licences: one object, or an array."
    )
    files: Files = Field(description="Every file of the bundle but the manifest itself.")
    artifact_sha256: Text = Field(
        description="SHA-256 of this document without this key, as JSON in ASCII with sorted keys and an indent of 2, without a line break behind it."
    )


Bundle: TypeAlias = VoiceBundle | ProductionBundle

_MODELS: Final[dict[object, type[VoiceBundle | ProductionBundle]]] = {
    VOICE_BUNDLE: VoiceBundle,
    PRODUCTION_BUNDLE: ProductionBundle,
}


def read_voice_bundle(data: bytes, source: str) -> Bundle:
    """What the manifest of a bundle states, in the format that its ``bundle_version`` names.

    Raises:
        MalformedInput: with all problems, their lines and columns.
    """
    text = check_json(data, source)
    document = json.loads(text)
    version = document.get("bundle_version") if isinstance(document, dict) else None
    model = _MODELS.get(version) if isinstance(version, str) else None
    if model is None:
        raise MalformedInput(source, (_no_version(document, text),))
    return read_json(model, data, source, kind=ProblemKind.BUNDLE)


def stated_commit(bundle: Bundle) -> str | None:
    """The commit of the code that trained: the bundle's own, or that of the bundle it was made from; None where none is stated."""
    if isinstance(bundle, ProductionBundle):
        return bundle.commit
    return None if bundle.provenance is None else bundle.provenance.source_commit


def artifact_digest(data: bytes) -> str:
    """The ``artifact_sha256`` that a manifest which was read should state, whether or not it states one.

    It is that of the bytes which ``json.dumps(..., sort_keys=True, indent=2)`` writes, with its default of escaping all that
    is not ASCII, and without a line break at the end.
    """
    bound = {key: value for key, value in json.loads(data).items() if key != ARTIFACT_DIGEST}
    return hashlib.sha256(json.dumps(bound, sort_keys=True, indent=2).encode("ascii")).hexdigest()


def references(stated: WeightsReferences | None, path: str) -> tuple[tuple[str, WeightsReference], ...]:
    """Every reference with its JSON pointer, whether the field at ``path`` holds one or an array."""
    if stated is None:
        return ()
    if isinstance(stated, WeightsReference):
        return ((path, stated),)
    return tuple((f"{path}/{index}", each) for index, each in enumerate(stated))


def _no_version(document: object, text: str) -> Problem:
    expected = f"expected {' or '.join(VERSIONS)}"
    if not isinstance(document, dict):
        message, tip = "is no JSON object; expected one with a bundle_version", "write the manifest of a voice bundle"
        return Problem(kind=ProblemKind.BUNDLE, message=message, tip=tip, line=1, column=1)
    tip = "name the format of the bundle"
    if "bundle_version" not in document:
        line, column = line_and_column(text, scan(text, {""}).values[""])
        message = f"the required field bundle_version is missing; {expected}"
        return Problem(
            kind=ProblemKind.BUNDLE, message=message, tip=tip, path="/bundle_version", line=line, column=column
        )
    line, column = line_and_column(text, scan(text, {"/bundle_version"}).values["/bundle_version"])
    version = document["bundle_version"]
    message = f"found {shown(version) if isinstance(version, str) else 'no string'}; {expected}"
    return Problem(kind=ProblemKind.BUNDLE, message=message, tip=tip, path="/bundle_version", line=line, column=column)
