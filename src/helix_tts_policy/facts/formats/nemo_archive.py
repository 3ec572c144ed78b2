"""What a NeMo archive says of itself: the class in its configuration, and what that would have a loader call.

See nemo/core/connectors/save_restore_connector.py: a tar, in older versions packed with gzip, of ``model_config.yaml``,
``model_weights.ckpt`` and the tables that the model needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from helix_tts_policy.document import decode
from helix_tts_policy.errors import MalformedInput
from helix_tts_policy.facts.formats.inspected import malformed
from helix_tts_policy.yaml_document import (
    MAX_YAML_LENGTH,
    YamlList,
    YamlMapping,
    YamlMeaning,
    YamlNode,
    YamlScalar,
    compose_yaml,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helix_tts_policy.facts.formats.byte_source import ByteSource

CONFIG: Final = "model_config.yaml"
CHECKPOINT: Final = "model_weights.ckpt"

_MAX_CONFIG_BYTES = 4 * MAX_YAML_LENGTH
_TARGET, _VERSION = "target", "nemo_version"
_HYDRA_TARGET = "_target_"


class NemoConfig(NamedTuple):
    """What a ``model_config.yaml`` states; the fields are those of `NemoFacts`."""

    target: str | None = None
    version: str | None = None
    calls: tuple[str, ...] = ()


def plain_name(name: str) -> str:
    """The name of a member as NeMo asks for it: tar is called on a folder, and writes ``./`` before each."""
    return name.removeprefix("./")


def read_config(source: ByteSource) -> NemoConfig:
    """What a ``model_config.yaml`` states.

    Raises:
        Flawed: it is no strict YAML, or no mapping.
    """
    try:
        text = decode(source.read(0, _MAX_CONFIG_BYTES), CONFIG, kind="YAML mapping")
        tree = compose_yaml(text, CONFIG)
    except MalformedInput as error:
        first = error.problems[0]
        place = f" (line {first.line})" if first.line else ""
        raise malformed(f"has a {CONFIG} that cannot be read: {first.message}{place}") from None
    if not isinstance(tree, YamlMapping):
        raise malformed(f"has a {CONFIG} that is no mapping")
    target = _stated(tree.members.get(_TARGET))
    calls = (*(() if target is None else (target,)), *_calls(tree))
    return NemoConfig(target, _stated(tree.members.get(_VERSION)), calls)


def _calls(node: YamlNode) -> Iterator[str]:
    """What hydra would import and call below a node, and the texts in which OmegaConf would call something."""
    if isinstance(node, YamlScalar):
        # ``${name:…}`` calls the resolver of that name, which can make a mapping with any target out of a text.
        if ":" in node.text.partition("${")[2]:
            yield node.text
    elif isinstance(node, YamlList):
        for item in node.items:
            yield from _calls(item)
    else:
        for key, member in node.members.items():
            if key == _HYDRA_TARGET and isinstance(member, YamlScalar):
                yield member.text
            else:
                yield from _calls(member)


def _stated(node: YamlNode | None) -> str | None:
    # A version such as 1.0 is a number to YAML, and a text all the same.
    known = isinstance(node, YamlScalar) and node.meaning in {YamlMeaning.TEXT, YamlMeaning.NUMBER}
    return node.text if known and isinstance(node, YamlScalar) and node.text else None
