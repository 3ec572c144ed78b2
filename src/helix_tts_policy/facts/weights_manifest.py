"""The weights manifest: what a team states about weights that it wants to ship.

The shape is judged here, the meaning in `rules/`: a manifest that says ``"commercial_use_allowed": false``, or carries a
checksum of the wrong length, is well-formed. So one run tells everything that is wrong with it, instead of the first
layer of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, Strict, StringConstraints

from helix_tts_policy.facts.model import Facts, read_json, read_mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_FILES = 20_000
"""Files of one manifest; the largest sharded releases have a few hundred."""

Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Prose = Annotated[str, StringConstraints(min_length=1, max_length=65_536)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=4096), Field(json_schema_extra={"format": "uri"})]
License = Annotated[str, StringConstraints(max_length=262_144)]
"""An SPDX expression; empty is well-formed and unclear. The length is the parser's bound."""


class ManifestFile(Facts):
    """One file of the release."""

    path: Text = Field(description="Path below the release's root, with `/`, without `..`.")
    bytes: Annotated[int, Field(ge=0, le=2**63 - 1)] = Field(description="Size in bytes.")
    sha256: Text = Field(description="SHA-256 of the bytes, 64 lower-case hexadecimal digits.")


Role = Literal["base_model", "vocoder", "codec", "speaker_encoder", "preset_voice", "g2p", "training_data", "other"]


class Component(Facts):
    """Something that the weights contain, derive from or cannot speak without, with licences of its own."""

    name: Text = Field(description="What the component is called at its source.")
    role: Role = Field(description="What it does for the voice.")
    source_url: Url | None = Field(default=None, description="Where it comes from, an https URL.")
    revision: Text | None = Field(default=None, description="Immutable commit of the source.")
    code_license: License | None = Field(default=None, description="SPDX expression of its code.")
    weights_license: License | None = Field(default=None, description="SPDX expression of its weights or data.")
    attribution_required: bool | None = Field(default=None, description="Whether its licence asks for attribution.")


EvidenceKind = Literal["weights_license", "code_license", "model_card", "terms", "provenance", "permission"]


class Evidence(Facts):
    """A text that somebody read and that proves a statement of the manifest."""

    url: Url = Field(description="Where the text stands, an https URL.")
    kind: EvidenceKind = Field(description="What the text is evidence of.")
    revision: Text | None = Field(default=None, description="Immutable commit of the place where the text stands.")
    sha256: Text | None = Field(default=None, description="SHA-256 of the text as it was read.")
    text: Text | None = Field(
        default=None, description="Local copy of the text, below the manifest's folder; checked against `sha256`."
    )
    quote: Prose | None = Field(default=None, description="The words that decide.")
    retrieved_on: Annotated[Text, Field(json_schema_extra={"format": "date"})] | None = Field(
        default=None, description="Day on which the text was read, YYYY-MM-DD."
    )


class WeightsManifest(Facts):
    """What is stated about one release of model weights."""

    model_id: Text = Field(description="Name of the release, as its registry knows it.")
    source_url: Url = Field(description="Where the weights come from, an https URL.")
    code_license: License = Field(description="SPDX expression of the code that made or runs the weights.")
    weights_license: License = Field(description="SPDX expression of the weights themselves.")
    commercial_use_allowed: bool = Field(
        description="Whether the team states that commercial use of the weights is allowed; cross-checked with the licence."
    )
    attribution_required: bool = Field(
        description="Whether the team states that attribution must ship; cross-checked with the licence."
    )
    evidence_links: Annotated[tuple[Url, ...], Strict(False), Field(min_length=1, max_length=1000)] = Field(
        description="URLs of the texts that prove the licences."
    )
    checksum: Text = Field(
        description="`<algorithm>:<hex>`, SHA-256 or stronger, of the weights file; with `files`, SHA-256 of their sorted lines `<hex>  <path>`."
    )
    created_at: Annotated[Text, Field(json_schema_extra={"format": "date-time"})] = Field(
        description="When the manifest was made, RFC 3339 with offset."
    )
    schema_version: Literal["weights-manifest/1"] | None = Field(default=None, description="Version of this shape.")
    revision: Text | None = Field(default=None, description="Immutable commit of the source, full hexadecimal digits.")
    files: Annotated[tuple[ManifestFile, ...], Strict(False), Field(min_length=1, max_length=MAX_FILES)] | None = Field(
        default=None, description="Every file of the release."
    )
    components: Annotated[tuple[Component, ...], Strict(False), Field(max_length=1000)] | None = Field(
        default=None, description="What else is inside, with its own licences."
    )
    evidence: Annotated[tuple[Evidence, ...], Strict(False), Field(max_length=1000)] | None = Field(
        default=None, description="The texts that were read, with their digests."
    )
    attribution: Prose | None = Field(default=None, description="The attribution text to ship.")


def read_weights_manifest(data: bytes | Mapping[str, Any], source: str) -> WeightsManifest:
    """The manifest that JSON bytes or a mapping state.

    Raises:
        MalformedInput: with all problems; lines and columns only for bytes.
    """
    if isinstance(data, bytes):
        return read_json(WeightsManifest, data, source)
    return read_mapping(WeightsManifest, data, source)
