"""``schema``: the published JSON Schemas, generated from the records that read the documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helix_tts_policy.cli import EXIT_GO, output

if TYPE_CHECKING:
    import argparse

NAMES = (
    "weights-manifest",
    "license-policy",
    "voice-bundle",
    "prod-tts-voice-bundle",
    "nemo-training",
    "espnet-training",
    "release",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``schema``."""
    parser.add_argument("name", choices=NAMES, metavar="NAME", help=f"one of: {', '.join(NAMES)}")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the schema."""
    output(published(arguments.name))
    return EXIT_GO


def published(name: str) -> str:
    """The text of a schema, as it stands under ``schemas/``."""
    from helix_tts_policy.facts.espnet_config import EspnetConfig  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.facts.model import Facts, json_schema  # noqa: PLC0415 - after the arguments are right
    from helix_tts_policy.facts.policy_file import PolicyFile  # noqa: PLC0415 - as above
    from helix_tts_policy.facts.release import Release  # noqa: PLC0415 - as above
    from helix_tts_policy.facts.training_config import TrainingConfig  # noqa: PLC0415 - as above
    from helix_tts_policy.facts.voice_bundle import ProductionBundle, VoiceBundle  # noqa: PLC0415 - as above
    from helix_tts_policy.facts.weights_manifest import WeightsManifest  # noqa: PLC0415 - as above
    from helix_tts_policy.render import json_v1  # noqa: PLC0415 - as above

    models: dict[str, type[Facts]] = {
        "weights-manifest": WeightsManifest,
        "license-policy": PolicyFile,
        "voice-bundle": VoiceBundle,
        "prod-tts-voice-bundle": ProductionBundle,
        "nemo-training": TrainingConfig,
        "espnet-training": EspnetConfig,
        "release": Release,
    }
    return json_v1.document(json_schema(models[name], name))
