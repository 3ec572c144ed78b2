"""Settings of every test: laws are judged by what holds, never by how long a machine took."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no-clock", deadline=None)
settings.load_profile("no-clock")
