"""``python -m helix_tts_policy``: the same as the installed command."""

from helix_tts_policy.cli import run

run()
