"""The model as an SPDX 3.0 document: one AI package, its files, its licences and the program that decided.

The profile ``ai`` is not claimed, since it asks for a supplier and a time of release, which no manifest states.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.finding import Verdict
from helix_tts_policy.interop.described import (
    expression_of,
    figures,
    identity,
    manifest_of,
    moment,
    need,
    own_license,
    refused,
    tool,
    version_of,
    weights_files,
)
from helix_tts_policy.render.json_v1 import document as as_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from helix_tts_policy.facts.weights_manifest import WeightsManifest
    from helix_tts_policy.promotion import Promotion

VERSION: Final = "3.0.1"
CONTEXT: Final = f"https://spdx.org/rdf/{VERSION}/spdx-context.jsonld"
MODULE: Final = "spdx_python_model"

_CREATION: Final = "_:creation"
_ALGORITHMS: Final[Mapping[str, str]] = {
    "sha3-256": "sha3_256",
    "sha3-384": "sha3_384",
    "sha3-512": "sha3_512",
    "blake2b": "blake2b512",
    "blake2s": "other",
}
"""The format's names where they differ."""


def document(promotion: Promotion) -> str:
    """The document as JSON-LD.

    Raises:
        InteropMissing: the library that it is held against is not installed.
        NotExportable: no manifest could be read, or it states what the format does not take.
    """
    need(MODULE)
    text = as_json(graph(promotion))
    _accepted(text)
    return text


def graph(promotion: Promotion) -> dict[str, Any]:
    """The document as plain JSON values.

    Raises:
        NotExportable: no manifest could be read.
    """
    manifest = manifest_of(promotion)
    base = f"urn:uuid:{identity(promotion, 'spdx')}"
    program = tool(promotion)
    agent = f"{base}#decided-by"
    creation = {
        "type": "CreationInfo",
        "@id": _CREATION,
        "specVersion": VERSION,
        "created": moment(promotion),
        "createdBy": [agent],
    }
    described = [
        _element("SoftwareAgent", agent, name=f"{program['name']} {program['version']}"),
        _package(promotion, manifest, f"{base}#model"),
        *_licenses(promotion, base),
        *_files(promotion, base),
    ]
    head = _element(
        "SpdxDocument",
        f"{base}#document",
        name=f"{manifest.model_id}: {promotion.decision.verdict.value}",
        profileConformance=["core", "software", "simpleLicensing"],
        rootElement=[f"{base}#model"],
        element=[each["spdxId"] for each in described],
    )
    return {"@context": CONTEXT, "@graph": [creation, head, *described]}


def _element(kind: str, identifier: str, **values: Any) -> dict[str, Any]:
    stated = {key: value for key, value in values.items() if value}
    return {"type": kind, "spdxId": identifier, "creationInfo": _CREATION, **stated}


def _package(promotion: Promotion, manifest: WeightsManifest, identifier: str) -> dict[str, Any]:
    return _element(
        "ai_AIPackage",
        identifier,
        name=manifest.model_id,
        software_packageVersion=version_of(promotion),
        software_downloadLocation=manifest.source_url,
        software_primaryPurpose="model",
        software_attributionText=[manifest.attribution] if manifest.attribution else [],
        ai_domain=["text-to-speech"],
        ai_metric=[{"type": "DictionaryEntry", "key": figure, "value": value} for figure, value in figures(promotion)],
    )


def _licenses(promotion: Promotion, base: str) -> Iterator[dict[str, Any]]:
    """What is declared of the weights; what was concluded, where the decision stands on it."""
    part = own_license(promotion, "weights")
    declared = expression_of(part)
    concluded = part.decision.elected if part is not None and promotion.decision.verdict is Verdict.GO else None
    for kind, expression in (("Declared", declared), ("Concluded", concluded)):
        if expression:
            name = f"{base}#license-{kind.lower()}"
            yield _element(
                "simplelicensing_LicenseExpression",
                name,
                simplelicensing_licenseExpression=expression,
                simplelicensing_licenseListVersion=_list_version(promotion),
            )
            yield _relation(base, f"has{kind}License", [name])


def _list_version(promotion: Promotion) -> str:
    """As a semantic version, which the format asks for: the list is versioned with two numbers."""
    version = str(promotion.decision.pinned["spdx_license_list"])
    return version if version.count(".") == 2 else f"{version}.0"


def _files(promotion: Promotion, base: str) -> Iterator[dict[str, Any]]:
    names = []
    for number, file in enumerate(weights_files(promotion)):
        names.append(f"{base}#file-{number}")
        algorithm = _ALGORITHMS.get(file.algorithm, file.algorithm)
        hashed = {"type": "Hash", "algorithm": algorithm, "hashValue": file.hex}
        yield _element("software_File", names[-1], name=file.path, verifiedUsing=[hashed])
    if names:
        yield _relation(base, "contains", names)


def _relation(base: str, kind: str, to: list[str]) -> dict[str, Any]:
    values = {"from": f"{base}#model", "relationshipType": kind, "to": to}
    return _element("Relationship", f"{base}#{kind}", **values)


def _accepted(text: str) -> None:
    from spdx_python_model import load_data  # noqa: PLC0415 - an extra

    try:
        # Reading judges every value; only writing misses what is required and not there.
        model, objects = load_data(json.loads(text))
        model.JSONLDSerializer().write(objects, io.BytesIO())
    except ValueError as error:
        raise refused(f"SPDX {VERSION}", str(error)) from None
