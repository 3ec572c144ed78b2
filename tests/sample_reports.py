"""Reports that every output format is tried on: real ones of each kind, and ones with any text in their findings."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from tests.command_line import REPOSITORY, VOICES

from helix_tts_policy import evaluate_license, load_policy, verify_bundle, verify_manifest, verify_policy
from helix_tts_policy.check_decision import replay_decision
from helix_tts_policy.check_promotion import examine_release
from helix_tts_policy.errors import MalformedInput, Problem, ProblemKind
from helix_tts_policy.facts.license_policy import GATES
from helix_tts_policy.finding import Finding, Location, Severity
from helix_tts_policy.license_report import LicenseReport
from helix_tts_policy.policy_report import PolicyReport
from helix_tts_policy.rules.all_rules import RULE_IDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from helix_tts_policy.bundle_report import BundleReport
    from helix_tts_policy.promotion import Promotion
    from helix_tts_policy.report import ManifestReport

NOW = datetime(2026, 11, 24, tzinfo=UTC)
GOLDEN = REPOSITORY / "tests" / "golden"
RELEASE = REPOSITORY / "tests" / "data" / "release"
EXAMPLES = REPOSITORY / "tests" / "examples"
NAME = "weights-manifest.json"
MEI = json.loads((REPOSITORY / VOICES / "mei" / NAME).read_text())
NINE = (
    *("model_id", "source_url", "code_license", "weights_license", "commercial_use_allowed", "attribution_required"),
    *("evidence_links", "checksum", "created_at"),
)
NON_COMMERCIAL = {**{name: MEI[name] for name in NINE}, "weights_license": "CC-BY-NC-4.0"}
MANY = 20_000


def voice(name: str) -> ManifestReport:
    folder = REPOSITORY / VOICES / name
    root = None if name == "nemo-placeholder" else folder
    return verify_manifest(folder / NAME, root=root, now=NOW, name=str(VOICES / name / NAME))


def manifest(data: bytes, name: str = "voices/m.json") -> ManifestReport:
    return verify_manifest(data, now=NOW, name=name)


def licensed(expression: str) -> LicenseReport:
    return LicenseReport(tuple(evaluate_license(expression, gate=gate, now=NOW) for gate in GATES))


def policy(path: str) -> PolicyReport:
    report = verify_policy(EXAMPLES / path, now=NOW)
    report.source = path
    report.findings = tuple(
        dataclasses.replace(finding, at=dataclasses.replace(finding.at, source=path)) for finding in report.findings
    )
    return report


def bundle(path: str) -> BundleReport:
    return verify_bundle(EXAMPLES / path, now=NOW, name=f"voices/{Path(path).name}")


def promotion(name: str) -> Promotion:
    with contextlib.chdir(RELEASE):
        return examine_release(name, now=NOW)


def under_policy() -> ManifestReport:
    folder = EXAMPLES / "policy-entry-unused" / "reject" / "waiver"
    loaded = dataclasses.replace(load_policy(folder / "helix-tts-policy.toml"), name="helix-tts-policy.toml")
    return verify_manifest(folder / NAME, policy=loaded, now=NOW, name="voices/m.json")


SAMPLES: dict[str, Callable[[], Any]] = {
    "go": lambda: voice("mei"),
    "swapped": lambda: voice("mei-swapped"),
    "non-commercial": lambda: voice("musicgen-like"),
    "placeholder": lambda: voice("nemo-placeholder"),
    "missing": lambda: verify_manifest("no/such.json", now=NOW),
    "no-utf8": lambda: manifest(b'{"model_id":\n "\xff"}'),
    "no-json": lambda: manifest(b"model_id: voice\n", "/builds/voice/m.json"),
    "shape": lambda: manifest(b'{\n  "model_id": 7,\n  "licence": "MIT"\n}\n', "m.json"),
    "standard-input": lambda: manifest(json.dumps(NON_COMMERCIAL).encode(), "<stdin>"),
    "mapping": lambda: verify_manifest(NON_COMMERCIAL, now=NOW),
    "under-policy": under_policy,
    "license-allowed": lambda: licensed("MIT"),
    "license-refused": lambda: licensed("CC-BY-NC-4.0 AND GPL-3.0"),
    "policy": lambda: policy("policy-shape/accept/every-table.toml"),
    "policy-refused": lambda: policy("policy-license-unknown/reject/expression.toml"),
    "policy-missing": lambda: verify_policy("no/such.toml", now=NOW),
    "promotion": lambda: promotion("release.toml"),
    "promotion-missing": lambda: examine_release("no/such/release.toml", now=NOW),
    "replay": lambda: replay_decision(b"{}", "no/such/release.toml"),
    "bundle": lambda: bundle("bundle-shape/accept/promoted-bundle"),
    "bundle-refused": lambda: bundle("bundle-provenance-mismatch/reject/licence-left-out"),
    "bundle-missing": lambda: verify_bundle("no/such", now=NOW),
}
"""Reports by what they are about; all of them say the same on every machine."""

GOLDEN_REPORTS = {
    "mapping": ("mapping",),
    "shape": ("shape",),
    "several": ("license-allowed", "under-policy", "policy-refused"),
}
"""What each of the files ``golden/render-NAME.FORM`` shows. ``python -m tests.sample_reports`` writes them anew."""


def golden_reports(name: str) -> list[Any]:
    return [SAMPLES[sample]() for sample in GOLDEN_REPORTS[name]]


def with_findings(findings: Iterable[Finding], source: str = "m.json") -> PolicyReport:
    """A report with these findings, whatever they say."""
    problem = Problem(kind=ProblemKind.UNREADABLE, message="", tip="")
    report = PolicyReport(source, None, malformed=MalformedInput(source, (problem,)))
    report.findings = tuple(findings)
    return report


def finding(message: str = "found x; expected y", **changes: Any) -> Finding:
    fields: dict[str, Any] = {"rule": "model-id-blank", "severity": Severity.ERROR, "tip": "write y"}
    at = {name: changes.pop(name) for name in ("source", "path", "line", "column") if name in changes}
    return Finding(message=message, at=Location(**{"source": "m.json", **at}), **{**fields, **changes})


HOSTILE = (
    *("::error file=x::boo", "\n::warning::boo", "##[error]boo", "##vso[task.complete]", "###[x", "\r\n##[group]"),
    *("\x1b[31mred\x1b]0;owned\x07", "\u202egnp.exe", "\u2028", "\ud800", "\udcff", "\ufffe", "\0"),
    *("]]>", "<!--", "&amp;", "<a b='c' d=\"e\">", "%0A::error::boo", "a,b=c:d", "[text](https://evil.example)"),
    *("{0}", "{{", "\\", '"', "<stdin>", "/", "//", "../..", "a/../b", "C:\\x", "声優/音声", "😀"),
)
TEXTS = st.one_of(
    st.text(),
    st.sampled_from(HOSTILE),
    st.lists(st.integers(0, 0x10FFFF).map(chr) | st.sampled_from(HOSTILE), max_size=6).map("".join),
)
PLACES = st.builds(
    Location,
    source=TEXTS,
    path=TEXTS,
    line=st.none() | st.integers(1, 10**6),
    column=st.none() | st.integers(1, 10**6),
)
FINDINGS = st.builds(
    Finding,
    rule=st.sampled_from(sorted(RULE_IDS)) | TEXTS,
    severity=st.sampled_from(Severity),
    message=TEXTS,
    at=PLACES,
    tip=TEXTS,
)
REPORTS = st.lists(st.builds(with_findings, st.lists(FINDINGS, max_size=5), TEXTS), max_size=3)
"""Reports that no rule would write: findings of unknown rules, at impossible places, with any text."""


if __name__ == "__main__":
    for form in ("sarif", "github", "junit"):
        render = import_module(f"helix_tts_policy.render.{form}").render
        for golden in GOLDEN_REPORTS:
            (GOLDEN / f"render-{golden}.{form}").write_text(render(golden_reports(golden)), encoding="utf-8")
