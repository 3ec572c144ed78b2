"""Reports as text and as JSON: whole outputs, plain ASCII where it is promised, and bounds that hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from tests.command_line import REPOSITORY, VOICES

from helix_tts_policy import verify_manifest
from helix_tts_policy.render import json_v1, text

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 24, tzinfo=UTC)
GOLDEN = REPOSITORY / "tests" / "golden"
MEI = json.loads((REPOSITORY / VOICES / "mei" / "weights-manifest.json").read_text())
NINE = (
    *("model_id", "source_url", "code_license", "weights_license", "commercial_use_allowed", "attribution_required"),
    *("evidence_links", "checksum", "created_at"),
)
CLEAN = {name: MEI[name] for name in NINE}
MANY = 20_000


def report_on(**changes: Any) -> Any:
    return verify_manifest(MEI | changes, now=NOW)


def test_a_report_on_a_mapping_names_no_lines() -> None:
    report = verify_manifest({**CLEAN, "weights_license": "CC-BY-NC-4.0"}, now=NOW)
    assert text.render([report]) == (GOLDEN / "render-mapping.txt").read_text()
    assert json_v1.render([report]) == (GOLDEN / "render-mapping.json").read_text()


def test_a_report_on_a_document_of_the_wrong_shape() -> None:
    document = b'{\n  "model_id": 7,\n  "licence": "MIT"\n}\n'
    report = verify_manifest(document, now=NOW, name="m.json")
    assert text.render([report]) == (GOLDEN / "render-shape.txt").read_text()
    assert json_v1.render([report]) == (GOLDEN / "render-shape.json").read_text()


def test_no_report_is_no_go() -> None:
    assert json.loads(json_v1.render([])) == {
        "schema": "helix-tts-policy/verify/1",
        "verdict": "NO-GO",
        "reports": [],
    }
    assert text.render([]) == ""


def test_several_reports_stand_one_after_the_other() -> None:
    good, bad = report_on(), report_on(weights_license="CC-BY-NC-4.0")
    assert text.render([good, bad]) == f"{text.render([good])}\n{text.render([bad])}"
    assert json.loads(json_v1.render([good]))["verdict"] == "GO"
    both = json.loads(json_v1.render([good, bad]))
    assert both["verdict"] == "NO-GO"
    assert both["reports"] == [good.to_dict(), bad.to_dict()]


def test_json_is_ascii_whatever_the_manifest_says() -> None:
    report = report_on(model_id="声優/音声 \u00e9", attribution="© Mei 芽衣")
    rendered = json_v1.render([report])
    assert rendered.isascii()
    assert json.loads(rendered)["reports"][0]["model_id"] == "声優/音声 \u00e9"
    assert json.loads(rendered)["reports"][0]["attribution"] == "© Mei 芽衣"


def test_text_shows_letters_of_any_script_as_they_are() -> None:
    rendered = text.render([report_on(model_id="声優/音声", attribution="© Mei 芽衣\nsecond line")])
    assert '\n  "声優/音声"\n' in rendered
    assert "\n      | © Mei 芽衣\n      | second line\n" in rendered


def test_colours_stand_at_the_verdicts_and_nowhere_else() -> None:
    for report, start in ((report_on(), "\x1b[1;32mGO\x1b[0m"), (report_on(checksum="-"), "\x1b[1;31mNO-GO\x1b[0m")):
        plain, coloured = text.render([report]), text.render([report], color=True)
        assert coloured.count(start) == 2
        assert coloured.count("\x1b") == 4
        assert coloured.replace("\x1b[0m", "").replace(start.removesuffix("\x1b[0m")[:7], "") == plain
        assert "\x1b" not in plain


@pytest.mark.parametrize(
    "foreign", ["::error::boo", "  ::warning::boo", "##[error]boo", "##[group]x\t::y", "##vso[x]y"]
)
def test_no_line_of_a_text_is_a_command_of_a_ci(foreign: str) -> None:
    report = report_on(
        model_id=foreign,
        weights_license=foreign,
        code_license=foreign,
        source_url=foreign,
        checksum=foreign,
        attribution=f"{foreign}\n{foreign}",
        components=[{"name": foreign, "role": "vocoder", "weights_license": foreign}],
    )
    for line in text.render([report]).splitlines():
        assert not line.lstrip().startswith(("::", "##"))
        assert "##[" not in line


def bad_file(number: int) -> dict[str, Any]:
    return {"path": f"../{number}/{'x' * 50}", "bytes": 0, "sha256": "no digest"}


def bad_component(number: int) -> dict[str, Any]:
    name = f"{number}" + "n" * 3000
    return {"name": name, "role": "other", "source_url": "http://" + "u" * 4000, "weights_license": "L" * 5000}


@pytest.mark.parametrize(
    "changes",
    [
        {"files": [bad_file(number) for number in range(MANY)]},
        {"files": [{"path": 7, "sha256": None, f"unknown{number}": 1} for number in range(MANY // 4)]},
        {"evidence_links": [f"http://x{number}" for number in range(1000)]},
        {f"unknown-{number}": "x" * 100 for number in range(MANY)},
        {"model_id": "x" * 4096, "source_url": "http://" + "x" * 4000, "weights_license": "(" * 262_144},
        {"weights_license": " AND ".join([f"LicenseRef-{number}" for number in range(10_000)])},
        {"code_license": " OR ".join(["CC-BY-NC-4.0"] * 10_000)},
        {"components": [bad_component(number) for number in range(300)]},
        {"created_at": "2" * 4096, "revision": "main" * 1000, "checksum": "sha256:" + "é" * 4000},
    ],
    ids=["files", "shapes", "links", "unknown", "long", "many-licences", "one-licence", "components", "values"],
)
def test_thousands_of_problems_stay_readable(changes: dict[str, Any]) -> None:
    report = verify_manifest(json.dumps(MEI | changes).encode(), now=NOW, name="m.json")
    assert report.verdict == "NO-GO"
    assert report.readable
    rendered = text.render([report])
    assert len(rendered.encode()) < 200_000
    assert max(len(line) for line in rendered.splitlines()) < 6000
    assert all(character.isprintable() or character == "\n" for character in rendered)


def test_of_a_thousand_components_a_hundred_licences_are_listed() -> None:
    components = [
        {"name": f"voice-{number}", "role": "other", "weights_license": "CC-BY-3.0"} for number in range(1000)
    ]
    report = report_on(components=components)
    rendered = text.render([report])
    assert report.verdict == "GO"
    assert rendered.count("    and 902 more\n") == 2
    assert "voice-97" in rendered
    assert "voice-98" not in rendered
    assert len(rendered) < 50_000
    assert len(json.loads(json_v1.render([report]))["reports"][0]["licenses"]) == 1002


def test_thousands_of_problems_stay_bounded_as_json() -> None:
    files = [bad_file(number) for number in range(MANY)]
    report = verify_manifest(json.dumps(MEI | {"files": files}).encode(), now=NOW, name="m.json")
    assert len(json_v1.render([report])) < 200_000


def test_thousands_of_files_that_are_not_listed_stay_readable(tmp_path: Path) -> None:
    for number in range(2000):
        (tmp_path / f"{number}.bin").touch()
    report = verify_manifest(MEI, root=tmp_path, now=NOW)
    assert len(text.render([report])) < 200_000
    assert len(json_v1.render([report])) < 200_000
