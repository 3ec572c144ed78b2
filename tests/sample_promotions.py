"""Promotions that reports and exports are tried on: real evidence of a small voice, decided GO and NO-GO."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import re
from typing import TYPE_CHECKING, Any

from tests.command_line import REPOSITORY, VOICES
from tests.ledgers import GOOD
from tests.sample_reports import GOLDEN, NOW

from helix_tts_policy import LaneEmitter, audit_ledger, read_verification, verify_manifest
from helix_tts_policy.check_training import check_training_run
from helix_tts_policy.finding import Finding, Location, Severity
from helix_tts_policy.gate import GATES, Duty, decide
from helix_tts_policy.interop import cyclonedx, in_toto, spdx
from helix_tts_policy.promotion import Promotion
from helix_tts_policy.render import closure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helix_tts_policy.training_run_report import TrainingRunReport

STEPS = 30
ANSWER = {
    "traceId": "trace-9",
    "runId": 9,
    "verdict": "PASS",
    "pass": True,
    "firstFail": None,
    "certificate": {"certificateHash": "6e84f965957f63aa" * 4, "certificateId": "cert-9", "integrityOk": True},
}
PINNED = {
    "now": NOW.isoformat(),
    "release": {
        "path": "release.toml",
        "name": "mmdagent/mei_normal",
        "version": "1",
        "sha256": "ab" * 32,
        "bytes": 400,
    },
    "inputs": [
        {"role": "ledger", "path": "ledger.md", "sha256": "cd" * 32, "bytes": 2048},
        {"role": "weights-manifest", "path": "weights-manifest.json", "sha256": None, "bytes": None},
    ],
    "commits": None,
    "policy": {"from": "built-in", "name": "built-in", "sha256": "ef" * 32},
    "catalog": {"version": "2026.11", "sha256": None},
    "spdx_license_list": "3.29.0",
    "tool": {"name": "helix-tts-policy", "version": "0.9"},
}


def log(figures: Mapping[str, Sequence[float]]) -> bytes:
    """A log with a STATS line for each value of the figures."""
    stream = io.BytesIO()
    emitter = LaneEmitter(stream)
    steps = max(map(len, figures.values()), default=0)
    for step in range(steps):
        emitter.progress(step + 1, steps)
        emitter.stats({name: values[step] for name, values in figures.items() if step < len(values)})
    emitter.stats({"device": "cpu"})
    emitter.artifact("voice.nemo")
    return stream.getvalue()


def figures() -> dict[str, list[float]]:
    """What a training tells: losses that fall, a rate that follows a cosine."""
    return {
        "loss": [round(4.2 * math.exp(-step / 9) + 0.31 + 0.05 * math.sin(step), 4) for step in range(STEPS)],
        "val_loss": [round(4.4 * math.exp(-step / 10) + 0.42, 4) for step in range(STEPS)],
        "mel_loss": [round(2.1 * math.exp(-step / 7) + 0.2, 4) for step in range(STEPS)],
        "learning_rate": [round(1e-3 * (1 + math.cos(math.pi * step / STEPS)) / 2, 7) for step in range(STEPS)],
        "grad_norm": [round(3 + 2 * math.sin(step / 3), 4) for step in range(STEPS)],
    }


def training(told: Mapping[str, Sequence[float]] | None = None) -> TrainingRunReport:
    """A run that is completed."""
    lines = log(figures() if told is None else told)
    last = {name: values[-1] for name, values in (told or figures()).items()}
    status = {"status": "completed", "job_type": "tts_prod_train_nemo", "stats": last, "artifacts": ["voice.nemo"]}
    return check_training_run(io.BytesIO(lines), status=json.dumps(status).encode(), name="train.log")


def promotion(findings: Mapping[str, Sequence[Finding] | None] | None = None, **changes: Any) -> Promotion:
    """GO where no finding is given; ``changes`` are fields of the promotion, and of the decision by ``source`` and the like."""
    manifest = verify_manifest(
        REPOSITORY / VOICES / "mei" / "weights-manifest.json",
        root=REPOSITORY / VOICES / "mei",
        now=NOW,
        name="weights-manifest.json",
    )
    told: dict[str, Sequence[Finding] | None] = {gate.name: () for gate in GATES}
    told |= findings or {}
    fields = ("source", "obligations", "attribution", "pinned")
    decision: dict[str, Any] = {
        "source": "release.toml",
        "obligations": [
            Duty(kind=each.kind, part=part.gate, license=each.license, text=each.text)
            for part, each in manifest.obligations
        ],
        "attribution": None if manifest.manifest is None else manifest.manifest.attribution,
        "pinned": PINNED,
        **{name: changes.pop(name) for name in fields if name in changes},
    }
    evidence: dict[str, Any] = {
        "folder": ".",
        "release": None,
        "manifest": manifest,
        "training": training(),
        "bundle": None,
        "evidence": read_verification(json.dumps(ANSWER).encode()),
        "ledger": audit_ledger(GOOD, name="ledger.md"),
        "now": NOW,
        **changes,
    }
    return Promotion(decision=decide(told, **decision), **evidence)


def no_go() -> Promotion:
    """A promotion with a blocker, a gate without evidence, a warning and a note."""
    finding = Finding(
        rule="weights-license-forbidden",
        severity=Severity.ERROR,
        message='found "CC-BY-NC-4.0" as weights licence: it forbids commercial use; expected one that is allowed',
        at=Location(source="weights-manifest.json", path="/weights_license", line=6, column=22),
        tip="use other weights, or get a commercial licence from their owner; this cannot be waived",
    )
    warning = Finding(
        rule="evidence-stale",
        severity=Severity.WARNING,
        message="found evidence read 400 days ago; expected 365 at most",
        at=Location(source="weights-manifest.json", path="/evidence/0", line=30, column=5),
        tip="read the text again",
    )
    note = Finding(
        rule="ledger-commits-unchecked",
        severity=Severity.NOTE,
        message="found 4 commits that were looked up in no repository; expected one",
        at=Location(source="ledger.md", line=1, column=1),
        tip="give the repository",
    )
    found: dict[str, Any] = {"weights-license": [finding, warning], "ledger": [note], "verification": None}
    return promotion(found, evidence=None)


HOSTILE = (
    "<script>alert(1)</script>",
    "</pre></style><img src=x onerror=alert(1)>",
    "\x1b[31mred\x1b[0m",
    "\u202eoffice\u202c",
    "a | b || c",
    "`one` ``two`` ```",
    "line\nbreak\r\n# heading",
    "[link](javascript:alert(1)) ![image](http://evil.example/x.png)",
    "$x^2$ **bold** _it_ ~~gone~~ &lt; &#60;",
    "{{ 7 * 7 }} {% raw %}",
    "- item",
    "1. item",
    "    code",
    "\\| \\",
    "\udcff",
)
"""Values that mean something to a terminal, a browser, a Markdown reader, or a template engine."""


def hostile() -> Promotion:
    """A promotion in which every value from outside is one of them, or all."""
    everything = " ".join(HOSTILE)
    found = [
        Finding(
            rule="input-syntax",
            severity=severity,
            message=value,
            at=Location(source=value, path=f"/{value}", line=1, column=1),
            tip=value,
        )
        for value in HOSTILE
        for severity in Severity
    ]
    stated = json.loads((REPOSITORY / VOICES / "mei" / "weights-manifest.json").read_text())
    # Readers refuse what nobody sees; what is visible comes through them.
    text = " ".join(value for value in HOSTILE if value.isprintable())
    stated |= {"model_id": text, "attribution": text, "weights_license": text, "code_license": text}
    stated["evidence"][0] |= {"url": text, "quote": text, "sha256": text, "retrieved_on": text}
    stated["components"] = [{"name": text, "role": "vocoder", "weights_license": text}]
    cells = " ".join(value for value in HOSTILE[:2] + HOSTILE[7:9])
    ledger = GOOD.replace("Wave ledger", cells.replace("|", "\\|")).replace("| done |", f"| {cells} |")
    evidence = dataclasses.replace(
        read_verification(json.dumps(ANSWER).encode()),
        source=everything,
        trace_id=everything,
        fail_reason=everything,
        integrity=everything,
    )
    told = {f"loss {value}": [1.0, 0.5] for value in HOSTILE if value.isprintable()}
    return promotion(
        {"release": found, "ledger": found},
        source=everything,
        obligations=[Duty(kind=everything, part=everything, license=everything, text=everything)],
        attribution=everything,
        pinned={
            **PINNED,
            "inputs": [{"role": everything, "path": everything, "sha256": everything, "bytes": 1}],
            "policy": {"from": "caller", "name": everything, "sha256": everything},
        },
        manifest=verify_manifest(stated, now=NOW),
        training=training(told),
        evidence=evidence,
        ledger=audit_ledger(ledger, name=everything),
    )


GOLDEN_PROMOTIONS: dict[str, Callable[[], Promotion]] = {"closure-go": promotion, "closure-no-go": no_go}
"""What each of the files ``golden/NAME.FORM`` shows. ``python -m tests.sample_promotions`` writes them anew."""

_DRAWING = re.compile(r"(<svg [^>]*>).*?(</svg>)", re.DOTALL)


def as_kept(page: str) -> str:
    """A page without what differs from place to place: how matplotlib writes a path, and where the checkout lies."""
    return _DRAWING.sub(r"\1\2", page).replace(f"{REPOSITORY}/", "")


if __name__ == "__main__":
    for name, made in GOLDEN_PROMOTIONS.items():
        for form in ("md", "html"):
            (GOLDEN / f"{name}.{form}").write_text(as_kept(closure.render(made(), form)), encoding="utf-8")
    for module in (in_toto, cyclonedx, spdx):
        (GOLDEN / f"export.{module.__name__.rpartition('.')[2]}.json").write_text(
            module.document(promotion()), encoding="utf-8"
        )
