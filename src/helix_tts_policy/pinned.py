"""What every decision rests on besides its inputs, by name, version and digest, so that it can be made again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from helix_tts_policy.facts.license_catalog import default_catalog

if TYPE_CHECKING:
    from helix_tts_policy.facts.license_policy import LicensePolicy

TOOL_NAME: Final = "helix-tts-policy"


def knowledge(policy: LicensePolicy) -> dict[str, Any]:
    """The policy, the catalogue, the SPDX list and this program."""
    from helix_tts_policy import __version__  # noqa: PLC0415 - the package module is complete only at run time

    catalog = default_catalog()
    return {
        "policy": {"name": policy.name, "sha256": policy.sha256},
        "catalog": {"version": catalog.version, "sha256": catalog.sha256},
        "spdx_license_list": catalog.spdx_list_version,
        "tool": {"name": TOOL_NAME, "version": __version__},
    }
