"""Settings of every test: laws are judged by what holds, never by how long a machine took, and Ctrl-C can be tested anywhere."""

from __future__ import annotations

import signal

from hypothesis import settings

settings.register_profile("no-clock", deadline=None)
settings.load_profile("no-clock")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell without job control starts its background jobs so, and every process that a test starts would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
