"""Dates as a manifest writes them, and the moments that they mean."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache

_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
"""RFC 3339, section 5.6, without leap seconds; hours and minutes are bounded here, since Pythons differ on 24:00."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

CLOCK_SKEW = timedelta(minutes=5)
"""How far the clocks of two machines may be apart before a time counts as the future."""


@lru_cache(maxsize=4096)
def date_time(text: str) -> datetime | None:
    """The time that an RFC 3339 text with offset states; None where it is no such text or no such time."""
    if not _DATE_TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def start_of_day(text: str) -> datetime | None:
    """The earliest moment at which a day begins anywhere, at UTC+14, so that no time zone makes today the future."""
    if not _DATE.fullmatch(text):
        return None
    try:
        date.fromisoformat(text)
        return datetime.fromisoformat(f"{text}T00:00:00+14:00")
    except ValueError:
        return None
