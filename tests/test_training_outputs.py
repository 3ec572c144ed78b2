"""What a finished training leaves: real files, read back by the checks that a release gate runs."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tests.format_files import nemo
from tests.recordings import tone, wav, write_dataset

from helix_tts_policy import Verdict, check_training_data, verify_bundle, verify_manifest
from helix_tts_policy.facts.weights_manifest import read_weights_manifest
from helix_tts_policy.training_outputs import write_training_outputs

if TYPE_CHECKING:
    from pathlib import Path

    from helix_tts_policy.dataset_report import DatasetReport
    from helix_tts_policy.facts.training_presets import StageName
    from helix_tts_policy.facts.weights_manifest import WeightsManifest
    from helix_tts_policy.training_outputs import TrainingOutputs

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
COMMIT = "6c1f1a9f43f2a4e6b1d7a0f5c3e2b4d6a8f0c1e3"
CC0 = "https://creativecommons.org/publicdomain/zero/1.0/legalcode"
BASE = {
    "model_id": "acme/base",
    "source_url": "https://models.acme.dev/base",
    "code_license": "MIT",
    "weights_license": "CC-BY-4.0",
    "commercial_use_allowed": True,
    "attribution_required": True,
    "evidence_links": ["https://models.acme.dev/base/LICENSE"],
    "checksum": f"sha256:{hashlib.sha256(b'base').hexdigest()}",
    "created_at": "2026-11-01T00:00:00Z",
    "revision": COMMIT,
    "components": [{"name": "hours of speech", "role": "training_data", "weights_license": "CC0-1.0"}],
}
RELEASE: dict[str, Any] = {
    "model_id": "acme/tones",
    "source_url": "https://models.acme.dev/tones",
    "evidence_links": [CC0],
    "weights_license": "CC0-1.0",
    "code_license": "Apache-2.0",
    "commercial_use_allowed": True,
    "commit": COMMIT,
}


def run(
    folder: Path, release: dict[str, Any] | None, data: str = 'license = "CC0-1.0"\n', stages: str = ""
) -> DatasetReport:
    """A run folder with what a training leaves in it, and the report on its data."""
    write_dataset(folder, "train", ["Good morning.", "Good night."])
    (folder / "run" / "weights").mkdir(parents=True, exist_ok=True)
    for stage in ("fastpitch", "hifigan"):
        (folder / "run" / "weights" / f"{stage}.nemo").write_bytes(nemo(note=stage.encode()))
    (folder / "run" / "sample.wav").write_bytes(wav(tone(3000)))
    table = "".join(f"{key} = {json.dumps(value)}\n" for key, value in (release or {}).items())
    (folder / "c.toml").write_text(
        'schema_version = "nemo-training/1"\npreset = "smoke"\n[data]\ntrain = "train.jsonl"\nname = "tones"\n'
        f"{data}[fastpitch]\nbatch_size = 1\n{stages}" + ("" if release is None else f"[release]\n{table}")
    )
    return check_training_data(folder / "c.toml")


def written(folder: Path, report: DatasetReport, **more: Any) -> TrainingOutputs:
    weights: dict[StageName, Path] = {
        "fastpitch": folder / "run" / "weights" / "fastpitch.nemo",
        "hifigan": folder / "run" / "weights" / "hifigan.nemo",
    }
    arguments: dict[str, Any] = {"weights": weights, "sample": folder / "run" / "sample.wav", "now": NOW} | more
    return write_training_outputs(report, folder=folder / "run", **arguments)


def manifest_of(outputs: TrainingOutputs) -> dict[str, Any]:
    assert outputs.manifest is not None
    document: dict[str, Any] = json.loads(outputs.manifest.read_bytes())
    return document


def base(**changes: Any) -> WeightsManifest:
    return read_weights_manifest({**BASE, **changes}, "base")


def test_a_stated_release_becomes_a_manifest_and_a_bundle_that_are_go(tmp_path: Path) -> None:
    report = run(tmp_path, RELEASE)

    outputs = written(tmp_path, report)

    assert outputs.notes == ()
    assert outputs.dataset.read_bytes() == report.normalized
    manifest = manifest_of(outputs)
    assert [file["path"] for file in manifest["files"]] == ["fastpitch.nemo", "hifigan.nemo"]
    assert manifest["components"] == [{"name": "tones", "role": "training_data", "weights_license": "CC0-1.0"}]
    assert manifest["created_at"] == "2026-11-24T12:00:00Z"
    assert (manifest["commercial_use_allowed"], manifest["attribution_required"]) == (True, False)
    assert outputs.manifest is not None
    again = verify_manifest(outputs.manifest, root=tmp_path / "run" / "weights", now=NOW)
    assert again.verdict is Verdict.GO
    assert outputs.manifest_report is not None
    assert outputs.manifest_report.to_dict() == again.to_dict()
    assert outputs.bundle == tmp_path / "run" / "bundle"
    bundle = verify_bundle(outputs.bundle, now=NOW)
    assert bundle.verdict is Verdict.GO
    assert sorted(path.name for path in outputs.bundle.iterdir()) == [
        "fastpitch.nemo", "hifigan.nemo", "manifest.json", "sample.wav", "weights-manifest.json",
    ]  # fmt: skip
    stated = json.loads((outputs.bundle / "manifest.json").read_bytes())
    assert stated["dataset_sha256"] == report.sha256 == hashlib.sha256(outputs.dataset.read_bytes()).hexdigest()
    assert stated["config_sha256"] == hashlib.sha256((tmp_path / "c.toml").read_bytes()).hexdigest()
    assert stated["commit"] == COMMIT
    assert stated["weights_refs"] == [
        {"id": "acme/tones", "weights_license": "CC0-1.0", "code_license": "Apache-2.0", "license_url": CC0}
    ]


def test_licences_of_base_weights_are_inherited_and_they_become_components(tmp_path: Path) -> None:
    init = 'init = { artifact = "b.nemo", manifest = "b.json" }\n'
    stated = {name: RELEASE[name] for name in ("model_id", "source_url", "evidence_links", "commit")}
    report = run(
        tmp_path,
        stated | {"commercial_use_allowed": True, "attribution": "Base by Acme", "license_url": f"{CC0}.en"},
        stages=f"{init}[hifigan]\nbatch_size = 1\n{init}",
    )
    bases: dict[StageName, WeightsManifest] = {
        "fastpitch": base(),
        "hifigan": base(model_id="acme/vocoder", weights_license="MIT"),
    }

    outputs = written(tmp_path, report, bases=bases)

    manifest = manifest_of(outputs)
    assert (manifest["weights_license"], manifest["code_license"]) == ("(CC-BY-4.0) AND (MIT)", "MIT")
    assert manifest["attribution_required"] is True
    assert [(part["name"], part["role"]) for part in manifest["components"]] == [
        ("acme/base", "base_model"),
        ("hours of speech", "training_data"),
        ("acme/vocoder", "vocoder"),
        ("tones", "training_data"),
    ]
    assert manifest["components"][0] == {
        "name": "acme/base",
        "role": "base_model",
        "source_url": "https://models.acme.dev/base",
        "revision": COMMIT,
        "code_license": "MIT",
        "weights_license": "CC-BY-4.0",
        "attribution_required": True,
    }
    assert outputs.bundle is not None
    references = json.loads((outputs.bundle / "manifest.json").read_bytes())["weights_refs"]
    assert [(each["id"], each["license_url"]) for each in references] == [
        ("acme/tones", f"{CC0}.en"),
        ("acme/vocoder", "https://models.acme.dev/base/LICENSE"),
        ("acme/base", "https://models.acme.dev/base/LICENSE"),
    ]


@pytest.mark.parametrize(
    ("release", "data", "rule"),
    [
        ({"weights_license": None}, 'license = "CC0-1.0"\n', "weights-license-unclear"),
        ({"code_license": None}, 'license = "CC0-1.0"\n', "code-license-unclear"),
        ({"commercial_use_allowed": None}, 'license = "CC0-1.0"\n', "commercial-use-denied"),
        ({}, "", "weights-license-unclear"),
        ({}, 'license = "CC-BY-NC-4.0"\n', "weights-license-forbidden"),
        ({"evidence_links": ["ftp://models.acme.dev"]}, 'license = "CC0-1.0"\n', "url-not-https"),
    ],
)
def test_what_nobody_stated_is_never_invented(tmp_path: Path, release: dict[str, Any], data: str, rule: str) -> None:
    stated = {name: value for name, value in (RELEASE | release).items() if value is not None}

    outputs = written(tmp_path, run(tmp_path, stated, data))

    assert outputs.manifest_report is not None
    assert outputs.manifest_report.verdict is Verdict.NO_GO
    assert [each.rule for each in outputs.manifest_report.findings if each.severity == "error"] == [rule]
    assert (outputs.bundle, outputs.bundle_report) == (None, None)
    assert outputs.notes[0].startswith(f"no bundle: weights-manifest.json is NO-GO: {rule}: found ")
    if data == "":
        assert manifest_of(outputs)["components"][0]["weights_license"] == "NOASSERTION"


@pytest.mark.parametrize(
    ("data", "stated", "required"),
    [
        ('license = "CC-BY-4.0"\n', None, True),
        ('license = "CC0-1.0"\nattribution_required = true\n', None, True),
        ('license = "CC0-1.0"\n', None, False),
        ('license = "CC0-1.0"\n', True, True),
    ],
)
def test_attribution_is_required_where_anything_asks_for_it(
    tmp_path: Path,
    data: str,
    stated: bool | None,  # noqa: FBT001 - a column of the table
    required: bool,  # noqa: FBT001 - as above
) -> None:
    release = RELEASE if stated is None else RELEASE | {"attribution_required": stated}

    outputs = written(tmp_path, run(tmp_path, release, data))

    assert manifest_of(outputs)["attribution_required"] is required
    assert outputs.bundle is not None


def test_without_a_release_there_is_only_the_data_set(tmp_path: Path) -> None:
    outputs = written(tmp_path, run(tmp_path, None))

    assert (outputs.manifest, outputs.bundle) == (None, None)
    assert outputs.notes == ("no weights manifest: the configuration has no table release",)
    assert outputs.dataset.is_file()


def test_without_a_commit_there_is_no_bundle(tmp_path: Path) -> None:
    stated = {name: value for name, value in RELEASE.items() if name != "commit"}

    outputs = written(tmp_path, run(tmp_path, stated))

    assert outputs.manifest_report is not None
    assert outputs.manifest_report.verdict is Verdict.GO
    assert outputs.notes == ("no bundle: the table release states no commit",)


def test_a_bundle_that_would_be_no_go_is_refused_and_the_old_one_is_gone(tmp_path: Path) -> None:
    report = run(tmp_path, RELEASE)
    first = written(tmp_path, report)
    assert first.bundle is not None
    (tmp_path / "run" / "sample.wav").write_bytes(b"no sound")

    second = written(tmp_path, report)

    assert (second.bundle, first.bundle.exists()) == (None, False)
    assert second.bundle_report is not None
    assert second.bundle_report.verdict is Verdict.NO_GO
    assert second.notes[0].startswith("no bundle: ")


def test_a_second_attempt_replaces_what_the_first_one_left(tmp_path: Path) -> None:
    report = run(tmp_path, RELEASE)
    first = written(tmp_path, report)
    before = {path.name: path.read_bytes() for path in (first.dataset, tmp_path / "run" / "weights-manifest.json")}
    (tmp_path / "run" / ".dataset.jsonl.new").write_bytes(b"what a killed attempt left")

    written(tmp_path, report)

    assert {name: (tmp_path / "run" / name).read_bytes() for name in before} == before
    assert not [*(tmp_path / "run").glob(".*")]


def test_misuse_is_told(tmp_path: Path) -> None:
    report = run(tmp_path, RELEASE)
    moved = tmp_path / "run" / "hifigan.nemo"
    (tmp_path / "run" / "weights" / "hifigan.nemo").rename(moved)
    weights = {"fastpitch": tmp_path / "run" / "weights" / "fastpitch.nemo", "hifigan": moved}

    with pytest.raises(ValueError, match=r"^weights: found files in 2 folders; expected one$"):
        written(tmp_path, report, weights=weights)
    with pytest.raises(ValueError, match=r"^bases: found \['hifigan'\]; expected the manifests of \[\]$"):
        written(tmp_path, report, bases={"hifigan": base()})
    (tmp_path / "train-0.wav").unlink()
    with pytest.raises(ValueError, match=r"^report: expected one of check_training_data that is GO$"):
        written(tmp_path, check_training_data(tmp_path / "c.toml"))
