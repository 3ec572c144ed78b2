"""What is looked at before a training begins: the installed package, the base weights, and the disk."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.format_files import CONFIG, nemo
from tests.recordings import write_dataset

from helix_tts_policy.check_data import check_dataset
from helix_tts_policy.digest import tree_checksum
from helix_tts_policy.training_checks import require_archive, require_base, require_data, require_package, require_space
from helix_tts_policy.training_run import RunBlocked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TARGET = "nemo.collections.tts.models.fastpitch.FastPitchModel"
OTHER = "nemo.collections.tts.models.hifigan.HifiGanModel"


def blocked(look: Callable[..., Any], *arguments: Any, **options: Any) -> RunBlocked:
    with pytest.raises(RunBlocked) as raised:
        look(*arguments, **options)
    return raised.value


def test_a_package_that_is_installed() -> None:
    assert require_package("pytest", at_least=(7, 0), reason="nemo_runtime_unavailable") == pytest.__version__


def test_a_package_that_is_not_there_or_too_old() -> None:
    missing = blocked(require_package, "no-such-package", at_least=(2, 7), reason="nemo_runtime_unavailable")
    old = blocked(require_package, "pytest", at_least=(999, 0), reason="nemo_runtime_unavailable")

    assert (missing.reason, old.reason) == ("nemo_runtime_unavailable", "nemo_runtime_unavailable")
    assert missing.message == "found no no-such-package in this environment; install it, or run the lane where it is"
    assert old.message == f"found pytest {pytest.__version__}; expected 999.0 or later"
    assert missing.details == {"runtime": {"package": "no-such-package", "version": None}}


class Base(NamedTuple):
    """Base weights with their manifest."""

    artifact: Path
    manifest: Path

    def state(self, **changes: Any) -> None:
        stated = json.loads(self.manifest.read_bytes()) | changes
        self.manifest.write_text(json.dumps(stated))


@pytest.fixture
def base(tmp_path: Path) -> Base:
    found = Base(tmp_path / "fastpitch.nemo", tmp_path / "weights-manifest.json")
    found.artifact.write_bytes(nemo())
    stated = {
        "model_id": "acme/base",
        "source_url": "https://models.acme.dev/base",
        "code_license": "Apache-2.0",
        "weights_license": "CC0-1.0",
        "commercial_use_allowed": True,
        "attribution_required": False,
        "evidence_links": ["https://models.acme.dev/base/LICENSE"],
        "checksum": f"sha256:{hashlib.sha256(nemo()).hexdigest()}",
        "created_at": "2026-11-24T10:00:00Z",
    }
    found.manifest.write_text(json.dumps(stated))
    return found


def listed(**files: bytes) -> dict[str, Any]:
    """The fields of a manifest that lists files."""
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return {
        "files": [{"path": name, "bytes": len(data), "sha256": digests[name]} for name, data in files.items()],
        "checksum": f"sha256:{tree_checksum(digests.items())}",
    }


def look(base: Base) -> Any:
    return require_base(base.artifact, base.manifest, target=TARGET, policy=None, now=None)


def test_base_weights_that_are_good(base: Base) -> None:
    assert look(base).model_id == "acme/base"


def test_base_weights_that_are_one_of_several_files(base: Base) -> None:
    base.state(**listed(**{"fastpitch.nemo": nemo(), "hifigan.nemo": b"another"}))

    assert look(base).model_id == "acme/base"


def test_base_weights_that_are_the_one_listed_file(base: Base) -> None:
    base.state(**listed(**{"fastpitch.nemo": nemo()}))

    assert look(base).model_id == "acme/base"


def test_base_weights_without_a_licence_for_this_are_refused(base: Base) -> None:
    base.state(weights_license="CC-BY-NC-4.0")
    found = blocked(look, base)

    assert found.reason == "invalid_weights_manifest"
    assert found.message.startswith(f"{base.manifest}:1: ")
    assert found.details["findings"][0] == found.message
    assert found.details["finding_count"] == len(found.details["findings"]) > 0


def test_base_weights_without_a_manifest_are_refused(base: Base) -> None:
    base.manifest.unlink()

    assert blocked(look, base).reason == "invalid_weights_manifest"


@pytest.mark.parametrize("files", [None, {"fastpitch.nemo": b"x"}, {"fastpitch.nemo": b"x", "hifigan.nemo": b"y"}])
def test_base_weights_of_other_bytes_are_refused(files: dict[str, bytes] | None, base: Base) -> None:
    changes = {"checksum": f"sha256:{hashlib.sha256(b'x').hexdigest()}"} if files is None else listed(**files)
    base.state(**changes)

    assert blocked(look, base).reason == "invalid_weights_manifest"


def test_base_weights_that_are_no_archive_are_refused(base: Base) -> None:
    base.artifact.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    found = blocked(look, base)

    assert found.reason == "init_artifact_invalid:fastpitch.nemo"
    assert found.message.startswith("fastpitch.nemo: found ")


@pytest.mark.parametrize(
    ("config", "stated"),
    [(CONFIG.replace(TARGET.encode(), OTHER.encode()), f'"{OTHER}"'), (b"n_speakers: 1\n", "none")],
)
def test_base_weights_of_another_class_are_refused(config: bytes, stated: str, base: Base) -> None:
    base.artifact.write_bytes(nemo(config))
    found = blocked(look, base)

    assert found.reason.partition(":")[0] in {"init_class_mismatch", "init_artifact_invalid"}
    if stated != "none":
        assert found.reason == "init_class_mismatch:fastpitch.nemo"
        assert found.message == f"fastpitch.nemo: found the class {stated}; expected {TARGET}"


def test_a_checkpoint_that_is_no_nemo_file_has_no_class(tmp_path: Path) -> None:
    from tests.format_files import torch_zip  # noqa: PLC0415 - of this test alone

    path = tmp_path / "weights.pt"
    path.write_bytes(torch_zip())
    found = blocked(require_archive, path, target=TARGET, reason="artifact_invalid", mismatch="artifact_invalid")

    assert found.message == f"weights.pt: found the class none; expected {TARGET}"


def test_data_that_is_no_go(tmp_path: Path) -> None:
    found = blocked(require_data, check_dataset(tmp_path / "train.jsonl"))

    assert found.reason.partition(":")[0] == "manifest_missing"


def test_data_that_is_good(tmp_path: Path) -> None:
    write_dataset(tmp_path, "train", ["a lamp", "the river"])
    require_data(check_dataset(tmp_path / "train.jsonl"))


def test_disks_that_are_large_enough(tmp_path: Path) -> None:
    require_space(tmp_path, [1])


def test_a_disk_that_is_too_small(tmp_path: Path) -> None:
    found = blocked(require_space, tmp_path, [sys.maxsize, 1])

    assert found.reason == "out_of_disk"
    assert found.message == (
        f"{tmp_path}: found {found.details['space']['free']} bytes free; expected {10 * sys.maxsize + 2}"
    )


def test_temporary_files_on_another_disk_need_room_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")  # noqa: S108 - a file system of its own on Linux
    require_space(tmp_path, [1])
    found = blocked(require_space, tmp_path, [sys.maxsize])

    assert found.details["space"]["needed"] == 8 * sys.maxsize
