"""A progress bar for work over bytes, shown on a terminal once the work takes long."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Self

from helix_tts_policy.cli.options import is_terminal

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Never

    from tqdm import tqdm

SHOWN_AFTER_SECONDS = 0.5
"""Below this a person perceives no wait worth a bar."""


class ByteProgress:
    """Takes bytes, or what else is counted, done and in all; draws on standard error, and nothing when that is no terminal."""

    def __init__(self, what: str = "hashing", unit: str = "B") -> None:
        self._what, self._unit = what, unit
        self._active = is_terminal(sys.stderr)
        self._started = time.monotonic()
        self._bar: tqdm[Never] | None = None

    def __call__(self, done: int, total: int) -> None:
        """Take note of how much is done, and of how much there is."""
        if not self._active:
            return
        if self._bar is None:
            if time.monotonic() - self._started < SHOWN_AFTER_SECONDS:
                return
            from tqdm import tqdm  # noqa: PLC0415 - most runs end before a bar is due

            self._bar = tqdm(
                total=total, unit=self._unit, unit_scale=True, desc=self._what, leave=False, file=sys.stderr
            )
        self._bar.total = total  # another one when files are copied and then hashed
        self._bar.update(done - self._bar.n)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
