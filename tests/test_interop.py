"""A promotion in the words of in-toto, CycloneDX and SPDX: golden documents, what their own libraries read, and refusals."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import ComponentType
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2  # type: ignore[import-untyped]  # it ships no types
from spdx_python_model import load_data
from tests import releases
from tests.command_line import REPOSITORY, VOICES
from tests.sample_promotions import hostile, no_go, promotion
from tests.sample_reports import GOLDEN, NOW

from helix_tts_policy import verify_manifest
from helix_tts_policy.check_promotion import examine_release
from helix_tts_policy.decision_document import decision_digest
from helix_tts_policy.finding import shown
from helix_tts_policy.interop import cyclonedx, in_toto, spdx
from helix_tts_policy.interop.described import InteropMissing, NotExportable, need

if TYPE_CHECKING:
    from types import ModuleType

    from helix_tts_policy.report import ManifestReport

RELEASE = REPOSITORY / "tests" / "data" / "release" / "release.toml"
FORMS = {"in_toto": in_toto, "cyclonedx": cyclonedx, "spdx": spdx}
MEI = json.loads((REPOSITORY / VOICES / "mei" / "weights-manifest.json").read_text())
WEIGHTS = {file["path"]: file["sha256"] for file in MEI["files"]}


def manifest(*, root: bool = True, **changes: Any) -> ManifestReport:
    return verify_manifest({**MEI, **changes}, root=REPOSITORY / VOICES / "mei" if root else None, now=NOW)


@pytest.mark.parametrize("name", FORMS)
def test_a_document_reads_as_it_did(name: str) -> None:
    assert FORMS[name].document(promotion()) == (GOLDEN / f"export.{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", [cyclonedx, spdx], ids=["cyclonedx", "spdx"])
@pytest.mark.parametrize("made", [no_go, hostile], ids=["no-go", "hostile"])
def test_a_model_that_is_no_go_is_described_as_such(form: ModuleType, made: Any) -> None:
    document = form.document(made())

    assert document.isascii()
    assert "NO-GO" in document
    assert "hasConcludedLicense" not in document


# --- in-toto


def statement(made: Any) -> Any:
    return json_format.Parse(in_toto.document(made), statement_pb2.Statement())


def test_a_statement_is_about_the_weights_and_passes_every_gate() -> None:
    told = statement(promotion())
    properties = list(told.predicate["properties"])

    assert told.type == "https://in-toto.io/Statement/v1"
    assert told.predicate_type == "https://in-toto.io/attestation/svr/v0.1"
    assert {subject.name: dict(subject.digest) for subject in told.subject} == {
        name: {"sha256": digest} for name, digest in WEIGHTS.items()
    }
    assert properties[0] == "helix-tts-policy:GO"
    assert properties[-2] == f"helix-tts-policy:decision:sha256:{decision_digest(promotion())}"
    assert len([each for each in properties if each.endswith(":PASS")]) == 12


def test_there_is_no_statement_of_what_is_no_go() -> None:
    with pytest.raises(
        NotExportable,
        match=r"^the decision is NO-GO; a verification result is stated of a release that is GO, and of no other$",
    ):
        in_toto.document(no_go())


def test_another_decision_is_another_statement() -> None:
    assert decision_digest(promotion()) != decision_digest(promotion(attribution="another"))


def test_the_manifest_of_a_bundle_is_a_subject() -> None:
    made = examine_release(RELEASE, now=releases.NOW)
    data = (RELEASE.parent / "bundle" / "manifest.json").read_bytes()

    assert {each.name: each.digest["sha256"] for each in statement(made).subject} == {
        "voice.safetensors": hashlib.sha256(
            (RELEASE.parent / "weights" / "voice.safetensors").read_bytes()
        ).hexdigest(),
        "bundle/manifest.json": hashlib.sha256(data).hexdigest(),
    }


# --- CycloneDX


def bom(made: Any) -> Bom:
    read: Bom = Bom.from_json(json.loads(cyclonedx.document(made)))  # type: ignore[attr-defined]  # a decorator adds it
    return read


def test_a_bill_of_materials_has_one_model_with_its_files() -> None:
    told = bom(promotion())
    model = told.metadata.component

    assert model is not None
    assert model.type is ComponentType.MACHINE_LEARNING_MODEL
    assert model.name == "mmdagent/mei_normal"
    assert [each.value for each in model.licenses] == ["CC-BY-3.0"]
    assert {each.name: each.hashes[0].content for each in model.components} == WEIGHTS
    card = json.loads(cyclonedx.document(promotion()))["metadata"]["component"]["modelCard"]
    assert card["modelParameters"] == {"task": "text-to-speech"}
    assert {"type": "loss", "value": "0.4443"} in card["quantitativeAnalysis"]["performanceMetrics"]


def test_a_bill_of_materials_has_the_components_of_the_manifest() -> None:
    parts = [
        {
            "name": "hifigan",
            "role": "vocoder",
            "weights_license": "MIT",
            "revision": "1" * 40,
            "source_url": "https://x.example",
        },
        {"name": "corpus", "role": "training_data"},
    ]
    told = json.loads(cyclonedx.document(promotion(manifest=manifest(components=parts, revision="2" * 40))))

    assert told["metadata"]["component"]["version"] == "2" * 40
    assert told["components"] == [
        {
            "type": "machine-learning-model",
            "bom-ref": "component-0",
            "name": "hifigan",
            "version": "1" * 40,
            "licenses": [{"license": {"name": "MIT", "acknowledgement": "declared"}}],
            "externalReferences": [{"type": "website", "url": "https://x.example"}],
            "properties": [{"name": "helix-tts-policy:role", "value": "vocoder"}],
        },
        {
            "type": "data",
            "bom-ref": "component-1",
            "name": "corpus",
            "properties": [{"name": "helix-tts-policy:role", "value": "training_data"}],
        },
    ]
    assert told["dependencies"][0] == {"ref": "model", "dependsOn": ["component-0", "component-1"]}


def test_what_nobody_looked_at_stands_in_no_document() -> None:
    made = promotion(manifest=manifest(root=False, weights_license="", code_license=""), training=None)
    told = json.loads(cyclonedx.document(made))["metadata"]["component"]

    assert "components" not in told
    assert told["licenses"] == []
    assert told["modelCard"] == {"modelParameters": {"task": "text-to-speech"}}
    assert "software_File" not in spdx.document(made)


@pytest.mark.parametrize("algorithm", ["sha512", "sha3-256", "blake2b", "blake2s"])
def test_a_digest_of_another_kind_is_told_by_the_name_of_the_format(algorithm: str) -> None:
    data = (REPOSITORY / VOICES / "mei" / "mei_normal.htsvoice").read_bytes()
    digest = hashlib.new(algorithm.replace("-", "_"), data).hexdigest()
    stated = {name: value for name, value in MEI.items() if name != "files"}
    report = verify_manifest(
        stated | {"checksum": f"{algorithm}:{digest}"},
        root=REPOSITORY / VOICES / "mei" / "mei_normal.htsvoice",
        now=NOW,
    )
    made = promotion(manifest=report)

    assert dict(statement(made).subject[0].digest) == {algorithm.replace("-", "_"): digest}
    assert (digest in cyclonedx.document(made)) is (algorithm != "blake2s")
    assert digest in spdx.document(made)


# --- SPDX


def test_an_spdx_document_has_one_ai_package_with_licences_and_files() -> None:
    model, objects = load_data(json.loads(spdx.document(promotion())))
    (package,) = objects.foreach_type(model.ai_AIPackage)
    files = {each.name: each.verifiedUsing[0].hashValue for each in objects.foreach_type(model.software_File)}
    relations = {each.relationshipType.rpartition("/")[2]: each for each in objects.foreach_type(model.Relationship)}

    assert package.name == "mmdagent/mei_normal"
    assert package.ai_domain == ["text-to-speech"]
    assert files == WEIGHTS
    assert set(relations) == {"hasDeclaredLicense", "hasConcludedLicense", "contains"}
    assert relations["hasDeclaredLicense"].to[0].simplelicensing_licenseExpression == "CC-BY-3.0"
    assert relations["contains"].from_ is package


# --- what is refused


UNFIT = " is not valid under any of the given schemas"


def test_a_library_that_is_not_there_is_named() -> None:
    with pytest.raises(
        InteropMissing,
        match=r"^found no no_such_module, which holds the document against its format; install helix-tts-policy\[interop\]$",
    ):
        need("no_such_module")


@pytest.mark.parametrize("form", [cyclonedx, spdx], ids=["cyclonedx", "spdx"])
def test_without_a_manifest_there_is_no_model_to_describe(form: ModuleType) -> None:
    with pytest.raises(
        NotExportable,
        match=(
            r"^found no weights manifest that can be read, so that there is no model to describe; "
            r"name one under \[weights\] of the release file$"
        ),
    ):
        form.document(promotion(manifest=None))


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (in_toto, '{"_type": "https://in-toto.io/Statement/v1", "predicateType": "x", "predicate": {"a": 1}}'),
        (cyclonedx, '{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": "one"}'),
        (spdx, f'{{"@context": "{spdx.CONTEXT}", "@graph": [{{"type": "ai_AIPackage", "spdxId": "urn:x:y"}}]}}'),
    ],
    ids=FORMS,
)
def test_the_libraries_refuse_what_is_not_of_their_format(form: ModuleType, text: str) -> None:
    with pytest.raises(ValueError, match=r"At least one subject|makes no CycloneDX 1\.6|makes no SPDX 3\.0\.1"):
        form._accepted(text)


@pytest.mark.parametrize("source_url", ["https://exa mple/ x|y", "\\\\share", "https://[", "https://ex\u00e4mple/ "])
def test_a_manifest_that_a_format_does_not_take_is_told_in_one_line(source_url: str) -> None:
    made = promotion(manifest=manifest(source_url=source_url))

    with pytest.raises(NotExportable) as refused:
        cyclonedx.document(made)
    assert str(refused.value) == (
        f"what the manifest states makes no CycloneDX 1.6: {shown(repr(source_url) + UNFIT)}; "
        "expected a document that its own library takes, so mend the manifest"
    )
    assert json.dumps(source_url) in spdx.document(made)
