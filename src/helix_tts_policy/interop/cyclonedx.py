"""The model as a CycloneDX 1.6 bill of materials: one machine-learning model, its files and what it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.decision_document import decision_digest
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
    from collections.abc import Mapping

    from helix_tts_policy.facts.weights_manifest import Component
    from helix_tts_policy.interop.described import DescribedFile
    from helix_tts_policy.promotion import Promotion

VERSION: Final = "1.6"
MODULE: Final = "cyclonedx"

_ALGORITHMS: Final[Mapping[str, str]] = {
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
    "sha3-256": "SHA3-256",
    "sha3-384": "SHA3-384",
    "sha3-512": "SHA3-512",
    "blake2b": "BLAKE2b-512",
}
"""The format's names; it has none for BLAKE2s, and a file with such a digest stands without."""

_TYPES: Final[Mapping[str, str]] = {"training_data": "data", "g2p": "library", "preset_voice": "data", "other": "data"}
"""The type of a component by its role, where it is no model."""


def document(promotion: Promotion) -> str:
    """The bill of materials as JSON.

    Raises:
        InteropMissing: the library that it is held against is not installed.
        NotExportable: no manifest could be read, or it states what the format does not take.
    """
    need(MODULE)
    text = as_json(bill(promotion))
    _accepted(text)
    return text


def bill(promotion: Promotion) -> dict[str, Any]:
    """The bill of materials as plain JSON values.

    Raises:
        NotExportable: no manifest could be read.
    """
    parts = [_part(number, part) for number, part in enumerate(manifest_of(promotion).components or ())]
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{VERSION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": VERSION,
        "serialNumber": f"urn:uuid:{identity(promotion, 'cyclonedx')}",
        "version": 1,
        "metadata": {
            "timestamp": moment(promotion),
            "tools": {"components": [{"type": "application", **tool(promotion)}]},
            "component": _model(promotion),
        },
        **({"components": parts} if parts else {}),
        "dependencies": [
            {"ref": "model", **({"dependsOn": [part["bom-ref"] for part in parts]} if parts else {})},
            *({"ref": part["bom-ref"]} for part in parts),
        ],
    }


def _model(promotion: Promotion) -> dict[str, Any]:
    manifest = manifest_of(promotion)
    version = version_of(promotion)
    metrics = [{"type": name, "value": value} for name, value in figures(promotion)]
    code = expression_of(own_license(promotion, "code")) or manifest.code_license
    properties = {
        "helix-tts-policy:verdict": promotion.decision.verdict.value,
        "helix-tts-policy:decision:sha256": decision_digest(promotion),
        "helix-tts-policy:code_license": code,
        "helix-tts-policy:attribution": manifest.attribution,
    }
    files = [
        {
            "type": "file",
            "bom-ref": f"file-{number}",
            "name": file.path,
            **_hashes(file),
        }
        for number, file in enumerate(weights_files(promotion))
    ]
    return {
        "type": "machine-learning-model",
        "bom-ref": "model",
        "name": manifest.model_id,
        **({"version": version} if version else {}),
        "licenses": _licenses(expression_of(own_license(promotion, "weights")), manifest.weights_license),
        "externalReferences": [{"type": "website", "url": manifest.source_url}],
        "modelCard": {
            "modelParameters": {"task": "text-to-speech"},
            **({"quantitativeAnalysis": {"performanceMetrics": metrics}} if metrics else {}),
        },
        **({"components": files} if files else {}),
        "properties": [{"name": name, "value": value} for name, value in properties.items() if value],
    }


def _hashes(file: DescribedFile) -> dict[str, Any]:
    name = _ALGORITHMS.get(file.algorithm)
    return {} if name is None else {"hashes": [{"alg": name, "content": file.hex}]}


def _part(number: int, part: Component) -> dict[str, Any]:
    return {
        "type": _TYPES.get(part.role, "machine-learning-model"),
        "bom-ref": f"component-{number}",
        "name": part.name,
        **({"version": part.revision} if part.revision else {}),
        **({"licenses": _licenses(None, part.weights_license)} if part.weights_license else {}),
        **({"externalReferences": [{"type": "website", "url": part.source_url}]} if part.source_url else {}),
        "properties": [{"name": "helix-tts-policy:role", "value": part.role}],
    }


def _licenses(expression: str | None, stated: str) -> list[dict[str, Any]]:
    """An expression where what is stated is one; else its words, which claim nothing."""
    if expression is not None:
        return [{"expression": expression, "acknowledgement": "declared"}]
    return [{"license": {"name": stated, "acknowledgement": "declared"}}] if stated else []


def _accepted(text: str) -> None:
    from cyclonedx.schema import SchemaVersion  # noqa: PLC0415 - an extra
    from cyclonedx.validation.json import JsonStrictValidator  # noqa: PLC0415 - as above

    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        raise refused(f"CycloneDX {VERSION}", str(error.data.message))
